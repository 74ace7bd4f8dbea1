//! `doorward explain`: the explanation of the Management API, on the server's own machine.

use std::sync::Arc;

use clap::Args;

use crate::app::{self, StartError};
use crate::config::Config;
use crate::crypto::random::SystemEntropy;
use crate::domain::{
    ClientId, FamilyId, UserId, audience::Audience, scope::ScopeSet, time::SystemClock,
};
use crate::token::explain::{ExplainRequest, LoginToExplain, SupposedScope};

/// What to explain.
#[derive(Args)]
pub(super) struct What {
    /// The `client_id` of the application.
    #[arg(long)]
    client: String,
    /// The `user_id` of the user; without it, somebody with every permission who has consented to
    /// everything.
    #[arg(long)]
    user: Option<String>,
    /// The `audience` of the exchange.
    #[arg(long)]
    audience: Option<String>,
    /// The `scope` of the exchange.
    #[arg(long)]
    scope: Option<String>,
    /// Which refresh token; the last one of the user in the application if not given.
    #[arg(long, conflicts_with_all = ["login_audience", "login_scope"])]
    refresh_token_id: Option<String>,
    /// Suppose a login for this audience.
    #[arg(long, requires = "login_scope")]
    login_audience: Option<String>,
    /// Suppose a login that was granted these scopes.
    #[arg(long)]
    login_scope: Option<String>,
}

/// Prints the explanation. Nothing is written.
pub(super) async fn run(config: &Config, what: &What) -> Result<(), StartError> {
    let app = app::build(config, false, Arc::new(SystemClock), Arc::new(SystemEntropy)).await?;
    let login = match (&what.refresh_token_id, &what.login_scope) {
        (Some(id), _) => LoginToExplain::Id(FamilyId::new(id)),
        (None, Some(scope)) => LoginToExplain::Supposed {
            audience: what.login_audience.as_ref().map(Audience::new),
            scope: SupposedScope::Granted(ScopeSet::parse(scope)),
        },
        (None, None) => LoginToExplain::Latest,
    };
    let request = ExplainRequest {
        client_id: ClientId::new(&what.client),
        user_id: what.user.as_ref().map(UserId::new),
        login,
        policies: None,
        audiences: None,
        audience: what.audience.as_ref().map(Audience::new),
        scope: what.scope.as_deref().map(ScopeSet::parse),
    };
    let explained = app.tokens.explain(&request).await;
    let explained = explained.map_err(|error| StartError::Config(error.to_string()))?;
    let text = serde_json::to_string_pretty(&explained);
    println!("{}", text.map_err(|error| StartError::Config(error.to_string()))?);
    app.store.close().await;
    Ok(())
}
