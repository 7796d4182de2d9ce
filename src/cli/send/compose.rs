//! An event from options.

use super::input;
use crate::cli::failure::Failure;
use crate::cloudevents::Event;
use base64::Engine as _;
use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::path::Path;

const OWN_SOURCE: &str = "urn:signalbox:cli";

/// The attributes and data of one event.
#[derive(Debug, Default, clap::Args)]
#[group(id = "Attributes", multiple = true, conflicts_with = "file")]
pub struct Attributes {
    /// Its type; required without FILE
    #[arg(long = "type", value_name = "TYPE", required_unless_present = "file")]
    pub ty: Option<String>,
    /// Its source [default: urn:signalbox:cli]
    #[arg(long, value_name = "URI")]
    pub source: Option<String>,
    /// Its id [default: a random one]
    #[arg(long)]
    pub id: Option<String>,
    /// Its subject
    #[arg(long)]
    pub subject: Option<String>,
    /// Media type of the data [default: from the data]
    #[arg(long, value_name = "MEDIA-TYPE")]
    pub datacontenttype: Option<String>,
    /// The schema the data claims
    #[arg(long, value_name = "URI")]
    pub dataschema: Option<String>,
    /// Its time, RFC 3339
    #[arg(long)]
    pub time: Option<String>,
    /// Its data; @FILE reads it from a file, @- from stdin; what parses as JSON is JSON
    #[arg(long, value_name = "TEXT|@FILE", allow_hyphen_values = true)]
    pub data: Option<String>,
    /// An extension attribute; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = extension)]
    pub extension: Vec<(String, String)>,
}

impl Attributes {
    /// The event, checked like one from a file.
    pub fn compose(&self) -> Result<Vec<Event>, Failure> {
        input::decoded(&self.document()?, None)
    }

    /// The event in the JSON format, not checked.
    pub fn body(&self) -> Result<Bytes, Failure> {
        self.document().map(Bytes::from)
    }

    /// The event's JSON form; data that is JSON stands in it byte for byte.
    fn document(&self) -> Result<String, Failure> {
        let mut members = Map::new();
        let mut put = |name: &str, value: &str| members.insert(name.to_owned(), Value::from(value));
        put("specversion", "1.0");
        put("id", self.id.as_deref().unwrap_or(&random_id()));
        put("source", self.source.as_deref().unwrap_or(OWN_SOURCE));
        let optional = [
            ("type", &self.ty),
            ("subject", &self.subject),
            ("time", &self.time),
            ("dataschema", &self.dataschema),
            ("datacontenttype", &self.datacontenttype),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                put(name, value);
            }
        }
        for (name, value) in &self.extension {
            if put(name, value).is_some() {
                return Err(Failure::usage(format!("`{name}` is given twice")));
            }
        }
        let Some(data) = self.data()? else {
            return Ok(Value::Object(members).to_string());
        };
        if let Some(media_type) = data.media_type {
            members.entry("datacontenttype").or_insert_with(|| media_type.into());
        }
        let head = Value::Object(members).to_string();
        Ok(format!("{},\"{}\":{}}}", head.strip_suffix('}').unwrap_or(&head), data.name, data.json))
    }

    fn data(&self) -> Result<Option<Member>, Failure> {
        let Some(written) = &self.data else { return Ok(None) };
        let content = match written.strip_prefix('@') {
            Some(file) => input::bytes_of(Path::new(file))?,
            None => written.clone().into_bytes(),
        };
        Ok(Some(member(content, self.datacontenttype.as_deref())))
    }
}

/// How data stands in the event's JSON form.
#[derive(Debug, PartialEq, Eq)]
struct Member {
    name: &'static str,
    json: String,
    media_type: Option<&'static str>,
}

fn member(content: Vec<u8>, media_type: Option<&str>) -> Member {
    let Ok(text) = String::from_utf8(content.clone()) else {
        let json = format!("\"{}\"", base64::engine::general_purpose::STANDARD.encode(content));
        return Member { name: "data_base64", json, media_type: Some("application/octet-stream") };
    };
    let json = serde_json::from_str::<&RawValue>(&text).map(|value| value.get().to_owned());
    match (json, media_type.is_none_or(is_json)) {
        (Ok(json), true) => Member { name: "data", json, media_type: Some("application/json") },
        // Not JSON, whatever the media type says: sent as it is, so that the gateway's schema can judge it.
        (_, true) if media_type.is_some() => {
            let json = format!("\"{}\"", base64::engine::general_purpose::STANDARD.encode(text));
            Member { name: "data_base64", json, media_type: None }
        }
        _ => Member { name: "data", json: Value::from(text).to_string(), media_type: Some("text/plain") },
    }
}

/// `application/json`, `text/json` and everything that ends in `+json` (CloudEvents JSON format §3.1).
fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.split_once('/').is_some_and(|(_, subtype)| subtype == "json" || subtype.ends_with("+json"))
}

/// 128 random bits in the usual form of a version 4 UUID.
fn random_id() -> String {
    let bits = (fastrand::u128(..) & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn extension(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{Attributes, member, random_id};

    fn attributes(data: Option<&str>) -> Attributes {
        Attributes {
            ty: Some("t".to_owned()),
            id: Some("1".to_owned()),
            data: data.map(str::to_owned),
            ..Attributes::default()
        }
    }

    #[test]
    fn data_that_is_json_stays_byte_for_byte() {
        let head = r#"{"specversion":"1.0","id":"1","source":"urn:signalbox:cli","type":"t""#;
        assert_eq!(attributes(None).document().unwrap(), format!("{head}}}"));
        let json = r#","datacontenttype":"application/json","data":{"a": 1.00, "b":{}}}"#;
        assert_eq!(attributes(Some(r#"{"a": 1.00, "b":{}}"#)).document().unwrap(), format!("{head}{json}"));
        let text = r#","datacontenttype":"text/plain","data":"it's \"text\""}"#;
        assert_eq!(attributes(Some(r#"it's "text""#)).document().unwrap(), format!("{head}{text}"));
    }

    #[test]
    fn the_media_type_decides_what_data_is() {
        assert_eq!(member(b"{}".to_vec(), Some("application/xml")).json, "\"{}\"");
        assert_eq!(member(b"{}".to_vec(), Some("application/vnd.x+json; charset=utf-8")).json, "{}");
        assert_eq!(member(b"{".to_vec(), Some("application/json")).name, "data_base64");
        let bytes = member(vec![0xff, 0], None);
        assert_eq!((bytes.name, bytes.json.as_str()), ("data_base64", "\"/wA=\""));
        assert_eq!(bytes.media_type, Some("application/octet-stream"));
    }

    #[test]
    fn an_attribute_given_twice_is_a_usage_error() {
        let mut twice = attributes(None);
        twice.extension = vec![("id".to_owned(), "2".to_owned())];
        assert!(twice.document().is_err());
    }

    #[test]
    fn ids_are_version_four_uuids() {
        let id = random_id();
        assert_eq!(id.len(), 36);
        assert_eq!(id.as_bytes()[14], b'4');
        assert!(matches!(id.as_bytes()[19], b'8'..=b'b'));
        assert_ne!(id, random_id());
    }
}
