//! `doorward quickstart`: the server on the embedded database, seeded on the first run with a demo
//! application, two APIs, policies and a user.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::app::{
    StartError,
    administrators::{self, Post},
    bootstrap::{self, object},
    master_key,
};
use crate::domain::{
    ClientId, ResourceServerId, RoleId,
    audience::Audience,
    secret::{ClientSecret, Password},
    user::{DATABASE_CONNECTION, User},
};
use crate::http::{
    App,
    demo::{Demo, DemoApi},
};
use crate::login::profile;
use crate::store::{self, clients, connections, resource_servers, user_roles, users};

/// What was seeded. Kept in `quickstart.json` in the data directory, readable by its owner only,
/// so that later runs print the same credentials.
#[derive(Debug, Serialize, Deserialize)]
pub struct Seeded {
    /// Where the server is.
    pub issuer: String,
    /// Where the demo page is.
    pub demo_url: String,
    /// The demo user.
    pub user: SeededUser,
    /// Who may do everything at the console. Older files have none: then it is completed.
    #[serde(default)]
    pub administrator: SeededUser,
    /// The application of the demo page.
    pub demo_client_id: String,
    /// A machine client with every Management API scope.
    pub management: SeededClient,
    /// The APIs; the demo logs in for the first.
    pub apis: Vec<SeededApi>,
}

/// A user.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct SeededUser {
    /// Logs in with it.
    pub email: String,
    /// Generated.
    pub password: String,
}

/// A machine client.
#[derive(Debug, Serialize, Deserialize)]
pub struct SeededClient {
    /// Its id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
}

/// An API of the demo.
#[derive(Debug, Serialize, Deserialize)]
pub struct SeededApi {
    /// Its name.
    pub name: String,
    /// Its identifier.
    pub audience: String,
    /// What the demo may ask of it.
    pub scope: String,
}

impl Seeded {
    /// What the demo page needs.
    pub fn demo(&self) -> Demo {
        let apis = self.apis.iter().map(|api| DemoApi {
            name: api.name.clone(),
            audience: api.audience.clone(),
            scope: api.scope.clone(),
        });
        Demo { client_id: self.demo_client_id.clone(), apis: apis.collect() }
    }
}

/// Seeds the demo, or finds it seeded. Every step can be repeated: a first run that was cut off is
/// completed by the next.
///
/// # Errors
/// When the database does, or the data directory cannot be written.
pub async fn seed(app: &App, data_dir: &Path) -> Result<Seeded, StartError> {
    let path = data_dir.join("quickstart.json");
    let seeded = match std::fs::read_to_string(&path) {
        Ok(text) => {
            let mut seeded: Seeded = serde_json::from_str(&text).map_err(|error| {
                StartError::Config(format!("{}: {error}; remove it", path.display()))
            })?;
            let issuer = &app.settings.issuer;
            seeded.issuer.clone_from(issuer);
            seeded.demo_url = format!("{issuer}demo/");
            if seeded.administrator.email.is_empty() {
                seeded.administrator = administrator(app);
            }
            seeded
        }
        Err(_) => generate(app),
    };
    let text = serde_json::to_string_pretty(&seeded)
        .map_err(|error| StartError::Config(format!("quickstart.json: {error}")))?;
    master_key::make_data_dir(data_dir)?;
    master_key::write_private(&path, &text)?;
    for api in &seeded.apis {
        ensure_api(app, api).await?;
    }
    ensure_demo_client(app, &seeded).await?;
    let machine = crate::config::Bootstrap {
        client_id: seeded.management.client_id.clone(),
        client_secret: ClientSecret::new(&seeded.management.client_secret),
    };
    bootstrap::machine_client(app, &machine).await?;
    let ada = json!({ "name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace" });
    ensure_user(app, &seeded.user, ada, None).await?;
    let role = administrators::ensure_roles(app, Post::Administrator).await?;
    ensure_user(app, &seeded.administrator, json!({}), Some(&role)).await?;
    Ok(seeded)
}

fn generate(app: &App) -> Seeded {
    let issuer = &app.settings.issuer;
    let api = |name: &str, audience: &str, scope: &str| SeededApi {
        name: name.to_owned(),
        audience: audience.to_owned(),
        scope: scope.to_owned(),
    };
    Seeded {
        issuer: issuer.clone(),
        demo_url: format!("{issuer}demo/"),
        user: SeededUser {
            email: "ada@example.com".to_owned(),
            password: app.entropy.alphanumeric(16),
        },
        administrator: administrator(app),
        demo_client_id: app.entropy.alphanumeric(32),
        management: SeededClient {
            client_id: app.entropy.alphanumeric(32),
            client_secret: app.entropy.url_safe(64),
        },
        apis: vec![
            api("Orders API", "https://orders.example/", "read:orders"),
            api("Billing API", "https://billing.example/", "read:invoices pay:invoices"),
        ],
    }
}

fn administrator(app: &App) -> SeededUser {
    SeededUser { email: "admin@example.com".to_owned(), password: app.entropy.alphanumeric(16) }
}

async fn ensure_api(app: &App, api: &SeededApi) -> Result<(), StartError> {
    let audience = Audience::new(&api.audience);
    let mut conn = app.store.read().await?;
    if resource_servers::find_by_identifier(conn.db(), &audience).await?.is_some() {
        return Ok(());
    }
    drop(conn);
    let scopes: Vec<_> = api
        .scope
        .split(' ')
        .map(|scope| json!({ "value": scope, "description": format!("May {}", scope.replace(':', " ")) }))
        .collect();
    let document = object(json!({
        "name": api.name,
        "scopes": scopes,
        "signing_alg": "RS256",
        "token_lifetime": 86_400,
        "token_lifetime_for_web": 7_200,
        "allow_offline_access": true,
        "skip_consent_for_verifiable_first_party_clients": true,
    }));
    let id = ResourceServerId::new(app.entropy.lower_hex(24));
    let mut tx = app.store.write().await?;
    resource_servers::insert(&mut tx, &id, &audience, &document, app.clock.now()).await?;
    Ok(tx.commit().await?)
}

async fn ensure_demo_client(app: &App, seeded: &Seeded) -> Result<(), StartError> {
    let policies: Vec<_> = seeded
        .apis
        .iter()
        .map(|api| {
            let scope: Vec<_> = api.scope.split(' ').collect();
            json!({ "audience": api.audience, "scope": scope })
        })
        .collect();
    let document = object(json!({
        "name": "Doorward demo",
        "app_type": "spa",
        "is_first_party": true,
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "callbacks": [seeded.demo_url],
        "allowed_logout_urls": [seeded.demo_url],
        "web_origins": [app.settings.issuer.trim_end_matches('/')],
        "refresh_token": {
            "rotation_type": "rotating",
            "expiration_type": "expiring",
            "token_lifetime": 2_592_000,
            "idle_token_lifetime": 1_296_000,
            "infinite_token_lifetime": false,
            "infinite_idle_token_lifetime": false,
            "policies": policies,
        },
    }));
    let id = ClientId::new(&seeded.demo_client_id);
    bootstrap::ensure_client(app, &id, &document, None).await?;
    follow_issuer(app, &id, &document).await
}

/// The demo page moves with the issuer, such as from http to https: its client is told where it is
/// now. Where it was stays allowed; nothing else of the client is touched.
async fn follow_issuer(
    app: &App,
    id: &ClientId,
    wanted: &Map<String, Value>,
) -> Result<(), StartError> {
    let mut tx = app.store.write().await?;
    let Some(mut record) = clients::find(tx.db(), id).await? else { return Ok(()) };
    let mut moved = false;
    for name in ["callbacks", "allowed_logout_urls", "web_origins"] {
        let known = record.document.entry(name).or_insert_with(|| json!([]));
        let (Some(known), Some(Value::Array(wanted))) = (known.as_array_mut(), wanted.get(name))
        else {
            continue;
        };
        for url in wanted {
            if !known.contains(url) {
                known.push(url.clone());
                moved = true;
            }
        }
    }
    if moved {
        let (now, version) = (app.clock.now(), record.version);
        let sealed = record.secret_sealed.as_deref();
        clients::update(&mut tx, id, &record.document, sealed, version, now).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// A user who exists is let alone: nobody becomes an administrator at a later start.
async fn ensure_user(
    app: &App,
    seeded: &SeededUser,
    profile: Value,
    role: Option<&RoleId>,
) -> Result<(), StartError> {
    let mut conn = app.store.read().await?;
    let (name, email) = (DATABASE_CONNECTION, &seeded.email);
    // Who deleted the connection wants no user of it.
    if connections::find_by_name(conn.db(), name).await?.is_none()
        || users::find_by_identifier(conn.db(), name, email).await?.is_some()
    {
        return Ok(());
    }
    drop(conn);
    let hashed = app.login.passwords.hash(&Password::new(&seeded.password), &*app.entropy).await;
    let hashed = hashed.map_err(|error| StartError::Config(error.to_string()))?;
    let mut profile = object(profile);
    profile::complete(&mut profile, Some(&seeded.email), None);
    let user = User {
        email: Some(seeded.email.clone()),
        email_verified: true,
        profile,
        ..User::new(&app.entropy.lower_hex(24), app.clock.now())
    };
    let mut tx = app.store.write().await?;
    match users::insert(&mut tx, &user, Some(&hashed)).await {
        Ok(()) => {}
        Err(store::Error::Duplicate) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    if let Some(role) = role {
        user_roles::insert(&mut tx, &user.user_id, role).await?;
    }
    Ok(tx.commit().await?)
}
