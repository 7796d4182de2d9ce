//! What was last seen of a cluster.

use crate::deliver::Reach;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A fault that is older is no news of a cluster that can be reached.
const RECENT: Duration = Duration::from_mins(1);

/// What was last seen.
#[derive(Debug)]
pub struct View {
    /// Can it be reached.
    pub reach: Reach,
    /// Why it cannot be reached, or what went wrong last.
    pub why: Option<Why>,
    /// The topics, once they were told.
    pub topics: Option<Topics>,
    /// Why this login may write to no topic at all: it then gets no producer id, and no producer lives.
    pub denied: Option<String>,
}

/// Something that went wrong.
#[derive(Debug, Clone)]
pub struct Why {
    at: Instant,
    /// For people.
    pub text: String,
}

/// The topics of the cluster at a moment.
#[derive(Debug)]
pub struct Topics {
    /// Before they were asked for.
    pub at: Instant,
    /// Those this login may see, with their numbers of partitions, none of them 0.
    pub partitions: HashMap<String, u32>,
}

impl View {
    /// Nothing was heard yet.
    pub fn unknown() -> View {
        View { reach: Reach::Unknown, why: None, topics: None, denied: None }
    }

    /// What went wrong a short time ago, be it with one broker of many.
    pub fn recent_fault(&self) -> Option<String> {
        self.why.as_ref().filter(|why| why.at.elapsed() < RECENT).map(|why| why.text.clone())
    }
}

impl Why {
    /// It happens now.
    pub fn now(text: String) -> Why {
        Why { at: Instant::now(), text }
    }
}
