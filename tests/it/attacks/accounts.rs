//! Guessing codes, and whose account it is: cases 49 to 51. What is said of cases 55, 57 and 59 in
//! the list is tried here too.

use doorward::crypto::digest;
use serde_json::json;

use super::{
    DATABASE, DEVICE, OTP, REALM, begin, device_codes, log_in_with_code, mailed_code, refused,
    type_code, user_path, wrong,
};
use crate::support::{
    browser::{Browser, hidden_state},
    each_backend,
    fixtures::*,
};

const INVALID_GRANT: (u16, &str) = (400, "invalid_grant");
const NEW: &str = "grace@example.com";

/// **Case 49.** CVE-2025-64102, ZITADEL: one-time codes could be guessed without limit.
#[tokio::test]
async fn a_one_time_code_is_dead_after_five_guesses_and_an_address_after_ten() {
    for (backend, app) in each_backend().await {
        let world =
            app.world_with(json!({ "grant_types": [OTP, "refresh_token"] }), json!({})).await;
        for round in 0..2 {
            let otp = mailed_code(&app, &world, NEW).await;
            for _ in 0..5 {
                let answer = log_in_with_code(&app, &world, NEW, &wrong(&otp)).await;
                refused(&answer, INVALID_GRANT, backend);
            }
            let answer = log_in_with_code(&app, &world, NEW, &otp).await;
            refused(&answer, INVALID_GRANT, &format!("{backend} {round}: the right one is dead"));
        }
        // The eleventh, right or wrong, from wherever, with a code that nobody has guessed at.
        let otp = mailed_code(&app, &world, NEW).await;
        let answer = log_in_with_code(&app, &world, NEW, &otp).await;
        refused(&answer, INVALID_GRANT, &format!("{backend}: the address has to wait"));
        let other = mailed_code(&app, &world, "other@example.com").await;
        log_in_with_code(&app, &world, "other@example.com", &other).await.ok();
        app.clock.advance_seconds(3601);
        let otp = mailed_code(&app, &world, NEW).await;
        log_in_with_code(&app, &world, NEW, &otp).await.ok();
    }
}

/// **Case 50.** CVE-2018-14657, Keycloak: whoever began a new login had as many guesses again.
#[tokio::test]
async fn a_new_login_brings_no_new_guesses() {
    for (backend, app) in each_backend().await {
        let grants = json!({ "grant_types": [OTP, DEVICE, "authorization_code"] });
        let world = app.world_with(grants, json!({})).await;
        app.add_user("eve@example.com", PASSWORD).await;
        // Codes of devices: a new browser, a new login and a new page for every guess.
        let codes = device_codes(&app, &world, &[]).await;
        for _ in 0..10 {
            let page = type_code(&mut Browser::new(&app), "BBBB-BBBB", "eve@example.com").await;
            assert!(page.1.text.contains("no longer valid"), "{backend}: {}", page.1.text);
        }
        let code = text(&codes, "user_code");
        let (_, page) = type_code(&mut Browser::new(&app), code, "eve@example.com").await;
        refused(&page, (429, "Too many attempts"), &format!("{backend}: even the right one"));
        let page = type_code(&mut Browser::new(&app), code, EMAIL).await;
        assert_eq!(page.0, "/activate/confirm", "{backend}: nobody else pays for it");
        // Codes by mail: another application, and the other node.
        let other = app.add_client(json!({ "grant_types": [OTP] })).await;
        let other = World {
            client_id: text(&other, "client_id").to_owned(),
            client_secret: String::new(),
            user_id: String::new(),
            messages_id: String::new(),
            billing_id: String::new(),
        };
        let node = app.another_node().await;
        for world in [&world, &other] {
            let otp = mailed_code(&app, world, NEW).await;
            for _ in 0..5 {
                let answer = log_in_with_code(&node, world, NEW, &wrong(&otp)).await;
                refused(&answer, INVALID_GRANT, backend);
            }
        }
        let otp = mailed_code(&app, &world, NEW).await;
        let answer = log_in_with_code(&app, &world, NEW, &otp).await;
        refused(&answer, INVALID_GRANT, &format!("{backend}: ten of one address"));
    }
}

/// **Case 51.** Authelia, `measures.md`: answers, and the time they took, told which accounts exist.
/// Time is not measured here but made of: the same number of password hashes.
#[tokio::test]
async fn nobody_can_tell_whether_an_account_exists() {
    for (backend, app) in each_backend().await {
        let grants = ["authorization_code", "password", REALM, OTP];
        let world = app.world_with(json!({ "grant_types": grants }), json!({})).await;
        let client = world.client_id.as_str();
        let users = [EMAIL, "nobody@example.com"];
        let hashed = || app.inner.login.passwords.computed();
        for grant in ["password", REALM] {
            let mut seen = Vec::new();
            for user in users {
                let before = hashed();
                let form = [
                    ("grant_type", grant),
                    ("client_id", client),
                    ("username", user),
                    ("password", "wrong"),
                    ("realm", DATABASE),
                ];
                let answer = app.token(&form).await;
                refused(&answer, INVALID_GRANT, &format!("{backend} {grant} {user}"));
                seen.push((answer.text, hashed() - before));
            }
            assert_eq!(seen[0], seen[1], "{backend} {grant}");
            assert_eq!(seen[0].1, 1, "{backend} {grant}: one password hash");
        }
        let mut seen = Vec::new();
        for user in users {
            let mut browser = Browser::new(&app);
            let page = begin(&mut browser, &world, &[]).await;
            let before = hashed();
            let fields = [("username", user), ("password", "wrong")];
            let (path, page) = browser.submit(&page, &fields).await.page();
            assert_eq!((path.as_str(), page.status), ("/u/login", 200), "{backend} {user}");
            let text = page.text.replace(&hidden_state(&page.text), "").replace(user, "");
            seen.push((text, hashed() - before));
        }
        assert_eq!(seen[0], seen[1], "{backend}: the page");
        // What mails something says, and does, the same before the mail is on its way.
        let mut seen = Vec::new();
        for user in users {
            let before = hashed();
            let post = async |path: &str, more: serde_json::Value| {
                let mut body = more;
                body["client_id"] = json!(client);
                body["email"] = json!(user);
                let answer = app.send(app.http.post(app.url(path)).json(&body)).await;
                (answer.status, answer.text.replace(user, ""))
            };
            let reset =
                post("dbconnections/change_password", json!({ "connection": DATABASE })).await;
            let code = post("passwordless/start", json!({ "connection": "email" })).await;
            seen.push((reset, code, hashed() - before));
        }
        let without_id = |(reset, (status, text), hashes): &((u16, String), (u16, String), u64)| {
            let mut body: serde_json::Value = serde_json::from_str(text).unwrap();
            body["_id"] = json!(null);
            (reset.clone(), *status, body, *hashes)
        };
        assert_eq!(without_id(&seen[0]), without_id(&seen[1]), "{backend}: the mails");
        // Signing up hashes a password whether the address is taken or not.
        let mut hashes = Vec::new();
        for email in [EMAIL, "somebody@example.com"] {
            let before = hashed();
            let body = json!({
                "client_id": client, "email": email, "password": PASSWORD, "connection": DATABASE,
            });
            app.send(app.http.post(app.url("dbconnections/signup")).json(&body)).await;
            hashes.push(hashed() - before);
        }
        assert_eq!(hashes[0], hashes[1], "{backend}: signing up");
    }
}

/// Of cases 55, 57 and 59: there are no other identity providers, no second factors and no passkeys
/// here, so nothing is linked, skipped or enrolled; who asks for it is refused, whatever the token.
#[tokio::test]
async fn nothing_is_linked_or_enrolled() {
    for (backend, app) in each_backend().await {
        let grants = json!({ "grant_types": [OTP, "authorization_code"] });
        let world = app.world_with(grants, json!({})).await;
        // The same address, proven by a code, is somebody else than the one who has it unproven.
        let otp = mailed_code(&app, &world, EMAIL).await;
        log_in_with_code(&app, &world, EMAIL, &otp).await.ok();
        let found = app.management("GET", &format!("/users-by-email?email={EMAIL}"), None).await;
        let found = found.ok();
        let ids: Vec<_> = found.as_array().unwrap().iter().map(|user| &user["user_id"]).collect();
        assert_eq!(ids.len(), 2, "{backend}: {ids:?}");
        for user in found.as_array().unwrap() {
            assert_eq!(user["identities"].as_array().unwrap().len(), 1, "{backend}: {user}");
        }
        let refusal = (403, "insufficient_scope");
        for (method, path, body) in [
            (
                "POST",
                format!("{}/identities", user_path(&world)),
                json!({ "provider": "email", "user_id": ids[1] }),
            ),
            (
                "POST",
                "/guardian/enrollments/ticket".to_owned(),
                json!({ "user_id": world.user_id, "send_mail": false }),
            ),
            ("PUT", "/guardian/policies".to_owned(), json!(["all-applications"])),
        ] {
            let answer = app.management(method, &path, Some(body)).await;
            refused(&answer, refusal, &format!("{backend} {path}"));
        }
        let callback = app.get("login/callback?code=x&state=y").await;
        refused(&callback, (404, "Not found"), backend);
        let challenge = digest::s256_challenge(VERIFIER);
        let query = super::query_of(&world, &challenge, &[("connection", "google-oauth2")]);
        let answer = super::ask(&app, "authorize", &query).await;
        super::refused_to(&answer, CALLBACK, "invalid_request", backend);
        let mfa = "http://auth0.com/oauth/grant-type/mfa-otp";
        let form = [("grant_type", mfa), ("client_id", &*world.client_id), ("mfa_token", "x")];
        refused(&app.token(&form).await, (400, "unsupported_grant_type"), backend);
    }
}
