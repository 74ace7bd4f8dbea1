//! What must exist before the first request: the Management API as a resource server, and the
//! machine client of the environment. Everything here can run at every start, on every replica.

use serde_json::{Map, Value, json};

use crate::app::{StartError, administrators};
use crate::config::Bootstrap;
use crate::domain::{
    ClientGrantId, ClientId, ResourceServerId, client_grant::SubjectType, scope::ScopeSet,
};
use crate::http::App;
use crate::policy::management;
use crate::store::{self, Store, client_grants, clients, connections, resource_servers};

/// Makes sure that the Management API exists and defines the scopes of this release.
///
/// # Errors
/// When the database does.
pub async fn management_api(app: &App) -> Result<(), StartError> {
    let identifier = app.settings.management_audience();
    let scopes: Vec<Value> =
        management::scopes().iter().map(|scope| json!({ "value": scope })).collect();
    let document = object(json!({
        // Tools recognise it by this very name.
        "name": "Auth0 Management API",
        "is_system": true,
        "signing_alg": "RS256",
        "token_lifetime": 86_400,
        "token_lifetime_for_web": 7_200,
        "allow_offline_access": false,
        "skip_consent_for_verifiable_first_party_clients": false,
        "subject_type_authorization": {
            "client": { "policy": "require_client_grant" },
            "user": { "policy": "deny_all" },
        },
        "scopes": scopes,
    }));
    let now = app.clock.now();
    let mut conn = app.store.read().await?;
    let found = resource_servers::find_by_identifier(conn.db(), &identifier).await?;
    drop(conn);
    match found {
        Some(record) if record.document == document => Ok(()),
        Some(record) => {
            let mut tx = app.store.write().await?;
            let (id, version) = (&record.api.id, record.version);
            // Losing the race means that another replica has just written the same.
            if resource_servers::update(&mut tx, id, &document, version, now).await? {
                administrators::extend(&mut tx, &identifier, &record.api.defined_scopes()).await?;
            }
            Ok(tx.commit().await?)
        }
        None => {
            let id = ResourceServerId::new(app.entropy.lower_hex(24));
            let mut tx = app.store.write().await?;
            let inserted =
                match resource_servers::insert(&mut tx, &id, &identifier, &document, now).await {
                    // The issuer has another address now: the administrators move with it.
                    Ok(()) => {
                        let none = ScopeSet::default();
                        administrators::extend(&mut tx, &identifier, &none).await
                    }
                    refused => refused,
                };
            Ok(unless_duplicate(inserted, tx).await?)
        }
    }
}

/// Makes sure of the client of the console, where the issuer is now.
///
/// # Errors
/// When the database does.
pub async fn console(app: &App) -> Result<(), StartError> {
    let issuer = &app.settings.issuer;
    let document = object(json!({
        "name": "Doorward Console",
        "app_type": "spa",
        "is_first_party": true,
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code"],
        "callbacks": [format!("{issuer}admin/callback")],
        "allowed_logout_urls": [format!("{issuer}admin/")],
        "web_origins": [origin(issuer)],
    }));
    let mut conn = app.store.read().await?;
    let found = clients::find_or_console(conn.db(), &ClientId::console()).await?;
    drop(conn);
    let is_ours = |record: &clients::ClientRecord| {
        record.document == document && record.secret_sealed.is_none()
    };
    if found.as_ref().is_some_and(is_ours) {
        return Ok(());
    }
    let mut tx = app.store.write().await?;
    let put = clients::put_console(&mut tx, &document, app.clock.now()).await;
    Ok(unless_duplicate(put, tx).await?)
}

/// The origin of an address, without its path.
fn origin(address: &str) -> String {
    match url::Url::parse(address) {
        Ok(url) => url.origin().ascii_serialization(),
        Err(_) => address.trim_end_matches('/').to_owned(),
    }
}

/// Makes sure of a machine client with every scope of the Management API and the given secret.
///
/// # Errors
/// When the database or the crypto library does.
pub async fn machine_client(app: &App, machine: &Bootstrap) -> Result<(), StartError> {
    let id = ClientId::new(&machine.client_id);
    let document = object(json!({
        "name": "Bootstrap",
        "app_type": "non_interactive",
        "is_first_party": true,
        "grant_types": ["client_credentials"],
    }));
    ensure_client(app, &id, &document, Some(&machine.client_secret)).await?;
    grant_everything(app, &id).await
}

/// Makes sure of a client. One that exists keeps its document; its secret becomes the given one.
///
/// # Errors
/// When the database or the crypto library does.
pub async fn ensure_client(
    app: &App,
    id: &ClientId,
    document: &Map<String, Value>,
    secret: Option<&crate::domain::secret::ClientSecret>,
) -> Result<(), StartError> {
    let now = app.clock.now();
    let sealed = secret.map(|secret| app.tokens.seal_client_secret(id, secret)).transpose()?;
    let mut conn = app.store.read().await?;
    let found = clients::find(conn.db(), id).await?;
    drop(conn);
    let mut tx = app.store.write().await?;
    match found {
        None => {
            let inserted = clients::insert(&mut tx, id, document, sealed.as_deref(), now).await;
            let enabled = match inserted {
                Ok(()) => connections::enable_all_for(&mut tx, id).await,
                refused => refused,
            };
            Ok(unless_duplicate(enabled, tx).await?)
        }
        Some(record) => {
            if app.tokens.client_secret(&record)?.as_ref() == secret {
                return Ok(());
            }
            let (kept, version) = (&record.document, record.version);
            clients::update(&mut tx, id, kept, sealed.as_deref(), version, now).await?;
            Ok(tx.commit().await?)
        }
    }
}

/// Grants a client every scope of the Management API.
///
/// # Errors
/// When the database does.
pub async fn grant_everything(app: &App, client: &ClientId) -> Result<(), StartError> {
    let audience = app.settings.management_audience();
    let subject = SubjectType::Client;
    let document = object(json!({ "scope": management::scopes() }));
    let found = find_grant(&app.store, client, &audience).await?;
    let mut tx = app.store.write().await?;
    match found {
        Some(record) if record.document == document => Ok(()),
        Some(record) => {
            client_grants::update(&mut tx, &record.grant.id, &document, record.version).await?;
            Ok(tx.commit().await?)
        }
        None => {
            let id = ClientGrantId::new(format!("cgr_{}", app.entropy.alphanumeric(16)));
            let now = app.clock.now();
            let inserted =
                client_grants::insert(&mut tx, &id, client, &audience, subject, &document, now)
                    .await;
            Ok(unless_duplicate(inserted, tx).await?)
        }
    }
}

async fn find_grant(
    store: &Store,
    client: &ClientId,
    audience: &crate::domain::audience::Audience,
) -> Result<Option<client_grants::ClientGrantRecord>, store::Error> {
    let mut conn = store.read().await?;
    client_grants::find_for(conn.db(), client, audience, SubjectType::Client).await
}

/// Commits, unless another replica was faster.
async fn unless_duplicate(inserted: store::Result<()>, tx: store::Tx) -> Result<(), store::Error> {
    match inserted {
        Ok(()) => tx.commit().await,
        Err(store::Error::Duplicate) => Ok(()),
        Err(error) => Err(error),
    }
}

/// A JSON object as the map that documents are.
pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
