//! Where the events come from: the data directory, which is only read, or a running gateway. One event, or one page, is in
//! memory at a time.

use super::progress::Progress;
use super::sample::Sample;
use crate::cli::client::Client;
use crate::cli::exit::Exit;
use crate::cli::expression;
use crate::cli::failure::Failure;
use crate::cli::pages;
use crate::codes::Code;
use crate::log::OpenError;
use crate::log::read_only::ReadOnlyLog;
use crate::log::record::{Entry, Record};
use crate::observability::trace::Ids;
use crate::route::cesql::Expression;
use crate::units::Micros;
use futures::StreamExt;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::path::Path;
use std::sync::Arc;

/// Events asked for at once.
const AT_ONCE: usize = 8;

/// What is done with an event.
pub type Visit<'v> = dyn FnMut(&Entry) + 'v;

/// Recorded events.
pub enum Source {
    /// Of a data directory.
    Files(Files),
    /// Of a running gateway.
    Gateway(Gateway),
}

/// Events of a data directory, oldest first.
pub struct Files {
    log: ReadOnlyLog,
    since: Micros,
    filter: Option<Expression>,
}

/// Events of a running gateway, newest first.
pub struct Gateway {
    client: Client,
    query: Vec<(&'static str, String)>,
    /// The newest event that was counted: what came later is none of the sample.
    newest: Option<u64>,
}

impl Source {
    /// Events of a running gateway.
    pub fn gateway(client: Client, since: String, filter: Option<Expression>) -> Source {
        let filter = filter.map(|filter| ("filter", filter.text().to_owned()));
        let query = [Some(("since", since)), filter].into_iter().flatten().collect();
        Source::Gateway(Gateway { client, query, newest: None })
    }

    /// Events of a data directory; without a log the command ends with 69.
    pub fn files(data_dir: &Path, since: Micros, filter: Option<Expression>) -> Result<Source, Failure> {
        match ReadOnlyLog::open(&data_dir.join("log")) {
            Ok(Some(log)) => Ok(Source::Files(Files { log, since, filter })),
            Ok(None) => {
                let detail = format!("`{}` holds no log", data_dir.display());
                Err(Failure::coded(Exit::Unavailable, Code::NothingRecorded, detail)
                    .hint("--data-dir names the data directory of a gateway, --admin-url a running one"))
            }
            Err(error) => Err(unreadable(&error)),
        }
    }

    /// How many events there are.
    pub async fn count(&mut self, progress: &Progress) -> Result<u64, Failure> {
        let mut count = 0;
        match self {
            Source::Files(files) => {
                progress.of("counting", Some(files.length()));
                files.each(progress, |_| count += 1)?;
            }
            Source::Gateway(gateway) => {
                progress.of("counting", None);
                let mut after = None;
                loop {
                    let (positions, next) = gateway.page(after.as_deref()).await?;
                    gateway.newest = gateway.newest.or(positions.first().copied());
                    count += positions.len() as u64;
                    progress.at(count);
                    let Some(next) = next else { break };
                    after = Some(next);
                }
            }
        }
        Ok(count)
    }

    /// Shows every event of a sample to `visit`.
    pub async fn each(&mut self, sample: &Sample, progress: &Progress, visit: &mut Visit<'_>) -> Result<(), Failure> {
        match self {
            Source::Files(files) => {
                progress.of("comparing", Some(files.length()));
                let mut numbers = 0..;
                files.each(progress, |entry| {
                    if numbers.next().is_some_and(|number| sample.takes(number)) {
                        visit(entry);
                    }
                })
            }
            Source::Gateway(gateway) => {
                progress.of("comparing", sample.size());
                gateway.each(sample, progress, visit).await
            }
        }
    }

    /// Records that cannot be read.
    pub fn damaged(&self) -> usize {
        match self {
            Source::Files(files) => files.log.damaged(),
            Source::Gateway(_) => 0,
        }
    }
}

impl Files {
    fn length(&self) -> u64 {
        (self.log.last() + 1).saturating_sub(self.log.first())
    }

    fn each(&mut self, progress: &Progress, mut visit: impl FnMut(&Entry)) -> Result<(), Failure> {
        let first = self.log.first();
        let mut next = Some(first);
        while let Some(from) = next {
            progress.at(from - first);
            let batch = self.log.read(from, self.since).map_err(|error| unreadable(&error))?;
            for entry in batch.entries {
                let young = entry.record.received >= self.since;
                if young && self.filter.as_ref().is_none_or(|filter| filter.matches(&entry.record.event)) {
                    visit(&entry);
                }
            }
            next = batch.next;
        }
        Ok(())
    }
}

fn unreadable(error: &OpenError) -> Failure {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Failure::coded(Exit::LogBroken, Code::LogUnreadable, format!("{error}{cause}"))
}

/// What is read of a listed event.
#[derive(Deserialize)]
struct Listed {
    position: u64,
}

/// What is read of one event.
#[derive(Deserialize)]
struct Detail {
    position: u64,
    event: Box<RawValue>,
}

impl Gateway {
    /// The positions of a page, newest first, and where the list goes on.
    async fn page(&self, after: Option<&str>) -> Result<(Vec<u64>, Option<String>), Failure> {
        let client = &self.client;
        let page = pages::page(client, "events", "events", &self.query, pages::LARGEST_PAGE, after).await?;
        let positions = page.items.iter().map(|item| client.read::<Listed>(item.get()).map(|item| item.position));
        let next = page.next().filter(|next| Some(next.as_str()) != after);
        Ok((positions.collect::<Result<_, _>>()?, next))
    }

    async fn each(&self, sample: &Sample, progress: &Progress, visit: &mut Visit<'_>) -> Result<(), Failure> {
        let mut after = self.newest.map(|newest| newest.saturating_add(1).to_string());
        let (mut numbers, mut done) = (0.., 0);
        loop {
            let (positions, next) = self.page(after.as_deref()).await?;
            let taken = positions
                .into_iter()
                .filter(|_| numbers.next().is_some_and(|number| sample.takes_from_newest(number)))
                .map(|position| self.event(position));
            let mut events = futures::stream::iter(taken).buffered(AT_ONCE);
            while let Some(entry) = events.next().await {
                entry?.iter().for_each(&mut *visit);
                done += 1;
                progress.at(done);
            }
            let Some(next) = next else { return Ok(()) };
            after = Some(next);
        }
    }

    /// One event with its data; `None` when retention has removed it meanwhile.
    async fn event(&self, position: u64) -> Result<Option<Entry>, Failure> {
        let body = match self.client.get(&format!("events/{position}"), &[]).await {
            Ok(body) => body,
            Err(Failure::Fault(fault)) if fault.problem.text("code") == Code::NotFound.to_string() => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let detail: Detail = self.client.read(&body)?;
        let event = expression::event_of(detail.event.get())
            .ok_or_else(|| self.client.strange(&format!("what it keeps at position {position} is no event")))?;
        let record = Record {
            // None of these reaches a message that is compared.
            received: Micros(0),
            listener: "".into(),
            producer: None,
            schema: None,
            snapshot: "".into(),
            process: Ids::default().root(),
            tracestate: None,
            decision: Arc::default(),
            event,
        };
        Ok(Some(Entry { position: detail.position, record: Arc::new(record) }))
    }
}
