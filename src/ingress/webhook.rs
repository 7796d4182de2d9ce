//! The web-hook handshake (CloudEvents HTTP Web Hooks §4, formats.md §4): `OPTIONS` asks whether a sender may send here. The
//! status says nothing; the grant is in the headers.

use crate::config::gateway::Webhook;
use http::header::{HeaderMap, HeaderName, HeaderValue};

const REQUEST_ORIGIN: &str = "webhook-request-origin";
const REQUEST_RATE: &str = "webhook-request-rate";
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");
const ALLOWED_RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");
const ANYBODY: &str = "*";

/// Adds the grant to an answer, if the sender asks for one and gets it. A callback it offers is never called: its URL is the
/// sender's choice.
pub fn grant(webhook: &Webhook, asked: &HeaderMap, answer: &mut HeaderMap) {
    let mut origins = asked.get_all(REQUEST_ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return };
    let allowed = |text: &str| {
        let mut allowed = webhook.allowed_origins.iter();
        !text.is_empty() && allowed.any(|allowed| allowed == ANYBODY || is_same(allowed, text))
    };
    if !origin.to_str().is_ok_and(allowed) {
        return;
    }
    answer.insert(ALLOWED_ORIGIN, origin.clone());
    let asked = asked.get(REQUEST_RATE).and_then(|rate| rate.to_str().ok()?.trim().parse::<u32>().ok());
    let rate = match webhook.allowed_rate {
        None => HeaderValue::from_static(ANYBODY),
        Some(most) => asked.filter(|rate| *rate > 0).map_or(most, |rate| rate.min(most)).into(),
    };
    answer.insert(ALLOWED_RATE, rate);
}

/// Hosts are compared in any case, all else exactly: a prefix or a suffix is never enough.
fn is_same(allowed: &str, origin: &str) -> bool {
    let (a, b) = (parts(allowed), parts(origin));
    a.scheme == b.scheme && a.rest == b.rest && a.host.eq_ignore_ascii_case(b.host)
}

struct Parts<'a> {
    scheme: &'a str,
    host: &'a str,
    /// Port, path and whatever else.
    rest: &'a str,
}

fn parts(origin: &str) -> Parts<'_> {
    let (scheme, after) = origin.split_once("://").unwrap_or(("", origin));
    let end = after.find([':', '/', '?', '#', '@']).unwrap_or(after.len());
    let (host, rest) = after.split_at(end);
    Parts { scheme, host, rest }
}

#[cfg(test)]
mod tests {
    use super::grant;
    use crate::config::gateway::Webhook;
    use http::HeaderMap;
    use http::header::{HeaderName, HeaderValue};

    fn granted(origins: &[&str], rate: Option<u32>, asked: &[(&str, &str)]) -> Option<(String, String)> {
        let webhook =
            Webhook { allowed_origins: origins.iter().map(|&text| text.to_owned()).collect(), allowed_rate: rate };
        let asked = asked
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap()));
        let mut headers = HeaderMap::new();
        for (name, value) in asked {
            headers.append(name, value);
        }
        let mut answer = HeaderMap::new();
        grant(&webhook, &headers, &mut answer);
        let text = |name: &str| answer.get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(answer.len(), if text("webhook-allowed-origin").is_some() { 2 } else { 0 });
        text("webhook-allowed-origin").zip(text("webhook-allowed-rate"))
    }

    fn origin(allowed: &[&str], asked: &str) -> bool {
        let granted = granted(allowed, None, &[("WebHook-Request-Origin", asked)]);
        assert!(granted.iter().all(|(origin, rate)| origin == asked && rate == "*"));
        granted.is_some()
    }

    #[test]
    fn hosts_are_compared_in_any_case_and_all_else_exactly() {
        for (allowed, asked) in [
            ("eventemitter.example.com", "EventEmitter.example.COM"),
            ("*", "anybody"),
            ("https://a.example:8443/x", "https://A.example:8443/x"),
        ] {
            assert!(origin(&["other", allowed], asked), "{allowed} {asked}");
        }
        for (allowed, asked) in [
            ("trusted.example.com", "trusted.example.com.attacker.tld"),
            ("trusted.example.com", "x.trusted.example.com"),
            ("trusted.example.com", "trusted.example.com:80"),
            ("trusted.example.com", "trusted.example.com@attacker.tld"),
            ("https://a.example", "http://a.example"),
            ("https://a.example/x", "https://a.example/X"),
            ("a", ""),
            ("", ""),
        ] {
            assert!(!origin(&[allowed], asked), "{allowed} {asked}");
        }
        assert!(!origin(&[], "a"));
    }

    #[test]
    fn the_rate_is_the_lower_of_both() {
        let rate = |allowed, asked: &str| {
            let headers = [("WebHook-Request-Origin", "a"), ("WebHook-Request-Rate", asked)];
            granted(&["a"], allowed, &headers).unwrap().1
        };
        assert_eq!(rate(Some(120), "100"), "100");
        assert_eq!(rate(Some(120), "500"), "120");
        for asked in ["0", "-1", "many", "", "99999999999"] {
            assert_eq!(rate(Some(120), asked), "120", "{asked}");
        }
        assert_eq!(rate(None, "100"), "*");
        assert_eq!(granted(&["a"], Some(7), &[("webhook-request-origin", "a")]).unwrap().1, "7");
    }

    #[test]
    fn who_does_not_ask_or_asks_twice_gets_nothing() {
        assert_eq!(granted(&["*"], None, &[("Origin", "a"), ("webhook-request-callback", "http://a")]), None);
        assert_eq!(granted(&["*"], None, &[("webhook-request-origin", "a"), ("webhook-request-origin", "b")]), None);
    }
}
