//! An event as the Management API answers it.

use serde_json::{Map, Value};

use crate::http::{App, error::management::ManagementError};
use crate::store::audit::AuditRow;

/// The event, without the members that it does not have.
///
/// # Errors
/// When the database does.
pub async fn show(app: &App, row: AuditRow) -> Result<Map<String, Value>, ManagementError> {
    let client = match &row.client_id {
        None => None,
        Some(id) => app.store.client(id).await?,
    };
    let description = description(&row.event).map(str::to_owned);
    let members = [
        ("_id", Some(row.id.clone())),
        ("log_id", Some(row.id)),
        ("date", Some(row.date.iso8601())),
        ("type", Some(row.event)),
        ("description", description),
        ("client_id", row.client_id.map(|id| id.as_str().to_owned())),
        ("client_name", client.map(|record| record.client.name.clone())),
        ("user_id", row.user_id.map(|id| id.as_str().to_owned())),
        ("audience", row.audience),
        ("scope", row.scope),
        ("ip", row.ip),
        ("user_agent", row.user_agent),
    ];
    let mut shown: Map<String, Value> = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?))))
        .collect();
    shown.insert("details".to_owned(), row.details);
    Ok(shown)
}

#[rustfmt::skip]
fn description(event: &str) -> Option<&'static str> {
    Some(match event {
        "seacft" => "Successful exchange of authorization code for access token",
        "feacft" => "Failed exchange of authorization code for access token",
        "sertft" => "Successful exchange of refresh token for access token",
        "fertft" => "Failed exchange of refresh token for access token",
        "ferrt"  => "Reuse of a rotated refresh token detected; its family is revoked",
        "sapi"   => "Success API Operation",
        "fapi"   => "Failed API Operation",
        "srrt"   => "Refresh token revoked",
        "seccft" => "Successful exchange of client credentials for access token",
        "feccft" => "Failed exchange of client credentials for access token",
        "sepft"  => "Successful exchange of password for access token",
        "fepft"  => "Failed exchange of password for access token",
        "sede"   => "Successful exchange of device code for access token",
        "fede"   => "Failed exchange of device code for access token",
        "sepotpft" => "Successful exchange of passwordless one-time code for access token",
        "fepotpft" => "Failed exchange of passwordless one-time code for access token",
        "cls"    => "Code/Link Sent",
        "api_limit" => "Too many one-time codes for one address",
        "ss"     => "Successful signup",
        "fdeaz"  => "Device authorization request failed",
        "sdeac"  => "Device activated",
        "fdeac"  => "Failed to activate device",
        "fdecc"  => "User canceled the device confirmation",
        "s"      => "Successful login",
        "ssa"    => "Successful silent login",
        "f"      => "Failed login: the user is blocked",
        "fp"     => "Failed login: wrong password",
        "fu"     => "Failed login: unknown user",
        "fs"     => "Failed signup",
        "scpr"   => "Successful change password request: a link was sent",
        "fcpr"   => "Failed change password request: no link was sent",
        "scp"    => "Successful change password",
        "fcp"    => "Failed change password",
        "sv"     => "Successful verification email: the address was confirmed",
        "fv"     => "Failed verification email: the link does not work",
        "slo"    => "Successful logout",
        "oidc_backchannel_logout_succeeded" => "An application was told that a session ended",
        "oidc_backchannel_logout_failed" => "An application could not be told that a session ended",
        "w"      => "Warning",
        "resource_cleanup" => "Refresh tokens beyond the limit were revoked",
        _ => return None,
    })
}
