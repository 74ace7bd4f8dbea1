//! Which passwords people may choose: by the connection's own policy, in Auth0's levels, or, where it
//! has none, by what NIST SP 800-63B §3.1.1.2 advises: length, no composition rules, none that is
//! easy to guess.

use zxcvbn::{Score, zxcvbn};

use crate::domain::{
    connection::{Options, PasswordPolicy},
    secret::Password,
};

/// The fewest characters where the connection does not say.
pub const SHORTEST: usize = 8;
/// The most bytes; what is longer cannot be hashed.
pub const LONGEST: usize = 1024;
/// Characters that are looked at for guessability: the time grows with the square, and whoever
/// types more has typed enough.
const LOOKED_AT: usize = 72;
/// More than a million guesses: with guessing online bounded, and hashes that take tens of
/// milliseconds and 19 MiB each, that is out of reach, and people are not driven to write it down.
const LEAST: Score = Score::Two;
/// Guesses that find any of the commonest passwords.
const COMMON: u64 = 10_000;
/// Shorter parts of what is known about a person are in too many passwords by chance.
const TELLING: usize = 3;
/// Equal characters that may stand in a row where the policy counts them.
pub const IDENTICAL: usize = 2;

/// Why a password may not be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Fewer characters than [`shortest`].
    TooShort,
    /// More bytes than [`LONGEST`].
    TooLong,
    /// The address, the user name or the name of the user, or a part of it where the connection
    /// refuses those.
    Personal,
    /// Too easy to guess.
    Weak,
    /// Not of the kinds of characters that the connection demands, or too many equal ones in a row.
    Kinds,
    /// One of the commonest, or of the words that the connection refuses.
    Common,
}

impl Problem {
    /// In a word, for the audit trail.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooShort => "password_too_short",
            Self::TooLong => "password_too_long",
            Self::Personal => "password_personal",
            Self::Weak => "password_weak",
            Self::Kinds => "password_kinds",
            Self::Common => "password_common",
        }
    }
}

/// The four kinds of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CharacterKind {
    /// `a` to `z`.
    Lower,
    /// `A` to `Z`.
    Upper,
    /// `0` to `9`.
    Digit,
    /// Anything else.
    Special,
}

impl CharacterKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Lower, Self::Upper, Self::Digit, Self::Special];

    /// Whether `text` has one.
    pub fn is_in(self, text: &str) -> bool {
        text.chars().any(|c| match self {
            Self::Lower => c.is_lowercase(),
            Self::Upper => c.is_uppercase(),
            Self::Digit => c.is_ascii_digit(),
            Self::Special => !c.is_alphanumeric(),
        })
    }
}

/// Which kinds of characters a policy demands: how many of which.
pub fn kinds(policy: PasswordPolicy) -> Option<(usize, &'static [CharacterKind])> {
    match policy {
        PasswordPolicy::None | PasswordPolicy::Low => None,
        PasswordPolicy::Fair => {
            Some((3, &[CharacterKind::Lower, CharacterKind::Upper, CharacterKind::Digit]))
        }
        PasswordPolicy::Good | PasswordPolicy::Excellent => Some((3, &CharacterKind::ALL)),
    }
}

/// The fewest characters of a password.
pub fn shortest(options: &Options) -> usize {
    options.shortest_password().unwrap_or(match options.password_policy {
        Some(PasswordPolicy::None) => 1,
        Some(PasswordPolicy::Low) => 6,
        None | Some(PasswordPolicy::Fair | PasswordPolicy::Good) => SHORTEST,
        Some(PasswordPolicy::Excellent) => 10,
    })
}

/// Whether no more than [`IDENTICAL`] equal characters stand in a row.
pub fn is_varied(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    !characters.windows(IDENTICAL + 1).any(|row| row.iter().all(|c| *c == row[0]))
}

/// Whether somebody may choose this password in a connection with these options. `personal` is what
/// is known about the person: the address, the user name, names.
///
/// # Errors
/// Why not.
pub fn check(password: &Password, personal: &[&str], options: &Options) -> Result<(), Problem> {
    let text = password.expose();
    if text.len() > LONGEST {
        return Err(Problem::TooLong);
    }
    if text.chars().count() < shortest(options) {
        return Err(Problem::TooShort);
    }
    let known: Vec<&str> = personal
        .iter()
        .flat_map(|text| [*text, text.split('@').next().unwrap_or(text)])
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .collect();
    match options.password_policy {
        Some(policy) => check_policy(text, policy)?,
        None => check_guessability(text, &known)?,
    }
    if options.refuses_personal_passwords() {
        let chosen = text.to_lowercase();
        let parts = known.iter().flat_map(|text| text.split_whitespace());
        let mut telling = parts.filter(|part| part.chars().count() >= TELLING);
        if telling.any(|part| chosen.contains(&part.to_lowercase())) {
            return Err(Problem::Personal);
        }
    }
    match options.dictionary() {
        Some(words) if is_common(text, words) => Err(Problem::Common),
        _ => Ok(()),
    }
}

fn check_policy(text: &str, policy: PasswordPolicy) -> Result<(), Problem> {
    let enough = kinds(policy)
        .is_none_or(|(least, kinds)| kinds.iter().filter(|kind| kind.is_in(text)).count() >= least);
    let varied = policy != PasswordPolicy::Excellent || is_varied(text);
    if enough && varied { Ok(()) } else { Err(Problem::Kinds) }
}

fn check_guessability(text: &str, known: &[&str]) -> Result<(), Problem> {
    let chosen = text.trim().to_lowercase();
    if known.iter().any(|text| text.to_lowercase() == chosen) {
        return Err(Problem::Personal);
    }
    if zxcvbn(&looked_at(text), known).score() < LEAST { Err(Problem::Weak) } else { Ok(()) }
}

fn is_common(text: &str, words: &[String]) -> bool {
    let chosen = text.to_lowercase();
    words.iter().any(|word| word.to_lowercase() == chosen)
        || zxcvbn(&looked_at(text), &[]).guesses() <= COMMON
}

fn looked_at(text: &str) -> String {
    text.chars().take(LOOKED_AT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn options(value: Value) -> Options {
        serde_json::from_value(value).unwrap()
    }

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
            let got = check(&Password::new(password), &personal, &Options::default());
            assert_eq!(got, expected, "{password:.40}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn a_connection_may_have_auth0s_levels() {
        use Problem::{Kinds, TooShort};
        for (policy, password, expected) in [
            ("none", "", Err(TooShort)),
            ("none", "x", Ok(())),
            ("None", "x", Ok(())),
            ("low", "aaaaa", Err(TooShort)),
            ("low", "aaaaaa", Ok(())),
            ("fair", "aB3aB3a", Err(TooShort)),
            ("fair", "aaaaBBB3", Ok(())),
            ("fair", "aaaaBBB!", Err(Kinds)),
            ("fair", "aaaabbb3", Err(Kinds)),
            ("good", "aaaaBBB3", Ok(())),
            ("good", "aaaabb3!", Ok(())),
            ("good", "aaaabbb3", Err(Kinds)),
            ("good", "aB3!aB3", Err(TooShort)),
            ("excellent", "aB3!aB3!a", Err(TooShort)),
            ("excellent", "aB3!aB3!aB", Ok(())),
            ("excellent", "aaB3!aB3!!", Ok(())),
            ("excellent", "aaaB3!aB3!", Err(Kinds)),
        ] {
            let options = options(json!({ "passwordPolicy": policy }));
            assert_eq!(check(&Password::new(password), &[], &options), expected, "{policy} {password}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn a_connection_may_demand_more() {
        let personal = ["ada.lovelace@example.com", "Countess", "Ada King", "Al"];
        for (more, password, expected) in [
            (json!({ "passwordPolicy": "low", "password_complexity_options": { "min_length": 12 } }), "elevenchars", Err(Problem::TooShort)),
            (json!({ "passwordPolicy": "good", "password_complexity_options": { "min_length": 3 } }), "aB3", Ok(())),
            (json!({ "password_complexity_options": { "min_length": 3 } }), "abc", Err(Problem::Weak)),
            (json!({ "passwordPolicy": "low", "password_no_personal_info": { "enable": true } }), "xxCOUNTESSxx", Err(Problem::Personal)),
            (json!({ "passwordPolicy": "low", "password_no_personal_info": { "enable": true } }), "Viking99", Err(Problem::Personal)),
            (json!({ "passwordPolicy": "low", "password_no_personal_info": { "enable": true } }), "albatross", Ok(())),
            (json!({ "passwordPolicy": "low", "password_no_personal_info": { "enable": false } }), "xxCOUNTESSxx", Ok(())),
            (json!({ "passwordPolicy": "low", "password_dictionary": { "enable": true } }), "Password1", Err(Problem::Common)),
            (json!({ "passwordPolicy": "low", "password_dictionary": { "enable": true, "dictionary": ["Acme2Acme7#"] } }), "acme2acme7#", Err(Problem::Common)),
            (json!({ "passwordPolicy": "low", "password_dictionary": { "enable": true } }), "acme2acme7#", Ok(())),
            (json!({ "passwordPolicy": "low", "password_dictionary": { "enable": false, "dictionary": ["acme2acme7#"] } }), "acme2acme7#", Ok(())),
            (json!({ "passwordPolicy": null, "password_no_personal_info": null, "password_dictionary": null }), "password", Err(Problem::Weak)),
        ] {
            let got = check(&Password::new(password), &personal, &options(more.clone()));
            assert_eq!(got, expected, "{more} {password}");
        }
    }
}
