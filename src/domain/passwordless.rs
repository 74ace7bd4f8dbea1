//! One-time codes that are mailed to people instead of asking for a password.

/// The grant type, which also enables codes for an application.
pub const GRANT_TYPE: &str = "http://auth0.com/oauth/grant-type/passwordless/otp";

/// Lifetime of a code in seconds.
pub const LIFETIME: i64 = 300;

/// Digits in a code: a million codes. What keeps it from being guessed is the number of tries.
pub const CODE_LENGTH: usize = 6;

/// Tries that one code stands.
pub const TRIES: i64 = 5;

/// Wrong tries that an address stands in [`WRONG_WINDOW`], whatever the code: who asks for a new
/// code does not get new tries.
pub const WRONG: i64 = 10;

/// In seconds.
pub const WRONG_WINDOW: i64 = 3600;

/// Codes that are sent to an address in [`STARTS_WINDOW`].
pub const STARTS: i64 = 5;

/// In seconds.
pub const STARTS_WINDOW: i64 = 600;

/// An address as it is compared, mailed to and kept: nobody is mailed at one address and logged in
/// with another that merely looks the same after lower-casing.
pub fn normalised(address: &str) -> String {
    address.trim().to_lowercase()
}
