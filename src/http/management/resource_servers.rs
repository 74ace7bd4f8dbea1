//! `/resource-servers`: APIs.

mod fields;
mod rules;
pub(super) mod usage;

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Map, Value, json};

pub(super) use self::fields::RESOURCE_SERVER;
use super::{
    ATTEMPTS,
    change::{self, Change},
    edited_elsewhere, merge,
    page::{self, Listing, Page},
    path_id::PathId,
    query::{Fields, Query},
    validation::{self, Writing},
};
use crate::crypto::digest;
use crate::domain::{
    ResourceServerId, audience::Audience, resource_server::ResourceServer, scope::ScopeSet,
    secret::ClientSecret, signing_alg::SigningAlg,
};
use crate::http::{
    App,
    error::management::ManagementError,
    extract::{management_json::ManagementJson, management_token::ManagementToken},
};
use crate::store::{
    self, Db, Tx, permissions,
    resource_servers::{self, ResourceServerRecord},
    role_permissions, signing_keys,
};

/// Parameters that narrow the listing.
pub(super) const FILTERS: &[&str] = &["identifiers", "search"];

type Answer = Result<Json<Value>, ManagementError>;

const MISSING: ManagementError = ManagementError::NotFound {
    code: Some("inexistent_resource_server"),
    message: "The resource server does not exist",
};

/// The API as it is answered. Its secret is among it, for those who configure the API.
fn show(app: &App, record: &ResourceServerRecord) -> Result<Map<String, Value>, ManagementError> {
    let mut shown = record.document.clone();
    if let Some(secret) = app.tokens.signing_secret(&record.api)? {
        shown.insert("signing_secret".to_owned(), secret.expose().into());
    }
    shown.insert("id".to_owned(), record.api.id.as_str().into());
    shown.insert("identifier".to_owned(), record.api.identifier.as_str().into());
    shown.insert("is_system".to_owned(), record.api.is_system.into());
    Ok(shown)
}

/// The same to the bearer of a token: of the users of the console, who may only look sees no secret.
fn show_to(
    token: &ManagementToken,
    app: &App,
    record: &ResourceServerRecord,
) -> Result<Map<String, Value>, ManagementError> {
    let mut shown = show(app, record)?;
    if token.0.user().is_some() && !token.has_any(&["update:resource_servers"]) {
        shown.remove("signing_secret");
    }
    Ok(shown)
}

/// Takes the secret out of a document: it is kept sealed, beside it.
fn take_secret(document: &mut Map<String, Value>) -> Option<ClientSecret> {
    match document.remove("signing_secret") {
        Some(Value::String(secret)) => Some(ClientSecret::new(secret)),
        _ => None,
    }
}

/// Whether a secret is written back as it was read.
fn is_same(new: &ClientSecret, kept: Option<&ClientSecret>) -> bool {
    kept.is_some_and(|kept| digest::equal(new.expose().as_bytes(), kept.expose().as_bytes()))
}

/// Makes sure that tokens of the API can be signed, and verified by who reads the JWKS: writes the
/// secret of HS256, which is generated when there is none, and publishes the keys of others.
/// `true` when they were not published before.
async fn prepare_signing(
    app: &App,
    tx: &mut Tx,
    api: &ResourceServer,
    given: Option<&ClientSecret>,
) -> Result<bool, ManagementError> {
    if api.signing_alg != SigningAlg::Hs256 {
        if api.sealed_secret.is_some() {
            resource_servers::set_secret(tx, &api.id, None).await?;
        }
        return Ok(signing_keys::publish(tx, api.signing_alg, app.clock.now()).await?);
    }
    let secret = match given {
        Some(secret) => secret.clone(),
        None if api.sealed_secret.is_some() => return Ok(false),
        None => ClientSecret::new(app.entropy.url_safe(43)),
    };
    let sealed = app.tokens.seal_signing_secret(&api.id, &secret)?;
    resource_servers::set_secret(tx, &api.id, Some(&sealed)).await?;
    Ok(false)
}

/// `{id}` is the id or the identifier.
async fn find(db: Db<'_>, id: &str) -> Result<Option<ResourceServerRecord>, store::Error> {
    if rules::is_id(id) {
        resource_servers::find(db, &ResourceServerId::new(id)).await
    } else {
        resource_servers::find_by_identifier(db, &Audience::new(id)).await
    }
}

/// The version stands for the secret, too.
///
/// # Errors
/// When the database fails.
pub(super) async fn state(db: Db<'_>, id: &str) -> Result<Option<Value>, store::Error> {
    let found = find(db, id).await?;
    Ok(found.map(|found| json!([found.api.id, found.version, found.document])))
}

/// `GET /resource-servers`
pub async fn list(State(app): State<App>, token: ManagementToken, query: Query) -> Answer {
    query.only(&[Fields::PARAMETERS, page::OFFSET, FILTERS])?;
    let (page, fields) = (Page::read(&query)?, Fields::read(&query)?);
    let identifiers: Vec<&str> = query.all("identifiers").collect();
    if identifiers.len() > 10 {
        return Err(ManagementError::invalid_query(format!(
            "Query validation error: 'Array is too long ({}), maximum 10' on property identifiers.",
            identifiers.len()
        )));
    }
    let search = query.search("search")?;
    if search.is_some() && !identifiers.is_empty() {
        return Err(ManagementError::invalid_query(
            "Query validation error: 'identifiers and search cannot be used together'.",
        ));
    }
    let mut conn = app.store.read().await?;
    let (start, limit) = page.window();
    let listing = if let Some(part) = search {
        let items = resource_servers::search(conn.db(), part, start, limit).await?;
        let total = resource_servers::count_found(conn.db(), part).await?;
        Listing { items, total, next: None }
    } else if identifiers.is_empty() {
        let items = resource_servers::list(conn.db(), start, limit).await?;
        let total = resource_servers::count(conn.db()).await?;
        Listing { items, total, next: None }
    } else {
        let mut named: Vec<ResourceServerRecord> = Vec::new();
        for identifier in identifiers {
            let audience = Audience::new(identifier);
            if named.iter().all(|known| known.api.identifier != audience) {
                named.extend(resource_servers::find_by_identifier(conn.db(), &audience).await?);
            }
        }
        page.of(named, |record| record.api.id.as_str())
    };
    let Listing { items, total, next } = listing;
    let items = items
        .iter()
        .map(|record| Ok(fields.select(show_to(&token, &app, record)?)))
        .collect::<Result<Vec<Value>, ManagementError>>()?;
    Ok(page.answer("resource_servers", Listing { items, total, next }))
}

/// `GET /resource-servers/{id}`
pub async fn read(
    State(app): State<App>,
    token: ManagementToken,
    PathId(id): PathId,
    query: Query,
) -> Answer {
    query.only(&[Fields::PARAMETERS])?;
    let fields = Fields::read(&query)?;
    let mut conn = app.store.read().await?;
    let record = find(conn.db(), &id).await?.ok_or(MISSING)?;
    Ok(Json(fields.select(show_to(&token, &app, &record)?)))
}

/// `POST /resource-servers`
pub async fn create(
    State(app): State<App>,
    change: Change,
    ManagementJson(body): ManagementJson,
) -> Result<(StatusCode, Json<Value>), ManagementError> {
    validation::check(RESOURCE_SERVER, &body, Writing::Create)?;
    let members = change::members(&body);
    let web_lifetime_is_sent = body.contains_key("token_lifetime_for_web");
    let mut document = Map::new();
    merge::shallow(&mut document, body);
    let identifier = match document.remove("identifier") {
        Some(Value::String(identifier)) => identifier,
        _ => String::new(),
    };
    rules::check_identifier(&identifier, &app.settings)?;
    rules::complete(&mut document);
    if !web_lifetime_is_sent {
        rules::shorten_web_lifetime(&mut document);
    }
    rules::check(&document)?;
    let secret = take_secret(&mut document);

    let id = ResourceServerId::new(app.entropy.lower_hex(24));
    let identifier = Audience::new(identifier);
    let mut tx = change.begin().await?;
    match resource_servers::insert(&mut tx, &id, &identifier, &document, app.clock.now()).await {
        Err(store::Error::Duplicate) => return Err(duplicate()),
        other => other?,
    }
    let record = resource_servers::find(tx.db(), &id).await?.ok_or(MISSING)?;
    let publishes = prepare_signing(&app, &mut tx, &record.api, secret.as_ref()).await?;
    let record = resource_servers::find(tx.db(), &id).await?.ok_or(MISSING)?;
    change.commit(tx, id.as_str(), members).await?;
    if publishes {
        app.tokens.reload_keys().await;
    }
    Ok((StatusCode::CREATED, Json(Value::Object(show(&app, &record)?))))
}

fn duplicate() -> ManagementError {
    ManagementError::Conflict {
        code: None,
        message: "A resource server with the same identifier already exists.".to_owned(),
    }
}

/// `PATCH /resource-servers/{id}`
pub async fn update(
    State(app): State<App>,
    change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Answer {
    validation::check(RESOURCE_SERVER, &body, Writing::Update)?;
    for _ in 0..ATTEMPTS {
        let mut tx = change.begin().await?;
        let mut record = find(tx.db(), &id).await?.ok_or(MISSING)?;
        if record.api.is_system {
            return Err(not_supported("System resource servers cannot be patched."));
        }
        let document = record.document.clone();
        let before = record.api.defined_scopes();
        rules::change(&mut record.document, body.clone());
        if !body.contains_key("token_lifetime_for_web") {
            rules::shorten_web_lifetime(&mut record.document);
        }
        rules::check(&record.document)?;
        let kept = app.tokens.signing_secret(&record.api)?;
        let secret = take_secret(&mut record.document).filter(|new| !is_same(new, kept.as_ref()));
        let (now, api) = (app.clock.now(), &record.api.id);
        if resource_servers::update(&mut tx, api, &record.document, record.version, now).await? {
            let record = resource_servers::find(tx.db(), api).await?.ok_or(MISSING)?;
            let defined = record.api.defined_scopes();
            forget_scopes(&mut tx, &record.api, &before.filtered(|s| !defined.contains(s))).await?;
            let publishes = prepare_signing(&app, &mut tx, &record.api, secret.as_ref()).await?;
            let record = resource_servers::find(tx.db(), api).await?.ok_or(MISSING)?;
            let mut changed = change::differences(&document, &record.document);
            changed.extend(secret.map(|_| "signing_secret".to_owned()));
            change.commit(tx, record.api.id.as_str(), changed).await?;
            if publishes {
                app.tokens.reload_keys().await;
            }
            return Ok(Json(Value::Object(show(&app, &record)?)));
        }
    }
    Err(edited_elsewhere())
}

/// Takes the permissions for scopes that the API no longer defines: should a scope of that name
/// come back one day, nobody has it yet.
async fn forget_scopes(
    tx: &mut Tx,
    api: &ResourceServer,
    gone: &ScopeSet,
) -> Result<(), store::Error> {
    for scope in gone.iter() {
        permissions::forget(tx, &api.identifier, scope).await?;
        role_permissions::forget(tx, &api.identifier, scope).await?;
    }
    Ok(())
}

/// `DELETE /resource-servers/{id}`
pub async fn remove(change: Change, PathId(id): PathId) -> Result<StatusCode, ManagementError> {
    let mut tx = change.begin().await?;
    let Some(record) = find(tx.db(), &id).await? else { return Ok(StatusCode::NO_CONTENT) };
    if record.api.is_system {
        return Err(not_supported("System resource servers cannot be deleted."));
    }
    resource_servers::delete(&mut tx, &record.api.id).await?;
    change.commit(tx, record.api.id.as_str(), Vec::new()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn not_supported(message: &str) -> ManagementError {
    ManagementError::BadRequest { code: "operation_not_supported", message: message.to_owned() }
}
