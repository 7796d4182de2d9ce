//! Bytes that lie.

use super::{message, read, refused, string};
use crate::cloudevents::protobuf;
use crate::cloudevents::reader::Bounds;
use crate::codes::Code;
use bytes::Bytes;
use proptest::prelude::{any, proptest};
use prost::Message as _;

/// A valid event followed by these bytes.
fn with(bytes: &[u8]) -> Vec<u8> {
    [&message(&[]).encode_to_vec()[..], bytes].concat()
}

#[test]
fn broken_messages_are_refused() {
    for (bytes, why) in [
        (&[0x3a][..], "it ends inside of a field"),
        (&[0x3a, 0x05, b'a'], "it ends inside of a field"),
        (&[0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f], "it ends inside of a field"),
        (&[0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], "it ends inside of a field"),
        (&[0x80], "it ends inside of a field"),
        (&[0xf9, 0x01, 0, 0, 0], "it ends inside of a field"),
        (&[0x98, 0x06, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], "a number is longer than 64 bits"),
        (
            &[0x98, 0x06, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
            "a number is longer than 64 bits",
        ),
        (&[0x02, 0x00], "a field has a number that no field can have"),
        (&[0x82, 0x80, 0x80, 0x80, 0x10, 0x00], "a field has a number that no field can have"),
        (&[0x9e, 0x06], "a field has an unknown wire type"),
        (&[0x9f, 0x06], "a field has an unknown wire type"),
        (&[0x9c, 0x06], "a group ends that is not open"),
        (&[0x9b, 0x06], "it ends inside of a field"),
        (&[0x9b, 0x06, 0xa4, 0x06], "a group ends that is not open"),
        (&[0x08, 0x01], "a field is not of its type"),
        (&[0x38, 0x01], "a field is not of its type"),
        (&[0x35, 0, 0, 0, 0], "a field is not of its type"),
        (&[0x3a, 0x02, 0xc0, 0xa0], "a string is not UTF-8"),
        (&[0x2a, 0x02, 0x0a, 0x05], "it ends inside of a field"),
        (&[0x42, 0x02, 0x0a, 0x05], "it ends inside of a field"),
    ] {
        let fault = read(with(bytes)).map(|event| panic!("{bytes:x?}: {event:?}")).unwrap_err();
        assert_eq!(fault.code, Code::Malformed, "{bytes:x?}");
        assert_eq!(fault.detail, format!("the Protobuf message is broken: {why}"), "{bytes:x?}");
    }
    // Numbers written with more groups than they need are read by everyone.
    assert!(read(with(&[0x98, 0x06, 0x81, 0x80, 0x00])).is_ok());
}

#[test]
fn groups_nest_to_their_depth_and_no_deeper() {
    let nested = |depth: usize| with(&[[0x9b, 0x06].repeat(depth), [0x9c, 0x06].repeat(depth)].concat());
    assert!(read(nested(100)).is_ok());
    assert_eq!(refused(nested(101)).0, Code::Malformed);
    assert_eq!(refused(with(&[0x9b, 0x06].repeat(200_000))).0, Code::Malformed);
}

#[test]
fn a_message_of_nothing_but_entries_is_counted_and_not_kept() {
    // Two bytes an entry, and one violation for each of those that are looked at.
    let fault = read(with(&[0x2a, 0x00].repeat(200_000))).unwrap_err();
    assert_eq!(fault.code, Code::InvalidEvent);
    assert!(fault.violations.len() <= Bounds::default().attributes + 1, "{}", fault.violations.len());
    let batch = Bytes::from([0x0a, 0x00].repeat(200_000));
    let refused = protobuf::read_batch(batch, 1000, 1000, &Bounds::default());
    assert_eq!(refused.map_err(|fault| fault.code), Err(Code::BatchTooLong));
}

#[test]
fn a_small_event_does_not_pin_a_large_body() {
    let filler = [&[0x9a, 0x06, 0xa0, 0x8d, 0x06][..], &vec![0; 100_000]].concat();
    let small = [&filler[..], &[0x3a, 1, b'x']].concat();
    // Where most of the body is data, it is shared.
    let large = [&[0x3a, 0xe8, 0x07][..], &[b'x'; 1000]].concat();
    for (fields, shared) in [(small, false), (large, true)] {
        let body = Bytes::from(with(&fields));
        let event = protobuf::read(body.clone(), &Bounds::default()).unwrap();
        assert!(matches!(event.data, crate::cloudevents::Data::Text(_)));
        assert_eq!(body.as_ptr_range().contains(&event.data.bytes().unwrap().as_ptr()), shared);
        assert!(!body.as_ptr_range().contains(&event.id.as_ptr()));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_event_or_refused(bytes in any::<Vec<u8>>(), at in any::<usize>()) {
        let good = message(&[("a", string("x")), ("b", super::Attr::Bytes(vec![1, 2]))]).encode_to_vec();
        let at = at % good.len();
        let mixed = [&good[..at], &bytes, &good[at..]].concat();
        for body in [bytes, mixed] {
            if let Ok(event) = read(body) {
                assert_eq!(read(protobuf::write(&event).to_vec()), Ok(event));
            }
        }
    }
}
