//! What the workloads need of a server, made through its Management API as a user would make it.

use hyper::Method;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection, SqliteConnection};

use crate::{
    Result,
    http::{Connection, Request},
    site::{BOOTSTRAP_ID, BOOTSTRAP_SECRET, Server, Site},
};

pub const CALLBACK: &str = "https://app.example/callback";
pub const RETURN_TO: &str = "https://app.example/";
pub const PASSWORD: &str = "correct horse battery staple";
pub const USERS: usize = 64;

/// How tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alg {
    Rs256,
    Es256,
}

impl Alg {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// An application of people, and the APIs that its refresh tokens serve. Its access tokens and ID
/// tokens are signed with one algorithm.
#[derive(Debug, Clone)]
pub struct Application {
    pub client_id: String,
    pub audiences: Vec<String>,
    pub alg: Alg,
}

/// A client with a secret.
#[derive(Debug, Clone)]
pub struct Confidential {
    pub client_id: String,
    pub client_secret: String,
    pub audience: String,
}

/// All that was made.
#[derive(Debug, Clone)]
pub struct World {
    pub management_token: String,
    /// Public, rotating refresh tokens over three APIs.
    pub rs256: Application,
    /// The same with ES256 everywhere.
    pub es256: Application,
    /// The same as the first, with RBAC at each API and `permissions` in its tokens.
    pub rbac: Application,
    /// Where people log in again and again, apart from those whose refresh tokens are exchanged.
    pub login: Application,
    /// Whose previous refresh token answers for ten seconds more.
    pub retry: Application,
    pub machine_rs256: Confidential,
    pub machine_es256: Confidential,
    /// Introspects its own access tokens.
    pub web: Confidential,
    pub user_ids: Vec<String>,
}

/// The address of a user.
pub fn email(user: usize) -> String {
    format!("user{user}@example.com")
}

/// Every scope of an API.
const SCOPES: [&str; 3] = ["read:items", "write:items", "read:reports"];

pub const LOGIN_SCOPE: &str = "openid profile email offline_access read:items";

struct Maker {
    http: Connection,
    token: String,
}

/// Makes it all.
pub async fn make(site: &Site, server: &Server) -> Result<World> {
    let token = management_token(site, server).await?;
    let mut maker = Maker { http: Connection::to(server.address), token };
    let plain = maker.apis("rs", json!({})).await?;
    let es256 = maker.apis("es", json!({ "signing_alg": "ES256" })).await?;
    let rbac = json!({ "enforce_policies": true, "token_dialect": "access_token_authz" });
    let rbac = maker.apis("rbac", rbac).await?;
    let mut world = World {
        rs256: maker.application("Refresh", &plain, Alg::Rs256, 0).await?,
        es256: maker.application("Refresh ES256", &es256, Alg::Es256, 0).await?,
        rbac: maker.application("Refresh RBAC", &rbac, Alg::Rs256, 0).await?,
        login: maker.application("Login", &plain, Alg::Rs256, 0).await?,
        retry: maker.application("Retry", &plain, Alg::Rs256, 10).await?,
        machine_rs256: maker.machine("Machine", &plain[0]).await?,
        machine_es256: maker.machine("Machine ES256", &es256[0]).await?,
        web: maker.web(&plain[0]).await?,
        user_ids: Vec::new(),
        management_token: maker.token.clone(),
    };
    for user in 0..USERS {
        world.user_ids.push(maker.user(user, &rbac).await?);
    }
    Ok(world)
}

/// The Management API sets no application to ES256, as Auth0's does not: for what a refresh with two
/// such signatures costs, the row is written while the server is down.
pub async fn sign_with_es256(site: &Site, client_id: &str) -> Result<()> {
    const WRITE: &str = "UPDATE client SET document = REPLACE(document, '\"alg\":\"RS256\"',
        '\"alg\":\"ES256\"') WHERE client_id = $1";
    let changed = match &site.database {
        Some(url) => {
            let mut database = PgConnection::connect(url).await?;
            sqlx::query(WRITE).bind(client_id).execute(&mut database).await?.rows_affected()
        }
        None => {
            let mut database = SqliteConnection::connect(&site.file()).await?;
            sqlx::query(WRITE).bind(client_id).execute(&mut database).await?.rows_affected()
        }
    };
    if changed == 1 { Ok(()) } else { Err("the application is not there".into()) }
}

/// A token with every scope of the Management API.
pub async fn management_token(site: &Site, server: &Server) -> Result<String> {
    let audience = format!("{}api/v2/", site.issuer());
    let answer = Connection::to(server.address).send(first_token(&audience)).await?;
    text(&answer.expect(200)?.json()?, "access_token")
}

/// What a machine asks first.
pub fn first_token(audience: &str) -> Request {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", BOOTSTRAP_ID),
        ("client_secret", BOOTSTRAP_SECRET),
        ("audience", audience),
    ];
    Request::form("/oauth/token", &form)
}

/// A string member.
pub fn text(value: &Value, member: &str) -> Result<String> {
    let found = value.get(member).and_then(Value::as_str);
    Ok(found.ok_or_else(|| format!("no {member} in {value}"))?.to_owned())
}

impl Maker {
    async fn create(&mut self, path: &str, body: Value) -> Result<Value> {
        let request = Request::json(Method::POST, format!("/api/v2{path}"), &body);
        let answer = self.http.send(request.bearer(&self.token)?).await?;
        let answer = answer.expect(201).map_err(|why| format!("POST {path}: {why}"))?;
        Ok(if answer.body.is_empty() { Value::Null } else { answer.json()? })
    }

    async fn apis(&mut self, name: &str, more: Value) -> Result<Vec<String>> {
        let mut made = Vec::new();
        for number in 0..3 {
            let identifier = format!("https://{name}{number}.api.example/");
            let scopes: Vec<_> = SCOPES.iter().map(|scope| json!({ "value": scope })).collect();
            let body = json!({
                "identifier": identifier, "name": format!("API {name} {number}"),
                "scopes": scopes, "allow_offline_access": true,
            });
            self.create("/resource-servers", merged(body, &more)).await?;
            made.push(identifier);
        }
        Ok(made)
    }

    async fn application(
        &mut self,
        name: &str,
        audiences: &[String],
        alg: Alg,
        leeway: u32,
    ) -> Result<Application> {
        let policies: Vec<_> =
            audiences.iter().map(|a| json!({ "audience": a, "scope": ["read:items"] })).collect();
        let body = json!({
            "name": name, "app_type": "native", "callbacks": [CALLBACK],
            "allowed_logout_urls": [RETURN_TO], "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token", "password"],
            "refresh_token": {
                "rotation_type": "rotating", "expiration_type": "expiring", "leeway": leeway,
                "token_lifetime": 2_592_000, "idle_token_lifetime": 1_296_000,
                "policies": policies,
            },
            "jwt_configuration": { "alg": "RS256" },
        });
        let client = self.create("/clients", body).await?;
        let client_id = text(&client, "client_id")?;
        Ok(Application { client_id, audiences: audiences.to_vec(), alg })
    }

    async fn machine(&mut self, name: &str, audience: &str) -> Result<Confidential> {
        let body = json!({
            "name": name, "app_type": "non_interactive",
            "token_endpoint_auth_method": "client_secret_post",
            "grant_types": ["client_credentials"],
        });
        let client = self.create("/clients", body).await?;
        let client_id = text(&client, "client_id")?;
        let grant = json!({ "client_id": client_id, "audience": audience, "scope": SCOPES });
        self.create("/client-grants", grant).await?;
        let client_secret = text(&client, "client_secret")?;
        Ok(Confidential { client_id, client_secret, audience: audience.to_owned() })
    }

    async fn web(&mut self, audience: &str) -> Result<Confidential> {
        let body = json!({
            "name": "Web", "app_type": "regular_web",
            "token_endpoint_auth_method": "client_secret_post", "grant_types": ["password"],
        });
        let client = self.create("/clients", body).await?;
        Ok(Confidential {
            client_id: text(&client, "client_id")?,
            client_secret: text(&client, "client_secret")?,
            audience: audience.to_owned(),
        })
    }

    async fn user(&mut self, number: usize, audiences: &[String]) -> Result<String> {
        let body = json!({
            "connection": "Username-Password-Authentication", "email": email(number),
            "password": PASSWORD, "verify_email": false, "given_name": "Ada",
            "family_name": "Lovelace", "name": format!("Ada Lovelace {number}"),
        });
        let user_id = text(&self.create("/users", body).await?, "user_id")?;
        let permissions: Vec<_> = audiences
            .iter()
            .flat_map(|audience| SCOPES.map(|scope| (audience, scope)))
            .map(|(audience, scope)| {
                json!({ "resource_server_identifier": audience, "permission_name": scope })
            })
            .collect();
        let path = format!("/users/{}/permissions", user_id.replace('|', "%7C"));
        self.create(&path, json!({ "permissions": permissions })).await?;
        Ok(user_id)
    }
}

fn merged(mut body: Value, more: &Value) -> Value {
    if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
        body.extend(more.clone());
    }
    body
}
