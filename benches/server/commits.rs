//! Group commit on SQLite alone, without HTTP and without signatures: rotations a second that are each
//! durable when they return, one at a time and by many who wait.

use std::time::Duration;

use doorward::{
    domain::{
        FamilyId,
        audit::Caller,
        secret::DatabaseUrl,
        time::{Clock, SystemClock},
    },
    store::{Store, families::exchange::Advance},
};
use futures_util::future::try_join_all;
use sqlx::{Connection, SqliteConnection};

use crate::{Result, clock, site::Site};

/// How many wait at most.
pub const MANY: usize = 64;

/// Rotations a second: one at a time, and of [`MANY`] who wait; on the database of a server that has
/// been stopped.
pub async fn measure(site: &Site, time: Duration) -> Result<(f64, f64)> {
    let families = living(site).await?;
    let store = Store::connect(&DatabaseUrl::new(site.file()), 1).await?;
    let alone = families.get(..1).ok_or("no refresh token")?;
    let one = rate(&store, alone, time).await?;
    let many = rate(&store, &families, time).await?;
    store.close().await;
    Ok((one, many))
}

async fn living(site: &Site) -> Result<Vec<FamilyId>> {
    let mut raw = SqliteConnection::connect(&site.file()).await?;
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT id FROM refresh_token_family WHERE revoked_at IS NULL ORDER BY id LIMIT $1",
    )
    .bind(i64::try_from(MANY)?)
    .fetch_all(&mut raw)
    .await?;
    raw.close().await?;
    match rows.len() {
        MANY => Ok(rows.into_iter().map(|(id,)| FamilyId::new(id)).collect()),
        few => Err(format!("{few} refresh tokens, {MANY} are needed").into()),
    }
}

async fn rate(store: &Store, families: &[FamilyId], time: Duration) -> Result<f64> {
    let began = clock::now();
    let rotated = try_join_all(families.iter().map(|family| rotate(store, family, time))).await?;
    Ok(f64::from(rotated.iter().sum::<u32>()) / began.elapsed().as_secs_f64())
}

/// How often a family was rotated, again and again.
async fn rotate(store: &Store, family: &FamilyId, time: Duration) -> Result<u32> {
    let began = clock::now();
    let facts = store.exchange_facts(family).await?.ok_or("the family is gone")?;
    let mut read = facts.family.generation;
    let mut times = 0;
    while began.elapsed() < time {
        let (now, caller) = (SystemClock.now(), Caller::default());
        let advance = Advance { family: family.clone(), read, next: read + 1, now, caller };
        if !store.advance(advance).await? {
            return Err("a rotation was lost".into());
        }
        (read, times) = (read + 1, times + 1);
    }
    Ok(times)
}
