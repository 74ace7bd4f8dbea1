//! What the server would leave undone of what a script asked for in a try-out. The same judges
//! decide as in a flow; what they know comes from the event, which its author may have made up.

use serde_json::{Map, Value};

use crate::domain::{
    action::{Trigger, command::Command},
    resource_server::ResourceServer,
    scope::ScopeSet,
};
use crate::policy::{
    credentials_exchange::CredentialsExchange,
    post_login::{Decision, End, Ground, Protocol},
    registration::Registration,
};

/// What a script is tried out with.
#[derive(Debug, Clone, Copy)]
pub struct Trial<'a> {
    /// Where it would run.
    pub trigger: Trigger,
    /// `event`
    pub event: &'a Value,
    /// Whether the browser may be sent away.
    pub can_redirect: bool,
    /// The API that the event names, if it exists.
    pub api: Option<&'a ResourceServer>,
}

/// How a flow would go on behind the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    GoesOn,
    /// It is refused.
    Refused,
    /// The browser is sent away.
    Redirected,
}

impl Outcome {
    /// As the Management API tells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GoesOn => "goes_on",
            Self::Refused => "refused",
            Self::Redirected => "redirected",
        }
    }
}

/// What would come of the calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// How the flow would go on.
    pub outcome: Outcome,
    /// Why it is refused.
    pub reason: Option<String>,
    /// What would not be done, and why.
    pub notes: Vec<String>,
}

impl Judged {
    fn new(refused: Option<String>, notes: Vec<String>) -> Self {
        let outcome = if refused.is_some() { Outcome::Refused } else { Outcome::GoesOn };
        Self { outcome, reason: refused, notes }
    }
}

impl Trial<'_> {
    /// Judges the calls of the script.
    pub fn judge(&self, commands: &[Command]) -> Judged {
        match self.trigger {
            Trigger::PostLogin => self.post_login(commands),
            Trigger::CredentialsExchange => self.credentials_exchange(commands),
            Trigger::PreUserRegistration => {
                let metadata = |name: &str| object(&self.event["user"][name]);
                let (user, app) = (metadata("user_metadata"), metadata("app_metadata"));
                let mut registration = Registration::new(user, app);
                registration.hear(commands);
                Judged::new(registration.denied.map(|denied| denied.reason), registration.notes)
            }
            // Nobody waits for these, and nothing is taken from them.
            Trigger::PostUserRegistration | Trigger::PostChangePassword => {
                Judged::new(None, Vec::new())
            }
        }
    }

    fn credentials_exchange(&self, commands: &[Command]) -> Judged {
        let Some(api) = self.api else {
            // Its claims could be judged by the API alone; a refusal is one all the same.
            let refused = commands.iter().find_map(|command| match command {
                Command::Deny { reason, .. } => Some(reason.clone()),
                _ => None,
            });
            return Judged::new(refused, Vec::new());
        };
        let mut exchange = CredentialsExchange::default();
        exchange.hear(api, commands);
        Judged::new(exchange.denied.map(|denied| denied.description), exchange.notes)
    }

    fn post_login(&self, commands: &[Command]) -> Judged {
        let metadata = |of: &str| {
            let whose = self.event.get(of)?;
            Some(object(&whose["metadata"]))
        };
        let (session, refresh_token) = (metadata("session"), metadata("refresh_token"));
        let ground = Ground {
            protocol: protocol(self.event),
            can_redirect: self.can_redirect,
            continues: false,
            api: self.api,
            session_metadata: session.as_ref(),
            refresh_token_metadata: refresh_token.as_ref(),
        };
        let asked = self.event["transaction"]["requested_scopes"].as_array();
        let scopes: ScopeSet = asked.into_iter().flatten().filter_map(Value::as_str).collect();
        let mut decision = Decision::new(scopes);
        decision.fold(&ground, commands.to_vec());
        let is_away = matches!(decision.end, Some(End::Redirect(_)));
        let refused = match decision.end {
            Some(End::Denied(denial)) => Some(denial.description),
            _ => None,
        };
        let judged = Judged::new(refused, decision.notes);
        if is_away { Judged { outcome: Outcome::Redirected, ..judged } } else { judged }
    }
}

/// How the login of an event came about; one in the browser unless it says something else.
fn protocol(event: &Value) -> Protocol {
    let named = event["transaction"]["protocol"].as_str().and_then(Protocol::parse);
    named.unwrap_or(Protocol::AuthorizationCode)
}

/// Whether the browser may be sent away in the flow that an event tells of.
pub fn can_redirect(event: &Value) -> bool {
    let prompts = event["transaction"]["prompt"].as_array();
    let is_silent = prompts.is_some_and(|prompts| prompts.iter().any(|prompt| prompt == "none"));
    protocol(event).has_browser() && !is_silent
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(trigger: Trigger, event: &Value, calls: Value) -> (Outcome, usize) {
        let commands: Vec<Command> = serde_json::from_value(calls).unwrap();
        let api: ResourceServer = serde_json::from_value(json!({})).unwrap();
        let can_redirect = can_redirect(event);
        let trial = Trial { trigger, event, can_redirect, api: Some(&api) };
        let judged = trial.judge(&commands);
        (judged.outcome, judged.notes.len())
    }

    #[test]
    fn what_a_flow_would_not_do_is_noted() {
        let claim = |name: &str| json!({ "call": "accessToken.setCustomClaim", "args": { "name": name, "value": 1 } });
        let scope = json!({ "call": "accessToken.addScope", "args": { "scope": "x" } });
        let deny = json!({ "call": "access.deny", "args": { "reason": "no" } });
        let away =
            json!({ "call": "redirect.sendUserTo", "args": { "url": "https://x.example/" } });
        let long = json!({ "call": "user.setAppMetadata", "args": { "key": "k", "value": "x".repeat(40_000) } });
        use Outcome::{GoesOn, Redirected, Refused};
        use Trigger::*;
        for (trigger, calls, expected) in [
            (PostLogin, json!([]), (GoesOn, 0)),
            (PostLogin, json!([claim("https://x.example/a")]), (GoesOn, 0)),
            (PostLogin, json!([claim("iss"), claim("sub"), scope]), (GoesOn, 3)),
            (PostLogin, json!([away]), (Redirected, 0)),
            (PostLogin, json!([away, deny]), (Refused, 0)),
            (CredentialsExchange, json!([claim("aud")]), (GoesOn, 1)),
            (CredentialsExchange, json!([deny]), (Refused, 0)),
            (PreUserRegistration, json!([long]), (GoesOn, 1)),
            (PreUserRegistration, json!([deny]), (Refused, 0)),
            (PostUserRegistration, json!([]), (GoesOn, 0)),
            (PostChangePassword, json!([]), (GoesOn, 0)),
        ] {
            assert_eq!(judged(trigger, &json!({}), calls.clone()), expected, "{trigger:?} {calls}");
        }
    }

    #[test]
    fn nobody_is_sent_away_where_no_browser_waits() {
        let away =
            json!([{ "call": "redirect.sendUserTo", "args": { "url": "https://x.example/" } }]);
        for (transaction, expected) in [
            (json!({}), Outcome::Redirected),
            (json!({ "protocol": "oidc-basic-profile", "prompt": [] }), Outcome::Redirected),
            (json!({ "protocol": "oidc-basic-profile", "prompt": ["none"] }), Outcome::Refused),
            (json!({ "protocol": "oauth2-refresh-token" }), Outcome::Refused),
        ] {
            let event = json!({ "transaction": transaction });
            let (outcome, _) = judged(Trigger::PostLogin, &event, away.clone());
            assert_eq!(outcome, expected, "{event}");
        }
    }

    #[test]
    fn an_exchange_for_an_api_that_is_not_there_can_be_refused() {
        let deny = [Command::Deny { code: None, reason: "no".into(), message: None }];
        let trial = Trial {
            trigger: Trigger::CredentialsExchange,
            event: &json!({}),
            can_redirect: false,
            api: None,
        };
        assert_eq!(trial.judge(&deny).reason.as_deref(), Some("no"));
        assert_eq!(trial.judge(&[]).outcome, Outcome::GoesOn);
    }
}
