//! What a scan of a JSON text finds: values, or the place where the text is broken.

use std::borrow::Cow;

/// Where and why a text is not JSON as we take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{why} at byte {at}")]
pub struct Broken {
    /// Offset into the text.
    pub at: usize,
    /// What was expected or not allowed.
    pub why: Why,
}

/// What was expected or not allowed. One byte, so that the results of all steps travel in registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// No object where one must be.
    #[error("an object is expected")]
    NoObject,
    /// No array where one must be.
    #[error("an array is expected")]
    NoArray,
    /// No value where one must be.
    #[error("a value is expected")]
    NoValue,
    /// No string where a member starts.
    #[error("a member's name is expected")]
    NoName,
    /// No colon behind a name.
    #[error("`:` is expected")]
    NoColon,
    /// An object neither goes on nor ends.
    #[error("`,` or `}}` is expected")]
    OpenObject,
    /// An array neither goes on nor ends.
    #[error("`,` or `]` is expected")]
    OpenArray,
    /// A number without a digit where one must be.
    #[error("a digit is expected")]
    NoDigit,
    /// The text ends inside a string.
    #[error("the string does not end")]
    OpenString,
    /// A character that must be escaped.
    #[error("a control character in a string is not allowed")]
    ControlCharacter,
    /// A backslash before a character that is not escaped this way.
    #[error("there is no such escape")]
    NoEscape,
    /// Half of a surrogate pair.
    #[error("a lone surrogate is not allowed")]
    LoneSurrogate,
    /// Deeper than the cap.
    #[error("the nesting is too deep")]
    TooDeep,
    /// Something behind the document.
    #[error("the end is expected")]
    NoEnd,
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
