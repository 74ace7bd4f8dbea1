//! Post-login Actions in the exchange of a refresh token: they decide last, and what they refuse
//! costs nothing.

use doorward::domain::action::Trigger::PostLogin;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, each_backend, each_backend_with, fixtures::*, payload};

/// Actions that the documentation of multi-resource refresh tokens prints.
const DOCUMENTED: &str = "exports.onExecutePostLogin = async (event, api) => {
// return the list of allowed APIs in the client
const allowedAPIsInTheClient = event.client.refresh_token?.policies;
if(allowedAPIsInTheClient?.some(policy => policy?.audience?.includes('https://myapi'))){
// custom logic
}};";

/// A post-login Action with this body.
fn action(body: &str) -> String {
    format!("exports.onExecutePostLogin = async (event, api) => {{ {body} }};")
}

/// The same, at the exchange of a refresh token only.
fn at_exchange(body: &str) -> String {
    action(&format!("if (event.transaction.protocol === 'oauth2-refresh-token') {{ {body} }}"))
}

#[track_caller]
fn denied(answer: &Answer, description: &str) {
    assert_eq!(answer.error(), (403, "access_denied".to_owned()), "{}", answer.text);
    assert_eq!(answer.text_of("error_description"), description);
}

async fn shown(app: &TestApp, world: &World) -> Value {
    let user = world.user_id.replace('|', "%7C");
    let path = format!("/users/{user}/refresh-tokens");
    // The clock may be far beyond the first token's end.
    let token = app.management_token_with(None).await;
    let listed = app.management_as(&token, "GET", &path, None).await.ok();
    listed["tokens"][0].clone()
}

async fn events(app: &TestApp, code: &str) -> Vec<Value> {
    app.inner.login.audit.flush().await;
    let token = app.management_token_with(None).await;
    let path = format!("/logs?q=type:{code}");
    let logs = app.management_as(&token, "GET", &path, None).await.ok();
    logs.as_array().cloned().unwrap()
}

#[tokio::test]
async fn the_documented_action_runs_at_each_exchange_and_lets_it_pass() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let id = app.bind_action(PostLogin, "documented", DOCUMENTED).await;
        let login = app.log_in(&world).await;
        let first = text(&login, "refresh_token");
        let exchanged = app.refresh(&world, first, &[("audience", BILLING)]).await.ok();
        assert_eq!(payload(text(&exchanged, "access_token"))["aud"][0], BILLING, "{backend}");
        let executions = app.executions_of(&id).await;
        assert_eq!(executions.len(), 2, "{backend}: the login and the exchange");
        for execution in executions {
            assert_eq!(execution.status.as_str(), "final", "{backend}");
            assert_eq!(execution.results[0].error, None, "{backend}");
        }
    }
}

#[tokio::test]
async fn the_documented_action_decides_once_its_custom_logic_is_filled_in() {
    let logic = format!(
        "if (event.resource_server?.identifier === '{BILLING}') api.access.deny('not this one');"
    );
    let code = DOCUMENTED.replace("https://myapi", BILLING);
    let code = code.replace("// custom logic", &logic);
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        app.bind_action(PostLogin, "documented", &code).await;
        let login = app.log_in(&world).await;
        let first = text(&login, "refresh_token");
        let before = shown(&app, &world).await;
        for _ in 0..3 {
            let refused = app.refresh(&world, first, &[("audience", BILLING)]).await;
            denied(&refused, "not this one");
        }
        assert_eq!(shown(&app, &world).await, before, "{backend}: nothing was consumed");
        let again = app.refresh(&world, first, &[]).await.ok();
        assert_eq!(payload(text(&again, "access_token"))["aud"][0], MESSAGES, "{backend}");
        // Without the policy there is nothing to decide about.
        let policies =
            json!({ "policies": [{ "audience": MESSAGES, "scope": ["write:messages"] }] });
        let settings = json!({ "refresh_token": refresh_settings(policies) });
        app.patch_client(&world.client_id, settings).await;
        let next = text(&again, "refresh_token");
        let refused = app.refresh(&world, next, &[("audience", BILLING)]).await;
        assert_eq!(refused.error(), (400, "invalid_target".into()), "{backend}");
    }
}

#[tokio::test]
async fn a_claim_is_in_both_tokens_of_an_exchange_for_as_long_as_it_is_set() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = at_exchange(
            "api.accessToken.setCustomClaim('https://acme.example/plan', 'gold');
             api.idToken.setCustomClaim('https://acme.example/plan', 'gold');
             api.accessToken.setCustomClaim('sub', 'root');",
        );
        let id = app.bind_action(PostLogin, "claims", &code).await;
        let login = app.log_in(&world).await;
        let claim = |answer: &Value, token: &str| {
            payload(text(answer, token)).get("https://acme.example/plan").cloned()
        };
        assert_eq!(claim(&login, "access_token"), None, "{backend}: not at the login");
        let mut token = text(&login, "refresh_token").to_owned();
        for audience in [MESSAGES, BILLING] {
            let refreshed = app.refresh(&world, &token, &[("audience", audience)]).await.ok();
            for kind in ["access_token", "id_token"] {
                assert_eq!(claim(&refreshed, kind), Some(json!("gold")), "{backend} {kind}");
            }
            assert_eq!(payload(text(&refreshed, "access_token"))["sub"], world.user_id.as_str());
            token = text(&refreshed, "refresh_token").to_owned();
        }
        app.unbind_action(&id).await;
        let refreshed = app.refresh(&world, &token, &[]).await.ok();
        for kind in ["access_token", "id_token"] {
            assert_eq!(claim(&refreshed, kind), None, "{backend} {kind}: nothing is inherited");
        }
    }
}

#[tokio::test]
async fn the_event_tells_of_this_exchange_and_of_no_secret() {
    for (backend, app) in each_backend_with("[actions]\nconsole_bytes = 60000\n").await {
        let world = app.world().await;
        let code = at_exchange("console.log(JSON.stringify(event));");
        let id = app.bind_action(PostLogin, "tell", &code).await;
        let login = app.log_in(&world).await;
        let first = text(&login, "refresh_token");
        let more = [
            ("audience", BILLING),
            ("scope", "openid read:billing nonsense"),
            ("client_secret", &world.client_secret),
            ("ext", "kept"),
        ];
        app.refresh(&world, first, &more).await.ok();
        let console = app.executions_of(&id).await[0].results[0].console.clone();
        let event: Value = serde_json::from_str(console.trim()).unwrap();
        for secret in [first, &world.client_secret] {
            assert!(!console.contains(secret), "{backend}: {console}");
        }
        let expected = json!({
            "protocol": "oauth2-refresh-token", "metadata": {},
            "requested_scopes": ["openid", "read:billing", "nonsense"],
        });
        assert_eq!(event["transaction"], expected, "{backend}");
        assert_eq!(event["resource_server"], json!({ "identifier": BILLING }), "{backend}");
        let body = json!({
            "grant_type": "refresh_token", "client_id": world.client_id, "audience": BILLING,
            "scope": "openid read:billing nonsense", "ext": "kept",
        });
        assert_eq!(event["request"]["body"], body, "{backend}");
        assert_eq!(event["request"]["method"], "POST", "{backend}");
        assert_eq!(event["request"]["hostname"], "127.0.0.1", "{backend}");
        assert_eq!(event["client"]["client_id"], world.client_id.as_str(), "{backend}");
        let policies = json!([
            { "audience": MESSAGES, "scope": ["write:messages"] },
            { "audience": BILLING, "scope": ["read:billing", "write:billing"] },
        ]);
        assert_eq!(event["client"]["refresh_token"]["policies"], policies, "{backend}");
        assert_eq!(event["user"]["user_id"], world.user_id.as_str(), "{backend}");
        assert_eq!(event["stats"], json!({ "logins_count": 1 }), "{backend}: not counted again");
        let sid = &payload(text(&login, "id_token"))["sid"];
        assert_eq!(&event["session"]["id"], sid, "{backend}");

        let token = &event["refresh_token"];
        let listed = shown(&app, &world).await;
        for member in ["id", "client_id", "user_id", "session_id", "created_at", "expires_at"] {
            assert_eq!(token[member], listed[member], "{backend}: {member}");
        }
        assert_eq!(token["resource_servers"], listed["resource_servers"], "{backend}");
        assert_eq!(token["rotating"], true, "{backend}");
        assert_eq!(token["metadata"], json!({}), "{backend}");
        assert_eq!(token["device"]["initial_ip"], "127.0.0.1", "{backend}");
    }
}

#[tokio::test]
async fn a_session_that_has_ended_is_not_in_the_event() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code =
            at_exchange("console.log(typeof event.session, event.refresh_token.session_id);");
        let id = app.bind_action(PostLogin, "tell", &code).await;
        let login = app.log_in(&world).await;
        let sid = payload(text(&login, "id_token"))["sid"].as_str().unwrap().to_owned();
        app.management("DELETE", &format!("/sessions/{sid}"), None).await;
        app.refresh(&world, text(&login, "refresh_token"), &[]).await.ok();
        let console = app.executions_of(&id).await[0].results[0].console.clone();
        assert_eq!(console.trim(), format!("undefined {sid}"), "{backend}");
    }
}

#[tokio::test]
async fn scopes_change_in_this_answer_and_never_in_the_refresh_token() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = at_exchange(
            "api.accessToken.addScope('delete:messages');
             api.accessToken.addScope('not:defined');
             api.accessToken.addScope('email');
             api.accessToken.removeScope('read:messages');",
        );
        let id = app.bind_action(PostLogin, "scopes", &code).await;
        let login = app.log_in(&world).await;
        let first = app.refresh(&world, text(&login, "refresh_token"), &[]).await.ok();
        let scope = "openid profile offline_access write:messages delete:messages email";
        assert_eq!(first["scope"], scope, "{backend}");
        let access = payload(text(&first, "access_token"));
        assert_eq!(access["scope"], scope, "{backend}");
        assert_eq!(payload(text(&first, "id_token"))["email"], EMAIL, "{backend}");
        let notes = &app.executions_of(&id).await[0].results[0].notes;
        assert_eq!(notes.len(), 1, "{backend}: {notes:?}");
        assert!(notes[0].contains("not:defined"), "{backend}: {notes:?}");
        app.unbind_action(&id).await;
        let second = app.refresh(&world, text(&first, "refresh_token"), &[]).await.ok();
        let scope = "openid profile offline_access read:messages write:messages";
        assert_eq!(second["scope"], scope, "{backend}");
    }
}

#[tokio::test]
async fn a_script_that_fails_refuses_and_costs_nothing() {
    let config = "[actions]\ntime_limit_ms = 1500\ncpu_limit_ms = 500\n";
    for (backend, app) in each_backend_with(config).await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let first = text(&login, "refresh_token");
        let before = shown(&app, &world).await;
        let cases = [
            (action("throw new Error('no such plan');"), Some("no such plan")),
            (action("await Promise.reject(new TypeError('later'));"), Some("later")),
            (action("null.missing;"), None),
            (action("await new Promise(() => {});"), None),
            (action("for (;;) {}"), None),
            // Takes its worker with it.
            (action("const all = []; for (;;) all.push(new Array(1e6).fill(event));"), None),
            ("exports.onExecutePostLogin = 'no function';".to_owned(), None),
            ("module.exports = {};".to_owned(), None),
        ];
        for (code, message) in cases {
            let id = app.bind_action(PostLogin, "fails", &code).await;
            let refused = app.refresh(&world, first, &[]).await;
            assert_eq!(refused.error(), (403, "access_denied".into()), "{backend}: {code}");
            let description = refused.text_of("error_description");
            assert!(!description.is_empty(), "{backend}: {code}");
            if let Some(message) = message {
                assert_eq!(description, message, "{backend}");
            }
            let execution = &app.executions_of(&id).await[0];
            assert_eq!(execution.status.as_str(), "partial", "{backend}: {code}");
            assert!(execution.results[0].error.is_some(), "{backend}: {code}");
            app.unbind_action(&id).await;
            // The name is free for the next one.
            let mut tx = app.inner.store.write().await.unwrap();
            doorward::store::actions::delete(&mut tx, &id).await.unwrap();
            tx.commit().await.unwrap();
        }
        assert_eq!(shown(&app, &world).await, before, "{backend}: nothing was consumed");
        app.refresh(&world, first, &[]).await.ok();
        let failures = events(&app, "actions_execution_failed").await;
        assert_eq!(failures.len(), 8, "{backend}: {failures:?}");
        let refusals = events(&app, "fertft").await;
        assert!(!refusals.is_empty(), "{backend}");
    }
}

#[tokio::test]
async fn a_redirect_is_refused_as_interaction_required() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let code = at_exchange(
            "console.log(api.redirect.canRedirect());
             api.redirect.sendUserTo('https://elsewhere.example/');",
        );
        let id = app.bind_action(PostLogin, "away", &code).await;
        let first = text(&login, "refresh_token");
        let refused = app.refresh(&world, first, &[]).await;
        assert_eq!(refused.error(), (403, "interaction_required".into()), "{backend}");
        let executions = app.executions_of(&id).await;
        assert_eq!(executions[0].results[0].console.trim(), "false", "{backend}");
        app.unbind_action(&id).await;
        app.refresh(&world, first, &[]).await.ok();
    }
}

#[tokio::test]
async fn an_action_revokes_the_refresh_token() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let first = text(&login, "refresh_token");
        let code = at_exchange(
            "api.user.setUserMetadata('seen', true); api.refreshToken.revoke('stolen');",
        );
        let id = app.bind_action(PostLogin, "revoke", &code).await;
        denied(&app.refresh(&world, first, &[]).await, "stolen");
        app.unbind_action(&id).await;
        let dead = app.refresh(&world, first, &[]).await;
        assert_eq!(dead.error(), (400, "invalid_grant".into()), "{backend}");
        assert_eq!(shown(&app, &world).await, Value::Null, "{backend}");
        let revocations = events(&app, "srrt").await;
        assert_eq!(revocations.len(), 1, "{backend}");
        assert_eq!(revocations[0]["details"]["reason"], "action", "{backend}");
        assert_eq!(revocations[0]["details"]["revoked"], 1, "{backend}");
        let user = world.user_id.replace('|', "%7C");
        let user = app.management("GET", &format!("/users/{user}"), None).await.ok();
        assert_eq!(user["user_metadata"], json!({ "seen": true }), "{backend}: queued before");
    }
}

#[tokio::test]
async fn an_action_revokes_the_session_with_or_without_its_refresh_tokens() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        for preserve in [true, false] {
            let login = app.log_in(&world).await;
            let first = text(&login, "refresh_token");
            let sid = payload(text(&login, "id_token"))["sid"].as_str().unwrap().to_owned();
            let code = at_exchange(&format!(
                "api.session.revoke('ended', {{ preserveRefreshTokens: {preserve} }});"
            ));
            let id = app.bind_action(PostLogin, &format!("revoke {preserve}"), &code).await;
            denied(&app.refresh(&world, first, &[]).await, "ended");
            app.unbind_action(&id).await;
            let session = app.management("GET", &format!("/sessions/{sid}"), None).await;
            assert_eq!(session.status, 404, "{backend}");
            let status = app.refresh(&world, first, &[]).await.status;
            assert_eq!(status, if preserve { 200 } else { 400 }, "{backend}");
        }
    }
}

#[tokio::test]
async fn an_action_brings_the_ends_of_a_refresh_token_forward() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        // The settings say 1000 and 500 seconds.
        let code = at_exchange(
            "const now = Date.parse(event.refresh_token.created_at);
             api.refreshToken.setExpiresAt(now + 300_000);
             api.refreshToken.setExpiresAt(now + 900_000);
             api.refreshToken.setIdleExpiresAt(now + 100_000);",
        );
        let id = app.bind_action(PostLogin, "shorten", &code).await;
        let login = app.log_in(&world).await;
        let before = shown(&app, &world).await;
        let second = app.refresh(&world, text(&login, "refresh_token"), &[]).await.ok();
        let after = shown(&app, &world).await;
        for end in ["expires_at", "idle_expires_at"] {
            assert!(after[end].as_str() < before[end].as_str(), "{backend}: {end} {after}");
        }
        app.unbind_action(&id).await;
        app.clock.advance_seconds(50);
        let third = app.refresh(&world, text(&second, "refresh_token"), &[]).await.ok();
        let later = shown(&app, &world).await;
        assert_eq!(later["expires_at"], after["expires_at"], "{backend}: for good");
        assert!(later["idle_expires_at"].as_str() > after["idle_expires_at"].as_str());
        app.clock.advance_seconds(249);
        let late = app.refresh(&world, text(&third, "refresh_token"), &[]).await.ok();
        app.clock.advance_seconds(2);
        let ended = app.refresh(&world, text(&late, "refresh_token"), &[]).await;
        assert_eq!(ended.error(), (400, "invalid_grant".into()), "{backend}");
    }
}

#[tokio::test]
async fn a_refresh_token_that_lies_unused_ends_when_an_action_says() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = at_exchange(
            "api.refreshToken.setIdleExpiresAt(Date.parse(event.refresh_token.created_at) + 20_000);",
        );
        app.bind_action(PostLogin, "idle", &code).await;
        let login = app.log_in(&world).await;
        let second = app.refresh(&world, text(&login, "refresh_token"), &[]).await.ok();
        app.clock.advance_seconds(21);
        let ended = app.refresh(&world, text(&second, "refresh_token"), &[]).await;
        assert_eq!(ended.error(), (400, "invalid_grant".into()), "{backend}");
        assert_eq!(shown(&app, &world).await, Value::Null, "{backend}");
    }
}

#[tokio::test]
async fn texts_are_kept_with_the_refresh_token_the_session_and_the_user() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = at_exchange(
            "const count = Number(event.refresh_token.metadata?.count ?? 0) + 1;
             api.refreshToken.setMetadata('count', String(count));
             if (count === 1) api.refreshToken.setMetadata('gone', 'soon');
             else api.refreshToken.deleteMetadata('gone');
             api.session.setMetadata('exchanges', String(count));
             api.user.setAppMetadata('exchanges', count);
             api.user.setUserMetadata('nothing', null);",
        );
        app.bind_action(PostLogin, "metadata", &code).await;
        let login = app.log_in(&world).await;
        let sid = payload(text(&login, "id_token"))["sid"].as_str().unwrap().to_owned();
        let mut token = text(&login, "refresh_token").to_owned();
        for expected in [json!({ "count": "1", "gone": "soon" }), json!({ "count": "2" })] {
            let answer = app.refresh(&world, &token, &[]).await.ok();
            token = text(&answer, "refresh_token").to_owned();
            let listed = shown(&app, &world).await;
            assert_eq!(listed["refresh_token_metadata"], expected, "{backend}");
            let session = app.management("GET", &format!("/sessions/{sid}"), None).await.ok();
            assert_eq!(session["session_metadata"]["exchanges"], expected["count"], "{backend}");
        }
        let user = world.user_id.replace('|', "%7C");
        let user = app.management("GET", &format!("/users/{user}"), None).await.ok();
        assert_eq!(user["app_metadata"], json!({ "exchanges": 2 }), "{backend}");
        assert_eq!(user.get("user_metadata"), None, "{backend}");
    }
}

#[tokio::test]
async fn metadata_beyond_the_limits_refuses_the_exchange() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let first = text(&login, "refresh_token");
        for (i, body) in [
            "for (let i = 0; i < 26; i += 1) api.refreshToken.setMetadata(`k${i}`, 'v');",
            "api.refreshToken.setMetadata('k'.repeat(256), 'v');",
            "api.refreshToken.setMetadata('k', 'v'.repeat(256));",
        ]
        .into_iter()
        .enumerate()
        {
            let id = app.bind_action(PostLogin, &format!("too much {i}"), &at_exchange(body)).await;
            let refused = app.refresh(&world, first, &[]).await;
            assert_eq!(refused.error(), (403, "access_denied".into()), "{backend}: {body}");
            let text = refused.text_of("error_description");
            let begin = "Failed to set refresh token metadata: Invalid metadata: ";
            assert!(text.starts_with(begin), "{backend}: {text}");
            app.unbind_action(&id).await;
        }
        app.refresh(&world, first, &[]).await.ok();
    }
}

#[tokio::test]
async fn what_was_queued_before_a_refusal_is_kept() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let code = at_exchange(
            "api.user.setAppMetadata('tries', (event.user.app_metadata.tries ?? 0) + 1);
             api.refreshToken.setMetadata('denied', 'yes');
             api.access.deny('no');",
        );
        let later = at_exchange("api.user.setAppMetadata('later', true);");
        app.bind_action(PostLogin, "deny", &code).await;
        let id = app.bind_action(PostLogin, "later", &later).await;
        for _ in 0..2 {
            denied(&app.refresh(&world, text(&login, "refresh_token"), &[]).await, "no");
        }
        let user = world.user_id.replace('|', "%7C");
        let user = app.management("GET", &format!("/users/{user}"), None).await.ok();
        assert_eq!(user["app_metadata"], json!({ "tries": 2 }), "{backend}");
        let listed = shown(&app, &world).await;
        assert_eq!(listed["refresh_token_metadata"], json!({ "denied": "yes" }), "{backend}");
        assert!(app.executions_of(&id).await.is_empty(), "{backend}: later Actions are not run");
    }
}
