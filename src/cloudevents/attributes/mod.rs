//! Attributes: their names, the types the specification fixes, and the draft every event is made from.

use super::attribute::{Attribute, Gathering, Span, TooLong};
use super::media_type::MediaType;
use super::reader::{Bounds, Fault, Lenient, shown};
use super::{Data, Event, Kind, Violation, types};
use crate::codes::Code;
use std::borrow::Cow;

/// The only version of the specification that is read and written; it stands for every 1.0.x.
pub const SPECVERSION: &str = "1.0";

/// The four attributes every event has.
pub const REQUIRED: [&str; 4] = ["specversion", "id", "source", "type"];

/// Room that is set aside for an event's texts and for its attributes: what events have as a rule.
const LIKELY_BYTES: usize = 256;
const LIKELY_ATTRIBUTES: usize = 8;

/// Is this a name an attribute may have? One or more of `[a-z0-9]`, but not `data`. Any length is fine.
pub fn check_name(name: &str) -> Result<(), String> {
    if name == "data" {
        return Err(String::from("an attribute cannot be named `data`"));
    }
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        return Err(format!("`{}` is not an attribute name: only the letters a-z and digits are allowed", shown(name)));
    }
    Ok(())
}

/// The type the specification fixes for an attribute it defines; `None` for extensions.
pub fn expected_kind(name: &str) -> Option<Kind> {
    match name {
        "specversion" | "id" | "type" | "subject" | "datacontenttype" => Some(Kind::String),
        "source" => Some(Kind::UriReference),
        "dataschema" => Some(Kind::Uri),
        "time" => Some(Kind::Timestamp),
        _ => None,
    }
}

/// Is this value one the attribute may have? `Ok` gives its type: for attributes the specification defines the fixed one
/// (a format that only knows strings may hand in [`Kind::String`]), for extensions `kind`.
pub fn check_value(name: &str, kind: Kind, text: &str) -> Result<Kind, String> {
    let Some(expected) = expected_kind(name) else {
        return types::check(kind, text).map(|()| kind).map_err(|why| format!("`{}`: the value {why}", shown(name)));
    };
    if kind != expected && kind != Kind::String {
        return Err(format!("`{name}` is of type {}, not {}", expected.name(), kind.name()));
    }
    if text.is_empty() {
        return Err(format!("`{name}` is empty"));
    }
    types::check(expected, text).map_err(|why| format!("`{name}`: the value {why}"))?;
    match name {
        "specversion" if text != SPECVERSION => {
            Err(format!("specversion `{}` is not supported; send `{SPECVERSION}`", shown(text)))
        }
        "datacontenttype" => check_datacontenttype(text).map(|()| expected),
        _ => Ok(expected),
    }
}

/// A `dataschema` that may have a fragment, or be nothing else: `#`, as Azure sends it.
fn check_dataschema_leniently(kind: Kind, text: &str) -> Result<Kind, String> {
    match text.split_once('#') {
        Some((before, _)) if fluent_uri::UriRef::parse(text).is_ok() => {
            // The type is still checked where there is no URI left to be checked.
            check_value("dataschema", kind, if before.is_empty() { "urn:fragment:only" } else { before })
        }
        _ => check_value("dataschema", kind, text),
    }
}

/// A media type, but not one of CloudEvents' own: in binary mode such an event would read as a structured one.
fn check_datacontenttype(text: &str) -> Result<(), String> {
    match MediaType::parse(text) {
        None => Err(format!("`datacontenttype`: the value `{}` is not a media type (RFC 2046)", shown(text))),
        Some(media_type) if media_type.event_media().is_some() => {
            Err(format!("`datacontenttype` cannot be `{}`; a nested event travels as `application/json`", shown(text)))
        }
        Some(_) => Ok(()),
    }
}

/// An event in the making: takes attributes in any order, collects every violation, and becomes an [`Event`] only if
/// there is none.
#[derive(Debug)]
pub struct Draft {
    specversion: bool,
    id: Option<Span>,
    source: Option<Span>,
    ty: Option<Span>,
    /// Every attribute but `specversion`; what the three above have is only kept there.
    gathering: Gathering,
    /// Names that stand in the message without a usable value; they may not stand there again.
    void: Vec<Box<str>>,
    /// Attributes seen.
    count: usize,
    /// Attributes allowed.
    limit: usize,
    /// What is let pass.
    lenient: Lenient,
    /// Violations that are told; when there are so many, nothing more is looked at.
    told: usize,
    /// Some name stands twice: the message cannot be read at all.
    repeated: bool,
    violations: Vec<Violation>,
}

impl Draft {
    /// An empty draft for the attributes of a message.
    pub fn within(bounds: &Bounds) -> Draft {
        let gathering = Gathering::with_capacity(LIKELY_BYTES, LIKELY_ATTRIBUTES);
        Draft { gathering, lenient: bounds.lenient, told: bounds.violations, ..Draft::new(bounds.attributes) }
    }

    /// An empty draft for at most `limit` attributes, the required ones included.
    fn new(limit: usize) -> Draft {
        Draft {
            specversion: false,
            id: None,
            source: None,
            ty: None,
            gathering: Gathering::default(),
            void: Vec::new(),
            count: 0,
            limit,
            lenient: Lenient::default(),
            told: usize::MAX,
            repeated: false,
            violations: Vec::new(),
        }
    }

    /// A draft that starts as an existing event without its data.
    pub fn edit(event: &Event, limit: usize) -> Draft {
        let attributes = &event.attributes;
        let mut draft = Draft {
            specversion: true,
            gathering: Gathering::with_capacity(event.size() - event.data.len() + LIKELY_BYTES, attributes.len() + 4),
            count: attributes.len() + REQUIRED.len(),
            ..Draft::new(limit)
        };
        for (name, text) in [("id", &event.id), ("source", &event.source), ("type", &event.ty)] {
            let kept = draft.store(name, Kind::String, text);
            draft.note(name, kept);
        }
        for Attribute { name, value } in attributes {
            let kept = draft.store(name, value.kind, value.text);
            draft.note(name, kept);
        }
        draft
    }

    /// Takes an attribute from a message. `kind` is what the format tells; a format that only knows strings says
    /// [`Kind::String`]. A second attribute of the same name is a violation. Integers have one zero.
    pub fn add(&mut self, name: &str, kind: Kind, text: &str) {
        let text = if kind == Kind::Integer && text == "-0" { "0" } else { text };
        if let Some(name) = self.claim(name) {
            self.put(&name, kind, text);
        }
    }

    /// Takes an attribute that stands in the message as null: it is absent, but its name is used.
    pub fn add_null(&mut self, name: &str) {
        if let Some(name) = self.claim(name) {
            self.void.push(name.into());
        }
    }

    /// Takes an attribute whose value cannot be read; `detail` says why.
    pub fn add_unreadable(&mut self, name: &str, detail: impl Into<String>) {
        if let Some(name) = self.claim(name) {
            self.refuse(Violation::new(pointer_to(&name), detail));
            let nothing = Some(Span::default());
            match self.required(&name) {
                Some(slot) => *slot = nothing,
                None if name == "specversion" => self.specversion = true,
                None => self.void.push(name.into()),
            }
        }
    }

    /// Sets an attribute to a value, whether it is there or not. An existing one keeps its place.
    pub fn set(&mut self, name: &str, kind: Kind, text: &str) {
        if REQUIRED.contains(&name) {
            return self.put(name, kind, text);
        }
        if !self.gathering.holds(name) {
            return self.add(name, kind, text);
        }
        match check_value(name, kind, text) {
            Ok(kind) => {
                let replaced = self.gathering.replace(name, kind, text);
                self.note(name, replaced.map(drop));
            }
            Err(detail) => self.refuse(Violation::new(pointer_to(name), detail)),
        }
    }

    /// Takes an attribute away; a required one is then missing.
    pub fn remove(&mut self, name: &str) {
        match self.required(name) {
            Some(slot) => *slot = None,
            None if name == "specversion" => self.specversion = false,
            None => self.gathering.remove(name),
        }
    }

    /// Records a violation found elsewhere, as in the data.
    pub fn refuse(&mut self, violation: Violation) {
        self.violations.push(violation);
    }

    /// There were more attributes or violations than are looked at: nothing that follows can make an event of it.
    pub fn is_hopeless(&self) -> bool {
        self.count > self.limit || self.violations.len() >= self.told
    }

    /// The text of an attribute taken so far, `specversion` aside.
    pub fn text(&self, name: &str) -> Option<&str> {
        let kept = match name {
            "id" => self.id,
            "source" => self.source,
            "type" => self.ty,
            _ => return self.gathering.text(name),
        };
        kept.map(|span| self.gathering.kept(span))
    }

    /// The event, or every violation.
    pub fn finish(self, data: Data) -> Result<Event, Fault> {
        match (self.id, self.source, self.ty) {
            (Some(id), Some(source), Some(ty)) if self.specversion && self.violations.is_empty() => {
                let (attributes, [id, source, ty]) = self.gathering.finish_with([id, source, ty]);
                Ok(Event { id, source, ty, attributes, data })
            }
            (id, source, ty) => {
                let present = [self.specversion, id.is_some(), source.is_some(), ty.is_some()];
                let mut violations = self.violations;
                // Where not everything was looked at nothing can be called missing.
                if self.count <= self.limit && violations.len() < self.told {
                    let missing = REQUIRED.iter().zip(present).filter(|(_, present)| !present);
                    violations.extend(missing.map(|(name, _)| missing_attribute(name)));
                }
                Err(Fault::of(if self.repeated { Code::Malformed } else { Code::InvalidEvent }, violations))
            }
        }
    }

    /// The name an attribute goes by: with [`Lenient::uppercase_names`] in lower case.
    pub fn name<'n>(&self, name: &'n str) -> Cow<'n, str> {
        let fold = self.lenient.uppercase_names && name.bytes().any(|byte| byte.is_ascii_uppercase());
        if fold { name.to_ascii_lowercase().into() } else { name.into() }
    }

    /// The name the message's next attribute goes by; `None` when it may not have it, which is recorded, or is left out.
    fn claim<'n>(&mut self, name: &'n str) -> Option<Cow<'n, str>> {
        if self.violations.len() >= self.told {
            return None;
        }
        let name = self.name(name);
        self.count += 1;
        if self.count > self.limit {
            if self.count == self.limit + 1 {
                let detail = format!("the event has more than {} attributes", self.limit);
                self.refuse(Violation::new("", detail));
            }
            return None;
        }
        if let Err(detail) = check_name(&name) {
            // Data under a name that only looks like its own must not be lost without a word.
            let is_data = ["data", "data_base64"].iter().any(|data| name.eq_ignore_ascii_case(data));
            if is_data || !self.lenient.invalid_names {
                self.refuse(Violation::new(pointer_to(&name), detail));
            }
            return None;
        }
        if self.holds(&name) {
            self.repeated = true;
            self.refuse(Violation::new(pointer_to(&name), format!("`{}` stands more than once", shown(&name))));
            return None;
        }
        Some(name)
    }

    /// Stores a value under a name that is free or to be replaced.
    fn put(&mut self, name: &str, kind: Kind, text: &str) {
        let checked = match name {
            "dataschema" if self.lenient.dataschema_fragment => check_dataschema_leniently(kind, text),
            _ => check_value(name, kind, text),
        };
        let kind = checked.unwrap_or_else(|detail| {
            self.refuse(Violation::new(pointer_to(name), detail));
            kind
        });
        let stored = self.store(name, kind, text);
        self.note(name, stored);
    }

    fn store(&mut self, name: &str, kind: Kind, text: &str) -> Result<(), TooLong> {
        match name {
            "specversion" => self.specversion = true,
            "id" => self.id = Some(self.gathering.keep(text)?),
            "source" => self.source = Some(self.gathering.keep(text)?),
            "type" => self.ty = Some(self.gathering.keep(text)?),
            _ => self.gathering.push(name, kind, text)?,
        }
        Ok(())
    }

    fn note(&mut self, name: &str, stored: Result<(), TooLong>) {
        if let Err(too_long) = stored {
            self.refuse(Violation::new(pointer_to(name), too_long.to_string()));
        }
    }

    fn holds(&self, name: &str) -> bool {
        let taken = match name {
            "specversion" => self.specversion,
            "id" => self.id.is_some(),
            "source" => self.source.is_some(),
            "type" => self.ty.is_some(),
            _ => self.gathering.holds(name),
        };
        taken || self.void.iter().any(|void| **void == *name)
    }

    fn required(&mut self, name: &str) -> Option<&mut Option<Span>> {
        match name {
            "id" => Some(&mut self.id),
            "source" => Some(&mut self.source),
            "type" => Some(&mut self.ty),
            _ => None,
        }
    }
}

fn missing_attribute(name: &str) -> Violation {
    Violation::new(format!("/{name}"), format!("the required attribute `{name}` is missing"))
}

/// JSON Pointer to a member of the event; empty for names too long to be worth repeating.
fn pointer_to(name: &str) -> String {
    if name.len() > 256 {
        return String::new();
    }
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests;
