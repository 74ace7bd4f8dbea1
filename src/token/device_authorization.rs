//! The device authorization endpoint (RFC 8628 §3.1–2): a pair of codes for a device that has no
//! browser.
//!
//! 1. Decide: the client's grant, its organization, the challenge and the API.
//! 2. Write: one row, with a hash of one code and a MAC of the other.

use crate::crypto::digest;
use crate::domain::{
    audience::Audience,
    audit::Happened,
    device::{Answer, DeviceAuthorization, GRANT_TYPE, LIFETIME},
    scope::ScopeSet,
    secret::{DeviceCode, UserCode},
};
use crate::policy::device;
use crate::store::{self, device_codes};
use crate::token::{Refused, TokenService, client_authentication::AuthenticatedClient};

/// A request of a device.
#[derive(Debug)]
pub struct DeviceRequest {
    /// `scope`
    pub scope: Option<ScopeSet>,
    /// `audience` or `resource`
    pub audience: Option<Audience>,
    /// `code_challenge`
    pub code_challenge: Option<String>,
    /// `code_challenge_method`
    pub code_challenge_method: Option<String>,
}

/// The codes of a device.
#[derive(Debug)]
pub struct DeviceCodes {
    /// For the device alone.
    pub device_code: DeviceCode,
    /// For the person to type.
    pub user_code: UserCode,
    /// The same as the device shows it.
    pub shown: String,
}

/// How often another user code is drawn when the one drawn is taken.
const ATTEMPTS: usize = 4;

impl TokenService {
    /// Gives a device its codes.
    ///
    /// # Errors
    /// Why not.
    pub async fn authorize_device(
        &self,
        client: &AuthenticatedClient,
        request: &DeviceRequest,
    ) -> Result<DeviceCodes, Refused> {
        let asked = match self.device_may_ask(client, request).await {
            Ok(asked) => asked,
            Err(refused) => {
                if let Some((reason, description)) = super::audit::reason(&refused) {
                    let happened = Happened::DeviceRefused { reason, description };
                    self.login.note(&happened, Some(&client.record.client.client_id), None);
                }
                return Err(refused);
            }
        };
        // 256 random bits: nobody guesses it, so a plain hash is enough.
        let device_code = DeviceCode::new(self.entropy.url_safe(43));
        let hash = digest::device_code_hash(&device_code);
        let format = self.store.tenant().await?.user_codes();
        for _ in 0..ATTEMPTS {
            let user_code = if format.is_of_digits {
                self.entropy.digits(format.length())
            } else {
                self.entropy.consonants(format.length())
            };
            let user_code = UserCode::new(user_code);
            let mac = self.login.short_codes.user_code(&user_code);
            let mut tx = self.store.write().await?;
            match device_codes::insert(&mut tx, &hash, &mac, &asked, self.clock.now()).await {
                Ok(()) => {
                    tx.commit().await?;
                    let shown = format.show(&user_code);
                    return Ok(DeviceCodes { device_code, user_code, shown });
                }
                Err(store::Error::Duplicate) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(store::Error::Duplicate.into())
    }

    /// Step 1.
    async fn device_may_ask(
        &self,
        client: &AuthenticatedClient,
        request: &DeviceRequest,
    ) -> Result<DeviceAuthorization, Refused> {
        client.must_allow(GRANT_TYPE)?;
        let invalid = |text: &str| Refused::InvalidRequest(text.to_owned());
        let record = &client.record.client;
        if record.requires_organization() {
            return Err(invalid("parameter organization is required for this client"));
        }
        let (challenge, method) = (&request.code_challenge, &request.code_challenge_method);
        let code_challenge =
            device::challenge(challenge.as_deref(), method.as_deref()).map_err(invalid)?;
        let api = self.api_of_login(request.audience.as_ref()).await?;
        Ok(DeviceAuthorization {
            client_id: record.client_id.clone(),
            audience: api.map(|record| record.api.identifier.clone()),
            scope: request.scope.clone().unwrap_or_default(),
            code_challenge,
            answer: Answer::Pending,
            polled_at: None,
            consumed_at: None,
            expires_at: self.clock.now().plus_seconds(LIFETIME),
        })
    }
}
