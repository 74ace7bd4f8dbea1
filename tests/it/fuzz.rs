//! What the fuzzer feeds (`tests/fuzz`) is fed here with the inputs that are kept, so that neither
//! they nor the targets rot. How to let it invent others: docs/fuzzing.md.

#[path = "../fuzz/targets/all.rs"]
mod targets;

use std::{fs, path::Path};

/// Runs a target on its corpus.
fn replay(name: &str) {
    let (_, target) = targets::ALL.iter().find(|(known, _)| *known == name).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 10, "{name}: only {} inputs", files.len());
    for file in files {
        let data = fs::read(&file).unwrap();
        let outcome = std::panic::catch_unwind(|| target(&data));
        assert!(outcome.is_ok(), "{name} does not hold for {}", file.display());
    }
}

/// A target whose name is not in the list would never be replayed.
#[test]
fn every_target_has_a_corpus_and_is_built_by_the_fuzzer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let names = |folder: &str| {
        let files = fs::read_dir(root.join(folder)).unwrap();
        let stem = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut names: Vec<_> = files.map(|file| stem(&file.unwrap().path())).collect();
        names.sort();
        names
    };
    let mut listed: Vec<_> = targets::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    listed.sort();
    assert_eq!(names("corpus"), listed);
    assert_eq!(names("fuzz_targets"), listed);
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let documented = fs::read_to_string(root.join("../../docs/fuzzing.md")).unwrap();
    for name in listed {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not built");
        assert!(documented.contains(&format!("| `{name}` |")), "{name} is not documented");
    }
}

#[test]
fn assertions_hold() {
    replay("assertions");
}

#[test]
fn dpop_proofs_hold() {
    replay("dpop_proofs");
}

#[test]
fn parameters_hold() {
    replay("parameters");
}

#[test]
fn redirect_uris_hold() {
    replay("redirect_uris");
}

#[test]
fn refresh_tokens_hold() {
    replay("refresh_tokens");
}

#[test]
fn requests_hold() {
    replay("requests");
}

#[test]
fn sealed_transactions_hold() {
    replay("sealed");
}

#[test]
fn searches_and_imports_hold() {
    replay("searches_and_imports");
}
