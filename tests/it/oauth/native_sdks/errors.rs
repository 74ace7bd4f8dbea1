//! Logins without a browser, and the errors that the SDKs tell apart by their exact words.

use serde_json::json;

use super::*;
use crate::support::{each_backend, each_backend_with};

/// Both modes: the file, the status of `invalid_grant`, and what a blocked user is told.
const MODES: [(&str, u16, &str); 2] =
    [("", 400, "invalid_grant"), ("[oauth]\nerror_status = \"auth0\"\n", 403, "unauthorized")];

/// Status, code and description, which only count in JSON.
#[track_caller]
fn told(answer: &Answer) -> (u16, String, String) {
    assert!(answer.header("content-type").contains("application/json"), "{}", answer.text);
    let (status, code) = answer.error();
    (status, code, answer.text_of("error_description"))
}

fn is(status: u16, code: &str, description: &str) -> (u16, String, String) {
    (status, code.to_owned(), description.to_owned())
}

async fn realm(sdk: Sdk, app: &TestApp, world: &World, email: &str, password: &str) -> Answer {
    let members = [
        ("username", email),
        ("password", password),
        ("grant_type", PASSWORD_REALM),
        ("client_id", &world.client_id),
        ("realm", "Username-Password-Authentication"),
        ("audience", MESSAGES),
        ("scope", LOGIN_SCOPE),
    ];
    sdk.post(app, "oauth/token", &members).await
}

async fn otp(sdk: Sdk, app: &TestApp, world: &World, code: &str) -> Answer {
    let members = [
        ("username", EMAIL),
        ("otp", code),
        ("realm", "email"),
        ("grant_type", OTP),
        ("client_id", &world.client_id),
        ("scope", "openid profile offline_access"),
    ];
    sdk.post(app, "oauth/token", &members).await
}

#[tokio::test]
async fn a_password_login_and_its_errors() {
    for (file, status, blocked) in MODES {
        for (backend, app) in each_backend_with(file).await {
            let (world, keys) = (native_world(&app).await, keys(&app).await);
            for sdk in [SWIFT, ANDROID] {
                let answer = realm(sdk, &app, &world, EMAIL, PASSWORD).await;
                demand(&answer, &keys, &world);
                let wrong = is(status, "invalid_grant", "Wrong email or password.");
                for (email, password) in [(EMAIL, "wrong"), ("nobody@example.com", PASSWORD)] {
                    let answer = realm(sdk, &app, &world, email, password).await;
                    assert_eq!(told(&answer), wrong, "{backend}");
                }
            }
            let block = Some(json!({ "blocked": true }));
            app.management("PATCH", &path_of(&world), block).await.ok();
            let answer = realm(SWIFT, &app, &world, EMAIL, PASSWORD).await;
            assert_eq!(told(&answer), is(status, blocked, "user is blocked"), "{backend}");
        }
    }
}

#[tokio::test]
async fn a_code_by_mail_and_its_errors() {
    for (file, status, blocked) in MODES {
        for (backend, app) in each_backend_with(file).await {
            let (world, keys) = (native_world(&app).await, keys(&app).await);
            let mut code = String::new();
            for sdk in [SWIFT, ANDROID] {
                app.clock.advance_seconds(1);
                let client = ("client_id", world.client_id.as_str());
                let members = match sdk.name {
                    "swift" => {
                        [("email", EMAIL), ("connection", "email"), client, ("send", "code")]
                    }
                    _ => [client, ("email", EMAIL), ("send", "code"), ("connection", "email")],
                };
                let started = sdk.post(&app, "passwordless/start", &members).await;
                assert!(started.header("content-type").contains("json"), "{backend}");
                assert_eq!(started.ok()["email"], EMAIL, "{backend}");
                let mails = app.mails_to(EMAIL).await;
                let is_code =
                    |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
                code = mails.last().unwrap().text.lines().find(is_code).unwrap().to_owned();
                let wrong = if code.starts_with('0') { "111111" } else { "000000" };
                let expected = is(status, "invalid_grant", "Wrong email or verification code.");
                let answer = otp(sdk, &app, &world, wrong).await;
                assert_eq!(told(&answer), expected, "{backend}");
                if sdk.name == "swift" {
                    demand(&otp(sdk, &app, &world, &code).await, &keys, &world);
                    assert_eq!(told(&otp(sdk, &app, &world, &code).await), expected, "{backend}");
                }
            }
            let users = format!("/users-by-email?email={EMAIL}");
            let users = app.management("GET", &users, None).await.ok();
            for user in users.as_array().unwrap() {
                let path = format!("/users/{}", text(user, "user_id").replace('|', "%7C"));
                app.management("PATCH", &path, Some(json!({ "blocked": true }))).await.ok();
            }
            let answer = otp(ANDROID, &app, &world, &code).await;
            assert_eq!(told(&answer), is(status, blocked, "user is blocked"), "{backend}");
        }
    }
}

#[tokio::test]
async fn an_account_is_created_and_its_password_forgotten() {
    for (backend, app) in each_backend().await {
        let (world, keys) = (native_world(&app).await, keys(&app).await);
        for (sdk, email) in [(SWIFT, "grace@example.com"), (ANDROID, "joan@example.com")] {
            let database = ("connection", "Username-Password-Authentication");
            let client = ("client_id", world.client_id.as_str());
            let members = [("email", email), ("password", PASSWORD), database, client];
            let made = sdk.post(&app, "dbconnections/signup", &members).await;
            assert_eq!(made.ok()["email"], email, "{backend}");
            assert_eq!(made.json()["email_verified"], false, "{backend}");
            demand(&realm(sdk, &app, &world, email, PASSWORD).await, &keys, &world);
            let again = sdk.post(&app, "dbconnections/signup", &members).await;
            assert_eq!((again.status, again.text_of("code")), (400, "invalid_signup".into()));
            let weak = [("email", "eve@example.com"), ("password", "x"), database, client];
            let weak = sdk.post(&app, "dbconnections/signup", &weak).await;
            assert_eq!((weak.status, weak.text_of("code")), (400, "invalid_password".into()));
            assert_eq!(weak.text_of("name"), "PasswordStrengthError", "{backend}");
            assert!(weak.header("content-type").contains("application/json"), "{backend}");

            let members = [("email", email), database, client];
            let asked = sdk.post(&app, "dbconnections/change_password", &members).await;
            assert_eq!(asked.status, 200, "{backend}: {}", asked.text);
        }
    }
}

#[tokio::test]
async fn a_refresh_token_that_is_no_more_is_told_in_the_words_they_know() {
    for (file, status, blocked) in MODES {
        for (backend, app) in each_backend_with(file).await {
            let world = native_world(&app).await;
            let dead = is(status, "invalid_grant", "Unknown or invalid refresh token.");
            let path = path_of(&world);
            let block = async |blocked: bool| {
                let body = Some(json!({ "blocked": blocked }));
                app.management("PATCH", &path, body).await.ok();
            };
            for sdk in [SWIFT, ANDROID] {
                let answer = sdk.renew(&app, &world, "v1.MadeUp", &[]).await;
                assert_eq!(told(&answer), dead, "{backend}");
                let token = sdk.log_in(&app, &world).await.text_of("refresh_token");
                block(true).await;
                let answer = sdk.renew(&app, &world, &token, &[]).await;
                assert_eq!(told(&answer), is(status, blocked, "user is blocked"), "{backend}");
                block(false).await;
            }
            // What is known of a login goes with its user, so a deleted user's token is as unknown
            // as one that never was. Both SDKs treat the two alike: they log out.
            let token = SWIFT.log_in(&app, &world).await.text_of("refresh_token");
            assert_eq!(app.management("DELETE", &path, None).await.status, 204, "{backend}");
            for sdk in [SWIFT, ANDROID] {
                let answer = sdk.renew(&app, &world, &token, &[]).await;
                assert_eq!(told(&answer), dead, "{backend}");
            }
        }
    }
}

#[tokio::test]
async fn a_bad_code_verifier_or_client_is_told_in_the_words_they_know() {
    for ((file, status, _), client_error) in
        MODES.into_iter().zip(["invalid_client", "access_denied"])
    {
        for (backend, app) in each_backend_with(file).await {
            let mut world = native_world(&app).await;
            for sdk in [SWIFT, ANDROID] {
                let answer = sdk.exchange(&app, &world, "made-up").await;
                let expected = is(status, "invalid_grant", "Invalid authorization code");
                assert_eq!(told(&answer), expected, "{backend}");

                let path = format!("authorize?{}", sdk.authorize(&world, &[]));
                let mut browser = Browser::new(&app);
                let page = browser.visit(&path, &[]).await.page();
                let fields = [("username", EMAIL), ("password", PASSWORD)];
                let landed = browser.submit(&page, &fields).await.application();
                let other = "another-verifier-that-is-long-enough-to-be-one-0000";
                for (verifier, description) in [
                    (other, "Failed to verify code verifier"),
                    ("", "Failed to verify code verifier"),
                ] {
                    let members = [
                        ("client_id", world.client_id.as_str()),
                        ("code", &landed["code"]),
                        ("code_verifier", verifier),
                        ("redirect_uri", sdk.redirect_uri),
                        ("grant_type", "authorization_code"),
                    ];
                    let answer = sdk.post(&app, "oauth/token", &members).await;
                    let expected = is(status, "invalid_grant", description);
                    assert_eq!(told(&answer), expected, "{backend} {verifier}");
                }
            }
            // Android takes the description `Unauthorized` for an application that is not native.
            world.client_id = "nobody".to_owned();
            let answer = ANDROID.exchange(&app, &world, "made-up").await;
            assert_eq!(told(&answer), is(401, client_error, "Unauthorized"), "{backend}");
        }
    }
}
