use super::{Record, decode, decode_undecided, encode, encode_undecided};
use crate::cloudevents::{Attribute, Attributes, Data, Event, Kind, Value};
use crate::lane_name::LaneName;
use crate::observability::trace::TraceContext;
use crate::units::Micros;
use bytes::Bytes;
use bytestring::ByteString;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use std::sync::Arc;

fn text() -> impl Strategy<Value = ByteString> {
    any::<String>().prop_map(ByteString::from)
}

fn data() -> impl Strategy<Value = Data> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..300).prop_map(Bytes::from);
    prop_oneof![
        any::<u8>().prop_map(|_| Data::Absent),
        bytes().prop_map(Data::Binary),
        text().prop_map(Data::Text),
        bytes().prop_map(Data::Json),
        bytes().prop_map(Data::Xml),
        (text(), bytes()).prop_map(|(type_url, value)| Data::Proto { type_url, value }),
    ]
}

fn attributes() -> impl Strategy<Value = Attributes> {
    proptest::collection::vec((text(), 0..7_u8, text()), 0..6).prop_map(|list| {
        let value = |kind, text| Value { kind: kind_at(kind), text };
        list.iter().map(|(name, kind, text)| Attribute { name, value: value(*kind, text) }).collect()
    })
}

fn kind_at(number: u8) -> Kind {
    super::kind_of(number).unwrap()
}

fn lane() -> impl Strategy<Value = Arc<LaneName>> {
    (text(), text(), text(), proptest::option::of(text()))
        .prop_map(|(route, name, destination, stream)| Arc::new(LaneName { route, name, destination, stream }))
}

fn record() -> impl Strategy<Value = Record> {
    let event = (text(), text(), text(), attributes(), data()).prop_map(|(id, source, ty, attributes, data)| Event {
        id,
        source,
        ty,
        attributes,
        data,
    });
    let context = (any::<[u8; 16]>(), any::<[u8; 8]>(), any::<bool>())
        .prop_map(|(trace_id, span_id, sampled)| TraceContext { trace_id, span_id, sampled });
    let options = (proptest::option::of(text()), proptest::option::of(text()), proptest::option::of(text()));
    let lanes = proptest::collection::vec(lane(), 0..4);
    (any::<i64>(), text(), options, text(), context, lanes, event).prop_map(
        |(received, listener, (producer, schema, tracestate), snapshot, process, lanes, event)| Record {
            received: Micros(received),
            listener,
            producer,
            schema,
            snapshot,
            process,
            tracestate,
            decision: lanes.into(),
            event,
        },
    )
}

proptest! {
    #[test]
    fn a_record_survives_the_round_trip(record in record()) {
        prop_assert_eq!(&decode(Bytes::from(encode(&record))).unwrap(), &record);
        let undecided = Bytes::from(encode_undecided(&record));
        prop_assert_eq!(&decode_undecided(&undecided, record.decision.clone()).unwrap(), &record);
        prop_assert!(decode(undecided).is_err());
    }

    #[test]
    fn a_cut_record_is_malformed(record in record(), cut in any::<proptest::sample::Index>()) {
        let bytes = Bytes::from(encode(&record));
        prop_assert!(decode(bytes.slice(..cut.index(bytes.len()))).is_err());
    }

    #[test]
    fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() {
            *first = super::VERSION;
        }
        // Whatever these bytes say, reading them ends with a record or an error.
        let read = decode(Bytes::from(bytes.clone()));
        prop_assert!(read.is_err() || encode(&read.unwrap()).len() <= bytes.len() + 16);
    }
}

#[test]
fn a_record_written_before_there_was_a_tracestate_is_read() {
    // Version 1, anonymous, one attribute, data `{}`: written by the first release.
    let bytes = [
        &[1, 4][..],
        &7_i64.to_le_bytes(),
        &[1; 16],
        &[2; 8],
        b"\x06public\x01v\x011\x02/s\x01t\x01\x03sub\x02\x01x\x03\x02{}",
    ]
    .concat();
    let record = decode_undecided(&Bytes::from(bytes.clone()), Arc::from([])).unwrap();
    assert_eq!((&*record.event.id, record.process.sampled, record.tracestate.as_ref()), ("1", true, None));
    let mut later = bytes;
    later[1] |= 1 << 7;
    assert!(decode_undecided(&Bytes::from(later), Arc::from([])).is_err());
}

#[test]
fn a_record_of_another_version_is_malformed() {
    assert!(decode(Bytes::from_static(&[9, 0, 0, 0])).is_err());
    assert!(decode(Bytes::new()).is_err());
}
