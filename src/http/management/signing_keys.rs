//! `/keys/signing`: the keys that sign tokens, those of RSA. Keys of other kinds are not rotated.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Value, json};

use super::{change::Change, edited_elsewhere, page, path_id::PathId, query::Query};
use crate::crypto::pem;
use crate::domain::KeyId;
use crate::http::{
    App, error::management::ManagementError, extract::management_token::ManagementToken,
};
use crate::store::signing_keys::SigningKeyStory;
use crate::token::{Internal, keys::rotation::Revocation};

type Answer = Result<Json<Value>, ManagementError>;

const MISSING: ManagementError =
    ManagementError::NotFound { code: None, message: "Signing key not found." };

fn show(key: &SigningKeyStory) -> Value {
    let certificate = &key.certificate;
    let mut shown = json!({
        "kid": key.kid,
        "cert": pem::certificate(certificate),
        "pkcs7": pem::pkcs7(certificate),
        "fingerprint": pem::fingerprint(certificate),
        "thumbprint": pem::thumbprint(certificate),
        "current": key.state == "current",
        "next": key.state == "next",
        "previous": key.state == "previous",
        "revoked": key.revoked_at.is_some(),
    });
    for (name, at) in [
        ("current_since", key.current_since),
        ("current_until", key.current_until),
        ("revoked_at", key.revoked_at),
    ] {
        if let Some(at) = at {
            shown[name] = at.iso8601().into();
        }
    }
    shown
}

fn show_certificate(kid: &KeyId, certificate: &[u8]) -> Value {
    json!({ "kid": kid, "cert": pem::certificate(certificate) })
}

/// `GET /keys/signing`. A bare array whatever the query asks for: some SDKs ask every listing for
/// pages and totals.
pub async fn list(State(app): State<App>, query: Query) -> Answer {
    query.only(&[page::OFFSET])?;
    let keys = app.tokens.signing_keys().await?;
    Ok(Json(keys.iter().map(show).collect()))
}

/// `GET /keys/signing/{kid}`
pub async fn read(State(app): State<App>, PathId(kid): PathId, query: Query) -> Answer {
    query.only(&[])?;
    let keys = app.tokens.signing_keys().await?;
    let found = keys.iter().find(|key| key.kid.as_str() == kid).ok_or(MISSING)?;
    Ok(Json(show(found)))
}

/// `POST /keys/signing/rotate`. The contract demands both scopes: a key is made and others change.
pub async fn rotate(
    State(app): State<App>,
    token: ManagementToken,
    change: Change,
) -> Result<(StatusCode, Json<Value>), ManagementError> {
    for scope in [&["create:signing_keys"], &["update:signing_keys"]] {
        if !token.has_any(scope) {
            return Err(ManagementError::InsufficientScope(scope));
        }
    }
    let rotated = app.tokens.rotate_signing_keys(change.request()).await;
    let next = rotated.map_err(|error| match error {
        Internal::Store(error) => ManagementError::from(error),
        Internal::Crypto(error) => error.into(),
    })?;
    let next = next.ok_or_else(edited_elsewhere)?;
    Ok((StatusCode::CREATED, Json(show_certificate(&next.kid, &next.certificate))))
}

/// `PUT /keys/signing/{kid}/revoke`
pub async fn revoke(State(app): State<App>, PathId(kid): PathId, change: Change) -> Answer {
    match app.tokens.revoke_signing_key(&KeyId::new(kid), change.request()).await? {
        Revocation::Revoked(key) => Ok(Json(show_certificate(&key.kid, &key.certificate))),
        Revocation::Unknown => Err(MISSING),
        Revocation::InUse => Err(ManagementError::BadRequest {
            code: "operation_not_supported",
            message: "Only a previous signing key can be revoked. Rotate the keys first."
                .to_owned(),
        }),
    }
}
