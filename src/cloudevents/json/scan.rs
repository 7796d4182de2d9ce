//! Walks over a JSON text (RFC 8259) without recursion and without building values: checks the grammar and tells where
//! each value starts and ends. Stricter than the grammar in one point: `\u` escapes must not be lone surrogates.

use std::borrow::Cow;

/// The one value a JSON document holds, without the whitespace around it; `None` if the bytes are no JSON document.
pub fn document(bytes: &[u8]) -> Option<&str> {
    let mut scanner = Scanner::new(str::from_utf8(bytes).ok()?, usize::MAX);
    let value = scanner.value().ok()?;
    scanner.end().ok()?;
    Some(value.raw)
}

/// How many bytes from the start can stand in a JSON string as they are: no quote, backslash or control character.
pub fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // For each byte of a word: is it below `limit`? Borrows make only bytes above a hit wrong, and the lowest hit counts.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH;
    let mut at = 0;
    while let Some(chunk) = bytes[at..].first_chunk() {
        let word = u64::from_le_bytes(*chunk);
        let quotes = below(word ^ (ONES * u64::from(b'"')), 1) | below(word ^ (ONES * u64::from(b'\\')), 1);
        let hits = quotes | below(word, 0x20);
        if hits != 0 {
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += chunk.len();
    }
    let is_plain = |byte: &&u8| !matches!(byte, 0..0x20 | b'"' | b'\\');
    at + bytes[at..].iter().take_while(is_plain).count()
}

/// Where and why a text is not JSON as we take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{why} at byte {at}")]
pub struct Broken {
    /// Offset into the text.
    pub at: usize,
    /// What was expected or not allowed.
    pub why: &'static str,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// A string; does it hold escapes?
    String {
        /// At least one backslash.
        escaped: bool,
    },
    /// An array.
    Array,
    /// An object.
    Object,
}

/// One value with its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'t> {
    /// What it is.
    pub kind: Kind,
    /// Its text, a string with its quotes.
    pub raw: &'t str,
}

impl<'t> Value<'t> {
    /// The content of a string; `None` for other values.
    pub fn string(&self) -> Option<Cow<'t, str>> {
        match self.kind {
            Kind::String { escaped: false } => Some(Cow::Borrowed(&self.raw[1..self.raw.len() - 1])),
            Kind::String { escaped: true } => serde_json::from_str(self.raw).ok().map(Cow::Owned),
            _ => None,
        }
    }
}

/// A place in a text.
#[derive(Debug)]
pub struct Scanner<'t> {
    text: &'t str,
    at: usize,
    /// Containers that may stand inside each other.
    depth_limit: usize,
    open: Nesting,
}

impl<'t> Scanner<'t> {
    /// At the start of a text.
    pub fn new(text: &'t str, depth_limit: usize) -> Scanner<'t> {
        Scanner { text, at: 0, depth_limit, open: Nesting::default() }
    }

    /// Hands out the members of the object that starts here: name (a string) and value.
    pub fn object<E: From<Broken>>(
        &mut self,
        mut member: impl FnMut(Value<'t>, Value<'t>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.space();
        self.expect(b'{', "an object is expected")?;
        self.enter(true)?;
        self.space();
        if !self.take(b'}') {
            loop {
                let name = self.key()?;
                let value = self.value()?;
                member(name, value)?;
                self.space();
                if self.take(b'}') {
                    break;
                }
                self.expect(b',', "`,` or `}` is expected")?;
                self.space();
            }
        }
        self.open.pop();
        Ok(())
    }

    /// Hands out the elements of the array that starts here. The array does not count as a level of nesting: what it
    /// holds are documents of their own.
    pub fn elements<E: From<Broken>>(&mut self, mut element: impl FnMut(Value<'t>) -> Result<(), E>) -> Result<(), E> {
        self.space();
        self.expect(b'[', "an array is expected")?;
        self.space();
        if self.take(b']') {
            return Ok(());
        }
        loop {
            element(self.value()?)?;
            self.space();
            if self.take(b']') {
                return Ok(());
            }
            self.expect(b',', "`,` or `]` is expected")?;
        }
    }

    /// Steps over the value that starts here.
    pub fn value(&mut self) -> Result<Value<'t>, Broken> {
        self.space();
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => self.containers().map(|()| Kind::Object),
            Some(b'[') => self.containers().map(|()| Kind::Array),
            _ => self.scalar(),
        }?;
        Ok(Value { kind, raw: &self.text[start..self.at] })
    }

    /// Nothing but whitespace follows.
    pub fn end(&mut self) -> Result<(), Broken> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.broken("the end is expected")) }
    }

    /// Steps over an object or array and everything in it.
    fn containers(&mut self) -> Result<(), Broken> {
        let outside = self.open.depth;
        loop {
            // Here a value starts.
            let opened = match self.peek() {
                Some(b'{') => self.open_container(true)?,
                Some(b'[') => self.open_container(false)?,
                _ => self.scalar().map(|_| false)?,
            };
            if opened {
                continue;
            }
            // Here a value has ended.
            while self.open.depth > outside && self.closed()? {}
            if self.open.depth == outside {
                return Ok(());
            }
        }
    }

    /// Steps over `{` and the first key, or `[`. False: it is empty, and its end was stepped over as well.
    fn open_container(&mut self, is_object: bool) -> Result<bool, Broken> {
        self.at += 1;
        self.enter(is_object)?;
        self.space();
        if self.take(if is_object { b'}' } else { b']' }) {
            self.open.pop();
            return Ok(false);
        }
        if is_object {
            self.key()?;
            self.space();
        }
        Ok(true)
    }

    /// Behind a value inside a container: true if the container ends, false if another value follows.
    fn closed(&mut self) -> Result<bool, Broken> {
        self.space();
        let is_object = self.open.in_object();
        if self.take(if is_object { b'}' } else { b']' }) {
            self.open.pop();
            return Ok(true);
        }
        self.expect(b',', if is_object { "`,` or `}` is expected" } else { "`,` or `]` is expected" })?;
        self.space();
        if is_object {
            self.key()?;
            self.space();
        }
        Ok(false)
    }

    fn enter(&mut self, is_object: bool) -> Result<(), Broken> {
        self.open.push(is_object);
        if self.open.depth > self.depth_limit {
            return Err(self.broken("the nesting is too deep"));
        }
        Ok(())
    }

    /// Steps over a member's name and its colon.
    fn key(&mut self) -> Result<Value<'t>, Broken> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.broken("a member's name is expected"));
        }
        let escaped = self.string()?;
        let key = Value { kind: Kind::String { escaped }, raw: &self.text[start..self.at] };
        self.space();
        self.expect(b':', "`:` is expected")?;
        Ok(key)
    }

    fn scalar(&mut self) -> Result<Kind, Broken> {
        match self.peek() {
            Some(b'"') => self.string().map(|escaped| Kind::String { escaped }),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| Kind::Number),
            Some(b't') => self.literal("true").map(|()| Kind::Boolean),
            Some(b'f') => self.literal("false").map(|()| Kind::Boolean),
            Some(b'n') => self.literal("null").map(|()| Kind::Null),
            _ => Err(self.broken("a value is expected")),
        }
    }

    fn literal(&mut self, literal: &'static str) -> Result<(), Broken> {
        if !self.text.as_bytes()[self.at..].starts_with(literal.as_bytes()) {
            return Err(self.broken("a value is expected"));
        }
        self.at += literal.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), Broken> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Broken> {
        let digits = self.text.as_bytes()[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return Err(self.broken("a digit is expected"));
        }
        self.at += digits;
        Ok(())
    }

    /// Steps over a string; true if it holds escapes.
    fn string(&mut self) -> Result<bool, Broken> {
        self.at += 1;
        let mut escaped = false;
        loop {
            self.at += plain_length(&self.text.as_bytes()[self.at..]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.broken("a control character in a string is not allowed")),
                None => return Err(self.broken("the string does not end")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Broken> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => match self.code_unit()? {
                0xd800..=0xdbff if self.text.as_bytes()[self.at..].starts_with(b"\\u") => {
                    self.at += 1;
                    match self.code_unit()? {
                        0xdc00..=0xdfff => Ok(()),
                        _ => Err(self.broken("a lone surrogate is not allowed")),
                    }
                }
                0xd800..=0xdfff => Err(self.broken("a lone surrogate is not allowed")),
                _ => Ok(()),
            },
            _ => Err(self.broken("no such escape")),
        }
    }

    /// Steps over `uXXXX`.
    fn code_unit(&mut self) -> Result<u32, Broken> {
        let digits = self.text.as_bytes().get(self.at + 1..self.at + 5).unwrap_or_default();
        let unit = digits.iter().try_fold(0, |unit, byte| Some(unit * 16 + char::from(*byte).to_digit(16)?));
        match unit {
            Some(unit) if !digits.is_empty() => {
                self.at += 5;
                Ok(unit)
            }
            _ => Err(self.broken("four hex digits are expected")),
        }
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let taken = self.peek() == Some(byte);
        self.at += usize::from(taken);
        taken
    }

    fn expect(&mut self, byte: u8, why: &'static str) -> Result<(), Broken> {
        if self.take(byte) { Ok(()) } else { Err(self.broken(why)) }
    }

    fn broken(&self, why: &'static str) -> Broken {
        Broken { at: self.at, why }
    }
}

/// The containers that are open: one bit each (set: an object), without allocating for usual depths.
#[derive(Debug, Default)]
struct Nesting {
    depth: usize,
    /// The innermost up to 128.
    bits: u128,
    /// Full words further out.
    outer: Vec<u128>,
}

impl Nesting {
    const WORD: usize = u128::BITS as usize;

    fn push(&mut self, is_object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(Self::WORD) {
            self.outer.push(self.bits);
        }
        self.bits = self.bits << 1 | u128::from(is_object);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.bits >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(Self::WORD) {
            self.bits = self.outer.pop().unwrap_or_default();
        }
    }

    fn in_object(&self) -> bool {
        self.bits & 1 == 1
    }
}
