//! What may be written to a connection.

use super::super::{
    formats::CONNECTION_NAME,
    schema::{
        ANY_OBJECT, BOOLEAN, Field, Kind, NON_EMPTY, array_of, field, filled_object, integer, map,
        object, one_of, open, shaped, text,
    },
};

/// Most characters of a name.
const NAME_LENGTH: usize = 128;

/// The connection itself. Its options depend on its strategy.
#[rustfmt::skip]
pub const CONNECTION: &[Field] = &[
    field("name", shaped(0, NAME_LENGTH, CONNECTION_NAME), "The name of the connection. Must start and end with an alphanumeric character and can only contain alphanumeric characters and '-'. Max length 128").required().immutable(),
    field("display_name", text(0, NAME_LENGTH), "Connection name used in the new universal login experience"),
    field("strategy", one_of(STRATEGIES), "The identity provider identifier for the connection").required().immutable(),
    field("options", ANY_OBJECT, "The connection's options (depend on the connection strategy)").removable(),
    field("enabled_clients", array_of(&CLIENT_ID, 0, 10_000), "Use of this property is NOT RECOMMENDED. Use the PATCH /v2/connections/{id}/clients endpoint to enable the connection for a set of clients.").removable(),
    field("is_domain_connection", BOOLEAN, "<code>true</code> promotes to a domain-level connection so that third-party applications can use it. <code>false</code> does not promote the connection, so only first-party applications with the connection enabled can use it. (Defaults to <code>false</code>.)"),
    field("show_as_button", BOOLEAN, "Enables showing a button for the connection in the login page (new experience only). If false, it will be usable only by HRD. (Defaults to <code>false</code>.)"),
    field("realms", array_of(&text(1, 255), 0, 100), "Defines the realms for which the connection will be used (ie: email domains). If the array is empty or the property is not specified, the connection name will be added as realm."),
    field("metadata", map(&text(0, 255), 10), "Metadata associated with the connection in the form of an object with string values (max 255 chars).  Maximum of 10 metadata properties allowed."),
    field("authentication", object(&[ACTIVE]), "Configure the purpose of a connection to be used for authentication during login."),
    field("connected_accounts", object(&[ACTIVE, field("cross_app_access", BOOLEAN, "")]), "Configure the purpose of a connection to be used for connected accounts and Token Vault."),
    field("cross_app_access_requesting_app", object(&[ACTIVE]), "Configure the connection to be used as a Requesting Application for Cross App Access."),
];
const ACTIVE: Field = field("active", BOOLEAN, "").required();
const CLIENT_ID: Kind = text(1, 255);

/// The options of a database.
#[rustfmt::skip]
pub const DATABASE: Field = field("options", open(&[
    field("validation", object(&[
        field("username", object(&[
            field("min", integer(1, 128), "").required(),
            field("max", integer(1, 128), "").required(),
        ]), "").nullable(),
    ]), "Options for validation").nullable(),
    field("non_persistent_attrs", array_of(&text(0, 255), 0, 96), "An array of user fields that should not be stored in the Auth0 database (https://auth0.com/docs/security/data-security/denylist)").nullable(),
    field("precedence", array_of(&one_of(IDENTIFIERS), 3, 3), "Order of precedence for attribute types. If the property is not specified, the default precedence of attributes will be used."),
    field("attributes", filled_object(&[
        field("email", ANY_OBJECT, "Configuration for the email attribute for users."),
        field("phone_number", ANY_OBJECT, "Configuration for the phone number attribute for users."),
        field("username", ANY_OBJECT, "Configuration for the username attribute for users."),
    ]), "Attribute configuration"),
    field("enable_script_context", BOOLEAN, "Set to true to inject context into custom DB scripts (warning: cannot be disabled once enabled)"),
    field("enabledDatabaseCustomization", BOOLEAN, "Set to true to use a legacy user store"),
    field("import_mode", BOOLEAN, "Enable this if you have a legacy user store and you want to gradually migrate those users to the Auth0 user store"),
    field("configuration", map(&NON_EMPTY, 100), "Stores encrypted string only configurations for connections").nullable(),
    field("customScripts", ANY_OBJECT, "A map of scripts used to integrate with a custom database."),
    field("authentication_methods", object(&[
        field("password", object(&[
            field("enabled", BOOLEAN, "Determines whether passwords are enabled"),
            field("api_behavior", one_of(&["required", "optional"]), "Specifies the API behavior for password authentication"),
            field("signup_behavior", one_of(&["allow", "block"]), "Specifies the signup behavior for password authentication"),
        ]), "Password authentication enablement"),
        field("passkey", object(ENABLED), "Passkey authentication enablement"),
        field("email_otp", object(ENABLED), "Email OTP authentication enablement"),
        field("phone_otp", object(ENABLED), "Phone OTP authentication enablement"),
    ]), "Options for enabling authentication methods.").nullable(),
    field("passkey_options", object(&[
        field("challenge_ui", one_of(&["both", "autofill", "button"]), "Controls the UI used to challenge the user for their passkey."),
        field("progressive_enrollment_enabled", BOOLEAN, "Enables or disables progressive enrollment of passkeys for the connection."),
        field("local_enrollment_enabled", BOOLEAN, "Enables or disables enrollment prompt for local passkey when user authenticates using a cross-device passkey for the connection."),
    ]), "Options for the passkey authentication method").nullable(),
    field("passwordPolicy", one_of(&["none", "low", "fair", "good", "excellent", "None"]), "Password strength level").nullable(),
    field("password_complexity_options", object(&[
        field("min_length", integer(1, 128), "Minimum password length"),
    ]), "Password complexity options").nullable(),
    field("password_history", object(&[
        field("enable", BOOLEAN, "").required(),
        field("size", integer(0, 24), ""),
    ]), "Options for password history policy").nullable(),
    field("password_no_personal_info", object(&[
        field("enable", BOOLEAN, "").required(),
    ]), "Options for personal info in passwords policy").nullable(),
    field("password_dictionary", object(&[
        field("enable", BOOLEAN, "").required(),
        field("dictionary", array_of(&text(0, 50), 0, 200), "Custom Password Dictionary. An array of up to 200 entries."),
    ]), "Options for password dictionary policy").nullable(),
    field("password_options", ANY_OBJECT, "Password policy options for flexible password policy configuration"),
    field("mfa", object(&[
        field("active", BOOLEAN, ""),
        field("return_enroll_settings", BOOLEAN, ""),
    ]), "Multi-factor authentication configuration"),
    field("strategy_version", integer(1, 2), ""),
    field("brute_force_protection", BOOLEAN, "Enables Auth0's brute force protection to prevent credential stuffing attacks."),
    field("disable_signup", BOOLEAN, "When true, prevents new user registration through this connection."),
    field("disable_self_service_change_password", BOOLEAN, "Indicates whether to disable self-service change password."),
    field("requires_username", BOOLEAN, "Requires users to have a username in addition to their email address"),
    field("realm_fallback", BOOLEAN, "Enables realm fallback for connection"),
]), "The connection's options (depend on the connection strategy)");
const IDENTIFIERS: &[&str] = &["email", "phone_number", "username"];
const ENABLED: &[Field] = &[field("enabled", BOOLEAN, "")];

/// The options of codes that are mailed.
#[rustfmt::skip]
pub const EMAIL: Field = field("options", open(&[
    field("name", text(3, NAME_LENGTH), "Connection name"),
    field("disable_signup", BOOLEAN, "When true, prevents new user registration through this connection."),
    field("brute_force_protection", BOOLEAN, "Enables Auth0's brute force protection to prevent credential stuffing attacks."),
    field("email", object(&[
        field("body", text(0, 20_480), "Email body content"),
        field("from", text(1, 1024), "From email address"),
        field("subject", text(1, 1024), "Email subject line"),
        field("syntax", one_of(&["liquid"]), "Email template syntax type"),
    ]), "Email template configuration"),
    field("totp", object(&[
        field("length", integer(4, 40), "Length of the TOTP code"),
        field("time_step", integer(60, 86_400), "Time step for TOTP in seconds"),
    ]), "TOTP configuration"),
    field("non_persistent_attrs", array_of(&text(0, 255), 0, 96), "An array of user fields that should not be stored in the Auth0 database (https://auth0.com/docs/security/data-security/denylist)").nullable(),
]), "The connection's options (depend on the connection strategy)");

/// An item of `PATCH /connections/{id}/clients`.
#[rustfmt::skip]
pub const CLIENT_STATUS: Kind = array_of(&Kind::Object(super::super::schema::Object {
    fields: &[
        field("client_id", CLIENT_ID, "The client_id of the client whose status will be changed. Note that the limit per PATCH request is 50 clients.").required(),
        field("status", BOOLEAN, "Whether the connection is enabled or not for this client_id").required(),
    ],
    others: None,
    min: 0,
    max: usize::MAX,
}), 1, 50);

/// Every strategy that Auth0 knows.
#[rustfmt::skip]
pub const STRATEGIES: &[&str] = &[
    "ad", "adfs", "amazon", "apple", "dropbox", "bitbucket", "auth0-oidc", "auth0", "baidu",
    "bitly", "box", "custom", "daccount", "dwolla", "email", "evernote-sandbox", "evernote",
    "exact", "facebook", "fitbit", "github", "google-apps", "google-oauth2", "instagram", "ip",
    "line", "linkedin", "oauth1", "oauth2", "office365", "oidc", "okta", "paypal",
    "paypal-sandbox", "pingfederate", "planningcenter", "salesforce-community",
    "salesforce-sandbox", "salesforce", "samlp", "sharepoint", "shopify", "shop", "sms",
    "soundcloud", "thirtysevensignals", "twitter", "untappd", "vkontakte", "waad", "weibo",
    "windowslive", "wordpress", "yahoo", "yandex",
];
