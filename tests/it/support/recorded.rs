//! Files of the repository that are generated from the code and reviewed by people.

use std::{fs, path::Path};

/// Fails the test unless the file at `path`, below the repository, holds `generated`. With
/// `DOORWARD_UPDATE=1` in the environment it is written instead: review the difference.
#[track_caller]
pub fn compare(path: &str, generated: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("DOORWARD_UPDATE").is_some() {
        return fs::write(&file, generated).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    let differs = kept.lines().zip(generated.lines()).find(|(one, other)| one != other);
    let (kept_lines, lines) = (kept.lines().count(), generated.lines().count());
    assert!(
        kept == generated,
        "{path} is out of date ({kept_lines} lines, generated {lines}); first difference: \
         {differs:?}. Run the test again with DOORWARD_UPDATE=1 and review what changed."
    );
}
