//! The device code grant (RFC 8628 §3.4–5).
//!
//! 1. Load: the authorization. Another client's, or a spent one, is as good as none.
//! 2. Decide: the verifier, the time, the user's answer; then everything about the user that may
//!    have changed since the answer, and what the operator's scripts say, while nothing is consumed.
//! 3. Write: spend the code and begin the family, in one transaction.
//! 4. Mint and answer.
//!
//! The browser in which the user answered is no part of the login: the device stays logged in when
//! that browser logs out, and its tokens name no session.

use crate::crypto::digest;
use crate::domain::{
    action::outcome::Customised,
    audit::Exchanged,
    device::{Answer, Approval, DeviceAuthorization, GRANT_TYPE, INTERVAL},
    family::LoginGrant,
    resource_server::UserPolicy,
    secret::DeviceCode,
    time::Timestamp,
};
use crate::login::triggers::post_login::Protocol;
use crate::policy::{
    consent,
    login_scope::{self, NoScope},
};
use crate::store::{consents, device_codes, users};
use crate::token::{
    DeviceFault, GrantFault, Granted, Refused, TokenService, authorization_code::verifier_matches,
    client_authentication::AuthenticatedClient, issue::Login,
};

/// A request of this grant.
#[derive(Debug)]
pub struct DeviceCodeRequest {
    /// `device_code`
    pub device_code: DeviceCode,
    /// `code_verifier`
    pub code_verifier: Option<String>,
}

const REFUSED: Refused = Refused::InvalidGrant(GrantFault::DeviceCode);

/// Milliseconds that a poll may be early: what the network takes off one way and not the other.
const TOLERANCE: i64 = 500;

/// Milliseconds that the clocks of replicas may be apart.
const CLOCK_DIFFERENCE: i64 = 60_000;

impl TokenService {
    /// Exchanges a device code, once the user has confirmed it.
    ///
    /// # Errors
    /// Why not; most often that the user has not answered yet.
    pub async fn exchange_device_code(
        &self,
        client: &AuthenticatedClient,
        request: &DeviceCodeRequest,
    ) -> Result<Granted, Refused> {
        let (exchanged, client_id) = (Exchanged::DeviceCode, &client.record.client.client_id);
        let refused = |user, why| self.exchange_refused(exchanged, client, user, why);
        client.must_allow(GRANT_TYPE).map_err(|why| refused(None, why))?;
        // Step 1.
        let hash = digest::device_code_hash(&request.device_code);
        let found = device_codes::find(self.store.read().await?.db(), &hash).await?;
        let found = found.filter(|asked| asked.client_id == *client_id);
        let Some(asked) = found.filter(|asked| asked.consumed_at.is_none()) else {
            Self::not_ours(exchanged, client_id);
            return Err(REFUSED);
        };
        // Step 2.
        check_verifier(&asked, request).map_err(|why| refused(None, why))?;
        let approval = self.answer_to_device(&hash, &asked).await;
        let approval = approval.map_err(|why| refused(None, why))?;
        let of_user = |why| refused(Some(&approval.user_id), why);
        let login = self.login_on_device(client, &asked, approval).await;
        let mut login = login.map_err(of_user)?;
        let requested = Some(&asked.scope);
        let ruled = self.rule_on_login(Protocol::DeviceCode, requested, &mut login).await;
        let ruled = ruled.map_err(of_user)?;
        // Step 3.
        let family = self.family_of(&login, &ruled);
        let mut tx = self.store.write().await?;
        if !device_codes::consume(&mut tx, &hash, self.clock.now()).await? {
            // A parallel poll was faster.
            return Err(REFUSED);
        }
        self.login.change_user(&mut tx, &login.user.user_id, &ruled.decision).await?;
        let cleaned = match &family {
            Some(family) => self.insert_family(&mut tx, family, &login).await?,
            None => None,
        };
        tx.commit().await?;
        if let Some(event) = &cleaned {
            self.login.tell(event);
        }
        // Step 4.
        let granted = self.answer_login(&login, family.as_ref())?;
        self.login_granted(exchanged, &login, family.as_ref());
        Ok(granted)
    }

    /// The user's yes, or what there is instead. A device that waits may ask every
    /// [`INTERVAL`] seconds.
    async fn answer_to_device<'a>(
        &self,
        hash: &[u8],
        asked: &'a DeviceAuthorization,
    ) -> Result<&'a Approval, Refused> {
        let now = self.clock.now();
        if now >= asked.expires_at {
            return Err(Refused::Device(DeviceFault::Expired));
        }
        match &asked.answer {
            Answer::Approved(approval) => return Ok(approval),
            Answer::Declined => return Err(Refused::Device(DeviceFault::Declined)),
            Answer::Pending => {}
        }
        let gap = INTERVAL * 1000 - TOLERANCE;
        // A poll of the future was noted before the clock was set back, and delays nobody.
        let too_fast = |polled| (-CLOCK_DIFFERENCE..gap).contains(&now.millis_since(polled));
        // Read first: who polls too fast must not make the others wait for the writer.
        if asked.polled_at.is_some_and(too_fast) {
            return Err(Refused::Device(DeviceFault::TooFast));
        }
        let not_since = Timestamp::from_millis(now.millis() - gap);
        let nor_after = Timestamp::from_millis(now.millis() + CLOCK_DIFFERENCE);
        let not_in = (not_since, nor_after);
        let mut tx = self.store.write().await?;
        let noted = device_codes::note_poll(&mut tx, hash, not_in, now).await?;
        tx.commit().await?;
        let fault = if noted { DeviceFault::Pending } else { DeviceFault::TooFast };
        Err(Refused::Device(fault))
    }

    /// What the user's yes still stands for: minutes may have passed, in which the user was
    /// blocked, lost a permission or withdrew a consent.
    async fn login_on_device(
        &self,
        client: &AuthenticatedClient,
        asked: &DeviceAuthorization,
        approval: &Approval,
    ) -> Result<Login, Refused> {
        let user = users::find(self.store.read().await?.db(), &approval.user_id).await?;
        let user = user.ok_or(REFUSED)?.user;
        if user.is_blocked() {
            return Err(Refused::InvalidGrant(GrantFault::UserBlocked));
        }
        let api = match &asked.audience {
            None => None,
            Some(audience) => {
                let api = self.store.api(audience).await?.ok_or(REFUSED)?;
                if api.api.subject_type_authorization.user.policy == UserPolicy::DenyAll {
                    let text = format!("Service not found: {audience}");
                    return Err(Refused::AccessDenied(text));
                }
                Some(api)
            }
        };
        let (record, client_id) = (&client.record, &client.record.client.client_id);
        let entitlement = match &api {
            None => Default::default(),
            Some(api) => self.login.entitlement(client_id, &api.api, &user.user_id).await?,
        };
        let api_of = api.as_ref().map(|record| &record.api);
        let scope = login_scope::granted(
            Some(&approval.scope),
            &record.client,
            api_of,
            entitlement.restriction.as_ref(),
            NoScope::Nothing,
        );
        let demanded = consent::is_demanded(&record.client, api_of);
        if demanded {
            let audience = asked.audience.as_ref();
            let mut conn = self.store.read().await?;
            let given = consents::find(conn.db(), &user.user_id, client_id, audience).await?;
            if consent::must_ask(demanded, false, given.as_ref(), &scope) {
                return Err(REFUSED);
            }
        }
        let binding = self.binding(client, api_of)?;
        Ok(Login {
            client: record.clone(),
            user,
            api,
            permissions: entitlement.permissions,
            scope,
            organization_id: None,
            organization_name: None,
            session_id: None,
            grant: LoginGrant::DeviceCode,
            auth_time: approval.auth_time,
            amr: approval.amr.clone(),
            nonce: None,
            binding,
            customised: Customised::default(),
        })
    }
}

/// A device that sent a challenge is held to it at every poll, and one that sent none cannot come
/// with a verifier (RFC 7636 §4.6, RFC 9700 §2.1.1).
fn check_verifier(asked: &DeviceAuthorization, request: &DeviceCodeRequest) -> Result<(), Refused> {
    let verified = match (&asked.code_challenge, &request.code_verifier) {
        (Some(challenge), Some(verifier)) => verifier_matches(challenge, verifier),
        (None, None) => true,
        _ => false,
    };
    if verified { Ok(()) } else { Err(Refused::InvalidGrant(GrantFault::Verifier)) }
}
