//! The snapshots that ran, newest first, with their files: an earlier one can run again, and can tell why a route did not
//! take an event it decided (routing.md §1, §5).
//!
//! On disk, each is a folder `snapshots/<version>` of the data directory with `routes/` and `schemas/` as they were, for
//! people to read, too; `snapshots/history.json` lists them. Without a data directory they are kept in memory.

use crate::config::sources::Sources;
use crate::jq;
use crate::units::Micros;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many snapshots are kept (routing.md §5).
pub const LENGTH: usize = 20;
/// Bytes of files kept in memory where there is no data directory: about a hundred thousand routes.
const MEMORY: usize = 64 << 20;
const LIST: &str = "history.json";

/// A snapshot that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Hash of what was loaded.
    pub version: String,
    /// When its files were last loaded.
    pub at: Micros,
    /// Its files as they were shown then.
    pub files: Vec<String>,
    /// Does it run now.
    pub current: bool,
    /// What ran before its files were loaded.
    #[serde(skip)]
    before: Option<String>,
}

/// An entry as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: String,
    /// Microseconds since the epoch.
    at: i64,
    files: Vec<String>,
    current: bool,
    before: Option<String>,
}

/// The snapshots that ran.
#[derive(Default)]
pub struct History {
    folder: Option<PathBuf>,
    entries: Vec<Entry>,
    /// The files of entries that are not on disk.
    held: HashMap<String, Arc<Sources>>,
    /// Caps of jq programs, which are not kept with the files.
    pub jq: jq::Limits,
}

impl History {
    /// The history of a data directory. One that cannot be read begins anew, with a warning.
    pub fn open(data_dir: &Path) -> History {
        let folder = data_dir.join("snapshots");
        let entries = read_list(&folder).unwrap_or_else(|error| {
            tracing::warn!(folder = %folder.display(), %error, "the history of snapshots cannot be read; it begins anew");
            Vec::new()
        });
        History { folder: Some(folder), entries, ..History::default() }
    }

    /// Every snapshot kept, newest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The version that ran last.
    pub fn current(&self) -> Option<&String> {
        self.entries.iter().find(|entry| entry.current).map(|entry| &entry.version)
    }

    /// The version that ran before the current one; none when there is no other.
    pub fn before(&self) -> Option<&String> {
        let at = self.entries.iter().position(|entry| entry.current)?;
        let known = |version: &String| self.entries.iter().find(|entry| entry.version == *version);
        let before = self.entries[at].before.as_ref().and_then(known).filter(|entry| !entry.current);
        before.or(self.entries.get(at + 1)).map(|entry| &entry.version)
    }

    /// Notes that these files were loaded and run now. They are in memory until [`History::store`].
    pub fn loaded(&mut self, sources: Arc<Sources>, at: Micros) {
        let version = sources.version().to_string();
        let before = self.current().cloned();
        let same = |entry: &Entry| entry.version == version;
        if before.as_ref() == Some(&version) && self.entries.first().is_some_and(same) {
            // A restart on the same files, or a reload of them, is no news.
            self.held.insert(version, sources);
            return;
        }
        self.entries.retain(|entry| !same(entry));
        self.entries.iter_mut().for_each(|entry| entry.current = false);
        let files = sources.names();
        self.entries.insert(0, Entry { version: version.clone(), at, files, current: true, before });
        self.held.insert(version, sources);
        self.entries.truncate(LENGTH);
        self.forget();
    }

    /// Marks an entry as the one that runs.
    pub fn make_current(&mut self, version: &str) {
        for entry in &mut self.entries {
            entry.current = entry.version == version;
        }
    }

    /// Takes over the entries of another history that are not in this one, as older ones.
    pub fn continued_from(&mut self, earlier: History) {
        for mut entry in earlier.entries {
            if self.entries.iter().all(|known| known.version != entry.version) {
                entry.current = false;
                self.entries.push(entry);
            }
        }
        self.entries.truncate(LENGTH);
        self.folder = earlier.folder;
    }

    /// The files of a version, shown as if they stood in the folders they came from. `None`: it is not kept, or what is
    /// kept of it was changed.
    pub fn sources(&self, version: &str, routes_dir: &Path, schemas_dir: &Path) -> Option<Arc<Sources>> {
        self.entries.iter().find(|entry| entry.version == version)?;
        if let Some(held) = self.held.get(version) {
            return Some(held.clone());
        }
        let folder = self.folder.as_ref()?.join(version);
        let kept = Sources::read(&folder.join("routes"), &folder.join("schemas")).moved_to(routes_dir, schemas_dir);
        let kept = kept.with_jq(self.jq);
        (kept.version() == version).then(|| Arc::new(kept))
    }

    /// What has to be written for the disk to hold what this history says; nothing without a data directory.
    pub fn unsaved(&self) -> Option<Unsaved> {
        let folder = self.folder.clone()?;
        let list = self.entries.iter().map(|entry| Stored {
            version: entry.version.clone(),
            at: entry.at.0,
            files: entry.files.clone(),
            current: entry.current,
            before: entry.before.clone(),
        });
        Some(Unsaved { folder, list: list.collect(), held: self.held.clone() })
    }

    /// These are on disk now, so memory can let go of them.
    pub fn saved(&mut self, versions: &[String]) {
        self.held.retain(|version, _| !versions.contains(version));
    }

    /// Lets go of files nobody can ask for, and, without a data directory, of the oldest when there are too many bytes.
    fn forget(&mut self) {
        let entries = &self.entries;
        self.held.retain(|version, _| entries.iter().any(|entry| entry.version == *version));
        if self.folder.is_some() {
            return;
        }
        let mut bytes = 0;
        for at in 0..self.entries.len() {
            bytes += self.held.get(&self.entries[at].version).map_or(0, |sources| sources.bytes());
            if bytes > MEMORY && at > 0 {
                let gone = self.entries.split_off(at);
                self.held.retain(|version, _| gone.iter().all(|entry| entry.version != *version));
                return;
            }
        }
    }
}

/// A history on its way to the disk.
pub struct Unsaved {
    folder: PathBuf,
    list: Vec<Stored>,
    held: HashMap<String, Arc<Sources>>,
}

impl Unsaved {
    /// Writes new snapshots, then the list, then removes what the list no longer names: after a crash at any point every
    /// snapshot of the list is whole. Returns the versions whose files are on disk.
    pub fn write(self) -> io::Result<Vec<String>> {
        fs::create_dir_all(&self.folder)?;
        let mut written = Vec::new();
        for (version, sources) in &self.held {
            if !self.folder.join(version).is_dir() {
                write_snapshot(&self.folder, version, sources)?;
            }
            written.push(version.clone());
        }
        let text = serde_json::to_vec_pretty(&self.list)?;
        let fresh = self.folder.join(".history.json");
        write_synced(&fresh, &text)?;
        fs::rename(&fresh, self.folder.join(LIST))?;
        File::open(&self.folder)?.sync_all()?;
        for entry in self.folder.read_dir()? {
            let entry = entry?;
            let name = entry.file_name();
            let is_kept = |stored: &Stored| name.to_str() == Some(&stored.version);
            if entry.file_type()?.is_dir() && !self.list.iter().any(is_kept) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(written)
    }
}

fn write_snapshot(folder: &Path, version: &str, sources: &Sources) -> io::Result<()> {
    let fresh = folder.join(format!(".{version}"));
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    fs::create_dir_all(&fresh)?;
    let found = [(sources.found.routes, "routes"), (sources.found.schemas, "schemas")];
    for (_, name) in found.into_iter().filter(|(found, _)| *found) {
        fs::create_dir(fresh.join(name))?;
    }
    for (path, bytes) in sources.contents() {
        let path = fresh.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        write_synced(&path, bytes)?;
    }
    fs::rename(&fresh, folder.join(version))
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn read_list(folder: &Path) -> io::Result<Vec<Entry>> {
    let text = match fs::read(folder.join(LIST)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let list: Vec<Stored> = serde_json::from_slice(&text)?;
    let entry = |stored: Stored| Entry {
        version: stored.version,
        at: Micros(stored.at),
        files: stored.files,
        current: stored.current,
        before: stored.before,
    };
    Ok(list.into_iter().take(LENGTH).map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::{History, LENGTH};
    use crate::config::sources::Sources;
    use crate::units::Micros;
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;

    fn sources(folder: &Path, text: &str) -> Arc<Sources> {
        let routes = folder.join("routes");
        fs::create_dir_all(&routes).unwrap();
        fs::create_dir_all(folder.join("schemas/com.example.a")).unwrap();
        fs::write(routes.join("a.yaml"), text).unwrap();
        fs::write(folder.join("schemas/com.example.a/1.json"), "{}").unwrap();
        Arc::new(Sources::read(&routes, &folder.join("schemas")))
    }

    fn save(history: &mut History) {
        let written = history.unsaved().unwrap().write().unwrap();
        history.saved(&written);
    }

    fn versions(history: &History) -> Vec<(String, bool)> {
        history.entries().iter().map(|entry| (entry.version.clone(), entry.current)).collect()
    }

    #[test]
    fn snapshots_survive_with_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut history = History::open(&data);
        let [one, two] = ["one", "two"].map(|text| sources(folder.path(), text));
        for (at, sources) in [(1, &one), (2, &two)] {
            history.loaded(sources.clone(), Micros(at));
            save(&mut history);
        }
        history.make_current(&one.version());
        save(&mut history);
        let again = History::open(&data);
        assert_eq!(again.entries(), history.entries());
        assert_eq!(versions(&again), [(two.version().to_string(), false), (one.version().to_string(), true)]);
        assert_eq!(again.entries()[0].files.len(), 2);
        let (routes, schemas) = (folder.path().join("routes"), folder.path().join("schemas"));
        let kept = again.sources(&one.version(), &routes, &schemas).unwrap();
        assert_eq!(kept.routes[0].bytes, b"one");
        assert_eq!((&kept.routes[0].file, &kept.routes_dir), (&one.routes[0].file, &one.routes_dir));
        assert_eq!((kept.identity(), kept.found), (one.identity(), one.found));
        assert!(again.sources("0000", &routes, &schemas).is_none());
        fs::write(data.join("snapshots").join(&*one.version()).join("routes/a.yaml"), "changed").unwrap();
        assert!(again.sources(&one.version(), &routes, &schemas).is_none(), "what was changed is not what ran");
    }

    #[test]
    fn the_one_before_is_what_ran_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut history = History::default();
        let all = ["a", "b", "c", "d"].map(|text| sources(folder.path(), text));
        let version = |at: usize| all[at].version().to_string();
        assert_eq!(history.before(), None);
        for (at, sources) in (0..).zip(&all[..3]) {
            history.loaded(sources.clone(), Micros(at));
        }
        assert_eq!(history.before(), Some(&version(1)));
        history.make_current(&version(1));
        assert_eq!(history.before(), Some(&version(0)), "further back");
        history.loaded(all[3].clone(), Micros(9));
        assert_eq!(history.before(), Some(&version(1)), "not the one that was taken back");
        history.make_current(&version(0));
        assert_eq!(history.before(), None);
        history.loaded(all[0].clone(), Micros(10));
        assert_eq!(versions(&history)[0], (version(0), true));
        assert_eq!(history.entries().len(), 4, "each version stands once");
    }

    #[test]
    fn only_the_last_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut history = History::open(&data);
        for number in 0..LENGTH + 3 {
            history.loaded(sources(folder.path(), &number.to_string()), Micros(0));
            save(&mut history);
        }
        assert_eq!(history.entries().len(), LENGTH);
        let kept = data.join("snapshots").read_dir().unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir());
        assert_eq!(kept.count(), LENGTH);
        assert!(history.held.is_empty(), "what is on disk is not in memory");
        fs::write(data.join("snapshots/history.json"), "[{").unwrap();
        assert!(History::open(&data).entries().is_empty());
    }
}
