//! Elements of the same name gathered, in the order of their first ones, in some bytes for each.

use std::hash::{BuildHasher, RandomState};

/// Elements up to which each is compared with all others.
const FEW: usize = 8;

/// No other one.
const NONE: u32 = u32::MAX;

/// What stands in an element, by position.
#[derive(Debug)]
pub struct Groups {
    elements: Vec<u32>,
    /// The position of the next one with the same name.
    next: Vec<u32>,
    /// There is one with the same name before it.
    later: Vec<bool>,
}

impl Groups {
    /// Gathers elements, given by number; `name` tells what is equal.
    pub fn of<N: AsRef<str>>(elements: Vec<u32>, hasher: &RandomState, name: impl Fn(u32) -> N) -> Groups {
        let count = elements.len();
        let mut groups = Groups { elements, next: vec![NONE; count], later: vec![false; count] };
        let mut entries: Vec<(u32, u32)> = Vec::with_capacity(count);
        for (position, element) in (0..).zip(&groups.elements) {
            #[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
            let hash = if count <= FEW { 0 } else { hasher.hash_one(name(*element).as_ref()) as u32 };
            entries.push((hash, position));
        }
        entries.sort_unstable();
        for run in entries.chunk_by(|a, b| a.0 == b.0) {
            // Nearly always one name.
            let mut tails: Vec<(N, usize)> = Vec::new();
            for position in run.iter().map(|(_, position)| *position as usize) {
                let own = name(groups.elements[position]);
                match tails.iter_mut().find(|(other, _)| other.as_ref() == own.as_ref()) {
                    None => tails.push((own, position)),
                    Some((_, tail)) => {
                        groups.next[*tail] = u32::try_from(position).unwrap_or(NONE);
                        groups.later[position] = true;
                        *tail = position;
                    }
                }
            }
        }
        groups
    }

    /// Each group, in order.
    pub fn iter(&self) -> impl Iterator<Item = Vec<u32>> {
        (0..self.elements.len()).filter(|position| !self.later[*position]).map(|first| {
            let next = |position: &usize| Some(self.next[*position] as usize).filter(|next| *next < self.next.len());
            std::iter::successors(Some(first), next).map(|position| self.elements[position]).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Groups;
    use std::hash::RandomState;

    #[test]
    fn equal_names_come_together_at_the_place_of_the_first() {
        for length in [0, 3, 7, 40] {
            let names = ["a", "b", "a", "c", "b", "a", "d"];
            let elements: Vec<u32> = (0..length).collect();
            let name = |element: u32| names[element as usize % names.len()];
            let groups: Vec<Vec<u32>> = Groups::of(elements, &RandomState::new(), name).iter().collect();
            let mut expected: Vec<Vec<u32>> = Vec::new();
            for element in 0..length {
                match expected.iter_mut().find(|group| name(group[0]) == name(element)) {
                    Some(group) => group.push(element),
                    None => expected.push(vec![element]),
                }
            }
            assert_eq!(groups, expected);
        }
    }
}
