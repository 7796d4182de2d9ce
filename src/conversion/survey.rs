//! What of a document survives the way through rules and back, and what does not: proof of rules against samples
//! (formats.md §6, `convert --check`).

use super::rules::Rules;
use super::{Error, MAX_DEPTH, from_xml, to_xml};
use crate::cloudevents::json::tape::Tape;
use crate::cloudevents::json::value::{Kind, Value as Json};
use crate::cloudevents::reader::{Bounds, shown};
use crate::cloudevents::xml::characters::is_blank;
use crate::cloudevents::xml::document::{Document, Token};
use crate::cloudevents::xml::prolog;
use bytes::Bytes;
use serde_json::Value;
use std::collections::HashMap;

/// Differences of one document that are told.
pub const TOLD: usize = 100;

/// What a JSON document loses on its way to XML and back; `schema` tells types as on the way back of events.
pub fn of_json(rules: &Rules, json: &[u8], schema: Option<&Value>) -> Vec<Error> {
    let there = match to_xml(rules, json) {
        Ok(xml) => xml,
        Err(error) => return vec![error],
    };
    let back = match from_xml(rules, &there, schema) {
        Ok(json) => json,
        Err(error) => return vec![on_the_way_back(error)],
    };
    let mut differences = Differences::default();
    if let (Ok(before), Ok(after)) = (Tape::read(json, MAX_DEPTH), Tape::read(&back, MAX_DEPTH)) {
        differences.values(&before, 0, &after, 0);
    }
    differences.found
}

/// What an XML document loses on its way to JSON and back. Comments, processing instructions, indentation and prefixes
/// are no data; pointers name elements.
pub fn of_xml(rules: &Rules, xml: &Bytes, schema: Option<&Value>) -> Vec<Error> {
    let there = match from_xml(rules, xml, schema) {
        Ok(json) => json,
        Err(error) => return vec![error],
    };
    let back = match to_xml(rules, &there) {
        Ok(xml) => xml,
        Err(error) => return vec![on_the_way_back(error)],
    };
    let mut differences = Differences::default();
    match (Element::read(xml), Element::read(&back)) {
        (Ok(before), Ok(after)) => differences.elements(&before, &after),
        (Err(error), _) | (_, Err(error)) => return vec![error],
    }
    differences.found
}

fn on_the_way_back(error: Error) -> Error {
    Error { detail: format!("the way back fails: {}", error.detail), ..error }
}

/// Where two XML documents differ: what the first says, and what stands there in the second. Comments, processing
/// instructions, indentation and prefixes are no data; pointers name elements.
pub fn of_two(expected: &Bytes, found: &Bytes) -> Result<Vec<Error>, Error> {
    let mut differences = Differences { verb: "is", ..Differences::default() };
    differences.elements(&Element::read(expected)?, &Element::read(found)?);
    Ok(differences.found)
}

struct Differences {
    path: Vec<String>,
    found: Vec<Error>,
    /// What has become of a thing.
    verb: &'static str,
}

impl Default for Differences {
    fn default() -> Differences {
        Differences { path: Vec::new(), found: Vec::new(), verb: "comes back as" }
    }
}

impl Differences {
    fn tell(&mut self, detail: String) {
        if self.found.len() < TOLD {
            let pointer = self.path.iter().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")));
            self.found.push(Error { pointer: pointer.collect(), detail });
        }
    }

    fn inside(&mut self, step: String, compare: impl FnOnce(&mut Self)) {
        self.path.push(step);
        compare(self);
        self.path.pop();
    }

    fn values(&mut self, before: &Tape<'_>, a: usize, after: &Tape<'_>, b: usize) {
        let (old, new) = (before.value(a), after.value(b));
        match (old.kind, new.kind) {
            (Kind::Object, Kind::Object) => self.members(before, a, after, b),
            (Kind::Array, Kind::Array) => {
                let (old, new): (Vec<usize>, Vec<usize>) = (before.entries(a).collect(), after.entries(b).collect());
                for (index, (a, b)) in old.iter().zip(&new).enumerate() {
                    self.inside(index.to_string(), |all| all.values(before, *a, after, *b));
                }
                for (index, at) in old.iter().enumerate().skip(new.len()) {
                    self.inside(index.to_string(), |all| all.tell(format!("{} is gone", named(before.value(*at)))));
                }
                for (index, at) in new.iter().enumerate().skip(old.len()) {
                    self.inside(index.to_string(), |all| {
                        all.tell(format!("{} was not there", named(after.value(*at))));
                    });
                }
            }
            (Kind::String { .. }, Kind::String { .. }) if old.string() == new.string() => {}
            (Kind::Number | Kind::Boolean | Kind::Null, _) if old.raw == new.raw => {}
            _ => self.tell(format!("{} {} {}", named(old), self.verb, named(new))),
        }
    }

    fn members(&mut self, before: &Tape<'_>, a: usize, after: &Tape<'_>, b: usize) {
        let named_values = |tape: &Tape<'_>, at: usize| -> Vec<(String, usize)> {
            tape.members(at).map(|(name, at)| (name.string().unwrap_or_default().into_owned(), at)).collect()
        };
        let (old, new) = (named_values(before, a), named_values(after, b));
        let places: HashMap<&str, usize> = new.iter().map(|(name, at)| (name.as_str(), *at)).collect();
        for (name, at) in &old {
            self.inside(name.clone(), |all| match places.get(name.as_str()) {
                Some(other) => all.values(before, *at, after, *other),
                None => all.tell(format!("{} is gone", named(before.value(*at)))),
            });
        }
        for (name, at) in &new {
            if !old.iter().any(|(known, _)| known == name) {
                self.inside(name.clone(), |all| all.tell(format!("{} was not there", named(after.value(*at)))));
            }
        }
    }

    fn elements(&mut self, before: &Element, after: &Element) {
        if before.name != after.name {
            self.tell(format!("the element `{}` {} `{}`", shown(&before.name), self.verb, shown(&after.name)));
            return;
        }
        for (name, value) in &before.attributes {
            match after.attributes.iter().find(|(known, _)| known == name) {
                Some((_, other)) if other == value => {}
                Some((_, other)) => {
                    self.tell(format!("the attribute `{}` {} `{}`", shown(name), self.verb, shown(other)));
                }
                None => self.tell(format!("the attribute `{}` is gone", shown(name))),
            }
        }
        for (name, _) in
            after.attributes.iter().filter(|(name, _)| !before.attributes.iter().any(|(known, _)| known == name))
        {
            self.tell(format!("the attribute `{}` was not there", shown(name)));
        }
        if before.text != after.text {
            self.tell(format!("the text `{}` {} `{}`", shown(&before.text), self.verb, shown(&after.text)));
        }
        let steps = |element: &Element| {
            let mut counts: HashMap<String, usize> = HashMap::new();
            let step = |child: &Element| {
                let count = counts.entry(child.name.clone()).or_default();
                *count += 1;
                if *count == 1 { child.local.clone() } else { format!("{}[{count}]", child.local) }
            };
            element.children.iter().map(step).collect::<Vec<_>>()
        };
        let (old, new) = (steps(before), steps(after));
        for (index, child) in before.children.iter().enumerate() {
            self.inside(old[index].clone(), |all| match after.children.get(index) {
                Some(other) => all.elements(child, other),
                None => all.tell("the element is gone".to_owned()),
            });
        }
        for step in new.iter().skip(old.len()) {
            self.inside(step.clone(), |all| all.tell("the element was not there".to_owned()));
        }
    }
}

fn named(value: Json<'_>) -> String {
    match value.kind {
        Kind::Object => "an object".to_owned(),
        Kind::Array => "an array".to_owned(),
        Kind::String { .. } => format!("the text `{}`", shown(&value.string().unwrap_or_default())),
        Kind::Number => format!("the number `{}`", shown(value.raw)),
        Kind::Boolean | Kind::Null => format!("`{}`", value.raw),
    }
}

/// An element as canonical XML sees it.
#[derive(Debug, Default)]
struct Element {
    /// With its namespace in braces.
    name: String,
    local: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn read(xml: &Bytes) -> Result<Element, Error> {
        let broken = |fault: crate::cloudevents::reader::Fault| Error { pointer: String::new(), detail: fault.detail };
        let text = prolog::to_text(xml.clone()).map_err(broken)?;
        let bounds = Bounds { xml_depth: MAX_DEPTH + 1, ..Bounds::default() };
        let mut document = Document::new(&text, &bounds).map_err(broken)?;
        let mut open: Vec<Element> = vec![Element::default()];
        loop {
            match document.next().map_err(broken)? {
                Token::Start(element) => {
                    let name = |space, local: &str| match document.scope().name_of(space) {
                        "" => local.to_owned(),
                        namespace => format!("{{{namespace}}}{local}"),
                    };
                    let attributes = document.attributes().map(|(space, local, value)| {
                        let name = name(space, local);
                        // Both are the same truth.
                        let nil = name.ends_with("}nil") && matches!(&**value, "1" | "true");
                        (name, if nil { "true".to_owned() } else { value.to_string() })
                    });
                    open.push(Element {
                        name: name(element.space, element.local),
                        local: element.local.to_owned(),
                        attributes: attributes.collect(),
                        ..Element::default()
                    });
                }
                Token::Text(text) => {
                    if let Some(element) = open.last_mut() {
                        element.text.push_str(&text);
                    }
                }
                Token::End => {
                    let Some(mut ended) = open.pop() else { continue };
                    if !ended.children.is_empty() && is_blank(&ended.text) {
                        ended.text.clear();
                    }
                    if let Some(around) = open.last_mut() {
                        around.children.push(ended);
                    }
                }
                Token::Complete => return Ok(open.pop().and_then(|mut all| all.children.pop()).unwrap_or_default()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{of_json, of_xml};
    use crate::conversion::Error;
    use crate::conversion::rules::Rules;
    use serde_json::{Value, json};

    fn rules(keys: &Value) -> Rules {
        let mut declared = json!({"name": "r", "root": "order"});
        declared.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
        Rules::compile(&serde_json::from_value(declared).unwrap()).unwrap()
    }

    fn shown(lost: Vec<Error>) -> Vec<String> {
        lost.into_iter().map(|error| error.to_string()).collect()
    }

    #[test]
    fn what_json_loses_is_told_with_its_place() {
        let typed = rules(&json!({"types": {"/total": "number"}, "lists": {"/tags": null}, "attributes": ["/note"]}));
        let data = br#"{"total": 1.50, "tags": ["a", "b"], "s": "x", "o": {"a": "b"}}"#;
        assert_eq!(shown(of_json(&typed, data, None)), [""; 0]);
        let data = br#"{"count": 5, "tags": [], "flag": true, "note": null, "deep": [{"n": 1}]}"#;
        assert_eq!(
            shown(of_json(&typed, data, None)),
            [
                "`/count`: the number `5` comes back as the text `5`",
                "`/tags`: an array is gone",
                "`/flag`: `true` comes back as the text `true`",
                "`/note`: `null` is gone",
                "`/deep`: an array comes back as an object",
            ]
        );
        let schema = json!({"properties": {"count": {"type": "integer"}, "deep": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "number"}}}}}});
        assert_eq!(shown(of_json(&typed, br#"{"count": 5, "deep": [{"n": 1}]}"#, Some(&schema))), [""; 0]);
        assert_eq!(shown(of_json(&typed, br#"{"a": {"b": "\u0001"}}"#, None)).len(), 1);
        assert_eq!(shown(of_json(&typed, b"{", None)).len(), 1);
    }

    #[test]
    fn what_xml_loses_is_told_with_its_place() {
        let plain = rules(&json!({"attributes": ["/id"]}));
        let good = "<?xml version=\"1.0\"?><!-- x --><order id=\"7\">\n  <a>1</a>\n  <b/>\n</order>";
        assert_eq!(shown(of_xml(&plain, &good.into(), None)), [""; 0]);
        // Repeated elements become an array, and that is written with a wrapper unless the rules say otherwise.
        let repeated = "<order><a>1</a><a>2</a></order>";
        let lost = shown(of_xml(&plain, &repeated.into(), None));
        assert!(lost[0].starts_with("`/a`: the text `1` comes back as"), "{lost:?}");
        assert_eq!(shown(of_xml(&rules(&json!({"lists": {"/a": null}})), &repeated.into(), None)), [""; 0]);
        assert_eq!(shown(of_xml(&plain, &"<other/>".into(), None)).len(), 1);
    }
}
