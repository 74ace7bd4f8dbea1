//! What may be written to a user.

use super::super::formats::{EMAIL, NO_WHITE_SPACE, PHONE_NUMBER, STRICT_URI};
use super::super::schema::{ANY_OBJECT, BOOLEAN, Field, NON_EMPTY, field, shaped, text};

/// The members of a user.
#[rustfmt::skip]
pub const USER: &[Field] = &[
    field("connection", NON_EMPTY, "Name of the connection this user should be created in.").required(),
    field("email", shaped(0, 320, EMAIL), "The user's email.").removable(),
    field("email_verified", BOOLEAN, "Whether this email address is verified (true) or unverified (false)."),
    field("username", shaped(1, 128, NO_WHITE_SPACE), "The user's username. Only valid if the connection requires a username.").removable(),
    field("password", NON_EMPTY, "Initial password for this user. Only valid for auth0 connection strategy."),
    field("blocked", BOOLEAN, "Whether this user was blocked by an administrator (true) or not (false)."),
    field("user_id", shaped(0, 255, NO_WHITE_SPACE), "The external user's id provided by the identity provider.").immutable(),
    field("given_name", text(1, 150), "The user's given name(s).").removable(),
    field("family_name", text(1, 150), "The user's family name(s).").removable(),
    field("name", text(1, 300), "The user's full name.").removable(),
    field("nickname", text(1, 300), "The user's nickname.").removable(),
    field("picture", shaped(1, 2048, STRICT_URI), "A URI pointing to the user's picture.").removable(),
    field("phone_number", shaped(0, 16, PHONE_NUMBER), "The user's phone number (following the E.164 recommendation).").removable(),
    field("phone_verified", BOOLEAN, "Whether this phone number has been verified (true) or not (false)."),
    field("user_metadata", ANY_OBJECT, "User metadata to which this user has read/write access."),
    field("app_metadata", ANY_OBJECT, "User metadata to which this user has read-only access."),
    field("verify_email", BOOLEAN, "Whether the user will receive a verification email after creation (true) or no email (false)."),
    field("verify_phone_number", BOOLEAN, "Whether this user will receive a text after changing the phone number (true) or no text (false).").update_only(),
    field("client_id", NON_EMPTY, "Auth0 client ID. Only valid when updating email address.").update_only(),
];

/// The members that are kept in the profile.
pub const PROFILE: &[&str] =
    &["given_name", "family_name", "name", "nickname", "picture", "phone_number", "phone_verified"];
