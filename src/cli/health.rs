//! `signalbox health`: does a gateway live, does it take events. For the health checks of containers, which have no curl.

use crate::cli::client::{AdminArgs, Client};
use crate::cli::failure::Failure;
use crate::cli::output::{Printer, clean};
use serde_json::json;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to ask.
    #[command(flatten)]
    pub admin: AdminArgs,
    /// Ask whether it takes events (/readyz), not only whether it lives (/healthz)
    #[arg(long)]
    pub ready: bool,
}

/// Says what the probe says; one that is not good, or does not answer, is exit code 69.
pub async fn run(args: Args, printer: &mut Printer) -> Result<(), Failure> {
    let client = Client::new(args.admin.admin_url)?;
    let said = client.probe(if args.ready { "readyz" } else { "healthz" }).await?;
    let said = clean(said.trim()).into_owned();
    if printer.json_wanted() {
        return printer.document(&json!({ "healthy": true, "detail": said }));
    }
    printer.line(&said)
}
