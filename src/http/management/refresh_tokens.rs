//! `/refresh-tokens`: the families of refresh tokens. One is one login of one user in one client;
//! its id is that of every token that descends from it.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Map, Value, json};

use super::{
    change::{self, Change},
    page::{self, Listing, Page},
    path_id::PathId,
    query::{Fields, Query},
    schema::{ANY_OBJECT, Field, NON_EMPTY, array_of, field},
    users::MISSING as NO_USER,
    validation::{self, Writing},
};
use crate::domain::{
    ClientId, FamilyId, UserId, audience::Audience, audit::Happened, family::RevokedBy,
    time::Timestamp,
};
use crate::http::{
    App, error::management::ManagementError, extract::management_json::ManagementJson,
};
use crate::store::{families, families::Issued, users};
use crate::token::families::KnownFamily;

type Answer = Result<Json<Value>, ManagementError>;
type Accepted = Result<StatusCode, ManagementError>;

#[rustfmt::skip]
pub(super) const CHANGE: &[Field] = &[
    field("refresh_token_metadata", ANY_OBJECT, "Metadata associated with the refresh token.").nullable(),
];
#[rustfmt::skip]
pub(super) const REVOCATION: &[Field] = &[
    field("ids", array_of(&NON_EMPTY, 1, 100), "Array of refresh token IDs to revoke."),
    field("user_id", NON_EMPTY, "Revoke all refresh tokens for this user."),
    field("client_id", NON_EMPTY, "Revoke refresh tokens for this client."),
    field("audience", NON_EMPTY, "Resource server identifier (audience) to scope the revocation."),
];

pub(super) const MISSING: ManagementError =
    ManagementError::NotFound { code: None, message: "The refresh token does not exist." };
const NO_CLIENT: ManagementError =
    ManagementError::NotFound { code: None, message: "The client does not exist." };

pub(super) fn show(live: &KnownFamily) -> Map<String, Value> {
    let family = &live.record.family;
    let time = |at: Option<Timestamp>| at.map(Timestamp::iso8601);
    let apis = live.apis.iter();
    let apis: Vec<_> = apis
        .map(|(audience, scope)| json!({ "audience": audience, "scopes": scope.to_string() }))
        .collect();
    let shown = json!({
        "id": family.id,
        "user_id": family.user_id,
        "client_id": family.client_id,
        "session_id": family.session_id,
        "created_at": family.created_at.iso8601(),
        "last_exchanged_at":
            time(Some(family.last_exchanged_at).filter(|at| *at > family.created_at)),
        "idle_expires_at": time(live.idle_expires_at),
        "expires_at": time(family.expires_at),
        "device": {
            "initial_ip": live.record.initial.ip,
            "initial_user_agent": live.record.initial.user_agent,
            "last_ip": live.record.last.ip,
            "last_user_agent": live.record.last.user_agent,
        },
        "rotating": live.is_rotating,
        "resource_servers": apis,
        "refresh_token_metadata": live.record.metadata,
    });
    match shown {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Up to `take` live families, and one more to tell that there is more.
async fn page(
    app: &App,
    user: &UserId,
    client: Option<&ClientId>,
    (after, take): (&str, i64),
) -> Result<Listing<KnownFamily>, ManagementError> {
    let limit = usize::try_from(take).unwrap_or(0) + 1;
    let live = app.tokens.live_families(user, client, after, limit).await?;
    Ok(Listing::checkpoint(live, take, |live| live.record.family.id.as_str()))
}

/// `GET /refresh-tokens`
pub async fn list(State(app): State<App>, query: Query) -> Answer {
    query.only(&[page::CHECKPOINT, Fields::PARAMETERS, &["user_id", "client_id"]])?;
    let fields = Fields::read(&query)?;
    let (after, take) = Page::read_cursor(&query)?;
    let user =
        UserId::new(query.text("user_id")?.ok_or_else(|| {
            ManagementError::invalid_query("Missing required 'user_id' parameter.")
        })?);
    let client = query.text("client_id")?.map(ClientId::new);
    users::find(app.store.read().await?.db(), &user).await?.ok_or(NO_USER)?;
    if let Some(client) = &client {
        app.store.client(client).await?.ok_or(NO_CLIENT)?;
    }
    let listing = page(&app, &user, client.as_ref(), (&after, take)).await?;
    let shown = listing.map(|live| fields.select(show(&live)));
    Ok(Page::checkpoint(&query, after, take).answer("refresh_tokens", shown))
}

/// `GET /users/{id}/refresh-tokens`
pub async fn list_of_user(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[page::CHECKPOINT, &["include_totals"]])?;
    let (after, take) = Page::read_cursor(&query)?;
    let user = UserId::new(id);
    users::find(app.store.read().await?.db(), &user).await?.ok_or(NO_USER)?;
    let listing = page(&app, &user, None, (&after, take)).await?;
    let shown = listing.map(|live| Value::Object(show(&live)));
    Ok(Page::checkpoint(&query, after, take).answer("tokens", shown))
}

/// `GET /refresh-tokens/{id}`
pub async fn read(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[Fields::PARAMETERS])?;
    let fields = Fields::read(&query)?;
    let live = app.tokens.live_family(&FamilyId::new(id)).await?.ok_or(MISSING)?;
    Ok(Json(fields.select(show(&live))))
}

/// `PATCH /refresh-tokens/{id}`
pub async fn update(
    State(app): State<App>,
    change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Answer {
    validation::check_change(CHANGE, &body)?;
    let metadata = body.get("refresh_token_metadata").and_then(Value::as_object);
    metadata.map_or(Ok(()), check_metadata)?;
    let id = FamilyId::new(id);
    app.tokens.live_family(&id).await?.ok_or(MISSING)?;
    let mut tx = change.begin().await?;
    if !families::set_metadata(&mut tx, &id, metadata).await? {
        return Err(MISSING);
    }
    change.commit(tx, id.as_str(), change::members(&body)).await?;
    let live = app.tokens.live_family(&id).await?.ok_or(MISSING)?;
    Ok(Json(Value::Object(show(&live))))
}

/// Metadata is small: it is read with every listing.
pub(super) fn check_metadata(metadata: &Map<String, Value>) -> Result<(), ManagementError> {
    let short = |text: &str| text.chars().count() <= 255;
    let fits = |(key, value): (&String, &Value)| short(key) && value.as_str().is_some_and(short);
    if metadata.len() <= 25 && metadata.iter().all(fits) {
        return Ok(());
    }
    Err(ManagementError::invalid_body(
        "Metadata must not exceed 25 entries. Each key and value must be ≤ 255 characters.",
    ))
}

/// `DELETE /refresh-tokens/{id}`
pub async fn remove(State(app): State<App>, change: Change, PathId(id): PathId) -> Accepted {
    revoke_one(&app, change, &FamilyId::new(id)).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Revokes one family. One that is gone already is as good as revoked.
pub(super) async fn revoke_one(
    app: &App,
    mut change: Change,
    id: &FamilyId,
) -> Result<(), ManagementError> {
    let by = RevokedBy::Management;
    let mut tx = change.begin().await?;
    let Some(family) = families::find(tx.db(), id).await? else { return Ok(()) };
    if families::revoke(&mut tx, id, by, app.clock.now()).await? {
        let happened = Happened::RefreshTokensRevoked { family: Some(id), revoked: 1, by };
        change.also(&happened, Some(&family.client_id), Some(&family.user_id));
        change.commit(tx, id.as_str(), Vec::new()).await?;
    }
    Ok(())
}

/// `DELETE /users/{id}/refresh-tokens`
pub async fn remove_of_user(
    State(app): State<App>,
    mut change: Change,
    PathId(id): PathId,
) -> Accepted {
    let user = UserId::new(id);
    let mut tx = change.begin().await?;
    users::find(tx.db(), &user).await?.ok_or(NO_USER)?;
    let by = RevokedBy::Management;
    let revoked = families::revoke_of_user(&mut tx, &user, by, app.clock.now()).await?;
    let happened = Happened::RefreshTokensRevoked { family: None, revoked, by };
    change.also(&happened, None, Some(&user));
    change.commit(tx, user.as_str(), Vec::new()).await?;
    Ok(StatusCode::ACCEPTED)
}

/// What `POST /refresh-tokens/revoke` names.
enum Named {
    Ids(Vec<FamilyId>),
    User(UserId),
    Client(UserId, ClientId, Option<Audience>),
}

impl Named {
    /// What the event of the revocation names.
    fn id(&self) -> String {
        match self {
            Self::Ids(ids) => ids.iter().map(FamilyId::as_str).collect::<Vec<_>>().join(","),
            Self::User(user) | Self::Client(user, ..) => user.as_str().to_owned(),
        }
    }
}

fn named(body: &Map<String, Value>) -> Option<Named> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let ids = body.get("ids").and_then(Value::as_array);
    Some(match (ids, text("user_id"), text("client_id"), text("audience")) {
        (Some(ids), None, None, None) => {
            Named::Ids(ids.iter().filter_map(Value::as_str).map(FamilyId::new).collect())
        }
        (None, Some(user), None, None) => Named::User(UserId::new(user)),
        (None, Some(user), Some(client), audience) => {
            Named::Client(UserId::new(user), ClientId::new(client), audience.map(Audience::new))
        }
        _ => return None,
    })
}

/// `POST /refresh-tokens/revoke`
pub async fn revoke(
    State(app): State<App>,
    mut change: Change,
    ManagementJson(body): ManagementJson,
) -> Accepted {
    validation::check(REVOCATION, &body, Writing::Create)?;
    let invalid = ManagementError::invalid_body;
    let named = named(&body).ok_or_else(|| invalid("Invalid combination of parameters."))?;
    let (by, now) = (RevokedBy::Management, app.clock.now());
    // Read before the transaction: on SQLite it holds the only writer.
    let issued = match &named {
        Named::Client(_, client, audience) => {
            let found = app.store.client(client).await?;
            let client = found.ok_or_else(|| invalid("Client not found."))?;
            if let Some(audience) = audience {
                let api = app.store.api(audience).await?;
                api.ok_or_else(|| invalid("Resource server not found."))?;
            }
            match audience {
                // With a policy for the API every login of the client reaches it.
                Some(audience)
                    if !client.client.policies().iter().any(|p| p.audience == *audience) =>
                {
                    Issued::For(Some(audience))
                }
                _ => Issued::ForAny,
            }
        }
        _ => Issued::ForAny,
    };
    let mut tx = change.begin().await?;
    if let Named::User(user) | Named::Client(user, _, _) = &named {
        users::find(tx.db(), user).await?.ok_or_else(|| invalid("User not found."))?;
    }
    let (revoked, client, user) = match &named {
        Named::Ids(ids) => {
            let mut revoked = 0;
            for id in ids {
                revoked += u64::from(families::revoke(&mut tx, id, by, now).await?);
            }
            (revoked, None, None)
        }
        Named::User(user) => {
            (families::revoke_of_user(&mut tx, user, by, now).await?, None, Some(user))
        }
        Named::Client(user, client, _) => {
            let revoked =
                families::revoke_of_client(&mut tx, user, client, issued, by, now).await?;
            (revoked, Some(client), Some(user))
        }
    };
    let happened = Happened::RefreshTokensRevoked { family: None, revoked, by };
    change.also(&happened, client, user);
    change.commit(tx, &named.id(), change::members(&body)).await?;
    Ok(StatusCode::ACCEPTED)
}
