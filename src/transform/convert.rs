//! The `convert` step: data of one kind becomes data of another, by declared rules where XML is one of the two
//! (design.md §2, "Payload conversion"), by the Avro or Protobuf schema of the event's type else (formats.md §5).

use crate::cloudevents::attributes::Draft;
use crate::cloudevents::media_type::MediaType;
use crate::cloudevents::reader::shown;
use crate::cloudevents::{Data, Event, Kind, Violation};
use crate::conversion::{self, Error, Schemas, rules::Rules};
use crate::payload::{Encoding, Schema, Unfit, confluent};
use bytes::Bytes;
use std::sync::Arc;

/// What data is converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// `application/xml`, from JSON or a binary encoding.
    Xml,
    /// `application/json`, from XML or a binary encoding.
    Json,
    /// A binary encoding, from JSON or XML.
    Binary(Encoding),
}

impl To {
    /// The media type of the result.
    pub fn media_type(self) -> &'static str {
        match self {
            To::Xml => "application/xml",
            To::Json => "application/json",
            To::Binary(encoding) => encoding.media_type(),
        }
    }
}

/// One compiled step.
#[derive(Debug, Clone)]
pub struct Convert {
    /// The result.
    pub to: To,
    /// How XML becomes JSON and JSON XML; needed where one of the two is XML.
    pub rules: Option<Arc<Rules>>,
    /// The id in the frame of Confluent's wire format around a binary encoding.
    pub schema_id: Option<u32>,
    /// The schemas of the events' types.
    pub schemas: Arc<dyn Schemas>,
}

impl PartialEq for Convert {
    /// Schemas are those of the same snapshot.
    fn eq(&self, other: &Convert) -> bool {
        (self.to, &self.rules, self.schema_id) == (other.to, &other.rules, other.schema_id)
    }
}

impl Convert {
    /// What the step does to attributes: `datacontenttype` is set, `dataschema` removed.
    pub fn mark(&self, draft: &mut Draft) {
        draft.set("datacontenttype", Kind::String, self.to.media_type());
        draft.remove("dataschema");
    }

    /// The data of an event, converted. `accepted` is the event before all steps: earlier ones may have removed its
    /// `dataschema`. The pointer of an error is one into the data.
    pub fn data(&self, event: &Event, accepted: &Event) -> Result<Data, Error> {
        let governed = self.governed(event, accepted);
        match self.to {
            To::Xml => {
                let rules = self.rules.as_ref().ok_or_else(|| unfit(event, "JSON"))?;
                let json = self.json(event, &governed, "JSON")?;
                // Not `Data::Xml`: data deeper than readers of events go is then written as text.
                let xml = conversion::to_xml(rules, &json)?;
                Ok(Data::Binary(xml))
            }
            To::Json if self.rules.is_some() && event.json_data().is_some() => Err(unfit(event, "XML")),
            To::Json => self.json(event, &governed, "XML, Avro or Protobuf").map(Data::Json),
            To::Binary(encoding) => {
                let schema = self.schemas.payload(&governed).filter(|schema| schema.encoding() == encoding);
                let schema = schema.ok_or_else(|| no_schema(&governed, encoding))?;
                let bytes = if let Some(bytes) = own_bytes(event, schema) {
                    bytes
                } else {
                    let json = self.json(event, &governed, "JSON")?;
                    schema.to_bytes(&json).map_err(|unfit| not_fit(unfit, encoding))?.into()
                };
                let framed = self.schema_id.map(|id| confluent::frame(schema, id, &bytes).into());
                Ok(Data::Binary(framed.unwrap_or(bytes)))
            }
        }
    }

    /// The event whose schema counts: with the type of the moment where that one has schemas, and with the version the
    /// event named when it was accepted where no step chose another.
    fn governed(&self, event: &Event, accepted: &Event) -> Event {
        let bare = |event: &Event| Event { data: Data::Absent, ..event.clone() };
        let own = event.ty == accepted.ty || self.schemas.governs(event);
        if own && (event.ty != accepted.ty || event.attribute("dataschema").is_some()) {
            return bare(event);
        }
        bare(accepted)
    }

    /// The data in its JSON form.
    fn json(&self, event: &Event, governed: &Event, wanted: &str) -> Result<Bytes, Error> {
        if let Some(json) = event.json_data() {
            return Ok(json);
        }
        if let (Some(rules), Some(xml)) = (&self.rules, event.xml_data()) {
            return conversion::from_xml(rules, &xml, self.schemas.document(governed));
        }
        let schema = self.schemas.payload(governed);
        match schema.and_then(|schema| Some((schema, own_bytes(event, schema)?))) {
            Some((schema, bytes)) => schema.to_json(&bytes).map(Bytes::from).map_err(error),
            None => Err(unfit(event, wanted)),
        }
    }
}

/// The data where it is in the schema's own encoding.
fn own_bytes(event: &Event, schema: &Schema) -> Option<Bytes> {
    let encoding = event.media_type().and_then(Encoding::of)?;
    if encoding == schema.encoding() { event.data.bytes() } else { None }
}

fn error(violation: Violation) -> Error {
    Error { pointer: violation.pointer, detail: violation.detail }
}

/// The first violation, and how many more there are.
fn not_fit(unfit: Unfit, encoding: Encoding) -> Error {
    let mut violations = match unfit {
        Unfit::NotJson(detail) => vec![Violation::new("", detail)],
        Unfit::Violations(violations) => violations,
    };
    let more = violations.len().saturating_sub(1);
    let first = if violations.is_empty() { Violation::new("", "it does not fit") } else { violations.swap_remove(0) };
    let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
    Error {
        pointer: first.pointer,
        detail: format!("the {} schema asks for other data: {}{more}", encoding.name(), first.detail),
    }
}

fn no_schema(governed: &Event, encoding: Encoding) -> Error {
    let detail =
        format!("the type `{}` has no {} schema that governs this event", shown(&governed.ty), encoding.name());
    Error { pointer: String::new(), detail }
}

fn unfit(event: &Event, wanted: &str) -> Error {
    let is_xml = event.media_type().and_then(MediaType::parse).is_some_and(|media_type| media_type.is_xml());
    let detail = match (&event.data, event.media_type()) {
        (Data::Absent, _) => format!("the event has no data, and {wanted} is to be converted"),
        (_, Some(media_type)) if is_xml && wanted != "XML" => {
            format!("the data is `{}`, and the step names no `rules` for XML", shown(media_type))
        }
        (_, Some(media_type)) => format!("the data is `{}`, and {wanted} is to be converted", shown(media_type)),
        (_, None) => format!("the data has no media type, and {wanted} is to be converted"),
    };
    Error { pointer: String::new(), detail }
}
