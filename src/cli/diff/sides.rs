//! Both snapshots, loaded as a gateway would load them.

use crate::cli::ServeArgs;
use crate::cli::failure::Failure;
use crate::cli::output::Format;
use crate::cli::serve;
use crate::codes::Code;
use crate::config;
use crate::config::compile::gateway::Overrides;
use crate::config::gateway::GatewayConfig;
use crate::config::problem::{Problem, shown_path};
use crate::reload::snapshot::Snapshot;
use std::path::{Path, PathBuf};

/// What is compared.
pub struct Loaded {
    /// `signalbox.yaml`, the same for both.
    pub config: GatewayConfig,
    /// The routes of `--routes-dir`.
    pub old: Snapshot,
    /// Those of the argument.
    pub new: Snapshot,
}

/// Loads both sides. The problems of both are told, and end the command with 78.
pub fn load(files: &ServeArgs, routes: &Path, schemas: Option<&Path>, format: Format) -> Result<Loaded, Failure> {
    let before = files.overrides();
    let after = Overrides {
        routes_dir: Some(routes.to_owned()),
        schemas_dir: schemas.map(Path::to_owned).or_else(|| before.schemas_dir.clone()),
        ..before.clone()
    };
    // A gateway takes a missing folder for an empty one; here it is most likely mistyped.
    let named = [Some(routes), schemas, before.routes_dir.as_deref(), before.schemas_dir.as_deref()];
    let mut problems: Vec<Problem> = Vec::new();
    let missing = named.into_iter().flatten().filter(|folder| !folder.is_dir()).map(missing);
    let config = files.config.as_deref();
    match (config::load(config, &before), config::load(config, &after), missing.collect::<Vec<_>>()) {
        (Ok(old), Ok(new), none) if none.is_empty() => {
            Ok(Loaded { config: old.gateway, old: old.compiled.into(), new: new.compiled.into() })
        }
        (old, new, missing) => {
            for problem in [old.err(), new.err(), Some(missing)].into_iter().flatten().flatten() {
                // Both sides have the config file in common, and often the schemas.
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
            Err(serve::bad_files(&problems, format))
        }
    }
}

fn missing(folder: &Path) -> Problem {
    let folder: PathBuf = folder.to_owned();
    let message = if folder.exists() { "this is no folder" } else { "there is no such folder" };
    Problem::of_file(shown_path(&folder), Code::MissingFile, message)
}
