//! What may be asked of the device authorization endpoint, and typed on its page (RFC 8628).

use crate::domain::{device::USER_CODE_LENGTH, secret::UserCode};

/// The letters of user codes (§6.1).
const LETTERS: &str = "BCDFGHJKLMNPQRSTVWXZ";

/// The code that a person typed, in whatever case and with whatever dashes and spaces. `None` when
/// it cannot be one.
pub fn user_code(typed: &str) -> Option<UserCode> {
    /// Nobody types more; what is longer is not looked at.
    const LONGEST: usize = 64;
    if typed.len() > LONGEST {
        return None;
    }
    let letters: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}' | '_' | '.'))
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let is_code =
        letters.chars().count() == USER_CODE_LENGTH && letters.chars().all(|c| LETTERS.contains(c));
    is_code.then(|| UserCode::new(letters))
}

/// Checks the PKCE parameters of a device request (RFC 7636 §4.3). They are optional here: the
/// device code itself never travels through a browser. Returns the challenge.
///
/// # Errors
/// What is wrong with them.
pub fn challenge(
    challenge: Option<&str>,
    method: Option<&str>,
) -> Result<Option<String>, &'static str> {
    let url_safe = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match (challenge, method) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err("Missing required parameter: code_challenge"),
        (Some(challenge), Some("S256")) => {
            // The base64url form of a SHA-256 digest.
            if challenge.len() == 43 && challenge.chars().all(url_safe) {
                Ok(Some(challenge.to_owned()))
            } else {
                Err("Parameter 'code_challenge' is not an S256 challenge")
            }
        }
        // `plain` protects against nothing that can read the request.
        (Some(_), _) => Err("Parameter 'code_challenge_method' must be S256"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        for typed in ["BCDF-GHJK", "bcdfghjk", " bcdf ghjk ", "BcDf\u{2013}gHjK", "b-c-d-f-g-h-j-k"]
        {
            let read = user_code(typed).unwrap_or_else(|| panic!("{typed}"));
            assert_eq!(read.shown(), "BCDF-GHJK");
        }
        let long = format!("{}BCDFGHJK", "-".repeat(100));
        for typed in ["", "BCDF", "BCDFGHJKL", "ACDFGHJK", "BCDFGHJ0", "BCDFGHJ\u{e9}", &long] {
            assert!(user_code(typed).is_none(), "{typed}");
        }
    }

    #[test]
    fn a_challenge_is_s256_or_absent() {
        let good = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert_eq!(challenge(None, None), Ok(None));
        assert_eq!(challenge(Some(good), Some("S256")), Ok(Some(good.to_owned())));
        for (sent, method) in [
            (None, Some("S256")),
            (Some(good), None),
            (Some(good), Some("plain")),
            (Some("short"), Some("S256")),
        ] {
            assert!(challenge(sent, method).is_err(), "{sent:?} {method:?}");
        }
    }
}
