//! Generated files are what the types say.

use std::path::Path;

#[test]
fn generated_files_are_in_step_with_the_types() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let update = std::env::var_os("UPDATE").is_some();
    let mut stale = Vec::new();
    for (name, expected) in signalbox::config::reference::files() {
        let path = root.join(name);
        if update {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &expected).unwrap();
        } else if std::fs::read_to_string(&path).ok().as_deref() != Some(expected.as_str()) {
            stale.push(name);
        }
    }
    assert!(stale.is_empty(), "not what the types say: {stale:?}; run: UPDATE=1 cargo test --test it reference");
}
