//! The authorization code grant (RFC 6749 §4.1.3, RFC 7636 §4.6).
//!
//! 1. Load: the client, the code, its user, session and API.
//! 2. Decide: everything that could refuse, while nothing is consumed.
//! 3. Write: spend the code and begin the family, in one transaction.
//! 4. Mint and answer.
//!
//! A spent code that comes again ends the family it began (§4.1.2); one that another client
//! presents has leaked, and is spent.

use crate::crypto::digest;
use crate::domain::{
    ClientId,
    audit::{Exchanged, Happened},
    code::AuthorizationCode,
    dpop::Thumbprint,
    family::{LoginGrant, RevokedBy},
    secret::Code,
};
use crate::policy::{client_auth::Proof, consent};
use crate::store::{audit, codes, consents, families, organizations, sessions, users};
use crate::token::{
    GrantFault, Granted, Refused, TokenService, client_authentication::AuthenticatedClient,
    issue::Login,
};

/// A request of this grant.
#[derive(Debug)]
pub struct CodeRequest {
    /// `code`
    pub code: Code,
    /// `redirect_uri`
    pub redirect_uri: Option<String>,
    /// `code_verifier`
    pub code_verifier: Option<String>,
}

impl TokenService {
    /// Exchanges a code.
    ///
    /// # Errors
    /// Why not.
    pub async fn exchange_code(
        &self,
        client: &AuthenticatedClient,
        request: &CodeRequest,
    ) -> Result<Granted, Refused> {
        let (exchanged, client_id) = (Exchanged::Code, &client.record.client.client_id);
        let not_allowed = |why| self.exchange_refused(exchanged, client, None, why);
        client.must_allow("authorization_code").map_err(not_allowed)?;
        let hash = digest::code_hash(&request.code);
        let now = self.clock.now();
        let found = codes::find(self.store.read().await?.db(), &hash).await?;
        let Some(code) = found else {
            Self::not_ours(exchanged, client_id);
            return Err(Refused::InvalidGrant(GrantFault::Code));
        };
        if code.client_id != *client_id {
            return self.burn(&hash, &code, client_id).await;
        }
        if code.consumed_at.is_some() {
            return self.replayed(&code).await;
        }
        if now >= code.expires_at {
            let (reason, description) = ("code_expired", None);
            let happened =
                Happened::Refused { exchanged, family: None, reason, description, execution: None };
            self.login.note(&happened, Some(client_id), Some(&code.user_id));
            return Err(Refused::InvalidGrant(GrantFault::Code));
        }
        let login = self
            .approve(client, &code, request)
            .await
            .map_err(|why| self.exchange_refused(exchanged, client, Some(&code.user_id), why))?;
        let family = self.new_family(&login);

        let mut tx = self.store.write().await?;
        let family_id = family.as_ref().map(|family| &family.id);
        if !codes::consume(&mut tx, &hash, family_id, now).await? {
            // A parallel exchange was faster: that makes this one the replay.
            drop(tx);
            let code = codes::find(self.store.read().await?.db(), &hash).await?;
            return match code {
                Some(code) => self.replayed(&code).await,
                None => Err(Refused::InvalidGrant(GrantFault::Code)),
            };
        }
        let event = match &family {
            Some(family) => self.insert_family(&mut tx, family, &login).await?,
            None => None,
        };
        tx.commit().await?;
        if let Some(event) = &event {
            self.login.tell(event);
        }
        let granted = self.answer_login(&login, family.as_ref())?;
        self.login_granted(exchanged, &login, family.as_ref());
        Ok(granted)
    }

    /// Step 2, for a code that is neither another client's, spent nor expired.
    async fn approve(
        &self,
        client: &AuthenticatedClient,
        code: &AuthorizationCode,
        request: &CodeRequest,
    ) -> Result<Login, Refused> {
        Self::check_redirect_uri(code, request)?;
        Self::check_verifier(code, request, client.proof)?;
        Self::check_key(code, client.key.as_ref())?;
        self.login_of(client, code).await
    }

    /// §4.1.3: the same URI as at `/authorize`, if it was named there.
    fn check_redirect_uri(code: &AuthorizationCode, request: &CodeRequest) -> Result<(), Refused> {
        match &request.redirect_uri {
            Some(uri) if *uri == code.redirect_uri => Ok(()),
            None if !code.redirect_uri_given => Ok(()),
            _ => Err(Refused::InvalidGrant(GrantFault::RedirectUri)),
        }
    }

    /// RFC 7636 §4.6, and against downgrades (RFC 9700 §2.1.1): a verifier without a challenge is
    /// as wrong as a challenge without a verifier. A code without a challenge needs the secret.
    fn check_verifier(
        code: &AuthorizationCode,
        request: &CodeRequest,
        proof: Proof,
    ) -> Result<(), Refused> {
        let verified = match (&code.code_challenge, &request.code_verifier) {
            (Some(challenge), Some(verifier)) => verifier_matches(challenge, verifier),
            (None, None) => proof == Proof::Authenticated,
            _ => false,
        };
        if verified { Ok(()) } else { Err(Refused::InvalidGrant(GrantFault::Verifier)) }
    }

    /// RFC 9449 §10: a code that was asked for with a key is exchanged with that key.
    fn check_key(code: &AuthorizationCode, proven: Option<&Thumbprint>) -> Result<(), Refused> {
        match &code.dpop_jkt {
            Some(bound_to) if proven != Some(bound_to) => {
                Err(Refused::InvalidGrant(GrantFault::DpopKey))
            }
            _ => Ok(()),
        }
    }

    /// What the code stands for, as far as it still holds.
    async fn login_of(
        &self,
        client: &AuthenticatedClient,
        code: &AuthorizationCode,
    ) -> Result<Login, Refused> {
        const GONE: Refused = Refused::InvalidGrant(GrantFault::Code);
        let user = {
            let mut conn = self.store.read().await?;
            let user = users::find(conn.db(), &code.user_id).await?.ok_or(GONE)?.user;
            if user.is_blocked() {
                return Err(Refused::InvalidGrant(GrantFault::UserBlocked));
            }
            // Logged out in between: the approval is withdrawn.
            let session = sessions::find(conn.db(), &code.session_id).await?;
            session.filter(|s| s.is_alive(self.clock.now())).ok_or(GONE)?;
            if let Some(organization) = &code.organization_id
                && !organizations::is_member(conn.db(), organization, &user.user_id).await?
            {
                return Err(Refused::InvalidGrant(GrantFault::NotAMember));
            }
            user
        };
        let api = match &code.audience {
            None => None,
            Some(audience) => Some(self.store.api(audience).await?.ok_or(GONE)?),
        };
        let api_of = api.as_ref().map(|record| &record.api);
        // Likewise when the user has taken back what was allowed.
        if consent::is_demanded(&client.record.client, api_of) {
            let (client, audience) = (&client.record.client.client_id, code.audience.as_ref());
            let mut conn = self.store.read().await?;
            consents::find(conn.db(), &user.user_id, client, audience).await?.ok_or(GONE)?;
        }
        let binding = self.binding(client, api_of)?;
        let entitlement = match &api {
            None => Default::default(),
            Some(api) => {
                let client = &client.record.client.client_id;
                self.login.entitlement(client, &api.api, &user.user_id).await?
            }
        };
        let organization_name = self.organization_name(code.organization_id.as_ref()).await?;
        Ok(Login {
            client: client.record.clone(),
            user,
            api,
            permissions: entitlement.permissions,
            scope: code.scope.clone(),
            organization_id: code.organization_id.clone(),
            organization_name,
            session_id: Some(code.session_id.clone()),
            grant: LoginGrant::AuthorizationCode,
            auth_time: code.auth_time,
            amr: code.amr.clone(),
            nonce: code.nonce.clone(),
            binding,
            customised: code.customised.clone(),
        })
    }

    async fn burn(
        &self,
        hash: &[u8],
        code: &AuthorizationCode,
        presented_by: &ClientId,
    ) -> Result<Granted, Refused> {
        let happened = Happened::CodeOfOtherClient { presented_by };
        let event = self.login.event(&happened, Some(&code.client_id), Some(&code.user_id));
        let mut tx = self.store.write().await?;
        if codes::consume(&mut tx, hash, None, self.clock.now()).await? {
            audit::insert(&mut tx, &event).await?;
            tx.commit().await?;
            self.login.tell(&event);
        }
        Err(Refused::InvalidGrant(GrantFault::Code))
    }

    async fn replayed(&self, code: &AuthorizationCode) -> Result<Granted, Refused> {
        let now = self.clock.now();
        let happened = Happened::CodeReplayed { family: code.family_id.as_ref() };
        let event = self.login.event(&happened, Some(&code.client_id), Some(&code.user_id));
        let mut tx = self.store.write().await?;
        if let Some(family) = &code.family_id {
            families::revoke(&mut tx, family, RevokedBy::CodeReplay, now).await?;
        }
        audit::insert(&mut tx, &event).await?;
        tx.commit().await?;
        self.login.tell(&event);
        Err(Refused::InvalidGrant(GrantFault::Code))
    }
}

/// Whether a challenge was made from this verifier (RFC 7636 §4.6).
pub(super) fn verifier_matches(challenge: &str, verifier: &str) -> bool {
    let well_formed = (43..=128).contains(&verifier.len())
        && verifier.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
    let computed = digest::s256_challenge(verifier);
    well_formed && digest::equal(computed.as_bytes(), challenge.as_bytes())
}
