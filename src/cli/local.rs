//! Routes and schemas of the files at hand, as a gateway would run them: what `explain`, `test` and `diff` judge events by.

use crate::cli::ServeArgs;
use crate::cli::failure::Failure;
use crate::cli::output::Format;
use crate::cli::serve;
use crate::codes::Code;
use crate::config;
use crate::config::compile::test::Declared;
use crate::config::gateway::GatewayConfig;
use crate::config::problem::{Problem, shown_path};
use crate::observability::spans::Spans;
use crate::observability::spans::request::RequestTrace;
use crate::observability::trace::{Ids, TraceTrust};
use crate::pipeline::Incoming;
use crate::pipeline::accept::Policy;
use crate::pipeline::explain::{self, Explanation};
use crate::pipeline::fingerprint::Fingerprints;
use crate::pipeline::outcome::Rejection;
use crate::reload::snapshot::Snapshot;
use crate::units::Micros;
use bytes::Bytes;
use std::path::Path;

/// A gateway that is not running.
pub struct Local {
    /// `signalbox.yaml`.
    pub config: GatewayConfig,
    /// Routes and schemas.
    pub snapshot: Snapshot,
    /// What its first listener asks of a request.
    pub policy: Policy,
    /// The tests beside the routes.
    pub tests: Vec<Declared>,
}

impl Local {
    /// Loads the files. Their problems are told, and end the command with 78.
    pub fn load(files: &ServeArgs, format: Format) -> Result<Local, Failure> {
        Local::read(files).map_err(|problems| serve::bad_files(&problems, format))
    }

    /// Loads the files, or gives all their problems.
    pub fn read(files: &ServeArgs) -> Result<Local, Vec<Problem>> {
        let missing = missing([files.routes_dir.as_deref(), files.schemas_dir.as_deref()]);
        if !missing.is_empty() {
            return Err(missing);
        }
        let loaded = config::load(files.config.as_deref(), &files.overrides())?;
        let config = loaded.gateway;
        let Some(listener) = config.listeners.first() else {
            let file = files.config.as_deref().map_or_else(|| "signalbox.yaml".to_owned(), shown_path);
            return Err(vec![Problem::of_file(file, Code::MissingKey, "there is no listener")]);
        };
        // Nothing is remembered of a request, so it does not matter what it would be remembered by.
        let policy = Policy::new(listener, &config, Fingerprints::new([0; 16]));
        let mut compiled = loaded.compiled;
        let tests = std::mem::take(&mut compiled.tests);
        Ok(Local { policy, snapshot: compiled.into(), config, tests })
    }

    /// What would become of one request. `ids` gives those of its trace.
    pub fn explain(&self, headers: Vec<(&str, &[u8])>, body: Bytes, ids: Ids) -> Result<Explanation, Rejection> {
        let mut trace = RequestTrace::begin(&Spans::default(), None, TraceTrust::Continue, false, ids);
        let incoming = Incoming { headers, body, producer: None, lenient: false };
        explain::explain(incoming, &self.snapshot, &self.policy, Micros::now(), &mut trace)
    }
}

/// Folders that were named and are not there. A gateway takes a missing folder for an empty one, since it may come; a command that
/// looks at one has most likely been given a mistyped name.
pub fn missing<'f>(named: impl IntoIterator<Item = Option<&'f Path>>) -> Vec<Problem> {
    let missing = named.into_iter().flatten().filter(|folder| !folder.is_dir());
    let problem = |folder: &Path| {
        let message = if folder.exists() { "this is no folder" } else { "there is no such folder" };
        Problem::of_file(shown_path(folder), Code::MissingFile, message).hint("see the name that was given")
    };
    missing.map(problem).collect()
}
