//! `/resource-servers`

use serde_json::json;

use super::{delete, get, invalid_body, patch, post, refused, segment};
use crate::support::{TestApp, each_backend, fixtures::text};

#[tokio::test]
async fn a_minimal_api_is_created_with_the_defaults() {
    for (_, app) in each_backend().await {
        let body = json!({ "identifier": "https://api.example/" });
        let mut api = TestApp::created(&post(&app, "/resource-servers", body).await);
        let id = api["id"].take();
        let id = id.as_str().unwrap();
        assert!(id.len() == 24 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
        assert_eq!(
            api,
            json!({
                "id": null, "identifier": "https://api.example/", "is_system": false,
                "signing_alg": "RS256", "token_lifetime": 86400, "token_lifetime_for_web": 7200,
                "allow_offline_access": false,
                "skip_consent_for_verifiable_first_party_clients": true,
                "subject_type_authorization": {
                    "client": { "policy": "require_client_grant" },
                    "user": { "policy": "allow_all" },
                },
            })
        );
    }
}

#[tokio::test]
async fn an_api_is_reached_by_its_id_and_by_its_encoded_identifier() {
    for (_, app) in each_backend().await {
        for identifier in ["https://api.example/v1/", "urn:x:ä b?c#d%2F", "plain"] {
            let api = app.add_api(identifier, &["read"], json!({})).await;
            let path = format!("/resource-servers/{}", api["id"].as_str().unwrap());
            assert_eq!(get(&app, &path).await.ok(), api);
            let path = format!("/resource-servers/{}", segment(identifier));
            assert_eq!(get(&app, &path).await.ok(), api, "{identifier}");
            let patched = patch(&app, &path, json!({ "name": "Renamed" })).await.ok();
            assert_eq!(patched["name"], "Renamed");
            assert_eq!(delete(&app, &path).await.status, 204);
            let missing = (404, "inexistent_resource_server".to_owned());
            assert_eq!(refused(&get(&app, &path).await), missing);
            assert_eq!(delete(&app, &path).await.status, 204);
        }
        // As the Go SDK encodes it.
        app.add_api("https://mrrt", &[], json!({})).await;
        let read = get(&app, "/resource-servers/https:%2F%2Fmrrt").await.ok();
        assert_eq!(read["identifier"], "https://mrrt");
        // Unencoded it is a path of its own.
        assert_eq!(get(&app, "/resource-servers/https://mrrt").await.status, 404);
    }
}

#[tokio::test]
async fn a_patch_replaces_whole_members_and_removes_with_null() {
    for (_, app) in each_backend().await {
        let more = json!({
            "proof_of_possession": { "mechanism": "dpop", "required": false, "required_for": "all_clients" },
            "subject_type_authorization": { "client": { "policy": "deny_all" } },
            "authorization_details": [{ "type": "payment" }],
        });
        let api = app.add_api("https://api", &["a", "b"], more).await;
        let access =
            json!({ "client": { "policy": "deny_all" }, "user": { "policy": "allow_all" } });
        assert_eq!(api["subject_type_authorization"], access);
        let path = format!("/resource-servers/{}", api["id"].as_str().unwrap());
        let patched = patch(
            &app,
            &path,
            json!({
                "scopes": [{ "value": "c", "description": "Sea" }],
                "proof_of_possession": { "mechanism": "dpop", "required": false },
                "authorization_details": null, "token_lifetime": 60, "enforce_policies": true,
                "subject_type_authorization": { "user": { "policy": "require_client_grant" } },
            }),
        )
        .await
        .ok();
        assert_eq!(patched["scopes"], json!([{ "value": "c", "description": "Sea" }]));
        assert_eq!(
            patched["proof_of_possession"],
            json!({ "mechanism": "dpop", "required": false })
        );
        assert!(patched.get("authorization_details").is_none());
        assert_eq!(patched["token_lifetime_for_web"], 60, "it cannot outlive token_lifetime");
        let access = json!({
            "client": { "policy": "deny_all" }, "user": { "policy": "require_client_grant" },
        });
        assert_eq!(patched["subject_type_authorization"], access, "the client half stays closed");
        assert_eq!(get(&app, &path).await.ok(), patched);
        let emptied = patch(&app, &path, json!({ "scopes": [] })).await.ok();
        assert_eq!(emptied["scopes"], json!([]));
    }
}

#[tokio::test]
async fn apis_that_cannot_be_are_refused() {
    for (_, app) in each_backend().await {
        let with = |more: serde_json::Value| {
            let mut body = json!({ "identifier": "https://api" });
            for (name, value) in more.as_object().unwrap() {
                body[name] = value.clone();
            }
            body
        };
        for (body, about) in [
            (json!({ "name": "x" }), "Missing required property: identifier"),
            (json!({ "identifier": "" }), "String is too short (0 chars), minimum 1"),
            (
                json!({ "identifier": "x".repeat(601) }),
                "String is too long (601 chars), maximum 600",
            ),
            (
                json!({ "identifier": format!("{}api/v3/", app.issuer) }),
                "The selected identifier is reserved.",
            ),
            (
                json!({ "identifier": "0123456789abcdef01234567" }),
                "The selected identifier is reserved.",
            ),
            (with(json!({ "signing_alg": "none" })), "No enum match for: none"),
            (with(json!({ "signing_secret": "0123456789abcdef" })), "whose signing_alg is HS256"),
            (
                with(json!({ "signing_alg": "HS256", "signing_secret": "0123456789abcde" })),
                "signing_secret",
            ),
            (
                with(json!({ "scopes": [{ "description": "d" }] })),
                "Missing required property: value",
            ),
            (with(json!({ "scopes": [{ "value": "a b" }] })), "String does not match pattern"),
            (with(json!({ "scopes": [{ "value": "a" }, { "value": "a" }] })), "listed twice"),
            (with(json!({ "token_lifetime": 2_592_001 })), "greater than maximum 2592000"),
            (
                with(json!({ "token_lifetime": 60, "token_lifetime_for_web": 61 })),
                "token_lifetime_for_web",
            ),
            (with(json!({ "token_dialect": "jwt" })), "No enum match for: jwt"),
            (
                with(json!({ "proof_of_possession": { "required": true } })),
                "Missing required property: mechanism",
            ),
            (with(json!({ "is_system": true })), "Additional properties not allowed: is_system"),
        ] {
            let answer = post(&app, "/resource-servers", body.clone()).await;
            assert_eq!(refused(&answer), (400, "invalid_body".to_owned()), "{body}");
            assert!(answer.text_of("message").contains(about), "{}", answer.text);
        }
        app.add_api("https://api", &[], json!({})).await;
        let answer = post(&app, "/resource-servers", json!({ "identifier": "https://api" })).await;
        assert_eq!(refused(&answer).0, 409);
        assert_eq!(
            answer.text_of("message"),
            "A resource server with the same identifier already exists."
        );
        let path = format!("/resource-servers/{}", segment("https://api"));
        invalid_body(
            &patch(&app, &path, json!({ "identifier": "https://other" })).await,
            "Payload validation error: 'Additional properties not allowed: identifier'.",
        );
    }
}

#[tokio::test]
async fn the_management_api_itself_can_be_read_and_not_changed() {
    for (_, app) in each_backend().await {
        let path = format!("/resource-servers/{}", segment(&format!("{}api/v2/", app.issuer)));
        let api = get(&app, &path).await.ok();
        assert_eq!(api["name"], "Auth0 Management API");
        assert_eq!(api["is_system"], true);
        let answer = patch(&app, &path, json!({ "token_lifetime": 1 })).await;
        assert_eq!(refused(&answer).0, 400);
        assert_eq!(answer.text_of("message"), "System resource servers cannot be patched.");
        let answer = delete(&app, &path).await;
        assert_eq!(refused(&answer).0, 400);
        assert_eq!(answer.text_of("message"), "System resource servers cannot be deleted.");
    }
}

#[tokio::test]
async fn deleting_an_api_takes_its_grants_and_permissions_with_it() {
    for (_, app) in each_backend().await {
        let client = app.add_client(json!({})).await;
        let api = app.add_api("https://api", &["a"], json!({})).await;
        let user = app.add_user("ada@example.com", "secret").await;
        let grant =
            json!({ "client_id": client["client_id"], "audience": "https://api", "scope": ["a"] });
        TestApp::created(&post(&app, "/client-grants", grant).await);
        let permissions =
            format!("/users/{}/permissions", segment(user["user_id"].as_str().unwrap()));
        let permission = json!({ "permissions": [
            { "resource_server_identifier": "https://api", "permission_name": "a" },
        ]});
        TestApp::created(&post(&app, &permissions, permission).await);

        let path = format!("/resource-servers/{}", api["id"].as_str().unwrap());
        assert_eq!(delete(&app, &path).await.status, 204);
        assert_eq!(get(&app, "/client-grants?audience=https://api").await.ok(), json!([]));
        assert_eq!(get(&app, &permissions).await.ok(), json!([]));
    }
}

#[tokio::test]
async fn a_protection_that_would_not_be_given_is_refused() {
    for (_, app) in each_backend().await {
        let api = app.add_api("https://api", &["a"], json!({})).await;
        let api = format!("/resource-servers/{}", api["id"].as_str().unwrap());
        let client = app.add_client(json!({})).await;
        let client = format!("/clients/{}", client["client_id"].as_str().unwrap());
        let keys = json!({ "credentials": [{ "id": "cred_1" }] });
        for (path, body) in [
            (&api, json!({ "proof_of_possession": { "mechanism": "mtls", "required": true } })),
            (&api, json!({ "consent_policy": "transactional-authorization-with-mfa" })),
            (&client, json!({ "client_authentication_methods": { "tls_client_auth": keys } })),
            (
                &client,
                json!({ "client_authentication_methods": { "self_signed_tls_client_auth": keys } }),
            ),
            (&client, json!({ "compliance_level": "fapi2_sp_pkj_mtls" })),
        ] {
            let answer = patch(&app, path, body.clone()).await;
            assert_eq!(answer.status, 400, "{body}");
            assert_eq!(answer.json()["errorCode"], "invalid_body", "{body}");
            let name = body.as_object().unwrap().keys().next().unwrap().clone();
            assert!(answer.text.contains(&name), "{body}: {}", answer.text);
        }
        patch(&app, &client, json!({ "require_proof_of_possession": true })).await.ok();
        let dpop = json!({ "proof_of_possession": { "mechanism": "dpop", "required": true } });
        patch(&app, &api, dpop).await.ok();
    }
}

#[tokio::test]
async fn an_api_is_found_by_a_part_of_its_name_or_identifier() {
    for (backend, app) in each_backend().await {
        app.add_api("https://Orders.example/v_1", &[], json!({ "name": "Große Orders" })).await;
        app.add_api("https://billing.example", &[], json!({ "name": "Billing" })).await;
        for (search, expected) in [
            ("orders", vec!["Große Orders"]),
            ("GROSSE", vec![]),
            ("GROßE", vec!["Große Orders"]),
            ("ING.EX", vec!["Billing"]),
            ("v_1", vec!["Große Orders"]),
            ("i_l", vec![]),
            ("%", vec![]),
        ] {
            let path = format!("/resource-servers?search={}", segment(search));
            let found = get(&app, &format!("{path}&include_totals=true")).await.ok();
            assert_eq!(found["total"], expected.len(), "{backend} {search}");
            let found = found["resource_servers"].as_array().unwrap().iter();
            let names: Vec<_> = found.map(|api| text(api, "name")).collect();
            assert_eq!(names, expected, "{backend} {search}");
        }
        let both = get(&app, "/resource-servers?search=a&identifiers=b").await;
        assert_eq!(refused(&both), (400, "invalid_query_string".into()), "{backend}");
        let long = get(&app, &format!("/resource-servers?search={}", "x".repeat(256))).await;
        assert_eq!(refused(&long), (400, "invalid_query_string".into()), "{backend}");
    }
}
