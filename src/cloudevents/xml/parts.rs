//! What stands in an `event` element: attributes and data. Every problem is listed with the pointer into the event's
//! JSON form.

use super::characters::{is_blank, is_space};
use super::document::{Document, Element, Token};
use super::scope::{Scope, Space};
use super::splice;
use crate::cloudevents::attributes::{Draft, expected_kind};
use crate::cloudevents::reader::{Bounds, Fault, shown};
use crate::cloudevents::{Data, Event, Kind, Violation};
use crate::codes::Code;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytestring::ByteString;
use std::borrow::Cow;

/// The parts of one event.
pub struct Parts {
    draft: Draft,
    data: Option<Data>,
    /// There is more than one `data` element.
    data_repeated: bool,
    /// Text stands beside attributes and data.
    loose_text: bool,
}

impl Parts {
    /// Reads an `event` element that has just started. The fault is one of the document; problems of the event are kept
    /// for [`Parts::finish`].
    pub fn read<'t>(
        document: &mut Document<'t>,
        text: &'t ByteString,
        bounds: &Bounds,
        repetitions: &mut Repetitions,
    ) -> Result<Parts, Fault> {
        let draft = Draft::within(bounds);
        let mut parts = Parts { draft, data: None, data_repeated: false, loose_text: false };
        if let Some(version) = document.attribute(Space::NONE, "specversion") {
            let version = version.clone();
            parts.draft.add("specversion", Kind::String, &version);
        }
        loop {
            // Of an event with too many problems the rest is not looked at.
            if parts.draft.is_hopeless() {
                document.skip()?;
                return Ok(parts);
            }
            match document.next()? {
                Token::Text(text) => parts.loose_text |= !is_blank(&text),
                // Elements of other namespaces are none of ours.
                Token::Start(element) if element.space != Space::EVENT => document.skip()?,
                Token::Start(element) if element.local == "data" => {
                    let data = parts.data(document, text, repetitions)?;
                    parts.data_repeated |= parts.data.replace(data).is_some();
                }
                Token::Start(element) => parts.attribute(document, &element)?,
                Token::End | Token::Complete => return Ok(parts),
            }
        }
    }

    /// The event, or every problem.
    pub fn finish(mut self) -> Result<Event, Fault> {
        if self.data_repeated {
            let violation = Violation::new("/data", "`data` stands more than once");
            return Err(Fault::of(Code::Malformed, vec![violation]));
        }
        if self.loose_text {
            self.draft.refuse(Violation::new("", "text stands directly in the `event` element"));
        }
        self.draft.finish(self.data.unwrap_or_default())
    }

    fn attribute<'t>(&mut self, document: &mut Document<'t>, element: &Element<'t>) -> Result<(), Fault> {
        let kind = kind(document);
        let (content, nested) = document.content()?;
        let name = self.draft.name(element.local);
        let unreadable = match (expected_kind(&name), kind) {
            _ if name == "specversion" => {
                let detail = "`specversion` is an XML attribute of the `event` element, not an element";
                self.draft.refuse(Violation::new("/specversion", detail));
                return Ok(());
            }
            _ if nested => format!("`{}` holds elements", shown(&name)),
            (_, Some(Err(written))) => {
                format!("`{}`: the xsi:type `{}` is not one of the format", shown(&name), shown(&written))
            }
            (Some(expected), Some(Ok(kind))) if kind != expected => {
                format!("`{name}` is of type {}, not {}", expected.name(), kind.name())
            }
            (None, None) => format!("the extension `{}` has no xsi:type", shown(&name)),
            (_, kind) => {
                let kind = kind.and_then(Result::ok).unwrap_or(Kind::String);
                self.draft.add(&name, kind, &content);
                return Ok(());
            }
        };
        self.draft.add_unreadable(&name, unreadable);
        Ok(())
    }

    fn data<'t>(
        &mut self,
        document: &mut Document<'t>,
        text: &'t ByteString,
        repetitions: &mut Repetitions,
    ) -> Result<Data, Fault> {
        let written = document.attribute(Space::INSTANCE, "type").cloned();
        let form = written.as_deref().and_then(|written| resolve(written, document.scope()));
        let data = match form {
            Some((Space::SCHEMA, "any")) => xml(document, text, repetitions)?,
            Some((Space::SCHEMA, form @ ("string" | "base64Binary"))) => match document.content()? {
                (_, true) => Err(String::from("elements stand in data that is not `xs:any`")),
                (content, false) if form == "string" => Ok(share(text, content, Data::Text)),
                (content, false) => binary(&content),
            },
            _ => {
                document.skip()?;
                let found = written.map_or(String::from("none"), |text| format!("`{}`", shown(&text)));
                Err(format!("the xsi:type of data is `xs:string`, `xs:base64Binary` or `xs:any`, not {found}"))
            }
        };
        Ok(data.unwrap_or_else(|detail| {
            self.draft.refuse(Violation::new("/data", detail));
            Data::Absent
        }))
    }
}

/// Namespaces that are declared around many events and repeated on the data of each must not make a batch much larger
/// than it came.
pub struct Repetitions {
    /// Bytes that may still be added.
    left: usize,
}

impl Repetitions {
    /// All repetitions together may have twice the size of the document.
    pub fn of(text: &str) -> Repetitions {
        Repetitions { left: text.len().saturating_mul(2) }
    }
}

/// The type an attribute is written with; `Err` holds what is none.
fn kind(document: &Document<'_>) -> Option<Result<Kind, String>> {
    let written = document.attribute(Space::INSTANCE, "type")?;
    let kind = match resolve(written, document.scope()) {
        Some((Space::EVENT, "boolean")) => Kind::Boolean,
        Some((Space::EVENT, "integer")) => Kind::Integer,
        Some((Space::EVENT, "string")) => Kind::String,
        Some((Space::EVENT, "binary")) => Kind::Binary,
        Some((Space::EVENT, "uri")) => Kind::Uri,
        Some((Space::EVENT, "uriRef")) => Kind::UriReference,
        Some((Space::EVENT, "timestamp")) => Kind::Timestamp,
        _ => return Some(Err(written.to_string())),
    };
    Some(Ok(kind))
}

/// A qualified name in a value. Writers leave the usual prefixes undeclared, as the examples of the specification do.
fn resolve<'w>(written: &'w str, scope: &Scope<'_>) -> Option<(Space, &'w str)> {
    let written = written.trim_matches([' ', '\t', '\n', '\r']);
    let (prefix, local) = written.split_once(':').unwrap_or(("", written));
    let space = scope.resolve(prefix).or(match prefix {
        "ce" => Some(Space::EVENT),
        "xs" | "xsd" => Some(Space::SCHEMA),
        _ => None,
    });
    Some((space?, local))
}

/// `xs:base64Binary`: whitespace may stand anywhere in it (XML Schema part 2, §3.2.16).
fn binary(text: &str) -> Result<Data, String> {
    let bytes = if text.bytes().any(is_space) {
        let characters: Vec<u8> = text.bytes().filter(|byte| !is_space(*byte)).collect();
        STANDARD.decode(characters)
    } else {
        STANDARD.decode(text)
    };
    bytes.map(|bytes| Data::Binary(bytes.into())).map_err(|_| String::from("the data is not base64 with padding"))
}

/// `xs:any`: one element, and nothing but whitespace around it.
fn xml<'t>(
    document: &mut Document<'t>,
    text: &'t ByteString,
    repetitions: &mut Repetitions,
) -> Result<Result<Data, String>, Fault> {
    let mut elements = 0;
    let mut loose_text = false;
    let mut data = Data::Absent;
    loop {
        match document.next()? {
            Token::Text(text) => loose_text |= !is_blank(&text),
            Token::Start(_) if elements > 0 => {
                elements += 1;
                document.skip()?;
            }
            Token::Start(element) => {
                elements += 1;
                let cut = splice::cut(document, text, &element)?;
                let added = cut.len() - (document.position() - element.start);
                repetitions.left = repetitions.left.checked_sub(added).ok_or_else(|| {
                    let detail = "the namespaces around the data are too long to be repeated on each of them";
                    Fault::new(Code::Malformed, detail)
                })?;
                data = share(text, cut, |element| Data::Xml(element.into_bytes()));
            }
            Token::End | Token::Complete => break,
        }
    }
    Ok(match (elements, loose_text) {
        (1, false) => Ok(data),
        (_, true) => Err(String::from("text stands beside the element of `xs:any` data")),
        (count, false) => Err(format!("`xs:any` data is one element, not {count}")),
    })
}

/// Data that stands in the document as it is shares its memory, unless it would keep much more than itself.
fn share(document: &ByteString, text: Cow<'_, str>, form: impl Fn(ByteString) -> Data) -> Data {
    match text {
        Cow::Borrowed(text) => {
            let mut data = form(document.slice_ref(text));
            data.detach(document.len());
            data
        }
        Cow::Owned(text) => form(text.into()),
    }
}
