//! What can go wrong in the store, and which of it passes by itself.

/// What can go wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached, has no connection free, or cannot do its work for now: it
    /// stops, is full, takes no writes, or somebody else holds a lock for too long. Worth a retry.
    /// Nothing may be concluded from it about what the database holds.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// A statement took longer than it may.
    #[error("the statement took too long")]
    TimedOut,
    /// Any other refusal of the database.
    #[error("the database refused a statement")]
    Database(#[source] sqlx::Error),
    /// A unique column already has this value.
    #[error("the value exists already")]
    Duplicate,
    /// What a row names is gone: somebody else removed it in the meantime.
    #[error("what the value refers to is gone")]
    Gone,
    /// A row breaks an invariant of this program.
    #[error("table {table} has a broken row: {why}")]
    Inconsistent {
        /// Where.
        table: &'static str,
        /// What is wrong, without the row's content.
        why: String,
    },
    /// The schema could not be brought up to date.
    #[error("the schema could not be migrated")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The embedded database could not be copied before its schema would have changed, so it did
    /// not change.
    #[error(
        "nothing was migrated, because the database could not be copied to {} first", path.display()
    )]
    Copy {
        /// Where the copy would have been.
        path: std::path::PathBuf,
        /// Why there is none.
        #[source]
        source: std::io::Error,
    },
    /// The database was migrated by a newer release, or not at all.
    #[error(
        "the database schema is at version {found}, this release needs {needed}: run `doorward \
         migrate`, or start with `--migrate`"
    )]
    SchemaVersion {
        /// The newest applied migration, 0 for none.
        found: i64,
        /// What this release has.
        needed: i64,
    },
    /// The database URL is neither `sqlite:PATH` nor `postgres://…`.
    #[error("the database URL must be sqlite:PATH or postgres://…")]
    Url,
}

/// Shorthand of this room.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Whether the same request may succeed a moment later, with nothing changed by anybody.
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::TimedOut)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            sqlx::Error::Database(e) if e.is_unique_violation() => Self::Duplicate,
            sqlx::Error::Database(e) if e.is_foreign_key_violation() => Self::Gone,
            sqlx::Error::Database(e) => match e.code().as_deref().map(Code::of) {
                Some(Code::TooLong) => Self::TimedOut,
                Some(Code::ForNow | Code::OfThisConnection) => Self::Unavailable(error),
                _ => Self::Database(error),
            },
            _ => Self::Database(error),
        }
    }
}

/// What an error code of a database means for who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    /// The statement was stopped.
    TooLong,
    /// The database cannot do it for now.
    ForNow,
    /// Nor will it ever on this connection.
    OfThisConnection,
    /// Anything else.
    Other,
}

impl Code {
    pub(super) fn of(code: &str) -> Self {
        match code.len() {
            5 => Self::of_postgres(code),
            _ => Self::of_sqlite(code),
        }
    }

    /// By SQLSTATE (Postgres, appendix A).
    fn of_postgres(code: &str) -> Self {
        match (&code[..2], code) {
            // query_canceled: by `statement_timeout`.
            (_, "57014") => Self::TooLong,
            // read_only_sql_transaction: this server is no longer the primary. The one that is has
            // taken its address, or soon will; connections that stay would keep to the wrong one.
            (_, "25006") => Self::OfThisConnection,
            // The connection is lost or refused, the server stops, starts or has crashed, or has
            // ended an idle transaction.
            ("08" | "28" | "3D" | "58", _)
            | (_, "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" | "25P04") => {
                Self::OfThisConnection
            }
            // Out of memory, disk or connections; a deadlock or a conflict with another transaction;
            // a lock that was waited for too long.
            ("53" | "40", _) | (_, "55P03") => Self::ForNow,
            _ => Self::Other,
        }
    }

    /// By result code; the lower eight bits are the primary one.
    fn of_sqlite(code: &str) -> Self {
        let Ok(code) = code.parse::<i32>() else { return Self::Other };
        match code & 0xff {
            // SQLITE_INTERRUPT.
            9 => Self::TooLong,
            // BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN.
            5 | 6 | 7 | 8 | 10 | 13 | 14 => Self::ForNow,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_told_from_what_does_not() {
        for (codes, meaning) in [
            (&["57014", "9"][..], Code::TooLong),
            (&["53100", "53200", "53300", "40001", "40P01", "55P03"], Code::ForNow),
            (&["5", "517", "6", "7", "8", "10", "778", "4874", "13", "14"], Code::ForNow),
            (&["08006", "57P01", "57P02", "57P03", "25006", "25P03"], Code::OfThisConnection),
            (&["28P01", "3D000", "58030"], Code::OfThisConnection),
            (&["42601", "42P01", "22001", "23505", "XX001", "1", "11", "19", "x"], Code::Other),
        ] {
            for code in codes {
                assert_eq!(Code::of(code), meaning, "{code}");
            }
        }
    }

    #[test]
    fn a_lost_connection_is_worth_a_retry() {
        let io = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        for error in [
            sqlx::Error::PoolTimedOut,
            sqlx::Error::Io(io),
            sqlx::Error::Protocol("half a message".to_owned()),
        ] {
            assert!(Error::from(error).is_temporary());
        }
        assert!(Error::TimedOut.is_temporary());
        assert!(!Error::from(sqlx::Error::RowNotFound).is_temporary());
        assert!(!Error::Duplicate.is_temporary() && !Error::Gone.is_temporary());
    }
}
