//! Where lanes get their events: the log, seen through what delivery needs of it.

use crate::lane_name::LaneName;
use crate::log::record::{self, Entry, Record};
use crate::log::{Log, ReadError};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use tokio::sync::watch;

/// The part of the log that delivery uses.
pub trait Source: Send + Sync {
    /// The highest durable position.
    fn head(&self) -> u64;

    /// The lowest position kept.
    fn first(&self) -> u64;

    /// Watches [`Source::head`].
    fn watch_head(&self) -> watch::Receiver<u64>;

    /// Durable entries at or above `from`, in order; at least one if there is any.
    fn read_from(
        &self,
        from: u64,
        limit: usize,
        bytes: usize,
    ) -> BoxFuture<'static, Result<Vec<Arc<Entry>>, ReadError>>;

    /// The entry at a position.
    fn get(&self, position: u64) -> BoxFuture<'static, Result<Option<Arc<Entry>>, ReadError>>;

    /// Everything below `position` is settled and recorded; `holder` is the lane that holds it there.
    fn settled_below(&self, position: u64, holder: Option<Arc<LaneName>>);

    /// A record as bytes that outlive its segment.
    fn encode(&self, record: &Record) -> Bytes;
}

impl Source for Log {
    fn head(&self) -> u64 {
        Log::head(self)
    }

    fn first(&self) -> u64 {
        Log::first(self)
    }

    fn watch_head(&self) -> watch::Receiver<u64> {
        Log::watch_head(self)
    }

    fn read_from(
        &self,
        from: u64,
        limit: usize,
        bytes: usize,
    ) -> BoxFuture<'static, Result<Vec<Arc<Entry>>, ReadError>> {
        let log = self.clone();
        async move { Log::read_from(&log, from, limit, bytes).await }.boxed()
    }

    fn get(&self, position: u64) -> BoxFuture<'static, Result<Option<Arc<Entry>>, ReadError>> {
        let log = self.clone();
        async move { Log::get(&log, position).await }.boxed()
    }

    fn settled_below(&self, position: u64, holder: Option<Arc<LaneName>>) {
        Log::settled_below(self, position, holder);
    }

    fn encode(&self, record: &Record) -> Bytes {
        record::encode(record).into()
    }
}
