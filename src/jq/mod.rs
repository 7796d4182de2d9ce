//! jq on the data of events (routing.md §3): programs that always end, with `$event` for the attributes.
//!
//! A [`Program`] is compiled once, when a route file is loaded; what need not end is refused there ([`check`]). It runs on a
//! [`Source`], which parses the data of an event once for all programs. A run is metered ([`meter`]), its input and output
//! have a cap ([`Limits`]), and a slow one is counted and warned about.
//!
//! Data nobody touches keeps its text: numbers are written as they came, members in their order.

mod arithmetic;
mod check;
mod compile;
mod engine;
mod meter;
mod natives;
mod read;
mod slow;
mod source;
mod value;
mod write;

#[cfg(test)]
mod tests;

pub use meter::Exhausted;
pub use source::{NoInput, Source};
pub use value::Value;

use crate::observability::metrics;
use crate::units::{Size, Span};
use bytestring::ByteString;
use jaq_core::{Ctx, Exn, Vars};
use jaq_json::Num;
use slow::Slow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of an error of a program that a message shows: they may quote the data.
const SHOWN: usize = 200;

/// Programs up to this depth run where they are called; those of hundreds of terms in each other have a thread with a stack
/// that holds them.
const SHALLOW: usize = 40;

/// `limits.jq_bytes` and `limits.jq_time`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of input, and of output.
    pub bytes: Size,
    /// A run that takes longer is counted and warned about.
    pub time: Span,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { bytes: Size(256 << 10), time: Span(Duration::from_millis(50)) }
    }
}

/// Why a text is not loaded as a program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Byte offset in the text.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
    /// What to do instead.
    pub hint: Option<String>,
}

impl Refusal {
    fn new(offset: usize, message: impl Into<String>) -> Refusal {
        Refusal { offset, message: message.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Refusal {
        self.hint = Some(hint.into());
        self
    }
}

/// Why a run has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The event has no data to run on.
    #[error("{0}")]
    NoInput(#[from] NoInput),
    /// The program ended with an error.
    #[error("the program failed: {0}")]
    Failed(String),
    /// The run was ended.
    #[error("{0}")]
    Exhausted(#[from] Exhausted),
    /// Nothing came out.
    #[error("the program has no output, and one is needed")]
    NoOutput,
    /// More than one thing came out.
    #[error("the program has several outputs, and one is needed")]
    SeveralOutputs,
    /// What came out is too large.
    #[error("the output has more bytes than limits.jq_bytes ({0})")]
    TooLarge(Size),
}

/// A compiled program of a route. Cloning is cheap.
#[derive(Clone)]
pub struct Program(Arc<Inner>);

struct Inner {
    text: Box<str>,
    compiled: compile::Compiled,
    limits: Limits,
    route: ByteString,
    slow: Slow,
}

impl Program {
    /// Compiles a text for a route.
    pub fn compile(text: &str, route: &str, limits: Limits) -> Result<Program, Refusal> {
        let compiled = compile::compile(text)?;
        let slow = Slow::default();
        Ok(Program(Arc::new(Inner { text: text.into(), compiled, limits, route: route.into(), slow })))
    }

    /// The text it was compiled from.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// What every result is, where it is plain that none is ever `true`.
    pub fn never_true(&self) -> Option<&'static str> {
        self.0.compiled.never_true
    }

    /// Runs as a predicate: `Ok(true)` only when there is exactly one output and it is `true`; `Err` tells what there is
    /// instead, when it is not `false`.
    pub fn holds(&self, source: &Source<'_>) -> Result<bool, Verdict> {
        match self
            .run(source, |value| Ok(if let Value::Boolean(truth) = value { Ok(*truth) } else { Err(shown(value)) }))
        {
            Ok(Ok(truth)) => Ok(truth),
            Ok(Err(shown)) => Err(Verdict::Other(shown)),
            Err(failure) => Err(Verdict::Failure(failure)),
        }
    }

    /// Runs as a transform of data: the one output as compact JSON.
    pub fn data(&self, source: &Source<'_>) -> Result<String, Failure> {
        let limit = self.0.limits.bytes;
        self.run(source, |value| {
            let most = usize::try_from(limit.0).unwrap_or(usize::MAX);
            write::limited(value, most).ok_or(Failure::TooLarge(limit))
        })
    }

    /// Runs for an attribute: the one output, which must be a text, a truth value or a number of 32 bits.
    pub fn scalar(&self, source: &Source<'_>) -> Result<Result<Scalar, String>, Failure> {
        self.run(source, |value| {
            Ok(match value {
                Value::Boolean(truth) => Ok(Scalar::Boolean(*truth)),
                Value::String(text) => Ok(Scalar::String(text.clone())),
                Value::Number(number) => integer(number).map(Scalar::Integer).ok_or_else(|| shown(value)),
                other => Err(shown(other)),
            })
        })
    }

    /// Runs on an event and takes its one output.
    fn run<T: Send>(
        &self,
        source: &Source<'_>,
        take: impl FnOnce(&Value) -> Result<T, Failure> + Send,
    ) -> Result<T, Failure> {
        if self.0.compiled.depth <= SHALLOW {
            return self.run_here(source, take);
        }
        let event = source.event();
        // Values cannot leave their thread: the data is read again there.
        std::thread::scope(|scope| {
            let deep = std::thread::Builder::new().stack_size(compile::STACK);
            let run = deep.spawn_scoped(scope, || self.run_here(&Source::new(event), take));
            run.ok().and_then(|run| run.join().ok()).unwrap_or(Err(Failure::Exhausted(Exhausted::Panicked)))
        })
    }

    fn run_here<T>(&self, source: &Source<'_>, take: impl FnOnce(&Value) -> Result<T, Failure>) -> Result<T, Failure> {
        let input = source.data(self.0.limits.bytes)?;
        let attributes = source.attributes();
        let started = Instant::now();
        let outcome = meter::metered(|| {
            let context = Ctx::<natives::Data>::new(&self.0.compiled.filter.lut, Vars::new([attributes]));
            let mut outputs = self.0.compiled.filter.id.run((context, input));
            let only = outputs.next().ok_or(Failure::NoOutput)?.map_err(failed)?;
            match outputs.next() {
                None => take(&only),
                Some(Ok(_)) => Err(Failure::SeveralOutputs),
                Some(Err(error)) => Err(failed(error)),
            }
        });
        self.note(started.elapsed());
        outcome?
    }

    fn note(&self, took: Duration) {
        if took > self.0.limits.time.0 {
            metrics::jq_slow(&self.0.route).increment(1);
            if self.0.slow.may_warn() {
                let (route, milliseconds) = (&*self.0.route, took.as_secs_f64() * 1e3);
                tracing::warn!(route, milliseconds, "a jq program is slower than limits.jq_time");
            }
        }
    }
}

/// What a predicate comes to that is neither true nor false.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Verdict {
    /// The one output is something else.
    #[error("the output is {0}, not true")]
    Other(String),
    /// There is not one output.
    #[error("{0}")]
    Failure(Failure),
}

/// What an attribute may be set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar {
    /// Text.
    String(ByteString),
    /// A truth value.
    Boolean(bool),
    /// A number.
    Integer(i32),
}

/// A value as messages show it.
fn shown(value: &Value) -> String {
    write::beginning(value, SHOWN)
}

fn failed(error: Exn<'_, Value>) -> Failure {
    match error.get_err() {
        Ok(error) => {
            let shown = write::beginning(&error, SHOWN);
            // What a program says of itself is text, and is shown as such.
            Failure::Failed(serde_json::from_str(&shown).unwrap_or(shown))
        }
        Err(_) => Failure::Failed("it was stopped".to_owned()),
    }
}

/// A number of 32 bits: written as one, or calculated and whole.
fn integer(number: &Num) -> Option<i32> {
    match number {
        Num::Int(number) => i32::try_from(*number).ok(),
        Num::Float(float) if float.fract() == 0.0 => format!("{float:.0}").parse().ok(),
        Num::Dec(text) if text.as_str() == "-0" => Some(0),
        _ => None,
    }
}

/// Equal texts are equal programs; limits and route are those of one snapshot.
impl PartialEq for Program {
    fn eq(&self, other: &Program) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Program {}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Program({:?})", self.text())
    }
}
