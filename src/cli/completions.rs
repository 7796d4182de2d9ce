//! `signalbox completions SHELL`: the completion script of a shell.

use crate::cli::Cli;
use crate::cli::failure::Failure;
use crate::cli::output::Printer;
use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    pub shell: Shell,
}

/// Prints the script.
pub fn run(args: &Args, printer: &mut Printer) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "signalbox", &mut script);
    let script = String::from_utf8_lossy(&script);
    if printer.json_wanted() {
        return printer.document(&json!({"shell": args.shell.to_string(), "script": script}));
    }
    printer.block(&script)
}
