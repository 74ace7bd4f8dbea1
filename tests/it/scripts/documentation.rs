//! The examples of docs/actions.md, as they stand there.

use std::{collections::BTreeMap, fs};

use doorward::{
    actions::{Engine, Execution, Kind, Script},
    domain::action::{CONTINUE_POST_LOGIN, Trigger, command::Command},
};
use serde_json::{Value, json};

use crate::support::scripts::{LIMIT, engine};

/// The examples, by name.
pub fn examples() -> BTreeMap<String, String> {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/actions.md")).unwrap();
    let mut found = BTreeMap::new();
    for part in page.split("<!-- example: ").skip(1) {
        let (name, rest) = part.split_once(" -->\n```js\n").unwrap();
        let (code, _) = rest.split_once("```").unwrap();
        assert!(found.insert(name.to_owned(), code.to_owned()).is_none(), "{name} stands twice");
    }
    found
}

struct Example {
    engine: Engine,
    code: String,
    trigger: Trigger,
}

impl Example {
    fn of(name: &str, trigger: Trigger) -> Self {
        let code = examples().remove(name).unwrap_or_else(|| panic!("no example {name}"));
        Self { engine: engine(), code, trigger }
    }

    async fn run(&self, event: Value, state: Value) -> Execution {
        self.run_export(self.trigger.handler(), event, state).await
    }

    async fn run_export(&self, handler: &'static str, event: Value, state: Value) -> Execution {
        let script = Script {
            id: "example",
            name: "example",
            code: &self.code,
            kind: Kind::Action { handler },
            allowed_hosts: None,
        };
        let input = json!({ "trigger": self.trigger.as_str(), "event": event, "state": state });
        self.engine.run(&script, &input, LIMIT).await
    }
}

fn calls(done: &Execution) -> Vec<Command> {
    assert_eq!(done.result, Ok(()), "{}", done.console);
    assert!(done.has_handler);
    done.commands.clone()
}

fn expected(calls: Value) -> Vec<Command> {
    serde_json::from_value(calls).unwrap()
}

#[test]
fn each_example_has_a_test() {
    let names: Vec<_> = examples().into_keys().collect();
    let tested = [
        "block-sign-ups",
        "claims",
        "deny-audience",
        "external-api",
        "machine-claims",
        "mrrt-policy",
        "progressive-profile",
        "rule",
    ];
    assert_eq!(names, tested);
}

#[tokio::test]
async fn the_policies_of_the_application_decide() {
    let example = Example::of("mrrt-policy", Trigger::PostLogin);
    let event = |audience: &str, asked: &str, metadata: Value| {
        json!({
            "client": { "refresh_token": { "policies": [{ "audience": audience, "scope": [] }] } },
            "resource_server": { "identifier": asked },
            "user": { "app_metadata": metadata },
        })
    };
    let api = "https://myapi";
    let plan = |plan: &str| {
        let args = json!({ "name": "https://myapi/plan", "value": plan });
        json!({ "call": "accessToken.setCustomClaim", "args": args })
    };
    let done = example.run(event(api, api, json!({ "plan": "gold" })), json!({})).await;
    assert_eq!(calls(&done), expected(json!([plan("gold")])));
    let done = example.run(event(api, api, json!({})), json!({})).await;
    let removed =
        json!({ "call": "accessToken.removeScope", "args": { "scope": "write:messages" } });
    assert_eq!(calls(&done), expected(json!([plan("free"), removed])));
    for event in [
        event(api, "https://other", json!({})),
        event("https://other", api, json!({})),
        json!({ "client": {}, "user": { "app_metadata": {} } }),
    ] {
        assert_eq!(calls(&example.run(event, json!({})).await), []);
    }
}

#[tokio::test]
async fn claims_are_the_same_in_both_tokens() {
    let example = Example::of("claims", Trigger::PostLogin);
    let event = json!({
        "authorization": { "roles": ["admin"] },
        "user": { "app_metadata": { "department": "sales" } },
        "transaction": { "protocol": "oauth2-refresh-token" },
    });
    let calls = calls(&example.run(event, json!({})).await);
    let claims: [(&str, Value); 3] = [
        ("https://example.com/roles", json!(["admin"])),
        ("https://example.com/department", json!("sales")),
        ("https://example.com/refreshed", json!(true)),
    ];
    let both: Vec<_> = claims
        .into_iter()
        .flat_map(|(name, value)| {
            let name = name.to_owned();
            [
                Command::SetIdTokenClaim { name: name.clone(), value: value.clone() },
                Command::SetAccessTokenClaim { name, value },
            ]
        })
        .collect();
    assert_eq!(calls, both);
}

#[tokio::test]
async fn one_api_is_refused_to_some() {
    let example = Example::of("deny-audience", Trigger::PostLogin);
    let event = |api: &str, metadata: Value| {
        json!({
            "resource_server": { "identifier": api },
            "user": { "user_id": "auth0|1", "app_metadata": metadata },
        })
    };
    let payments = "https://payments.example.com";
    let done = example.run(event(payments, json!({})), json!({})).await;
    assert!(matches!(&calls(&done)[..], [Command::Deny { .. }]));
    assert_eq!(done.console, "payments refused to auth0|1\n");
    for event in [event(payments, json!({ "payments": true })), event("https://x", json!({}))] {
        assert_eq!(calls(&example.run(event, json!({})).await), []);
    }
}

#[tokio::test]
async fn a_missing_birthday_is_asked_for_and_taken_back() {
    let example = Example::of("progressive-profile", Trigger::PostLogin);
    let event = |query: Value, metadata: Value| {
        json!({
            "user": { "user_id": "auth0|1", "name": "Ada", "user_metadata": metadata },
            "request": { "query": query, "body": {} },
            "secrets": { "PROFILE_KEY": "a secret" },
        })
    };
    let state = |state: Option<&str>| {
        let token =
            json!({ "issuer": "i", "subject": "auth0|1", "ip": "192.0.2.1", "state": state });
        json!({ "can_redirect": true, "redirect_token": token })
    };
    let away = example.run(event(json!({}), json!({})), state(None)).await;
    let [Command::SendUserTo { url }] = &calls(&away)[..] else { panic!("{away:?}") };
    let url = url::Url::parse(url).unwrap();
    assert_eq!(url.path(), "/complete");
    let (_, sent) = url.query_pairs().find(|(name, _)| name == "session_token").unwrap();
    assert_eq!(crate::support::payload(&sent)["ask"], "birthday");
    let known = example.run(event(json!({}), json!({ "birthday": "x" })), state(None)).await;
    assert_eq!(calls(&known), []);

    // What the page answers is made with the same secret.
    let page = "exports.onExecutePostLogin = async (event, api) => console.log(
        api.redirect.encodeToken({ secret: 'a secret', payload: event.user.user_metadata }));";
    let page = Example { code: page.to_owned(), ..Example::of("claims", Trigger::PostLogin) };
    for (answer, ends) in [
        (json!({ "state": "S", "birthday": "1815-12-10" }), None),
        (
            json!({ "state": "T", "birthday": "1815-12-10" }),
            Some("The session token is invalid: it is not for this login"),
        ),
        (json!({ "state": "S", "birthday": "long ago" }), Some("A birthday is needed.")),
    ] {
        let made = page.run(event(json!({}), answer), state(Some("S"))).await.console;
        let query = json!({ "session_token": made.trim() });
        let back = example
            .run_export(CONTINUE_POST_LOGIN, event(query, json!({})), state(Some("S")))
            .await;
        let birthday = |call: &str, name: &str, key: &str| json!({ "call": call, "args": { name: key, "value": "1815-12-10" } });
        let wanted = match ends {
            None => json!([
                birthday("user.setUserMetadata", "key", "birthday"),
                birthday("idToken.setCustomClaim", "name", "birthdate"),
            ]),
            Some(reason) => json!([{ "call": "access.deny", "args": { "reason": reason } }]),
        };
        assert_eq!(calls(&back), expected(wanted));
    }
}

#[tokio::test]
async fn another_service_is_asked_only_when_the_cache_knows_nothing() {
    let example = Example::of("external-api", Trigger::PostLogin);
    let event = json!({
        "user": { "user_id": "auth0|1", "email": "ada@example.com" },
        // Nothing private may be called, so that this is refused.
        "secrets": { "CRM_URL": "https://127.0.0.1:1", "CRM_TOKEN": "t" },
    });
    let entry = json!({ "value": "gold", "expires_at": 4_000_000_000_000_i64 });
    let known = json!({ "cache": { "tier:auth0|1": entry } });
    let args = json!({ "name": "https://example.com/tier", "value": "gold" });
    let claim = json!([{ "call": "accessToken.setCustomClaim", "args": args }]);
    assert_eq!(calls(&example.run(event.clone(), known).await), expected(claim));
    let failed = example.run(event, json!({})).await;
    let message = failed.result.unwrap_err().message;
    assert!(message.starts_with("fetch failed"), "{message}");
    assert_eq!(failed.commands, []);
}

#[tokio::test]
async fn only_some_domains_sign_up() {
    let example = Example::of("block-sign-ups", Trigger::PreUserRegistration);
    let done = example.run(json!({ "user": { "email": "ada@Example.com" } }), json!({})).await;
    let kept = json!({ "key": "domain", "value": "example.com" });
    assert_eq!(calls(&done), expected(json!([{ "call": "user.setAppMetadata", "args": kept }])));
    let done = example.run(json!({ "user": { "email": "eve@evil.example" } }), json!({})).await;
    let denied = json!({
        "reason": "sign-up from evil.example", "message": "Sign up with your company address.",
    });
    assert_eq!(calls(&done), expected(json!([{ "call": "access.deny", "args": denied }])));
}

#[tokio::test]
async fn machines_get_their_team() {
    let example = Example::of("machine-claims", Trigger::CredentialsExchange);
    let event = |metadata: Value| json!({ "client": { "metadata": metadata } });
    let done = example.run(event(json!({ "team": "ops" })), json!({})).await;
    let args = json!({ "name": "https://example.com/team", "value": "ops" });
    let claim = json!([{ "call": "accessToken.setCustomClaim", "args": args }]);
    assert_eq!(calls(&done), expected(claim));
    let done = example.run(event(json!({ "suspended": "true" })), json!({})).await;
    assert!(
        matches!(&calls(&done)[..], [Command::Deny { code: Some(code), .. }] if code == "invalid_request")
    );
}

#[tokio::test]
async fn the_rule_runs_too() {
    let code = examples().remove("rule").unwrap();
    let script = Script { id: "r", name: "r", code: &code, kind: Kind::Rule, allowed_hosts: None };
    let input = |protocol: &str, blocked: bool| {
        json!({
            "user": { "user_metadata": { "country": "NZ" }, "app_metadata": { "blocked_refresh": blocked } },
            "context": { "protocol": protocol, "idToken": {}, "accessToken": {} },
            "configuration": { "NAMESPACE": "https://n/" },
        })
    };
    let engine = engine();
    let done = engine.run(&script, &input("oidc-basic-profile", true), LIMIT).await;
    let name = "https://n/country".to_owned();
    let claims = [
        Command::SetIdTokenClaim { name: name.clone(), value: json!("NZ") },
        Command::SetAccessTokenClaim { name, value: json!("NZ") },
    ];
    assert_eq!(calls(&done), claims);
    let done = engine.run(&script, &input("oauth2-refresh-token", true), LIMIT).await;
    assert!(matches!(&calls(&done)[..], [Command::Unauthorized { .. }]));
}
