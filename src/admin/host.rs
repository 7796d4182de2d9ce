//! Who may talk to the admin API: requests that name the admin listener itself. A web page the operator happens to
//! visit must not reach it, neither across origins nor by a DNS name that is pointed at the loopback address
//! (reliability.md K7).

use super::answer::Refusal;
use crate::codes::Code;
use http::header::{HOST, ORIGIN};
use http::request::Parts;
use std::net::{IpAddr, SocketAddr};

/// The names of the admin listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    bound: SocketAddr,
    /// The host part of the configured address, in lower case.
    written: String,
}

/// A host as a request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    /// In lower case; without the brackets of an IPv6 address.
    host: String,
    port: u16,
}

impl Names {
    /// The names of a listener that is configured as `written` and listens on `bound`.
    pub fn new(written: &str, bound: SocketAddr) -> Names {
        let host = written.rsplit_once(':').map_or(written, |(host, _)| host);
        Names { bound, written: host.trim_matches(['[', ']']).to_ascii_lowercase() }
    }

    /// Refuses a request that does not name this listener, in its target, its `Host` and its `Origin`.
    pub fn check(&self, head: &Parts) -> Result<(), Refusal> {
        let target = head.uri.authority().map(http::uri::Authority::as_str);
        let hosts: Vec<Option<&str>> = head.headers.get_all(HOST).iter().map(|value| value.to_str().ok()).collect();
        if hosts.len() > 1 || hosts.is_empty() && target.is_none() {
            return Err(refusal("the request must name its host once"));
        }
        let mut host = None;
        for named in target.map(Some).into_iter().chain(hosts) {
            let named = named.and_then(Named::parse).filter(|named| self.knows(named));
            host = Some(named.ok_or_else(|| refusal("the host of the request is not the admin address"))?);
        }
        let mut origins = head.headers.get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else { return Ok(()) };
        let origin = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://")).and_then(Named::parse);
        let ours = origin.is_some_and(|origin| self.knows(&origin) && (!self.is_anywhere() || Some(origin) == host));
        if ours && origins.next().is_none() {
            Ok(())
        } else {
            Err(refusal("the origin of the request is not the admin address"))
        }
    }

    /// An IP address cannot be taken over by a name server, a name can.
    fn knows(&self, named: &Named) -> bool {
        let ip: Option<IpAddr> = named.host.parse().ok();
        let local = named.host == "localhost" || ip.is_some_and(|ip| ip.is_loopback());
        if self.is_anywhere() {
            // Behind a published port or on any interface: neither address nor port can be known.
            return local || ip.is_some();
        }
        let this = named.host == self.written || ip == Some(self.bound.ip());
        named.port == self.bound.port() && (this || local && self.bound.ip().is_loopback())
    }

    fn is_anywhere(&self) -> bool {
        self.bound.ip().is_unspecified()
    }
}

impl Named {
    fn parse(text: &str) -> Option<Named> {
        let authority: http::uri::Authority = text.parse().ok()?;
        let host = authority.host().trim_matches(['[', ']']).to_ascii_lowercase();
        // User information has no place in any of the three.
        let plain = !authority.as_str().contains('@') && !host.is_empty();
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            None if authority.as_str().ends_with(':') => return None,
            None => 80,
        };
        plain.then_some(Named { host, port })
    }
}

fn refusal(detail: &str) -> Refusal {
    Refusal::new(Code::ForbiddenHost, detail)
}

#[cfg(test)]
mod tests {
    use super::Names;

    fn allowed(names: &Names, uri: &str, headers: &[(&str, &str)]) -> bool {
        let request =
            headers.iter().fold(http::Request::get(uri), |request, (name, value)| request.header(*name, *value));
        names.check(&request.body(()).unwrap().into_parts().0).is_ok()
    }

    fn names(written: &str, bound: &str) -> Names {
        Names::new(written, bound.parse().unwrap())
    }

    #[test]
    fn a_loopback_listener_answers_to_loopback_names_with_its_port() {
        let names = names("127.0.0.1:0", "127.0.0.1:8081");
        for host in ["127.0.0.1:8081", "localhost:8081", "LOCALHOST:8081", "[::1]:8081"] {
            assert!(allowed(&names, "/", &[("host", host)]), "{host}");
        }
        for host in [
            "127.0.0.1",
            "127.0.0.1:8080",
            "localhost:80",
            "evil.example:8081",
            "localhost.evil.example:8081",
            "10.0.0.1:8081",
            "user@localhost:8081",
            "localhost:",
            "",
            "localhost:8081:8081",
            "0.0.0.0:8081",
        ] {
            assert!(!allowed(&names, "/", &[("host", host)]), "{host}");
        }
        assert!(!allowed(&names, "/", &[]), "no host at all");
        assert!(!allowed(&names, "/", &[("host", "localhost:8081"), ("host", "evil.example")]), "two hosts");
        assert!(!allowed(&names, "http://evil.example/", &[("host", "localhost:8081")]), "the target counts too");
        assert!(allowed(&names, "http://localhost:8081/", &[]), "HTTP/2 names its host in the target");
    }

    #[test]
    fn a_page_of_another_origin_is_refused() {
        let names = names("127.0.0.1:8081", "127.0.0.1:8081");
        let with = |origin| allowed(&names, "/", &[("host", "localhost:8081"), ("origin", origin)]);
        assert!(with("http://localhost:8081") && with("http://127.0.0.1:8081"));
        for origin in ["http://evil.example", "http://localhost:3000", "null", "https://localhost:8081", "http://", ""]
        {
            assert!(!with(origin), "{origin}");
        }
    }

    #[test]
    fn a_written_name_counts_and_a_listener_on_every_interface_takes_addresses_but_no_names() {
        let named = names("admin.internal:8081", "10.0.0.5:8081");
        assert!(allowed(&named, "/", &[("host", "admin.internal:8081")]));
        assert!(allowed(&named, "/", &[("host", "10.0.0.5:8081")]));
        assert!(!allowed(&named, "/", &[("host", "localhost:8081")]));

        let any = names("0.0.0.0:8081", "0.0.0.0:8081");
        for host in ["localhost:18081", "127.0.0.1:8081", "192.168.1.5:8081"] {
            assert!(allowed(&any, "/", &[("host", host)]), "{host}");
        }
        assert!(!allowed(&any, "/", &[("host", "evil.example:8081")]));
        assert!(!allowed(&any, "/", &[("host", "localhost:8081"), ("origin", "http://192.168.1.5:3000")]));
        assert!(allowed(&any, "/", &[("host", "localhost:8081"), ("origin", "http://localhost:8081")]));
    }
}
