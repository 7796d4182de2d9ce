//! What a lane has taken in and not settled: what may start, what is in flight, what waits behind a key, what is parked.
//! A pure data structure.
//!
//! With order by key at most one item of a key is out (in flight or parked); the others of that key wait behind it in
//! order of position. Items that wait behind a parked one hold no payload: it is read again from the log when they start.

use crate::units::Micros;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

#[cfg(test)]
mod tests;

/// The items of one lane. `T` is what an item holds in memory while it is about to be sent.
#[derive(Debug)]
pub struct Window<T> {
    items: BTreeMap<u64, Item<T>>,
    lines: HashMap<u64, Line>,
    ready: BTreeSet<u64>,
    parked: BTreeSet<(Micros, u64)>,
    in_flight: usize,
    held: usize,
}

#[derive(Debug)]
struct Item<T> {
    key: Option<u64>,
    received: Micros,
    stage: Stage,
    payload: Option<T>,
    attempts: u32,
    recorded: bool,
}

/// Where an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// May start.
    Ready,
    /// Behind another one of its key.
    Waiting,
    /// An attempt is under way.
    InFlight,
    /// Waits for its next attempt.
    Parked(Micros),
}

/// The items of one key.
#[derive(Debug)]
struct Line {
    owner: u64,
    waiting: VecDeque<u64>,
}

/// An item to take in.
#[derive(Debug)]
pub struct NewItem<T> {
    /// Its position.
    pub position: u64,
    /// Hash of its key; `None` = it keeps no order.
    pub key: Option<u64>,
    /// When its event was received.
    pub received: Micros,
    /// What is needed to send it; `None` = read it again.
    pub payload: Option<T>,
}

/// An item that was started.
#[derive(Debug, PartialEq, Eq)]
pub struct Started<T> {
    /// Its position.
    pub position: u64,
    /// When its event was received.
    pub received: Micros,
    /// Attempts made before.
    pub attempts: u32,
    /// What is needed to send it; `None` = read it again.
    pub payload: Option<T>,
}

impl<T> Default for Window<T> {
    fn default() -> Self {
        Window {
            items: BTreeMap::new(),
            lines: HashMap::new(),
            ready: BTreeSet::new(),
            parked: BTreeSet::new(),
            in_flight: 0,
            held: 0,
        }
    }
}

impl<T> Window<T> {
    /// Takes an item in. A position that is already here is ignored (after a restart a parked one may come again).
    /// Positions of one key must be taken in in order.
    pub fn admit(&mut self, new: NewItem<T>) {
        if self.items.contains_key(&new.position) {
            return;
        }
        let mut payload = new.payload;
        let mut stage = Stage::Ready;
        if let Some(key) = new.key {
            match self.lines.get_mut(&key) {
                None => drop(self.lines.insert(key, Line { owner: new.position, waiting: VecDeque::new() })),
                Some(line) => {
                    line.waiting.push_back(new.position);
                    stage = Stage::Waiting;
                    let owner = self.items.get(&line.owner).map(|owner| owner.stage);
                    if matches!(owner, Some(Stage::Parked(_))) {
                        payload = None;
                    }
                }
            }
        }
        if stage == Stage::Ready {
            self.ready.insert(new.position);
        }
        self.held += usize::from(payload.is_some());
        let (key, received) = (new.key, new.received);
        self.items.insert(new.position, Item { key, received, stage, payload, attempts: 0, recorded: false });
    }

    /// Takes in an item that was parked before a restart. When another one of its key is already out, it waits behind it.
    pub fn restore(&mut self, item: NewItem<T>, attempts: u32, due: Micros) {
        let position = item.position;
        self.admit(NewItem { payload: None, ..item });
        let Some(item) = self.items.get_mut(&position) else { return };
        (item.attempts, item.recorded) = (attempts, true);
        if item.stage == Stage::Ready {
            item.stage = Stage::Parked(due);
            self.ready.remove(&position);
            self.parked.insert((due, position));
        }
    }

    /// The lowest item that may start, and when its event was received.
    pub fn next_ready(&self) -> Option<(u64, Micros, bool)> {
        let position = self.ready.first()?;
        let item = self.items.get(position)?;
        Some((*position, item.received, item.payload.is_some()))
    }

    /// Starts the lowest item that may start.
    pub fn start(&mut self) -> Option<Started<T>> {
        let position = self.ready.pop_first()?;
        let item = self.items.get_mut(&position)?;
        item.stage = Stage::InFlight;
        self.in_flight += 1;
        let payload = item.payload.take();
        self.held -= usize::from(payload.is_some());
        Some(Started { position, received: item.received, attempts: item.attempts, payload })
    }

    /// The item in flight is delivered or dead; the next one of its key may start.
    pub fn settle(&mut self, position: u64) {
        if self.stage(position) != Some(Stage::InFlight) {
            return;
        }
        self.in_flight -= 1;
        let key = self.items.remove(&position).and_then(|item| item.key);
        if let Some(key) = key {
            self.leave_line(key, position);
        }
    }

    /// An item is gone: where it was out, the next one of its key may start.
    fn leave_line(&mut self, key: u64, position: u64) {
        let Some(line) = self.lines.get_mut(&key) else { return };
        if line.owner != position {
            line.waiting.retain(|waiting| *waiting != position);
            return;
        }
        match line.waiting.pop_front() {
            None => drop(self.lines.remove(&key)),
            Some(next) => {
                line.owner = next;
                if let Some(item) = self.items.get_mut(&next) {
                    item.stage = Stage::Ready;
                    self.ready.insert(next);
                }
            }
        }
    }

    /// The item in flight is tried again at `due`; its key stays blocked.
    pub fn park(&mut self, position: u64, due: Micros) {
        if self.stage(position) != Some(Stage::InFlight) {
            return;
        }
        self.in_flight -= 1;
        self.parked.insert((due, position));
        let Some(item) = self.items.get_mut(&position) else { return };
        (item.stage, item.recorded) = (Stage::Parked(due), true);
        item.attempts += 1;
        let Some(line) = item.key.and_then(|key| self.lines.get(&key)) else { return };
        for waiting in &line.waiting {
            if let Some(item) = self.items.get_mut(waiting) {
                self.held -= usize::from(item.payload.take().is_some());
            }
        }
    }

    /// The item is given up before it was started; those behind it move up. False when it is in flight or not here.
    pub fn withdraw(&mut self, position: u64) -> bool {
        let Some(stage) = self.stage(position) else { return false };
        match stage {
            Stage::InFlight => return false,
            Stage::Ready => drop(self.ready.remove(&position)),
            Stage::Parked(due) => drop(self.parked.remove(&(due, position))),
            Stage::Waiting => {}
        }
        let Some(item) = self.items.remove(&position) else { return false };
        self.held -= usize::from(item.payload.is_some());
        if let Some(key) = item.key {
            self.leave_line(key, position);
        }
        true
    }

    /// True when an item of this key is here.
    pub fn is_taken(&self, key: u64) -> bool {
        self.lines.contains_key(&key)
    }

    /// The attempt in flight did not count: the item may start again.
    pub fn put_back(&mut self, position: u64, payload: Option<T>) {
        if self.stage(position) != Some(Stage::InFlight) {
            return;
        }
        self.in_flight -= 1;
        self.ready.insert(position);
        self.held += usize::from(payload.is_some());
        if let Some(item) = self.items.get_mut(&position) {
            (item.stage, item.payload) = (Stage::Ready, payload);
        }
    }

    /// Parked items whose time has come may start.
    pub fn wake(&mut self, now: Micros) {
        while let Some((due, position)) = self.parked.first().copied() {
            if due > now {
                return;
            }
            self.parked.pop_first();
            self.ready.insert(position);
            if let Some(item) = self.items.get_mut(&position) {
                item.stage = Stage::Ready;
            }
        }
    }

    /// When the next parked item is due.
    pub fn next_due(&self) -> Option<Micros> {
        self.parked.first().map(|(due, _)| *due)
    }

    /// Lets go of every payload that is not in flight.
    pub fn shed(&mut self) {
        for item in self.items.values_mut() {
            item.payload = None;
        }
        self.held = 0;
    }

    /// Every attempt in flight was dropped: its item may start again.
    pub fn recover(&mut self) {
        let lost: Vec<u64> = self
            .items
            .iter()
            .filter(|(_, item)| item.stage == Stage::InFlight)
            .map(|(position, _)| *position)
            .collect();
        for position in lost {
            self.put_back(position, None);
        }
    }

    /// Where an item stands; `None` when it is not here.
    pub fn stage(&self, position: u64) -> Option<Stage> {
        self.items.get(&position).map(|item| item.stage)
    }

    /// The lowest position with the time its event was received.
    pub fn oldest(&self) -> Option<(u64, Micros)> {
        self.items.first_key_value().map(|(position, item)| (*position, item.received))
    }

    /// Rising positions that nothing else remembers: all but those recorded as parked.
    pub fn open(&self) -> impl Iterator<Item = u64> {
        self.items.iter().filter(|(_, item)| !item.recorded).map(|(position, _)| *position)
    }

    /// All items.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True when everything is settled.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Items that hold a payload.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Items in flight.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Parked items.
    pub fn parked(&self) -> usize {
        self.parked.len()
    }

    /// Items that neither hold a payload nor are in flight: parked, behind a parked one, or shed.
    pub fn resting(&self) -> usize {
        self.items.len() - self.held - self.in_flight
    }
}
