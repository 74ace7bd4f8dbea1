//! Who may call what.

use std::fmt::Write;

use doorward::policy::management::{OPERATIONS, Operation, unbuilt::UNBUILT};
use serde_json::json;

use super::{bad_input, patch, refused};
use crate::support::{
    Answer, TestApp, each_backend,
    fixtures::{EMAIL, PASSWORD, text},
    payload, recorded,
    signer::stranger,
};

fn every_route() -> impl Iterator<Item = &'static Operation> {
    OPERATIONS.iter().chain(UNBUILT)
}

#[test]
fn the_scopes_of_every_route_are_those_that_were_reviewed() {
    let mut matrix = String::from(
        "# Who may call what: method, path below /api/v2, and the scopes of which any one is needed.\n\
         # Generated from the routes; a change here is a change of the authorization of the server.\n",
    );
    let mut rows: Vec<_> = every_route().collect();
    rows.sort_by_key(|row| (row.path, row.method));
    for row in rows {
        let Operation { method, path, scopes } = row;
        let note = if UNBUILT.contains(row) { "  (not built)" } else { "" };
        writeln!(matrix, "{method:<6} {path}  {}{note}", scopes.join(" ")).unwrap();
    }
    recorded::compare("tests/it/management/authorization_matrix.txt", &matrix);
}

/// Tokens that open nothing: what is wrong, the token, and the answer's status, `errorCode` and
/// message.
async fn useless_tokens(app: &TestApp) -> Vec<(&'static str, String, u16, &'static str, String)> {
    let good = app.management_token_with(None).await;
    let kid = app.inner.tokens.keys.get().current.kid.as_str().to_owned();
    let claims = payload(&good);
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": kid });
    let forged = stranger().sign_with(&header, &claims);
    let unsigned = |alg: &str| {
        let header = json!({ "alg": alg, "typ": "JWT", "kid": kid });
        format!("{}.", crate::support::signer::unsigned(&header, &claims))
    };
    let world = app.world().await;
    app.clock.advance_seconds(86_401);
    let login = app.log_in(&world).await;
    let signature = "Invalid signature received for JSON Web Token validation".to_owned();
    let (malformed, invalid) =
        ("Bad HTTP authentication header format".to_owned(), "Invalid token".to_owned());
    let expired = "Expired token received for JSON Web Token validation".to_owned();
    vec![
        ("malformed", "not-a-jwt".to_owned(), 400, "Bearer", malformed.clone()),
        ("two parts", "a.b".to_owned(), 400, "Bearer", malformed.clone()),
        ("alg none", unsigned("none"), 400, "Bearer", malformed),
        ("another key", forged, 401, "", signature),
        ("another audience", text(&login, "access_token").to_owned(), 401, "", invalid.clone()),
        ("an ID token", text(&login, "id_token").to_owned(), 401, "", invalid),
        ("expired", good, 401, "", expired),
    ]
}

#[tokio::test]
async fn every_operation_refuses_a_stranger() {
    for (backend, app) in each_backend().await {
        let tokens = useless_tokens(&app).await;
        for operation in every_route() {
            let method = reqwest::Method::from_bytes(operation.method.as_bytes()).unwrap();
            let url = app.url(&format!("api/v2{}", bad_input::filled(operation, "x")));
            // A body that is no JSON: nobody reads it.
            let request = || app.http.request(method.clone(), &url).body("{");

            let answer = app.send(request()).await;
            assert_eq!(refused(&answer), (401, String::new()), "{backend} {operation:?}");
            assert_eq!(answer.text_of("message"), "Missing authentication");
            assert_eq!(answer.header("www-authenticate"), "Bearer");

            for (wrong, token, status, code, message) in &tokens {
                let answer = app.send(request().bearer_auth(token)).await;
                let what = format!("{backend} {operation:?}: {wrong}");
                assert_eq!(refused(&answer), (*status, (*code).to_owned()), "{what}");
                assert_eq!(answer.text_of("message"), *message, "{what}");
                if *status == 401 {
                    assert_eq!(answer.header("www-authenticate"), "Bearer", "{what}");
                    assert_eq!(answer.json()["attributes"]["error"], message.as_str(), "{what}");
                }
            }
        }
    }
}

/// Fails the test unless the answer names the scopes of the operation.
#[track_caller]
fn lacks(answer: &Answer, operation: &Operation) {
    let expected = operation.scopes.join(",");
    let message = format!("Insufficient scope, expected any of: {expected}");
    assert_eq!(answer.text_of("message"), message, "{operation:?}");
}

#[tokio::test]
async fn every_operation_refuses_a_token_without_its_scope_and_names_the_scope() {
    for (_, app) in each_backend().await {
        let all: Vec<_> = OPERATIONS.iter().flat_map(|o| o.scopes.iter().copied()).collect();
        for operation in OPERATIONS {
            // Every scope but those of the operation.
            let others: Vec<_> = all.iter().filter(|s| !operation.scopes.contains(s)).collect();
            let others: Vec<&str> = others.into_iter().copied().collect();
            let token = app.management_token_with(Some(&others.join(" "))).await;
            let path = bad_input::filled(operation, "x");
            let answer = app.management_as(&token, operation.method, &path, None).await;
            assert_eq!(refused(&answer), (403, "insufficient_scope".to_owned()), "{operation:?}");
            lacks(&answer, operation);
        }
    }
}

#[tokio::test]
async fn an_altered_token_and_another_scheme_are_refused() {
    for (_, app) in each_backend().await {
        let good = app.management_token().await.to_owned();
        let (head, signature) = good.rsplit_once('.').unwrap();
        let mut bytes = signature.as_bytes().to_vec();
        bytes[0] = if bytes[0] == b'A' { b'B' } else { b'A' };
        let forged = format!("{head}.{}", String::from_utf8(bytes).unwrap());
        let answer = app.management_as(&forged, "GET", "/clients", None).await;
        assert_eq!(answer.status, 401);
        assert!(answer.text_of("message").starts_with("Invalid signature"), "{}", answer.text);
        assert_eq!(answer.json()["attributes"]["error"], answer.json()["message"]);

        let basic = app.http.get(app.url("api/v2/clients")).basic_auth("a", Some("b"));
        assert_eq!(refused(&app.send(basic).await), (400, "Bearer".to_owned()));
    }
}

#[tokio::test]
async fn a_client_shows_each_reader_what_their_scopes_open() {
    for (_, app) in each_backend().await {
        let created = app.add_client(json!({ "encryption_key": { "pub": "p" } })).await;
        let id = created["client_id"].as_str().unwrap();
        let seen = async |scope: &str| {
            let token = app.management_token_with(Some(scope)).await;
            let one = app.management_as(&token, "GET", &format!("/clients/{id}"), None).await.ok();
            let list = app.management_as(&token, "GET", "/clients", None).await.ok();
            let listed = list.as_array().unwrap().iter().find(|c| c["client_id"] == id).cloned();
            assert_eq!(listed.as_ref(), Some(&one), "{scope}");
            one
        };
        assert_eq!(
            seen("read:client_summary").await,
            json!({ "client_id": id, "app_type": "spa", "name": "App" })
        );
        let settings = seen("read:clients").await;
        assert!(settings["refresh_token"].is_object() && settings["callbacks"].is_array());
        assert!(settings.get("client_secret").is_none());
        assert!(settings.get("encryption_key").is_none());
        let keys = seen("read:client_keys").await;
        assert_eq!(keys["client_secret"], created["client_secret"]);
        assert!(keys["callbacks"].is_array() && keys["encryption_key"].is_object());
        let credentials = seen("read:client_credentials").await;
        assert_eq!(credentials["client_secret"], created["client_secret"]);
        assert!(credentials.get("callbacks").is_none());
    }
}

#[tokio::test]
async fn the_secret_of_a_client_is_written_and_answered_only_with_the_scope_for_keys() {
    for (_, app) in each_backend().await {
        let created = app.add_client(json!({})).await;
        let path = format!("/clients/{}", created["client_id"].as_str().unwrap());
        let secret = json!({ "client_secret": "a-secret-of-my-own" });
        let name = json!({ "name": "Renamed" });
        let call = async |scope: &str, body| {
            let token = app.management_token_with(Some(scope)).await;
            app.management_as(&token, "PATCH", &path, Some(body)).await
        };

        let answer = call("update:clients", secret.clone()).await;
        assert_eq!(refused(&answer), (403, "insufficient_scope".to_owned()));
        assert!(answer.text_of("message").ends_with("update:client_keys"));
        let answer = call("update:client_keys", name.clone()).await;
        assert!(answer.text_of("message").ends_with("expected any of: update:clients"));
        let methods = json!({ "client_authentication_methods": null });
        let answer = call("update:clients", methods).await;
        assert!(answer.text_of("message").ends_with("update:client_credentials"));

        let renamed = call("update:clients", name).await.ok();
        assert!(renamed.get("client_secret").is_none(), "{renamed}");
        let changed = call("update:client_keys read:client_keys", secret).await.ok();
        assert_eq!(changed["client_secret"], "a-secret-of-my-own");
    }
}

#[tokio::test]
async fn a_token_for_app_metadata_edits_nothing_else_of_a_user() {
    for (_, app) in each_backend().await {
        let user = app.add_user(EMAIL, PASSWORD).await;
        let path = format!("/users/{}", super::segment(user["user_id"].as_str().unwrap()));
        let token = app.management_token_with(Some("update:users_app_metadata")).await;
        let call = async |body| app.management_as(&token, "PATCH", &path, Some(body)).await;
        let edited = call(json!({ "app_metadata": { "plan": "gold" } })).await.ok();
        assert_eq!(edited["app_metadata"], json!({ "plan": "gold" }));
        for body in
            [json!({ "password": "other" }), json!({ "app_metadata": {}, "blocked": false })]
        {
            let answer = call(body).await;
            assert_eq!(refused(&answer), (403, "insufficient_scope".to_owned()));
        }
    }
}

#[tokio::test]
async fn a_changed_secret_counts_at_once() {
    for (_, app) in each_backend().await {
        let created = app
            .add_client(json!({
                "app_type": "non_interactive", "grant_types": ["client_credentials"],
                "token_endpoint_auth_method": "client_secret_post",
            }))
            .await;
        app.add_api("https://api", &["a"], json!({})).await;
        let id = created["client_id"].as_str().unwrap();
        let grant = json!({ "client_id": id, "audience": "https://api", "scope": ["a"] });
        TestApp::created(&super::post(&app, "/client-grants", grant).await);
        let works = async |secret: &str| {
            let form = [
                ("grant_type", "client_credentials"),
                ("client_id", id),
                ("client_secret", secret),
                ("audience", "https://api"),
            ];
            app.token(&form).await.status == 200
        };
        let first = created["client_secret"].as_str().unwrap();
        assert!(works(first).await);
        let rotated = super::post(&app, &format!("/clients/{id}/rotate-secret"), json!({})).await;
        let second = rotated.ok()["client_secret"].as_str().unwrap().to_owned();
        assert!(!works(first).await && works(&second).await);
        let own = json!({ "client_secret": "mine" });
        patch(&app, &format!("/clients/{id}"), own).await.ok();
        assert!(!works(&second).await && works("mine").await);
        app.management("DELETE", &format!("/clients/{id}"), None).await;
        assert!(!works("mine").await);
    }
}
