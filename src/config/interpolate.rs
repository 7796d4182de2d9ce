//! `${env:NAME}`, `${env:NAME:-default}` and `${file:PATH}` in values. `$$` writes one `$`.
//!
//! What is filled in is a secret: problems name the variable or file, never what it holds.

use std::path::{Path, PathBuf};

/// Where values come from.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    /// Reads an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Relative `${file:…}` paths start here.
    pub folder: &'a Path,
}

/// Reads a variable of this process; one that is not UTF-8 counts as missing.
pub fn process_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A text after interpolation.
#[derive(Clone, PartialEq, Eq)]
pub struct Filled {
    /// The result.
    pub text: String,
    /// True when a variable or file went into it.
    pub secret: bool,
}

/// Why a text cannot be filled in. Holds no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Files may hold a certificate chain, not more.
const LARGEST_FILE: u64 = 1 << 20;

/// Fills in a text. A text without `$` comes back as it is.
pub fn fill(text: &str, environment: Environment<'_>) -> Result<Filled, Fault> {
    let mut filled = Filled { text: String::with_capacity(text.len()), secret: false };
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        filled.text.push_str(before);
        if let Some(after) = from.strip_prefix("$$") {
            filled.text.push('$');
            rest = after;
        } else if let Some(after) = from.strip_prefix("${") {
            let Some((reference, after)) = after.split_once('}') else {
                return Err(fault("`${` is not closed", "write ${env:NAME}, or $$ for a plain dollar sign"));
            };
            filled.text.push_str(&look_up(reference, environment)?);
            filled.secret = true;
            rest = after;
        } else {
            filled.text.push('$');
            rest = from.strip_prefix('$').unwrap_or_default();
        }
    }
    filled.text.push_str(rest);
    Ok(filled)
}

fn look_up(reference: &str, environment: Environment<'_>) -> Result<String, Fault> {
    match reference.split_once(':') {
        Some(("env", name)) => variable(name, environment),
        Some(("file", path)) => file(path, environment),
        _ => Err(fault(
            format!("`${{{reference}}}` is no known reference"),
            "write ${env:NAME}, ${env:NAME:-default} or ${file:PATH}; $$ for a plain dollar sign",
        )),
    }
}

fn variable(text: &str, environment: Environment<'_>) -> Result<String, Fault> {
    let (name, default) = text.split_once(":-").map_or((text, None), |(name, default)| (name, Some(default)));
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(is_name) {
        return Err(fault(format!("`{name}` is no name of an environment variable"), "write ${env:NAME}"));
    }
    match (default, (environment.variable)(name)) {
        (None, Some(value)) => Ok(value),
        (Some(_), Some(value)) if !value.is_empty() => Ok(value),
        (Some(default), _) => Ok(default.to_owned()),
        (None, None) => Err(fault(
            format!("environment variable `{name}` is not set"),
            format!("set it, or give a default: ${{env:{name}:-default}}"),
        )),
    }
}

fn file(path: &str, environment: Environment<'_>) -> Result<String, Fault> {
    if path.is_empty() {
        return Err(fault("`${file:}` names no file", "write ${file:/run/secrets/name}"));
    }
    let full: PathBuf = environment.folder.join(path);
    let unreadable = |reason: String| Fault {
        message: format!("cannot read file `{path}`: {reason}"),
        hint: Some("is it there, and may this user read it?".to_owned()),
    };
    let metadata = std::fs::metadata(&full).map_err(|error| unreadable(error.kind().to_string()))?;
    if !metadata.is_file() {
        return Err(unreadable("it is no regular file".to_owned()));
    }
    if metadata.len() > LARGEST_FILE {
        return Err(unreadable("it is larger than 1 MiB".to_owned()));
    }
    let bytes = std::fs::read(&full).map_err(|error| unreadable(error.kind().to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8".to_owned()))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

fn fault(message: impl Into<String>, hint: impl Into<String>) -> Fault {
    Fault { message: message.into(), hint: Some(hint.into()) }
}

#[cfg(test)]
mod tests {
    use super::{Environment, Fault, fill};
    use std::path::Path;

    fn filled(text: &str) -> Result<String, Fault> {
        let variable = |name: &str| match name {
            "NAME" => Some("canary".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let environment = Environment { variable: &variable, folder: Path::new("/nowhere") };
        fill(text, environment).map(|filled| filled.text)
    }

    #[test]
    fn references_are_replaced_and_dollars_escaped() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a ${env:NAME} b", "a canary b"),
            ("${env:NAME}${env:NAME}", "canarycanary"),
            ("${env:NONE:-x:-y}", "x:-y"),
            ("${env:NONE:-}", ""),
            ("${env:EMPTY:-x}", "x"),
            ("${env:EMPTY}", ""),
            ("$$5 $5 5$", "$5 $5 5$"),
            ("$${env:NAME}", "${env:NAME}"),
        ] {
            assert_eq!(filled(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        for (text, part) in [
            ("${env:NONE}", "`NONE` is not set"),
            ("${env:}", "no name"),
            ("${env:A B}", "no name"),
            ("${vault:x}", "no known reference"),
            ("${NAME}", "no known reference"),
            ("${env:NAME", "not closed"),
            ("${file:missing.txt}", "cannot read file `missing.txt`"),
            ("${file:}", "names no file"),
        ] {
            let message = filled(text).unwrap_err().message;
            assert!(message.contains(part), "{text}: {message}");
            assert!(!message.contains("canary"), "{message}");
        }
    }

    #[test]
    fn a_file_loses_its_last_line_break() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "canary\n").unwrap();
        let environment = Environment { variable: &|_| None, folder: folder.path() };
        let filled = fill("<${file:secret}>", environment).unwrap();
        assert_eq!(filled.text, "<canary>");
        assert!(filled.secret);
    }
}
