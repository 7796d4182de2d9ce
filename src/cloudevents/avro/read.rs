//! Avro format in.

use super::datum::{Block, Broken, Datum};
use super::{attribute_branch, data_branch, json};
use crate::cloudevents::attributes::Draft;
use crate::cloudevents::media_type::MediaType;
use crate::cloudevents::reader::{Bounds, Fault};
use crate::cloudevents::{Data, Event, Kind, Violation};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

/// Reads one event. Its data shares the memory of `body` unless most of `body` is something else.
pub fn read(body: Bytes, bounds: &Bounds) -> Result<Event, Fault> {
    let mut datum = Datum::of(body.clone());
    let mut draft = Draft::within(bounds);
    attributes(&mut datum, &mut draft)?;
    if draft.is_hopeless() {
        return draft.finish(Data::Absent);
    }
    let mut data = data(&mut datum, &mut draft, bounds)?;
    datum.end()?;
    // JSON was made anew.
    if !matches!(data, Data::Json(_)) {
        data.detach(body.len());
    }
    draft.finish(data)
}

/// The map `attribute`, which holds all of them; of too many those behind the limit are not looked at.
fn attributes(datum: &mut Datum, draft: &mut Draft) -> Result<(), Broken> {
    let mut block = Block::default();
    while !draft.is_hopeless() && datum.more(&mut block)? {
        let name = datum.text()?;
        match datum.branch()? {
            attribute_branch::NULL => draft.add_null(&name),
            attribute_branch::BOOLEAN => {
                let text = if datum.boolean()? { "true" } else { "false" };
                draft.add(&name, Kind::Boolean, text);
            }
            attribute_branch::INT => draft.add(&name, Kind::Integer, &datum.int()?.to_string()),
            attribute_branch::STRING => draft.add(&name, Kind::String, &datum.text()?),
            attribute_branch::BYTES => draft.add(&name, Kind::Binary, &STANDARD.encode(datum.bytes()?)),
            _ => return Err(Broken::Branch),
        }
    }
    Ok(())
}

fn data(datum: &mut Datum, draft: &mut Draft, bounds: &Bounds) -> Result<Data, Fault> {
    let branch = datum.branch()?;
    let media_type = draft.text("datacontenttype").and_then(MediaType::parse);
    let is_json = media_type.is_none_or(|media_type| media_type.is_json());
    match branch {
        data_branch::BYTES => Ok(Data::Binary(datum.bytes()?)),
        data_branch::NULL => Ok(Data::Absent),
        data_branch::STRING if !is_json => Ok(Data::Text(datum.text()?)),
        _ => {
            let json = json::read(datum, branch, bounds)?;
            if json.not_a_number {
                draft
                    .refuse(Violation::new("/data", "the data holds NaN or an infinity, which JSON has no number for"));
            }
            if !is_json {
                let detail = "data of a media type that is not JSON is `bytes` or a `string`";
                draft.refuse(Violation::new("/data", detail));
            }
            Ok(Data::Json(json.text.into()))
        }
    }
}
