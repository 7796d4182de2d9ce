//! What is loaded and how it is doing: `GET routes`, `GET schemas`, `GET destinations`.

use super::Admin;
use super::answer::{self, Outcome};
use super::metrics::{self, Attempts};
use super::query::Query;
use crate::deliver::dispatcher::LaneReport;
use crate::lane_name::LaneName;
use crate::reload::ReloadReport;
use crate::units::Micros;
use crate::validate::SchemaInfo;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use std::collections::BTreeMap;
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
    problems: Vec<ProblemView<'a>>,
}

#[derive(Serialize)]
struct ProblemView<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    code: String,
    message: &'a str,
    hint: Option<&'a str>,
}

/// The routes in order, and how the last reload went.
pub async fn routes(State(admin): State<Arc<Admin>>, RawQuery(raw): RawQuery) -> Outcome {
    Query::parse(raw.as_deref(), &[])?;
    let snapshot = admin.gateway.snapshots.current();
    let reports = admin.gateway.lanes();
    let attempts = metrics::deliveries_by(&admin.metrics.render(), "route");
    let view = |route: &'_ crate::route::Route| (route.name.clone(), route.lanes.clone());
    let loaded: Vec<_> = snapshot.table.routes().iter().map(view).collect();
    let routes = loaded.iter().map(|(name, lanes)| {
        let origin = snapshot.origins.get(&**name);
        RouteView {
            name,
            file: origin.map(|(file, _)| file.as_str()),
            line: origin.map(|(_, line)| *line),
            lanes: lanes.iter().map(|lane| LaneView::new(lane, &reports)).collect(),
            attempts: attempts.get(&**name).copied().unwrap_or_default(),
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
    let reports = admin.gateway.lanes();
    let attempts = metrics::deliveries_by(&admin.metrics.render(), "destination");
    let mut lanes: BTreeMap<(&str, &str), &LaneName> = BTreeMap::new();
    let declared = snapshot.table.routes().iter().flat_map(|route| &route.lanes);
    for lane in declared.chain(reports.iter().map(|report| &report.lane)) {
        lanes.entry((&lane.route, &lane.name)).or_insert(lane);
    }
    let running = admin.gateway.destinations.list();
    let destinations = running.iter().map(|running| DestinationView {
        name: &running.name,
        kind: running.kind,
        healthy: running.health.healthy,
        detail: running.health.detail.as_deref(),
        lanes: lanes
            .values()
            .filter(|lane| lane.destination == running.name)
            .map(|lane| LaneView::new(lane, &reports))
            .collect(),
        attempts: attempts.get(&running.name).copied().unwrap_or_default(),
    });
    Ok(answer::json(&Destinations { destinations: destinations.collect() }))
}

impl<'a> LaneView<'a> {
    fn new(lane: &'a LaneName, reports: &[LaneReport]) -> LaneView<'a> {
        let report = reports.iter().find(|report| report.lane.route == lane.route && report.lane.name == lane.name);
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
        let problems = report.problems.iter().map(|problem| ProblemView {
            file: &problem.file,
            line: problem.line,
            column: problem.column,
            code: problem.code.to_string(),
            message: &problem.message,
            hint: problem.hint.as_deref(),
        });
        Reload { at: report.at, outcome: if report.ok { "ok" } else { "failed" }, problems: problems.collect() }
    }
}
