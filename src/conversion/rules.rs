//! The compiled form of a declaration, which both directions go by: the rules as a tree beside the data.

use super::declaration::{Conversion, Nulls, Scalar};
use super::names;
use super::pointer::{self, EACH};
use crate::cloudevents::xml::INSTANCE_NAMESPACE;
use crate::cloudevents::xml::characters::{forbidden, is_name, is_space};
use std::collections::HashMap;

/// One thing that is wrong with a declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key of the declaration.
    pub key: &'static str,
    /// The entry of the list, or the key in the mapping; `None`: the value of the key itself.
    pub entry: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<&'static str>,
}

/// Compiled rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// What they are called.
    pub name: String,
    /// Name of the document element, without prefix.
    pub root: String,
    /// Namespace of all elements; empty for none.
    pub namespace: String,
    /// Prefix of all elements.
    pub prefix: Option<String>,
    /// What becomes of `null`.
    pub nulls: Nulls,
    /// The rules for the data as a whole and for what is in it.
    pub data: Place,
}

/// How a value stands in the element around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// As an element.
    #[default]
    Element,
    /// As an XML attribute.
    Attribute,
    /// As text.
    Text,
}

/// How an array is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum List {
    /// An element around entries of this name.
    Wrapped(String),
    /// Its own element repeated for each entry.
    Repeated,
}

/// The rules for a value, and for what is in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Place {
    /// How it stands in what is around it.
    pub role: Role,
    /// Its XML name, where that is declared.
    pub name: Option<String>,
    /// How its array is written, where that is declared.
    pub list: Option<List>,
    /// Its type, where that is declared.
    pub scalar: Option<Scalar>,
    members: HashMap<String, Place>,
    entries: Option<Box<Place>>,
    /// Members by declared names of elements.
    by_element: HashMap<String, String>,
    /// Members by names of XML attributes.
    by_attribute: HashMap<String, String>,
    /// The member that is the text.
    text: Option<String>,
}

impl Place {
    /// The rules for a member.
    pub fn member(&self, name: &str) -> Option<&Place> {
        self.members.get(name)
    }

    /// The rules for each entry.
    pub fn entry(&self) -> Option<&Place> {
        self.entries.as_deref()
    }

    /// The member that a declaration gives this name of an element.
    pub fn by_element(&self, name: &str) -> Option<&str> {
        self.by_element.get(name).map(String::as_str)
    }

    /// The member that is written as the XML attribute of this name.
    pub fn by_attribute(&self, name: &str) -> Option<&str> {
        self.by_attribute.get(name).map(String::as_str)
    }

    /// The member that is the text of the element.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The place a pointer leads to, made where there is none.
    fn at(&mut self, path: &[String]) -> &mut Place {
        path.iter().fold(self, |place, step| match step.as_str() {
            EACH => place.entries.get_or_insert_default(),
            _ => place.members.entry(step.clone()).or_default(),
        })
    }
}

impl Rules {
    /// Compiles a declaration, or tells everything that is wrong with it.
    pub fn compile(declared: &Conversion) -> Result<Rules, Vec<Fault>> {
        let mut compiling = Compiling { data: Place::default(), faults: Vec::new() };
        compiling.document(declared);
        for pointer in &declared.attributes {
            compiling.role("attributes", pointer, Role::Attribute);
        }
        for pointer in &declared.text {
            compiling.role("text", pointer, Role::Text);
        }
        for (pointer, entry) in &declared.lists {
            compiling.list(pointer, entry.as_deref());
        }
        for (pointer, name) in &declared.names {
            compiling.name(pointer, name);
        }
        for (pointer, scalar) in &declared.types {
            compiling.scalar(pointer, *scalar);
        }
        let mut faults = compiling.faults;
        index(&mut compiling.data, "", &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Rules {
            name: declared.name.clone(),
            root: declared.root.clone(),
            namespace: declared.namespace.clone().unwrap_or_default(),
            prefix: declared.prefix.clone(),
            nulls: declared.nulls.unwrap_or_default(),
            data: compiling.data,
        })
    }
}

struct Compiling {
    data: Place,
    faults: Vec<Fault>,
}

impl Compiling {
    fn fault(&mut self, key: &'static str, entry: Option<&str>, message: String, hint: Option<&'static str>) {
        self.faults.push(Fault { key, entry: entry.map(str::to_owned), message, hint });
    }

    /// Root, namespace and prefix.
    fn document(&mut self, declared: &Conversion) {
        if let Some(message) = name_fault(&declared.root) {
            self.fault("root", None, message, None);
        }
        if let Some(message) = declared.namespace.as_deref().and_then(namespace_fault) {
            self.fault("namespace", None, message, None);
        }
        let Some(prefix) = declared.prefix.as_deref() else { return };
        if let Some(message) = name_fault(prefix) {
            self.fault("prefix", None, message, None);
        } else if prefix.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("xml")) || prefix == "xsi" {
            let message = format!("the prefix `{prefix}` has a meaning of its own in XML");
            self.fault("prefix", None, message, Some("choose another"));
        } else if declared.namespace.is_none() {
            let message = format!("the prefix `{prefix}` stands for nothing");
            self.fault("prefix", None, message, Some("add `namespace`, or remove `prefix`"));
        }
    }

    fn path(&mut self, key: &'static str, pointer: &str) -> Option<Vec<String>> {
        match pointer::parse(pointer) {
            Ok(path) if path.iter().any(String::is_empty) => {
                let message = format!("`{pointer}` leads to a member without a name, which XML cannot hold");
                self.fault(key, Some(pointer), message, None);
                None
            }
            Ok(path) => Some(path),
            Err(why) => {
                self.fault(key, Some(pointer), format!("`{pointer}` is no JSON Pointer: {why}"), None);
                None
            }
        }
    }

    /// The place of a member, which stands by its name in an object.
    fn member(&mut self, key: &'static str, pointer: &str, what: &str, hint: &'static str) -> Option<Vec<String>> {
        let path = self.path(key, pointer)?;
        let fault = match path.last().map(String::as_str) {
            None => "the data as a whole",
            Some(EACH) => "an entry of an array",
            Some(_) => return Some(path),
        };
        self.fault(key, Some(pointer), format!("{fault} {what}"), Some(hint));
        None
    }

    fn role(&mut self, key: &'static str, pointer: &str, role: Role) {
        let what = match role {
            Role::Attribute => "cannot be an XML attribute",
            Role::Element | Role::Text => "cannot be the text of what is around it",
        };
        let Some(path) = self.member(key, pointer, what, "name a member of an object") else { return };
        let place = self.data.at(&path);
        if place.role != Role::Element {
            let message = format!("`{pointer}` is named twice, here and among `attributes` or `text`");
            return self.fault(key, Some(pointer), message, None);
        }
        place.role = role;
        let Some((name, parents)) = path.split_last() else { return };
        let parent = self.data.at(parents);
        if role == Role::Text {
            match &parent.text {
                Some(other) => {
                    let message = format!("`{pointer}` cannot be the text where `{other}` is it already");
                    self.fault(key, Some(pointer), message, None);
                }
                None => parent.text = Some(name.clone()),
            }
        }
    }

    fn list(&mut self, pointer: &str, entry: Option<&str>) {
        let Some(path) = self.path("lists", pointer) else { return };
        let message = match entry {
            None if path.is_empty() => "the data as a whole cannot be repeated: a document has one root".to_owned(),
            Some(name) if !is_name(name) => format!("the entries of `{pointer}`: `{name}` is no name in XML"),
            _ if self.data.at(&path).role != Role::Element => {
                format!("`{pointer}` is an array here, but stands among `attributes` or `text`")
            }
            _ => {
                let list = entry.map_or(List::Repeated, |name| List::Wrapped(name.to_owned()));
                self.data.at(&path).list = Some(list);
                return;
            }
        };
        self.fault("lists", Some(pointer), message, None);
    }

    fn name(&mut self, pointer: &str, name: &str) {
        let hint = "`root` names the document element, `lists` names entries";
        let Some(path) = self.member("names", pointer, "is not named here", hint) else { return };
        if let Some(message) = name_fault(name) {
            return self.fault("names", Some(pointer), message, None);
        }
        let place = self.data.at(&path);
        if place.role == Role::Text {
            let message = format!("`{pointer}` is text and has no name in XML");
            return self.fault("names", Some(pointer), message, None);
        }
        if place.role == Role::Attribute && name == "xmlns" {
            return self.fault("names", Some(pointer), "an XML attribute cannot be named `xmlns`".to_owned(), None);
        }
        place.name = Some(name.to_owned());
    }

    fn scalar(&mut self, pointer: &str, scalar: Scalar) {
        let Some(path) = self.path("types", pointer) else { return };
        let place = self.data.at(&path);
        if place.list.is_some() {
            let message = format!("`{pointer}` is an array by `lists`, and has no type of its own");
            return self.fault("types", Some(pointer), message, Some("name its entries: add `/*`"));
        }
        place.scalar = Some(scalar);
    }
}

/// Notes the XML names of all members, for the way back, and finds those that stand for two.
fn index(place: &mut Place, pointer: &str, faults: &mut Vec<Fault>) {
    let mut members: Vec<_> = place.members.iter_mut().collect();
    members.sort_unstable_by_key(|(member, _)| *member);
    for (member, child) in members {
        let pointer = format!("{pointer}/{}", member.replace('~', "~0").replace('/', "~1"));
        let (names, name) = match (child.role, &child.name) {
            (Role::Attribute, None) => (&mut place.by_attribute, names::encode_attribute(member).into_owned()),
            (Role::Attribute, Some(name)) => (&mut place.by_attribute, name.clone()),
            (Role::Element, Some(name)) => (&mut place.by_element, name.clone()),
            (Role::Element, None) | (Role::Text, _) => {
                index(child, &pointer, faults);
                continue;
            }
        };
        if let Some(other) = names.insert(name.clone(), member.clone()) {
            faults.push(Fault {
                key: if child.name.is_some() { "names" } else { "attributes" },
                message: format!("`{name}` would stand for two members, `{member}` and `{other}`"),
                entry: Some(pointer.clone()),
                hint: Some("give one of them another name"),
            });
        }
        index(child, &pointer, faults);
    }
    if let Some(entry) = &mut place.entries {
        index(entry, &format!("{pointer}/{EACH}"), faults);
    }
}

fn name_fault(name: &str) -> Option<String> {
    if is_name(name) { None } else { Some(format!("`{name}` is no name in XML")) }
}

fn namespace_fault(namespace: &str) -> Option<String> {
    let reserved = ["http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2000/xmlns/", INSTANCE_NAMESPACE];
    if namespace.is_empty() {
        Some("a namespace must not be empty".to_owned())
    } else if reserved.contains(&namespace) {
        Some(format!("the namespace `{namespace}` is one of XML's own"))
    } else if namespace.bytes().any(is_space) || forbidden(namespace).is_some() {
        Some("a namespace is a URI: it holds no whitespace".to_owned())
    } else {
        None
    }
}
