//! Everything of one lane that is not settled, under one lock.

use crate::deliver::context::{Context, Work};
use crate::deliver::window::{NewItem, Window};
use std::collections::VecDeque;

/// Positions read again at once after a restart.
const REOPEN_AT_ONCE: usize = 16;

/// Everything of one lane that is not settled.
#[derive(Default)]
pub struct Desk {
    /// Taken in.
    pub window: Window<Work>,
    /// Handed out, not taken in yet.
    pub inbox: VecDeque<Work>,
    /// After a restart: positions below `intake` to read again before anything else.
    pub reopen: VecDeque<u64>,
    /// The lane reads the log itself.
    pub behind: bool,
    /// The last position the dispatcher left behind.
    pub skipped: u64,
    /// Everything of this lane below was taken in.
    pub intake: u64,
    /// Events left behind, near enough.
    pub left: u64,
    /// Bytes of the event for which reading had to stop; 0 = it did not.
    pub wanted: usize,
    /// The lane's task runs.
    pub running: bool,
    reach: Reach,
}

/// Whether the destination can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Reach {
    /// As far as known.
    #[default]
    Yes,
    /// Not now.
    No,
    /// It stays away: nothing is taken in, and no memory is held.
    Away,
}

/// What a lane's task reads next.
#[derive(Debug, PartialEq, Eq)]
pub enum ToRead {
    /// These positions, one by one.
    Positions(Vec<u64>),
    /// The log from here.
    From(u64),
}

impl Desk {
    /// What the task reads next: nothing while the inbox holds something or there is little room. `own`: bytes the lane
    /// holds.
    pub fn to_read(&self, context: &Context, own: usize) -> Option<ToRead> {
        // Only when half of everything is free, so that the log is not read event by event. What is read first then
        // always finds room: a lane that reads gets on.
        let room = self.reach != Reach::Away
            && self.window.held() <= context.limits.events / 2
            && self.window.resting() < context.limits.parked
            && context.has_room(own, own.max(self.wanted));
        if !room {
            return None;
        }
        if !self.reopen.is_empty() {
            return Some(ToRead::Positions(self.reopen.iter().copied().take(REOPEN_AT_ONCE).collect()));
        }
        (self.behind && self.inbox.is_empty()).then_some(ToRead::From(self.intake))
    }

    /// The destination cannot be reached. When it `stays` away the lane lets go of its memory: what it holds is read
    /// again, and what comes is left in the log.
    pub fn pause(&mut self, stays: bool) {
        if self.reach == Reach::Away {
            return;
        }
        if !stays {
            self.reach = Reach::No;
            return;
        }
        self.reach = Reach::Away;
        self.window.shed();
        if let (Some(first), Some(last)) = (self.inbox.front(), self.inbox.back()) {
            self.intake = first.entry.position;
            self.skipped = self.skipped.max(last.entry.position);
            self.left += self.inbox.len() as u64;
            self.behind = true;
            self.inbox.clear();
        }
    }

    /// The destination can be reached again.
    pub fn unpause(&mut self) {
        self.reach = Reach::Yes;
    }

    /// True while the destination cannot be reached.
    pub fn is_paused(&self) -> bool {
        self.reach != Reach::Yes
    }

    /// The task may end: nothing is left. From here on the next offer starts another one.
    pub fn try_end(&mut self) -> bool {
        let end = !self.has_work();
        self.running &= !end;
        end
    }

    /// The task has ended with or without work left.
    pub fn stopped(&mut self) {
        self.window.recover();
        self.unpause();
        self.running = false;
    }

    /// True when anything is not settled.
    pub fn has_work(&self) -> bool {
        self.behind || !self.window.is_empty() || !self.inbox.is_empty() || !self.reopen.is_empty()
    }

    /// Events handed out and not settled, parked ones included.
    pub fn lag(&self) -> u64 {
        (self.window.len() + self.inbox.len() + self.reopen.len()) as u64 + self.left
    }

    /// True when another event may be held.
    pub fn has_room(&self, context: &Context) -> bool {
        self.reach != Reach::Away
            // What was open before a restart comes before everything newer.
            && self.reopen.is_empty()
            && self.inbox.len() + self.window.held() < context.limits.events.max(1)
            && self.window.resting() < context.limits.parked
    }

    /// Takes an event in.
    pub fn admit(&mut self, work: Work, key: Option<u64>) {
        let (position, received) = (work.entry.position, work.entry.record.received);
        self.window.admit(NewItem { position, key, received, payload: Some(work) });
        self.intake = self.intake.max(position + 1);
    }
}
