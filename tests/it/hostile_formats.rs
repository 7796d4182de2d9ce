//! Payload attacks on a running gateway (reliability.md §2.4 J): an honest answer, memory that grows by no more than ten
//! times the request, and no more than ten times the CPU time of a good request of the same size.

use crate::support::gateway::{Gateway, PLAIN};
use std::time::Duration;

/// Under `event_bytes` of [`LIMITS`], so that everything is read that is read of any event.
const SIZE: usize = 1_000_000;
const LIMITS: &str = "limits: {event_bytes: 2MiB}\n";
/// Requests of each kind.
const TIMES: u32 = 2;
/// What any request may cost: buffers of connections, heaps of threads that have not worked before, in whole pages.
const NOISE: u64 = 8 << 20;
/// The clock of the scheduler counts other work of the gateway as well.
const CPU_NOISE: Duration = Duration::from_millis(5);

/// Something hostile, and the answers that are honest.
struct Attack {
    name: &'static str,
    media_type: &'static str,
    body: Vec<u8>,
    answers: &'static [u16],
}

fn attack(name: &'static str, media_type: &'static str, body: impl Into<Vec<u8>>, answers: &'static [u16]) -> Attack {
    Attack { name, media_type, body: body.into(), answers }
}

const JSON: &str = "application/cloudevents+json";
const XML: &str = "application/cloudevents+xml";
const PROTOBUF: &str = "application/cloudevents+protobuf";
const AVRO: &str = "application/cloudevents+avro";

fn json(members: &str) -> String {
    format!(r#"{{"specversion":"1.0","id":"1","source":"/s","type":"t"{members}}}"#)
}

fn xml(elements: &str) -> String {
    format!(
        r#"<event xmlns="http://cloudevents.io/xmlformat/V1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" specversion="1.0"><id>1</id><source>/s</source><type>t</type>{elements}</event>"#
    )
}

/// The usual attributes, and these fields.
fn protobuf(fields: &[u8]) -> Vec<u8> {
    [b"\x0a\x011\x12\x02/s\x1a\x031.0\x22\x01t", fields].concat()
}

/// The usual attributes without the end of their map, and these bytes.
fn avro(bytes: &[u8]) -> Vec<u8> {
    [b"\x08\x16specversion\x06\x061.0\x04id\x06\x021\x0csource\x06\x04/s\x08type\x06\x02t", bytes].concat()
}

/// A length or count as Avro writes it.
fn long(number: usize) -> Vec<u8> {
    varint(number << 1)
}

/// A number in groups of seven bits.
fn varint(number: usize) -> Vec<u8> {
    let mut rest = number;
    let mut out = Vec::new();
    while rest >= 0x80 {
        out.push(u8::try_from(rest & 0x7f).expect("seven bits") | 0x80);
        rest >>= 7;
    }
    out.push(u8::try_from(rest).expect("seven bits"));
    out
}

fn numbered(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect()
}

fn attacks_on_json() -> Vec<Attack> {
    vec![
        attack("nesting", JSON, json(&format!(r#","data":{}"#, "[".repeat(SIZE))), &[400]),
        attack(
            "closed nesting",
            JSON,
            json(&format!(r#","data":{}{}"#, "[".repeat(SIZE / 2), "]".repeat(SIZE / 2))),
            &[400],
        ),
        attack("a long number", JSON, json(&format!(r#","data":{}"#, "9".repeat(SIZE))), &[202]),
        attack("a long number as attribute", JSON, json(&format!(r#","a":{}"#, "9".repeat(SIZE))), &[400]),
        attack("many attributes", JSON, json(&numbered(SIZE / 10, |n| format!(r#","a{n:05}":1"#))), &[400]),
        attack("one attribute many times", JSON, json(&r#","a":1"#.repeat(SIZE / 6)), &[400]),
        attack("many bad names", JSON, json(&numbered(SIZE / 11, |n| format!(r#","A_{n:05}":1"#))), &[400]),
        attack("escapes", JSON, json(&format!(r#","subject":"{}""#, "\\u0001".repeat(SIZE / 6))), &[400]),
        attack("lone surrogates", JSON, json(&format!(r#","data":"{}""#, "\\ud800".repeat(SIZE / 6))), &[400]),
        attack(
            "many members of the data",
            JSON,
            json(&format!(r#","data":{{"a":1{}}}"#, r#","a":1"#.repeat(SIZE / 6))),
            &[202],
        ),
        attack(
            "many events",
            "application/cloudevents-batch+json",
            format!("[{{}}{}]", ",{}".repeat(SIZE / 3)),
            &[413],
        ),
        attack(
            "many bad events",
            "application/cloudevents-batch+json",
            format!("[{}]", vec![json(&numbered(200, |n| format!(r#","A{n}":1"#))); 999].join(",")),
            &[400],
        ),
    ]
}

fn attacks_on_xml() -> Vec<Attack> {
    let any = |content: &str| xml(&format!(r#"<data xsi:type="xs:any">{content}</data>"#));
    vec![
        attack("nesting", XML, any(&"<a>".repeat(SIZE / 3)), &[400]),
        attack(
            "many XML attributes",
            XML,
            any(&format!("<a {}/>", numbered(SIZE / 11, |n| format!(r#"a{n:05}="" "#)))),
            &[400],
        ),
        attack(
            "many namespaces",
            XML,
            any(&format!("<a {}/>", numbered(SIZE / 18, |n| format!(r#"xmlns:a{n:05}="u" "#)))),
            &[400],
        ),
        attack(
            "a DTD",
            XML,
            format!("<!DOCTYPE a [{}]>{}", r#"<!ENTITY a "&b;&b;">"#.repeat(SIZE / 20), xml("")),
            &[400],
        ),
        attack(
            "an external entity",
            XML,
            format!(r#"<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>{}"#, xml("<subject>&x;</subject>")),
            &[400],
        ),
        attack("references", XML, any(&format!("<a>{}</a>", "&#65;".repeat(SIZE / 5))), &[202]),
        attack("sections", XML, xml(&format!("<subject>{}</subject>", "<![CDATA[a]]>".repeat(SIZE / 13))), &[202]),
        attack("many elements", XML, any(&format!("<a>{}</a>", "<b/>".repeat(SIZE / 4))), &[202]),
        attack(
            "many attributes",
            XML,
            xml(&numbered(SIZE / 40, |n| format!(r#"<a{n:05} xsi:type="ce:string">x</a{n:05}>"#))),
            &[400],
        ),
        attack(
            "many events",
            "application/cloudevents-batch+xml",
            format!(r#"<batch xmlns="http://cloudevents.io/xmlformat/V1">{}</batch>"#, "<event/>".repeat(SIZE / 8)),
            &[413],
        ),
    ]
}

fn attacks_on_protobuf() -> Vec<Attack> {
    let batch = "application/cloudevents-batch+protobuf";
    let bad = protobuf(&[0x2a, 0x00].repeat(250));
    let bad = [&[0x0a][..], &varint(bad.len()), &bad].concat();
    vec![
        attack(
            "a length that lies",
            PROTOBUF,
            protobuf(&[&[0x32, 0xff, 0xff, 0xff, 0xff, 0x07][..], &vec![0; SIZE]].concat()),
            &[400],
        ),
        attack(
            "the largest length",
            PROTOBUF,
            protobuf(
                &[&[0x32, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01][..], &vec![0; SIZE]].concat(),
            ),
            &[400],
        ),
        attack("groups", PROTOBUF, protobuf(&[0x9b, 0x06].repeat(SIZE / 2)), &[400]),
        attack("empty entries", PROTOBUF, protobuf(&[0x2a, 0x00].repeat(SIZE / 2)), &[400]),
        attack(
            "entries with a name",
            PROTOBUF,
            protobuf(&b"\x2a\x08\x0a\x01a\x12\x03\x1a\x01x".repeat(SIZE / 10)),
            &[400],
        ),
        attack("unknown fields", PROTOBUF, protobuf(&[0x98, 0x06, 0x00].repeat(SIZE / 3)), &[202]),
        attack("fields that stand twice", PROTOBUF, protobuf(&b"\x3a\x01x".repeat(SIZE / 3)), &[202]),
        attack("long numbers", PROTOBUF, protobuf(&[0xff].repeat(SIZE)), &[400]),
        attack("many events", batch, [0x0a, 0x00].repeat(SIZE / 2), &[413]),
        attack("many bad events", batch, bad.repeat(999), &[400]),
    ]
}

fn attacks_on_avro() -> Vec<Attack> {
    let text = |bytes: &[u8]| avro(&[&[0, 12][..], &long(bytes.len()), bytes].concat());
    let items = |count: usize, item: &[u8]| avro(&[&[0, 8][..], &long(count), &item.repeat(count), &[0]].concat());
    let entries = |count: usize, entry: &[u8]| avro(&[&[0, 6][..], &long(count), &entry.repeat(count), &[0]].concat());
    let attributes = [&long(SIZE / 2)[..], &[0, 0].repeat(SIZE / 2), &[0, 2]].concat();
    vec![
        attack("a length that lies", AVRO, avro(&[&[0, 0][..], &long(1 << 40), &vec![0; SIZE]].concat()), &[400]),
        attack("a count that lies", AVRO, avro(&[&[0, 8][..], &long(1 << 40), &vec![0; SIZE]].concat()), &[400, 413]),
        attack(
            "a count below zero",
            AVRO,
            avro(
                &[&[0, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 2][..], &vec![0; SIZE]].concat(),
            ),
            &[400, 413],
        ),
        attack("nesting", AVRO, avro(&[&[0, 8, 2][..], &[2, 0, 6, 2].repeat(SIZE / 4)].concat()), &[400]),
        attack("attributes without a name", AVRO, avro(&attributes), &[400]),
        attack("text that is longer as JSON", AVRO, text(&vec![1; SIZE]), &[413]),
        attack("empty objects", AVRO, items(SIZE, &[0]), &[413]),
        attack("members without a name", AVRO, entries(SIZE / 2, &[0, 0]), &[413]),
        attack("long numbers", AVRO, [0xff].repeat(SIZE), &[400]),
    ]
}

/// A good request of that size: what most producers of the format send.
fn good(media_type: &'static str) -> Attack {
    if media_type == XML {
        let item = r#"<item sku="lamp-4711"><quantity>2</quantity><price>19.90</price></item>"#;
        let data = format!(r#"<data xsi:type="xs:any"><order>{}</order></data>"#, item.repeat(SIZE / item.len()));
        return attack("good", XML, xml(&data), &[202]);
    }
    let item = r#"{"sku": "lamp-4711", "quantity": 2, "price": 19.90},"#;
    attack("good", JSON, json(&format!(r#","data":[{}null]"#, item.repeat(SIZE / item.len()))), &[202])
}

/// What a process has used so far.
struct Used {
    /// Bytes in memory now, or the most there were.
    memory: u64,
    cpu: Duration,
}

fn used(pid: u32, line: &str) -> Used {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let kilobytes = status.lines().find_map(|text| text.strip_prefix(line)).expect("the line is there");
    let kilobytes: u64 = kilobytes.trim().trim_end_matches(" kB").parse().expect("a number");
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    let nanos = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Used { memory: kilobytes * 1024, cpu: Duration::from_nanos(nanos.sum()) }
}

/// What requests cost: the most memory above what was used before, over all of them, which come one at a time; and the CPU
/// time of each.
async fn cost(gateway: &Gateway, attack: &Attack) -> (u64, Duration) {
    let pid = gateway.pid();
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("the peak can be reset");
    let before = used(pid, "VmRSS:");
    for _ in 0..TIMES {
        let request = gateway.http().post(gateway.ingress("/")).header("content-type", attack.media_type);
        let answer = request.body(attack.body.clone()).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let told = answer.text().await.expect("a body");
        let told = told.get(..300).unwrap_or(&told);
        assert!(attack.answers.contains(&status), "{}: {status} {told}", attack.name);
    }
    let after = used(pid, "VmHWM:");
    (after.memory.saturating_sub(before.memory), after.cpu.saturating_sub(before.cpu) / TIMES)
}

async fn all_are_cheap(attacks: Vec<Attack>) {
    let config = format!("{PLAIN}{LIMITS}");
    let gateway = Gateway::start(&[("signalbox.yaml", &config)]).await;
    let good = good(attacks[0].media_type);
    // Pages and threads of the first requests belong to no attack.
    for _ in 0..3 {
        cost(&gateway, &good).await;
    }
    let (_, cpu) = cost(&gateway, &good).await;
    for attack in attacks {
        let (memory, time) = cost(&gateway, &attack).await;
        let name = format!("{}: {}", attack.media_type, attack.name);
        let allowed = 10 * attack.body.len() as u64 + NOISE;
        assert!(memory <= allowed, "{name}: {memory} bytes more for a request of {}", attack.body.len());
        assert!(time <= cpu * 10 + CPU_NOISE, "{name}: {time:?}, a good request {cpu:?}");
    }
}

#[tokio::test]
async fn attacks_on_json_are_cheap() {
    all_are_cheap(attacks_on_json()).await;
}

#[tokio::test]
async fn attacks_on_xml_are_cheap() {
    all_are_cheap(attacks_on_xml()).await;
}

#[tokio::test]
async fn attacks_on_protobuf_are_cheap() {
    all_are_cheap(attacks_on_protobuf()).await;
}

#[tokio::test]
async fn attacks_on_avro_are_cheap() {
    all_are_cheap(attacks_on_avro()).await;
}
