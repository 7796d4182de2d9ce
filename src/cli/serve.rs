//! `signalbox serve`: the gateway itself.

use crate::cli::ServeArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Printer;

/// Runs the gateway until it is told to stop. When it is ready it tells its URLs through `printer`.
pub async fn run(_args: ServeArgs, _printer: &mut Printer) -> Result<(), Failure> {
    Err(Failure::other(Exit::Failed, "this build has no gateway", "the gateway is not part of it yet"))
}
