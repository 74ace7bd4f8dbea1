//! Markup in what is echoed: case 65.

use doorward::crypto::digest;
use serde_json::json;

use super::{DEVICE, begin};
use crate::support::{
    Answer,
    browser::{Browser, Landed},
    each_backend,
    fixtures::*,
};

/// Where the link with this id leads.
fn href(answer: &Answer, id: &str) -> String {
    let tag = answer.text.split(&format!("<a id=\"{id}\" href=\"")).nth(1);
    tag.unwrap_or_else(|| panic!("no {id} in {}", answer.text)).split('"').next().unwrap().into()
}

const MARKUP: &str = "x\"'><svg onload=alert(1)><script>alert(1)</script>{{7*7}}";

/// Names of applications and APIs cannot have `<`.
const QUOTES: &str = "x\"' onload=alert(1) &lt;svg&gt;";

/// No markup of the request in a page, and no page that would run it.
#[track_caller]
fn is_harmless(answer: &Answer, what: &str) {
    assert!(answer.status < 500, "{what}: {}", answer.status);
    let content_type = answer.header("content-type");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
    if content_type.starts_with("text/html") {
        for raw in ["<svg onload", "<script>", "\"'><", "x\"'"] {
            assert!(!answer.text.contains(raw), "{what}: {}", answer.text);
        }
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{what}: {policy}");
        assert!(!policy.contains("unsafe-"), "{what}: {policy}");
    } else if !answer.text.is_empty() {
        let plain = ["application/json", "text/plain"];
        assert!(plain.iter().any(|kind| content_type.starts_with(kind)), "{what}: {content_type}");
    }
    for raw in ["<", "\"", "'"] {
        assert!(!answer.header("location").contains(raw), "{what}: {}", answer.header("location"));
    }
}

/// **Case 65.** GO-2026-4861, Hydra, CVE-2026-29191, ZITADEL, and GO-2024-3086, Casdoor: a parameter
/// came back as markup.
#[tokio::test]
async fn no_parameter_comes_back_as_markup() {
    for (backend, app) in each_backend().await {
        let world = app
            .world_with(
                json!({ "grant_types": ["implicit", "authorization_code", DEVICE] }),
                json!({}),
            )
            .await;
        let client = world.client_id.as_str();
        let challenge = digest::s256_challenge(VERIFIER);
        let good = authorize_query(client, &challenge, &[]);
        let logout = vec![("client_id", client)];
        let nothing = vec![];
        let parameters = |text: &'static str| text.split(' ');
        for (path, query, names) in [
            (
                "authorize",
                &good,
                "client_id redirect_uri response_type response_mode state nonce scope audience \
                 resource prompt max_age login_hint screen_hint ui_locales claims id_token_hint \
                 organization invitation connection code_challenge code_challenge_method dpop_jkt \
                 request request_uri display acr_values error error_description error_hint",
            ),
            ("authorize/resume", &nothing, "state error error_description"),
            ("u/login", &nothing, "state username error"),
            ("u/signup", &nothing, "state email error"),
            ("u/account", &nothing, "state"),
            ("u/consent", &nothing, "state scope"),
            ("u/reset-password/request", &nothing, "state email"),
            ("u/reset-password", &nothing, "ticket email"),
            ("u/email-verification", &nothing, "ticket email"),
            ("activate", &nothing, "user_code error"),
            ("activate/confirm", &nothing, "state user_code"),
            ("v2/logout", &logout, "returnTo client_id federated"),
            (
                "oidc/logout",
                &logout,
                "post_logout_redirect_uri id_token_hint logout_hint state client_id ui_locales",
            ),
            ("x/oauth2/authorize", &good, "resource client_id state"),
            ("userinfo", &nothing, "access_token"),
            (".well-known/webfinger", &nothing, "resource rel"),
        ] {
            for name in parameters(names) {
                let mut query = query.clone();
                query.retain(|(known, _)| *known != name);
                query.push((name, MARKUP));
                let mut url = url::Url::parse(&app.url(path)).unwrap();
                url.query_pairs_mut().extend_pairs(&query);
                is_harmless(
                    &app.send(app.http.get(url)).await,
                    &format!("{backend} GET {path} {name}"),
                );
                let request = app.http.post(app.url(path)).form(&query);
                is_harmless(&app.send(request).await, &format!("{backend} POST {path} {name}"));
                let mut browser = Browser::new(&app);
                if let Landed::Page(_, page) = browser.visit(path, &query).await {
                    is_harmless(&page, &format!("{backend} {path} {name}"));
                }
            }
        }
        for (path, names) in [
            (
                "oauth/token",
                "grant_type client_id scope audience code refresh_token username realm",
            ),
            ("oauth/revoke", "client_id token"),
            ("oauth/device/code", "client_id scope audience"),
            ("passwordless/start", "client_id connection email send"),
            ("dbconnections/signup", "client_id connection email username password"),
            ("dbconnections/change_password", "client_id connection email"),
        ] {
            for name in parameters(names) {
                let mut form = vec![("client_id", client), ("grant_type", "refresh_token")];
                form.retain(|(known, _)| *known != name);
                form.push((name, MARKUP));
                is_harmless(&app.post_form(path, &form).await, &format!("{backend} {path} {name}"));
            }
        }
        let path = url::form_urlencoded::byte_serialize(MARKUP.as_bytes()).collect::<String>();
        is_harmless(&app.get(&path).await, backend);
    }
}

/// **Case 65**, where it was stored first: names of applications, APIs and people, and what was typed.
#[tokio::test]
async fn nothing_stored_or_typed_comes_back_as_markup() {
    for (backend, app) in each_backend().await {
        let grants = ["authorization_code", DEVICE];
        let client = json!({ "name": QUOTES, "grant_types": grants, "is_first_party": false });
        let world = app.world_with(client, json!({})).await;
        let api = json!({
            "name": QUOTES, "scopes": [{ "value": "read:messages", "description": MARKUP }],
        });
        let path = format!("/resource-servers/{}", world.messages_id);
        app.management("PATCH", &path, Some(api)).await.ok();
        let path = format!("/users/{}", world.user_id.replace('|', "%7C"));
        app.management("PATCH", &path, Some(json!({ "name": MARKUP }))).await.ok();

        let mut browser = Browser::new(&app);
        let more = [("audience", MESSAGES), ("scope", "openid read:messages")];
        let login = begin(&mut browser, &world, &more).await;
        let signup = browser.visit(&href(&login.1, "signup"), &[]).await.page();
        let reset = browser.visit(&href(&login.1, "forgot"), &[]).await.page();
        for page in [&login, &signup, &reset] {
            is_harmless(&page.1, &format!("{backend} {}", page.0));
            let typed =
                [("username", MARKUP), ("email", MARKUP), ("password", MARKUP), ("action", MARKUP)];
            let (path, page) = browser.submit(page, &typed).await.page();
            is_harmless(&page, &format!("{backend} typed at {path}"));
        }
        let fields = [("username", EMAIL), ("password", PASSWORD)];
        let consent = browser.submit(&login, &fields).await.page();
        assert_eq!(consent.0, "/u/consent", "{backend}");
        is_harmless(&consent.1, backend);
        assert!(consent.1.text.contains("onload"), "{backend}: it is shown, as text");
        let account = begin(&mut browser, &world, &[("prompt", "select_account")]).await;
        assert_eq!(account.0, "/u/account", "{backend}");
        is_harmless(&account.1, backend);
        let form = [("client_id", world.client_id.as_str()), ("audience", MESSAGES)];
        let form = [&form[..], &[("scope", "openid read:messages")]].concat();
        let code = app.post_form("oauth/device/code", &form).await.text_of("user_code");
        let device = browser.post("activate", &[("user_code", &code)]).await.page();
        assert_eq!(device.0, "/activate/confirm", "{backend}: {}", device.1.text);
        is_harmless(&device.1, backend);
        let query = [("client_id", world.client_id.as_str()), ("state", MARKUP)];
        let asked = browser.visit("oidc/logout", &query).await.page();
        is_harmless(&asked.1, &format!("{backend} {}", asked.0));
    }
}
