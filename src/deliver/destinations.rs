//! The running destinations by name: started at load, kept across reloads while their options stay the same.

use super::{Destination, Health};
use std::sync::Arc;
use std::time::Duration;

/// A running destination with its kind, for the API.
#[derive(Clone)]
pub struct Running {
    /// Its name.
    pub name: String,
    /// `log discard nats`.
    pub kind: &'static str,
    /// How it is doing.
    pub health: Health,
}

/// All running destinations; shared.
#[derive(Default)]
pub struct Destinations;

impl Destinations {
    /// The destination of a name.
    pub fn get(&self, _name: &str) -> Option<Arc<dyn Destination>> {
        todo!()
    }

    /// Makes exactly these run: (name, kind, options fingerprint, constructor). One whose fingerprint is unchanged keeps
    /// running; one that is gone is closed once its lanes let go of it.
    pub fn apply(&self, _wanted: Vec<Wanted>) {
        todo!()
    }

    /// Every running destination.
    pub fn list(&self) -> Vec<Running> {
        todo!()
    }

    /// Closes all within the deadline.
    pub async fn close(&self, _deadline: Duration) {
        todo!()
    }
}

/// A destination a snapshot wants.
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// Equal for equal options.
    pub fingerprint: String,
    /// Starts it; never waits for the other side.
    pub start: Box<dyn FnOnce() -> Arc<dyn Destination> + Send>,
}
