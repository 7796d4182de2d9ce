//! Decisions over several routes, remembered so that equal ones share one allocation.

use crate::lane_name::Decision;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// Numbers and lanes that remembered decisions may hold together.
pub const REMEMBERED: usize = 1 << 18;

/// Decisions by the numbers they were made from.
#[derive(Debug, Default)]
pub struct Decisions(RwLock<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    decisions: HashMap<Box<[u32]>, Decision>,
    /// Numbers and lanes in `decisions`.
    weight: usize,
}

impl Decisions {
    /// The decision made before for these numbers, or a new one that is remembered.
    pub fn get(&self, numbers: &[u32], make: impl FnOnce() -> Decision) -> Decision {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).decisions.get(numbers).cloned();
        known.unwrap_or_else(|| self.0.write().unwrap_or_else(PoisonError::into_inner).remember(numbers, make()))
    }
}

impl Remembered {
    /// Keeps a decision, unless another thread was faster; when there are too many it begins anew.
    fn remember(&mut self, numbers: &[u32], decision: Decision) -> Decision {
        if let Some(known) = self.decisions.get(numbers) {
            return known.clone();
        }
        let weight = numbers.len() + decision.len();
        if self.weight + weight > REMEMBERED {
            self.decisions.clear();
            self.weight = 0;
        }
        if weight <= REMEMBERED {
            self.weight += weight;
            self.decisions.insert(numbers.into(), decision.clone());
        }
        decision
    }
}

#[cfg(test)]
mod tests {
    use super::{REMEMBERED, Remembered};
    use crate::lane_name::{Decision, LaneName};
    use std::sync::Arc;

    #[test]
    fn remembered_decisions_stay_bounded() {
        let lane = LaneName { route: "r".into(), name: "l".into(), destination: "log".into(), stream: None };
        let mut remembered = Remembered::default();
        let decision: Decision = (0..1000).map(|_| Arc::new(lane.clone())).collect();
        for number in 0..2000 {
            remembered.remember(&[number, number + 1], decision.clone());
            assert!(remembered.weight <= REMEMBERED);
        }
        let lanes: usize = remembered.decisions.values().map(|decision| decision.len()).sum();
        let numbers: usize = remembered.decisions.keys().map(|numbers| numbers.len()).sum();
        assert_eq!(remembered.weight, lanes + numbers);
    }
}
