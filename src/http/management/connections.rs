//! `/connections`: where users come from.

pub mod clients;
mod fields;
mod rules;
mod view;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

pub(super) use self::fields::{CLIENT_STATUS, CONNECTION};
use self::{
    clients::{enabled_clients, set_enabled_clients},
    fields::STRATEGIES,
    view::show,
};
use super::{
    ATTEMPTS,
    change::{self, Change},
    edited_elsewhere, merge,
    page::{self, Listing, Page},
    path_id::PathId,
    query::{Fields, Query},
    validation::{self, Writing},
};
use crate::domain::{
    ConnectionId,
    connection::{Connection, Strategy},
    logout::Initiator,
};
use crate::http::{
    App, error::management::ManagementError, extract::management_json::ManagementJson,
};
use crate::store::{
    self, Tx,
    connections::{self, ConnectionRecord, Filter},
    users,
};

type Answer = Result<Json<Value>, ManagementError>;

/// Also the answer about the parts of a connection that does not exist.
const MISSING: ManagementError = ManagementError::NotFound {
    code: Some("inexistent_connection"),
    message: "The connection does not exist",
};

/// What `strategy`, which may be repeated, leaves of a listing: `None` for nothing at all, as this
/// server has no connections of any of them.
fn narrowed<'a>(
    query: &Query,
    name: Option<&'a str>,
) -> Result<Option<Filter<'a>>, ManagementError> {
    let mut wanted = Vec::new();
    let mut any = true;
    for strategy in query.all("strategy").flat_map(|text| text.split(',')) {
        if !STRATEGIES.contains(&strategy) {
            return Err(ManagementError::invalid_query(format!(
                "Query validation error: 'No enum match for: {strategy}' on property strategy."
            )));
        }
        any = false;
        wanted.extend(Strategy::named(strategy).filter(|named| !wanted.contains(named)));
    }
    Ok(match wanted.as_slice() {
        [] if any => Some(Filter { strategy: None, name }),
        [] => None,
        [one] => Some(Filter { strategy: Some(*one), name }),
        // Both that there are.
        _ => Some(Filter { strategy: None, name }),
    })
}

/// `GET /connections`
pub async fn list(State(app): State<App>, query: Query) -> Answer {
    query.only(&[Fields::PARAMETERS, page::OFFSET, page::CHECKPOINT, &["strategy", "name"]])?;
    let (page, fields) = (Page::read(&query)?, Fields::read(&query)?);
    let filter = narrowed(&query, query.text("name")?)?;
    let mut conn = app.store.read().await?;
    let listing = match (filter, &page) {
        (None, _) => Listing { items: Vec::new(), total: 0, next: None },
        (Some(filter), Page::Offset { start, limit, totals }) => {
            let items = connections::list(conn.db(), filter, *start, *limit).await?;
            let total = if *totals { connections::count(conn.db(), filter).await? } else { 0 };
            Listing { items, total, next: None }
        }
        (Some(filter), Page::Checkpoint { after, take, .. }) => {
            let items = connections::list_after(conn.db(), filter, after, take + 1).await?;
            Listing::checkpoint(items, *take, |record| record.connection.id.as_str())
        }
    };
    let mut items = Vec::new();
    for record in &listing.items {
        let enabled = enabled_clients(conn.db(), &record.connection.id).await?;
        items.push(fields.select(show(record, &enabled)));
    }
    let Listing { total, next, .. } = listing;
    Ok(page.answer("connections", Listing { items, total, next }))
}

/// `GET /connections/{id}`
pub async fn read(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[Fields::PARAMETERS])?;
    let fields = Fields::read(&query)?;
    let mut conn = app.store.read().await?;
    let record = connections::find(conn.db(), &ConnectionId::new(id)).await?.ok_or(MISSING)?;
    let enabled = enabled_clients(conn.db(), &record.connection.id).await?;
    Ok(Json(fields.select(show(&record, &enabled))))
}

/// `GET /connections/{id}/status`. Nothing stands between this server and its own users.
pub async fn status(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    const NOT_FOUND: ManagementError = ManagementError::NotFound {
        code: Some("inexistent_connection"),
        message: "Connection not found.",
    };
    query.only(&[])?;
    let mut conn = app.store.read().await?;
    connections::find(conn.db(), &ConnectionId::new(id)).await?.ok_or(NOT_FOUND)?;
    Ok(Json(json!({})))
}

/// `POST /connections`
pub async fn create(
    State(app): State<App>,
    change: Change,
    ManagementJson(body): ManagementJson,
) -> Result<(StatusCode, Json<Value>), ManagementError> {
    validation::check(CONNECTION, &body, Writing::Create)?;
    let members = change::members(&body);
    let mut document = body;
    let mut text = |name: &str| match document.remove(name) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    };
    let (name, strategy) = (text("name"), text("strategy"));
    let strategy = rules::strategy(&strategy, &name)?;
    let enabled = document.remove("enabled_clients");
    settle(&mut document, &name);
    rules::check(strategy, &document)?;
    let id = ConnectionId::new(format!("con_{}", app.entropy.alphanumeric(16)));
    let mut tx = change.begin().await?;
    check_realms(&mut tx, &id, &name, &document).await?;
    let now = app.clock.now();
    match connections::insert(&mut tx, &id, &name, strategy, &document, now).await {
        Err(store::Error::Duplicate) => {
            drop(tx);
            return Err(name_is_taken(&app, &name).await?);
        }
        other => other?,
    }
    if let Some(Value::Array(enabled)) = &enabled {
        set_enabled_clients(&mut tx, &id, enabled).await?;
    }
    let record = connections::find(tx.db(), &id).await?.ok_or(MISSING)?;
    let enabled = enabled_clients(tx.db(), &id).await?;
    change.commit(tx, id.as_str(), members).await?;
    Ok((StatusCode::CREATED, Json(Value::Object(show(&record, &enabled)))))
}

async fn name_is_taken(app: &App, name: &str) -> Result<ManagementError, ManagementError> {
    let mut conn = app.store.read().await?;
    let message = match connections::find_by_name(conn.db(), name).await? {
        Some(_) => "A connection with the same name already exists",
        None => "A connection with the same name is being deleted, try again later",
    };
    Ok(ManagementError::Conflict { code: None, message: message.to_owned() })
}

/// Writes down what is left unsaid: a name among the realms where there are none, no metadata that
/// is `null`.
fn settle(document: &mut Map<String, Value>, name: &str) {
    if document.get("realms").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        document.insert("realms".to_owned(), json!([name]));
    }
    if let Some(Value::Object(metadata)) = document.get_mut("metadata") {
        metadata.retain(|_, value| !value.is_null());
    }
    if document.get("options") == Some(&Value::Null) {
        document.remove("options");
    }
}

/// No two connections answer to one name.
async fn check_realms(
    tx: &mut Tx,
    id: &ConnectionId,
    name: &str,
    document: &Map<String, Value>,
) -> Result<(), ManagementError> {
    let own = [Value::from(name)];
    let realms = document.get("realms").and_then(Value::as_array).map_or(&own[..], Vec::as_slice);
    let is_called = |connection: &Connection| {
        realms.iter().filter_map(Value::as_str).any(|realm| connection.is_called(realm))
    };
    let all = connections::list(tx.db(), Filter::default(), 0, i64::MAX).await?;
    let mut others = all.iter().filter(|other| other.connection.id != *id);
    // Another one of the same name is told by its own message.
    if others.any(|other| other.connection.name != name && is_called(&other.connection)) {
        return Err(ManagementError::Conflict {
            code: None,
            message:
                "There is already another connection with some realms from \"realms\" parameter"
                    .to_owned(),
        });
    }
    Ok(())
}

/// `PATCH /connections/{id}`. Each member, the options too, is replaced as a whole.
pub async fn update(
    State(app): State<App>,
    change: Change,
    PathId(id): PathId,
    ManagementJson(mut body): ManagementJson,
) -> Answer {
    validation::check(CONNECTION, &body, Writing::Update)?;
    let id = ConnectionId::new(id);
    let enabled = body.remove("enabled_clients");
    for _ in 0..ATTEMPTS {
        let mut tx = change.begin().await?;
        let before = connections::find(tx.db(), &id).await?.ok_or(MISSING)?;
        let enabled_before = enabled_clients(tx.db(), &id).await?;
        let connection = &before.connection;
        let mut document = before.document.clone();
        merge::shallow(&mut document, body.clone());
        settle(&mut document, &connection.name);
        rules::check(connection.strategy, &document)?;
        check_realms(&mut tx, &id, &connection.name, &document).await?;
        let now = app.clock.now();
        if !connections::update(&mut tx, &id, &document, before.version, now).await? {
            continue;
        }
        match &enabled {
            Some(Value::Array(clients)) => set_enabled_clients(&mut tx, &id, clients).await?,
            Some(Value::Null) => set_enabled_clients(&mut tx, &id, &[]).await?,
            _ => {}
        }
        let after = connections::find(tx.db(), &id).await?.ok_or(MISSING)?;
        let enabled = enabled_clients(tx.db(), &id).await?;
        let shown = show(&after, &enabled);
        let changed = change::differences(&show(&before, &enabled_before), &shown);
        change.commit(tx, id.as_str(), changed).await?;
        return Ok(Json(Value::Object(shown)));
    }
    Err(edited_elsewhere())
}

/// `DELETE /connections/{id}`. It is gone for everybody at once; a great many users go one after
/// the other behind the answer.
pub async fn remove(
    State(app): State<App>,
    change: Change,
    PathId(id): PathId,
) -> Result<Response, ManagementError> {
    let id = ConnectionId::new(id);
    let now = app.clock.now();
    let mut tx = change.begin().await?;
    if let Some(record) = connections::find(tx.db(), &id).await? {
        // Its users go with it.
        change.authority().may_change_all(tx.db(), &record.connection.name).await?;
    }
    if !connections::delete(&mut tx, &id, now).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    change.commit(tx, id.as_str(), Vec::new()).await?;
    if !app.login.remove_users_of_deleted_connections(BEFORE_THE_ANSWER).await? {
        let login = app.login.clone();
        let going_on = async move {
            if let Err(error) = login.remove_users_of_deleted_connections(usize::MAX).await {
                tracing::warn!(%error, "users of a deleted connection are left; it will be tried again");
            }
        };
        // With no place free the sweep does it.
        drop(app.login.background.run(going_on));
    }
    let body = json!({ "deleted_at": now.iso8601() });
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}

/// How many batches of users go before the answer.
const BEFORE_THE_ANSWER: usize = 5;

/// `DELETE /connections/{id}/users?email=`
pub async fn remove_user(
    State(app): State<App>,
    change: Change,
    PathId(id): PathId,
    query: Query,
) -> Result<StatusCode, ManagementError> {
    query.only(&[&["email"]])?;
    let email = query.text("email")?.ok_or_else(|| {
        ManagementError::invalid_query(
            "Query validation error: 'Missing required property: email'.",
        )
    })?;
    let mut tx = change.begin().await?;
    let record: ConnectionRecord =
        connections::find(tx.db(), &ConnectionId::new(id)).await?.ok_or(MISSING)?;
    let connection = &record.connection;
    if !connection.is_database() {
        return Err(ManagementError::invalid_body("Connection must be a database connection"));
    }
    let email = email.trim().to_lowercase();
    let found = users::find_by_email(tx.db(), &connection.name, &email).await?;
    let Some(user) = found.map(|found| found.user.user_id) else {
        return Ok(StatusCode::NO_CONTENT);
    };
    change.authority().may_change(tx.db(), &user).await?;
    // The sessions would go with the user; their applications must hear of it.
    app.login.end_all(&mut tx, &user, Initiator::AccountDeleted).await?;
    users::delete(&mut tx, &user).await?;
    change.commit(tx, user.as_str(), Vec::new()).await?;
    Ok(StatusCode::NO_CONTENT)
}
