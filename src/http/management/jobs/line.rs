//! An item of an import file, as Auth0's documentation describes it.

use serde_json::{Map, Value};

use super::super::{
    formats::{self, EMAIL, NO_WHITE_SPACE, PHONE_NUMBER, STRICT_URI},
    schema::{
        ANY_OBJECT, BOOLEAN, Field, Kind, TEXT, array_of, field, integer, object, one_of, shaped,
        text,
    },
    validation::{self, ItemFault},
};
use crate::crypto::foreign_password::{ForeignPassword, Refused};
use crate::http::extract::management_json::{contains_nul, type_name};
use crate::login::jobs::import::{ImportedUser, LineError};

/// The longest hash, salt or key.
const SECRET: Kind = text(1, 4096);
const ENCODING: Kind = one_of(&["base64", "hex", "utf8"]);

/// The members of an item.
#[rustfmt::skip]
const LINE: &[Field] = &[
    field("email", shaped(1, 320, EMAIL), "").required(),
    field("email_verified", BOOLEAN, ""),
    field("phone_number", shaped(0, 16, PHONE_NUMBER), ""),
    field("phone_verified", BOOLEAN, ""),
    field("user_id", shaped(1, 255, NO_WHITE_SPACE), ""),
    field("username", shaped(1, 128, NO_WHITE_SPACE), ""),
    field("given_name", text(1, 150), ""),
    field("family_name", text(1, 150), ""),
    field("name", text(1, 300), ""),
    field("nickname", text(1, 300), ""),
    field("picture", shaped(1, 2048, STRICT_URI), ""),
    field("blocked", BOOLEAN, ""),
    field("password_hash", SECRET, ""),
    field("custom_password_hash", object(PASSWORD), ""),
    field("app_metadata", ANY_OBJECT, ""),
    field("user_metadata", ANY_OBJECT, ""),
    field("mfa_factors", array_of(&Kind::Any, 1, 10), ""),
];

#[rustfmt::skip]
const PASSWORD: &[Field] = &[
    field("algorithm", one_of(&[
        "argon2", "bcrypt", "hmac", "ldap", "md4", "md5", "sha1", "sha256", "sha512", "pbkdf2", "scrypt",
    ]), "").required(),
    field("hash", object(&[
        field("value", SECRET, "").required(),
        field("encoding", ENCODING, ""),
        field("digest", TEXT, ""),
        field("key", object(&[
            field("value", SECRET, "").required(),
            field("encoding", ENCODING, ""),
        ]), ""),
    ]), "").required(),
    field("salt", object(&[
        field("value", text(0, 4096), "").required(),
        field("encoding", ENCODING, ""),
        field("position", one_of(&["prefix", "suffix"]), ""),
    ]), ""),
    field("password", object(&[
        field("encoding", one_of(&["ascii", "utf8", "utf16le", "ucs2", "latin1", "binary"]), ""),
    ]), ""),
    field("keylen", integer(1, 1024), ""),
    field("cost", integer(2, i64::MAX), ""),
    field("blockSize", integer(1, u32::MAX as i64), ""),
    field("parallelization", integer(1, u32::MAX as i64), ""),
];

/// The members that are kept in the profile.
const PROFILE: &[&str] =
    &["given_name", "family_name", "name", "nickname", "picture", "phone_number", "phone_verified"];

/// Members of `app_metadata` that would be taken for those of the user.
const RESERVED: &[&str] = &[
    "__tenant",
    "_id",
    "blocked",
    "clientID",
    "created_at",
    "email_verified",
    "email",
    "globalClientID",
    "global_client_id",
    "identities",
    "lastIP",
    "lastLogin",
    "loginsCount",
    "metadata",
    "multifactor_last_modified",
    "multifactor",
    "updated_at",
    "user_id",
];

fn wrong(code: &'static str, path: &str, what: &str) -> LineError {
    let path = Some(path.to_owned()).filter(|path| !path.is_empty());
    let message = match &path {
        Some(path) => format!("Error in {path} property - {what}"),
        None => what.to_owned(),
    };
    LineError { code, message, path }
}

fn refused(member: &str, Refused { path, what }: &Refused) -> LineError {
    let path = if path.is_empty() { member.to_owned() } else { format!("{member}.{path}") };
    wrong("INVALID_FORMAT", &path, what)
}

/// Reads and checks an item.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn read(item: &Value) -> Result<ImportedUser, LineError> {
    let Value::Object(item) = item else {
        let what = format!("Expected type object but found type {}", type_name(item));
        return Err(wrong("INVALID_TYPE", "", &what));
    };
    validation::check_item(LINE, item).map_err(|ItemFault { code, what, path }| {
        // What a secret looks like is nobody's business.
        let is_secret = path.ends_with(".value") || path == "password_hash";
        let what = if is_secret { "The value is too short or too long" } else { what.as_str() };
        wrong(code, &path, what)
    })?;
    if item.values().any(contains_nul) {
        return Err(wrong("PATTERN", "", "The user contains the character U+0000"));
    }
    if item.contains_key("mfa_factors") {
        return Err(LineError {
            code: "MFA_FACTORS_FAILED",
            message: "Unable to import factors".to_owned(),
            path: Some("mfa_factors".to_owned()),
        });
    }
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    let boolean = |name: &str| item.get(name).and_then(Value::as_bool);
    let bag = |name: &str| item.get(name).and_then(Value::as_object).cloned();
    let username = text("username").map(str::to_lowercase);
    // It would be another user's address at the login page.
    if username.as_deref().is_some_and(formats::is_email) {
        return Err(wrong("PATTERN", "username", "A username cannot be an email address"));
    }
    let app_metadata = bag("app_metadata");
    let mut names = app_metadata.iter().flat_map(Map::keys);
    if let Some(name) = names.find(|name| RESERVED.contains(&name.as_str())) {
        let what = format!("The property {name} is not allowed");
        return Err(wrong("NOT_PASSED", "app_metadata", &what));
    }
    let profile = item.iter().filter(|(name, _)| PROFILE.contains(&name.as_str()));
    Ok(ImportedUser {
        local_id: text("user_id").map(str::to_owned),
        email: text("email").unwrap_or_default().to_lowercase(),
        username,
        email_verified: boolean("email_verified"),
        blocked: boolean("blocked"),
        profile: profile.map(|(name, value)| (name.clone(), value.clone())).collect(),
        user_metadata: bag("user_metadata"),
        app_metadata,
        password: password(item)?,
        password_is_custom: item.contains_key("custom_password_hash"),
    })
}

fn password(item: &Map<String, Value>) -> Result<Option<ForeignPassword>, LineError> {
    let hash = item.get("password_hash").and_then(Value::as_str);
    match (hash, item.get("custom_password_hash")) {
        (None, None) => Ok(None),
        (Some(hash), None) => {
            let password = ForeignPassword::bcrypt(hash);
            password.map(Some).map_err(|why| refused("password_hash", &why))
        }
        (None, Some(described)) => {
            let password = ForeignPassword::custom(described);
            password.map(Some).map_err(|why| refused("custom_password_hash", &why))
        }
        (Some(_), Some(_)) => {
            let what = "Only one of password_hash and custom_password_hash is allowed";
            Err(wrong("NOT_PASSED", "custom_password_hash", what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const BCRYPT: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

    #[test]
    fn an_item_is_read_as_it_is_documented() {
        let item = json!({
            "email": "John.Doe@Contoso.com", "email_verified": true, "user_id": "7", "blocked": true,
            "username": "John", "given_name": "J", "picture": "https://a.example/p.png",
            "app_metadata": { "plan": "premium" }, "user_metadata": {}, "password_hash": BCRYPT,
        });
        let user = read(&item).unwrap();
        assert_eq!(user.email, "john.doe@contoso.com");
        assert_eq!(user.username.as_deref(), Some("john"));
        assert_eq!(user.local_id.as_deref(), Some("7"));
        assert_eq!((user.email_verified, user.blocked), (Some(true), Some(true)));
        assert_eq!(user.profile.keys().collect::<Vec<_>>(), ["given_name", "picture"]);
        assert!(user.password.is_some() && !user.password_is_custom);
        assert_eq!(user.user_metadata, Some(Map::new()));
        assert!(read(&json!({ "email": "a@b.example" })).unwrap().app_metadata.is_none());
    }

    #[test]
    #[rustfmt::skip]
    fn what_is_wrong_is_named_by_code_and_path() {
        for (item, code, path) in [
            (json!([]), "INVALID_TYPE", None),
            (json!({}), "OBJECT_REQUIRED", None),
            (json!({"email": "x"}), "INVALID_FORMAT", Some("email")),
            (json!({"email": "a@b.c", "extra": 1}), "OBJECT_ADDITIONAL_PROPERTIES", None),
            (json!({"email": "a@b.c", "password": "x"}), "OBJECT_ADDITIONAL_PROPERTIES", None),
            (json!({"email": "a@b.c", "blocked": "x"}), "INVALID_TYPE", Some("blocked")),
            (json!({"email": "a@b.c", "given_name": ""}), "MIN_LENGTH", Some("given_name")),
            (json!({"email": "a@b.c", "given_name": "x".repeat(151)}), "MAX_LENGTH", Some("given_name")),
            (json!({"email": "a@b.c", "given_name": "\0"}), "PATTERN", None),
            (json!({"email": "a@b.c", "username": "a b"}), "PATTERN", Some("username")),
            (json!({"email": "a@b.c", "username": "x@y.z"}), "PATTERN", Some("username")),
            (json!({"email": "a@b.c", "app_metadata": {"user_id": 1}}), "NOT_PASSED", Some("app_metadata")),
            (json!({"email": "a@b.c", "mfa_factors": [{"totp": {"secret": "A"}}]}), "MFA_FACTORS_FAILED", Some("mfa_factors")),
            (json!({"email": "a@b.c", "mfa_factors": []}), "ARRAY_LENGTH_SHORT", Some("mfa_factors")),
            (json!({"email": "a@b.c", "password_hash": "plain"}), "INVALID_FORMAT", Some("password_hash")),
            (json!({"email": "a@b.c", "password_hash": ""}), "MIN_LENGTH", Some("password_hash")),
            (json!({"email": "a@b.c", "password_hash": BCRYPT, "custom_password_hash": {"algorithm": "bcrypt", "hash": {"value": BCRYPT}}}), "NOT_PASSED", Some("custom_password_hash")),
            (json!({"email": "a@b.c", "custom_password_hash": {"algorithm": "sha3", "hash": {"value": "x"}}}), "ENUM_MISMATCH", Some("custom_password_hash.algorithm")),
            (json!({"email": "a@b.c", "custom_password_hash": {"algorithm": "md5"}}), "OBJECT_REQUIRED", Some("custom_password_hash")),
            (json!({"email": "a@b.c", "custom_password_hash": {"algorithm": "md5", "hash": {"value": "zz", "encoding": "hex"}}}), "INVALID_FORMAT", Some("custom_password_hash.hash.value")),
            (json!({"email": "a@b.c", "custom_password_hash": {"algorithm": "scrypt", "hash": {"value": "00", "encoding": "hex"}, "keylen": 0}}), "MINIMUM", Some("custom_password_hash.keylen")),
        ] {
            let error = read(&item).expect_err(&item.to_string());
            assert_eq!((error.code, error.path.as_deref()), (code, path), "{item}: {}", error.message);
        }
    }
}
