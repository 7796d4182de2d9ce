//! `serve --use-last-good`: files that are no good at the start are stood in for by the snapshot that ran last
//! (routing.md §5).

use super::history::History;
use crate::config::compile::gateway::{Overrides, load_gateway};
use crate::config::problem::Problem;
use crate::config::sources::Sources;
use crate::config::{Failed, Loaded, compile};
use std::path::Path;
use std::sync::Arc;

/// What was loaded, or the snapshot that ran last where that has problems or a folder of it is gone. `Err`: the problems,
/// because `signalbox.yaml` has some, or there is nothing to fall back on.
pub fn choose(
    loaded: Result<Loaded, Vec<Problem>>,
    config: Option<&Path>,
    overrides: &Overrides,
) -> Result<Loaded, Vec<Problem>> {
    let gateway = match &loaded {
        Ok(loaded) => loaded.gateway.clone(),
        Err(problems) => load_gateway(config, overrides).map_err(|_| problems.clone())?,
    };
    // A gateway without a log has no data directory; one that lies there is another's.
    if !gateway.keeps_log() {
        return loaded;
    }
    let (routes_dir, schemas_dir) = (&gateway.routes_dir, &gateway.schemas_dir);
    let mut history = History::open(&gateway.data_dir);
    history.jq = gateway.limits.jq();
    let last = history.current().and_then(|version| history.sources(version, routes_dir, schemas_dir));
    let files = Sources::read(routes_dir, schemas_dir);
    let problems = match (&loaded, &last) {
        (Err(problems), _) => problems.clone(),
        (Ok(_), Some(last)) => files.vanished_since(last.found),
        (Ok(_), None) => Vec::new(),
    };
    if problems.is_empty() {
        return loaded;
    }
    let failed = Failed { identity: files.identity(), problems: problems.clone() };
    let sources = last.and_then(Arc::into_inner).ok_or_else(|| problems.clone())?;
    match compile::compile(&sources) {
        Ok(compiled) => Ok(Loaded { gateway, sources, compiled, failed: Some(failed) }),
        Err(_) => Err(problems),
    }
}
