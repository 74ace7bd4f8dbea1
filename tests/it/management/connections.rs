//! `/connections`, and the clients they are enabled for.

use serde_json::{Value, json};

use super::{delete, get, invalid_body, patch, post, refused};
use crate::support::{Answer, TestApp, each_backend, fixtures::PASSWORD};

const DEFAULT: &str = "Username-Password-Authentication";

async fn database(app: &TestApp, name: &str, more: Value) -> Value {
    app.clock.advance_seconds(1);
    let mut body = json!({ "name": name, "strategy": "auth0" });
    for (member, value) in more.as_object().unwrap() {
        body[member] = value.clone();
    }
    TestApp::created(&post(app, "/connections", body).await)
}

fn path(connection: &Value) -> String {
    format!("/connections/{}", connection["id"].as_str().unwrap())
}

async fn client(app: &TestApp) -> String {
    app.add_client(json!({})).await["client_id"].as_str().unwrap().to_owned()
}

async fn clients_of(app: &TestApp, path: &str) -> Vec<String> {
    let listed = get(app, &format!("{path}/clients?take=100")).await.ok();
    let ids = listed["clients"].as_array().unwrap().iter();
    ids.map(|item| item["client_id"].as_str().unwrap().to_owned()).collect()
}

fn names(listing: &Value) -> Vec<&str> {
    listing.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

async fn add_user(app: &TestApp, connection: &str, email: &str) -> Answer {
    let body = json!({ "connection": connection, "email": email, "password": PASSWORD });
    post(app, "/users", body).await
}

#[tokio::test]
async fn connections_are_created_read_changed_and_deleted() {
    for (backend, app) in each_backend().await {
        let created = database(&app, "staff", json!({})).await;
        let id = created["id"].as_str().unwrap();
        assert!(id.starts_with("con_") && id.len() == 20, "{backend}: {id}");
        let expected = json!({
            "id": id, "name": "staff", "strategy": "auth0",
            "options": { "disable_self_service_change_password": false },
            "is_domain_connection": false, "authentication": { "active": true },
            "connected_accounts": { "active": false }, "realms": ["staff"], "enabled_clients": [],
        });
        assert_eq!(created, expected, "{backend}");
        let path = path(&created);
        assert_eq!(get(&app, &path).await.ok(), expected, "{backend}");
        assert_eq!(get(&app, &format!("{path}/status")).await.ok(), json!({}));

        // The options are replaced as a whole, other members stay.
        let body = json!({
            "options": { "passwordPolicy": "fair", "disable_signup": true },
            "display_name": "Staff", "metadata": { "a": "1", "b": null },
            "show_as_button": true, "is_domain_connection": true, "realms": [],
        });
        let changed = patch(&app, &path, body).await.ok();
        let options = json!({
            "passwordPolicy": "fair", "disable_signup": true,
            "disable_self_service_change_password": false,
        });
        assert_eq!(changed["options"], options);
        assert_eq!(changed["metadata"], json!({ "a": "1" }));
        assert_eq!(changed["realms"], json!(["staff"]));
        let changed = patch(&app, &path, json!({ "options": { "disable_signup": false } })).await;
        let changed = changed.ok();
        let options =
            json!({ "disable_signup": false, "disable_self_service_change_password": false });
        assert_eq!(changed["options"], options);
        assert_eq!(
            (&changed["display_name"], &changed["show_as_button"]),
            (&json!("Staff"), &json!(true))
        );
        assert_eq!(get(&app, &path).await.ok(), changed, "{backend}");
        let only = get(&app, &format!("{path}?fields=name,strategy")).await.ok();
        assert_eq!(only, json!({ "name": "staff", "strategy": "auth0" }));
        let cleared = patch(&app, &path, json!({ "options": null })).await.ok();
        assert_eq!(cleared["options"], expected["options"], "{backend}");
        assert_eq!(patch(&app, &path, json!({})).await.status, 200);

        let deleted = delete(&app, &path).await;
        assert_eq!(deleted.status, 202, "{}", deleted.text);
        assert!(deleted.text_of("deleted_at").ends_with('Z'));
        assert_eq!(delete(&app, &path).await.status, 204, "{backend}: there is none any more");
        let gone = [
            get(&app, &path).await,
            patch(&app, &path, json!({ "options": {} })).await,
            get(&app, &format!("{path}/clients")).await,
            app.management(
                "PATCH",
                &format!("{path}/clients"),
                Some(json!([{ "client_id": "x", "status": true }])),
            )
            .await,
            delete(&app, &format!("{path}/users?email=a@x.example")).await,
        ];
        for answer in gone {
            assert_eq!(refused(&answer), (404, "inexistent_connection".to_owned()));
            assert_eq!(answer.text_of("message"), "The connection does not exist");
        }
        let answer = get(&app, &format!("{path}/status")).await;
        assert_eq!(answer.text_of("message"), "Connection not found.");
        database(&app, "staff", json!({})).await;
    }
}

#[tokio::test]
async fn what_is_read_may_be_written_back() {
    for (backend, app) in each_backend().await {
        let id = client(&app).await;
        let recorded = json!({
            "mfa": { "active": true, "return_enroll_settings": true }, "passwordPolicy": "good",
            "passkey_options": {
                "challenge_ui": "both", "local_enrollment_enabled": true,
                "progressive_enrollment_enabled": true,
            },
            "strategy_version": 2,
            "authentication_methods": {
                "passkey": { "enabled": false },
                "password": {
                    "enabled": true, "api_behavior": "required", "signup_behavior": "allow",
                },
            },
            "brute_force_protection": true, "disable_self_service_change_password": false,
        });
        let more = json!({ "options": recorded, "enabled_clients": [id] });
        let created = database(&app, "staff", more).await;
        assert_eq!(created["options"], recorded, "{backend}");
        let listed = get(&app, "/connections").await.ok();
        for read in listed.as_array().unwrap() {
            let mut body = read.clone();
            for member in ["id", "name", "strategy"] {
                body.as_object_mut().unwrap().remove(member);
            }
            let written = patch(&app, &path(read), body).await.ok();
            assert_eq!(&written, read, "{backend}");
        }
        // Into an empty place.
        assert_eq!(delete(&app, &path(&created)).await.status, 202);
        let mut body = created.clone();
        body.as_object_mut().unwrap().remove("id");
        let mut again = TestApp::created(&post(&app, "/connections", body).await);
        again["id"] = created["id"].clone();
        assert_eq!(again, created, "{backend}");
    }
}

#[tokio::test]
async fn connections_that_cannot_be_are_refused() {
    for (_, app) in each_backend().await {
        let created = database(&app, "staff", json!({ "realms": ["staff", "acme.example"] })).await;
        let path = path(&created);
        let answer =
            post(&app, "/connections", json!({ "name": "staff", "strategy": "auth0" })).await;
        assert_eq!(refused(&answer), (409, String::new()));
        assert_eq!(answer.text_of("message"), "A connection with the same name already exists");
        let realm = json!({ "name": "other", "strategy": "auth0", "realms": ["acme.example"] });
        let named = json!({ "name": "other", "strategy": "auth0", "realms": ["staff"] });
        for body in [realm, named] {
            let answer = post(&app, "/connections", body).await;
            assert_eq!(refused(&answer).0, 409);
            let text =
                "There is already another connection with some realms from \"realms\" parameter";
            assert_eq!(answer.text_of("message"), text);
        }
        assert_eq!(patch(&app, &path, json!({ "realms": [DEFAULT] })).await.status, 409);

        let answer = post(&app, "/connections", json!({ "strategy": "auth0" })).await;
        invalid_body(&answer, "Payload validation error: 'Missing required property: name'.");
        let answer = post(&app, "/connections", json!({ "name": "x", "strategy": "nope" })).await;
        invalid_body(
            &answer,
            "Payload validation error: 'No enum match for: nope' on property strategy \
             (The identity provider identifier for the connection).",
        );
        let not_here = [
            json!({ "name": "google-oauth2", "strategy": "google-oauth2" }),
            json!({ "name": "codes", "strategy": "email" }),
            json!({ "name": "x", "strategy": "auth0", "cross_app_access_requesting_app": { "active": true } }),
        ];
        for body in not_here {
            let answer = post(&app, "/connections", body).await;
            assert_eq!(refused(&answer), (400, "operation_not_supported".to_owned()));
        }
        for body in [json!({ "name": "y" }), json!({ "strategy": "auth0" }), json!({ "id": "x" })] {
            let answer = patch(&app, &path, body).await;
            assert_eq!(refused(&answer), (400, "invalid_body".to_owned()));
            assert!(answer.text_of("message").contains("Additional properties not allowed"));
        }
        for more in [
            json!({ "options": [] }),
            json!({ "options": { "passwordPolicy": "strong" } }),
            json!({ "options": { "import_mode": true } }),
            json!({ "options": { "customScripts": { "login": "x" } } }),
            json!({ "options": { "authentication_methods": { "passkey": { "enabled": true } } } }),
            json!({ "options": { "password_complexity_options": { "min_length": 0 } } }),
            json!({ "options": { "password_dictionary": { "enable": true, "dictionary": vec!["x"; 201] } } }),
            json!({ "options": { "x": "x".repeat(70_000) } }),
            json!({ "metadata": { "a": 1 } }),
            json!({ "metadata": { "a": "x".repeat(256) } }),
            json!({ "display_name": "x".repeat(129) }),
            json!({ "realms": vec!["x"; 101] }),
            json!({ "authentication": {} }),
            json!({ "connected_accounts": { "active": true } }),
            json!({ "enabled_clients": ["nobody"] }),
            json!({ "whatever": true }),
        ] {
            let mut body = more.clone();
            body["name"] = "x".into();
            body["strategy"] = "auth0".into();
            let answers = [post(&app, "/connections", body).await, patch(&app, &path, more).await];
            for answer in answers {
                assert_eq!(refused(&answer), (400, "invalid_body".to_owned()), "{}", answer.text);
            }
        }
        for name in ["", "-x", "x-", "x--y", "x y", "ä", &"x".repeat(129)] {
            let answer =
                post(&app, "/connections", json!({ "name": name, "strategy": "auth0" })).await;
            assert_eq!(refused(&answer), (400, "invalid_body".to_owned()), "{name}");
        }
        assert_eq!(get(&app, &path).await.ok(), created, "what was refused changed nothing");
        assert_eq!(get(&app, "/connections").await.ok().as_array().unwrap().len(), 3);
    }
}

#[tokio::test]
async fn connections_are_listed_in_every_envelope() {
    for (backend, app) in each_backend().await {
        for name in ["staff", "guests"] {
            database(&app, name, json!({})).await;
        }
        let list = async |query: &str| get(&app, &format!("/connections?{query}")).await.ok();
        let all = [DEFAULT, "email", "staff", "guests"];
        assert_eq!(names(&list("").await), all, "{backend}");
        assert_eq!(names(&list("strategy=auth0").await), [DEFAULT, "staff", "guests"]);
        assert_eq!(names(&list("strategy=auth0&strategy=email").await), all);
        assert_eq!(names(&list("strategy=samlp&strategy=email").await), ["email"]);
        assert_eq!(names(&list("strategy=samlp").await), [""; 0]);
        assert_eq!(names(&list("name=guests").await), ["guests"]);
        assert_eq!(names(&list("name=guests&strategy=email").await), [""; 0]);
        let fields = list("name=guests&fields=name").await;
        assert_eq!(fields, json!([{ "name": "guests" }]));

        let page = list("page=1&per_page=2&include_totals=true&strategy=auth0").await;
        assert_eq!(
            (&page["start"], &page["limit"], &page["total"]),
            (&json!(2), &json!(2), &json!(3))
        );
        assert_eq!(names(&page["connections"]), ["guests"]);
        let beyond = list("page=9&per_page=2&include_totals=true").await;
        assert_eq!(beyond["connections"], json!([]));

        // As the SDKs ask: `take` wins, and the cursor leads through everything once.
        let mut seen = Vec::new();
        let mut next = String::new();
        loop {
            let page = list(&format!("take=3&include_totals=true&from={next}")).await;
            assert!(page.get("total").is_none(), "{page}");
            seen.extend(names(&page["connections"]).into_iter().map(str::to_owned));
            match page.get("next") {
                Some(cursor) => next = cursor.as_str().unwrap().to_owned(),
                None => break,
            }
        }
        seen.sort_unstable();
        let mut expected = all;
        expected.sort_unstable();
        assert_eq!(seen, expected, "{backend}");
        for query in ["strategy=nope", "take=0", "take=101", "per_page=101", "x=1", "name=a&name=b"]
        {
            let answer = get(&app, &format!("/connections?{query}")).await;
            assert_eq!(refused(&answer), (400, "invalid_query_string".to_owned()), "{query}");
        }
    }
}

#[tokio::test]
async fn clients_are_enabled_and_disabled() {
    for (backend, app) in each_backend().await {
        let created = database(&app, "staff", json!({})).await;
        let path = path(&created);
        let clients = format!("{path}/clients");
        let set = async |body: Value| app.management("PATCH", &clients, Some(body)).await;
        // A new client begins with every connection there is.
        let (one, two) = (client(&app).await, client(&app).await);
        let mut both = vec![one.clone(), two.clone()];
        both.sort_unstable();
        assert_eq!(clients_of(&app, &path).await, both, "{backend}");
        assert_eq!(get(&app, &path).await.ok()["enabled_clients"], json!(both));

        let off = json!([{ "client_id": one, "status": false }]);
        assert_eq!(set(off.clone()).await.status, 204);
        assert_eq!(set(off).await.status, 204, "twice is harmless");
        assert_eq!(clients_of(&app, &path).await, std::slice::from_ref(&two));
        let of_client = get(&app, &format!("/clients/{one}/connections")).await.ok();
        let mut found = names(&of_client["connections"]);
        found.sort_unstable();
        assert_eq!(found, [DEFAULT, "email"], "{backend}");
        let databases = get(&app, &format!("/clients/{one}/connections?strategy=auth0")).await.ok();
        assert_eq!(names(&databases["connections"]), [DEFAULT]);
        assert_eq!(get(&app, "/clients/nobody/connections").await.status, 404);
        let on =
            json!([{ "client_id": one, "status": true }, { "client_id": two, "status": false }]);
        assert_eq!(set(on).await.status, 204);
        assert_eq!(clients_of(&app, &path).await, std::slice::from_ref(&one));

        // All of them or none.
        for unknown in [true, false] {
            let body = json!([
                { "client_id": two, "status": true }, { "client_id": "nobody", "status": unknown },
            ]);
            let answer = set(body).await;
            assert_eq!(refused(&answer).0, 404);
            assert_eq!(answer.text_of("message"), "The client does not exist");
        }
        assert_eq!(clients_of(&app, &path).await, std::slice::from_ref(&one));
        let item = json!({ "client_id": one, "status": true });
        for body in [
            json!([]),
            json!([{ "client_id": one }]),
            json!([{ "client_id": one, "status": "yes" }]),
            json!([{ "client_id": one, "status": true, "x": 1 }]),
            json!(vec![item.clone(); 51]),
            json!({ "client_id": one, "status": true }),
        ] {
            let answer = set(body).await;
            assert_eq!(refused(&answer), (400, "invalid_body".to_owned()), "{}", answer.text);
        }

        // The older way says the whole list.
        let changed = patch(&app, &path, json!({ "enabled_clients": [two] })).await.ok();
        assert_eq!(changed["enabled_clients"], json!([two]));
        assert_eq!(
            patch(&app, &path, json!({ "options": {} })).await.ok()["enabled_clients"],
            json!([two])
        );
        assert_eq!(delete(&app, &format!("/clients/{two}")).await.status, 204);
        assert_eq!(clients_of(&app, &path).await, [""; 0], "{backend}");

        // One by one, as the SDKs page.
        let third = client(&app).await;
        assert_eq!(set(json!([item])).await.status, 204);
        let first = get(&app, &format!("{clients}?take=1")).await.ok();
        let next = first["next"].as_str().unwrap();
        let second = get(&app, &format!("{clients}?take=1&from={next}")).await.ok();
        assert!(second.get("next").is_none(), "{second}");
        let mut seen = [&first, &second].map(|p| p["clients"][0]["client_id"].as_str().unwrap());
        seen.sort_unstable();
        let mut expected = [one.as_str(), third.as_str()];
        expected.sort_unstable();
        assert_eq!(seen, expected, "{backend}");
    }
}

#[tokio::test]
async fn a_tenant_may_have_new_clients_begin_with_no_connection() {
    for (backend, app) in each_backend().await {
        let flags = json!({ "flags": { "enable_client_connections": false } });
        assert_eq!(patch(&app, "/tenants/settings", flags).await.status, 200);
        let id = client(&app).await;
        let found = get(&app, &format!("/clients/{id}/connections")).await.ok();
        assert_eq!(found, json!({ "connections": [] }), "{backend}");
    }
}

#[tokio::test]
async fn users_go_with_their_connection_and_their_logins_with_them() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let login = app.log_in(&world).await;
        let token = login["refresh_token"].as_str().unwrap();
        let staff = database(&app, "staff", json!({})).await;
        let kept = TestApp::created(&add_user(&app, "staff", "grace@x.example").await);
        let of_staff = async |query: &str| get(&app, &format!("/users?{query}")).await.ok();
        assert_eq!(of_staff("connection=staff").await, json!([kept]), "{backend}");
        let by_search = "q=identities.connection:\"staff\"&search_engine=v3";
        assert_eq!(of_staff(by_search).await, json!([kept]), "{backend}");
        assert_eq!(of_staff("connection=nowhere").await, json!([]), "{backend}");
        let gone = get(&app, &format!("/connections?name={DEFAULT}")).await.ok()[0].clone();
        for n in 0..120 {
            let body = json!({ "connection": DEFAULT, "email": format!("u{n}@x.example") });
            TestApp::created(&post(&app, "/users", body).await);
        }
        assert_eq!(delete(&app, &path(&gone)).await.status, 202);
        let refreshed = app.refresh(&world, token, &[]).await;
        assert_eq!(refreshed.error(), (400, "invalid_grant".into()), "{backend}");
        let left = get(&app, "/users").await.ok();
        assert_eq!(left, json!([kept]), "{backend}");
        // The name is free again, and nothing comes back with it.
        let again = database(&app, DEFAULT, json!({})).await;
        assert_ne!(again["id"], gone["id"]);
        assert_eq!(again["enabled_clients"], json!([]));
        assert_eq!(get(&app, "/users").await.ok(), json!([kept]));

        let users = format!("{}/users", path(&staff));
        for email in ["nobody@x.example", "Grace@X.example", "grace@x.example"] {
            assert_eq!(delete(&app, &format!("{users}?email={email}")).await.status, 204);
        }
        assert_eq!(get(&app, "/users").await.ok(), json!([]));
        assert_eq!(refused(&delete(&app, &users).await).1, "invalid_query_string");
        let email = get(&app, "/connections?name=email").await.ok()[0].clone();
        let answer = delete(&app, &format!("{}/users?email=a@x.example", path(&email))).await;
        invalid_body(&answer, "Connection must be a database connection");
    }
}

#[tokio::test]
async fn the_name_of_a_connection_is_kept_while_its_users_are_being_removed() {
    for (backend, app) in each_backend().await {
        let staff = database(&app, "staff", json!({})).await;
        TestApp::created(&add_user(&app, "staff", "ada@x.example").await);
        // As after a stop in the middle.
        let id = doorward::domain::ConnectionId::new(staff["id"].as_str().unwrap());
        let mut tx = app.inner.store.write().await.unwrap();
        let now = doorward::domain::time::Timestamp::from_millis(1);
        assert!(doorward::store::connections::delete(&mut tx, &id, now).await.unwrap());
        tx.commit().await.unwrap();
        let body = json!({ "name": "staff", "strategy": "auth0" });
        let answer = post(&app, "/connections", body).await;
        let text = "A connection with the same name is being deleted, try again later";
        assert_eq!((answer.status, answer.text_of("message")), (409, text.to_owned()), "{backend}");
        assert_eq!(get(&app, &path(&staff)).await.status, 404);
        let login = &app.inner.login;
        assert!(!login.remove_users_of_deleted_connections(0).await.unwrap(), "{backend}");
        assert!(login.remove_users_of_deleted_connections(1).await.unwrap(), "{backend}");
        assert_eq!(get(&app, "/users").await.ok(), json!([]));
        database(&app, "staff", json!({})).await;
    }
}

#[tokio::test]
async fn writes_are_audited_with_the_names_of_what_changed() {
    for (backend, app) in each_backend().await {
        let created =
            database(&app, "staff", json!({ "options": { "disable_signup": true } })).await;
        let options = json!({ "options": { "passwordPolicy": "low", "disable_signup": true } });
        assert_eq!(patch(&app, &path(&created), options).await.status, 200);
        assert_eq!(delete(&app, &path(&created)).await.status, 202);
        app.inner.login.audit.flush().await;
        let logs = get(&app, "/logs?sort=date:-1").await.ok();
        let told: Vec<_> = logs
            .as_array()
            .unwrap()
            .iter()
            .filter(|log| log["type"] == "sapi" && log["details"]["id"] == created["id"])
            .map(|log| {
                (log["details"]["request"]["method"].clone(), log["details"]["changed"].clone())
            })
            .collect();
        assert_eq!(told.len(), 3, "{backend}: {logs}");
        assert!(
            told.contains(&(json!("POST"), json!(["name", "options", "strategy"]))),
            "{told:?}"
        );
        assert!(told.contains(&(json!("PATCH"), json!(["options.passwordPolicy"]))), "{told:?}");
        assert!(told.contains(&(json!("DELETE"), json!([]))), "{told:?}");
    }
}
