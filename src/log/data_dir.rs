//! The lock of the data directory: one process at a time (design.md §2).

use super::{DataDir, LockError, segment};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

const LOCK_FILE: &str = "LOCK";

impl DataDir {
    /// Creates the folder when absent and takes its lock.
    pub fn lock(root: &Path) -> Result<DataDir, LockError> {
        let fail = |source| LockError::Io { path: root.to_path_buf(), source };
        std::fs::create_dir_all(root).and_then(|()| segment::sync_parent(root)).map_err(fail)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(root.join(LOCK_FILE))
            .map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::InUse { path: root.to_path_buf(), pid: owner(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(fail(source)),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(fail)?;
        Ok(DataDir { root: root.to_path_buf(), _lock: file })
    }

    /// Its path.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

fn owner(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{DataDir, LockError};

    #[test]
    fn a_second_lock_is_refused_with_the_owner_until_the_first_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("data");
        let first = DataDir::lock(&root).unwrap();
        assert_eq!(first.root(), root);
        match DataDir::lock(&root) {
            Err(LockError::InUse { path, pid }) => {
                assert_eq!(path, root);
                assert_eq!(pid, std::process::id().to_string());
            }
            other => panic!("{other:?}"),
        }
        drop(first);
        DataDir::lock(&root).unwrap();
    }

    #[test]
    fn a_path_that_cannot_be_a_folder_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "x").unwrap();
        let error = DataDir::lock(&file.join("data")).unwrap_err();
        assert!(error.to_string().contains("file/data"), "{error}");
    }
}
