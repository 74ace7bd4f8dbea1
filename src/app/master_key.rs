//! Where the master key comes from: the environment, a file, or, with the embedded database, a file
//! that is generated on the first start.

use std::{
    fs::{DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::app::StartError;
use crate::config::Config;
use crate::crypto::master_key::{MasterKey, MasterKeys};
use crate::domain::entropy::Entropy;

/// The master keys of a configuration.
///
/// # Errors
/// When there is none or one cannot be read.
pub fn load(
    config: &Config,
    embedded: bool,
    entropy: &dyn Entropy,
) -> Result<MasterKeys, StartError> {
    let current = load_current(config, embedded, entropy)?;
    let source = &config.master_key;
    let given = source.other_values.iter().map(|text| {
        MasterKey::parse(&text.0)
            .map_err(|why| StartError::Config(format!("DOORWARD_OTHER_MASTER_KEYS: {why}")))
    });
    let from_files = source.other_files.iter().map(|path| {
        let place = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => {
                MasterKey::parse(&text).map_err(|why| StartError::Config(format!("{place}: {why}")))
            }
            Err(source) => Err(StartError::Io { what: place, source }),
        }
    });
    let others: Vec<MasterKey> = given.chain(from_files).collect::<Result<_, _>>()?;
    Ok(MasterKeys::new(current, others))
}

fn load_current(
    config: &Config,
    embedded: bool,
    entropy: &dyn Entropy,
) -> Result<MasterKey, StartError> {
    let wrong = |place: &str| {
        let place = place.to_owned();
        move |error: crate::crypto::Failed| StartError::Config(format!("{place}: {error}"))
    };
    if let Some(text) = &config.master_key.value {
        return MasterKey::parse(&text.0).map_err(wrong("DOORWARD_MASTER_KEY"));
    }
    let configured = !config.master_key.file.as_os_str().is_empty();
    let path: PathBuf = if configured {
        config.master_key.file.clone()
    } else if embedded {
        config.server.data_dir.join("master.key")
    } else {
        return Err(StartError::Config(
            "with Postgres the master key must be given, the same on every replica: set \
             DOORWARD_MASTER_KEY or master_key.file (64 hex digits, `openssl rand -hex 32`)"
                .to_owned(),
        ));
    };
    let place = path.display().to_string();
    match std::fs::read_to_string(&path) {
        Ok(text) => MasterKey::parse(&text).map_err(wrong(&place)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !configured => {
            generate(&path, entropy)
        }
        Err(source) => Err(StartError::Io { what: place, source }),
    }
}

fn generate(path: &Path, entropy: &dyn Entropy) -> Result<MasterKey, StartError> {
    let key = MasterKey::new(entropy.bytes());
    write_private(path, &format!("{}\n", key.to_hex()))?;
    tracing::info!("generated a master key in {}; back it up with the database", path.display());
    Ok(key)
}

/// Writes a new file that only its owner can read, all of it or nothing.
///
/// # Errors
/// When it exists or cannot be written.
pub fn write_private(path: &Path, text: &str) -> Result<(), StartError> {
    let failed =
        |source| StartError::Io { what: format!("cannot write {}", path.display()), source };
    let unfinished = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&unfinished).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&unfinished, path).map_err(failed)
}

/// Makes the data directory, readable by its owner only.
///
/// # Errors
/// When it cannot be made.
pub fn make_data_dir(path: &Path) -> Result<(), StartError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|source| StartError::Io {
        what: format!("cannot make {}", path.display()),
        source,
    })
}
