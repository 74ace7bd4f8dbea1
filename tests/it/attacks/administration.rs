//! The Management API: cases 61, 63 and 64.

use std::collections::BTreeMap;

use doorward::policy::management::{OPERATIONS, Operation, scopes};
use serde_json::{Value, json};

use super::{ask, refused};
use crate::{
    management::{bad_input, valid_writes},
    support::{Answer, TestApp, each_backend, fixtures::*},
};

/// **Case 61.** CVE-2026-15630, Casdoor: the id of the query was authorised, and the one of the body
/// acted on.
#[tokio::test]
async fn the_id_of_the_path_is_the_only_one() {
    const IDS: &[&str] = &["id", "client_id", "user_id", "identifier", "kid", "name_or_id", "_id"];
    for (backend, app) in each_backend().await {
        let victim = app.add_client(json!({ "name": "Victim" })).await;
        let other = text(&victim, "client_id");
        let path_of_victim = format!("/clients/{other}");
        let before = app.management("GET", &path_of_victim, None).await.ok();
        for (operation, path, body) in bad_input::with_bodies(&app).await {
            for id in IDS {
                // What is made for a user, a client or an API names it, and nothing else does.
                let names = body.get(*id).is_some()
                    || (operation.path, *id) == ("/users/{id}", "client_id")
                    || allowed_to_name(operation, id);
                if names {
                    continue;
                }
                let mut body = body.clone();
                body[*id] = json!(other);
                let answer = app.management(operation.method, &path, Some(body)).await;
                let what = format!("{backend} {operation:?} {id}");
                refused(&answer, (400, "invalid_body"), &what);
                let message = answer.text_of("message");
                assert!(message.contains("Additional properties not allowed"), "{what}: {message}");
            }
            // Nor does one in the query count.
            let joined = format!("{path}{}id={other}", if path.contains('?') { '&' } else { '?' });
            let answer = app.management(operation.method, &joined, Some(body)).await;
            let what = format!("{backend} {operation:?} ?id=");
            refused(&answer, (400, "invalid_query_string"), &what);
        }
        let after = app.management("GET", &path_of_victim, None).await.ok();
        assert_eq!(after, before, "{backend}: it is as it was");
    }
}

/// Whether the body of an operation may say of itself whom it is about.
fn allowed_to_name(operation: &Operation, id: &str) -> bool {
    matches!(
        (operation.method, operation.path, id),
        ("POST", "/users", "user_id")
            | ("POST", "/refresh-tokens/explain", _)
            | ("POST", "/refresh-tokens/revoke", "user_id" | "client_id")
            | ("POST", "/users/{id}/revoke-access", "session_id")
            | ("POST", "/jobs/users-exports", "connection_id")
            | ("POST", "/tickets/password-change" | "/tickets/email-verification", "client_id")
            | ("POST", "/jobs/verification-email", "client_id")
            | ("POST", "/clients", "client_id")
            | ("POST", "/clients/{id}/credentials", "kid")
    )
}

/// A true path for every operation that reads, where one can be had: from the paths of the writes.
async fn read_paths(app: &TestApp, world: &World) -> Vec<(&'static Operation, String)> {
    let mut known: BTreeMap<Vec<&str>, Vec<String>> = BTreeMap::new();
    for operation in OPERATIONS.iter().filter(|operation| operation.writes()) {
        let Some((path, body)) = valid_writes::request(app, operation).await else { continue };
        let answer = match operation.method {
            "DELETE" => None,
            _ => Some(valid_writes::send(app, operation, &path, body).await),
        };
        let template: Vec<_> = operation.path.split('/').collect();
        let path: Vec<_> = path.split('?').next().unwrap().split('/').map(str::to_owned).collect();
        // What a POST made has an id of its own; jobs are read where they were not made.
        let made = answer.filter(|answer| answer.status < 300 && !answer.text.is_empty());
        let made = made.map(|answer| answer.json());
        let made = made.as_ref().and_then(|made| {
            ["client_id", "user_id", "kid", "id"].iter().find_map(|name| made[name].as_str())
        });
        if let (Some(id), true) = (made, operation.path.starts_with("/jobs/")) {
            known.insert(vec!["", "jobs", "{id}"], ["", "jobs", id].map(str::to_owned).to_vec());
        }
        if let (Some(id), false) = (made, operation.path.ends_with('}')) {
            let path = [path.clone(), vec![id.replace('|', "%7C")]].concat();
            known.insert([template.clone(), vec!["{id}"]].concat(), path);
        }
        known.insert(template, path);
    }
    // What no request of ours makes by its name.
    let first = async |list: &str, items: &str, id: &str| {
        let found = app.management("GET", list, None).await.ok();
        let items = if items.is_empty() { &found } else { &found[items] };
        text(&items[0], id).to_owned()
    };
    let families = format!("/users/{}/refresh-token-families", world.user_id.replace('|', "%7C"));
    for (template, id) in [
        (vec!["", "logs", "{id}"], first("/logs", "", "log_id").await),
        (vec!["", "organizations", "name", "{name}"], first("/organizations", "", "name").await),
        (
            vec!["", "refresh-token-families", "{id}"],
            first(&families, "refresh_token_families", "id").await,
        ),
    ] {
        let path = [template[..template.len() - 1].join("/"), id].join("/");
        known.insert(template, path.split('/').map(str::to_owned).collect());
    }
    let reading = OPERATIONS.iter().filter(|operation| operation.method == "GET");
    reading
        .map(|operation| {
            let template: Vec<_> = operation.path.split('/').collect();
            let ids =
                template.iter().rposition(|part| part.starts_with('{')).map_or(0, |at| at + 1);
            let path = known
                .iter()
                .find(|(other, _)| other.len() >= ids && other[..ids] == template[..ids]);
            let mut path = path.map_or_else(
                || bad_input::filled(operation, "x").split('/').map(str::to_owned).collect(),
                |(_, path)| path[..ids].to_vec(),
            );
            path.extend(template[path.len()..].iter().map(|part| (*part).to_owned()));
            (operation, path.join("/"))
        })
        .collect()
}

/// Everything that a document says, as `name: value`.
fn members(name: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| members(name, value, found)),
        Value::Array(items) => items.iter().for_each(|value| members(name, value, found)),
        Value::String(text) => found.push((name.to_owned(), text.clone())),
        other => found.push((name.to_owned(), other.to_string())),
    }
}

/// **Case 63.** CVE-2026-90942, Casdoor: an answer of the administration had a private key in it.
#[tokio::test]
async fn no_answer_holds_a_private_key_or_the_secret_of_somebody() {
    const PRIVATE: &[&str] = &["d", "p", "q", "dp", "dq", "qi", "k", "oth"];
    const SECRET: &[&str] =
        &["client_secret", "password", "password_hash", "private_key", "secret", "salt", "hash"];
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let paths = read_paths(&app, &world).await;
        let without_keys: Vec<_> = scopes()
            .into_iter()
            .filter(|scope| !["read:client_keys", "read:client_credentials"].contains(scope))
            .collect();
        let reader = app.management_token_with(Some(&without_keys.join(" "))).await;
        let everything = app.management_token().await.to_owned();
        let mut unread = Vec::new();
        for (operation, path) in &paths {
            for (token, with_keys) in [(&reader, false), (&everything, true)] {
                let query = match operation.path {
                    "/users-by-email" => format!("?email={EMAIL}"),
                    "/refresh-tokens" | "/device-credentials" => {
                        format!("?user_id={}", world.user_id.replace('|', "%7C"))
                    }
                    "/user-blocks" => format!("?identifier={EMAIL}"),
                    path if path.contains("/effective-permissions") => {
                        let role = if path.ends_with("roles") { "&permission_name=a" } else { "" };
                        format!("?resource_server_identifier={MESSAGES}{role}")
                    }
                    _ => String::new(),
                };
                let answer = app.management_as(token, "GET", &format!("{path}{query}"), None).await;
                let what = format!("{backend} {operation:?} {path}");
                if with_keys && answer.status != 200 {
                    unread.push(operation.path);
                }
                holds_no_key(&answer, &what);
                let mut found = Vec::new();
                members("", &serde_json::from_str(&answer.text).unwrap_or_default(), &mut found);
                for (name, value) in found {
                    assert!(!PRIVATE.contains(&&*name), "{what}: {name}");
                    // The one secret that there is to be read, with the scope that is for it.
                    let is_shown =
                        with_keys && name == "client_secret" && path.starts_with("/clients");
                    assert!(is_shown || !SECRET.contains(&&*name), "{what}: {name}: {value}");
                    // The key of an API that signs with a secret is for who may read the API; a
                    // script is what was written.
                    let is_own = is_shown || ["signing_secret", "script"].contains(&&*name);
                    assert!(is_own || !value.contains(valid_writes::SECRET), "{what}: {name}");
                }
                for token in ["refresh_token", "access_token", "id_token"] {
                    assert!(!answer.text.contains(text(&login, token)), "{what}: {token}");
                }
            }
        }
        // Nobody is blocked, no Action has run, and no job has failed.
        let empty = ["/anomaly/blocks/ips/{id}", "/actions/executions/{id}", "/jobs/{id}/errors"];
        unread.retain(|path| !empty.contains(path));
        assert!(unread.is_empty(), "{backend}: {unread:?}");
        for path in [".well-known/jwks.json", "admin/config.json", "api/v2/openapi.json"] {
            holds_no_key(&app.get(path).await, path);
        }
        for key in app.get(".well-known/jwks.json").await.ok()["keys"].as_array().unwrap() {
            assert!(PRIVATE.iter().all(|name| key.get(*name).is_none()), "{backend}: {key}");
        }
    }
}

#[track_caller]
fn holds_no_key(answer: &Answer, what: &str) {
    for word in ["PRIVATE KEY", "$argon2", "$2a$", "$2b$", "\"d\":\""] {
        assert!(!answer.text.contains(word), "{what}: {word}");
    }
}

/// **Case 64.** GO-2026-4807, Hydra, and CVE-2026-63203, Logto: a forged page token reached the
/// database, and a token without the scope the account.
#[tokio::test]
async fn a_cursor_is_taken_unaltered_and_by_its_own_listing_only() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        for name in ["a", "b", "c"] {
            let body = Some(json!({ "name": name }));
            app.management("POST", "/organizations", body).await;
            app.add_client(json!({ "name": name })).await;
            app.log_in(&world).await;
        }
        let user = world.user_id.replace('|', "%7C");
        let lists = [
            "/organizations?take=1".to_owned(),
            "/clients?take=1".to_owned(),
            format!("/users/{user}/refresh-tokens?take=1"),
            format!("/users/{user}/sessions?take=1"),
            format!("/users/{user}/refresh-token-families?take=1"),
            format!("/refresh-tokens?user_id={user}&take=1"),
        ];
        let refusal = (400, "invalid_query_string");
        let mut cursors: Vec<String> = Vec::new();
        for list in &lists {
            let get = async |from: &str| {
                app.management("GET", &format!("{list}&from={from}"), None).await
            };
            let first = app.management("GET", list, None).await;
            let next = first.text_of("next");
            get(&next).await.ok();
            for at in 0..next.len() {
                let mut altered = next.clone().into_bytes();
                altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
                let altered = String::from_utf8(altered).unwrap();
                refused(&get(&altered).await, refusal, &format!("{backend} {list} {altered}"));
            }
            for forged in
                ["'--", "1%20OR%201=1", "%27%3BDROP%20TABLE%20client", "x", "%00", &next[1..]]
            {
                refused(&get(forged).await, refusal, &format!("{backend} {list} {forged}"));
            }
            for other in &cursors {
                refused(&get(other).await, refusal, &format!("{backend} {list}: of another"));
            }
            cursors.push(next);
        }
        // The trail goes on after an event by its id: whatever stands there is compared, not run.
        let all = app.management("GET", "/logs?take=100", None).await.ok();
        for forged in ["'--", "1%20OR%201=1", "%27)%20UNION%20SELECT%201--"] {
            let answer =
                app.management("GET", &format!("/logs?from={forged}&take=100"), None).await;
            let found = answer.ok();
            assert!(
                found.as_array().unwrap().len() <= all.as_array().unwrap().len() + 10,
                "{backend}"
            );
        }
        // What a token says of an account, it says to who asked for it at the login.
        let login =
            app.log_in_for(&world, &[("audience", MESSAGES), ("scope", "read:messages")]).await;
        for path in ["userinfo", "me/v1/factors", "api/v2/users"] {
            let request = app.http.get(app.url(path)).bearer_auth(text(&login, "access_token"));
            let told = match path {
                "userinfo" => (401, "invalid_token"),
                "api/v2/users" => (401, "Unauthorized"),
                _ => (404, "Not found"),
            };
            refused(&app.send(request).await, told, &format!("{backend} {path}"));
        }
        refused(&ask(&app, "userinfo", &[]).await, (401, "invalid_request"), backend);
    }
}
