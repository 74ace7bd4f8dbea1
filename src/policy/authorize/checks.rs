//! The checks of single parameters, beside `response_type` and the redirect URI.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::{
    UserId,
    audience::Audience,
    client::{Client, OrganizationUsage},
    dpop::Thumbprint,
    resource_server::{ResourceServer, UserPolicy},
    scope::ScopeSet,
    settings::UnconfiguredApi,
};
use crate::policy::authorize::{IdTokenHint, Parameters, Prompt, RedirectProblem};
use crate::policy::{
    client_auth,
    connection::{self, NoConnection},
    dpop,
};

pub(super) fn not_repeated(parameters: &Parameters) -> Result<(), RedirectProblem> {
    match &parameters.repeated {
        None => Ok(()),
        Some(name) => Err(RedirectProblem::new(
            "invalid_request",
            format!("parameter {name} is included more than once"),
        )),
    }
}

/// The audience asked for: `audience`, or `resource` (RFC 8707 §2), which must not differ.
///
/// # Errors
/// `invalid_request` when they differ.
pub fn audience(parameters: &Parameters) -> Result<Option<Audience>, RedirectProblem> {
    let present = |p: &Option<String>| p.clone().filter(|v| !v.is_empty());
    match (present(&parameters.audience), present(&parameters.resource)) {
        (Some(a), Some(r)) if a != r => Err(RedirectProblem::new(
            "invalid_request",
            "parameters audience and resource name different APIs",
        )),
        (Some(a), _) | (None, Some(a)) => Ok(Some(Audience::new(a))),
        (None, None) => Ok(None),
    }
}

/// Request objects (OIDC Core §6) are not taken.
pub(super) fn request_object(parameters: &Parameters) -> Result<(), RedirectProblem> {
    let error = match parameters.request_object {
        None => return Ok(()),
        Some("request") => "request_not_supported",
        Some(_) => "request_uri_not_supported",
    };
    Err(RedirectProblem::new(error, "Request objects are not supported"))
}

/// RFC 9126 §6: a client may insist that nobody but itself makes its requests.
pub(super) fn pushed(parameters: &Parameters, client: &Client) -> Result<(), RedirectProblem> {
    if client.require_pushed_authorization_requests && !parameters.pushed {
        let text = "This client must push its authorization requests and send a request_uri";
        return Err(RedirectProblem::new("invalid_request", text));
    }
    Ok(())
}

/// RFC 7636 §4.4.1. `plain` protects against nothing that can read the request, so it is refused.
pub(super) fn pkce(
    parameters: &Parameters,
    client: &Client,
) -> Result<Option<String>, RedirectProblem> {
    let invalid = |text: &str| Err(RedirectProblem::new("invalid_request", text));
    let method = parameters.code_challenge_method.as_deref();
    match (parameters.code_challenge.as_deref(), method) {
        (None | Some(""), None | Some("")) if client_auth::must_use_pkce(client) => {
            invalid("Parameter 'code_challenge' is required for this client")
        }
        (None | Some(""), None | Some("")) => Ok(None),
        (None | Some(""), Some(_)) => invalid("Missing required parameter: code_challenge"),
        (Some(challenge), Some("S256")) => {
            // The base64url form of a SHA-256 digest.
            let url_safe = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if challenge.len() == 43 && challenge.chars().all(url_safe) {
                Ok(Some(challenge.to_owned()))
            } else {
                invalid("Parameter 'code_challenge' is not an S256 challenge")
            }
        }
        (Some(_), _) => invalid("Parameter 'code_challenge_method' must be S256"),
    }
}

/// A token in the response cannot be bound to a key: nothing proves one here.
pub(super) fn bearer_allowed(
    client: &Client,
    api: Option<&ResourceServer>,
) -> Result<(), RedirectProblem> {
    let demand = dpop::demand(client, api, UnconfiguredApi::default());
    dpop::is_bound(demand, false).map(|_| ()).map_err(|_| {
        let text = "Tokens must be bound to a key, so they come from the token endpoint only";
        RedirectProblem::new("invalid_request", text)
    })
}

/// RFC 9449 §10.
pub(super) fn dpop_jkt(parameters: &Parameters) -> Result<Option<Thumbprint>, RedirectProblem> {
    match parameters.dpop_jkt.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => match Thumbprint::parse(text) {
            Some(thumbprint) => Ok(Some(thumbprint)),
            None => {
                let text = "Parameter 'dpop_jkt' is not a SHA-256 thumbprint";
                Err(RedirectProblem::new("invalid_request", text))
            }
        },
    }
}

pub(super) fn prompt(parameters: &Parameters) -> Result<Prompt, RedirectProblem> {
    let mut prompt = Prompt::default();
    for value in parameters.prompt.as_deref().unwrap_or("").split_whitespace() {
        match value {
            "none" => prompt.none = true,
            "login" => prompt.login = true,
            "select_account" => prompt.select_account = true,
            "consent" => prompt.consent = true,
            _ => {
                let text = "Parameter 'prompt' has an unknown value";
                return Err(RedirectProblem::new("invalid_request", text));
            }
        }
    }
    if prompt.none && (prompt.login || prompt.consent || prompt.select_account) {
        let text = "prompt=none cannot be combined with another prompt";
        return Err(RedirectProblem::new("invalid_request", text));
    }
    Ok(prompt)
}

pub(super) fn max_age(parameters: &Parameters) -> Result<Option<i64>, RedirectProblem> {
    match parameters.max_age.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => match text.parse::<u32>() {
            Ok(seconds) => Ok(Some(i64::from(seconds))),
            Err(_) => {
                let text = "Parameter 'max_age' must be a number of seconds";
                Err(RedirectProblem::new("invalid_request", text))
            }
        },
    }
}

/// Whether a login of a user for this API is let in at all.
///
/// # Errors
/// Why not.
pub fn authorized_for(
    client: &Client,
    audience: &Audience,
    api: Option<&ResourceServer>,
) -> Result<(), RedirectProblem> {
    let Some(api) = api else {
        let text = format!("Service not found: {audience}");
        return Err(RedirectProblem::new("access_denied", text));
    };
    // A user's login must never yield a token for the Management API, whose scopes are for machines,
    // except at the console, which is there for nothing else.
    let denied = match client.client_id.is_console() {
        true => !api.is_system,
        false => api.is_system || api.subject_type_authorization.user.policy == UserPolicy::DenyAll,
    };
    if denied {
        let client = &client.client_id;
        let text = format!(
            "Client \"{client}\" is not authorized to access resource server \"{audience}\"."
        );
        return Err(RedirectProblem::new("access_denied", text));
    }
    Ok(())
}

pub(super) fn organization(
    parameters: &Parameters,
    client: &Client,
) -> Result<Option<String>, RedirectProblem> {
    let usage = client.organization_usage.unwrap_or(OrganizationUsage::Deny);
    let named = parameters.organization.clone().filter(|o| !o.is_empty());
    match (named, usage) {
        (Some(_), OrganizationUsage::Deny) => Err(RedirectProblem::new(
            "invalid_request",
            "parameter organization is not allowed for this client",
        )),
        (None, OrganizationUsage::Require) => Err(RedirectProblem::new(
            "invalid_request",
            "parameter organization is required for this client",
        )),
        (named, _) => Ok(named),
    }
}

/// `connection`: one of the client's that users have passwords in. Without connections nobody can
/// log in to the client.
pub(super) fn connection(parameters: &Parameters) -> Result<Option<String>, RedirectProblem> {
    let named = parameters.connection.as_deref().filter(|name| !name.is_empty());
    let enabled = parameters.connections.as_deref().map_or(&[][..], Vec::as_slice);
    let text = match connection::databases(enabled, named, None) {
        Ok(_) => return Ok(named.map(str::to_owned)),
        Err(NoConnection::NotFound) => "the connection was not found",
        Err(NoConnection::NoneEnabled) if parameters.connections.is_none() => return Ok(None),
        Err(NoConnection::NoneEnabled) => "no connections enabled for the client",
    };
    Err(RedirectProblem::new("invalid_request", text))
}

/// The only user who may log in, as `id_token_hint` or `claims` names one.
pub(super) fn hinted_user(parameters: &Parameters) -> Result<Option<UserId>, RedirectProblem> {
    let claimed = claimed_subject(parameters)?;
    match &parameters.hint {
        IdTokenHint::Absent => Ok(claimed),
        IdTokenHint::Of(user) => Ok(Some(user.clone())),
        IdTokenHint::Invalid => Err(RedirectProblem::new(
            "invalid_request",
            "Parameter 'id_token_hint' is not an ID token of this server for this client",
        )),
    }
}

/// The `sub` that the `claims` parameter insists on (OIDC Core §5.5.1). What else it asks for is
/// voluntary: scopes alone decide which claims are released.
fn claimed_subject(parameters: &Parameters) -> Result<Option<UserId>, RedirectProblem> {
    let Some(text) = parameters.claims.as_deref().filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let claims: Result<serde_json::Map<String, Value>, _> = serde_json::from_str(text);
    let claims = claims.map_err(|_| {
        RedirectProblem::new("invalid_request", "Parameter 'claims' must be a JSON object")
    })?;
    let subject = ["id_token", "userinfo"].into_iter().find_map(|member| {
        Some(UserId::new(claims.get(member)?.get("sub")?.get("value")?.as_str()?))
    });
    Ok(subject)
}

/// The longest values that are kept, in bytes.
pub(super) fn lengths(parameters: &Parameters) -> Result<(), RedirectProblem> {
    for (name, value, limit) in [
        ("scope", &parameters.scope, ScopeSet::MAX_LENGTH),
        ("state", &parameters.state, 8 * 1024),
        ("nonce", &parameters.nonce, 2 * 1024),
        ("login_hint", &parameters.login_hint, 1024),
        ("organization", &parameters.organization, 256),
        ("connection", &parameters.connection, 256),
        ("claims", &parameters.claims, 8 * 1024),
        ("ui_locales", &parameters.ui_locales, 256),
        ("screen_hint", &parameters.screen_hint, 64),
    ] {
        if value.as_ref().is_some_and(|v| v.len() > limit) {
            let text = format!("parameter {name} is longer than {limit} bytes");
            return Err(RedirectProblem::new("invalid_request", text));
        }
    }
    Ok(())
}

/// The parameters for scripts that fit: the login carries them from page to page, in addresses.
pub(super) fn extra(parameters: &Parameters) -> BTreeMap<String, String> {
    /// Bytes of all names and values.
    const MOST: usize = 2048;
    let mut left = MOST;
    let mut fits = |(name, value): &(&String, &String)| {
        let rest = left.checked_sub(name.len() + value.len());
        left = rest.unwrap_or(left);
        rest.is_some()
    };
    let extra = parameters.extra.iter().filter(|pair| fits(pair));
    extra.map(|(name, value)| (name.clone(), value.clone())).collect()
}
