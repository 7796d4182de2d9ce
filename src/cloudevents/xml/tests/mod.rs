//! The XML format, in and out.

mod canonical;
mod data;
mod document;
mod hostile;
mod read;
mod write;

use crate::cloudevents::reader::{Bounds, Fault};
use crate::cloudevents::{Event, json, xml};
use crate::codes::Code;

/// An event with the usual attributes and namespaces, and these elements.
fn envelope(elements: &str) -> String {
    format!(
        concat!(
            r#"<event xmlns="http://cloudevents.io/xmlformat/V1" xmlns:xs="http://www.w3.org/2001/XMLSchema" "#,
            r#"xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" specversion="1.0">"#,
            "<id>1</id><source>/a</source><type>t</type>{}</event>"
        ),
        elements
    )
}

fn read(document: impl Into<Vec<u8>>) -> Result<Event, Fault> {
    xml::read(document.into().into(), &Bounds::default())
}

fn read_with(elements: &str) -> Result<Event, Fault> {
    read(envelope(elements))
}

fn event(elements: &str) -> Event {
    read_with(elements).unwrap_or_else(|fault| panic!("{elements}: {fault}"))
}

/// Code and pointers of a refusal.
fn refused(elements: &str) -> (Code, Vec<String>) {
    let fault = read_with(elements).map(|event| panic!("{elements}: {event:?}")).unwrap_err();
    (fault.code, fault.violations.into_iter().map(|violation| violation.pointer).collect())
}

fn of_json(members: &str) -> Event {
    let body = format!(r#"{{"specversion":"1.0","id":"1","source":"/a","type":"t"{members}}}"#);
    json::read(body.into(), &Bounds::default()).unwrap()
}
