//! Whose account a request about tickets means: the user, the identity, the connection and the
//! organization that it names must all exist and belong together.

use serde_json::{Map, Value};

use super::super::{
    formats::CONNECTION_ID,
    schema::{Field, Kind, field, object, one_of, shaped, text},
};
use crate::domain::{
    ClientId, ConnectionId, OrganizationId, UserId, connection::Connection, user::User,
};
use crate::http::error::management::ManagementError;
use crate::store::{Tx, clients, connections, organizations, users};

/// An identity with a password.
pub const IDENTITY_OF_DATABASE: Kind = object(DATABASE);
/// An identity of any kind.
pub const IDENTITY_OF_ANY: Kind = object(ANY);

const LOCAL_ID: Field = field("user_id", text(1, 300), "user_id of the identity.").required();
const CONNECTION: Field =
    field("connection_id", shaped(0, 64, CONNECTION_ID), "connection_id of the identity.");
const DATABASE: &[Field] = &[
    LOCAL_ID,
    field("provider", one_of(&["auth0"]), "Identity provider name of the identity.").required(),
    CONNECTION,
];
const ANY: &[Field] = &[
    LOCAL_ID,
    field("provider", one_of(PROVIDERS), "Identity provider name of the identity.").required(),
    CONNECTION,
];

#[rustfmt::skip]
const PROVIDERS: &[&str] = &[
    "ad", "adfs", "amazon", "apple", "dropbox", "bitbucket", "auth0-oidc", "auth0", "baidu",
    "bitly", "box", "custom", "daccount", "dwolla", "email", "evernote-sandbox", "evernote",
    "exact", "facebook", "fitbit", "github", "google-apps", "google-oauth2", "instagram", "ip",
    "line", "linkedin", "oauth1", "oauth2", "office365", "oidc", "okta", "paypal",
    "paypal-sandbox", "pingfederate", "planningcenter", "salesforce-community",
    "salesforce-sandbox", "salesforce", "samlp", "sharepoint", "shopify", "shop", "sms",
    "soundcloud", "thirtysevensignals", "twitter", "untappd", "vkontakte", "waad", "weibo",
    "windowslive", "wordpress", "yahoo", "yandex",
];

const MISSING: ManagementError =
    ManagementError::NotFound { code: Some("inexistent_user"), message: "User not found." };

/// The account that a request means.
pub struct Account {
    /// The user.
    pub user: User,
    /// The organization to log in to, of which the user is a member.
    pub organization_id: Option<OrganizationId>,
}

/// The user has no address.
pub fn without_address() -> ManagementError {
    ManagementError::invalid_body("The user does not have an email address.")
}

fn text_of<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

/// The account that a checked body means, by `user_id`, or by `email` and `connection_id`.
///
/// # Errors
/// 404 without the user, 400 for what does not belong to it.
pub async fn find(tx: &mut Tx, body: &Map<String, Value>) -> Result<Account, ManagementError> {
    let user = match (text_of(body, "user_id"), text_of(body, "connection_id")) {
        (Some(id), _) => users::find(tx.db(), &UserId::new(id)).await?,
        (None, Some(connection)) => {
            let connection = connection_with_id(tx, connection).await?.ok_or_else(|| {
                ManagementError::invalid_body(format!(
                    "The connection with id {connection} does not exist."
                ))
            })?;
            let email = text_of(body, "email").unwrap_or_default().to_lowercase();
            users::find_by_email(tx.db(), &connection.name, &email).await?
        }
        (None, None) => None,
    };
    let user = user.ok_or(MISSING)?.user;
    if let Some(identity) = body.get("identity").and_then(Value::as_object) {
        check_identity(tx, &user, identity).await?;
    }
    let organization_id = match text_of(body, "organization_id") {
        Some(id) => Some(organization(tx, &user, id).await?),
        None => None,
    };
    Ok(Account { user, organization_id })
}

async fn connection_with_id(tx: &mut Tx, id: &str) -> Result<Option<Connection>, ManagementError> {
    let found = connections::find(tx.db(), &ConnectionId::new(id)).await?;
    Ok(found.map(|record| record.connection))
}

/// A user has one identity, the one that the id tells.
async fn check_identity(
    tx: &mut Tx,
    user: &User,
    identity: &Map<String, Value>,
) -> Result<(), ManagementError> {
    let text = |name: &str| text_of(identity, name).unwrap_or_default();
    let connection =
        match text_of(identity, "connection_id") {
            Some(id) => Some(connection_with_id(tx, id).await?.ok_or_else(|| {
                ManagementError::invalid_body("Identity connection does not exist.")
            })?),
            None => None,
        };
    let is_of_user = user.user_id.as_str() == format!("{}|{}", text("provider"), text("user_id"));
    let fits = connection.is_none_or(|connection| connection.name == user.connection);
    if is_of_user && fits {
        return Ok(());
    }
    Err(ManagementError::invalid_body("The user exists, but does not contain the given identity."))
}

async fn organization(
    tx: &mut Tx,
    user: &User,
    id: &str,
) -> Result<OrganizationId, ManagementError> {
    let found = organizations::find(tx.db(), id).await?;
    // A name would find one too.
    let found = found.map(|organization| organization.id).filter(|found| found.as_str() == id);
    let found =
        found.ok_or_else(|| ManagementError::invalid_body("The organization does not exist"))?;
    if organizations::is_member(tx.db(), &found, &user.user_id).await? {
        return Ok(found);
    }
    Err(ManagementError::invalid_body(format!(
        "The user with id {} is not a member of organization with id {id}.",
        user.user_id
    )))
}

/// Refuses an application that does not exist.
///
/// # Errors
/// 400.
pub async fn check_client(tx: &mut Tx, id: &ClientId) -> Result<(), ManagementError> {
    match clients::find(tx.db(), id).await? {
        Some(_) => Ok(()),
        None => Err(ManagementError::invalid_body("The client does not exist")),
    }
}

/// Refuses a user who can have no password.
///
/// # Errors
/// 400.
pub async fn must_have_passwords(tx: &mut Tx, user: &User) -> Result<(), ManagementError> {
    let found = connections::find_by_name(tx.db(), &user.connection).await?;
    if found.is_some_and(|record| record.connection.is_database()) {
        return Ok(());
    }
    Err(ManagementError::invalid_body(
        "The user's main connection does not support this operation.",
    ))
}
