//! Rules: scripts of the generation before Actions. They run at the same points as post-login
//! Actions and before them, each with `user` and `context` as the one before it left them.
//!
//! What a rule writes into `context` comes back as the same calls that an Action makes, and is judged
//! in the same way.

use serde_json::{Map, Value, json};

use crate::actions::{Execution, Kind, RuleOutput, Script};
use crate::domain::{
    action::command::Command,
    rule::{ActiveRules, Rule, SealedConfig},
    scope::ScopeSet,
};
use crate::login::{
    LoginService,
    authorize::Failure,
    triggers::run::{Author, Run},
};
use crate::policy::post_login::{Decision, Ground, Protocol};

/// `context.protocol` when the browser has come back from where a rule sent it.
const REDIRECT_CALLBACK: &str = "redirect-callback";

/// The login that rules are told of.
#[derive(Debug, Clone, Copy)]
pub struct RuledLogin<'a> {
    /// `event` of the Actions of the same login.
    pub event: &'a Map<String, Value>,
    /// What the calls are judged by.
    pub ground: &'a Ground<'a>,
    /// The scopes that are granted unless a rule says otherwise.
    pub granted_scope: &'a ScopeSet,
    /// Whether the browser has come back from where a rule sent it: they all run again, and none
    /// sends it away a second time.
    pub came_back: bool,
}

impl LoginService {
    /// Runs the rules in their order, until one refuses or fails. Where a rule sends the browser is
    /// known when all have run. Answers the ids of those that ran.
    ///
    /// # Errors
    /// When their configuration cannot be opened.
    pub async fn run_rules(
        &self,
        run: &mut Run,
        rules: &ActiveRules,
        login: &RuledLogin<'_>,
        decision: &mut Decision,
    ) -> Result<Vec<String>, Failure> {
        let configuration = self.configuration(&rules.configuration)?;
        let mut input = json!({
            "user": login.event.get("user"),
            "context": context(login),
            "configuration": configuration,
        });
        let (mut executed, mut redirect) = (Vec::new(), None);
        for rule in &rules.rules {
            executed.push(rule.id.as_str().to_owned());
            let Execution { result, commands, rule: output, .. } =
                self.run_rule(run, rule, &input).await;
            if let Err(error) = result {
                decision.script_failed(&error.message);
                break;
            }
            let noted = decision.notes.len();
            fold(decision, login.ground, commands, &mut redirect);
            run.note(decision.notes.iter().skip(noted).cloned());
            if !decision.goes_on() {
                break;
            }
            let Some(RuleOutput { user, context }) = output else { break };
            input["user"] = user;
            input["context"] = context;
        }
        if let Some(to) = redirect.filter(|_| decision.goes_on() && !login.came_back) {
            decision.fold(login.ground, vec![to]);
        }
        Ok(executed)
    }

    async fn run_rule(&self, run: &mut Run, rule: &Rule, input: &Value) -> Execution {
        let script = Script {
            id: rule.id.as_str(),
            name: &rule.name,
            code: &rule.script,
            kind: Kind::Rule,
            allowed_hosts: None,
        };
        let author = Author { id: rule.id.as_str(), version: None, name: &rule.name };
        self.run_script(run, &script, &author, input).await
    }

    /// `configuration`: opened for the rules, and kept nowhere.
    fn configuration(&self, sealed: &[SealedConfig]) -> Result<Map<String, Value>, Failure> {
        let mut configuration = Map::new();
        for SealedConfig { key, sealed } in sealed {
            let opened = self.at_rest.open(sealed, &SealedConfig::bound_to(key))?;
            let broken = |_| crate::crypto::Failed("configuration of rules");
            let value = String::from_utf8(opened).map_err(broken)?;
            configuration.insert(key.clone(), value.into());
        }
        Ok(configuration)
    }
}

/// Takes in the calls of a rule. `null` as a claim takes away what a rule before it added, and of
/// several redirects the last one counts: `context.redirect` is one member.
fn fold(
    decision: &mut Decision,
    ground: &Ground<'_>,
    commands: Vec<Command>,
    redirect: &mut Option<Command>,
) {
    for command in commands {
        match command {
            Command::SetIdTokenClaim { name, value: Value::Null } => {
                decision.customised.id_token.remove(&name);
            }
            Command::SetAccessTokenClaim { name, value: Value::Null } => {
                decision.customised.access_token.remove(&name);
            }
            Command::SendUserTo { .. } => *redirect = Some(command),
            other => decision.fold(ground, vec![other]),
        }
    }
}

/// `context`
fn context(login: &RuledLogin<'_>) -> Map<String, Value> {
    let at = |path: &[&str]| {
        let (first, rest) = path.split_first()?;
        let found = login.event.get(*first)?;
        rest.iter().try_fold(found, |value, name| value.get(name)).cloned()
    };
    let protocol = match login.came_back {
        true => Some(REDIRECT_CALLBACK.into()),
        false => at(&["transaction", "protocol"]),
    };
    let scope: Vec<_> = login.granted_scope.iter().collect();
    let members = [
        ("tenant", at(&["tenant", "id"])),
        ("clientID", at(&["client", "client_id"])),
        ("clientName", at(&["client", "name"])),
        ("clientMetadata", at(&["client", "metadata"])),
        ("connectionID", at(&["connection", "id"])),
        ("connection", at(&["connection", "name"])),
        ("connectionStrategy", at(&["connection", "strategy"])),
        ("connectionOptions", Some(json!({}))),
        ("connectionMetadata", Some(at(&["connection", "metadata"]).unwrap_or_else(|| json!({})))),
        ("protocol", protocol),
        ("stats", at(&["stats", "logins_count"]).map(|count| json!({ "loginsCount": count }))),
        ("sso", at(&["session", "clients"]).map(|clients| sso(&clients))),
        ("accessToken", Some(json!({ "scope": scope }))),
        ("idToken", Some(json!({}))),
        ("sessionID", at(&["session", "id"])),
        ("request", at(&["request"]).map(|request| request_of(&request, login.ground.protocol))),
        ("primaryUser", at(&["user", "user_id"])),
        ("authentication", at(&["authentication"])),
        ("authorization", at(&["authorization"])),
        ("organization", at(&["organization"])),
    ];
    let known = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    known.collect()
}

/// `context.sso`: the applications of the session.
fn sso(clients: &Value) -> Value {
    let clients = clients.as_array().into_iter().flatten();
    let ids: Vec<_> = clients.filter_map(|client| client.get("client_id")).collect();
    json!({ "current_clients": ids })
}

/// `context.request`. The audience that an exchange of a refresh token asks for is not in it, as
/// rules are used to.
fn request_of(request: &Value, protocol: Protocol) -> Value {
    let member = |name: &str| request.get(name).cloned();
    let mut body = member("body").unwrap_or_else(|| json!({}));
    if protocol == Protocol::RefreshToken
        && let Some(body) = body.as_object_mut()
    {
        body.remove("audience");
    }
    let members = [
        ("userAgent", member("user_agent")),
        ("ip", member("ip")),
        ("hostname", member("hostname")),
        ("method", member("method")),
        ("query", member("query")),
        ("body", Some(body)),
    ];
    let known = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(known.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ground(protocol: Protocol) -> Ground<'static> {
        Ground {
            protocol,
            can_redirect: true,
            continues: false,
            api: None,
            session_metadata: None,
            refresh_token_metadata: None,
        }
    }

    fn context_of(event: Value, protocol: Protocol, came_back: bool) -> Value {
        let event = event.as_object().cloned().unwrap_or_default();
        let (ground, granted_scope) = (ground(protocol), ScopeSet::parse("openid a"));
        let login =
            RuledLogin { event: &event, ground: &ground, granted_scope: &granted_scope, came_back };
        context(&login).into()
    }

    #[test]
    fn a_context_tells_what_the_event_tells_under_the_names_of_rules() {
        let context = context_of(
            json!({
                "tenant": { "id": "acme" },
                "client": { "client_id": "c", "name": "App", "metadata": { "a": "b" } },
                "connection": { "id": "con_1", "name": "db", "strategy": "auth0" },
                "transaction": { "protocol": "oauth2-refresh-token" },
                "stats": { "logins_count": 3 },
                "session": { "id": "s", "clients": [{ "client_id": "c" }, { "client_id": "d" }] },
                "request": {
                    "ip": "192.0.2.1", "user_agent": "x", "query": {},
                    "body": { "grant_type": "refresh_token", "audience": "https://api" },
                },
                "user": { "user_id": "auth0|1" },
                "authorization": { "roles": ["admin"] },
            }),
            Protocol::RefreshToken,
            false,
        );
        assert_eq!(
            context,
            json!({
                "tenant": "acme", "clientID": "c", "clientName": "App",
                "clientMetadata": { "a": "b" }, "connectionID": "con_1", "connection": "db",
                "connectionStrategy": "auth0", "connectionOptions": {}, "connectionMetadata": {},
                "protocol": "oauth2-refresh-token", "stats": { "loginsCount": 3 },
                "sso": { "current_clients": ["c", "d"] },
                "accessToken": { "scope": ["openid", "a"] }, "idToken": {}, "sessionID": "s",
                "request": {
                    "ip": "192.0.2.1", "userAgent": "x", "query": {},
                    "body": { "grant_type": "refresh_token" },
                },
                "primaryUser": "auth0|1", "authorization": { "roles": ["admin"] },
            })
        );
    }

    #[test]
    fn who_has_come_back_is_told_apart_and_other_grants_tell_their_audience() {
        let event = json!({
            "transaction": { "protocol": "oidc-basic-profile" },
            "request": { "body": { "audience": "https://api" } },
        });
        let back = context_of(event.clone(), Protocol::AuthorizationCode, true);
        assert_eq!(back["protocol"], "redirect-callback");
        let password = context_of(event, Protocol::Password, false);
        assert_eq!(password["request"]["body"], json!({ "audience": "https://api" }));
    }

    #[test]
    fn a_later_rule_takes_claims_back_and_the_last_redirect_counts() {
        let mut decision = Decision::default();
        let mut redirect = None;
        let claim = |value: Value| Command::SetIdTokenClaim { name: "https://n/x".into(), value };
        let to = |url: &str| Command::SendUserTo { url: url.into() };
        let ground = ground(Protocol::AuthorizationCode);
        fold(&mut decision, &ground, vec![claim(json!(1)), to("https://a")], &mut redirect);
        assert_eq!(decision.customised.id_token.len(), 1);
        fold(&mut decision, &ground, vec![claim(Value::Null), to("https://b")], &mut redirect);
        assert!(decision.customised.id_token.is_empty() && decision.goes_on());
        assert_eq!(redirect, Some(to("https://b")));
    }
}
