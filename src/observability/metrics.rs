//! Every metric: its name, help and labels. No label ever holds a value from an event.
//!
//! Callers keep the handles: looking one up costs a hash of its labels.

use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Requests and events of a listener, one per event. `outcome`: `accepted duplicate unmatched` (2xx), `invalid` (400, 413,
/// 415, 422 by schema), `rejected` (401, 403, 429, 422 unmatched), `shed` (503), `failed` (502: what became of it
/// is not known).
pub fn events_received(listener: &str, outcome: &'static str) -> Counter {
    counter!("signalbox_events_received_total", "listener" => listener.to_owned(), "outcome" => outcome)
}

/// Attempts to deliver. `outcome`: `delivered retried dead`, and `failed` for one that was given up with a 502.
pub fn deliveries(route: &str, destination: &str, outcome: &'static str) -> Counter {
    counter!("signalbox_deliveries_total",
        "route" => route.to_owned(), "destination" => destination.to_owned(), "outcome" => outcome)
}

/// Events accepted for a lane and not settled, parked ones included.
pub fn lane_lag(route: &str, name: &str) -> Gauge {
    gauge!("signalbox_lane_lag_events", "route" => route.to_owned(), "name" => name.to_owned())
}

/// Age of a lane's oldest unsettled event, in seconds.
pub fn lane_oldest(route: &str, name: &str) -> Gauge {
    gauge!("signalbox_lane_oldest_seconds", "route" => route.to_owned(), "name" => name.to_owned())
}

/// Dead letters of a route, kept.
pub fn dead_letters(route: &str) -> Gauge {
    gauge!("signalbox_dead_letters", "route" => route.to_owned())
}

/// Time of one group commit, fsync included, in seconds.
pub fn log_commit_seconds() -> Histogram {
    histogram!("signalbox_log_commit_seconds")
}

/// Events of one group commit.
pub fn log_commit_events() -> Histogram {
    histogram!("signalbox_log_commit_events")
}

/// Bytes of all segments.
pub fn log_bytes() -> Gauge {
    gauge!("signalbox_log_bytes")
}

/// Records that failed their checksum and were skipped.
pub fn log_corrupt() -> Counter {
    counter!("signalbox_log_corrupt_records_total")
}

/// Reloads. `outcome`: `ok failed`.
pub fn reloads(outcome: &'static str) -> Counter {
    counter!("signalbox_reloads_total", "outcome" => outcome)
}

/// 1 when the last reload of the files succeeded, 0 when it failed. A rollback is none: it leaves what it finds.
pub fn reload_ok() -> Gauge {
    gauge!("signalbox_reload_last_successful")
}

/// Events that shadow routes did not see because too many were waiting.
pub fn shadow_skipped() -> Counter {
    counter!("signalbox_shadow_skipped_total")
}

/// Open connections of a listener.
pub fn connections(listener: &str) -> Gauge {
    gauge!("signalbox_connections", "listener" => listener.to_owned())
}

/// Connections closed because the listener was at `limits.connections`.
pub fn connections_refused(listener: &str) -> Counter {
    counter!("signalbox_connections_refused_total", "listener" => listener.to_owned())
}

/// Spans the collector took.
pub fn spans_exported() -> Counter {
    counter!("signalbox_spans_exported_total")
}

/// Spans that were given up. `reason`: `queue_full` (the collector is slower than the events), `export_failed`.
pub fn spans_dropped(reason: &'static str) -> Counter {
    counter!("signalbox_spans_dropped_total", "reason" => reason)
}

/// Tasks that panicked.
pub fn panics(task: &'static str) -> Counter {
    counter!("signalbox_panics_total", "task" => task)
}

/// Runs of jq programs that took longer than `limits.jq_time`.
pub fn jq_slow(route: &str) -> Counter {
    counter!("signalbox_jq_slow_total", "route" => route.to_owned())
}

/// Installs the recorder; once per process. Returns what renders `/metrics`.
pub fn install() -> Result<PrometheusHandle, metrics_exporter_prometheus::BuildError> {
    let seconds = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];
    let events = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("signalbox_log_commit_seconds".to_owned()), &seconds)?
        .set_buckets_for_metric(Matcher::Full("signalbox_log_commit_events".to_owned()), &events)?
        .install_recorder()?;
    describe();
    gauge!("signalbox_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

fn describe() {
    describe_counter!("signalbox_events_received_total", "Events received, by listener and outcome.");
    describe_counter!("signalbox_deliveries_total", "Attempts to deliver, by route, destination and outcome.");
    describe_gauge!("signalbox_lane_lag_events", "Events accepted for a lane and not settled, parked ones included.");
    describe_gauge!("signalbox_lane_oldest_seconds", "Age of a lane's oldest unsettled event.");
    describe_gauge!("signalbox_dead_letters", "Dead letters kept, by route.");
    describe_histogram!("signalbox_log_commit_seconds", "Time of one group commit, fsync included.");
    describe_histogram!("signalbox_log_commit_events", "Events of one group commit.");
    describe_gauge!("signalbox_log_bytes", "Bytes of all segments.");
    describe_counter!("signalbox_log_corrupt_records_total", "Records that failed their checksum and were skipped.");
    describe_counter!("signalbox_reloads_total", "Reloads, by outcome.");
    describe_gauge!(
        "signalbox_reload_last_successful",
        "1 when the last reload of the files succeeded; a rollback is no reload."
    );
    describe_counter!("signalbox_shadow_skipped_total", "Events shadow routes did not see: too many were waiting.");
    describe_gauge!("signalbox_connections", "Open connections, by listener.");
    describe_counter!("signalbox_connections_refused_total", "Connections closed at limits.connections, by listener.");
    describe_counter!("signalbox_spans_exported_total", "Spans the OTLP collector took.");
    describe_counter!("signalbox_spans_dropped_total", "Spans given up, by reason.");
    describe_counter!("signalbox_panics_total", "Tasks that panicked.");
    describe_counter!("signalbox_jq_slow_total", "Runs of jq programs slower than limits.jq_time, by route.");
    describe_gauge!("signalbox_build_info", "Version of this binary.");
}
