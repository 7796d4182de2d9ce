//! Data in, and out again in other formats.

use super::{Any, Content, Message, event, message, read, refused, string};
use crate::cloudevents::reader::Bounds;
use crate::cloudevents::{Data, Event, json, protobuf, xml};
use crate::codes::Code;
use prost::Message as _;

fn with(media_type: Option<&str>, data: Content) -> Event {
    let attributes: Vec<_> = media_type.map(|media_type| ("datacontenttype", string(media_type))).into_iter().collect();
    event(&Message { data: Some(data), ..message(&attributes) })
}

fn text(media_type: Option<&str>, text: &str) -> Event {
    with(media_type, Content::Text(text.into()))
}

/// The document behind the attributes every event here has.
fn as_json(event: &Event) -> String {
    let document = String::from_utf8(json::write(event).to_vec()).unwrap();
    document.strip_prefix(r#"{"specversion":"1.0","id":"1","source":"/a","type":"t""#).unwrap().to_owned()
}

fn as_xml(event: &Event) -> String {
    let document = String::from_utf8(xml::write(event).unwrap().to_vec()).unwrap();
    document.split_once("</ce:type>").unwrap().1.to_owned()
}

#[test]
fn no_data_and_empty_data_differ() {
    assert_eq!(event(&message(&[])).data, Data::Absent);
    assert_eq!(text(None, "").data, Data::Text("".into()));
    assert_eq!(with(None, Content::Binary(Vec::new())).data, Data::Binary("".into()));
    for event in [text(None, ""), with(None, Content::Binary(Vec::new()))] {
        assert_eq!(as_json(&event), r#","data_base64":""}"#);
        assert_eq!(event.data.bytes().as_deref(), Some(&b""[..]));
    }
    assert_eq!(as_json(&text(Some("text/plain"), "")), r#","datacontenttype":"text/plain","data":""}"#);
}

#[test]
fn text_is_what_its_media_type_says() {
    for (media_type, data, expected) in [
        (Some("application/json"), "{ \"a\": 1.10 }", r#","datacontenttype":"application/json","data":{ "a": 1.10 }}"#),
        (Some("application/json"), "\"s\"", r#","datacontenttype":"application/json","data":"s"}"#),
        (Some("text/x+json"), "s", r#","datacontenttype":"text/x+json","data_base64":"cw=="}"#),
        (Some("text/plain"), "s", r#","datacontenttype":"text/plain","data":"s"}"#),
        (Some("image/svg+xml"), "<a/>", r#","datacontenttype":"image/svg+xml","data":"<a/>"}"#),
        (
            Some("application/x-www-form-urlencoded"),
            "a=b",
            r#","datacontenttype":"application/x-www-form-urlencoded","data":"a=b"}"#,
        ),
        (None, "s", r#","data_base64":"cw=="}"#),
        (None, "{}", r#","data_base64":"e30="}"#),
    ] {
        assert_eq!(as_json(&text(media_type, data)), expected, "{media_type:?} {data}");
        assert_eq!(text(media_type, data).data.bytes().as_deref(), Some(data.as_bytes()));
    }
    assert!(as_xml(&text(None, "s")).starts_with(r#"<ce:data xsi:type="xs:string">s</ce:data>"#));
    // Characters XML cannot hold.
    assert!(as_xml(&text(None, "\u{1}")).starts_with(r#"<ce:data xsi:type="xs:base64Binary">AQ==</ce:data>"#));
}

#[test]
fn bytes_are_what_their_media_type_says() {
    let json = with(Some("application/json"), Content::Binary(b"[1]".to_vec()));
    assert_eq!(as_json(&json), r#","datacontenttype":"application/json","data":[1]}"#);
    let bytes = with(None, Content::Binary(vec![0xff]));
    assert_eq!(as_json(&bytes), r#","data_base64":"/w=="}"#);
    assert_eq!(bytes.media_type(), None);
}

#[test]
fn a_message_that_says_its_type_says_it_in_other_formats_as_well() {
    let any = Any { type_url: "type.googleapis.com/a.B".into(), value: vec![8, 1] };
    let event = with(None, Content::Proto(any.clone()));
    assert_eq!(event.data, Data::Proto { type_url: any.type_url.clone().into(), value: vec![8, 1].into() });
    let stated = r#","datacontenttype":"application/protobuf","dataschema":"https://type.googleapis.com/a.B","data_base64":"CAE="}"#;
    assert_eq!(as_json(&event), stated);
    let xml = as_xml(&event);
    assert!(xml.contains("<ce:dataschema>https://type.googleapis.com/a.B</ce:dataschema>"), "{xml}");
    assert!(xml.contains(r#"<ce:data xsi:type="xs:base64Binary">CAE=</ce:data>"#), "{xml}");
    let back = json::read(json::write(&event), &Bounds::default()).unwrap();
    assert_eq!((back.data, back.attributes.len()), (Data::Binary(vec![8, 1].into()), 2));
    // From Protobuf to Protobuf nothing is added.
    assert_eq!(read(protobuf::write(&event).to_vec()).unwrap(), event);

    let named = Message {
        data: Some(Content::Proto(Any { type_url: "urn:x:a.B".into(), value: Vec::new() })),
        ..message(&[("dataschema", string("urn:own")), ("datacontenttype", string("application/x-protobuf"))])
    };
    let stated = r#","dataschema":"urn:own","datacontenttype":"application/x-protobuf","data_base64":""}"#;
    assert_eq!(as_json(&super::event(&named)), stated);
    let schema = with(None, Content::Proto(Any { type_url: "urn:x:a.B".into(), value: Vec::new() }));
    assert!(as_json(&schema).contains(r#""dataschema":"urn:x:a.B""#));
    let untyped = with(None, Content::Proto(Any::default()));
    assert_eq!(as_json(&untyped), r#","datacontenttype":"application/protobuf","data_base64":""}"#);
    assert_eq!(read(protobuf::write(&untyped).to_vec()).unwrap(), untyped);
}

#[test]
fn a_type_that_is_no_uri_is_refused_where_it_would_be_the_schema() {
    for type_url in ["a b/c.D", "type.example/a#b", "http://[::1/a.B"] {
        let any = Content::Proto(Any { type_url: type_url.into(), value: Vec::new() });
        let bytes = Message { data: Some(any.clone()), ..message(&[]) }.encode_to_vec();
        assert_eq!(refused(bytes), (Code::InvalidEvent, vec!["/dataschema".into()]), "{type_url}");
        let bytes = Message { data: Some(any), ..message(&[("dataschema", string("urn:own"))]) }.encode_to_vec();
        assert!(read(bytes).is_ok(), "{type_url}");
    }
}

#[test]
fn of_several_data_the_last_counts_and_the_parts_of_one_message_are_merged() {
    let piece = |data| Message { data: Some(data), ..Message::default() }.encode_to_vec();
    let any =
        |type_url: &str, value: &[u8]| piece(Content::Proto(Any { type_url: type_url.into(), value: value.into() }));
    let start = message(&[]).encode_to_vec();
    let read = |pieces: &[Vec<u8>]| read([&start[..], &pieces.concat()].concat()).unwrap().data;
    assert_eq!(
        read(&[piece(Content::Text("a".into())), piece(Content::Binary(vec![1]))]),
        Data::Binary(vec![1].into())
    );
    assert_eq!(read(&[piece(Content::Binary(vec![1])), piece(Content::Text("a".into()))]), Data::Text("a".into()));
    let merged = Data::Proto { type_url: "a/b".into(), value: vec![1].into() };
    assert_eq!(read(&[any("", &[1]), any("a/b", &[])]), merged);
    let alone = Data::Proto { type_url: "a/b".into(), value: "".into() };
    assert_eq!(read(&[any("", &[1]), piece(Content::Text("a".into())), any("a/b", &[])]), alone);
}
