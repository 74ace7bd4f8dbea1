//! The client of the console is this server's own: the Management API does not know it.

use doorward::{
    app::bootstrap,
    domain::ClientId,
    store::{client_grants, clients},
};
use serde_json::{Map, json};

use super::{CONSOLE, administrator, refusal};
use crate::support::{TestApp, each_backend};

async fn ids(app: &TestApp, path: &str, list: &str) -> Vec<String> {
    let answer = app.management("GET", path, None).await.ok();
    let items = if list.is_empty() { &answer } else { &answer[list] };
    let items = items.as_array().unwrap_or_else(|| panic!("{path}: {answer}"));
    items.iter().map(|item| item["client_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn no_list_shows_it() {
    for (backend, app) in each_backend().await {
        app.add_client(json!({})).await;
        let all = ids(&app, "/clients", "").await;
        let expected = 2 + usize::from(all.len() == 3);
        assert_eq!(all.len(), expected, "{backend}: {all:?}");
        for path in [
            "/clients",
            "/clients?is_first_party=true",
            "/clients?app_type=spa",
            "/clients?app_type=spa,native&is_global=false",
            "/clients?search=doorward",
            "/clients?search=doorward-console",
            "/clients?search=Doorward%20Console",
        ] {
            assert!(!ids(&app, path, "").await.contains(&CONSOLE.to_owned()), "{backend} {path}");
        }
        let page = app.management("GET", "/clients?include_totals=true", None).await.ok();
        assert_eq!(page["total"], all.len(), "{backend}");
        let spas = app.management("GET", "/clients?include_totals=true&app_type=spa", None).await;
        assert_eq!(spas.ok()["total"], 1, "{backend}");
        let taken = ids(&app, "/clients?take=50", "clients").await;
        assert!(!taken.contains(&CONSOLE.to_owned()), "{backend}");
        let connection = app.connection_id().await;
        let enabled = ids(&app, &format!("/connections/{connection}/clients"), "clients").await;
        assert!(!enabled.contains(&CONSOLE.to_owned()), "{backend}: {enabled:?}");
        let shown = app.management("GET", &format!("/connections/{connection}"), None).await.ok();
        assert!(!shown["enabled_clients"].to_string().contains(CONSOLE), "{backend}: {shown}");
    }
}

#[tokio::test]
async fn nothing_finds_or_touches_it() {
    for (backend, app) in each_backend().await {
        let path = |rest: &str| format!("/clients/{CONSOLE}{rest}");
        let unknown = |rest: &str| format!("/clients/nobody{rest}");
        let key = json!({ "credential_type": "public_key", "name": "k", "pem": "x" });
        for (method, rest, body) in [
            ("GET", "", None),
            ("PATCH", "", Some(json!({ "name": "x" }))),
            ("DELETE", "", None),
            ("POST", "/rotate-secret", None),
            ("GET", "/credentials", None),
            ("POST", "/credentials", Some(key)),
            ("GET", "/credentials/cred_1", None),
            ("DELETE", "/credentials/cred_1", None),
            ("GET", "/connections", None),
        ] {
            let answer = app.management(method, &path(rest), body.clone()).await;
            let expected = app.management(method, &unknown(rest), body).await;
            assert_eq!(answer.status, expected.status, "{backend} {method} {rest}");
            assert_eq!(answer.text, expected.text, "{backend} {method} {rest}");
        }
        let api = app.url("api/v2/");
        let grant = json!({ "client_id": CONSOLE, "audience": api, "scope": ["read:clients"] });
        let (status, code, _) =
            refusal(&app.management("POST", "/client-grants", Some(grant)).await);
        assert_eq!((status, code.as_str()), (404, "inexistent_client"), "{backend}");

        let connection = format!("/connections/{}", app.connection_id().await);
        let clients = json!([{ "client_id": CONSOLE, "status": false }]);
        let answer = app.management("PATCH", &format!("{connection}/clients"), Some(clients)).await;
        assert_eq!(answer.status, 404, "{backend}");
        let clients = json!({ "enabled_clients": [CONSOLE] });
        assert_eq!(app.management("PATCH", &connection, Some(clients)).await.status, 400);
        let none = json!({ "enabled_clients": [] });
        app.management("PATCH", &connection, Some(none)).await.ok();
        // Whatever was tried: people get in.
        administrator(&app).await;
    }
}

#[tokio::test]
async fn every_start_makes_it_what_it_must_be() {
    for (backend, app) in each_backend().await {
        let (store, id) = (&app.inner.store, ClientId::console());
        let read = || async {
            let mut conn = store.read().await.unwrap();
            clients::find_or_console(conn.db(), &id).await.unwrap().unwrap()
        };
        let ours = read().await;
        let expected = json!({
            "name": "Doorward Console",
            "app_type": "spa",
            "is_first_party": true,
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code"],
            "callbacks": [app.url("admin/callback")],
            "allowed_logout_urls": [app.url("admin/")],
            "web_origins": [app.issuer.trim_end_matches('/')],
        });
        assert_eq!(json!(ours.document), expected, "{backend}");
        bootstrap::console(&app.inner).await.unwrap();
        assert_eq!(read().await.version, ours.version, "{backend}: nothing to do");

        // Somebody else's client of that id, with a secret and a grant, from before there was a
        // console.
        let mut tx = store.write().await.unwrap();
        let now = app.inner.clock.now();
        assert!(clients::delete(&mut tx, &id).await.unwrap());
        let document: Map<_, _> = json!({ "name": "Mine" }).as_object().unwrap().clone();
        clients::insert(&mut tx, &id, &document, Some(b"sealed"), now).await.unwrap();
        let audience = app.inner.settings.management_audience();
        let grant = doorward::domain::ClientGrantId::new("cgr_mine");
        let subject = doorward::domain::client_grant::SubjectType::Client;
        let scope: Map<_, _> = json!({ "scope": ["read:users"] }).as_object().unwrap().clone();
        client_grants::insert(&mut tx, &grant, &id, &audience, subject, &scope, now).await.unwrap();
        tx.commit().await.unwrap();
        bootstrap::console(&app.inner).await.unwrap();
        let again = read().await;
        assert_eq!(json!(again.document), expected, "{backend}");
        assert!(again.secret_sealed.is_none(), "{backend}");
        let grants = app.management("GET", "/client-grants", None).await.ok();
        assert!(!grants.to_string().contains(CONSOLE), "{backend}: {grants}");

        // Another replica.
        let node = app.another_node().await;
        bootstrap::console(&node.inner).await.unwrap();
        administrator(&app).await;
    }
}

#[test]
fn the_client_of_the_environment_may_not_take_its_id() {
    let environment = [
        ("DOORWARD_BOOTSTRAP_CLIENT_ID".to_owned(), CONSOLE.to_owned()),
        ("DOORWARD_BOOTSTRAP_CLIENT_SECRET".to_owned(), "a-secret-that-is-long".to_owned()),
    ];
    let refused = doorward::config::Config::load(None, environment).unwrap_err();
    let expected = "DOORWARD_BOOTSTRAP_CLIENT_ID: doorward-console is the client of the console";
    assert_eq!(refused, expected);
}
