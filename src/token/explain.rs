//! What would this exchange give, and why: for operators. It runs the very functions that the
//! exchange runs, and writes nothing. Scripts, which have the last word, are named and not run.
//!
//! Policies that are not saved yet can be judged in the place of the stored ones, for a login that
//! never happened and for a user who need not exist.

mod answer;
mod refusal;

pub use self::answer::{
    ExplainedExchange, ExplainedLogin, ExplainedOutcome, ExplainedPolicy, ExplainedResult,
    ExplainedScope, ExplainedToken, ExplainedUser, ExplainedWarning, Explanation, ScopeNotGranted,
};
use self::refusal::Refusal;
use crate::domain::{
    ClientId, FamilyId, UserId,
    action::Trigger,
    audience::Audience,
    client::{Client, RefreshTokenPolicy},
    family::Family,
    resource_server::ResourceServer,
    scope::ScopeSet,
    secret::RefreshToken,
};
use crate::policy::{
    authorize, consent, lifetime,
    login_scope::{self, NoScope},
    mrrt::{
        self, Allowed, Denied, Original, scopes, void,
        warnings::{self, EntryFacts, Warning},
    },
};
use crate::store::{self, families, users};
use crate::token::{
    TokenService,
    standing::BadStanding,
    targets::{Target, Targets},
};

/// What to explain.
#[derive(Debug, Clone)]
pub struct ExplainRequest {
    /// The application.
    pub client_id: ClientId,
    /// The user; without one, somebody with every permission who has consented to everything.
    pub user_id: Option<UserId>,
    /// Which login the refresh token comes from.
    pub login: LoginToExplain,
    /// The policies to judge in the place of those that the application has.
    pub policies: Option<Vec<RefreshTokenPolicy>>,
    /// The `audience` of the exchange.
    pub audience: Option<Audience>,
    /// The audiences of more exchanges, `None` among them for the one that names none.
    pub audiences: Option<Vec<Option<Audience>>>,
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
        /// Its scopes.
        scope: SupposedScope,
    },
}

/// The scopes of a login that need not exist.
#[derive(Debug, Clone)]
pub enum SupposedScope {
    /// Those that it was granted.
    Granted(ScopeSet),
    /// Those that it asks for: what it is granted is decided as at a login.
    Requested(ScopeSet),
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
    /// A supposed user has no refresh token.
    #[error("Without a user, give the login to suppose.")]
    NoLogin,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Everything that is the same for each exchange with one refresh token.
struct Setting<'a> {
    client: &'a Client,
    user: Option<&'a UserId>,
    login: &'a LoginFacts,
    original: Option<Target>,
    refused: Option<Refusal>,
}

/// The login, as far as exchanges depend on it.
struct LoginFacts {
    family: Option<Family>,
    presented: Option<u32>,
    audience: Option<Audience>,
    scope: ScopeSet,
    dropped: Vec<ScopeNotGranted>,
    warnings: Vec<Warning>,
}

impl LoginFacts {
    fn original(&self) -> Original<'_> {
        Original { audience: self.audience.as_ref(), scope: &self.scope }
    }
}

impl TokenService {
    /// Explains an exchange, or many.
    ///
    /// # Errors
    /// Why it cannot be explained.
    pub async fn explain(&self, request: &ExplainRequest) -> Result<Explanation, CannotExplain> {
        let found = self.store.client(&request.client_id).await?.ok_or(CannotExplain::NoClient)?;
        let draft = request.policies.clone().map(|draft| found.client.with_policies(draft));
        let client = draft.as_ref().unwrap_or(&found.client);
        let is_blocked = match &request.user_id {
            None => false,
            Some(id) => {
                let user = users::find(self.store.read().await?.db(), id).await?;
                user.ok_or(CannotExplain::NoUser)?.user.is_blocked()
            }
        };
        let user = request.user_id.as_ref();
        let login = self.login_to_explain(client, request).await?;
        let refused = match &login.family {
            _ if !client.allows_grant("refresh_token") => Some(Refusal::NoGrant),
            Some(family) => self.refusal(client, family, login.presented).await?,
            None => is_blocked.then_some(Refusal::Standing(BadStanding::UserBlocked)),
        };
        // For the original audience the login has seen to the consent.
        let original = self.target(client, login.audience.as_ref(), user, false).await?;
        let setting = Setting { client, user, login: &login, original, refused };

        let scope = request.scope.as_ref();
        let outcome = self.outcome(&setting, request.audience.as_ref(), scope).await?;
        let exchanges = match &request.audiences {
            None => None,
            Some(audiences) => {
                let mut exchanges = Vec::with_capacity(audiences.len());
                for asked in audiences {
                    let outcome = self.outcome(&setting, asked.as_ref(), scope).await?;
                    let audience = asked.as_ref().map_or("", Audience::as_str).to_owned();
                    exchanges.push(ExplainedExchange { audience, outcome });
                }
                Some(exchanges)
            }
        };
        let policies = self.explained_policies(&setting).await?;
        let warnings = warnings::of_application(client, self.settings.default_leeway).into_iter();
        Ok(Explanation {
            outcome,
            exchanges,
            user: ExplainedUser { user_id: user.cloned(), supposed: user.is_none() },
            policies,
            warnings: warnings.map(|warning| ExplainedWarning::of(None, warning)).collect(),
            scripts: self.scripts_of_exchange().await?,
            refresh_token: (login.family.as_ref())
                .map(|family| explained_token(client, family, login.presented)),
            login: explained_login(login),
        })
    }

    /// One exchange, decided as the exchange decides it.
    async fn outcome(
        &self,
        setting: &Setting<'_>,
        asked: Option<&Audience>,
        scope: Option<&ScopeSet>,
    ) -> Result<ExplainedOutcome, store::Error> {
        let login = setting.login.original();
        let other = asked.filter(|asked| Some(*asked) != login.audience);
        let targets = Targets {
            original: setting.original.clone(),
            asked: self.target(setting.client, other, setting.user, true).await?,
        };
        let exchange = self.exchange(setting.client, login, &targets, asked, scope);
        let (result, denied) = match mrrt::evaluate(&exchange) {
            Err(denied) => (None, Err(denied)),
            Ok(allowed) => {
                let fates = scopes::fates(&exchange, &allowed);
                let api = targets.of(allowed.audience).map(|target| &target.record.api);
                let result = ExplainedResult {
                    audience: allowed.audience.cloned(),
                    scope: allowed.scope.to_string(),
                    expires_in: Self::access_token_lifetime(api),
                    proof_of_possession: self.demand(setting.client, api).as_str(),
                    id_token: allowed.has_id_token(),
                    fell_back: allowed.fell_back.map(Denied::as_str),
                    scopes: fates.into_iter().map(ExplainedScope::from).collect(),
                };
                (Some(result), Ok(why_allowed(&allowed, login)))
            }
        };
        let (error, reason, because) = match (&setting.refused, denied) {
            (Some(refusal), _) => {
                (Some(refusal.error()), Some(refusal.code()), refusal.because().to_owned())
            }
            (None, Err(denied)) => {
                let (code, because) = (denied.as_str().to_owned(), denied.because().to_owned());
                (Some("invalid_target"), Some(code), because)
            }
            (None, Ok(_)) if result.as_ref().is_some_and(ExplainedResult::is_impossible) => {
                let because = "the application wants only tokens that are bound to a key, and the \
                               API takes none that are";
                let code = "proof_of_possession_impossible".to_owned();
                (Some("invalid_dpop_proof"), Some(code), because.to_owned())
            }
            (None, Ok(because)) => (None, None, because),
        };
        Ok(ExplainedOutcome { allowed: error.is_none(), error, reason, because, result })
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

    async fn login_to_explain(
        &self,
        client: &Client,
        request: &ExplainRequest,
    ) -> Result<LoginFacts, CannotExplain> {
        if let LoginToExplain::Supposed { audience, scope } = &request.login {
            let user = request.user_id.as_ref();
            return Ok(self.supposed_login(client, user, audience.as_ref(), scope).await?);
        }
        let user = request.user_id.as_ref().ok_or(CannotExplain::NoLogin)?;
        let (family, presented) = self.family_to_explain(client, user, &request.login).await?;
        Ok(LoginFacts {
            presented,
            audience: family.audience.clone(),
            scope: family.scope.clone(),
            family: Some(family),
            dropped: Vec::new(),
            warnings: Vec::new(),
        })
    }

    async fn supposed_login(
        &self,
        client: &Client,
        user: Option<&UserId>,
        audience: Option<&Audience>,
        scope: &SupposedScope,
    ) -> Result<LoginFacts, store::Error> {
        let record = match audience {
            Some(audience) => self.store.api(audience).await?,
            None => None,
        };
        let api = record.as_ref().map(|record| &record.api);
        let (scope, dropped) = match scope {
            SupposedScope::Granted(scope) => (scope.clone(), Vec::new()),
            SupposedScope::Requested(scope) => {
                self.scope_of_login(client, user, api, scope).await?
            }
        };
        let warnings = login_warnings(client, audience, api, &scope);
        let audience = audience.cloned();
        Ok(LoginFacts { family: None, presented: None, audience, scope, dropped, warnings })
    }

    /// What a login that asks for `requested` is granted, and what not.
    async fn scope_of_login(
        &self,
        client: &Client,
        user: Option<&UserId>,
        api: Option<&ResourceServer>,
        requested: &ScopeSet,
    ) -> Result<(ScopeSet, Vec<ScopeNotGranted>), store::Error> {
        let restriction = match (api, user) {
            (None, _) => None,
            (Some(api), Some(user)) => {
                self.login.entitlement(&client.client_id, api, user).await?.restriction
            }
            (Some(api), None) => {
                self.login.best_entitlement(&client.client_id, api).await?.restriction
            }
        };
        let left = restriction.as_ref();
        let granted = login_scope::granted(Some(requested), client, api, left, NoScope::Nothing);
        let defined = api.map(ResourceServer::defined_scopes).unwrap_or_default();
        let dropped = requested.iter().filter_map(|scope| {
            let why = login_scope::not_granted(scope, client, api, &defined, left)?;
            Some(ScopeNotGranted { scope: scope.to_owned(), because: why.because() })
        });
        Ok((granted, dropped.collect()))
    }

    async fn family_to_explain(
        &self,
        client: &Client,
        user: &UserId,
        login: &LoginToExplain,
    ) -> Result<(Family, Option<u32>), CannotExplain> {
        let mut conn = self.store.read().await?;
        let (found, presented) = match login {
            LoginToExplain::Supposed { .. } => (None, None),
            LoginToExplain::Latest => {
                (families::latest(conn.db(), user, &client.client_id).await?, None)
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
        let of_both =
            |family: &Family| family.user_id == *user && family.client_id == client.client_id;
        let family = found.filter(of_both).ok_or(CannotExplain::NoRefreshToken)?;
        Ok((family, presented))
    }

    async fn explained_policies(
        &self,
        setting: &Setting<'_>,
    ) -> Result<Vec<ExplainedPolicy>, store::Error> {
        let (client, login) = (setting.client, setting.login.original());
        let mut explained = Vec::new();
        for policy in client.policies() {
            let audience = Some(&policy.audience);
            let judges_consent = audience != login.audience;
            let target = self.target(client, audience, setting.user, judges_consent).await?;
            let api = target.as_ref().map(|target| &target.record.api);
            let warnings = warnings::of_entry(
                policy,
                &EntryFacts {
                    api: target.as_ref().map(|target| &target.facts),
                    is_first_party: client.is_first_party,
                    login,
                    demands_consent: api.is_some_and(|api| consent::is_demanded(client, Some(api))),
                    enforces_permissions: api.is_some_and(|api| api.enforce_policies),
                },
            );
            explained.push(ExplainedPolicy {
                audience: policy.audience.clone(),
                scope: policy.scope.to_string(),
                void: void::words(&warnings),
                warnings: warnings
                    .into_iter()
                    .map(|warning| ExplainedWarning::of(audience, warning))
                    .collect(),
            });
        }
        Ok(explained)
    }
}

/// The end of a sentence that begins "It succeeds, because".
fn why_allowed(allowed: &Allowed<'_>, login: Original<'_>) -> String {
    let mut because = match (allowed.fell_back, allowed.audience) {
        (Some(denied), _) => format!(
            "{}, and this server is set to answer with the API of the login then",
            denied.because()
        ),
        (None, None) => "the login was for no API, and neither is the token".to_owned(),
        (None, audience) if audience == login.audience => "it is the API of the login".to_owned(),
        (None, Some(_)) => "the policy has an entry for this API".to_owned(),
    };
    if allowed.nothing_left() {
        because.push_str("; but none of the scopes asked for is left");
    }
    because
}

/// Why a supposed login would not be, or would leave nothing to exchange.
fn login_warnings(
    client: &Client,
    audience: Option<&Audience>,
    api: Option<&ResourceServer>,
    granted: &ScopeSet,
) -> Vec<Warning> {
    let refused = audience.and_then(|a| authorize::authorized_for(client, a, api).err());
    if let Some(problem) = refused {
        let description = problem.description.trim_end_matches('.');
        let message = format!("Such a login is refused: {description}.");
        return vec![Warning::note("login_refused", message)];
    }
    if granted.contains("offline_access") {
        return Vec::new();
    }
    let defined = ScopeSet::default();
    let why = login_scope::not_granted("offline_access", client, api, &defined, None);
    let because =
        why.map_or("it does not ask for offline_access", login_scope::NotGranted::because);
    let message = format!("Such a login gets no refresh token, because {because}.");
    vec![Warning::note("no_refresh_token", message)]
}

fn explained_login(login: LoginFacts) -> ExplainedLogin {
    let LoginFacts { family, audience, scope, dropped, warnings, .. } = login;
    let of = |warning| ExplainedWarning::of(audience.as_ref(), warning);
    ExplainedLogin {
        warnings: warnings.into_iter().map(of).collect(),
        scope: scope.to_string(),
        supposed: family.is_none(),
        dropped,
        audience,
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
