//! What the Actions of a client-credentials exchange decide: whether the application gets its token,
//! and what the token says beside the claims of the protocol.

use serde_json::{Map, Value};

use crate::domain::{
    action::{command::Command, shown},
    resource_server::ResourceServer,
};
use crate::policy::custom_claims;

/// What the Actions decided so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CredentialsExchange {
    /// What the access token says beside the claims of the protocol.
    pub claims: Map<String, Value>,
    /// Why there will be no token.
    pub denied: Option<Denied>,
    /// What was asked for and not done, for the record of the execution.
    pub notes: Vec<String>,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// `error`
    pub error: &'static str,
    /// `error_description`
    pub description: String,
}

impl Denied {
    /// The refusal when an Action failed: nobody gets a token because the check of the operator did
    /// not come to an end.
    pub fn failed(message: &str) -> Self {
        Self { error: "access_denied", description: shown(message) }
    }
}

impl CredentialsExchange {
    /// Judges what one Action asked for. After a refusal the next Action is not to be run.
    pub fn hear(&mut self, api: &ResourceServer, commands: &[Command]) {
        for command in commands {
            match command {
                Command::Deny { code, reason, .. } => self.deny(code.as_deref(), reason),
                Command::SetAccessTokenClaim { name, value } => self.set_claim(api, name, value),
                // The cache is kept by who runs the Actions; nothing else can be asked for here.
                _ => {}
            }
        }
        if custom_claims::are_too_heavy(&self.claims) {
            let limit = custom_claims::MAX_BYTES / 1024;
            let text = format!("The custom claims of the access token exceed {limit} KB");
            self.denied.get_or_insert_with(|| Denied::failed(&text));
        }
    }

    /// The first refusal stands. A code that the trigger does not have is none of the operator's.
    fn deny(&mut self, code: Option<&str>, reason: &str) {
        let error = match code {
            Some("invalid_scope") => "invalid_scope",
            Some("invalid_request") => "invalid_request",
            Some("server_error") => "server_error",
            _ => "access_denied",
        };
        self.denied.get_or_insert_with(|| Denied { error, description: shown(reason) });
    }

    fn set_claim(&mut self, api: &ResourceServer, name: &str, value: &Value) {
        match custom_claims::check_for(Some(api), name) {
            Ok(()) => drop(self.claims.insert(name.to_owned(), value.clone())),
            Err(why) => self.notes.push(format!(
                "claim {} was not added to the access token: {}",
                shown(name),
                why.as_str()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn api(is_system: bool) -> ResourceServer {
        let api: ResourceServer = serde_json::from_value(json!({})).unwrap();
        ResourceServer { is_system, ..api }
    }

    fn heard(is_system: bool, asked: Value) -> CredentialsExchange {
        let commands: Vec<Command> = serde_json::from_value(asked).unwrap();
        let mut exchange = CredentialsExchange::default();
        exchange.hear(&api(is_system), &commands);
        exchange
    }

    #[test]
    fn a_refusal_has_one_of_the_codes_of_the_trigger() {
        for (code, error) in [
            (json!("invalid_scope"), "invalid_scope"),
            (json!("invalid_request"), "invalid_request"),
            (json!("server_error"), "server_error"),
            (json!("invalid_grant"), "access_denied"),
            (Value::Null, "access_denied"),
        ] {
            let deny = |code: &Value, reason: &str| {
                let args = json!({ "code": code, "reason": reason, "message": null });
                json!({ "call": "access.deny", "args": args })
            };
            let heard = heard(false, json!([deny(&code, "no"), deny(&json!("server_error"), "2")]));
            let expected = Denied { error, description: "no".to_owned() };
            assert_eq!(heard.denied, Some(expected), "{code}");
        }
    }

    #[test]
    fn claims_are_added_but_for_those_of_the_protocol() {
        let claim = |name: &str| json!({ "call": "accessToken.setCustomClaim", "args": { "name": name, "value": [1] } });
        let asked =
            json!([claim("plain"), claim("https://x.example/y"), claim("sub"), claim("gty")]);
        let usual = heard(false, asked.clone());
        assert_eq!(json!(usual.claims), json!({ "plain": [1], "https://x.example/y": [1] }));
        assert_eq!(usual.notes.len(), 2);
        let system = heard(true, asked);
        assert_eq!(json!(system.claims), json!({ "https://x.example/y": [1] }));
        assert_eq!(system.notes.len(), 3);
        assert_eq!((usual.denied, system.denied), (None, None));
    }

    #[test]
    fn claims_that_no_token_carries_refuse_it() {
        let long = "x".repeat(custom_claims::MAX_BYTES);
        let asked = json!([{ "call": "accessToken.setCustomClaim", "args": { "name": "a", "value": long } }]);
        assert_eq!(heard(false, asked).denied.unwrap().error, "access_denied");
    }

    #[test]
    fn what_the_trigger_does_not_have_changes_nothing() {
        let asked = json!([
            { "call": "accessToken.addScope", "args": { "scope": "all" } },
            { "call": "idToken.setCustomClaim", "args": { "name": "a", "value": 1 } },
            { "call": "user.setAppMetadata", "args": { "key": "a", "value": 1 } },
        ]);
        assert_eq!(heard(false, asked), CredentialsExchange::default());
    }
}
