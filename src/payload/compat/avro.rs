//! Can one Avro schema read what another wrote (Avro 1.12, "Schema Resolution")?

use super::seen::Seen;
use super::{Change, Direction};
use crate::payload::avro::Avro;
use crate::payload::avro::parse::tag;
use crate::payload::avro::schema::{Enum, Field, Kind, Meaning, Name, Record, Type, TypeId};
use std::collections::HashSet;

/// Pairs of types that are looked at. Unions can multiply them.
const LOOKED_AT: usize = 200_000;

/// Pairs that may stand around each other: the stack ends.
const DEEPEST: usize = 500;

/// Everything the reader does not read.
pub fn changes(writer: &Avro, reader: &Avro, direction: Direction) -> Vec<Change> {
    let mut comparison = Comparison {
        writer: &writer.types,
        reader: &reader.types,
        direction,
        open: Seen::new(),
        failed: HashSet::new(),
        attempts: 0,
        left: LOOKED_AT,
        depth: 0,
        found: Vec::new(),
    };
    comparison.types(writer.root, reader.root);
    if comparison.left == 0 {
        let detail = "the schemas are too large to be compared: it cannot be decided".to_owned();
        comparison.found.push(direction.of_both("", "", detail));
    }
    comparison.found
}

struct Comparison<'s> {
    writer: &'s [Type],
    reader: &'s [Type],
    direction: Direction,
    /// Pairs around the one at hand, or done: a type inside of itself is as good as the whole.
    open: Seen<(TypeId, TypeId)>,
    /// Pairs that failed in an attempt: what was taken for granted meanwhile could only help.
    failed: HashSet<(TypeId, TypeId)>,
    attempts: usize,
    left: usize,
    /// Pairs around the one at hand.
    depth: usize,
    found: Vec<Change>,
}

impl<'s> Comparison<'s> {
    fn types(&mut self, w: TypeId, r: TypeId) {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 || !self.open.insert((w, r)) {
            return;
        }
        let before = self.found.len();
        if self.attempts > 0 && self.failed.contains(&(w, r)) {
            let (writer, reader) = (self.writer, self.reader);
            return self.both(&writer[w].pointer, &reader[r].pointer, String::new());
        }
        self.depth += 1;
        if self.depth > DEEPEST {
            self.left = 0;
        } else {
            self.kinds(w, r);
        }
        self.depth -= 1;
        if self.attempts > 0 && self.left > 0 && self.found.len() > before {
            self.failed.insert((w, r));
        }
    }

    fn kinds(&mut self, w: TypeId, r: TypeId) {
        let (writer, reader): (&'s [Type], &'s [Type]) = (self.writer, self.reader);
        match (&writer[w].kind, &reader[r].kind) {
            (Kind::Union(branches), _) => branches.iter().for_each(|branch| self.branch(*branch, r, true)),
            (_, Kind::Union(_)) => self.branch(w, r, false),
            (Kind::Array(w), Kind::Array(r)) | (Kind::Map(w), Kind::Map(r)) => self.types(*w, *r),
            (Kind::Record(of), Kind::Record(by)) => {
                if self.names(&of.name, &by.name, w, r) {
                    self.records(of, by);
                }
            }
            (Kind::Enum(of), Kind::Enum(by)) => {
                if self.names(&of.name, &by.name, w, r) {
                    self.symbols(of, by, w);
                }
            }
            (Kind::Fixed(of), Kind::Fixed(by)) => {
                if self.names(&of.name, &by.name, w, r) && of.size != by.size {
                    let (old, new) = self.old_new(of.size, by.size);
                    let detail = format!("the size was {old} bytes and is {new}");
                    self.both(&format!("{}/size", writer[w].pointer), &format!("{}/size", reader[r].pointer), detail);
                } else if of.size == by.size {
                    self.meanings(of.meaning, by.meaning, w, r);
                }
            }
            (of, by) if promotes(of, by) => self.logical(of, by, w, r),
            (of, by) => {
                let detail = format!(
                    "{} has `{}` here, which {} does not read as `{}`",
                    self.direction.writer(),
                    tag(of),
                    self.direction.reader(),
                    tag(by)
                );
                self.both(&writer[w].pointer, &reader[r].pointer, detail);
            }
        }
    }

    /// One type of the writer, perhaps a branch of a union, against a reader that may be one: one branch must read it.
    fn branch(&mut self, w: TypeId, r: TypeId, of_union: bool) {
        let (writer, reader) = (self.writer, self.reader);
        let branches = match &reader[r].kind {
            Kind::Union(branches) => &branches[..],
            _ => &[r],
        };
        // The branch of the same type is likely to be the one.
        let same = |branch: &&TypeId| tag(&writer[w].kind) == tag(&reader[**branch].kind);
        let (same, others): (Vec<&TypeId>, Vec<&TypeId>) = branches.iter().partition(same);
        if same.iter().chain(&others).any(|branch| self.attempt(w, **branch)) {
            return;
        }
        let Some(same) = same.first() else {
            let detail = format!(
                "{} has `{}` here, which {} does not read",
                self.direction.writer(),
                tag(&writer[w].kind),
                self.direction.reader()
            );
            let change = if of_union {
                self.direction.of_writer(&writer[w].pointer, detail)
            } else {
                self.direction.of_both(&writer[w].pointer, &reader[r].pointer, detail)
            };
            return self.found.push(change);
        };
        // Once more, to tell what is wrong with it.
        self.types(w, **same);
    }

    fn attempt(&mut self, w: TypeId, r: TypeId) -> bool {
        let before = std::mem::take(&mut self.found);
        let mark = self.open.mark();
        self.attempts += 1;
        self.types(w, r);
        self.attempts -= 1;
        let fits = std::mem::replace(&mut self.found, before).is_empty();
        // What was found to fit stays so: it rests only on pairs around it, and goes when they do.
        if !fits {
            self.open.back_to(mark);
        }
        fits
    }

    fn records(&mut self, writer: &'s Record, reader: &'s Record) {
        for field in &reader.fields {
            let written = of_field(writer, field);
            match written {
                Some(written) => self.types(written.ty, field.ty),
                None if field.default.is_some() => {}
                None => {
                    let detail = format!(
                        "the field `{}` has no default, and {} does not write it",
                        field.name,
                        self.direction.writer()
                    );
                    let change = self.direction.of_reader(&field.pointer, detail);
                    self.found.push(change);
                }
            }
        }
    }

    fn symbols(&mut self, writer: &Enum, reader: &Enum, w: TypeId) {
        if reader.default.is_some() {
            return;
        }
        for (index, symbol) in writer.symbols.iter().enumerate() {
            if !reader.symbols.contains(symbol) {
                let pointer = format!("{}/symbols/{index}", self.writer[w].pointer);
                let detail =
                    format!("{} does not know the symbol `{symbol}`, and has no default", self.direction.reader());
                let change = self.direction.of_writer(&pointer, detail);
                self.found.push(change);
            }
        }
    }

    /// Named types must have the same name without namespace, or the reader an alias for it.
    fn names(&mut self, writer: &Name, reader: &Name, w: TypeId, r: TypeId) -> bool {
        let alias = |alias: &String| alias.rsplit('.').next() == Some(writer.short());
        if writer.short() == reader.short() || reader.aliases.iter().any(alias) {
            return true;
        }
        let detail = format!(
            "`{}` and `{}` are different names, and {} has no alias for the other",
            writer.full,
            reader.full,
            self.direction.reader()
        );
        let (w, r) = (format!("{}/name", self.writer[w].pointer), format!("{}/name", self.reader[r].pointer));
        self.both(&w, &r, detail);
        false
    }

    /// Numbers that count something else are read without an error, and wrong.
    fn logical(&mut self, writer: &Kind, reader: &Kind, w: TypeId, r: TypeId) {
        match (writer, reader) {
            (Kind::Int(Some(of)) | Kind::Long(Some(of)), Kind::Int(Some(by)) | Kind::Long(Some(by))) if of != by => {
                self.meaning_changed(w, r, "the number counts something else: the logical type has changed");
            }
            (Kind::Bytes(Some(of)), Kind::Bytes(Some(by))) => {
                self.meanings(Meaning::Decimal(*of), Meaning::Decimal(*by), w, r);
            }
            _ => {}
        }
    }

    fn meanings(&mut self, writer: Meaning, reader: Meaning, w: TypeId, r: TypeId) {
        if let (Meaning::Decimal(of), Meaning::Decimal(by)) = (writer, reader)
            && of != by
        {
            self.meaning_changed(w, r, "decimals must keep their precision and scale");
        }
    }

    fn meaning_changed(&mut self, w: TypeId, r: TypeId, detail: &str) {
        let (w, r) = (self.writer[w].pointer.clone(), self.reader[r].pointer.clone());
        self.both(&w, &r, detail.to_owned());
    }

    fn both(&mut self, writer: &str, reader: &str, detail: String) {
        let change = self.direction.of_both(writer, reader, detail);
        self.found.push(change);
    }

    fn old_new<T>(&self, writer: T, reader: T) -> (T, T) {
        match self.direction {
            Direction::Backward => (writer, reader),
            Direction::Forward => (reader, writer),
        }
    }
}

/// The field of the writer that a field of the reader means: by its name, else by one of its aliases.
fn of_field<'s>(writer: &'s Record, field: &Field) -> Option<&'s Field> {
    let named = |name: &String| writer.by_name.get(name).and_then(|index| writer.fields.get(*index));
    named(&field.name).or_else(|| field.aliases.iter().find_map(named))
}

/// Simple types that are read as others.
fn promotes(writer: &Kind, reader: &Kind) -> bool {
    matches!(
        (writer, reader),
        (Kind::Null, Kind::Null)
            | (Kind::Boolean, Kind::Boolean)
            | (Kind::Int(_), Kind::Int(_) | Kind::Long(_) | Kind::Float | Kind::Double)
            | (Kind::Long(_), Kind::Long(_) | Kind::Float | Kind::Double)
            | (Kind::Float, Kind::Float | Kind::Double)
            | (Kind::Double, Kind::Double)
            | (Kind::Bytes(_) | Kind::String { .. }, Kind::Bytes(_) | Kind::String { .. })
    )
}
