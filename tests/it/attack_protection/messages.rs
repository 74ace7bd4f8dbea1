//! What people get in the mail about attempts that were refused.

use super::*;
use crate::support::each_backend_with;

/// The path and query of a link, whatever the host.
fn path_of(link: &str) -> String {
    let url = url::Url::parse(link).unwrap();
    format!("{}?{}", url.path(), url.query().unwrap())
}

async fn block(app: &TestApp, world: &World, from: &str) {
    for _ in 0..2 {
        guess(app, world, from, EMAIL, "wrong").await;
    }
    assert_eq!(guess(app, world, from, EMAIL, PASSWORD).await.error(), blocked());
}

#[tokio::test]
async fn the_link_in_the_message_unblocks_once_and_looking_at_it_does_not() {
    for (backend, app) in each_backend_with(PROXIED).await {
        let world = world(&app).await;
        set(&app, BRUTE_FORCE, json!({ "max_attempts": 2 })).await;
        block(&app, &world, HERE).await;
        let mails = app.mails_to(EMAIL).await;
        assert_eq!(mails.len(), 1, "{backend}: one an hour");
        assert_eq!(mails[0].subject, "Your account is blocked");
        let link = mails[0].link();
        assert!(link.starts_with(&app.issuer) && link.contains("/u/unblock?ticket="), "{link}");
        for _ in 0..2 {
            let page = app.get(&path_of(&link)).await;
            assert_eq!(page.status, 200, "{backend}");
            assert!(page.text.contains(EMAIL) && page.text.contains("action=\"/u/unblock\""));
        }
        assert_eq!(
            guess(&app, &world, HERE, EMAIL, PASSWORD).await.error(),
            blocked(),
            "{backend}"
        );
        let ticket = url::Url::parse(&link).unwrap();
        let ticket =
            ticket.query_pairs().find(|(name, _)| name == "ticket").unwrap().1.into_owned();
        let form = [("ticket", ticket.as_str())];
        let done = app.post_form("u/unblock", &form).await;
        assert!(done.status == 200 && done.text.contains("unblocked"), "{backend}");
        assert_eq!(guess(&app, &world, HERE, EMAIL, PASSWORD).await.status, 200, "{backend}");
        assert_eq!(events(&app, "ublkdu").await.len(), 1, "{backend}");
        assert_eq!(app.post_form("u/unblock", &form).await.status, 400, "{backend}: once");
        assert_eq!(app.get(&path_of(&link)).await.status, 400, "{backend}");
        for ticket in ["", "x", &"x".repeat(10_000)] {
            let answer = app.post_form("u/unblock", &[("ticket", ticket)]).await;
            assert_eq!(answer.status, 400, "{backend}");
        }
    }
}

#[tokio::test]
async fn nobody_floods_a_mailbox_and_nobody_is_written_to_who_does_not_exist() {
    for (backend, app) in each_backend_with(PROXIED).await {
        let world = world(&app).await;
        set(&app, BRUTE_FORCE, json!({ "max_attempts": 2 })).await;
        for nth in 0..12 {
            block(&app, &world, &format!("203.0.113.{nth}")).await;
        }
        assert_eq!(app.mails_to(EMAIL).await.len(), 5, "{backend}: links.per_user");
        for _ in 0..3 {
            guess(&app, &world, HERE, "nobody@example.com", "wrong").await;
        }
        assert_eq!(app.mails().await.len(), 5, "{backend}");
        // Without the shield nobody is written to.
        set(&app, BRUTE_FORCE, json!({ "shields": ["block"] })).await;
        app.clock.advance_seconds(4 * 86_400);
        block(&app, &world, THERE).await;
        assert_eq!(app.mails().await.len(), 5, "{backend}");
    }
}

#[tokio::test]
async fn whoever_runs_the_service_is_told_of_an_address_once_an_hour() {
    for (backend, app) in each_backend_with(PROXIED).await {
        let world = world(&app).await;
        let stage = json!({ "pre-login": { "max_attempts": 1, "rate": 86_400_000 } });
        set(&app, SUSPICIOUS_IP, json!({ "stage": stage })).await;
        for _ in 0..3 {
            guess(&app, &world, THERE, "nobody@example.com", "wrong").await;
        }
        assert_eq!(app.mails().await.len(), 0, "{backend}: there is nobody to tell");
        set(&app, "/tenants/settings", json!({ "support_email": "ops@example.com" })).await;
        for _ in 0..4 {
            guess(&app, &world, HERE, "nobody@example.com", "wrong").await;
        }
        let mails = app.mails_to("ops@example.com").await;
        assert_eq!(mails.len(), 1, "{backend}");
        assert!(mails[0].text.contains(HERE), "{}", mails[0].text);
        app.clock.advance_seconds(3601);
        guess(&app, &world, HERE, "nobody@example.com", "wrong").await;
        assert_eq!(app.mails_to("ops@example.com").await.len(), 2, "{backend}");
    }
}
