//! Templates: `{attribute}` and `{attribute:-default}` in topics, subjects, keys, URLs and `set` values.
//!
//! A template is filled in one pass: what an attribute holds is never read as a template again.

use crate::cloudevents::Event;
use bytestring::ByteString;

/// A compiled template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: ByteString,
    parts: Vec<Part>,
}

/// Why a text is no template: offset in bytes and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFault {
    /// Byte offset in the text.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Text as it is; never empty, and never beside another literal.
    Literal(String),
    /// The value of an attribute.
    Attribute { name: String, default: Option<String> },
}

impl Template {
    /// Compiles a text. `{{` and `}}` stand for one brace.
    pub fn parse(text: &str) -> Result<Template, TemplateFault> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut at = 0;
        while let Some(found) = text[at..].find(['{', '}']) {
            literal.push_str(&text[at..at + found]);
            at += found;
            let brace = &text[at..=at];
            if text[at + 1..].starts_with(brace) {
                literal.push_str(brace);
                at += 2;
            } else if brace == "}" {
                return Err(fault(at, "a single `}`", "an attribute is written {name}; write `}}` for a brace"));
            } else {
                let inside = &text[at + 1..];
                let Some(end) = inside.find('}') else {
                    return Err(fault(at, "`{` without `}`", "an attribute is written {name}; write `{{` for a brace"));
                };
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parts.push(placeholder(&inside[..end], at + 1)?);
                at += end + 2;
            }
        }
        literal.push_str(&text[at..]);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Template { text: text.into(), parts })
    }

    /// The text it was made from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The part before the first attribute; the whole text when it has none.
    pub fn literal_prefix(&self) -> &str {
        match self.parts.first() {
            Some(Part::Literal(text)) => text,
            Some(Part::Attribute { .. }) | None => "",
        }
    }

    /// True when it holds no attribute.
    pub fn is_literal(&self) -> bool {
        !self.parts.iter().any(|part| matches!(part, Part::Attribute { .. }))
    }

    /// Could it be filled in to this text, whatever the attributes hold.
    pub fn fits(&self, text: &str) -> bool {
        let mut rest = text;
        let mut after_attribute = false;
        for (index, part) in self.parts.iter().enumerate() {
            let Part::Literal(literal) = part else {
                after_attribute = true;
                continue;
            };
            if !after_attribute {
                let Some(behind) = rest.strip_prefix(literal.as_str()) else { return false };
                rest = behind;
            } else if index + 1 == self.parts.len() {
                return rest.ends_with(literal.as_str());
            } else {
                let Some((_, behind)) = rest.split_once(literal.as_str()) else { return false };
                rest = behind;
            }
            after_attribute = false;
        }
        after_attribute || rest.is_empty()
    }

    /// The template with every attribute filled in by a text that is not empty, to judge what stands around them.
    pub fn sample(&self) -> String {
        let text = |part: &'_ Part| match part {
            Part::Literal(text) => text.clone(),
            Part::Attribute { .. } => "x".to_owned(),
        };
        self.parts.iter().map(text).collect()
    }

    /// The attributes it holds.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Attribute { name, .. } => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    /// Fills it; each attribute's value, and the default that stands for one, goes through `escape`.
    /// `Err` names the attribute the event lacks.
    pub fn fill(&self, event: &Event, escape: impl Fn(&str, &mut String)) -> Result<String, String> {
        let mut filled = String::with_capacity(self.text.len() + 32);
        for part in &self.parts {
            match part {
                Part::Literal(text) => filled.push_str(text),
                Part::Attribute { name, default } => match event.attribute(name).or(default.as_deref()) {
                    Some(value) => escape(value, &mut filled),
                    None => return Err(name.clone()),
                },
            }
        }
        Ok(filled)
    }
}

/// What stands between the braces; `offset` is where it begins.
fn placeholder(inside: &str, offset: usize) -> Result<Part, TemplateFault> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default.to_owned())),
        None => (inside, None),
    };
    if name.is_empty() {
        return Err(fault(offset, "no attribute name between the braces", "write {type} or {region:-none}"));
    }
    if let Some(bad) = name.find(|c: char| !matches!(c, 'a'..='z' | '0'..='9')) {
        let lower = name.to_ascii_lowercase();
        let trimmed: String = lower.trim().replace(['_', '-'], "");
        let is_name = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let hint = if name.starts_with("data.") || name.starts_with(['.', '$']) {
            "templates hold attributes only; a step before can make one: set: {total: {jq: .total}}".to_owned()
        } else if let Some((name, default)) = name.split_once(':').filter(|(name, _)| is_name(name)) {
            format!("a default stands behind `:-`: {{{name}:-{default}}}")
        } else if is_name(&trimmed) {
            format!("did you mean {{{trimmed}}}?")
        } else {
            "write {name}, or {name:-default} for events without it".to_owned()
        };
        let message = format!("`{name}` is not an attribute name: only a-z and 0-9 are allowed");
        return Err(fault(offset + bad, message, hint));
    }
    if name == "data" {
        let hint = "a step before can make one of it: set: {total: {jq: .total}}";
        return Err(fault(offset, "`data` is not an attribute; templates hold attributes only", hint));
    }
    if let Some(bad) = default.as_deref().and_then(|text| text.find('{')) {
        let hint = "a default is plain text: {region:-none}";
        return Err(fault(offset + name.len() + 2 + bad, "a default cannot hold braces", hint));
    }
    Ok(Part::Attribute { name: name.to_owned(), default })
}

fn fault(offset: usize, message: impl Into<String>, hint: impl Into<String>) -> TemplateFault {
    TemplateFault { offset, message: message.into(), hint: hint.into() }
}
