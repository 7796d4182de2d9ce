use super::{NewItem, Stage, Window};
use crate::units::Micros;
use proptest::prelude::{Just, Strategy, prop_oneof, proptest};

/// The same rules, written as slowly and plainly as possible.
#[derive(Debug, Default)]
struct Model {
    items: Vec<ModelItem>,
}

#[derive(Debug, Clone)]
struct ModelItem {
    position: u64,
    key: Option<u64>,
    out: Option<Out>,
    recorded: bool,
    attempts: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Out {
    InFlight,
    Parked(i64),
}

impl Model {
    fn blocked(&self, item: &ModelItem) -> bool {
        item.key.is_some() && self.items.iter().any(|other| other.key == item.key && other.position < item.position)
    }

    fn stage(&self, position: u64) -> Option<Stage> {
        let item = self.items.iter().find(|item| item.position == position)?;
        Some(match item.out {
            Some(Out::InFlight) => Stage::InFlight,
            Some(Out::Parked(due)) => Stage::Parked(Micros(due)),
            None if self.blocked(item) => Stage::Waiting,
            None => Stage::Ready,
        })
    }

    fn of_stage(&self, wanted: impl Fn(Stage) -> bool) -> Vec<u64> {
        let positions = self.items.iter().map(|item| item.position);
        positions.filter(|position| self.stage(*position).is_some_and(&wanted)).collect()
    }

    fn item(&mut self, position: u64) -> &mut ModelItem {
        self.items.iter_mut().find(|item| item.position == position).unwrap()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Admit(Option<u64>),
    Start,
    Settle(usize),
    Park(usize, i64),
    PutBack(usize),
    Withdraw(usize),
    Wake(i64),
    Shed,
    Recover,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => proptest::option::of(0..3_u64).prop_map(Step::Admit),
        4 => Just(Step::Start),
        3 => (0..9_usize).prop_map(Step::Settle),
        2 => (0..9_usize, 0..100_i64).prop_map(|(at, due)| Step::Park(at, due)),
        1 => (0..9_usize).prop_map(Step::PutBack),
        2 => (0..9_usize).prop_map(Step::Withdraw),
        2 => (0..100_i64).prop_map(Step::Wake),
        1 => Just(Step::Shed),
        1 => Just(Step::Recover),
    ]
}

fn new(position: u64, key: Option<u64>) -> NewItem<u64> {
    NewItem { position, key, received: Micros(position.cast_signed()), payload: Some(position) }
}

fn apply(step: Step, next: &mut u64, window: &mut Window<u64>, model: &mut Model) {
    let flying = model.of_stage(|stage| stage == Stage::InFlight);
    let pick = |at: usize| flying.get(at % flying.len().max(1)).copied();
    match step {
        Step::Admit(key) => {
            *next += 1;
            window.admit(new(*next, key));
            model.items.push(ModelItem { position: *next, key, out: None, recorded: false, attempts: 0 });
        }
        Step::Start => {
            let expected = model.of_stage(|stage| stage == Stage::Ready).first().copied();
            let started = window.start();
            assert_eq!(started.as_ref().map(|started| started.position), expected);
            if let Some(started) = started {
                assert!(started.payload.is_none_or(|payload| payload == started.position));
                assert_eq!(started.attempts, model.item(started.position).attempts);
                model.item(started.position).out = Some(Out::InFlight);
            }
        }
        Step::Settle(at) => {
            let Some(position) = pick(at) else { return };
            window.settle(position);
            model.items.retain(|item| item.position != position);
        }
        Step::Park(at, due) => {
            let Some(position) = pick(at) else { return };
            window.park(position, Micros(due));
            let item = model.item(position);
            (item.out, item.recorded, item.attempts) = (Some(Out::Parked(due)), true, item.attempts + 1);
        }
        Step::PutBack(at) => {
            let Some(position) = pick(at) else { return };
            window.put_back(position, Some(position));
            model.item(position).out = None;
        }
        Step::Withdraw(at) => {
            let Some(position) = model.items.get(at).map(|item| item.position) else { return };
            let in_flight = model.stage(position) == Some(Stage::InFlight);
            assert_eq!(window.withdraw(position), !in_flight);
            model.items.retain(|item| in_flight || item.position != position);
        }
        Step::Wake(now) => {
            window.wake(Micros(now));
            for item in &mut model.items {
                if matches!(item.out, Some(Out::Parked(due)) if due <= now) {
                    item.out = None;
                }
            }
        }
        Step::Shed => window.shed(),
        Step::Recover => {
            window.recover();
            for item in model.items.iter_mut().filter(|item| item.out == Some(Out::InFlight)) {
                item.out = None;
            }
        }
    }
}

fn agree(window: &Window<u64>, model: &Model) {
    assert_eq!(window.len(), model.items.len());
    assert_eq!(window.is_empty(), model.items.is_empty());
    for item in &model.items {
        assert_eq!(window.stage(item.position), model.stage(item.position), "{item:?}");
    }
    let parked = model.of_stage(|stage| matches!(stage, Stage::Parked(_)));
    assert_eq!(window.parked(), parked.len());
    assert_eq!(window.in_flight(), model.of_stage(|stage| stage == Stage::InFlight).len());
    assert_eq!(window.oldest().map(|(position, _)| position), model.items.first().map(|item| item.position));
    let open: Vec<u64> = model.items.iter().filter(|item| !item.recorded).map(|item| item.position).collect();
    assert_eq!(window.open().collect::<Vec<_>>(), open);
    let due = parked.iter().filter_map(|position| match model.stage(*position) {
        Some(Stage::Parked(due)) => Some(due),
        _ => None,
    });
    assert_eq!(window.next_due(), due.min());
    let held = window.items.values().filter(|item| item.payload.is_some()).count();
    assert_eq!(window.held(), held);
    assert_eq!(window.resting(), window.len() - held - window.in_flight());
    for (key, line) in &window.lines {
        assert!(window.is_taken(*key));
        let owner_parked = matches!(window.stage(line.owner), Some(Stage::Parked(_)));
        let held = line.waiting.iter().any(|position| window.items[position].payload.is_some());
        assert!(!(owner_parked && held), "items behind a parked one hold no payload");
    }
}

proptest! {
    #[test]
    fn the_window_does_what_the_plain_rules_say(steps in proptest::collection::vec(step(), 0..120)) {
        let (mut window, mut model, mut next) = (Window::default(), Model::default(), 0);
        for step in steps {
            apply(step, &mut next, &mut window, &mut model);
            agree(&window, &model);
        }
        // Whatever happened, everything can be settled in the end.
        window.recover();
        window.wake(Micros(i64::MAX));
        while let Some(started) = window.start() {
            window.settle(started.position);
        }
        assert!(window.is_empty() && window.lines.is_empty() && window.ready.is_empty());
    }
}

#[test]
fn a_restored_retry_blocks_its_key_and_is_not_taken_in_twice() {
    let mut window = Window::default();
    window.restore(new(7, Some(1)), 3, Micros(50));
    window.admit(new(7, Some(1)));
    window.admit(new(8, Some(1)));
    window.admit(new(9, Some(2)));
    assert_eq!(window.stage(8), Some(Stage::Waiting));
    assert_eq!(window.open().collect::<Vec<_>>(), [8, 9]);
    assert_eq!(window.start().unwrap().position, 9);
    assert!(window.start().is_none());
    window.wake(Micros(50));
    let started = window.start().unwrap();
    assert_eq!((started.position, started.attempts, started.payload), (7, 3, None));
    window.settle(7);
    assert_eq!(window.start().unwrap().position, 8);
}
