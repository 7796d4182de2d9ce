//! The duplicate window: which fingerprints were stored lately, and where (design.md §7).
//!
//! Two generations, each holding up to the whole window of time and half of the entries. When the younger one is full or
//! old, it becomes the older one and what was the older one is forgotten.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

/// Remembers where fingerprints were stored.
pub struct Window {
    young: Generation,
    old: Generation,
    /// Milliseconds.
    length: i64,
    capacity: usize,
}

struct Generation {
    places: HashMap<Key, Place, BuildHasherDefault<Plain>>,
    /// Places are kept as 32-bit distances from here: half the memory.
    first: u64,
    started: i64,
}

/// A fingerprint in two halves, so that it needs no alignment to 16 bytes.
#[derive(PartialEq, Eq)]
struct Key(u64, u64);

#[derive(Clone, Copy)]
struct Place {
    position: u32,
    millis: u32,
}

/// Fingerprints are hashes already.
#[derive(Default)]
struct Plain(u64);

impl std::hash::Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, half: u64) {
        self.0 = half;
    }
}

/// How many entries a generation takes. A hash table grows by doubling: when the last doubling would only bring a tenth
/// more entries, they are done without, and half of the memory with them.
fn table_size(wanted: usize) -> usize {
    let buckets = (wanted + 1).next_power_of_two() / 2;
    let fits = buckets / 8 * 7;
    if fits.saturating_mul(10) >= wanted.saturating_mul(9) { fits.min(wanted) } else { wanted }
}

fn key(fingerprint: u128) -> Key {
    let bytes = fingerprint.to_le_bytes();
    let half = |at: usize| bytes[at..].first_chunk::<8>().map_or(0, |half| u64::from_le_bytes(*half));
    Key(half(0), half(8))
}

impl Window {
    /// Remembers for `length`, at most `capacity` fingerprints. `now` is in milliseconds of any clock that never goes back.
    pub fn new(length: Duration, capacity: usize, now: i64) -> Window {
        Window {
            young: Generation::new(0, now, 0),
            old: Generation::new(0, now, 0),
            length: i64::try_from(length.as_millis()).unwrap_or(i64::MAX),
            capacity: table_size(capacity / 2),
        }
    }

    /// Where an equal event was stored inside the window.
    pub fn find(&self, fingerprint: u128, now: i64) -> Option<u64> {
        let key = key(fingerprint);
        [&self.young, &self.old].into_iter().find_map(|generation| {
            let place = generation.places.get(&key)?;
            let stored = generation.started.saturating_add(i64::from(place.millis));
            (now.saturating_sub(stored) < self.length).then(|| generation.first + u64::from(place.position))
        })
    }

    /// Remembers a fingerprint. Positions and times never fall from one call to the next.
    pub fn insert(&mut self, fingerprint: u128, position: u64, now: i64) {
        if self.capacity == 0 || self.length == 0 {
            return;
        }
        let aged = now.saturating_sub(self.young.started) >= self.length;
        let place = match self.young.place(position, now) {
            Some(place) if !aged && self.young.places.len() < self.capacity => place,
            _ => {
                let fresh = Generation::new(position, now, self.young.places.len());
                self.old = std::mem::replace(&mut self.young, fresh);
                Place { position: 0, millis: 0 }
            }
        };
        self.young.places.insert(key(fingerprint), place);
    }

    /// Forgets a fingerprint whose event was not stored after all.
    pub fn forget(&mut self, fingerprint: u128) {
        self.young.places.remove(&key(fingerprint));
        self.old.places.remove(&key(fingerprint));
    }
}

impl Generation {
    /// `expected` entries fit without growing: growing a large table would hold up a commit.
    fn new(first: u64, started: i64, expected: usize) -> Generation {
        let places = HashMap::with_capacity_and_hasher(expected, BuildHasherDefault::default());
        Generation { places, first, started }
    }

    fn place(&self, position: u64, now: i64) -> Option<Place> {
        let position = u32::try_from(position.checked_sub(self.first)?).ok()?;
        let millis = u32::try_from(now.checked_sub(self.started)?).ok()?;
        Some(Place { position, millis })
    }
}

#[cfg(test)]
mod tests {
    use super::Window;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_fingerprint_is_known_exactly_as_long_as_the_window() {
        let mut window = Window::new(SECOND, 100, -5_000);
        window.insert(7, 40, -4_000);
        assert_eq!(window.find(7, -3_001), Some(40));
        assert_eq!(window.find(7, -3_000), None);
        assert_eq!(window.find(8, -4_000), None);
        window.insert(8, 41, 100);
        window.insert(9, 42, 1_050);
        assert_eq!(window.find(8, 1_099), Some(41), "the older generation still answers");
        assert_eq!(window.find(9, 1_099), Some(42));
        assert_eq!(window.find(8, 1_100), None);
    }

    #[test]
    fn at_most_the_capacity_is_remembered_and_the_newest_half_always_is() {
        let mut window = Window::new(SECOND, 10, 0);
        for number in 0..1_000_u64 {
            window.insert(u128::from(number), number + 1, 1);
            let known = (0..=number).filter(|known| window.find(u128::from(*known), 2).is_some()).count();
            assert!(known <= 10, "{known}");
            for recent in number.saturating_sub(4)..=number {
                assert_eq!(window.find(u128::from(recent), 2), Some(recent + 1));
            }
        }
    }

    #[test]
    fn positions_and_times_far_apart_are_kept() {
        let mut window = Window::new(Duration::from_hours(2_400), 100, 0);
        window.insert(1, 5, 0);
        window.insert(2, 5 + (1 << 40), 86_400_000 * 60);
        assert_eq!(window.find(1, 86_400_000 * 60), Some(5));
        assert_eq!(window.find(2, 86_400_000 * 60), Some(5 + (1 << 40)));
    }

    #[test]
    fn a_forgotten_fingerprint_is_new_again() {
        let mut window = Window::new(SECOND, 100, 0);
        window.insert(1, 5, 0);
        window.forget(1);
        assert_eq!(window.find(1, 0), None);
    }

    #[test]
    fn a_window_without_length_or_room_knows_nothing() {
        for (length, capacity) in [(Duration::ZERO, 10), (SECOND, 0), (SECOND, 1)] {
            let mut window = Window::new(length, capacity, 0);
            window.insert(1, 5, 0);
            assert_eq!(window.find(1, 0), None);
        }
    }
}
