//! Why the refresh token of an explanation would be refused itself, whatever is asked of it.

use crate::domain::{client::Client, family::Family};
use crate::policy::{
    lifetime::{self, Expired},
    reuse::{self, Presented},
};
use crate::store::{self, families};
use crate::token::{TokenService, standing::BadStanding};

/// Why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The client may not use the grant.
    NoGrant,
    /// The family was revoked, by this cause.
    Revoked(String),
    /// It is an old generation after the leeway.
    Rotated,
    /// A lifetime has ended.
    Expired(Expired),
    /// The user's state.
    Standing(BadStanding),
}

impl Refusal {
    /// The `error` that the application would see.
    pub(super) const fn error(&self) -> &'static str {
        match self {
            Self::NoGrant => "unauthorized_client",
            _ => "invalid_grant",
        }
    }

    /// In a word.
    pub(super) fn code(&self) -> String {
        match self {
            Self::NoGrant => "no_refresh_token_grant".to_owned(),
            Self::Revoked(cause) => format!("revoked_by_{cause}"),
            Self::Rotated => "rotated".to_owned(),
            Self::Expired(Expired::Absolute) => "absolute".to_owned(),
            Self::Expired(Expired::Idle) => "idle".to_owned(),
            Self::Standing(bad) => bad.as_str().to_owned(),
        }
    }

    /// The end of a sentence that begins "It is refused, because".
    pub(super) fn because(&self) -> &'static str {
        match self {
            Self::NoGrant => "the application does not have the grant refresh_token",
            Self::Revoked(cause) => revoked(cause),
            Self::Rotated => {
                "the refresh token is an old one whose leeway is over; presenting it would end the \
                 login"
            }
            Self::Expired(Expired::Absolute) => "the refresh token has reached its end",
            Self::Expired(Expired::Idle) => "the refresh token was not used for too long",
            Self::Standing(BadStanding::UnknownUser) => "the user does not exist any more",
            Self::Standing(BadStanding::UserBlocked) => "the user is blocked",
            Self::Standing(BadStanding::NotAMember) => {
                "the user has left the organization of the login"
            }
            Self::Standing(BadStanding::ConsentWithdrawn) => {
                "the user has withdrawn the consent that the application lives by"
            }
        }
    }
}

fn revoked(cause: &str) -> &'static str {
    match cause {
        "reuse" => "the login was ended when a spent refresh token was presented",
        "other_client" => {
            "the login was ended when another application presented its refresh token"
        }
        "code_replay" => "the login was ended when its authorization code was presented twice",
        "client" => "the application has revoked the refresh token",
        "logout" => "the refresh token was revoked when the user logged out",
        "user_blocked" => "the refresh token was revoked when the user was blocked",
        "password_change" => "the refresh token was revoked when the user changed the password",
        "limit" => "the user had more logins in the application than are allowed",
        "management" => "an administrator has revoked the refresh token",
        "consent_withdrawn" => "the refresh token was revoked with the consent of the user",
        "action" => "an Action has revoked the refresh token",
        _ => "the refresh token was revoked",
    }
}

impl TokenService {
    /// Why the token itself would be refused, in the order of the exchange.
    pub(super) async fn refusal(
        &self,
        client: &Client,
        family: &Family,
        presented: Option<u32>,
    ) -> Result<Option<Refusal>, store::Error> {
        let now = self.clock.now();
        if family.revoked_at.is_some() {
            let cause = families::revoked_by(self.store.read().await?.db(), &family.id).await?;
            return Ok(Some(Refusal::Revoked(cause.unwrap_or_default())));
        }
        let settings = client.refresh_token_settings();
        let leeway = settings.leeway.unwrap_or(self.settings.default_leeway);
        let generation = presented.unwrap_or(family.generation);
        let judged = reuse::judge(generation, family.generation, family.rotated_at, leeway, now);
        if judged == Presented::Reuse {
            return Ok(Some(Refusal::Rotated));
        }
        let expired = lifetime::expired(&settings, family.expires_at, family.into(), now);
        if let Some(expired) = expired {
            return Ok(Some(Refusal::Expired(expired)));
        }
        let Some(facts) = self.store.exchange_facts(&family.id).await? else {
            return Ok(Some(Refusal::Standing(BadStanding::UnknownUser)));
        };
        let bad = self.bad_standing(&facts, client.is_first_party).await?;
        Ok(bad.map(Refusal::Standing))
    }
}
