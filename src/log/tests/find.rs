//! Searches, in the open segment and by the index of sealed ones.

use super::support::{Bench, decision, event, lane, new, record, wait_for_seals};
use crate::cloudevents::Attribute;
use crate::log::record::{Entry, Record};
use crate::log::{Log, Query};
use crate::units::Micros;
use std::sync::Arc;

const CREATION: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

fn searchable(number: u64) -> Record {
    let plain = record(number);
    let mut event = event(number);
    if number.is_multiple_of(10) {
        event.push(Attribute::string("correlationid", &format!("chain-{}", number / 50)));
    }
    if number.is_multiple_of(25) {
        event.push(Attribute::string("traceparent", CREATION));
    }
    let decision = match number % 4 {
        0 => decision(&[lane("orders", "kafka", None)]),
        1 => decision(&[lane("orders", "log", Some("orders")), lane("audit", "log", Some("all"))]),
        _ => plain.decision.clone(),
    };
    Record { decision, event, ..plain }
}

async fn filled(bench: &Bench, events: u64) -> Log {
    let log = bench.open();
    for number in (0..events).step_by(7) {
        let records = (number..events.min(number + 7)).map(|number| new(searchable(number)));
        log.append(records.collect()).await.unwrap();
    }
    log
}

/// What a search must find, told the slow way.
async fn check(log: &Log, query: Query, limit: usize, keep: fn(&Entry) -> bool, wanted: impl Fn(u64) -> bool) {
    let found = log.query(query.clone(), limit, Arc::new(keep)).await.unwrap();
    let found: Vec<u64> = found.iter().map(|entry| number_of(entry)).collect();
    let mut expected: Vec<u64> = (0..400).filter(|number| wanted(*number)).collect();
    expected.reverse();
    expected.truncate(limit);
    assert_eq!(found, expected, "{query:?}");
}

fn number_of(entry: &Entry) -> u64 {
    entry.record.event.id.trim_start_matches("id-").parse().unwrap()
}

async fn check_everything(log: &Log) {
    let any = |_: &Entry| true;
    let all = Query::default;
    let received = |number: i64| Some(Micros(1_700_000_000_000_000 + number));
    check(log, all(), 1_000, any, |_| true).await;
    check(log, all(), 3, any, |_| true).await;
    check(log, Query { ty: Some("type.1".into()), ..all() }, 1_000, any, |n| n % 3 == 1).await;
    check(log, Query { id: Some("id-123".into()), ..all() }, 10, any, |n| n == 123).await;
    check(log, Query { id: Some("id-400".into()), ..all() }, 10, any, |_| false).await;
    check(log, Query { source: Some("/test".into()), ..all() }, 5, any, |_| true).await;
    let both = Query { subject: Some("subject-2".into()), ty: Some("type.0".into()), ..all() };
    check(log, both, 20, any, |n| n % 5 == 2 && n % 3 == 0).await;
    check(log, Query { correlation: Some("chain-3".into()), ..all() }, 20, any, |n| {
        n.is_multiple_of(10) && n / 50 == 3
    })
    .await;
    check(log, Query { trace: Some((&CREATION[3..35]).into()), ..all() }, 50, any, |n| n.is_multiple_of(25)).await;
    let process = searchable(77).process.trace_id_hex();
    check(log, Query { trace: Some(process), ..all() }, 50, any, |n| n == 77).await;
    check(log, Query { trace: Some("nonsense".into()), ..all() }, 50, any, |_| false).await;
    check(log, Query { since: received(40), until: received(90), ..all() }, 500, any, |n| (40..90).contains(&n)).await;
    check(log, Query { route: Some("audit".into()), ..all() }, 500, any, |n| n % 4 == 1).await;
    let routed = Query { route: Some("orders".into()), ty: Some("type.2".into()), until: received(300), ..all() };
    check(log, routed, 500, any, |n| n % 4 < 2 && n % 3 == 2 && n < 300).await;
    check(log, Query { route: Some("none".into()), ..all() }, 500, any, |_| false).await;
    check(log, all(), 4, |entry| number_of(entry).is_multiple_of(100), |n| n.is_multiple_of(100)).await;
    let page = log.query(Query { ty: Some("type.1".into()), ..all() }, 10, Arc::new(any)).await.unwrap();
    let below = page.last().unwrap().position;
    let next = Query { ty: Some("type.1".into()), below: Some(below), ..all() };
    let last = number_of(page.last().unwrap());
    check(log, next, 10, any, |n| n % 3 == 1 && n < last).await;
}

#[tokio::test]
async fn the_open_segment_is_searched_newest_first() {
    let bench = Bench::new();
    let log = filled(&bench, 400).await;
    check_everything(&log).await;
    log.close().await;
}

#[tokio::test]
async fn sealed_segments_are_searched_by_their_index_and_the_rest_with_them() {
    let bench = Bench::with(|options| options.segment_bytes = 20_000);
    let log = filled(&bench, 400).await;
    wait_for_seals(&log);
    assert!(bench.segments().len() > 3, "{:?}", bench.segments());
    check_everything(&log).await;
    log.close().await;
    let log = bench.open();
    check_everything(&log).await;
    log.close().await;
}

#[tokio::test]
async fn a_search_whose_index_is_damaged_reads_the_commit_rows() {
    let bench = Bench::with(|options| options.segment_bytes = 20_000);
    let log = filled(&bench, 400).await;
    wait_for_seals(&log);
    log.close().await;
    for path in &bench.segments()[..2] {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection.execute("UPDATE postings SET body = zeroblob(length(body))", []).unwrap();
        connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    }
    let log = bench.open();
    check_everything(&log).await;
    log.close().await;
}
