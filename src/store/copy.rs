//! The copy of the embedded database that is made before its schema changes: the way back, for a
//! database whose operator may never have thought of one.
//!
//! A copy is named after the schema that it has, `doorward.db.schema-0029`, so that a start that is
//! tried again and again while a migration fails replaces its own copy and no other.

use std::{
    cmp::Reverse,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use sqlx::SqliteConnection;

use crate::store::{Db, Error, Result, dialect, migrations};

/// Copies that are kept; the oldest gives way.
const KEPT: usize = 3;

/// Copies the embedded database if its schema is about to change. Nothing happens to one that is
/// new, or up to date.
///
/// # Errors
/// [`Error::Copy`]: then nothing may be migrated.
pub(super) async fn before_migrating(c: &mut SqliteConnection) -> Result<()> {
    // A database in memory has no file, and nothing to lose.
    let Some(database) = dialect::database_file(c).await?.map(PathBuf::from) else {
        return Ok(());
    };
    forget_unfinished(&database);
    let unfinished = beside(&database, &format!("copy-{}", std::process::id()));
    let failed = |source: io::Error| {
        let _ = fs::remove_file(&unfinished);
        Error::Copy { path: unfinished.clone(), source }
    };
    let version = loop {
        if !migrations::are_pending(Db::Sqlite(c)).await? {
            let _ = fs::remove_file(&unfinished);
            return Ok(());
        }
        let version = migrations::applied(Db::Sqlite(c)).await?;
        write(c, &unfinished).await.map_err(failed)?;
        // Another process that migrates meanwhile would make it a copy of something else.
        if migrations::applied(Db::Sqlite(c)).await? == version {
            break version;
        }
    };
    let copy = beside(&database, &format!("schema-{version:04}"));
    fs::rename(&unfinished, &copy).and_then(|()| sync_folder(&copy)).map_err(failed)?;
    forget_older(&database);
    let (newest, database) = (migrations::newest(), database.display());
    tracing::info!(
        "the database is migrated from schema {version} to {newest}; a copy of it as it was is in \
         {copy}. The way back: stop the server, remove {database}-wal and {database}-shm, put the \
         copy in the place of {database}, start the older release",
        copy = copy.display(),
    );
    Ok(())
}

fn beside(database: &Path, what: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    PathBuf::from(name)
}

/// Writes a consistent copy, durably, for nobody but the owner to read.
async fn write(c: &mut SqliteConnection, path: &Path) -> io::Result<()> {
    // SQLite would make the file readable for everybody, and fills an empty one.
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let name = path.to_str().ok_or_else(|| io::Error::other("the name is not UTF-8"))?;
    dialect::copy_database(c, name).await.map_err(io::Error::other)?;
    File::open(path)?.sync_all()
}

/// The name of a file is durable once its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removes the oldest copies. One that stays does no harm but to the disk.
fn forget_older(database: &Path) {
    for copy in beside_numbered(database, "schema-").unwrap_or_default().into_iter().skip(KEPT) {
        match fs::remove_file(&copy.path) {
            Ok(()) => tracing::info!("removed the older copy {}", copy.path.display()),
            Err(error) => {
                tracing::warn!(%error, "the older copy {} cannot be removed", copy.path.display());
            }
        }
    }
}

/// Removes what processes that are gone have begun to copy: a server that is killed again and again
/// while it copies must not fill the disk.
fn forget_unfinished(database: &Path) {
    for copy in beside_numbered(database, "copy-").unwrap_or_default() {
        if !Path::new("/proc").join(copy.number.to_string()).exists() {
            let _ = fs::remove_file(&copy.path);
        }
    }
}

/// A file beside the database.
struct Numbered {
    modified: SystemTime,
    number: u32,
    path: PathBuf,
}

/// The files that are called like the database, then `mark` and a number; the youngest first.
fn beside_numbered(database: &Path, mark: &str) -> io::Result<Vec<Numbered>> {
    let Some(name) = database.file_name().and_then(|name| name.to_str()) else {
        return Ok(Vec::new());
    };
    let begins = format!("{name}.{mark}");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder_of(database))? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(&begins)?.parse().ok());
        if let Some(number) = number {
            let modified = entry.metadata()?.modified()?;
            found.push(Numbered { modified, number, path: entry.path() });
        }
    }
    found.sort_by_key(|copy| Reverse((copy.modified, copy.number)));
    Ok(found)
}
