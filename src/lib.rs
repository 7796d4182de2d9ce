//! Signalbox: a CloudEvents gateway and router.

pub mod codes;
pub mod lane_name;
pub mod secret;
pub mod units;
pub mod varint;

pub mod cloudevents;
pub mod observability;
pub mod tasks;

pub mod server;

pub mod payload;

pub mod conversion;
pub mod jq;

pub mod decode;
pub mod encode;
pub mod log;
pub mod route;
pub mod state;
pub mod transform;
pub mod validate;

pub mod deliver;

pub mod config;

pub mod reload;

pub mod pipeline;

pub mod admin;
pub mod ingress;

pub mod app;
pub mod shutdown;

pub mod cli;

#[cfg(feature = "sdk")]
pub mod sdk;
