//! JWTs as client assertions (RFC 7523).
//!
//! - Nothing verifies that was not signed: with a public key only what its private half signed, with
//!   a secret only what the secret signed, neither in the place of the other, and no algorithm but
//!   the one the key is for.
//! - Whatever the claims are, an assertion that is accepted is the client's own, for this server
//!   alone, not over, not for longer than five minutes, and has a name of 1 to 64 characters.

use std::sync::OnceLock;

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use doorward::crypto::{assertion::SignedAssertion, public_key};
use doorward::domain::{
    ClientId,
    client_assertion::AssertionAlgorithm,
    secret::{ClientAssertion, ClientSecret},
    time::Timestamp,
};
use doorward::policy::client_assertion::{MAX_LIFETIME, SKEW, judge};

const NOW: i64 = 1_800_000_000;
const SECRET: &str = "a secret of at least thirty-two bytes";
const AUDIENCES: [&str; 2] = ["https://id.example/", "https://id.example/oauth/token"];

/// The first byte chooses between an assertion as it comes, one that is signed with the key or the
/// secret, a changed one, and a public key.
pub fn run(data: &[u8]) {
    match data.split_first() {
        Some((b'r', text)) => nothing_foreign_verifies(text),
        Some((b'k', parts)) => what_is_signed_is_judged(parts, With::Key),
        Some((b's', parts)) => what_is_signed_is_judged(parts, With::Secret),
        Some((b'e', edit)) => what_was_changed_does_not_verify(edit),
        Some((b'p', pem)) => a_public_key_is_public(pem),
        _ => {}
    }
}

fn pair() -> &'static EcdsaKeyPair {
    static PAIR: OnceLock<EcdsaKeyPair> = OnceLock::new();
    PAIR.get_or_init(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"))
}

/// What an assertion is signed with.
#[derive(Clone, Copy)]
enum With {
    Key,
    Secret,
}

impl With {
    fn algorithm(self) -> AssertionAlgorithm {
        match self {
            Self::Key => AssertionAlgorithm::ES256,
            Self::Secret => AssertionAlgorithm::HS256,
        }
    }
    fn sign(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Key => {
                pair().sign(&SystemRandom::new(), message).expect("signed").as_ref().to_vec()
            }
            Self::Secret => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
                hmac::sign(&key, message).as_ref().to_vec()
            }
        }
    }
    fn verifies(self, signed: &SignedAssertion<'_>) -> bool {
        match self {
            Self::Key => signed.is_signed_by(self.algorithm(), pair().public_key().as_ref()),
            Self::Secret => signed.is_authenticated_by(&ClientSecret::new(SECRET)),
        }
    }
}

/// As any of the keys, in any of the roles, that an attacker could hope for.
fn by_anything(signed: &SignedAssertion<'_>) -> bool {
    let public = pair().public_key().as_ref();
    let public_as_secret = URL_SAFE_NO_PAD.encode(public);
    AssertionAlgorithm::ALL.iter().any(|alg| signed.is_signed_by(*alg, public))
        || AssertionAlgorithm::ALL.iter().any(|alg| signed.is_signed_by(*alg, SECRET.as_bytes()))
        || signed.is_authenticated_by(&ClientSecret::new(SECRET))
        || signed.is_authenticated_by(&ClientSecret::new(""))
        || (signed.algorithm != AssertionAlgorithm::HS256
            && signed.is_authenticated_by(&ClientSecret::new(public_as_secret)))
}

fn nothing_foreign_verifies(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let assertion = ClientAssertion::new(text);
    let Some(signed) = SignedAssertion::parse(&assertion) else { return };
    assert!(!by_anything(&signed), "nobody signed it: {text}");
    is_judged_well(&signed);
}

/// `parts` are a header and claims, a line each.
fn what_is_signed_is_judged(parts: &[u8], with: With) {
    let Ok(parts) = std::str::from_utf8(parts) else { return };
    let (header, claims) = super::edit::first_line(parts);
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mut signature = with.sign(message.as_bytes());
    let good = format!("{message}.{}", URL_SAFE_NO_PAD.encode(&signature));
    signature[3] ^= 4;
    let bad = format!("{message}.{}", URL_SAFE_NO_PAD.encode(&signature));
    let assertion = ClientAssertion::new(good);
    let Some(signed) = SignedAssertion::parse(&assertion) else { return };
    let expected = signed.algorithm == with.algorithm();
    assert_eq!(with.verifies(&signed), expected, "the algorithm is that of the key: {header}");
    assert_eq!(by_anything(&signed), expected, "{header}");
    is_judged_well(&signed);
    let forged = ClientAssertion::new(bad);
    let forged = SignedAssertion::parse(&forged).expect("it has the same parts");
    assert!(!by_anything(&forged), "one bit of the signature");
}

fn is_judged_well(signed: &SignedAssertion<'_>) {
    let client = ClientId::new("client");
    let now = Timestamp::from_millis(NOW * 1000);
    let claims = &signed.claims;
    let Ok(accepted) = judge(claims, &client, &AUDIENCES, now) else { return };
    assert_eq!(claims.iss.as_deref(), Some("client"));
    assert_eq!(claims.sub, Some(client));
    let named = claims.aud.as_ref().expect("an audience").as_slice();
    assert!(
        !named.is_empty() && named.iter().all(|n| AUDIENCES.contains(&n.as_str())),
        "{named:?}"
    );
    let end = accepted.expires_at.seconds();
    assert!(end > NOW && end <= NOW + MAX_LIFETIME + SKEW, "{end}");
    assert!(claims.exp.expect("an end") >= end as f64, "it is remembered as long as it counts");
    for begin in [claims.nbf, claims.iat].into_iter().flatten() {
        assert!(begin < (NOW + SKEW + 1) as f64, "it has begun: {begin}");
    }
    assert_eq!(claims.jti.as_deref(), Some(accepted.jti));
    assert!((1..=64).contains(&accepted.jti.chars().count()));
}

fn what_was_changed_does_not_verify(edit: &[u8]) {
    static GENUINE: OnceLock<[String; 2]> = OnceLock::new();
    let genuine = GENUINE.get_or_init(|| {
        let claims = "{\"iss\":\"client\",\"sub\":\"client\"}";
        [With::Key, With::Secret].map(|with| {
            let alg = with.algorithm().as_str();
            let header = URL_SAFE_NO_PAD.encode(format!("{{\"alg\":\"{alg}\"}}"));
            let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
            format!("{message}.{}", URL_SAFE_NO_PAD.encode(with.sign(message.as_bytes())))
        })
    });
    for genuine in genuine {
        let Some(changed) = super::edit::edited(genuine, edit) else { continue };
        let assertion = ClientAssertion::new(changed.as_str());
        let verifies = SignedAssertion::parse(&assertion).is_some_and(|s| by_anything(&s));
        assert_eq!(verifies, changed == *genuine, "{changed}");
    }
}

fn a_public_key_is_public(pem: &[u8]) {
    let Ok(pem) = std::str::from_utf8(pem) else { return };
    let Ok(key) = public_key::from_pem(pem) else { return };
    assert!(!pem.contains("PRIVATE KEY"), "a private key is not taken");
    for algorithm in AssertionAlgorithm::ALL {
        assert!(!public_key::verifies(algorithm, &key.material, b"message", &[0; 64]));
        assert!(!public_key::verifies(algorithm, &key.material, b"message", &[]));
    }
    assert!(!key.kind.fits(AssertionAlgorithm::HS256), "a public key is no secret");
}
