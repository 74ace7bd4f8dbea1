//! `/clients`

use serde_json::{Value, json};

use super::{delete, get, invalid_body, patch, post, refused, segment};
use crate::support::{TestApp, each_backend, fixtures::text};

fn id_of(client: &Value) -> String {
    client["client_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_minimal_client_is_created_with_the_recorded_defaults() {
    for (_, app) in each_backend().await {
        let mut client = TestApp::created(&post(&app, "/clients", json!({ "name": "X" })).await);
        let id = client["client_id"].take();
        let secret = client["client_secret"].take();
        let is_id = |c: char| c.is_ascii_alphanumeric();
        let (id, secret) = (id.as_str().unwrap(), secret.as_str().unwrap());
        assert!(id.len() == 32 && id.chars().all(is_id), "{id}");
        assert!(secret.len() == 64 && secret.chars().all(|c| is_id(c) || "-_".contains(c)));
        assert_eq!(
            client,
            json!({
                "client_id": null, "client_secret": null, "name": "X",
                "tenant": client["tenant"], "global": false, "callback_url_template": false,
                "encrypted": true, "is_first_party": true, "oidc_conformant": false,
                "is_token_endpoint_ip_header_trusted": false, "sso_disabled": false,
                "cross_origin_authentication": false, "cross_origin_auth": false,
                "custom_login_page_on": true,
                "grant_types":
                    ["authorization_code", "implicit", "refresh_token", "client_credentials"],
                "jwt_configuration": { "lifetime_in_seconds": 36000, "secret_encoded": false },
                "refresh_token": {
                    "rotation_type": "rotating", "expiration_type": "expiring",
                    "token_lifetime": 2592000, "infinite_token_lifetime": false,
                    "idle_token_lifetime": 1296000, "infinite_idle_token_lifetime": false,
                },
            })
        );
        let read = get(&app, &format!("/clients/{id}")).await.ok();
        assert_eq!(read["client_secret"], secret);
        assert!(read.get("encrypted").is_none());
    }
}

#[tokio::test]
async fn what_is_written_to_a_client_is_answered_as_it_was_written() {
    for (_, app) in each_backend().await {
        let written = json!({
            "name": "Ünïcode \u{1F511}", "description": "", "app_type": "regular_web",
            "callbacks": ["https://a.example/cb?x=1", "com.example.app:/cb", "http://127.0.0.1/cb"],
            "allowed_logout_urls": ["https://a.example/#/bye", "https://*.a.example"],
            "allowed_origins": ["https://a.example"], "web_origins": [],
            "client_metadata": { "team": "payments" }, "oidc_conformant": true,
            "mobile": { "ios": { "team_id": "T" } }, "sso": true,
            "addons": { "samlp": { "audience": "urn:x", "mappings": { "a": "b" } } },
            "jwt_configuration": { "alg": "RS256", "own": [1, 2.5] },
            "organization_usage": "allow", "initiate_login_uri": "https://a.example/login",
            "session_transfer": { "allowed_authentication_methods": ["query"] },
            "par_request_expiry": 60, "compliance_level": null, "encryption_key": null,
            "refresh_token": {
                "rotation_type": "non-rotating", "expiration_type": "non-expiring", "leeway": 0,
                "token_lifetime": 31557600, "idle_token_lifetime": 2592000,
                "infinite_token_lifetime": true, "infinite_idle_token_lifetime": true,
            },
        });
        let created = TestApp::created(&post(&app, "/clients", written.clone()).await);
        let read = get(&app, &format!("/clients/{}", id_of(&created))).await.ok();
        for (name, value) in written.as_object().unwrap() {
            match name.as_str() {
                "compliance_level" | "encryption_key" => assert!(read.get(name).is_none()),
                "jwt_configuration" => {
                    let expected =
                        json!({ "alg": "RS256", "own": [1, 2.5], "secret_encoded": false });
                    assert_eq!(read[name], expected);
                }
                _ => assert_eq!(&read[name], value, "{name}"),
            }
        }
    }
}

#[tokio::test]
async fn a_patch_merges_objects_replaces_arrays_and_removes_with_null() {
    for (_, app) in each_backend().await {
        let client = app
            .add_client(json!({
                "callbacks": ["https://a.example/1", "https://a.example/2"],
                "mobile": { "ios": { "team_id": "T" }, "android": { "app_package_name": "p" } },
                "client_metadata": { "a": "1", "b": "2" },
                "addons": { "wsfed": {} }, "token_endpoint_auth_method": "none",
                "session_transfer": { "delegation": { "allow_delegated_access": true } },
            }))
            .await;
        let path = format!("/clients/{}", id_of(&client));
        let patched = patch(
            &app,
            &path,
            json!({
                "callbacks": ["https://a.example/3"],
                "mobile": { "android": { "app_package_name": "q" } },
                "client_metadata": { "a": null, "c": "3" },
                "addons": null, "token_endpoint_auth_method": null,
                "session_transfer": { "delegation": null, "allow_refresh_token": true },
                "jwt_configuration": { "lifetime_in_seconds": 60 },
            }),
        )
        .await
        .ok();
        assert_eq!(patched["callbacks"], json!(["https://a.example/3"]));
        let mobile = json!({ "ios": { "team_id": "T" }, "android": { "app_package_name": "q" } });
        assert_eq!(patched["mobile"], mobile);
        assert_eq!(patched["client_metadata"], json!({ "b": "2", "c": "3" }));
        assert!(patched.get("addons").is_none());
        assert!(patched.get("token_endpoint_auth_method").is_none());
        assert_eq!(patched["session_transfer"], json!({ "allow_refresh_token": true }));
        let jwt = json!({ "lifetime_in_seconds": 60, "secret_encoded": false });
        assert_eq!(patched["jwt_configuration"], jwt);
        assert_eq!(patched["name"], "App");
        assert_eq!(get(&app, &path).await.ok(), patched);
    }
}

#[tokio::test]
async fn bodies_that_break_the_schema_are_refused_in_the_words_tools_know() {
    for (_, app) in each_backend().await {
        let name = "on property name (Name of this client (min length: 1 character, does not allow `<` or `>`).).";
        for (body, message) in [
            (json!({}), "'Missing required property: name'.".to_owned()),
            (json!({ "name": 1 }), format!("'Expected type string but found type integer' {name}")),
            (json!({ "name": null }), format!("'Expected type string but found type null' {name}")),
            (json!({ "name": "<b>" }), format!("'String does not match pattern ^[^<>]+$: <b>' {name}")),
            (
                json!({ "name": "x", "client_id": "mine", "audience": "y" }),
                "'Additional properties not allowed: audience,client_id'.".to_owned(),
            ),
            (
                json!({ "name": "x", "client_secret": "s" }),
                "'Additional properties not allowed: client_secret'.".to_owned(),
            ),
            (
                json!({ "name": "x", "app_type": "toaster" }),
                "'No enum match for: toaster' on property app_type (The type of application this client represents).".to_owned(),
            ),
            (
                json!({ "name": "x", "refresh_token": {} }),
                "'Missing required property: rotation_type' on property refresh_token (Refresh token configuration).".to_owned(),
            ),
            (
                json!({ "name": "x", "callbacks": "https://a" }),
                "'Expected type array but found type string' on property callbacks (Comma-separated list of URLs whitelisted for Auth0 to use as a callback to the client after authentication.).".to_owned(),
            ),
        ] {
            let answer = post(&app, "/clients", body).await;
            invalid_body(&answer, &format!("Payload validation error: {message}"));
        }
        let client = app.add_client(json!({})).await;
        let path = format!("/clients/{}", id_of(&client));
        for (body, message) in [
            (json!({}), "'Too few properties defined (0), minimum 1'."),
            (json!({ "tenant": "x" }), "'Additional properties not allowed: tenant'."),
            (
                json!({ "resource_server_identifier": "x" }),
                "'Additional properties not allowed: resource_server_identifier'.",
            ),
        ] {
            let answer = patch(&app, &path, body).await;
            invalid_body(&answer, &format!("Payload validation error: {message}"));
        }
        assert_eq!(get(&app, &path).await.ok()["name"], "App");
    }
}

#[tokio::test]
async fn urls_that_would_betray_users_cannot_be_registered() {
    for (_, app) in each_backend().await {
        let client = app.add_client(json!({})).await;
        let path = format!("/clients/{}", id_of(&client));
        for uri in [
            "javascript:alert(1)",
            "/cb",
            "https://a.example/cb#x",
            "https://a@b.example/cb",
            "https://a.example/cb?code=x",
            "https://a.example\\@evil.example/",
            "",
        ] {
            let answer = patch(&app, &path, json!({ "callbacks": ["https://ok", uri] })).await;
            assert_eq!(refused(&answer), (400, "invalid_body".to_owned()), "{uri}");
            assert!(answer.text_of("message").contains(uri), "{}", answer.text);
        }
        for name in ["allowed_logout_urls", "allowed_origins", "web_origins"] {
            for uri in ["javascript:alert(1)", "/cb", "https://a@b.example"] {
                let answer = patch(&app, &path, json!({ name: [uri] })).await;
                assert_eq!(refused(&answer).0, 400, "{name} {uri}");
            }
        }
        for name in ["initiate_login_uri", "logo_uri"] {
            let answer = patch(&app, &path, json!({ name: "javascript:alert(1)" })).await;
            assert_eq!(refused(&answer).0, 400, "{name}");
            assert_eq!(patch(&app, &path, json!({ name: "" })).await.status, 200);
        }
    }
}

#[tokio::test]
async fn what_this_server_cannot_sign_is_refused() {
    for (_, app) in each_backend().await {
        let hs256 = json!({ "alg": "HS256" });
        for (body, why) in [
            (json!({ "token_endpoint_auth_method": "none" }), "a public application cannot keep"),
            (json!({ "app_type": "spa" }), "a public application cannot keep"),
            (
                json!({ "jwt_configuration": { "alg": "HS256", "secret_encoded": true } }),
                "secret_encoded must be false",
            ),
            (json!({ "jwt_configuration": { "alg": "ES256" } }), "No enum match for: ES256"),
        ] {
            let mut document = json!({ "name": "x", "jwt_configuration": hs256 });
            for (name, value) in body.as_object().unwrap() {
                document[name] = value.clone();
            }
            let answer = post(&app, "/clients", document).await;
            assert_eq!(refused(&answer), (400, "invalid_body".to_owned()));
            assert!(answer.text_of("message").contains(why), "{}", answer.text);
        }
        let body = json!({ "name": "x", "app_type": "regular_web", "jwt_configuration": hs256 });
        let client = TestApp::created(&post(&app, "/clients", body).await);
        let path = format!("/clients/{}", client["client_id"].as_str().unwrap());
        let answer = patch(&app, &path, json!({ "app_type": "spa" })).await;
        assert_eq!(refused(&answer).0, 400, "it was to become public");
        let both = json!({
            "name": "x", "token_endpoint_auth_method": "none",
            "client_authentication_methods": { "private_key_jwt": { "credentials": [] } },
        });
        assert_eq!(refused(&post(&app, "/clients", both).await).0, 400);
    }
}

#[tokio::test]
async fn metadata_is_limited_across_patches() {
    for (_, app) in each_backend().await {
        let client = app.add_client(json!({})).await;
        let path = format!("/clients/{}", id_of(&client));
        let bag = |from: usize, to: usize| {
            let entries = (from..to).map(|i| (format!("k{i}"), json!("v")));
            json!({ "client_metadata": Value::Object(entries.collect()) })
        };
        assert_eq!(patch(&app, &path, bag(0, 10)).await.status, 200);
        let answer = patch(&app, &path, bag(10, 11)).await;
        assert!(answer.text_of("message").contains("Too many properties defined (11), maximum 10"));
        let long = json!({ "client_metadata": { "k0": "x".repeat(256) } });
        assert_eq!(refused(&patch(&app, &path, long).await).0, 400);
        let name = json!({ "client_metadata": { "k0": null, "x".repeat(256): "v" } });
        assert_eq!(refused(&patch(&app, &path, name).await).0, 400);
    }
}

#[tokio::test]
async fn a_missing_client_is_not_found_and_deleting_it_is_harmless() {
    for (_, app) in each_backend().await {
        let missing = (404, "inexistent_client".to_owned());
        assert_eq!(refused(&get(&app, "/clients/none").await), missing);
        assert_eq!(refused(&patch(&app, "/clients/none", json!({ "name": "x" })).await), missing);
        let rotate = post(&app, "/clients/none/rotate-secret", json!({})).await;
        assert_eq!(refused(&rotate), missing);
        assert_eq!(delete(&app, "/clients/none").await.status, 204);

        let path = format!("/clients/{}", id_of(&app.add_client(json!({})).await));
        let answer = delete(&app, &path).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""));
        assert_eq!(refused(&get(&app, &path).await), missing);
    }
}

#[tokio::test]
async fn concurrent_patches_of_one_client_lose_nothing() {
    for (_, app) in each_backend().await {
        let path = format!("/clients/{}", id_of(&app.add_client(json!({})).await));
        let edit = async |i: usize| {
            let body = json!({ "client_metadata": { (format!("k{i}")): "v" } });
            patch(&app, &path, body).await.status
        };
        let statuses = tokio::join!(edit(0), edit(1), edit(2), edit(3));
        assert_eq!(statuses, (200, 200, 200, 200));
        let client = get(&app, &path).await.ok();
        assert_eq!(client["client_metadata"].as_object().unwrap().len(), 4);
    }
}

#[tokio::test]
async fn fields_choose_what_is_answered() {
    for (_, app) in each_backend().await {
        let id = id_of(&app.add_client(json!({})).await);
        let one = get(&app, &format!("/clients/{id}?fields=client_id,name")).await.ok();
        assert_eq!(one, json!({ "client_id": id, "name": "App" }));
        let path = format!("/clients/{id}?fields=client_secret,callbacks&include_fields=false");
        let rest = get(&app, &path).await.ok();
        assert!(rest.get("client_secret").is_none() && rest.get("callbacks").is_none());
        assert_eq!(rest["name"], "App");
    }
}

#[tokio::test]
async fn what_was_read_can_be_written_back_as_deploy_tools_do() {
    for (_, app) in each_backend().await {
        let world = app.world().await;
        let path = format!("/clients/{}", world.client_id);
        let client = get(&app, &path).await.ok();
        let mut body = client.clone();
        let members = body.as_object_mut().unwrap();
        // These the tools leave out.
        for name in ["client_id", "tenant", "global", "callback_url_template", "cross_origin_auth"]
        {
            members.remove(name).unwrap();
        }
        assert_eq!(patch(&app, &path, body).await.ok(), client);

        let path = format!("/resource-servers/{}", world.messages_id);
        let api = get(&app, &path).await.ok();
        let mut body = api.clone();
        for name in ["id", "identifier", "is_system"] {
            body.as_object_mut().unwrap().remove(name).unwrap();
        }
        assert_eq!(patch(&app, &path, body).await.ok(), api);
    }
}

#[tokio::test]
async fn tools_find_the_global_client_which_no_login_and_no_grant_knows() {
    for (_, app) in each_backend().await {
        let own = app.add_client(json!({ "name": "Own" })).await;
        let query = "/clients?is_global=true&page=0&per_page=50&include_totals=true";
        let global = get(&app, query).await.ok();
        assert_eq!(global["total"], 1);
        let global = &global["clients"][0];
        assert_eq!(
            (&global["name"], &global["global"]),
            (&json!("All Applications"), &json!(true))
        );
        let id = global["client_id"].as_str().unwrap();
        assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_alphanumeric()), "{id}");

        let names = async |query: &str| {
            let list = get(&app, query).await.ok();
            let names =
                list.as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap().to_owned());
            names.collect::<Vec<_>>()
        };
        assert!(names("/clients").await.contains(&"All Applications".to_owned()));
        let others = names("/clients?is_global=false").await;
        assert!(others.contains(&"Own".to_owned()), "{others:?}");
        assert!(!others.contains(&"All Applications".to_owned()), "{others:?}");

        let path = format!("/clients/{id}");
        let page = json!({ "custom_login_page": "<html></html>", "custom_login_page_on": false });
        let changed = patch(&app, &path, page.clone()).await.ok();
        assert_eq!(changed["custom_login_page"], page["custom_login_page"]);
        assert_eq!(get(&app, &path).await.ok()["custom_login_page_on"], false);
        let answer = delete(&app, &path).await;
        assert_eq!(refused(&answer), (400, "operation_not_supported".to_owned()));
        assert_eq!(answer.text_of("message"), "Global client cannot be deleted.");

        // With a secret it would otherwise be an application like any other.
        let secret = post(&app, &format!("{path}/rotate-secret"), json!({})).await.ok();
        let own = own["client_id"].as_str().unwrap();
        let ask = async |id: &str, secret: &str| {
            let form = [
                ("grant_type", "client_credentials"),
                ("client_id", id),
                ("client_secret", secret),
            ];
            app.send(app.http.post(app.url("oauth/token")).form(&form)).await
        };
        let unknown = ask("nobody", "x").await;
        let answer = ask(id, secret["client_secret"].as_str().unwrap()).await;
        assert_eq!((answer.status, answer.json()), (unknown.status, unknown.json()));
        let login = app
            .send(app.http.get(app.url(&format!("authorize?client_id={id}&response_type=code"))))
            .await;
        let nobody =
            app.send(app.http.get(app.url("authorize?client_id=nobody&response_type=code"))).await;
        assert_eq!(login.status, nobody.status);
        let known = app
            .send(app.http.get(app.url(&format!("authorize?client_id={own}&response_type=code"))))
            .await;
        assert_ne!(known.text, nobody.text);
    }
}

#[tokio::test]
async fn a_client_is_found_by_a_part_of_its_name_or_the_beginning_of_its_id() {
    for (backend, app) in each_backend().await {
        let mut ids = Vec::new();
        for name in ["Ärzte portal", "100% portal", "Shop_1", "Shop-1"] {
            let client = app.add_client(json!({ "name": name })).await;
            ids.push(text(&client, "client_id").to_owned());
        }
        let start = &ids[3][..12];
        for (search, expected) in [
            ("ärzte", vec!["Ärzte portal"]),
            ("ÄRZTE", vec!["Ärzte portal"]),
            (" PORTAL ", vec!["Ärzte portal", "100% portal"]),
            ("0%", vec!["100% portal"]),
            ("p_1", vec!["Shop_1"]),
            ("!", vec![]),
            ("'", vec![]),
            (start, vec!["Shop-1"]),
            (&ids[0], vec!["Ärzte portal"]),
            (&ids[0][1..], vec![]),
        ] {
            let query = format!("search={}&include_totals=true&per_page=1", segment(search));
            let first = get(&app, &format!("/clients?{query}")).await.ok();
            assert_eq!(first["total"], expected.len(), "{backend} {search}");
            let by_page = get(&app, &format!("/clients?search={}", segment(search))).await.ok();
            let names: Vec<_> =
                by_page.as_array().unwrap().iter().map(|c| text(c, "name")).collect();
            assert_eq!(names, expected, "{backend} {search}");
            let by_cursor = format!("/clients?take=50&search={}", segment(search));
            let by_cursor = get(&app, &by_cursor).await.ok();
            let found = by_cursor["clients"].as_array().unwrap();
            assert_eq!(found.len(), expected.len(), "{backend} {search}");
        }
        let renamed = format!("/clients/{}", ids[0]);
        patch(&app, &renamed, json!({ "name": "Åland" })).await.ok();
        let found = get(&app, &format!("/clients?search={}", segment("åLAND"))).await.ok();
        assert_eq!(found[0]["client_id"], ids[0].as_str(), "{backend}");
        let combined = get(&app, "/clients?search=shop&app_type=native").await.ok();
        assert_eq!(combined, json!([]), "{backend}");
        // Blank is none.
        assert!(get(&app, "/clients?search=%20").await.ok().as_array().unwrap().len() > 4);
        let long = get(&app, &format!("/clients?search={}", "x".repeat(256))).await;
        assert_eq!(refused(&long), (400, "invalid_query_string".into()), "{backend}");
        let twice = get(&app, "/clients?search=a&search=b").await;
        assert_eq!(refused(&twice), (400, "invalid_query_string".into()), "{backend}");
    }
}
