//! A server whose operator has bound a hostile Action goes on serving everybody else.

use std::{sync::Arc, time::Duration};

use doorward::domain::action::Trigger::PostLogin;
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};

use crate::support::{BOOTSTRAP_ID, BOOTSTRAP_SECRET, TestApp, each_backend_with, fixtures::World};

/// Does harm to logins that ask for `phone`, and none to others.
const ACTION: &str = "exports.onExecutePostLogin = async (event, api) => {
    if (!event.transaction.requested_scopes.includes('phone')) return;
    const kept = [];
    switch (Math.floor(Math.random() * 4)) {
        case 0: for (;;);
        case 1: for (;;) kept.push(new Array(1000).fill(kept));
        case 2: (function f() { Promise.resolve().then(f); })(); await new Promise(() => {});
        case 3: new Array(4294967295).includes(1);
    }
};";

/// Logins of that kind at a time: half of the workers, which one script may have.
const AT_ONCE: usize = 4;

const ROUNDS: usize = 5;

/// Everything that has nothing to do with the hostile login; how long each request took at most.
async fn others(app: &TestApp, world: &World) -> [Duration; 3] {
    let mut longest = [Duration::ZERO; 3];
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        app.get(".well-known/jwks.json").await.ok();
        longest[0] = longest[0].max(begun.elapsed());
        let begun = Instant::now();
        let audience = format!("{}api/v2/", app.issuer);
        app.token(&[
            ("grant_type", "client_credentials"),
            ("client_id", BOOTSTRAP_ID),
            ("client_secret", BOOTSTRAP_SECRET),
            ("audience", audience.as_str()),
        ])
        .await
        .ok();
        longest[1] = longest[1].max(begun.elapsed());
        let begun = Instant::now();
        app.with_password(world, "openid").await.ok();
        longest[2] = longest[2].max(begun.elapsed());
    }
    longest
}

#[tokio::test]
async fn a_hostile_action_refuses_its_login_and_no_other_request() {
    let file = "[actions]\ncpu_limit_ms = 500\nmemory_limit_bytes = 16777216\nmax_workers = 8";
    for (backend, app) in each_backend_with(file).await {
        let app = Arc::new(app);
        let client = json!({ "grant_types": ["password"] });
        let world = Arc::new(app.world_with(client, json!({})).await);
        app.bind_action(PostLogin, "hostile", ACTION).await;
        let without = others(&app, &world).await;
        let mut hostile = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (app, world) = (Arc::clone(&app), Arc::clone(&world));
            hostile.spawn(async move {
                for _ in 0..2 {
                    let refused = app.with_password(&world, "openid phone").await;
                    assert_eq!(
                        refused.error(),
                        (403, "access_denied".to_owned()),
                        "{}",
                        refused.text
                    );
                }
            });
        }
        let with = others(&app, &world).await;
        while let Some(done) = hostile.join_next().await {
            done.unwrap();
        }
        app.with_password(&world, "openid").await.ok();
        println!(
            "{backend}: longest of {ROUNDS} (JWKS, client credentials, login with a password): \
             {without:.1?} alone, {with:.1?} beside {AT_ONCE} hostile logins"
        );
    }
}
