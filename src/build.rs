//! The build script: which commit the binary is of, for `doorward --version`.
//!
//! `DOORWARD_COMMIT` in the environment says it; where it is not set and the sources are a clone, git
//! does, in release builds only: while developing, each commit would compile everything again.

#[path = "build/commit.rs"]
mod commit;

use std::{env, path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    println!("cargo::rerun-if-env-changed=DOORWARD_COMMIT");
    println!("cargo::rerun-if-changed=src/build.rs");
    println!("cargo::rerun-if-changed=src/build/commit.rs");
    let given = env::var("DOORWARD_COMMIT").ok().filter(|given| !given.is_empty());
    if given.as_deref().is_some_and(|given| !commit::is_one(given)) {
        println!(
            "cargo::error=DOORWARD_COMMIT must be 7 to 40 hex digits, and may end with -dirty"
        );
        return ExitCode::FAILURE;
    }
    let root = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = match given {
        Some(given) => given,
        None if is_release => {
            for file in commit::watched(&root) {
                println!("cargo::rerun-if-changed={}", file.display());
            }
            commit::of(&root).unwrap_or_else(|| "unknown commit".to_owned())
        }
        None => "development build".to_owned(),
    };
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    println!("cargo::rustc-env=DOORWARD_VERSION={version} ({commit})");
    ExitCode::SUCCESS
}
