//! `POST /refresh-tokens/explain` of policies that are not saved yet, for logins and users that need
//! not exist, and for many audiences at once.

use serde_json::{Value, json};

use super::refused;
use crate::support::{Answer, TestApp, each_backend, fixtures::*};

const PATH: &str = "/refresh-tokens/explain";
const UNKNOWN: &str = "https://unknown.example";

async fn explain(app: &TestApp, body: Value) -> Answer {
    app.management("POST", PATH, Some(body)).await
}

/// A login for the usual API that asks for the usual scopes, of nobody in particular.
fn supposed(world: &World, more: Value) -> Value {
    let mut body = json!({
        "client_id": world.client_id, "login_audience": MESSAGES,
        "login_requested_scope": LOGIN_SCOPE,
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn entry(audience: &str, scope: &[&str]) -> Value {
    json!({ "audience": audience, "scope": scope })
}

/// `code`, or `code=scope`, with a mark for what is void.
fn told(warnings: &Value) -> Vec<String> {
    let warnings = warnings.as_array().map(Vec::as_slice).unwrap_or_default();
    let told = warnings.iter().map(|warning| {
        let message = warning["message"].as_str().unwrap();
        assert!(message.ends_with('.') && !message.contains("  "), "{message:?}");
        let mark = if warning["void"] == true { "!" } else { "" };
        let scope = warning["scope"].as_str().map(|s| format!("={s}")).unwrap_or_default();
        format!("{mark}{}{scope}", warning["code"].as_str().unwrap())
    });
    told.collect()
}

/// The message of a 400 of the body.
#[track_caller]
fn invalid_body(answer: &Answer) -> String {
    assert_eq!(refused(answer), (400, "invalid_body".to_owned()), "{}", answer.text);
    answer.text_of("message")
}

#[tokio::test]
async fn a_draft_is_explained_as_the_exchange_will_do_it_once_saved() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let token = text(&app.log_in(&world).await, "refresh_token").to_owned();
        let path = format!("/clients/{}", world.client_id);
        app.patch_client(
            &world.client_id,
            json!({ "refresh_token": {
            "rotation_type": "non-rotating", "expiration_type": "expiring",
        } }),
        )
        .await;
        let audiences = ["", MESSAGES, BILLING, UNKNOWN];
        for draft in [
            Value::Null,
            json!([entry(BILLING, &["read:billing"])]),
            json!([entry(BILLING, &[])]),
            json!([
                entry(MESSAGES, &["write:messages", "delete:messages"]),
                entry(UNKNOWN, &["x"])
            ]),
            json!([
                entry(BILLING, &["read:billing", "write:billing", "email"]),
                entry(MESSAGES, &[])
            ]),
        ] {
            let before = app.management("GET", &path, None).await.ok();
            let mut explanations = Vec::new();
            for scope in ["", "openid read:billing write:messages", "nonsense"] {
                let asked = json!({
                    "client_id": world.client_id, "user_id": world.user_id,
                    "refresh_token": token, "policies": draft, "audiences": audiences,
                    "scope": scope,
                });
                explanations.push((scope, explain(&app, asked).await.ok()));
            }
            let after = app.management("GET", &path, None).await.ok();
            assert_eq!(before, after, "{backend}: nothing is saved");

            app.patch_client(
                &world.client_id,
                json!({ "refresh_token": {
                "rotation_type": "non-rotating", "expiration_type": "expiring", "policies": draft,
            } }),
            )
            .await;
            for (scope, explained) in explanations {
                for (i, audience) in audiences.iter().enumerate() {
                    let row = format!("{backend} {draft} {audience:?} {scope:?}");
                    let explained = &explained["exchanges"][i];
                    assert_eq!(explained["audience"], *audience, "{row}");
                    let form = [("audience", *audience), ("scope", scope)];
                    let answer = app.refresh(&world, &token, &form).await;
                    assert_eq!(explained["allowed"], answer.status == 200, "{row} {explained}");
                    assert!(!text(explained, "because").is_empty(), "{row}");
                    let answer = answer.json();
                    if answer.get("error").is_some() {
                        assert_eq!(explained["error"], answer["error"], "{row}");
                        continue;
                    }
                    let result = &explained["result"];
                    assert_eq!(result["scope"], answer["scope"], "{row}");
                    assert_eq!(result["expires_in"], answer["expires_in"], "{row}");
                    assert_eq!(result["id_token"], answer.get("id_token").is_some(), "{row}");
                    for one in result["scopes"].as_array().unwrap() {
                        assert!(!text(one, "because").is_empty(), "{row}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn without_a_user_one_is_supposed_who_may_everything() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let billing = format!("/resource-servers/{}", world.billing_id);
        let demanding = json!({
            "enforce_policies": true, "skip_consent_for_verifiable_first_party_clients": false,
        });
        app.management("PATCH", &billing, Some(demanding)).await.ok();
        let body = supposed(&world, json!({ "audience": BILLING }));
        let explained = explain(&app, body.clone()).await.ok();
        assert_eq!(explained["user"], json!({ "supposed": true }), "{backend}");
        assert_eq!(explained["login"]["supposed"], true, "{backend}");
        assert_eq!(explained["login"]["scope"], LOGIN_SCOPE, "{backend}");
        assert_eq!(
            explained["result"]["scope"], "openid profile offline_access read:billing",
            "{backend} {explained}"
        );
        let known =
            ["!not_defined_by_api=write:billing", "permissions_enforced", "consent_demanded"];
        assert_eq!(told(&explained["policies"][1]["warnings"]), known, "{backend}");

        // A real user has neither the permission nor consented.
        let mut real = body;
        real["user_id"] = world.user_id.clone().into();
        let explained = explain(&app, real).await.ok();
        let user = json!({ "supposed": false, "user_id": world.user_id });
        assert_eq!(explained["user"], user, "{backend}");
        assert_eq!(explained["reason"], "consent_missing", "{backend}");
        assert_eq!(told(&explained["policies"][1]["warnings"]), known, "{backend}");
    }
}

#[tokio::test]
async fn a_supposed_login_is_granted_what_a_login_would_be() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let closed = app.add_api(
            "https://closed.example",
            &["x"],
            json!({
                "subject_type_authorization": { "user": { "policy": "deny_all" } },
            }),
        );
        closed.await;
        app.add_api("https://online.example", &["x"], json!({ "allow_offline_access": false }))
            .await;
        // audience, scopes asked for, scopes granted, scopes dropped, warnings
        for (audience, asked, granted, dropped, warnings) in [
            (MESSAGES, "openid offline_access nonsense", "openid offline_access", "nonsense", ""),
            (MESSAGES, "openid", "openid", "", "no_refresh_token"),
            (
                "https://online.example",
                "offline_access x",
                "x",
                "offline_access",
                "no_refresh_token",
            ),
            ("https://closed.example", "offline_access x", "offline_access", "x", "login_refused"),
            (UNKNOWN, "offline_access x", "offline_access", "x", "login_refused"),
            ("", "offline_access x", "offline_access", "x", ""),
            (MESSAGES, "", "", "", "no_refresh_token"),
        ] {
            let row = format!("{backend} {audience} {asked}");
            let more = json!({ "login_audience": audience, "login_requested_scope": asked });
            let login = explain(&app, supposed(&world, more)).await.ok()["login"].clone();
            assert_eq!(login["scope"], granted, "{row}");
            let of_login = login["dropped"].as_array().map(Vec::as_slice).unwrap_or_default();
            let names: Vec<_> = of_login.iter().map(|one| text(one, "scope")).collect();
            assert_eq!(names.join(" "), dropped, "{row}");
            assert!(of_login.iter().all(|one| !text(one, "because").is_empty()), "{row}");
            assert_eq!(told(&login["warnings"]).join(" "), warnings, "{row}");
        }
    }
}

#[tokio::test]
async fn every_entry_without_effect_is_warned_of() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        app.add_api(
            "https://closed.example",
            &["x"],
            json!({
                "subject_type_authorization": { "user": { "policy": "deny_all" } },
            }),
        )
        .await;
        app.add_api(
            "https://granted.example",
            &["x"],
            json!({
                "subject_type_authorization": { "user": { "policy": "require_client_grant" } },
            }),
        )
        .await;
        let draft = json!([
            entry(BILLING, &["read:billing", "email", "gone"]),
            entry(UNKNOWN, &["x"]),
            entry(MESSAGES, &["read:messages", "delete:messages"]),
            entry("https://closed.example", &["x"]),
            entry("https://granted.example", &["x"]),
            entry("https://no.example", &[]),
        ]);
        let explained = explain(&app, supposed(&world, json!({ "policies": draft }))).await.ok();
        let expected: &[&[&str]] = &[
            &["!oidc_scope=email", "!not_defined_by_api=gone"],
            &["!unknown_api"],
            &["own_audience", "granted_at_login=read:messages"],
            &["!restricted=x"],
            &["!restricted=x"],
            &["!unknown_api", "no_scopes"],
        ];
        for (i, expected) in expected.iter().enumerate() {
            let policy = &explained["policies"][i];
            assert_eq!(policy["audience"], draft[i]["audience"], "{backend}");
            assert_eq!(told(&policy["warnings"]), *expected, "{backend} {policy}");
            let audience = &policy["audience"];
            let all = policy["warnings"].as_array().unwrap();
            assert!(all.iter().all(|warning| warning["audience"] == *audience), "{backend}");
            let void = all.iter().filter(|one| one["void"] == true).count();
            assert_eq!(policy["void"].as_array().unwrap().len(), void, "{backend}");
        }
        assert_eq!(explained["warnings"], json!([]), "{backend}");

        app.patch_client(&world.client_id, json!({ "is_first_party": false })).await;
        let draft = json!([entry(BILLING, &["read:billing"])]);
        let explained = explain(&app, supposed(&world, json!({ "policies": draft }))).await.ok();
        let warnings = &explained["policies"][0]["warnings"];
        assert_eq!(told(warnings), ["!third_party_client", "consent_demanded"], "{backend}");
    }
}

#[tokio::test]
async fn an_application_without_the_grant_is_refused_in_the_explanation_too() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let token = text(&app.log_in(&world).await, "refresh_token").to_owned();
        let grants = json!({ "grant_types": ["authorization_code"] });
        app.patch_client(&world.client_id, grants).await;
        let asked = json!({
            "client_id": world.client_id, "user_id": world.user_id, "refresh_token": token,
        });
        let explained = explain(&app, asked).await.ok();
        let answer = app.refresh(&world, &token, &[]).await.json();
        assert_eq!(explained["allowed"], false, "{backend}");
        assert_eq!(explained["error"], answer["error"], "{backend}");
        assert_eq!(explained["reason"], "no_refresh_token_grant", "{backend}");
        assert_eq!(told(&explained["warnings"]), ["!no_refresh_token_grant"], "{backend}");
        let explained = explain(&app, supposed(&world, json!({}))).await.ok();
        assert_eq!(told(&explained["login"]["warnings"]), ["no_refresh_token"], "{backend}");

        app.patch_client(
            &world.client_id,
            json!({
                "grant_types": ["authorization_code", "refresh_token"],
                "refresh_token": refresh_settings(json!({ "leeway": 0 })),
            }),
        )
        .await;
        let explained = explain(&app, supposed(&world, json!({}))).await.ok();
        assert_eq!(told(&explained["warnings"]), ["no_leeway"], "{backend}");
    }
}

#[tokio::test]
async fn a_draft_obeys_the_rules_of_the_policies_that_are_saved() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let management = format!("{}api/v2/", app.issuer);
        let too_many: Vec<_> =
            (0..101).map(|i| entry(&format!("https://{i}.example"), &[])).collect();
        for policies in [
            json!([]),
            json!("x"),
            json!([{ "audience": BILLING }]),
            json!([entry("", &[])]),
            json!([entry(BILLING, &[""])]),
            json!([entry(BILLING, &[]), entry(BILLING, &[])]),
            json!([entry(&management, &["read:users"])]),
            json!(too_many),
        ] {
            let asked = supposed(&world, json!({ "policies": policies }));
            let refused = invalid_body(&explain(&app, asked).await);
            let path = format!("/clients/{}", world.client_id);
            let saved =
                json!({ "refresh_token": refresh_settings(json!({ "policies": policies })) });
            let saved = invalid_body(&app.management("PATCH", &path, Some(saved)).await);
            assert_eq!(saved.replace("refresh_token.policies", "policies"), refused, "{backend}");
        }
        let many = vec!["x"; 102];
        for more in [
            json!({ "audiences": [] }),
            json!({ "audiences": many }),
            json!({ "audiences": [1] }),
            json!({ "login_scope": "openid" }),
            json!({ "refresh_token_id": "x" }),
        ] {
            let refused = explain(&app, supposed(&world, more.clone())).await;
            assert_eq!(refused.status, 400, "{backend} {more}");
        }
        let without_user = json!({ "client_id": world.client_id });
        let refused = invalid_body(&explain(&app, without_user).await);
        assert!(refused.starts_with("Without user_id, give login_requested_scope"), "{backend}");
    }
}
