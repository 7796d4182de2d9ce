//! Everything one event needs, immutable: routes, deliver entries, destinations, schemas.

use crate::config::compile::{Compiled, DestinationSpec};
use crate::conversion::rules::Rules;
use crate::deliver::entry::DeliverEntry;
use crate::lane_name::LaneName;
use crate::route::RouteTable;
use crate::validate::Registry;
use bytestring::ByteString;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Deliver entries by (route, name).
pub type Entries = HashMap<(ByteString, ByteString), Arc<DeliverEntry>>;

/// One compiled state of `routes/` and `schemas/`.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Hash of what is loaded.
    pub version: ByteString,
    /// Which lanes an event goes to.
    pub table: RouteTable,
    /// Deliver entries of live routes by (route, name).
    pub entries: Entries,
    /// Those of shadow routes, to which nothing is delivered.
    pub shadows: Entries,
    /// Declared destinations by name; `log` is always there.
    pub destinations: BTreeMap<String, DestinationSpec>,
    /// Schemas.
    pub schemas: Arc<Registry>,
    /// Conversion rules by name.
    pub conversions: BTreeMap<String, Arc<Rules>>,
    /// Where each route was declared: route name → (file, line).
    pub origins: BTreeMap<String, (String, u32)>,
}

impl Snapshot {
    /// The deliver entry of a lane, if it still exists.
    pub fn entry(&self, lane: &LaneName) -> Option<Arc<DeliverEntry>> {
        self.entries.get(&key(lane)).cloned()
    }

    /// What an entry of a shadow route would deliver by.
    pub fn shadow_entry(&self, lane: &LaneName) -> Option<Arc<DeliverEntry>> {
        self.shadows.get(&key(lane)).cloned()
    }
}

fn key(lane: &LaneName) -> (ByteString, ByteString) {
    (lane.route.clone(), lane.name.clone())
}

impl From<Compiled> for Snapshot {
    fn from(compiled: Compiled) -> Snapshot {
        let by_name = |entries: Vec<Arc<DeliverEntry>>| entries.into_iter().map(|entry| (key(&entry.lane), entry));
        Snapshot {
            version: compiled.version,
            table: compiled.table,
            entries: by_name(compiled.entries).collect(),
            shadows: by_name(compiled.shadows).collect(),
            destinations: compiled.destinations,
            schemas: compiled.schemas,
            conversions: compiled.conversions,
            origins: compiled.origins,
        }
    }
}
