//! `identity: derive`: what leaves is another event, made by this gateway of the one it accepted (specs.md §1, "Identity when
//! transforming").
//!
//! The new `id` is made of what the accepted event was stored as and of where it goes, so that every attempt and every
//! replay of one delivery sends the same one, and two entries never do. The message id of a delivery (`Nats-Msg-Id`) does not
//! come from here: it names the delivery, whatever the event in it is called.

use super::{Error, Step};
use crate::cloudevents::attributes::Draft;
use crate::cloudevents::{Event, Kind};
use bytestring::ByteString;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

/// What stands in a URN as it is.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `identity` of a route.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Identity {
    /// The event keeps what it is called.
    #[default]
    Keep,
    /// It gets an `id` of its own and, unless a step wrote one, a `source`.
    Derive {
        /// `urn:signalbox:<route>`; `None` when a step writes `source`.
        source: Option<ByteString>,
    },
}

/// What an identity is derived from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Where the log holds the accepted event; `None` where there is no log.
    pub position: Option<u64>,
    /// The route.
    pub route: &'a str,
    /// The deliver entry.
    pub entry: &'a str,
}

impl Identity {
    /// The identity of events a route derives with these steps.
    pub fn derive(route: &str, steps: &[Step]) -> Identity {
        let writes = |name: &ByteString| name == "source";
        let written = steps.iter().any(|step| match step {
            Step::Set(values) => values.iter().any(|(name, _)| writes(name)),
            Step::Rename(names) => names.iter().any(|(_, new)| writes(new)),
            Step::Remove(_) | Step::Jq(_) | Step::Convert(_) => false,
        });
        let source = format!("urn:signalbox:{}", utf8_percent_encode(route, KEPT));
        Identity::Derive { source: (!written).then(|| source.into()) }
    }

    /// Gives `changed`, which the steps made of `accepted`, its identity.
    pub fn apply(&self, changed: Event, accepted: &Event, origin: Origin<'_>) -> Result<Event, Error> {
        let Identity::Derive { source } = self else { return Ok(changed) };
        let mut draft = Draft::edit(&changed, usize::MAX);
        let text = |draft: &mut Draft, name: &'static str, text: ByteString| {
            draft.set(name, Kind::String, &text);
        };
        text(&mut draft, "id", derived_id(accepted, origin).into());
        if let Some(source) = source {
            text(&mut draft, "source", source.clone());
        }
        text(&mut draft, "causationid", accepted.id.clone());
        if changed.value("correlationid").is_none() {
            text(&mut draft, "correlationid", accepted.id.clone());
        }
        // What the steps made is valid, and so is what was added.
        draft.finish(changed.data).map_err(|fault| Error::Invalid { step: 0, detail: fault.detail })
    }
}

fn derived_id(accepted: &Event, origin: Origin<'_>) -> String {
    let mut hasher = SipHasher13::new();
    hasher.write_u64(origin.position.unwrap_or_default());
    for part in [&accepted.source, &accepted.id, origin.route, origin.entry] {
        hasher.write_u64(part.len() as u64);
        hasher.write(part.as_bytes());
    }
    format!("{:032x}", hasher.finish128().as_u128())
}

#[cfg(test)]
mod tests {
    use super::{Identity, Origin};
    use crate::cloudevents::{Attribute, Data, Event};
    use crate::transform::template::Template;
    use crate::transform::{SetValue, Step};

    fn event(attributes: &[(&str, &str)]) -> Event {
        let attributes = attributes.iter().map(|(name, text)| Attribute::string(name, text)).collect();
        Event { id: "7".into(), source: "/shop".into(), ty: "t".into(), attributes, data: Data::Absent }
    }

    fn origin(position: Option<u64>, entry: &str) -> Origin<'_> {
        Origin { position, route: "orders", entry }
    }

    #[test]
    fn equal_for_all_attempts_and_different_for_all_entries() {
        let accepted = event(&[]);
        let identity = Identity::derive("orders", &[]);
        let id = |origin| identity.apply(accepted.clone(), &accepted, origin).unwrap().id;
        assert_eq!(id(origin(Some(1), "a")), id(origin(Some(1), "a")));
        let ids = [origin(Some(1), "a"), origin(Some(1), "b"), origin(Some(2), "a"), origin(None, "a")].map(id);
        assert!(ids.iter().enumerate().all(|(at, id)| !ids[..at].contains(id)), "{ids:?}");
    }

    #[test]
    fn the_accepted_event_is_the_cause() {
        let accepted = event(&[("causationid", "older"), ("correlationid", "flow")]);
        let derived = Identity::derive("EU orders", &[]).apply(accepted.clone(), &accepted, origin(None, "a")).unwrap();
        assert_eq!(&*derived.source, "urn:signalbox:EU%20orders");
        assert_eq!((derived.attribute("causationid"), derived.attribute("correlationid")), (Some("7"), Some("flow")));
        let plain = event(&[]);
        let derived = Identity::derive("r", &[]).apply(plain.clone(), &plain, origin(None, "a")).unwrap();
        assert_eq!((derived.attribute("causationid"), derived.attribute("correlationid")), (Some("7"), Some("7")));
    }

    #[test]
    fn a_source_that_a_step_wrote_stays() {
        let accepted = event(&[("other", "/x")]);
        let template = SetValue::Template(Template::parse("/mine").unwrap());
        for step in
            [Step::Set(vec![("source".into(), template)]), Step::Rename(vec![("other".into(), "source".into())])]
        {
            let identity = Identity::derive("r", std::slice::from_ref(&step));
            let changed = super::super::apply(&[step], &accepted).unwrap();
            let source = changed.source.clone();
            let derived = identity.apply(changed, &accepted, origin(Some(1), "a")).unwrap();
            assert_eq!(derived.source, source);
            assert_ne!(derived.id, accepted.id);
        }
        assert_eq!(Identity::Keep.apply(accepted.clone(), &accepted, origin(Some(1), "a")).unwrap(), accepted);
    }
}
