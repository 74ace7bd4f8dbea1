//! The copy that is made of the embedded database before its schema changes.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::support::MASTER_KEY;
use crate::upgrades::{Direct, SQLITE, fixtures::Fixture, newest};

/// A data directory with the database of an old release.
async fn old_database(folder: &Path) -> PathBuf {
    let path = folder.join("doorward.db");
    fs::File::create(&path).unwrap();
    let mut direct = Direct::open(&url(&path)).await;
    direct.run(&Fixture::all(SQLITE)[0].sql).await;
    direct.close().await;
    path
}

fn url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

fn migrate(folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
    command.arg("migrate").env_clear().env("DOORWARD_DATA_DIR", folder);
    command.env("DOORWARD_MASTER_KEY", MASTER_KEY).output().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names
        .retain(|name| name != "doorward.db" && !name.ends_with("-wal") && !name.ends_with("-shm"));
    names.sort();
    names
}

async fn rows(path: &Path) -> (Vec<String>, Vec<String>) {
    let mut direct = Direct::open(&url(path)).await;
    let families = "SELECT id || generation || quote(salt) FROM refresh_token_family ORDER BY id";
    let (families, schema) = (direct.texts(families).await, direct.schema().await);
    direct.close().await;
    (families, schema)
}

#[tokio::test]
async fn the_embedded_database_is_copied_before_it_is_migrated() {
    let folder = tempfile::tempdir().unwrap();
    let path = old_database(folder.path()).await;
    let before = rows(&path).await;
    assert!(!before.0.is_empty());
    let output = migrate(folder.path());
    assert!(output.status.success(), "{output:?}");
    let version = Fixture::all(SQLITE)[0].version;
    let copy = format!("doorward.db.schema-{version:04}");
    assert_eq!(names(folder.path()), [copy.as_str()], "a copy and nothing else");
    let copy = folder.path().join(copy);
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(rows(&copy).await, before, "as it was");
    let after = rows(&path).await;
    assert_eq!((&after.0, after.1 == before.1), (&before.0, false), "migrated");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains(&copy.display().to_string()), "who migrates is told where: {told}");

    // Up to date: nothing to copy.
    let modified = fs::metadata(&copy).unwrap().modified().unwrap();
    assert!(migrate(folder.path()).status.success());
    assert_eq!(names(folder.path()).len(), 1);
    assert_eq!(fs::metadata(&copy).unwrap().modified().unwrap(), modified);

    // The way back, and forward again.
    fs::copy(&copy, &path).unwrap();
    assert_eq!(rows(&path).await, before);
    assert!(migrate(folder.path()).status.success());
    assert_eq!(rows(&path).await, after);
}

#[tokio::test]
async fn a_new_database_is_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    assert!(migrate(folder.path()).status.success());
    assert!(migrate(folder.path()).status.success());
    assert!(names(folder.path()).is_empty());
}

#[tokio::test]
async fn without_a_copy_nothing_is_migrated() {
    let folder = tempfile::tempdir().unwrap();
    let path = old_database(folder.path()).await;
    let before = rows(&path).await;
    // A folder where the copy would be.
    let copy =
        folder.path().join(format!("doorward.db.schema-{:04}", Fixture::all(SQLITE)[0].version));
    fs::create_dir(&copy).unwrap();
    fs::write(copy.join("in the way"), "x").unwrap();
    let output = migrate(folder.path());
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "one line: {text}");
    assert!(text.contains("nothing was migrated"), "{text}");
    assert_eq!(rows(&path).await, before, "nothing was migrated");
    assert_eq!(names(folder.path()).len(), 1, "half a copy does not stay");
}

#[tokio::test]
async fn the_youngest_copies_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = old_database(folder.path()).await;
    let old: Vec<_> = (1..=4).map(|day| format!("doorward.db.schema-{day:04}x")).collect();
    for (age, version) in [(40_u64, 25), (30, 26), (20, 27), (10, 28)] {
        let copy = folder.path().join(format!("doorward.db.schema-{version:04}"));
        let file = fs::File::create(copy).unwrap();
        let then =
            std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000 - age * 86_400);
        file.set_modified(then).unwrap();
    }
    // What is called otherwise is somebody else's.
    fs::write(folder.path().join(&old[0]), "x").unwrap();
    fs::write(folder.path().join("doorward.db.schema-"), "x").unwrap();
    // Begun by a process that is gone: no process has such a number. And by one that is not.
    fs::write(folder.path().join("doorward.db.copy-4294967295"), "x").unwrap();
    let ours = format!("doorward.db.copy-{}", std::process::id());
    fs::write(folder.path().join(&ours), "x").unwrap();
    assert!(migrate(folder.path()).status.success());
    let version = Fixture::all(SQLITE)[0].version;
    let expected = [
        "doorward.db.schema-".to_owned(),
        old[0].clone(),
        format!("doorward.db.schema-{version:04}"),
        "doorward.db.schema-0027".to_owned(),
        "doorward.db.schema-0028".to_owned(),
        ours,
    ];
    let mut expected = expected.to_vec();
    expected.sort();
    assert_eq!(names(folder.path()), expected);
    assert!(newest() > version && path.exists());
}
