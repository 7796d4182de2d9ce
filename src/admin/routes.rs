//! What is loaded and how it is doing: `GET routes`, `GET schemas`, `GET destinations`.

use super::Admin;
use super::answer::{self, Outcome};
use super::metrics::{self, Attempts};
use super::query::Query;
use crate::config::problem::Problem;
use crate::deliver::dispatcher::LaneReport;
use crate::lane_name::LaneName;
use crate::pipeline::shadow::Counts;
use crate::reload::ReloadReport;
use crate::units::Micros;
use crate::validate::SchemaInfo;
use axum::extract::{RawQuery, State};
use bytestring::ByteString;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
struct Routes<'a> {
    version: &'a str,
    routes: Vec<RouteView<'a>>,
    last_reload: Reload<'a>,
}

#[derive(Serialize)]
struct RouteView<'a> {
    name: &'a str,
    file: Option<&'a str>,
    line: Option<u32>,
    /// It shows what it would do and delivers nothing.
    shadow: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow_counts: Option<Counts>,
    lanes: Vec<LaneView<'a>>,
    attempts: Attempts,
}

/// A deliver entry and its lane.
#[derive(Serialize)]
struct LaneView<'a> {
    route: &'a str,
    name: &'a str,
    destination: &'a str,
    stream: Option<&'a str>,
    lag: u64,
    parked: u64,
    in_flight: u64,
    paused: bool,
    oldest: Option<Micros>,
}

#[derive(Serialize)]
struct Reload<'a> {
    at: Micros,
    outcome: &'static str,
    problems: &'a [Problem],
}

/// The routes in order, and how the last reload went.
pub async fn routes(State(admin): State<Arc<Admin>>, RawQuery(raw): RawQuery) -> Outcome {
    Query::parse(raw.as_deref(), &[])?;
    let snapshot = admin.gateway.snapshots.current();
    let reports = Reports::new(admin.gateway.lanes());
    let attempts = metrics::deliveries_by(&admin.metrics.render(), "route");
    let routes = snapshot.table.routes().iter().map(|route| {
        let origin = snapshot.origins.get(&*route.name);
        let counts = || admin.gateway.shadows.report(&route.name).counts;
        RouteView {
            name: &route.name,
            file: origin.map(|(file, _)| file.as_str()),
            line: origin.map(|(_, line)| *line),
            shadow: route.shadow.is_some(),
            shadow_counts: route.shadow.as_ref().map(|_| counts()),
            lanes: route.lanes.iter().map(|lane| LaneView::new(lane, &reports)).collect(),
            attempts: attempts.get(&*route.name).copied().unwrap_or_default(),
        }
    });
    let report = admin.gateway.snapshots.last_reload();
    let routes = Routes { version: &snapshot.version, routes: routes.collect(), last_reload: Reload::new(&report) };
    Ok(answer::json(&routes))
}

#[derive(Serialize)]
struct Schemas {
    schemas: Vec<SchemaInfo>,
}

/// The schemas by type and version.
pub async fn schemas(State(admin): State<Arc<Admin>>, RawQuery(raw): RawQuery) -> Outcome {
    Query::parse(raw.as_deref(), &[])?;
    Ok(answer::json(&Schemas { schemas: admin.gateway.snapshots.current().schemas.list() }))
}

#[derive(Serialize)]
struct Destinations<'a> {
    destinations: Vec<DestinationView<'a>>,
}

#[derive(Serialize)]
struct DestinationView<'a> {
    name: &'a str,
    kind: &'a str,
    healthy: bool,
    detail: Option<&'a str>,
    lanes: Vec<LaneView<'a>>,
    attempts: Attempts,
}

/// Every destination that runs, with the lanes that deliver to it; also lanes whose route is gone but which still have
/// work.
pub async fn destinations(State(admin): State<Arc<Admin>>, RawQuery(raw): RawQuery) -> Outcome {
    Query::parse(raw.as_deref(), &[])?;
    let snapshot = admin.gateway.snapshots.current();
    let reports = Reports::new(admin.gateway.lanes());
    let attempts = metrics::deliveries_by(&admin.metrics.render(), "destination");
    let mut lanes: BTreeMap<(&str, &str), &LaneName> = BTreeMap::new();
    let live = snapshot.table.routes().iter().filter(|route| route.shadow.is_none());
    for lane in live.flat_map(|route| &route.lanes).chain(reports.lanes()) {
        lanes.entry((&lane.route, &lane.name)).or_insert(lane);
    }
    let mut by_destination: HashMap<&str, Vec<LaneView<'_>>> = HashMap::new();
    for lane in lanes.values() {
        by_destination.entry(&lane.destination).or_default().push(LaneView::new(lane, &reports));
    }
    let running = admin.gateway.destinations.list();
    let destinations = running.iter().map(|running| DestinationView {
        name: &running.name,
        kind: running.kind,
        healthy: running.health.healthy,
        detail: running.health.detail.as_deref(),
        lanes: by_destination.remove(&*running.name).unwrap_or_default(),
        attempts: attempts.get(&running.name).copied().unwrap_or_default(),
    });
    Ok(answer::json(&Destinations { destinations: destinations.collect() }))
}

/// Reports of lanes by route and name: ten thousand lanes are looked up, not searched.
struct Reports(HashMap<(ByteString, ByteString), LaneReport>);

impl Reports {
    fn new(reports: Vec<LaneReport>) -> Reports {
        let named = |report: LaneReport| ((report.lane.route.clone(), report.lane.name.clone()), report);
        Reports(reports.into_iter().map(named).collect())
    }

    fn lanes(&self) -> impl Iterator<Item = &Arc<LaneName>> {
        self.0.values().map(|report| &report.lane)
    }
}

impl<'a> LaneView<'a> {
    fn new(lane: &'a LaneName, reports: &Reports) -> LaneView<'a> {
        let report = reports.0.get(&(lane.route.clone(), lane.name.clone()));
        LaneView {
            route: &lane.route,
            name: &lane.name,
            destination: &lane.destination,
            stream: lane.stream.as_deref(),
            lag: report.map_or(0, |report| report.lag),
            parked: report.map_or(0, |report| report.parked),
            in_flight: report.map_or(0, |report| report.in_flight),
            paused: report.is_some_and(|report| report.paused),
            oldest: report.and_then(|report| report.oldest),
        }
    }
}

impl<'a> Reload<'a> {
    fn new(report: &'a ReloadReport) -> Reload<'a> {
        let outcome = if report.ok { "ok" } else { "failed" };
        Reload { at: report.at, outcome, problems: &report.problems }
    }
}
