//! CloudEvents 1.0: the event model, its formats and its protocol bindings, one file per specification document.
//! Nothing here does IO.

pub mod event;

pub use event::{Attribute, Data, Event, Kind, Value, Violation};
