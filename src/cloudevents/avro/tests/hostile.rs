//! Bytes that lie.

use super::{branch, datum, nothing, read, refused, string};
use crate::cloudevents::reader::Bounds;
use crate::cloudevents::{Data, avro};
use crate::codes::Code;
use apache_avro::types::Value;
use proptest::prelude::{any, proptest};

/// The usual attributes in one block without the end of the map.
const ATTRIBUTES: &[u8] = b"\x08\x16specversion\x06\x061.0\x04id\x06\x021\x0csource\x06\x04/a\x08type\x06\x02t";

/// A datum made of these pieces behind the usual attributes.
fn with(pieces: &[&[u8]]) -> Vec<u8> {
    [&[ATTRIBUTES], pieces].concat().concat()
}

#[test]
fn the_frame_of_these_tests_is_good() {
    assert_eq!(read(with(&[&[0, 2]])).unwrap(), read(datum(&[], nothing())).unwrap());
}

#[test]
fn broken_data_are_refused() {
    const LARGEST: &[u8] = &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    const SMALLEST: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    for (bytes, why) in [
        (Vec::new(), "it ends too early"),
        (with(&[&[0]]), "it ends too early"),
        (with(&[&[0, 2, 0]]), "bytes stand behind it"),
        (with(&[&[0, 14]]), "a union has no such branch"),
        (with(&[&[0, 1]]), "a union has no such branch"),
        (with(&[&[2, 2, b'a', 10, 0, 2]]), "a union has no such branch"),
        (with(&[&[2, 2, b'a', 2, 2, 0, 2]]), "a boolean is neither 0 nor 1"),
        (with(&[&[2, 2, b'a', 4, 0x80, 0x80, 0x80, 0x80, 0x10, 0, 2]]), "a number is outside of its range"),
        // Lengths: more than there is, as much as there can be, below zero.
        (with(&[&[0, 0, 4, b'x']]), "it ends too early"),
        (with(&[&[0, 0], LARGEST]), "it ends too early"),
        (with(&[&[0, 0, 1]]), "a number is outside of its range"),
        (with(&[&[0, 0], SMALLEST]), "a number is outside of its range"),
        // Eleven bytes, and 65 bits.
        (with(&[&[0, 0], &[0x80; 10], &[0]]), "a number is outside of its range"),
        (with(&[&[0, 0], &[0xff; 9], &[0x02]]), "a number is outside of its range"),
        (with(&[&[0, 12, 4, 0xc0, 0xa0]]), "a string is not UTF-8"),
        // Counts: of attributes, of entries, below zero, without the size that belongs to one below zero.
        (with(&[LARGEST]), "it ends too early"),
        (with(&[SMALLEST]), "it ends too early"),
        (with(&[&[0, 6], LARGEST]), "it ends too early"),
        (with(&[&[0, 8], SMALLEST, &[0]]), "it ends too early"),
        (with(&[&[0, 8, 1, 4, 0, 0]]), "a block does not have the size it claims"),
        (with(&[&[0, 8, 1, 0, 0, 0]]), "a block does not have the size it claims"),
        (with(&[&[0, 8, 1], LARGEST, &[0, 0]]), "it ends too early"),
        (with(&[&[0, 8, 1, 1, 0, 0]]), "a number is outside of its range"),
    ] {
        let fault = read(bytes.clone()).map(|event| panic!("{bytes:x?}: {event:?}")).unwrap_err();
        assert_eq!(fault.code, Code::Malformed, "{bytes:x?}");
        assert_eq!(fault.detail, format!("the Avro datum is broken: {why}"), "{bytes:x?}");
    }
}

#[test]
fn blocks_of_every_kind_are_read() {
    // One entry in a block whose size is told, one in a block without, and the end.
    let attributes = [&[1, 10, 2, b'a', 6, 2, b'x'][..], &[2, 2, b'b', 6, 2, b'y'], &[0]].concat();
    let event = read(with(&[&attributes, &[2]])).unwrap();
    assert_eq!((event.attribute("a"), event.attribute("b")), (Some("x"), Some("y")));
    let items = [8, 3, 4, 0, 0, 2, 0, 0];
    assert_eq!(read(with(&[&[0], &items])).unwrap().data, Data::Json("[{},{},{}]".into()));
    // Numbers written with more groups than they need are read by everyone.
    assert_eq!(read(with(&[&[0, 0x80, 0x00, 0x82, 0x80, 0x00, b'x']])).unwrap().data, Data::Binary("x".into()));
}

#[test]
fn nesting_is_cut_at_its_limit_and_never_runs_out_of_stack() {
    // One array in another, as deep as the bytes go.
    let deep = with(&[&[0, 8, 2], &[2, 0, 6, 2].repeat(100_000)]);
    assert_eq!(refused(deep.clone()).0, Code::Malformed);
    let unlimited = Bounds { json_depth: usize::MAX, json_bytes: usize::MAX, ..Bounds::default() };
    assert_eq!(avro::read(deep.into(), &unlimited).map_err(|fault| fault.code), Err(Code::Malformed));
}

#[test]
fn a_datum_of_nothing_but_attributes_is_counted_and_not_kept() {
    // An empty name and null: two bytes an attribute.
    let many = [&[0xc0, 0x84, 0x3d][..], &[0, 0].repeat(500_000), &[0, 2]].concat();
    let fault = read(many).unwrap_err();
    assert!(fault.violations.len() <= 257, "{}", fault.violations.len());
    assert_eq!(fault.code, Code::InvalidEvent);
}

proptest! {
    #[test]
    fn any_bytes_are_an_event_or_refused(bytes in any::<Vec<u8>>(), at in any::<usize>()) {
        let data = branch(6, string("a"));
        let good = datum(&[("a", branch(3, string("x"))), ("b", branch(4, Value::Bytes(vec![1, 2])))], data);
        let at = at % good.len();
        for body in [bytes.clone(), [&good[..at], &bytes, &good[at..]].concat(), with(&[&[0], &bytes])] {
            if let Ok(event) = read(body) {
                let again = read(avro::write(&event).to_vec()).unwrap();
                assert_eq!(again.data.bytes(), event.data.bytes());
            }
        }
    }
}
