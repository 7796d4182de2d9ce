//! `expect: snapshot`: what becomes of an event, kept in `routes/snapshots/FILE/NAME.json`.

use super::json;
use super::judge::{Became, Made, Rejected};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::config::compile::test::Declared;
use crate::config::problem::shown_path;
use crate::pipeline::explain::view::{self, DeliveryView};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What a name cannot hold as the name of a file, here or where the folder is checked out.
const NO_NAME: &AsciiSet =
    &CONTROLS.add(b'/').add(b'\\').add(b':').add(b'*').add(b'?').add(b'"').add(b'<').add(b'>').add(b'|').add(b'%');

/// What a snapshot says.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Document<'e> {
    Rejected(&'e Rejected),
    Deliveries(Vec<Delivery<'e>>),
}

#[derive(Serialize)]
struct Delivery<'e> {
    route: &'e str,
    #[serde(flatten)]
    view: DeliveryView<'e>,
}

/// Holds what becomes of an event against its snapshot, or writes it.
pub fn differences(
    routes_dir: &Path,
    declared: &Declared,
    became: &Became<'_>,
    update: bool,
) -> Result<Vec<String>, Failure> {
    let path = path(routes_dir, declared);
    let document = match became {
        Err(rejected) => Document::Rejected(rejected),
        Ok(made) => Document::Deliveries(made.iter().map(delivery).collect()),
    };
    let mut text = serde_json::to_string_pretty(&document)
        .map_err(|error| Failure::other(Exit::Failed, "a snapshot cannot be written as JSON", error.to_string()))?;
    text.push('\n');
    let kept = match std::fs::read_to_string(&path) {
        Ok(kept) => Some(kept),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(unusable(&path, &error)),
    };
    if kept.as_ref() == Some(&text) {
        return Ok(Vec::new());
    }
    if update {
        write(&path, &text).map_err(|error| unusable(&path, &error))?;
        return Ok(Vec::new());
    }
    let Some(kept) = kept else {
        return Ok(vec![format!("there is no snapshot {}; write it with --update", shown_path(&path))]);
    };
    let mut told = json::differences("", kept.as_bytes(), text.as_bytes())
        .unwrap_or_else(|| vec!["what is kept is no JSON".to_owned()]);
    if !told.is_empty() {
        told.insert(0, format!("it is not as in {}; if it should be, run with --update", shown_path(&path)));
    }
    Ok(told)
}

fn delivery<'e>(made: &Made<'e>) -> Delivery<'e> {
    Delivery { route: made.route, view: view::delivery(made.delivery, &|_, _, _| None) }
}

fn path(routes_dir: &Path, declared: &Declared) -> PathBuf {
    let file = Path::new(&declared.file).file_name().unwrap_or_default();
    let name = utf8_percent_encode(&declared.test.name, NO_NAME).to_string();
    // A name that begins with a dot would be hidden.
    let name = name.strip_prefix('.').map_or_else(|| name.clone(), |rest| format!("%2E{rest}"));
    routes_dir.join("snapshots").join(file).join(format!("{name}.json"))
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    let detail = format!("{}: {}", shown_path(path), error.to_string().to_lowercase());
    Failure::other(Exit::Failed, "a snapshot cannot be used", detail)
}
