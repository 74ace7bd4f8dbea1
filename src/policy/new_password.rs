//! Which passwords people may choose (NIST SP 800-63B §3.1.1.2: length, no composition rules, none
//! that is easy to guess).

use zxcvbn::{Score, zxcvbn};

use crate::domain::secret::Password;

/// The fewest characters.
pub const SHORTEST: usize = 8;
/// The most bytes; what is longer cannot be hashed.
pub const LONGEST: usize = 1024;
/// Characters that are looked at for guessability: the time grows with the square, and whoever
/// types more has typed enough.
const LOOKED_AT: usize = 72;
/// More than a million guesses: with guessing online bounded, and hashes that take tens of
/// milliseconds and 19 MiB each, that is out of reach, and people are not driven to write it down.
const LEAST: Score = Score::Two;

/// Why a password may not be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Fewer characters than [`SHORTEST`].
    TooShort,
    /// More bytes than [`LONGEST`].
    TooLong,
    /// The address, the user name or the name of the user.
    Personal,
    /// Too easy to guess.
    Weak,
}

impl Problem {
    /// In a word, for the audit trail.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooShort => "password_too_short",
            Self::TooLong => "password_too_long",
            Self::Personal => "password_personal",
            Self::Weak => "password_weak",
        }
    }
}

/// Whether somebody may choose this password. `personal` is what is known about the person: the
/// address, the user name, names.
///
/// # Errors
/// Why not.
pub fn check(password: &Password, personal: &[&str]) -> Result<(), Problem> {
    let text = password.expose();
    if text.len() > LONGEST {
        return Err(Problem::TooLong);
    }
    if text.chars().count() < SHORTEST {
        return Err(Problem::TooShort);
    }
    let known: Vec<&str> = personal
        .iter()
        .flat_map(|text| [*text, text.split('@').next().unwrap_or(text)])
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .collect();
    let chosen = text.trim().to_lowercase();
    if known.iter().any(|text| text.to_lowercase() == chosen) {
        return Err(Problem::Personal);
    }
    let looked_at: String = text.chars().take(LOOKED_AT).collect();
    if zxcvbn(&looked_at, &known).score() < LEAST {
        return Err(Problem::Weak);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_enough_and_neither_common_nor_personal() {
        let personal = ["ada.lovelace@example.com", "countess", "Ada King"];
        let long = "x".repeat(LONGEST + 1);
        for (password, expected) in [
            ("correct horse battery staple", Ok(())),
            ("tr0ub4dor&3x", Ok(())),
            ("ねこ がすきな 木星人", Ok(())),
            ("", Err(Problem::TooShort)),
            ("k9$Qz!a", Err(Problem::TooShort)),
            ("ééééééé", Err(Problem::TooShort)),
            (long.as_str(), Err(Problem::TooLong)),
            ("ada.lovelace@example.com", Err(Problem::Personal)),
            (" ADA.Lovelace ", Err(Problem::Personal)),
            ("Countess", Err(Problem::Personal)),
            ("countess1", Err(Problem::Weak)),
            ("password", Err(Problem::Weak)),
            ("12345678", Err(Problem::Weak)),
            ("aaaaaaaaaaaa", Err(Problem::Weak)),
            ("qwertyuiop", Err(Problem::Weak)),
        ] {
            let got = check(&Password::new(password), &personal);
            assert_eq!(got, expected, "{password:.40}");
        }
    }
}
