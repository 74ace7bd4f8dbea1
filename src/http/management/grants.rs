//! `/grants`: what users allowed clients to have, and its withdrawal.

use axum::{Json, extract::State, http::StatusCode};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    change::Change,
    page::{self, Listing, Page},
    path_id::PathId,
    query::Query,
};
use crate::domain::{
    ClientId, UserId, audience::Audience, audit::Happened, family::RevokedBy, time::Timestamp,
};
use crate::http::{App, error::management::ManagementError};
use crate::store::{
    self, Tx,
    consents::{self, Consent, Filter},
    families::{self, Issued},
};

/// A consent has no id of its own in the store; its key is written into the one on the wire.
fn id_of(consent: &Consent) -> String {
    let audience = consent.audience.as_ref().map_or("", Audience::as_str);
    let key = json!([consent.user_id, consent.client_id, audience]);
    URL_SAFE_NO_PAD.encode(key.to_string())
}

fn key_of(id: &str) -> Option<(UserId, ClientId, Option<Audience>)> {
    let json = URL_SAFE_NO_PAD.decode(id).ok()?;
    let (user, client, audience): (String, String, String) = serde_json::from_slice(&json).ok()?;
    // Postgres cannot compare U+0000.
    if [&user, &client, &audience].iter().any(|text| text.contains('\0')) {
        return None;
    }
    let audience = (!audience.is_empty()).then(|| Audience::new(audience));
    Some((UserId::new(user), ClientId::new(client), audience))
}

/// How many consents beyond the page are counted.
const COUNTED_AHEAD: i64 = 10_000;

/// `GET /grants`
pub async fn list(State(app): State<App>, query: Query) -> Result<Json<Value>, ManagementError> {
    query.only(&[page::OFFSET, &["user_id", "client_id", "audience"]])?;
    let page = Page::read(&query)?;
    // A login without an API is for `/userinfo`.
    let userinfo = app.settings.userinfo_audience();
    let audience = query.text("audience")?;
    let filter = Filter {
        user_id: query.text("user_id")?,
        client_id: query.text("client_id")?,
        audience: audience.map(|asked| if asked == userinfo.as_str() { "" } else { asked }),
    };
    let mut conn = app.store.read().await?;
    let (start, limit) = page.window();
    let items = consents::list(conn.db(), filter, start, limit).await?;
    let total = match page {
        // Every user may have given some. The count is exact that far, and always says whether
        // another page follows.
        Page::Offset { totals: true, .. } => {
            consents::count(conn.db(), filter, start + limit + COUNTED_AHEAD).await?
        }
        _ => 0,
    };
    let show = |consent: Consent| {
        json!({
            "id": id_of(&consent),
            "clientID": consent.client_id,
            "user_id": consent.user_id,
            "audience": consent.audience.as_ref().unwrap_or(&userinfo),
            "scope": consent.scope.iter().collect::<Vec<_>>(),
        })
    };
    Ok(page.answer("grants", Listing { items, total, next: None }.map(show)))
}

/// Withdraws a consent together with the refresh tokens that were issued under it, and answers how
/// many those were; `None` when there is no such consent.
async fn withdraw(
    tx: &mut Tx,
    user: &UserId,
    client: &ClientId,
    audience: Option<&Audience>,
    now: Timestamp,
) -> Result<Option<u64>, store::Error> {
    if !consents::delete(tx, user, client, audience).await? {
        return Ok(None);
    }
    let issued = Issued::For(audience);
    families::revoke_of_client(tx, user, client, issued, BY, now).await.map(Some)
}

const BY: RevokedBy = RevokedBy::ConsentWithdrawn;

/// `DELETE /grants/{id}`
pub async fn remove(
    State(app): State<App>,
    mut change: Change,
    PathId(id): PathId,
) -> Result<StatusCode, ManagementError> {
    if let Some((user, client, audience)) = key_of(&id) {
        let mut tx = change.begin().await?;
        let now = app.clock.now();
        let revoked = withdraw(&mut tx, &user, &client, audience.as_ref(), now).await?;
        if let Some(revoked) = revoked {
            let happened = Happened::RefreshTokensRevoked { family: None, revoked, by: BY };
            change.also(&happened, Some(&client), Some(&user));
            change.commit(tx, &id, Vec::new()).await?;
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /grants?user_id=`
pub async fn remove_of_user(
    State(app): State<App>,
    mut change: Change,
    query: Query,
) -> Result<StatusCode, ManagementError> {
    query.only(&[&["user_id"]])?;
    let user = UserId::new(query.text("user_id")?.ok_or_else(|| {
        ManagementError::invalid_query(
            "Query validation error: 'Missing required property: user_id'.",
        )
    })?);
    let now = app.clock.now();
    let mut tx = change.begin().await?;
    let mut withdrawn = Vec::new();
    for consent in consents::list_of_user(tx.db(), &user).await? {
        let audience = consent.audience.as_ref();
        withdrawn.extend(withdraw(&mut tx, &user, &consent.client_id, audience, now).await?);
    }
    if !withdrawn.is_empty() {
        let revoked = withdrawn.iter().sum();
        let happened = Happened::RefreshTokensRevoked { family: None, revoked, by: BY };
        change.also(&happened, None, Some(&user));
        change.commit(tx, user.as_str(), Vec::new()).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
