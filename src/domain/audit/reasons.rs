//! The words under which events keep why something was refused, and what each means.

/// A reason, and a sentence for who runs the server.
pub type Reason = (&'static str, &'static str);

/// Every reason that does not come from a script.
#[rustfmt::skip]
pub const REASONS: &[Reason] = &[
    ("absolute", "The refresh token had reached the end of its lifetime."),
    ("idle", "The refresh token had not been used for too long."),
    ("audience_not_in_policies", "The application has no multi-resource policy for this API."),
    ("unknown_api", "There is no API with this identifier."),
    ("system_api", "No policy opens the Management API."),
    ("third_party_client", "Multi-resource refresh tokens are for applications of the operator."),
    ("consent_missing", "The API demands a consent that the user has not given."),
    ("consent_withdrawn", "The user has withdrawn the consent."),
    ("unknown_user", "There is no such user any more."),
    ("user_blocked", "The user is blocked."),
    ("not_a_member", "The user is not a member of the organization."),
    ("nothing_left_of_scope", "Scopes were asked for, and none of them could be given."),
    ("offline_access_dropped", "offline_access was asked for, and the API does not allow it: no refresh token was issued."),
    ("other_client", "It was presented by another application than it was issued to: it may have been stolen."),
    ("store_behind", "The token is newer than the database: it was restored from a backup."),
    ("code_replay", "The code was presented a second time, so the login it began was ended."),
    ("assertion_replayed", "The client assertion had been used before."),
    ("login_ended", "The code is unknown, spent, or has expired."),
    ("code_verifier", "The code_verifier does not match the code_challenge (PKCE)."),
    ("redirect_uri", "The redirect_uri is not that of the authorize request."),
    ("dpop_key", "The proof was made with another key than the one the token is bound to (DPoP)."),
    ("invalid_dpop_proof", "The proof of possession was missing or wrong (DPoP)."),
    ("refresh_token", "The refresh token is unknown, revoked, or of another application."),
    ("wrong_credentials", "The password or the code was wrong."),
    ("code_expired", "The device code had expired."),
    ("declined", "The user turned the device away."),
    ("invalid_request", "The request was not well-formed."),
    ("grant_not_allowed", "The application may not use this grant."),
    ("invalid_target", "The API asked for is unknown, or not open to this application."),
    ("access_denied", "Access was denied."),
    ("client", "The application revoked it."),
    ("management", "It was revoked through the Management API."),
    ("reuse", "A spent token had been presented again."),
    ("limit", "The user had too many of this application."),
    ("logout", "The user logged out."),
    ("password_change", "The user changed the password."),
    ("taken", "There is an account with this name or address already."),
    ("ticket", "The link does not work: it is unknown, spent, or has expired."),
    ("action", "An Action refused it."),
    ("script_error", "The script threw an error."),
    ("syntax_error", "The script could not be compiled."),
    ("timeout", "It took too long."),
    ("out_of_memory", "The script used too much memory."),
    ("too_much_output", "The script answered too much."),
    ("worker_lost", "The process that ran the script ended."),
    ("redirect", "The application's address answered with a redirect."),
    ("refused", "The application's address refused it."),
    ("server_error", "The application's address failed."),
    ("url", "The application's address cannot be used."),
    ("private_address", "The application's address leads into a private network."),
    ("answer_too_long", "The application's address answered too much."),
    ("connection", "The application's address cannot be reached."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_stands_once_and_is_a_sentence() {
        for (i, (reason, meaning)) in REASONS.iter().enumerate() {
            assert!(!REASONS[..i].iter().any(|(other, _)| other == reason), "{reason}");
            assert!(meaning.ends_with('.'), "{reason}");
        }
    }
}
