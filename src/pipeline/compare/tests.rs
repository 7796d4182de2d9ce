use super::{Change, Changed, Sides};
use crate::cloudevents::{Attribute, Data, Event};
use crate::config::compile::compile;
use crate::config::sources::Sources;
use crate::log::record::{Entry, Record};
use crate::reload::snapshot::Snapshot;
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};

const DESTINATIONS: &str = "\
destinations:
  - {name: nowhere, discard: {}}
  - {name: elsewhere, discard: {}}
  - {name: crm, http: {url: \"https://crm.example/events\"}}
  - {name: edge, nats: {servers: [\"nats://a:4222\"]}}
";

fn of_folders(routes: &Path, schemas: &Path) -> Snapshot {
    compile(&Sources::read(routes, schemas)).unwrap().into()
}

/// A snapshot of one route file and a schema of `order`.
fn snapshot(routes: &str, schema: Option<&str>) -> Snapshot {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir_all(path("routes")).unwrap();
    fs::create_dir_all(path("schemas")).unwrap();
    fs::write(path("routes/a.yaml"), routes).unwrap();
    if let Some(schema) = schema {
        fs::create_dir_all(path("schemas/order")).unwrap();
        fs::write(path("schemas/order/1.json"), schema).unwrap();
    }
    of_folders(&path("routes"), &path("schemas"))
}

fn routes(routes: &str) -> Snapshot {
    snapshot(&format!("{DESTINATIONS}routes:\n{routes}"), None)
}

fn entry(position: u64, id: &str, attributes: &[(&str, &str)], data: Data) -> Entry {
    let find = |wanted: &str| attributes.iter().find(|(name, _)| *name == wanted).map(|(_, text)| *text);
    let others = attributes.iter().filter(|(name, _)| !matches!(*name, "type" | "source"));
    let event = Event {
        id: id.into(),
        source: find("source").unwrap_or("/shop/1").into(),
        ty: find("type").unwrap_or("order").into(),
        attributes: others.map(|(name, text)| Attribute::string(name, text)).collect(),
        data,
    };
    Entry { position, record: Arc::new(Record::of(event)) }
}

fn order() -> Entry {
    let attributes = [("region", "eu"), ("partitionkey", "k1"), ("datacontenttype", "application/json")];
    entry(7, "1", &attributes, Data::Json(r#"{"total":1,"id":"x"}"#.into()))
}

fn compare(old: &Snapshot, new: &Snapshot, entry: &Entry) -> Vec<Changed> {
    Sides { old, new, strict: false }.compare(entry)
}

/// `<change> <route>` of each change of [`order`].
fn kinds(old: &str, new: &str) -> Vec<String> {
    let changes = compare(&routes(old), &routes(new), &order());
    let name = |change: Change| format!("{change:?}").to_lowercase();
    changes.iter().map(|one| format!("{} {}", name(one.change), one.route.as_deref().unwrap_or("-"))).collect()
}

#[test]
fn each_change_is_told_by_its_kind() {
    let with = |deliver: &str| format!("  - {{name: r, deliver: [{deliver}]}}\n");
    let log = "{destination: log, stream: a}";
    let nats = "{destination: edge, subject: \"o.{region}\"}";
    let cases: [(String, String, &[&str]); 13] = [
        (with(log), with("{destination: log, stream: b}"), &["target r"]),
        (with(log), with("{destination: log, stream: a, name: b}"), &["target r"]),
        (with(log), with("{destination: log, stream: a, key: \"{region}\"}"), &["key r"]),
        (with(log), with("{destination: log, stream: a, key: \"{missing}\"}"), &["key r"]),
        (with(log), with(&format!("{log}, {{destination: nowhere}}")), &["target r"]),
        (with("{destination: nowhere, name: x}"), with("{destination: elsewhere, name: x}"), &["target r"]),
        (with("{destination: nowhere}"), with("{destination: nowhere, mode: structured}"), &["bytes r"]),
        (with(nats), with("{destination: edge, subject: \"o.{region}\", mode: binary}"), &["bytes r"]),
        (with(nats), with("{destination: edge, subject: \"o.{missing}\"}"), &["bytes r"]),
        (
            with("{destination: edge, subject: \"{missing}\"}"),
            with("{destination: edge, subject: \"x.{missing}\"}"),
            &[],
        ),
        (
            with(nats),
            with("{destination: edge, subject: \"p.{region}\", key: \"{id}\", format: xml}"),
            &["target r", "key r", "bytes r"],
        ),
        (with(log), "  []\n".to_owned(), &["route r"]),
        (with(log), with(&format!("{log}], transform: [{{set: {{region: us}}}}, {{jq: \".\"}}")), &["bytes r"]),
    ];
    for (old, new, expected) in &cases {
        assert_eq!(&kinds(old, new), expected, "{old}{new}");
        assert_eq!(kinds(new, new), Vec::<String>::new(), "{new}");
        assert_eq!(kinds(new, old).len(), expected.len(), "the same number the other way round: {old}{new}");
    }
}

#[test]
fn servers_are_a_part_of_the_target() {
    let route = "routes: [{name: r, deliver: [{destination: edge, subject: o}]}]\n";
    let on = |servers: &str| {
        snapshot(&format!("destinations: [{{name: edge, nats: {{servers: [{servers}]}}}}]\n{route}"), None)
    };
    let (a, b) = ("\"nats://a:4222\"", "\"nats://b:4222\"");
    let changes = compare(&on(a), &on(b), &order());
    let grown = compare(&on(a), &on(&format!("{b}, {a}")), &order());
    assert!(grown.is_empty(), "the same cluster: {grown:?}");
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!((changes[0].change, changes[0].details[0].after.as_str()), (Change::Target, "`o` on other servers"));
}

#[test]
fn groups_defaults_and_shadows_decide_as_in_a_gateway() {
    let route = |name: &str, more: &str| {
        format!("  - {{name: {name}{more}, deliver: [{{destination: log, stream: {name}}}]}}\n")
    };
    let group = ", first_match: g";
    let (a, b) = (route("a", group), route("b", group));
    assert_eq!(kinds(&format!("{a}{b}"), &format!("{b}{a}")), ["route a", "route b"], "the first one wins");
    let default = route("rest", ", default: true");
    let narrow = route("a", ", filters: [{exact: {region: us}}]");
    assert_eq!(
        kinds(&format!("{narrow}{default}"), &format!("{}{default}", route("a", ""))),
        ["route rest", "route a"]
    );
    assert_eq!(kinds(&a, &format!("{a}{}", route("s", ", shadow: true"))), Vec::<String>::new(), "it delivers nothing");
    assert_eq!(kinds(&route("a", ""), &route("a", ", shadow: true")), ["route a"]);
    assert_eq!(kinds(&route("a", ", shadow: true"), &route("a", "")), ["route a"]);
}

#[test]
fn why_a_route_does_not_take_an_event_is_told() {
    let takes = routes("  - {name: r, deliver: [{destination: nowhere}]}\n");
    let narrow = routes("  - {name: r, filters: [{exact: {region: us}}], deliver: [{destination: nowhere}]}\n");
    let changes = compare(&takes, &narrow, &order());
    let detail = &changes[0].details[0];
    assert_eq!(detail.before, "takes it");
    assert!(detail.after.starts_with("does not take it: ") && detail.after.contains("region"), "{}", detail.after);
    let gone = compare(&takes, &routes("  []\n"), &order());
    assert_eq!(gone[0].details[0].after, "there is no such route");
}

#[test]
fn only_events_that_change_their_branch_change() {
    let split = |canary: u32| {
        routes(&format!(
            "  - {{name: r, key: \"{{id}}\", split: [{{weight: {}, deliver: [{{destination: nowhere, name: stable}}]}}, \
             {{weight: {canary}, deliver: [{{destination: nowhere, name: canary}}]}}]}}\n",
            100 - canary
        ))
    };
    let (old, new) = (split(10), split(30));
    let branch = |side: &Snapshot, entry: &Entry| side.table.decide(&entry.record.event)[0].name.clone();
    let mut moved = 0;
    for number in 0..200 {
        let entry = entry(number + 1, &number.to_string(), &[], Data::Absent);
        let changes = compare(&old, &new, &entry);
        assert_eq!(changes.is_empty(), branch(&old, &entry) == branch(&new, &entry), "{changes:?}");
        if let [only] = &changes[..] {
            assert_eq!((only.change, only.details.len()), (Change::Target, 2), "once, with both entries");
            moved += 1;
        }
    }
    assert!((20..60).contains(&moved), "about a fifth: {moved}");
}

#[test]
fn verdicts_are_compared_by_schema_and_truth() {
    let side = |schema: Option<&str>| snapshot("routes: []\n", schema);
    let wide = side(Some(r#"{"type":"object"}"#));
    let narrow = side(Some(r#"{"type":"object","required":["customer"]}"#));
    let none = side(None);
    for (old, new, before, after) in [
        (&wide, &narrow, "valid by order/1", "refused by order/1 (SB-1020): /data/customer: "),
        (&none, &wide, "no schema governs it", "valid by order/1"),
        (&narrow, &none, "refused by order/1 (SB-1020)", "no schema governs it"),
    ] {
        let changes = compare(old, new, &order());
        assert_eq!(changes.len(), 1, "{changes:?}");
        let (change, detail) = (&changes[0], &changes[0].details[0]);
        assert_eq!((change.change, &change.route), (Change::Verdict, &None));
        assert!(detail.before.starts_with(before) && detail.after.starts_with(after), "{detail:?}");
    }
    let sides = Sides { old: &none, new: &wide, strict: true };
    assert!(sides.compare(&order())[0].details[0].before.starts_with("refused (SB-1022)"));
}

/// Everything that could differ by itself: derived ids, programs, branches, keys.
const RICH: &str = r#"
routes:
  - {name: derived, identity: derive, transform: [{set: {region: "{region:-none}"}}], deliver: [{destination: log, stream: d},
      {destination: edge, subject: "x.{id}", mode: binary}, {destination: crm, mode: structured, format: xml}]}
  - {name: programs, filters: [{jq: ".total > 0"}], transform: [{jq: "{total, id: $event.id}"}, {set: {sum: {jq: .total}}}],
      deliver: [{destination: nowhere, key: "{sum}"}]}
  - {name: one, first_match: g, filters: [{prefix: {source: /shop}}], split: [{weight: 1, deliver: [{destination: nowhere}]},
      {weight: 1, deliver: [{destination: elsewhere}]}]}
  - {name: two, first_match: g, deliver: [{destination: edge, subject: "y.{subject}"}]}
  - {name: rest, default: true, deliver: [{destination: log, stream: rest}]}
  - {name: shade, shadow: {of: one}, deliver: [{destination: nowhere}]}
"#;

static SHIPPED: LazyLock<[[Snapshot; 2]; 3]> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shipped = |folder: &str| of_folders(&root.join(folder), &root.join("schemas"));
    let rich = || snapshot(&format!("{DESTINATIONS}{RICH}"), Some(r#"{"required":["total"]}"#));
    [[shipped("routes"), shipped("routes")], [shipped("routes/brokers"), shipped("routes/brokers")], [rich(), rich()]]
});

fn events() -> impl Strategy<Value = Entry> {
    const TYPES: &[&str] = &["order.created", "user.registered", "mail.requested", "inventory.short", "other"];
    const NAMES: &[&str] = &["subject", "region", "partitionkey", "trial", "campaign", "traceparent", "correlationid"];
    let ty =
        prop_oneof![Just("order".to_owned()), prop::sample::select(TYPES).prop_map(|ty| format!("com.example.{ty}"))];
    let attributes = prop::collection::btree_map(prop::sample::select(NAMES), "[a-z./ é]{1,12}", 0..5);
    let data = prop_oneof![
        Just(Data::Absent),
        (any::<i32>(), "[a-z<&é]{0,9}")
            .prop_map(|(total, id)| Data::Json(format!(r#"{{"total":{total},"id":"{id}"}}"#).into())),
        Just(Data::Json("[1, {\"a\": null}]".into())),
        "[ -~]{0,9}".prop_map(|text| Data::Text(text.into())),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| Data::Binary(bytes.into())),
    ];
    let source = prop_oneof![Just("/shop/eu"), Just("urn:x")];
    (any::<u32>(), "[!-~]{1,9}", ty, source, attributes, data).prop_map(
        |(position, id, ty, source, attributes, data)| {
            let mut all = vec![("type", &*ty), ("source", source)];
            all.extend(attributes.iter().map(|(name, text)| (*name, text.as_str())));
            entry(u64::from(position) + 1, &id, &all, data)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn routes_compared_with_themselves_change_nothing(entry in events(), strict in any::<bool>()) {
        for [old, new] in &*SHIPPED {
            prop_assert_eq!(Sides { old, new, strict }.compare(&entry), Vec::new());
        }
    }
}
