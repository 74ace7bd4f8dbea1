//! What may be asked of the device authorization endpoint, and typed on its page (RFC 8628).

use crate::domain::{device::UserCodeFormat, secret::UserCode};

/// The letters of user codes (§6.1).
const LETTERS: &str = "BCDFGHJKLMNPQRSTVWXZ";
/// Those of the other kind.
const DIGITS: &str = "0123456789";
/// The most characters of a code: a mask has no more.
const MOST_LETTERS: usize = 20;

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
    // Of either kind: the format may have changed since the code was issued.
    let is_of = |is_of_digits: bool, alphabet: &str| {
        letters.chars().count() >= UserCodeFormat::shortest(is_of_digits)
            && letters.chars().all(|c| alphabet.contains(c))
    };
    let is_code = letters.len() <= MOST_LETTERS && (is_of(false, LETTERS) || is_of(true, DIGITS));
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
            assert_eq!(read.expose(), "BCDFGHJK");
        }
        let long = format!("{}BCDFGHJK", "-".repeat(100));
        for typed in ["123-456-789", "1234 5678 9012"] {
            assert!(user_code(typed).is_some(), "{typed}");
        }
        let many = "B".repeat(21);
        for typed in [
            "",
            "BCDF",
            "12345678",
            &many,
            "1BCDFGHJK",
            "ACDFGHJK",
            "BCDFGHJ0",
            "BCDFGHJ\u{e9}",
            &long,
        ] {
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
