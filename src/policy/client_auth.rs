//! Client authentication at the token endpoint (RFC 6749 §2.3): which methods a client may use.

use crate::domain::client::{AuthMethod, Client};

/// How well a client proved who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Named itself. Enough for a public client whose request proves something else: a PKCE
    /// verifier, or a refresh token.
    Identified,
    /// Presented its secret.
    Authenticated,
}

/// Whether the client's secret was presented, and right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretCheck {
    /// No secret in the request.
    Absent,
    /// The right one.
    Right,
    /// A wrong one.
    Wrong,
}

/// Decides whether the client may go on.
///
/// A secret that is presented must be right, whatever the client's method. Both ways of sending it
/// are taken from every client: deployed libraries try one and then the other. An application
/// whose method was never chosen is public if it runs on the user's device. An application with
/// registered keys uses them: a secret it once had, or still has, proves nothing.
pub fn authenticate(client: &Client, secret: SecretCheck) -> Option<Proof> {
    if client.private_key_jwt().is_some() {
        return None;
    }
    match secret {
        SecretCheck::Right => Some(Proof::Authenticated),
        SecretCheck::Wrong => None,
        SecretCheck::Absent => may_be_public(client).then_some(Proof::Identified),
    }
}

/// What an assertion is signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedWith {
    /// A private key (`private_key_jwt`).
    Key,
    /// The client secret (`client_secret_jwt`).
    Secret,
}

/// Decides whether the client may authenticate with such an assertion (OIDC Core §9).
///
/// One signed with the secret is as good as the secret, and better: the secret stays at home. So
/// every client that may come with its secret may sign with it. Which kind an assertion is of is
/// said by its header, which anybody can write: hence a client has keys or a secret, never both.
pub fn may_assert(client: &Client, with: SignedWith) -> bool {
    let has_keys = client.private_key_jwt().is_some();
    match with {
        SignedWith::Key => has_keys,
        SignedWith::Secret => {
            !has_keys && client.token_endpoint_auth_method != Some(AuthMethod::None)
        }
    }
}

/// Whether the client may come without its secret.
pub fn may_be_public(client: &Client) -> bool {
    if client.private_key_jwt().is_some() {
        return false;
    }
    match client.token_endpoint_auth_method {
        Some(AuthMethod::None) => true,
        Some(AuthMethod::ClientSecretPost | AuthMethod::ClientSecretBasic) => false,
        None => matches!(client.app_type.as_deref(), Some("spa" | "native")),
    }
}

/// Whether `/authorize` must insist on PKCE (RFC 9700 §2.1.1): the client has declared that it has
/// no secret. Every other code without a challenge can only be exchanged with the secret.
pub fn must_use_pkce(client: &Client) -> bool {
    client.token_endpoint_auth_method == Some(AuthMethod::None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(method: Option<&str>, app_type: Option<&str>) -> Client {
        serde_json::from_value(serde_json::json!({
            "token_endpoint_auth_method": method, "app_type": app_type,
        }))
        .unwrap()
    }

    #[test]
    #[rustfmt::skip]
    fn the_method_table() {
        use SecretCheck::*;
        let cases = [
            // method,                     kind,                secret, proof
            (Some("none"),                 Some("spa"),         Absent, Some(Proof::Identified)),
            (Some("none"),                 None,                Wrong,  None),
            (None,                         Some("spa"),         Absent, Some(Proof::Identified)),
            (None,                         Some("native"),      Right,  Some(Proof::Authenticated)),
            (None,                         Some("regular_web"), Absent, None),
            (None,                         None,                Absent, None),
            (Some("client_secret_post"),   Some("spa"),         Absent, None),
            (Some("client_secret_basic"),  Some("regular_web"), Right,  Some(Proof::Authenticated)),
            (Some("client_secret_basic"),  Some("regular_web"), Wrong,  None),
        ];
        for (method, kind, secret, proof) in cases {
            assert_eq!(authenticate(&client(method, kind), secret), proof, "{method:?} {kind:?} {secret:?}");
        }
        let with_keys = Client {
            client_authentication_methods: serde_json::from_value(
                serde_json::json!({ "private_key_jwt": { "credentials": [] } }),
            )
            .unwrap(),
            ..client(None, Some("spa"))
        };
        for secret in [Absent, Right, Wrong] {
            assert_eq!(authenticate(&with_keys, secret), None, "{secret:?}");
        }
        assert!(!may_be_public(&with_keys));
        let cases = [
            // client,                                         key,   secret
            (with_keys,                                        true,  false),
            (client(Some("client_secret_post"), None),         false, true),
            (client(Some("client_secret_basic"), Some("spa")), false, true),
            (client(None, Some("regular_web")),                false, true),
            (client(Some("none"), Some("regular_web")),        false, false),
        ];
        for (client, key, secret) in cases {
            let may = [SignedWith::Key, SignedWith::Secret].map(|with| may_assert(&client, with));
            assert_eq!(may, [key, secret], "{client:?}");
        }
        assert!(must_use_pkce(&client(Some("none"), None)));
        assert!(!must_use_pkce(&client(None, Some("spa"))));
    }
}
