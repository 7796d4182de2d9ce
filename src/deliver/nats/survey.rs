//! Which streams a server has, asked once: for `check --online`. Reads only.

use super::config::NatsConfig;
use super::connect;
use async_nats::{ConnectOptions, jetstream};
use futures::TryStreamExt as _;
use std::time::Duration;

/// A stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// The subjects it takes; may hold wildcards.
    pub subjects: Vec<String>,
}

/// All streams that the login of a destination may see; none where it uses core NATS. `Err` says why they are not known;
/// it takes at most `patience` until then.
pub async fn streams(name: &str, config: &NatsConfig, patience: Duration) -> Result<Vec<Stream>, String> {
    let asked = tokio::time::timeout(patience, ask(name, config, patience)).await;
    asked.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

async fn ask(name: &str, config: &NatsConfig, patience: Duration) -> Result<Vec<Stream>, String> {
    let servers = config.parsed_servers();
    let addresses: Vec<_> = servers.iter().map(|server| server.address.as_str()).collect();
    let login = servers.iter().find_map(|server| server.login.as_ref());
    let options = ConnectOptions::new().name(format!("signalbox check {name}")).connection_timeout(patience);
    let client = connect::logged_in(options, login).connect(addresses).await.map_err(|error| error.to_string())?;
    if !config.jetstream {
        return Ok(Vec::new());
    }
    let mut context = jetstream::new(client);
    context.set_timeout(patience);
    let streams = context.streams().map_ok(|info| Stream { name: info.config.name, subjects: info.config.subjects });
    let listed = streams.try_collect().await;
    listed.map_err(|error| format!("JetStream does not list its streams: {error}"))
}
