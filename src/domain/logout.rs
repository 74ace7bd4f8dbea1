//! The end of a browser session, and what applications are told of it (OIDC Back-Channel Logout
//! 1.0).

use serde::Deserialize;

use crate::domain::{ClientId, SessionId, UserId, time::Timestamp};

/// What ended a session: Auth0's `selected_initiators`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Initiator {
    /// The user logged out, at an application or here.
    RpLogout,
    /// An operator ended the session, or another user logged in with the same browser.
    SessionRevoked,
    /// The password was changed.
    PasswordChanged,
    /// The user was deleted.
    AccountDeleted,
    /// The user was blocked.
    AccountDeactivated,
}

impl Initiator {
    /// Its name in a client's settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RpLogout => "rp-logout",
            Self::SessionRevoked => "session-revoked",
            Self::PasswordChanged => "password-changed",
            Self::AccountDeleted => "account-deleted",
            Self::AccountDeactivated => "account-deactivated",
        }
    }
}

/// Which ends of sessions an application is told of (`backchannel_logout_initiators`).
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Initiators {
    /// Whether it is told of all of them.
    #[serde(default)]
    pub mode: Option<InitiatorMode>,
    /// Those it is told of otherwise.
    #[serde(default)]
    pub selected_initiators: Vec<String>,
}

/// `backchannel_logout_initiators.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InitiatorMode {
    /// The selected ones.
    Custom,
    /// All.
    All,
}

/// Back-channel logout of an application (`oidc_logout`).
#[derive(Debug, Clone, Default, Deserialize)]
pub struct BackchannelLogout {
    /// Where logout tokens are sent.
    #[serde(default)]
    pub backchannel_logout_urls: Vec<String>,
    /// Which ends of sessions it is told of.
    #[serde(default)]
    pub backchannel_logout_initiators: Option<Initiators>,
}

impl BackchannelLogout {
    /// The most URLs of one application.
    pub const MOST_URLS: usize = 5;

    /// Whether the application is told of sessions that `initiator` ends. A logout by the user
    /// always counts: it is what the setting is for.
    pub fn listens_to(&self, initiator: Initiator) -> bool {
        let Some(initiators) = &self.backchannel_logout_initiators else {
            return initiator == Initiator::RpLogout;
        };
        initiator == Initiator::RpLogout
            || initiators.mode == Some(InitiatorMode::All)
            || initiators.selected_initiators.iter().any(|name| name == initiator.as_str())
    }

    /// Where a logout token goes that tells of `initiator`.
    pub fn urls_for(&self, initiator: Initiator) -> impl Iterator<Item = &str> {
        let urls = self.backchannel_logout_urls.iter().filter(move |_| self.listens_to(initiator));
        urls.map(String::as_str).filter(|url| !url.is_empty()).take(Self::MOST_URLS)
    }
}

/// A logout token that is still to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Names the row.
    pub id: String,
    /// Who is told.
    pub client_id: ClientId,
    /// Whose session ended.
    pub user_id: UserId,
    /// The session that ended.
    pub session_id: SessionId,
    /// Where to.
    pub url: String,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried next.
    pub next_attempt_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applications_hear_of_what_they_selected_and_always_of_a_logout() {
        use Initiator::*;
        let all = [RpLogout, SessionRevoked, PasswordChanged, AccountDeleted, AccountDeactivated];
        let url = "https://app.example/logout";
        for (initiators, heard) in [
            (serde_json::json!(null), vec![RpLogout]),
            (serde_json::json!({}), vec![RpLogout]),
            (serde_json::json!({ "mode": "all" }), all.to_vec()),
            (
                serde_json::json!({
                    "mode": "custom", "selected_initiators": ["password-changed", "unheard-of"]
                }),
                vec![RpLogout, PasswordChanged],
            ),
        ] {
            let settings: BackchannelLogout = serde_json::from_value(serde_json::json!({
                "backchannel_logout_urls": [url, ""], "backchannel_logout_initiators": initiators,
            }))
            .unwrap();
            for initiator in all {
                let urls: Vec<_> = settings.urls_for(initiator).collect();
                let expected = if heard.contains(&initiator) { vec![url] } else { vec![] };
                assert_eq!(urls, expected, "{initiators} {initiator:?}");
            }
        }
        assert_eq!(BackchannelLogout::default().urls_for(RpLogout).count(), 0);
    }
}
