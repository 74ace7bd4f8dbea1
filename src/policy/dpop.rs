//! Demonstrating proof of possession (RFC 9449): whether the claims of a proof fit the request, and
//! whether a token is bound to the key of the proof.

use crate::domain::{
    client::Client,
    dpop::ProofClaims,
    resource_server::{Mechanism, RequiredFor, ResourceServer},
    settings::UnconfiguredApi,
    time::Timestamp,
};
use crate::policy::client_auth::may_be_public;

/// How far the clock of a client that sends no nonce may differ from ours, in seconds.
///
/// A proof with a nonce is dated by the nonce instead (§4.3, step 11): clocks of phones and laptops
/// are wrong by more than any window that would still be worth something.
pub const WINDOW: i64 = 60;

/// The longest `jti` in bytes.
const MAX_JTI: usize = 256;

/// The longest `htu` in bytes.
const MAX_HTU: usize = 2048;

/// The nonce in a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentNonce {
    /// None.
    Absent,
    /// Not ours, or too old.
    Stale,
    /// Ours, and good until this time.
    GoodUntil(Timestamp),
}

/// The request that a proof came with.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its address as this server calls itself, never as the `Host` header does: an attacker who
    /// runs another server writes that one.
    pub url: &'a str,
    /// When it came.
    pub now: Timestamp,
    /// The SHA-256 of the access token beside the proof, base64url, if there is one.
    pub access_token_hash: Option<&'a str>,
    /// The nonce in the proof.
    pub nonce: SentNonce,
    /// Whether there must be one.
    pub nonce_required: bool,
}

/// Why a proof is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofFault {
    /// It is no proof for this request.
    Invalid(&'static str),
    /// It is one, but has no nonce, or one that is not good (§8).
    UseNonce,
}

/// Decides whether a proof is one for this request (§4.3, steps 8 to 12). Returns until when it
/// would be accepted: so long it must be remembered.
///
/// # Errors
/// Why not. The nonce is judged last, so that who is told to use one has made no other mistake.
pub fn check(claims: &ProofClaims, expected: &Expected<'_>) -> Result<Timestamp, ProofFault> {
    let invalid = |why| Err(ProofFault::Invalid(why));
    if claims.jti.is_empty() || claims.jti.len() > MAX_JTI {
        return invalid("DPoP proof has a jti that is empty or too long");
    }
    if claims.htm != expected.method {
        return invalid("DPoP proof is for another method: htm mismatch");
    }
    if claims.htu.len() > MAX_HTU || !same_address(&claims.htu, expected.url) {
        return invalid("DPoP proof is for another address: htu mismatch");
    }
    if expected.access_token_hash.is_some() && claims.ath.as_deref() != expected.access_token_hash {
        return invalid("DPoP proof is for another access token: ath mismatch");
    }
    match expected.nonce {
        SentNonce::GoodUntil(end) => Ok(end),
        SentNonce::Stale => Err(ProofFault::UseNonce),
        SentNonce::Absent if expected.nonce_required => Err(ProofFault::UseNonce),
        SentNonce::Absent => {
            let made = Timestamp::from_millis(claims.iat.saturating_mul(1000));
            let age = expected.now.millis_since(made);
            if !(-WINDOW * 1000..=WINDOW * 1000).contains(&age) {
                return invalid("DPoP proof is too old or from the future: iat");
            }
            Ok(made.plus_seconds(WINDOW + 1))
        }
    }
}

/// §4.3, step 9: query and fragment do not count, and neither does spelling (RFC 3986 §6.2).
fn same_address(htu: &str, url: &str) -> bool {
    let plain = |text: &str| {
        let mut url = url::Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        (url.username().is_empty() && url.password().is_none()).then_some(url)
    };
    plain(htu).is_some_and(|htu| plain(url) == Some(htu))
}

/// What becomes of a proof when a client asks for a token for an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// There must be one, and the token is bound to its key.
    Required,
    /// If there is one, the token is bound to its key.
    Optional,
    /// The token is never bound: the API could not tell.
    Ignored,
    /// The client wants bound tokens only, and the API none.
    Impossible,
}

impl Demand {
    /// As an operator reads it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Optional => "optional",
            Self::Ignored => "ignored",
            Self::Impossible => "impossible",
        }
    }
}

/// Why a client gets no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unbound {
    /// There is no proof.
    ProofMissing,
    /// A proof would not help.
    Impossible,
}

/// What a client and an API together demand. `api` is the one that the token is for, `None` for
/// `/userinfo`, which takes both kinds of token.
pub fn demand(
    client: &Client,
    api: Option<&ResourceServer>,
    unconfigured: UnconfiguredApi,
) -> Demand {
    let by_client =
        if client.require_proof_of_possession { Demand::Required } else { Demand::Optional };
    let Some(api) = api else { return by_client };
    match &api.proof_of_possession {
        Some(settings) if settings.mechanism == Mechanism::Dpop => {
            let concerns_client = match settings.required_for {
                RequiredFor::AllClients => true,
                RequiredFor::PublicClients => may_be_public(client),
            };
            if settings.required && concerns_client { Demand::Required } else { by_client }
        }
        _ => match unconfigured {
            UnconfiguredApi::Bind => by_client,
            UnconfiguredApi::Bearer if client.require_proof_of_possession => Demand::Impossible,
            UnconfiguredApi::Bearer => Demand::Ignored,
        },
    }
}

/// Whether the token is bound, given that the request has a proof or not.
///
/// # Errors
/// Why there is no token at all.
pub fn is_bound(demand: Demand, has_proof: bool) -> Result<bool, Unbound> {
    match (demand, has_proof) {
        (Demand::Required, false) => Err(Unbound::ProofMissing),
        (Demand::Required | Demand::Optional, true) => Ok(true),
        (Demand::Optional, false) | (Demand::Ignored, _) => Ok(false),
        (Demand::Impossible, _) => Err(Unbound::Impossible),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
    const URL: &str = "https://id.example/oauth/token";

    fn run(changes: Value, expect: impl FnOnce(&mut Expected<'_>)) -> Result<i64, ProofFault> {
        let mut claims = json!({ "jti": "a", "htm": "POST", "htu": URL, "iat": 1_800_000_000 });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let claims: ProofClaims = serde_json::from_value(claims).unwrap();
        let mut expected = Expected {
            method: "POST",
            url: URL,
            now: NOW,
            access_token_hash: None,
            nonce: SentNonce::Absent,
            nonce_required: false,
        };
        expect(&mut expected);
        check(&claims, &expected).map(|end| end.seconds() - NOW.seconds())
    }
    fn is_invalid(changes: Value) -> bool {
        matches!(run(changes, |_| {}), Err(ProofFault::Invalid(_)))
    }

    #[test]
    fn the_claims_must_fit_the_request() {
        assert_eq!(run(json!({}), |_| {}), Ok(61));
        for same in [
            "https://id.example/oauth/token?x=1#y",
            "HTTPS://ID.example:443/oauth/token",
            "https://id.example/oauth/./token",
        ] {
            assert!(run(json!({ "htu": same }), |_| {}).is_ok(), "{same}");
        }
        for other in [
            "",
            "/oauth/token",
            "http://id.example/oauth/token",
            "https://id.example/oauth/token/",
            "https://id.example:8443/oauth/token",
            "https://evil.example/oauth/token",
            "https://id.example/userinfo",
            "https://id.example@evil.example/oauth/token",
            "https://x:y@id.example/oauth/token",
            "https://id.example/oauth/TOKEN",
        ] {
            assert!(is_invalid(json!({ "htu": other })), "{other}");
        }
        assert!(is_invalid(json!({ "htu": format!("{URL}?{}", "x".repeat(3000)) })));
        for method in ["GET", "post", ""] {
            assert!(is_invalid(json!({ "htm": method })), "{method}");
        }
        assert!(is_invalid(json!({ "jti": "" })));
        assert!(is_invalid(json!({ "jti": "x".repeat(257) })));
        assert!(run(json!({ "jti": "x".repeat(256) }), |_| {}).is_ok());
    }

    #[test]
    fn without_a_nonce_the_clock_decides_and_with_one_the_nonce() {
        for (iat, until) in [(-60, Some(1)), (-61, None), (60, Some(121)), (61, None)] {
            let got = run(json!({ "iat": 1_800_000_000_i64 + iat }), |_| {});
            assert_eq!(got.ok(), until, "{iat}");
        }
        for iat in [i64::MIN, i64::MAX, 0] {
            assert!(is_invalid(json!({ "iat": iat })), "{iat}");
        }
        let end = NOW.plus_seconds(200);
        let hours_off = json!({ "iat": 1_800_010_000 });
        assert_eq!(run(hours_off, |e| e.nonce = SentNonce::GoodUntil(end)), Ok(200));
        let use_nonce = Err(ProofFault::UseNonce);
        assert_eq!(run(json!({}), |e| e.nonce = SentNonce::Stale), use_nonce);
        assert_eq!(run(json!({}), |e| e.nonce_required = true), use_nonce);
        let wrong = run(json!({ "htm": "GET" }), |e| e.nonce_required = true);
        assert!(matches!(wrong, Err(ProofFault::Invalid(_))), "no other mistake");
    }

    #[test]
    fn beside_an_access_token_the_proof_names_it() {
        let ask = |claims: Value| run(claims, |e| e.access_token_hash = Some("hash")).is_ok();
        assert!(ask(json!({ "ath": "hash" })));
        assert!(!ask(json!({ "ath": "other" })));
        assert!(!ask(json!({})));
        assert!(run(json!({ "ath": "whatever" }), |_| {}).is_ok(), "nothing to compare it with");
    }

    #[test]
    #[rustfmt::skip]
    fn the_issuance_table() {
        use Demand::*;
        let allowed = || json!({ "mechanism": "dpop", "required": false });
        let required = || json!({ "mechanism": "dpop", "required": true });
        let for_public = || json!({ "mechanism": "dpop", "required": true, "required_for": "public_clients" });
        let mtls = || json!({ "mechanism": "mtls", "required": false });
        let (bind, bearer) = (UnconfiguredApi::Bind, UnconfiguredApi::Bearer);
        // kind, client requires, API (None: userinfo only), unconfigured, demand
        let cases = [
            ("spa",             false, None,               bind,   Optional),
            ("spa",             true,  None,               bearer, Required),
            ("spa",             false, Some(json!(null)),  bind,   Optional),
            ("spa",             true,  Some(json!(null)),  bind,   Required),
            ("spa",             false, Some(json!(null)),  bearer, Ignored),
            ("spa",             true,  Some(json!(null)),  bearer, Impossible),
            ("spa",             false, Some(mtls()),       bearer, Ignored),
            ("spa",             false, Some(allowed()),    bearer, Optional),
            ("spa",             true,  Some(allowed()),    bearer, Required),
            ("spa",             false, Some(required()),   bearer, Required),
            ("regular_web",     false, Some(required()),   bind,   Required),
            ("spa",             false, Some(for_public()), bind,   Required),
            ("regular_web",     false, Some(for_public()), bind,   Optional),
            ("regular_web",     true,  Some(for_public()), bind,   Required),
        ];
        for (kind, requires, api, unconfigured, expected) in cases {
            let client: Client = serde_json::from_value(json!({
                "app_type": kind, "require_proof_of_possession": requires,
            })).unwrap();
            let row = format!("{kind} {requires} {api:?} {unconfigured:?}");
            let api: Option<ResourceServer> = api.map(|settings| {
                serde_json::from_value(json!({ "proof_of_possession": settings })).unwrap()
            });
            assert_eq!(demand(&client, api.as_ref(), unconfigured), expected, "{row}");
        }
        for (demand, without, with) in [
            (Required,   Err(Unbound::ProofMissing), Ok(true)),
            (Optional,   Ok(false),                  Ok(true)),
            (Ignored,    Ok(false),                  Ok(false)),
            (Impossible, Err(Unbound::Impossible),   Err(Unbound::Impossible)),
        ] {
            assert_eq!(is_bound(demand, false), without, "{demand:?}");
            assert_eq!(is_bound(demand, true), with, "{demand:?}");
        }
    }
}
