//! DPoP proofs (RFC 9449) and their nonces.
//!
//! - What opens was signed with the key inside it, with an algorithm of that key; the thumbprint is
//!   that of RFC 7638.
//! - What is accepted is of this request: method and address are the same by the URL parser of
//!   browsers, it is not older or newer than the window unless it has a nonce of ours, and it names
//!   the access token beside it.
//! - A nonce that is good was issued by us, at a time of its own; it has one spelling.

use std::sync::OnceLock;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use doorward::crypto::{digest::sha256, dpop, master_key::MasterKey, nonce::NonceKey};
use doorward::domain::time::Timestamp;
use doorward::policy::dpop::{Expected, SentNonce, WINDOW, check};
use serde_json::{Value, json};
use url::Url;

const NOW: i64 = 1_800_000_000;
const ADDRESS: &str = "https://id.example/oauth/token";

/// The first byte chooses between a proof as it comes, one that is signed, a changed one, and a
/// nonce.
pub fn run(data: &[u8]) {
    match data.split_first() {
        Some((b'r', proof)) => what_opens_is_a_proof(proof),
        Some((b'p', parts)) => what_is_signed_is_checked(parts, Key::P256),
        Some((b'd', parts)) => what_is_signed_is_checked(parts, Key::Ed25519),
        Some((b'e', edit)) => what_was_changed_does_not_open(edit),
        Some((b'n', nonce)) => a_good_nonce_is_ours(nonce),
        _ => {}
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    P256,
    Ed25519,
}

struct Pairs {
    p256: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
}

fn pairs() -> &'static Pairs {
    static PAIRS: OnceLock<Pairs> = OnceLock::new();
    PAIRS.get_or_init(|| Pairs {
        p256: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"),
        ed25519: Ed25519KeyPair::generate().expect("a key"),
    })
}

impl Key {
    fn sign(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::P256 => {
                let signature = pairs().p256.sign(&SystemRandom::new(), message);
                signature.expect("signed").as_ref().to_vec()
            }
            Self::Ed25519 => pairs().ed25519.sign(message).as_ref().to_vec(),
        }
    }
    /// The public half, and the text whose SHA-256 is its thumbprint (RFC 7638 §3.3).
    fn public(self) -> (Value, String) {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::P256 => {
                let point = pairs().p256.public_key().as_ref();
                let (x, y) = (b64(&point[1..33]), b64(&point[33..]));
                let text =
                    format!("{{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"{x}\",\"y\":\"{y}\"}}");
                (json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y }), text)
            }
            Self::Ed25519 => {
                let x = b64(pairs().ed25519.public_key().as_ref());
                let text = format!("{{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"{x}\"}}");
                (json!({ "kty": "OKP", "crv": "Ed25519", "x": x }), text)
            }
        }
    }
}

fn what_opens_is_a_proof(proof: &[u8]) {
    let Ok(opened) = dpop::open(proof) else { return };
    assert!(proof.len() <= 8192 && proof.iter().filter(|b| **b == b'.').count() == 2);
    assert_eq!(opened.key.as_str().len(), 43);
    is_checked_well(&opened);
}

/// `parts` are a header and claims, a line each; a `jwk` that is `{}` becomes the public key.
fn what_is_signed_is_checked(parts: &[u8], key: Key) {
    let Ok(parts) = std::str::from_utf8(parts) else { return };
    let (header, claims) = super::edit::first_line(parts);
    let Ok(mut header) = serde_json::from_str::<Value>(header) else { return };
    let (public, canonical) = key.public();
    let Some(members) = header.as_object_mut() else { return };
    if let Some(Value::Object(jwk)) = members.get_mut("jwk") {
        for (name, value) in public.as_object().expect("an object") {
            jwk.entry(name.as_str()).or_insert(value.clone());
        }
    }
    let encoded = URL_SAFE_NO_PAD.encode(header.to_string());
    let message = format!("{encoded}.{}", URL_SAFE_NO_PAD.encode(claims));
    let mut signature = key.sign(message.as_bytes());
    let good = format!("{message}.{}", URL_SAFE_NO_PAD.encode(&signature));
    signature[5] ^= 8;
    let bad = format!("{message}.{}", URL_SAFE_NO_PAD.encode(&signature));
    assert!(dpop::open(bad.as_bytes()).is_err(), "one bit of the signature");
    let Ok(opened) = dpop::open(good.as_bytes()) else { return };
    assert_eq!(header["typ"], "dpop+jwt");
    assert!(header["crit"].is_null(), "what is critical is not understood");
    let algs: &[&str] = if key == Key::P256 { &["ES256"] } else { &["EdDSA", "Ed25519"] };
    assert!(algs.contains(&header["alg"].as_str().unwrap_or("")), "{header}");
    for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert!(header["jwk"].get(private).is_none(), "a private key: {header}");
    }
    let thumbprint = URL_SAFE_NO_PAD.encode(sha256(canonical.as_bytes()));
    assert_eq!(opened.key.as_str(), thumbprint, "of the key that signed: {header}");
    is_checked_well(&opened);
}

fn is_checked_well(opened: &dpop::Proof) {
    let claims = &opened.claims;
    let now = Timestamp::from_millis(NOW * 1000);
    let good_until = now.plus_seconds(200);
    for (nonce, required) in [
        (SentNonce::Absent, false),
        (SentNonce::Absent, true),
        (SentNonce::Stale, false),
        (SentNonce::GoodUntil(good_until), true),
    ] {
        let expected = Expected {
            method: "POST",
            url: ADDRESS,
            now,
            access_token_hash: Some("hash"),
            nonce,
            nonce_required: required,
        };
        let Ok(end) = check(claims, &expected) else { continue };
        assert_eq!(claims.htm, "POST");
        let mut address = Url::parse(&claims.htu).expect("an address");
        address.set_query(None);
        address.set_fragment(None);
        assert_eq!(address.as_str(), ADDRESS, "{}", claims.htu);
        assert_eq!(claims.ath.as_deref(), Some("hash"));
        assert!((1..=256).contains(&claims.jti.len()));
        assert_ne!(nonce, SentNonce::Stale);
        if nonce == SentNonce::Absent {
            assert!(!required, "a nonce was required");
            assert!((NOW - WINDOW..=NOW + WINDOW).contains(&claims.iat), "{}", claims.iat);
            assert!(end.seconds() > claims.iat + WINDOW, "remembered for as long as it counts");
        } else {
            assert_eq!(end, good_until);
        }
    }
}

fn what_was_changed_does_not_open(edit: &[u8]) {
    static GENUINE: OnceLock<[String; 2]> = OnceLock::new();
    let genuine = GENUINE.get_or_init(|| {
        [(Key::P256, "ES256"), (Key::Ed25519, "EdDSA")].map(|(key, alg)| {
            let header = json!({ "typ": "dpop+jwt", "alg": alg, "jwk": key.public().0 });
            let claims = json!({ "jti": "a", "htm": "POST", "htu": ADDRESS, "iat": NOW });
            let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let message = format!("{}.{}", encode(&header), encode(&claims));
            format!("{message}.{}", URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes())))
        })
    });
    for genuine in genuine {
        let Some(changed) = super::edit::edited(genuine, edit) else { continue };
        assert_eq!(dpop::open(changed.as_bytes()).is_ok(), changed == *genuine, "{changed}");
    }
}

fn a_good_nonce_is_ours(data: &[u8]) {
    let key = NonceKey::new(&MasterKey::new([1; 32]));
    let now = Timestamp::from_millis(NOW * 1000);
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(key.good_until(text, now).is_none(), "nobody issued it: {text}");
    }
    let issued = key.issue(now);
    if let Some(changed) = super::edit::edited(&issued, data) {
        assert_eq!(key.good_until(&changed, now).is_some(), changed == issued, "{changed}");
    }
    let Some((seconds, _)) = data.split_first_chunk::<4>() else { return };
    let seconds = i64::from(i32::from_be_bytes(*seconds));
    let end = key.good_until(&issued, now.plus_seconds(seconds));
    // Five to six minutes, and a minute for nodes whose clocks differ.
    assert!(end.is_none() || (-120..360).contains(&seconds), "{seconds}");
    assert!(end.is_some() || !(0..300).contains(&seconds), "{seconds}");
}
