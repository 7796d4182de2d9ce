//! The handle on the state file: a bounded queue of changes for the writer's thread, and a second connection for reading.

use super::writer::{self, Writer};
use super::{Change, Progress, ProgressSource, Resume, StateError};
use rusqlite::{Connection, ErrorCode};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{Notify, oneshot};

/// Bytes of changes that may wait for a commit; [`Store::record`] waits for room.
const QUEUE_BYTES: usize = 16 << 20;

/// Owner of the queue's other end; dropping it ends the thread after a last commit.
pub struct Store {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the handle and the thread share.
pub struct Shared {
    path: PathBuf,
    queue: Mutex<Queue>,
    /// Wakes the thread.
    pub work: Condvar,
    /// Wakes those who wait for room.
    space: Notify,
    reader: Mutex<Connection>,
}

/// What waits for the thread.
#[derive(Default)]
pub struct Queue {
    /// In order.
    pub changes: Vec<Change>,
    /// Bytes of `changes` and of the commit under way.
    pub bytes: usize,
    /// Asked for since the last commit.
    pub requests: Vec<Request>,
    /// Where the progress comes from, once lanes run.
    pub source: Option<ProgressSource>,
    /// The thread ends after the next commit.
    pub closing: bool,
    /// No commit will succeed any more, and why.
    pub broken: Option<String>,
}

/// Something that does not wait for the next regular commit.
pub enum Request {
    /// Commit what is queued, so that it can be read.
    Commit(oneshot::Sender<()>),
    /// Commit and fsync.
    Sync(oneshot::Sender<Result<Progress, StateError>>),
    /// Forget what is recorded below a position.
    Forget(u64, oneshot::Sender<Result<(), StateError>>),
}

/// Opens the file and starts the thread.
pub fn open(path: &Path) -> Result<(Arc<Store>, Resume), StateError> {
    if damage_marker(path).exists() {
        tracing::warn!(path = %path.display(), "the state file was found damaged by an earlier run");
        move_aside(path)?;
    }
    let (writer, resume) = match Writer::open(path) {
        Err(StateError::Sqlite(error)) if means_damage(&error) => {
            tracing::warn!(path = %path.display(), %error, "the state file is damaged");
            move_aside(path)?;
            Writer::open(path)?
        }
        opened => opened?,
    };
    let reader = Connection::open(path)?;
    reader.busy_timeout(std::time::Duration::from_secs(5))?;
    let shared = Arc::new(Shared {
        path: path.to_owned(),
        queue: Mutex::default(),
        work: Condvar::new(),
        space: Notify::new(),
        reader: Mutex::new(reader),
    });
    let thread = shared.clone();
    let thread = std::thread::Builder::new()
        .name("state".to_owned())
        .spawn(move || writer::run(&thread, writer))
        .map_err(|source| StateError::Io { path: path.to_owned(), source })?;
    Ok((Arc::new(Store { shared, thread: Mutex::new(Some(thread)) }), resume))
}

impl Store {
    /// Sets where the progress comes from.
    pub fn set_source(&self, source: ProgressSource) {
        self.shared.queue().source = Some(source);
    }

    /// Queues a change; waits while the queue is full.
    pub async fn record(&self, change: Change) {
        let bytes = size(&change);
        let mut change = Some(change);
        loop {
            let room = self.shared.space.notified();
            let mut room = std::pin::pin!(room);
            // Listening begins before the look at the queue, so that no wake is missed.
            room.as_mut().enable();
            if self.shared.push(&mut change, bytes) {
                return;
            }
            room.await;
        }
    }

    /// Commits, fsyncs, and returns the progress that is durable.
    pub async fn sync(&self) -> Result<Progress, StateError> {
        let (reply, answer) = oneshot::channel();
        self.shared.ask(Request::Sync(reply))?;
        answer.await.map_err(|_| StateError::Closed)?
    }

    /// Forgets delivery records below a position.
    pub async fn forget_below(&self, position: u64) -> Result<(), StateError> {
        let (reply, answer) = oneshot::channel();
        self.shared.ask(Request::Forget(position, reply))?;
        answer.await.map_err(|_| StateError::Closed)?
    }

    /// Reads on a blocking thread, everything queued so far included.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StateError> {
        let (reply, answer) = oneshot::channel();
        // When no commit is possible any more, what was committed can still be read.
        if self.shared.ask(Request::Commit(reply)).is_ok() {
            answer.await.unwrap_or_default();
        }
        let shared = self.shared.clone();
        let read = move || read(&shared.reader.lock().unwrap_or_else(PoisonError::into_inner));
        let result = tokio::task::spawn_blocking(read).await.map_err(|_| StateError::Closed)?;
        Ok(result?)
    }

    /// Commits everything, fsyncs and ends the thread.
    pub async fn close(&self) {
        if let Err(error) = self.sync().await {
            tracing::error!(%error, "the state could not be written at the end; some events may be delivered again");
        }
        self.shared.end();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let ended = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(ended, Ok(Ok(()))) {
                tracing::error!("the state's thread has panicked");
            }
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.shared.end();
    }
}

impl Shared {
    /// The queue, also after a panic elsewhere: its parts are always consistent.
    pub fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room: `bytes` of changes are committed.
    pub fn committed(&self, bytes: usize) {
        let mut queue = self.queue();
        queue.bytes = queue.bytes.saturating_sub(bytes);
        drop(queue);
        self.space.notify_waiters();
    }

    /// Nothing can be committed any more. `damaged` leaves a mark for the next start.
    pub fn give_up(&self, detail: &str, damaged: bool) {
        if damaged && let Err(error) = std::fs::write(damage_marker(&self.path), detail) {
            tracing::error!(%error, "the state file cannot be marked as damaged");
        }
        let mut queue = self.queue();
        queue.broken = Some(detail.to_owned());
        queue.changes.clear();
        // The senders of pending requests go with the list; those who wait see that.
        queue.requests.clear();
        drop(queue);
        self.space.notify_waiters();
    }

    /// The thread has ended. The source of the progress holds the lanes, and they hold this: let go of it.
    pub fn ended(&self) {
        let mut queue = self.queue();
        let expected = queue.closing || queue.broken.is_some();
        queue.source = None;
        queue.requests.clear();
        drop(queue);
        if !expected {
            self.give_up("its thread has ended", false);
        }
    }

    fn push(&self, change: &mut Option<Change>, bytes: usize) -> bool {
        let mut queue = self.queue();
        if queue.closing || queue.broken.is_some() {
            return true;
        }
        if queue.bytes > 0 && queue.bytes + bytes > QUEUE_BYTES {
            return false;
        }
        queue.changes.extend(change.take());
        let (first, before) = (queue.changes.len() == 1, queue.bytes);
        queue.bytes += bytes;
        // The thread sleeps until the first change, then until its time is up or there is much to commit.
        let much = before < writer::MUCH_BYTES && queue.bytes >= writer::MUCH_BYTES;
        drop(queue);
        if first || much {
            self.work.notify_one();
        }
        true
    }

    fn ask(&self, request: Request) -> Result<(), StateError> {
        let mut queue = self.queue();
        if let Some(detail) = &queue.broken {
            return Err(StateError::Broken { detail: detail.clone() });
        }
        if queue.closing {
            return Err(StateError::Closed);
        }
        queue.requests.push(request);
        drop(queue);
        self.work.notify_one();
        Ok(())
    }

    fn end(&self) {
        self.queue().closing = true;
        self.work.notify_one();
        self.space.notify_waiters();
    }
}

/// Bytes a change costs while it waits, near enough.
pub fn size(change: &Change) -> usize {
    let of = |attempts: &[super::Attempt]| -> usize {
        attempts.iter().map(|attempt| 64 + attempt.failure.as_ref().map_or(0, |failure| failure.detail.len())).sum()
    };
    let texts = |texts: [&Option<String>; 2]| -> usize {
        texts.into_iter().map(|text| text.as_ref().map_or(0, String::len)).sum()
    };
    200 + match change {
        Change::Delivered { target, key, receipt, attempts, .. } => target.len() + texts([key, receipt]) + of(attempts),
        Change::Parked { target, key, attempts, .. } => target.len() + texts([key, &None]) + of(attempts),
        Change::Dead { target, key, attempts, detail, record, .. } => {
            record.len() + detail.len() + texts([target, key]) + of(attempts)
        }
    }
}

/// A blob that cannot be read, as an error of the row it stands in.
pub fn damaged(damage: super::codec::Damaged) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(damage))
}

/// True for errors that say: this is not, or no longer, a state file.
pub fn means_damage(error: &rusqlite::Error) -> bool {
    match error {
        // `Unknown` is SQLite's plain error: a table or column that should be there is not.
        rusqlite::Error::SqliteFailure(failure, _) => {
            matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown)
        }
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..) => true,
        _ => false,
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn damage_marker(path: &Path) -> PathBuf {
    beside(path, ".damaged")
}

/// Keeps a damaged file for people who want to look at it, and makes place for a new one.
fn move_aside(path: &Path) -> Result<(), StateError> {
    let aside = beside(path, &format!(".damaged-{}", crate::units::Micros::now().0));
    for part in ["", "-wal", "-shm"] {
        let (from, to) = (beside(path, part), beside(&aside, part));
        if from.exists() {
            std::fs::rename(&from, &to).map_err(|source| StateError::Io { path: from, source })?;
        }
    }
    let marker = damage_marker(path);
    if marker.exists() {
        std::fs::remove_file(&marker).map_err(|source| StateError::Io { path: marker, source })?;
    }
    tracing::warn!(path = %aside.display(), "moved aside; events that were delivered before may be delivered again");
    Ok(())
}
