//! The command line: what a command is called, what it takes, and how it ends.
//!
//! stdout is data, stderr is messages, exit codes are those of [`exit::Exit`] (design.md §5).

pub mod check;
pub mod client;
pub mod completions;
pub mod convert;
pub mod dead_letters;
pub mod diff;
pub mod event_view;
pub mod events;
pub mod exit;
pub mod explain;
pub mod explain_code;
pub mod expression;
pub mod failure;
pub mod formats;
pub mod health;
pub mod listen;
pub mod local;
pub mod moment;
pub mod output;
pub mod pages;
pub mod rollback;
pub mod schema;
pub mod send;
pub mod serve;
pub mod sse;
pub mod table;
pub mod tail;
pub mod test;

use crate::config::compile::gateway::Overrides;
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use exit::Exit;
use failure::Failure;
use output::{Format, Printer};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// One URL for every service to POST CloudEvents to; durable before the 2xx
///
/// Without a command: serve. Exit codes: 0 ok, 64 usage, 65 bad data or refused event, 69 unavailable or port in use,
/// 74 log broken, 75 data directory in use, 78 config.
#[derive(Debug, Parser)]
#[command(name = "signalbox", version, max_term_width = 120)]
pub struct Cli {
    /// How data and failures are written
    #[arg(long, short, global = true, value_name = "FORMAT", default_value = "text", display_order = 900)]
    pub output: Format,
    /// What to serve.
    #[command(flatten)]
    pub serve: ServeArgs,
    /// Start on the last good routes and schemas when the files of the moment have problems
    #[arg(long)]
    pub use_last_good: bool,
    /// What to do; nothing means serve.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Files and addresses of the gateway. What is given here wins over the config file.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct ServeArgs {
    /// Config file [default: signalbox.yaml where it exists]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address of the first listener; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", value_parser = not_empty)]
    pub listen: Option<String>,
    /// Address of the admin listener; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", value_parser = not_empty)]
    pub admin: Option<String>,
    /// Folder of the log and the state
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Folder of the route files
    #[arg(long, value_name = "DIR")]
    pub routes_dir: Option<PathBuf>,
    /// Folder of the schemas
    #[arg(long, value_name = "DIR")]
    pub schemas_dir: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the gateway
    Serve(serve::Args),
    /// Check config, routes and schemas without starting anything
    Check(check::Args),
    /// Send events to a gateway
    Send(Box<send::Args>),
    /// Receive events and print them: a stand-in for a service
    Listen(listen::Args),
    /// Follow the events a gateway accepts
    Tail(tail::Args),
    /// List accepted events, or show what became of one
    Events(Box<events::Args>),
    /// Deliveries that were given up
    DeadLetters(dead_letters::Args),
    /// Convert events between formats, or payloads by declared rules, offline
    Convert(Box<convert::Args>),
    /// Ask whether a gateway is alive, or ready with --ready; exit code 69 when not
    Health(health::Args),
    /// JSON Schemas for editors, and what a new version of a schema breaks
    Schema(schema::Args),
    /// Make an earlier snapshot of routes and schemas the current one
    Rollback(rollback::Args),
    /// Run the tests beside the routes
    Test(Box<test::Args>),
    /// Show what would become of an event and why: filters, transforms, messages; nothing is sent
    Explain(Box<explain::Args>),
    /// Compare new routes with old ones over recorded events: which events change route, target, key or bytes
    Diff(Box<diff::Args>),
    /// Explain an error code
    ExplainCode(explain_code::Args),
    /// Print a shell's completion script
    Completions(completions::Args),
}

/// Reads the command line and the environment. `Err` is the exit code when there is nothing to run: after `--help`,
/// `--version` or a usage error, which have been printed.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, ExitCode> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let parsed = command().try_get_matches_from(&arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    parsed.map_err(|error| refuse(&error, wants_json(&arguments)).into())
}

/// Runs what was asked for; every failure has been told when it returns.
pub async fn run(cli: Cli) -> ExitCode {
    let format = cli.output;
    let mut printer = Printer::stdout(format);
    let exit = match Box::pin(dispatch(cli, &mut printer)).await {
        Ok(()) => Exit::Ok,
        Err(failure) => failure.report(format),
    };
    exit.into()
}

/// Tells that the process cannot even start its runtime.
pub fn no_runtime(error: &std::io::Error, format: Format) -> ExitCode {
    Failure::other(Exit::Failed, "the async runtime cannot start", error.to_string()).report(format).into()
}

async fn dispatch(cli: Cli, printer: &mut Printer) -> Result<(), Failure> {
    let before = cli.serve;
    match cli.command {
        None => serve::run(before, cli.use_last_good, printer).await,
        Some(Command::Serve(after)) => {
            serve::run(after.files.or(before), after.use_last_good || cli.use_last_good, printer).await
        }
        Some(Command::Check(args)) => {
            check::run(check::Args { files: args.files.clone().or(before), ..args }, printer).await
        }
        Some(Command::Send(args)) => send::run(*args, printer).await,
        Some(Command::Listen(args)) => listen::run(args, printer).await,
        Some(Command::Tail(args)) => tail::run(args, printer).await,
        Some(Command::Events(args)) => events::run(*args, printer).await,
        Some(Command::DeadLetters(args)) => dead_letters::run(args, printer).await,
        Some(Command::Convert(args)) => {
            convert::run(&convert::Args { files: args.files.clone().or(before), ..*args }, printer)
        }
        Some(Command::Health(args)) => health::run(args, printer).await,
        Some(Command::Schema(args)) => schema::run(&args, printer),
        Some(Command::Rollback(args)) => rollback::run(args, printer).await,
        Some(Command::Test(args)) => test::run(&test::Args { files: args.files.clone().or(before), ..*args }, printer),
        Some(Command::Explain(args)) => {
            explain::run(explain::Args { files: args.files.clone().or(before), ..*args }, printer).await
        }
        Some(Command::Diff(args)) => {
            diff::run(diff::Args { files: args.files.clone().or(before), ..*args }, printer).await
        }
        Some(Command::ExplainCode(args)) => explain_code::run(&args, printer),
        Some(Command::Completions(args)) => completions::run(&args, printer),
    }
}

/// The environment is read where the options stand before the command, so that an option written after the command
/// wins over it, and one written before it, too.
fn command() -> clap::Command {
    let variables = [
        ("config", "SIGNALBOX_CONFIG"),
        ("listen", "SIGNALBOX_LISTEN"),
        ("admin", "SIGNALBOX_ADMIN"),
        ("data_dir", "SIGNALBOX_DATA_DIR"),
        ("routes_dir", "SIGNALBOX_ROUTES_DIR"),
        ("schemas_dir", "SIGNALBOX_SCHEMAS_DIR"),
    ];
    variables.into_iter().fold(Cli::command(), |command, (id, variable)| {
        let command = command.mut_arg(id, |arg| arg.env(variable));
        GATEWAY_COMMANDS.into_iter().fold(command, |command, name| {
            command.mut_subcommand(name, |gateway| gateway.mut_arg(id, |arg| mention(arg, variable)))
        })
    })
}

/// Commands that take [`ServeArgs`].
const GATEWAY_COMMANDS: [&str; 6] = ["serve", "check", "convert", "explain", "test", "diff"];

/// Names an environment variable in the help of an option that is not read from it directly.
fn mention(arg: clap::Arg, variable: &str) -> clap::Arg {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    arg.help(format!("{help} [env: {variable}]"))
}

impl ServeArgs {
    /// What wins over the config file.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            listen: self.listen.clone(),
            admin: self.admin.clone(),
            data_dir: self.data_dir.clone(),
            routes_dir: self.routes_dir.clone(),
            schemas_dir: self.schemas_dir.clone(),
        }
    }

    /// These, and `other` where one is not given.
    fn or(self, other: ServeArgs) -> ServeArgs {
        ServeArgs {
            config: self.config.or(other.config),
            listen: self.listen.or(other.listen),
            admin: self.admin.or(other.admin),
            data_dir: self.data_dir.or(other.data_dir),
            routes_dir: self.routes_dir.or(other.routes_dir),
            schemas_dir: self.schemas_dir.or(other.schemas_dir),
        }
    }
}

/// Help and version are data; all else is a wrong command line.
fn refuse(error: &clap::Error, json: bool) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            error.print().ok();
            Exit::Ok
        }
        _ if json => Failure::usage(error.to_string().trim()).report(Format::Json),
        _ => {
            error.print().ok();
            Exit::Usage
        }
    }
}

/// Whether a command line that cannot be read asks for JSON all the same.
fn wants_json(arguments: &[OsString]) -> bool {
    let text: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    text.windows(2).any(|pair| matches!(pair, ["--output" | "-o", "json"]))
        || text.iter().any(|argument| matches!(*argument, "--output=json" | "-o=json" | "-ojson"))
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod ci_templates;
#[cfg(test)]
mod tests;
