//! The outbox of a server without a mail server: one file per message, for whoever develops with
//! it. The links in it are as good as passwords for a while, so only the owner can read it, and old
//! files go.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::domain::{entropy::Entropy, time::Timestamp};

/// Messages that are kept; the oldest give way.
const KEPT: usize = 500;
/// How long a message is kept, in milliseconds: a week.
const KEPT_FOR: i64 = 7 * 86_400_000;

/// A folder of messages.
pub struct Outbox {
    folder: PathBuf,
}

impl Outbox {
    /// The outbox in a folder, which is made with the first message.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Writes a message into a file of its own, and removes what is too old or too much.
    pub async fn write(&self, message: lettre::Message, now: Timestamp, entropy: &dyn Entropy) {
        let folder = self.folder.clone();
        let name = format!("{:014}-{}.eml", now.millis().max(0), entropy.lower_hex(16));
        let written = tokio::task::spawn_blocking(move || {
            place(&folder, &name, &message.formatted())?;
            tidy(&folder, now)
        });
        match written.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "a message could not be written to the outbox");
            }
            Err(_) => tracing::warn!("a message could not be written to the outbox"),
        }
    }
}

/// Half a message is never seen: the file gets its name when it is whole.
fn place(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let unfinished = folder.join(format!(".{name}.part"));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    let written = file.write_all(bytes).and_then(|()| fs::rename(&unfinished, folder.join(name)));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

fn tidy(folder: &Path, now: Timestamp) -> io::Result<()> {
    let mut messages: Vec<(i64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if let Some(written_at) = written_at(&path) {
            messages.push((written_at, path));
        }
    }
    messages.sort_unstable();
    let too_many = messages.len().saturating_sub(KEPT);
    for (place, (written_at, path)) in messages.iter().enumerate() {
        if place < too_many || now.millis().saturating_sub(*written_at) > KEPT_FOR {
            // Another writer may have removed it already.
            let _ = fs::remove_file(path);
        }
    }
    Ok(())
}

/// When one of our files was written, in epoch milliseconds; `None` for a file that is not ours.
fn written_at(path: &Path) -> Option<i64> {
    let name = path.file_name()?.to_str()?;
    let (millis, rest) = name.strip_prefix('.').unwrap_or(name).split_once('-')?;
    let ours = rest.ends_with(".eml") || rest.ends_with(".eml.part");
    (ours && millis.len() == 14).then(|| millis.parse().ok())?
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|e| e.unwrap().file_name().to_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn only_the_owner_reads_a_message() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = folder.path().join("outbox");
        place(&outbox, "00000000000001-a.eml", b"hello").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&outbox), 0o700);
        assert_eq!(mode(&outbox.join("00000000000001-a.eml")), 0o600);
        assert_eq!(names(&outbox), ["00000000000001-a.eml"]);
    }

    #[test]
    fn old_messages_and_too_many_go_and_files_of_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::from_millis(KEPT_FOR + 10_000);
        let name = |millis: i64| format!("{millis:014}-x.eml");
        for millis in [9_999, 10_000, 10_001] {
            place(folder.path(), &name(millis), b"").unwrap();
        }
        fs::write(folder.path().join("notes.txt"), "").unwrap();
        tidy(folder.path(), now).unwrap();
        assert_eq!(names(folder.path()), [name(10_000), name(10_001), "notes.txt".to_owned()]);

        for extra in 0..500 {
            place(folder.path(), &name(20_000 + extra), b"").unwrap();
        }
        tidy(folder.path(), now).unwrap();
        let left = names(folder.path());
        assert_eq!((left.len(), &left[0]), (501, &name(20_000)));
    }
}
