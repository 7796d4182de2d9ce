//! Both snapshots, loaded as a gateway would load them.

use crate::cli::ServeArgs;
use crate::cli::failure::Failure;
use crate::cli::local;
use crate::cli::output::Format;
use crate::cli::serve;
use crate::config;
use crate::config::compile::gateway::Overrides;
use crate::config::gateway::GatewayConfig;
use crate::config::problem::Problem;
use crate::reload::snapshot::Snapshot;
use std::path::Path;

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
    let mut problems: Vec<Problem> = Vec::new();
    let missing = local::missing([Some(routes), schemas, before.routes_dir.as_deref(), before.schemas_dir.as_deref()]);
    let config = files.config.as_deref();
    match (config::load(config, &before), config::load(config, &after), missing) {
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
