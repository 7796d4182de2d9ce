//! How deep a scan is inside a JSON text.

/// The containers that are open: one bit each (set: an object), without allocating for usual depths.
#[derive(Debug, Default)]
pub struct Nesting {
    /// How many are open.
    pub depth: usize,
    /// The innermost up to 64.
    bits: u64,
    /// Full words further out.
    outer: Vec<u64>,
}

impl Nesting {
    const WORD: usize = u64::BITS as usize;

    /// One more is open.
    #[inline]
    pub fn push(&mut self, is_object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(Self::WORD) {
            self.outer.push(self.bits);
        }
        self.bits = self.bits << 1 | u64::from(is_object);
        self.depth += 1;
    }

    /// The innermost is closed.
    #[inline]
    pub fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.bits >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(Self::WORD) {
            self.bits = self.outer.pop().unwrap_or_default();
        }
    }

    /// Is the innermost an object?
    #[inline]
    pub fn in_object(&self) -> bool {
        self.bits & 1 == 1
    }
}
