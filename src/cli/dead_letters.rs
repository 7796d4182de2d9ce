//! `signalbox dead-letters list`: deliveries that were given up.

use crate::cli::client::{AdminArgs, Client};
use crate::cli::event_view::EventView;
use crate::cli::failure::Failure;
use crate::cli::output::{Printer, message, shorten};
use crate::cli::pages::{self, Range};
use crate::cli::table::Table;
use serde::Deserialize;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with dead letters.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// List deliveries that were given up, newest first
    List(ListArgs),
}

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only those of this route
    #[arg(long, value_name = "NAME")]
    pub route: Option<String>,
    /// How many.
    #[command(flatten)]
    pub range: Range,
    /// Where the gateway is.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Members of a dead letter that the table shows (design.md §4).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DeadLetter {
    position: u64,
    route: String,
    name: String,
    destination: String,
    reason: String,
    detail: Option<String>,
    at: String,
    attempts: serde_json::Value,
    event: Option<EventView>,
}

/// Prints the list.
pub async fn run(args: Args, printer: &mut Printer) -> Result<(), Failure> {
    let Action::List(args) = args.action;
    let client = Client::new(args.admin.admin_url.clone())?;
    let query: Vec<(&str, String)> = args.route.into_iter().map(|route| ("route", route)).collect();
    let listed = pages::fetch(&client, "dead-letters", "dead_letters", &query, &args.range).await?;
    if printer.json_wanted() {
        return printer.document(&listed.document("dead_letters"));
    }
    if listed.items.is_empty() {
        message("no dead letters");
        return Ok(());
    }
    let mut table = Table::new(&["POSITION", "LANE", "DESTINATION", "REASON", "ATTEMPTS", "AT", "TYPE", "DETAIL"]);
    for item in &listed.items {
        let letter: DeadLetter = client.read(item.get())?;
        let attempts = match &letter.attempts {
            serde_json::Value::Array(attempts) => attempts.len().to_string(),
            serde_json::Value::Null => String::new(),
            number => number.to_string(),
        };
        table.row([
            letter.position.to_string().as_str(),
            &format!("{}/{}", letter.route, letter.name),
            &letter.destination,
            &letter.reason,
            &attempts,
            &letter.at,
            &letter.event.map(|event| event.text("type")).unwrap_or_default(),
            &shorten(letter.detail.as_deref().unwrap_or_default(), 120),
        ]);
    }
    printer.block(&table.render(printer.paint))?;
    listed.tell_of_more();
    Ok(())
}
