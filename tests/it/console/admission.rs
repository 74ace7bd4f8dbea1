//! Signing in: who gets a token for the Management API, and through what.

use doorward::{app::administrators::Post, domain::action::Trigger, policy::management};
use serde_json::{Value, json};

use super::{CONSOLE, administrator, appoint, asked, entrust, exchange, sign_in, tokens_of};
use crate::support::{
    TestApp,
    browser::Browser,
    each_backend,
    fixtures::{BILLING, CALLBACK, EMAIL, PASSWORD, authorize_query, text},
    payload,
};

fn management_scope(tokens: &Value) -> Vec<String> {
    let scope = text(tokens, "scope").split(' ');
    let standard = ["openid", "profile", "email"];
    scope.filter(|scope| !standard.contains(scope)).map(str::to_owned).collect()
}

#[tokio::test]
async fn administrators_and_viewers_get_what_their_role_opens() {
    for (backend, app) in each_backend().await {
        for (email, post) in [(EMAIL, Post::Administrator), ("vera@example.com", Post::Viewer)] {
            let user = appoint(&app, email, post).await;
            let tokens = tokens_of(&app, email).await;
            let mut expected = post.scopes();
            expected.sort_unstable();
            let mut granted = management_scope(&tokens);
            granted.sort_unstable();
            assert_eq!(granted, expected, "{backend}");
            assert_eq!(tokens["expires_in"], 600, "{backend}");
            assert!(tokens.get("refresh_token").is_none(), "{backend}: {tokens}");
            let claims = payload(text(&tokens, "access_token"));
            let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
            assert_eq!(lifetime, 600, "{backend}");
            assert_eq!((&claims["sub"], &claims["azp"]), (&json!(user), &json!(CONSOLE)));
            assert_eq!(payload(text(&tokens, "id_token"))["email"], email, "{backend}");
        }
        let viewer = Post::Viewer.scopes();
        assert!(viewer.contains(&"read:clients") && viewer.iter().all(|s| s.starts_with("read:")));
        assert!(!viewer.contains(&"read:client_keys"), "secrets");
        assert!(!viewer.contains(&"read:client_credentials"), "it shows secrets, too");
        assert_eq!(Post::Administrator.scopes(), management::scopes());
    }
}

#[tokio::test]
async fn only_what_was_asked_for_is_granted() {
    for (backend, app) in each_backend().await {
        entrust(&app, EMAIL, &["read:clients", "read:users"]).await;
        let mut browser = Browser::new(&app);
        let scope = [("scope", "openid read:clients read:roles")];
        let landed = sign_in(&app, &mut browser, EMAIL, &scope).await.application();
        let tokens = exchange(&app, &landed["code"]).await.ok();
        assert_eq!(text(&tokens, "scope"), "openid read:clients", "{backend}");
    }
}

#[tokio::test]
async fn who_has_no_role_is_told_so_and_gets_nothing() {
    for (backend, app) in each_backend().await {
        app.add_user(EMAIL, PASSWORD).await;
        let mut browser = Browser::new(&app);
        for more in [&[][..], &[("prompt", "none")], &[("scope", "openid")], &[("scope", "")]] {
            let landed = sign_in(&app, &mut browser, EMAIL, more).await.application();
            assert_eq!(landed["error"], "access_denied", "{backend} {more:?}");
            let description = "Your account has no administrator role.";
            assert_eq!(landed["error_description"], description, "{backend}");
            assert!(!landed.contains_key("code"), "{backend}");
        }
        // The same session serves as soon as there is a role.
        appoint(&app, EMAIL, Post::Viewer).await;
        let landed = sign_in(&app, &mut Browser::new(&app), EMAIL, &[]).await.application();
        assert!(landed.contains_key("code"), "{backend}: {landed:?}");
    }
}

#[tokio::test]
async fn a_token_is_renewed_without_a_page_while_the_login_lasts() {
    for (backend, app) in each_backend().await {
        let user = appoint(&app, EMAIL, Post::Administrator).await;
        let mut browser = Browser::new(&app);
        let silent = [("prompt", "none"), ("response_mode", "web_message")];
        let query = asked(&app, &silent);
        let query: Vec<_> = query.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let (_, page) = browser.visit("authorize", &query).await.page();
        assert!(page.text.contains("login_required"), "{backend}: {}", page.text);
        let own = app.issuer.trim_end_matches('/');
        let policy = page.header("content-security-policy");
        assert!(policy.ends_with(&format!("frame-ancestors {own}")), "{backend}: {policy}");

        sign_in(&app, &mut browser, EMAIL, &[]).await.application();
        let (_, page) = browser.visit("authorize", &query).await.page();
        let told = page.text.replace("&quot;", "\"").replace("&#34;", "\"");
        let code = told.split("\"code\":\"").nth(1).unwrap_or_else(|| panic!("{told}"));
        let code = code.split('"').next().unwrap();
        let tokens = exchange(&app, code).await.ok();
        assert_eq!(payload(text(&tokens, "access_token"))["sub"], user.as_str(), "{backend}");

        // The role is gone: no other token.
        app.management("DELETE", "/roles/rol_doorward_administrator", None).await.ok();
        let (_, page) = browser.visit("authorize", &query).await.page();
        assert!(page.text.contains("access_denied"), "{backend}: {}", page.text);
    }
}

#[tokio::test]
async fn no_other_application_gets_such_a_token_even_for_an_administrator() {
    for (backend, app) in each_backend().await {
        let grants = json!([
            "authorization_code",
            "refresh_token",
            "implicit",
            "password",
            "urn:ietf:params:oauth:grant-type:device_code"
        ]);
        let world = app.world_with(json!({ "grant_types": grants }), json!({})).await;
        appoint(&app, EMAIL, Post::Administrator).await;
        let audience = app.url("api/v2/");
        for response_type in ["code", "token"] {
            let more = [("audience", audience.as_str()), ("scope", "openid read:users")];
            let mut query = authorize_query(&world.client_id, "", &more);
            query.retain(|(name, _)| !name.starts_with("code_challenge"));
            let query: Vec<_> = query
                .into_iter()
                .map(|(n, v)| (n, if n == "response_type" { response_type } else { v }))
                .collect();
            let landed = Browser::new(&app).log_in(&query, EMAIL, PASSWORD).await.application();
            assert_eq!(landed["error"], "access_denied", "{backend} {response_type}");
        }
        let password = [
            ("grant_type", "password"),
            ("client_id", &world.client_id),
            ("username", EMAIL),
            ("password", PASSWORD),
            ("audience", &audience),
        ];
        assert_eq!(app.token(&password).await.error().1, "access_denied", "{backend}");
        let tokens = app.log_in(&world).await;
        let more = [("audience", audience.as_str())];
        let refreshed = app.refresh(&world, text(&tokens, "refresh_token"), &more).await;
        assert_eq!(refreshed.error().1, "invalid_target", "{backend}");
        let device = [("client_id", world.client_id.as_str()), ("audience", &audience)];
        let asked = app.post_form("oauth/device/code", &device).await;
        assert_eq!(asked.error().1, "access_denied", "{backend}");
    }
}

#[tokio::test]
async fn the_console_has_one_way_to_a_token_and_it_needs_pkce() {
    for (backend, app) in each_backend().await {
        appoint(&app, EMAIL, Post::Administrator).await;
        app.add_api(BILLING, &["read:billing"], json!({})).await;
        for (more, error) in [
            (&[("code_challenge", ""), ("code_challenge_method", "")][..], "invalid_request"),
            (&[("code_challenge_method", "plain")], "invalid_request"),
            (&[("response_type", "token")], "unauthorized_client"),
            (&[("response_type", "code id_token"), ("nonce", "n")], "unauthorized_client"),
            (&[("audience", BILLING)], "access_denied"),
        ] {
            let landed = sign_in(&app, &mut Browser::new(&app), EMAIL, more).await.application();
            assert_eq!(landed["error"], error, "{backend} {more:?}");
        }
        for address in [CALLBACK, &app.url("admin/callback/x"), &app.url("demo/")] {
            let more = [("redirect_uri", address)];
            let (_, page) = sign_in(&app, &mut Browser::new(&app), EMAIL, &more).await.page();
            assert_eq!(page.status, 400, "{backend} {address}");
        }
        let audience = app.url("api/v2/");
        let user = [("username", EMAIL), ("password", PASSWORD)];
        for (grant, more) in [
            ("password", &user[..]),
            ("client_credentials", &[]),
            ("refresh_token", &[("refresh_token", "x")]),
            ("urn:ietf:params:oauth:grant-type:device_code", &[("device_code", "x")]),
            (
                "http://auth0.com/oauth/grant-type/passwordless/otp",
                &[("username", EMAIL), ("otp", "123456"), ("realm", "email")],
            ),
        ] {
            let own = [("grant_type", grant), ("client_id", CONSOLE), ("audience", &audience)];
            let (_, error) = app.token(&[&own[..], more].concat()).await.error();
            assert!(
                ["unauthorized_client", "access_denied", "invalid_client"]
                    .contains(&error.as_str()),
                "{backend} {grant}: {error}"
            );
        }
        let landed = sign_in(&app, &mut Browser::new(&app), EMAIL, &[]).await.application();
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", CONSOLE),
            ("code", &landed["code"]),
            ("redirect_uri", &app.url("admin/callback")),
        ];
        assert_eq!(app.token(&form).await.error().1, "invalid_grant", "{backend}: no verifier");
    }
}

#[tokio::test]
async fn nobody_is_asked_for_consent_or_signs_up_on_the_way() {
    for (backend, app) in each_backend().await {
        appoint(&app, EMAIL, Post::Administrator).await;
        let more = [("prompt", "consent")];
        let landed = sign_in(&app, &mut Browser::new(&app), EMAIL, &more).await.application();
        assert!(landed.contains_key("code"), "{backend}: {landed:?}");
        let query = asked(&app, &[("screen_hint", "signup")]);
        let query: Vec<_> = query.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let (path, page) = Browser::new(&app).visit("authorize", &query).await.page();
        assert_eq!(path, "/u/login", "{backend}");
        assert!(!page.text.contains("/u/signup"), "{backend}: {}", page.text);
        let body = json!({
            "client_id": CONSOLE, "connection": "Username-Password-Authentication",
            "email": "new@example.com", "password": PASSWORD,
        });
        let request = app.http.post(app.url("dbconnections/signup")).json(&body);
        let answer = app.send(request).await;
        assert_eq!(answer.status, 400, "{backend}: {}", answer.text);
        assert!(answer.text.contains("disabled"), "{backend}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_broken_script_locks_nobody_out() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        appoint(&app, EMAIL, Post::Administrator).await;
        let code = "exports.onExecutePostLogin = async () => { throw new Error('broken'); };";
        app.bind_action(Trigger::PostLogin, "broken", code).await;
        let query = authorize_query(&world.client_id, "", &[("scope", "openid")]);
        let query: Vec<_> =
            query.into_iter().filter(|(name, _)| !name.starts_with("code_challenge")).collect();
        let landed = Browser::new(&app).log_in(&query, EMAIL, PASSWORD).await.application();
        assert_eq!(landed["error"], "access_denied", "{backend}: {landed:?}");
        assert!(tokens_of(&app, EMAIL).await["access_token"].is_string(), "{backend}");
    }
}

#[tokio::test]
async fn users_of_every_database_may_come_and_no_setting_keeps_them_out() {
    for (backend, app) in each_backend().await {
        let (_, token) = administrator(&app).await;
        let body = json!({ "name": "staff", "strategy": "auth0" });
        let made = app.management_as(&token, "POST", "/connections", Some(body)).await;
        TestApp::created(&made);
        let body = json!({ "default_directory": "staff" });
        app.management_as(&token, "PATCH", "/tenants/settings", Some(body)).await.ok();
        // The administrator is in the other one.
        assert!(tokens_of(&app, EMAIL).await["access_token"].is_string(), "{backend}");
        // And the next is made in the default one.
        let grace = appoint(&app, "grace@example.com", Post::Viewer).await;
        let user = app.management("GET", &format!("/users/{grace}"), None).await.ok();
        assert_eq!(user["identities"][0]["connection"], "staff", "{backend}");
        assert!(tokens_of(&app, "grace@example.com").await["access_token"].is_string());
    }
}
