//! Walks over a JSON text (RFC 8259) without recursion and without building values: checks the grammar and tells where
//! each value starts and ends. Stricter than the grammar in one point: `\u` escapes must not be lone surrogates.

use super::nesting::Nesting;
use super::plain;
use super::value::{Broken, Kind, Value, Why};

/// The one value a JSON document holds, without the whitespace around it; `None` if the bytes are no JSON document.
pub fn document(bytes: &[u8]) -> Option<&str> {
    let mut scanner = Scanner::new(str::from_utf8(bytes).ok()?, usize::MAX);
    let value = scanner.value().ok()?;
    scanner.end().ok()?;
    Some(value.raw)
}

/// One thing a walk comes across.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'t> {
    /// An object starts: a name and a value for each of its members follow.
    Object,
    /// An array starts: its elements follow.
    Array,
    /// The innermost object or array ends.
    End,
    /// The name of a member, a string.
    Name(Value<'t>),
    /// A value that is neither object nor array.
    Scalar(Value<'t>),
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
        let mut more = self.enter_object().map_err(|why| self.broken(why))?;
        while more {
            let start = self.at;
            let (end, escaped) = self.key().map_err(|why| self.broken(why))?;
            let name = Value { kind: Kind::String { escaped }, raw: &self.text[start..end] };
            member(name, self.value()?)?;
            more = self.goes_on(b'}', Why::OpenObject).map_err(|why| self.broken(why))?;
        }
        self.open.pop();
        Ok(())
    }

    /// Hands out the elements of the array that starts here. The array does not count as a level of nesting: what it
    /// holds are documents of their own.
    pub fn elements<E: From<Broken>>(&mut self, mut element: impl FnMut(Value<'t>) -> Result<(), E>) -> Result<(), E> {
        let mut more = self.enter_array().map_err(|why| self.broken(why))?;
        while more {
            element(self.value()?)?;
            more = self.goes_on(b']', Why::OpenArray).map_err(|why| self.broken(why))?;
        }
        Ok(())
    }

    /// Steps over the value that starts here.
    pub fn value(&mut self) -> Result<Value<'t>, Broken> {
        self.space();
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => self.containers().map(|()| Kind::Object),
            Some(b'[') => self.containers().map(|()| Kind::Array),
            _ => self.scalar(),
        };
        let kind = kind.map_err(|why| self.broken(why))?;
        Ok(Value { kind, raw: &self.text[start..self.at] })
    }

    /// Hands out everything in the value that starts here, in the order of the text.
    pub fn walk<E: From<Broken>>(&mut self, mut visit: impl FnMut(Step<'t>) -> Result<(), E>) -> Result<(), E> {
        self.space();
        let outside = self.open.depth;
        loop {
            // Here a value starts.
            let filled = match self.peek() {
                Some(b'{') => {
                    visit(Step::Object)?;
                    Some(self.enter_object())
                }
                Some(b'[') => {
                    visit(Step::Array)?;
                    Some(self.enter(false).and_then(|()| self.enter_array()))
                }
                _ => {
                    visit(Step::Scalar(self.value()?))?;
                    None
                }
            };
            let mut more = filled.unwrap_or(Ok(false)).map_err(|why| self.broken(why))?;
            if filled == Some(Ok(false)) {
                self.open.pop();
                visit(Step::End)?;
            }
            // Here a value has ended, unless it was just opened: so may have what is around it.
            while !more && self.open.depth > outside {
                let (end, why) = if self.open.in_object() { (b'}', Why::OpenObject) } else { (b']', Why::OpenArray) };
                more = self.goes_on(end, why).map_err(|why| self.broken(why))?;
                if !more {
                    self.open.pop();
                    visit(Step::End)?;
                }
            }
            if !more {
                return Ok(());
            }
            if self.open.in_object() {
                let start = self.at;
                let (end, escaped) = self.key().map_err(|why| self.broken(why))?;
                visit(Step::Name(Value { kind: Kind::String { escaped }, raw: &self.text[start..end] }))?;
            }
        }
    }

    /// Nothing but whitespace follows.
    pub fn end(&mut self) -> Result<(), Broken> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.broken(Why::NoEnd)) }
    }

    /// Steps into an object; true if it has members.
    fn enter_object(&mut self) -> Result<bool, Why> {
        self.space();
        self.expect(b'{', Why::NoObject)?;
        self.enter(true)?;
        self.space();
        Ok(!self.take(b'}'))
    }

    fn enter_array(&mut self) -> Result<bool, Why> {
        self.space();
        self.expect(b'[', Why::NoArray)?;
        self.space();
        Ok(!self.take(b']'))
    }

    /// Behind a value: true behind a comma, false behind the `end`.
    #[inline]
    fn goes_on(&mut self, end: u8, why: Why) -> Result<bool, Why> {
        self.space();
        if self.take(end) {
            return Ok(false);
        }
        self.expect(b',', why)?;
        self.space();
        Ok(true)
    }

    /// Steps over an object or array and everything in it.
    fn containers(&mut self) -> Result<(), Why> {
        let outside = self.open.depth;
        loop {
            // Here a value starts.
            match self.peek() {
                Some(b'{') => {
                    if self.enter_object()? {
                        self.key()?;
                        continue;
                    }
                    self.open.pop();
                }
                Some(b'[') => {
                    self.enter(false)?;
                    if self.enter_array()? {
                        continue;
                    }
                    self.open.pop();
                }
                _ => {
                    self.scalar()?;
                }
            }
            // Here a value has ended: so may have what is around it.
            while self.open.depth > outside && !self.next_in_container()? {
                self.open.pop();
            }
            if self.open.depth == outside {
                return Ok(());
            }
        }
    }

    /// Behind a value in a container: true before the next value, false behind the end.
    #[inline]
    fn next_in_container(&mut self) -> Result<bool, Why> {
        if !self.open.in_object() {
            return self.goes_on(b']', Why::OpenArray);
        }
        let more = self.goes_on(b'}', Why::OpenObject)?;
        if more {
            self.key()?;
        }
        Ok(more)
    }

    #[inline]
    fn enter(&mut self, is_object: bool) -> Result<(), Why> {
        self.open.push(is_object);
        if self.open.depth > self.depth_limit {
            return Err(Why::TooDeep);
        }
        Ok(())
    }

    /// Steps over a member's name, its colon and the space around; gives the name's end, and whether it holds escapes.
    #[inline]
    fn key(&mut self) -> Result<(usize, bool), Why> {
        if self.peek() != Some(b'"') {
            return Err(Why::NoName);
        }
        let escaped = self.string()?;
        let end = self.at;
        self.space();
        self.expect(b':', Why::NoColon)?;
        self.space();
        Ok((end, escaped))
    }

    #[inline]
    fn scalar(&mut self) -> Result<Kind, Why> {
        match self.peek() {
            Some(b'"') => self.string().map(|escaped| Kind::String { escaped }),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| Kind::Number),
            Some(b't') => self.literal("true").map(|()| Kind::Boolean),
            Some(b'f') => self.literal("false").map(|()| Kind::Boolean),
            Some(b'n') => self.literal("null").map(|()| Kind::Null),
            _ => Err(Why::NoValue),
        }
    }

    fn literal(&mut self, literal: &'static str) -> Result<(), Why> {
        if !self.text.as_bytes()[self.at..].starts_with(literal.as_bytes()) {
            return Err(Why::NoValue);
        }
        self.at += literal.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), Why> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Why> {
        let digits = self.text.as_bytes()[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return Err(Why::NoDigit);
        }
        self.at += digits;
        Ok(())
    }

    /// Steps over a string; true if it holds escapes.
    fn string(&mut self) -> Result<bool, Why> {
        self.at += 1;
        let mut escaped = false;
        loop {
            self.at += plain::length(&self.text.as_bytes()[self.at..]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(Why::ControlCharacter),
                None => return Err(Why::OpenString),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Why> {
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
                        _ => Err(Why::LoneSurrogate),
                    }
                }
                0xd800..=0xdfff => Err(Why::LoneSurrogate),
                _ => Ok(()),
            },
            _ => Err(Why::NoEscape),
        }
    }

    /// Steps over `uXXXX`.
    fn code_unit(&mut self) -> Result<u32, Why> {
        let digits = self.text.as_bytes().get(self.at + 1..self.at + 5).unwrap_or_default();
        let unit = digits.iter().try_fold(0, |unit, byte| Some(unit * 16 + char::from(*byte).to_digit(16)?));
        match unit {
            Some(unit) if !digits.is_empty() => {
                self.at += 5;
                Ok(unit)
            }
            _ => Err(Why::NoEscape),
        }
    }

    #[inline]
    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let taken = self.peek() == Some(byte);
        self.at += usize::from(taken);
        taken
    }

    #[inline]
    fn expect(&mut self, byte: u8, why: Why) -> Result<(), Why> {
        if self.take(byte) { Ok(()) } else { Err(why) }
    }

    fn broken(&self, why: Why) -> Broken {
        Broken { at: self.at, why }
    }
}
