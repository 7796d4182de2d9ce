//! URLs events are sent to: what a template may be, how values stand in it, and what a filled one must be.

use crate::transform::template::Template;
use fluent_uri::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Servers take request lines of about this many bytes (RFC 9110 §4.1 asks for 8000).
const LONGEST: usize = 8192;
/// Everything but RFC 3986's unreserved characters, so that a value is one path segment and never more.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where a deliver entry posts to.
#[derive(Debug, Clone)]
pub struct UrlTarget {
    /// The URL.
    pub template: Template,
    /// Empty path segments the operator wrote; a value must not add one.
    empty: usize,
    /// A part of it was interpolated and may be a secret: it is shown without its path.
    secret: bool,
}

impl UrlTarget {
    /// A target; `Err` says what is wrong with it.
    pub fn new(template: Template, secret: bool) -> Result<UrlTarget, String> {
        let sample = template.sample();
        check(&sample)?;
        let literal = template.literal_prefix();
        if !template.is_literal() && (origin(literal).is_none_or(|origin| origin.len() == literal.len())) {
            return Err("the host of a URL is literal: templates stand behind the `/` that ends it".to_owned());
        }
        Ok(UrlTarget { template, empty: empty_segments(&sample), secret })
    }

    /// Is this filled-in URL one that may be posted to?
    pub fn check(&self, filled: &str) -> Result<(), String> {
        check(filled)?;
        if empty_segments(filled) > self.empty {
            return Err("an empty value leaves an empty segment in the URL's path".to_owned());
        }
        Ok(())
    }

    /// A filled-in URL as it may be shown.
    pub fn shown(&self, filled: &str) -> String {
        if self.secret { hidden(filled) } else { filled.to_owned() }
    }
}

/// Adds a value to a URL as (a part of) one path segment.
pub fn escape(value: &str, out: &mut String) {
    out.extend(utf8_percent_encode(value, ENCODED));
}

/// Is this a URL that may be posted to? The fault holds no part of it.
pub fn check(url: &str) -> Result<(), String> {
    let fault = |text: &str| Err(text.to_owned());
    if url.len() > LONGEST {
        return Err(format!("the URL is longer than {LONGEST} bytes"));
    }
    let Ok(uri) = Uri::parse(url) else { return Err(unreadable(url)) };
    let scheme = uri.scheme().as_str();
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return fault("a URL starts with `http://` or `https://`");
    }
    let Some(authority) = uri.authority().filter(|authority| !authority.host().is_empty()) else {
        return fault("the URL has no host");
    };
    if authority.userinfo().is_some() {
        return fault("a URL takes no login");
    }
    if authority.port().is_some_and(|port| port.as_str().parse::<u16>().ok().is_none_or(|port| port == 0)) {
        return fault("the port is a number from 1 to 65535");
    }
    if uri.fragment().is_some() {
        return fault("a URL takes no fragment: it is never sent");
    }
    // Clients and servers take such segments away, escaped or not: a value could leave its place.
    let dots = |segment: &str| matches!(&*percent_decode_str(segment).collect::<Vec<u8>>(), b"." | b"..");
    if uri.path().as_str().split('/').any(dots) {
        return fault("the URL has a path segment `.` or `..`");
    }
    if reqwest::Url::parse(url).is_err() { fault("not a URL that can be sent to") } else { Ok(()) }
}

/// Why a text is no URL. Names one character, never a part of the text.
fn unreadable(url: &str) -> String {
    let odd = |c: &char| {
        !c.is_ascii() || c.is_ascii_control() || matches!(c, ' ' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}')
    };
    if !url.contains("://") {
        return "a URL starts with `http://` or `https://`".to_owned();
    }
    match url.chars().find(odd) {
        Some(c) => {
            let mut encoded = String::new();
            escape(c.encode_utf8(&mut [0; 4]), &mut encoded);
            format!("not a URL: {c:?} is written {encoded} in one")
        }
        None => "not a URL; other characters are percent-encoded, and the port is a number".to_owned(),
    }
}

/// The URL of a deliver entry: `own` is a whole URL of the same host, or begins with `/` or `?` and is added to the
/// destination's.
pub fn join(destination: &str, own: &str) -> Result<String, String> {
    let has_query = destination.contains('?');
    match own.chars().next() {
        Some('/' | '?') if has_query => {
            Err("nothing can be added to the destination's url, which has a query".to_owned())
        }
        Some('/') => Ok(format!("{}{own}", destination.trim_end_matches('/'))),
        Some('?') => Ok(format!("{destination}{own}")),
        _ => match (origin(own), origin(destination)) {
            (Some(own_origin), Some(origin)) if own_origin.eq_ignore_ascii_case(origin) => Ok(own.to_owned()),
            (Some(_), _) => Err("the url names another host than its destination's url".to_owned()),
            (None, _) => Err("not a URL, and no path that begins with `/`".to_owned()),
        },
    }
}

/// A URL without all that may be secret in it.
pub fn hidden(url: &str) -> String {
    let Some((scheme, authority)) = origin(url).and_then(|origin| origin.split_once("://")) else {
        return "(unreadable)".to_owned();
    };
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}/…")
}

/// Scheme, host and port, as written.
fn origin(url: &str) -> Option<&str> {
    let after = url.find("://")? + 3;
    let end = url.get(after..)?.find(['/', '?', '#']).map_or(url.len(), |at| after + at);
    let scheme = url.get(..after)?;
    (scheme.eq_ignore_ascii_case("http://") || scheme.eq_ignore_ascii_case("https://")).then(|| url.get(..end))?
}

fn empty_segments(url: &str) -> usize {
    let path = origin(url).and_then(|origin| url.get(origin.len()..)).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    path.split('/').skip(1).filter(|segment| segment.is_empty()).count()
}

#[cfg(test)]
mod tests {
    use super::{UrlTarget, check, escape, hidden, join};
    use crate::transform::template::Template;

    fn target(template: &str) -> Result<UrlTarget, String> {
        UrlTarget::new(Template::parse(template).unwrap(), false)
    }

    #[test]
    fn a_value_is_one_segment_whatever_it_holds() {
        let escaped = |value| {
            let mut out = String::new();
            escape(value, &mut out);
            out
        };
        assert_eq!(escaped("com.example_a-b~1"), "com.example_a-b~1");
        assert_eq!(escaped("/shop/eu?a=b&c#d"), "%2Fshop%2Feu%3Fa%3Db%26c%23d");
        assert_eq!(escaped("é % + @:\\"), "%C3%A9%20%25%20%2B%20%40%3A%5C");
    }

    #[test]
    fn only_urls_that_can_be_posted_to_are_taken() {
        for good in
            ["http://a", "https://a.example:8443/b/c?d=e", "http://[::1]:80/", "HTTP://A/%2F", "http://127.0.0.1/.a"]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let long = format!("http://a/{}", "x".repeat(9000));
        for bad in [
            "",
            "a",
            "/a",
            "ftp://a",
            "http:a",
            "http://",
            "http:///a",
            "http://u:p@a",
            "http://u@a/",
            "http://a:0/",
            "http://a:99999/",
            "http://a/#f",
            "http://a/../b",
            "http://a/%2e%2E/b",
            "http://a/b/.",
            "http://a b/",
            "http://a/\r\nx",
            "http://a\\b/",
            &long,
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_host_is_literal() {
        for good in ["http://a/{type}", "http://a/b?{type}", "http://a?{type}", "http://a"] {
            assert!(target(good).is_ok(), "{good}");
        }
        for bad in
            ["http://{type}", "http://{type}/a", "http://a{type}", "http://a:8{id}/", "{type}", "http://a.{type}/b"]
        {
            assert!(target(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_value_never_leaves_its_segment() {
        let target = target("http://a//b/{type}/c/").unwrap();
        assert_eq!(target.check("http://a//b/x/c/"), Ok(()));
        for bad in ["http://a//b//c/", "http://a//b/../c/", "http://a//b/./c/"] {
            assert!(target.check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_entry_adds_to_the_url_of_its_destination_or_names_its_host() {
        for (own, whole) in [
            ("/c/{type}", "https://a:1/b/c/{type}"),
            ("?t={type}", "https://a:1/b/?t={type}"),
            ("https://a:1/x", "https://a:1/x"),
            ("HTTPS://A:1/x", "HTTPS://A:1/x"),
        ] {
            assert_eq!(join("https://a:1/b/", own).as_deref(), Ok(whole), "{own}");
        }
        for own in ["c", "", "https://a/x", "http://a:1/x", "https://a:11/x", "https://a:1@b/x", "//b/x{"] {
            let joined = join("https://a:1", own);
            assert!(joined.is_err() || joined.is_ok_and(|url| url.starts_with("https://a:1/")), "{own}");
        }
        assert!(join("http://a/?b", "/c").is_err());
    }

    #[test]
    fn what_may_be_secret_is_not_shown() {
        assert_eq!(hidden("https://u:canary@a.example:1/canary?canary"), "https://a.example:1/…");
        assert_eq!(hidden("https://a.example/hooks/canary"), "https://a.example/…");
    }
}
