//! What a script asks for by calling a method of its `api` object. A script changes nothing itself:
//! its calls are collected, judged by `policy`, and carried out by who ran it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One call, in the order in which the script made it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call", content = "args")]
pub enum Command {
    /// Refuses. `code` only where the trigger has codes, `message` is shown to the user where the
    /// trigger shows one.
    #[serde(rename = "access.deny")]
    Deny {
        /// An error code of the trigger.
        code: Option<String>,
        /// Why.
        reason: String,
        /// What the user is told.
        message: Option<String>,
    },
    /// Refuses, as only Rules can: `UnauthorizedError`.
    #[serde(rename = "access.unauthorized")]
    Unauthorized {
        /// Why.
        reason: String,
    },
    /// Refuses with a code of the operator's own.
    #[serde(rename = "validation.error")]
    ValidationError {
        /// The code.
        code: String,
        /// What the user is told.
        message: String,
    },
    /// Adds a claim to the access token.
    #[serde(rename = "accessToken.setCustomClaim")]
    SetAccessTokenClaim {
        /// Its name.
        name: String,
        /// Its value.
        value: Value,
    },
    /// Adds a claim to the ID token.
    #[serde(rename = "idToken.setCustomClaim")]
    SetIdTokenClaim {
        /// Its name.
        name: String,
        /// Its value.
        value: Value,
    },
    /// Adds a scope to the access token.
    #[serde(rename = "accessToken.addScope")]
    AddScope {
        /// The scope.
        scope: String,
    },
    /// Takes a scope from the access token.
    #[serde(rename = "accessToken.removeScope")]
    RemoveScope {
        /// The scope.
        scope: String,
    },
    /// Replaces the scopes of the access token, as only Rules can.
    #[serde(rename = "accessToken.setScope")]
    SetScope {
        /// The scopes.
        scope: Vec<String>,
    },
    /// Records a way in which the user has authenticated.
    #[serde(rename = "authentication.recordMethod")]
    RecordMethod {
        /// The URL that names it.
        name: String,
    },
    /// Sends the browser away; it is to come back to `/continue`.
    #[serde(rename = "redirect.sendUserTo")]
    SendUserTo {
        /// Where to, with its query.
        url: String,
    },
    /// Changes `app_metadata` of the user; `null` removes.
    #[serde(rename = "user.setAppMetadata")]
    SetAppMetadata {
        /// The member.
        key: String,
        /// Its value.
        value: Value,
    },
    /// Changes `user_metadata` of the user; `null` removes.
    #[serde(rename = "user.setUserMetadata")]
    SetUserMetadata {
        /// The member.
        key: String,
        /// Its value.
        value: Value,
    },
    /// Keeps a text for later executions of the trigger.
    #[serde(rename = "cache.set")]
    CacheSet {
        /// Its key.
        key: String,
        /// The text.
        value: String,
        /// Until when, in epoch milliseconds.
        expires_at: i64,
    },
    /// Forgets one.
    #[serde(rename = "cache.delete")]
    CacheDelete {
        /// Its key.
        key: String,
    },
    /// Keeps a value for the rest of this login.
    #[serde(rename = "transaction.setMetadata")]
    SetTransactionMetadata {
        /// Its key.
        key: String,
        /// A string, a number or a boolean; `null` removes.
        value: Value,
    },
    /// Ends the refresh token that is being exchanged, and refuses.
    #[serde(rename = "refreshToken.revoke")]
    RevokeRefreshToken {
        /// Why.
        reason: String,
    },
    /// Shortens the life of the refresh token.
    #[serde(rename = "refreshToken.setExpiresAt")]
    SetRefreshTokenExpiresAt {
        /// Epoch milliseconds.
        at: i64,
    },
    /// Shortens the time that the refresh token may lie unused.
    #[serde(rename = "refreshToken.setIdleExpiresAt")]
    SetRefreshTokenIdleExpiresAt {
        /// Epoch milliseconds.
        at: i64,
    },
    /// Keeps a text with the refresh token.
    #[serde(rename = "refreshToken.setMetadata")]
    SetRefreshTokenMetadata {
        /// Its key.
        key: String,
        /// The text; `None` removes.
        value: Option<String>,
    },
    /// Forgets one.
    #[serde(rename = "refreshToken.deleteMetadata")]
    DeleteRefreshTokenMetadata {
        /// Its key.
        key: String,
    },
    /// Forgets all.
    #[serde(rename = "refreshToken.evictMetadata")]
    EvictRefreshTokenMetadata {},
    /// Ends the browser session, and refuses.
    #[serde(rename = "session.revoke")]
    RevokeSession {
        /// Why.
        reason: String,
        /// Whether the refresh tokens of the session live on.
        #[serde(default)]
        preserve_refresh_tokens: bool,
    },
    /// Shortens the life of the session.
    #[serde(rename = "session.setExpiresAt")]
    SetSessionExpiresAt {
        /// Epoch milliseconds.
        at: i64,
    },
    /// Shortens the time that the session may lie unused.
    #[serde(rename = "session.setIdleExpiresAt")]
    SetSessionIdleExpiresAt {
        /// Epoch milliseconds.
        at: i64,
    },
    /// Whether the cookie of the session outlives the browser.
    #[serde(rename = "session.setCookieMode")]
    SetSessionCookieMode {
        /// `persistent` or `non-persistent`.
        mode: String,
    },
    /// Keeps a text with the session.
    #[serde(rename = "session.setMetadata")]
    SetSessionMetadata {
        /// Its key.
        key: String,
        /// The text; `None` removes.
        value: Option<String>,
    },
    /// Forgets one.
    #[serde(rename = "session.deleteMetadata")]
    DeleteSessionMetadata {
        /// Its key.
        key: String,
    },
    /// Forgets all.
    #[serde(rename = "session.evictMetadata")]
    EvictSessionMetadata {},
}
