//! What is sent to hurt, and what most producers send.

use std::io::Write as _;

/// Under `event_bytes` of [`super::LIMITS`], so that everything is read that is read of any event.
pub const SIZE: usize = 1_000_000;

/// Something hostile, and the answers that are honest.
pub struct Attack {
    pub name: &'static str,
    pub media_type: &'static str,
    /// More headers.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub answers: &'static [u16],
}

impl Attack {
    /// Bytes that are sent.
    pub fn bytes(&self) -> u64 {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        (headers + self.body.len()) as u64
    }
}

pub fn attack(
    name: &'static str,
    media_type: &'static str,
    body: impl Into<Vec<u8>>,
    answers: &'static [u16],
) -> Attack {
    Attack { name, media_type, headers: Vec::new(), body: body.into(), answers }
}

pub const JSON: &str = "application/cloudevents+json";
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
pub fn long(number: usize) -> Vec<u8> {
    varint(number << 1)
}

/// A number in groups of seven bits.
pub fn varint(number: usize) -> Vec<u8> {
    let mut rest = number;
    let mut out = Vec::new();
    while rest >= 0x80 {
        out.push(u8::try_from(rest & 0x7f).expect("seven bits") | 0x80);
        rest >>= 7;
    }
    out.push(u8::try_from(rest).expect("seven bits"));
    out
}

pub fn numbered(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect()
}

/// Batches of events that have as many attributes as they may, each as small as it can be.
pub fn of_tiny_attributes() -> Vec<Attack> {
    let names = (0..252_u8).map(|n| format!("{}{}", char::from(b'j' + n % 16), char::from(b'a' + n / 16)));
    let all = |written: fn(String) -> String| names.clone().map(written).collect::<String>();
    let integers = json(&all(|name| format!(r#","{name}":1"#)));
    let times = protobuf(all(|name| format!("\x2a\x08\x0a\x02{name}\x12\x02\x3a\x00")).as_bytes());
    let times = [&[0x0a][..], &varint(times.len()), &times].concat();
    let json_batch = format!("[{}]", vec![integers; 1000].join(","));
    vec![
        attack("tiny integers", "application/cloudevents-batch+json", json_batch, &[202]),
        attack("tiny times", "application/cloudevents-batch+protobuf", times.repeat(1000), &[202]),
    ]
}

pub fn on_json() -> Vec<Attack> {
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

pub fn on_xml() -> Vec<Attack> {
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
        attack("many elements that are no attributes", XML, xml(&"<A/>".repeat(SIZE / 4)), &[400]),
        attack(
            "many events",
            "application/cloudevents-batch+xml",
            format!(r#"<batch xmlns="http://cloudevents.io/xmlformat/V1">{}</batch>"#, "<event/>".repeat(SIZE / 8)),
            &[413],
        ),
    ]
}

pub fn on_protobuf() -> Vec<Attack> {
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

pub fn on_avro() -> Vec<Attack> {
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

/// Headers of a binary event as many and as long as the limits take.
pub fn on_headers() -> Vec<Attack> {
    let values = |value: &str| {
        let required = [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/s"), ("ce-type", "t")];
        let required = required.map(|(name, value)| (name, value.to_owned())).into_iter();
        required.chain(NAMES.iter().map(|name| (*name, value.to_owned()))).collect::<Vec<_>>()
    };
    let with =
        |name, value: &str, answers| Attack { headers: values(value), ..attack(name, "text/plain", "x", answers) };
    vec![
        with("escapes", &"%41".repeat(2000), &[202]),
        with("escapes of controls", &"%0D%0A".repeat(1000), &[400]),
        with("escapes that are no UTF-8", &"%C0%A0".repeat(1000), &[400]),
        with("percent signs", &"%".repeat(6000), &[202]),
        with("quotes", &format!("\"{}\"", "\\\"".repeat(3000)), &[202]),
        Attack {
            headers: [values(""), vec![("ce-e0", "%41".repeat(200)); 80]].concat(),
            ..attack("one attribute many times", "text/plain", "x", &[400])
        },
        Attack {
            headers: [values(""), vec![("ce-a_b", "%41".repeat(200)); 80]].concat(),
            ..attack("bad names", "text/plain", "x", &[400])
        },
    ]
}

const NAMES: [&str; 10] = ["ce-e0", "ce-e1", "ce-e2", "ce-e3", "ce-e4", "ce-e5", "ce-e6", "ce-e7", "ce-e8", "ce-e9"];

/// Bodies that claim to be small.
pub fn on_codings() -> Vec<Attack> {
    let gzip = |data: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(data).and_then(|()| encoder.finish()).expect("gzip")
    };
    let with = |name, coding: &str, body: Vec<u8>, answers| Attack {
        headers: vec![("content-encoding", coding.to_owned())],
        ..attack(name, JSON, body, answers)
    };
    let large = json(&format!(r#","subject":"{}""#, "a".repeat(SIZE)));
    vec![
        with("a small bomb", "gzip", gzip(&vec![0; 10 << 20]), &[413]),
        with("a bomb", "gzip", gzip(&vec![0; 200 << 20]), &[413]),
        with("members", "gzip", gzip(b"").repeat(SIZE / 20), &[400]),
        with("a stream that does not end", "gzip", gzip(large.as_bytes())[..1000].to_vec(), &[400]),
        with("frames", "zstd", zstd::encode_all(&b""[..], 0).expect("zstd").repeat(SIZE / 9), &[400]),
        with("frames to be skipped", "zstd", b"\x50\x2a\x4d\x18\0\0\0\0".repeat(SIZE / 8), &[400]),
        with("two layers", "gzip, gzip", gzip(&gzip(&vec![0; 50 << 20])), &[415]),
    ]
}

/// A good request of that size: what most producers of the format send.
pub fn good(media_type: &'static str) -> Attack {
    if media_type == XML {
        let item = r#"<item sku="lamp-4711"><quantity>2</quantity><price>19.90</price></item>"#;
        let data = format!(r#"<data xsi:type="xs:any"><order>{}</order></data>"#, item.repeat(SIZE / item.len()));
        return attack("good", XML, xml(&data), &[202]);
    }
    let item = r#"{"sku": "lamp-4711", "quantity": 2, "price": 19.90},"#;
    attack("good", JSON, json(&format!(r#","data":[{}null]"#, item.repeat(SIZE / item.len()))), &[202])
}

/// A good batch of about so many bytes.
pub fn good_batch(bytes: u64) -> Attack {
    let item = r#"{"sku": "lamp-4711", "quantity": 2, "price": 19.90},"#;
    let events = 1000;
    let items = usize::try_from(bytes).expect("a request") / events / item.len();
    let event = json(&format!(r#","data":[{}null]"#, item.repeat(items)));
    attack("good batch", "application/cloudevents-batch+json", format!("[{}]", vec![event; events].join(",")), &[202])
}
