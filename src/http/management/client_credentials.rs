//! `/clients/{id}/credentials`: public keys that an application signs its assertions with, and what
//! an application's `client_authentication_methods` makes of them. A key counts once it is listed
//! there.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Map, Value, json};

use super::{
    ATTEMPTS,
    change::{self, Change},
    edited_elsewhere, page,
    path_id::{PathId, PathIds},
    query::Query,
    schema::{BOOLEAN, Field, Shape, field, one_of, shaped, text},
    validation::{self, Writing},
};
use crate::crypto::public_key::{self, KeyKind};
use crate::domain::{
    ClientId, CredentialId,
    client_assertion::AssertionAlgorithm,
    client_credential::ClientCredential,
    time::{Timestamp, Written},
};
use crate::http::{
    App, error::management::ManagementError, extract::management_json::ManagementJson,
};
use crate::store::{self, Db, Tx, client_credentials, clients};

type Answer = Result<Json<Value>, ManagementError>;

/// The most keys of one application: each is tried when an assertion names none.
const MOST: usize = 10;

const KID: Shape = Shape::Pattern("^([0-9a-zA-Z-_]{10,64})$", |s| {
    (10..=64).contains(&s.len())
        && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
});
const DATE_TIME: Shape = Shape::Format("date-time", |s| moment(s).is_some());

#[rustfmt::skip]
pub(super) const CREDENTIAL: &[Field] = &[
    field("credential_type", one_of(&["public_key", "cert_subject_dn", "x509_cert"]), "The type of credential.").required(),
    field("name", text(0, 128), "Friendly name for a credential."),
    field("subject_dn", text(1, 256), "Subject Distinguished Name. Mutually exclusive with `pem` property. Applies to `cert_subject_dn` credential type."),
    field("pem", text(1, 16 * 1024), "PEM-formatted public key (SPKI and PKCS1) or X509 certificate. Must be JSON escaped."),
    field("alg", one_of(&["RS256", "RS384", "PS256", "ES256"]), "Algorithm which will be used with the credential."),
    field("parse_expiry_from_cert", BOOLEAN, "Parse expiry from x509 certificate. If true, attempts to parse the expiry date from the provided PEM. Applies to `public_key` credential type."),
    field("expires_at", shaped(0, 64, DATE_TIME), "The ISO 8601 formatted date representing the expiration of the credential. If not specified (not recommended), the credential never expires. Applies to `public_key` credential type."),
    field("kid", shaped(0, 64, KID), "Optional kid (Key ID), used to uniquely identify the credential. If not specified, a kid value will be auto-generated. The kid header parameter in JWTs sent by your client should match this value. Valid format is [0-9a-zA-Z-_]{10,64}"),
];

#[rustfmt::skip]
pub(super) const EXPIRY: &[Field] = &[
    field("expires_at", shaped(0, 64, DATE_TIME), "The ISO 8601 formatted date representing the expiration of the credential.").removable(),
];

const NO_CLIENT: ManagementError =
    ManagementError::NotFound { code: Some("inexistent_client"), message: "Client not found." };
const MISSING: ManagementError = ManagementError::NotFound {
    code: Some("inexistent_credential"),
    message: "Credential does not exist",
};

fn show(credential: &ClientCredential) -> Value {
    let mut shown = json!({
        "id": credential.id,
        "credential_type": "public_key",
        "kid": credential.kid,
        "alg": credential.alg.as_str(),
        "name": credential.name,
        "created_at": credential.created_at.iso8601(),
        "updated_at": credential.updated_at.iso8601(),
    });
    if let Some(end) = credential.expires_at {
        shown["expires_at"] = end.iso8601().into();
    }
    shown
}

/// What can be edited of a key, and all the rest.
///
/// # Errors
/// When the database fails.
pub async fn state(db: Db<'_>, client: &ClientId, id: &str) -> Result<Option<Value>, store::Error> {
    let found = client_credentials::list(db, client).await?;
    Ok(found.iter().find(|credential| credential.id.as_str() == id).map(show))
}

/// `GET /clients/{id}/credentials`: all of them; SDKs ask for pages of it nevertheless.
pub async fn list(State(app): State<App>, PathId(client): PathId, query: Query) -> Answer {
    query.only(&[page::OFFSET])?;
    let client = ClientId::new(client);
    let mut conn = app.store.read().await?;
    clients::find(conn.db(), &client).await?.ok_or(NO_CLIENT)?;
    let found = client_credentials::list(conn.db(), &client).await?;
    Ok(Json(found.iter().map(show).collect()))
}

/// `GET /clients/{id}/credentials/{credential_id}`
pub async fn read(State(app): State<App>, PathIds(client, id): PathIds, query: Query) -> Answer {
    query.only(&[])?;
    let client = ClientId::new(client);
    let mut conn = app.store.read().await?;
    clients::find(conn.db(), &client).await?.ok_or(NO_CLIENT)?;
    let found = client_credentials::list(conn.db(), &client).await?;
    let found = found.iter().find(|credential| credential.id.as_str() == id);
    Ok(Json(show(found.ok_or(MISSING)?)))
}

/// `POST /clients/{id}/credentials`
pub async fn create(
    State(app): State<App>,
    change: Change,
    PathId(client): PathId,
    ManagementJson(body): ManagementJson,
) -> Result<(StatusCode, Json<Value>), ManagementError> {
    let client = ClientId::new(client);
    let credential = read_key(&app, &client, &body)?;
    let mut tx = change.begin().await?;
    clients::find(tx.db(), &client).await?.ok_or(NO_CLIENT)?;
    change.authority().may_become(tx.db(), &client).await?;
    if client_credentials::list(tx.db(), &client).await?.len() >= MOST {
        let message = format!("A client can have at most {MOST} credentials.");
        return Err(ManagementError::Conflict { code: None, message });
    }
    insert(&mut tx, &credential).await?;
    change.commit(tx, credential.id.as_str(), change::members(&body)).await?;
    Ok((StatusCode::CREATED, Json(show(&credential))))
}

/// `PATCH /clients/{id}/credentials/{credential_id}`: when it ends, and nothing else.
pub async fn update(
    State(app): State<App>,
    change: Change,
    PathIds(client, id): PathIds,
    ManagementJson(body): ManagementJson,
) -> Answer {
    validation::check_change(EXPIRY, &body)?;
    let (client, id) = (ClientId::new(client), CredentialId::new(id));
    let expires_at = body.get("expires_at").and_then(Value::as_str).and_then(moment);
    let mut tx = change.begin().await?;
    clients::find(tx.db(), &client).await?.ok_or(NO_CLIENT)?;
    let now = app.clock.now();
    if !client_credentials::set_expiry(&mut tx, &client, &id, expires_at, now).await? {
        return Err(MISSING);
    }
    let found = client_credentials::list(tx.db(), &client).await?;
    change.commit(tx, id.as_str(), change::members(&body)).await?;
    let found = found.iter().find(|credential| credential.id == id);
    Ok(Json(show(found.ok_or(MISSING)?)))
}

/// `DELETE /clients/{id}/credentials/{credential_id}`. A key that counts may be deleted, too: it is
/// taken off the application's list in the same transaction, so that a stolen key stops working at
/// once. Without another key the application then cannot authenticate, rather than with less.
pub async fn remove(
    State(app): State<App>,
    change: Change,
    PathIds(client, id): PathIds,
) -> Result<StatusCode, ManagementError> {
    let (client, id) = (ClientId::new(client), CredentialId::new(id));
    for _ in 0..ATTEMPTS {
        let mut tx = change.begin().await?;
        let Some(mut record) = clients::find(tx.db(), &client).await? else { break };
        if !client_credentials::delete(&mut tx, &client, &id).await? {
            break;
        }
        if let Some(listed) = listed_mut(&mut record.document) {
            listed.retain(|item| id_of(item) != Some(id.as_str()));
        }
        // Also when it was not listed: somebody may be listing it now, and one of us must notice.
        let (document, sealed) = (&record.document, record.secret_sealed.as_deref());
        let now = app.clock.now();
        if clients::update(&mut tx, &client, document, sealed, record.version, now).await? {
            change.commit(tx, id.as_str(), Vec::new()).await?;
            return Ok(StatusCode::NO_CONTENT);
        }
        drop(tx);
    }
    let mut conn = app.store.read().await?;
    let left = client_credentials::list(conn.db(), &client).await?;
    if left.iter().any(|credential| credential.id == id) {
        return Err(edited_elsewhere());
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the keys that the document of a new application carries, and leaves their ids in it.
///
/// # Errors
/// `invalid_body`.
pub fn take_embedded(
    app: &App,
    client: &ClientId,
    document: &mut Map<String, Value>,
) -> Result<Vec<ClientCredential>, ManagementError> {
    let Some(listed) = listed_mut(document) else { return Ok(Vec::new()) };
    if listed.len() > MOST {
        return Err(invalid(&format!("Array is too long ({}), maximum {MOST}", listed.len())));
    }
    let keys = listed.iter().map(|item| {
        let body = item.as_object().ok_or_else(|| invalid("Expected type object"))?;
        read_key(app, client, body)
    });
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    *listed = keys.iter().map(|key| json!({ "id": key.id })).collect();
    Ok(keys)
}

/// Checks that the document of an application lists ids and nothing else: an old application's keys
/// are added by themselves.
///
/// # Errors
/// `invalid_body`.
pub fn check_shape(document: &Map<String, Value>) -> Result<(), ManagementError> {
    let is_reference = |item: &Value| {
        item.as_object().is_some_and(|item| item.len() == 1) && id_of(item).is_some()
    };
    if listed(document).iter().all(is_reference) {
        return Ok(());
    }
    Err(invalid("Each credential must be an object with the one member id"))
}

/// Checks that the document of an application lists keys that it has.
///
/// # Errors
/// `invalid_body`, or when the database does.
pub async fn check_listed(
    tx: &mut Tx,
    client: &ClientId,
    document: &Map<String, Value>,
) -> Result<(), ManagementError> {
    if listed(document).is_empty() {
        return Ok(());
    }
    let known = client_credentials::list(tx.db(), client).await?;
    for id in listed(document).iter().filter_map(id_of) {
        if !known.iter().any(|credential| credential.id.as_str() == id) {
            return Err(invalid(&format!("The client has no credential {id}")));
        }
    }
    Ok(())
}

/// Adds a key.
///
/// # Errors
/// 409 when the application has one with this `kid`, or when the database does.
pub async fn insert(tx: &mut Tx, credential: &ClientCredential) -> Result<(), ManagementError> {
    client_credentials::insert(tx, credential).await.map_err(|error| match error {
        store::Error::Duplicate => ManagementError::Conflict {
            code: None,
            message: format!("The client has a credential with kid {} already.", credential.kid),
        },
        other => other.into(),
    })
}

/// The path of `client_authentication_methods.private_key_jwt.credentials`.
const LISTED: &str = "/private_key_jwt/credentials";

fn listed(document: &Map<String, Value>) -> &[Value] {
    let methods = document.get("client_authentication_methods");
    let listed = methods.and_then(|methods| methods.pointer(LISTED)).and_then(Value::as_array);
    listed.map(Vec::as_slice).unwrap_or_default()
}

fn listed_mut(document: &mut Map<String, Value>) -> Option<&mut Vec<Value>> {
    let methods = document.get_mut("client_authentication_methods")?;
    methods.pointer_mut(LISTED)?.as_array_mut()
}

fn id_of(item: &Value) -> Option<&str> {
    item.get("id").and_then(Value::as_str)
}

fn invalid(what: &str) -> ManagementError {
    const WHERE: &str = "client_authentication_methods.private_key_jwt.credentials";
    ManagementError::invalid_property(what, WHERE)
}

fn read_key(
    app: &App,
    client: &ClientId,
    body: &Map<String, Value>,
) -> Result<ClientCredential, ManagementError> {
    validation::check(CREDENTIAL, body, Writing::Create)?;
    let member = |name: &str| body.get(name).and_then(Value::as_str);
    if member("credential_type") != Some("public_key") || body.contains_key("subject_dn") {
        return Err(ManagementError::invalid_property(
            "This server supports the credential type public_key only",
            "credential_type",
        ));
    }
    let pem = member("pem").ok_or_else(|| {
        ManagementError::invalid_body("Payload validation error: 'Missing required property: pem'.")
    })?;
    let key = public_key::from_pem(pem)
        .map_err(|why| ManagementError::invalid_property(&why.to_string(), "pem"))?;
    let usual = match key.kind {
        KeyKind::Rsa => AssertionAlgorithm::RS256,
        KeyKind::P256 => AssertionAlgorithm::ES256,
    };
    let alg = member("alg").and_then(AssertionAlgorithm::parse).unwrap_or(usual);
    if !key.kind.fits(alg) {
        let what = format!("A key of this kind cannot be used with {}", alg.as_str());
        return Err(ManagementError::invalid_property(&what, "alg"));
    }
    let expires_at = match body.get("parse_expiry_from_cert") {
        Some(Value::Bool(true)) if body.contains_key("expires_at") => {
            return Err(ManagementError::invalid_property(
                "expires_at and parse_expiry_from_cert cannot both be set",
                "expires_at",
            ));
        }
        Some(Value::Bool(true)) => Some(key.not_after.ok_or_else(|| {
            ManagementError::invalid_property(
                "Only a certificate has an expiry to parse",
                "parse_expiry_from_cert",
            )
        })?),
        _ => member("expires_at").and_then(moment),
    };
    let now = app.clock.now();
    Ok(ClientCredential {
        id: CredentialId::new(format!("cred_{}", app.entropy.alphanumeric(22))),
        client_id: client.clone(),
        name: member("name").unwrap_or("").to_owned(),
        kid: member("kid").map_or(key.thumbprint, str::to_owned),
        alg,
        public_key: key.material,
        expires_at,
        created_at: now,
        updated_at: now,
    })
}

/// A date with a time.
fn moment(text: &str) -> Option<Timestamp> {
    const DAY: i64 = 86_400_000;
    Written::parse(text).filter(|written| written.length < DAY).map(|written| written.start)
}
