//! What programs see and give back, which are loaded, and that none can hurt the process.

mod loading;
mod running;
mod values;

use super::{Failure, Limits, Program, Refusal, Source, Verdict};
use crate::cloudevents::{Attribute, Data, Event, Kind, Value};

fn event(data: &str) -> Event {
    let attribute = |name, kind, text| Attribute { name, value: Value { kind, text } };
    Event {
        id: "7".into(),
        source: "/shop".into(),
        ty: "com.example.order".into(),
        attributes: [attribute("count", Kind::Integer, "3"), attribute("express", Kind::Boolean, "true")]
            .into_iter()
            .collect(),
        data: Data::Json(data.to_owned().into()),
    }
}

fn compile(text: &str) -> Result<Program, Refusal> {
    Program::compile(text, "orders", Limits::default())
}

/// The one output on some data, as JSON; in a failure what is told.
fn run(text: &str, data: &str) -> String {
    let event = event(data);
    let program = compile(text).unwrap_or_else(|refusal| panic!("{text}: {refusal:?}"));
    program.data(&Source::new(&event)).unwrap_or_else(|failure| failure.to_string())
}
