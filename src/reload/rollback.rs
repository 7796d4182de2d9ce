//! An earlier snapshot becomes the current one, without touching files (routing.md §5).

use super::history::Entry;
use super::snapshot::Snapshot;
use super::{Snapshots, lock};
use crate::config::compile;
use crate::config::problem::Problem;
use std::sync::Arc;

/// Why an earlier snapshot does not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RollbackError {
    /// The history does not have it, or its files were changed.
    #[error("the history has no snapshot `{0}`; GET /api/v1/routes/history lists those it has")]
    Unknown(String),
    /// There is only the one that runs.
    #[error("there is no snapshot before the one that runs")]
    NoneBefore,
    /// Its files have problems now, such as a variable that is gone.
    #[error("snapshot `{version}` cannot be loaded any more: {first}")]
    Problems {
        /// Which one.
        version: String,
        /// The first problem, with its place.
        first: String,
        /// All of them.
        problems: Vec<Problem>,
    },
}

impl Snapshots {
    /// The snapshots that ran, newest first.
    pub fn history(&self) -> Vec<Entry> {
        lock(&self.history).entries().to_vec()
    }

    /// Makes an earlier snapshot the current one, by default the one before. It runs until files in the folders change, or
    /// SIGHUP, or a restart. Blocks like a reload.
    pub fn roll_back(&self, version: Option<&str>) -> Result<Arc<Snapshot>, RollbackError> {
        let mut files = lock(&self.files);
        let (version, sources) = {
            let history = lock(&self.history);
            let version = match version {
                Some(version) => version.to_owned(),
                None => history.before().ok_or(RollbackError::NoneBefore)?.clone(),
            };
            let sources = history.sources(&version, &files.routes_dir, &files.schemas_dir);
            (version.clone(), sources.ok_or(RollbackError::Unknown(version))?)
        };
        let compiled = compile::compile_for(&sources, files.keeps_log).map_err(|problems| {
            let first = problems.first().map(crate::config::report::line).unwrap_or_default();
            RollbackError::Problems { version: version.clone(), first, problems }
        })?;
        let snapshot = Arc::new(Snapshot::from(compiled));
        self.swap(&snapshot);
        files.running = None;
        lock(&self.history).make_current(&version);
        tracing::warn!(version, "rolled back: an earlier snapshot runs until files in the folders change");
        self.save_history();
        Ok(snapshot)
    }
}
