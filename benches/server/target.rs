//! What a phase is read from: the server, its database, this process.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::sync::Mutex;

use crate::{Result, clock, process};

/// A server and its database, as processes.
pub struct Target {
    /// The processes of Doorward.
    pub servers: Vec<u32>,
    postgres: Option<Database>,
}

struct Database {
    postmaster: u32,
    connection: Mutex<PgConnection>,
}

/// Counters at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    pub server: Duration,
    pub client: Duration,
    pub database: Duration,
    /// Bytes of WAL ever written.
    pub wal: i64,
    /// Bytes that the servers ever wrote to storage.
    pub written: u64,
}

impl Target {
    /// `postgres`: the postmaster and the URL.
    pub async fn new(servers: Vec<u32>, postgres: Option<(u32, &str)>) -> Result<Self> {
        let postgres = match postgres {
            None => None,
            Some((postmaster, url)) => {
                let connection = Mutex::new(PgConnection::connect(url).await?);
                Some(Database { postmaster, connection })
            }
        };
        Ok(Self { servers, postgres })
    }

    /// Everything at once.
    pub async fn read(&self) -> Result<Reading> {
        let (mut wal, mut database) = (0, Duration::ZERO);
        if let Some(postgres) = &self.postgres {
            const LSN: &str = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint";
            let mut connection = postgres.connection.lock().await;
            (wal,) = sqlx::query_as::<_, (i64,)>(LSN).fetch_one(&mut *connection).await?;
            database = process::cpu_of_tree(postgres.postmaster);
        }
        Ok(Reading {
            server: self.servers.iter().map(|id| process::cpu_of_tree(*id)).sum(),
            client: clock::process_cpu(),
            database,
            wal,
            written: self.servers.iter().map(|id| process::written(*id)).sum(),
        })
    }

    /// One number from the database.
    pub async fn number(&self, sql: &'static str) -> Result<i64> {
        let postgres = self.postgres.as_ref().ok_or("there is no Postgres")?;
        let mut connection = postgres.connection.lock().await;
        Ok(sqlx::query_as::<_, (i64,)>(sql).fetch_one(&mut *connection).await?.0)
    }

    /// Runs a statement.
    pub async fn run(&self, sql: String) -> Result<()> {
        let postgres = self.postgres.as_ref().ok_or("there is no Postgres")?;
        let mut connection = postgres.connection.lock().await;
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *connection).await?;
        Ok(())
    }
}
