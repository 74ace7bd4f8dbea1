//! Which commit the sources in a folder are of, as git tells.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The end of the name of a commit whose files were changed.
const DIRTY: &str = "-dirty";

/// Whether `text` names a commit.
pub fn is_one(text: &str) -> bool {
    let commit = text.strip_suffix(DIRTY).unwrap_or(text);
    (7..=40).contains(&commit.len()) && commit.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The commit, 12 hex digits, with `-dirty` when a file that it has is another here. `None` where
/// there is no git, or the folder is not the root of a clone: the sources may have been unpacked
/// inside another one.
pub fn of(folder: &Path) -> Option<String> {
    let top = PathBuf::from(git(folder, &["rev-parse", "--show-toplevel"])?);
    if top.canonicalize().ok()? != folder.canonicalize().ok()? {
        return None;
    }
    let commit = git(folder, &["rev-parse", "--short=12", "HEAD"])?;
    let changes = git(folder, &["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changes.is_empty() { commit } else { format!("{commit}{DIRTY}") })
}

/// What changes when the answer of [`of`] does, as far as it exists.
pub fn watched(folder: &Path) -> Vec<PathBuf> {
    let of_git = ["HEAD", "logs/HEAD"].into_iter();
    let of_git = of_git.filter_map(|name| git(folder, &["rev-parse", "--git-path", name]));
    let sources = ["src", "migrations", "config", "Cargo.toml", "Cargo.lock"].map(str::to_owned);
    let all = of_git.chain(sources).map(|name| folder.join(name));
    all.filter(|path| path.exists()).collect()
}

fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    // A hook of git that builds has these set for another repository.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(name);
    }
    // To look is not to write: another git may hold the lock.
    command.current_dir(folder).env("GIT_OPTIONAL_LOCKS", "0").args(arguments);
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
