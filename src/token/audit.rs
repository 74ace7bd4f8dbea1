//! What the grants tell the audit trail. Nothing here is written before the answer leaves, and none
//! of it decides: reuse, theft and revocations are written where they are decided.

use crate::domain::{
    ClientId, ExecutionId, FamilyId, UserId,
    audit::{Exchanged, Happened, Issued},
    family::Family,
};
use crate::policy::mrrt::Allowed;
use crate::token::{
    DeviceFault, GrantFault, Refused, TokenService, client_authentication::AuthenticatedClient,
    issue::Login, refresh_token::RefreshRequest,
};

impl TokenService {
    /// A login was answered with tokens.
    pub(super) fn login_granted(
        &self,
        exchanged: Exchanged,
        login: &Login,
        family: Option<&Family>,
    ) {
        let audience = login.api.as_ref().map(|record| &record.api.identifier);
        let issued = Issued { audience, scope: &login.scope };
        let family = family.map(|family| &family.id);
        let execution = login.customised.execution.as_ref();
        let happened = Happened::Granted { exchanged, family, issued, execution };
        let client = &login.client.client.client_id;
        self.login.note(&happened, Some(client), Some(&login.user.user_id));
    }

    /// A refresh token was exchanged.
    pub(super) fn refreshed(
        &self,
        family: &Family,
        request: &RefreshRequest,
        allowed: &Allowed<'_>,
        generation: u32,
        execution: Option<&ExecutionId>,
    ) {
        self.note_of(
            family,
            &Happened::Refreshed {
                family: &family.id,
                generation,
                requested_audience: request.audience.as_ref(),
                requested_scope: request.scope.as_ref(),
                used_policy: allowed.used_policy,
                issued: Issued { audience: allowed.audience, scope: &allowed.scope },
                execution,
            },
        );
    }

    /// Something about a family that is no decision.
    pub(super) fn note_of(&self, family: &Family, happened: &Happened<'_>) {
        self.login.note(happened, Some(&family.client_id), Some(&family.user_id));
    }

    /// A true refresh token is refused, because of `reason`.
    pub(super) fn refresh_refused(
        &self,
        family: &Family,
        reason: &str,
        refused: Refused,
    ) -> Refused {
        self.note_of(
            family,
            &Happened::Refused {
                exchanged: Exchanged::RefreshToken,
                family: Some(&family.id),
                reason,
                description: None,
                execution: None,
            },
        );
        refused
    }

    /// An exchange is refused; the error says why.
    pub(super) fn exchange_refused(
        &self,
        exchanged: Exchanged,
        client: &AuthenticatedClient,
        user: Option<&UserId>,
        refused: Refused,
    ) -> Refused {
        let client = &client.record.client.client_id;
        self.note_refusal(exchanged, None, (client, user), &refused);
        refused
    }

    /// An exchange of a true refresh token is refused; the error says why.
    pub(super) fn refresh_refused_for(&self, family: &Family, refused: Refused) -> Refused {
        let whose = (&family.client_id, Some(&family.user_id));
        self.note_refusal(Exchanged::RefreshToken, Some(&family.id), whose, &refused);
        refused
    }

    /// Our own failures are not the caller's story.
    fn note_refusal(
        &self,
        exchanged: Exchanged,
        family: Option<&FamilyId>,
        (client, user): (&ClientId, Option<&UserId>),
        refused: &Refused,
    ) {
        let Some((reason, description)) = reason(refused) else { return };
        let execution = refused.execution();
        let happened = Happened::Refused { exchanged, family, reason, description, execution };
        self.login.note(&happened, Some(client), user);
    }

    /// A string that is no code or token of ours. It reaches the stream only: who makes strings up
    /// must not make rows.
    pub(super) fn not_ours(exchanged: Exchanged, client: &ClientId) {
        let (code, client) = (exchanged.failed(), client.as_str());
        tracing::info!(
            target: "audit",
            event = code,
            client.id = client,
            reason = "unknown_token",
            "audit {code}"
        );
    }
}

/// The word for the operator, and the description if it says more.
pub(super) fn reason(refused: &Refused) -> Option<(&'static str, Option<&str>)> {
    Some(match refused {
        Refused::InvalidRequest(text) => ("invalid_request", Some(text)),
        Refused::UnauthorizedClient(text) => ("grant_not_allowed", Some(text)),
        Refused::InvalidTarget(text) => ("invalid_target", Some(text)),
        Refused::Script { error, description, .. } => (*error, Some(description)),
        Refused::AccessDenied(text) => ("access_denied", Some(text)),
        Refused::InvalidDpopProof(text) => ("invalid_dpop_proof", Some(text)),
        Refused::InvalidGrant(fault) => {
            let reason = match fault {
                GrantFault::Code => "login_ended",
                GrantFault::Verifier => "code_verifier",
                GrantFault::RedirectUri => "redirect_uri",
                GrantFault::DpopKey => "dpop_key",
                GrantFault::RefreshToken => "refresh_token",
                GrantFault::Password => "wrong_credentials",
                GrantFault::UserBlocked => "user_blocked",
                GrantFault::NotAMember => "not_a_member",
                GrantFault::DeviceCode => "login_ended",
                GrantFault::OneTimeCode => "wrong_credentials",
            };
            (reason, None)
        }
        // Told where it was found.
        Refused::Hindered(_) => return None,
        Refused::Device(DeviceFault::Expired) => ("code_expired", None),
        Refused::Device(DeviceFault::Declined) => ("declined", None),
        // Every device that waits is told so every few seconds: nothing to keep.
        Refused::Device(DeviceFault::Pending | DeviceFault::TooFast) => return None,
        Refused::InvalidClient
        | Refused::MissingClientId
        | Refused::UnsupportedGrantType
        // A step of the protocol that every client takes.
        | Refused::UseDpopNonce
        | Refused::Overloaded
        | Refused::Internal(_) => return None,
    })
}
