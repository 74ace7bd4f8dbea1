//! What may be written to an API.

use super::super::formats::{NO_ANGLE_BRACKETS, SCOPE};
use super::super::schema::{
    BOOLEAN, Field, Kind, array, array_of, field, integer, object, one_of, open, shaped, text,
};
use crate::domain::audience::Audience;

/// The longest lifetime of an access token in seconds.
const MOST_LIFETIME: i64 = 2_592_000;

/// The members of an API. Those that the server does not act upon are kept and answered.
#[rustfmt::skip]
pub const RESOURCE_SERVER: &[Field] = &[
    field("name", shaped(0, 200, NO_ANGLE_BRACKETS), "Friendly name for this resource server. Can not contain `<` or `>` characters."),
    field("identifier", text(1, Audience::MAX_LENGTH), "Unique identifier for the API used as the audience parameter on authorization calls. Can not be changed once set.").required().immutable(),
    field("scopes", array_of(&SCOPE_OF_API, 0, 1000), "List of permissions (scopes) that this API uses."),
    field("signing_alg", one_of(&["HS256", "RS256", "RS512", "PS256", "ES256", "EdDSA"]), "Algorithm used to sign JWTs."),
    field("signing_secret", text(16, 1024), "Secret used to sign tokens when using symmetric algorithms (HS256)."),
    field("allow_offline_access", BOOLEAN, "Whether refresh tokens can be issued for this API (true) or not (false)."),
    field("allow_online_access", BOOLEAN, "Whether Online Refresh Tokens can be issued for this API (true) or not (false)."),
    field("allow_online_access_with_ephemeral_sessions", BOOLEAN, "Whether Online Refresh Tokens can be issued even when sessions are configured as ephemeral (true) or not (false)."),
    field("token_lifetime", integer(0, MOST_LIFETIME), "Expiration value (in seconds) for access tokens issued for this API from the token endpoint."),
    field("token_lifetime_for_web", integer(0, MOST_LIFETIME), "Expiration value (in seconds) for access tokens issued for this API via Implicit or Hybrid Flows. Cannot be greater than the `token_lifetime` value."),
    field("token_lifetime_for_anonymous_access_tokens", integer(0, MOST_LIFETIME), "Expiration value (in seconds) for anonymous access tokens issued for this API.").nullable(),
    field("token_dialect", one_of(&["access_token", "access_token_authz", "rfc9068_profile", "rfc9068_profile_authz"]), "Dialect of issued access token. `access_token` is a JWT containing standard Auth0 claims; `rfc9068_profile` is a JWT conforming to the IETF JWT Access Token Profile. `access_token_authz` and `rfc9068_profile_authz` additionally include RBAC permissions claims."),
    field("skip_consent_for_verifiable_first_party_clients", BOOLEAN, "Whether to skip user consent for applications flagged as first party (true) or not (false)."),
    field("enforce_policies", BOOLEAN, "Whether to enforce authorization policies (true) or to ignore them (false)."),
    field("token_encryption", TOKEN_ENCRYPTION, "").nullable(),
    field("consent_policy", one_of(&["transactional-authorization-with-mfa"]), "").nullable(),
    field("authorization_details", array(&Kind::Any), "").nullable(),
    field("proof_of_possession", PROOF_OF_POSSESSION, "Proof-of-Possession configuration for access tokens").nullable(),
    field("subject_type_authorization", SUBJECT_TYPE_AUTHORIZATION, "Defines application access permission for a resource server"),
    field("authorization_policy", AUTHORIZATION_POLICY, "Authorization policy for the resource server.").nullable(),
];

#[rustfmt::skip]
const SCOPE_OF_API: Kind = object(&[
    field("value", shaped(1, 280, SCOPE), "Value of this scope.").required(),
    field("description", text(0, 500), "User-friendly description of this scope."),
]);

#[rustfmt::skip]
const TOKEN_ENCRYPTION: Kind = object(&[
    field("format", one_of(&["compact-nested-jwe"]), "Format of the encrypted JWT payload.").required(),
    field("encryption_key", object(&[
        field("name", text(1, 128), "Name of the encryption key."),
        field("alg", one_of(&["RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512"]), "Algorithm used to encrypt the token.").required(),
        field("kid", text(1, 128), "Key ID."),
        field("pem", text(1, 4096), "PEM-formatted public key. Must be JSON escaped.").required(),
    ]), "").required(),
]);

#[rustfmt::skip]
const PROOF_OF_POSSESSION: Kind = object(&[
    field("mechanism", one_of(&["mtls", "dpop"]), "Intended mechanism for Proof-of-Possession").required(),
    field("required", BOOLEAN, "Whether the use of Proof-of-Possession is required for the resource server").required(),
    field("required_for", one_of(&["public_clients", "all_clients"]), "Specifies which client types require Proof-of-Possession"),
]);

#[rustfmt::skip]
const SUBJECT_TYPE_AUTHORIZATION: Kind = object(&[
    field("user", open(&[
        field("policy", one_of(&["allow_all", "deny_all", "require_client_grant"]), "Defines the user flows policy for the resource server"),
    ]), "Access Permissions for user flows"),
    field("client", open(&[
        field("policy", one_of(&["deny_all", "require_client_grant"]), "Defines the client flows policy for the resource server"),
    ]), "Access Permissions for client flows"),
    field("anonymous_user", open(&[
        field("policy", one_of(&["allow_all", "deny_all", "require_client_grant"]), ""),
    ]), "Access Permissions for anonymous users"),
]);

#[rustfmt::skip]
const AUTHORIZATION_POLICY: Kind = object(&[
    field("policy_id", text(1, 1024), "The ID of the authorization policy to apply.").required(),
]);
