//! Events out.

use super::{of_json, read};
use crate::cloudevents::xml::{write, write_batch};
use crate::cloudevents::{Data, Event};
use bytes::Bytes;

fn written(event: &Event) -> String {
    String::from_utf8(write(event).unwrap().into()).unwrap()
}

/// The elements behind the required ones.
fn elements(event: &Event) -> String {
    let text = written(event);
    let (_, rest) = text.split_once("<ce:type>t</ce:type>").unwrap();
    rest.strip_suffix("</ce:event>").unwrap().to_owned()
}

fn with_data(datacontenttype: Option<&str>, data: Data) -> Event {
    let members = datacontenttype.map(|text| format!(r#","datacontenttype":"{}""#, text.replace('"', "\\\"")));
    Event { data, ..of_json(&members.unwrap_or_default()) }
}

#[test]
fn the_envelope_is_written_with_prefixes() {
    assert_eq!(
        written(&of_json(r#","subject":"a<b>&c","x":true"#)),
        concat!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
            r#"<ce:event xmlns:ce="http://cloudevents.io/xmlformat/V1" "#,
            r#"xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="http://www.w3.org/2001/XMLSchema" "#,
            r#"specversion="1.0"><ce:id>1</ce:id><ce:source>/a</ce:source><ce:type>t</ce:type>"#,
            r#"<ce:subject>a&lt;b&gt;&amp;c</ce:subject><ce:x xsi:type="ce:boolean">true</ce:x></ce:event>"#
        )
    );
}

#[test]
fn data_is_written_by_the_matrix() {
    let string = |text: &str| format!(r#"<ce:data xsi:type="xs:string">{text}</ce:data>"#);
    let any = |text: &str| format!(r#"<ce:data xsi:type="xs:any">{text}</ce:data>"#);
    let base64 = |text: &str| format!(r#"<ce:data xsi:type="xs:base64Binary">{text}</ce:data>"#);
    let json_type = "<ce:datacontenttype>application/json</ce:datacontenttype>";
    for (datacontenttype, data, expected) in [
        (None, Data::Absent, String::new()),
        (None, Data::Json("{ \"a\" : 1.10 }".into()), json_type.to_owned() + &string("{ \"a\" : 1.10 }")),
        (None, Data::Json("null".into()), json_type.to_owned() + &string("null")),
        (None, Data::Json("\"\u{ffff}\"".into()), json_type.to_owned() + &base64("Iu+/vyI=")),
        (None, Data::Binary("{}".into()), base64("e30=")),
        (None, Data::Text("text".into()), string("text")),
        (None, Data::Xml("<a/>".into()), any("<a/>")),
        (Some("application/json"), Data::Binary(" {\"a\":1} ".into()), string(" {\"a\":1} ")),
        (Some("application/json"), Data::Binary("{".into()), string("{")),
        (Some("application/json"), Data::Binary(Bytes::from_static(b"\xff")), base64("/w==")),
        (Some("application/json"), Data::Binary(Bytes::new()), string("")),
        (Some("text/plain"), Data::Binary("a\r\n\t<é".into()), string("a&#13;\n\t&lt;é")),
        (Some("text/plain"), Data::Binary("\u{1}".into()), base64("AQ==")),
        (Some("text/plain"), Data::Text("\u{1}".into()), base64("AQ==")),
        (Some("text/plain; charset=latin1"), Data::Binary("a".into()), base64("YQ==")),
        (Some("text/plain"), Data::Text("".into()), string("")),
        (Some("image/png"), Data::Binary("a".into()), base64("YQ==")),
        (Some("application/x-www-form-urlencoded"), Data::Text("a=1".into()), string("a=1")),
        (
            Some("application/xml"),
            Data::Binary("\u{feff}<?xml version='1.0'?>\n<!-- x --><a b='1'/>\n".into()),
            any("<a b='1'/>"),
        ),
        (Some("image/svg+xml"), Data::Binary("<s:a xmlns:s='u'/>".into()), any("<s:a xmlns:s='u'/>")),
        // What came as text stays text, so that its bytes stay.
        (Some("image/svg+xml"), Data::Text("<a/>".into()), string("&lt;a/&gt;")),
        (Some("application/xml"), Data::Binary("<!DOCTYPE a><a/>".into()), string("&lt;!DOCTYPE a&gt;&lt;a/&gt;")),
        (Some("application/xml"), Data::Binary("<a>".into()), string("&lt;a&gt;")),
        (Some("application/xml"), Data::Binary("<a/><b/>".into()), string("&lt;a/&gt;&lt;b/&gt;")),
        // In the envelope, these would be bound to its namespaces.
        (Some("application/xml"), Data::Binary("<ce:a/>".into()), string("&lt;ce:a/&gt;")),
        (Some("application/xml"), Data::Binary(Bytes::new()), string("")),
        (
            Some("application/xml"),
            Data::Binary("<?xml version='1.0' encoding='latin1'?><a/>".into()),
            base64("PD94bWwgdmVyc2lvbj0nMS4wJyBlbmNvZGluZz0nbGF0aW4xJz8+PGEvPg=="),
        ),
        (Some("application/xml; charset=utf-16"), Data::Binary("<a/>".into()), base64("PGEvPg==")),
    ] {
        let event = with_data(datacontenttype, data);
        let prefix = datacontenttype.map(|text| format!("<ce:datacontenttype>{text}</ce:datacontenttype>"));
        assert_eq!(elements(&event), prefix.unwrap_or_default() + &expected, "{event:?}");
        assert!(read(written(&event)).is_ok(), "{event:?}");
    }
}

#[test]
fn data_too_deep_for_readers_of_events_stays_text() {
    let nested = |levels: usize| "<a>".repeat(levels) + &"</a>".repeat(levels);
    let kind = |levels: usize| {
        let event = with_data(Some("application/xml"), Data::Binary(nested(levels).into()));
        let back = read(written(&event)).unwrap().data;
        assert_eq!(back.bytes().unwrap(), nested(levels));
        matches!(back, Data::Xml(_))
    };
    assert!(kind(126));
    assert!(!kind(127));
    let namespaces = |count: usize| {
        let declared = (0..count).map(|at| format!(" xmlns:n{at}='u'")).collect::<Vec<_>>().concat();
        let event = with_data(Some("application/xml"), Data::Binary(format!("<a{declared}/>").into()));
        matches!(read(written(&event)).unwrap().data, Data::Xml(_))
    };
    assert!(namespaces(61));
    assert!(!namespaces(62));
}

#[test]
fn a_name_that_is_none_in_xml_cannot_be_written() {
    for event in [of_json(r#","1a":"x""#), of_json(r#","0":"x""#)] {
        assert!(write(&event).is_err());
        assert!(write_batch(&[event]).is_err());
    }
}

#[test]
fn a_batch_holds_events() {
    let event = of_json("");
    let batch = String::from_utf8(write_batch(&[event.clone(), event]).unwrap().into()).unwrap();
    assert_eq!(batch.matches("xmlns:ce=").count(), 1);
    assert_eq!(batch.matches("<ce:event specversion=\"1.0\">").count(), 2);
    assert!(write_batch(&[]).unwrap().ends_with(b"></ce:batch>"));
}
