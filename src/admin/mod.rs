//! The private listener: probes, metrics and the API. Knows axum; decides nothing about events.

pub mod answer;
pub mod dead_letters;
pub mod detail;
pub mod events;
pub mod explain;
pub mod health;
pub mod host;
pub mod metrics;
pub mod openapi;
pub mod page;
pub mod query;
pub mod rejections;
pub mod routes;
pub mod shadows;
mod sift;
pub mod snapshots;
pub mod status;
pub mod stream;

#[cfg(test)]
mod tests;

use crate::codes::Code;
use crate::pipeline::{Durable, Gateway};
use crate::server::{self, Abort, BindError, Exchange, Handler, Options, Running};
use crate::tasks::Tasks;
use answer::{Outcome, Refusal};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use host::Names;
use http::Uri;
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Connections of the admin listener: people, probes and scrapers, not producers.
const CONNECTIONS: usize = 1000;
const IDLE: Duration = Duration::from_mins(1);
/// Streams of events that may be open at once.
const STREAMS: usize = 128;
/// Pages that are read from the log at once; others wait, so that memory stays bounded.
const TURNS: usize = 4;

/// What the handlers share.
pub struct Admin {
    gateway: Arc<Gateway>,
    metrics: PrometheusHandle,
    /// Fires when the listener drains: streams end.
    draining: CancellationToken,
    streams: Arc<Semaphore>,
    turns: Semaphore,
}

impl Admin {
    /// Waits until a page may be read.
    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.turns.acquire().await.ok()
    }

    /// The log and what follows from it. A gateway without one has no positions, so nothing that is asked by them.
    fn durable(&self) -> Result<&Durable, Refusal> {
        let detail = "all its listeners have `ack: destinations`, so nothing is recorded of events; /api/v1/events/stream \
                      shows them as they are taken";
        self.gateway.durable.as_ref().ok_or_else(|| Refusal::new(Code::NoLog, detail))
    }
}

/// Starts the listener, and the upkeep of the metrics.
pub async fn start(gateway: Arc<Gateway>, metrics: PrometheusHandle, tasks: &Tasks) -> Result<Running, BindError> {
    let limits = gateway.config.limits;
    let options = Options {
        name: "admin".to_owned(),
        connections: CONNECTIONS,
        headers: limits.headers,
        header_bytes: usize::try_from(limits.header_bytes.0).unwrap_or(usize::MAX),
        header_timeout: limits.header_timeout.0,
        idle_timeout: limits.header_timeout.0.max(IDLE),
        half_close: false,
    };
    let bound = server::bind(&gateway.config.admin.address).await?;
    let names = Names::new(&gateway.config.admin.address, bound.address());
    metrics::keep_up(metrics.clone(), tasks);
    let draining = CancellationToken::new();
    let admin = Admin {
        gateway,
        metrics,
        draining: draining.clone(),
        streams: Arc::new(Semaphore::new(STREAMS)),
        turns: Semaphore::new(TURNS),
    };
    Ok(server::start(bound, options, Api(router(Arc::new(admin), names)), draining, tasks))
}

/// Answered whatever the `Host` is: probes and scrapers name the machine as they like.
fn open_routes() -> Vec<(&'static str, MethodRouter<Arc<Admin>>)> {
    vec![("/healthz", get(health::live)), ("/readyz", get(health::ready)), ("/metrics", get(metrics::page))]
}

/// Answered only under the admin listener's own name.
fn guarded_routes() -> Vec<(&'static str, MethodRouter<Arc<Admin>>)> {
    vec![
        ("/openapi.json", get(openapi::document)),
        ("/api/v1/events", get(events::list)),
        ("/api/v1/events/stream", get(stream::follow)),
        ("/api/v1/events/{position}", get(detail::show)),
        ("/api/v1/explain", post(explain::show)),
        ("/api/v1/rejections", get(rejections::list)),
        ("/api/v1/routes", get(routes::routes)),
        ("/api/v1/routes/history", get(snapshots::history)),
        ("/api/v1/routes/rollback", post(snapshots::rollback)),
        ("/api/v1/routes/{name}/shadow", get(shadows::show)),
        ("/api/v1/schemas", get(routes::schemas)),
        ("/api/v1/destinations", get(routes::destinations)),
        ("/api/v1/dead-letters", get(dead_letters::list)),
    ]
}

fn router(admin: Arc<Admin>, names: Names) -> Router {
    let with = |router: Router<Arc<Admin>>, (path, methods)| router.route(path, methods);
    let guarded = guarded_routes().into_iter().fold(Router::new(), with).fallback(unknown_path);
    let guarded = guarded.method_not_allowed_fallback(unknown_method).layer(from_fn_with_state(Arc::new(names), guard));
    let open = open_routes().into_iter().fold(Router::new(), with).method_not_allowed_fallback(unknown_method);
    open.merge(guarded).with_state(admin)
}

async fn guard(State(names): State<Arc<Names>>, request: Request, next: Next) -> Outcome {
    let (head, body) = request.into_parts();
    names.check(&head)?;
    Ok(next.run(Request::from_parts(head, body)).await)
}

async fn unknown_path(uri: Uri) -> Refusal {
    let detail = match uri.path() {
        "/" => "there is no console yet; the API is under /api/v1, described at /openapi.json".to_owned(),
        path => {
            let shown: String = path.chars().take(100).collect();
            format!("there is nothing at `{shown}`; the API is described at /openapi.json")
        }
    };
    Refusal::new(Code::NotFound, detail)
}

async fn unknown_method() -> Response {
    Refusal::new(
        Code::MethodNotAllowed,
        "this call is not made with this method; the Allow header names the ones it takes",
    )
    .into_response()
}

/// The router as the listener wants it.
#[derive(Clone)]
struct Api(Router);

impl Handler for Api {
    type Body = Body;

    async fn handle(self, request: Request<hyper::body::Incoming>, _: Exchange) -> Result<Response, Abort> {
        match self.0.oneshot(request).await {
            Ok(response) => Ok(response),
            Err(never) => match never {},
        }
    }
}
