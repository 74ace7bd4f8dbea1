//! Device authorizations (RFC 8628): a device shows a code, and a person types it elsewhere.

use crate::domain::{
    ClientId, UserId, audience::Audience, scope::ScopeSet, secret::UserCode, time::Timestamp,
};

/// The grant type (RFC 8628 §3.4).
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Lifetime of both codes in seconds.
pub const LIFETIME: i64 = 900;

/// Seconds that a device waits between two polls.
pub const INTERVAL: i64 = 5;

/// How the user codes of a tenant look. Codes that were issued before it changed are good until
/// they expire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCodeFormat {
    /// Digits instead of consonants.
    pub is_of_digits: bool,
    mask: String,
}

/// Why a mask cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadMask {
    /// It holds something else than `*`, `-` and spaces.
    #[error("A mask consists of *, - and spaces")]
    Characters,
    /// The code would be guessed too easily.
    #[error("A mask needs 8 characters * at least, or 9 where codes are digits")]
    TooShort,
}

impl Default for UserCodeFormat {
    fn default() -> Self {
        Self { is_of_digits: false, mask: "****-****".to_owned() }
    }
}

impl UserCodeFormat {
    /// The fewest characters of a code, of digits or not: 30 and 34 bits, of which a user may guess
    /// ten at a time (RFC 8628 §5.1).
    pub const fn shortest(is_of_digits: bool) -> usize {
        if is_of_digits { 9 } else { 8 }
    }

    /// A format. Without a mask, the usual one.
    ///
    /// # Errors
    /// [`BadMask`].
    pub fn new(is_of_digits: bool, mask: Option<&str>) -> Result<Self, BadMask> {
        let usual = if is_of_digits { "***-***-***" } else { "****-****" };
        let mask = mask.filter(|mask| !mask.is_empty()).unwrap_or(usual);
        if !mask.chars().all(|c| matches!(c, '*' | '-' | ' ')) {
            return Err(BadMask::Characters);
        }
        let format = Self { is_of_digits, mask: mask.to_owned() };
        if format.length() < Self::shortest(is_of_digits) {
            return Err(BadMask::TooShort);
        }
        Ok(format)
    }

    /// Characters of a code.
    pub fn length(&self) -> usize {
        self.mask.chars().filter(|c| *c == '*').count()
    }

    /// A code as people read it; one of another length as it is.
    pub fn show(&self, code: &UserCode) -> String {
        let code = code.expose();
        if code.chars().count() != self.length() {
            return code.to_owned();
        }
        let mut letters = code.chars();
        self.mask.chars().map(|c| if c == '*' { letters.next().unwrap_or(c) } else { c }).collect()
    }

    /// What a code looks like, for the field that one is typed into.
    pub fn example(&self) -> String {
        self.mask.replace('*', if self.is_of_digits { "0" } else { "X" })
    }
}

/// What a device asked for, and what a user answered.
#[derive(Debug, Clone)]
pub struct DeviceAuthorization {
    /// The application on the device.
    pub client_id: ClientId,
    /// The API asked for, if any.
    pub audience: Option<Audience>,
    /// The scopes asked for, not yet what is granted.
    pub scope: ScopeSet,
    /// S256 challenge (RFC 7636 §4.3), if the device sent one.
    pub code_challenge: Option<String>,
    /// What the user said.
    pub answer: Answer,
    /// The last poll that was not too early.
    pub polled_at: Option<Timestamp>,
    /// When tokens were issued for it, if they were.
    pub consumed_at: Option<Timestamp>,
    /// End of both codes.
    pub expires_at: Timestamp,
}

/// What the user said to a device.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Nothing yet.
    Pending,
    /// No.
    Declined,
    /// Yes.
    Approved(Approval),
}

/// A user's yes.
#[derive(Debug, Clone)]
pub struct Approval {
    /// Who.
    pub user_id: UserId,
    /// The scopes the user was shown.
    pub scope: ScopeSet,
    /// When the user last gave a credential.
    pub auth_time: Timestamp,
    /// How (RFC 8176).
    pub amr: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_shown_through_the_mask() {
        let show = |format: &UserCodeFormat, code: &str| format.show(&UserCode::new(code));
        let usual = UserCodeFormat::default();
        assert_eq!(show(&usual, "BCDFGHJK"), "BCDF-GHJK");
        assert_eq!(show(&usual, "123456789"), "123456789", "of another format");
        assert_eq!(usual.example(), "XXXX-XXXX");
        let digits = UserCodeFormat::new(true, None).unwrap();
        assert_eq!(show(&digits, "123456789"), "123-456-789");
        assert_eq!(digits.example(), "000-000-000");
        let spaced = UserCodeFormat::new(false, Some("**** ****-**")).unwrap();
        assert_eq!((spaced.length(), show(&spaced, "BCDFGHJKLM")), (10, "BCDF GHJK-LM".into()));
    }

    #[test]
    fn a_mask_that_makes_codes_easy_to_guess_is_refused() {
        for (digits, mask, problem) in [
            (false, "****-***", BadMask::TooShort),
            (true, "****-****", BadMask::TooShort),
            (false, "----------", BadMask::TooShort),
            (false, "****-****x", BadMask::Characters),
        ] {
            assert_eq!(UserCodeFormat::new(digits, Some(mask)), Err(problem), "{mask}");
        }
    }
}
