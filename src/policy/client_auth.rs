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
/// whose method was never chosen is public if it runs on the user's device.
pub fn authenticate(client: &Client, secret: SecretCheck) -> Option<Proof> {
    match secret {
        SecretCheck::Right => Some(Proof::Authenticated),
        SecretCheck::Wrong => None,
        SecretCheck::Absent => may_be_public(client).then_some(Proof::Identified),
    }
}

/// Whether the client may come without its secret.
pub fn may_be_public(client: &Client) -> bool {
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
        assert!(must_use_pkce(&client(Some("none"), None)));
        assert!(!must_use_pkce(&client(None, Some("spa"))));
    }
}
