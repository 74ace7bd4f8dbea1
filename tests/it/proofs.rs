//! What this server promises of refresh tokens, tried as hard as it can be: random histories, kills,
//! restores, long lives and rubbish. Small by default; the sizes come from the environment, so that
//! the same tests run for hours at night.

mod bad_tokens;
mod console;
mod imports;
mod kill;
mod logged_secrets;
mod model;
mod restore;
mod rotations;
mod scale;
mod server;
mod sweep;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use doorward::{
    crypto::random::SystemEntropy,
    domain::{FamilyId, entropy::Entropy, family::Family, secret::RefreshToken},
};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::support::{Answer, TestApp, fixtures::*, raw::Raw};

/// The one of the harness.
const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A size, unless the environment asks for another.
fn size(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| {
        text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not {text}"))
    })
}

/// Small pseudo-random numbers that a seed reproduces (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
    /// Each item or not, like a coin.
    fn some_of<'a>(&mut self, of: &[&'a str]) -> Vec<&'a str> {
        of.iter().filter(|_| self.next() & 1 == 0).copied().collect()
    }
}

/// The seed of the environment, or a new one.
fn seed() -> u64 {
    let entropy: &dyn Entropy = &SystemEntropy;
    size("DOORWARD_PROOF_SEED", u64::from_be_bytes(entropy.bytes()))
}

/// Members of an application that logs in with a password.
fn password_client() -> Value {
    json!({ "grant_types": ["password", "refresh_token"] })
}

/// A login without a browser; returns the first refresh token.
async fn log_in_as(app: &TestApp, world: &World, email: &str) -> String {
    let form = [
        ("grant_type", "password"),
        ("client_id", world.client_id.as_str()),
        ("username", email),
        ("password", PASSWORD),
        ("audience", MESSAGES),
        ("scope", LOGIN_SCOPE),
    ];
    app.token(&form).await.text_of("refresh_token")
}

#[track_caller]
fn is_refused(answer: &Answer, why: &str) {
    assert_eq!(answer.error(), (400, "invalid_grant".into()), "{why}: {}", answer.text);
    let description = answer.text_of("error_description");
    assert_eq!(description, "Unknown or invalid refresh token.", "{why}");
}

/// The generation in a token.
fn generation(app: &TestApp, token: &str) -> u32 {
    app.inner.tokens.refresh_tokens.parse(&RefreshToken::new(token)).unwrap().generation()
}

fn family_id(app: &TestApp, token: &str) -> FamilyId {
    app.inner.tokens.refresh_tokens.parse(&RefreshToken::new(token)).unwrap().family()
}

/// The row of a family, whole.
async fn family(app: &TestApp, id: &FamilyId) -> Family {
    let mut conn = app.inner.store.read().await.unwrap();
    doorward::store::families::find(conn.db(), id).await.unwrap().unwrap()
}

/// A connection that sees what others write.
struct Witness(Raw);

impl Witness {
    async fn of(app: &TestApp) -> Self {
        Self(Raw::connect(app).await)
    }

    /// Two marks are equal if nobody has written anything in between: on SQLite what the rows
    /// say, on Postgres where every row is and which transaction wrote it. The audit trail counts
    /// apart: it is written a moment later.
    async fn mark(&mut self) -> String {
        let columns = self.0.columns().await;
        let mut mark = String::new();
        for table in self.tables().await {
            let sql = if matches!(self.0, Raw::Sqlite(_)) {
                let columns = columns.iter().filter_map(|(name, _)| name.split_once('.'));
                let columns = columns.filter(|(of, _)| *of == table);
                let quoted: Vec<_> = columns.map(|(_, name)| format!("quote({name})")).collect();
                format!(
                    "SELECT COALESCE(group_concat({} ORDER BY rowid), '') FROM {table}",
                    quoted.join(" || ',' || ")
                )
            } else {
                format!(
                    "SELECT COALESCE(md5(string_agg(ctid::text || xmin::text, ',' \
                     ORDER BY ctid)), '') FROM {table}"
                )
            };
            let sql = AssertSqlSafe(sql);
            let (rows,): (String,) = match &mut self.0 {
                Raw::Sqlite(c) => sqlx::query_as(sql).fetch_one(c).await.unwrap(),
                Raw::Postgres(c) => sqlx::query_as(sql).fetch_one(c).await.unwrap(),
            };
            writeln!(mark, "{table} {rows}").unwrap();
        }
        mark
    }

    /// Every table but the audit trail and the counts of what stands in it.
    async fn tables(&mut self) -> BTreeSet<String> {
        let columns = self.0.columns().await;
        let tables = columns.iter().map(|(name, _)| name.split_once('.').unwrap().0);
        tables
            .filter(|table| !["audit", "hourly_count"].contains(table))
            .map(str::to_owned)
            .collect()
    }

    /// How many rows each table but the audit trail has.
    async fn row_counts(&mut self) -> BTreeMap<String, i64> {
        let mut counts = BTreeMap::new();
        for table in self.tables().await {
            let count = self.number(format!("SELECT COUNT(*) FROM {table}")).await;
            counts.insert(table, count);
        }
        counts
    }

    async fn number(&mut self, sql: String) -> i64 {
        let sql = AssertSqlSafe(sql);
        let (number,): (i64,) = match &mut self.0 {
            Raw::Sqlite(c) => sqlx::query_as(sql).fetch_one(c).await.unwrap(),
            Raw::Postgres(c) => sqlx::query_as(sql).fetch_one(c).await.unwrap(),
        };
        number
    }

    async fn execute(&mut self, sql: String) -> u64 {
        let sql = AssertSqlSafe(sql);
        match &mut self.0 {
            Raw::Sqlite(c) => sqlx::query(sql).execute(c).await.unwrap().rows_affected(),
            Raw::Postgres(c) => sqlx::query(sql).execute(c).await.unwrap().rows_affected(),
        }
    }

    /// How often this was audited.
    async fn events(&mut self, code: &str) -> i64 {
        self.number(format!("SELECT COUNT(*) FROM audit WHERE type = '{code}'")).await
    }
}
