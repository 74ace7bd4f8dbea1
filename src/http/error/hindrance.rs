//! What is said of attempts that are refused because there were too many (429, RFC 6585 §4).

use axum::http::{HeaderMap, HeaderValue, header};

use crate::domain::attack_protection::Hindrance;
use crate::http::pages::locales::Locale;

/// `error` and `error_description`: Auth0's, which its SDKs compare.
pub const fn wire(hindrance: &Hindrance) -> (&'static str, &'static str) {
    match hindrance {
        Hindrance::Account => (
            "too_many_attempts",
            "Your account has been blocked after multiple consecutive login attempts. We've sent \
             you a notification via your preferred contact method with instructions on how to \
             unblock it.",
        ),
        Hindrance::Address { .. } => (
            "too_many_attempts",
            "We have detected suspicious login behavior and further attempts will be blocked. \
             Please contact the administrator.",
        ),
        Hindrance::SameUser { .. } => {
            ("too_many_logins", "Too many logins of this user from this address. Try again later.")
        }
    }
}

/// The same for people.
pub fn text(hindrance: &Hindrance, t: Locale) -> &'static str {
    t.text(match hindrance {
        Hindrance::Account => "login.account_blocked",
        Hindrance::Address { .. } => "login.address_blocked",
        Hindrance::SameUser { .. } => "login.too_many_logins",
    })
}

/// When to try again (RFC 9110 §10.2.3).
pub fn set_retry_after(hindrance: &Hindrance, headers: &mut HeaderMap) {
    if let Some(seconds) = hindrance.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
}
