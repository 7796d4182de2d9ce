//! Lists of the admin API, page by page: `{<member>: [...], next}` and `after=` (design.md §4).

use crate::cli::client::Client;
use crate::cli::failure::Failure;
use crate::cli::output::message;
use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::value::RawValue;
use std::collections::HashMap;

/// The API's own largest page.
pub const LARGEST_PAGE: u64 = 1000;

/// How much of a list is wanted.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Range {
    /// Show at most this many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: u64,
    /// Show all of them
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
}

/// What was fetched: the items with their original text, and where the list goes on.
#[derive(Debug)]
pub struct Listed {
    /// The items in order.
    pub items: Vec<Box<RawValue>>,
    /// What `after` takes for the rest; null at the end.
    next: Box<RawValue>,
}

impl Listed {
    /// The same document the API answers, over all pages fetched.
    pub fn document<'l>(&'l self, member: &'static str) -> impl Serialize + use<'l> {
        Document { member, listed: self }
    }

    /// What `after` takes for the rest; `None` at the end.
    pub fn next(&self) -> Option<String> {
        cursor(&self.next)
    }

    /// Says on stderr that there is more.
    pub fn tell_of_more(&self) {
        if self.next.get() != "null" {
            message(&format!("{} shown, there are more: --limit or --all", self.items.len()));
        }
    }
}

struct Document<'l> {
    member: &'static str,
    listed: &'l Listed,
}

impl Serialize for Document<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(self.member, &self.listed.items)?;
        map.serialize_entry("next", &self.listed.next)?;
        map.end()
    }
}

/// Fetches as many pages as `range` asks for.
pub async fn fetch(
    client: &Client,
    path: &str,
    member: &str,
    query: &[(&str, String)],
    range: &Range,
) -> Result<Listed, Failure> {
    let wanted = if range.all { u64::MAX } else { range.limit };
    let mut listed = Listed { items: Vec::new(), next: RawValue::NULL.to_owned() };
    let mut after: Option<String> = None;
    loop {
        let missing = wanted.saturating_sub(listed.items.len() as u64);
        let page = page(client, path, member, query, missing.min(LARGEST_PAGE), after.as_deref()).await?;
        listed.items.extend(page.items);
        listed.next = page.next;
        let next = listed.next();
        // A page may hold nothing and still go on; with the same cursor it would for ever.
        if next.is_none() || next == after || listed.items.len() as u64 >= wanted {
            return Ok(listed);
        }
        after = next;
    }
}

/// Fetches one page of at most `limit` items, which goes on behind `after`.
pub async fn page(
    client: &Client,
    path: &str,
    member: &str,
    query: &[(&str, String)],
    limit: u64,
    after: Option<&str>,
) -> Result<Listed, Failure> {
    let limit = limit.to_string();
    let mut pairs: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    pairs.push(("limit", &limit));
    pairs.extend(after.map(|after| ("after", after)));
    let body = client.get(path, &pairs).await?;
    let mut page: HashMap<String, Box<RawValue>> = client.read(&body)?;
    let items = page.remove(member).ok_or_else(|| client.strange(&format!("`{member}` is missing")))?;
    let next = page.remove("next").unwrap_or_else(|| RawValue::NULL.to_owned());
    Ok(Listed { items: client.read(items.get())?, next })
}

/// The text of a cursor, whether the API writes a number or a string.
fn cursor(next: &RawValue) -> Option<String> {
    match serde_json::from_str(next.get()) {
        Ok(serde_json::Value::String(text)) => Some(text),
        Ok(serde_json::Value::Number(number)) => Some(number.to_string()),
        _ => None,
    }
}
