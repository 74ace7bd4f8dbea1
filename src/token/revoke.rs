//! Token revocation (RFC 7009). Revoking any token of a family revokes the family; where the operator
//! says so (`flags.revoke_refresh_token_grant`), also what its user allowed the application.

use crate::domain::{audit::Happened, family::RevokedBy, secret::RefreshToken};
use crate::store::{
    consents,
    families::{self, Issued},
};
use crate::token::{GrantFault, Refused, TokenService, client_authentication::AuthenticatedClient};

/// What became of a token to be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// It is dead now, or was never alive. Both are success (§2.2).
    Done,
    /// Access tokens are self-contained; they end by themselves (§2.2.1).
    UnsupportedTokenType,
}

impl TokenService {
    /// Revokes a refresh token. The answer is a success only once the write is durable.
    ///
    /// # Errors
    /// [`Refused::InvalidGrant`] for another client's token, or failures of ours.
    pub async fn revoke(
        &self,
        client: &AuthenticatedClient,
        token: &RefreshToken,
    ) -> Result<Revocation, Refused> {
        let Some(presented) = self.refresh_tokens.parse(token) else {
            let is_jwt = jsonwebtoken::decode_header(token.expose()).is_ok();
            return Ok(if is_jwt { Revocation::UnsupportedTokenType } else { Revocation::Done });
        };
        let found = families::find(self.store.read().await?.db(), &presented.family()).await?;
        let Some(family) = found.filter(|f| self.refresh_tokens.verify(&presented, &f.salt)) else {
            return Ok(Revocation::Done);
        };
        if family.client_id != client.record.client.client_id {
            return Err(Refused::InvalidGrant(GrantFault::RefreshToken));
        }
        let takes_grant_back = self.store.tenant().await?.flags.revoke_refresh_token_grant;
        let (by, id) = (RevokedBy::Client, &family.id);
        let mut tx = self.store.write().await?;
        let revoked = families::revoke(&mut tx, id, by, self.clock.now()).await?;
        let mut revoked = u64::from(revoked);
        if takes_grant_back {
            let (user, client) = (&family.user_id, &family.client_id);
            let audience = family.audience.as_ref();
            consents::delete(&mut tx, user, client, audience).await?;
            let issued = Issued::For(audience);
            let now = self.clock.now();
            revoked += families::revoke_of_client(&mut tx, user, client, issued, by, now).await?;
        }
        let happened = Happened::RefreshTokensRevoked { family: Some(id), revoked, by };
        let (client, user) = (Some(&family.client_id), Some(&family.user_id));
        self.login.commit_revocation(tx, &happened, client, user).await?;
        Ok(Revocation::Done)
    }
}
