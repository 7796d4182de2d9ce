//! The characters the parser reads, with an end to how far it may look ahead.
//!
//! A flow collection (`[…]`, `{…}`) could turn out to be a key, so the scanner reads all of it before the first event
//! comes. Each of its tokens costs more than a hundred bytes: without a bound, a file of 8 MiB would fill a gigabyte
//! before the node budget is asked.

use saphyr_parser::{Input, StrInput};
use std::cell::Cell;
use std::rc::Rc;

/// How many nodes the scanner has at least begun since the last event; shared with whoever takes the events.
#[derive(Debug, Clone)]
pub struct Ahead {
    most: usize,
    begun: Rc<Cell<usize>>,
}

impl Ahead {
    /// Nothing is begun yet, and at most so many nodes may be.
    pub fn new(most: usize) -> Ahead {
        Ahead { most, begun: Rc::default() }
    }

    /// An event has come: counting begins anew, unless the bound was passed.
    pub fn reset(&self) {
        if !self.is_over() {
            self.begun.set(0);
        }
    }

    /// True when the bound was passed: the text was cut off there.
    pub fn is_over(&self) -> bool {
        self.begun.get() > self.most
    }

    fn count(&self) {
        self.begun.set(self.begun.get().saturating_add(1));
    }
}

/// A text that ends early when the scanner has begun more nodes than a file may have.
pub struct Bounded<'a> {
    text: StrInput<'a>,
    ahead: Ahead,
}

impl<'a> Bounded<'a> {
    /// Reads a text.
    pub fn new(text: &'a str, ahead: Ahead) -> Bounded<'a> {
        Bounded { text: StrInput::new(text), ahead }
    }
}

impl Input for Bounded<'_> {
    fn lookahead(&mut self, count: usize) {
        self.text.lookahead(count);
    }

    fn buflen(&self) -> usize {
        self.text.buflen()
    }

    fn bufmaxlen(&self) -> usize {
        self.text.bufmaxlen()
    }

    fn raw_read_ch(&mut self) -> char {
        self.text.raw_read_ch()
    }

    fn raw_read_non_breakz_ch(&mut self) -> Option<char> {
        self.text.raw_read_non_breakz_ch()
    }

    fn skip(&mut self) {
        // Each of these begins a node, or is text in quotes: a million of them in one scalar is as good as too many.
        if matches!(self.text.peek_opt(), Some(',' | '[' | '{' | '?')) {
            self.ahead.count();
            if self.ahead.is_over() {
                self.text = StrInput::new("");
                return;
            }
        }
        self.text.skip();
    }

    fn skip_n(&mut self, count: usize) {
        self.text.skip_n(count);
    }

    fn peek(&self) -> char {
        self.text.peek()
    }

    fn peek_nth(&self, n: usize) -> char {
        self.text.peek_nth(n)
    }

    fn peek_opt(&self) -> Option<char> {
        self.text.peek_opt()
    }

    fn skip_while_non_breakz(&mut self) -> usize {
        self.text.skip_while_non_breakz()
    }

    fn skip_while_blank(&mut self) -> usize {
        self.text.skip_while_blank()
    }

    fn fetch_while_is_alpha(&mut self, out: &mut String) -> usize {
        self.text.fetch_while_is_alpha(out)
    }

    fn fetch_while_is_yaml_non_space(&mut self, out: &mut String) -> usize {
        self.text.fetch_while_is_yaml_non_space(out)
    }
}

#[cfg(test)]
mod tests {
    use super::{Ahead, Bounded};
    use saphyr_parser::Parser;

    #[test]
    fn a_flow_collection_is_not_read_to_its_end_when_it_is_too_long() {
        for (most, over) in [(5, false), (4, true)] {
            let ahead = Ahead::new(most);
            let mut parser = Parser::new(Bounded::new("- [a, b, c, d, e] # five signs", ahead.clone()));
            let events = parser.by_ref().take_while(Result::is_ok).count();
            assert_eq!(ahead.is_over(), over, "{most}: {events} events");
        }
    }
}
