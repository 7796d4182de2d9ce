//! Events in: attributes, envelopes, batches, encodings.

use super::{envelope, event, read, read_with, refused};
use crate::cloudevents::reader::Bounds;
use crate::cloudevents::xml::read_batch;
use crate::cloudevents::{Data, Event, Kind};
use crate::codes::Code;

#[test]
fn attributes_keep_their_text_order_and_type() {
    let event = event(concat!(
        r#"<b xsi:type="ce:boolean">true</b><i xsi:type=" ce:integer ">-5</i><time>2018-04-05T17:31:00.50+01:00</time>"#,
        r#"<u xsi:type="ce:uri">urn:a:b</u><r xsi:type="ce:uriRef">#x</r><y xsi:type="ce:binary">TWE=</y>"#,
        r#"<t xsi:type="ce:timestamp">2018-04-05T17:31:00Z</t><s xsi:type="ce:string"> a &lt; b<!-- no --><![CDATA[&]]> </s>"#,
        r#"<e xsi:type="ce:string"/><subject xsi:type="ce:string">s</subject><d xsi:type="string">x</d>"#,
    ));
    let attributes: Vec<_> = event.attributes.iter().map(|a| (a.name, a.value.kind, a.value.text)).collect();
    let expected = [
        ("b", Kind::Boolean, "true"),
        ("i", Kind::Integer, "-5"),
        ("time", Kind::Timestamp, "2018-04-05T17:31:00.50+01:00"),
        ("u", Kind::Uri, "urn:a:b"),
        ("r", Kind::UriReference, "#x"),
        ("y", Kind::Binary, "TWE="),
        ("t", Kind::Timestamp, "2018-04-05T17:31:00Z"),
        ("s", Kind::String, " a < b& "),
        ("e", Kind::String, ""),
        ("subject", Kind::String, "s"),
        ("d", Kind::String, "x"),
    ];
    assert_eq!(attributes, expected);
    assert_eq!((&*event.id, &*event.source, &*event.ty), ("1", "/a", "t"));
}

#[test]
fn wrong_attributes_are_violations() {
    for (element, pointer) in [
        ("<ext>x</ext>", "/ext"),
        (r#"<ext xsi:type="">x</ext>"#, "/ext"),
        (r#"<ext xsi:type="xs:string">x</ext>"#, "/ext"),
        (r#"<ext xsi:type="xs:boolean">true</ext>"#, "/ext"),
        (r#"<ext xsi:type="ce:String">x</ext>"#, "/ext"),
        (r#"<ext xsi:type="other:string">x</ext>"#, "/ext"),
        (r#"<ext xsi:type="ce:any">x</ext>"#, "/ext"),
        (r#"<ext xmlns:ce="urn:other" xsi:type="ce:string">x</ext>"#, "/ext"),
        (r#"<ext xsi:type="ce:integer"> 10 </ext>"#, "/ext"),
        (r#"<ext xsi:type="ce:integer">1.0</ext>"#, "/ext"),
        (r#"<ext xsi:type="ce:integer">2147483648</ext>"#, "/ext"),
        (r#"<ext xsi:type="ce:boolean">1</ext>"#, "/ext"),
        (r#"<ext xsi:type="ce:binary">TWE</ext>"#, "/ext"),
        (r#"<ext xsi:type="ce:binary">TW E=</ext>"#, "/ext"),
        (r#"<ext xsi:type="ce:uri">//host</ext>"#, "/ext"),
        (r#"<ext xsi:type="ce:timestamp">noon</ext>"#, "/ext"),
        ("<ext xsi:type=\"ce:string\">a\nb</ext>", "/ext"),
        (r#"<ext xsi:type="ce:string">a&#10;b</ext>"#, "/ext"),
        (r#"<ext xsi:type="ce:string">a&#13;b</ext>"#, "/ext"),
        (r#"<ext xsi:type="ce:string"><b/></ext>"#, "/ext"),
        (r#"<ext xsi:type="ce:string">a<o:b xmlns:o="u"/></ext>"#, "/ext"),
        (r#"<Ext xsi:type="ce:string">x</Ext>"#, "/Ext"),
        (r#"<my-ext xsi:type="ce:string">x</my-ext>"#, "/my-ext"),
        (r#"<data_base64 xsi:type="ce:string">x</data_base64>"#, "/data_base64"),
        ("<Source>/b</Source>", "/Source"),
        ("<subject/>", "/subject"),
        (r#"<subject xsi:type="ce:integer">5</subject>"#, "/subject"),
        (r#"<subject xsi:type="xs:string">5</subject>"#, "/subject"),
        (r#"<time xsi:type="ce:string">2018-04-05T17:31:00Z</time>"#, "/time"),
        ("<time> 2018-04-05T17:31:00Z</time>", "/time"),
        ("<dataschema>//host?x</dataschema>", "/dataschema"),
        ("<datacontenttype>application/cloudevents+xml</datacontenttype>", "/datacontenttype"),
        ("<specversion>1.0</specversion>", "/specversion"),
    ] {
        assert_eq!(refused(element), (Code::InvalidEvent, vec![pointer.to_owned()]), "{element}");
    }
}

#[test]
fn names_that_stand_twice_make_the_document_unreadable() {
    for (elements, pointer) in [
        ("<id>1</id>", "/id"),
        (r#"<ext xsi:type="ce:string">x</ext><ext xsi:type="ce:string">x</ext>"#, "/ext"),
        (r#"<ext>x</ext><ext xsi:type="ce:string">x</ext>"#, "/ext"),
        (r#"<data xsi:type="xs:string"/><data xsi:type="xs:string"/>"#, "/data"),
        (r#"<data/><data xsi:type="xs:string"/>"#, "/data"),
    ] {
        let (code, pointers) = refused(elements);
        assert_eq!(code, Code::Malformed, "{elements}");
        assert!(pointers.contains(&pointer.to_owned()), "{elements}: {pointers:?}");
    }
}

#[test]
fn every_problem_is_listed() {
    let document = r#"<ce:event xmlns:ce="http://cloudevents.io/xmlformat/V1" ce:specversion="1.0">text<ce:id/><ce:time>x</ce:time><ce:data/></ce:event>"#;
    let fault = read(document).unwrap_err();
    let pointers: Vec<_> = fault.violations.iter().map(|violation| violation.pointer.as_str()).collect();
    assert_eq!(fault.code, Code::InvalidEvent);
    assert_eq!(pointers, ["/id", "/time", "/data", "", "/specversion", "/source", "/type"]);
}

#[test]
fn what_is_not_of_the_format_is_ignored() {
    let plain = event("");
    for elements in [
        r#"<o:id xmlns:o="urn:other">2</o:id>"#,
        r#"<id xmlns="">2</id>"#,
        r#"<o:x xmlns:o="urn:other">text<y/><id>3</id></o:x>"#,
        "<!-- c --><?p i?> \n\t",
        "<![CDATA[ ]]>",
    ] {
        assert_eq!(event(elements), plain, "{elements}");
    }
    let with_attributes =
        envelope("").replace("<id>", r#"<id a="b" xsi:nil="false">"#).replace("<event ", r#"<event a="b" "#);
    assert_eq!(read(with_attributes), Ok(plain));
    assert_eq!(refused("text"), (Code::InvalidEvent, vec![String::new()]));
    assert_eq!(refused("<![CDATA[text]]>"), (Code::InvalidEvent, vec![String::new()]));
}

#[test]
fn only_an_event_of_the_namespace_is_one() {
    for (from, to) in [
        ("http://cloudevents.io/xmlformat/V1", "http://cloudevents.io/xmlformat/V2"),
        ("http://cloudevents.io/xmlformat/V1", ""),
        ("<event ", "<Event "),
        ("<event ", "<batch "),
    ] {
        let name = to.trim_matches(['<', ' ']);
        let end = if to.starts_with('<') { format!("</{name}>") } else { "</event>".to_owned() };
        let document = envelope("").replace(from, to).replace("</event>", &end);
        assert_eq!(read(document).map_err(|fault| fault.code), Err(Code::Malformed), "{to}");
    }
    for version in ["1.1", "0.3", "", " 1.0"] {
        let document = envelope("").replace("specversion=\"1.0\"", &format!("specversion=\"{version}\""));
        let fault = read(document).unwrap_err();
        assert_eq!((fault.code, &*fault.violations[0].pointer), (Code::InvalidEvent, "/specversion"), "{version}");
    }
}

#[test]
fn the_encoding_is_utf8() {
    let plain = event("");
    let declared = |declaration: &str| read(format!("{declaration}{}", envelope("")));
    for declaration in [
        "\u{feff}",
        "<?xml version=\"1.0\"?>",
        "\u{feff}<?xml version='1.0' encoding='utf-8' standalone='yes' ?>\n",
        "<?xml version = '1.7'\n encoding=\"UTF-8\"?>",
    ] {
        assert_eq!(declared(declaration), Ok(plain.clone()), "{declaration}");
    }
    for declaration in [
        "<?xml version='1.0' encoding='ISO-8859-1'?>",
        "<?xml version='1.0' encoding='UTF-16'?>",
        "<?xml version='1.0' encoding='UTF-7'?>",
        "<?xml version='1.0' encoding=''?>",
    ] {
        assert_eq!(declared(declaration).map_err(|fault| fault.code), Err(Code::UnknownMediaType), "{declaration}");
    }
    for declaration in [
        "<?xml?>",
        "<?xml ?>",
        "<?xml encoding='utf-8'?>",
        "<?xml version='2.0'?>",
        "<?xml version='1.0' standalone='no' encoding='utf-8'?>",
        "<?xml version='1.0' version='1.0'?>",
        "<?xml version='1.0' standalone='maybe'?>",
        "<?xml version='1.0' other='x'?>",
        "<?xml version='1.0'encoding='utf-8'?>",
        "<?xml version='1.0'",
        "<?xml version='1.0'?><?xml version='1.0'?>",
        "\n<?xml version='1.0'?>",
        "\u{feff}\u{feff}",
    ] {
        assert_eq!(declared(declaration).map_err(|fault| fault.code), Err(Code::Malformed), "{declaration}");
    }
    let wide = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_be_bytes).collect() };
    let utf32: Vec<u8> = envelope("").bytes().flat_map(|byte| [0, 0, 0, byte]).collect();
    for bytes in [wide(&envelope("")), wide(&format!("\u{feff}{}", envelope(""))), utf32] {
        assert_eq!(read(bytes).map_err(|fault| fault.code), Err(Code::UnknownMediaType));
    }
    let mut latin = envelope("<subject>x</subject>").into_bytes();
    let at = latin.iter().position(|byte| *byte == b'x').unwrap();
    latin[at] = 0xe9;
    assert_eq!(read(latin).map_err(|fault| fault.code), Err(Code::Malformed));
    assert_eq!(read("+ADw-event/+AD4-").map_err(|fault| fault.code), Err(Code::Malformed));
}

fn batch(content: &str) -> Result<Vec<Result<Event, Code>>, Code> {
    let document = format!(
        r#"<b:batch xmlns:b="http://cloudevents.io/xmlformat/V1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" a="b">{content}</b:batch>"#
    );
    let events = read_batch(document.into(), 3, 400, &Bounds::default()).map_err(|fault| fault.code)?;
    Ok(events.into_iter().map(|event| event.map_err(|fault| fault.code)).collect())
}

#[test]
fn a_batch_is_read_element_by_element() {
    let good = r#"<b:event specversion="1.0"><b:id>1</b:id><b:source>/a</b:source><b:type>t</b:type></b:event>"#;
    let bad = r#"<b:event specversion="1.0"><b:source>/a</b:source><b:type>t</b:type></b:event>"#;
    let long = good.replace("<b:id>", &format!("<b:subject>{}</b:subject><b:id>", "x".repeat(400)));
    assert_eq!(batch(""), Ok(Vec::new()));
    assert_eq!(batch(" \n<!-- none -->"), Ok(Vec::new()));
    let codes = |content: &str| batch(content).map(|events| events.into_iter().map(Result::err).collect::<Vec<_>>());
    assert_eq!(codes(&[good, good].join("\n")), Ok(vec![None, None]));
    assert_eq!(
        codes(&format!("{good}<event>text</event>{bad}{long}")),
        Ok(vec![None, Some(Code::InvalidEvent), Some(Code::EventTooLarge)])
    );
    assert_eq!(
        codes(&format!("<b:batch/>{good}<b:Event/>")),
        Ok(vec![Some(Code::Malformed), None, Some(Code::Malformed)])
    );
    assert_eq!(codes(&good.repeat(4)), Err(Code::BatchTooLong));
    for broken in ["text", &format!("{good}<![CDATA[x]]>"), "<b:event>", "</b:batch><b:batch>"] {
        assert_eq!(codes(broken), Err(Code::Malformed), "{broken}");
    }
    assert_eq!(read_batch(good.into(), 3, 400, &Bounds::default()).unwrap_err().code, Code::Malformed);
    assert_eq!(read_batch(envelope("").into(), 3, 400, &Bounds::default()).unwrap_err().code, Code::Malformed);
}

#[test]
fn memory_is_shared_where_most_of_it_is_used() {
    let range = |body: &bytes::Bytes| body.as_ptr_range();
    let read = |body: &bytes::Bytes| crate::cloudevents::xml::read(body.clone(), &Bounds::default()).unwrap();
    let mostly_data =
        bytes::Bytes::from(envelope(&format!(r#"<data xsi:type="xs:string">{}</data>"#, "x".repeat(5000))));
    let event = read(&mostly_data);
    assert!(range(&mostly_data).contains(&event.data.bytes().unwrap().as_ptr()));
    let blank = format!(r#"{}<data xsi:type="xs:string">x</data>"#, " ".repeat(5000));
    let mostly_blank = bytes::Bytes::from(envelope(&blank));
    let event = read(&mostly_blank);
    assert_eq!(event.data.len(), 1);
    assert!(!range(&mostly_blank).contains(&event.data.bytes().unwrap().as_ptr()));
}

#[test]
fn an_event_may_nest_as_deep_in_a_batch_as_alone() {
    let nested =
        |levels: usize| format!(r#"<data xsi:type="xs:any">{}{}</data>"#, "<x>".repeat(levels), "</x>".repeat(levels));
    let in_batch = |levels: usize| {
        let document =
            format!(r#"<batch xmlns="http://cloudevents.io/xmlformat/V1">{}</batch>"#, envelope(&nested(levels)));
        read_batch(document.into(), 3, 10_000, &Bounds::default()).is_ok()
    };
    assert!(matches!(event(&nested(126)).data, Data::Xml(_)));
    assert!(in_batch(126));
    assert_eq!(read_with(&nested(127)).unwrap_err().code, Code::Malformed);
    assert!(!in_batch(127));
}
