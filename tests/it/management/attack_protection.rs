//! `/attack-protection`: the settings. What they do is tested in `crate::attack_protection`.

use serde_json::json;

use super::{get, invalid_body, patch, post, refused};
use crate::support::each_backend;

const KINDS: [&str; 3] =
    ["brute-force-protection", "suspicious-ip-throttling", "breached-password-detection"];

#[tokio::test]
async fn what_is_enforced_is_on_from_the_start_and_nothing_else_claims_to_be() {
    for (_, app) in each_backend().await {
        for (kind, enabled) in KINDS.into_iter().zip([true, true, false]) {
            let path = format!("/attack-protection/{kind}");
            let shown = get(&app, &path).await.ok();
            assert_eq!(shown["enabled"], enabled, "{kind}");
            assert!(shown["shields"].is_array(), "{kind}");
            // What is read may be written back, and changes nothing.
            assert_eq!(patch(&app, &path, shown.clone()).await.ok(), shown);
            assert_eq!(patch(&app, &path, json!({})).await.ok(), shown);
        }
    }
}

#[tokio::test]
async fn what_is_set_stays_set_beside_what_was_not_sent() {
    for (_, app) in each_backend().await {
        let path = "/attack-protection/brute-force-protection";
        let set = patch(&app, path, json!({ "enabled": false, "max_attempts": 3 })).await.ok();
        assert_eq!((&set["enabled"], &set["max_attempts"]), (&json!(false), &json!(3)));
        assert_eq!(set["mode"], "count_per_identifier_and_ip");
        let shields =
            json!({ "shields": [], "allowlist": ["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"] });
        let set = patch(&app, path, shields).await.ok();
        assert_eq!(set["shields"], json!([]));
        assert_eq!(get(&app, path).await.ok(), set);
        assert_eq!(set["max_attempts"], 3);

        let path = "/attack-protection/suspicious-ip-throttling";
        let stage = json!({ "stage": { "pre-login": { "max_attempts": 7 } } });
        let set = patch(&app, path, stage).await.ok();
        assert_eq!(set["stage"]["pre-login"], json!({ "max_attempts": 7, "rate": 864_000 }));
        assert_eq!(set["stage"]["pre-user-registration"]["max_attempts"], 50);

        let path = "/attack-protection/breached-password-detection";
        let stage = json!({ "stage": { "pre-user-registration": { "shields": ["block"] } } });
        let set = patch(&app, path, stage).await.ok();
        assert_eq!(set["stage"]["pre-change-password"], json!({ "shields": [] }));

        let rows = get(&app, "/logs?q=type:sapi").await.ok();
        let changed: Vec<_> =
            rows.as_array().unwrap().iter().map(|row| row["details"]["changed"].clone()).collect();
        assert!(changed.contains(&json!(["enabled", "max_attempts"])), "{changed:?}");
        assert!(changed.contains(&json!(["stage.pre-login.max_attempts"])), "{changed:?}");
    }
}

#[tokio::test]
async fn protections_that_cannot_be_are_refused() {
    for (_, app) in each_backend().await {
        for (kind, body, message) in [
            (
                KINDS[0],
                json!({ "max_attempts": 0 }),
                "'Value 0 is less than minimum 1' on property max_attempts (Maximum number of unsuccessful attempts.).",
            ),
            (
                KINDS[0],
                json!({ "mode": "x" }),
                "'No enum match for: x' on property mode (Account Lockout: Determines whether or not IP address is used when counting failed attempts.).",
            ),
            (
                KINDS[0],
                json!({ "allowlist": ["10.0.0.0/33"] }),
                "'Object didn't pass validation for format ipv4: 10.0.0.0/33' on property allowlist.0.",
            ),
            (
                KINDS[0],
                json!({ "allowlist": ["home"] }),
                "'Object didn't pass validation for format ipv4: home' on property allowlist.0.",
            ),
            (
                KINDS[1],
                json!({ "stage": { "x": {} } }),
                "'Additional properties not allowed: x' on property stage (Holds per-stage configuration options (max_attempts and rate).).",
            ),
            (
                KINDS[1],
                json!({ "shields": ["user_notification"] }),
                "'No enum match for: user_notification' on property shields.0.",
            ),
            (
                KINDS[2],
                json!({ "shields": "block" }),
                "'Expected type array but found type string' on property shields (Action to take when a breached password is detected during a login.).",
            ),
        ] {
            let path = format!("/attack-protection/{kind}");
            let before = get(&app, &path).await.ok();
            let answer = patch(&app, &path, body).await;
            invalid_body(&answer, &format!("Payload validation error: {message}"));
            assert_eq!(get(&app, &path).await.ok(), before, "nothing is half-written");
        }
        let answer = get(&app, "/attack-protection/brute-force-protection?x=1").await;
        assert_eq!(refused(&answer), (400, "invalid_query_string".to_owned()));
        let answer = post(&app, "/attack-protection/brute-force-protection", json!({})).await;
        assert_eq!(answer.status, 405);
    }
}

#[tokio::test]
async fn of_two_editors_nobody_is_overwritten() {
    for (_, app) in each_backend().await {
        let path = "/attack-protection/brute-force-protection";
        let (one, two) = tokio::join!(
            patch(&app, path, json!({ "max_attempts": 4 })),
            patch(&app, path, json!({ "mode": "count_per_identifier" })),
        );
        assert_eq!((one.status, two.status), (200, 200));
        let set = get(&app, path).await.ok();
        assert_eq!(
            (&set["max_attempts"], &set["mode"]),
            (&json!(4), &json!("count_per_identifier"))
        );
    }
}
