//! The API over HTTP.

use super::{guarded_routes, open_routes, openapi};
use std::collections::BTreeSet;

#[test]
fn every_route_is_described_and_nothing_else() {
    let document: serde_json::Value = serde_json::from_str(openapi::DOCUMENT).unwrap();
    let described: BTreeSet<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let (open, guarded) = (open_routes(), guarded_routes());
    let routed: BTreeSet<&str> = open.iter().chain(&guarded).map(|(path, _)| *path).collect();
    assert_eq!(described, routed);
}
