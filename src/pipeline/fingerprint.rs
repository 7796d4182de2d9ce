//! Who an event is for the duplicate window: 128-bit keyed hashes.

use crate::cloudevents::Event;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::collections::HashMap;
use std::hash::Hasher;

/// Makes fingerprints with the key of one data directory, so that nobody outside can construct two events that collide.
#[derive(Debug, Clone, Copy)]
pub struct Fingerprints {
    key: [u8; 16],
}

impl Fingerprints {
    /// With a key that must stay the same over restarts.
    pub fn new(key: [u8; 16]) -> Fingerprints {
        Fingerprints { key }
    }

    /// An authenticated producer's event is known by producer, source and id; an anonymous caller's by its whole content
    /// too, trace attributes aside, so that nobody can suppress another's event by using its id first.
    /// Attributes count as canonical strings and times as instants, in any order (formats.md §1).
    pub fn of(&self, producer: Option<&str>, event: &Event) -> u128 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        part(&mut hasher, event.source.as_bytes());
        part(&mut hasher, event.id.as_bytes());
        hasher.write_u8(u8::from(producer.is_some()));
        if let Some(producer) = producer {
            part(&mut hasher, producer.as_bytes());
        } else {
            self.content(&mut hasher, event);
        }
        hasher.finish128().as_u128()
    }

    fn content(&self, hasher: &mut SipHasher13, event: &Event) {
        part(hasher, event.ty.as_bytes());
        // A sum does not depend on the order of the attributes.
        let mut sum = 0u128;
        for attribute in &event.attributes {
            if !matches!(attribute.name, "traceparent" | "tracestate") {
                sum = sum.wrapping_add(self.pair(attribute.name, &attribute.value.canonical()));
            }
        }
        // JSON data without a media type is what another mode sends as application/json, and so on.
        for (name, text) in event.implied() {
            sum = sum.wrapping_add(self.pair(name, &text));
        }
        hasher.write_u128(sum);
        match event.data.bytes() {
            Some(data) => part(hasher, &data),
            None => hasher.write_u64(u64::MAX),
        }
    }

    fn pair(&self, name: &str, text: &str) -> u128 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        part(&mut hasher, name.as_bytes());
        part(&mut hasher, text.as_bytes());
        hasher.finish128().as_u128()
    }
}

/// Every part is preceded by its length, so that `a`+`bc` and `ab`+`c` differ.
fn part(hasher: &mut SipHasher13, bytes: &[u8]) {
    hasher.write_u64(bytes.len() as u64);
    hasher.write(bytes);
}

/// Equal events inside one batch are all kept: the second of them has a fingerprint of its own, which is the same again
/// when the batch is sent again.
#[derive(Debug, Default)]
pub struct Occurrences {
    seen: HashMap<u128, u128>,
}

impl Occurrences {
    /// The fingerprint of this occurrence.
    pub fn distinguish(&mut self, fingerprint: u128) -> u128 {
        let count = self.seen.entry(fingerprint).and_modify(|count| *count += 1).or_insert(0);
        fingerprint.wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }
}
