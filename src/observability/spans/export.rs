//! The thread that sends finished spans to the collector. Whatever the collector does, only this thread waits for it.

use super::Spans;
use super::queue::Queue;
use super::settings::{Settings, without_login};
use crate::observability::metrics;
use futures::FutureExt;
use opentelemetry::{Key, KeyValue};
use opentelemetry_otlp::{Protocol, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A collector that fails is told of once in this time.
const TELL_AGAIN: Duration = Duration::from_mins(1);
/// How long the shutdown waits for the last spans.
const FLUSH: Duration = Duration::from_secs(5);
/// The same when the collector did not take the spans before them.
const FLUSH_FAILING: Duration = Duration::from_millis(500);
const SERVICE_NAME: Key = Key::from_static_str("service.name");

/// Owns the export; without settings it does nothing.
#[derive(Debug, Default)]
pub struct Exporter {
    spans: Spans,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    queue: Arc<Queue>,
    failing: Arc<AtomicBool>,
    ended: oneshot::Receiver<()>,
}

/// Why the export cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The exporter refuses its settings.
    #[error(transparent)]
    Build(#[from] opentelemetry_otlp::ExporterBuildError),
    /// No thread can be started.
    #[error("no thread can be started")]
    Thread(#[source] std::io::Error),
}

impl Exporter {
    /// Starts the thread. Nothing is sent until there are spans; the collector need not be there.
    pub fn start(settings: &Settings) -> Result<Exporter, ExportError> {
        let mut client = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_endpoint(&settings.endpoint)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(settings.timeout)
            .build()?;
        client.set_resource(&resource());
        let queue = Arc::new(Queue::new(settings.queue, settings.batch));
        let failing = Arc::new(AtomicBool::new(false));
        let (end, ended) = oneshot::channel();
        let sender = Sender {
            client,
            queue: queue.clone(),
            failing: failing.clone(),
            endpoint: without_login(&settings.endpoint),
            told: None,
            exported: metrics::spans_exported(),
            dropped: metrics::spans_dropped("export_failed"),
            _end: end,
        };
        let delay = settings.delay;
        std::thread::Builder::new()
            .name("spans".to_owned())
            .spawn(move || sender.run(delay))
            .map_err(ExportError::Thread)?;
        tracing::info!(endpoint = without_login(&settings.endpoint), "spans are exported");
        let spans = Spans::on(settings.sampler, queue.clone());
        Ok(Exporter { spans, running: Some(Running { queue, failing, ended }) })
    }

    /// Where finished spans go.
    pub fn spans(&self) -> &Spans {
        &self.spans
    }

    /// Takes no more spans and waits until the last ones are sent, at most `deadline` and never long.
    pub async fn close(self, deadline: Duration) {
        let Some(running) = self.running else { return };
        running.queue.close();
        let patience = if running.failing.load(Ordering::Relaxed) { FLUSH_FAILING } else { FLUSH };
        if tokio::time::timeout(patience.min(deadline), running.ended).await.is_err() {
            tracing::warn!("the last spans were not exported: the collector does not answer");
        }
    }
}

/// What the process is called: by the standard variables, else `signalbox`.
fn resource() -> Resource {
    let detected = Resource::builder().build();
    let name = detected.get_ref(&SERVICE_NAME).map(ToString::to_string);
    let builder = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    match name.filter(|name| !name.starts_with("unknown_service")) {
        Some(_) => builder.build(),
        None => builder.with_service_name("signalbox").build(),
    }
}

struct Sender<E> {
    client: E,
    queue: Arc<Queue>,
    failing: Arc<AtomicBool>,
    endpoint: String,
    told: Option<Instant>,
    exported: ::metrics::Counter,
    dropped: ::metrics::Counter,
    /// Tells the shutdown, by being dropped, that the thread has ended.
    _end: oneshot::Sender<()>,
}

impl<E: SpanExporter> Sender<E> {
    fn run(mut self, delay: Duration) {
        while let Some(batch) = self.queue.next(delay) {
            if batch.is_empty() {
                continue;
            }
            let count = batch.len() as u64;
            match self.send(batch) {
                Ok(()) => self.sent(count),
                Err(why) => self.failed(count, &why),
            }
        }
    }

    fn send(&self, batch: Vec<SpanData>) -> Result<(), String> {
        // The client blocks this thread, retries included; its future is complete when it is polled once.
        let sending = AssertUnwindSafe(|| self.client.export(batch).now_or_never());
        match std::panic::catch_unwind(sending) {
            Ok(Some(Ok(()))) => Ok(()),
            Ok(Some(Err(error))) => Err(error.to_string()),
            Ok(None) => Err("the client did not finish".to_owned()),
            Err(_panic) => {
                metrics::panics("spans").increment(1);
                Err("the client panicked".to_owned())
            }
        }
    }

    fn sent(&mut self, count: u64) {
        self.exported.increment(count);
        if self.failing.swap(false, Ordering::Relaxed) {
            self.told = None;
            tracing::info!(endpoint = self.endpoint, "the collector takes spans again");
        }
    }

    fn failed(&mut self, count: u64, why: &str) {
        self.dropped.increment(count);
        self.failing.store(true, Ordering::Relaxed);
        if self.told.is_none_or(|told| told.elapsed() >= TELL_AGAIN) {
            self.told = Some(Instant::now());
            tracing::warn!(endpoint = self.endpoint, why, "the collector does not take spans; they are dropped");
        }
        if self.queue.is_closed() {
            // The process ends: what is left will not fare better.
            self.dropped.increment(self.queue.clear().len() as u64);
        }
    }
}
