//! A list that stays on the stack as long as it is short.

/// Up to `N` values without an allocation, more with one.
#[derive(Debug)]
pub struct Few<T, const N: usize> {
    short: [T; N],
    count: usize,
    /// All of them, once there are more than `N`.
    long: Vec<T>,
}

impl<T: Copy + Default, const N: usize> Default for Few<T, N> {
    fn default() -> Self {
        Few { short: [T::default(); N], count: 0, long: Vec::new() }
    }
}

impl<T: Copy, const N: usize> Few<T, N> {
    /// Appends a value.
    pub fn push(&mut self, value: T) {
        if let Some(slot) = self.short.get_mut(self.count) {
            *slot = value;
            self.count += 1;
            return;
        }
        if self.long.is_empty() {
            self.long.extend_from_slice(&self.short);
        }
        self.long.push(value);
    }

    /// Appends values.
    pub fn extend(&mut self, values: &[T]) {
        for value in values {
            self.push(*value);
        }
    }

    /// All values, in order.
    pub fn as_slice(&self) -> &[T] {
        if self.long.is_empty() { &self.short[..self.count] } else { &self.long }
    }

    /// All values, to be put in another order.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        if self.long.is_empty() { &mut self.short[..self.count] } else { &mut self.long }
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

#[cfg(test)]
mod tests {
    use super::Few;

    #[test]
    fn values_keep_their_order_on_the_stack_and_off_it() {
        for count in [0_u32, 3, 4, 5, 40] {
            let mut few: Few<u32, 4> = Few::default();
            (0..count).for_each(|value| few.push(value));
            assert_eq!(few.as_slice(), (0..count).collect::<Vec<_>>());
            assert_eq!(few.is_empty(), count == 0);
            few.as_mut_slice().reverse();
            assert_eq!(few.as_slice(), (0..count).rev().collect::<Vec<_>>());
        }
    }
}
