//! An Avro schema with its names resolved: types in a list, referring to each other by their place in it.

use std::collections::HashMap;

/// A place in the list of types.
pub type TypeId = usize;

/// One type of a schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Type {
    /// What it is.
    pub kind: Kind,
    /// JSON Pointer to its declaration in the document.
    pub pointer: String,
}

/// What a type is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `boolean`.
    Boolean,
    /// `int`, perhaps a date or time.
    Int(Option<Time>),
    /// `long`, perhaps a time.
    Long(Option<Time>),
    /// `float`.
    Float,
    /// `double`.
    Double,
    /// `bytes`, perhaps a decimal.
    Bytes(Option<Decimal>),
    /// `string`; does the logical type ask for a UUID?
    String {
        /// `logicalType: uuid`.
        uuid: bool,
    },
    /// `fixed`.
    Fixed(Fixed),
    /// `enum`.
    Enum(Enum),
    /// `array` of a type.
    Array(TypeId),
    /// `map` of names to a type.
    Map(TypeId),
    /// One of several types.
    Union(Vec<TypeId>),
    /// `record`.
    Record(Record),
}

/// What an `int` or `long` counts (Avro 1.12, "Logical Types").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// Days since 1970.
    Date,
    /// Units since midnight.
    OfDay(Unit),
    /// Units since 1970 in UTC.
    Instant(Unit),
    /// Units since 1970 of no place.
    Local(Unit),
}

/// A part of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// 10⁻³.
    Millis,
    /// 10⁻⁶.
    Micros,
    /// 10⁻⁹.
    Nanos,
}

impl Unit {
    /// Digits behind the dot.
    pub fn digits(self) -> usize {
        match self {
            Unit::Millis => 3,
            Unit::Micros => 6,
            Unit::Nanos => 9,
        }
    }

    /// How many make a second.
    pub fn per_second(self) -> i64 {
        match self {
            Unit::Millis => 1_000,
            Unit::Micros => 1_000_000,
            Unit::Nanos => 1_000_000_000,
        }
    }
}

/// Digits of a decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// All of them.
    pub precision: usize,
    /// Those behind the dot.
    pub scale: usize,
}

/// The names of a record, enum or fixed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// With its namespace.
    pub full: String,
    /// Other full names it was known by.
    pub aliases: Vec<String>,
}

impl Name {
    /// Without the namespace.
    pub fn short(&self) -> &str {
        self.full.rsplit('.').next().unwrap_or_default()
    }
}

/// A number of bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Fixed {
    /// Its names.
    pub name: Name,
    /// How many bytes.
    pub size: usize,
    /// What they mean.
    pub meaning: Meaning,
}

/// What the bytes of a fixed mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing in particular.
    Bytes,
    /// A decimal.
    Decimal(Decimal),
    /// The 16 bytes of a UUID.
    Uuid,
}

/// One of several symbols.
#[derive(Debug, Clone, PartialEq)]
pub struct Enum {
    /// Its names.
    pub name: Name,
    /// The symbols in order.
    pub symbols: Vec<String>,
    /// What a reader takes a symbol for that it does not know.
    pub default: Option<String>,
}

/// Named fields in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its names.
    pub name: Name,
    /// The fields.
    pub fields: Vec<Field>,
    /// Places of the fields by name.
    pub by_name: HashMap<String, usize>,
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Other names it was known by.
    pub aliases: Vec<String>,
    /// Its type.
    pub ty: TypeId,
    /// JSON Pointer to its declaration.
    pub pointer: String,
    /// What stands for it where it is missing.
    pub default: Option<Default>,
}

/// The default of a field.
#[derive(Debug, Clone, PartialEq)]
pub struct Default {
    /// As the schema writes it, JSON.
    pub text: String,
    /// The same as a datum.
    pub datum: Vec<u8>,
}

impl Kind {
    /// How messages call it.
    pub fn words(&self) -> String {
        match self {
            Kind::Null => "null".to_owned(),
            Kind::Boolean => "true or false".to_owned(),
            Kind::Int(None) => "a whole number of 32 bits".to_owned(),
            Kind::Long(None) => "a whole number of 64 bits".to_owned(),
            Kind::Int(Some(time)) | Kind::Long(Some(time)) => time.words(),
            Kind::Float => "a number of single precision".to_owned(),
            Kind::Double => "a number".to_owned(),
            Kind::Bytes(None) => "bytes in base64".to_owned(),
            Kind::Bytes(Some(decimal)) => decimal.words(),
            Kind::String { uuid: false } => "text".to_owned(),
            Kind::String { uuid: true } => "a UUID".to_owned(),
            Kind::Fixed(Fixed { size, meaning, .. }) => match meaning {
                Meaning::Bytes => format!("{size} bytes in base64"),
                Meaning::Decimal(decimal) => decimal.words(),
                Meaning::Uuid => "a UUID".to_owned(),
            },
            Kind::Enum(of) => format!("a symbol of `{}`", of.name.full),
            Kind::Array(_) => "an array".to_owned(),
            Kind::Map(_) => "an object".to_owned(),
            Kind::Union(_) => "one of several types".to_owned(),
            Kind::Record(record) => format!("an object (`{}`)", record.name.full),
        }
    }
}

impl Time {
    fn words(self) -> String {
        match self {
            Time::Date => "a date such as 2024-05-01, or its number of days".to_owned(),
            Time::OfDay(_) => "a time such as 10:15:30.250, or its number".to_owned(),
            Time::Instant(_) => "a date-time such as 2024-05-01T10:15:30Z, or its number".to_owned(),
            Time::Local(_) => "a date-time without offset such as 2024-05-01T10:15:30, or its number".to_owned(),
        }
    }
}

impl Decimal {
    fn words(self) -> String {
        let Decimal { precision, scale } = self;
        format!("a decimal as text, with at most {precision} digits, {scale} of them behind the dot")
    }
}
