//! How many connections the process can afford: a share of its file descriptors stays free for the log, the state and
//! the destinations, so that a crowd of peers cannot keep an acknowledged event from being written.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The configured number of connections, or three quarters of the process's file descriptors if those are fewer.
pub fn affordable(connections: usize, listener: &str) -> usize {
    raise_soft_limit();
    // Only Linux tells this way; elsewhere the accept loop's pause on failure has to do.
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let Some(most) = open_files(&limits) else { return connections };
    let affordable = most - most / 4;
    if affordable < connections {
        tracing::warn!(
            listener,
            connections = affordable,
            configured = connections,
            "the limit on open files allows fewer connections than configured; raise it (ulimit -n)"
        );
    }
    connections.min(affordable)
}

/// Most systems start a process with a soft limit of 1024 and a hard one far above it: what the hard one allows is ours.
fn raise_soft_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err() {
        tracing::debug!("the soft limit on open files stays as it is");
    }
}

/// The soft limit in the text of `/proc/self/limits`; `None` when there is none.
fn open_files(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{affordable, open_files};

    #[test]
    fn the_soft_limit_is_read() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max processes             unlimited            unlimited            processes \n\
                    Max open files            1024                 524288               files     \n";
        assert_eq!(open_files(text), Some(1024));
        assert_eq!(open_files("Max open files            unlimited            unlimited            files"), None);
        assert_eq!(open_files(""), None);
    }

    #[test]
    fn a_few_connections_are_always_affordable() {
        assert_eq!(affordable(10, "test"), 10);
    }
}
