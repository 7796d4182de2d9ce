//! `signalbox.yaml` with what the command line overrides, checked and with its paths resolved.

use super::text;
use crate::codes::Code;
use crate::config::gateway::{Ack, GatewayConfig};
use crate::config::interpolate::{self, Environment};
use crate::config::part::Part;
use crate::config::problem::{Problem, Problems, SourceText, shown_path};
use crate::config::shape::Shape;
use crate::config::sources::read_capped;
use crate::config::yaml::{self, Value};
use crate::units::{Size, Span};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Read when no file is named and it exists.
pub const DEFAULT_FILE: &str = "signalbox.yaml";

/// Flags and `SIGNALBOX_*` variables that win over the file. Paths are relative to the working folder.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--listen`: address of the first listener.
    pub listen: Option<String>,
    /// `--admin`: address of the admin listener.
    pub admin: Option<String>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--routes-dir`.
    pub routes_dir: Option<PathBuf>,
    /// `--schemas-dir`.
    pub schemas_dir: Option<PathBuf>,
}

/// The JSON Schema of `signalbox.yaml`, from its types.
pub static GATEWAY_SCHEMA: LazyLock<Json> = LazyLock::new(|| schemars::schema_for!(GatewayConfig).to_value());

/// Reads the file, applies the overrides and resolves paths. `None` means [`DEFAULT_FILE`] where it exists, else the
/// defaults; a file that is named and missing is a problem. `Err` holds every problem.
pub fn load_gateway(path: Option<&Path>, overrides: &Overrides) -> Result<GatewayConfig, Vec<Problem>> {
    let (config, problems) = load_as_far_as_possible(path, overrides, &interpolate::process_variable);
    if problems.has_errors() { Err(problems.into_sorted()) } else { Ok(config) }
}

/// [`load_gateway`] for a report of every problem of every file: where the file is not good, what it says of the folders
/// is kept as far as it can be read, so that the files in them can be checked, too.
pub(in crate::config) fn load_as_far_as_possible(
    path: Option<&Path>,
    overrides: &Overrides,
    variable: &dyn Fn(&str) -> Option<String>,
) -> (GatewayConfig, Problems) {
    let mut problems = Problems::default();
    let default = Path::new(DEFAULT_FILE);
    let path = path.or_else(|| default.exists().then_some(default));
    let read = path.and_then(|path| read(path, variable, &mut problems));
    let folder = path.and_then(Path::parent).unwrap_or(Path::new(""));
    let mut config = resolve(read.unwrap_or_default(), folder);
    apply(overrides, &mut config, &mut problems);
    if !problems.has_errors() {
        check_addresses(&config, path, &mut problems);
    }
    (config, problems)
}

/// `None`: the file says nothing, or nothing that can be relied on.
fn read(path: &Path, variable: &dyn Fn(&str) -> Option<String>, problems: &mut Problems) -> Option<GatewayConfig> {
    let file = shown_path(path);
    let bytes = match read_capped(path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            problems.push(Problem::of_file(file, Code::TooLarge, "the file is larger than 8 MiB"));
            return None;
        }
        Err(error) => {
            let message = match error.kind() {
                ErrorKind::NotFound => "there is no such configuration file".to_owned(),
                kind => format!("the configuration file cannot be read: {kind}"),
            };
            problems.push(Problem::of_file(file, Code::MissingFile, message));
            return None;
        }
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let source = text(&file, &bytes, problems)?;
    let node = yaml::parse(&source, Environment { variable, folder }, problems)?;
    if matches!(node.value, Value::Null) {
        return None;
    }
    let part = Shape::new(&GATEWAY_SCHEMA, &source, problems).check_file(&node);
    check_listeners(&source, &part, problems);
    check_admin(&source, &part, problems);
    check_units(&source, &part, problems);
    part.read(&source, problems)
}

fn resolve(mut config: GatewayConfig, folder: &Path) -> GatewayConfig {
    for path in [&mut config.data_dir, &mut config.routes_dir, &mut config.schemas_dir] {
        *path = folder.join(&*path);
    }
    config
}

fn check_listeners(source: &SourceText, part: &Part<'_>, problems: &mut Problems) {
    let mut names = HashMap::new();
    for listener in part.get("listeners").map(Part::items).unwrap_or_default() {
        if let Some(address) = listener.get("address") {
            check_address(source, address, problems);
        }
        check_origins(source, listener, problems);
        let ack_timeout = listener.get("ack_timeout").filter(|part| part.is_good());
        if let Some(part) = ack_timeout
            && part.text().is_some_and(|text| Span::try_from(text.to_owned()).is_ok_and(|span| span.0.is_zero()))
        {
            problems.error(source, part.range(), Code::BadValue, "`ack_timeout` must be more than nothing");
        }
        let Some(part) = listener.get("name") else { continue };
        let Some(name) = part.text() else { continue };
        if name.is_empty() || name.chars().any(char::is_control) {
            problems.error(source, part.range(), Code::BadValue, "the name of a listener must be text in one line");
        } else if let Some(first) = names.insert(name, part.range().line) {
            let message = format!("listener `{name}` is declared twice");
            let hint = Some(format!("the first one is in line {first}; rename one of the two"));
            problems.error_with_hint(source, part.range(), Code::DuplicateName, message, hint);
        }
    }
}

/// An origin is compared with what stands in a header, so it must be able to stand there.
fn check_origins(source: &SourceText, listener: &Part<'_>, problems: &mut Problems) {
    let origins = listener.get("webhook").and_then(|webhook| webhook.get("allowed_origins"));
    for origin in origins.map(Part::items).unwrap_or_default() {
        let Some(text) = origin.text() else { continue };
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = "an origin is a host name as the sender writes it, without blanks";
            let hint = Some("allowed_origins: [eventemitter.example.com]".to_owned());
            problems.error_with_hint(source, origin.range(), Code::BadValue, message, hint);
        }
    }
}

fn check_admin(source: &SourceText, part: &Part<'_>, problems: &mut Problems) {
    let Some(admin) = part.get("admin") else { return };
    let Some(address) = admin.get("address") else { return };
    if !check_address(source, address, problems) {
        return;
    }
    let insecure = admin.get("insecure").is_some_and(|part| matches!(part.node().value, Value::Boolean(true)));
    if !insecure && address.text().is_some_and(|text| !is_loopback(text)) {
        let message = "the admin listener would be open to the network without authentication";
        let hint = Some(UNSAFE_HINT.to_owned());
        problems.error_with_hint(source, address.range(), Code::UnsafeAdmin, message, hint);
    }
}

const UNSAFE_HINT: &str = "bind it to 127.0.0.1, or write insecure: true where the network is trusted";

/// True when it is good; otherwise a problem was reported.
fn check_address(source: &SourceText, part: &Part<'_>, problems: &mut Problems) -> bool {
    let fault = part.text().and_then(address_fault);
    if let Some(fault) = &fault {
        let message = format!("`{}` is no address: {fault}", part.node().shown());
        let hint = Some("write host and port, like 127.0.0.1:8080 or [::1]:8080".to_owned());
        problems.error_with_hint(source, part.range(), Code::BadValue, message, hint);
    }
    fault.is_none() && part.is_good()
}

/// What is wrong with a text as `host:port`.
fn address_fault(text: &str) -> Option<&'static str> {
    let Some((host, port)) = text.rsplit_once(':') else { return Some("the port is missing") };
    if port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) || port.parse::<u16>().is_err() {
        return Some("the port is a number from 0 to 65535");
    }
    if let Some(inner) = host.strip_prefix('[') {
        let v6 = inner.strip_suffix(']').and_then(|inner| inner.parse::<std::net::Ipv6Addr>().ok());
        return if v6.is_none() { Some("between the brackets stands an IPv6 address") } else { None };
    }
    if host.is_empty() {
        return Some("the host is missing");
    }
    if host.contains(':') {
        return Some("an IPv6 address stands in brackets");
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (!host.chars().all(legal)).then_some("the host has characters that no host name has")
}

/// Is the host of `host:port` this machine itself, reachable from nowhere else.
fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Sizes and times of nothing: each would refuse or drop everything.
fn check_units(source: &SourceText, part: &Part<'_>, problems: &mut Problems) {
    for section in ["limits", "log"] {
        for (key, _, value) in part.get(section).into_iter().flat_map(Part::pairs) {
            let Some(text) = value.unit() else { continue };
            let zero = Span::try_from(text.to_owned()).is_ok_and(|span| span.0.is_zero())
                || Size::try_from(text.to_owned()).is_ok_and(|size| size.0 == 0);
            if zero {
                problems.error(source, value.range(), Code::BadValue, format!("`{key}` must be more than nothing"));
            }
        }
    }
}

fn apply(overrides: &Overrides, config: &mut GatewayConfig, problems: &mut Problems) {
    let addresses = [
        ("--listen", &overrides.listen, config.listeners.first_mut().map(|listener| &mut listener.address)),
        ("--admin", &overrides.admin, Some(&mut config.admin.address)),
    ];
    for (flag, written, target) in addresses {
        let (Some(written), Some(target)) = (written, target) else { continue };
        if let Some(fault) = address_fault(written) {
            let problem = Problem::of_file(flag, Code::BadValue, format!("`{written}` is no address: {fault}"));
            problems.push(problem.hint("write host and port, like 127.0.0.1:8080 or [::1]:8080"));
        }
        target.clone_from(written);
    }
    let folders = [
        (&overrides.data_dir, &mut config.data_dir),
        (&overrides.routes_dir, &mut config.routes_dir),
        (&overrides.schemas_dir, &mut config.schemas_dir),
    ];
    for (written, target) in folders {
        if let Some(written) = written {
            target.clone_from(written);
        }
    }
}

/// What can only be judged when file and flags are put together.
fn check_addresses(config: &GatewayConfig, path: Option<&Path>, problems: &mut Problems) {
    let file = path.map_or_else(|| "--admin".to_owned(), shown_path);
    if config.admin_is_open() && !config.admin.insecure {
        let message = format!("admin address `{}` is open to the network without authentication", config.admin.address);
        problems.push(Problem::of_file("--admin", Code::UnsafeAdmin, message).hint(UNSAFE_HINT));
    }
    let admin = std::iter::once(("admin", &config.admin.address));
    let listeners = config.listeners.iter().map(|listener| (listener.name.as_str(), &listener.address));
    let mut taken: HashMap<&str, &str> = HashMap::new();
    for (name, address) in admin.chain(listeners).filter(|(_, address)| !address.ends_with(":0")) {
        if let Some(other) = taken.insert(address, name) {
            let message = format!("`{name}` and `{other}` cannot both listen on `{address}`");
            problems.push(Problem::of_file(file.clone(), Code::BadValue, message));
        }
    }
}

impl GatewayConfig {
    /// False when no listener acknowledges by the log: then there is none, and no data directory.
    pub fn keeps_log(&self) -> bool {
        self.listeners.iter().any(|listener| listener.ack == Ack::Log)
    }

    /// False when no listener acknowledges by its destinations.
    pub fn waits_for_destinations(&self) -> bool {
        self.listeners.iter().any(|listener| listener.ack == Ack::Destinations)
    }

    /// True when the admin listener can be reached from other machines; allowed with `insecure: true`, and worth a
    /// warning when the gateway starts.
    pub fn admin_is_open(&self) -> bool {
        !is_loopback(&self.admin.address)
    }
}
