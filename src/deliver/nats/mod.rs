//! NATS destination: JetStream with publish acknowledgements, core NATS only when at most once is written.

pub mod config;
