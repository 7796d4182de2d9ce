//! Data in: text, bytes, and elements cut out of their envelope.

use super::{event, refused};
use crate::cloudevents::Data;
use crate::codes::Code;

#[test]
fn text_and_bytes_are_read() {
    for (element, data) in [
        (r#"<data xsi:type="xs:string">a &lt; b</data>"#, Data::Text("a < b".into())),
        (r#"<data xsi:type="xs:string"/>"#, Data::Text("".into())),
        (r#"<data xsi:type="xsd:string"> x </data>"#, Data::Text(" x ".into())),
        ("<data xsi:type=\"xs:string\">a\r\nb&#13;\n<![CDATA[<c>]]></data>", Data::Text("a\nb\r\n<c>".into())),
        (r#"<data xsi:type="xs:base64Binary">AQID</data>"#, Data::Binary(vec![1, 2, 3].into())),
        ("<data xsi:type=\"xs:base64Binary\">\n AQ\tID\n </data>", Data::Binary(vec![1, 2, 3].into())),
        (r#"<data xsi:type="xs:base64Binary"/>"#, Data::Binary("".into())),
        (r#"<data xmlns:y="http://www.w3.org/2001/XMLSchema" xsi:type="y:string">x</data>"#, Data::Text("x".into())),
        (
            r#"<datacontenttype>application/json</datacontenttype><data xsi:type="xs:string">{}</data>"#,
            Data::Text("{}".into()),
        ),
    ] {
        assert_eq!(event(element).data, data, "{element}");
    }
    assert_eq!(event("").data, Data::Absent);
}

#[test]
fn wrong_data_is_a_violation() {
    for element in [
        "<data/>",
        "<data>x</data>",
        r#"<data xsi:type="invalid">x</data>"#,
        r#"<data xsi:type="xs:integer">1</data>"#,
        r#"<data xsi:type="ce:string">x</data>"#,
        r#"<data xmlns:xs="urn:other" xsi:type="xs:string">x</data>"#,
        r#"<data xsi:type="xs:string">x<y/></data>"#,
        r#"<data xsi:type="xs:base64Binary">x</data>"#,
        r#"<data xsi:type="xs:base64Binary">AQID<y/></data>"#,
        r#"<data xsi:type="xs:base64Binary">AQI</data>"#,
        r#"<data xsi:type="xs:any"/>"#,
        r#"<data xsi:type="xs:any">text</data>"#,
        r#"<data xsi:type="xs:any">text<x/></data>"#,
        r#"<data xsi:type="xs:any"><x/>&#65;</data>"#,
        r#"<data xsi:type="xs:any"><x/><y/></data>"#,
    ] {
        assert_eq!(refused(element), (Code::InvalidEvent, vec!["/data".to_owned()]), "{element}");
    }
}

/// What an `xs:any` element becomes on its own.
fn cut(content: &str) -> String {
    match event(&format!(r#"<data xsi:type="xs:any">{content}</data>"#)).data {
        Data::Xml(bytes) => String::from_utf8(bytes.into()).unwrap(),
        other => panic!("{content}: {other:?}"),
    }
}

const DEFAULT: &str = r#"xmlns="http://cloudevents.io/xmlformat/V1""#;
const INSTANCE: &str = r#"xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance""#;
const SCHEMA: &str = r#"xmlns:xs="http://www.w3.org/2001/XMLSchema""#;

#[test]
fn an_element_is_cut_out_as_it_stands_there() {
    for content in [
        r#"<x xmlns=""/>"#,
        "<x xmlns=\"urn:x\" a='1'>\r\n <!-- kept --><?p i?> text &amp; <![CDATA[<y>]]>\t<y  b = \"&#10;\" /></x >",
        r#"<p:x xmlns:p="urn:p" xmlns="urn:q"><p:y/></p:x>"#,
    ] {
        assert_eq!(cut(content), content);
        assert_eq!(cut(&format!("\n<!-- not kept -->{content}<?p?> ")), content);
    }
}

#[test]
fn what_an_element_takes_from_around_is_declared_on_it() {
    assert_eq!(cut("<x/>"), format!("<x {DEFAULT}/>"));
    assert_eq!(cut("<x y='1'>z</x>"), format!("<x {DEFAULT} y='1'>z</x>"));
    assert_eq!(
        cut(r#"<x xmlns="" xsi:type="xs:int">1</x>"#),
        format!(r#"<x {SCHEMA} {INSTANCE} xmlns="" xsi:type="xs:int">1</x>"#)
    );
    // Prefixes in values and texts may be parts of qualified names.
    assert_eq!(cut(r#"<x xmlns="">xs:int</x>"#), format!(r#"<x {SCHEMA} xmlns="">xs:int</x>"#));
    assert_eq!(cut(r#"<x xmlns="" a="(xs:int)"/>"#), format!(r#"<x {SCHEMA} xmlns="" a="(xs:int)"/>"#));
    assert_eq!(cut(r#"<x xmlns="">axs:int</x>"#), r#"<x xmlns="">axs:int</x>"#);
    // Deeper declarations of the same prefix do not matter; the element's own does.
    assert_eq!(
        cut(r#"<x xmlns=""><xs:y xmlns:xs="urn:y"/></x>"#),
        format!(r#"<x {SCHEMA} xmlns=""><xs:y xmlns:xs="urn:y"/></x>"#)
    );
    assert_eq!(cut(r#"<xs:x xmlns="" xmlns:xs="urn:y"/>"#), r#"<xs:x xmlns="" xmlns:xs="urn:y"/>"#);
}

#[test]
fn declarations_around_keep_their_text_and_the_inner_one_counts() {
    let element = concat!(
        r#"<data xmlns:xs="urn:hidden" xmlns:s="http://www.w3.org/2001/XMLSchema" xmlns="urn:a&amp;&#34;b" "#,
        r#"xmlns:q='urn:"q"' xsi:type="s:any"><q:x><xs:y/></q:x></data>"#
    );
    let Data::Xml(bytes) = event(
        &element
            .replace("<data", "<ce:data xmlns:ce='http://cloudevents.io/xmlformat/V1'")
            .replace("</data", "</ce:data"),
    )
    .data
    else {
        panic!("no XML data");
    };
    assert_eq!(
        str::from_utf8(&bytes).unwrap(),
        r#"<q:x xmlns:xs="urn:hidden" xmlns="urn:a&amp;&#34;b" xmlns:q='urn:"q"'><xs:y/></q:x>"#
    );
    let undone = r#"<ce:data xmlns:ce="http://cloudevents.io/xmlformat/V1" xmlns="" xsi:type="xs:any"><x/></ce:data>"#;
    assert_eq!(event(undone).data, Data::Xml("<x/>".into()));
}
