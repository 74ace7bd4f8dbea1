//! What happens at the Management API.

use serde_json::{Value, json};

use crate::domain::{ClientId, KeyId, UserId};

/// Most characters of a path in an event.
const PATH_LENGTH: usize = 500;
/// Most characters of an id in an event.
const ID_LENGTH: usize = 500;

/// A request to the Management API that writes, as events tell of it.
#[derive(Debug, Clone)]
pub struct ManagementRequest {
    method: &'static str,
    path: String,
    client: ClientId,
    user: Option<UserId>,
}

impl ManagementRequest {
    /// A request to `path`, with a token that `client` got for `user`, or for itself. The beginning
    /// of a path is kept: paths have no end.
    pub fn new(method: &'static str, path: &str, client: ClientId, user: Option<UserId>) -> Self {
        Self { method, path: path.chars().take(PATH_LENGTH).collect(), client, user }
    }
    /// The same request to another path.
    #[must_use]
    pub fn at(self, path: &str) -> Self {
        Self::new(self.method, path, self.client, self.user)
    }
    /// The application that asks.
    pub const fn client(&self) -> &ClientId {
        &self.client
    }
    /// The user on whose behalf it asks, if any.
    pub const fn user(&self) -> Option<&UserId> {
        self.user.as_ref()
    }

    fn shown(&self) -> Value {
        json!({ "method": self.method, "path": self.path })
    }
}

/// What a request to the Management API did.
#[derive(Debug, Clone)]
pub enum Managed<'a> {
    /// It wrote something.
    Wrote {
        /// The id of what was written.
        id: &'a str,
        /// The names of the members that changed; never what they hold.
        members: &'a [String],
    },
    /// It was to write something and was refused.
    Refused {
        /// The HTTP status of the answer.
        status: u16,
        /// Its `errorCode`, if it has one.
        code: Option<&'a str>,
    },
    /// The next signing key began to sign.
    SigningKeysRotated {
        /// The key that signed until now.
        previous: &'a KeyId,
        /// The key that signs from now on.
        current: &'a KeyId,
        /// The key that will sign after the next rotation.
        next: &'a KeyId,
    },
    /// A previous signing key is trusted no more.
    SigningKeyRevoked {
        /// The key.
        kid: &'a KeyId,
    },
}

impl Managed<'_> {
    /// Auth0's code.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "fapi",
            Self::Wrote { .. }
            | Self::SigningKeysRotated { .. }
            | Self::SigningKeyRevoked { .. } => "sapi",
        }
    }

    pub(super) fn details(&self, request: &ManagementRequest) -> Value {
        let mut details = match self {
            Self::Wrote { id, members } => {
                let id: String = id.chars().take(ID_LENGTH).collect();
                json!({ "id": id, "changed": members })
            }
            Self::Refused { status, code } => {
                let mut response = json!({ "statusCode": status });
                if let Some(code) = code {
                    response["body"] = json!({ "errorCode": code });
                }
                json!({ "response": response })
            }
            Self::SigningKeysRotated { previous, current, next } => json!({
                "operation": "signing_keys_rotated",
                "previous": previous, "current": current, "next": next,
            }),
            Self::SigningKeyRevoked { kid } => {
                json!({ "operation": "signing_key_revoked", "kid": kid })
            }
        };
        details["request"] = request.shown();
        details
    }
}
