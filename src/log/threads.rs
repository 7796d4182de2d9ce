//! Starting and ending the log's threads.

use super::recovery;
use super::shared::Shared;
use super::writer::{Active, Clock, Writer};
use super::{OpenError, Options, ReadError, derived, locked, upkeep};
use crate::observability::metrics;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes of events that may wait for the writer, and again that many for the writer of derived events.
const QUEUE_BYTES: usize = 32 << 20;
/// Reads of files that run at once.
const READS: usize = 8;

/// Recovers and starts everything.
pub(super) fn start(options: Options) -> Result<Arc<Shared>, OpenError> {
    let (shared, writer) = prepare(options, |_| {})?;
    run(&shared, writer)?;
    Ok(shared)
}

/// Everything but the threads. `change` sees the open segment first; tests limit its connection.
pub(super) fn prepare(options: Options, change: impl FnOnce(&Active)) -> Result<(Arc<Shared>, Writer), OpenError> {
    let clock = Clock::start();
    let found = recovery::recover(&options)?;
    let shared = Arc::new(Shared::new(options, found, QUEUE_BYTES, READS));
    let window = recovery::window(&shared, clock).map_err(|error| match error {
        ReadError::Segment { segment, source } => OpenError::Segment { path: segment, source },
        ReadError::Closed => OpenError::Io { path: PathBuf::new(), source: std::io::ErrorKind::Interrupted.into() },
    })?;
    let active = recovery::activate(&shared)?;
    metrics::log_bytes().set(shared.segments.bytes() as f64);
    change(&active);
    let writer = Writer::new(shared.clone(), active, window, clock);
    Ok((shared, writer))
}

/// Starts the threads.
pub(super) fn run(shared: &Arc<Shared>, writer: Writer) -> Result<(), OpenError> {
    spawn(shared, "log-upkeep", upkeep::run)?;
    spawn(shared, "log-derived", derived::writer::run)?;
    let write = move |shared: &Shared| {
        writer.run();
        // Nobody needs a segment any more.
        shared.desk.stop();
    };
    spawn(shared, "log-writer", write)
}

/// Commits what waits, then ends every thread. The second call finds nothing to do.
pub(super) fn stop(shared: &Shared) {
    shared.inbox.close();
    shared.derived.close();
    let threads = std::mem::take(&mut *locked(&shared.threads));
    for thread in threads {
        // A thread that panicked has broken the log and said so.
        thread.join().ok();
    }
}

/// A thread that must not end by a panic: without it nothing would ever be answered again.
fn spawn(
    shared: &Arc<Shared>,
    name: &'static str,
    run: impl FnOnce(&Shared) + Send + 'static,
) -> Result<(), OpenError> {
    let owned = shared.clone();
    let guarded = move || {
        if std::panic::catch_unwind(AssertUnwindSafe(|| run(&owned))).is_err() {
            metrics::panics(name).increment(1);
            owned.break_log(format!("the thread `{name}` panicked"));
        }
    };
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(guarded);
    let thread = thread.map_err(|source| OpenError::Io { path: shared.options.dir.clone(), source })?;
    locked(&shared.threads).push(thread);
    Ok(())
}
