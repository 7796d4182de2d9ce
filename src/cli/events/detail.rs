//! One event as accepted, its verdict, its routes, and each delivery with its attempts.

use crate::cli::client::Client;
use crate::cli::event_view::EventView;
use crate::cli::failure::Failure;
use crate::cli::output::{Paint, Printer, clean};
use serde::Deserialize;
use serde_json::Value;
use std::fmt::Write as _;

/// Data longer than this is cut in text output; `--output json` has it whole.
const DATA_SHOWN: usize = 4000;

/// `GET events/{position}` (design.md §4).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Detail {
    position: u64,
    received: String,
    listener: String,
    producer: Option<String>,
    status: String,
    event: EventView,
    verdict: Option<Verdict>,
    routes: Vec<RouteMatch>,
    deliveries: Vec<Delivery>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Verdict {
    schema: Option<String>,
    valid: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RouteMatch {
    route: String,
    matched: bool,
    reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delivery {
    route: String,
    name: String,
    destination: String,
    target: Option<String>,
    key: Option<String>,
    status: String,
    next_attempt: Option<String>,
    receipt: Value,
    attempts: Vec<Attempt>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Attempt {
    number: u64,
    started: String,
    ended: Option<String>,
    outcome: String,
    code: Option<String>,
    detail: Option<String>,
}

/// Prints the event at `position`.
pub async fn run(client: &Client, position: u64, printer: &mut Printer) -> Result<(), Failure> {
    let body = client.get(&format!("events/{position}"), &[]).await?;
    if printer.json_wanted() {
        let document: Box<serde_json::value::RawValue> = client.read(&body)?;
        return printer.document(&document);
    }
    let detail: Detail = client.read(&body)?;
    let text = detail.render(printer.paint);
    printer.block(&text)
}

impl Detail {
    fn render(&self, paint: Paint) -> String {
        let schema = match &self.verdict {
            Some(Verdict { schema: Some(schema), valid }) => {
                format!("{} ({})", clean(schema), if *valid == Some(false) { "invalid" } else { "valid" })
            }
            _ => "none governs this type".to_owned(),
        };
        let mut text = String::new();
        let mut facts: Vec<(&str, String)> = vec![
            ("position", self.position.to_string()),
            ("received", clean(&self.received).into_owned()),
            ("listener", clean(&self.listener).into_owned()),
            ("producer", clean(self.producer.as_deref().unwrap_or("anonymous")).into_owned()),
            ("schema", schema),
        ];
        facts.push(("status", paint.status(&clean(&self.status)).into_owned()));
        aligned(&mut text, "", &facts);
        writeln!(text, "\n{}", paint.bold("event")).ok();
        aligned(&mut text, "  ", &self.event.attributes().collect::<Vec<_>>());
        if let Some(data) = self.event.data(DATA_SHOWN) {
            writeln!(text, "\n{}\n  {data}", paint.bold("data")).ok();
        }
        writeln!(text, "\n{}", paint.bold("routes")).ok();
        let routes: Vec<_> = self.routes.iter().map(|route| (clean(&route.route), route.verdict())).collect();
        aligned(&mut text, "  ", &routes);
        if routes.is_empty() {
            text.push_str("  none\n");
        }
        writeln!(text, "\n{}", paint.bold("deliveries")).ok();
        for delivery in &self.deliveries {
            delivery.render(&mut text, paint);
        }
        if self.deliveries.is_empty() {
            text.push_str("  none\n");
        }
        text
    }
}

impl RouteMatch {
    fn verdict(&self) -> String {
        let word = if self.matched { "matched" } else { "not matched" };
        match &self.reason {
            Some(reason) if !reason.is_empty() => format!("{word}: {}", clean(reason)),
            _ => word.to_owned(),
        }
    }
}

impl Delivery {
    fn render(&self, text: &mut String, paint: Paint) {
        let status = clean(&self.status);
        let (route, name) = (clean(&self.route), clean(&self.name));
        writeln!(text, "  {route}/{name} to {}: {}", clean(&self.destination), paint.status(&status)).ok();
        let receipt = match &self.receipt {
            Value::Null => None,
            Value::String(receipt) => Some(receipt.clone()),
            other => Some(other.to_string()),
        };
        let facts: Vec<(&str, String)> = [
            ("target", self.target.clone()),
            ("key", self.key.clone()),
            ("receipt", receipt),
            ("next attempt", self.next_attempt.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name, clean(&value).into_owned())))
        .collect();
        aligned(text, "    ", &facts);
        for attempt in &self.attempts {
            let ended = attempt.ended.as_deref().unwrap_or("not ended");
            write!(text, "    attempt {}  {} to {}", attempt.number, clean(&attempt.started), clean(ended)).ok();
            write!(text, "  {}", clean(&attempt.outcome)).ok();
            for part in [&attempt.code, &attempt.detail].into_iter().flatten() {
                write!(text, "  {}", clean(part)).ok();
            }
            text.push('\n');
        }
    }
}

/// `name  value` lines with the values below each other.
fn aligned<N: AsRef<str>, V: AsRef<str>>(text: &mut String, indent: &str, facts: &[(N, V)]) {
    let width = facts.iter().map(|(name, _)| name.as_ref().chars().count()).max().unwrap_or(0).min(40);
    for (name, value) in facts {
        writeln!(text, "{indent}{:width$}  {}", name.as_ref(), value.as_ref()).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::Detail;
    use crate::cli::output::Paint;

    #[test]
    fn every_route_delivery_and_attempt_is_shown() {
        let body = r#"{"position":17,"received":"2026-01-01T00:00:00Z","listener":"public","producer":null,
            "status":"dead","event":{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"n":1.50}},
            "verdict":{"schema":"t/1","valid":true},
            "routes":[{"route":"orders","matched":true,"reason":null},
                      {"route":"mail","matched":false,"reason":"filter 1: type is not `x`"}],
            "deliveries":[{"route":"orders","name":"nats","destination":"edge","target":"orders.eu","key":"k",
              "status":"dead","next_attempt":null,"receipt":null,"attempts":[{"number":1,
              "started":"2026-01-01T00:00:01Z","ended":"2026-01-01T00:00:02Z","outcome":"failed","code":"SB-3006",
              "detail":"no\u001b"}]}]}"#;
        let detail: Detail = serde_json::from_str(body).unwrap();
        let expected = "\
position  17
received  2026-01-01T00:00:00Z
listener  public
producer  anonymous
schema    t/1 (valid)
status    dead

event
  specversion  1.0
  id           1
  source       /s
  type         t

data
  {\"n\":1.50}

routes
  orders  matched
  mail    not matched: filter 1: type is not `x`

deliveries
  orders/nats to edge: dead
    target  orders.eu
    key     k
    attempt 1  2026-01-01T00:00:01Z to 2026-01-01T00:00:02Z  failed  SB-3006  no\\u{1b}
";
        assert_eq!(detail.render(Paint::off()), expected);
    }
}
