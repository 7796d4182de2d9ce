//! First-match groups: of each, only the first route that matches takes an event.

use super::Route;
use bytestring::ByteString;
use std::collections::HashMap;

/// Which routes stand in which group; groups are numbered.
#[derive(Debug, Default)]
pub struct Groups {
    /// The group of each route, by the number of the route.
    of: Vec<Option<u32>>,
    /// The routes of each group, in order.
    members: Vec<Vec<u32>>,
}

impl Groups {
    /// Numbers the groups of routes.
    pub fn new(routes: &[Route]) -> Groups {
        let mut numbers: HashMap<&ByteString, u32> = HashMap::new();
        let mut groups = Groups::default();
        for (number, route) in (0_u32..).zip(routes) {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            let group = route.group.as_ref().map(|name| *numbers.entry(name).or_insert(next));
            groups.of.push(group);
            if let Some(group) = group {
                groups.members.resize(numbers.len(), Vec::new());
                groups.members[group as usize].push(number);
            }
        }
        groups
    }

    /// The group of a route.
    pub fn of(&self, route: u32) -> Option<u32> {
        self.of.get(route as usize).copied().flatten()
    }

    /// The routes of a group, in order.
    pub fn members(&self, group: u32) -> &[u32] {
        self.members.get(group as usize).map_or(&[], Vec::as_slice)
    }
}

/// Groups that have their route for one event.
#[derive(Debug, Default)]
pub struct Settled {
    /// The first 64 groups, which need no allocation.
    low: u64,
    high: Vec<u64>,
}

impl Settled {
    /// Has the group its route.
    pub fn has(&self, group: u32) -> bool {
        let word = match (group / 64) as usize {
            0 => self.low,
            high => self.high.get(high - 1).copied().unwrap_or(0),
        };
        word & (1 << (group % 64)) != 0
    }

    /// Notes that the group has its route.
    pub fn add(&mut self, group: u32) {
        let word = match (group / 64) as usize {
            0 => &mut self.low,
            high => {
                if self.high.len() < high {
                    self.high.resize(high, 0);
                }
                &mut self.high[high - 1]
            }
        };
        *word |= 1 << (group % 64);
    }
}

#[cfg(test)]
mod tests {
    use super::Settled;

    #[test]
    fn each_group_is_settled_by_itself() {
        let mut settled = Settled::default();
        let taken = [0, 63, 64, 200, 9_999];
        for (before, group) in taken.into_iter().enumerate() {
            assert!(!settled.has(group));
            settled.add(group);
            assert_eq!((0..20_000).filter(|group| settled.has(*group)).count(), before + 1);
        }
    }
}
