//! `anyOf`, `oneOf`, `not`, `if`: schemas beside each other.

use super::Direction;
use super::json::{Comparison, may_split};
use super::view::{Place, parts, refers, types};
use serde_json::Value;

impl Comparison {
    /// `anyOf`, `oneOf`, and what can only be compared as a whole.
    pub(super) fn combinations<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        for keyword in ["$dynamicRef", "$recursiveRef"] {
            if reader.get(keyword).is_some() {
                self.undecided(writer, reader, keyword);
            }
        }
        self.not(writer, reader);
        self.conditions(writer, reader);
        for keyword in ["anyOf", "oneOf"] {
            if reader.get(keyword).is_none() {
                continue;
            }
            // Each alternative of the writer is tried by itself: all together can hardly fit a single one.
            let split = may_split(writer);
            let near = if split { Vec::new() } else { near(writer, reader.list(keyword)) };
            let fits = !split && self.one_covers(writer, &near);
            let exclusive = !fits || keyword == "anyOf" || near.len() < 2 || self.stays_exclusive(writer, reader);
            if !fits {
                // The alternatives of the writer are tried one by one afterwards.
                let detail =
                    format!("no schema of `{keyword}` of {} takes all that may stand here", self.direction.reader());
                match (self.direction, writer.last()) {
                    // The alternative at hand, where it is one.
                    (Direction::Forward, Some(last)) => {
                        let change = self.direction.of_both(&last.pointer, "", detail);
                        self.found.push(change);
                    }
                    _ => self.change(writer, reader, keyword, detail),
                }
            } else if !exclusive {
                self.undecided(writer, reader, keyword);
            }
        }
    }

    /// What is forbidden must have been forbidden, or nothing of it was possible.
    fn not<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        let Some(forbidden) = reader.below(&["not"]) else { return };
        let before: Vec<Place<'s>> = writer.iter().filter_map(|place| place.below(&["not"])).collect();
        let was_forbidden = before.iter().any(|before| self.attempt(std::slice::from_ref(&forbidden), before));
        if !was_forbidden && !parts(&forbidden).is_some_and(|forbidden| are_apart(writer, &forbidden)) {
            self.undecided(writer, reader, "not");
        }
    }

    /// `then` and `else`, under the same condition or under none.
    fn conditions<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) {
        let Some(condition) = reader.below(&["if"]) else { return };
        let same =
            |place: &&Place<'s>| place.get("if").is_some_and(|other| other == condition.schema && !refers(other));
        let under_same = writer.iter().find(same);
        for keyword in ["then", "else"] {
            let Some(asked) = reader.below(&[keyword]) else { continue };
            let mut written = writer.to_vec();
            written.extend(under_same.and_then(|place| place.below(&[keyword])));
            if keyword == "then" {
                written.push(condition.clone());
            }
            if under_same.is_some() {
                self.covers(&written, &asked);
            } else if !self.attempt(&written, &asked) {
                self.undecided(writer, reader, "if");
            }
        }
    }

    fn one_covers<'s>(&mut self, writer: &[Place<'s>], branches: &[Place<'s>]) -> bool {
        // The same alternative as before is likely to be the one.
        let same = |branch: &&Place<'s>| writer.iter().any(|place| place.schema == branch.schema);
        let (likely, others): (Vec<_>, Vec<_>) = branches.iter().partition(same);
        likely.into_iter().chain(others).any(|branch| self.attempt(writer, branch))
    }

    pub(super) fn attempt<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) -> bool {
        let before = std::mem::take(&mut self.found);
        let mark = self.seen.mark();
        self.attempts += 1;
        self.covers(writer, reader);
        self.attempts -= 1;
        let fits = std::mem::replace(&mut self.found, before).is_empty();
        // What was found to fit stays so: it rests only on pairs around it, and goes when they do.
        if !fits {
            self.seen.back_to(mark);
        }
        fits
    }

    /// Of `oneOf` exactly one may fit: sure when no two can fit the same value, or when the writer asks the same.
    fn stays_exclusive<'s>(&mut self, writer: &[Place<'s>], reader: &Place<'s>) -> bool {
        let branches = reader.list("oneOf");
        let apart = |a: &Place<'s>, b: &Place<'s>| match (parts(a), parts(b)) {
            (Some(a), Some(b)) => are_apart(&a, &b),
            _ => false,
        };
        let disjoint =
            branches.iter().enumerate().all(|(index, a)| branches.iter().skip(index + 1).all(|b| apart(a, b)));
        disjoint
            || writer.iter().any(|place| {
                let others = place.list("oneOf");
                others.len() == branches.len()
                    && others.iter().zip(&branches).all(|(other, branch)| {
                        self.attempt(std::slice::from_ref(other), branch)
                            && self.attempt(std::slice::from_ref(branch), other)
                    })
            })
    }
}

/// The schemas that a value of the writer may fit; the others need no look.
fn near<'s>(writer: &[Place<'s>], branches: Vec<Place<'s>>) -> Vec<Place<'s>> {
    let Some(writer) = writer.iter().map(parts).collect::<Option<Vec<_>>>().map(|all| all.concat()) else {
        return branches;
    };
    let may_fit = |branch: &Place<'s>| parts(branch).is_none_or(|branch| !are_apart(&writer, &branch));
    branches.into_iter().filter(may_fit).collect()
}

/// Can no value fit both: no kind in common, or a required member with different constants?
fn are_apart(a: &[Place<'_>], b: &[Place<'_>]) -> bool {
    let kinds = types(b);
    if !types(a).iter().any(|kind| kinds.contains(kind)) {
        return true;
    }
    let requires = |places: &[Place<'_>], name: &str| {
        places.iter().any(|place| {
            let required = place.get("required").and_then(Value::as_array);
            required.is_some_and(|names| names.iter().any(|known| known == name))
        })
    };
    let only_objects = types(a) == ["object"] || kinds == ["object"];
    only_objects
        && a.iter().any(|place| {
            let properties = place.get("properties").and_then(Value::as_object);
            properties.into_iter().flatten().any(|(name, _)| {
                let others = b.iter().find_map(|other| constants(other, name));
                let (Some(own), Some(others)) = (constants(place, name), others) else { return false };
                let differ = own.iter().all(|(value, _)| others.iter().all(|(other, _)| other != value));
                differ && requires(a, name) && requires(b, name)
            })
        })
}

/// The only values a member may have.
fn constants<'s>(place: &Place<'s>, name: &str) -> Option<Vec<(&'s Value, String)>> {
    let property = place.below(&["properties", name])?;
    super::values::finite(&[property])
}
