//! Minting access tokens and ID tokens.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::crypto::{Failed, digest, signing};
use crate::domain::{
    ClientId, OrganizationId, SessionId, audience::Audience, client::Client, dpop::Thumbprint,
    resource_server::ResourceServer, scope::ScopeSet, secret::ClientSecret,
    signing_alg::SigningAlg, time::Timestamp, user::User,
};
use crate::policy::{claims, client_auth::may_be_public, custom_claims};
use crate::token::TokenService;

/// Lifetime in seconds of an access token that only `/userinfo` takes.
const USERINFO_LIFETIME: i64 = 86_400;

/// The same for one that came through the browser's address bar.
const USERINFO_LIFETIME_FOR_WEB: i64 = 7_200;

/// The longest lifetime in seconds of an access token of the console: what a stolen one could do ends
/// soon, and the console asks for another while its user is logged in.
const CONSOLE_LIFETIME: i64 = 600;

/// What an access token says.
#[derive(Debug, Clone, Copy)]
pub struct AccessToken<'a> {
    /// A user id, or `<client_id>@clients`.
    pub subject: &'a str,
    /// The client.
    pub client_id: &'a ClientId,
    /// The API; `None` for a token that only `/userinfo` takes.
    pub api: Option<&'a ResourceServer>,
    /// The scope.
    pub scope: &'a ScopeSet,
    /// The user's permissions on the API, for the dialects that carry them.
    pub permissions: Option<&'a ScopeSet>,
    /// The grant, for the grants that name themselves.
    pub gty: Option<Gty>,
    /// The organization logged in to.
    pub organization_id: Option<&'a OrganizationId>,
    /// Whether it is issued by the authorization endpoint, through the browser, and so lives
    /// shorter.
    pub for_web: bool,
    /// The key that the token is bound to, if any.
    pub confirmation: Option<&'a Thumbprint>,
    /// What scripts added.
    pub custom: Option<&'a Map<String, Value>>,
}

/// The `gty` claim of the Auth0 profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gty {
    /// `client_credentials`
    ClientCredentials,
    /// A password grant.
    Password,
    /// A refresh token that came from a password grant.
    RefreshedPassword,
}

/// What an ID token says (OIDC Core §2).
#[derive(Debug, Clone, Copy)]
pub struct IdToken<'a> {
    /// Who.
    pub user: &'a User,
    /// For whom.
    pub client: &'a Client,
    /// Which claims it releases.
    pub scope: &'a ScopeSet,
    /// The `nonce` of the authorize request; never in a refreshed one (OIDC Core §12.2).
    pub nonce: Option<&'a str>,
    /// When the user last gave a credential.
    pub auth_time: Timestamp,
    /// How.
    pub amr: &'a [String],
    /// The browser session, while it lives.
    pub session_id: Option<&'a SessionId>,
    /// The organization logged in to.
    pub organization_id: Option<&'a OrganizationId>,
    /// Its name: SDKs that asked for an organization by name look for it.
    pub organization_name: Option<&'a str>,
    /// The access token issued beside it by the authorization endpoint (OIDC Core §3.2.2.10).
    pub access_token: Option<&'a str>,
    /// The code issued beside it by the authorization endpoint (OIDC Core §3.3.2.11).
    pub code: Option<&'a str>,
    /// What scripts added. It counts more than what the user's profile says.
    pub custom: Option<&'a Map<String, Value>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Aud<'a> {
    One(&'a str),
    Two([&'a str; 2]),
}

#[derive(Serialize)]
#[serde(untagged)]
enum GtyClaim {
    One(&'static str),
    Two([&'static str; 2]),
}

#[derive(Serialize)]
struct AccessTokenClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: Aud<'a>,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    azp: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    gty: Option<GtyClaim>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<&'a ScopeSet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Cnf<'a>>,
    #[serde(flatten)]
    custom: Custom<'a>,
}

/// What scripts added to a token. Policy has dropped the protocol's own claims before; a second
/// member of the same name would leave to each verifier which one it reads, so that none may get
/// here at all.
struct Custom<'a>(Option<&'a Map<String, Value>>);

impl<'a> Custom<'a> {
    fn claims(&self) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
        self.0.into_iter().flatten().filter(|(name, _)| !custom_claims::is_reserved(name))
    }
}

impl Serialize for Custom<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.claims())
    }
}

/// The `cnf` claim of a bound token (RFC 7800, RFC 9449 §6.1).
#[derive(Serialize)]
struct Cnf<'a> {
    jkt: &'a str,
}

#[derive(Serialize)]
struct IdTokenClaims<'a> {
    #[serde(flatten)]
    profile: Map<String, Value>,
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    amr: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    c_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_name: Option<&'a str>,
}

impl TokenService {
    /// Mints an access token. Returns it with its lifetime in seconds: that of the target API.
    ///
    /// `aud` also names `/userinfo` when `openid` is in the scope.
    ///
    /// # Errors
    /// When the crypto library fails.
    pub fn mint_access_token(&self, token: &AccessToken<'_>) -> Result<(String, i64), Failed> {
        let now = self.clock.now().seconds();
        let userinfo = self.settings.userinfo_audience();
        let lifetime = match token.for_web {
            true => Self::access_token_lifetime_for_web(token.api),
            false => Self::access_token_lifetime(token.api),
        };
        let lifetime = match token.client_id.is_console() {
            true => lifetime.min(CONSOLE_LIFETIME),
            false => lifetime,
        };
        let alg = token.api.map(|api| api.signing_alg).unwrap_or_default();
        let aud = match token.api.map(|api| &api.identifier) {
            None => Aud::One(userinfo.as_str()),
            // Who shares its secret with an API could forge what `/userinfo` takes.
            Some(api) if token.scope.contains("openid") && alg != SigningAlg::Hs256 => {
                Aud::Two([api.as_str(), userinfo.as_str()])
            }
            Some(api) => Aud::One(api.as_str()),
        };
        let dialect = token.api.map(|api| api.token_dialect).unwrap_or_default();
        let rfc9068 = dialect.is_rfc9068();
        let client = token.client_id.as_str();
        let claims = AccessTokenClaims {
            iss: &self.settings.issuer,
            sub: token.subject,
            aud,
            iat: now,
            exp: now.saturating_add(lifetime),
            azp: (!rfc9068).then_some(client),
            client_id: rfc9068.then_some(client),
            jti: rfc9068.then(|| self.entropy.url_safe(22)),
            scope: token.scope.to_string(),
            gty: token.gty.filter(|_| !rfc9068).map(|gty| match gty {
                Gty::ClientCredentials => GtyClaim::One("client-credentials"),
                Gty::Password => GtyClaim::One("password"),
                Gty::RefreshedPassword => GtyClaim::Two(["refresh_token", "password"]),
            }),
            org_id: token.organization_id.map(OrganizationId::as_str),
            permissions: token.permissions.filter(|_| dialect.has_permissions()),
            cnf: token.confirmation.map(|key| Cnf { jkt: key.as_str() }),
            custom: Custom(token.custom),
        };
        let typ = if rfc9068 { "at+jwt" } else { "JWT" };
        let secret = token.api.filter(|_| alg == SigningAlg::Hs256);
        let secret = secret.map(|api| self.signing_secret(api)).transpose()?;
        Ok((self.sign(alg, secret.flatten().as_ref(), typ, &claims)?, lifetime))
    }

    /// Lifetime in seconds of an access token for `api`.
    pub fn access_token_lifetime(api: Option<&ResourceServer>) -> i64 {
        api.map_or(USERINFO_LIFETIME, |api| api.token_lifetime)
    }

    /// Lifetime in seconds of an access token for `api` that travels through the browser.
    fn access_token_lifetime_for_web(api: Option<&ResourceServer>) -> i64 {
        api.map_or(USERINFO_LIFETIME_FOR_WEB, |api| {
            api.token_lifetime_for_web.min(api.token_lifetime)
        })
    }

    /// Mints an ID token. Its content does not depend on the audience of the access token beside
    /// it.
    ///
    /// # Errors
    /// When the crypto library fails.
    pub fn mint_id_token(&self, token: &IdToken<'_>) -> Result<String, Failed> {
        let now = self.clock.now().seconds();
        let alg = token.client.jwt_configuration.alg;
        let half_hash = |text: &str| match alg {
            SigningAlg::Rs512 => digest::half_sha512(text),
            _ => digest::half_sha256(text),
        };
        let mut profile = claims::released(token.user, token.scope);
        let custom = Custom(token.custom).claims();
        profile.extend(custom.map(|(name, value)| (name.clone(), value.clone())));
        let claims = IdTokenClaims {
            profile,
            iss: &self.settings.issuer,
            sub: token.user.user_id.as_str(),
            aud: token.client.client_id.as_str(),
            iat: now,
            exp: now.saturating_add(token.client.id_token_lifetime()),
            auth_time: token.auth_time.seconds(),
            amr: token.amr,
            sid: token.session_id.map(SessionId::as_str),
            nonce: token.nonce,
            at_hash: token.access_token.map(half_hash),
            c_hash: token.code.map(half_hash),
            org_id: token.organization_id.map(OrganizationId::as_str),
            org_name: token.organization_name,
        };
        let client = token.client;
        let secret = match &client.sealed_secret {
            // The secret of a public client is no secret: anybody could forge with it.
            Some(sealed) if alg == SigningAlg::Hs256 && !may_be_public(client) => {
                Some(self.open_secret(sealed, client.client_id.as_str())?)
            }
            _ => None,
        };
        self.sign(alg, secret.as_ref(), "JWT", &claims)
    }

    fn sign(
        &self,
        alg: SigningAlg,
        secret: Option<&ClientSecret>,
        typ: &str,
        claims: &impl Serialize,
    ) -> Result<String, Failed> {
        match (alg, secret) {
            (SigningAlg::Hs256, Some(secret)) => {
                signing::sign_with_secret(secret.expose().as_bytes(), typ, claims)
            }
            (SigningAlg::Hs256, None) => Err(Failed("HS256 without a secret")),
            (alg, _) => self.keys.get().sign(alg, typ, claims),
        }
    }

    /// The audience to report beside an access token.
    pub fn reported_audience(&self, audience: Option<&Audience>) -> String {
        audience.map_or_else(
            || self.settings.userinfo_audience().as_str().to_owned(),
            |audience| audience.as_str().to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn hostile() -> Map<String, Value> {
        let reserved = custom_claims::RESERVED.iter().map(|name| ((*name).to_owned(), "x".into()));
        reserved.chain([("color".to_owned(), "blue".into())]).collect()
    }

    #[test]
    fn no_claim_of_the_protocol_is_ever_a_scripts() {
        let (hostile, scope) = (hostile(), ScopeSet::parse("read:a"));
        let mut claims = AccessTokenClaims {
            iss: "iss",
            sub: "sub",
            aud: Aud::One("aud"),
            iat: 1,
            exp: 2,
            azp: Some("azp"),
            client_id: Some("client_id"),
            jti: Some("jti".to_owned()),
            scope: scope.to_string(),
            gty: Some(GtyClaim::One("gty")),
            org_id: Some("org_id"),
            permissions: Some(&scope),
            cnf: Some(Cnf { jkt: "jkt" }),
            custom: Custom(None),
        };
        let ours = serde_json::to_value(&claims).unwrap();
        claims.custom = Custom(Some(&hostile));
        let text = serde_json::to_string(&claims).unwrap();
        for name in custom_claims::RESERVED {
            let times = text.matches(&format!("\"{name}\":")).count();
            assert_eq!(times, usize::from(ours.get(name).is_some()), "{name} in {text}");
        }
        let mut expected = ours;
        expected["color"] = json!("blue");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    }

    #[test]
    fn every_claim_that_a_token_has_of_its_own_is_reserved() {
        let of_id_tokens = [
            "iss",
            "sub",
            "aud",
            "iat",
            "exp",
            "auth_time",
            "amr",
            "sid",
            "nonce",
            "at_hash",
            "c_hash",
            "org_id",
            "org_name",
        ];
        let of_access_tokens = [
            "iss",
            "sub",
            "aud",
            "iat",
            "exp",
            "azp",
            "client_id",
            "jti",
            "scope",
            "gty",
            "org_id",
            "permissions",
            "cnf",
        ];
        for name in of_id_tokens.iter().chain(&of_access_tokens) {
            assert!(custom_claims::is_reserved(name), "{name}");
        }
        let left: Vec<_> =
            Custom(Some(&hostile())).claims().map(|(name, _)| name.clone()).collect();
        assert_eq!(left, ["color"]);
    }
}
