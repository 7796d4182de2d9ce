//! Tokens → expression.
//!
//! Levels from loose to tight (CESQL 1.0 §3.4): `AND OR XOR`; comparisons; `+ -`; `* / %`; `IN` and `LIKE`; `NOT` and unary
//! `-`; functions, brackets. Equal levels go from left to right, which is what the prose says; the grammar beside it groups
//! `AND`, `OR` and `XOR` to the right.

use super::ast::{Call, Link, Name, Node, Operator, Prefix, Test, What as TestOf};
use super::error::ParseError;
use super::functions::Functions;
use super::lexer::{self, Token, What};
use super::like::Pattern;
use super::value::Value;
use std::borrow::Cow;

/// Brackets in each other, of groups, sets and function calls; and operators before one operand, each of which stands in the
/// one before it.
pub(super) const DEEPEST: usize = 128;

const LOGIC: [(&str, Operator); 3] = [("AND", Operator::And), ("OR", Operator::Or), ("XOR", Operator::Xor)];
const LEVELS: [&[(&str, Operator)]; 4] = [
    &LOGIC,
    &[
        ("=", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<>", Operator::NotEqual),
        ("<", Operator::Less),
        ("<=", Operator::LessOrEqual),
        (">", Operator::Greater),
        (">=", Operator::GreaterOrEqual),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide), ("%", Operator::Remainder)],
];
const KEYWORDS: [&str; 9] = ["AND", "OR", "XOR", "NOT", "LIKE", "IN", "EXISTS", "TRUE", "FALSE"];

/// Parses a whole text.
pub(super) fn parse(text: &str, functions: &Functions) -> Result<Node, ParseError> {
    let tokens = lexer::tokens(text)?;
    if matches!(tokens[..], [Token { what: What::End, .. }]) {
        let fault = ParseError::new(0, "the expression is empty");
        return Err(fault.hint("compare an attribute: type = 'com.example.order'"));
    }
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0, functions };
    if parser.is_word(0, "SELECT") && !matches!(parser.token(1).what, What::End | What::Sign("=" | "!=")) {
        return Err(parser.unexpected("a condition"));
    }
    let node = parser.level(0)?;
    match &parser.peek().what {
        What::End => Ok(node),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

struct Parser<'p, 't> {
    tokens: &'p [Token<'t>],
    at: usize,
    depth: usize,
    functions: &'p Functions,
}

impl<'p, 't> Parser<'p, 't> {
    /// The token `ahead` places on; the end stands behind everything.
    fn token(&self, ahead: usize) -> &'p Token<'t> {
        &self.tokens[(self.at + ahead).min(self.tokens.len() - 1)]
    }

    fn peek(&self) -> &'p Token<'t> {
        self.token(0)
    }

    fn sign(&self, ahead: usize) -> &'static str {
        if let What::Sign(sign) = self.token(ahead).what { sign } else { "" }
    }

    fn is_word(&self, ahead: usize, keyword: &str) -> bool {
        matches!(self.token(ahead).what, What::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    fn level(&mut self, level: usize) -> Result<Node, ParseError> {
        let Some(operators) = LEVELS.get(level) else { return self.tested() };
        let first = self.level(level + 1)?;
        let mut rest = Vec::new();
        while let Some(operator) = self.operator(operators) {
            let offset = self.peek().start;
            self.at += 1;
            self.refuse_doubled_sign(offset)?;
            rest.push(Link { operator, offset, right: self.level(level + 1)? });
        }
        Ok(if rest.is_empty() { first } else { Node::Chain(first.into(), rest.into()) })
    }

    fn operator(&self, operators: &[(&str, Operator)]) -> Option<Operator> {
        let written = match self.peek().what {
            What::Sign(sign) => sign,
            What::Word(word) => word,
            _ => return None,
        };
        operators.iter().find(|(name, _)| written.eq_ignore_ascii_case(name)).map(|(_, operator)| *operator)
    }

    /// `==`, `=<`, `=>` and the like: two signs that another language writes as one operator.
    fn refuse_doubled_sign(&self, offset: usize) -> Result<(), ParseError> {
        let (first, second) = (self.tokens[self.at - 1].what.clone(), self.peek());
        let (What::Sign(first), What::Sign(next)) = (first, &second.what) else { return Ok(()) };
        let instead = match (first, *next) {
            ("=" | "!=", "=" | ">" | "<" | ">=" | "<=") if second.start == offset + first.len() => match *next {
                "=" => first,
                "<" => "<=",
                _ => ">=",
            },
            _ => return Ok(()),
        };
        Err(ParseError::new(offset, format!("`{first}{next}` is no operator"))
            .hint(format!("did you mean `{instead}`?")))
    }

    /// An operand with the tests behind it.
    fn tested(&mut self) -> Result<Node, ParseError> {
        let operand = self.prefixed()?;
        let mut tests = Vec::new();
        loop {
            let offset = self.peek().start;
            let negated = self.is_word(0, "NOT");
            let ahead = usize::from(negated);
            let what = if self.is_word(ahead, "LIKE") {
                self.at += ahead + 1;
                TestOf::Like(self.pattern()?)
            } else if self.is_word(ahead, "IN") {
                self.at += ahead + 1;
                TestOf::In(self.set()?)
            } else {
                break;
            };
            tests.push(Test { negated, offset, what });
        }
        Ok(if tests.is_empty() { operand } else { Node::Tested(operand.into(), tests.into()) })
    }

    fn pattern(&mut self) -> Result<Pattern, ParseError> {
        let What::Text(text) = &self.peek().what else {
            let fault = self.unexpected("a pattern in quotes");
            return Err(fault.hint("the pattern of LIKE is always a string literal: LIKE 'abc%'"));
        };
        self.at += 1;
        Ok(Pattern::new(text))
    }

    fn set(&mut self) -> Result<Box<[Node]>, ParseError> {
        if self.sign(0) != "(" {
            let fault = self.unexpected("`(`");
            return Err(fault.hint("sets are written in parentheses: IN ('a', 'b')"));
        }
        if self.sign(1) == ")" {
            self.at += 1;
            return Err(self.unexpected("a value").hint("a set holds at least one value"));
        }
        self.bracketed_list()
    }

    /// `(a, b, …)`; the parser stands before the bracket.
    fn bracketed_list(&mut self) -> Result<Box<[Node]>, ParseError> {
        let open = self.open()?;
        let mut nodes = Vec::new();
        if self.sign(0) != ")" {
            nodes.push(self.level(0)?);
            while self.sign(0) == "," {
                self.at += 1;
                nodes.push(self.level(0)?);
            }
        }
        self.close(open, "`,` or `)`")?;
        Ok(nodes.into())
    }

    fn open(&mut self) -> Result<usize, ParseError> {
        let offset = self.peek().start;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(too_deep(offset));
        }
        self.at += 1;
        Ok(offset)
    }

    fn close(&mut self, open: usize, expected: &str) -> Result<(), ParseError> {
        if self.sign(0) != ")" {
            let fault = self.unexpected(expected);
            let at_end = self.peek().what == What::End;
            return Err(if at_end { fault.hint(format!("the `(` at offset {open} is not closed")) } else { fault });
        }
        self.depth -= 1;
        self.at += 1;
        Ok(())
    }

    fn prefixed(&mut self) -> Result<Node, ParseError> {
        let mut prefixes = Vec::new();
        loop {
            let token = self.peek();
            let is_not = self.is_word(0, "NOT");
            if !is_not && (self.sign(0) != "-" || self.signed_digits().is_some()) {
                break;
            }
            if prefixes.len() == DEEPEST {
                return Err(too_deep(token.start));
            }
            prefixes.push(Prefix { is_not, offset: token.start });
            self.at += 1;
        }
        let operand = self.primary()?;
        Ok(if prefixes.is_empty() { operand } else { Node::Prefixed(prefixes.into(), operand.into()) })
    }

    /// A sign and digits right behind it: one literal.
    fn signed_digits(&self) -> Option<&'t str> {
        let (sign, number) = (self.peek(), self.token(1));
        let adjacent = matches!(sign.what, What::Sign("-" | "+")) && number.start == sign.end;
        match number.what {
            What::Digits(digits) if adjacent => Some(digits),
            _ => None,
        }
    }

    fn primary(&mut self) -> Result<Node, ParseError> {
        let token = self.peek();
        match &token.what {
            What::Sign(sign @ ("-" | "+")) => match self.signed_digits() {
                Some(digits) => {
                    self.at += 2;
                    integer(&format!("{sign}{digits}"), token.start)
                }
                None => Err(self.unexpected("a value")),
            },
            What::Digits(digits) => {
                self.at += 1;
                integer(digits, token.start)
            }
            What::Text(text) => {
                self.at += 1;
                Ok(Node::Literal(Value::String(Cow::Owned(text.clone().into_owned()))))
            }
            What::Sign("(") => {
                let open = self.open()?;
                let inner = self.level(0)?;
                self.close(open, "an operator or `)`")?;
                Ok(inner)
            }
            What::Word(word) => self.word(word, token.start),
            What::Sign(_) | What::End => Err(self.unexpected("a value")),
        }
    }

    fn word(&mut self, word: &'t str, offset: usize) -> Result<Node, ParseError> {
        let keyword = KEYWORDS.iter().find(|keyword| word.eq_ignore_ascii_case(keyword));
        match keyword {
            Some(&truth @ ("TRUE" | "FALSE")) => {
                self.at += 1;
                return Ok(Node::Literal(Value::Boolean(truth == "TRUE")));
            }
            Some(&"EXISTS") => {
                self.at += 1;
                return self.attribute("the name of an attribute").map(Node::Exists);
            }
            Some(_) => return Err(self.unexpected("a value")),
            None => {}
        }
        if self.sign(1) != "(" {
            return self.attribute("a value").map(Node::Attribute);
        }
        if !word.starts_with(|c: char| c.is_ascii_alphabetic()) || word.bytes().any(|byte| byte.is_ascii_digit()) {
            let fault = ParseError::new(offset, format!("`{word}` cannot be the name of a function"));
            return Err(fault.hint("names of functions begin with a letter and hold letters and `_` only"));
        }
        self.at += 1;
        let arguments = self.bracketed_list()?;
        let function = self.functions.find(word, arguments.len());
        Ok(Node::Call(Call { name: word.into(), offset, function, arguments }))
    }

    fn attribute(&mut self, expected: &str) -> Result<Name, ParseError> {
        let token = self.peek();
        let name = match token.what {
            What::Word(word) | What::Digits(word) if !KEYWORDS.iter().any(|known| word.eq_ignore_ascii_case(known)) => {
                word
            }
            _ => return Err(self.unexpected(expected)),
        };
        let text: Box<str> = name.to_ascii_lowercase().into();
        let why = if text.contains('_') {
            "names of attributes hold letters and digits only"
        } else if &*text == "data" {
            "the data is no attribute; a `jq` filter sees it"
        } else {
            self.at += 1;
            return Ok(Name { text, offset: token.start });
        };
        Err(ParseError::new(token.start, format!("`{name}` is no attribute")).hint(why))
    }

    fn unexpected(&self, expected: &str) -> ParseError {
        let token = self.peek();
        let shown = match &token.what {
            What::End => {
                let fault = ParseError::new(token.start, format!("the expression ends where {expected} is expected"));
                return fault.hint("something is missing at its end");
            }
            What::Word(text) | What::Digits(text) => (*text).to_owned(),
            What::Text(_) => return self.misplaced_text(token, expected),
            What::Sign(sign) => (*sign).to_owned(),
        };
        let fault = ParseError::new(token.start, format!("expected {expected}, found `{}`", shorten(&shown)));
        match (hint(&shown), &token.what) {
            (Some(hint), What::Word(_)) => fault.hint(hint),
            (_, What::Sign(")")) if expected.contains("end") => fault.hint("no `(` is open that it could close"),
            (_, What::Sign(_)) => fault.hint("see to what stands before it: a value or an operator is missing"),
            _ => fault.hint("text stands in quotes; conditions are joined by AND, OR and parentheses"),
        }
    }

    fn misplaced_text(&self, token: &Token<'_>, expected: &str) -> ParseError {
        let fault = ParseError::new(token.start, format!("expected {expected}, found a string"));
        let doubled = self.at > 0
            && matches!(self.tokens[self.at - 1], Token { what: What::Text(_), end, .. } if end == token.start);
        let hint = if doubled {
            "a quote inside of a string is written with a backslash: 'it\\'s'"
        } else if expected.contains("attribute") {
            "names of attributes stand without quotes"
        } else {
            "something is missing before it, such as a comma or an operator"
        };
        fault.hint(hint)
    }
}

fn too_deep(offset: usize) -> ParseError {
    ParseError::new(offset, format!("the expression nests deeper than {DEEPEST} levels"))
}

fn integer(digits: &str, offset: usize) -> Result<Node, ParseError> {
    let number = digits.parse().map(|number| Node::Literal(Value::Integer(number)));
    number.map_err(|_| {
        let fault = ParseError::new(offset, format!("`{}` does not fit an Integer", shorten(digits)));
        fault.hint("Integers are from -2147483648 to 2147483647; put longer numbers in quotes to compare them as text")
    })
}

/// What somebody who wrote this word may have wanted.
fn hint(word: &str) -> Option<String> {
    let upper = word.to_ascii_uppercase();
    let known = match upper.as_str() {
        "IS" | "NULL" => "there is no NULL: ask `EXISTS name` or `NOT EXISTS name`",
        "BETWEEN" => "write `a >= 1 AND a <= 5`",
        "CONTAINS" => "write `a LIKE '%text%'`",
        "STARTSWITH" => "write `a LIKE 'text%'`",
        "ENDSWITH" => "write `a LIKE '%text'`",
        "SELECT" | "FROM" | "WHERE" => "write only the condition: type = 'com.example.order'",
        "MATCHES" | "REGEXP" | "RLIKE" | "ILIKE" => "write LIKE: % stands for any text, _ for one character",
        _ => {
            let likeness = |keyword: &&str| strsim::damerau_levenshtein(keyword, &upper);
            let near =
                KEYWORDS.into_iter().min_by_key(likeness).filter(|keyword| likeness(keyword) <= keyword.len() / 2);
            return near.filter(|keyword| *keyword != upper).map(|keyword| format!("did you mean `{keyword}`?"));
        }
    };
    Some(known.to_owned())
}

fn shorten(text: &str) -> String {
    crate::cloudevents::reader::shown(text)
}
