//! `signalbox events`: what was accepted, and what became of one event.

mod detail;

use crate::cli::client::{AdminArgs, Client};
use crate::cli::event_view::EventView;
use crate::cli::expression;
use crate::cli::failure::Failure;
use crate::cli::moment;
use crate::cli::output::{Printer, message};
use crate::cli::pages::{self, Range};
use crate::cli::table::Table;
use crate::route::cesql::Expression;
use clap::ValueEnum;
use serde::Deserialize;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show this one event with its routes and deliveries
    #[arg(value_name = "POSITION", conflicts_with = "Query")]
    pub position: Option<u64>,
    /// Which ones.
    #[command(flatten)]
    pub query: Query,
    /// How many.
    #[command(flatten)]
    pub range: Range,
    /// Where the gateway is.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Which events are listed; every option given must hold.
#[derive(Debug, Default, clap::Args)]
#[group(id = "Query", multiple = true)]
pub struct Query {
    /// Only events for which this CloudEvents SQL expression is true: "type LIKE 'com.example.%' AND EXISTS subject"
    #[arg(long, value_name = "EXPRESSION", value_parser = expression::parse)]
    pub filter: Option<Expression>,
    /// Only events of this type
    #[arg(long = "type", value_name = "TYPE")]
    pub ty: Option<String>,
    /// Only events of this source
    #[arg(long)]
    pub source: Option<String>,
    /// Only events about this subject
    #[arg(long)]
    pub subject: Option<String>,
    /// Only events with this id
    #[arg(long)]
    pub id: Option<String>,
    /// Only events received at or after this time: RFC 3339, or how long ago (24h)
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    pub since: Option<String>,
    /// Only events received until this time: RFC 3339, or how long ago (1h)
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    pub until: Option<String>,
    /// Only events of this trace (32 hex digits)
    #[arg(long, value_name = "TRACE-ID")]
    pub trace: Option<String>,
    /// Only events with this correlationid
    #[arg(long, value_name = "ID")]
    pub correlation: Option<String>,
    /// Only events this route takes
    #[arg(long, value_name = "NAME")]
    pub route: Option<String>,
    /// Only events in this state
    #[arg(long)]
    pub status: Option<Status>,
}

/// What became of an event as a whole (design.md §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Status {
    /// A delivery is still open
    Pending,
    /// Every delivery is done
    Delivered,
    /// A delivery was given up
    Dead,
    /// No route took it
    Unmatched,
}

impl Status {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Delivered => "delivered",
            Status::Dead => "dead",
            Status::Unmatched => "unmatched",
        }
    }
}

impl Query {
    /// The query parameters of `GET events`.
    fn pairs(self) -> Vec<(&'static str, String)> {
        let status = self.status.map(|status| status.name().to_owned());
        let all = [
            ("filter", self.filter.map(|filter| filter.text().to_owned())),
            ("type", self.ty),
            ("source", self.source),
            ("subject", self.subject),
            ("id", self.id),
            ("since", self.since),
            ("until", self.until),
            ("trace", self.trace),
            ("correlation", self.correlation),
            ("route", self.route),
            ("status", status),
        ];
        all.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect()
    }
}

/// Members of a listed event that the table shows.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Summary {
    position: u64,
    received: String,
    status: String,
    event: EventView,
}

/// Lists events, or shows one.
pub async fn run(args: Args, printer: &mut Printer) -> Result<(), Failure> {
    let client = Client::new(args.admin.admin_url.clone())?;
    if let Some(position) = args.position {
        return detail::run(&client, position, printer).await;
    }
    let listed = pages::fetch(&client, "events", "events", &args.query.pairs(), &args.range).await?;
    if printer.json_wanted() {
        return printer.document(&listed.document("events"));
    }
    if listed.items.is_empty() {
        message("no events");
        return Ok(());
    }
    let mut table = Table::new(&["POSITION", "RECEIVED", "STATUS", "TYPE", "SOURCE", "ID", "SUBJECT"]);
    for item in &listed.items {
        let summary: Summary = client.read(item.get())?;
        let [ty, source, id, subject] = ["type", "source", "id", "subject"].map(|name| summary.event.text(name));
        let position = summary.position.to_string();
        table.row([&position, &summary.received, &summary.status, &ty, &source, &id, &subject].map(String::as_str));
    }
    printer.block(&table.render(printer.paint))?;
    listed.tell_of_more();
    Ok(())
}
