//! Where the events come from: the data directory, which is only read, or a running gateway. A few hundred events, or one
//! page, are in memory at a time.

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
use crate::route::cesql::Expression;
use crate::units::Micros;
use futures::StreamExt;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::path::Path;
use std::sync::Arc;

/// Events asked for at once, where each is asked for by itself.
const AT_ONCE: usize = 8;
/// A sample that takes fewer than one event of so many asks for each by itself: pages hold the others, too.
const SPARSE: u64 = 50;

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
                    let (events, next) = gateway.page(false, after.as_deref()).await?;
                    gateway.newest = gateway.newest.or(events.first().map(|told| told.position));
                    count += events.len() as u64;
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

/// What is read of an event.
#[derive(Deserialize)]
struct Told {
    position: u64,
    event: Box<RawValue>,
}

impl Gateway {
    /// A page of events, newest first, and where the list goes on.
    async fn page(&self, data: bool, after: Option<&str>) -> Result<(Vec<Told>, Option<String>), Failure> {
        let client = &self.client;
        let mut query = self.query.clone();
        query.extend(data.then(|| ("data", "true".to_owned())));
        let page = pages::page(client, "events", "events", &query, pages::LARGEST_PAGE, after).await?;
        let events = page.items.iter().map(|item| client.read(item.get()));
        let next = page.next().filter(|next| Some(next.as_str()) != after);
        Ok((events.collect::<Result<_, _>>()?, next))
    }

    async fn each(&self, sample: &Sample, progress: &Progress, visit: &mut Visit<'_>) -> Result<(), Failure> {
        let mut after = self.newest.map(|newest| newest.saturating_add(1).to_string());
        let (mut numbers, mut done) = (0.., 0);
        let in_pages = !sample.is_sparse(SPARSE);
        loop {
            let (mut events, next) = self.page(in_pages, after.as_deref()).await?;
            events.retain(|_| numbers.next().is_some_and(|number| sample.takes_from_newest(number)));
            let mut entries = futures::stream::iter(events)
                .map(|told| async move { if in_pages { self.entry(&told).map(Some) } else { self.whole(&told).await } })
                .buffered(AT_ONCE);
            while let Some(entry) = entries.next().await {
                entry?.iter().for_each(&mut *visit);
                done += 1;
                progress.at(done);
            }
            let Some(next) = next else { return Ok(()) };
            after = Some(next);
        }
    }

    /// An event that was told without its data; `None` when retention has removed it meanwhile.
    async fn whole(&self, told: &Told) -> Result<Option<Entry>, Failure> {
        match self.client.get(&format!("events/{}", told.position), &[]).await {
            Ok(body) => self.entry(&self.client.read(&body)?).map(Some),
            Err(Failure::Fault(fault)) if fault.problem.text("code") == Code::NotFound.to_string() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// None of what a record holds beside the event reaches a message that is compared.
    fn entry(&self, told: &Told) -> Result<Entry, Failure> {
        let event = expression::event_of(told.event.get())
            .ok_or_else(|| self.client.strange(&format!("what it keeps at position {} is no event", told.position)))?;
        Ok(Entry { position: told.position, record: Arc::new(Record::of(event)) })
    }
}
