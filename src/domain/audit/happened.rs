//! What can happen, with Auth0's code for it and what the trail keeps of it.

use serde_json::{Value, json};

use crate::domain::{
    ActionId, ClientId, ExecutionId, FamilyId, JobId, RoleId, SessionId,
    action::Trigger,
    audience::Audience,
    audit::management::{Managed, ManagementRequest},
    family::RevokedBy,
    job::{Counts, JobKind},
    scope::ScopeSet,
};

/// A token that was issued.
#[derive(Debug, Clone, Copy)]
pub struct Issued<'a> {
    /// Its audience, `None` for one that only `/userinfo` takes.
    pub audience: Option<&'a Audience>,
    /// Its scope.
    pub scope: &'a ScopeSet,
}

/// The grant of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchanged {
    /// A code.
    Code,
    /// The credentials of the application.
    ClientCredentials,
    /// A password.
    Password,
    /// A refresh token.
    RefreshToken,
    /// A device code.
    DeviceCode,
    /// A one-time code from a message.
    Passwordless,
}

impl Exchanged {
    /// The code of an event that tells of success.
    pub const fn succeeded(self) -> &'static str {
        match self {
            Self::Code => "seacft",
            Self::ClientCredentials => "seccft",
            Self::Password => "sepft",
            Self::RefreshToken => "sertft",
            Self::DeviceCode => "sede",
            Self::Passwordless => "sepotpft",
        }
    }
    /// The code of an event that tells of a refusal.
    pub const fn failed(self) -> &'static str {
        match self {
            Self::Code => "feacft",
            Self::ClientCredentials => "feccft",
            Self::Password => "fepft",
            Self::RefreshToken => "fertft",
            Self::DeviceCode => "fede",
            Self::Passwordless => "fepotpft",
        }
    }
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Happened<'a> {
    /// A code, a password or an application's credentials were exchanged for a token.
    Granted {
        /// Which.
        exchanged: Exchanged,
        /// The family that it began, if any.
        family: Option<&'a FamilyId>,
        /// What was issued.
        issued: Issued<'a>,
        /// The record of the scripts that were run, if any.
        execution: Option<&'a ExecutionId>,
    },
    /// A refresh token was exchanged.
    Refreshed {
        /// The family.
        family: &'a FamilyId,
        /// The generation that was answered.
        generation: u32,
        /// The audience asked for.
        requested_audience: Option<&'a Audience>,
        /// The scope asked for.
        requested_scope: Option<&'a ScopeSet>,
        /// Whether a policy of a multi-resource refresh token was used.
        used_policy: bool,
        /// What was issued.
        issued: Issued<'a>,
        /// The record of the scripts that were run, if any.
        execution: Option<&'a ExecutionId>,
    },
    /// An exchange was refused.
    Refused {
        /// Of what.
        exchanged: Exchanged,
        /// The family, if one is known.
        family: Option<&'a FamilyId>,
        /// Why, in a word.
        reason: &'a str,
        /// Why, in a sentence.
        description: Option<&'a str>,
        /// The record of the scripts that refused it, if they did.
        execution: Option<&'a ExecutionId>,
    },
    /// A refresh token was revoked on purpose.
    RefreshTokensRevoked {
        /// The family, if it was one.
        family: Option<&'a FamilyId>,
        /// How many.
        revoked: u64,
        /// By what.
        by: RevokedBy,
    },
    /// A user logged out.
    LoggedOut {
        /// How many refresh tokens ended with the session.
        revoked: u64,
    },
    /// An application was told that a session ended (OIDC Back-Channel Logout 1.0).
    BackchannelLogoutDelivered {
        /// The session.
        session: &'a SessionId,
    },
    /// An application could not be told that a session ended; it will not be tried again.
    BackchannelLogoutFailed {
        /// The session.
        session: &'a SessionId,
        /// How often it was tried.
        attempts: i64,
        /// Why the last attempt failed, in a word.
        reason: &'a str,
    },
    /// A spent refresh token was presented again; its family is revoked.
    RefreshTokenReused {
        /// The family.
        family: &'a FamilyId,
        /// The generation presented.
        presented: u32,
        /// The current one.
        current: u32,
    },
    /// A refresh token was presented by an application it was not issued to.
    RefreshTokenOfOtherClient {
        /// The family.
        family: &'a FamilyId,
        /// Who presented it.
        presented_by: &'a ClientId,
    },
    /// A refresh token is newer than the store: the store was restored from a backup.
    StoreBehind {
        /// The family.
        family: &'a FamilyId,
        /// The generation presented.
        presented: u32,
        /// What the store thought.
        stored: u32,
    },
    /// An exchange was refused, or fell back, because of its audience.
    AudienceRefused {
        /// The family.
        family: &'a FamilyId,
        /// What was asked for.
        requested: &'a Audience,
        /// Why it was refused.
        reason: &'static str,
        /// Whether a token for the original audience was given instead.
        fell_back: bool,
    },
    /// A scope was requested in an exchange and nothing is left of it.
    NothingLeftOfScope {
        /// The family.
        family: &'a FamilyId,
    },
    /// An authorization code was presented twice; the family it began is revoked.
    CodeReplayed {
        /// The family, if it began one.
        family: Option<&'a FamilyId>,
    },
    /// An authorization code was presented by an application it was not sent to; it is spent.
    CodeOfOtherClient {
        /// Who presented it.
        presented_by: &'a ClientId,
    },
    /// A client assertion that had been accepted was presented again.
    ClientAssertionReplayed,
    /// The oldest refresh tokens gave way to a new one.
    FamiliesBeyondLimit {
        /// How many.
        revoked: u64,
    },
    /// A user logged in.
    LoggedIn,
    /// A session spared its user a login (`prompt=none`).
    LoggedInSilently {
        /// The record of the scripts that were run, if any.
        execution: Option<&'a ExecutionId>,
    },
    /// A script refused a login in a browser, or failed.
    LoginRefusedByScript {
        /// The record of the execution.
        execution: Option<&'a ExecutionId>,
        /// Whether it was a silent one.
        silent: bool,
        /// Why, in a word.
        reason: &'a str,
        /// Why, in the words of the script.
        description: &'a str,
    },
    /// A silent login was refused.
    SilentLoginRefused,
    /// A script of the operator failed.
    ActionFailed {
        /// The record of the execution.
        execution: &'a ExecutionId,
        /// Of which trigger.
        trigger: Trigger,
        /// The Action; of a rule its own id.
        action: &'a ActionId,
        /// Why, in a word.
        reason: &'a str,
    },
    /// A login with a wrong password.
    WrongPassword,
    /// A login of somebody who does not exist.
    UnknownUser,
    /// A login of a blocked user.
    BlockedUser,
    /// An account got more wrong passwords than are allowed.
    AccountBlocked,
    /// An address got more wrong passwords, or new accounts, than are allowed.
    AddressThrottled,
    /// One user logged in from one address more often than is allowed.
    SameUserThrottled,
    /// A user opened the link that ends a block.
    Unblocked,
    /// Somebody created an account.
    SignedUp,
    /// Something was written through the Management API, or was to be.
    Managed {
        /// By which request.
        request: &'a ManagementRequest,
        /// What.
        what: Managed<'a>,
    },
    /// Somebody was given a role at the console by a command on the server itself.
    Appointed {
        /// The role.
        role: &'a RoleId,
        /// Whether the user was made for it.
        created: bool,
        /// Whether the user has a new password.
        password_set: bool,
    },
    /// A job ended that had been asked for through the Management API.
    JobEnded {
        /// The job.
        id: &'a JobId,
        /// What it did.
        kind: JobKind,
        /// What became of its items.
        counts: Counts,
        /// Whether it came to its end, or was given up.
        completed: bool,
    },
    /// An account was not created.
    SignupRefused {
        /// Why, in a word.
        reason: &'static str,
    },
    /// An account was not created, because an Action refused or failed.
    SignupRefusedByAction {
        /// The record of the execution.
        execution: &'a ExecutionId,
        /// What the Action says to the operator.
        description: &'a str,
    },
    /// A link to reset a password was sent.
    ResetRequested,
    /// A link to reset a password was asked for and not sent.
    ResetNotSent {
        /// Why, in a word.
        reason: &'static str,
    },
    /// A user set a new password.
    PasswordChanged {
        /// How many refresh tokens that revoked.
        revoked: u64,
    },
    /// A new password was not set.
    PasswordNotChanged {
        /// Why, in a word.
        reason: &'static str,
    },
    /// A user verified an address.
    EmailVerified,
    /// An address was not verified: the link does not work.
    EmailNotVerified,
    /// A device was refused a pair of codes.
    DeviceRefused {
        /// Why, in a word.
        reason: &'a str,
        /// Why, in a sentence.
        description: Option<&'a str>,
    },
    /// A user let a device in.
    DeviceConfirmed,
    /// A user turned a device away.
    DeviceDeclined,
    /// A code typed on the activation page led nowhere.
    DeviceCodeNotFound {
        /// Why, in a word.
        reason: &'static str,
    },
    /// A one-time code was sent.
    OneTimeCodeSent,
    /// No more one-time codes are sent to an address for a while.
    TooManyOneTimeCodes,
    /// `offline_access` was asked for and the API does not allow it.
    OfflineAccessDropped {
        /// The API.
        audience: &'a Audience,
    },
}

impl Happened<'_> {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Granted { exchanged, .. } => exchanged.succeeded(),
            Self::Refreshed { .. } => Exchanged::RefreshToken.succeeded(),
            Self::Refused { exchanged, .. } => exchanged.failed(),
            Self::RefreshTokensRevoked { .. } => "srrt",
            Self::LoggedOut { .. } => "slo",
            Self::BackchannelLogoutDelivered { .. } => "oidc_backchannel_logout_succeeded",
            Self::BackchannelLogoutFailed { .. } => "oidc_backchannel_logout_failed",
            Self::RefreshTokenReused { .. } => "ferrt",
            Self::RefreshTokenOfOtherClient { .. } => "fertft",
            Self::AudienceRefused { fell_back: false, .. } => "fertft",
            Self::AudienceRefused { fell_back: true, .. }
            | Self::StoreBehind { .. }
            | Self::NothingLeftOfScope { .. }
            | Self::OfflineAccessDropped { .. } => "w",
            Self::CodeReplayed { .. } | Self::CodeOfOtherClient { .. } => "feacft",
            // Most who use assertions are machines; Auth0 has no code of its own for a replay.
            Self::ClientAssertionReplayed => "feccft",
            Self::FamiliesBeyondLimit { .. } => "resource_cleanup",
            Self::LoggedIn => "s",
            Self::LoggedInSilently { .. } => "ssa",
            Self::LoginRefusedByScript { silent: true, .. } => "fsa",
            Self::LoginRefusedByScript { silent: false, .. } => "f",
            Self::SilentLoginRefused => "fsa",
            Self::ActionFailed { .. } => "actions_execution_failed",
            Self::WrongPassword => "fp",
            Self::UnknownUser => "fu",
            Self::BlockedUser => "f",
            Self::AccountBlocked => "limit_wc",
            Self::AddressThrottled => "limit_mu",
            Self::SameUserThrottled => "limit_sul",
            Self::Unblocked => "ublkdu",
            Self::SignedUp => "ss",
            Self::SignupRefused { .. } | Self::SignupRefusedByAction { .. } => "fs",
            Self::ResetRequested => "scpr",
            Self::ResetNotSent { .. } => "fcpr",
            Self::PasswordChanged { .. } => "scp",
            Self::PasswordNotChanged { .. } => "fcp",
            Self::EmailVerified => "sv",
            Self::EmailNotVerified => "fv",
            Self::DeviceRefused { .. } => "fdeaz",
            Self::OneTimeCodeSent => "cls",
            Self::TooManyOneTimeCodes => "api_limit",
            Self::DeviceConfirmed => "sdeac",
            Self::DeviceDeclined => "fdecc",
            Self::DeviceCodeNotFound { .. } => "fdeac",
            Self::Managed { what, .. } => what.code(),
            Self::Appointed { .. } | Self::JobEnded { completed: true, .. } => "sapi",
            Self::JobEnded { completed: false, .. } => "fapi",
        }
    }

    pub(super) fn issued(&self) -> Option<Issued<'_>> {
        match self {
            Self::Granted { issued, .. } | Self::Refreshed { issued, .. } => Some(*issued),
            _ => None,
        }
    }

    pub(super) fn details(&self) -> Value {
        match self {
            Self::Granted { family, execution, .. } => {
                let mut details = of_scripts(*execution);
                if let Some(family) = family {
                    details["familyId"] = json!(family);
                }
                details
            }
            Self::LoggedInSilently { execution } => of_scripts(*execution),
            Self::LoginRefusedByScript { execution, reason, description, .. } => {
                let mut details = of_scripts(*execution);
                details["reason"] = json!(reason);
                details["error_description"] = json!(description);
                details
            }
            Self::Refreshed {
                family,
                generation,
                requested_audience,
                requested_scope,
                used_policy,
                execution,
                ..
            } => {
                let mut details = of_scripts(*execution);
                details["familyId"] = json!(family);
                details["tokenCounter"] = json!(generation);
                details["requested_audience"] = json!(requested_audience);
                details["requested_scope"] = json!(requested_scope.map(ScopeSet::to_string));
                let policy = if *used_policy { "mrrt" } else { "refresh_token_user_grant" };
                details["policy_used"] = json!(policy);
                details
            }
            Self::Refused { family, reason, description, execution, .. } => {
                let mut details = of_scripts(*execution);
                details["reason"] = json!(reason);
                if let Some(family) = family {
                    details["familyId"] = json!(family);
                }
                if let Some(description) = description {
                    details["error_description"] = json!(description);
                }
                details
            }
            Self::RefreshTokensRevoked { family, revoked, by } => json!({
                "familyId": family, "revoked": revoked, "reason": by.as_str(),
            }),
            Self::SignupRefusedByAction { execution, description } => {
                let mut details = of_scripts(Some(execution));
                details["reason"] = json!("action");
                details["error_description"] = json!(description);
                details
            }
            Self::SignupRefused { reason }
            | Self::ResetNotSent { reason }
            | Self::PasswordNotChanged { reason } => json!({ "reason": reason }),
            Self::PasswordChanged { revoked } => json!({ "revoked": revoked }),
            Self::SignedUp
            | Self::ResetRequested
            | Self::EmailVerified
            | Self::EmailNotVerified => json!({}),
            Self::LoggedOut { revoked } => json!({ "revoked": revoked }),
            Self::BackchannelLogoutDelivered { session } => json!({ "session_id": session }),
            Self::BackchannelLogoutFailed { session, attempts, reason } => json!({
                "session_id": session, "attempts": attempts, "reason": reason,
            }),
            Self::RefreshTokenReused { family, presented, current } => {
                json!({ "familyId": family, "tokenCounter": presented, "latestCounter": current })
            }
            Self::RefreshTokenOfOtherClient { family, presented_by } => json!({
                "familyId": family, "presented_by": presented_by, "reason": "other_client",
            }),
            Self::StoreBehind { family, presented, stored } => json!({
                "familyId": family, "tokenCounter": presented, "latestCounter": stored,
                "reason": "store_behind",
            }),
            Self::AudienceRefused { family, requested, reason, fell_back } => json!({
                "familyId": family, "requested_audience": requested, "reason": reason,
                "fell_back": fell_back,
            }),
            Self::NothingLeftOfScope { family } => {
                json!({ "familyId": family, "reason": "nothing_left_of_scope" })
            }
            Self::CodeReplayed { family } => {
                json!({ "familyId": family, "reason": "code_replay" })
            }
            Self::CodeOfOtherClient { presented_by } => {
                json!({ "presented_by": presented_by, "reason": "other_client" })
            }
            Self::ActionFailed { execution, trigger, action, reason } => json!({
                "actions": { "executions": [execution] },
                "trigger_id": trigger.as_str(), "action_id": action, "reason": reason,
            }),
            Self::ClientAssertionReplayed => json!({ "reason": "assertion_replayed" }),
            Self::FamiliesBeyondLimit { revoked } => json!({ "revoked": revoked }),
            Self::OfflineAccessDropped { audience } => {
                json!({ "audience": audience, "reason": "offline_access_dropped" })
            }
            Self::DeviceRefused { reason, description } => {
                json!({ "reason": reason, "error_description": description })
            }
            Self::DeviceCodeNotFound { reason } => json!({ "reason": reason }),
            Self::Managed { request, what } => what.details(request),
            Self::Appointed { role, created, password_set } => json!({
                "operation": "administrator_appointed", "role": role,
                "created": created, "password_set": password_set,
            }),
            Self::JobEnded { id, kind, counts, .. } => json!({
                "operation": format!("{}_ended", kind.as_str()), "id": id,
                "inserted": counts.inserted, "updated": counts.updated, "failed": counts.failed,
            }),
            Self::LoggedIn
            | Self::SilentLoginRefused
            | Self::WrongPassword
            | Self::UnknownUser
            | Self::BlockedUser
            | Self::AccountBlocked
            | Self::AddressThrottled
            | Self::SameUserThrottled
            | Self::Unblocked
            | Self::OneTimeCodeSent
            | Self::TooManyOneTimeCodes
            | Self::DeviceConfirmed
            | Self::DeviceDeclined => json!({}),
        }
    }
}

/// What an event says about scripts.
fn of_scripts(execution: Option<&ExecutionId>) -> Value {
    match execution {
        None => json!({}),
        Some(execution) => json!({ "actions": { "executions": [execution] } }),
    }
}
