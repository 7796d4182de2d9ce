//! `filter=`: a CloudEvents SQL expression over the events of the log (routing.md §2).
//!
//! No index helps an expression, so that a page could read the whole log to find one event. A page therefore looks at so
//! many events at most, and goes on with the next one.

use super::answer::Refusal;
use super::query;
use crate::cloudevents::Event;
use crate::route::cesql::Expression;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Events one page looks at: a fraction of a second of reading.
const EXAMINED: usize = 20_000;

/// What is looked for, and how much was looked at.
#[derive(Debug, Clone)]
pub struct Sieve {
    expression: Option<Expression>,
    examined: Arc<AtomicUsize>,
}

impl Sieve {
    /// Compiles the text of the parameter; `None` lets everything through.
    pub fn new(text: Option<&str>) -> Result<Sieve, Refusal> {
        let compiled = text.map(|text| Expression::compile(text).map_err(|error| (text, error))).transpose();
        let expression = compiled.map_err(|(text, error)| {
            let (line, column) = error.position(text);
            let hint = error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
            let place = format!("line {line}, column {column}, offset {}: `{}`", error.offset, error.excerpt(text));
            query::bad(format!("`filter` is no CloudEvents SQL expression: {error} ({place}){hint}"))
        })?;
        Ok(Sieve { expression, examined: Arc::default() })
    }

    /// Does an event fit?
    pub fn fits(&self, event: &Event) -> bool {
        self.expression.as_ref().is_none_or(|expression| expression.matches(event))
    }

    /// For the search: does an event fit, or was enough looked at? What comes then is handed out as it is, and where it
    /// stops the next page begins.
    pub fn takes(&self, event: &Event) -> bool {
        match &self.expression {
            None => true,
            Some(expression) => self.examined.fetch_add(1, Ordering::Relaxed) >= EXAMINED || expression.matches(event),
        }
    }

    /// Was enough looked at for this page?
    pub fn is_done(&self) -> bool {
        self.examined.load(Ordering::Relaxed) > EXAMINED
    }
}

#[cfg(test)]
mod tests {
    use super::{EXAMINED, Sieve};
    use crate::cloudevents::{Attributes, Data, Event};

    #[test]
    fn a_bad_expression_is_told_with_its_place() {
        let refusal = Sieve::new(Some("type == 'a'")).unwrap_err();
        let told = "`filter` is no CloudEvents SQL expression: `==` is no operator \
                    (line 1, column 6, offset 5: `type == 'a'`); did you mean `=`?";
        assert_eq!(refusal.detail, told);
    }

    #[test]
    fn a_page_looks_at_so_many_events_and_no_more() {
        let sieve = Sieve::new(Some("type = 'nothing is called that'")).unwrap();
        let event = Event {
            id: "1".into(),
            source: "/a".into(),
            ty: "t".into(),
            attributes: Attributes::default(),
            data: Data::Absent,
        };
        assert!((0..EXAMINED).all(|_| !sieve.takes(&event)) && !sieve.is_done());
        assert!(sieve.takes(&event) && sieve.is_done() && !sieve.fits(&event));
        let everything = Sieve::new(None).unwrap();
        assert!(everything.takes(&event) && everything.fits(&event) && !everything.is_done());
    }
}
