//! The shape of an explanation, as the Management API and the command line write it.

use serde::Serialize;

use crate::domain::{FamilyId, UserId, audience::Audience, dpop::Thumbprint};
use crate::policy::{
    dpop::Demand,
    mrrt::{scopes::ScopeFate, warnings::Warning},
};

/// The answer.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The exchange that was asked about.
    #[serde(flatten)]
    pub outcome: ExplainedOutcome,
    /// The exchanges for each of `audiences`, in their order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchanges: Option<Vec<ExplainedExchange>>,
    /// For whom.
    pub user: ExplainedUser,
    /// The login the refresh token comes from.
    pub login: ExplainedLogin,
    /// The refresh token, unless the login is only supposed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<ExplainedToken>,
    /// Every policy entry, and what makes it void.
    pub policies: Vec<ExplainedPolicy>,
    /// What is to be known of the application as a whole.
    pub warnings: Vec<ExplainedWarning>,
    /// The names of the rules and Actions that run at the exchange, in their order: they have the
    /// last word, and none of them was asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scripts: Vec<String>,
}

/// One of several exchanges.
#[derive(Debug, Serialize)]
pub struct ExplainedExchange {
    /// The audience that it asks for; empty for none.
    pub audience: String,
    /// What comes of it.
    #[serde(flatten)]
    pub outcome: ExplainedOutcome,
}

/// What comes of an exchange.
#[derive(Debug, Serialize)]
pub struct ExplainedOutcome {
    /// Whether the exchange would succeed.
    pub allowed: bool,
    /// The `error` that the application would see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
    /// Why, in a word, for the operator only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it succeeds or not: the end of a sentence.
    pub because: String,
    /// What the exchange would give; absent when the audience is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<ExplainedResult>,
}

/// For whom.
#[derive(Debug, Serialize)]
pub struct ExplainedUser {
    /// The user, unless one is only supposed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Whether the user is only supposed: one with every permission, who has consented to
    /// everything.
    pub supposed: bool,
}

/// The login the refresh token comes from.
#[derive(Debug, Serialize)]
pub struct ExplainedLogin {
    /// The original audience.
    pub audience: Option<Audience>,
    /// The scopes granted.
    pub scope: String,
    /// Whether it is only supposed.
    pub supposed: bool,
    /// The scopes that a supposed login asks for and is not granted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<ScopeNotGranted>,
    /// Why a supposed login would not succeed, or would get no refresh token.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<ExplainedWarning>,
}

/// A scope that a supposed login is not granted.
#[derive(Debug, Serialize)]
pub struct ScopeNotGranted {
    /// The scope.
    pub scope: String,
    /// Why: the end of a sentence.
    pub because: &'static str,
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
    /// Whether every exchange is refused, with a proof of possession and without.
    pub(super) fn is_impossible(&self) -> bool {
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
    /// Why: the end of a sentence.
    pub because: &'static str,
}

impl From<(String, ScopeFate)> for ExplainedScope {
    fn from((scope, fate): (String, ScopeFate)) -> Self {
        Self { scope, fate: fate.as_str(), because: fate.because() }
    }
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
    /// The same and more that is to be known of it.
    pub warnings: Vec<ExplainedWarning>,
}

/// Something that the author of a policy should know.
#[derive(Debug, Serialize)]
pub struct ExplainedWarning {
    /// The API that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<Audience>,
    /// Which kind.
    pub code: &'static str,
    /// The scope that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Whether what it is about has no effect at all, for any user.
    pub void: bool,
    /// In a sentence.
    pub message: String,
}

impl ExplainedWarning {
    /// Of this API, or of no particular one.
    pub(super) fn of(audience: Option<&Audience>, warning: Warning) -> Self {
        let void = warning.is_void();
        let Warning { code, scope, message, .. } = warning;
        Self { audience: audience.cloned(), code, scope, void, message }
    }
}
