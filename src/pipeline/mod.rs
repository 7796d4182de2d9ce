//! The product on two pages: `accept` is the request half, `dispatch` the delivery half.

pub mod accept;
pub mod budget;
pub mod compare;
pub mod dispatch;
pub mod explain;
pub mod fingerprint;
pub mod handover;
pub mod outcome;
pub mod receive;
pub mod rejections;
pub mod shadow;
pub mod threads;

use crate::config::gateway::GatewayConfig;
use crate::deliver::destinations::Destinations;
use crate::deliver::dispatcher::{Delivery, LaneReport};
use crate::log::Log;
use crate::observability::spans::Spans;
use crate::reload::Snapshots;
use crate::state::State;
use bytes::Bytes;
use bytestring::ByteString;
use handover::Handovers;
use std::sync::Arc;
use tokio::sync::watch;

/// Everything the listeners share.
pub struct Gateway {
    /// What the operator wrote.
    pub config: GatewayConfig,
    /// Routes and schemas of the moment.
    pub snapshots: Arc<Snapshots>,
    /// The log and what follows from it; `None` where no listener acknowledges by it.
    pub durable: Option<Durable>,
    /// What listeners with `ack: destinations` rest on; `None` where there is none.
    pub handovers: Option<Arc<Handovers>>,
    /// The running destinations.
    pub destinations: Arc<Destinations>,
    /// Makes the fingerprints of the duplicate window.
    pub fingerprints: fingerprint::Fingerprints,
    /// Bytes of request bodies held at once, over all connections of all listeners (`limits.inflight_bytes`).
    pub bodies: Arc<budget::Budget>,
    /// The last refused requests of all listeners.
    pub rejections: Arc<rejections::Rejections>,
    /// What shadow routes would have done.
    pub shadows: Arc<shadow::Shadows>,
    /// Where spans go.
    pub spans: Spans,
    /// Where the process is in its life.
    pub phase: watch::Receiver<Phase>,
}

/// What listeners with `ack: log` rest on: events in the log, and lanes that deliver them from there.
pub struct Durable {
    /// What was accepted.
    pub log: Log,
    /// What became of it.
    pub state: State,
    /// The lanes.
    pub delivery: Delivery,
}

impl Gateway {
    /// Counters of every lane that ran since the start, whichever way its events came.
    pub fn lanes(&self) -> Vec<LaneReport> {
        let mut reports = self.durable.as_ref().map(|durable| durable.delivery.lanes()).unwrap_or_default();
        for report in self.handovers.iter().flat_map(|handovers| handovers.direct().lanes()) {
            let same =
                |known: &&mut LaneReport| known.lane.route == report.lane.route && known.lane.name == report.lane.name;
            match reports.iter_mut().find(same) {
                Some(known) => known.add(&report),
                None => reports.push(report),
            }
        }
        reports
    }
}

/// Where the process is in its life; decides readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Opening the log and loading files.
    Starting,
    /// Taking events.
    Ready,
    /// Shutting down: readiness is 503, new requests too.
    Draining,
    /// The log is broken; the process is about to exit with 74.
    Broken,
}

/// One request as its binding handed it over; never an HTTP type, so that other sources reuse the pipeline.
#[derive(Debug, Clone)]
pub struct Incoming<'h> {
    /// Header names and values as received.
    pub headers: Vec<(&'h str, &'h [u8])>,
    /// The body, decompressed.
    pub body: Bytes,
    /// Who called; `None` = anonymous.
    pub producer: Option<ByteString>,
    /// The good elements of a batch are taken although others are bad (formats.md §4 "Lenient batch").
    pub lenient: bool,
}

#[cfg(test)]
mod tests;
