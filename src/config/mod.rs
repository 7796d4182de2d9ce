//! What the operator wrote: `signalbox.yaml` and `routes/*.yaml`, read with every problem reported at once.

pub mod gateway;
pub mod interpolate;
pub mod part;
pub mod problem;
pub mod route_file;
pub mod shape;
mod suggest;
pub mod yaml;
