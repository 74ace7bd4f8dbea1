//! The resource owner password grant, with and without a realm.

use serde_json::json;

use crate::support::{Answer, TestApp, each_backend, each_backend_with, fixtures::*};

const REALM_GRANT: &str = "http://auth0.com/oauth/grant-type/password-realm";

async fn ask(app: &TestApp, world: &World, changes: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", "password"),
        ("client_id", world.client_id.as_str()),
        ("username", EMAIL),
        ("password", PASSWORD),
        ("audience", MESSAGES),
    ];
    for (name, value) in changes {
        form.retain(|(known, _)| known != name);
        if !value.is_empty() {
            form.push((name, value));
        }
    }
    app.token(&form).await
}

fn grants() -> serde_json::Value {
    json!({ "grant_types": ["password", REALM_GRANT, "refresh_token"] })
}

#[tokio::test]
async fn a_password_gives_tokens() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let answer = ask(&app, &world, &[]).await.ok();
        let everything =
            "openid profile email address phone read:messages write:messages delete:messages";
        assert_eq!(answer["scope"], everything, "{backend}: no scope means all");
        assert!(answer.get("refresh_token").is_none(), "{backend}");
        let path = format!("/users/{}", world.user_id.replace('|', "%7C"));
        let user = app.management("GET", &path, None).await.ok();
        assert_eq!((&user["last_ip"], &user["logins_count"]), (&json!("127.0.0.1"), &json!(1)));
        let answer = ask(&app, &world, &[("scope", "read:messages offline_access nonsense")]).await;
        assert_eq!(answer.ok()["scope"], "read:messages offline_access", "{backend}");
        let no_api = ask(&app, &world, &[("audience", ""), ("scope", "openid")]).await.ok();
        assert_eq!(no_api["scope"], "openid", "{backend}");
        let realm = [("grant_type", REALM_GRANT), ("realm", "Username-Password-Authentication")];
        assert_eq!(ask(&app, &world, &realm).await.status, 200, "{backend}");
        let shouted = [("username", "  ADA@Example.COM ")];
        assert_eq!(ask(&app, &world, &shouted).await.status, 200, "{backend}: case and space");
    }
}

#[tokio::test]
async fn its_errors() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let wrong = ask(&app, &world, &[("password", "wrong")]).await;
        let unknown = ask(&app, &world, &[("username", "nobody@example.com")]).await;
        assert_eq!(wrong.error(), (400, "invalid_grant".into()), "{backend}");
        assert_eq!(wrong.text, unknown.text, "{backend}: nobody may tell which");
        assert_eq!(wrong.text_of("error_description"), "Wrong email or password.", "{backend}");
        for (change, status, error) in [
            (("username", ""), 400, "invalid_request"),
            (("password", ""), 400, "invalid_request"),
            (("audience", "https://nobody.example"), 403, "access_denied"),
        ] {
            let answer = ask(&app, &world, &[change]).await;
            assert_eq!(answer.error(), (status, error.into()), "{backend} {change:?}");
        }
        let management = format!("{}api/v2/", app.issuer);
        let answer = ask(&app, &world, &[("audience", &management)]).await;
        assert_eq!(answer.error(), (403, "access_denied".into()), "{backend}: no admin tokens");
        let realm = [("grant_type", REALM_GRANT), ("realm", "elsewhere")];
        let answer = ask(&app, &world, &realm).await;
        assert_eq!(answer.error(), (400, "invalid_request".into()), "{backend}");
        let third = json!({ "is_first_party": false });
        app.patch_client(&world.client_id, third).await;
        let answer = ask(&app, &world, &[]).await;
        assert_eq!(answer.error(), (403, "access_denied".into()), "{backend}: no page to ask on");
        app.patch_client(&world.client_id, json!({ "grant_types": ["refresh_token"] })).await;
        let answer = ask(&app, &world, &[]).await;
        assert_eq!(answer.error(), (400, "unauthorized_client".into()), "{backend}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_password_checks_is_refused_and_other_requests_go_on() {
    for (backend, app) in each_backend_with("[passwords]\nparallel = 1\nqueue = 1\n").await {
        let world = app.world_with(grants(), json!({})).await;
        let form = [
            ("grant_type", "password"),
            ("client_id", world.client_id.as_str()),
            ("username", EMAIL),
            ("password", "wrong"),
        ];
        let calls: Vec<_> = (0..12)
            .map(|_| app.http.post(app.url("oauth/token")).form(&form))
            .map(|call| tokio::spawn(async { Answer::read(call.send().await.unwrap()).await }))
            .collect();
        let mut refused = 0;
        for call in calls {
            let answer = call.await.unwrap();
            if answer.status == 503 {
                refused += 1;
                assert_eq!(answer.header("retry-after"), "1", "{backend}");
            }
        }
        assert!(refused > 0, "{backend}: none of twelve was refused");
        assert_eq!(app.get("health/ready").await.status, 200, "{backend}");
    }
}

#[tokio::test]
async fn the_auth0_status_codes_are_a_setting() {
    for (backend, app) in each_backend_with("[oauth]\nerror_status = \"auth0\"\n").await {
        let world = app.world_with(grants(), json!({})).await;
        let answer = ask(&app, &world, &[("password", "wrong")]).await;
        assert_eq!(answer.error(), (403, "invalid_grant".into()), "{backend}");
        let answer = ask(&app, &world, &[("client_id", "nobody")]).await;
        assert_eq!(answer.error(), (401, "access_denied".into()), "{backend}");
    }
}
