//! Which mode a request is in, and what is refused with which code.

use super::body::Encoding;
use super::{Decoded, Limits, Refusal, decode};
use crate::cloudevents::reader::Lenient;
use crate::cloudevents::{Data, Event};
use crate::codes::Code;
use bytes::Bytes;
use std::io::Write;

const LIMITS: Limits = Limits {
    event_bytes: 1000,
    body_bytes: 5000,
    batch_events: 4,
    attributes: 20,
    json_depth: 10,
    xml_depth: 10,
    xml_attributes: 20,
    xml_namespaces: 5,
    ..Limits::UNLIMITED
};
const MINIMAL: &str = r#"{"specversion":"1.0","id":"1","source":"/a","type":"t"}"#;
const MINIMAL_XML: &str = concat!(
    r#"<event xmlns="http://cloudevents.io/xmlformat/V1" specversion="1.0">"#,
    "<id>1</id><source>/a</source><type>t</type></event>"
);
const REQUIRED: [(&str, &str); 4] = [("ce-specversion", "1.0"), ("CE-Id", "1"), ("ce-source", "/a"), ("ce-type", "t")];

fn send(headers: &[(&str, &str)], body: impl Into<Bytes>) -> Result<Decoded, Refusal> {
    decode(headers.iter().map(|(name, value)| (*name, value.as_bytes())), body.into(), &LIMITS)
}

fn send_typed(content_type: &str, body: impl Into<Bytes>) -> Result<Decoded, Refusal> {
    send(&[("Content-Type", content_type)], body)
}

fn send_binary(headers: &[(&str, &str)], body: impl Into<Bytes>) -> Result<Event, Refusal> {
    send(&[&REQUIRED[..], headers].concat(), body).map(|decoded| match decoded {
        Decoded::Single(event) => event,
        Decoded::Batch(_) => panic!("not a single event"),
    })
}

fn pointers(refusal: Refusal) -> Vec<(Option<usize>, String)> {
    refusal.violations.into_iter().map(|(index, violation)| (index, violation.pointer)).collect()
}

#[test]
fn the_media_type_decides_the_mode() {
    for content_type in [
        "application/cloudevents+json",
        "Application/CloudEvents+JSON; charset=\"UTF-8\"",
        "application/cloudevents",
        "application/cloudevents; charset=utf-8",
    ] {
        assert!(matches!(send_typed(content_type, MINIMAL), Ok(Decoded::Single(_))), "{content_type}");
    }
    for content_type in ["application/cloudevents-batch+json", "application/cloudevents-batch"] {
        assert_eq!(send_typed(content_type, "[]"), Ok(Decoded::Batch(Vec::new())), "{content_type}");
    }
    for content_type in ["application/cloudevents+xml", "APPLICATION/CloudEvents+XML; charset=utf-8"] {
        assert!(matches!(send_typed(content_type, MINIMAL_XML), Ok(Decoded::Single(_))), "{content_type}");
        assert_eq!(send_typed(content_type, MINIMAL).unwrap_err().code, Code::Malformed, "{content_type}");
    }
    let batch = r#"<batch xmlns="http://cloudevents.io/xmlformat/V1"/>"#;
    assert_eq!(send_typed("application/cloudevents-batch+xml", batch), Ok(Decoded::Batch(Vec::new())));
    for content_type in ["application/json", "application/cloudeventsfoo+json", "a/b, application/cloudevents+json"] {
        assert_eq!(send_typed(content_type, MINIMAL).unwrap_err().code, Code::NotAnEvent, "{content_type}");
    }
    assert_eq!(send(&[], MINIMAL).unwrap_err().code, Code::NotAnEvent);
    assert_eq!(send(&[("ce_id", "1")], MINIMAL).unwrap_err().code, Code::NotAnEvent);
    for content_type in [
        "application/cloudevents+cbor",
        "application/cloudevents-batch+cbor",
        "application/cloudevents+xml; charset=utf-16",
        "application/cloudevents-batch+xml; charset=iso-8859-1",
        "application/cloudevents+json; charset=latin1",
        "application/cloudevents-batch+json; charset=utf-16",
    ] {
        assert_eq!(send_typed(content_type, MINIMAL).unwrap_err().code, Code::UnknownMediaType, "{content_type}");
    }
}

#[test]
fn a_structured_body_alone_counts() {
    let structured = [("Content-Type", "application/cloudevents+json")];
    let headers = [&REQUIRED[..], &[("ce-subject", "smuggled"), ("ce-id", "2")], &structured].concat();
    let Ok(Decoded::Single(event)) = send(&headers, MINIMAL) else { panic!("refused") };
    assert_eq!((&*event.id, event.attribute("subject")), ("1", None));
}

#[test]
fn two_content_types_are_refused() {
    let headers = [("Content-Type", "application/cloudevents+json"), ("content-type", "text/plain")];
    let refusal = send(&[&REQUIRED[..], &headers].concat(), MINIMAL).unwrap_err();
    assert_eq!(refusal.code, Code::Malformed);
    assert_eq!(pointers(refusal), [(None, "/datacontenttype".to_owned())]);
}

#[test]
fn binary_mode_takes_attributes_from_headers_and_data_as_it_is() {
    let headers = [("Content-Type", "application/JSON"), ("ce-Subject", "%E2%82%AC%20\"a\""), ("accept", "*/*")];
    let event = send_binary(&headers, " {\"a\": 1} ").unwrap();
    assert_eq!(event.attribute("subject"), Some("€ \"a\""));
    assert_eq!(event.datacontenttype(), Some("application/JSON"));
    assert_eq!(event.data, Data::Binary(" {\"a\": 1} ".into()));
    assert_eq!(send_binary(&[], "x").unwrap().datacontenttype(), None);
    assert_eq!(send_binary(&[("content-type", "text/plain")], "").unwrap().data, Data::Absent);
    assert_eq!(send_binary(&[("ce-ext", "")], "").unwrap().attribute("ext"), Some(""));
}

#[test]
fn wrong_headers_are_violations() {
    for (header, pointer) in [
        (("ce-my-ext", "x"), "/my-ext"),
        (("ce-", "x"), "/"),
        (("ce-data", "x"), "/data"),
        (("ce-datacontenttype", "text/plain"), "/datacontenttype"),
        (("Content-Type", "nonsense"), "/datacontenttype"),
        (("Content-Type", ""), "/datacontenttype"),
        (("ce-ext", "%C0%A0"), "/ext"),
        (("ce-ext", "a%0D%0Ab"), "/ext"),
        (("ce-ext", "%00"), "/ext"),
        (("ce-subject", ""), "/subject"),
        (("ce-time", "noon"), "/time"),
        (("ce-dataschema", "//host?x"), "/dataschema"),
    ] {
        let refusal = send_binary(&[header], "").unwrap_err();
        assert_eq!(refusal.code, Code::InvalidEvent, "{header:?}");
        assert_eq!(pointers(refusal), [(None, pointer.to_owned())], "{header:?}");
    }
    let twice = send_binary(&[("CE-ID", "1")], "").unwrap_err();
    assert_eq!((twice.code, pointers(twice)), (Code::Malformed, vec![(None, "/id".to_owned())]));
}

#[test]
fn missing_and_unknown_attributes_are_named() {
    let refusal = send(&[("ce-specversion", "0.3"), ("ce-type", "t")], "").unwrap_err();
    assert_eq!(refusal.code, Code::InvalidEvent);
    let expected = ["/specversion", "/id", "/source"].map(|pointer| (None, pointer.to_owned()));
    assert_eq!(pointers(refusal), expected);
    let refusal = send_typed("application/cloudevents+json", r#"{"data":1}"#).unwrap_err();
    let expected = ["/specversion", "/id", "/source", "/type"].map(|pointer| (None, pointer.to_owned()));
    assert_eq!(pointers(refusal), expected);
}

#[test]
fn events_over_the_size_limit_are_refused_in_each_mode() {
    let fill = "x".repeat(950);
    let structured = MINIMAL.replace('}', &format!(",\"data\":\"{fill}\"}}"));
    let code = |result: Result<Decoded, Refusal>| result.unwrap_err().code;
    assert_eq!(code(send_typed("application/cloudevents+json", structured.clone())), Code::EventTooLarge);
    let refusal = send_typed("application/cloudevents-batch+json", format!("[{MINIMAL},{structured}]")).unwrap_err();
    assert_eq!((refusal.code, pointers(refusal)), (Code::EventTooLarge, vec![(Some(1), String::new())]));
    assert_eq!(send_binary(&[], fill.clone()).unwrap().data.len(), 950);
    assert_eq!(send_binary(&[("ce-ext", &fill)], "").unwrap().attribute("ext").map(str::len), Some(950));
    assert_eq!(send_binary(&[("ce-ext", &fill)], "x".repeat(50)).unwrap_err().code, Code::EventTooLarge);
}

#[test]
fn a_batch_names_every_bad_element() {
    let batch =
        |elements: &[&str]| send_typed("application/cloudevents-batch+json", format!("[{}]", elements.join(",")));
    assert!(matches!(batch(&[MINIMAL, MINIMAL]), Ok(Decoded::Batch(events)) if events.len() == 2));
    let refusal = batch(&[MINIMAL, r#"{"specversion":"1.0","id":"","source":"/a"}"#, MINIMAL, "5"]).unwrap_err();
    assert_eq!(refusal.code, Code::InvalidEvent);
    assert!(refusal.detail.contains("2 elements"), "{}", refusal.detail);
    let expected = [(Some(1), "/id"), (Some(1), "/type"), (Some(3), "")];
    assert_eq!(pointers(refusal), expected.map(|(index, pointer)| (index, pointer.to_owned())));
    assert_eq!(batch(&[MINIMAL; 5]).unwrap_err().code, Code::BatchTooLong);
    assert_eq!(send_typed("application/cloudevents-batch+json", MINIMAL).unwrap_err().code, Code::Malformed);
}

#[test]
fn a_hostile_batch_does_not_make_a_huge_refusal() {
    let limits = Limits { batch_events: 1000, event_bytes: 100_000, attributes: 256, ..LIMITS };
    let element = format!("{{{}}}", vec!["\"A\":1"; 250].join(","));
    let body = format!("[{}]", vec![element; 1000].join(","));
    let headers = [("content-type", &b"application/cloudevents-batch"[..])];
    let refusal = decode(headers.into_iter(), body.into(), &limits).unwrap_err();
    assert!(refusal.violations.len() < 2500, "{}", refusal.violations.len());
    assert_eq!(refusal.violations.last().and_then(|(index, _)| *index), Some(999));
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zstd(data: &[u8]) -> Vec<u8> {
    zstd::encode_all(data, 0).unwrap()
}

fn decompress(encoding: Encoding, body: impl Into<Bytes>) -> Result<Bytes, Code> {
    encoding.decompress(body.into(), LIMITS.body_bytes).map_err(|refusal| refusal.code)
}

#[test]
fn one_layer_of_a_known_coding_is_understood() {
    let of = |values: &[&str]| {
        Encoding::of(values.iter().map(|value| ("Content-Encoding", value.as_bytes()))).map_err(|refusal| refusal.code)
    };
    for (values, encoding) in [
        (&[][..], Encoding::Identity),
        (&["identity"], Encoding::Identity),
        (&[""], Encoding::Identity),
        (&["GZIP"], Encoding::Gzip),
        (&["x-gzip"], Encoding::Gzip),
        (&[" zstd , identity"], Encoding::Zstd),
    ] {
        assert_eq!(of(values), Ok(encoding), "{values:?}");
    }
    for values in [&["gzip, gzip"][..], &["gzip", "zstd"], &["br"], &["deflate"], &["gzip;q=1"]] {
        assert_eq!(of(values), Err(Code::UnknownEncoding), "{values:?}");
    }
}

#[test]
fn complete_streams_are_decompressed_and_others_refused() {
    let data = b"hello ".repeat(100);
    for (encoding, body) in [(Encoding::Gzip, gzip(&data)), (Encoding::Zstd, zstd(&data))] {
        assert_eq!(decompress(encoding, body.clone()).as_deref(), Ok(&data[..]));
        assert_eq!(decompress(encoding, body.repeat(3)).as_deref(), Ok(&data.repeat(3)[..]), "several members");
        for length in 0..body.len() {
            let cut = decompress(encoding, Bytes::copy_from_slice(&body[..length]));
            assert_eq!(cut, Err(Code::BrokenEncoding), "{encoding:?} cut to {length}");
        }
        let trailing = [&body[..], b"garbage after the end"].concat();
        assert_eq!(decompress(encoding, trailing), Err(Code::BrokenEncoding), "{encoding:?}");
        assert_eq!(decompress(encoding, "not compressed at all, is it"), Err(Code::BrokenEncoding));
    }
    let mut damaged = gzip(&data);
    let crc = damaged.len() - 8;
    damaged[crc] ^= 1;
    assert_eq!(decompress(Encoding::Gzip, damaged), Err(Code::BrokenEncoding));
}

#[test]
fn a_swarm_of_empty_members_is_refused() {
    assert_eq!(decompress(Encoding::Gzip, gzip(b"").repeat(1000)).as_deref(), Ok(&b""[..]));
    assert_eq!(decompress(Encoding::Gzip, gzip(b"").repeat(1001)), Err(Code::BrokenEncoding));
}

#[test]
fn the_result_is_capped() {
    let full = vec![b'x'; LIMITS.body_bytes];
    let over = vec![b'x'; LIMITS.body_bytes + 1];
    let bomb = vec![0; 50_000_000];
    for (encoding, compress) in [
        (Encoding::Identity, (|data| data.to_vec()) as fn(&[u8]) -> Vec<u8>),
        (Encoding::Gzip, gzip),
        (Encoding::Zstd, zstd),
    ] {
        assert_eq!(decompress(encoding, compress(&full)).map(|body| body.len()), Ok(full.len()));
        let measure = |data: &[u8]| encoding.measure(&compress(data), full.len()).map_err(|refusal| refusal.code);
        assert_eq!((measure(b""), measure(b"abc"), measure(&full)), (Ok(0), Ok(3), Ok(full.len())));
        if encoding != Encoding::Identity {
            assert_eq!((measure(&over), measure(&bomb)), (Err(Code::BodyTooLarge), Err(Code::BodyTooLarge)));
        }
        assert_eq!(decompress(encoding, compress(&over)), Err(Code::BodyTooLarge));
        assert_eq!(decompress(encoding, compress(&bomb)), Err(Code::BodyTooLarge));
    }
}

#[test]
fn a_zstd_stream_without_its_size_is_measured_within_its_window() {
    let data = b"hello ".repeat(800);
    let streamed = zstd(&data);
    let declared = zstd::bulk::compress(&data, 3).unwrap();
    for (body, takes) in [(&streamed, LIMITS.body_bytes), (&declared, 0)] {
        assert_eq!(Encoding::Zstd.measuring_takes(body, LIMITS.body_bytes), takes);
        assert_eq!(Encoding::Zstd.measure(body, LIMITS.body_bytes).map_err(|refusal| refusal.code), Ok(data.len()));
    }
    let over = zstd(&b"hello ".repeat(900));
    assert_eq!(Encoding::Zstd.measure(&over, 5000).map_err(|refusal| refusal.code), Err(Code::BodyTooLarge));
}

#[test]
fn leniencies_hold_in_every_mode_and_format() {
    let lenient = Lenient { uppercase_names: true, invalid_names: true, dataschema_fragment: true };
    let read = |headers: &[(&str, &str)], body: &str, lenient| {
        let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
        decode(headers, Bytes::copy_from_slice(body.as_bytes()), &Limits { lenient, ..LIMITS })
    };
    let json = r##"{"specversion":"1.0","ID":"1","source":"/a","type":"t","My_Ext":{},"MyExt":"x","dataschema":"#","data":1}"##;
    let batch = format!("[{json}]");
    let xml = concat!(
        r#"<event xmlns="http://cloudevents.io/xmlformat/V1" specversion="1.0"><ID>1</ID><source>/a</source>"#,
        r##"<type>t</type><my-ext>1</my-ext><MyExt xsi:type="ce:string" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">"##,
        r##"x</MyExt><dataschema>#</dataschema></event>"##
    );
    let binary = [("ce-my-ext", "1"), ("Ce-MyExt", "x"), ("ce-dataschema", "#")];
    let binary = [&REQUIRED[..], &binary].concat();
    for (headers, body) in [
        (&[("content-type", "application/cloudevents+json")][..], json),
        (&[("content-type", "application/cloudevents-batch+json")], &*batch),
        (&[("content-type", "application/cloudevents+xml")], xml),
        (&binary, "x"),
    ] {
        assert!(read(headers, body, Lenient::default()).is_err(), "{body}");
        let event = match read(headers, body, lenient) {
            Ok(Decoded::Single(event)) => event,
            Ok(Decoded::Batch(mut events)) => events.remove(0),
            Err(refusal) => panic!("{body}: {refusal:?}"),
        };
        assert_eq!((event.attribute("myext"), event.attribute("dataschema")), (Some("x"), Some("#")), "{body}");
        assert_eq!((&*event.id, event.attributes.len()), ("1", 2), "{body}");
    }
}
