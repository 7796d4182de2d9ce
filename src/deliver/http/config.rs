//! Options of an `http:` destination, and what can be wrong with them before anything is sent.

use super::url;
use crate::encode::HeaderEncoding;
use crate::secret::Secret;
use crate::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// A longer timeout keeps a place in the lane for an answer that nobody waits for any more.
const LONGEST: Duration = Duration::from_mins(10);

/// A service that takes events by POST.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-later" = ["signing_secret", "signing_secrets", "authentication", "auth", "headers", "tls", "proxy", "allow", "deny"]))]
pub struct HttpConfig {
    /// `http://` or `https://`, host and path; a template, whose host is literal. A deliver entry may say `url` itself.
    /// Redirects are never followed, and proxies of the environment never asked. One with an interpolated part is shown
    /// without its path. The certificate of an `https://` host is checked against those the machine trusts, or those of the file
    /// that `SSL_CERT_FILE` names.
    pub url: String,
    /// How values stand in `ce-` headers of binary mode.
    #[serde(default)]
    pub header_encoding: HeaderEncoding,
    /// From the start of an attempt to the head of the answer; slower is tried again. At most `10m`.
    #[serde(default = "thirty_seconds")]
    pub timeout: Span,
}

fn thirty_seconds() -> Span {
    Span(Duration::from_secs(30))
}

/// Something wrong with the options that their types cannot say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key it is at.
    pub key: &'static str,
    /// What is wrong; holds no part of the value.
    pub message: String,
    /// What to write instead.
    pub hint: Option<&'static str>,
}

impl HttpConfig {
    /// What is wrong with the options besides the URL.
    pub fn faults(&self) -> Vec<Fault> {
        if !self.timeout.0.is_zero() && self.timeout.0 <= LONGEST {
            return Vec::new();
        }
        let message = "`timeout` must be more than nothing and at most 10m".to_owned();
        vec![Fault { key: "timeout", message, hint: Some("timeout: 30s") }]
    }

    /// Equal for equal options, secrets included: never to be shown.
    pub fn fingerprint(&self) -> Secret {
        let HttpConfig { url, header_encoding, timeout } = self;
        Secret::new(format!("{url:?} {header_encoding:?} {:?}", timeout.0))
    }
}

impl fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConfig")
            .field("url", &url::hidden(&self.url))
            .field("header_encoding", &self.header_encoding)
            .field("timeout", &self.timeout)
            .finish()
    }
}
