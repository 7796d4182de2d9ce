//! How connections to NATS are made.

use super::client::{Link, MAX_UNACKED};
use super::config::Login;
use async_nats::ConnectOptions;
use std::sync::Weak;
use std::time::Duration;

/// One connection attempt, TLS and login included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A silent server is asked this often; three questions without answer and the connection counts as lost.
const PING_INTERVAL: Duration = Duration::from_secs(3);
/// Waits between connection attempts grow up to this.
const MAX_BACKOFF: Duration = Duration::from_secs(1);
/// Messages handed to the client and not yet written to the socket. What stands there outlives a lost connection and is
/// sent after the next one is made, so it stays small.
const SEND_QUEUE: usize = 512;
/// Replies not yet handed to their waiters; more than can be awaited, so that none is dropped.
const REPLY_QUEUE: usize = 2 * MAX_UNACKED;

/// How a link connects: without waiting, for ever, with short waits between attempts.
pub fn options(name: &str, login: Option<&Login>, link: Weak<Link>) -> ConnectOptions {
    let for_events = link.clone();
    let options = ConnectOptions::new()
        .name(format!("signalbox {name}"))
        .retry_on_initial_connect()
        .max_reconnects(None)
        .connection_timeout(CONNECT_TIMEOUT)
        .ping_interval(PING_INTERVAL)
        .client_capacity(SEND_QUEUE)
        .subscription_capacity(REPLY_QUEUE)
        .reconnect_delay_callback(move |attempts| backoff(attempts, &link))
        .event_callback(move |event| {
            if let Some(link) = for_events.upgrade() {
                link.on_event(event);
            }
            std::future::ready(())
        });
    logged_in(options, login)
}

/// The same options with who logs in.
pub fn logged_in(options: ConnectOptions, login: Option<&Login>) -> ConnectOptions {
    match login {
        Some(Login::Password { user, password }) => {
            options.user_and_password(user.clone(), password.reveal().to_owned())
        }
        Some(Login::Token(token)) => options.token(token.reveal().to_owned()),
        None => options,
    }
}

/// async-nats has no way to give up connecting, so a link that is closed or gone makes it sleep.
fn backoff(attempts: usize, link: &Weak<Link>) -> Duration {
    match link.upgrade() {
        Some(link) if !link.is_closed() => {
            let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(8);
            Duration::from_millis(5).saturating_mul(1 << doublings).min(MAX_BACKOFF)
        }
        _ => Duration::MAX,
    }
}
