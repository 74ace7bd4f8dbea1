//! Exchanges of one refresh token at the same time, with Actions in between.

use std::collections::BTreeSet;

use doorward::domain::action::Trigger::PostLogin;
use serde_json::json;

use crate::support::{
    Answer, TestApp, each_backend, each_backend_with,
    fixtures::*,
    gate::{self, Gate},
};

/// A post-login Action that runs this for one API at the exchange of a refresh token.
fn for_api(audience: &str, body: &str) -> String {
    format!(
        "exports.onExecutePostLogin = async (event, api) => {{
            if (event.transaction.protocol !== 'oauth2-refresh-token') return;
            if (event.resource_server.identifier === '{audience}') {{ {body} }}
        }};"
    )
}

fn spawn(
    app: &TestApp,
    world: &World,
    token: &str,
    audience: &str,
) -> tokio::task::JoinHandle<Answer> {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", &world.client_id),
        ("refresh_token", token),
        ("audience", audience),
    ];
    let request = app.http.post(app.url("oauth/token")).form(&form);
    tokio::spawn(async move { Answer::read(request.send().await.unwrap()).await })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_exchange_takes_nothing_from_one_that_is_allowed() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = for_api(BILLING, "api.access.deny('no');");
        let id = app.bind_action(PostLogin, "deny", &code).await;
        let login = app.log_in(&world).await;
        let mut token = text(&login, "refresh_token").to_owned();
        for _ in 0..3 {
            let audiences = [MESSAGES, BILLING];
            let calls: Vec<_> =
                (0..16).map(|i| spawn(&app, &world, &token, audiences[i % 2])).collect();
            let mut successors = BTreeSet::new();
            for (i, call) in calls.into_iter().enumerate() {
                let answer = call.await.unwrap();
                if i % 2 == 0 {
                    successors.insert(text(&answer.ok(), "refresh_token").to_owned());
                } else {
                    assert_eq!(answer.error(), (403, "access_denied".into()), "{backend}");
                }
            }
            assert_eq!(successors.len(), 1, "{backend}: all share one successor");
            token = successors.pop_first().unwrap();
        }
        let executions = app.executions_of(&id).await;
        assert_eq!(executions.len(), 49, "{backend}: the login, and once for each request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_script_loses_nothing_when_others_exchange_meanwhile() {
    for (backend, app) in each_backend_with(gate::CONFIG).await {
        let world = app.world().await;
        let mut gate = Gate::new().await;
        let code = for_api(BILLING, &format!("console.log('began'); {}", gate.wait()));
        let id = app.bind_action(PostLogin, "slow", &code).await;
        let login = app.log_in(&world).await;
        let first = text(&login, "refresh_token");
        let slow = spawn(&app, &world, first, BILLING);
        let waiting = gate.arrived().await;
        let second = app.refresh(&world, first, &[]).await.ok();
        let third = app.refresh(&world, text(&second, "refresh_token"), &[]).await.ok();
        waiting.send(()).unwrap();
        let slow = slow.await.unwrap().ok();
        assert_eq!(
            text(&slow, "refresh_token"),
            text(&third, "refresh_token"),
            "{backend}: the current token, as a retry gets it"
        );
        app.refresh(&world, text(&slow, "refresh_token"), &[]).await.ok();
        let runs = app.executions_of(&id).await;
        let slow_ones = runs.iter().filter(|run| !run.results[0].console.is_empty()).count();
        assert_eq!(slow_ones, 1, "{backend}: once, however often the row was read");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_leeway_a_slow_script_does_not_make_two_of_one_token() {
    for (backend, app) in each_backend_with(gate::CONFIG).await {
        let world = app.world_with(json!({}), json!({ "leeway": 0 })).await;
        let mut gate = Gate::new().await;
        let code = for_api(BILLING, &gate.wait());
        app.bind_action(PostLogin, "slow", &code).await;
        let login = app.log_in(&world).await;
        let first = text(&login, "refresh_token");
        let slow = spawn(&app, &world, first, BILLING);
        let waiting = gate.arrived().await;
        let second = app.refresh(&world, first, &[]).await.ok();
        waiting.send(()).unwrap();
        let slow = slow.await.unwrap();
        assert_eq!(slow.error(), (400, "invalid_grant".into()), "{backend}");
        let dead = app.refresh(&world, text(&second, "refresh_token"), &[]).await;
        assert_eq!(dead.error(), (400, "invalid_grant".into()), "{backend}: as ever");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_a_login_while_a_script_runs_wins() {
    for (backend, app) in each_backend_with(gate::CONFIG).await {
        let world = app.world().await;
        let mut gate = Gate::new().await;
        let code = for_api(BILLING, &gate.wait());
        app.bind_action(PostLogin, "slow", &code).await;
        let login = app.log_in(&world).await;
        let first = text(&login, "refresh_token").to_owned();
        let second = app.refresh(&world, &first, &[]).await.ok();
        // One with the current token, and a retry with the one before.
        let slow = [text(&second, "refresh_token"), &first]
            .map(|token| spawn(&app, &world, token, BILLING));
        let waiting = [gate.arrived().await, gate.arrived().await];
        let user = world.user_id.replace('|', "%7C");
        let blocked = json!({ "blocked": true });
        app.management("PATCH", &format!("/users/{user}"), Some(blocked)).await.ok();
        for waiting in waiting {
            waiting.send(()).unwrap();
        }
        for slow in slow {
            assert_eq!(slow.await.unwrap().error(), (400, "invalid_grant".into()), "{backend}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_is_killed_half_way_consumes_nothing() {
    let config = "[actions]\ntime_limit_ms = 1500\ncpu_limit_ms = 500\n";
    for (backend, app) in each_backend_with(config).await {
        let world = app.world().await;
        let code = for_api(
            BILLING,
            "api.refreshToken.setMetadata('half', 'way'); api.user.setAppMetadata('half', 'way');
             for (;;) {}",
        );
        app.bind_action(PostLogin, "endless", &code).await;
        let login = app.log_in(&world).await;
        let first = text(&login, "refresh_token");
        let calls = [BILLING, MESSAGES].map(|audience| spawn(&app, &world, first, audience));
        let [killed, other] = calls;
        let other = other.await.unwrap().ok();
        assert_eq!(killed.await.unwrap().error(), (403, "access_denied".into()), "{backend}");
        app.refresh(&world, text(&other, "refresh_token"), &[]).await.ok();
        let user = world.user_id.replace('|', "%7C");
        let user = app.management("GET", &format!("/users/{user}"), None).await.ok();
        assert_eq!(user.get("app_metadata"), None, "{backend}");
    }
}

#[tokio::test]
async fn a_retry_within_the_leeway_is_ruled_on_too() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let code = for_api(
            MESSAGES,
            "api.refreshToken.setMetadata('n', String(Number(event.refresh_token.metadata.n ?? 0) + 1));",
        );
        app.bind_action(PostLogin, "count", &code).await;
        let login = app.log_in(&world).await;
        let first = text(&login, "refresh_token");
        let answers = [
            app.refresh(&world, first, &[]).await.ok(),
            app.refresh(&world, first, &[]).await.ok(),
        ];
        assert_eq!(
            text(&answers[0], "refresh_token"),
            text(&answers[1], "refresh_token"),
            "{backend}"
        );
        let deny =
            app.bind_action(PostLogin, "deny", &for_api(MESSAGES, "api.access.deny('now');")).await;
        let refused = app.refresh(&world, first, &[]).await;
        assert_eq!(refused.error(), (403, "access_denied".into()), "{backend}");
        app.unbind_action(&deny).await;
        let user = world.user_id.replace('|', "%7C");
        let path = format!("/users/{user}/refresh-tokens");
        let listed = app.management("GET", &path, None).await.ok();
        assert_eq!(listed["tokens"][0]["refresh_token_metadata"], json!({ "n": "3" }), "{backend}");
        app.refresh(&world, text(&answers[1], "refresh_token"), &[]).await.ok();
    }
}
