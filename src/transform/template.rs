//! Templates: `{attribute}` and `{attribute:-default}` in topics, subjects, keys, URLs and `set` values.

use crate::cloudevents::Event;

/// A compiled template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template;

/// Why a text is no template: offset in bytes and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFault {
    /// Byte offset in the text.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
}

impl Template {
    /// Compiles a text.
    pub fn parse(_text: &str) -> Result<Template, TemplateFault> {
        todo!()
    }

    /// The text it was made from.
    pub fn text(&self) -> &str {
        todo!()
    }

    /// The part before the first attribute; the whole text when it has none.
    pub fn literal_prefix(&self) -> &str {
        todo!()
    }

    /// True when it holds no attribute.
    pub fn is_literal(&self) -> bool {
        todo!()
    }

    /// Fills it; each attribute's value goes through `escape`. `Err` names the attribute the event lacks.
    pub fn fill(&self, _event: &Event, _escape: impl Fn(&str, &mut String)) -> Result<String, String> {
        todo!()
    }
}
