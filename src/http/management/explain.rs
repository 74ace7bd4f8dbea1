//! `POST /refresh-tokens/explain`: what an exchange would give, and why. An extension of this
//! server.

use axum::{Json, extract::State};
use serde_json::{Map, Value};

use super::{
    clients::{POLICIES, check_policies},
    schema::{Field, Kind, TEXT, array_of, field, text},
    validation::{self, Writing},
};
use crate::domain::{
    ClientId, FamilyId, UserId, audience::Audience, client::RefreshTokenPolicy, scope::ScopeSet,
    secret::RefreshToken,
};
use crate::http::{
    App, error::management::ManagementError, extract::management_json::ManagementJson,
};
use crate::token::explain::{
    CannotExplain, ExplainRequest, Explanation, LoginToExplain, SupposedScope,
};

/// The most exchanges that are explained at once: one for each policy of an application, and that
/// of its login.
const MOST_AUDIENCES: usize = 101;

const AUDIENCE: Kind = text(0, Audience::MAX_LENGTH);
const SCOPE: Kind = text(0, ScopeSet::MAX_LENGTH);

#[rustfmt::skip]
pub(super) const EXPLAIN: &[Field] = &[
    field("client_id", text(1, 128), "The application.").required(),
    field("user_id", text(1, 300), "The user; without one, somebody with every permission who has consented to everything."),
    POLICIES,
    field("audience", AUDIENCE, "The audience of the exchange."),
    field("audiences", array_of(&AUDIENCE, 1, MOST_AUDIENCES), "The audiences of more exchanges, each explained; an empty one for that of the login."),
    field("scope", SCOPE, "The scope of the exchange."),
    field("refresh_token_id", text(1, 64), "Which refresh token; the last one if not given."),
    field("refresh_token", TEXT, "The refresh token itself, to learn why it was refused."),
    field("login_audience", AUDIENCE, "The audience of a supposed login."),
    field("login_scope", SCOPE, "The scopes that a supposed login was granted."),
    field("login_requested_scope", SCOPE, "The scopes that a supposed login asks for: which of them it is granted is decided as at a login."),
];

/// `POST /refresh-tokens/explain`
pub async fn explain(
    State(app): State<App>,
    ManagementJson(body): ManagementJson,
) -> Result<Json<Explanation>, ManagementError> {
    validation::check(EXPLAIN, &body, Writing::Create)?;
    check_policies(body.get("policies"), POLICIES.name, &app.tokens.settings)?;
    let request = read(&body)?;
    let explained = app.tokens.explain(&request).await;
    Ok(Json(explained.map_err(|error| match error {
        CannotExplain::NoClient => ManagementError::NotFound {
            code: Some("inexistent_client"),
            message: "The client does not exist",
        },
        CannotExplain::NoUser => super::users::MISSING,
        CannotExplain::NoRefreshToken => ManagementError::NotFound {
            code: Some("inexistent_refresh_token"),
            message: "The refresh token does not exist.",
        },
        CannotExplain::NoLogin => ManagementError::invalid_body(WITHOUT_USER),
        CannotExplain::Store(error) => error.into(),
    })?))
}

const WITHOUT_USER: &str = "Without user_id, give login_requested_scope or login_scope (with \
                            login_audience): only a user has refresh tokens.";

fn read(body: &Map<String, Value>) -> Result<ExplainRequest, ManagementError> {
    let given = |name: &str| body.get(name).and_then(Value::as_str).filter(|s| !s.is_empty());
    let audience = |text: &str| (!text.is_empty()).then(|| Audience::new(text));
    let audiences = body.get("audiences").and_then(Value::as_array).map(|all| {
        all.iter().filter_map(Value::as_str).map(audience).collect::<Vec<Option<Audience>>>()
    });
    Ok(ExplainRequest {
        client_id: ClientId::new(given("client_id").unwrap_or("")),
        user_id: given("user_id").map(UserId::new),
        login: login(body)?,
        policies: body.get("policies").map(draft).transpose()?,
        audience: given("audience").map(Audience::new),
        audiences,
        scope: given("scope").map(ScopeSet::parse),
    })
}

/// The policies to judge; `null` for none at all, as it removes them when they are saved.
fn draft(policies: &Value) -> Result<Vec<RefreshTokenPolicy>, ManagementError> {
    if policies.is_null() {
        return Ok(Vec::new());
    }
    serde_json::from_value(policies.clone())
        .map_err(|error| ManagementError::invalid_property(&error.to_string(), POLICIES.name))
}

fn login(body: &Map<String, Value>) -> Result<LoginToExplain, ManagementError> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let given = |name: &str| text(name).filter(|s| !s.is_empty());
    let supposed = match (given("login_scope"), text("login_requested_scope")) {
        (Some(granted), None) => Some(SupposedScope::Granted(ScopeSet::parse(granted))),
        // A login may ask for nothing.
        (None, Some(requested)) => Some(SupposedScope::Requested(ScopeSet::parse(requested))),
        (None, None) => None,
        (Some(_), Some(_)) => return Err(ManagementError::invalid_body(ONE_LOGIN)),
    };
    match (given("refresh_token"), given("refresh_token_id"), supposed) {
        (Some(token), None, None) => Ok(LoginToExplain::Token(RefreshToken::new(token))),
        (None, Some(id), None) => Ok(LoginToExplain::Id(FamilyId::new(id))),
        (None, None, Some(scope)) => Ok(LoginToExplain::Supposed {
            audience: given("login_audience").map(Audience::new),
            scope,
        }),
        (None, None, None) if given("login_audience").is_none() => Ok(LoginToExplain::Latest),
        _ => Err(ManagementError::invalid_body(ONE_LOGIN)),
    }
}

const ONE_LOGIN: &str = "Give one of refresh_token, refresh_token_id, login_requested_scope and \
                         login_scope (the last two with login_audience), or none of them for the \
                         last refresh token.";
