//! Too many wrong passwords from one address, whatever the account.

use super::*;
use crate::support::{each_backend_with, raw::Raw};

fn stage(max_attempts: i64, rate: i64) -> Value {
    json!({ "stage": { "pre-login": { "max_attempts": max_attempts, "rate": rate } } })
}

#[tokio::test]
async fn an_address_that_sprays_is_throttled_and_no_other() {
    for (backend, app) in each_backend_with(PROXIED).await {
        let world = world(&app).await;
        set(&app, SUSPICIOUS_IP, stage(5, 60_000)).await;
        for nth in 0..5 {
            let who = format!("user{nth}@example.com");
            assert_eq!(
                guess(&app, &world, HERE, &who, "wrong").await.error(),
                wrong(),
                "{backend}"
            );
        }
        let answer = guess(&app, &world, HERE, "user5@example.com", "wrong").await;
        assert_eq!(answer.error(), blocked(), "{backend}");
        assert!(answer.text_of("error_description").starts_with("We have detected suspicious"));
        assert!(waits(&answer, 60), "{backend}");
        // Not even with a right password: that would tell which one is right.
        assert_eq!(
            guess(&app, &world, HERE, EMAIL, PASSWORD).await.error(),
            blocked(),
            "{backend}"
        );
        assert_eq!(guess(&app, &world, THERE, EMAIL, PASSWORD).await.status, 200, "{backend}");
        assert_eq!(events(&app, "limit_mu").await.len(), 1, "{backend}");

        let path = format!("/anomaly/blocks/ips/{HERE}");
        assert_eq!(app.management("GET", &path, None).await.status, 200, "{backend}");
        let other = app.management("GET", &format!("/anomaly/blocks/ips/{THERE}"), None).await;
        assert_eq!(other.status, 404, "{backend}");
        app.clock.advance_seconds(60);
        assert_eq!(app.management("GET", &path, None).await.status, 404, "{backend}");
        assert_eq!(guess(&app, &world, HERE, EMAIL, "wrong").await.error(), wrong(), "{backend}");
        assert_eq!(
            guess(&app, &world, HERE, EMAIL, PASSWORD).await.error(),
            blocked(),
            "{backend}"
        );
        assert_eq!(app.management("DELETE", &path, None).await.status, 204, "{backend}");
        assert_eq!(guess(&app, &world, HERE, EMAIL, PASSWORD).await.status, 200, "{backend}");
    }
}

#[tokio::test]
async fn right_passwords_cost_an_address_nothing() {
    for (backend, app) in each_backend_with(PROXIED).await {
        let world = world(&app).await;
        set(&app, SUSPICIOUS_IP, stage(2, 60_000)).await;
        for _ in 0..6 {
            assert_eq!(guess(&app, &world, HERE, EMAIL, PASSWORD).await.status, 200, "{backend}");
        }
    }
}

#[tokio::test]
async fn parallel_guesses_get_no_more_answers_than_the_address_has() {
    for (backend, app) in each_backend_with(PROXIED).await {
        let world = world(&app).await;
        set(&app, SUSPICIOUS_IP, stage(7, 86_400_000)).await;
        let guesses = (0..30).map(|nth| {
            let (app, world) = (&app, &world);
            async move {
                guess(app, world, HERE, &format!("user{nth}@example.com"), "wrong").await.error()
            }
        });
        let answers = futures_util::future::join_all(guesses).await;
        let told = answers.iter().filter(|answer| **answer == wrong()).count();
        assert_eq!(told, 7, "{backend}: {answers:?}");
    }
}

#[tokio::test]
async fn allowed_addresses_and_shields_that_do_not_block_refuse_nobody() {
    for (backend, app) in each_backend_with(PROXIED).await {
        let world = world(&app).await;
        let mut settings = stage(1, 86_400_000);
        for change in [
            json!({ "enabled": false }),
            json!({ "enabled": true, "allowlist": ["192.0.2.0/24"] }),
            json!({ "allowlist": [], "shields": ["admin_notification"] }),
        ] {
            settings.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            set(&app, SUSPICIOUS_IP, settings.clone()).await;
            for nth in 0..3 {
                let who = format!("user{nth}@example.com");
                let answer = guess(&app, &world, HERE, &who, "wrong").await;
                assert_eq!(answer.error(), wrong(), "{backend} {change}");
            }
            assert_eq!(guess(&app, &world, HERE, EMAIL, PASSWORD).await.status, 200, "{backend}");
        }
    }
}

#[tokio::test]
async fn what_is_counted_is_no_readable_identifier_and_is_swept() {
    for (backend, app) in each_backend_with(HURRIED).await {
        let world = world(&app).await;
        guess(&app, &world, HERE, "my secret typed too early", "wrong").await;
        let mut raw = Raw::connect(&app).await;
        assert_eq!(raw.number("SELECT COUNT(*) FROM login_failure").await, 1, "{backend}");
        assert_eq!(raw.number("SELECT COUNT(*) FROM rate_bucket").await, 2, "{backend}");
        let readable = "SELECT COUNT(*) FROM login_failure
            WHERE CAST(identifier_mac AS TEXT) LIKE '%secret%'";
        assert_eq!(raw.number(readable).await, 0, "{backend}");
        app.clock.advance_seconds(31 * 86_400);
        let (store, now) = (&app.inner.store, app.inner.clock.now());
        doorward::store::sweep::run(store, now, 86_400).await.unwrap();
        assert_eq!(raw.number("SELECT COUNT(*) FROM login_failure").await, 0, "{backend}");
        assert_eq!(raw.number("SELECT COUNT(*) FROM rate_bucket").await, 0, "{backend}");
    }
}
