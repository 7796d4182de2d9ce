//! The files of `routes/` and `schemas/` as they are at one moment, read but not understood yet.

use super::problem::{Problem, Severity, shown_path};
use super::yaml::MAX_BYTES;
use crate::codes::Code;
use crate::jq;
use crate::validate::is_schema;
use bytestring::ByteString;
use siphasher::sip::SipHasher24;
use std::ffi::OsStr;
use std::hash::{Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Bytes all files may have together, so that a folder of the wrong files cannot fill the memory.
const MAX_TOTAL: u64 = 512 << 20;

/// A route file.
#[derive(Debug)]
pub struct RouteSource {
    /// Path relative to the working folder, with `/`.
    pub file: String,
    /// The content.
    pub bytes: Vec<u8>,
}

/// Everything that makes a snapshot, read at one moment.
#[derive(Debug)]
pub struct Sources {
    /// Route files in order of the bytes of their names.
    pub routes: Vec<RouteSource>,
    /// Schema files, `<type>/conversion` and `<type>/compat` as (path relative to the schemas folder with `/`, content), in order.
    pub schemas: Vec<(String, Vec<u8>)>,
    /// The folder of the route files; relative `${file:…}` paths start here.
    pub routes_dir: PathBuf,
    /// The folder of the schemas, for positions of problems.
    pub schemas_dir: PathBuf,
    /// Folders and files that cannot be read or used.
    pub faults: Vec<Problem>,
    /// True when a route file is there that could not be read: names may be missing.
    pub routes_missing: bool,
    /// Which of the two folders exist.
    pub found: Found,
    /// Caps of jq programs, which are no part of the files but of what they compile to.
    pub jq: jq::Limits,
    version: u64,
}

/// Which of the two folders exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Found {
    /// `routes_dir`.
    pub routes: bool,
    /// `schemas_dir`.
    pub schemas: bool,
}

impl Sources {
    /// Reads both folders: `*.yaml` and `*.yml` in `routes_dir`, `<type>/<version>.json|.avsc|.proto`,
    /// `<type>/conversion` and `<type>/compat` in `schemas_dir`; hidden files are skipped, so editors' temporary files and
    /// the inner folders of a Kubernetes volume are, too. A folder that does not exist counts as empty; see [`Sources::vanished_since`]. Whatever cannot be read becomes a fault.
    pub fn read(routes_dir: &Path, schemas_dir: &Path) -> Sources {
        let mut reader = Reader { left: MAX_TOTAL, faults: Vec::new() };
        let listing = Listing::take(routes_dir, schemas_dir, &mut reader.faults);
        let routes = listing.routes.iter().filter_map(|(_, path)| {
            let bytes = reader.read(path)?;
            Some(RouteSource { file: shown_path(path), bytes })
        });
        let routes: Vec<RouteSource> = routes.collect();
        let schemas = listing.schemas.iter().filter_map(|(name, path)| Some((name.clone(), reader.read(path)?)));
        let schemas: Vec<(String, Vec<u8>)> = schemas.collect();
        Sources {
            version: fingerprint(&routes, &schemas),
            routes_missing: routes.len() < listing.routes.len(),
            routes,
            schemas,
            routes_dir: routes_dir.to_owned(),
            schemas_dir: schemas_dir.to_owned(),
            faults: reader.faults,
            found: listing.found,
            jq: jq::Limits::default(),
        }
    }

    /// The same files for other caps of jq programs.
    #[must_use]
    pub fn with_jq(self, jq: jq::Limits) -> Sources {
        Sources { jq, ..self }
    }

    /// Hash of what is loaded: names and contents of all files, in 16 hex digits. The same files give the same version
    /// on every machine.
    pub fn version(&self) -> ByteString {
        format!("{:016x}", self.version).into()
    }

    /// What another read must equal for the files to be the same: contents, folders that exist, and faults.
    pub fn identity(&self) -> u64 {
        let mut hasher = SipHasher24::new();
        (self.version, self.found).hash(&mut hasher);
        for fault in &self.faults {
            (&fault.file, &fault.message).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// The same files as if they stood in these folders: what was kept of a snapshot counts as what it was made from.
    #[must_use]
    pub fn moved_to(mut self, routes_dir: &Path, schemas_dir: &Path) -> Sources {
        for route in &mut self.routes {
            route.file = shown_path(&routes_dir.join(last(&route.file)));
        }
        (self.routes_dir, self.schemas_dir) = (routes_dir.to_owned(), schemas_dir.to_owned());
        self
    }

    /// Every file by its path below `routes/` and `schemas/`, whatever the folders are called.
    pub fn contents(&self) -> impl Iterator<Item = (String, &[u8])> {
        let routes = self.routes.iter().map(|route| (format!("routes/{}", last(&route.file)), &*route.bytes));
        routes.chain(self.schemas.iter().map(|(name, bytes)| (format!("schemas/{name}"), &**bytes)))
    }

    /// Every file as problems show it.
    pub fn names(&self) -> Vec<String> {
        let schemas = self.schemas.iter().map(|(name, _)| shown_path(&self.schemas_dir.join(name)));
        self.routes.iter().map(|route| route.file.clone()).chain(schemas).collect()
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> usize {
        self.contents().map(|(_, bytes)| bytes.len()).sum()
    }

    /// One problem for each folder that existed earlier and does not now. A folder that is gone is a fault of the machine
    /// (an unmounted volume), never an edit.
    pub fn vanished_since(&self, earlier: Found) -> Vec<Problem> {
        let folders = [
            (earlier.routes && !self.found.routes, &self.routes_dir),
            (earlier.schemas && !self.found.schemas, &self.schemas_dir),
        ];
        let gone = folders.into_iter().filter(|(gone, _)| *gone);
        gone.map(|(_, path)| {
            let message = "the folder is gone; what was loaded from it before stays in use";
            Problem::of_file(shown_path(path), Code::MissingFile, message)
                .hint("to remove every route, leave an empty folder")
        })
        .collect()
    }
}

/// A cheap look at both folders: it changes whenever a file's name, size, time or identity does. For polling.
pub fn stamp(routes_dir: &Path, schemas_dir: &Path) -> u64 {
    let mut faults = Vec::new();
    let listing = Listing::take(routes_dir, schemas_dir, &mut faults);
    let mut hasher = SipHasher24::new();
    listing.found.hash(&mut hasher);
    faults.len().hash(&mut hasher);
    for (name, path) in listing.routes.iter().chain(&listing.schemas) {
        name.hash(&mut hasher);
        if let Ok(metadata) = path.metadata() {
            metadata.len().hash(&mut hasher);
            metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH).hash(&mut hasher);
            #[cfg(unix)]
            {
                use std::os::unix::fs::MetadataExt;
                (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec()).hash(&mut hasher);
            }
        }
    }
    hasher.finish()
}

/// Which files there are, by name and path, in order.
struct Listing {
    found: Found,
    routes: Vec<(String, PathBuf)>,
    schemas: Vec<(String, PathBuf)>,
}

impl Listing {
    fn take(routes_dir: &Path, schemas_dir: &Path, faults: &mut Vec<Problem>) -> Listing {
        let routes = visible(routes_dir, faults);
        let types = visible(schemas_dir, faults);
        let found = Found { routes: routes.is_some(), schemas: types.is_some() };
        let is_route = |path: &Path| extension(path).is_some_and(|e| e == "yaml" || e == "yml") && !path.is_dir();
        let routes = routes.unwrap_or_default().into_iter().filter(|(_, path)| is_route(path)).collect();
        let mut schemas = Vec::new();
        for (name, path) in types.unwrap_or_default() {
            if path.is_dir() {
                list_type(&name, &path, &mut schemas, faults);
            } else if extension(&path).is_some_and(is_schema) {
                let hint = "move it to `schemas/<event type>/<version>.json`";
                let message = "a schema outside of the folder of its event type governs nothing";
                let stray = Problem::of_file(shown_path(&path), Code::BadSchema, message).hint(hint);
                faults.push(Problem { severity: Severity::Warning, ..stray });
            }
        }
        Listing { found, routes, schemas }
    }
}

/// The schema files of one event type.
fn list_type(name: &str, folder: &Path, schemas: &mut Vec<(String, PathBuf)>, faults: &mut Vec<Problem>) {
    let mut holds_some = false;
    let faults_before = faults.len();
    for (file, path) in visible(folder, faults).unwrap_or_default() {
        match extension(&path) {
            _ if path.is_dir() => {}
            Some(extension) if is_schema(extension) => {
                holds_some = true;
                schemas.push((format!("{name}/{file}"), path));
            }
            _ if file == "conversion" || file == "compat" => schemas.push((format!("{name}/{file}"), path)),
            _ => {}
        }
    }
    if !holds_some && faults.len() == faults_before {
        let message = "the folder governs its event type, but holds no schema";
        let hint = "add a version, such as `1.json`, or remove the folder";
        faults.push(Problem::of_file(shown_path(folder), Code::BadSchema, message).hint(hint));
    }
}

/// Names and paths in a folder in order of bytes, without hidden ones. `None`: the folder does not exist.
fn visible(folder: &Path, faults: &mut Vec<Problem>) -> Option<Vec<(String, PathBuf)>> {
    let entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            faults.push(unreadable(folder, &error));
            return Some(Vec::new());
        }
    };
    let mut names = Vec::new();
    for entry in entries {
        match entry.map(|entry| (entry.file_name().into_string(), entry.path())) {
            Ok((Ok(name), _)) if name.starts_with(['.', '#']) => {}
            Ok((Ok(name), path)) => names.push((name, path)),
            Ok((Err(_), path)) => {
                faults.push(Problem::of_file(shown_path(&path), Code::MissingFile, "the file name is not UTF-8"));
            }
            Err(error) => faults.push(unreadable(folder, &error)),
        }
    }
    names.sort_unstable();
    Some(names)
}

fn extension(path: &Path) -> Option<&str> {
    path.extension().and_then(OsStr::to_str)
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::of_file(shown_path(path), Code::MissingFile, format!("cannot be read: {}", error.kind()))
}

struct Reader {
    /// Bytes that may still be read.
    left: u64,
    faults: Vec<Problem>,
}

impl Reader {
    fn read(&mut self, path: &Path) -> Option<Vec<u8>> {
        match read_capped(path) {
            Ok(Some(bytes)) if bytes.len() as u64 <= self.left => {
                self.left -= bytes.len() as u64;
                Some(bytes)
            }
            Ok(Some(_)) => {
                let message = "all files together are larger than 512 MiB; this one and others are left out";
                self.faults.push(Problem::of_file(shown_path(path), Code::TooLarge, message));
                None
            }
            Ok(None) => {
                self.faults.push(Problem::of_file(shown_path(path), Code::TooLarge, "the file is larger than 8 MiB"));
                None
            }
            Err(error) => {
                self.faults.push(unreadable(path, &error));
                None
            }
        }
    }
}

/// Reads a file; `None` when it is larger than [`MAX_BYTES`].
pub fn read_capped(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let metadata = path.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no regular file"));
    }
    if metadata.len() > MAX_BYTES {
        return Ok(None);
    }
    let bytes = std::fs::read(path)?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= MAX_BYTES))
}

/// The name of a file without its folders.
fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Lengths go in before contents, so that no two different folders hash the same bytes.
fn fingerprint(routes: &[RouteSource], schemas: &[(String, Vec<u8>)]) -> u64 {
    let mut hasher = SipHasher24::new();
    let routes = routes.iter().map(|route| (last(&route.file).to_owned(), &route.bytes));
    let schemas = schemas.iter().map(|(name, bytes)| (format!("/{name}"), bytes));
    for (name, bytes) in routes.chain(schemas) {
        for part in [name.as_bytes(), bytes] {
            hasher.write(&(part.len() as u64).to_le_bytes());
            hasher.write(part);
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::{Sources, stamp};
    use crate::codes::Code;
    use crate::config::problem::Severity;
    use std::fs;
    use std::path::Path;

    fn write(folder: &Path, files: &[&str]) {
        for name in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
    }

    fn read(folder: &Path) -> Sources {
        Sources::read(&folder.join("routes"), &folder.join("schemas"))
    }

    #[test]
    fn files_come_in_order_of_bytes_and_make_the_version() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["routes/b.yaml", "routes/B.yml", "routes/a.yaml", "routes/sub/x.yaml", "routes/.h.yaml"];
        write(folder.path(), &files);
        write(folder.path(), &["schemas/t/2.json", "schemas/t/10.json", "schemas/README.md", "schemas/t/notes.txt"]);
        let sources = read(folder.path());
        let names: Vec<_> = sources.routes.iter().map(|route| route.file.rsplit('/').next().unwrap()).collect();
        assert_eq!(names, ["B.yml", "a.yaml", "b.yaml"]);
        let schemas: Vec<_> = sources.schemas.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(schemas, ["t/10.json", "t/2.json"]);
        assert!(sources.faults.is_empty(), "{:?}", sources.faults);
        assert_eq!(sources.version(), "1847989981fe2031", "the same on every machine");
        let before = (sources.identity(), stamp(&sources.routes_dir, &sources.schemas_dir));
        assert_eq!(before, (read(folder.path()).identity(), stamp(&sources.routes_dir, &sources.schemas_dir)));
        fs::write(folder.path().join("routes/a.yaml"), "other").unwrap();
        let after = read(folder.path());
        assert_ne!(after.version(), sources.version());
        assert_ne!((after.identity(), stamp(&after.routes_dir, &after.schemas_dir)), before);
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &["schemas/stray.json", "schemas/a/1.avsc", "schemas/b/conversion", "schemas/c/1.proto"]);
        assert_eq!(read(folder.path()).schemas.len(), 3);
        write(folder.path(), &["routes/ok.yaml"]);
        std::os::unix::fs::symlink("nowhere", folder.path().join("routes/gone.yaml")).unwrap();
        let sources = read(folder.path());
        let found: Vec<_> = sources.faults.iter().map(|fault| (fault.code, fault.severity)).collect();
        assert_eq!(
            found,
            [
                (Code::BadSchema, Severity::Error),
                (Code::BadSchema, Severity::Warning),
                (Code::MissingFile, Severity::Error),
            ]
        );
        assert!(sources.routes_missing);
    }

    #[test]
    fn a_folder_that_is_not_there_is_empty_until_it_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let none = read(folder.path());
        assert!(none.faults.is_empty() && none.routes.is_empty() && !none.found.routes);
        write(folder.path(), &["routes/a.yaml", "schemas/a/1.json"]);
        let both = read(folder.path());
        assert!(both.vanished_since(none.found).is_empty());
        assert_eq!(none.vanished_since(both.found).len(), 2);
    }
}
