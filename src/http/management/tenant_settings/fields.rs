//! What may be written to the settings of the tenant.

use super::super::formats::{
    ABSOLUTE_HTTPS_URI_OR_EMPTY, ABSOLUTE_URI_OR_EMPTY, COUNTRY_CODE, EMAIL_OR_EMPTY,
};
use super::super::schema::{
    BOOLEAN, Field, Kind, array, array_of, field, integer, map, object, one_of, open, shaped, text,
};
use crate::domain::audience::Audience;

/// A hundred years, in minutes.
const MOST_MINUTES: i64 = 52_560_000;
const HOURS: Kind = integer(1, MOST_MINUTES / 60);
const MINUTES: Kind = integer(1, MOST_MINUTES);
const LINK: Kind = shaped(0, 2048, ABSOLUTE_URI_OR_EMPTY);
/// The most characters of a page of one's own.
const PAGE: Kind = text(0, 102_400);

/// The settings. Those that the server does not act upon are kept and answered.
#[rustfmt::skip]
pub const TENANT_SETTINGS: &[Field] = &[
    field("change_password", CUSTOM_PAGE, "Change Password page customization.").nullable(),
    field("device_flow", DEVICE_FLOW, "Device Flow configuration.").nullable(),
    field("guardian_mfa_page", CUSTOM_PAGE, "Guardian page customization.").nullable(),
    field("default_audience", text(0, Audience::MAX_LENGTH), "Default audience for API Authorization."),
    field("default_directory", text(0, 128), "Name of connection used for password grants at the `/token` endpoint."),
    field("error_page", ERROR_PAGE, "Error page customization.").nullable(),
    field("default_token_quota", map(&Kind::Any, 2), "Token Quota configuration.").nullable(),
    field("flags", map(&BOOLEAN, 100), "Flags used to change the behavior of this tenant."),
    field("friendly_name", text(0, 256), "Friendly name for this tenant."),
    field("picture_url", LINK, "URL of logo to be shown for this tenant (recommended size: 150x150)"),
    field("support_email", shaped(0, 320, EMAIL_OR_EMPTY), "End-user support email."),
    field("support_url", LINK, "End-user support url."),
    field("allowed_logout_urls", array_of(&LINK, 0, 100), "URLs that are valid to redirect to after logout from Auth0."),
    field("session_lifetime", HOURS, "Number of hours a session will stay valid."),
    field("session_lifetime_in_minutes", MINUTES, "Number of minutes a session will stay valid. Cannot be specified together with `session_lifetime`."),
    field("idle_session_lifetime", HOURS, "Number of hours for which a session can be inactive before the user must log in again."),
    field("idle_session_lifetime_in_minutes", MINUTES, "Number of minutes a session can be inactive before the user must log in again. Cannot be specified together with `idle_session_lifetime`."),
    field("ephemeral_session_lifetime", HOURS, "Number of hours an ephemeral (non-persistent) session will stay valid."),
    field("ephemeral_session_lifetime_in_minutes", MINUTES, "Number of minutes an ephemeral (non-persistent) session will stay valid. Cannot be specified together with `ephemeral_session_lifetime`."),
    field("idle_ephemeral_session_lifetime", HOURS, "Number of hours for which an ephemeral (non-persistent) session can be inactive before the user must log in again."),
    field("idle_ephemeral_session_lifetime_in_minutes", MINUTES, "Number of minutes an ephemeral (non-persistent) session can be inactive before the user must log in again. Cannot be specified together with `idle_ephemeral_session_lifetime`."),
    field("sandbox_version", text(0, 8), "Selected sandbox version for the extensibility environment"),
    field("legacy_sandbox_version", text(0, 8), "Selected legacy sandbox version for the extensibility environment"),
    field("default_redirection_uri", shaped(0, 2048, ABSOLUTE_HTTPS_URI_OR_EMPTY), "The default absolute redirection uri, must be https"),
    field("enabled_locales", array_of(&one_of(LOCALES), 1, 100), "Supported locales for the user interface"),
    field("security_headers", open(&[]), "Security headers configuration for tenant responses.").nullable(),
    field("session_cookie", object(SESSION_COOKIE), "Session cookie configuration").nullable(),
    field("sessions", object(SESSIONS), "Sessions related settings for tenant").nullable(),
    field("oidc_logout", object(OIDC_LOGOUT), "Settings related to OIDC RP-initiated Logout"),
    field("customize_mfa_in_postlogin_action", BOOLEAN, "Whether to enable flexible factors for MFA in the PostLogin action").nullable(),
    field("allow_organization_name_in_authentication_api", BOOLEAN, "Whether to accept an organization name instead of an ID on auth endpoints").nullable(),
    field("acr_values_supported", array_of(&text(1, 256), 0, 50), "Supported ACR values").nullable(),
    field("mtls", object(&[field("enable_endpoint_aliases", BOOLEAN, "If true, enables mTLS endpoint aliases")]), "mTLS configuration.").nullable(),
    field("pushed_authorization_requests_supported", BOOLEAN, "Enables the use of Pushed Authorization Requests").nullable(),
    field("authorization_response_iss_parameter_supported", BOOLEAN, "Supports iss parameter in authorization responses").nullable(),
    field("skip_non_verifiable_callback_uri_confirmation_prompt", BOOLEAN, "Controls whether a confirmation prompt is shown during login flows when the redirect URI uses non-verifiable callback URIs.").nullable(),
    field("resource_parameter_profile", one_of(&["audience", "compatibility"]), "Profile that determines how the identity of the protected resource can be specified in the OAuth endpoints."),
    field("client_id_metadata_document_supported", BOOLEAN, "Whether the authorization server supports retrieving client metadata from a client_id URL."),
    field("enable_ai_guide", BOOLEAN, ""),
    field("phone_consolidated_experience", BOOLEAN, "Whether Phone Consolidated Experience is enabled for this tenant."),
    field("include_session_metadata_in_tenant_logs", BOOLEAN, "Whether session metadata is included in specific tenant logs."),
    field("dynamic_client_registration_security_mode", one_of(&["strict", "permissive"]), ""),
    field("country_codes", object(&[
        field("list", array(&shaped(2, 2, COUNTRY_CODE)), "Array of ISO 3166-1 alpha-2 country codes."),
        field("mode", one_of(&["allow", "deny"]), "Whether the list is an allowlist or denylist."),
    ]), "Phone country code configuration for identifier input.").nullable(),
];

/// The languages that may be named; pages are in those that this server has.
#[rustfmt::skip]
const LOCALES: &[&str] = &[
    "am", "ar", "ar-EG", "ar-SA", "az", "bg", "bn", "bs", "ca-ES", "cnr", "cs", "cy", "da", "de",
    "el", "en", "en-CA", "es", "es-419", "es-AR", "es-MX", "et", "eu-ES", "fa", "fi", "fr",
    "fr-CA", "fr-FR", "gl-ES", "gu", "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "ka",
    "kk", "kn", "ko", "lt", "lv", "mk", "ml", "mn", "mr", "ms", "my", "nb", "nl", "nn", "no",
    "pa", "pl", "pt", "pt-BR", "pt-PT", "ro", "ru", "sk", "sl", "so", "sq", "sr", "sv", "sw",
    "ta", "te", "th", "tl", "tr", "uk", "ur", "vi", "zgh", "zh-CN", "zh-HK", "zh-MO", "zh-TW",
];

#[rustfmt::skip]
const CUSTOM_PAGE: Kind = object(&[
    field("enabled", BOOLEAN, "Whether to use the custom HTML (true) or the default page (false)."),
    field("html", PAGE, "Custom HTML (Liquid syntax supported)."),
]);

#[rustfmt::skip]
const ERROR_PAGE: Kind = object(&[
    field("html", PAGE, "Custom Error HTML (Liquid syntax is supported)."),
    field("show_log_link", BOOLEAN, "Whether to show the link to log as part of the default error page (true, default) or not to show the link (false)."),
    field("url", LINK, "URL to redirect to when an error occurs instead of showing the default error page."),
]);

#[rustfmt::skip]
const DEVICE_FLOW: Kind = object(&[
    field("charset", one_of(&["base20", "digits"]), "Character set used to generate a User Code. Can be `base20` or `digits`."),
    field("mask", text(0, 20), "Mask used to format a generated User Code into a friendly, readable format."),
]);

#[rustfmt::skip]
const SESSION_COOKIE: &[Field] = &[
    field("mode", one_of(&["persistent", "non-persistent"]), "Behavior of the session cookie").required(),
];

#[rustfmt::skip]
const SESSIONS: &[Field] = &[
    field("oidc_logout_prompt_enabled", BOOLEAN, "Whether to bypass prompting logic (false) when performing OIDC Logout"),
];

#[rustfmt::skip]
const OIDC_LOGOUT: &[Field] = &[
    field("rp_logout_end_session_endpoint_discovery", BOOLEAN, "Enable the end_session_endpoint URL in the .well-known discovery configuration"),
];
