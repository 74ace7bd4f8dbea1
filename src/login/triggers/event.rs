//! The parts of `event` that triggers share. What is not known is absent, never null, as Actions
//! expect; secrets, tokens and passwords are in none of them.

use serde_json::{Map, Value, json};

use crate::domain::{
    ClientId, OrganizationId, SessionId,
    audience::Audience,
    audit::Caller,
    client::RotationType,
    connection::Connection,
    family::Family,
    organization::Organization,
    role::Role,
    scope::ScopeSet,
    session::Session,
    tenant::{CookieMode, SessionLifetime},
    time::Timestamp,
    user::User,
};
use crate::login::{LoginService, authorize::Failure};
use crate::policy::{claims, lifetime};
use crate::store::{
    Conn, clients::ClientRecord, connections, families, organizations, session_clients, sessions,
    user_roles,
};

/// The most roles of a user that scripts are told of.
const MOST_ROLES: i64 = 1000;

/// An object of the members that are not null.
pub fn without_null(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(mut members) => {
            members.retain(|_, value| !value.is_null());
            members
        }
        _ => Map::new(),
    }
}

/// `event.client`
pub fn client(record: &ClientRecord) -> Value {
    let client = &record.client;
    let metadata = record.document.get("client_metadata").filter(|value| value.is_object());
    let mut event = json!({
        "client_id": client.client_id,
        "name": client.name,
        "metadata": metadata.cloned().unwrap_or_else(|| json!({})),
    });
    if !client.policies().is_empty() {
        let policies: Vec<_> = client
            .policies()
            .iter()
            .map(|policy| json!({ "audience": policy.audience, "scope": policy.scope }))
            .collect();
        event["refresh_token"] = json!({ "policies": policies });
    }
    event
}

/// `event.user`
pub fn user(user: &User) -> Value {
    /// Members of the profile that scripts are told of.
    const PROFILE: &[&str] = &[
        "name",
        "given_name",
        "family_name",
        "nickname",
        "picture",
        "phone_number",
        "phone_verified",
        "last_password_reset",
    ];
    let mut event = without_null(json!({
        "user_id": user.user_id,
        "email": user.email,
        "email_verified": user.email_verified,
        "username": user.username,
        "created_at": user.created_at.iso8601(),
        "updated_at": user.updated_at.iso8601(),
        "app_metadata": user.app_metadata,
        "user_metadata": user.user_metadata,
        "identities": claims::identities(user),
    }));
    for name in PROFILE {
        if let Some(value) = user.profile.get(*name).filter(|value| !value.is_null()) {
            event.insert((*name).to_owned(), value.clone());
        }
    }
    event.into()
}

/// `event.connection`
pub fn connection(connection: &Connection, document: &Map<String, Value>) -> Value {
    let mut event = json!({
        "id": connection.id,
        "name": connection.name,
        "strategy": connection.strategy.as_str(),
    });
    if let Some(metadata) = document.get("metadata").filter(|value| value.is_object()) {
        event["metadata"] = metadata.clone();
    }
    event
}

/// `event.organization`
pub fn organization(organization: &Organization) -> Value {
    json!({
        "id": organization.id,
        "name": organization.name,
        "display_name": organization.display_name.as_deref().unwrap_or(&organization.name),
        "metadata": organization.metadata,
    })
}

/// `event.authentication`
pub fn authentication(amr: &[String], at: Timestamp) -> Value {
    let methods: Vec<_> =
        amr.iter().map(|name| json!({ "name": method(name), "timestamp": at.iso8601() })).collect();
    json!({ "methods": methods })
}

/// What Actions call a way to authenticate.
fn method(amr: &str) -> &str {
    match amr {
        // A code that was mailed: there are no others.
        "otp" => "email",
        other => other,
    }
}

/// `event.tenant`
pub fn tenant(name: &str) -> Value {
    json!({ "id": name })
}

impl LoginService {
    /// `event.connection` of a user.
    ///
    /// # Errors
    /// When the database does.
    pub async fn event_connection(
        &self,
        conn: &mut Conn,
        name: &str,
    ) -> Result<Option<Value>, Failure> {
        let found = connections::find_by_name(conn.db(), name).await?;
        Ok(found.map(|record| connection(&record.connection, &record.document)))
    }

    /// `event.organization`
    ///
    /// # Errors
    /// When the database does.
    pub async fn event_organization(
        &self,
        conn: &mut Conn,
        id: &OrganizationId,
    ) -> Result<Option<Value>, Failure> {
        let found = organizations::find(conn.db(), id.as_str()).await?;
        Ok(found.as_ref().map(organization))
    }

    /// The roles of a user.
    ///
    /// # Errors
    /// When the database does.
    pub async fn roles_of(&self, conn: &mut Conn, user: &User) -> Result<Vec<Role>, Failure> {
        Ok(user_roles::roles(conn.db(), &user.user_id, 0, MOST_ROLES).await?)
    }

    /// `event.session`, with its metadata. `lifetime` is what sessions have now: whoever holds a
    /// connection asks for no other.
    ///
    /// # Errors
    /// When the database does.
    pub async fn event_session(
        &self,
        conn: &mut Conn,
        session: &Session,
        lifetime: SessionLifetime,
    ) -> Result<Map<String, Value>, Failure> {
        let clients: Vec<ClientId> = session_clients::ids(conn.db(), &session.id).await?;
        let clients: Vec<_> = clients.iter().map(|id| json!({ "client_id": id })).collect();
        let metadata = sessions::details(conn.db(), &session.id).await?.metadata;
        let mode = self.cookie_mode(conn, &session.id, lifetime.persistent).await?;
        // The idle end is moved at each use.
        let used = session.idle_expires_at.plus_seconds(-lifetime.idle).max(session.created_at);
        Ok(without_null(json!({
            "id": session.id,
            "user_id": session.user_id,
            "created_at": session.created_at.iso8601(),
            "updated_at": used.iso8601(),
            "authenticated_at": session.authenticated_at.iso8601(),
            "last_interacted_at": used.iso8601(),
            "expires_at": session.expires_at.iso8601(),
            "idle_expires_at": session.idle_expires_at.iso8601(),
            "clients": clients,
            "cookie": { "mode": mode },
            "metadata": metadata.unwrap_or_default(),
        })))
    }

    async fn cookie_mode(
        &self,
        conn: &mut Conn,
        session: &SessionId,
        persistent: bool,
    ) -> Result<&'static str, Failure> {
        let chosen = sessions::cookie_mode(conn.db(), session).await?;
        let usual = if persistent { CookieMode::Persistent } else { CookieMode::NonPersistent };
        Ok(chosen.unwrap_or(usual).as_str())
    }

    /// `event.refresh_token`, with its metadata and the APIs that it can be exchanged for.
    ///
    /// # Errors
    /// When the database does.
    pub async fn event_refresh_token(
        &self,
        conn: &mut Conn,
        family: &Family,
        client: &ClientRecord,
        covers: &[(Audience, ScopeSet)],
    ) -> Result<Map<String, Value>, Failure> {
        let record = families::listing::find_record(conn.db(), &family.id).await?;
        let settings = client.client.refresh_token_settings();
        let idle_end = lifetime::idle_end(&settings, family.into());
        let time = |at: Option<Timestamp>| at.map(Timestamp::iso8601);
        let resource_servers: Vec<_> = covers
            .iter()
            .map(|(audience, scope)| json!({ "audience": audience, "scopes": scope.to_string() }))
            .collect();
        let (metadata, device) = match &record {
            None => (None, None),
            Some(record) => (record.metadata.clone(), Some(device(&record.initial, &record.last))),
        };
        Ok(without_null(json!({
            "id": family.id,
            "client_id": family.client_id,
            "user_id": family.user_id,
            "session_id": family.session_id,
            "created_at": family.created_at.iso8601(),
            "expires_at": time(family.expires_at),
            "idle_expires_at": time(idle_end),
            "last_exchanged_at": family.last_exchanged_at.iso8601(),
            "rotating": settings.rotation_type == RotationType::Rotating,
            "resource_servers": resource_servers,
            "metadata": metadata.unwrap_or_default(),
            "device": device,
        })))
    }
}

fn device(initial: &Caller, last: &Caller) -> Value {
    let device = without_null(json!({
        "initial_ip": initial.ip,
        "initial_user_agent": initial.user_agent,
        "last_ip": last.ip,
        "last_user_agent": last.user_agent,
    }));
    device.into()
}
