//! The standard `OTEL_*` variables, as far as they concern spans over OTLP/HTTP. Export is off unless an endpoint is set.

use super::sampler::{Root, Sampler};
use std::time::Duration;

/// How spans are exported.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The whole URL, path included.
    pub endpoint: String,
    /// How long the collector may take for one batch, retries included.
    pub timeout: Duration,
    /// Spans that may wait; one more is dropped.
    pub queue: usize,
    /// Spans sent at once.
    pub batch: usize,
    /// The longest a span waits for others.
    pub delay: Duration,
    /// Which traces are recorded.
    pub(super) sampler: Sampler,
}

/// What the variables ask for.
#[derive(Debug, Default)]
pub struct Read {
    /// `None` = nothing is exported.
    pub settings: Option<Settings>,
    /// Values that are ignored, for the log.
    pub warnings: Vec<String>,
}

/// A value that cannot be followed and must not be ignored: the operator would wait for traces in vain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}={value}: {why}")]
pub struct BadSetting {
    /// Which variable.
    pub variable: &'static str,
    /// Its value, without a login.
    pub value: String,
    /// What is wrong, and what may stand there.
    pub why: String,
}

const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_PROTOCOL: &str = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const TRACES_TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT";
const TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
const TRACES_CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE";
const CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";
const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
const DISABLED: &str = "OTEL_SDK_DISABLED";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
const QUEUE: &str = "OTEL_BSP_MAX_QUEUE_SIZE";
const BATCH: &str = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE";
const DELAY: &str = "OTEL_BSP_SCHEDULE_DELAY";
const EXPORT_TIMEOUT: &str = "OTEL_BSP_EXPORT_TIMEOUT";

/// The most spans that may wait, whatever is asked for: they are memory.
const QUEUE_MOST: u64 = 1 << 20;

impl Settings {
    /// Reads the variables of this process.
    pub fn from_env() -> Result<Read, BadSetting> {
        Settings::read(|name| std::env::var(name).ok())
    }

    /// Reads variables. An empty value is no value.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Read, BadSetting> {
        let mut variables = Variables {
            get: |name| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()),
            warnings: Vec::new(),
        };
        let settings = variables.settings()?;
        Ok(Read { settings, warnings: variables.warnings })
    }
}

struct Variables<F> {
    get: F,
    warnings: Vec<String>,
}

impl<F: Fn(&'static str) -> Option<String>> Variables<F> {
    fn settings(&mut self) -> Result<Option<Settings>, BadSetting> {
        if self.get(DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let exporter = self.get(EXPORTER);
        if exporter.as_deref() == Some("none") {
            return Ok(None);
        }
        let Some(endpoint) = self.endpoint()? else {
            if exporter.as_deref() == Some("otlp") {
                self.warn(EXPORTER, "otlp", &format!("no span is exported until {ENDPOINT} is set"));
            }
            return Ok(None);
        };
        if let Some(value) = exporter.filter(|name| name != "otlp") {
            return Err(bad(EXPORTER, &value, "only `otlp` and `none` are supported"));
        }
        self.protocol()?;
        for name in [TRACES_CERTIFICATE, CERTIFICATE] {
            if let Some(value) = self.get(name) {
                self.warn(name, &value, "not supported; the certificates of the system are used");
            }
        }
        let queue = self.count(QUEUE, 2048);
        let timeout = match self.get(TRACES_TIMEOUT) {
            Some(_) => self.time(TRACES_TIMEOUT, 10_000),
            None => self.time(TIMEOUT, 10_000),
        };
        Ok(Some(Settings {
            endpoint,
            timeout: timeout.min(self.time(EXPORT_TIMEOUT, 30_000)),
            queue,
            batch: self.count(BATCH, 512).min(queue),
            delay: self.time(DELAY, 5_000),
            sampler: self.sampler(),
        }))
    }

    /// `…_TRACES_ENDPOINT` as it is, or the base URL with `/v1/traces` behind it.
    fn endpoint(&self) -> Result<Option<String>, BadSetting> {
        let (variable, value, url) = match (self.get(TRACES_ENDPOINT), self.get(ENDPOINT)) {
            (Some(url), _) => (TRACES_ENDPOINT, url.clone(), url),
            (None, Some(base)) => (ENDPOINT, base.clone(), format!("{}/v1/traces", base.trim_end_matches('/'))),
            (None, None) => return Ok(None),
        };
        let parsed = url.parse::<http::Uri>().ok();
        let fits = |uri: &http::Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
        match parsed.filter(fits) {
            Some(_) => Ok(Some(url)),
            None => Err(bad(variable, &value, "expected a URL such as http://localhost:4318")),
        }
    }

    fn protocol(&self) -> Result<(), BadSetting> {
        let asked = [TRACES_PROTOCOL, PROTOCOL].into_iter().find_map(|name| Some((name, self.get(name)?)));
        match asked {
            Some((name, value)) if value != "http/protobuf" => {
                let why = "only `http/protobuf` is supported; collectors take it on port 4318";
                Err(bad(name, &value, why))
            }
            _ => Ok(()),
        }
    }

    fn sampler(&mut self) -> Sampler {
        let Some(name) = self.get(SAMPLER) else { return Sampler::default() };
        let (parent_based, root) = match name.strip_prefix("parentbased_") {
            Some(root) => (true, root),
            None => (false, &*name),
        };
        let root = match root {
            "always_on" => Root::On,
            "always_off" => Root::Off,
            "traceidratio" => self.ratio(),
            _ => {
                self.warn(SAMPLER, &name, "not known; parentbased_always_on is used");
                return Sampler::default();
            }
        };
        Sampler { parent_based, root }
    }

    fn ratio(&mut self) -> Root {
        let value = self.get(SAMPLER_ARG).unwrap_or_default();
        match value.parse::<f64>() {
            Ok(ratio) if (0.0..=1.0).contains(&ratio) => Root::ratio(ratio),
            _ => {
                self.warn(SAMPLER_ARG, &value, "expected a number from 0 to 1; 1 is used");
                Root::On
            }
        }
    }

    fn count(&mut self, name: &'static str, default: u64) -> usize {
        usize::try_from(self.number(name, default).min(QUEUE_MOST)).unwrap_or(usize::MAX)
    }

    fn time(&mut self, name: &'static str, default: u64) -> Duration {
        Duration::from_millis(self.number(name, default))
    }

    fn number(&mut self, name: &'static str, default: u64) -> u64 {
        let Some(value) = self.get(name) else { return default };
        match value.parse() {
            Ok(number) if number > 0 => number,
            _ => {
                self.warn(name, &value, &format!("expected a number above 0; {default} is used"));
                default
            }
        }
    }

    fn get(&self, name: &'static str) -> Option<String> {
        (self.get)(name)
    }

    fn warn(&mut self, name: &str, value: &str, why: &str) {
        self.warnings.push(format!("{name}={value}: {why}"));
    }
}

fn bad(variable: &'static str, value: &str, why: &str) -> BadSetting {
    BadSetting { variable, value: without_login(value), why: why.to_owned() }
}

/// A URL without what stands before `@` in it.
pub(super) fn without_login(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{BadSetting, Read, Root, Sampler, Settings};
    use std::time::Duration;

    fn read(variables: &[(&str, &str)]) -> Result<Read, BadSetting> {
        Settings::read(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    const BASE: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://jaeger:4318");

    #[test]
    fn nothing_is_exported_until_an_endpoint_is_set() {
        assert!(read(&[]).unwrap().settings.is_none());
        assert!(read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]).unwrap().settings.is_none());
        assert!(read(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).unwrap().settings.is_none());
        let asked = read(&[("OTEL_TRACES_EXPORTER", "otlp")]).unwrap();
        assert!(asked.settings.is_none() && asked.warnings.len() == 1);
        for off in [("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_TRACES_EXPORTER", "none")] {
            assert!(read(&[BASE, off]).unwrap().settings.is_none(), "{off:?}");
        }
        assert!(read(&[BASE, ("OTEL_SDK_DISABLED", "1")]).unwrap().settings.is_some());
    }

    #[test]
    fn the_defaults_are_those_of_the_specification() {
        let Read { settings, warnings } = read(&[BASE]).unwrap();
        let expected = Settings {
            endpoint: "http://jaeger:4318/v1/traces".to_owned(),
            timeout: Duration::from_secs(10),
            queue: 2048,
            batch: 512,
            delay: Duration::from_secs(5),
            sampler: Sampler { parent_based: true, root: Root::On },
        };
        assert_eq!((settings, warnings.len()), (Some(expected), 0));
    }

    #[test]
    fn variables_of_the_signal_win_and_its_endpoint_is_taken_as_it_is() {
        let settings = read(&[
            BASE,
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://collector/spans"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2000"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "10"),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ]);
        let settings = settings.unwrap().settings.unwrap();
        assert_eq!((settings.endpoint.as_str(), settings.timeout), ("https://collector/spans", Duration::from_secs(2)));
        assert_eq!((settings.queue, settings.batch, settings.delay), (10, 10, Duration::from_millis(100)));
    }

    #[test]
    fn what_cannot_be_followed_stops_the_start_and_shows_no_login() {
        for bad in [
            [BASE, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
            [BASE, ("OTEL_TRACES_EXPORTER", "zipkin")],
            [BASE, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "jaeger:4318")],
            [BASE, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "ftp://ann:canary@jaeger")],
        ] {
            let error = read(&bad).unwrap_err().to_string();
            assert!(error.starts_with(bad[1].0) && !error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn other_bad_values_are_ignored_and_told() {
        let odd = [
            BASE,
            ("OTEL_TRACES_SAMPLER", "xray"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
            ("OTEL_BSP_SCHEDULE_DELAY", "5s"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "ca.pem"),
        ];
        let Read { settings, warnings } = read(&odd).unwrap();
        let settings = settings.unwrap();
        assert_eq!((settings.queue, settings.delay), (2048, Duration::from_secs(5)));
        assert_eq!((settings.sampler, warnings.len()), (Sampler::default(), 4));
    }

    #[test]
    fn samplers_are_named_as_in_the_specification() {
        let ratio = |value| Root::ratio(value);
        for (name, argument, parent_based, root) in [
            ("always_on", "", false, Root::On),
            ("always_off", "", false, Root::Off),
            ("traceidratio", "0.5", false, ratio(0.5)),
            ("parentbased_always_off", "", true, Root::Off),
            ("parentbased_traceidratio", "0.1", true, ratio(0.1)),
            ("parentbased_traceidratio", "2", true, Root::On),
        ] {
            let read = read(&[BASE, ("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", argument)]).unwrap();
            assert_eq!(read.settings.unwrap().sampler, Sampler { parent_based, root }, "{name} {argument}");
        }
    }
}
