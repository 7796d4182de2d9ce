//! `/metrics`, and the counters in it as the API shows them.

use super::Admin;
use super::answer;
use crate::tasks::{Kind, Tasks};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Histograms gather samples until they are put into their buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// The page Prometheus reads. Answers any `Host`.
pub async fn page(State(admin): State<Arc<Admin>>) -> Response {
    answer::with_type(StatusCode::OK, CONTENT_TYPE, admin.metrics.render().into())
}

/// Keeps the recorder from growing while nobody asks for the page.
pub fn keep_up(handle: PrometheusHandle, tasks: &Tasks) {
    let stop = tasks.stopping();
    drop(tasks.spawn(Kind::Upkeep, async move {
        while tokio::time::timeout(UPKEEP, stop.cancelled()).await.is_err() {
            handle.run_upkeep();
        }
    }));
}

/// Attempts by outcome, since the start of the process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Attempts {
    /// The destination took the event.
    pub delivered: u64,
    /// It is tried again.
    pub retried: u64,
    /// It became a dead letter.
    pub dead: u64,
}

impl Attempts {
    fn add(&mut self, outcome: &str, count: u64) {
        match outcome {
            "delivered" => self.delivered += count,
            "retried" => self.retried += count,
            "dead" => self.dead += count,
            _ => {}
        }
    }
}

/// `deliveries_total` summed by one of its labels, `route` or `destination`.
pub fn deliveries_by(page: &str, label: &str) -> HashMap<String, Attempts> {
    let mut sums: HashMap<String, Attempts> = HashMap::new();
    for line in page.lines() {
        let Some((labels, value)) = sample(line, "signalbox_deliveries_total{") else { continue };
        let find = |name: &str| labels.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
        if let (Some(name), Some(outcome)) = (find(label), find("outcome")) {
            sums.entry(name.to_owned()).or_default().add(outcome, value);
        }
    }
    sums
}

/// The labels and the value of one line of the page, if it is of the metric `prefix` names.
fn sample(line: &str, prefix: &str) -> Option<(Vec<(String, String)>, u64)> {
    let mut rest = line.strip_prefix(prefix)?;
    let mut labels = Vec::new();
    while !rest.starts_with('}') {
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = quoted(after)?;
        labels.push((name.to_owned(), value));
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    Some((labels, rest[1..].trim().parse().ok()?))
}

/// A label's value up to its closing quote, without its escapes, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Attempts, deliveries_by};

    #[test]
    fn counters_are_summed_by_a_label() {
        let page = r#"# HELP signalbox_deliveries_total Attempts.
signalbox_deliveries_total{route="a",destination="x",outcome="delivered"} 5
signalbox_deliveries_total{route="a",destination="y",outcome="delivered"} 2
signalbox_deliveries_total{route="a",destination="y",outcome="dead"} 1
signalbox_deliveries_total{route="b \"q\\\"",destination="y",outcome="retried"} 9
signalbox_other{route="a"} 7
"#;
        let routes = deliveries_by(page, "route");
        assert_eq!(routes["a"], Attempts { delivered: 7, retried: 0, dead: 1 });
        assert_eq!(routes["b \"q\\\""], Attempts { delivered: 0, retried: 9, dead: 0 });
        assert_eq!(deliveries_by(page, "destination")["y"], Attempts { delivered: 2, retried: 9, dead: 1 });
    }
}
