//! `POST /refresh-tokens/explain`: what an exchange would give, and why. An extension of this
//! server.

use axum::{Json, extract::State};
use serde_json::{Map, Value};

use super::{
    schema::{Field, TEXT, field, text},
    validation::{self, Writing},
};
use crate::domain::{
    ClientId, FamilyId, UserId, audience::Audience, scope::ScopeSet, secret::RefreshToken,
};
use crate::http::{
    App, error::management::ManagementError, extract::management_json::ManagementJson,
};
use crate::token::explain::{CannotExplain, ExplainRequest, Explanation, LoginToExplain};

pub(super) const EXPLAIN: &[Field] = &[
    field("client_id", text(1, 128), "The application.").required(),
    field("user_id", text(1, 300), "The user.").required(),
    field("audience", text(0, Audience::MAX_LENGTH), "The audience of the exchange."),
    field("scope", text(0, ScopeSet::MAX_LENGTH), "The scope of the exchange."),
    field("refresh_token_id", text(1, 64), "Which refresh token; the last one if not given."),
    field("refresh_token", TEXT, "The refresh token itself, to learn why it was refused."),
    field("login_audience", text(0, Audience::MAX_LENGTH), "The audience of a supposed login."),
    field("login_scope", text(0, ScopeSet::MAX_LENGTH), "The scopes of a supposed login."),
];

/// `POST /refresh-tokens/explain`
pub async fn explain(
    State(app): State<App>,
    ManagementJson(body): ManagementJson,
) -> Result<Json<Explanation>, ManagementError> {
    validation::check(EXPLAIN, &body, Writing::Create)?;
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
        CannotExplain::Store(error) => error.into(),
    })?))
}

fn read(body: &Map<String, Value>) -> Result<ExplainRequest, ManagementError> {
    let given = |name: &str| body.get(name).and_then(Value::as_str).filter(|s| !s.is_empty());
    let login = match (given("refresh_token"), given("refresh_token_id"), given("login_scope")) {
        (Some(token), None, None) => LoginToExplain::Token(RefreshToken::new(token)),
        (None, Some(id), None) => LoginToExplain::Id(FamilyId::new(id)),
        (None, None, Some(scope)) => LoginToExplain::Supposed {
            audience: given("login_audience").map(Audience::new),
            scope: ScopeSet::parse(scope),
        },
        (None, None, None) if given("login_audience").is_none() => LoginToExplain::Latest,
        _ => {
            return Err(ManagementError::invalid_body(
                "Give one of refresh_token, refresh_token_id, and login_scope (with \
                 login_audience), or none of them for the last refresh token.",
            ));
        }
    };
    Ok(ExplainRequest {
        client_id: ClientId::new(given("client_id").unwrap_or("")),
        user_id: UserId::new(given("user_id").unwrap_or("")),
        login,
        audience: given("audience").map(Audience::new),
        scope: given("scope").map(ScopeSet::parse),
    })
}
