//! Whom an application lets in: the users of the connections that are enabled for it, by the rules of
//! each.

use doorward::crypto::digest;
use serde_json::{Value, json};

use crate::support::{
    Answer, TestApp,
    browser::{Browser, Landed},
    each_backend,
    fixtures::*,
    payload,
};

pub const DEFAULT: &str = "Username-Password-Authentication";
const REALM_GRANT: &str = "http://auth0.com/oauth/grant-type/password-realm";
pub const OTP_GRANT: &str = "http://auth0.com/oauth/grant-type/passwordless/otp";
const STAFF_PASSWORD: &str = "another horse battery staple";

pub async fn database(app: &TestApp, name: &str, options: Value) -> String {
    app.clock.advance_seconds(1);
    let body = json!({ "name": name, "strategy": "auth0", "options": options });
    let created = TestApp::created(&app.management("POST", "/connections", Some(body)).await);
    created["id"].as_str().unwrap().to_owned()
}

pub async fn id_of(app: &TestApp, name: &str) -> String {
    let path = format!("/connections?name={name}");
    let found = app.management("GET", &path, None).await.ok();
    found[0]["id"].as_str().unwrap().to_owned()
}

pub async fn enable(app: &TestApp, connection: &str, world: &World, status: bool) {
    let body = json!([{ "client_id": world.client_id, "status": status }]);
    let path = format!("/connections/{connection}/clients");
    assert_eq!(app.management("PATCH", &path, Some(body)).await.status, 204);
}

pub async fn set_options(app: &TestApp, connection: &str, options: Value) {
    let path = format!("/connections/{connection}");
    app.management("PATCH", &path, Some(json!({ "options": options }))).await.ok();
}

pub async fn add_user(app: &TestApp, connection: &str, email: &str, password: &str) -> String {
    let body = json!({ "connection": connection, "email": email, "password": password });
    let created = TestApp::created(&app.management("POST", "/users", Some(body)).await);
    assert_eq!(created["identities"][0]["connection"], connection);
    created["user_id"].as_str().unwrap().to_owned()
}

pub async fn by_password(
    app: &TestApp,
    world: &World,
    password: &str,
    realm: Option<&str>,
) -> Answer {
    let mut form = vec![
        ("grant_type", if realm.is_some() { REALM_GRANT } else { "password" }),
        ("client_id", world.client_id.as_str()),
        ("username", EMAIL),
        ("password", password),
        ("scope", "openid"),
    ];
    form.extend(realm.map(|realm| ("realm", realm)));
    app.token(&form).await
}

/// Who a token is of.
pub fn subject(answer: &Answer) -> String {
    payload(answer.ok()["id_token"].as_str().unwrap())["sub"].as_str().unwrap().to_owned()
}

pub async fn visit<'a>(browser: &mut Browser<'a>, world: &World, more: &[(&str, &str)]) -> Landed {
    let challenge = digest::s256_challenge(VERIFIER);
    let query = authorize_query(&world.client_id, &challenge, more);
    browser.visit("authorize", &query).await
}

async fn problem(app: &TestApp, world: &World, more: &[(&str, &str)]) -> (String, String) {
    let landed = visit(&mut Browser::new(app), world, more).await.application();
    (landed["error"].clone(), landed["error_description"].clone())
}

pub fn grants() -> Value {
    let grants = ["authorization_code", "refresh_token", "password", REALM_GRANT, OTP_GRANT];
    json!({ "grant_types": grants })
}

#[tokio::test]
async fn everybody_gets_in_with_the_password_of_their_own_connection() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let staff = database(&app, "staff", json!({})).await;
        let ada = add_user(&app, "staff", EMAIL, STAFF_PASSWORD).await;
        assert_ne!(ada, world.user_id, "{backend}: the same address, another user");
        let refused = |answer: &Answer| answer.error();

        // Not yet enabled: its users are strangers.
        let wrong = (400, "invalid_grant".to_owned());
        assert_eq!(refused(&by_password(&app, &world, STAFF_PASSWORD, None).await), wrong);
        let unknown = by_password(&app, &world, STAFF_PASSWORD, Some("staff")).await;
        assert_eq!(refused(&unknown), (400, "invalid_request".to_owned()), "{backend}");
        let nowhere = by_password(&app, &world, STAFF_PASSWORD, Some("nowhere")).await;
        assert_eq!(unknown.text, nowhere.text, "{backend}: nobody may tell which");

        enable(&app, &staff, &world, true).await;
        for (password, realm, who) in [
            (PASSWORD, None, &world.user_id),
            (STAFF_PASSWORD, None, &ada),
            (PASSWORD, Some(DEFAULT), &world.user_id),
            (STAFF_PASSWORD, Some("staff"), &ada),
        ] {
            let answer = by_password(&app, &world, password, realm).await;
            assert_eq!(&subject(&answer), who, "{backend} {realm:?}");
        }
        for (password, realm) in [(PASSWORD, "staff"), (STAFF_PASSWORD, DEFAULT)] {
            let answer = by_password(&app, &world, password, Some(realm)).await;
            assert_eq!(refused(&answer), wrong, "{backend} {realm}");
        }
        // A realm is another name.
        let path = format!("/connections/{staff}");
        let realms = json!({ "realms": ["staff", "acme.example"] });
        app.management("PATCH", &path, Some(realms)).await.ok();
        let by_realm = by_password(&app, &world, STAFF_PASSWORD, Some("acme.example")).await;
        assert_eq!(subject(&by_realm), ada, "{backend}");

        // The tenant prefers one, for logins that name none.
        let prefer = json!({ "default_directory": "staff" });
        app.management("PATCH", "/tenants/settings", Some(prefer)).await.ok();
        assert_eq!(refused(&by_password(&app, &world, PASSWORD, None).await), wrong, "{backend}");
        let preferred = by_password(&app, &world, STAFF_PASSWORD, None).await;
        assert_eq!(subject(&preferred), ada, "{backend}");
        let named = by_password(&app, &world, PASSWORD, Some(DEFAULT)).await;
        assert_eq!(subject(&named), world.user_id, "{backend}");

        // Neither passwords nor logins at all.
        let off = json!({ "authentication_methods": { "password": { "enabled": false } } });
        set_options(&app, &staff, off).await;
        assert_eq!(by_password(&app, &world, STAFF_PASSWORD, Some("staff")).await.status, 400);
        set_options(&app, &staff, json!({})).await;
        assert_eq!(by_password(&app, &world, STAFF_PASSWORD, Some("staff")).await.status, 200);
        let unused = json!({ "authentication": { "active": false } });
        app.management("PATCH", &path, Some(unused)).await.ok();
        assert_eq!(by_password(&app, &world, STAFF_PASSWORD, Some("staff")).await.status, 400);
    }
}

#[tokio::test]
async fn a_page_logs_in_to_the_connection_that_the_application_names() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let staff = database(&app, "staff", json!({})).await;
        let ada = add_user(&app, "staff", EMAIL, STAFF_PASSWORD).await;
        let not_found = ("invalid_request".to_owned(), "the connection was not found".to_owned());
        for name in ["staff", "nowhere", "email"] {
            assert_eq!(problem(&app, &world, &[("connection", name)]).await, not_found, "{name}");
        }
        enable(&app, &staff, &world, true).await;
        let challenge = digest::s256_challenge(VERIFIER);
        let log_in = async |connection: &str, password: &str| {
            let more = [("connection", connection), ("scope", "openid")];
            let query = authorize_query(&world.client_id, &challenge, &more);
            Browser::new(&app).log_in(&query, EMAIL, password).await
        };
        let Landed::Application(landed) = log_in("staff", STAFF_PASSWORD).await else {
            panic!("{backend}: no code")
        };
        let answer = app.exchange_code(&world, &landed["code"]).await;
        assert_eq!(subject(&answer), ada, "{backend}");
        let claims = payload(answer.ok()["id_token"].as_str().unwrap());
        assert_eq!(claims["sub"], ada);
        assert_eq!(log_in("staff", PASSWORD).await.page().0, "/u/login", "{backend}");
        assert!(log_in(DEFAULT, PASSWORD).await.application().contains_key("code"));

        // Without any, nobody can log in.
        let default = id_of(&app, DEFAULT).await;
        for connection in [&staff, &default] {
            enable(&app, connection, &world, false).await;
        }
        let none =
            ("invalid_request".to_owned(), "no connections enabled for the client".to_owned());
        assert_eq!(problem(&app, &world, &[]).await, none, "{backend}");
    }
}

#[tokio::test]
async fn a_session_opens_only_applications_that_have_its_connection() {
    for (backend, app) in each_backend().await {
        let world = app.world_with(grants(), json!({})).await;
        let staff = database(&app, "staff", json!({})).await;
        enable(&app, &staff, &world, true).await;
        let mut browser = Browser::new(&app);
        app.code_for(&mut browser, &world, &[]).await;
        let silent = [("prompt", "none")];
        let landed = visit(&mut browser, &world, &silent).await.application();
        assert!(landed.contains_key("code"), "{backend}: {landed:?}");
        // Another connection is insisted on.
        let other = [("prompt", "none"), ("connection", "staff")];
        let landed = visit(&mut browser, &world, &other).await.application();
        assert_eq!(landed["error"], "login_required", "{backend}");
        // Or the one of the session is taken away.
        enable(&app, &id_of(&app, DEFAULT).await, &world, false).await;
        let landed = visit(&mut browser, &world, &silent).await.application();
        assert_eq!(landed["error"], "login_required", "{backend}");
        let page = visit(&mut browser, &world, &[]).await.page();
        assert_eq!(page.0, "/u/login", "{backend}");
    }
}

#[tokio::test]
async fn a_device_lets_in_only_users_of_its_applications_connections() {
    const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
    const ASKED: &str = "Does your device show this code?";
    for (backend, app) in each_backend().await {
        let device = json!({ "app_type": "native", "grant_types": [GRANT] });
        let world = app.world_with(device, json!({})).await;
        let staff = database(&app, "staff", json!({})).await;
        add_user(&app, "staff", "grace@example.com", PASSWORD).await;
        let ask = async |email: &str| {
            let form = [("client_id", world.client_id.as_str()), ("scope", "openid")];
            let codes = app.post_form("oauth/device/code", &form).await.ok();
            let mut browser = Browser::new(&app);
            let code = [("user_code", text(&codes, "user_code"))];
            let page = browser.post("activate", &code).await.page();
            browser.submit(&page, &[("username", email), ("password", PASSWORD)]).await.page()
        };
        assert!(ask(EMAIL).await.1.text.contains(ASKED), "{backend}");
        let refused = ask("grace@example.com").await.1.text;
        assert!(refused.contains("This code is wrong"), "{backend}: {refused}");
        enable(&app, &staff, &world, true).await;
        assert!(ask("grace@example.com").await.1.text.contains(ASKED), "{backend}");
    }
}

#[tokio::test]
async fn third_parties_may_use_domain_connections() {
    for (backend, app) in each_backend().await {
        let mut third_party = grants();
        third_party["is_first_party"] = json!(false);
        let world = app.world_with(third_party, json!({})).await;
        let staff = database(&app, "staff", json!({})).await;
        add_user(&app, "staff", EMAIL, STAFF_PASSWORD).await;
        assert_eq!(problem(&app, &world, &[("connection", "staff")]).await.0, "invalid_request");
        let path = format!("/connections/{staff}");
        let domain = json!({ "is_domain_connection": true });
        app.management("PATCH", &path, Some(domain)).await.ok();
        let page = visit(&mut Browser::new(&app), &world, &[("connection", "staff")]).await.page();
        assert_eq!(page.0, "/u/login", "{backend}");
        // Whose own it is, must have it enabled.
        let own = json!({ "is_first_party": true });
        app.patch_client(&world.client_id, own).await;
        assert_eq!(problem(&app, &world, &[("connection", "staff")]).await.0, "invalid_request");
    }
}
