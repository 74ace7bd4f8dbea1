//! What an `ETag` stands for: the state of an object that an editor could write, by the row that
//! keeps it. What changes by itself (counters, the last use) is no part of it.

use serde_json::{Value, json};

use super::{actions, client_credentials, connections, path_id, resource_servers, roles, rules};
use crate::domain::{
    ClientGrantId, ClientId, ConnectionId, FamilyId, RoleId, RuleId, SessionId, UserId,
};
use crate::http::{App, error::management::ManagementError};
use crate::policy::management::objects::Object;
use crate::store::{
    Db, Tx, attack_protection, client_grants, clients, families, organizations, sessions,
    tenant_settings, users,
};

/// One object.
#[derive(Debug, Clone)]
pub struct Subject {
    object: Object,
    ids: Vec<String>,
}

impl Subject {
    /// The object with these ids, those of a path to it or to a part of it.
    pub fn new(object: Object, mut ids: Vec<String>) -> Self {
        ids.truncate(object.ids());
        Self { object, ids }
    }

    fn id(&self) -> &str {
        self.ids.first().map_or("", String::as_str)
    }

    /// The part of a part.
    fn last_id(&self) -> &str {
        self.ids.last().map_or("", String::as_str)
    }

    /// Names what is written by one transaction at a time: the object and whatever is a part of it.
    pub fn place(&self) -> String {
        match self.object {
            // Its id has two spellings.
            Object::ResourceServer => "resource-servers".to_owned(),
            Object::ClientCredential => format!("Client {}", self.id()),
            Object::ConnectionClients => format!("Connection {}", self.id()),
            object => format!("{object:?} {}", self.id()),
        }
    }
}

/// Keeps the row as it is, where others than this API write it too and no version guards it.
///
/// # Errors
/// When the database fails.
pub async fn lock(tx: &mut Tx, subject: &Subject) -> Result<(), ManagementError> {
    if path_id::checked(subject.id().to_owned()).is_err() {
        return Ok(());
    }
    match subject.object {
        Object::User => drop(users::lock(tx, &UserId::new(subject.id())).await?),
        Object::Session => sessions::lock(tx, &SessionId::new(subject.id())).await?,
        Object::RefreshToken => families::lock(tx, &FamilyId::new(subject.id())).await?,
        _ => {}
    }
    Ok(())
}

/// The tag of an object, without quotes; `None` when there is none.
///
/// # Errors
/// When the database fails.
pub async fn tag(
    app: &App,
    db: Db<'_>,
    subject: &Subject,
) -> Result<Option<String>, ManagementError> {
    // The handler refuses what no id can be.
    if subject.ids.iter().any(|id| path_id::checked(id.clone()).is_err()) {
        return Ok(None);
    }
    let state = state(db, subject).await?;
    let kind = format!("{:?}", subject.object);
    Ok(state.map(|state| app.entity_tags.tag(&kind, &state.to_string())))
}

async fn state(mut db: Db<'_>, subject: &Subject) -> Result<Option<Value>, ManagementError> {
    let id = subject.id();
    Ok(match subject.object {
        // The version stands for the secret, too.
        Object::Client => clients::find(db, &ClientId::new(id))
            .await?
            .map(|client| json!([client.client.client_id, client.version, client.document])),
        Object::ClientCredential => {
            client_credentials::state(db, &ClientId::new(id), subject.last_id()).await?
        }
        Object::ResourceServer => resource_servers::state(db, id).await?,
        Object::ClientGrant => client_grants::find(db, &ClientGrantId::new(id))
            .await?
            .map(|grant| json!([grant.grant.id, grant.version, grant.document])),
        Object::User => users::find(db, &UserId::new(id)).await?.map(|found| {
            let mut shown = super::users::show(&found.user);
            // A login and its counters are no edit.
            for name in ["last_login", "last_ip", "logins_count", "updated_at"] {
                shown.remove(name);
            }
            json!([shown, found.password_hash])
        }),
        Object::Connection => {
            let id = ConnectionId::new(id);
            match crate::store::connections::find(db.reborrow(), &id).await? {
                Some(found) => {
                    let enabled = connections::clients::enabled_clients(db, &id).await?;
                    Some(json!([id, found.version, found.document, enabled]))
                }
                None => None,
            }
        }
        Object::ConnectionClients => {
            let id = ConnectionId::new(id);
            match crate::store::connections::find(db.reborrow(), &id).await? {
                Some(_) => Some(json!(connections::clients::enabled_clients(db, &id).await?)),
                None => None,
            }
        }
        Object::Role => crate::store::roles::find(db, &RoleId::new(id))
            .await?
            .map(|role| roles::show(&role).into()),
        Object::Rule => crate::store::rules::find(db, &RuleId::new(id))
            .await?
            .map(|rule| rules::show(&rule).into()),
        Object::Organization => organizations::find(db, id)
            .await?
            .filter(|organization| organization.id.as_str() == id)
            .map(|organization| super::organizations::show(&organization)),
        Object::RefreshToken => families::listing::find_record(db, &FamilyId::new(id))
            .await?
            .filter(|found| found.family.revoked_at.is_none())
            .map(|found| json!([found.family.id, found.metadata])),
        Object::Session => {
            let id = SessionId::new(id);
            match sessions::find(db.reborrow(), &id).await? {
                Some(session) => {
                    Some(json!([session.id, sessions::details(db, &id).await?.metadata]))
                }
                None => None,
            }
        }
        Object::TenantSettings => {
            let found = tenant_settings::read(db).await?;
            Some(json!([found.version, found.document]))
        }
        Object::Protection(name) => {
            let found = attack_protection::read(db, name).await?;
            Some(json!([found.version, found.document]))
        }
        Object::Action => actions::state(db, id).await?,
        Object::Bindings => actions::bindings::state(db, id).await?,
    })
}
