//! `signalbox serve`: the gateway itself.

use crate::app::{App, StartError};
use crate::cli::ServeArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, Problem as Told};
use crate::cli::output::{Format, Paint, Printer, message};
use crate::codes::Code;
use crate::config::gateway::Ack;
use crate::config::problem::Problem;
use crate::config::{self, report};
use crate::log::LockError;
use crate::observability::spans::export::Exporter;
use crate::observability::spans::settings::{Read, Settings};
use crate::observability::{logging, metrics};
use crate::reload::last_good;
use crate::shutdown::Signals;
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::time::Instant;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files and addresses.
    #[command(flatten)]
    pub files: ServeArgs,
    /// Start on the last good routes and schemas when the files of the moment have problems
    #[arg(long)]
    pub use_last_good: bool,
}

/// Runs the gateway until it is told to stop. When it is ready it tells its URLs through `printer`.
///
/// `use_last_good`: files that have problems are stood in for by those that ran last (routing.md §5).
pub async fn run(args: ServeArgs, use_last_good: bool, printer: &mut Printer) -> Result<(), Failure> {
    let begun = Instant::now();
    logging::start(match printer.format {
        Format::Text => logging::Style::Text,
        Format::Json => logging::Style::Json,
    });
    let recorder = metrics::install()
        .map_err(|error| Failure::other(Exit::Failed, "the metrics cannot be started", error.to_string()))?;
    let (config, overrides) = (args.config.as_deref(), args.overrides());
    let mut loaded = config::load(config, &overrides);
    if use_last_good {
        loaded = last_good::choose(loaded, config, &overrides);
    }
    let loaded = loaded.map_err(|problems| bad_files(&problems, printer.format))?;
    if let Some(failed) = &loaded.failed {
        tell_warnings(&failed.problems, printer.format);
        let version = &*loaded.compiled.version;
        tracing::warn!(version, "the files have problems: starting on the last good snapshot (--use-last-good)");
    }
    tell_warnings(&loaded.compiled.warnings, printer.format);
    if loaded.gateway.admin_is_open() {
        tracing::warn!(
            address = loaded.gateway.admin.address,
            "the admin listener is open to the network without authentication (admin.insecure: true)"
        );
    }
    let exporter = export_spans()?;
    let app = App::start(loaded, recorder, exporter).await.map_err(|error| not_started(&error))?;
    // Before anybody is told that it is ready, and may tell it to stop.
    let mut signals = Signals::listen()
        .map_err(|error| Failure::other(Exit::Failed, "signals cannot be awaited", error.to_string()))?;
    announce(&app, begun, printer)?;
    tokio::select! {
        () = signals.next() => {}
        () = app.failed() => {
            app.stop().await;
            return Err(Failure::other(Exit::Failed, "a part the gateway cannot do without has failed", "see the log lines above"));
        }
    }
    tracing::info!("shutting down");
    tokio::select! {
        () = app.stop() => {}
        // Safe at any moment: whatever was acknowledged is on disk.
        () = signals.next() => tracing::warn!("a second signal: ending at once"),
    }
    Ok(())
}

/// Spans go where the standard `OTEL_*` variables say; nowhere if they say nothing.
fn export_spans() -> Result<Exporter, Failure> {
    let refuse = |error: &dyn std::error::Error| {
        Failure::of_problem(Exit::Config, Told::of_code(Code::BadTelemetry, &chain(error), Vec::new()))
    };
    let Read { settings, warnings } = Settings::from_env().map_err(|error| refuse(&error))?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    match settings {
        Some(settings) => Exporter::start(&settings).map_err(|error| refuse(&error)),
        None => Ok(Exporter::default()),
    }
}

/// Tells every problem of config, routes and schemas on stderr.
pub fn bad_files(problems: &[Problem], format: Format) -> Failure {
    tell_warnings(problems, format);
    Failure::Told(Exit::Config)
}

fn tell_warnings(problems: &[Problem], format: Format) {
    if problems.is_empty() {
        return;
    }
    let form = match format {
        Format::Text => report::Format::Text { colour: Paint::stderr().shows() },
        Format::Json => report::Format::Json,
    };
    message(&report::render(problems, form));
}

/// stdout is data: the block of URLs with a line to paste, or the one line of `--output json` (design.md §5).
fn announce(app: &App, begun: Instant, printer: &mut Printer) -> Result<(), Failure> {
    let listeners = app.listeners();
    let admin = url(app.admin());
    if printer.json_wanted() {
        let listeners: Map<String, Value> =
            listeners.into_iter().map(|(name, address)| (name, url(address).into())).collect();
        return printer.document(&json!({"ready": true, "listeners": listeners, "admin": admin}));
    }
    let version = env!("CARGO_PKG_VERSION");
    let mut lines =
        vec![format!("signalbox {version} is ready after {} ms", begun.elapsed().as_millis()), String::new()];
    for (name, address) in &listeners {
        let waits = app.gateway().config.listeners.iter().any(|one| one.name == *name && one.ack == Ack::Destinations);
        let ack = if waits { ", ack: destinations" } else { "" };
        lines.push(format!("  events  {}/   (listener {name}, POST{ack})", url(*address)));
    }
    lines.push(format!("  admin   {admin}/api/v1/routes"));
    if let Some((_, address)) = listeners.first() {
        lines.push(format!("\nTry it:\n\n  curl -i {}/ -H 'content-type: application/json' \\", url(*address)));
        lines.push("    -H 'ce-specversion: 1.0' -H 'ce-id: 1' -H 'ce-source: /demo' \\".to_owned());
        lines.push("    -H 'ce-type: com.example.demo.greeted' -d '{\"hello\":\"world\"}'\n".to_owned());
    }
    printer.block(&lines.join("\n"))
}

/// What a client on this machine reaches the address by.
fn url(address: SocketAddr) -> String {
    let ip = address.ip();
    if !ip.is_unspecified() {
        return format!("http://{address}");
    }
    let loopback = if ip.is_ipv4() { "127.0.0.1" } else { "[::1]" };
    format!("http://{loopback}:{}", address.port())
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut detail = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        detail = format!("{detail}: {cause}");
        source = cause.source();
    }
    detail
}

fn not_started(error: &StartError) -> Failure {
    let detail = chain(error);
    let (exit, code) = match error {
        StartError::DataDir(LockError::InUse { .. }) => (Exit::DataDirInUse, Code::DataDirInUse),
        StartError::DataDir(LockError::Io { .. }) => (Exit::Config, Code::MissingFile),
        StartError::Bind(_) => (Exit::Unavailable, Code::AddressInUse),
        StartError::Log(_) | StartError::State(_) | StartError::Io { .. } => (Exit::LogBroken, Code::LogBroken),
    };
    Failure::of_problem(exit, Told::of_code(code, &detail, Vec::new()))
}
