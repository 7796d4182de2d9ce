//! The wire format of Protobuf: fields one after the other, and whether bytes are a message. Nothing is built.

use crate::varint;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, Syntax};

/// Messages that may stand inside each other: what readers of Protobuf take by default.
pub const NESTING: usize = 100;

/// Why bytes are no message.
pub type Fault = &'static str;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Content<'d> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64(u64),
    /// Wire type 2.
    Bytes(&'d [u8]),
    /// Wire types 3 and 4: what stands between them.
    Group(&'d [u8]),
    /// Wire type 5.
    Fixed32(u32),
}

/// Fields not read yet.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'d> {
    /// The bytes that are left.
    pub rest: &'d [u8],
}

impl<'d> Fields<'d> {
    /// The next field's number and content; `None` at the end.
    pub fn next(&mut self) -> Result<Option<(u32, Content<'d>)>, Fault> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.field(0)
    }

    fn field(&mut self, depth: usize) -> Result<Option<(u32, Content<'d>)>, Fault> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).ok().filter(|number| (1..1 << 29).contains(number));
        let number = number.ok_or("there is no such field number")?;
        let content = match key & 7 {
            0 => Content::Varint(self.varint()?),
            1 => Content::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| "a length is too large")?;
                Content::Bytes(self.take(length)?)
            }
            3 => Content::Group(self.group(number, depth + 1)?),
            4 => return Err("a group ends that did not begin"),
            5 => Content::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err("there is no such wire type"),
        };
        Ok(Some((number, content)))
    }

    /// Steps behind the end of a group; gives what is in it.
    fn group(&mut self, number: u32, depth: usize) -> Result<&'d [u8], Fault> {
        if depth > NESTING {
            return Err("the nesting is too deep");
        }
        let inside = self.rest;
        loop {
            let here = inside.len() - self.rest.len();
            let mut ahead = *self;
            let key = ahead.varint()?;
            if key & 7 == 4 {
                *self = ahead;
                let matches = key >> 3 == u64::from(number);
                return if matches { Ok(&inside[..here]) } else { Err("a group ends that did not begin") };
            }
            self.field(depth)?;
        }
    }

    /// A varint; packed fields are nothing else.
    pub fn varint(&mut self) -> Result<u64, Fault> {
        let (number, rest) = varint::read(self.rest).map_err(|fault| match fault {
            varint::Fault::Short => "the data ends too early",
            varint::Fault::Long => "a varint has more than 64 bits",
        })?;
        self.rest = rest;
        Ok(number)
    }

    /// A number of bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        self.take(N)?.try_into().map_err(|_| "the data ends too early")
    }

    fn take(&mut self, length: usize) -> Result<&'d [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or("the data ends too early")?;
        self.rest = rest;
        Ok(taken)
    }
}

/// Are the bytes a message? Unknown fields pass.
pub fn check(message: &MessageDescriptor, bytes: &[u8], depth: usize) -> Result<(), Fault> {
    if depth > NESTING {
        return Err("the nesting is too deep");
    }
    let mut missing: Vec<u32> = match message.parent_file().syntax() {
        Syntax::Proto2 => message.fields().filter(FieldDescriptor::is_required).map(|field| field.number()).collect(),
        Syntax::Proto3 => Vec::new(),
    };
    let mut fields = Fields { rest: bytes };
    while let Some((number, content)) = fields.next()? {
        missing.retain(|required| *required != number);
        if let Some(field) = message.get_field(number) {
            check_field(&field, content, depth)?;
        }
    }
    if missing.is_empty() { Ok(()) } else { Err("a required field is missing") }
}

fn check_field(field: &FieldDescriptor, content: Content<'_>, depth: usize) -> Result<(), Fault> {
    const OTHER: Fault = "a field has another wire type than its schema says";
    let kind = field.kind();
    match (&kind, content) {
        (Kind::Message(inner), Content::Bytes(bytes)) if !field.is_group() => check(inner, bytes, depth + 1),
        (Kind::Message(inner), Content::Group(bytes)) if field.is_group() => check(inner, bytes, depth + 1),
        (Kind::String, Content::Bytes(bytes)) => str::from_utf8(bytes).map(drop).map_err(|_| "a string is not UTF-8"),
        (Kind::Bytes, Content::Bytes(_)) => Ok(()),
        (Kind::Message(_) | Kind::String | Kind::Bytes, _) => Err(OTHER),
        (kind, Content::Bytes(bytes)) if field.is_list() => {
            let mut packed = Fields { rest: bytes };
            while !packed.rest.is_empty() {
                next_packed(kind, &mut packed)?;
            }
            Ok(())
        }
        (kind, content) => {
            let fits = matches!(
                (width(kind), content),
                (0, Content::Varint(_)) | (8, Content::Fixed64(_)) | (4, Content::Fixed32(_))
            );
            if fits { Ok(()) } else { Err(OTHER) }
        }
    }
}

/// The next number of a packed field.
pub fn next_packed<'d>(kind: &Kind, packed: &mut Fields<'_>) -> Result<Content<'d>, Fault> {
    match width(kind) {
        8 => packed.array().map(u64::from_le_bytes).map(Content::Fixed64),
        4 => packed.array().map(u32::from_le_bytes).map(Content::Fixed32),
        _ => packed.varint().map(Content::Varint),
    }
}

/// Bytes of a number on the wire; 0: a varint.
fn width(kind: &Kind) -> usize {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => 8,
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => 4,
        _ => 0,
    }
}
