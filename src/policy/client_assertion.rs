//! What a client assertion must claim (RFC 7523 §3, OIDC Core §9).

use crate::domain::{ClientId, client_assertion::AssertionClaims, time::Timestamp};

/// The longest life of an assertion in seconds: the shorter, the sooner a stolen one is worthless
/// and the fewer must be remembered.
pub const MAX_LIFETIME: i64 = 300;

/// How far the client's clock may be ahead of ours, in seconds. It counts for `iat` and `nbf`
/// only: an expired assertion has expired.
pub const SKEW: i64 = 10;

/// The longest `jti` in characters.
const MAX_JTI: usize = 64;

/// What is wrong with an assertion, for the operator. The caller is never told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssertionFault {
    /// `iss` or `sub` is not the client.
    Subject,
    /// `aud` is missing, or names somebody else.
    Audience,
    /// `exp` is missing or over.
    Expired,
    /// It lives too long.
    Lifetime,
    /// `nbf` or `iat` is in the future.
    NotYet,
    /// `jti` is missing or too long.
    Jti,
}

impl AssertionFault {
    /// The word for the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Audience => "audience",
            Self::Expired => "expired",
            Self::Lifetime => "lifetime",
            Self::NotYet => "not_yet",
            Self::Jti => "jti",
        }
    }
}

/// An assertion that counts, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acceptable<'a> {
    /// Its unique name.
    pub jti: &'a str,
    /// Until then it must be remembered.
    pub expires_at: Timestamp,
}

/// Judges the claims of an assertion whose signature is good.
///
/// `audiences` are the names that this server answers to. An assertion that names anybody else
/// beside it is refused: whoever that is could present it here.
///
/// # Errors
/// What is wrong with it.
pub fn judge<'a>(
    claims: &'a AssertionClaims,
    client: &ClientId,
    audiences: &[&str],
    now: Timestamp,
) -> Result<Acceptable<'a>, AssertionFault> {
    if claims.sub.as_ref() != Some(client) || claims.iss.as_deref() != Some(client.as_str()) {
        return Err(AssertionFault::Subject);
    }
    let named = claims.aud.as_ref().map(|aud| aud.as_slice()).unwrap_or_default();
    if named.is_empty() || !named.iter().all(|name| audiences.contains(&name.as_str())) {
        return Err(AssertionFault::Audience);
    }
    let now = now.seconds();
    let (exp, nbf, iat) = (whole(claims.exp), whole(claims.nbf), whole(claims.iat));
    let exp = exp.filter(|exp| *exp > now).ok_or(AssertionFault::Expired)?;
    if nbf.into_iter().chain(iat).any(|begin| begin > now + SKEW) {
        return Err(AssertionFault::NotYet);
    }
    // Whoever leaves `iat` out has issued it now, at the latest.
    if exp - iat.unwrap_or(now) > MAX_LIFETIME || exp > now + MAX_LIFETIME + SKEW {
        return Err(AssertionFault::Lifetime);
    }
    let jti = claims.jti.as_deref().filter(|jti| (1..=MAX_JTI).contains(&jti.chars().count()));
    let expires_at = Timestamp::from_millis(0).plus_seconds(exp);
    Ok(Acceptable { jti: jti.ok_or(AssertionFault::Jti)?, expires_at })
}

/// A time in whole seconds. Bounded, so that no sum of it overflows.
fn whole(time: Option<f64>) -> Option<i64> {
    const FARTHEST: f64 = 1e12;
    time.map(|seconds| seconds.clamp(-FARTHEST, FARTHEST).floor() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: i64 = 1_700_000_000;

    #[test]
    #[rustfmt::skip]
    fn each_claim_is_judged() {
        use AssertionFault as F;
        let long = "x".repeat(64);
        let too_long = "x".repeat(65);
        let cases = [
            (json!({}), Ok(())),
            (json!({ "iss": "other" }), Err(F::Subject)),
            (json!({ "iss": null }), Err(F::Subject)),
            (json!({ "sub": "other" }), Err(F::Subject)),
            (json!({ "sub": null }), Err(F::Subject)),
            (json!({ "aud": ["https://id/", "https://id/oauth/token"] }), Ok(())),
            (json!({ "aud": "https://id" }), Err(F::Audience)),
            (json!({ "aud": "https://id/?" }), Err(F::Audience)),
            (json!({ "aud": [] }), Err(F::Audience)),
            (json!({ "aud": null }), Err(F::Audience)),
            (json!({ "aud": "https://other/" }), Err(F::Audience)),
            (json!({ "aud": ["https://id/", "https://other/"] }), Err(F::Audience)),
            (json!({ "exp": null }), Err(F::Expired)),
            (json!({ "exp": NOW }), Err(F::Expired)),
            (json!({ "exp": NOW + 1 }), Ok(())),
            (json!({ "exp": 1e300 }), Err(F::Lifetime)),
            (json!({ "exp": -1e300 }), Err(F::Expired)),
            (json!({ "exp": NOW + 300 }), Ok(())),
            (json!({ "exp": NOW + 301 }), Err(F::Lifetime)),
            (json!({ "exp": NOW + 310, "iat": NOW + 10 }), Ok(())),
            (json!({ "exp": NOW + 311, "iat": NOW + 10 }), Err(F::Lifetime)),
            (json!({ "exp": NOW + 1, "iat": NOW - 300 }), Err(F::Lifetime)),
            (json!({ "iat": null }), Ok(())),
            (json!({ "iat": null, "exp": NOW + 301 }), Err(F::Lifetime)),
            (json!({ "iat": NOW + 10 }), Ok(())),
            (json!({ "iat": NOW + 11 }), Err(F::NotYet)),
            (json!({ "nbf": NOW + 10 }), Ok(())),
            (json!({ "nbf": NOW + 11 }), Err(F::NotYet)),
            (json!({ "jti": null }), Err(F::Jti)),
            (json!({ "jti": "" }), Err(F::Jti)),
            (json!({ "jti": long }), Ok(())),
            (json!({ "jti": too_long }), Err(F::Jti)),
        ];
        for (change, expected) in cases {
            let mut claims = json!({
                "iss": "app", "sub": "app", "aud": "https://id/", "jti": "1",
                "iat": NOW, "exp": NOW + 120,
            });
            for (name, value) in change.as_object().into_iter().flatten() {
                claims[name] = Value::clone(value);
            }
            let claims: AssertionClaims = serde_json::from_value(claims).unwrap();
            let audiences = ["https://id/", "https://id/oauth/token", "https://id/oauth/par"];
            let now = Timestamp::from_millis(NOW * 1000);
            let judged = judge(&claims, &ClientId::new("app"), &audiences, now);
            assert_eq!(judged.map(|_| ()), expected, "{change}");
        }
    }
}
