//! `/clients`: applications.

mod fields;
mod rules;
mod view;

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Map, Value};

use self::view::{Sight, show};
pub(super) use self::{
    fields::{CLIENT, POLICIES},
    rules::check_policies,
};
use super::{
    ATTEMPTS,
    authority::Authority,
    change::{self, Change},
    client_credentials, edited_elsewhere, merge,
    page::{self, Listing, Page},
    path_id::PathId,
    query::{Fields, Query},
    validation::{self, Writing},
};
use crate::domain::{ClientId, secret::ClientSecret, signing_alg::SigningAlg};
use crate::http::{
    App,
    error::management::ManagementError,
    extract::{management_json::ManagementJson, management_token::ManagementToken},
};
use crate::store::{
    Tx,
    clients::{self, ClientRecord, Filter},
    connections, signing_keys,
};

type Answer = Result<Json<Value>, ManagementError>;

pub(super) const FILTERS: &[&str] = &["is_global", "is_first_party", "app_type", "search"];
/// Types that can be asked for at once: more than there are.
const MOST_APP_TYPES: usize = 50;
const MISSING: ManagementError = ManagementError::NotFound {
    code: Some("inexistent_client"),
    message: "The client does not exist",
};

/// `GET /clients`
pub async fn list(State(app): State<App>, token: ManagementToken, query: Query) -> Answer {
    query.only(&[Fields::PARAMETERS, page::OFFSET, page::CHECKPOINT, FILTERS])?;
    let (page, fields) = (Page::read(&query)?, Fields::read(&query)?);
    let Listing { items, total, next } = find_page(&app, &read_filter(&query)?, &page).await?;
    let closed = Authority::of(&app, &token).closed(app.store.read().await?.db()).await?;
    let sight = |record: &ClientRecord| Sight::of(&token).unless(&closed, record);
    let items = items
        .iter()
        .map(|record| Ok(fields.select(show(&app, record, sight(record))?)))
        .collect::<Result<Vec<Value>, ManagementError>>()?;
    Ok(page.answer("clients", Listing { items, total, next }))
}

fn read_filter(query: &Query) -> Result<Filter, ManagementError> {
    let app_types = query.text("app_type")?.unwrap_or("").split(',').filter(|t| !t.is_empty());
    let app_types: Vec<String> = app_types.map(str::to_owned).collect();
    if app_types.len() > MOST_APP_TYPES {
        return Err(ManagementError::invalid_query(format!(
            "Query validation error: 'Too many values, maximum {MOST_APP_TYPES}' on property \
             app_type."
        )));
    }
    Ok(Filter {
        is_global: query.boolean("is_global")?,
        is_first_party: query.boolean("is_first_party")?,
        app_types,
        search: query.search("search")?.map(str::to_owned),
    })
}

async fn find_page(
    app: &App,
    filter: &Filter,
    page: &Page,
) -> Result<Listing<ClientRecord>, ManagementError> {
    let mut conn = app.store.read().await?;
    Ok(match page {
        Page::Offset { start, limit, totals } => {
            let items = clients::list(conn.db(), filter, *start, *limit).await?;
            let total = if *totals { clients::count(conn.db(), filter).await? } else { 0 };
            Listing { items, total, next: None }
        }
        Page::Checkpoint { after, take, .. } => {
            let items = clients::list_after(conn.db(), filter, after, take + 1).await?;
            Listing::checkpoint(items, *take, |record| record.client.client_id.as_str())
        }
    })
}

/// `GET /clients/{id}`
pub async fn read(
    State(app): State<App>,
    token: ManagementToken,
    PathId(id): PathId,
    query: Query,
) -> Answer {
    query.only(&[Fields::PARAMETERS])?;
    let fields = Fields::read(&query)?;
    let mut conn = app.store.read().await?;
    let record = clients::find(conn.db(), &ClientId::new(id)).await?.ok_or(MISSING)?;
    let closed = Authority::of(&app, &token).closed(conn.db()).await?;
    let sight = Sight::of(&token).unless(&closed, &record);
    Ok(Json(fields.select(show(&app, &record, sight)?)))
}

/// `POST /clients`
pub async fn create(
    State(app): State<App>,
    token: ManagementToken,
    change: Change,
    ManagementJson(body): ManagementJson,
) -> Result<(StatusCode, Json<Value>), ManagementError> {
    validation::check(CLIENT, &body, Writing::Create)?;
    view::may_create(&token, &body)?;
    let members = change::members(&body);
    let mut document = Map::new();
    merge::deep(&mut document, body);
    let id = ClientId::new(app.entropy.alphanumeric(32));
    let keys = client_credentials::take_embedded(&app, &id, &mut document)?;
    rules::complete(&mut document);
    rules::check(&document, &app.settings)?;

    // Who authenticates with a key has no secret that could be stolen.
    let sealed = if document.contains_key("client_authentication_methods") {
        None
    } else {
        Some(app.tokens.seal_client_secret(&id, &new_secret(&app))?)
    };
    let flags = app.store.tenant().await?.flags;
    let mut tx = change.begin().await?;
    clients::insert(&mut tx, &id, &document, sealed.as_deref(), app.clock.now()).await?;
    if flags.enable_client_connections != Some(false) {
        connections::enable_all_for(&mut tx, &id).await?;
    }
    for key in &keys {
        client_credentials::insert(&mut tx, key).await?;
    }
    let record = clients::find(tx.db(), &id).await?.ok_or(MISSING)?;
    let publishes = publish_keys(&app, &mut tx, &record.document).await?;
    change.commit(tx, id.as_str(), members).await?;
    if publishes {
        app.tokens.reload_keys().await;
    }

    let mut shown = show(&app, &record, Sight::EVERYTHING)?;
    shown.insert("encrypted".to_owned(), true.into());
    Ok((StatusCode::CREATED, Json(Value::Object(shown))))
}

/// `PATCH /clients/{id}`
pub async fn update(
    State(app): State<App>,
    token: ManagementToken,
    change: Change,
    PathId(id): PathId,
    ManagementJson(mut body): ManagementJson,
) -> Answer {
    validation::check_change(CLIENT, &body)?;
    view::may_update(&token, &body)?;
    let secret = match body.remove("client_secret") {
        Some(Value::String(secret)) => Some(ClientSecret::new(secret)),
        _ => None,
    };
    let id = ClientId::new(id);
    let record = edit(&app, change, &id, secret.as_ref(), |document| {
        let refresh_token_is_sent = body.contains_key("refresh_token");
        merge::deep(document, body.clone());
        // The last method may have been removed from inside.
        if document.get("client_authentication_methods") == Some(&Value::Object(Map::new())) {
            document.remove("client_authentication_methods");
        }
        if refresh_token_is_sent {
            rules::complete_refresh_token(document);
        }
        rules::check(document, &app.settings)
    });
    let record = record.await?;
    let closed = Authority::of(&app, &token).closed(app.store.read().await?.db()).await?;
    let sight = Sight::of(&token).unless(&closed, &record);
    Ok(Json(Value::Object(show(&app, &record, sight)?)))
}

/// `POST /clients/{id}/rotate-secret`
pub async fn rotate_secret(State(app): State<App>, change: Change, PathId(id): PathId) -> Answer {
    let secret = new_secret(&app);
    let id = ClientId::new(id);
    let record = edit(&app, change, &id, Some(&secret), |document| {
        if document.contains_key("client_authentication_methods") {
            return Err(ManagementError::BadRequest {
                code: "operation_not_supported",
                message: "A client with client_authentication_methods has no secret to rotate."
                    .to_owned(),
            });
        }
        Ok(())
    });
    let record = record.await?;
    Ok(Json(Value::Object(show(&app, &record, Sight::EVERYTHING)?)))
}

/// `DELETE /clients/{id}`
pub async fn remove(change: Change, PathId(id): PathId) -> Result<StatusCode, ManagementError> {
    let id = ClientId::new(id);
    if id.is_console() {
        return Ok(StatusCode::NO_CONTENT);
    }
    let mut tx = change.begin().await?;
    if clients::find(tx.db(), &id).await?.is_some_and(|record| record.client.is_global) {
        return Err(ManagementError::BadRequest {
            code: "operation_not_supported",
            message: "Global client cannot be deleted.".to_owned(),
        });
    }
    if clients::delete(&mut tx, &id).await? {
        change.commit(tx, id.as_str(), Vec::new()).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Has the keys published that ID tokens of this client are signed with. `true` when they were not.
async fn publish_keys(
    app: &App,
    tx: &mut Tx,
    document: &Map<String, Value>,
) -> Result<bool, ManagementError> {
    let alg = document.get("jwt_configuration").and_then(|jwt| jwt.get("alg"));
    let alg = alg.and_then(Value::as_str).and_then(SigningAlg::parse).unwrap_or_default();
    Ok(signing_keys::publish(tx, alg, app.clock.now()).await?)
}

fn new_secret(app: &App) -> ClientSecret {
    ClientSecret::new(app.entropy.url_safe(64))
}

/// Changes the document, and the secret if one is given, and answers the client as it is then.
async fn edit(
    app: &App,
    change: Change,
    id: &ClientId,
    secret: Option<&ClientSecret>,
    edit: impl Fn(&mut Map<String, Value>) -> Result<(), ManagementError>,
) -> Result<ClientRecord, ManagementError> {
    let sealed = secret.map(|secret| app.tokens.seal_client_secret(id, secret)).transpose()?;
    for _ in 0..ATTEMPTS {
        let mut tx = change.begin().await?;
        let mut record = clients::find(tx.db(), id).await?.ok_or(MISSING)?;
        let before = record.document.clone();
        edit(&mut record.document)?;
        let authenticates = "client_authentication_methods";
        if secret.is_some() || before.get(authenticates) != record.document.get(authenticates) {
            change.authority().may_become(tx.db(), id).await?;
        }
        client_credentials::check_listed(&mut tx, id, &record.document).await?;
        record.secret_sealed = sealed.clone().or(record.secret_sealed);
        let (document, sealed) = (&record.document, record.secret_sealed.as_deref());
        let now = app.clock.now();
        if clients::update(&mut tx, id, document, sealed, record.version, now).await? {
            let publishes = publish_keys(app, &mut tx, document).await?;
            let mut changed = change::differences(&before, document);
            changed.extend(secret.map(|_| "client_secret".to_owned()));
            change.commit(tx, id.as_str(), changed).await?;
            if publishes {
                app.tokens.reload_keys().await;
            }
            return Ok(record);
        }
    }
    Err(edited_elsewhere())
}
