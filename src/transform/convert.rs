//! The `convert` step: data of one kind becomes data of the other, by declared rules (design.md §2, "Payload conversion").

use crate::cloudevents::attributes::Draft;
use crate::cloudevents::reader::shown;
use crate::cloudevents::{Data, Event, Kind};
use crate::conversion::{self, Schemas, rules::Rules};
use std::sync::Arc;

/// What data is converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// `application/xml`, from JSON.
    Xml,
    /// `application/json`, from XML.
    Json,
}

impl To {
    /// The media type of the result.
    pub fn media_type(self) -> &'static str {
        match self {
            To::Xml => "application/xml",
            To::Json => "application/json",
        }
    }
}

/// One compiled step.
#[derive(Debug, Clone)]
pub struct Convert {
    /// The result.
    pub to: To,
    /// How.
    pub rules: Arc<Rules>,
    /// What tells types on the way back.
    pub schemas: Arc<dyn Schemas>,
}

impl PartialEq for Convert {
    /// Schemas are those of the same snapshot.
    fn eq(&self, other: &Convert) -> bool {
        self.to == other.to && self.rules == other.rules
    }
}

impl Convert {
    /// What the step does to attributes: `datacontenttype` is set, `dataschema` removed.
    pub fn mark(&self, draft: &mut Draft) {
        draft.set("datacontenttype".into(), Kind::String, self.to.media_type().into());
        draft.remove("dataschema");
    }

    /// The data of an event, converted. The pointer of an error is one into the data.
    pub fn data(&self, event: &Event) -> Result<Data, conversion::Error> {
        match self.to {
            To::Xml => {
                let json = event.json_data().ok_or_else(|| unfit(event, "JSON"))?;
                // Not `Data::Xml`: data deeper than readers of events go is then written as text.
                let xml = conversion::to_xml(&self.rules, &json)?;
                Ok(Data::Binary(xml))
            }
            To::Json => {
                let xml = event.xml_data().ok_or_else(|| unfit(event, "XML"))?;
                let schema = self.schemas.document(event);
                let json = conversion::from_xml(&self.rules, &xml, schema)?;
                Ok(Data::Json(json))
            }
        }
    }
}

fn unfit(event: &Event, wanted: &str) -> conversion::Error {
    let detail = match (&event.data, event.media_type()) {
        (Data::Absent, _) => format!("the event has no data, and {wanted} is to be converted"),
        (_, Some(media_type)) => format!("the data is `{}`, and {wanted} is to be converted", shown(media_type)),
        (_, None) => format!("the data has no media type, and {wanted} is to be converted"),
    };
    conversion::Error { pointer: String::new(), detail }
}
