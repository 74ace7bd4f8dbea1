//! Which claims scripts may add to tokens. Those of the protocol they may not: a claim that a
//! program trusts is always this server's.

use serde_json::{Map, Value};

use crate::domain::resource_server::ResourceServer;

/// The claims that no script sets (RFC 7519 §4.1, OIDC Core §2, RFC 9068, and what Auth0 reserves).
pub const RESERVED: &[&str] = &[
    "acr",
    "act",
    "active",
    "amr",
    "at_hash",
    "ath",
    "attest",
    "aud",
    "auth_time",
    "authorization_details",
    "azp",
    "c_hash",
    "client_id",
    "cnf",
    "cty",
    "dest",
    "entitlements",
    "events",
    "exp",
    "groups",
    "gty",
    "htm",
    "htu",
    "iat",
    "internalService",
    "iss",
    "jcard",
    "jku",
    "jti",
    "jwe",
    "jwk",
    "kid",
    "may_act",
    "mky",
    "nbf",
    "nonce",
    "object_id",
    "org_id",
    "org_name",
    "orig",
    "origid",
    "permissions",
    "roles",
    "rph",
    "s_hash",
    "scope",
    "sid",
    "sip_callid",
    "sip_cseq_num",
    "sip_date",
    "sip_from_tag",
    "sip_via_branch",
    "sub",
    "sub_jwk",
    "toe",
    "txn",
    "typ",
    "uuid",
    "vot",
    "vtm",
    "x5t#S256",
];

/// The claims about a person that OpenID Connect defines (OIDC Core §5.1) and scripts may set.
const PROFILE: &[&str] = &[
    "address",
    "birthdate",
    "email",
    "email_verified",
    "family_name",
    "gender",
    "given_name",
    "locale",
    "middle_name",
    "name",
    "nickname",
    "phone_number",
    "phone_number_verified",
    "picture",
    "preferred_username",
    "profile",
    "updated_at",
    "website",
    "zoneinfo",
];

/// Hosts whose names are no namespace of an operator.
const FORBIDDEN_HOSTS: &[&str] = &["auth0.com", "webtask.io", "webtask.run"];

/// The most that the claims of one token may weigh, in bytes of JSON.
pub const MAX_BYTES: usize = 100 * 1024;

/// Why a claim is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// It is the protocol's own.
    Reserved,
    /// Its namespace belongs to somebody else.
    ForbiddenNamespace,
    /// APIs of this server take no private claims without a namespace.
    NotNamespaced,
    /// It has no name.
    Nameless,
}

impl Dropped {
    /// What the record of the execution says.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "the name is reserved",
            Self::ForbiddenNamespace => "the namespace is reserved",
            Self::NotNamespaced => "an API of this server takes only namespaced claims",
            Self::Nameless => "it has no name",
        }
    }
}

/// Whether a claim is the protocol's own.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// Checks the name of a claim of an ID token, or of an access token that is not for an API of this
/// server.
///
/// # Errors
/// Why it is dropped.
pub fn check(name: &str) -> Result<(), Dropped> {
    if name.is_empty() {
        return Err(Dropped::Nameless);
    }
    if is_reserved(name) {
        return Err(Dropped::Reserved);
    }
    match namespace(name) {
        Some(Namespace::Forbidden) => Err(Dropped::ForbiddenNamespace),
        _ => Ok(()),
    }
}

/// Checks the name of a claim of an access token for an API of this server, such as the Management
/// API.
///
/// # Errors
/// Why it is dropped.
fn check_for_system_api(name: &str) -> Result<(), Dropped> {
    check(name)?;
    if namespace(name).is_some() || PROFILE.contains(&name) {
        return Ok(());
    }
    Err(Dropped::NotNamespaced)
}

/// Checks the name of a claim of an access token for `api`, if it is for one.
///
/// # Errors
/// Why it is dropped.
pub fn check_for(api: Option<&ResourceServer>, name: &str) -> Result<(), Dropped> {
    match api {
        Some(api) if api.is_system => check_for_system_api(name),
        _ => check(name),
    }
}

/// Whether claims weigh more than a token carries.
pub fn are_too_heavy(claims: &Map<String, Value>) -> bool {
    weight(claims) > MAX_BYTES
}

/// About how many bytes of JSON the members of an object are.
pub fn weight(members: &Map<String, Value>) -> usize {
    // Quotes, a colon and a comma.
    members.iter().map(|(name, value)| name.len() + 4 + value.to_string().len()).sum()
}

enum Namespace {
    Allowed,
    Forbidden,
}

/// The namespace of a name that is a URL or a URN, `None` of any other.
fn namespace(name: &str) -> Option<Namespace> {
    let lower = name.to_ascii_lowercase();
    if let Some(urn) = lower.strip_prefix("urn:") {
        let reserved = urn == "auth0" || urn.starts_with("auth0:");
        return Some(if reserved { Namespace::Forbidden } else { Namespace::Allowed });
    }
    if !lower.starts_with("http://") && !lower.starts_with("https://") {
        return None;
    }
    let host = url::Url::parse(name).ok()?.host_str()?.trim_end_matches('.').to_ascii_lowercase();
    let forbidden = FORBIDDEN_HOSTS.iter().any(|forbidden| {
        host.strip_suffix(forbidden).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    Some(if forbidden { Namespace::Forbidden } else { Namespace::Allowed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_claim_of_the_protocol_is_set() {
        for name in RESERVED {
            assert_eq!(check(name), Err(Dropped::Reserved), "{name}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn names_are_judged() {
        use Dropped::*;
        let cases = [
            // Name, in most tokens, for an API of this server.
            ("favorite_color", Ok(()), Err(NotNamespaced)),
            ("email", Ok(()), Ok(())),
            ("updated_at", Ok(()), Ok(())),
            ("https://example.com/roles", Ok(()), Ok(())),
            ("http://example.com", Ok(()), Ok(())),
            ("urn:example:roles", Ok(()), Ok(())),
            ("urn:auth0000", Ok(()), Ok(())),
            ("https://notauth0.com/x", Ok(()), Ok(())),
            ("https://auth0.com.example/x", Ok(()), Ok(())),
            ("https://auth0.com/x", Err(ForbiddenNamespace), Err(ForbiddenNamespace)),
            ("HTTPS://Tenant.EU.Auth0.com/x", Err(ForbiddenNamespace), Err(ForbiddenNamespace)),
            ("https://auth0.com./x", Err(ForbiddenNamespace), Err(ForbiddenNamespace)),
            ("https://me@auth0.com:443/x", Err(ForbiddenNamespace), Err(ForbiddenNamespace)),
            ("http://webtask.io", Err(ForbiddenNamespace), Err(ForbiddenNamespace)),
            ("https://x.webtask.run/", Err(ForbiddenNamespace), Err(ForbiddenNamespace)),
            ("urn:auth0:x", Err(ForbiddenNamespace), Err(ForbiddenNamespace)),
            ("URN:Auth0", Err(ForbiddenNamespace), Err(ForbiddenNamespace)),
            // No URL, so no namespace.
            ("https://", Ok(()), Err(NotNamespaced)),
            ("", Err(Nameless), Err(Nameless)),
            // Claims are compared as they are written: these are nobody's.
            ("SUB", Ok(()), Err(NotNamespaced)),
        ];
        for (name, usual, system) in cases {
            assert_eq!(check(name), usual, "{name}");
            assert_eq!(check_for_system_api(name), system, "{name}");
        }
    }

    #[test]
    fn claims_have_a_limit() {
        let claims = |length: usize| Map::from_iter([("c".to_owned(), "x".repeat(length).into())]);
        assert!(!are_too_heavy(&claims(100 * 1024 - 7)));
        assert!(are_too_heavy(&claims(100 * 1024)));
    }
}
