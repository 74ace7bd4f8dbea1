//! What users are searched by: columns of `user_account`, and table `user_search_value` for their
//! metadata. Who writes a user writes these too.

use std::{collections::BTreeSet, fmt::Write};

use serde_json::{Map, Value};

use crate::domain::{UserId, user::User};
use crate::store::{Result, Store, Tx, compose::Composed};

/// Most scalars of a user's metadata that can be searched for, and most bytes of each and of the
/// names before it: an entry of an index has a limit.
const MOST_SCALARS: usize = 200;
const MOST_BYTES: usize = 256;

/// What is kept of a user in columns of their own, to be searched and sorted by.
pub(in crate::store) struct Columns {
    pub email_domain: Option<String>,
    pub name: Option<String>,
    pub nickname: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub phone_number: Option<String>,
    pub phone_verified: Option<bool>,
}

impl Columns {
    pub(in crate::store) fn of(user: &User) -> Self {
        let text = |name| user.profile.get(name).and_then(Value::as_str);
        let folded = |name| text(name).map(str::to_lowercase);
        let domain = user.email.as_deref().and_then(|email| email.rsplit_once('@'));
        Self {
            email_domain: domain.map(|(_, domain)| domain.to_lowercase()),
            name: folded("name"),
            nickname: folded("nickname"),
            given_name: folded("given_name"),
            family_name: folded("family_name"),
            phone_number: text("phone_number").map(str::to_owned),
            phone_verified: user.profile.get("phone_verified").and_then(Value::as_bool),
        }
    }
}

/// Forgets what the metadata of a user are searched by.
pub(super) async fn forget_metadata(tx: &mut Tx, user: &UserId) -> Result<()> {
    const FORGET: &str = "DELETE FROM user_search_value WHERE user_id = $1";
    on!(tx.db(), |c| sqlx::query(FORGET).bind(user.as_str()).execute(c).await.map(|_| ())?);
    Ok(())
}

/// Keeps what the metadata of new users, or of users whose metadata were forgotten, are searched by.
pub(super) async fn index_metadata<'a>(
    tx: &mut Tx,
    users: impl IntoIterator<Item = &'a User>,
) -> Result<()> {
    // Far from the number of values that a statement may have.
    const ROWS: usize = 1000;
    let rows: Vec<_> = users
        .into_iter()
        .flat_map(|user| scalars(user).into_iter().map(move |(path, value)| (user, path, value)))
        .collect();
    for rows in rows.chunks(ROWS) {
        let db = tx.db();
        let mut sql =
            Composed::new(&db, "INSERT INTO user_search_value (user_id, path, value) VALUES ");
        for (index, (user, path, value)) in rows.iter().enumerate() {
            sql.push(if index == 0 { "(" } else { ", (" });
            sql.bind(user.user_id.as_str()).push(", ").bind(path.as_str());
            sql.push(", ").bind(value.as_str()).push(")");
        }
        on!(db, |c| composed!(sqlx::query, sql).execute(c).await.map(|_| ())?);
    }
    Ok(())
}

/// The scalars of the metadata as `(path, value)`.
fn scalars(user: &User) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    walk_members(&user.app_metadata, "app_metadata", &mut found);
    walk_members(&user.user_metadata, "user_metadata", &mut found);
    found
}

fn walk_members(map: &Map<String, Value>, path: &str, found: &mut BTreeSet<(String, String)>) {
    for (name, value) in map {
        let mut path = path.to_owned();
        if write!(path, ".{name}").is_ok() {
            walk(value, &path, found);
        }
    }
}

fn walk(value: &Value, path: &str, found: &mut BTreeSet<(String, String)>) {
    if path.len() > MOST_BYTES || found.len() >= MOST_SCALARS {
        return;
    }
    let scalar = match value {
        Value::Null => return,
        Value::Object(map) => return walk_members(map, path, found),
        Value::Array(items) => return items.iter().for_each(|item| walk(item, path, found)),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    };
    if scalar.len() <= MOST_BYTES {
        found.insert((path.to_owned(), scalar));
    }
}

/// Makes a batch of users searchable who were written before the server kept what they are searched
/// by. `false` when there was none.
///
/// # Errors
/// When the database does.
pub(in crate::store) async fn index_batch(store: &Store) -> Result<bool> {
    const NEXT: &str = "SELECT user_id FROM user_account WHERE search_version = 0
        ORDER BY user_id LIMIT $1";
    const KEEP: &str = "UPDATE user_account SET email_domain = $2, name_folded = $3,
        nickname_folded = $4, given_name_folded = $5, family_name_folded = $6, phone_number = $7,
        phone_verified = $8, search_version = 1 WHERE user_id = $1";
    let mut tx = store.write().await?;
    let ids: Vec<(String,)> =
        on!(tx.db(), |c| sqlx::query_as(NEXT).bind(500_i64).fetch_all(c).await?);
    for (id,) in &ids {
        let Some(record) = super::find(tx.db(), &UserId::new(id.as_str())).await? else { continue };
        let columns = Columns::of(&record.user);
        on!(tx.db(), |c| sqlx::query(KEEP)
            .bind(id.as_str())
            .bind(columns.email_domain.as_deref())
            .bind(columns.name.as_deref())
            .bind(columns.nickname.as_deref())
            .bind(columns.given_name.as_deref())
            .bind(columns.family_name.as_deref())
            .bind(columns.phone_number.as_deref())
            .bind(columns.phone_verified)
            .execute(c)
            .await
            .map(|_| ())?);
        forget_metadata(&mut tx, &record.user.user_id).await?;
        index_metadata(&mut tx, [&record.user]).await?;
    }
    tx.commit().await?;
    Ok(!ids.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use serde_json::json;

    #[test]
    fn scalars_are_found_through_arrays_and_objects_and_bounded() {
        let map = |value: Value| value.as_object().cloned().unwrap_or_default();
        let mut user = User::new("1", Timestamp::from_millis(0));
        user.app_metadata = map(json!({
            "plan": "Gold", "n": 5, "f": 1.5, "yes": true, "none": null, "empty": [], "o": {},
            "a": { "b": ["x", { "c": "y" }, "x"] }, "long": "x".repeat(257),
        }));
        user.user_metadata = map(json!({ "plan": "free" }));
        let found: Vec<_> = scalars(&user).into_iter().collect();
        let found: Vec<_> = found.iter().map(|(p, v)| (p.as_str(), v.as_str())).collect();
        assert_eq!(
            found,
            [
                ("app_metadata.a.b", "x"),
                ("app_metadata.a.b.c", "y"),
                ("app_metadata.f", "1.5"),
                ("app_metadata.n", "5"),
                ("app_metadata.plan", "Gold"),
                ("app_metadata.yes", "true"),
                ("user_metadata.plan", "free"),
            ]
        );
        user.app_metadata = map(json!({ "all": (0..5000).collect::<Vec<i32>>() }));
        assert_eq!(scalars(&user).len(), MOST_SCALARS);
    }
}
