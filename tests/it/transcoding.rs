//! The matrix of specs.md §16 and formats.md §1, cell by cell, through the running binary: each event comes in by one door and
//! leaves in binary mode and in every format.

use crate::support::gateway::Gateway;
use crate::support::receiver::{Received, Receiver};
use signalbox::cloudevents::reader::Bounds;
use signalbox::cloudevents::{Data, Event, avro, protobuf};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// JSON that no parser would write again: order, spelling of numbers, a name twice, blanks.
const HARD: &str =
    r#"{"b" : 1.10,  "a":[1E+2, 123456789012345678901234567890, 1e400], "a":"\u00e9é\/", "b":null , "é":{}}"#;
const XMLNS: &str =
    r#"xmlns="http://cloudevents.io/xmlformat/V1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance""#;
const WAYS: [&str; 5] = ["binary", "json", "xml", "protobuf", "avro"];

/// How an event comes in: what follows the required attributes.
enum Door {
    /// `Content-Type`, perhaps empty, and the body.
    Binary(&'static str, Vec<u8>),
    Json(String),
    Xml(String),
    /// Fields of the message.
    Protobuf(Vec<u8>),
    /// Media type, perhaps empty, and the datum of `data`.
    Avro(&'static str, Vec<u8>),
}

/// How its data leave.
struct Out {
    /// `datacontenttype` of binary mode, perhaps none.
    media_type: &'static str,
    /// The body of binary mode and Avro's `bytes`; `None` for no data.
    bytes: Option<Vec<u8>>,
    /// The members behind the attributes, as they stand in the JSON format.
    json: String,
    /// The element `data` of the XML format.
    xml: String,
    protobuf: Data,
}

fn binary(media_type: &'static str, body: impl Into<Vec<u8>>) -> Door {
    Door::Binary(media_type, body.into())
}

fn json(members: impl Into<String>) -> Door {
    Door::Json(members.into())
}

fn xml(elements: impl Into<String>) -> Door {
    Door::Xml(elements.into())
}

fn out(media_type: &'static str, bytes: &str, json: &str, xml: (&str, &str), protobuf: fn(String) -> Data) -> Out {
    let (form, content) = xml;
    Out {
        media_type,
        bytes: Some(bytes.into()),
        json: json.to_owned(),
        xml: format!(r#"<ce:data xsi:type="xs:{form}">{content}</ce:data>"#),
        protobuf: protobuf(bytes.to_owned()),
    }
}

fn text(text: String) -> Data {
    Data::Text(text.into())
}

fn opaque(text: String) -> Data {
    Data::Binary(text.into())
}

fn raw(document: &str) -> String {
    format!(r#""data":{document}"#)
}

/// Bytes of binary mode.
fn from_bytes() -> Vec<(Door, Out)> {
    let json_type = "application/json";
    let padded = format!("  {HARD}\r\n");
    let element = "<a xmlns:p=\"urn:p\" p:q=\"1\">t&amp;\n<!-- c --><![CDATA[<x>]]></a>";
    let document = format!("<?xml version=\"1.0\"?>\n<!-- c -->{element}\n");
    let quoted = serde_json::to_string(&document).expect("JSON");
    let base64 = "base64Binary";
    let latin = Out {
        bytes: Some(b"\xe9".to_vec()),
        protobuf: Data::Binary(bytes::Bytes::from_static(b"\xe9")),
        ..out("text/plain; charset=iso-8859-1", "", r#""data_base64":"6Q==""#, (base64, "6Q=="), opaque)
    };
    vec![
        (binary(json_type, HARD), out(json_type, HARD, &raw(HARD), ("string", HARD), text)),
        (
            binary(json_type, &*padded),
            out(json_type, &padded, &raw(HARD), ("string", &padded.replace('\r', "&#13;")), text),
        ),
        (binary(json_type, "{no"), out(json_type, "{no", r#""data_base64":"e25v""#, ("string", "{no"), text)),
        (binary("image/svg+xml", &*document), out("image/svg+xml", &document, &raw(&quoted), ("any", element), text)),
        (
            binary("application/xml", "<a><b></a>"),
            out(
                "application/xml",
                "<a><b></a>",
                r#""data_base64":"PGE+PGI+PC9hPg==""#,
                ("string", "&lt;a&gt;&lt;b&gt;&lt;/a&gt;"),
                opaque,
            ),
        ),
        (
            binary("application/xml", "<!DOCTYPE a><a/>"),
            out(
                "application/xml",
                "<!DOCTYPE a><a/>",
                r#""data_base64":"PCFET0NUWVBFIGE+PGEvPg==""#,
                ("string", "&lt;!DOCTYPE a&gt;&lt;a/&gt;"),
                opaque,
            ),
        ),
        (
            binary("text/plain", "h\u{e9}\r"),
            out("text/plain", "h\u{e9}\r", r#""data":"hé\r""#, ("string", "hé&#13;"), text),
        ),
        (binary("text/plain", "\u{1}"), out("text/plain", "\u{1}", "\"data\":\"\\u0001\"", (base64, "AQ=="), text)),
        (binary("text/plain; charset=iso-8859-1", *b"\xe9"), latin),
        (binary("image/png", "x"), out("image/png", "x", r#""data_base64":"eA==""#, (base64, "eA=="), opaque)),
        (binary("", "{}"), out("", "{}", r#""data_base64":"e30=""#, (base64, "e30="), opaque)),
        (binary("text/plain", ""), nothing("text/plain")),
    ]
}

fn nothing(media_type: &'static str) -> Out {
    Out { media_type, bytes: None, json: String::new(), xml: String::new(), protobuf: Data::Absent }
}

/// JSON and XML documents.
fn from_documents() -> Vec<(Door, Out)> {
    let (json_type, form) = ("application/json", "application/x-www-form-urlencoded");
    let any = |content: &str| xml(format!(r#"<data xsi:type="xs:any">{content}</data>"#));
    let own = r#"<p:a xmlns:p="urn:p" p:b="1">t<c/></p:a>"#;
    let around = r#"<data xmlns:p="urn:p" xmlns:u="urn:unused" xsi:type="xs:any"><p:a p:b="1"/></data>"#;
    let declared = r#"<p:a xmlns="http://cloudevents.io/xmlformat/V1" xmlns:p="urn:p" p:b="1"/>"#;
    let own_default = own.replacen("<p:a ", r#"<p:a xmlns="http://cloudevents.io/xmlformat/V1" "#, 1);
    let string = |text: &str| raw(&serde_json::to_string(text).expect("JSON"));
    vec![
        (json(raw(HARD)), out(json_type, HARD, &raw(HARD), ("string", HARD), text)),
        (json(raw("null")), out(json_type, "null", &raw("null"), ("string", "null"), text)),
        (json(raw(r#""it's""#)), out(json_type, r#""it's""#, &raw(r#""it's""#), ("string", r#""it's""#), text)),
        (json(r#""data_base64":"e30=""#), out("", "{}", r#""data_base64":"e30=""#, ("base64Binary", "e30="), opaque)),
        (
            json(r#""datacontenttype":"application/json","data_base64":"e30=""#),
            out(json_type, "{}", &raw("{}"), ("string", "{}"), text),
        ),
        (
            json(format!(r#""datacontenttype":"{form}","data":"a=b""#)),
            out(form, "a=b", &raw(r#""a=b""#), ("string", "a=b"), text),
        ),
        (any(own), out("application/xml", &own_default, &string(&own_default), ("any", &own_default), text)),
        (xml(around), out("application/xml", declared, &string(declared), ("any", declared), text)),
        (
            xml(format!(
                r#"<datacontenttype>application/json</datacontenttype><data xsi:type="xs:string">{HARD}</data>"#
            )),
            out(json_type, HARD, &raw(HARD), ("string", HARD), text),
        ),
        (xml(r#"<data xsi:type="xs:string">t</data>"#), out("", "t", r#""data_base64":"dA==""#, ("string", "t"), text)),
        (xml(r#"<data xsi:type="xs:string"/>"#), out("", "", r#""data_base64":"""#, ("string", ""), text)),
    ]
}

/// A field of a Protobuf message, or an entry of Avro, whose content is short.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(content.len()).expect("short")], content].concat()
}

/// Protobuf and Avro.
fn from_numbers() -> Vec<(Door, Out)> {
    let media = |text: &[u8]| field(5, &[field(1, b"datacontenttype"), field(2, &field(3, text))].concat());
    let json_type = media(b"application/json");
    let any = [field(1, b"x.example/a.B"), field(2, b"\x08\x01")].concat();
    let base64 = "base64Binary";
    let avro = |branch: u8, content: &[u8]| {
        [&[branch << 1, u8::try_from(content.len() << 1).expect("short")], content].concat()
    };
    vec![
        (
            Door::Protobuf([json_type.clone(), field(7, b"{ \"a\":1.0}")].concat()),
            out("application/json", "{ \"a\":1.0}", r#""data":{ "a":1.0}"#, ("string", "{ \"a\":1.0}"), text),
        ),
        (
            Door::Protobuf([json_type, field(7, b"{no")].concat()),
            out("application/json", "{no", r#""data_base64":"e25v""#, ("string", "{no"), text),
        ),
        (Door::Protobuf(field(7, b"t")), out("", "t", r#""data_base64":"dA==""#, ("string", "t"), text)),
        (
            Door::Protobuf([media(b"image/svg+xml"), field(7, b"<s/>")].concat()),
            out("image/svg+xml", "<s/>", r#""data":"<s/>""#, ("string", "&lt;s/&gt;"), text),
        ),
        (
            Door::Protobuf(field(8, &any)),
            Out {
                protobuf: Data::Proto { type_url: "x.example/a.B".into(), value: "\u{8}\u{1}".into() },
                ..out("application/protobuf", "\u{8}\u{1}", r#""data_base64":"CAE=""#, (base64, "CAE="), opaque)
            },
        ),
        (Door::Avro("", avro(0, b"{}")), out("", "{}", r#""data_base64":"e30=""#, (base64, "e30="), opaque)),
        (Door::Avro("", avro(6, b"s")), out("application/json", "\"s\"", &raw("\"s\""), ("string", "\"s\""), text)),
        (Door::Avro("text/csv", avro(6, b"s")), out("text/csv", "s", &raw("\"s\""), ("string", "s"), text)),
        (Door::Avro("", vec![2]), nothing("")),
    ]
}

/// Posts the event with this id by its door.
async fn post(gateway: &Gateway, id: &str, door: &Door) {
    let request = gateway.http().post(gateway.ingress("/"));
    let structured = |format: &str, body: Vec<u8>| {
        gateway
            .http()
            .post(gateway.ingress("/"))
            .header("content-type", format!("application/cloudevents+{format}"))
            .body(body)
    };
    let request = match door {
        Door::Binary(media_type, body) => {
            let names = [("ce-specversion", "1.0"), ("ce-id", id), ("ce-source", "/s"), ("ce-type", "t")];
            let request = names.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            let request = if media_type.is_empty() { request } else { request.header("content-type", *media_type) };
            request.body(body.clone())
        }
        Door::Json(members) => {
            let body = format!(r#"{{"specversion":"1.0","id":"{id}","source":"/s","type":"t",{members}}}"#);
            structured("json", body.into())
        }
        Door::Xml(elements) => {
            let required = format!("<id>{id}</id><source>/s</source><type>t</type>");
            structured("xml", format!(r#"<event {XMLNS} specversion="1.0">{required}{elements}</event>"#).into())
        }
        Door::Protobuf(fields) => {
            let required =
                [(1, id.as_bytes()), (2, b"/s"), (3, b"1.0"), (4, b"t")].map(|(number, text)| field(number, text));
            structured("protobuf", [required.concat(), fields.clone()].concat())
        }
        Door::Avro(media_type, data) => {
            let named =
                [("specversion", "1.0"), ("id", id), ("source", "/s"), ("type", "t"), ("datacontenttype", media_type)];
            let named: Vec<_> = named.iter().filter(|(_, text)| !text.is_empty()).collect();
            let short = |text: &str| [&[u8::try_from(text.len() << 1).expect("short")], text.as_bytes()].concat();
            let entries = named.iter().flat_map(|(name, text)| [short(name), vec![6], short(text)].concat());
            let count = u8::try_from(named.len() << 1).expect("few");
            structured("avro", [count].into_iter().chain(entries).chain([0]).chain(data.clone()).collect())
        }
    };
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 202, "{id}: {}", answer.text().await.expect("a body"));
}

/// A document of one of the formats, read by the library.
fn event(way: &str, body: &bytes::Bytes) -> Event {
    let read = if way == "avro" {
        avro::read(body.clone(), &Bounds::default())
    } else {
        protobuf::read(body.clone(), &Bounds::default())
    };
    read.expect("an event")
}

fn check(id: &str, out: &Out, landed: &BTreeMap<&str, Received>) {
    let binary = &landed["binary"];
    let media_type = binary.header("content-type").unwrap_or_default();
    assert_eq!((media_type, &binary.body[..]), (out.media_type, out.bytes.as_deref().unwrap_or_default()), "{id}");
    let document = |way: &str| String::from_utf8(landed[way].body.to_vec()).expect("text");
    let json = document("json");
    let at = json.find(r#","data":"#).or(json.find(r#","data_base64":"#));
    let members = at.map_or("", |at| &json[at + 1..json.len() - 1]);
    assert_eq!(members, out.json, "{id}: {json}");
    let xml = document("xml");
    assert!(
        xml.ends_with(&format!("{}</ce:event>", out.xml)) && (xml.contains("<ce:data ") != out.xml.is_empty()),
        "{id}: {xml}"
    );
    let protobuf = event("protobuf", &landed["protobuf"].body);
    assert_eq!(protobuf.data, out.protobuf, "{id}");
    let avro = event("avro", &landed["avro"].body);
    assert_eq!(avro.data, out.bytes.clone().map_or(Data::Absent, |bytes| Data::Binary(bytes.into())), "{id}");
    assert_eq!(avro.datacontenttype().unwrap_or_default(), out.media_type, "{id}");
}

#[tokio::test]
async fn every_cell_of_the_matrix_is_as_the_contract_says() {
    let mut receivers = Vec::new();
    let (mut destinations, mut entries) = (String::from("destinations:\n"), String::new());
    for way in WAYS {
        let receiver = Receiver::start(&[]).await;
        writeln!(destinations, "  - {{name: {way}, http: {{url: \"{}\"}}}}", receiver.url("/")).expect("a string");
        let mode = if way == "binary" { String::new() } else { format!(", mode: structured, format: {way}") };
        writeln!(entries, "      - {{destination: {way}{mode}}}").expect("a string");
        receivers.push((way, receiver));
    }
    let routes = format!("{destinations}routes:\n  - name: all\n    order: key\n    deliver:\n{entries}");
    let gateway = Gateway::start(&[("routes/all.yaml", &routes)]).await;
    let cases: Vec<_> = [from_bytes(), from_documents(), from_numbers()].into_iter().flatten().collect();
    for (number, (door, out)) in cases.iter().enumerate() {
        let id = number.to_string();
        post(&gateway, &id, door).await;
        let mut landed = BTreeMap::new();
        for (way, receiver) in &receivers {
            landed.insert(*way, receiver.wait(number + 1).await.pop().expect("a request"));
        }
        check(&id, out, &landed);
    }
}
