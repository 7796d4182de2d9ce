//! `signalbox tail`: the live stream of events, held together over lost connections.

use crate::cli::client::{AdminArgs, Client};
use crate::cli::event_view::EventView;
use crate::cli::exit::Exit;
use crate::cli::expression;
use crate::cli::failure::Failure;
use crate::cli::output::{Printer, clean, message};
use crate::cli::sse::{self, Parser};
use crate::codes::Code;
use crate::route::cesql::Expression;
use std::collections::VecDeque;
use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Larger than any event a gateway takes with usual limits.
const LARGEST_EVENT: usize = 64 << 20;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only events of this named stream of the log
    #[arg(long, value_name = "NAME")]
    pub stream: Option<String>,
    /// Begin with this position instead of live; 1 is the beginning of the log
    #[arg(long, value_name = "POSITION")]
    pub from: Option<u64>,
    /// End after this many events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Only events for which this CloudEvents SQL expression is true: "type LIKE 'com.example.%' AND EXISTS subject"
    #[arg(long, value_name = "EXPRESSION", value_parser = expression::parse)]
    pub filter: Option<Expression>,
    /// Only events of this type
    #[arg(long, value_name = "TYPE")]
    pub filter_type: Option<String>,
    /// Where the gateway is.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// Prints events until `--count`, the end of stdout, or a signal.
pub async fn run(args: Args, printer: &mut Printer) -> Result<(), Failure> {
    let client = Client::new(args.admin.admin_url.clone())?;
    // `Last-Event-ID` names the last position already seen (design.md §4).
    let last_id = args.from.map(|position| position.saturating_sub(1).to_string());
    let mut tail = Tail { args, client, last_id, shown: 0, reached: false, pause: FIRST_PAUSE };
    loop {
        match tail.follow(printer).await {
            Ok(()) => return Ok(()),
            Err(Lost::ForGood(failure)) => return Err(failure),
            Err(Lost::ForNow(why)) => tail.wait(&why).await,
        }
    }
}

/// Why the stream ended before its time.
enum Lost {
    ForGood(Failure),
    ForNow(String),
}

struct Tail {
    args: Args,
    client: Client,
    last_id: Option<String>,
    shown: u64,
    /// The gateway has answered once: from then on its absence is waited out.
    reached: bool,
    pause: Duration,
}

impl Tail {
    /// One connection: ends well only when `--count` is reached.
    async fn follow(&mut self, printer: &mut Printer) -> Result<(), Lost> {
        let query: Vec<(&str, &str)> = self.args.stream.iter().map(|stream| ("stream", stream.as_str())).collect();
        let opened = self.client.follow("events/stream", &query, self.last_id.as_deref()).await;
        let mut response = opened.map_err(|failure| self.judge(failure))?;
        if self.reached {
            message("connected again");
        }
        self.reached = true;
        let mut parser = Parser::new(LARGEST_EVENT);
        let mut messages = VecDeque::new();
        loop {
            let piece = match response.chunk().await {
                Ok(Some(piece)) => piece,
                Ok(None) => return Err(Lost::ForNow("the gateway ended the stream".to_owned())),
                Err(_) => return Err(Lost::ForNow("the connection to the gateway was lost".to_owned())),
            };
            parser
                .push(&piece, &mut messages)
                .map_err(|error| Lost::ForGood(self.client.strange(&error.to_string())))?;
            for message in messages.drain(..) {
                if self.show(message, printer).map_err(Lost::ForGood)? {
                    return Ok(());
                }
            }
        }
    }

    /// Prints one event; true when it was the last one wanted.
    fn show(&mut self, message: sse::Message, printer: &mut Printer) -> Result<bool, Failure> {
        self.pause = FIRST_PAUSE;
        if message.event != "event" {
            return Ok(false);
        }
        let view = EventView::parse(&message.data).map_err(|error| self.client.strange(&error.to_string()))?;
        let fits = self.args.filter.as_ref().is_none_or(|filter| expression::holds(filter, &message.data));
        if fits && self.args.filter_type.as_ref().is_none_or(|wanted| *wanted == view.text("type")) {
            if printer.json_wanted() {
                printer.line(&message.data)?;
            } else {
                let position = message.id.as_deref().unwrap_or("-");
                printer.line(&format!("{}  {}", clean(position), view.line()))?;
            }
            self.shown += 1;
        }
        self.last_id = message.id.or_else(|| self.last_id.take());
        Ok(self.args.count.is_some_and(|count| self.shown >= count))
    }

    /// A gateway that never answered is a wrong address; one that refuses will refuse again.
    fn judge(&self, failure: Failure) -> Lost {
        match &failure {
            Failure::Fault(fault) if self.reached && fault.exit == Exit::Unavailable => {
                let known = Code::lookup(fault.problem.text("code")).map(Code::title);
                Lost::ForNow(known.unwrap_or("the gateway is not well").to_owned())
            }
            _ => Lost::ForGood(failure),
        }
    }

    async fn wait(&mut self, why: &str) {
        if self.pause == FIRST_PAUSE {
            let from = match &self.last_id {
                Some(id) => format!("after position {}", clean(id)),
                None => "live; events in between are not shown".to_owned(),
            };
            message(&format!("{why}; connecting again ({from})"));
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}
