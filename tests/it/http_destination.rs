//! From HTTP to another service's HTTP through the real binary: what it gets, and what becomes of what it does not take.

use crate::support::gateway::Gateway;
use crate::support::receiver::{Answer, Receiver};
use crate::support::wait_for;
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_mins(1);

/// One route to the receiver; `entry` are keys of its deliver entry, `options` those of the destination.
fn routes(url: &str, options: &str, entry: &str) -> String {
    format!(
        r#"
destinations:
  - name: crm
    http: {{url: "{url}"{options}}}
routes:
  - name: orders
    retry: {{initial: 10ms, max: 50ms}}
    deliver:
      - {{destination: crm{entry}}}
"#
    )
}

fn event(id: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/shop/eu", "type": "order/created", "region": "é %",
        "datacontenttype": "application/json", "data": {"total": 1.50},
    })
}

async fn gateway(receiver: &Receiver, options: &str, entry: &str) -> Gateway {
    Gateway::start(&[("routes/orders.yaml", &routes(&receiver.url("/in"), options, entry))]).await
}

/// The delivery of an event once it has this status.
async fn delivery(gateway: &Gateway, position: u64, status: &str) -> Value {
    wait_for(&format!("the delivery to be {status}"), SOON, || async {
        let found = gateway.get(&format!("/api/v1/events/{position}")).await["deliveries"][0].clone();
        (found["status"] == status).then_some(found)
    })
    .await
}

#[tokio::test]
async fn a_binary_event_arrives_as_headers_and_its_data_untouched() {
    let receiver = Receiver::start(&[]).await;
    let gateway = gateway(&receiver, "", ", url: \"/{type}?r={region}\"").await;
    let body = r#"{"specversion":"1.0","id":"a b%","source":"/shop/eu","type":"order/created","region":"é %","data":{"total": 1.50}}"#;
    let request = gateway.http().post(gateway.ingress("/")).header("content-type", "application/cloudevents+json");
    assert_eq!(request.body(body).send().await.expect("an answer").status(), 202);
    let got = &receiver.wait(1).await[0];
    assert_eq!(got.line, "POST /in/order%2Fcreated?r=%C3%A9%20%25");
    assert_eq!(got.body.as_ref(), br#"{"total": 1.50}"#);
    for (name, value) in [
        ("ce-id", "a%20b%25"),
        ("ce-region", "%C3%A9%20%25"),
        ("ce-specversion", "1.0"),
        ("content-type", "application/json"),
        ("content-length", "15"),
    ] {
        assert_eq!(got.header(name), Some(value), "{name}");
    }
    let hop = got.header("traceparent").expect("a hop").to_owned();
    assert_ne!(Some(hop.as_str()), got.header("ce-traceparent"));
    let delivered = delivery(&gateway, 1, "delivered").await;
    assert_eq!(delivered["target"], receiver.url("/in/order%2Fcreated?r=%C3%A9%20%25"));
    assert_eq!(delivered["receipt"], "status=200");
    let destinations = gateway.get("/api/v1/destinations").await;
    let crm = destinations["destinations"].as_array().expect("a list").iter().find(|one| one["name"] == "crm");
    let crm = crm.expect("it is listed");
    assert_eq!((&crm["kind"], &crm["healthy"]), (&json!("http"), &json!(true)));
}

#[tokio::test]
async fn structured_mode_and_raw_headers_are_chosen_by_the_operator() {
    let receiver = Receiver::start(&[]).await;
    let gateway = gateway(&receiver, "", ", mode: structured, format: xml").await;
    gateway.accept(&event("1")).await;
    let got = &receiver.wait(1).await[0];
    assert_eq!(got.line, "POST /in");
    assert_eq!(got.header("content-type"), Some("application/cloudevents+xml"));
    assert!(got.header("ce-id").is_none() && got.body.starts_with(b"<"));
    gateway.write("routes/orders.yaml", &routes(&receiver.url("/in"), ", header_encoding: raw", ""));
    wait_for("raw headers", SOON, || async {
        gateway.accept(&event(&format!("{:?}", std::time::Instant::now()))).await;
        let last = receiver.received().pop().expect("a request");
        (last.header("ce-region") == Some("é %")).then_some(())
    })
    .await;
}

/// A receiver that speaks TLS only: prints its port, then the id and the body of each event it takes.
#[cfg(feature = "kafka")]
const TLS_RECEIVER: &str = r#"
import http.server, ssl, sys
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        print(self.headers["ce-id"], body.decode(), flush=True)
        self.send_response(202)
        self.end_headers()
    def log_message(self, *ignored):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
"#;

#[cfg(feature = "kafka")]
#[tokio::test]
async fn a_receiver_behind_tls_gets_events_when_its_certificate_is_trusted() {
    use crate::support::kafka::secured::Certificates;
    use tokio::io::AsyncBufReadExt as _;
    let certificates = Certificates::make();
    let mut python = tokio::process::Command::new("python3");
    python.args(["-c", TLS_RECEIVER]).args([certificates.path("server.pem"), certificates.path("server.key")]);
    let mut receiver =
        python.stdout(std::process::Stdio::piped()).kill_on_drop(true).spawn().expect("python3 can be run");
    let mut lines = tokio::io::BufReader::new(receiver.stdout.take().expect("a pipe")).lines();
    let port = lines.next_line().await.expect("a line").expect("a port");
    let routes = routes(&format!("https://localhost:{port}/in"), "", "");
    let event = event("1");
    // Nobody has signed it that the machine knows: nothing is sent, and why is told.
    let untrusting = Gateway::start(&[("routes/orders.yaml", &routes)]).await;
    untrusting.accept(&event).await;
    wait_for("the certificate to be refused", SOON, || async {
        let all = untrusting.get("/api/v1/destinations").await;
        let crm = all["destinations"].as_array().expect("a list").iter().find(|one| one["name"] == "crm").cloned();
        let crm = crm.expect("it is listed");
        let detail = crm["detail"].as_str().unwrap_or_default();
        (crm["healthy"] == false && detail.contains("certificate")).then_some(())
    })
    .await;
    let ca = certificates.path("ca.pem").display().to_string();
    let files = [("routes/orders.yaml", &*routes)];
    let trusting = Gateway::start_with(&files, &[], &[("SSL_CERT_FILE", &ca)]).await;
    trusting.accept(&event).await;
    delivery(&trusting, 1, "delivered").await;
    assert_eq!(lines.next_line().await.expect("a line").as_deref(), Some(r#"1 {"total":1.5}"#));
}

/// Values that each dialect writes in its own way.
const HARD: [&str; 7] = ["a b", "100%", "%41", "\"quoted\"", "é€😀", "a,b; c=\"d\"", "=?utf-8?q?x?="];

#[tokio::test]
async fn hard_values_leave_coded_or_as_they_are() {
    let (coded, raw) = (Receiver::start(&[]).await, Receiver::start(&[]).await);
    let routes = format!(
        "destinations: [{{name: coded, http: {{url: \"{}\"}}}}, {{name: raw, http: {{url: \"{}\", header_encoding: raw}}}}]\n\
         routes: [{{name: all, deliver: [{{destination: coded}}, {{destination: raw}}]}}]\n",
        coded.url("/"),
        raw.url("/")
    );
    let gateway = Gateway::start(&[("routes/all.yaml", &routes)]).await;
    for (id, value) in HARD.iter().enumerate() {
        let mut event = event(&id.to_string());
        event["region"] = (*value).into();
        gateway.accept(&event).await;
    }
    let expected = [
        "a%20b",
        "100%25",
        "%2541",
        "%22quoted%22",
        "%C3%A9%E2%82%AC%F0%9F%98%80",
        "a,b;%20c=%22d%22",
        "=?utf-8?q?x?=",
    ];
    let regions = |all: Vec<crate::support::receiver::Received>| {
        let region = |one: &crate::support::receiver::Received| {
            let id: usize = one.header("ce-id").expect("an id").parse().expect("a number");
            (id, one.header("ce-region").expect("a region").to_owned())
        };
        all.iter().map(region).collect::<std::collections::BTreeMap<_, _>>().into_values().collect::<Vec<_>>()
    };
    assert_eq!(regions(coded.wait(HARD.len()).await), expected);
    assert_eq!(regions(raw.wait(HARD.len()).await), HARD);
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_what_may_not_is_a_dead_letter() {
    let answers: &[Answer] =
        &[(503, &[]), (404, &[]), (200, &[]), (413, &[]), (400, &[]), (302, &[("location", "/elsewhere")])];
    let receiver = Receiver::start(answers).await;
    let gateway = gateway(&receiver, "", "").await;
    let first = gateway.accept(&event("1")).await;
    let delivered = delivery(&gateway, first, "delivered").await;
    let details: Vec<_> =
        delivered["attempts"].as_array().expect("attempts").iter().map(|one| one["outcome"].clone()).collect();
    assert_eq!(details.len(), 3, "{delivered}");
    for (id, reason) in [("2", "too_large"), ("3", "refused"), ("4", "refused")] {
        let position = gateway.accept(&event(id)).await;
        delivery(&gateway, position, "dead").await;
        let letters = gateway.get("/api/v1/dead-letters").await;
        let letter = letters["dead_letters"].as_array().expect("a list").iter().find(|one| one["position"] == position);
        assert_eq!(letter.expect("a dead letter")["reason"], reason, "{id}");
    }
    let requests = receiver.received();
    assert_eq!(requests.len(), 6, "each was sent once, and the redirect was not followed");
    assert!(requests.iter().all(|one| one.line == "POST /in"));
}

#[tokio::test]
async fn nothing_is_sent_before_the_receiver_wants_it() {
    let receiver = Receiver::start(&[(429, &[("retry-after", "2")])]).await;
    let gateway = gateway(&receiver, "", "").await;
    gateway.accept(&event("1")).await;
    let refused = receiver.wait(1).await[0].at;
    for id in ["2", "3", "4"] {
        gateway.accept(&event(id)).await;
    }
    let requests = receiver.wait(5).await;
    for later in &requests[1..] {
        assert!(later.at.duration_since(refused) >= Duration::from_millis(1900), "{later:?}");
    }
    for position in 1..=4 {
        let delivered = delivery(&gateway, position, "delivered").await;
        let attempts = if position == 1 { 2 } else { 1 };
        assert_eq!(
            delivered["attempts"].as_array().map(Vec::len),
            Some(attempts),
            "waiting uses no attempt: {delivered}"
        );
    }
}

#[tokio::test]
async fn a_receiver_that_is_away_costs_no_attempts_and_gets_everything_in_order() {
    let away = Receiver::start(&[]).await;
    let url = away.url("");
    drop(away);
    let gateway = Gateway::start(&[("routes/orders.yaml", &routes(&url, "", ", key: \"{source}\""))]).await;
    for id in 1..=20 {
        gateway.accept(&event(&id.to_string())).await;
    }
    wait_for("the destination to be unhealthy", SOON, || async {
        let listed = gateway.get("/api/v1/destinations").await;
        let crm = listed["destinations"].as_array()?.iter().find(|one| one["name"] == "crm")?.clone();
        (crm["healthy"] == false).then_some(())
    })
    .await;
    let receiver = Receiver::start_at(url.trim_start_matches("http://"), &[]).await;
    let ids: Vec<String> =
        receiver.wait(20).await.iter().map(|one| one.header("ce-id").expect("an id").to_owned()).collect();
    assert_eq!(ids, (1..=20).map(|id| id.to_string()).collect::<Vec<_>>());
    assert_eq!(delivery(&gateway, 1, "delivered").await["attempts"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_url_that_cannot_be_filled_is_a_dead_letter_and_a_secret_one_is_never_shown() {
    let receiver = Receiver::start(&[]).await;
    let secret = receiver.url("/${file:../secret}");
    let gateway = Gateway::start(&[]).await;
    gateway.write("secret", "canary-token");
    gateway.write("routes/orders.yaml", &routes(&secret, "", ", url: \"/{subject}\""));
    wait_for("the route", SOON, || async {
        (gateway.get("/api/v1/routes").await["routes"].as_array().map(Vec::len) == Some(1)).then_some(())
    })
    .await;
    for (subject, reason) in [(None, "template"), (Some(".."), "topic"), (Some("ok"), "")] {
        let mut event = event(subject.unwrap_or("none"));
        if let Some(subject) = subject {
            event["subject"] = subject.into();
        }
        let position = gateway.accept(&event).await;
        if reason.is_empty() {
            let delivered = delivery(&gateway, position, "delivered").await;
            assert_eq!(delivered["target"], receiver.url("/…"));
            continue;
        }
        delivery(&gateway, position, "dead").await;
        let letters = gateway.get("/api/v1/dead-letters").await;
        assert_eq!(letters["dead_letters"][0]["reason"], reason, "{letters}");
        assert!(!letters.to_string().contains("canary"), "{letters}");
    }
    assert_eq!(receiver.received()[0].line, "POST /canary-token/ok");
    let log = std::fs::read_to_string(gateway.log()).expect("a log");
    assert!(!log.contains("canary"), "{log}");
}
