//! What the operator wrote: `signalbox.yaml` and `routes/*.yaml`, read with every problem reported at once.

pub mod gateway;
pub mod interpolate;
pub mod problem;
pub mod yaml;
