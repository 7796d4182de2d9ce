//! Documents made to hurt (reliability.md J1 to J4), and documents nearly right.

use super::{envelope, event, read, read_with};
use crate::cloudevents::Data;
use crate::cloudevents::reader::Bounds;
use crate::cloudevents::xml::document::{Document, Token};
use crate::cloudevents::xml::{read_batch, write};
use crate::codes::Code;
use proptest::prelude::{Strategy, any, proptest};
use std::fmt::Write;

fn code_of(document: impl Into<Vec<u8>>) -> Code {
    read(document).unwrap_err().code
}

#[test]
fn caps_end_the_reading_early() {
    let attributes = |count: usize, form: &str| -> String {
        (0..count).fold(String::new(), |mut all, at| {
            let (before, after) = form.split_once("{}").unwrap();
            write!(all, " {before}{at}{after}").unwrap();
            all
        })
    };
    let element = |attributes: String| envelope(&format!(r#"<data xsi:type="xs:any"><x{attributes}/></data>"#));
    assert!(read(element(attributes(256, "a{}='1'"))).is_ok());
    assert!(read(element(attributes(61, "xmlns:a{}='u{}'"))).is_ok());
    for document in [
        element(attributes(257, "a{}='1'")),
        element(attributes(100_000, "a{}='1'")),
        element(attributes(62, "xmlns:a{}='u'")),
        element(attributes(100_000, "xmlns:a{}='u'")),
        envelope(&("<x>".repeat(100_000) + &"</x>".repeat(100_000))),
        "<x>".repeat(1_000_000),
        "<".repeat(1_000_000),
        "<a ".repeat(300_000),
        "<!--".repeat(300_000),
        envelope(&"&amp;<!-- -->".repeat(100_000)).replace("</event>", ""),
    ] {
        assert_eq!(code_of(document), Code::Malformed);
    }
}

#[test]
fn entities_are_not_expanded_and_nothing_is_fetched() {
    let laughs = r#"<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>"#;
    for prolog in [
        laughs,
        r#"<!DOCTYPE x SYSTEM "http://169.254.169.254/">"#,
        r#"<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>"#,
        r#"<!DOCTYPE x [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]>"#,
        "<!DOCTYPE x [",
    ] {
        assert_eq!(code_of(format!("{prolog}{}", envelope("<subject>&b;</subject>"))), Code::Malformed, "{prolog}");
    }
    assert_eq!(read_with("<subject>&b;</subject>").unwrap_err().code, Code::Malformed);
    let include = r#"<data xsi:type="xs:any"><i:include xmlns:i="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/></data>"#;
    assert!(matches!(event(include).data, Data::Xml(data) if data.ends_with(b"href=\"file:///etc/passwd\"/>")));
}

#[test]
fn a_huge_text_is_read_in_one_piece() {
    let text = "x".repeat(10 << 20);
    let Data::Text(data) = event(&format!(r#"<data xsi:type="xs:string">{text}</data>"#)).data else {
        panic!("no text")
    };
    assert_eq!(data.len(), text.len());
    let Data::Text(data) = event(&format!(r#"<data xsi:type="xs:string">{}</data>"#, "&lt;x".repeat(500_000))).data
    else {
        panic!("no text");
    };
    assert_eq!(data.len(), 1_000_000);
}

/// A long namespace around a batch would be repeated on the data of each of its events.
#[test]
fn a_batch_does_not_grow_by_its_namespaces() {
    let event = concat!(
        r#"<c:event specversion="1.0"><c:id>1</c:id><c:source>/a</c:source><c:type>t</c:type>"#,
        r#"<c:data xsi:type="xs:any"><x/></c:data></c:event>"#
    );
    let batch = |length: usize, count: usize| {
        let document = format!(
            r#"<c:batch xmlns:c="http://cloudevents.io/xmlformat/V1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="{}">{}</c:batch>"#,
            "u".repeat(length),
            event.repeat(count)
        );
        let size = document.len();
        read_batch(document.into(), 1000, 1000, &Bounds::default()).map(|events| {
            let total: usize = events.into_iter().map(|event| event.unwrap().size()).sum();
            assert!(total <= 3 * size);
        })
    };
    assert_eq!(batch(100, 1000), Ok(()));
    assert_eq!(batch(100_000, 1000).unwrap_err().code, Code::Malformed);
}

#[test]
fn a_refusal_is_never_large() {
    let long = "x".repeat(1 << 20);
    for document in [
        envelope(&format!("<{long}/>")),
        envelope(&format!(r#"<a xsi:type="{long}"/>"#)),
        envelope(&format!(r#"<data xsi:type="{long}"/>"#)),
        envelope(&format!("<{long}></{long}y>")),
        envelope(&format!("<{long}:a/>")),
        envelope(&format!("<a>&{long};</a>")),
        envelope(&"x<a/>".repeat(100_000)),
        envelope(&format!("<a {long}='' {long}=''/>")),
        long.clone(),
    ] {
        let fault = read(document).unwrap_err();
        assert!(format!("{fault:?}").len() < 100_000);
    }
}

/// Texts near an event: pieces of documents put together, and a good one with a byte changed.
fn near_xml() -> impl Strategy<Value = Vec<u8>> {
    let piece = proptest::sample::select(vec![
        "<a>",
        "</a>",
        "<a",
        "/>",
        ">",
        "<b:c",
        " xmlns='u'",
        " xmlns:b=\"v\"",
        " d='e'",
        "&amp;",
        "&#65;",
        "&",
        ";",
        "<!--",
        "-->",
        "-",
        "<![CDATA[",
        "]]>",
        "]",
        "<?",
        "?>",
        "<?xml version='1.0'?>",
        "<!DOCTYPE",
        "'",
        "\"",
        "=",
        " ",
        "\r\n",
        "x",
        "é",
        "\u{feff}",
        "\u{fffe}",
        "\0",
        "<data xsi:type='xs:any'>",
        "</data>",
        "<ext xsi:type='ce:string'>",
        "</ext>",
    ]);
    let pieces = proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat());
    let inside = (pieces.clone(), any::<bool>())
        .prop_map(|(pieces, inside)| if inside { envelope(&pieces).into_bytes() } else { pieces.into_bytes() });
    let changed = (any::<proptest::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| {
        let mut document = envelope(
            r#"<x xsi:type="ce:string">y</x><data xsi:type="xs:any"><p:q xmlns:p='u' r="&lt;">s</p:q></data>"#,
        )
        .into_bytes();
        let at = at.index(document.len());
        document[at] = byte;
        document
    });
    proptest::prop_oneof![inside, changed]
}

fn is_document(text: &str) -> bool {
    let Ok(mut document) = Document::new(text, &Bounds::default()) else { return false };
    loop {
        match document.next() {
            Ok(Token::Complete) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

proptest! {
    #[test]
    fn no_document_makes_the_reader_panic_and_what_it_takes_can_be_written(document in near_xml()) {
        if let Ok(event) = read(document) {
            if let Data::Xml(data) = &event.data {
                assert!(is_document(str::from_utf8(data).unwrap()));
            }
            assert_eq!(read(write(&event).unwrap()), Ok(event));
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
        assert!(read(bytes).is_err());
    }
}
