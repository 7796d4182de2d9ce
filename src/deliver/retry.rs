//! When to try again: backoff with full jitter for one event, and the pause of a whole lane.

use super::entry::RetryPolicy;
use crate::units::Micros;
use std::time::Duration;

/// First bound of a lane's pause.
const PAUSE_INITIAL: Duration = Duration::from_millis(100);
/// A pause is never longer.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// A pause is never shorter, so that a broken destination is not asked in a loop.
const PAUSE_MIN: Duration = Duration::from_millis(20);

/// How long to wait after attempt `made` (from 1) has failed: anything up to the bound, at least what the destination
/// asked for.
pub fn backoff(policy: &RetryPolicy, made: u32, hint: Option<Duration>) -> Duration {
    jitter(bound(policy.initial, policy.max, made)).max(hint.unwrap_or_default())
}

/// How long to wait after a destination could not be reached for the `failures`-th time (from 1).
pub fn pause(failures: u32) -> Duration {
    jitter(bound(PAUSE_INITIAL, PAUSE_MAX, failures)).max(PAUSE_MIN)
}

/// The bound doubles with every failure.
fn bound(initial: Duration, max: Duration, made: u32) -> Duration {
    let factor = 1_u32.checked_shl(made.saturating_sub(1)).unwrap_or(u32::MAX);
    initial.saturating_mul(factor).min(max)
}

fn jitter(bound: Duration) -> Duration {
    Duration::from_micros(fastrand::u64(0..=u64::try_from(bound.as_micros()).unwrap_or(u64::MAX)))
}

/// A lane whose destination cannot be reached: it tries with one event at a time, further and further apart.
#[derive(Debug)]
pub struct Pause {
    failures: u32,
    until: Micros,
    probe: Option<u64>,
    /// What the destination said last, for people.
    pub detail: String,
}

impl Pause {
    /// The destination could not be reached.
    pub fn new(now: Micros, detail: String) -> Pause {
        let mut pause = Pause { failures: 0, until: now, probe: None, detail };
        pause.fail(now);
        pause
    }

    /// True when the event at `position` may be tried now.
    pub fn may_probe(&self, now: Micros) -> bool {
        self.probe.is_none() && now >= self.until
    }

    /// The event at `position` is being tried.
    pub fn begin(&mut self, position: u64) {
        self.probe = Some(position);
    }

    /// True when it is the event at `position` that is being tried.
    pub fn is_probe(&self, position: u64) -> bool {
        self.probe == Some(position)
    }

    /// The try was not made after all: another event may be tried.
    pub fn skip(&mut self) {
        self.probe = None;
    }

    /// The try failed, too. Returns how many failures there were.
    pub fn fail(&mut self, now: Micros) -> u32 {
        self.probe = None;
        self.failures = self.failures.saturating_add(1);
        self.until = now.plus(pause(self.failures));
        self.failures
    }

    /// Something has changed: try at once.
    pub fn hurry(&mut self, now: Micros) {
        self.until = self.until.min(now);
    }

    /// When the next try may be made; `None` while one is under way.
    pub fn until(&self) -> Option<Micros> {
        self.probe.is_none().then_some(self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::{PAUSE_MAX, PAUSE_MIN, Pause, RetryPolicy, backoff, bound};
    use crate::units::Micros;
    use std::time::Duration;

    #[test]
    fn the_bound_doubles_up_to_its_maximum() {
        let policy = RetryPolicy::default();
        let bounds: Vec<u128> = (1..=4).map(|made| bound(policy.initial, policy.max, made).as_millis()).collect();
        assert_eq!(bounds, [200, 400, 800, 1600]);
        for made in [10, 33, 40, u32::MAX] {
            assert_eq!(bound(policy.initial, policy.max, made), policy.max, "{made}");
        }
    }

    #[test]
    fn the_jitter_is_full_and_the_hint_is_kept() {
        let policy = RetryPolicy::default();
        let waits: Vec<Duration> = (0..1000).map(|_| backoff(&policy, 3, None)).collect();
        assert!(waits.iter().all(|wait| *wait <= Duration::from_millis(800)));
        assert!(waits.iter().any(|wait| *wait < Duration::from_millis(100)));
        assert!(waits.iter().any(|wait| *wait > Duration::from_millis(700)));
        assert!(backoff(&policy, 1, Some(Duration::from_secs(7))) >= Duration::from_secs(7));
    }

    #[test]
    fn a_pause_tries_one_event_at_a_time() {
        let mut pause = Pause::new(Micros(0), "down".to_owned());
        assert!(!pause.may_probe(Micros(0)));
        pause.hurry(Micros(0));
        assert!(pause.may_probe(Micros(0)));
        pause.begin(7);
        assert!(pause.is_probe(7) && !pause.may_probe(Micros(1)) && pause.until().is_none());
        for failures in 2..100 {
            assert_eq!(pause.fail(Micros(0)), failures);
            let until = pause.until().unwrap();
            assert!(until >= Micros(0).plus(PAUSE_MIN) && until <= Micros(0).plus(PAUSE_MAX));
        }
    }
}
