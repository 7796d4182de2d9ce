//! An event's JSON form as the commands show it: the members in order, each with its own text.

use crate::cli::output::{clean, shorten};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use std::fmt;

/// The members of a JSON object, in order, with the original text of their values.
#[derive(Debug, Clone, Default)]
pub struct EventView(Vec<(String, Box<RawValue>)>);

impl EventView {
    /// Reads one JSON object.
    pub fn parse(text: &str) -> Result<EventView, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The text of a string member, or the JSON text of another; empty where it is absent or null.
    pub fn text(&self, name: &str) -> String {
        self.0.iter().find(|(member, _)| member == name).map(|(_, value)| plain(value)).unwrap_or_default()
    }

    /// Every attribute, cleaned for a terminal: what is neither data nor null.
    pub fn attributes(&self) -> impl Iterator<Item = (String, String)> {
        self.0
            .iter()
            .filter(|(name, value)| !is_data(name) && value.get() != "null")
            .map(|(name, value)| (clean(name).into_owned(), clean(&plain(value)).into_owned()))
    }

    /// The data, cleaned for a terminal and cut after `limit` characters; `None` for an event without data.
    pub fn data(&self, limit: usize) -> Option<String> {
        let (name, value) = self.0.iter().find(|(name, _)| is_data(name))?;
        if name == "data_base64" {
            let bytes = plain(value).trim_end_matches('=').len() * 3 / 4;
            return Some(format!("({bytes} bytes) {}", shorten(&plain(value), limit)));
        }
        Some(shorten(value.get(), limit))
    }

    /// The members that are not the same in another event, with their JSON text there and here: first those of this one, in
    /// order, then those that came.
    pub fn differences<'v>(&'v self, other: &'v EventView) -> Vec<(&'v str, Option<&'v str>, Option<&'v str>)> {
        let mine = self.0.iter().map(|(name, value)| (name.as_str(), Some(value.get()), other.json(name)));
        let new = other.0.iter().filter(|(name, _)| self.json(name).is_none());
        let new = new.map(|(name, value)| (name.as_str(), None, Some(value.get())));
        mine.chain(new).filter(|(_, before, now)| before != now).collect()
    }

    /// The JSON text of a member.
    fn json(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(member, _)| member == name).map(|(_, value)| value.get())
    }

    /// The event on one line: time, type, source, id, subject and the beginning of its data.
    pub fn line(&self) -> String {
        let columns = ["time", "type", "source", "id", "subject"].map(|name| match self.text(name) {
            text if text.is_empty() => "-".to_owned(),
            text => clean(&text).into_owned(),
        });
        let data = self.data(DATA_ON_A_LINE).unwrap_or_else(|| "-".to_owned());
        format!("{}  {data}", columns.join("  "))
    }
}

const DATA_ON_A_LINE: usize = 80;

fn is_data(name: &str) -> bool {
    name == "data" || name == "data_base64"
}

fn plain(value: &RawValue) -> String {
    match value.get() {
        "null" => String::new(),
        text if text.starts_with('"') => serde_json::from_str(text).unwrap_or_else(|_| text.to_owned()),
        text => text.to_owned(),
    }
}

impl<'de> Deserialize<'de> for EventView {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = EventView;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an event in the JSON format")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<EventView, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(EventView(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

impl Serialize for EventView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::EventView;

    #[test]
    fn an_event_is_one_line_and_keeps_its_numbers() {
        let text = r#"{"specversion":"1.0","id":"1\n2","source":"/s","type":"t","n":5,"data":{"total":1.00}}"#;
        let view = EventView::parse(text).unwrap();
        assert_eq!(view.line(), r#"-  t  /s  1\n2  -  {"total":1.00}"#);
        assert_eq!(serde_json::to_string(&view).unwrap(), text);
        let names: Vec<String> = view.attributes().map(|(name, _)| name).collect();
        assert_eq!(names, ["specversion", "id", "source", "type", "n"]);
    }

    #[test]
    fn data_is_cut_and_bytes_are_counted() {
        let long = format!(r#"{{"data":"{}"}}"#, "x".repeat(500));
        assert_eq!(EventView::parse(&long).unwrap().data(10).unwrap().chars().count(), 11);
        let binary = EventView::parse(r#"{"data_base64":"AQIDBA=="}"#).unwrap();
        assert_eq!(binary.data(80).unwrap(), "(4 bytes) AQIDBA==");
        assert!(EventView::parse("{}").unwrap().data(10).is_none());
        assert!(EventView::parse("[]").is_err());
    }
}
