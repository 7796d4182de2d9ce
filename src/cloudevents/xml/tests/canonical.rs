//! Elements mean the same inside and outside of their envelope: compared with the namespaces quick-xml resolves.

use super::read;
use crate::cloudevents::xml::write;
use crate::cloudevents::{Data, Event};
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::{collection, option, sample};
use quick_xml::NsReader;
use quick_xml::events::Event as Piece;
use quick_xml::name::ResolveResult;
use std::fmt::Write;

/// The parts of an element in the order of its canonical form: names with their namespaces, attributes sorted, texts in
/// one piece, comments and processing instructions; declarations of namespaces are left out. Starts at the element of
/// that local name.
fn canonical(document: &str, root: &str) -> Vec<String> {
    let mut reader = NsReader::from_str(document);
    reader.config_mut().expand_empty_elements = true;
    let mut parts: Vec<String> = Vec::new();
    let mut depth = 0;
    loop {
        let piece = reader.read_event().unwrap();
        match piece {
            Piece::Start(start) if depth > 0 || start.local_name().into_inner() == root => {
                depth += 1;
                let (space, local) = reader.resolver().resolve_element(start.name());
                let mut attributes: Vec<String> = Vec::new();
                for attribute in start.attributes().map(Result::unwrap) {
                    if attribute.key.as_namespace_binding().is_none() {
                        let (space, local) = reader.resolver().resolve_attribute(attribute.key);
                        let value = attribute.normalized_value(quick_xml::XmlVersion::Explicit1_0).unwrap();
                        attributes.push(format!("{}={value:?}", expanded(&space, local.into_inner())));
                    }
                }
                attributes.sort();
                parts.push(format!("<{} {}", expanded(&space, local.into_inner()), attributes.join(" ")));
            }
            Piece::End(_) if depth > 0 => {
                depth -= 1;
                parts.push(String::from(">"));
                if depth == 0 {
                    return parts;
                }
            }
            Piece::Text(text) if depth > 0 => text_part(&mut parts, &text.xml10_content()),
            Piece::CData(text) if depth > 0 => text_part(&mut parts, &text.xml10_content()),
            Piece::GeneralRef(name) if depth > 0 => {
                let entity = name.resolve_char_ref().unwrap().map(String::from);
                let entity = entity.unwrap_or_else(|| {
                    quick_xml::escape::resolve_predefined_entity(&name.xml10_content()).unwrap().into()
                });
                text_part(&mut parts, &entity);
            }
            Piece::Comment(comment) if depth > 0 => parts.push(format!("<!--{}", comment.xml10_content())),
            Piece::PI(instruction) if depth > 0 => parts.push(format!("<?{}", instruction.content())),
            Piece::Eof => panic!("`{root}` is not there"),
            _ => {}
        }
    }
}

fn expanded(space: &ResolveResult<'_>, local: &str) -> String {
    match space {
        ResolveResult::Bound(space) => format!("{{{}}}{local}", space.into_inner()),
        ResolveResult::Unbound => local.to_owned(),
        ResolveResult::Unknown(prefix) => panic!("`{prefix:?}` is not declared"),
    }
}

fn text_part(parts: &mut Vec<String>, text: &str) {
    match parts.last_mut() {
        Some(last) if last.starts_with('"') => last.push_str(text),
        _ => parts.push(format!("\"{text}")),
    }
}

/// Elements whose names and declarations hide each other in every way.
fn element() -> impl Strategy<Value = String> {
    let text = sample::select(vec![
        "t",
        " ",
        "\r\n",
        "&amp;",
        "&#13;",
        "xs:int",
        "<![CDATA[<q:x>]]>",
        "<!-- c -->",
        "<?p i?>",
        "é",
    ]);
    let leaf = prop_oneof![text.prop_map(String::from), (Just("p"), Just("x")).prop_map(|_| String::from("<p:x/>"))];
    leaf.prop_recursive(4, 24, 4, |inner| started(collection::vec(inner, 0..4).prop_map(|inner| inner.concat())))
        .prop_filter_map("an element", |text| {
            (text.starts_with('<') && !text.starts_with("<!") && !text.starts_with("<?")).then_some(text)
        })
}

fn started(inner: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let prefix = || sample::select(vec!["", "p:", "q:", "xs:", "ce:"]);
    let declared = |prefix: &'static str| {
        option::weighted(0.3, sample::select(vec!["urn:1", "urn:2", "http://cloudevents.io/xmlformat/V1"]))
            .prop_map(move |name| name.map(|name| format!(" {prefix}='{name}'")).unwrap_or_default())
    };
    let undeclared = any::<bool>();
    let attributes =
        (option::of(prefix()), option::of(sample::select(vec!["q:int", "a > b", "&lt;'", "", "http://x"])));
    (prefix(), declared("xmlns"), declared("xmlns:p"), declared("xmlns:xs"), undeclared, attributes, inner).prop_map(
        |(prefix, default, p, xs, undeclared, (attribute, value), inner)| {
            let default = if default.is_empty() && undeclared { String::from(" xmlns=''") } else { default };
            let mut out = format!("<{prefix}x{default}{p}{xs}");
            if let (Some(attribute), Some(value)) = (attribute, value) {
                write!(out, " {attribute}y=\"{value}\"").unwrap();
            }
            write!(out, ">{inner}</{prefix}x>").unwrap();
            out
        },
    )
}

fn envelope(data: &str, default: &str) -> String {
    format!(
        concat!(
            r#"<ce:event xmlns:ce="http://cloudevents.io/xmlformat/V1" xmlns:xs="http://www.w3.org/2001/XMLSchema" "#,
            r#"xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:p="urn:p" xmlns="{}" specversion="1.0">"#,
            "<ce:id>1</ce:id><ce:source>/a</ce:source><ce:type>t</ce:type>",
            r#"<ce:data xmlns:q='urn:"q"' xsi:type="xs:any">{}</ce:data></ce:event>"#
        ),
        default, data
    )
}

proptest! {
    #[test]
    fn an_element_means_the_same_without_its_envelope(element in element(), default in sample::select(vec!["", "urn:d", "http://cloudevents.io/xmlformat/V1"])) {
        let document = envelope(&element, default);
        let event = read(document.as_str()).unwrap();
        let Data::Xml(data) = &event.data else { panic!("no XML data") };
        let expected = canonical(&document, "x");
        assert_eq!(canonical(str::from_utf8(data).unwrap(), "x"), expected, "{document}");

        // And again when it goes out and comes back, as bytes of a media type, too.
        let again = read(write(&event).unwrap()).unwrap();
        assert_eq!(canonical(str::from_utf8(&again.data.bytes().unwrap()).unwrap(), "x"), expected);
        let opaque = Event { data: Data::Binary(data.clone()), ..super::of_json(r#","datacontenttype":"text/xml""#) };
        let back = read(write(&opaque).unwrap()).unwrap().data;
        assert!(matches!(back, Data::Xml(_)));
        assert_eq!(canonical(str::from_utf8(&back.bytes().unwrap()).unwrap(), "x"), expected);
    }
}
