//! What the operator wrote: `signalbox.yaml` and `routes/*.yaml`, read with every problem reported at once.
//!
//! Text becomes nodes with places ([`yaml`], values filled in by [`interpolate`]), nodes are checked against the schema
//! of the declared types ([`shape`]), and what the good parts mean is checked and compiled ([`compile`]). Nothing here
//! knows what runs; [`crate::reload`] turns the result into a snapshot.
//!
//! `signalbox check` and `signalbox serve` both begin with [`load`] and print its problems with [`report`].

pub mod compile;
mod findings;
pub mod gateway;
pub mod interpolate;
pub mod pairs;
pub mod part;
pub mod problem;
pub mod reference;
pub mod remote;
pub mod report;
pub mod route_file;
pub mod shape;
pub mod sources;
pub mod suggest;
pub mod test_file;
pub mod yaml;

use compile::gateway::{Overrides, load_as_far_as_possible};
use compile::{Compiled, compile_from};
use gateway::GatewayConfig;
use problem::Problem;
use sources::Sources;
use std::path::Path;

/// Everything a gateway starts with.
#[derive(Debug)]
pub struct Loaded {
    /// The static part.
    pub gateway: GatewayConfig,
    /// The files the hot part was compiled from.
    pub sources: Sources,
    /// The hot part.
    pub compiled: Compiled,
    /// Set when the files of the moment were no good and `sources` are those of an earlier snapshot.
    pub failed: Option<Failed>,
}

/// Files that an earlier snapshot stands in for.
#[derive(Debug)]
pub struct Failed {
    /// [`Sources::identity`] of the files of the moment.
    pub identity: u64,
    /// What is wrong with them.
    pub problems: Vec<Problem>,
}

/// Reads and compiles everything. `Err` holds every problem of every file at once, `signalbox.yaml` first.
/// [`Compiled::warnings`] holds what refuses nothing.
pub fn load(path: Option<&Path>, overrides: &Overrides) -> Result<Loaded, Vec<Problem>> {
    load_with(path, overrides, &interpolate::process_variable)
}

fn load_with(
    path: Option<&Path>,
    overrides: &Overrides,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Loaded, Vec<Problem>> {
    let (gateway, problems) = load_as_far_as_possible(path, overrides, variable);
    let failed = problems.has_errors();
    let mut problems = problems.into_sorted();
    let sources = Sources::read(&gateway.routes_dir, &gateway.schemas_dir).with_jq(gateway.limits.jq());
    match compile_from(&sources, gateway.keeps_log(), variable) {
        Ok(compiled) if !failed => Ok(Loaded { gateway, sources, compiled, failed: None }),
        Ok(compiled) => {
            problems.extend(compiled.warnings);
            Err(problems)
        }
        Err(found) => {
            problems.extend(found);
            Err(problems)
        }
    }
}
