//! Files that somebody is still writing: they were written to and not closed since, as the notifications tell.
//!
//! Half a file may be a good file, with half of the routes. Where nothing tells of writers, that files rest must be enough.

use crate::validate::is_schema;
use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Who holds a file open without writing for this long is not waited for: a change is active within 2 s (design.md §2).
pub const PATIENCE: Duration = Duration::from_millis(1200);
/// Files that are remembered; who writes more at once has to be fast.
const MOST: usize = 1024;

/// The files that are being written, with the time of the last write.
#[derive(Default)]
pub struct Writers(Mutex<HashMap<PathBuf, Instant>>);

impl Writers {
    /// Takes note of a notification.
    pub fn note(&self, event: &Event) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event.kind {
            _ if event.need_rescan() => open.clear(),
            EventKind::Modify(ModifyKind::Data(_)) => {
                for path in event.paths.iter().filter(|path| is_read(path)) {
                    if open.len() < MOST || open.contains_key(path) {
                        open.insert(path.clone(), Instant::now());
                    }
                }
            }
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Remove(_)
            | EventKind::Modify(ModifyKind::Name(_)) => {
                for path in &event.paths {
                    open.remove(path);
                }
            }
            _ => {}
        }
    }

    /// Is one of them worth waiting for.
    pub fn are_busy(&self) -> bool {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, last| last.elapsed() < PATIENCE);
        !open.is_empty()
    }
}

/// A route file or a schema. Something else that is written in their folders without end holds up nothing.
fn is_read(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|extension| matches!(extension, "yaml" | "yml") || is_schema(extension))
}

#[cfg(test)]
mod tests {
    use super::{MOST, Writers};
    use notify::event::{AccessKind, AccessMode, DataChange, Flag, ModifyKind, RemoveKind, RenameMode};
    use notify::{Event, EventKind};

    const WRITTEN: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));

    fn event(kind: EventKind, path: &str) -> Event {
        Event::new(kind).add_path(path.into())
    }

    #[test]
    fn a_file_is_written_until_it_is_closed_or_gone() {
        let writers = Writers::default();
        assert!(!writers.are_busy());
        let ends = [
            EventKind::Access(AccessKind::Close(AccessMode::Write)),
            EventKind::Remove(RemoveKind::File),
            EventKind::Modify(ModifyKind::Name(RenameMode::From)),
        ];
        for end in ends {
            writers.note(&event(WRITTEN, "a.yaml"));
            writers.note(&event(WRITTEN, "b.json"));
            writers.note(&event(end, "a.yaml"));
            assert!(writers.are_busy(), "b is open");
            writers.note(&event(end, "b.json"));
            assert!(!writers.are_busy(), "{end:?}");
        }
        writers.note(&event(EventKind::Access(AccessKind::Open(AccessMode::Any)), "a.yaml"));
        assert!(!writers.are_busy(), "who reads is no writer");
        writers.note(&event(WRITTEN, "gateway.log"));
        assert!(!writers.are_busy(), "nobody reads it");
        writers.note(&event(WRITTEN, "a.yaml"));
        writers.note(&Event::new(EventKind::Other).set_flag(Flag::Rescan));
        assert!(!writers.are_busy(), "what was lost may have been its end");
    }

    #[test]
    fn not_more_are_remembered_than_there_is_room_for() {
        let writers = Writers::default();
        for number in 0..2 * MOST {
            writers.note(&event(WRITTEN, &format!("{number}.yml")));
        }
        assert_eq!(writers.0.lock().unwrap().len(), MOST);
    }
}
