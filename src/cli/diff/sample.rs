//! `--sample`: at most so many events, evenly spread.

/// Which of all events are taken, by their number from the oldest.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    of: u64,
    most: u64,
}

impl Sample {
    /// All of them.
    pub const ALL: Sample = Sample { of: u64::MAX, most: u64::MAX };

    /// At most `most` of `of` events.
    pub fn new(of: u64, most: u64) -> Sample {
        Sample { of, most }
    }

    /// Is the event with this number taken? The last one always is: what is newest tells most.
    pub fn takes(&self, number: u64) -> bool {
        let share = |number: u64| u128::from(number) * u128::from(self.most) / u128::from(self.of);
        number < self.of && (self.most >= self.of || share(number + 1) > share(number))
    }

    /// As [`Sample::takes`], counted from the newest.
    pub fn takes_from_newest(&self, number: u64) -> bool {
        self.of.checked_sub(number.saturating_add(1)).is_some_and(|number| self.takes(number))
    }

    /// Are fewer than one of `events` taken?
    pub fn is_sparse(&self, events: u64) -> bool {
        self.most < self.of / events
    }

    /// How many events are taken; `None` where nobody has counted.
    pub fn size(&self) -> Option<u64> {
        (self.of < u64::MAX).then(|| self.most.min(self.of))
    }
}

#[cfg(test)]
mod tests {
    use super::Sample;

    #[test]
    fn a_sample_is_evenly_spread_and_the_same_from_both_ends() {
        let taken = |of, most| (0..of).filter(|number| Sample::new(of, most).takes(*number)).collect::<Vec<_>>();
        assert_eq!(taken(10, 3), [3, 6, 9]);
        assert_eq!(taken(4, 9), [0, 1, 2, 3]);
        assert_eq!(taken(0, 3), Vec::<u64>::new());
        for (of, most) in [(1_000, 7), (7, 6), (5, 1), (3, 3)] {
            let sample = Sample::new(of, most);
            let forward = taken(of, most);
            assert_eq!(forward.len() as u64, most);
            let gaps = forward.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>();
            assert!(gaps.iter().max() <= gaps.iter().min().map(|gap| gap + 1).as_ref(), "{gaps:?}");
            let mut back: Vec<u64> =
                (0..of).filter(|number| sample.takes_from_newest(*number)).map(|number| of - 1 - number).collect();
            back.reverse();
            assert_eq!(back, forward);
        }
        assert!(!Sample::new(0, 3).takes(0) && !Sample::new(0, 3).takes_from_newest(0), "what came later is not of it");
        assert!(Sample::new(1_000, 9).is_sparse(100) && !Sample::new(1_000, 10).is_sparse(100));
        assert!(!Sample::ALL.is_sparse(100) && !Sample::new(0, 3).is_sparse(100));
        assert!(Sample::ALL.takes(u64::MAX - 1) && Sample::ALL.takes_from_newest(0) && Sample::ALL.size().is_none());
    }
}
