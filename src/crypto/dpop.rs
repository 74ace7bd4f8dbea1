//! DPoP proofs (RFC 9449 §4.2): taking one apart, checking its signature with the key inside, and
//! the thumbprint of that key (RFC 7638). What the claims mean is decided elsewhere.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::crypto::digest::sha256;
use crate::domain::dpop::{ProofClaims, Thumbprint};

/// The algorithms a proof may be signed with, as discovery names them. All are asymmetric: a proof
/// with a MAC would prove nothing to anybody else.
pub const ALGORITHMS: [&str; 6] = ["ES256", "ES384", "Ed25519", "EdDSA", "RS256", "PS256"];

/// The longest proof that is read, in bytes: one with an RSA-4096 key and a long address fits.
const MAX_LENGTH: usize = 8 * 1024;

/// The longest RSA modulus in bytes: a check with a longer one would cost us more than its sender.
const MAX_MODULUS: usize = 512;

/// A proof that was signed with the key it names.
#[derive(Debug)]
pub struct Proof {
    /// The key.
    pub key: Thumbprint,
    /// What it says.
    pub claims: ProofClaims,
}

/// Not a proof, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAProof(pub &'static str);

#[derive(Deserialize)]
struct Header {
    typ: String,
    alg: String,
    jwk: Map<String, Value>,
    #[serde(default)]
    crit: Option<Value>,
}

/// A public key of a kind that is known here.
enum PublicKey {
    /// P-256, as an uncompressed point.
    P256(Vec<u8>),
    /// P-384, as an uncompressed point.
    P384(Vec<u8>),
    /// Ed25519.
    Ed25519(Vec<u8>),
    /// RSA of 2048 to 4096 bits.
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

/// Takes a proof apart and checks its signature (RFC 9449 §4.3, steps 2 to 7).
///
/// # Errors
/// Why it is none.
pub fn open(proof: &[u8]) -> Result<Proof, NotAProof> {
    const NO_JWT: NotAProof = NotAProof("DPoP proof is not a signed JWT");
    if proof.len() > MAX_LENGTH {
        return Err(NotAProof("DPoP proof is too long"));
    }
    let proof = std::str::from_utf8(proof).map_err(|_| NO_JWT)?;
    let (signed, signature) = proof.rsplit_once('.').ok_or(NO_JWT)?;
    let (header, payload) = signed.split_once('.').ok_or(NO_JWT)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| NO_JWT);
    let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);

    let header: Header = serde_json::from_slice(&header)
        .map_err(|_| NotAProof("DPoP proof lacks typ, alg or jwk in its header"))?;
    if header.typ != "dpop+jwt" {
        return Err(NotAProof("DPoP proof has another typ than dpop+jwt"));
    }
    if header.crit.is_some() {
        return Err(NotAProof("DPoP proof has critical headers that are not understood"));
    }
    let (key, thumbprint) = public_key(&header.jwk)?;
    if !key.verifies(&header.alg, signed.as_bytes(), &signature)? {
        return Err(NotAProof("DPoP proof has an invalid signature"));
    }
    let claims = serde_json::from_slice(&payload)
        .map_err(|_| NotAProof("DPoP proof lacks one of the claims jti, htm, htu and iat"))?;
    Ok(Proof { key: thumbprint, claims })
}

/// Reads a JWK (RFC 7517) and computes its thumbprint.
fn public_key(jwk: &Map<String, Value>) -> Result<(PublicKey, Thumbprint), NotAProof> {
    const BAD: NotAProof = NotAProof("DPoP proof has an unusable jwk");
    // RFC 7518 §6. Who sends a private key has lost it.
    if ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|name| jwk.contains_key(*name)) {
        return Err(NotAProof("DPoP proof has a jwk that is not public"));
    }
    let text = |name: &str| jwk.get(name).and_then(Value::as_str).ok_or(BAD);
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).map_err(|_| BAD);
    let sized = |name: &str, length: usize| {
        bytes(name).and_then(|bytes| if bytes.len() == length { Ok(bytes) } else { Err(BAD) })
    };
    let point = |length: usize| {
        Ok::<_, NotAProof>([vec![4], sized("x", length)?, sized("y", length)?].concat())
    };
    // The members that RFC 7638 §3.2 names, in order. Each has one spelling only: the decoder
    // refuses padding and stray bits, and the lengths are fixed.
    let (key, members): (_, &[&str]) = match text("kty")? {
        "EC" => match text("crv")? {
            "P-256" => (PublicKey::P256(point(32)?), &["crv", "kty", "x", "y"]),
            "P-384" => (PublicKey::P384(point(48)?), &["crv", "kty", "x", "y"]),
            _ => return Err(BAD),
        },
        "OKP" if text("crv")? == "Ed25519" => {
            (PublicKey::Ed25519(sized("x", 32)?), &["crv", "kty", "x"])
        }
        "RSA" => {
            let (n, e) = (bytes("n")?, bytes("e")?);
            // A leading zero would be a second spelling; a long exponent is slow to check.
            let is_plain = |number: &[u8], longest: usize| {
                number.len() <= longest && number.first().is_some_and(|first| *first != 0)
            };
            if !is_plain(&n, MAX_MODULUS) || !is_plain(&e, 4) {
                return Err(BAD);
            }
            (PublicKey::Rsa { n, e }, &["e", "kty", "n"])
        }
        _ => return Err(BAD),
    };
    let mut canonical = Vec::new();
    for name in members {
        // Nothing in these values needs escaping: they are base64url or one of the names above.
        canonical.push(format!("\"{name}\":\"{}\"", text(name)?));
    }
    let canonical = format!("{{{}}}", canonical.join(","));
    let thumbprint = Thumbprint::trusted(URL_SAFE_NO_PAD.encode(sha256(canonical.as_bytes())));
    Ok((key, thumbprint))
}

impl PublicKey {
    /// Whether `signature` over `message` is by this key. The algorithm must be one of its kind.
    fn verifies(&self, alg: &str, message: &[u8], signature: &[u8]) -> Result<bool, NotAProof> {
        let plain = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(algorithm, key).verify(message, signature).is_ok()
        };
        let rsa = |parameters: &'static RsaParameters, n: &[u8], e: &[u8]| {
            RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
        };
        Ok(match (alg, self) {
            ("ES256", Self::P256(point)) => plain(&ECDSA_P256_SHA256_FIXED, point),
            ("ES384", Self::P384(point)) => plain(&ECDSA_P384_SHA384_FIXED, point),
            // Two names of one algorithm (RFC 9864 §2.2).
            ("EdDSA" | "Ed25519", Self::Ed25519(key)) => plain(&ED25519, key),
            ("RS256", Self::Rsa { n, e }) => rsa(&RSA_PKCS1_2048_8192_SHA256, n, e),
            ("PS256", Self::Rsa { n, e }) => rsa(&RSA_PSS_2048_8192_SHA256, n, e),
            _ => {
                return Err(NotAProof("DPoP proof has an unsupported alg, or not that of its jwk"));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::{
        rand::SystemRandom,
        rsa::{KeyPair as RsaKeyPair, KeySize},
        signature::{
            ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
            Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
        },
    };
    use serde_json::json;

    fn b64(bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }
    fn claims() -> Value {
        json!({ "jti": "a", "htm": "POST", "htu": "https://id.example/oauth/token", "iat": 1 })
    }
    /// A JWT of these parts.
    fn jwt(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let signed = format!(
            "{}.{}",
            b64(header.to_string().as_bytes()),
            b64(claims.to_string().as_bytes())
        );
        format!("{signed}.{}", b64(&sign(signed.as_bytes()))).into_bytes()
    }
    fn p256() -> (EcdsaKeyPair, Value) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref().to_vec();
        let (x, y) = (b64(&point[1..33]), b64(&point[33..]));
        (pair, json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y }))
    }

    #[test]
    fn the_thumbprints_of_the_standards() {
        // RFC 7638 §3.1.
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let rsa = json!({ "kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29" });
        // RFC 9449 §4.1 and §6.1.
        let ec = json!({
            "kty": "EC", "crv": "P-256", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        });
        for (jwk, expected) in [
            (rsa, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
            (ec, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"),
        ] {
            let (_, thumbprint) = public_key(jwk.as_object().unwrap()).ok().unwrap();
            assert_eq!(thumbprint.as_str(), expected);
        }
    }

    #[test]
    fn each_algorithm_verifies_with_the_key_inside() {
        let random = SystemRandom::new();
        let (pair, jwk) = p256();
        let ec = |bytes: &[u8]| pair.sign(&random, bytes).unwrap().as_ref().to_vec();
        let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        let point = p384.public_key().as_ref();
        let p384_jwk =
            json!({ "kty": "EC", "crv": "P-384", "x": b64(&point[1..49]), "y": b64(&point[49..]) });
        let ec384 = |bytes: &[u8]| p384.sign(&random, bytes).unwrap().as_ref().to_vec();
        let ed = Ed25519KeyPair::generate().unwrap();
        let ed_jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": b64(ed.public_key().as_ref()) });
        let eddsa = |bytes: &[u8]| ed.sign(bytes).as_ref().to_vec();
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = rsa.public_key();
        let rsa_jwk = json!({
            "kty": "RSA", "n": b64(public.modulus().big_endian_without_leading_zero()),
            "e": b64(public.exponent().big_endian_without_leading_zero()),
        });
        let rsa_sign = |scheme, bytes: &[u8]| {
            let mut signature = vec![0; rsa.public_modulus_len()];
            rsa.sign(scheme, &random, bytes, &mut signature).unwrap();
            signature
        };
        let rs = |bytes: &[u8]| rsa_sign(&RSA_PKCS1_SHA256, bytes);
        let ps = |bytes: &[u8]| rsa_sign(&RSA_PSS_SHA256, bytes);
        type Sign<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;
        let cases: [(&str, &Value, Sign<'_>); 6] = [
            ("ES256", &jwk, &ec),
            ("ES384", &p384_jwk, &ec384),
            ("EdDSA", &ed_jwk, &eddsa),
            ("Ed25519", &ed_jwk, &eddsa),
            ("RS256", &rsa_jwk, &rs),
            ("PS256", &rsa_jwk, &ps),
        ];
        for (alg, jwk, sign) in cases {
            let header = json!({ "typ": "dpop+jwt", "alg": alg, "jwk": jwk });
            let good = jwt(&header, &claims(), sign);
            assert_eq!(open(&good).ok().unwrap().claims.htm, "POST", "{alg}");
            let forged = jwt(&header, &claims(), |bytes| {
                let mut signature = sign(bytes);
                signature[7] ^= 1;
                signature
            });
            assert!(open(&forged).is_err(), "{alg}");
            for other in ["ES256", "ES384", "EdDSA", "RS256", "PS256", "HS256", "none", ""] {
                let is_its_own = other == alg || (other == "EdDSA" && alg == "Ed25519");
                let header = json!({ "typ": "dpop+jwt", "alg": other, "jwk": jwk });
                let opened = open(&jwt(&header, &claims(), sign));
                assert_eq!(opened.is_ok(), is_its_own, "{alg} as {other}");
            }
        }
    }

    #[test]
    fn what_is_no_proof_is_refused() {
        let random = SystemRandom::new();
        let (pair, jwk) = p256();
        let sign = |bytes: &[u8]| pair.sign(&random, bytes).unwrap().as_ref().to_vec();
        let header = |changes: Value| {
            let mut header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk });
            for (name, value) in changes.as_object().unwrap() {
                header[name] = value.clone();
            }
            header
        };
        let with_jwk = |changes: Value| {
            let mut jwk = jwk.clone();
            for (name, value) in changes.as_object().unwrap() {
                jwk[name] = value.clone();
            }
            header(json!({ "jwk": jwk }))
        };
        assert!(open(&jwt(&header(json!({})), &claims(), sign)).is_ok());
        for header in [
            header(json!({ "typ": "JWT" })),
            header(json!({ "typ": null })),
            header(json!({ "crit": ["b64"] })),
            header(json!({ "jwk": null })),
            header(json!({ "jwk": "x" })),
            header(json!({ "jwk": {} })),
            with_jwk(json!({ "d": "AA" })),
            with_jwk(json!({ "kty": "oct", "k": "AA" })),
            with_jwk(json!({ "crv": "P-521" })),
            with_jwk(json!({ "crv": "secp256k1" })),
            with_jwk(json!({ "x": "AA" })),
            with_jwk(json!({ "x": format!("{}=", jwk["x"].as_str().unwrap()) })),
            // Not a point of the curve.
            with_jwk(json!({ "x": jwk["y"], "y": jwk["y"] })),
            with_jwk(json!({ "kty": "RSA", "n": b64(&[0xff; 513]), "e": "AQAB" })),
            with_jwk(json!({ "kty": "RSA", "n": b64(&[0; 256]), "e": "AQAB" })),
            with_jwk(json!({ "kty": "RSA", "n": b64(&[0xff; 256]), "e": b64(&[0xff; 200]) })),
        ] {
            assert!(open(&jwt(&header, &claims(), sign)).is_err(), "{header}");
        }
        for missing in ["jti", "htm", "htu", "iat"] {
            let mut claims = claims();
            claims.as_object_mut().unwrap().remove(missing);
            assert!(open(&jwt(&header(json!({})), &claims, sign)).is_err(), "{missing}");
        }
        let good = String::from_utf8(jwt(&header(json!({})), &claims(), sign)).unwrap();
        let long = format!("{good}{}", "A".repeat(9000));
        let (unsigned, _) = good.rsplit_once('.').unwrap();
        for bad in [
            "",
            ".",
            "..",
            "a.b.c",
            unsigned,
            &format!("{unsigned}."),
            &format!("{good}.x"),
            &format!("{good},{good}"),
            &long,
        ] {
            assert!(open(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(open(&[0xff, b'.', b'.']).is_err());
    }
}
