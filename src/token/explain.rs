//! What would this exchange give, and why: for operators. It runs the very functions that the
//! exchange runs, and writes nothing. Scripts, which have the last word, are named and not run.

use serde::Serialize;

use crate::domain::{
    ClientId, FamilyId, UserId, action::Trigger, audience::Audience, client::Client,
    dpop::Thumbprint, family::Family, scope::ScopeSet, secret::RefreshToken,
};
use crate::policy::{
    dpop::Demand,
    lifetime::{self, Expired},
    mrrt::{self, Denied, Original, scopes},
    reuse::{self, Presented},
};
use crate::store::{self, families, users};
use crate::token::TokenService;

/// What to explain.
#[derive(Debug, Clone)]
pub struct ExplainRequest {
    /// The application.
    pub client_id: ClientId,
    /// The user.
    pub user_id: UserId,
    /// Which login the refresh token comes from.
    pub login: LoginToExplain,
    /// The `audience` of the exchange.
    pub audience: Option<Audience>,
    /// The `scope` of the exchange.
    pub scope: Option<ScopeSet>,
}

/// Which login the refresh token comes from.
#[derive(Debug, Clone)]
pub enum LoginToExplain {
    /// The last one of this user in this application, dead or alive.
    Latest,
    /// The one with this refresh-token id.
    Id(FamilyId),
    /// The one of this very token, whose generation is judged too.
    Token(RefreshToken),
    /// One that need not exist.
    Supposed {
        /// The audience of the login.
        audience: Option<Audience>,
        /// The scopes granted at login.
        scope: ScopeSet,
    },
}

/// Why nothing can be explained.
#[derive(Debug, thiserror::Error)]
pub enum CannotExplain {
    /// No such application.
    #[error("The client does not exist")]
    NoClient,
    /// No such user.
    #[error("The user does not exist.")]
    NoUser,
    /// The user has never had a refresh token of this application, or not this one.
    #[error("The refresh token does not exist.")]
    NoRefreshToken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// The answer.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// Whether the exchange would succeed.
    pub allowed: bool,
    /// The `error` that the application would see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
    /// Why, for the operator only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The login the refresh token comes from.
    pub login: ExplainedLogin,
    /// The refresh token, unless the login is only supposed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<ExplainedToken>,
    /// What the exchange would give; absent when the audience is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<ExplainedResult>,
    /// Every policy entry, and what makes it void.
    pub policies: Vec<ExplainedPolicy>,
    /// The names of the rules and Actions that run at the exchange, in their order: they have the
    /// last word, and none of them was asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scripts: Vec<String>,
}

/// The login the refresh token comes from.
#[derive(Debug, Serialize)]
pub struct ExplainedLogin {
    /// The original audience.
    pub audience: Option<Audience>,
    /// The scopes granted.
    pub scope: String,
}

/// The state of a refresh token.
#[derive(Debug, Serialize)]
pub struct ExplainedToken {
    /// Its id.
    pub id: FamilyId,
    /// The generation of the current token.
    pub generation: u32,
    /// The generation of the token that was presented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presented_generation: Option<u32>,
    /// The absolute end, ISO 8601; `null` for never.
    pub expires_at: Option<String>,
    /// The idle end, ISO 8601; `null` for never.
    pub idle_expires_at: Option<String>,
    /// The thumbprint of the key that each exchange must prove (RFC 9449).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<Thumbprint>,
    /// When it was revoked, ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<String>,
}

/// What an exchange would give.
#[derive(Debug, Serialize)]
pub struct ExplainedResult {
    /// The audience of the access token; `null` for one that only `/userinfo` takes.
    pub audience: Option<Audience>,
    /// Its scope.
    pub scope: String,
    /// Its lifetime in seconds.
    pub expires_in: i64,
    /// What becomes of a proof of possession: `required`, `optional` (the access token is bound if
    /// there is one), `ignored` (it is never bound) or `impossible` (the client wants bound tokens
    /// only, the API none: every exchange is refused).
    pub proof_of_possession: &'static str,
    /// Whether there would be an ID token.
    pub id_token: bool,
    /// Why the server fell back to the original audience, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fell_back: Option<&'static str>,
    /// The fate of every scope that was asked for, or that login and policy speak of.
    pub scopes: Vec<ExplainedScope>,
}

impl ExplainedResult {
    fn is_impossible(&self) -> bool {
        self.proof_of_possession == Demand::Impossible.as_str()
    }
}

/// The fate of a scope.
#[derive(Debug, Serialize)]
pub struct ExplainedScope {
    /// The scope.
    pub scope: String,
    /// `granted`, `not_asked`, `not_granted_at_login`, `of_another_api`, `not_in_policy`,
    /// `not_defined_by_api` or `restricted`.
    pub fate: &'static str,
}

/// A policy entry.
#[derive(Debug, Serialize)]
pub struct ExplainedPolicy {
    /// Its API.
    pub audience: Audience,
    /// Its scopes.
    pub scope: String,
    /// What of it has no effect, and why; empty for an entry without fault.
    pub void: Vec<String>,
}

impl TokenService {
    /// Explains an exchange.
    ///
    /// # Errors
    /// Why it cannot be explained.
    pub async fn explain(&self, request: &ExplainRequest) -> Result<Explanation, CannotExplain> {
        let client = self.store.client(&request.client_id).await?;
        let client = &client.ok_or(CannotExplain::NoClient)?.client;
        let user = users::find(self.store.read().await?.db(), &request.user_id).await?;
        let user = user.ok_or(CannotExplain::NoUser)?.user;
        let (family, presented) = self.family_to_explain(request).await?;
        let (audience, scope) = match (&family, &request.login) {
            (Some(family), _) => (family.audience.clone(), family.scope.clone()),
            (None, LoginToExplain::Supposed { audience, scope }) => {
                (audience.clone(), scope.clone())
            }
            (None, _) => return Err(CannotExplain::NoRefreshToken),
        };
        let refused = match &family {
            Some(family) => self.refusal(client, family, presented).await?,
            None => user.is_blocked().then(|| "user_blocked".to_owned()),
        };

        let asked = request.audience.as_ref();
        let targets = self.targets(client, audience.as_ref(), &user, asked).await?;
        let login = Original { audience: audience.as_ref(), scope: &scope };
        let exchange = self.exchange(client, login, &targets, asked, request.scope.as_ref());
        let (result, denied) = match mrrt::evaluate(&exchange) {
            Err(denied) => (None, Some(denied)),
            Ok(allowed) => {
                let fates = scopes::fates(&exchange, &allowed).into_iter();
                let api = targets.of(allowed.audience).map(|target| &target.record.api);
                let result = ExplainedResult {
                    audience: allowed.audience.cloned(),
                    scope: allowed.scope.to_string(),
                    expires_in: Self::access_token_lifetime(api),
                    proof_of_possession: self.demand(client, api).as_str(),
                    id_token: allowed.has_id_token(),
                    fell_back: allowed.fell_back.map(Denied::as_str),
                    scopes: fates
                        .map(|(scope, fate)| ExplainedScope { scope, fate: fate.as_str() })
                        .collect(),
                };
                (Some(result), None)
            }
        };
        let (error, reason) = match (refused, denied) {
            (Some(reason), _) => (Some("invalid_grant"), Some(reason)),
            (None, Some(denied)) => (Some("invalid_target"), Some(denied.as_str().to_owned())),
            (None, None) if result.as_ref().is_some_and(ExplainedResult::is_impossible) => {
                (Some("invalid_dpop_proof"), Some("proof_of_possession_impossible".to_owned()))
            }
            (None, None) => (None, None),
        };
        Ok(Explanation {
            allowed: error.is_none(),
            error,
            reason,
            login: ExplainedLogin { audience: audience.clone(), scope: scope.to_string() },
            refresh_token: family.map(|family| explained_token(client, &family, presented)),
            result,
            policies: self.explained_policies(client).await?,
            scripts: self.scripts_of_exchange().await?,
        })
    }

    /// What may change the outcome: a script decides on facts that only an exchange has.
    async fn scripts_of_exchange(&self) -> Result<Vec<String>, store::Error> {
        if !self.login.runs_scripts() {
            return Ok(Vec::new());
        }
        let rules = self.store.rules().await?;
        let actions = self.store.pipeline(Trigger::PostLogin).await?;
        let rules = rules.rules.iter().map(|rule| rule.name.clone());
        Ok(rules.chain(actions.iter().map(|action| action.name.clone())).collect())
    }

    async fn family_to_explain(
        &self,
        request: &ExplainRequest,
    ) -> Result<(Option<Family>, Option<u32>), CannotExplain> {
        let mut conn = self.store.read().await?;
        let (found, presented) = match &request.login {
            LoginToExplain::Supposed { .. } => return Ok((None, None)),
            LoginToExplain::Latest => {
                let (user, client) = (&request.user_id, &request.client_id);
                (families::latest(conn.db(), user, client).await?, None)
            }
            LoginToExplain::Id(id) => (families::find(conn.db(), id).await?, None),
            LoginToExplain::Token(token) => {
                let token = self.refresh_tokens.parse(token);
                let token = token.ok_or(CannotExplain::NoRefreshToken)?;
                let family = families::find(conn.db(), &token.family()).await?;
                let family = family.filter(|f| self.refresh_tokens.verify(&token, &f.salt));
                (family, Some(token.generation()))
            }
        };
        let of_both = |family: &Family| {
            family.user_id == request.user_id && family.client_id == request.client_id
        };
        let family = found.filter(of_both).ok_or(CannotExplain::NoRefreshToken)?;
        Ok((Some(family), presented))
    }

    /// Why the token itself would be refused, in the order of the exchange.
    async fn refusal(
        &self,
        client: &Client,
        family: &Family,
        presented: Option<u32>,
    ) -> Result<Option<String>, store::Error> {
        let now = self.clock.now();
        if family.revoked_at.is_some() {
            let cause = families::revoked_by(self.store.read().await?.db(), &family.id).await?;
            return Ok(Some(format!("revoked_by_{}", cause.unwrap_or_default())));
        }
        let settings = client.refresh_token_settings();
        let leeway = settings.leeway.unwrap_or(self.settings.default_leeway);
        let generation = presented.unwrap_or(family.generation);
        if reuse::judge(generation, family.generation, family.rotated_at, leeway, now)
            == Presented::Reuse
        {
            // Presenting it would end the login.
            return Ok(Some("rotated".to_owned()));
        }
        match lifetime::expired(&settings, family.expires_at, family.into(), now) {
            Some(Expired::Absolute) => return Ok(Some("absolute".to_owned())),
            Some(Expired::Idle) => return Ok(Some("idle".to_owned())),
            None => {}
        }
        let standing = self.standing(family, client.is_first_party).await?;
        Ok(standing.err().map(|bad| bad.as_str().to_owned()))
    }

    async fn explained_policies(
        &self,
        client: &Client,
    ) -> Result<Vec<ExplainedPolicy>, store::Error> {
        let mut explained = Vec::new();
        for policy in client.policies() {
            let api = self.store.api(&policy.audience).await?;
            let api = api.as_ref().map(|record| &record.api);
            let void = mrrt::void::void(policy, client.is_first_party, api);
            let (audience, scope) = (policy.audience.clone(), policy.scope.to_string());
            explained.push(ExplainedPolicy { audience, scope, void });
        }
        Ok(explained)
    }
}

fn explained_token(client: &Client, family: &Family, presented: Option<u32>) -> ExplainedToken {
    let idle = lifetime::idle_end(&client.refresh_token_settings(), family.into());
    ExplainedToken {
        id: family.id.clone(),
        generation: family.generation,
        presented_generation: presented,
        expires_at: family.expires_at.map(|at| at.iso8601()),
        idle_expires_at: idle.map(|at| at.iso8601()),
        dpop_jkt: family.dpop_jkt.clone(),
        revoked_at: family.revoked_at.map(|at| at.iso8601()),
    }
}
