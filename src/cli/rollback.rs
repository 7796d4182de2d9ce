//! `signalbox rollback`: an earlier snapshot of routes and schemas runs again, without touching files.

use crate::cli::client::{AdminArgs, Client};
use crate::cli::failure::Failure;
use crate::cli::output::{Printer, clean};
use serde::Deserialize;
use serde_json::json;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which one, as `GET /api/v1/routes/history` lists it [default: the one before]
    #[arg(value_name = "VERSION")]
    pub version: Option<String>,
    /// Where the gateway is.
    #[command(flatten)]
    pub admin: AdminArgs,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RolledBack {
    version: String,
    before: String,
}

/// Asks the gateway, and tells what runs now.
pub async fn run(args: Args, printer: &mut Printer) -> Result<(), Failure> {
    let client = Client::new(args.admin.admin_url.clone())?;
    let body = match &args.version {
        Some(version) => json!({ "version": version }),
        None => json!({}),
    };
    let answer = client.call("routes/rollback", &body).await?;
    if printer.json_wanted() {
        let document: Box<serde_json::value::RawValue> = client.read(&answer)?;
        return printer.document(&document);
    }
    let done: RolledBack = client.read(&answer)?;
    printer.block(&format!(
        "{} runs again (before: {}), until files in the folders change or the gateway starts again\n",
        clean(&done.version),
        clean(&done.before)
    ))
}
