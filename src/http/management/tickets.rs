//! `/tickets`: links that an operator hands to a user. Only the SHA-256 of a ticket is kept.

pub(super) mod account;

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Map, Value, json};

use self::account::{Account, IDENTITY_OF_ANY, IDENTITY_OF_DATABASE};
use super::{
    change::{self, Change},
    formats::{CONNECTION_ID, EMAIL, WEB_ADDRESS},
    schema::{BOOLEAN, Field, Kind, field, integer, shaped, text},
    validation::{self, Writing},
};
use crate::domain::{
    ClientId,
    ticket::{TicketKind, TicketTerms},
};
use crate::http::{
    App, error::management::ManagementError, extract::management_json::ManagementJson,
    pages::messages,
};

type Created = Result<(StatusCode, Json<Value>), ManagementError>;

/// How long a ticket works that does not say, in seconds: five days.
const LIFETIME: i64 = 432_000;
/// The longest that one may work, in seconds: a year. A link that opens an account is no key to
/// keep.
const LONGEST: i64 = 365 * 86_400;

pub(super) const USER_ID: Kind = text(1, 300);
pub(super) const CLIENT_ID: Kind = text(1, 64);
pub(super) const ORGANIZATION_ID: Kind = text(1, 50);
const RESULT_URL: Kind = shaped(1, 2048, WEB_ADDRESS);
const TTL: Kind = integer(0, LONGEST);
const ABOUT_TTL: &str = "Number of seconds for which the ticket is valid before expiration. If unspecified or set to 0, this value defaults to 432000 seconds (5 days).";

#[rustfmt::skip]
pub(super) const PASSWORD_CHANGE: &[Field] = &[
    field("result_url", RESULT_URL, "URL the user will be redirected to once the ticket is used."),
    field("user_id", USER_ID, "user_id of for whom the ticket should be created."),
    field("client_id", CLIENT_ID, "ID of the client (application)."),
    field("organization_id", ORGANIZATION_ID, "Organization ID"),
    field("connection_id", shaped(0, 64, CONNECTION_ID), "ID of the connection. If provided, allows the user to be specified using email instead of user_id."),
    field("email", shaped(0, 320, EMAIL), "Email address of the user for whom the tickets should be created. Requires the connection_id parameter. Cannot be specified when using user_id."),
    field("ttl_sec", TTL, ABOUT_TTL),
    field("mark_email_as_verified", BOOLEAN, "Whether to set the email_verified attribute to true (true) or whether it should not be updated (false)."),
    field("includeEmailInRedirect", BOOLEAN, "Whether to include the email address as part of the returnUrl in the reset_email (true), or not (false)."),
    field("identity", IDENTITY_OF_DATABASE, "The user's identity. If you set this value, you must also send the user_id parameter."),
];

#[rustfmt::skip]
pub(super) const EMAIL_VERIFICATION: &[Field] = &[
    field("result_url", RESULT_URL, "URL the user will be redirected to once the ticket is used. Cannot be specified when using client_id or organization_id."),
    field("user_id", USER_ID, "user_id of for whom the ticket should be created.").required(),
    field("client_id", CLIENT_ID, "ID of the client (application)."),
    field("organization_id", ORGANIZATION_ID, "Organization ID"),
    field("ttl_sec", TTL, ABOUT_TTL),
    field("includeEmailInRedirect", BOOLEAN, "Whether to include the email address as part of the returnUrl in the reset_email (true), or not (false)."),
    field("identity", IDENTITY_OF_ANY, "This must be provided to verify primary social, enterprise and passwordless email identities. Also, is needed to verify secondary identities."),
];

/// `POST /tickets/password-change`
pub async fn password_change(
    State(app): State<App>,
    change: Change,
    ManagementJson(body): ManagementJson,
) -> Created {
    validation::check(PASSWORD_CHANGE, &body, Writing::Create)?;
    check_combinations(&body)?;
    check_who(&body)?;
    create(&app, change, &body, TicketKind::ResetPassword).await
}

/// `POST /tickets/email-verification`
pub async fn email_verification(
    State(app): State<App>,
    change: Change,
    ManagementJson(body): ManagementJson,
) -> Created {
    validation::check(EMAIL_VERIFICATION, &body, Writing::Create)?;
    check_combinations(&body)?;
    create(&app, change, &body, TicketKind::VerifyEmail).await
}

/// There is one place to go on to.
fn check_combinations(body: &Map<String, Value>) -> Result<(), ManagementError> {
    let other = ["client_id", "organization_id"].into_iter().find(|name| body.contains_key(*name));
    match other {
        Some(other) if body.contains_key("result_url") => Err(ManagementError::invalid_property(
            &format!("result_url cannot be specified together with {other}"),
            "result_url",
        )),
        _ => Ok(()),
    }
}

/// A user is named by the id, or by the address within a connection.
fn check_who(body: &Map<String, Value>) -> Result<(), ManagementError> {
    let has = |name: &str| body.contains_key(name);
    let refuse =
        |what: &str, property: &str| Err(ManagementError::invalid_property(what, property));
    match (has("user_id"), has("email"), has("connection_id")) {
        (true, false, false) => Ok(()),
        (false, true, true) if has("identity") => refuse("identity requires user_id", "identity"),
        (false, true, true) => Ok(()),
        (true, true, _) => refuse("email cannot be specified together with user_id", "email"),
        (true, _, true) => {
            refuse("connection_id cannot be specified together with user_id", "connection_id")
        }
        (false, true, false) => refuse("email requires connection_id", "email"),
        (false, false, true) => refuse("connection_id requires email", "connection_id"),
        (false, false, false) => Err(ManagementError::invalid_body(
            "Payload validation error: 'Missing required property: user_id'.",
        )),
    }
}

async fn create(app: &App, change: Change, body: &Map<String, Value>, kind: TicketKind) -> Created {
    let is_set = |name: &str| body.get(name).and_then(Value::as_bool);
    let lifetime = body.get("ttl_sec").and_then(Value::as_i64).filter(|seconds| *seconds > 0);
    let mut tx = change.begin().await?;
    let Account { user, organization_id } = account::find(&mut tx, body).await?;
    if kind == TicketKind::ResetPassword {
        // The answer holds the link.
        change.authority().may_change(tx.db(), &user.user_id).await?;
        account::must_have_passwords(&mut tx, &user).await?;
    }
    let client_id = body.get("client_id").and_then(Value::as_str).map(ClientId::new);
    if let Some(client) = &client_id {
        account::check_client(&mut tx, client).await?;
    }
    let terms = TicketTerms {
        result_url: body.get("result_url").and_then(Value::as_str).map(str::to_owned),
        email_in_result: is_set("includeEmailInRedirect").unwrap_or(true),
        client_id,
        organization_id,
        verifies_email: is_set("mark_email_as_verified").unwrap_or(false),
    };
    let lifetime = lifetime.unwrap_or(LIFETIME);
    let issued = app.login.issue_ticket_for_operator(&mut tx, &user, kind, terms, lifetime).await?;
    let issued = issued.ok_or_else(account::without_address)?;
    change.commit(tx, user.user_id.as_str(), change::members(body)).await?;
    let ticket = messages::ticket_url(&app.settings, kind, &issued.ticket);
    Ok((StatusCode::CREATED, Json(json!({ "ticket": ticket }))))
}
