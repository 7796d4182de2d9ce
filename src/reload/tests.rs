//! Reloads from real folders: every way files change, and every way they should not count.

use super::watch;
use super::{Followers, Reloaded, Snapshots};
use crate::config::compile::gateway::Overrides;
use crate::config::{self};
use crate::tasks::Tasks;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A gateway's folders with a watcher at work.
struct Desk {
    folder: TempDir,
    snapshots: Arc<Snapshots>,
    swaps: Arc<AtomicUsize>,
    tasks: Tasks,
}

fn route(name: &str) -> String {
    format!("routes: [{{name: {name}, deliver: [{{destination: log, stream: {name}}}]}}]\n")
}

fn load(folder: &Path, routes_dir: PathBuf) -> Snapshots {
    let config = folder.join("signalbox.yaml");
    fs::write(&config, "").unwrap();
    let overrides = Overrides { routes_dir: Some(routes_dir), ..Overrides::default() };
    Snapshots::from_loaded(config::load(Some(&config), &overrides).unwrap()).1
}

impl Desk {
    /// Begins with one route, `first`.
    fn new() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("routes")).unwrap();
        fs::write(folder.path().join("routes/a.yaml"), route("first")).unwrap();
        let routes = folder.path().join("routes");
        Desk::watch(folder, routes)
    }

    fn watch(folder: TempDir, routes_dir: PathBuf) -> Desk {
        let snapshots = Arc::new(load(folder.path(), routes_dir));
        let (tasks, swaps) = (Tasks::default(), Arc::new(AtomicUsize::new(0)));
        let counted = swaps.clone();
        snapshots.follow(Followers {
            before: Box::new(|_| {}),
            after: Box::new(move |_| {
                counted.fetch_add(1, Ordering::SeqCst);
            }),
        });
        watch::start(&snapshots, &tasks);
        Desk { folder, snapshots, swaps, tasks }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn routes(&self) -> String {
        let current = self.snapshots.current();
        let names: Vec<&str> = current.table.routes().iter().map(|route| &*route.name).collect();
        names.join(" ")
    }

    /// Waits until the routes are these; fails after ten seconds.
    async fn until_routes(&self, names: &str) {
        let shown = || format!("routes are `{}`, last: {:?}", self.routes(), self.snapshots.last_reload());
        until(|| self.routes() == names && self.snapshots.last_reload().ok, shown).await;
    }

    async fn until_failed(&self, part: &str) {
        let failed = || {
            let last = self.snapshots.last_reload();
            !last.ok && last.problems.iter().any(|problem| config::report::line(problem).contains(part))
        };
        until(failed, || format!("no failure with `{part}`, last: {:?}", self.snapshots.last_reload())).await;
    }

    async fn stop(self) {
        self.tasks.stop();
        self.tasks.wait().await;
        assert!(!self.tasks.failed().is_cancelled(), "the watcher panicked");
    }
}

async fn until(condition: impl Fn() -> bool, otherwise: impl Fn() -> String) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(10), "{}", otherwise());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_edit_is_active_soon_and_counted_once() {
    let desk = Desk::new();
    let first = desk.snapshots.current().version.clone();
    let started = Instant::now();
    desk.write("routes/b.yaml", &route("second"));
    desk.until_routes("first second").await;
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert_ne!(desk.snapshots.current().version, first);
    until(|| desk.swaps.load(Ordering::SeqCst) == 1, || "no callback".to_owned()).await;
    fs::remove_file(desk.path("routes/b.yaml")).unwrap();
    desk.until_routes("first").await;
    assert_eq!(desk.snapshots.current().version, first, "the same files are the same version");
    until(|| desk.swaps.load(Ordering::SeqCst) == 2, || "no callback".to_owned()).await;
    desk.stop().await;
}

#[tokio::test]
async fn a_bad_file_keeps_the_snapshot_and_a_reverted_edit_is_ok_again() {
    let desk = Desk::new();
    let good = fs::read_to_string(desk.path("routes/a.yaml")).unwrap();
    let first = desk.snapshots.current();
    desk.write("routes/a.yaml", "routes: [{name: x, deliver: [{destination: nowhere}, 5]}]");
    desk.until_failed("a.yaml:1:44: SB-2008").await;
    assert_eq!(desk.snapshots.last_reload().problems.len(), 2, "all problems at once");
    assert!(Arc::ptr_eq(&first, &desk.snapshots.current()));
    desk.write("routes/a.yaml", &good);
    desk.until_routes("first").await;
    assert!(Arc::ptr_eq(&first, &desk.snapshots.current()), "nothing is compiled again");
    assert_eq!(desk.swaps.load(Ordering::SeqCst), 0);
    desk.stop().await;
}

#[tokio::test]
async fn a_folder_that_is_gone_is_no_edit() {
    let desk = Desk::new();
    fs::rename(desk.path("routes"), desk.path("away")).unwrap();
    desk.until_failed("the folder is gone").await;
    assert_eq!(desk.routes(), "first");
    fs::rename(desk.path("away"), desk.path("routes")).unwrap();
    desk.until_routes("first").await;
    fs::remove_dir_all(desk.path("routes")).unwrap();
    desk.until_failed("the folder is gone").await;
    fs::create_dir(desk.path("routes")).unwrap();
    desk.write("routes/new.yaml", &route("new"));
    desk.until_routes("new").await;
    desk.write("routes/new.yaml", &route("newer"));
    desk.until_routes("newer").await;
    desk.stop().await;
}

#[tokio::test]
async fn folders_may_come_later() {
    let folder = tempfile::tempdir().unwrap();
    let routes = folder.path().join("routes");
    let desk = Desk::watch(folder, routes);
    assert!(desk.snapshots.last_reload().ok);
    fs::create_dir(desk.path("routes")).unwrap();
    desk.write("routes/a.yml", &route("late"));
    desk.until_routes("late").await;
    fs::create_dir_all(desk.path("schemas/com.example.a")).unwrap();
    desk.write("schemas/com.example.a/1.json", "{\"type\": \"object\"}");
    until(|| desk.snapshots.current().schemas.list().len() == 1, || "no schema".to_owned()).await;
    desk.write("schemas/com.example.a/2.json", "{\n  \"type\": 5\n}");
    desk.until_failed("schemas/com.example.a/2.json:2:").await;
    desk.stop().await;
}

#[tokio::test]
async fn a_kubernetes_volume_swaps_its_symlink() {
    let folder = tempfile::tempdir().unwrap();
    let volume = folder.path().join("volume");
    let publish = |generation: usize| {
        let inner = format!("..2026_{generation}");
        fs::create_dir_all(volume.join(&inner)).unwrap();
        fs::write(volume.join(&inner).join("routes.yaml"), route(&format!("r{generation}"))).unwrap();
        symlink(&inner, volume.join("..data_tmp")).unwrap();
        fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
        if generation == 0 {
            symlink("..data/routes.yaml", volume.join("routes.yaml")).unwrap();
        } else {
            fs::remove_dir_all(volume.join(format!("..2026_{}", generation - 1))).unwrap();
        }
    };
    publish(0);
    let desk = Desk::watch(folder, volume.clone());
    assert_eq!(desk.routes(), "r0");
    for generation in 1..=5 {
        publish(generation);
        desk.until_routes(&format!("r{generation}")).await;
        let swaps = || desk.swaps.load(Ordering::SeqCst);
        until(|| swaps() == generation, || format!("{} swaps after {generation} changes", swaps())).await;
    }
    desk.stop().await;
}

#[tokio::test]
async fn a_folder_that_is_a_symlink_may_be_pointed_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["one", "two"] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("a.yaml"), route(name)).unwrap();
    }
    let link = folder.path().join("routes");
    symlink("one", &link).unwrap();
    let desk = Desk::watch(folder, link.clone());
    symlink("two", desk.path("next")).unwrap();
    fs::rename(desk.path("next"), &link).unwrap();
    desk.until_routes("two").await;
    desk.write("two/a.yaml", &route("three"));
    desk.until_routes("three").await;
    desk.stop().await;
}

#[tokio::test]
async fn a_storm_of_writes_is_one_reload_of_the_last_state() {
    let desk = Desk::new();
    let started = Instant::now();
    let mut written = 0;
    while started.elapsed() < Duration::from_secs(1) {
        written += 1;
        if written % 2 == 0 {
            desk.write("routes/a.yaml", &route(&format!("r{written}")));
        } else {
            desk.write("routes/.a.yaml.tmp", &route(&format!("r{written}")));
            fs::rename(desk.path("routes/.a.yaml.tmp"), desk.path("routes/a.yaml")).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    desk.until_routes(&format!("r{written}")).await;
    let swaps = desk.swaps.load(Ordering::SeqCst);
    assert!(swaps <= 2, "{swaps} swaps for {written} writes");
    desk.stop().await;
}

#[tokio::test]
async fn a_file_written_in_pieces_is_taken_when_it_is_whole() {
    let desk = Desk::new();
    let whole = format!("{}{}", route("x"), "# padding\n".repeat(40));
    for end in (0..whole.len()).step_by(40) {
        desk.write("routes/a.yaml", &whole[..end]);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    desk.write("routes/a.yaml", &whole);
    desk.until_routes("x").await;
    assert_eq!(desk.swaps.load(Ordering::SeqCst), 1);
    desk.stop().await;
}

#[tokio::test]
async fn what_editors_leave_behind_does_not_count() {
    let desk = Desk::new();
    for name in [".a.yaml.swp", "a.yaml~", "#a.yaml#", "4913", "a.yaml.bak", "README.md", ".hidden.yaml"] {
        desk.write(&format!("routes/{name}"), "broken: [");
    }
    fs::create_dir(desk.path("routes/folder.yaml")).unwrap();
    let version = desk.snapshots.current().version.clone();
    assert!(matches!(desk.snapshots.reload_now(), Reloaded::Swapped(_)), "asked for, so compiled again");
    assert_eq!(desk.snapshots.current().version, version);
    desk.stop().await;
}

#[tokio::test]
async fn a_trigger_reads_secret_files_again() {
    let folder = tempfile::tempdir().unwrap();
    let routes = folder.path().join("routes");
    fs::create_dir(&routes).unwrap();
    fs::write(folder.path().join("secret"), "one").unwrap();
    let text = "routes: [{name: \"${file:../secret}\", deliver: [{destination: log, stream: s}]}]";
    fs::write(routes.join("a.yaml"), text).unwrap();
    let desk = Desk::watch(folder, routes);
    desk.write("secret", "two");
    desk.snapshots.trigger();
    desk.until_routes("two").await;
    desk.stop().await;
}
