//! `signalbox schema`: what files may hold, for editors, and what a change of a schema breaks (design.md §5, formats.md §5).

mod compat;

use crate::cli::failure::Failure;
use crate::cli::output::Printer;
use crate::config::reference;
use clap::Subcommand;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What about schemas.
    #[command(subcommand)]
    pub command: Command,
}

/// What about schemas.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the JSON Schema of signalbox.yaml, for editors
    Config,
    /// Print the JSON Schema of route files, for editors
    Routes,
    /// Tell what a new version of a schema breaks: exit code 1 if anything
    Compat(compat::Args),
}

/// Prints a schema, or compares two.
pub fn run(args: &Args, printer: &mut Printer) -> Result<(), Failure> {
    match &args.command {
        Command::Config => printer.line(reference::gateway_schema().trim_end()),
        Command::Routes => printer.line(reference::route_schema().trim_end()),
        Command::Compat(args) => compat::run(args, printer),
    }
}
