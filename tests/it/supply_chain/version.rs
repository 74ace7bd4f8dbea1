//! `doorward --version` names the commit.

#[path = "../../../src/build/commit.rs"]
mod commit;

use std::{fs, path::Path, process::Command};

#[test]
fn the_binary_says_what_it_is() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
    let output = command.arg("--version").env_clear().output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let commit = text
        .strip_prefix(concat!("doorward ", env!("CARGO_PKG_VERSION"), " ("))
        .and_then(|rest| rest.strip_suffix(")\n"))
        .unwrap_or_else(|| panic!("{text}"));
    let kinds = ["development build", "unknown commit"];
    assert!(kinds.contains(&commit) || commit::is_one(commit), "{text}");
}

fn git(folder: &Path, arguments: &[&str]) {
    let who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
    let mut command = Command::new("git");
    let output = command.current_dir(folder).args(who).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_commit_is_named_with_its_changes_and_only_from_its_own_clone() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    assert_eq!(commit::of(root), None, "sources without git are built, too");
    git(root, &["init", "-q"]);
    assert_eq!(commit::of(root), None, "nothing is committed");
    fs::create_dir(root.join("src")).unwrap();
    fs::write(root.join("src/file"), "1").unwrap();
    git(root, &["add", "."]);
    git(root, &["commit", "-qm", "One"]);
    let clean = commit::of(root).unwrap();
    assert!(commit::is_one(&clean) && clean.len() == 12, "{clean}");
    assert_eq!(commit::of(&root.join("src")), None, "unpacked inside another clone");
    fs::write(root.join("target"), "not of the sources").unwrap();
    assert_eq!(commit::of(root), Some(clean.clone()));
    fs::write(root.join("src/file"), "2").unwrap();
    let dirty = format!("{clean}-dirty");
    assert_eq!(commit::of(root), Some(dirty.clone()));
    assert!(commit::is_one(&dirty));
    git(root, &["commit", "-qam", "Two"]);
    assert!(commit::of(root).is_some_and(|next| next != clean && commit::is_one(&next)));
    let watched = commit::watched(root);
    assert!(watched.contains(&root.join("src")) && watched.iter().all(|path| path.exists()));
    assert!(watched.iter().any(|path| path.ends_with("logs/HEAD")), "{watched:?}");
    for bad in ["", "abc", "main", "-dirty", "0123456g", &"a".repeat(41), "0123456-clean"] {
        assert!(!commit::is_one(bad), "{bad}");
    }
}
