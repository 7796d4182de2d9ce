//! What changes, grouped by kind and route, with the newest events of each group as examples. What it takes in memory
//! depends on the number of routes, not on the number of events.

use crate::cli::output::{Paint, clean};
use crate::cloudevents::Event;
use crate::log::record::Entry;
use crate::pipeline::compare::{Change, Changed, Detail};
use bytestring::ByteString;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Events shown of each group.
const EXAMPLES: usize = 5;
/// Places shown of each event.
const PLACES: usize = 4;
/// Characters of an attribute that an example shows.
const SHOWN: usize = 80;

/// All changes of all events so far.
#[derive(Debug, Default)]
pub struct Report {
    events: u64,
    changed: u64,
    groups: BTreeMap<(Change, Option<ByteString>), Group>,
}

#[derive(Debug, Default)]
struct Group {
    count: u64,
    /// Newest first.
    examples: Vec<Example>,
}

#[derive(Debug)]
struct Example {
    position: u64,
    event: String,
    details: Vec<Detail>,
}

#[derive(Debug, Serialize)]
struct Document<'r> {
    events: u64,
    changed: u64,
    groups: Vec<GroupDocument<'r>>,
}

#[derive(Debug, Serialize)]
struct GroupDocument<'r> {
    change: Change,
    route: Option<&'r str>,
    count: u64,
    examples: Vec<u64>,
}

impl Report {
    /// Adds an event with what changes for it.
    pub fn add(&mut self, entry: &Entry, changes: Vec<Changed>) {
        self.events += 1;
        self.changed += u64::from(!changes.is_empty());
        for Changed { change, route, mut details } in changes {
            let group = self.groups.entry((change, route)).or_default();
            group.count += 1;
            let at = group.examples.partition_point(|example| example.position > entry.position);
            if at < EXAMPLES {
                details.truncate(PLACES);
                let example = Example { position: entry.position, event: line(&entry.record.event), details };
                group.examples.insert(at, example);
                group.examples.truncate(EXAMPLES);
            }
        }
    }

    /// Events that change.
    pub fn changed(&self) -> u64 {
        self.changed
    }

    /// `{events, changed, groups}`.
    pub fn document(&self) -> impl Serialize {
        let groups = self.groups.iter().map(|((change, route), group)| {
            let mut examples: Vec<u64> = group.examples.iter().map(|example| example.position).collect();
            examples.sort_unstable();
            GroupDocument { change: *change, route: route.as_deref(), count: group.count, examples }
        });
        Document { events: self.events, changed: self.changed, groups: groups.collect() }
    }

    /// Everything in lines, the largest group of each kind first.
    pub fn text(&self, paint: Paint, since: &str) -> String {
        let mut out = match (self.events, self.changed) {
            (0, _) => return format!("no events to compare since {since}\n"),
            (events, 0) => return format!("{}: {}\n", counted(events, "compared"), paint.green("nothing changes")),
            (events, changed) => {
                let changed = counted(changed, if changed == 1 { "changes" } else { "change" });
                format!("{}: {}\n", counted(events, "compared"), paint.yellow(&changed))
            }
        };
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by_key(|((change, _), group)| (*change, Reverse(group.count)));
        for ((change, route), group) in groups {
            group.write(&mut out, paint, *change, route.as_deref());
        }
        out
    }
}

impl Group {
    fn write(&self, out: &mut String, paint: Paint, change: Change, route: Option<&str>) {
        let route = route.map(|route| format!(" of route {}", clean(route))).unwrap_or_default();
        let what = match change {
            Change::Verdict => "verdict of the schemas".to_owned(),
            Change::Route => route.trim_start_matches(" of ").to_owned(),
            Change::Target => format!("target{route}"),
            Change::Key => format!("key{route}"),
            Change::Bytes => format!("bytes{route}"),
        };
        writeln!(out, "\n{}: {}", paint.bold(&what), counted(self.count, "").trim_end()).ok();
        for example in self.examples.iter().rev() {
            writeln!(out, "  {}  {}", example.position, example.event).ok();
            for detail in &example.details {
                let place = if detail.place.is_empty() { String::new() } else { format!("{}: ", clean(&detail.place)) };
                writeln!(out, "    {} {place}{}", paint.red("-"), clean(&detail.before)).ok();
                writeln!(out, "    {} {place}{}", paint.green("+"), clean(&detail.after)).ok();
            }
        }
    }
}

fn counted(events: u64, what: &str) -> String {
    format!("{events} event{} {what}", if events == 1 { "" } else { "s" })
}

fn line(event: &Event) -> String {
    [&event.ty, &event.source, &event.id].map(|text| crate::cli::output::shorten(text, SHOWN)).join("  ")
}

#[cfg(test)]
mod tests {
    use super::{EXAMPLES, Report};
    use crate::cli::output::Paint;
    use crate::cloudevents::{Attributes, Data, Event};
    use crate::log::record::{Entry, Record};
    use crate::pipeline::compare::{Change, Changed, Detail};
    use std::sync::Arc;

    fn entry(position: u64) -> Entry {
        let id = format!("id\u{1b}{position}").into();
        let event =
            Event { id, source: "/s".into(), ty: "t".into(), attributes: Attributes::default(), data: Data::Absent };
        Entry { position, record: Arc::new(Record::of(event)) }
    }

    fn changed(change: Change, route: Option<&str>) -> Changed {
        let detail = Detail { place: "edge, body".to_owned(), before: "`a\u{7}`".to_owned(), after: "`b`".to_owned() };
        Changed { change, route: route.map(Into::into), details: vec![detail] }
    }

    #[test]
    fn events_are_counted_once_and_the_newest_are_the_examples_in_any_order() {
        let positions: Vec<u64> = (1..=20).collect();
        let document = |positions: &[u64]| {
            let mut report = Report::default();
            for position in positions {
                let both = vec![changed(Change::Bytes, Some("r")), changed(Change::Verdict, None)];
                report.add(&entry(*position), if position % 2 == 0 { both } else { Vec::new() });
            }
            assert_eq!(report.changed(), 10);
            serde_json::to_value(report.document()).unwrap()
        };
        let told = document(&positions);
        assert_eq!(told["events"], 20);
        assert_eq!(told["groups"][0]["change"], "verdict");
        assert!(told["groups"][0]["route"].is_null());
        assert_eq!(told["groups"][1]["examples"], serde_json::json!([12, 14, 16, 18, 20]));
        assert_eq!(told["groups"][1]["examples"].as_array().unwrap().len(), EXAMPLES);
        let back: Vec<u64> = positions.iter().rev().copied().collect();
        assert_eq!(document(&back), told);
    }

    #[test]
    fn people_read_what_was_and_what_is() {
        let mut report = Report::default();
        assert_eq!(report.text(Paint::off(), "24h"), "no events to compare since 24h\n");
        report.add(&entry(1), Vec::new());
        assert_eq!(report.text(Paint::off(), "24h"), "1 event compared: nothing changes\n");
        report.add(&entry(2), vec![changed(Change::Bytes, Some("orders"))]);
        let expected = "2 events compared: 1 event changes\n\nbytes of route orders: 1 event\n  2  t  /s  id\\u{1b}2\n    \
                        - edge, body: `a\\u{7}`\n    + edge, body: `b`\n";
        assert_eq!(report.text(Paint::off(), "24h"), expected);
    }
}
