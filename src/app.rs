//! The composition root: builds every part from the configuration and owns everything that runs.

use crate::admin;
use crate::codes::Code;
use crate::config::Loaded;
use crate::config::compile::DestinationSpec;
use crate::config::gateway::GatewayConfig;
use crate::deliver::destinations::{Destinations, Wanted};
use crate::deliver::direct::{Bounds, Direct};
use crate::deliver::discard::Discard;
use crate::deliver::dispatcher::{Delivery, LaneLimits};
use crate::deliver::log::LogDestination;
use crate::deliver::plan::Plan;
use crate::deliver::{Destination, http, kafka, nats};
use crate::ingress;
use crate::log::{self, DataDir, LockError, Log};
use crate::observability::spans::Spans;
use crate::observability::spans::export::Exporter;
use crate::pipeline::budget::Budget;
use crate::pipeline::fingerprint::Fingerprints;
use crate::pipeline::handover::Handovers;
use crate::pipeline::handover::duplicates::Duplicates;
use crate::pipeline::rejections::Rejections;
use crate::pipeline::shadow::Shadows;
use crate::pipeline::{Durable, Gateway, Phase, dispatch};
use crate::reload::snapshot::Snapshot;
use crate::reload::{Followers, Snapshots, watch};
use crate::server::{BindError, Running};
use crate::shutdown::Deadline;
use crate::state::{Resume, State, StateError};
use crate::tasks::Tasks;
use crate::units::Size;
use metrics_exporter_prometheus::PrometheusHandle;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch as phases;

/// Bytes of recent entries in memory for the dispatcher and live readers.
const TAIL_BYTES: usize = 4 << 20;
/// Bytes of events all lanes hold in memory.
const LANE_BYTES: usize = 64 << 20;
/// Bounds of the time a message may stay in a client whose users all wait.
const MESSAGE_TIMEOUT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));
/// A lane without work ends after this long.
const LANE_IDLE: Duration = Duration::from_mins(1);

/// A running gateway.
pub struct App {
    gateway: Arc<Gateway>,
    tasks: Tasks,
    phase: phases::Sender<Phase>,
    public: Vec<Running>,
    admin: Running,
    exporter: Exporter,
    // Held for its lock.
    _data_dir: Option<DataDir>,
}

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be used (75 when another process has it).
    #[error(transparent)]
    DataDir(#[from] LockError),
    /// The log cannot be opened (74).
    #[error("the log cannot be opened")]
    Log(#[from] log::OpenError),
    /// The state cannot be opened (74).
    #[error("the state cannot be opened")]
    State(#[from] StateError),
    /// An address cannot be bound (69).
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A file of the data directory cannot be read or written (74).
    #[error("cannot use {path}")]
    Io {
        /// Which one.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl App {
    /// Opens everything and listens. Returns when events are taken.
    pub async fn start(loaded: Loaded, metrics: PrometheusHandle, exporter: Exporter) -> Result<App, StartError> {
        let tasks = Tasks::default();
        let (phase, phase_seen) = phases::channel(Phase::Starting);
        let (config, snapshots) = Snapshots::from_loaded(loaded);
        let snapshots = Arc::new(snapshots);
        let opened = if config.keeps_log() { Some(Opened::open(&config).await?) } else { None };
        if let Some(opened) = &opened {
            snapshots.keep_history(opened.data_dir.root());
        }
        let fingerprints = Fingerprints::new(opened.as_ref().map_or_else(random_key, |opened| Ok(opened.key))?);
        let destinations = Arc::new(Destinations::default());
        let log = opened.as_ref().map(|opened| &opened.log);
        destinations.apply(wanted(&snapshots.current(), &config, log, &tasks));
        let plan = plan(&snapshots, &destinations, exporter.spans());
        let handovers = config.waits_for_destinations().then(|| handovers(&config, &plan, &tasks));
        let (durable, data_dir) = opened.map(|opened| opened.start(plan, lane_limits(&config), &tasks)).unzip();
        let limits = config.limits;
        let gateway = Arc::new(Gateway {
            config,
            snapshots,
            durable,
            handovers,
            destinations,
            fingerprints,
            bodies: Arc::new(Budget::new(bytes(limits.inflight_bytes))),
            rejections: Arc::new(Rejections::new(limits.rejections)),
            shadows: Shadows::start(&tasks),
            spans: exporter.spans().clone(),
            phase: phase_seen,
        });
        watch_files(&gateway, &tasks);
        let admin = admin::start(gateway.clone(), metrics, &tasks).await?;
        phase.send_replace(Phase::Ready);
        let mut public = Vec::with_capacity(gateway.config.listeners.len());
        for listener in &gateway.config.listeners {
            public.push(ingress::start(gateway.clone(), listener, &tasks).await?);
        }
        Ok(App { gateway, tasks, phase, public, admin, exporter, _data_dir: data_dir })
    }

    /// Names and addresses of the public listeners.
    pub fn listeners(&self) -> Vec<(String, SocketAddr)> {
        self.public.iter().map(|running| (running.name().to_owned(), running.address())).collect()
    }

    /// Address of the admin listener.
    pub fn admin(&self) -> SocketAddr {
        self.admin.address()
    }

    /// What all listeners share.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Fires when the process must end because a part of it has failed.
    pub async fn failed(&self) {
        self.tasks.failed().cancelled().await;
    }

    /// Ends in phases under `limits.shutdown_timeout`: readiness 503, stop accepting, finish requests, let deliveries in
    /// flight finish, commit and fsync. Whatever is not delivered is kept for the next start.
    pub async fn stop(self) {
        let deadline = Deadline::after(self.gateway.config.limits.shutdown_timeout.0);
        self.phase.send_replace(Phase::Draining);
        for listener in self.public {
            if !listener.drain(deadline.share(1, 2)).await {
                let name = listener.name();
                tracing::warn!(listener = name, "requests were cut: their share of the shutdown deadline was over");
            }
        }
        // Requests that were cut above, or whose clients went away, are finished all the same.
        if let Some(handovers) = &self.gateway.handovers
            && !handovers.direct().finish(deadline.share(1, 2)).await
        {
            tracing::warn!("deliveries were cut: their share of the shutdown deadline was over");
        }
        if let Some(durable) = &self.gateway.durable {
            let kept = durable.delivery.stop(deadline.share(2, 3)).await;
            if kept > 0 {
                tracing::info!(events = kept, "kept in the log for the next start");
            }
        }
        self.gateway.destinations.close(deadline.share(1, 2)).await;
        if let Some(durable) = &self.gateway.durable {
            durable.log.close().await;
            durable.state.close().await;
        }
        self.exporter.close(deadline.share(1, 2)).await;
        let in_time = self.admin.drain(deadline.share(1, 2)).await;
        tracing::debug!(in_time, "admin listener closed");
        self.tasks.stop();
        if tokio::time::timeout(deadline.left(), self.tasks.wait()).await.is_err() {
            tracing::warn!("some tasks did not end before the shutdown deadline");
        }
    }
}

/// What was found in the data directory.
struct Opened {
    data_dir: DataDir,
    key: [u8; 16],
    log: Log,
    state: State,
    resume: Resume,
}

impl Opened {
    async fn open(config: &GatewayConfig) -> Result<Opened, StartError> {
        let data_dir = DataDir::lock(&config.data_dir)?;
        let key = duplicate_key(data_dir.root())?;
        let log = open_log(config, &data_dir).await?;
        let (state, resume) = State::open(&data_dir.root().join("state.db"))?;
        Ok(Opened { data_dir, key, log, state, resume })
    }

    fn start(self, plan: Plan, limits: LaneLimits, tasks: &Tasks) -> (Durable, DataDir) {
        let Opened { data_dir, log, state, resume, key: _ } = self;
        let delivery = Delivery::start(log.clone(), state.clone(), plan, resume, limits, tasks);
        (Durable { log, state, delivery }, data_dir)
    }
}

fn handovers(config: &GatewayConfig, plan: &Plan, tasks: &Tasks) -> Arc<Handovers> {
    let limits = config.limits;
    let bounds = Bounds { places: limits.queue_requests, batch: limits.batch_events };
    let direct = Direct::start(plan.clone(), bounds, !config.keeps_log(), tasks);
    let duplicates = Duplicates::new(limits.duplicate_window.0, limits.duplicate_events);
    Arc::new(Handovers::new(direct, duplicates, tasks.clone()))
}

async fn open_log(config: &GatewayConfig, data_dir: &DataDir) -> Result<Log, StartError> {
    let options = log::Options {
        dir: data_dir.root().join("log"),
        segment_bytes: config.log.segment_bytes.0,
        max_age: config.log.max_age.0,
        max_bytes: config.log.max_bytes.0,
        duplicate_window: config.limits.duplicate_window.0,
        duplicate_events: config.limits.duplicate_events,
        queue_requests: config.limits.queue_requests,
        tail_bytes: TAIL_BYTES.min(bytes(config.log.segment_bytes)),
        on_broken: Arc::new(|detail| end_at_once(&detail)),
    };
    let opened = tokio::task::spawn_blocking(move || Log::open(options)).await;
    opened.map_err(|_| StartError::State(StateError::Closed))?.map_err(StartError::from)
}

/// A failed write or fsync: nothing that waits may be answered, and nothing may be tried again on the same file.
#[expect(clippy::exit, reason = "design.md §3: fsync failed = no answer, the process exits with 74")]
fn end_at_once(detail: &str) {
    tracing::error!(code = %Code::LogBroken, detail, "the log is broken; the process ends");
    std::process::exit(74);
}

fn bytes(size: Size) -> usize {
    usize::try_from(size.0).unwrap_or(usize::MAX)
}

fn lane_limits(config: &GatewayConfig) -> LaneLimits {
    LaneLimits {
        events: config.limits.lane_events,
        bytes: LANE_BYTES,
        parked: config.limits.parked_events,
        idle: LANE_IDLE,
    }
}

fn plan(snapshots: &Arc<Snapshots>, destinations: &Arc<Destinations>, spans: &Spans) -> Plan {
    let (snapshots, earlier, destinations) = (snapshots.clone(), snapshots.clone(), destinations.clone());
    Plan {
        entry: Arc::new(move |lane| snapshots.current().entry(lane)),
        earlier_entry: Arc::new(move |lane, version| earlier.earlier_entry(lane, version)),
        destination: Arc::new(move |name| destinations.get(name)),
        prepare: dispatch::prepare,
        key: dispatch::key,
        spans: spans.clone(),
    }
}

/// The destinations of a snapshot; the embedded log is one of them where there is one.
fn wanted(snapshot: &Snapshot, config: &GatewayConfig, log: Option<&Log>, tasks: &Tasks) -> Vec<Wanted> {
    let message_timeout = message_timeout(config);
    let one = |(name, spec): (&String, &DestinationSpec)| {
        let (tasks, name_) = (tasks.clone(), name.clone());
        let start: Box<dyn FnOnce() -> Arc<dyn Destination> + Send> = match spec.clone() {
            DestinationSpec::Log => {
                let log = log?.clone();
                Box::new(move || Arc::new(LogDestination::new(log)))
            }
            DestinationSpec::Discard => Box::new(|| Arc::new(Discard)),
            DestinationSpec::Nats(config) => Box::new(move || nats::start(&name_, &config, &tasks)),
            DestinationSpec::Kafka(config) => Box::new(move || kafka::start(&name_, &config, message_timeout, &tasks)),
            DestinationSpec::Http(options) => Box::new(move || http::start(&name_, &options.config)),
        };
        Some(Wanted { name: name.clone(), kind: spec.kind(), fingerprint: fingerprint(spec), start })
    };
    snapshot.destinations.iter().filter_map(one).collect()
}

/// Where every sender waits, nothing is kept in a client longer than the longest of them: what was answered with 502 is not
/// sent minutes later.
fn message_timeout(config: &GatewayConfig) -> Option<Duration> {
    let longest = config.listeners.iter().map(|listener| listener.ack_timeout.0).max();
    longest.filter(|_| !config.keeps_log()).map(|longest| longest.clamp(MESSAGE_TIMEOUT.0, MESSAGE_TIMEOUT.1))
}

/// Equal for equal options, secrets included; never shown.
fn fingerprint(spec: &DestinationSpec) -> String {
    match spec {
        DestinationSpec::Log | DestinationSpec::Discard => spec.kind().to_owned(),
        DestinationSpec::Nats(config) => config.fingerprint().reveal().to_owned(),
        DestinationSpec::Kafka(config) => config.fingerprint().reveal().to_owned(),
        DestinationSpec::Http(options) => options.config.fingerprint().reveal().to_owned(),
    }
}

fn watch_files(gateway: &Arc<Gateway>, tasks: &Tasks) {
    let destinations = {
        let (shared, owner) = (gateway.clone(), tasks.clone());
        move |snapshot: &Snapshot| {
            let log = shared.durable.as_ref().map(|durable| &durable.log);
            wanted(snapshot, &shared.config, log, &owner)
        }
    };
    let (before, after) = (gateway.clone(), gateway.clone());
    let of_next = destinations.clone();
    gateway.snapshots.follow(Followers {
        before: Box::new(move |next| before.destinations.add(of_next(next))),
        after: Box::new(move |snapshot| {
            after.destinations.apply(destinations(snapshot));
            if let Some(durable) = &after.durable {
                durable.delivery.snapshot_changed();
            }
            if let Some(handovers) = &after.handovers {
                handovers.direct().snapshot_changed();
            }
            after.shadows.forget_others(snapshot);
        }),
    });
    watch::start(&gateway.snapshots, tasks);
}

/// The key of the fingerprints. It stays with the data directory, so that the duplicate window survives a restart.
fn duplicate_key(root: &Path) -> Result<[u8; 16], StartError> {
    let path = root.join("duplicates.key");
    let fail = |source| StartError::Io { path: path.display().to_string(), source };
    match std::fs::read(&path) {
        Ok(bytes) => {
            if let Ok(key) = <[u8; 16]>::try_from(bytes.as_slice()) {
                return Ok(key);
            }
            tracing::warn!(path = %path.display(), "the duplicate window begins anew: its key file is damaged");
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(fail(error)),
    }
    let key = random_key()?;
    std::fs::write(&path, key).map_err(fail)?;
    Ok(key)
}

/// A key nobody can guess.
fn random_key() -> Result<[u8; 16], StartError> {
    const SOURCE: &str = "/dev/urandom";
    let mut key = [0; 16];
    std::fs::File::open(SOURCE)
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut key))
        .map_err(|source| StartError::Io { path: SOURCE.to_owned(), source })?;
    Ok(key)
}
