//! Templates: what is read, what is filled, what is refused and where.

use crate::cloudevents::{Attribute, Data, Event};
use crate::transform::template::Template;
use proptest::prelude::*;

fn event(attributes: &[(&str, &str)]) -> Event {
    Event {
        id: "1".into(),
        source: "/shop/eu".into(),
        ty: "com.example.order".into(),
        attributes: attributes.iter().map(|(name, text)| Attribute::string(name, text)).collect(),
        data: Data::Absent,
    }
}

fn fill(template: &str, attributes: &[(&str, &str)]) -> Result<String, String> {
    Template::parse(template).unwrap().fill(&event(attributes), |value, out| out.push_str(value))
}

#[test]
fn attributes_defaults_and_braces_are_filled() {
    let cases = [
        ("orders.{region}", "orders.eu"),
        ("{region}{type}", "eucom.example.order"),
        ("{missing:-none}", "none"),
        ("{missing:-}", ""),
        ("{missing:-a:-b}", "a:-b"),
        ("{region:-none}", "eu"),
        ("{empty:-none}", ""),
        ("{specversion}/{id}{source}", "1.0/1/shop/eu"),
        ("{{{region}}}", "{eu}"),
        ("{{region}}", "{region}"),
        ("", ""),
        ("ö{region}ö", "öeuö"),
    ];
    for (template, expected) in cases {
        assert_eq!(fill(template, &[("region", "eu"), ("empty", "")]).as_deref(), Ok(expected), "{template}");
    }
    assert_eq!(fill("{region}-{missing}", &[("region", "eu")]), Err("missing".to_owned()));
}

#[test]
fn faults_name_their_byte_offset() {
    let cases = [
        ("a}b", 1),
        ("a{b", 1),
        ("ö{b", 2),
        ("{}", 1),
        ("{:-x}", 1),
        ("{Type}", 1),
        ("a{my_ext}", 4),
        ("{ type }", 1),
        ("{data}", 1),
        ("{a:-{b}}", 4),
        ("{a:-x}}", 6),
    ];
    for (template, offset) in cases {
        let fault = Template::parse(template).unwrap_err();
        assert_eq!(fault.offset, offset, "{template}: {}", fault.message);
    }
}

#[test]
fn values_are_escaped_and_never_read_again() {
    let template = Template::parse("{region}.{missing:-x.y}.fixed").unwrap();
    let escape = |value: &str, out: &mut String| out.push_str(&value.replace('.', "%2E"));
    let filled = template.fill(&event(&[("region", "{id}.${env:HOME}")]), escape);
    assert_eq!(filled.as_deref(), Ok("{id}%2E${env:HOME}.x%2Ey.fixed"));
}

#[test]
fn the_prefix_is_what_never_changes() {
    let prefix = |text: &str| Template::parse(text).unwrap().literal_prefix().to_owned();
    assert_eq!(prefix("orders.{region}.x"), "orders.");
    assert_eq!(prefix("{region}.x"), "");
    assert_eq!(prefix("a{{b"), "a{b");
    assert!(Template::parse("a{{b}}").unwrap().is_literal());
    assert!(!Template::parse("{id}").unwrap().is_literal());
    assert_eq!(Template::parse("a{{b").unwrap().text(), "a{{b");
}

proptest! {
    #[test]
    fn any_text_survives_with_its_braces_doubled(text in "\\PC*") {
        let template = Template::parse(&text.replace('{', "{{").replace('}', "}}")).unwrap();
        prop_assert!(template.is_literal());
        prop_assert_eq!(template.literal_prefix(), &text);
        prop_assert_eq!(template.fill(&event(&[]), |_, _| ()), Ok(text));
    }

    #[test]
    fn no_text_makes_the_parser_fail_badly(text in "[{}a-cA:\\-é]{0,12}") {
        match Template::parse(&text) {
            Ok(template) => prop_assert_eq!(template.text(), &text),
            Err(fault) => prop_assert!(text.is_char_boundary(fault.offset)),
        }
    }
}

#[test]
fn what_a_template_may_become() {
    let fits = |template: &str, text: &str| Template::parse(template).unwrap().fits(text);
    for (template, text) in [
        ("orders", "orders"),
        ("orders.{region}", "orders.eu"),
        ("{a}", "x"),
        ("{a}-{b}.x", "1-2-3.x"),
        ("a{{{b}", "a{c"),
    ] {
        assert!(fits(template, text), "{template} {text}");
    }
    for (template, text) in [
        ("orders", "orders2"),
        ("orders.{region}", "order.eu"),
        ("{a}.x", "a.y"),
        ("a{b}c{d}e", "abde"),
        ("{a}aa", "a"),
    ] {
        assert!(!fits(template, text), "{template} {text}");
    }
}
