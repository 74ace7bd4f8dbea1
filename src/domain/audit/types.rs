//! The types of events: the codes of Auth0, what each means in words, and as what it is counted.

/// What happens is counted as one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Somebody logged in.
    Login,
    /// A session spared somebody a login.
    SilentLogin,
    /// A login failed, or was refused.
    FailedLogin,
    /// Somebody created an account.
    Signup,
    /// Somebody logged out.
    Logout,
    /// A code was exchanged.
    CodeExchange,
    /// A refresh token was exchanged.
    RefreshExchange,
    /// An application got a token for itself.
    ClientCredentials,
    /// Anything else was exchanged: a password, a device code, a one-time code.
    OtherExchange,
    /// An exchange was refused.
    RefusedExchange,
    /// A spent refresh token was presented again.
    Reuse,
    /// Refresh tokens were revoked on purpose.
    Revocation,
    /// A script of the operator failed.
    FailedAction,
    /// Something was written through the Management API.
    ManagementWrite,
    /// Something was to be written through the Management API, and was not.
    RefusedManagementWrite,
}

impl Kind {
    /// All of them, in the order in which they are told.
    pub const ALL: &[Self] = &[
        Self::Login,
        Self::SilentLogin,
        Self::FailedLogin,
        Self::Signup,
        Self::Logout,
        Self::CodeExchange,
        Self::RefreshExchange,
        Self::ClientCredentials,
        Self::OtherExchange,
        Self::RefusedExchange,
        Self::Reuse,
        Self::Revocation,
        Self::FailedAction,
        Self::ManagementWrite,
        Self::RefusedManagementWrite,
    ];

    /// Its name, as it is kept and told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "logins",
            Self::SilentLogin => "silent_logins",
            Self::FailedLogin => "failed_logins",
            Self::Signup => "signups",
            Self::Logout => "logouts",
            Self::CodeExchange => "code_exchanges",
            Self::RefreshExchange => "refresh_exchanges",
            Self::ClientCredentials => "client_credentials",
            Self::OtherExchange => "other_exchanges",
            Self::RefusedExchange => "refused_exchanges",
            Self::Reuse => "reuse_detected",
            Self::Revocation => "revocations",
            Self::FailedAction => "failed_actions",
            Self::ManagementWrite => "management_writes",
            Self::RefusedManagementWrite => "refused_management_writes",
        }
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

/// A type of events.
#[derive(Debug, Clone, Copy)]
pub struct EventType {
    /// Its code, e.g. `sertft`.
    pub code: &'static str,
    /// As what it is counted, if it is.
    pub kind: Option<Kind>,
    /// What happened, in a few words for people.
    pub title: &'static str,
    /// What happened, in the words of Auth0 where it has any.
    pub description: &'static str,
}

impl EventType {
    /// Whether something failed or was refused.
    pub fn is_failure(&self) -> bool {
        // Auth0's codes of failures begin so, and of nothing else.
        self.code.starts_with('f')
            || matches!(self.code, "actions_execution_failed" | "oidc_backchannel_logout_failed")
    }
}

const fn of(
    code: &'static str,
    kind: Option<Kind>,
    title: &'static str,
    description: &'static str,
) -> EventType {
    EventType { code, kind, title, description }
}

/// Every type there is.
#[rustfmt::skip]
pub const EVENT_TYPES: &[EventType] = &[
    of("s", Some(Kind::Login), "Logged in", "Successful login"),
    of("ssa", Some(Kind::SilentLogin), "Logged in silently: the session was still good", "Successful silent login"),
    of("f", Some(Kind::FailedLogin), "Login refused: the user is blocked, or a script said no", "Failed login: the user is blocked, or a script refused"),
    of("fp", Some(Kind::FailedLogin), "Login failed: wrong password", "Failed login: wrong password"),
    of("fu", Some(Kind::FailedLogin), "Login failed: there is no such user", "Failed login: unknown user"),
    of("limit_wc", Some(Kind::FailedLogin), "Account blocked after too many wrong passwords", "Blocked account: too many failed login attempts"),
    of("limit_mu", Some(Kind::FailedLogin), "Address throttled: too many failed logins or sign-ups", "Blocked IP address: too many failed login or signup attempts"),
    of("limit_sul", Some(Kind::FailedLogin), "One user logged in too often from one address", "Blocked user: too many logins from the same IP address"),
    of("ublkdu", None, "A blocked user opened the link that unblocks", "User block setup was released"),
    of("fsa", None, "Silent login refused", "Failed silent login"),
    of("slo", Some(Kind::Logout), "Logged out", "Successful logout"),
    of("ss", Some(Kind::Signup), "Signed up", "Successful signup"),
    of("fs", None, "Sign-up refused", "Failed signup"),
    of("seacft", Some(Kind::CodeExchange), "Exchanged a code for tokens", "Successful exchange of authorization code for access token"),
    of("feacft", Some(Kind::RefusedExchange), "Exchange of a code refused", "Failed exchange of authorization code for access token"),
    of("sertft", Some(Kind::RefreshExchange), "Exchanged a refresh token", "Successful exchange of refresh token for access token"),
    of("fertft", Some(Kind::RefusedExchange), "Exchange of a refresh token refused", "Failed exchange of refresh token for access token"),
    of("ferrt", Some(Kind::Reuse), "A spent refresh token was used again, so its login was ended", "Reuse of a rotated refresh token detected; its family is revoked"),
    of("srrt", Some(Kind::Revocation), "Refresh token revoked", "Refresh token revoked"),
    of("resource_cleanup", None, "Oldest refresh tokens revoked: the user had too many", "Refresh tokens beyond the limit were revoked"),
    of("seccft", Some(Kind::ClientCredentials), "An application got a token for itself", "Successful exchange of client credentials for access token"),
    of("feccft", Some(Kind::RefusedExchange), "Token for an application refused", "Failed exchange of client credentials for access token"),
    of("sepft", Some(Kind::OtherExchange), "Exchanged a password for tokens", "Successful exchange of password for access token"),
    of("fepft", Some(Kind::RefusedExchange), "Exchange of a password refused", "Failed exchange of password for access token"),
    of("sede", Some(Kind::OtherExchange), "Exchanged a device code for tokens", "Successful exchange of device code for access token"),
    of("fede", Some(Kind::RefusedExchange), "Exchange of a device code refused", "Failed exchange of device code for access token"),
    of("sepotpft", Some(Kind::OtherExchange), "Exchanged a one-time code for tokens", "Successful exchange of passwordless one-time code for access token"),
    of("fepotpft", Some(Kind::RefusedExchange), "Exchange of a one-time code refused", "Failed exchange of passwordless one-time code for access token"),
    of("fdeaz", None, "A device was refused a pair of codes", "Device authorization request failed"),
    of("sdeac", None, "Device let in", "Device activated"),
    of("fdeac", None, "A code typed for a device led nowhere", "Failed to activate device"),
    of("fdecc", None, "Device turned away", "User canceled the device confirmation"),
    of("cls", None, "One-time code sent", "Code/Link Sent"),
    of("api_limit", None, "No more one-time codes for one address", "Too many one-time codes for one address"),
    of("scpr", None, "Link to reset a password sent", "Successful change password request: a link was sent"),
    of("fcpr", None, "Link to reset a password not sent", "Failed change password request: no link was sent"),
    of("scp", None, "Password changed", "Successful change password"),
    of("fcp", None, "Password not changed", "Failed change password"),
    of("sv", None, "E-mail address verified", "Successful verification email: the address was confirmed"),
    of("fv", None, "E-mail address not verified: the link does not work", "Failed verification email: the link does not work"),
    of("actions_execution_failed", Some(Kind::FailedAction), "An Action or a rule failed", "Actions execution failed"),
    of("oidc_backchannel_logout_succeeded", None, "An application was told of a logout", "An application was told that a session ended"),
    of("oidc_backchannel_logout_failed", None, "An application could not be told of a logout", "An application could not be told that a session ended"),
    of("sapi", Some(Kind::ManagementWrite), "Changed through the Management API", "Success API Operation"),
    of("fapi", Some(Kind::RefusedManagementWrite), "Change through the Management API refused", "Failed API Operation"),
    of("w", None, "Warning", "Warning"),
];

/// The type with this code.
pub fn event_type(code: &str) -> Option<&'static EventType> {
    EVENT_TYPES.iter().find(|one| one.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes of all events, as the source of what can happen writes them.
    fn codes() -> Vec<&'static str> {
        let happened = include_str!("happened.rs");
        let management = include_str!("management.rs");
        let body = |text: &'static str, start: &str| {
            let from = text.find(start).map(|at| &text[at..]).unwrap();
            &from[..from.find("\n    }\n").unwrap()]
        };
        let functions = [
            body(happened, "fn succeeded"),
            body(happened, "fn failed"),
            body(happened, "fn code"),
            body(management, "fn code"),
        ];
        let texts = functions.iter().flat_map(|text| text.split('"').skip(1).step_by(2));
        texts.collect()
    }

    #[test]
    fn every_event_has_a_type_and_every_type_stands_once() {
        let codes = codes();
        assert!(codes.len() > 40, "{codes:?}");
        for code in &codes {
            assert!(event_type(code).is_some(), "{code} has no words");
        }
        for (i, one) in EVENT_TYPES.iter().enumerate() {
            assert!(codes.contains(&one.code), "{} never happens", one.code);
            assert!(!EVENT_TYPES[..i].iter().any(|other| other.code == one.code), "{one:?}");
            assert!(!EVENT_TYPES[..i].iter().any(|other| other.title == one.title), "{one:?}");
        }
    }

    #[test]
    fn kinds_are_kept_under_names_that_are_read_again() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(*kind));
            assert!(EVENT_TYPES.iter().any(|one| one.kind == Some(*kind)), "{kind:?}");
        }
        assert_eq!(Kind::parse("others"), None);
    }
}
