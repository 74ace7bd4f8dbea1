//! Applications (RFC 6749 §2), as far as the protocol reads them.

use serde::Deserialize;

use crate::domain::{
    ClientId, CredentialId, audience::Audience, logout::BackchannelLogout, scope::ScopeSet,
    signing_alg::SigningAlg,
};

/// How an application authenticates at the token endpoint (`token_endpoint_auth_method`,
/// RFC 7591 §2).
///
/// `client_secret_jwt` is not among the values, as it is not in Auth0's: an application of either
/// secret method may also sign an assertion with its secret (HS256). `private_key_jwt` is set in
/// [`ClientAuthenticationMethods`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// Public: has no secret that it could keep.
    None,
    /// The secret in the body.
    ClientSecretPost,
    /// The secret in an `Authorization: Basic` header.
    ClientSecretBasic,
}

/// An application. Built from the document that the Management API stores: members that the
/// protocol does not read are ignored here and kept there.
#[derive(Debug, Clone, Deserialize)]
pub struct Client {
    /// Not part of the document: the store fills it in.
    #[serde(skip, default = "no_id")]
    pub client_id: ClientId,
    /// Its secret, sealed: signs ID tokens with HS256. The store fills it in.
    #[serde(skip)]
    pub sealed_secret: Option<Vec<u8>>,
    /// Whether it is "All Applications": no application, but a place for what concerns all.
    #[serde(default, rename = "global")]
    pub is_global: bool,
    /// What people see on the consent page.
    #[serde(default)]
    pub name: String,
    /// `spa`, `native`, `regular_web`, `non_interactive` or a kind without meaning here.
    #[serde(default)]
    pub app_type: Option<String>,
    /// Whether the application belongs to the operator of this server.
    #[serde(default = "yes")]
    pub is_first_party: bool,
    /// Grants it may use.
    #[serde(default)]
    pub grant_types: Vec<String>,
    /// Redirect URIs.
    #[serde(default)]
    pub callbacks: Vec<String>,
    /// Where `/v2/logout` may redirect.
    #[serde(default)]
    pub allowed_logout_urls: Vec<String>,
    /// Origins that may call with CORS, beside those of the callbacks.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// Origins that may receive `web_message` responses.
    #[serde(default)]
    pub web_origins: Vec<String>,
    /// `None` when it was never chosen: then the kind of application decides.
    #[serde(default)]
    pub token_endpoint_auth_method: Option<AuthMethod>,
    /// Takes the place of `token_endpoint_auth_method`: the two are never set together.
    #[serde(default)]
    pub client_authentication_methods: Option<ClientAuthenticationMethods>,
    /// Whether `/authorize` takes pushed requests only (RFC 9126 §6).
    #[serde(default)]
    pub require_pushed_authorization_requests: bool,
    /// Lifetime of a pushed request in seconds, `None` for [`Client::DEFAULT_PAR_REQUEST_EXPIRY`].
    #[serde(default)]
    pub par_request_expiry: Option<i64>,
    /// Refresh-token settings.
    #[serde(default)]
    pub refresh_token: Option<RefreshTokenSettings>,
    /// ID-token settings.
    #[serde(default)]
    pub jwt_configuration: JwtConfiguration,
    /// Whether users log in to it as members of an organization.
    #[serde(default)]
    pub organization_usage: Option<OrganizationUsage>,
    /// Whether it gets no token without a proof of possession (RFC 9449 §5.2).
    #[serde(default)]
    pub require_proof_of_possession: bool,
    /// Where it hears of the end of sessions.
    #[serde(default)]
    pub oidc_logout: Option<BackchannelLogout>,
    /// The same under its deprecated name.
    #[serde(default)]
    pub oidc_backchannel_logout: Option<BackchannelLogout>,
}

/// The methods that need registered keys (`client_authentication_methods`).
#[derive(Debug, Clone, Deserialize)]
pub struct ClientAuthenticationMethods {
    /// Assertions signed with a private key (OIDC Core §9). Once set, no other method is taken.
    #[serde(default)]
    pub private_key_jwt: Option<PrivateKeyJwt>,
}

/// The keys of `private_key_jwt`.
#[derive(Debug, Clone, Deserialize)]
pub struct PrivateKeyJwt {
    /// Those that count. Without one the application cannot authenticate at all.
    pub credentials: Vec<CredentialReference>,
}

/// Names a key.
#[derive(Debug, Clone, Deserialize)]
pub struct CredentialReference {
    /// Its id.
    pub id: CredentialId,
}

/// Whether users log in as members of an organization (`organization_usage`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrganizationUsage {
    /// Naming an organization is an error.
    Deny,
    /// May be named.
    Allow,
    /// Must be named.
    Require,
}

/// ID-token settings of an application (`jwt_configuration`).
#[derive(Debug, Clone, Default, Deserialize)]
pub struct JwtConfiguration {
    /// Lifetime of ID tokens in seconds.
    #[serde(default)]
    pub lifetime_in_seconds: Option<i64>,
    /// How ID tokens are signed.
    #[serde(default)]
    pub alg: SigningAlg,
}

/// Whether a refresh token is replaced at each exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RotationType {
    /// Each exchange returns a successor (RFC 9700 §4.14.2).
    Rotating,
    /// The same token is returned.
    NonRotating,
}

/// Whether refresh tokens expire at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExpirationType {
    /// By the lifetimes.
    Expiring,
    /// Never.
    NonExpiring,
}

/// Refresh-token settings of an application (`refresh_token`). Times in seconds.
#[derive(Debug, Clone, Deserialize)]
pub struct RefreshTokenSettings {
    /// Whether each exchange returns a successor.
    pub rotation_type: RotationType,
    /// Whether tokens expire.
    pub expiration_type: ExpirationType,
    /// Time in which the previous token still answers; `None` when never given.
    #[serde(default)]
    pub leeway: Option<i64>,
    /// Absolute lifetime, from the login on.
    #[serde(default = "RefreshTokenSettings::default_token_lifetime")]
    pub token_lifetime: i64,
    /// Wins over `token_lifetime`.
    #[serde(default)]
    pub infinite_token_lifetime: bool,
    /// Lifetime since the last exchange.
    #[serde(default = "RefreshTokenSettings::default_idle_token_lifetime")]
    pub idle_token_lifetime: i64,
    /// Wins over `idle_token_lifetime`.
    #[serde(default)]
    pub infinite_idle_token_lifetime: bool,
    /// Which APIs a refresh token may be exchanged for, and with which scopes.
    #[serde(default)]
    pub policies: Option<Vec<RefreshTokenPolicy>>,
}

/// One entry of `refresh_token.policies`: the multi-resource part.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RefreshTokenPolicy {
    /// The API.
    pub audience: Audience,
    /// The scopes allowed for it.
    pub scope: ScopeSet,
}

impl RefreshTokenSettings {
    const fn default_token_lifetime() -> i64 {
        2_592_000
    }
    const fn default_idle_token_lifetime() -> i64 {
        1_296_000
    }
}

impl Default for RefreshTokenSettings {
    /// Rotating and expiring for every kind of application (RFC 9700 §4.14.2).
    fn default() -> Self {
        Self {
            rotation_type: RotationType::Rotating,
            expiration_type: ExpirationType::Expiring,
            leeway: None,
            token_lifetime: Self::default_token_lifetime(),
            infinite_token_lifetime: false,
            idle_token_lifetime: Self::default_idle_token_lifetime(),
            infinite_idle_token_lifetime: false,
            policies: None,
        }
    }
}

/// The `client_id` of the console at `/admin/`. This server makes and keeps it; the Management API
/// does not know it, so that nobody takes it away or uses it for something else.
const CONSOLE: &str = "doorward-console";

impl ClientId {
    /// The console's.
    pub fn console() -> Self {
        Self::new(CONSOLE)
    }
    /// Whether it is the console's.
    pub fn is_console(&self) -> bool {
        self.as_str() == CONSOLE
    }
}

impl Client {
    /// Lifetime of an ID token in seconds when the application does not set one.
    pub const DEFAULT_ID_TOKEN_LIFETIME: i64 = 36_000;
    /// Lifetime of a pushed authorize request in seconds when the application does not set one:
    /// the browser is on its way already (RFC 9126 §2.2 suggests 5 to 600).
    pub const DEFAULT_PAR_REQUEST_EXPIRY: i64 = 30;

    /// Whether `grant_type` is enabled. The two password grants are one permission.
    pub fn allows_grant(&self, grant_type: &str) -> bool {
        self.grant_types.iter().any(|g| g == grant_type)
    }
    /// Whether its users log in as members of an organization only.
    pub fn requires_organization(&self) -> bool {
        self.organization_usage == Some(OrganizationUsage::Require)
    }
    /// The refresh-token settings in force.
    pub fn refresh_token_settings(&self) -> RefreshTokenSettings {
        self.refresh_token.clone().unwrap_or_default()
    }
    /// The policy entries, none when multi-resource refresh tokens are off.
    pub fn policies(&self) -> &[RefreshTokenPolicy] {
        self.refresh_token.as_ref().and_then(|r| r.policies.as_deref()).unwrap_or_default()
    }
    /// The same application with other policy entries, to judge a draft of them.
    pub fn with_policies(&self, policies: Vec<RefreshTokenPolicy>) -> Self {
        let policies = Some(policies);
        let refresh_token = RefreshTokenSettings { policies, ..self.refresh_token_settings() };
        Self { refresh_token: Some(refresh_token), ..self.clone() }
    }
    /// The keys that its assertions may be signed with, `None` when `private_key_jwt` is not its
    /// method.
    pub fn private_key_jwt(&self) -> Option<&[CredentialReference]> {
        let methods = self.client_authentication_methods.as_ref()?;
        methods.private_key_jwt.as_ref().map(|method| method.credentials.as_slice())
    }
    /// Lifetime of pushed authorize requests in seconds.
    pub fn pushed_request_lifetime(&self) -> i64 {
        self.par_request_expiry.unwrap_or(Self::DEFAULT_PAR_REQUEST_EXPIRY)
    }
    /// Where it hears of the end of sessions; the current name wins over the deprecated one.
    pub fn backchannel_logout(&self) -> Option<&BackchannelLogout> {
        self.oidc_logout.as_ref().or(self.oidc_backchannel_logout.as_ref())
    }
    /// Lifetime of ID tokens in seconds.
    pub fn id_token_lifetime(&self) -> i64 {
        self.jwt_configuration.lifetime_in_seconds.unwrap_or(Self::DEFAULT_ID_TOKEN_LIFETIME)
    }
}

fn yes() -> bool {
    true
}

fn no_id() -> ClientId {
    ClientId::new("")
}
