//! `/users` and `/users-by-email`.

mod connection;
mod edit;
mod fields;
mod search;
mod verification;
mod view;

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Map, Value};

pub use self::view::show;
pub(super) use self::{fields::USER, search::PARAMETERS as SEARCH};
use super::{
    ATTEMPTS,
    change::{self, Change},
    edited_elsewhere,
    page::{self, Listing, Page},
    path_id::PathId,
    query::{Fields, Query},
    validation::{self, Writing},
};
use crate::domain::{
    UserId, audit::Happened, connection::Connection, family::RevokedBy, logout::Initiator,
    user::User,
};
use crate::http::{
    App,
    error::management::ManagementError,
    extract::{management_json::ManagementJson, management_token::ManagementToken},
    oauth::signup::send_verification,
};
use crate::login::profile;
use crate::store::{
    self, Tx, families,
    users::{self, search::Window},
};

type Answer = Result<Json<Value>, ManagementError>;

/// How far a listing can be paged.
const REACH: i64 = 1000;
/// Also the answer about the sub-resources of a user who does not exist.
pub const MISSING: ManagementError = ManagementError::NotFound {
    code: Some("inexistent_user"),
    message: "The user does not exist.",
};

/// `GET /users`
pub async fn list(State(app): State<App>, query: Query) -> Answer {
    query.only(&[Fields::PARAMETERS, page::OFFSET, search::PARAMETERS])?;
    let (page, fields) = (Page::read(&query)?, Fields::read(&query)?);
    let (typed, search) = (search::typed(&query)?, search::read(&query)?);
    let (offset, limit) = page.window();
    check_reach(offset, limit)?;
    let totals = matches!(page, Page::Offset { totals: true, .. });
    let window = Window { offset, limit, totals };
    let budget = Duration::from_millis(app.settings.search_timeout.unsigned_abs());
    let found = match typed {
        Some((beginnings, connection)) => {
            users::beginning::find(&app.store, beginnings, connection, window, budget).await?
        }
        None => users::search::find(&app.store, search, window, budget, app.clock.now()).await?,
    };
    let listing = Listing { items: found.users, total: found.total, next: None };
    let listing = listing.map(|record| fields.select(show(&record.user)));
    Ok(page.answer("users", listing))
}

fn check_reach(start: i64, limit: i64) -> Result<(), ManagementError> {
    if start + limit <= REACH {
        return Ok(());
    }
    Err(ManagementError::invalid_query(
        "You can only page through the first 1000 records. See https://auth0.com/docs/users/search/v3/view-search-results-by-page#limitation.",
    ))
}

/// `GET /users-by-email`
pub async fn by_email(State(app): State<App>, query: Query) -> Answer {
    query.only(&[Fields::PARAMETERS, &["email"]])?;
    let fields = Fields::read(&query)?;
    let email = query.text("email")?.ok_or_else(|| {
        ManagementError::invalid_query(
            "Query validation error: 'Missing required property: email'.",
        )
    })?;
    let mut conn = app.store.read().await?;
    let found = users::list_by_email(conn.db(), email).await?;
    let found = found.iter().map(|record| fields.select(show(&record.user)));
    Ok(Json(Value::Array(found.collect())))
}

/// `GET /users/{id}`
pub async fn read(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[Fields::PARAMETERS])?;
    let fields = Fields::read(&query)?;
    let mut conn = app.store.read().await?;
    let record = users::find(conn.db(), &UserId::new(id)).await?.ok_or(MISSING)?;
    Ok(Json(fields.select(show(&record.user))))
}

/// `POST /users`
pub async fn create(
    State(app): State<App>,
    change: Change,
    ManagementJson(body): ManagementJson,
) -> Result<(StatusCode, Json<Value>), ManagementError> {
    validation::check(USER, &body, Writing::Create)?;
    let connection = connection::of_new(&app, &body).await?;
    let mut user = blank(&app, &connection, &body);
    edit::apply(&mut user, &body)?;
    connection::check_new(&connection, &user, &body)?;
    connection::check_password(&connection, &user, &body)?;
    profile::complete(&mut user.profile, user.email.as_deref(), user.username.as_deref());
    let hash = hash(&app, &body).await?;
    let mut tx = change.begin().await?;
    connection::must_still_be_there(&mut tx, &connection).await?;
    match users::insert(&mut tx, &user, hash.as_deref()).await {
        Err(store::Error::Duplicate) => return Err(duplicate()),
        other => other?,
    }
    let ticket = verification::of_new_user(&app, &mut tx, &user, &body).await?;
    change.commit(tx, user.user_id.as_str(), change::members(&body)).await?;
    send_verification(&app, ticket).await;
    Ok((StatusCode::CREATED, Json(Value::Object(show(&user)))))
}

fn blank(app: &App, connection: &Connection, body: &Map<String, Value>) -> User {
    let given = body.get("user_id").and_then(Value::as_str).filter(|id| !id.is_empty());
    let local = given.map_or_else(|| app.entropy.lower_hex(24), str::to_owned);
    let provider = connection.strategy.as_str();
    User {
        user_id: UserId::new(format!("{provider}|{local}")),
        connection: connection.name.clone(),
        ..User::new(&local, app.clock.now())
    }
}

/// The hash of the password in `body`. Slow: never call it inside a transaction.
async fn hash(app: &App, body: &Map<String, Value>) -> Result<Option<String>, ManagementError> {
    match edit::password(body)? {
        Some(password) => Ok(Some(app.login.passwords.hash(&password, &*app.entropy).await?)),
        None => Ok(None),
    }
}

fn duplicate() -> ManagementError {
    ManagementError::Conflict {
        code: Some("user_exists"),
        message: "The user already exists.".to_owned(),
    }
}

/// `PATCH /users/{id}`
pub async fn update(
    State(app): State<App>,
    token: ManagementToken,
    mut change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Answer {
    validation::check(USER, &body, Writing::Update)?;
    may_update(&token, &body)?;
    let id = UserId::new(id);
    // A stranger's id must not cost a hash.
    let found = users::find(app.store.read().await?.db(), &id).await?.ok_or(MISSING)?;
    let connection = connection::of_existing(&app, &found.user).await?;
    connection::check_password(&connection, &found.user, &body)?;
    let hash = hash(&app, &body).await?;
    for _ in 0..ATTEMPTS {
        let mut tx = change.begin().await?;
        let mut record = users::find(tx.db(), &id).await?.ok_or(MISSING)?;
        if body.keys().any(|name| !describes(name)) {
            change.authority().may_change(tx.db(), &id).await?;
        }
        let before = show(&record.user);
        edit::apply(&mut record.user, &body)?;
        connection::check_edited(&connection, &record.user, &body)?;
        let mut changed = change::differences(&before, &show(&record.user));
        changed.extend(hash.as_ref().map(|_| "password".to_owned()));
        record.user.updated_at = app.clock.now();
        let password = hash.as_ref().or(record.password_hash.as_ref());
        let password = password.map(String::as_str);
        match users::update(&mut tx, &record.user, password, record.version).await {
            Err(store::Error::Duplicate) => return Err(duplicate()),
            Ok(false) => continue,
            other => other?,
        };
        let blocks = body.get("blocked") == Some(&Value::Bool(true));
        let (revoked, by) = end_logins(&app, &mut tx, &record.user, blocks, hash.is_some()).await?;
        let ticket = verification::of_edited_user(&app, &mut tx, &record.user, &body).await?;
        let happened = Happened::RefreshTokensRevoked { family: None, revoked, by };
        change.also(&happened, None, Some(&id));
        change.commit(tx, id.as_str(), changed).await?;
        send_verification(&app, ticket).await;
        if hash.is_some() {
            app.login.after_password_change(&record.user).await;
        }
        return Ok(Json(Value::Object(show(&record.user))));
    }
    Err(edited_elsewhere())
}

/// Whether a member only describes a user: all others decide who it is and whether they get in.
fn describes(name: &str) -> bool {
    const BAGS: &[&str] = &["user_metadata", "app_metadata"];
    fields::PROFILE.contains(&name) || BAGS.contains(&name)
}

/// Who may only edit `app_metadata` may not log people in or out.
fn may_update(token: &ManagementToken, body: &Map<String, Value>) -> Result<(), ManagementError> {
    const SCOPES: &[&str] = &["update:users"];
    let is_more = body.keys().any(|name| name != "app_metadata");
    if is_more && !token.has_any(SCOPES) {
        return Err(ManagementError::InsufficientScope(SCOPES));
    }
    Ok(())
}

/// Ends what the user began before being blocked, or under the old password. Returns how many
/// refresh tokens that cost, and by what.
async fn end_logins(
    app: &App,
    tx: &mut Tx,
    user: &User,
    is_blocked: bool,
    has_new_password: bool,
) -> Result<(u64, RevokedBy), store::Error> {
    let id = &user.user_id;
    let by = if is_blocked { RevokedBy::UserBlocked } else { RevokedBy::PasswordChange };
    let revokes = is_blocked || (has_new_password && app.settings.revoke_on_password_change);
    let revoked =
        if revokes { families::revoke_of_user(tx, id, by, app.clock.now()).await? } else { 0 };
    if is_blocked {
        app.login.end_all(tx, id, Initiator::AccountDeactivated).await?;
    } else if has_new_password {
        // Wrong guesses were guesses of another password.
        app.login.unblock(tx, user).await?;
        app.login.end_all(tx, id, Initiator::PasswordChanged).await?;
    }
    Ok((revoked, by))
}

/// `DELETE /users/{id}`
pub async fn remove(
    State(app): State<App>,
    change: Change,
    PathId(id): PathId,
) -> Result<StatusCode, ManagementError> {
    let mut tx = change.begin().await?;
    let id = UserId::new(id);
    change.authority().may_change(tx.db(), &id).await?;
    // The sessions would go with the user; their applications must hear of it.
    app.login.end_all(&mut tx, &id, Initiator::AccountDeleted).await?;
    if users::delete(&mut tx, &id).await? {
        change.commit(tx, id.as_str(), Vec::new()).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
