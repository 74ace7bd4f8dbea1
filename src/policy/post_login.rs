//! What the calls of post-login scripts amount to. Scripts ask; this decides, and whoever ran them
//! carries it out.
//!
//! A call that cannot be granted is dropped and noted, unless doing without it could let somebody
//! in who should not be: then the login is refused.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::domain::{
    action::{
        command::Command,
        outcome::{Changes, Customised},
    },
    resource_server::ResourceServer,
    scope::{OIDC_SCOPES, ScopeSet},
    tenant::CookieMode,
};
use crate::policy::custom_claims::{self, weight};

/// How a login came about, as `event.transaction.protocol` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `response_type=code`
    AuthorizationCode,
    /// `response_type` names tokens only.
    Implicit,
    /// `response_type` names a code and tokens.
    Hybrid,
    /// The exchange of a refresh token.
    RefreshToken,
    /// A password grant.
    Password,
    /// A one-time code at the token endpoint.
    Passwordless,
    /// A device code.
    DeviceCode,
}

impl Protocol {
    /// As scripts see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "oidc-basic-profile",
            Self::Implicit => "oidc-implicit-profile",
            Self::Hybrid => "oidc-hybrid-profile",
            Self::RefreshToken => "oauth2-refresh-token",
            Self::Password => "oauth2-password",
            // What Auth0 calls logins by direct calls of its own, other than the password grants.
            Self::Passwordless => "oauth2-resource-owner",
            Self::DeviceCode => "oauth2-device-code",
        }
    }
    /// The one that scripts see so.
    pub fn parse(name: &str) -> Option<Self> {
        [
            Self::AuthorizationCode,
            Self::Implicit,
            Self::Hybrid,
            Self::RefreshToken,
            Self::Password,
            Self::Passwordless,
            Self::DeviceCode,
        ]
        .into_iter()
        .find(|protocol| protocol.as_str() == name)
    }
    /// Whether a browser waits for the answer.
    pub const fn has_browser(self) -> bool {
        matches!(self, Self::AuthorizationCode | Self::Implicit | Self::Hybrid)
    }
}

/// What the calls are judged by.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// How the login came about.
    pub protocol: Protocol,
    /// Whether the browser may be sent away.
    pub can_redirect: bool,
    /// Whether the user has come back from where the script sent the browser.
    pub continues: bool,
    /// The API of the access token, if any.
    pub api: Option<&'a ResourceServer>,
    /// The metadata of the session before.
    pub session_metadata: Option<&'a Map<String, Value>>,
    /// The metadata of the refresh token before.
    pub refresh_token_metadata: Option<&'a Map<String, Value>>,
}

/// How scripts ended a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It is refused.
    Denied(Denial),
    /// The browser is sent to this URL, and is to come back.
    Redirect(String),
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// `error`
    pub error: &'static str,
    /// `error_description`
    pub description: String,
    /// What else ends.
    pub revokes: Revokes,
}

/// What ends with a refused login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revokes {
    /// Nothing.
    Nothing,
    /// The refresh token that is being exchanged.
    RefreshToken,
    /// The browser session.
    Session {
        /// Whether its refresh tokens live on.
        preserve_refresh_tokens: bool,
    },
}

impl Denial {
    /// A refusal of which nothing else follows.
    pub fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self { error, description: description.into(), revokes: Revokes::Nothing }
    }
    /// A redirect is demanded where none can be.
    pub fn interaction_required() -> Self {
        Self::new("interaction_required", "The login cannot go on without a redirect")
    }
}

/// What all scripts together have decided so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The scopes of the access token.
    pub scope: ScopeSet,
    /// What is different about the tokens.
    pub customised: Customised,
    /// What changes in the session.
    pub session: Changes,
    /// How long the browser keeps the session from now on.
    pub cookie_mode: Option<CookieMode>,
    /// Changes of `app_metadata` by member; `null` removes.
    pub app_metadata: Map<String, Value>,
    /// Changes of `user_metadata` by member; `null` removes.
    pub user_metadata: Map<String, Value>,
    /// `event.transaction.metadata`
    pub transaction_metadata: Map<String, Value>,
    /// Ways in which the user has authenticated beside the one of the session.
    pub methods: Vec<String>,
    /// How the login ends, if not well. A login that goes on later has not ended.
    #[serde(skip)]
    pub end: Option<End>,
    /// What was not granted, for the record of the execution.
    pub notes: Vec<String>,
}

/// The most that the changes of `app_metadata`, or of `user_metadata`, may weigh, in bytes.
const USER_METADATA_BYTES: usize = 32 * 1024;
/// Entries of the metadata of a session or a refresh token.
const METADATA_ENTRIES: usize = 25;
/// The longest key and value of them, in characters.
const METADATA_CHARACTERS: usize = 255;
/// The longest key of a transaction's metadata, in characters.
const TRANSACTION_KEY: usize = 64;
/// The longest value of it, in bytes.
const TRANSACTION_VALUE: usize = 8 * 1024;
/// The most that a transaction's metadata may weigh, in bytes.
const TRANSACTION_BYTES: usize = 16 * 1024;
/// The longest URL of a redirect, in bytes.
const URL_BYTES: usize = 8 * 1024;
/// The longest name of a way to authenticate, in bytes.
const METHOD_BYTES: usize = 255;
/// The most notes that are kept of one login.
const NOTES: usize = 100;
/// The longest reason that is told, in characters.
const REASON: usize = 1024;

impl Decision {
    /// Nothing decided yet: the login is granted `scope`.
    pub fn new(scope: ScopeSet) -> Self {
        Self { scope, ..Self::default() }
    }

    /// Whether the next script is to be run.
    pub const fn goes_on(&self) -> bool {
        self.end.is_none()
    }

    /// Takes in the calls of one script. Those after a refusal count too: it ends the login after
    /// the script, not within it.
    pub fn fold(&mut self, ground: &Ground<'_>, commands: Vec<Command>) {
        for command in commands {
            self.take(ground, command);
        }
        let Customised { access_token, id_token, .. } = &self.customised;
        let too_heavy = [(access_token, "access token"), (id_token, "ID token")]
            .into_iter()
            .find(|(claims, _)| custom_claims::are_too_heavy(claims));
        if let Some((_, token)) = too_heavy {
            let limit = custom_claims::MAX_BYTES / 1024;
            let text = format!("The custom claims of the {token} exceed {limit} KB");
            self.deny(Denial::new("access_denied", text));
        }
    }

    /// Refuses, because a script came to no good end.
    pub fn script_failed(&mut self, message: &str) {
        self.deny(Denial::new("access_denied", shortened(message)));
    }

    /// The first refusal counts, and every one counts more than a redirect.
    fn deny(&mut self, denial: Denial) {
        if !matches!(self.end, Some(End::Denied(_))) {
            self.end = Some(End::Denied(denial));
        }
    }

    fn note(&mut self, what: impl Into<String>) {
        if self.notes.len() < NOTES {
            self.notes.push(what.into());
        }
    }

    fn take(&mut self, ground: &Ground<'_>, command: Command) {
        match command {
            Command::Deny { .. }
            | Command::Unauthorized { .. }
            | Command::ValidationError { .. }
            | Command::RevokeRefreshToken { .. }
            | Command::RevokeSession { .. }
            | Command::SendUserTo { .. } => self.take_end(ground, command),
            Command::SetAccessTokenClaim { name, value } => {
                match custom_claims::check_for(ground.api, &name) {
                    Ok(()) => drop(self.customised.access_token.insert(name, value)),
                    Err(why) => self.claim_dropped(&name, "access token", why),
                }
            }
            Command::SetIdTokenClaim { name, value } => match custom_claims::check(&name) {
                Ok(()) => drop(self.customised.id_token.insert(name, value)),
                Err(why) => self.claim_dropped(&name, "ID token", why),
            },
            Command::AddScope { .. } | Command::RemoveScope { .. } | Command::SetScope { .. } => {
                self.take_scope(ground, command);
            }
            Command::RecordMethod { name } => self.record_method(ground, name),
            Command::SetAppMetadata { key, value } => {
                self.app_metadata.insert(key, value);
                self.check_user_metadata();
            }
            Command::SetUserMetadata { key, value } => {
                self.user_metadata.insert(key, value);
                self.check_user_metadata();
            }
            Command::SetTransactionMetadata { key, value } => self.keep(key, value),
            // Carried out at once, by who ran the script: the next one reads it.
            Command::CacheSet { .. } | Command::CacheDelete { .. } => {}
            other => self.take_change(ground, other),
        }
    }

    fn claim_dropped(&mut self, name: &str, token: &str, why: custom_claims::Dropped) {
        let name = shortened(name);
        self.note(format!("claim {name} was not added to the {token}: {}", why.as_str()));
    }

    /// Calls that end the login.
    fn take_end(&mut self, ground: &Ground<'_>, command: Command) {
        let denied = |text: &str| Denial::new("access_denied", shortened(text));
        match command {
            Command::Deny { reason, .. } => self.deny(denied(&reason)),
            Command::Unauthorized { reason } => {
                self.deny(Denial::new("unauthorized", shortened(&reason)));
            }
            Command::ValidationError { code, message } => {
                self.note(format!("validation error {}", shortened(&code)));
                self.deny(denied(&message));
            }
            Command::RevokeRefreshToken { reason } => {
                let revokes = match ground.protocol {
                    Protocol::RefreshToken => Revokes::RefreshToken,
                    // There is none yet, and there will be none.
                    _ => Revokes::Nothing,
                };
                self.deny(Denial { revokes, ..denied(&reason) });
            }
            Command::RevokeSession { reason, preserve_refresh_tokens } => {
                let revokes = Revokes::Session { preserve_refresh_tokens };
                self.deny(Denial { revokes, ..denied(&reason) });
            }
            Command::SendUserTo { url } => match redirect_target(&url) {
                _ if !ground.can_redirect => self.deny(Denial::interaction_required()),
                Some(url) if self.end.is_none() => self.end = Some(End::Redirect(url)),
                Some(_) => self.note("redirect: only the first one counts"),
                None => self.deny(denied("The URL of a redirect must be http or https")),
            },
            _ => {}
        }
    }

    /// Calls that change the scopes. A scope that nobody defines says nothing, and whether there is
    /// a refresh token is not for a script to grant.
    fn take_scope(&mut self, ground: &Ground<'_>, command: Command) {
        let defined = ground.api.map(ResourceServer::defined_scopes).unwrap_or_default();
        let had_offline_access = self.scope.contains("offline_access");
        let may_be = |scope: &str| match scope {
            "offline_access" => had_offline_access,
            _ => OIDC_SCOPES.contains(&scope) || defined.contains(scope),
        };
        match command {
            Command::AddScope { scope } if may_be(&scope) => self.scope.insert(&scope),
            Command::AddScope { scope } => self.scope_dropped(&scope),
            Command::RemoveScope { scope } => self.scope = self.scope.filtered(|s| s != scope),
            Command::SetScope { scope } => {
                let wanted: ScopeSet = scope.iter().map(String::as_str).collect();
                self.scope = wanted.filtered(may_be);
                wanted.filtered(|scope| !may_be(scope)).iter().for_each(|s| self.scope_dropped(s));
            }
            _ => {}
        }
    }

    fn scope_dropped(&mut self, scope: &str) {
        let why = match scope {
            "offline_access" => "only the login itself can ask for it",
            _ => "the API does not define it",
        };
        self.note(format!("scope {} was not added: {why}", shortened(scope)));
    }

    fn record_method(&mut self, ground: &Ground<'_>, name: String) {
        let is_url = name.len() <= METHOD_BYTES
            && !name.contains(char::is_whitespace)
            && Url::parse(&name).is_ok();
        if !ground.continues {
            self.note("authentication: a method is recorded after a redirect only");
        } else if !is_url {
            self.note("authentication: the name of a method must be a URL");
        } else if !self.methods.contains(&name) {
            self.methods.push(name);
        }
    }

    fn check_user_metadata(&mut self) {
        let changes =
            [(&self.app_metadata, "app_metadata"), (&self.user_metadata, "user_metadata")];
        let too_heavy =
            changes.into_iter().find(|(changes, _)| weight(changes) > USER_METADATA_BYTES);
        if let Some((_, name)) = too_heavy {
            let text = format!("Failed to set {name}: the changes exceed 32 kB");
            self.deny(Denial::new("access_denied", text));
        }
    }

    /// Keeps a value for the rest of the login.
    fn keep(&mut self, key: String, value: Value) {
        let problem = match &value {
            Value::Null => return drop(self.transaction_metadata.remove(&key)),
            _ if key.is_empty() => Some("a key is empty"),
            _ if key.chars().count() > TRANSACTION_KEY => Some("a key exceeds 64 characters"),
            Value::String(text) if text.len() > TRANSACTION_VALUE => Some("a value exceeds 8 kB"),
            Value::String(_) | Value::Number(_) | Value::Bool(_) => None,
            _ => Some("a value is neither a string, a number nor a boolean"),
        };
        self.transaction_metadata.insert(key, value);
        let problem = problem.or_else(|| {
            let too_heavy = weight(&self.transaction_metadata) > TRANSACTION_BYTES;
            too_heavy.then_some("it exceeds 16 kB")
        });
        if let Some(problem) = problem {
            let text = format!("Failed to set transaction metadata: Invalid metadata: {problem}");
            self.deny(Denial::new("access_denied", text));
        }
    }

    /// Calls that change the session or the refresh token.
    fn take_change(&mut self, ground: &Ground<'_>, command: Command) {
        let session = &mut self.session;
        let token = &mut self.customised.refresh_token;
        match command {
            Command::SetRefreshTokenExpiresAt { at } => earliest(&mut token.expires_at, at),
            Command::SetRefreshTokenIdleExpiresAt { at } => {
                earliest(&mut token.idle_expires_at, at);
            }
            Command::SetSessionExpiresAt { at } => earliest(&mut session.expires_at, at),
            Command::SetSessionIdleExpiresAt { at } => earliest(&mut session.idle_expires_at, at),
            Command::SetSessionCookieMode { mode } => match CookieMode::parse(&mode) {
                Some(mode) => self.cookie_mode = Some(mode),
                None => self.note("session: unknown cookie mode"),
            },
            other => self.take_metadata(ground, other),
        }
    }

    /// Calls that change the metadata of the session or the refresh token.
    fn take_metadata(&mut self, ground: &Ground<'_>, command: Command) {
        let of_session = matches!(
            command,
            Command::SetSessionMetadata { .. }
                | Command::DeleteSessionMetadata { .. }
                | Command::EvictSessionMetadata {}
        );
        let (changes, before, what) = match of_session {
            true => (&mut self.session, ground.session_metadata, "session"),
            false => {
                let token = &mut self.customised.refresh_token;
                (token, ground.refresh_token_metadata, "refresh token")
            }
        };
        let metadata = changes.metadata.get_or_insert_with(|| before.cloned().unwrap_or_default());
        let problem = match command {
            Command::SetSessionMetadata { key, value: Some(value) }
            | Command::SetRefreshTokenMetadata { key, value: Some(value) } => {
                set_metadata(metadata, key, value)
            }
            Command::SetSessionMetadata { key, value: None }
            | Command::SetRefreshTokenMetadata { key, value: None }
            | Command::DeleteSessionMetadata { key }
            | Command::DeleteRefreshTokenMetadata { key } => {
                metadata.remove(&key);
                None
            }
            Command::EvictSessionMetadata {} | Command::EvictRefreshTokenMetadata {} => {
                metadata.clear();
                None
            }
            _ => None,
        };
        if let Some(problem) = problem {
            let text = format!("Failed to set {what} metadata: Invalid metadata: {problem}");
            self.deny(Denial::new("access_denied", text));
        }
    }
}

/// Adds an entry, or says why it cannot be one.
fn set_metadata(
    metadata: &mut Map<String, Value>,
    key: String,
    value: String,
) -> Option<&'static str> {
    let is_long = |text: &str| text.chars().count() > METADATA_CHARACTERS;
    if key.is_empty() {
        return Some("a key is empty");
    }
    if is_long(&key) {
        return Some("a key exceeds 255 characters");
    }
    if is_long(&value) {
        return Some("a value exceeds 255 characters");
    }
    if metadata.len() >= METADATA_ENTRIES && !metadata.contains_key(&key) {
        return Some("it exceeds 25 entries");
    }
    metadata.insert(key, value.into());
    None
}

/// Where a script may send the browser, as it is written into a header: `None` for what is no web
/// page. A script URL would run in this server's own origin.
fn redirect_target(url: &str) -> Option<String> {
    if url.len() > URL_BYTES {
        return None;
    }
    let url = Url::parse(url).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.host_str().is_some();
    is_web.then(|| url.to_string())
}

fn earliest(end: &mut Option<i64>, at: i64) {
    *end = Some(end.map_or(at, |end| end.min(at)));
}

/// A text of a script, cut to what an answer carries.
fn shortened(text: &str) -> String {
    text.chars().take(REASON).collect()
}

#[cfg(test)]
mod tests;
