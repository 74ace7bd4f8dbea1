//! `refresh_token` of a client: lifetimes and the policies of multi-resource refresh tokens.

use serde_json::{Value, json};

use super::{get, invalid_body, patch, post, refused};
use crate::support::{TestApp, each_backend};

fn settings(more: Value) -> Value {
    let mut settings = json!({ "rotation_type": "rotating", "expiration_type": "expiring" });
    for (name, value) in more.as_object().unwrap() {
        settings[name] = value.clone();
    }
    json!({ "refresh_token": settings })
}

fn policy(audience: &str) -> Value {
    json!({ "audience": audience, "scope": ["z", "a"] })
}

#[tokio::test]
async fn policies_are_kept_when_omitted_replaced_when_sent_and_cleared_by_null() {
    for (_, app) in each_backend().await {
        let client = app.add_client(json!({})).await;
        let path = format!("/clients/{}", client["client_id"].as_str().unwrap());
        let put =
            async |more| patch(&app, &path, settings(more)).await.ok()["refresh_token"].take();

        let policies = json!([policy("https://b"), policy("https://a")]);
        let stored = put(json!({ "policies": policies, "leeway": 3 })).await;
        assert_eq!(stored["policies"], policies, "order is kept and nothing needs to exist");
        let stored = put(json!({ "token_lifetime": 2_000_000 })).await;
        assert_eq!(stored["policies"], policies);
        assert_eq!(stored["leeway"], 3);
        let empty = json!([{ "audience": "https://b", "scope": [] }]);
        assert_eq!(put(json!({ "policies": empty })).await["policies"], empty);
        let stored = put(json!({ "policies": null })).await;
        assert!(stored.get("policies").is_none());
        assert_eq!(stored["token_lifetime"], 2_000_000);

        let removed = patch(&app, &path, json!({ "refresh_token": null })).await.ok();
        assert!(removed.get("refresh_token").is_none());
        let stored = put(json!({})).await;
        assert_eq!(stored["token_lifetime"], 2_592_000);
        assert!(stored.get("leeway").is_none());
    }
}

#[tokio::test]
async fn settings_that_contradict_themselves_are_refused() {
    for (_, app) in each_backend().await {
        let client = app.add_client(json!({})).await;
        let path = format!("/clients/{}", client["client_id"].as_str().unwrap());
        let before = get(&app, &path).await.ok();
        let management = format!("{}api/v2/", app.issuer);
        let many: Vec<_> = (0..101).map(|i| policy(&format!("https://{i}"))).collect();
        for (body, about) in [
            (settings(json!({ "expiration_type": "non-expiring" })), "must expire"),
            (
                settings(json!({ "token_lifetime": 10, "idle_token_lifetime": 11 })),
                "idle_token_lifetime (11)",
            ),
            (settings(json!({ "token_lifetime": 10 })), "idle_token_lifetime (1296000)"),
            (
                settings(json!({ "policies": [policy("https://a"), policy("https://a")] })),
                "https://a has more than one",
            ),
            (settings(json!({ "policies": [policy(&management)] })), "Management API"),
            (settings(json!({ "policies": many })), "Array is too long (101), maximum 100"),
            (settings(json!({ "policies": [] })), "Array is too short (0), minimum 1"),
            (
                settings(json!({ "policies": [{ "audience": "a" }] })),
                "Missing required property: scope",
            ),
            (
                settings(json!({ "policies": [{ "audience": "", "scope": [] }] })),
                "String is too short",
            ),
            (
                settings(json!({ "policies": [{ "audience": "a", "scope": [""] }] })),
                "String is too short",
            ),
            (settings(json!({ "leeway": -1 })), "Value -1 is less than minimum 0"),
            (settings(json!({ "token_lifetime": 157_788_001 })), "greater than maximum 157788000"),
            (settings(json!({ "surprise": 1 })), "Additional properties not allowed: surprise"),
            (
                json!({ "refresh_token": { "leeway": 1 } }),
                "Missing required property: rotation_type",
            ),
        ] {
            let answer = patch(&app, &path, body.clone()).await;
            assert_eq!(refused(&answer), (400, "invalid_body".to_owned()), "{body}");
            assert!(answer.text_of("message").contains(about), "{}", answer.text);
        }
        assert_eq!(get(&app, &path).await.ok(), before);
        invalid_body(
            &patch(&app, &path, settings(json!({ "policies": [] }))).await,
            "Payload validation error: 'Array is too short (0), minimum 1' on property refresh_token.policies (A collection of policies governing multi-resource refresh token exchange (MRRT), defining how refresh tokens can be used across different resource servers).",
        );
    }
}

#[tokio::test]
async fn an_idle_lifetime_may_exceed_an_absolute_one_that_does_not_count() {
    for (_, app) in each_backend().await {
        for more in [
            json!({ "infinite_token_lifetime": true, "token_lifetime": 1, "idle_token_lifetime": 2 }),
            json!({ "infinite_idle_token_lifetime": true, "token_lifetime": 1, "idle_token_lifetime": 2 }),
            json!({
                "rotation_type": "non-rotating", "expiration_type": "non-expiring",
                "token_lifetime": 1, "idle_token_lifetime": 2,
            }),
        ] {
            let mut body = settings(more);
            body["name"] = "x".into();
            TestApp::created(&post(&app, "/clients", body).await);
        }
    }
}
