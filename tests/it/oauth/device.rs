//! The device flow (RFC 8628): codes for the device, a question for the person, a token at last.

use doorward::{crypto::digest, domain::time::Clock, store::sweep};
use serde_json::{Value, json};

use crate::support::{
    Answer, TestApp,
    browser::{Browser, Landed},
    each_backend, each_backend_with,
    fixtures::*,
    payload,
};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn grants() -> Value {
    json!({ "app_type": "native", "grant_types": [GRANT, "refresh_token", "authorization_code"] })
}

/// `POST /oauth/device/code`, with changes; an empty value removes a parameter.
async fn ask(app: &TestApp, world: &World, changes: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("client_id", world.client_id.as_str()),
        ("scope", LOGIN_SCOPE),
        ("audience", MESSAGES),
    ];
    for (name, value) in changes {
        form.retain(|(known, _)| known != name);
        if !value.is_empty() {
            form.push((name, value));
        }
    }
    app.post_form("oauth/device/code", &form).await
}

async fn codes(app: &TestApp, world: &World) -> Value {
    ask(app, world, &[]).await.ok()
}

async fn poll(app: &TestApp, world: &World, codes: &Value, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", GRANT),
        ("client_id", world.client_id.as_str()),
        ("device_code", text(codes, "device_code")),
    ];
    form.extend_from_slice(more);
    app.token(&form).await
}

/// A person types a code and logs in if asked; ends at the question or another page.
async fn type_code(browser: &mut Browser<'_>, code: &str, email: &str) -> (String, Answer) {
    let page = browser.post("activate", &[("user_code", code)]).await.page();
    if page.0 != "/u/login" {
        return page;
    }
    browser.submit(&page, &[("username", email), ("password", PASSWORD)]).await.page()
}

/// A person types the code and answers.
async fn answer(app: &TestApp, codes: &Value, action: &str) -> String {
    let mut browser = Browser::new(app);
    let page = type_code(&mut browser, text(codes, "user_code"), EMAIL).await;
    assert_eq!(page.0, "/activate/confirm", "{}", page.1.text);
    browser.submit(&page, &[("action", action)]).await.page().1.text
}

fn user_path(world: &World) -> String {
    format!("/users/{}", world.user_id.replace('|', "%7C"))
}

#[tokio::test]
async fn a_device_logs_in_and_its_refresh_token_serves_many_apis() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let codes = codes(&app, &world).await;
        let pending = poll(&app, &world, &codes, &[]).await;
        assert_eq!(pending.error(), (400, "authorization_pending".into()), "{backend}");

        let done = answer(&app, &codes, "confirm").await;
        assert!(done.contains("Your device is connected"), "{backend}: {done}");
        let login = poll(&app, &world, &codes, &[]).await.ok();
        assert_eq!(login["scope"], LOGIN_SCOPE, "{backend}");
        let claims = payload(text(&login, "access_token"));
        assert_eq!(claims["sub"], world.user_id, "{backend}");
        assert!(claims["aud"].to_string().contains(MESSAGES), "{backend}: {claims}");
        let id_token = payload(text(&login, "id_token"));
        assert_eq!(id_token["amr"], json!(["pwd"]), "{backend}");
        assert!(id_token.get("sid").is_none(), "{backend}: the browser is no part of it");

        let token = text(&login, "refresh_token");
        let billing = app.refresh(&world, token, &[("audience", BILLING)]).await.ok();
        let claims = payload(text(&billing, "access_token"));
        assert!(claims["aud"].to_string().contains(BILLING), "{backend}: {claims}");

        let again = poll(&app, &world, &codes, &[]).await;
        assert_eq!(again.error(), (400, "invalid_grant".into()), "{backend}: once");
        assert_eq!(again.text_of("error_description"), "Invalid or expired device code.");
        app.refresh(&world, text(&billing, "refresh_token"), &[]).await.ok();
    }
}

#[tokio::test]
async fn the_codes_look_as_they_should() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let answer = ask(&app, &world, &[]).await;
        let body = answer.ok();
        assert_eq!(answer.header("cache-control"), "no-store", "{backend}");
        assert_eq!((&body["expires_in"], &body["interval"]), (&json!(900), &json!(5)));
        let code = text(&body, "user_code");
        let is_letter = |c: char| "BCDFGHJKLMNPQRSTVWXZ".contains(c);
        let (first, second) = code.split_once('-').unwrap();
        assert!(first.len() == 4 && second.len() == 4, "{backend}: {code}");
        assert!(first.chars().chain(second.chars()).all(is_letter), "{backend}: {code}");
        assert_eq!(body["verification_uri"], format!("{}activate", app.issuer), "{backend}");
        let complete = format!("{}activate?user_code={code}", app.issuer);
        assert_eq!(body["verification_uri_complete"], complete, "{backend}");
        assert_eq!(text(&body, "device_code").len(), 43, "{backend}");

        let json = json!({ "client_id": world.client_id, "scope": "openid" });
        let request = app.http.post(app.url("oauth/device/code")).json(&json);
        app.send(request).await.ok();
        let document = app.get(".well-known/openid-configuration").await.ok();
        let endpoint = format!("{}oauth/device/code", app.issuer);
        assert_eq!(document["device_authorization_endpoint"], endpoint, "{backend}");
        let grants = document["grant_types_supported"].as_array().unwrap();
        assert!(grants.contains(&json!(GRANT)), "{backend}");
    }
}

#[tokio::test]
async fn even_a_complete_link_asks_and_names_what_it_is_about() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let mut browser = Browser::new(&app);
        // Logged in already, which must not spare the question.
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &[("scope", "openid")]);
        browser.log_in(&query, EMAIL, PASSWORD).await.application();
        let codes = codes(&app, &world).await;
        let code = text(&codes, "user_code");
        let page = browser.visit("activate", &[("user_code", code)]).await.page();
        assert_eq!((page.0.as_str(), page.1.status), ("/activate", 200), "{backend}");
        assert!(page.1.text.contains(&format!("value=\"{code}\"")), "{backend}");
        let page = browser.post("activate", &[("user_code", code)]).await.page();
        assert_eq!(page.0, "/activate/confirm", "{backend}");
        for shown in [code, "App", EMAIL, MESSAGES, "read:messages"] {
            assert!(page.1.text.contains(shown), "{backend}: {shown} is not on the page");
        }
        assert!(!page.1.text.contains("<script"), "{backend}");
        // Neither button, a word nobody knows: the same question, and no token.
        for fields in [&[][..], &[("action", "perhaps")]] {
            let page = browser.submit(&page, fields).await.page();
            assert!(page.1.text.contains("Does your device show this code?"), "{backend}");
        }
        let pending = poll(&app, &world, &codes, &[]).await;
        assert_eq!(pending.error(), (400, "authorization_pending".into()), "{backend}");
        let echoed = [("user_code", "\"><script>alert(1)</script>")];
        let page = browser.visit("activate", &echoed).await.page();
        assert!(!page.1.text.contains("<script"), "{backend}");
        let page = browser.post("activate", &[]).await.page();
        assert!(page.1.text.contains("Enter the code"), "{backend}");
    }
}

#[tokio::test]
async fn a_code_is_read_however_it_is_typed() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let codes = codes(&app, &world).await;
        let typed = text(&codes, "user_code").to_lowercase().replace('-', " ");
        let page = type_code(&mut Browser::new(&app), &typed, EMAIL).await;
        assert_eq!(page.0, "/activate/confirm", "{backend}");
    }
}

#[tokio::test]
async fn polling_too_fast_is_told_and_costs_nothing() {
    for (mode, pending, fast) in [("rfc", 400, 400), ("auth0", 403, 429)] {
        let file: &'static str = match mode {
            "rfc" => "",
            _ => "[oauth]\nerror_status = \"auth0\"\n",
        };
        for (backend, app) in each_backend_with(file).await {
            let world = app.world_with(grants(), json!({})).await;
            let codes = codes(&app, &world).await;
            let expected = (pending, "authorization_pending".to_owned());
            assert_eq!(poll(&app, &world, &codes, &[]).await.error(), expected, "{backend}");
            let told = poll(&app, &world, &codes, &[]).await;
            assert_eq!(told.error(), (fast, "slow_down".into()), "{backend} {mode}");
            assert_eq!(told.header("retry-after"), "5", "{backend}");
            app.clock.advance_seconds(5);
            assert_eq!(poll(&app, &world, &codes, &[]).await.error(), expected, "{backend}");
            // Once there is something to have, nobody waits for the interval.
            answer(&app, &codes, "confirm").await;
            poll(&app, &world, &codes, &[]).await.ok();
        }
    }
}

#[tokio::test]
async fn an_expired_code_is_told_so_and_is_swept() {
    for (mode, status) in [("", 400), ("[oauth]\nerror_status = \"auth0\"\n", 403)] {
        for (backend, app) in each_backend_with(mode).await {
            let world = app.world_with(grants(), json!({})).await;
            let (codes, confirmed) = (codes(&app, &world).await, codes(&app, &world).await);
            answer(&app, &confirmed, "confirm").await;
            app.clock.advance_seconds(901);
            for late in [&codes, &confirmed] {
                let told = poll(&app, &world, late, &[]).await;
                assert_eq!(told.error(), (status, "expired_token".into()), "{backend}");
            }
            let page = type_code(&mut Browser::new(&app), text(&codes, "user_code"), EMAIL).await;
            assert!(page.1.text.contains("no longer valid"), "{backend}");
            app.clock.advance_seconds(3600);
            sweep::run(&app.inner.store, app.clock.now(), 86_400).await.unwrap();
            let told = poll(&app, &world, &codes, &[]).await;
            assert_eq!(told.error(), (status, "invalid_grant".into()), "{backend}");
        }
    }
}

#[tokio::test]
async fn a_declined_device_is_denied() {
    for (mode, status) in [("", 400), ("[oauth]\nerror_status = \"auth0\"\n", 403)] {
        for (backend, app) in each_backend_with(mode).await {
            let world = app.world_with(grants(), json!({})).await;
            let codes = codes(&app, &world).await;
            let done = answer(&app, &codes, "decline").await;
            assert!(done.contains("was not connected"), "{backend}: {done}");
            let told = poll(&app, &world, &codes, &[]).await;
            assert_eq!(told.error(), (status, "access_denied".into()), "{backend}");
            // The answer stands.
            let page = type_code(&mut Browser::new(&app), text(&codes, "user_code"), EMAIL).await;
            assert!(page.1.text.contains("no longer valid"), "{backend}");
        }
    }
}

#[tokio::test]
async fn bad_requests_of_a_device() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let management = format!("{}api/v2/", app.issuer);
        let long = "x ".repeat(9000);
        for (change, status, error) in [
            (("client_id", ""), 401, "invalid_client"),
            (("client_id", "nobody"), 401, "invalid_client"),
            (("client_secret", "wrong"), 401, "invalid_client"),
            (("audience", "https://nobody.example"), 403, "access_denied"),
            (("audience", management.as_str()), 403, "access_denied"),
            (("resource", BILLING), 400, "invalid_request"),
            (("scope", long.as_str()), 400, "invalid_scope"),
            (("code_challenge", "x"), 400, "invalid_request"),
            (("code_challenge_method", "S256"), 400, "invalid_request"),
        ] {
            let told = ask(&app, &world, &[change]).await;
            assert_eq!(told.error(), (status, error.into()), "{backend} {}", change.0);
        }
        let wrong = app.get("oauth/device/code").await;
        assert_eq!(wrong.error(), (405, "invalid_request".into()), "{backend}");
        // An API that no user may have through anybody (attack case: device flow past the rules).
        let denied = json!({ "subject_type_authorization": { "user": { "policy": "deny_all" } } });
        let path = format!("/resource-servers/{}", world.billing_id);
        app.management("PATCH", &path, Some(denied)).await.ok();
        let told = ask(&app, &world, &[("audience", BILLING)]).await;
        assert_eq!(told.error(), (403, "access_denied".into()), "{backend}");

        app.patch_client(&world.client_id, json!({ "organization_usage": "require" })).await;
        let told = ask(&app, &world, &[]).await;
        assert_eq!(told.error(), (400, "invalid_request".into()), "{backend}");
        let confidential = json!({
            "organization_usage": "deny", "token_endpoint_auth_method": "client_secret_post",
        });
        app.patch_client(&world.client_id, confidential).await;
        assert_eq!(ask(&app, &world, &[]).await.error(), (401, "invalid_client".into()));
        let secret = ("client_secret", world.client_secret.as_str());
        let codes = ask(&app, &world, &[secret]).await.ok();
        let told = poll(&app, &world, &codes, &[]).await;
        assert_eq!(told.error(), (401, "invalid_client".into()), "{backend}");
        app.patch_client(&world.client_id, json!({ "grant_types": ["refresh_token"] })).await;
        let told = ask(&app, &world, &[secret]).await;
        assert_eq!(told.error(), (400, "unauthorized_client".into()), "{backend}");
        let told = poll(&app, &world, &codes, &[secret]).await;
        assert_eq!(told.error(), (400, "unauthorized_client".into()), "{backend}");
    }
}

#[tokio::test]
async fn a_device_code_is_of_use_to_its_client_only() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let codes = codes(&app, &world).await;
        answer(&app, &codes, "confirm").await;
        let mut other = grants();
        other["name"] = json!("Other");
        let other = app.add_client(other).await;
        let stolen = [
            ("grant_type", GRANT),
            ("client_id", text(&other, "client_id")),
            ("device_code", text(&codes, "device_code")),
        ];
        assert_eq!(app.token(&stolen).await.error(), (400, "invalid_grant".into()), "{backend}");
        let unknown =
            [stolen[0], ("client_id", world.client_id.as_str()), ("device_code", "nonsense")];
        assert_eq!(app.token(&unknown).await.error(), (400, "invalid_grant".into()), "{backend}");
        let told = app.token(&unknown[..2]).await;
        assert_eq!(told.error(), (400, "invalid_request".into()), "{backend}");
        poll(&app, &world, &codes, &[]).await.ok();
    }
}

#[tokio::test]
async fn who_is_blocked_or_deleted_between_confirmation_and_poll_gets_nothing() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let codes = codes(&app, &world).await;
        answer(&app, &codes, "confirm").await;
        let block = |blocked| json!({ "blocked": blocked });
        app.management("PATCH", &user_path(&world), Some(block(true))).await.ok();
        let told = poll(&app, &world, &codes, &[]).await;
        assert_eq!(told.error(), (400, "invalid_grant".into()), "{backend}");
        assert_eq!(told.text_of("error_description"), "user is blocked", "{backend}");
        app.management("PATCH", &user_path(&world), Some(block(false))).await.ok();
        let deleted = app.management("DELETE", &user_path(&world), None).await;
        assert_eq!(deleted.status, 204, "{backend}");
        let told = poll(&app, &world, &codes, &[]).await;
        assert_eq!(told.error(), (400, "invalid_grant".into()), "{backend}");
    }
}

#[tokio::test]
async fn scopes_are_what_the_user_may_have_when_the_device_asks_and_when_it_gets() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let path = format!("/resource-servers/{}", world.messages_id);
        app.management("PATCH", &path, Some(json!({ "enforce_policies": true }))).await.ok();
        let permissions = |names: &[&str]| {
            let permission = |name: &&str| json!({ "resource_server_identifier": MESSAGES, "permission_name": name });
            json!({ "permissions": names.iter().map(permission).collect::<Vec<_>>() })
        };
        let all = permissions(&["read:messages", "write:messages"]);
        let path = format!("{}/permissions", user_path(&world));
        app.management("POST", &path, Some(all)).await;
        let scope = "openid read:messages write:messages delete:messages unheard:of";
        let codes = ask(&app, &world, &[("scope", scope)]).await.ok();
        answer(&app, &codes, "confirm").await;
        app.management("DELETE", &path, Some(permissions(&["write:messages"]))).await;
        let login = poll(&app, &world, &codes, &[]).await.ok();
        assert_eq!(login["scope"], "openid read:messages", "{backend}");
    }
}

#[tokio::test]
async fn the_confirmation_is_a_third_partys_consent_until_it_is_withdrawn() {
    for (backend, app) in each_backend().await {
        let mut third = grants();
        third["is_first_party"] = json!(false);
        let world = app.world_with(third, json!({})).await;
        let (one, two) = (codes(&app, &world).await, codes(&app, &world).await);
        answer(&app, &one, "confirm").await;
        answer(&app, &two, "confirm").await;
        poll(&app, &world, &one, &[]).await.ok();
        let path = format!("/grants?user_id={}", world.user_id.replace('|', "%7C"));
        assert_eq!(app.management("DELETE", &path, None).await.status, 204, "{backend}");
        let told = poll(&app, &world, &two, &[]).await;
        assert_eq!(told.error(), (400, "invalid_grant".into()), "{backend}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_parallel_polls_one_gets_the_tokens() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let codes = codes(&app, &world).await;
        answer(&app, &codes, "confirm").await;
        let form = [
            ("grant_type", GRANT),
            ("client_id", &world.client_id),
            ("device_code", text(&codes, "device_code")),
        ];
        let calls: Vec<_> = (0..20)
            .map(|_| app.http.post(app.url("oauth/token")).form(&form))
            .map(|call| tokio::spawn(async { Answer::read(call.send().await.unwrap()).await }))
            .collect();
        let mut successes = 0;
        for call in calls {
            let answer = call.await.unwrap();
            match answer.status {
                200 => successes += 1,
                _ => assert_eq!(answer.error(), (400, "invalid_grant".into()), "{backend}"),
            }
        }
        assert_eq!(successes, 1, "{backend}");
    }
}

#[tokio::test]
async fn wrong_codes_are_counted_per_user_whatever_the_browser() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        app.add_user("eve@example.com", PASSWORD).await;
        let codes = codes(&app, &world).await;
        for _ in 0..5 {
            let mut browser = Browser::new(&app);
            for typed in ["BBBB-BBBB", "not a code"] {
                let page = type_code(&mut browser, typed, "eve@example.com").await;
                assert!(page.1.text.contains("no longer valid"), "{backend}");
            }
        }
        let code = text(&codes, "user_code");
        let page = type_code(&mut Browser::new(&app), code, "eve@example.com").await;
        assert_eq!(page.1.status, 429, "{backend}: even the right one");
        // Nobody else pays for it.
        let page = type_code(&mut Browser::new(&app), code, EMAIL).await;
        assert_eq!((page.0.as_str(), page.1.status), ("/activate/confirm", 200), "{backend}");
        app.clock.advance_seconds(901);
        let fresh = self::codes(&app, &world).await;
        let code = text(&fresh, "user_code");
        let mut browser = Browser::new(&app);
        // Right codes are not counted, however often the page is looked at.
        for _ in 0..12 {
            let page = type_code(&mut browser, code, "eve@example.com").await;
            assert_eq!(page.1.status, 200, "{backend}");
        }
    }
}

#[tokio::test]
async fn a_question_is_answered_once_by_whom_it_was_put_to() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        app.add_user("eve@example.com", PASSWORD).await;
        let codes = codes(&app, &world).await;
        let code = text(&codes, "user_code");
        let mut ada = Browser::new(&app);
        let page = type_code(&mut ada, code, EMAIL).await;
        // Another browser, even logged in, lacks the binding of the one that was asked.
        let mut eve = Browser::new(&app);
        type_code(&mut eve, code, "eve@example.com").await;
        let refused = eve.submit(&page, &[("action", "confirm")]).await.page();
        assert_eq!(refused.1.status, 400, "{backend}");
        // The same browser with somebody else's session is asked again, by name.
        let own = ada
            .cookies
            .insert("doorward_session".to_owned(), eve.cookies["doorward_session"].clone());
        let asked = ada.submit(&page, &[("action", "confirm")]).await.page();
        assert!(asked.1.text.contains("eve@example.com"), "{backend}");
        ada.cookies.insert("doorward_session".to_owned(), own.unwrap());
        let pending = poll(&app, &world, &codes, &[]).await;
        assert_eq!(pending.error(), (400, "authorization_pending".into()), "{backend}");

        let done = ada.submit(&page, &[("action", "confirm")]).await.page();
        assert!(done.1.text.contains("is connected"), "{backend}");
        let again = ada.submit(&page, &[("action", "decline")]).await.page();
        assert!(again.1.text.contains("no longer valid"), "{backend}: the answer stands");
        // Without a session there is nobody to ask.
        ada.cookies.remove("doorward_session");
        let Landed::Page(path, _) = ada.submit(&page, &[("action", "confirm")]).await else {
            panic!("{backend}: no page");
        };
        assert_eq!(path, "/u/login", "{backend}");
        // A login for a device is not one for an application, nor the other way round.
        let state = crate::support::browser::hidden_state(&page.1.text);
        let landed = ada.visit("authorize/resume", &[("state", &state)]).await.page();
        assert_eq!(landed.1.status, 400, "{backend}");
        poll(&app, &world, &codes, &[]).await.ok();
    }
}

#[tokio::test]
async fn the_device_stays_when_the_browser_logs_out() {
    for (_, app) in each_backend_with("[refresh_tokens]\nrevoke_on_logout = true\n").await {
        let world = app.world_with(grants(), json!({})).await;
        let codes = codes(&app, &world).await;
        let mut browser = Browser::new(&app);
        let page = type_code(&mut browser, text(&codes, "user_code"), EMAIL).await;
        browser.submit(&page, &[("action", "confirm")]).await.page();
        browser.visit("v2/logout", &[]).await;
        let login = poll(&app, &world, &codes, &[]).await.ok();
        app.refresh(&world, text(&login, "refresh_token"), &[]).await.ok();
    }
}

#[tokio::test]
async fn the_trail_tells_of_devices() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let (yes, no) = (codes(&app, &world).await, codes(&app, &world).await);
        answer(&app, &yes, "confirm").await;
        answer(&app, &no, "decline").await;
        poll(&app, &world, &yes, &[]).await.ok();
        poll(&app, &world, &no, &[]).await;
        ask(&app, &world, &[("audience", "https://nobody.example")]).await;
        type_code(&mut Browser::new(&app), "BBBB-BBBB", EMAIL).await;
        app.inner.login.audit.flush().await;
        for event in ["sede", "fede", "fdeaz", "sdeac", "fdeac", "fdecc"] {
            let told = app.management("GET", &format!("/logs?q=type:{event}"), None).await.ok();
            let told = told.as_array().unwrap();
            assert_eq!(told.len(), 1, "{backend} {event}: {told:?}");
            assert!(told[0]["description"].is_string(), "{backend} {event}");
            let whole = told[0].to_string();
            for secret in ["device_code", "user_code"] {
                assert!(!whole.contains(text(&yes, secret)), "{backend} {event}: {whole}");
            }
        }
    }
}
