//! What may be written to a client.

use super::super::formats::{ABSOLUTE_URI_OR_EMPTY, NO_ANGLE_BRACKETS};
use super::super::schema::{
    ANY_OBJECT, BOOLEAN, Field, Kind, NON_EMPTY, TEXT, array, array_of, field, filled_object,
    integer, map, object, one_of, open, shaped, text,
};
use crate::domain::{audience::Audience, logout::BackchannelLogout};

const LONG: i64 = i32::MAX as i64;
const STRINGS: Kind = array(&TEXT);
const NON_EMPTY_STRINGS: Kind = array(&NON_EMPTY);

/// The members of a client. Those that the server does not act upon are kept and answered.
#[rustfmt::skip]
pub const CLIENT: &[Field] = &[
    field("name", shaped(0, 256, NO_ANGLE_BRACKETS), "Name of this client (min length: 1 character, does not allow `<` or `>`).").required(),
    field("description", text(0, 140), "Free text description of this client (max length: 140 characters)."),
    field("client_secret", text(1, 512), "The secret used to sign tokens for the client").update_only(),
    field("logo_uri", shaped(0, 2048, ABSOLUTE_URI_OR_EMPTY), "URL of the logo to display for this client. Recommended size is 150x150 pixels."),
    field("callbacks", STRINGS, "Comma-separated list of URLs whitelisted for Auth0 to use as a callback to the client after authentication."),
    field("oidc_logout", BACKCHANNEL_LOGOUT, "Configuration for OIDC backchannel logout").removable(),
    field("oidc_backchannel_logout", BACKCHANNEL_LOGOUT, "Configuration for OIDC backchannel logout (deprecated, in favor of oidc_logout)").removable(),
    field("session_transfer", SESSION_TRANSFER, "Native to Web SSO Configuration").nullable(),
    field("allowed_origins", STRINGS, "Comma-separated list of URLs allowed to make requests from JavaScript to Auth0 API (typically used with CORS)."),
    field("web_origins", STRINGS, "Comma-separated list of allowed origins for use with Cross-Origin Authentication, Device Flow, and web message response mode."),
    field("client_aliases", NON_EMPTY_STRINGS, "List of audiences/realms for SAML protocol. Used by the wsfed addon."),
    field("allowed_clients", NON_EMPTY_STRINGS, "List of allow clients and API ids that are allowed to make delegation requests. Empty means all all your clients are allowed."),
    field("allowed_logout_urls", STRINGS, "Comma-separated list of URLs that are valid to redirect to after logout from Auth0. Wildcards are allowed for subdomains."),
    field("grant_types", NON_EMPTY_STRINGS, "List of grant types supported for this application."),
    field("token_endpoint_auth_method", one_of(&["none", "client_secret_post", "client_secret_basic"]), "Defines the requested authentication method for the token endpoint. Can be `none` (public client without a client secret), `client_secret_post` (client uses HTTP POST parameters), or `client_secret_basic` (client uses HTTP Basic).").removable(),
    field("is_token_endpoint_ip_header_trusted", BOOLEAN, "If true, trust that the IP specified in the `auth0-forwarded-for` header is the end-user's IP for brute-force-protection on token endpoint."),
    field("app_type", one_of(APP_TYPES), "The type of application this client represents"),
    field("is_first_party", BOOLEAN, "Whether this client a first party client or not"),
    field("oidc_conformant", BOOLEAN, "Whether this client conforms to strict OIDC specifications (true) or uses legacy features (false)."),
    field("jwt_configuration", JWT_CONFIGURATION, "Configuration related to JWTs for the client."),
    field("encryption_key", ENCRYPTION_KEY, "Encryption used for WsFed responses with this client.").nullable(),
    field("sso", BOOLEAN, "Applies only to SSO clients and determines whether Auth0 will handle Single Sign On (true) or whether the Identity Provider will (false)."),
    field("cross_origin_authentication", BOOLEAN, "Whether this client can be used to make cross-origin authentication requests (true) or it is not allowed to make such requests (false)."),
    field("cross_origin_loc", shaped(0, 2048, ABSOLUTE_URI_OR_EMPTY), "URL of the location in your site where the cross origin verification takes place for the cross-origin auth flow when performing Auth in your own domain instead of Auth0 hosted login page.").removable(),
    field("sso_disabled", BOOLEAN, "<code>true</code> to disable Single Sign On, <code>false</code> otherwise (default: <code>false</code>)"),
    field("custom_login_page_on", BOOLEAN, "<code>true</code> if the custom login page is to be used, <code>false</code> otherwise. Defaults to <code>true</code>"),
    field("custom_login_page", TEXT, "The content (HTML, CSS, JS) of the custom login page."),
    field("custom_login_page_preview", TEXT, "The content (HTML, CSS, JS) of the custom login page. (Used on Previews)"),
    field("form_template", TEXT, "HTML form template to be used for WS-Federation."),
    field("addons", object(ADDONS), "Addons enabled for this client and their associated configurations.").removable(),
    field("client_metadata", CLIENT_METADATA, "Metadata associated with the client, in the form of an object with string values (max 255 chars).  Maximum of 10 metadata properties allowed."),
    field("mobile", MOBILE, "Additional configuration for native mobile apps."),
    field("initiate_login_uri", shaped(0, 2048, ABSOLUTE_URI_OR_EMPTY), "Initiate login uri, must be https"),
    field("native_social_login", NATIVE_SOCIAL_LOGIN, "Configure native social settings").removable(),
    field("fedcm_login", FEDCM_LOGIN, "Configure FedCM login settings for New Universal Login").removable(),
    field("refresh_token", object(REFRESH_TOKEN), "Refresh token configuration").nullable(),
    field("default_organization", DEFAULT_ORGANIZATION, "Defines the default Organization ID and flows").nullable(),
    field("organization_usage", one_of(&["deny", "allow", "require"]), "Defines how to proceed during an authentication transaction with regards an organization. Can be `deny` (default), `allow` or `require`.").removable(),
    field("organization_require_behavior", one_of(&["no_prompt", "pre_login_prompt", "post_login_prompt"]), "Defines how to proceed during an authentication transaction when `organization_usage: 'require'`. Can be `no_prompt` (default), `pre_login_prompt` or `post_login_prompt`.").removable(),
    field("organization_discovery_methods", array_of(&one_of(&["email", "organization_name"]), 1, 2), "Defines the available methods for organization discovery during the `pre_login_prompt`.").removable(),
    field("client_authentication_methods", CLIENT_AUTHENTICATION_METHODS, "Defines client authentication methods.").removable(),
    field("require_pushed_authorization_requests", BOOLEAN, "Makes the use of Pushed Authorization Requests mandatory for this client"),
    field("require_proof_of_possession", BOOLEAN, "Makes the use of Proof-of-Possession mandatory for this client"),
    field("signed_request_object", SIGNED_REQUEST_OBJECT, "JWT-secured Authorization Requests (JAR) settings."),
    field("token_vault_privileged_access", TOKEN_VAULT, "Settings for Token Vault Privileged Access.").removable(),
    field("compliance_level", one_of(&["none", "fapi1_adv_pkj_par", "fapi1_adv_mtls_par", "fapi2_sp_pkj_mtls", "fapi2_sp_mtls_mtls"]), "Defines the compliance level for this client, which may restrict it's capabilities").nullable(),
    field("skip_non_verifiable_callback_uri_confirmation_prompt", BOOLEAN, "Controls whether a confirmation prompt is shown during login flows when the redirect URI uses non-verifiable callback URIs.").removable(),
    field("token_exchange", TOKEN_EXCHANGE, "Configuration for token exchange.").removable(),
    field("par_request_expiry", integer(10, 600), "Specifies how long, in seconds, a Pushed Authorization Request URI remains valid").nullable(),
    field("token_quota", TOKEN_QUOTA, "").removable(),
    field("resource_server_identifier", text(1, Audience::MAX_LENGTH), "The identifier of the resource server that this client is linked to.").immutable(),
    field("third_party_security_mode", one_of(&["strict", "permissive"]), "Security mode for third-party clients.").immutable(),
    field("redirection_policy", one_of(&["allow_always", "open_redirect_protection"]), "Controls whether Auth0 redirects users to the application's callback URL on authentication errors or in email verification flows."),
    field("express_configuration", EXPRESS_CONFIGURATION, "Application specific configuration for use with the OIN Express Configuration feature.").removable(),
    field("my_organization_configuration", MY_ORGANIZATION, "Configuration related to the My Organization Configuration for the client.").removable(),
    field("async_approval_notification_channels", array_of(&one_of(&["guardian-push", "email"]), 1, 2), "Array of notification channels for contacting the user when their approval is required. Valid values are `guardian-push`, `email`.").removable(),
    field("b2b_integration_configuration", ANY_OBJECT, "").removable(),
    field("anonymous_sessions", ANY_OBJECT, "").removable(),
    field("identity_assertion_authorization_grant", ANY_OBJECT, "").removable(),
];

/// The bag that each client may carry.
const CLIENT_METADATA: Kind = map(&text(0, 255), 10);

/// The most policies of one client.
const MOST_POLICIES: usize = 100;

#[rustfmt::skip]
const REFRESH_TOKEN: &[Field] = &[
    field("rotation_type", one_of(&["rotating", "non-rotating"]), "Refresh token rotation types, one of: rotating, non-rotating").required(),
    field("expiration_type", one_of(&["expiring", "non-expiring"]), "Refresh token expiration types, one of: expiring, non-expiring").required(),
    field("leeway", integer(0, LONG), "Period in seconds where the previous refresh token can be exchanged without triggering breach detection"),
    field("token_lifetime", integer(1, 157_788_000), "Period (in seconds) for which refresh tokens will remain valid"),
    field("infinite_token_lifetime", BOOLEAN, "Prevents tokens from having a set lifetime when `true` (takes precedence over `token_lifetime` values)"),
    field("idle_token_lifetime", integer(1, LONG), "Period (in seconds) for which refresh tokens will remain valid without use"),
    field("infinite_idle_token_lifetime", BOOLEAN, "Prevents tokens from expiring without use when `true` (takes precedence over `idle_token_lifetime` values)"),
    POLICIES,
];

/// Which APIs a refresh token may be exchanged for.
#[rustfmt::skip]
pub const POLICIES: Field = field("policies", array_of(&object(POLICY), 1, MOST_POLICIES), "A collection of policies governing multi-resource refresh token exchange (MRRT), defining how refresh tokens can be used across different resource servers").nullable();

#[rustfmt::skip]
const POLICY: &[Field] = &[
    field("audience", text(1, Audience::MAX_LENGTH), "The identifier of the resource server to which the Multi Resource Refresh Token Policy applies").required(),
    field("scope", array_of(&text(1, 280), 0, 1000), "The resource server permissions granted under the Multi Resource Refresh Token Policy, defining the context in which an access token can be used").required(),
];

const APP_TYPES: &[&str] = &[
    "native",
    "spa",
    "regular_web",
    "non_interactive",
    "resource_server",
    "express_configuration",
    "rms",
    "box",
    "cloudbees",
    "concur",
    "dropbox",
    "mscrm",
    "echosign",
    "egnyte",
    "newrelic",
    "office365",
    "salesforce",
    "sentry",
    "sharepoint",
    "slack",
    "springcm",
    "zendesk",
    "zoom",
    "sso_integration",
    "oag",
];

#[rustfmt::skip]
const JWT_CONFIGURATION: Kind = open(&[
    field("lifetime_in_seconds", integer(1, LONG), "Number of seconds the JWT will be valid for (affects `exp` claim)."),
    field("secret_encoded", BOOLEAN, "Whether the client secret is base64 encoded (true) or unencoded (false)."),
    field("scopes", ANY_OBJECT, "Configuration related to id token claims for the client."),
    field("alg", one_of(&["HS256", "RS256", "RS512", "PS256"]), "Algorithm used to sign JWTs."),
]);

#[rustfmt::skip]
const BACKCHANNEL_LOGOUT: Kind = open(&[
    field("backchannel_logout_urls", array_of(&shaped(0, 2048, ABSOLUTE_URI_OR_EMPTY), 0, BackchannelLogout::MOST_URLS), "Comma-separated list of URLs that are valid to call back from Auth0 for OIDC backchannel logout. Currently only one URL is allowed."),
    field("backchannel_logout_initiators", open(&[
        field("mode", one_of(&["custom", "all"]), "The `mode` property determines the configuration method for enabling initiators."),
        field("selected_initiators", STRINGS, ""),
    ]), "Configuration for OIDC backchannel logout initiators"),
    field("backchannel_logout_session_metadata", open(&[
        field("include", BOOLEAN, "The `include` property determines whether session metadata is included in the logout token."),
    ]), "Controls whether session metadata is included in the logout token. Default value is null.").nullable(),
]);

#[rustfmt::skip]
const SESSION_TRANSFER: Kind = object(&[
    field("can_create_session_transfer_token", BOOLEAN, "Indicates whether an app can issue a Session Transfer Token through Token Exchange."),
    field("enforce_cascade_revocation", BOOLEAN, "Indicates whether revoking the parent Refresh Token that initiated a Native to Web flow should trigger a cascade revocation affecting its dependent child entities."),
    field("allowed_authentication_methods", array(&one_of(&["cookie", "query"])), "Indicates whether an app can create a session from a Session Transfer Token received via indicated methods. Can include `cookie` and/or `query`.").nullable(),
    field("enforce_device_binding", one_of(&["ip", "asn", "none"]), "Indicates whether device binding security should be enforced for the app."),
    field("allow_refresh_token", BOOLEAN, "Indicates whether Refresh Tokens are allowed to be issued when authenticating with a Session Transfer Token."),
    field("enforce_online_refresh_tokens", BOOLEAN, "Indicates whether Refresh Tokens created during a Native to Web session are tied to that session's lifetime."),
    field("delegation", object(&[
        field("allow_delegated_access", BOOLEAN, "Indicates whether delegation (impersonation) access is allowed using Session Transfer Tokens."),
        field("enforce_device_binding", one_of(&["ip", "asn"]), "Indicates the device binding enforcement for delegation (impersonation) access."),
    ]), "Configuration for delegation (impersonation) access using Session Transfer Tokens").nullable(),
]);

#[rustfmt::skip]
const ENCRYPTION_KEY: Kind = open(&[
    field("pub", TEXT, "Encryption Public RSA Key."),
    field("cert", TEXT, "Encryption certificate for public key in X.509 (.CER) format."),
    field("subject", TEXT, "Encryption certificate name for this certificate in the format `/CN={domain}`."),
]);

#[rustfmt::skip]
const MOBILE: Kind = open(&[
    field("android", open(&[
        field("app_package_name", TEXT, "App package name found in AndroidManifest.xml."),
        field("sha256_cert_fingerprints", array_of(&NON_EMPTY, 1, usize::MAX), "SHA256 fingerprints of the app's signing certificate."),
    ]), "Android native app configuration."),
    field("ios", open(&[
        field("team_id", TEXT, "Identifier assigned to the Apple account that signs and uploads the app to the store."),
        field("app_bundle_identifier", TEXT, "Assigned by developer to the app as its unique identifier inside the store."),
    ]), "iOS native app configuration."),
]);

#[rustfmt::skip]
const ENABLED: Kind = filled_object(&[
    field("enabled", BOOLEAN, "Determine whether or not to allow signing in natively"),
]);
#[rustfmt::skip]
const NATIVE_SOCIAL_LOGIN: Kind = filled_object(&[
    field("apple", ENABLED, "Native Social Login support for the Apple connection").removable(),
    field("facebook", ENABLED, "Native Social Login support for the Facebook connection").removable(),
    field("google", ENABLED, "Native Social Login support for the google-oauth2 connection").removable(),
]);
#[rustfmt::skip]
const FEDCM_LOGIN: Kind = filled_object(&[
    field("google", filled_object(&[
        field("is_enabled", BOOLEAN, "When true, shows the Google FedCM prompt on New Universal Login for this client"),
    ]), "Google FedCM configuration for this client").removable(),
]);

#[rustfmt::skip]
const DEFAULT_ORGANIZATION: Kind = object(&[
    field("organization_id", NON_EMPTY, "The default Organization ID to be used").required(),
    field("flows", array(&one_of(&["client_credentials"])), "The default Organization usage").required(),
]);

#[rustfmt::skip]
const TOKEN_EXCHANGE: Kind = object(&[
    field("allow_any_profile_of_type", array(&one_of(&["custom_authentication", "on_behalf_of_token_exchange"])), "List the enabled token exchange types for this client."),
]);

#[rustfmt::skip]
const TOKEN_QUOTA: Kind = object(&[
    field("client_credentials", filled_object(&[
        field("enforce", BOOLEAN, "If enabled, the quota will be enforced and requests in excess of the quota will fail."),
        field("per_day", integer(1, LONG), "Maximum number of issued tokens per day"),
        field("per_hour", integer(1, LONG), "Maximum number of issued tokens per hour"),
    ]), "The token quota configuration").required(),
]);

#[rustfmt::skip]
const SIGNED_REQUEST_OBJECT: Kind = object(&[
    field("required", BOOLEAN, "Indicates whether the JAR requests are mandatory"),
    field("credentials", array(&ANY_OBJECT), ""),
]);
#[rustfmt::skip]
const TOKEN_VAULT: Kind = object(&[
    field("credentials", array(&ANY_OBJECT), "").required(),
    field("ip_allowlist", STRINGS, ""),
]);

#[rustfmt::skip]
const CREDENTIALS: Kind = object(&[
    field("credentials", array(&ANY_OBJECT), "Credentials that will be enabled on the client.").required(),
]);
#[rustfmt::skip]
const CLIENT_AUTHENTICATION_METHODS: Kind = filled_object(&[
    field("private_key_jwt", CREDENTIALS, "Defines `private_key_jwt` client authentication method.").removable(),
    field("tls_client_auth", CREDENTIALS, "Defines `tls_client_auth` client authentication method.").removable(),
    field("self_signed_tls_client_auth", CREDENTIALS, "Defines `self_signed_tls_client_auth` client authentication method.").removable(),
]);

#[rustfmt::skip]
const EXPRESS_CONFIGURATION: Kind = object(&[
    field("initiate_login_uri_template", TEXT, "The URI users should bookmark to log in to this application.").required(),
    field("user_attribute_profile_id", TEXT, "The ID of the user attribute profile to use for this application.").required(),
    field("connection_profile_id", TEXT, "The ID of the connection profile to use for this application.").required(),
    field("enable_client", BOOLEAN, "When true, all connections made via express configuration will be enabled for this application.").required(),
    field("enable_organization", BOOLEAN, "When true, all connections made via express configuration will have the associated organization enabled.").required(),
    field("linked_clients", array(&object(&[field("client_id", TEXT, "The ID of the linked client.").required()])), "List of client IDs that are linked to this express configuration (e.g. web or mobile clients)."),
    field("okta_oin_client_id", TEXT, "This is the unique identifier for the Okta OIN Express Configuration Client, which Okta will use for this application.").required(),
    field("admin_login_domain", NON_EMPTY, "This is the domain that admins are expected to log in via for authenticating for express configuration.").required(),
    field("oin_submission_id", text(1, 200), "The identifier of the published application in the OKTA OIN."),
]);

#[rustfmt::skip]
const MY_ORGANIZATION: Kind = object(&[
    field("connection_profile_id", TEXT, "The connection profile ID that this client should validate against."),
    field("user_attribute_profile_id", TEXT, "The user attribute profile ID that this client should validate against."),
    field("allowed_strategies", STRINGS, "The allowed connection strategies for the My Organization Configuration.").required(),
    field("connection_deletion_behavior", one_of(&["allow", "allow_if_empty"]), "The deletion behavior for this client.").required(),
    field("invitation_landing_client_id", TEXT, "The client ID this client uses while creating invitations through My Organization API."),
]);

/// The server has none of these integrations; their settings are kept as they come.
#[rustfmt::skip]
const ADDONS: &[Field] = &[
    addon("aws"), addon("azure_blob"), addon("azure_sb"), addon("rms"), addon("mscrm"),
    addon("slack"), addon("sentry"), addon("box"), addon("cloudbees"), addon("concur"),
    addon("dropbox"), addon("echosign"), addon("egnyte"), addon("firebase"), addon("newrelic"),
    addon("office365"), addon("salesforce"), addon("salesforce_api"),
    addon("salesforce_sandbox_api"), addon("samlp"), addon("layer"), addon("sap_api"),
    addon("sharepoint"), addon("springcm"), addon("wams"), addon("wsfed"), addon("zendesk"),
    addon("zoom"), addon("sso_integration"), addon("oag"),
];

const fn addon(name: &'static str) -> Field {
    field(name, ANY_OBJECT, "").nullable()
}
