//! A strict pull reader of XML 1.0 documents with namespaces. quick-xml finds the tokens; what it lets pass is checked
//! here: characters, names, attributes, references, one root element, and the caps. There is no DTD and no recursion.

use super::characters::{self, is_blank, with_line_feeds};
use super::scope::{Scope, Space};
use super::tag::{self, Attributes, Name};
use crate::cloudevents::reader::{Bounds, Fault, shown};
use crate::codes::Code;
use quick_xml::errors::{Error, IllFormedError};
use quick_xml::events::Event;
use std::borrow::Cow;

/// A place in a document.
#[derive(Debug)]
pub struct Document<'t> {
    text: &'t str,
    tokens: quick_xml::Reader<&'t [u8]>,
    bounds: Bounds,
    scope: Scope<'t>,
    depth: usize,
    /// The root element has started.
    rooted: bool,
    /// The last token was an element without content whose end is still to be told.
    ending: bool,
    /// Of the element that started last.
    attributes: Vec<Attribute<'t>>,
    /// Room for looking for attributes that stand twice.
    names: Vec<(Space, &'t str)>,
}

/// What is found next. Comments and processing instructions are passed over.
#[derive(Debug, PartialEq, Eq)]
pub enum Token<'t> {
    /// An element starts; each one ends with a token of its own.
    Start(Element<'t>),
    /// The innermost element ends.
    End,
    /// A piece of character data, references resolved. Others may follow at once.
    Text(Cow<'t, str>),
    /// The document is complete.
    Complete,
}

/// An element that starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'t> {
    /// Its namespace.
    pub space: Space,
    /// Its name without the prefix.
    pub local: &'t str,
    /// Its name as it stands there.
    pub name: &'t str,
    /// Where it starts in the document, in bytes.
    pub start: usize,
}

#[derive(Debug)]
struct Attribute<'t> {
    name: Name<'t>,
    space: Space,
    value: Cow<'t, str>,
}

impl<'t> Document<'t> {
    /// At the start of a text without a byte order mark. `bounds` caps depth (the root element is level 1), attributes of
    /// an element, and namespaces in force at a time.
    pub fn new(text: &'t str, bounds: &Bounds) -> Result<Document<'t>, Fault> {
        let mut tokens = quick_xml::Reader::from_str(text);
        tokens.config_mut().check_comments = true;
        let document = Document {
            text,
            tokens,
            bounds: *bounds,
            scope: Scope::new(bounds.xml_namespaces),
            depth: 0,
            rooted: false,
            ending: false,
            attributes: Vec::new(),
            names: Vec::new(),
        };
        match characters::forbidden(text) {
            Some(c) => {
                let why = format!("the character U+{:04X} is not allowed in XML", u32::from(c));
                Err(document.broken(text.find(c).unwrap_or_default(), why))
            }
            // A second byte order mark would be skipped as the first one was.
            None if text.starts_with('\u{feff}') => Err(document.broken(0, "text stands outside of the root element")),
            None => Ok(document),
        }
    }

    /// The next token.
    #[expect(clippy::should_implement_trait, reason = "no iterator: it can fail, and the document is asked in between")]
    pub fn next(&mut self) -> Result<Token<'t>, Fault> {
        if std::mem::take(&mut self.ending) {
            return Ok(self.end());
        }
        loop {
            let start = self.position();
            let text = self.text;
            if text[start..].starts_with("<!D") || text[start..].starts_with("<!d") {
                return Err(self.broken(start, "a DOCTYPE is not allowed"));
            }
            let event = self.tokens.read_event().map_err(|error| self.broken(start, explain(&error)))?;
            let end = self.position();
            match event {
                Event::Start(_) => return self.start(start, &text[start + 1..end - 1]),
                Event::Empty(_) => {
                    self.ending = true;
                    return self.start(start, &text[start + 1..end - 2]);
                }
                Event::End(_) => return Ok(self.end()),
                Event::Text(_) if self.depth == 0 && is_blank(&text[start..end]) => {}
                Event::Text(_) => return self.text(start, &text[start..end]),
                Event::CData(_) => {
                    let content = &text[start + "<![CDATA[".len()..end - "]]>".len()];
                    return self.inside(start, with_line_feeds(content));
                }
                Event::GeneralRef(_) => {
                    let name = &text[start + 1..end - 1];
                    let c = characters::reference(name).map_err(|why| self.broken(start, why))?;
                    return self.inside(start, Cow::Owned(c.into()));
                }
                Event::Comment(_) => {}
                Event::PI(_) => self.instruction(start, &text[start + 2..end - 2])?,
                Event::Decl(_) if start == 0 => {}
                Event::Decl(_) => return Err(self.broken(start, "the XML declaration is not at the start")),
                Event::DocType(_) => return Err(self.broken(start, "a DOCTYPE is not allowed")),
                Event::Eof => return self.complete(),
            }
        }
    }

    /// Goes on behind the end of the innermost open element.
    pub fn skip(&mut self) -> Result<(), Fault> {
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside {
            self.next()?;
        }
        Ok(())
    }

    /// The text of the innermost open element up to its end, and whether there are elements in it.
    pub fn content(&mut self) -> Result<(Cow<'t, str>, bool), Fault> {
        let mut content = Cow::Borrowed("");
        let mut nested = false;
        loop {
            match self.next()? {
                Token::Text(text) if content.is_empty() => content = text,
                Token::Text(text) => content.to_mut().push_str(&text),
                Token::Start(_) => {
                    nested = true;
                    self.skip()?;
                }
                Token::End | Token::Complete => return Ok((content, nested)),
            }
        }
    }

    /// The value of an XML attribute of the element that started last.
    pub fn attribute(&self, space: Space, local: &str) -> Option<&Cow<'t, str>> {
        let found = self.attributes.iter().find(|attribute| attribute.space == space && attribute.name.local == local);
        found.map(|attribute| &attribute.value)
    }

    /// The declarations at this place.
    pub fn scope(&self) -> &Scope<'t> {
        &self.scope
    }

    /// Where the last token ended, in bytes.
    pub fn position(&self) -> usize {
        usize::try_from(self.tokens.buffer_position()).unwrap_or(self.text.len()).min(self.text.len())
    }

    fn start(&mut self, start: usize, tag: &'t str) -> Result<Token<'t>, Fault> {
        if self.depth == 0 && std::mem::replace(&mut self.rooted, true) {
            return Err(self.broken(start, "there is more than one root element"));
        }
        self.depth += 1;
        if self.depth > self.bounds.xml_depth {
            return Err(self.broken(start, format!("elements nest deeper than {}", self.bounds.xml_depth)));
        }
        self.scope.enter();
        let (name, attributes) = tag::split(tag);
        self.element(start, name, attributes).map_err(|why| self.broken(start, why)).map(Token::Start)
    }

    fn element(&mut self, start: usize, name: &'t str, attributes: &'t str) -> Result<Element<'t>, String> {
        let Name { prefix, local } = Name::parse(name)?;
        if prefix == "xmlns" {
            return Err(format!("`{}` is no name of an element", shown(name)));
        }
        self.declare(attributes)?;
        let space = self.scope.resolve(prefix).ok_or_else(|| undeclared(prefix))?;
        Ok(Element { space, local, name, start })
    }

    /// Takes the attributes of a start tag, declarations of namespaces among them.
    fn declare(&mut self, attributes: &'t str) -> Result<(), String> {
        self.attributes.clear();
        if attributes.is_empty() {
            return Ok(());
        }
        for (count, attribute) in Attributes::of(attributes).enumerate() {
            if count == self.bounds.xml_attributes {
                return Err(format!("an element has more than {count} XML attributes"));
            }
            let (name, raw) = attribute?;
            let name = Name::parse(name)?;
            let value = characters::attribute_value(raw)?;
            match (name.prefix, name.local) {
                ("", "xmlns") => self.scope.declare("", raw, value)?,
                ("xmlns", prefix) => self.scope.declare(prefix, raw, value)?,
                // A prefix may be declared behind its use.
                _ => self.attributes.push(Attribute { name, space: Space::NONE, value }),
            }
        }
        self.names.clear();
        self.names.extend(self.scope.own_prefixes().map(|prefix| (Space::XMLNS, prefix)));
        for attribute in &mut self.attributes {
            let Name { prefix, local } = attribute.name;
            // The default namespace is for elements only.
            if !prefix.is_empty() {
                attribute.space = self.scope.resolve(prefix).ok_or_else(|| undeclared(prefix))?;
            }
            self.names.push((attribute.space, local));
        }
        self.names.sort_unstable();
        match self.names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!("the XML attribute `{}` stands more than once", shown(pair[0].1))),
            None => Ok(()),
        }
    }

    fn end(&mut self) -> Token<'t> {
        self.depth = self.depth.saturating_sub(1);
        self.scope.leave();
        Token::End
    }

    fn text(&self, start: usize, text: &'t str) -> Result<Token<'t>, Fault> {
        let ends_a_section = |at: usize| text[..at].ends_with("]]");
        if memchr::memchr_iter(b'>', text.as_bytes()).any(ends_a_section) {
            return Err(self.broken(start, "`]]>` stands in a text"));
        }
        self.inside(start, with_line_feeds(text))
    }

    fn inside(&self, start: usize, text: Cow<'t, str>) -> Result<Token<'t>, Fault> {
        if self.depth == 0 {
            return Err(self.broken(start, "text stands outside of the root element"));
        }
        Ok(Token::Text(text))
    }

    fn instruction(&self, start: usize, content: &str) -> Result<(), Fault> {
        let (target, _) = tag::split(content);
        if characters::is_name(target) && !target.eq_ignore_ascii_case("xml") {
            return Ok(());
        }
        Err(self.broken(start, format!("`{}` is no name of a processing instruction", shown(target))))
    }

    fn complete(&self) -> Result<Token<'t>, Fault> {
        match (self.depth, self.rooted) {
            (0, true) => Ok(Token::Complete),
            (0, false) => Err(self.broken(self.text.len(), "there is no root element")),
            _ => Err(self.broken(self.text.len(), "the document ends inside of an element")),
        }
    }

    fn broken(&self, at: usize, why: impl std::fmt::Display) -> Fault {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        let column = before.len() - memchr::memrchr(b'\n', before).map_or(0, |at| at + 1) + 1;
        Fault::new(Code::Malformed, format!("the XML cannot be read: {why} (line {line}, byte {column})"))
    }
}

fn undeclared(prefix: &str) -> String {
    format!("the prefix `{}` is not declared", shown(prefix))
}

fn explain(error: &Error) -> String {
    match error {
        Error::IllFormed(IllFormedError::MismatchedEndTag { expected, found }) => {
            format!("`</{}>` is expected, not `</{}>`", shown(expected), shown(found))
        }
        Error::IllFormed(IllFormedError::UnmatchedEndTag(name)) => {
            format!("`</{}>` ends nothing", shown(name))
        }
        Error::IllFormed(IllFormedError::DoubleHyphenInComment) => String::from("`--` stands in a comment"),
        Error::IllFormed(IllFormedError::UnclosedReference) => String::from("`&` starts no reference"),
        Error::Syntax(error) => error.to_string(),
        _ => String::from("it is not well-formed"),
    }
}
