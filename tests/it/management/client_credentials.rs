//! `/clients/{id}/credentials`: public keys of applications.

use serde_json::{Value, json};

use super::{delete, get, patch, post, refused};
use crate::support::{TestApp, each_backend, fixtures::text, signer::*};

fn key(more: Value) -> Value {
    let mut key = json!({ "credential_type": "public_key", "pem": signer().pem });
    for (name, value) in more.as_object().unwrap() {
        key[name] = value.clone();
    }
    key
}

async fn client(app: &TestApp) -> String {
    let client = app.add_client(json!({ "app_type": "regular_web" })).await;
    format!("/clients/{}", text(&client, "client_id"))
}

#[tokio::test]
async fn a_key_is_added_read_changed_and_deleted() {
    for (backend, app) in each_backend().await {
        let client = client(&app).await;
        let path = format!("{client}/credentials");
        assert_eq!(get(&app, &path).await.ok(), json!([]), "{backend}");
        let added = TestApp::created(&post(&app, &path, key(json!({ "name": "a key" }))).await);
        let members: Vec<_> = added.as_object().unwrap().keys().map(String::as_str).collect();
        let recorded = ["alg", "created_at", "credential_type", "id", "kid", "name", "updated_at"];
        assert_eq!(members, recorded, "{backend}");
        assert!(text(&added, "id").starts_with("cred_"), "{added}");
        assert_eq!(text(&added, "kid").len(), 43, "{backend}: a thumbprint (RFC 7638)");
        assert_eq!((&added["alg"], &added["name"]), (&json!("RS256"), &json!("a key")));

        let one = format!("{path}/{}", text(&added, "id"));
        assert_eq!(get(&app, &one).await.ok(), added, "{backend}");
        // SDKs ask for pages of what has none.
        let listed = get(&app, &format!("{path}?include_totals=true&per_page=50")).await.ok();
        assert_eq!(listed, json!([added]), "{backend}");

        let end = json!({ "expires_at": "2030-01-31T12:30:59.250Z" });
        let changed = patch(&app, &one, end.clone()).await.ok();
        assert_eq!(changed["expires_at"], end["expires_at"], "{backend}");
        let cleared = patch(&app, &one, json!({ "expires_at": null })).await.ok();
        assert!(cleared.get("expires_at").is_none(), "{cleared}");
        for bad in [json!({}), json!({ "name": "x" }), json!({ "expires_at": "tomorrow" })] {
            let answer = patch(&app, &one, bad.clone()).await;
            assert_eq!(refused(&answer), (400, "invalid_body".into()), "{backend} {bad}");
        }

        assert_eq!(delete(&app, &one).await.status, 204, "{backend}");
        assert_eq!(delete(&app, &one).await.status, 204, "{backend}: again");
        let missing = (404, "inexistent_credential".to_owned());
        assert_eq!(refused(&get(&app, &one).await), missing, "{backend}");
        assert_eq!(refused(&patch(&app, &one, end).await), missing, "{backend}");
        let nobody = "/clients/nobody/credentials";
        let missing = (404, "inexistent_client".to_owned());
        assert_eq!(refused(&get(&app, nobody).await), missing, "{backend}");
        assert_eq!(refused(&post(&app, nobody, key(json!({}))).await), missing, "{backend}");
        assert_eq!(delete(&app, &format!("{nobody}/x")).await.status, 204, "{backend}");
    }
}

#[tokio::test]
async fn a_certificate_gives_its_key_and_if_asked_its_end() {
    for (backend, app) in each_backend().await {
        let path = format!("{}/credentials", client(&app).await);
        let pair = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::default();
        parameters.not_after = rcgen::date_time_ymd(2031, 2, 3);
        let pem = parameters.self_signed(&pair).unwrap().pem();
        let parsed = key(json!({ "pem": pem, "parse_expiry_from_cert": true }));
        let added = TestApp::created(&post(&app, &path, parsed).await);
        assert_eq!(added["expires_at"], "2031-02-03T00:00:00.000Z", "{backend}");
        assert_eq!(added["alg"], "ES256", "{backend}");
        let plain = key(json!({ "pem": pem, "kid": "a-kid-of-mine" }));
        let added = TestApp::created(&post(&app, &path, plain).await);
        assert_eq!(added["kid"], "a-kid-of-mine", "{backend}");
        assert!(added.get("expires_at").is_none(), "{backend}");
    }
}

#[tokio::test]
async fn what_cannot_verify_an_assertion_is_refused() {
    for (backend, app) in each_backend().await {
        let path = format!("{}/credentials", client(&app).await);
        let private = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        for (change, about) in [
            (json!({ "pem": "nonsense" }), "not a PEM"),
            (json!({ "pem": "" }), "too short"),
            (json!({ "pem": "x".repeat(20_000) }), "too long"),
            (json!({ "pem": private }), "private key"),
            (json!({ "pem": p384.public_key_pem() }), "P-256"),
            (json!({ "alg": "ES256" }), "cannot be used with ES256"),
            (json!({ "alg": "HS256" }), "No enum match"),
            (json!({ "kid": "short" }), "does not match pattern"),
            (json!({ "name": "x".repeat(129) }), "too long"),
            (json!({ "expires_at": "2030-01-31" }), "date-time"),
            (json!({ "parse_expiry_from_cert": true }), "Only a certificate"),
            (
                json!({ "parse_expiry_from_cert": true, "expires_at": "2030-01-31T00:00:00Z" }),
                "cannot both",
            ),
            (json!({ "credential_type": "x509_cert" }), "public_key only"),
            (json!({ "credential_type": "other" }), "No enum match"),
            (json!({ "surprise": 1 }), "Additional properties"),
        ] {
            let answer = post(&app, &path, key(change.clone())).await;
            assert_eq!(refused(&answer), (400, "invalid_body".into()), "{backend} {change}");
            assert!(answer.text_of("message").contains(about), "{change}: {}", answer.text);
        }
        let pem = json!({ "credential_type": "public_key" });
        assert_eq!(refused(&post(&app, &path, pem).await), (400, "invalid_body".into()));
        assert_eq!(get(&app, &path).await.ok(), json!([]), "{backend}");

        TestApp::created(&post(&app, &path, key(json!({}))).await);
        let twice = post(&app, &path, key(json!({}))).await;
        assert_eq!(refused(&twice).0, 409, "{backend}: the same kid");
        for n in 1..10 {
            let kid = format!("key-number-{n}");
            TestApp::created(&post(&app, &path, key(json!({ "kid": kid }))).await);
        }
        let eleventh = post(&app, &path, key(json!({ "kid": "key-number-11" }))).await;
        assert_eq!(refused(&eleventh).0, 409, "{backend}: too many");
    }
}

#[tokio::test]
async fn a_new_client_brings_its_keys_and_an_old_one_lists_those_it_has() {
    for (backend, app) in each_backend().await {
        let methods = |credentials: Value| {
            json!({ "client_authentication_methods": {
                "private_key_jwt": { "credentials": credentials },
            }})
        };
        let mut body = methods(json!([key(json!({ "name": "first" }))]));
        body["name"] = "Signs".into();
        let created = TestApp::created(&post(&app, "/clients", body.clone()).await);
        assert!(created.get("client_secret").is_none(), "{backend}: {created}");
        let path = format!("/clients/{}", text(&created, "client_id"));
        let keys = get(&app, &format!("{path}/credentials")).await.ok();
        let listed = json!([{ "id": keys[0]["id"] }]);
        let shown = |client: &Value| {
            client["client_authentication_methods"]["private_key_jwt"]["credentials"].clone()
        };
        assert_eq!(shown(&created), listed, "{backend}: ids only");
        assert_eq!(keys[0]["name"], "first", "{backend}");
        let rotate = post(&app, &format!("{path}/rotate-secret"), json!({})).await;
        assert_eq!(refused(&rotate), (400, "operation_not_supported".into()), "{backend}");

        let second = key(json!({ "kid": "second-key-of-mine" }));
        let second = TestApp::created(&post(&app, &format!("{path}/credentials"), second).await);
        let both = json!([{ "id": keys[0]["id"] }, { "id": second["id"] }]);
        assert_eq!(shown(&patch(&app, &path, methods(both.clone())).await.ok()), both);
        let other = client(&app).await;
        for (path, bad, about) in [
            (&path, methods(json!([{ "id": "cred_unknown" }])), "no credential cred_unknown"),
            (&other, methods(both.clone()), "no credential"),
            (&path, methods(json!([key(json!({}))])), "one member id"),
            (&path, methods(json!(["x"])), "object"),
            (&path, json!({ "token_endpoint_auth_method": "client_secret_post" }), "both"),
        ] {
            let answer = patch(&app, path, bad.clone()).await;
            assert_eq!(refused(&answer), (400, "invalid_body".into()), "{backend} {bad}");
            assert!(answer.text_of("message").contains(about), "{}", answer.text);
        }
        for bad in [json!([{ "id": second["id"] }]), json!([key(json!({ "pem": "x" }))])] {
            let mut body = methods(bad);
            body["name"] = "x".into();
            assert_eq!(refused(&post(&app, "/clients", body).await).0, 400, "{backend}");
        }

        // A key that is deleted is off the list in the same moment.
        let first = format!("{path}/credentials/{}", text(&keys[0], "id"));
        assert_eq!(delete(&app, &first).await.status, 204, "{backend}");
        let left = get(&app, &path).await.ok();
        assert_eq!(shown(&left), json!([{ "id": second["id"] }]), "{backend}");

        // Back to a secret.
        let back = json!({
            "client_authentication_methods": null,
            "token_endpoint_auth_method": "client_secret_post",
        });
        patch(&app, &path, back).await.ok();
        let rotated = post(&app, &format!("{path}/rotate-secret"), json!({})).await.ok();
        assert!(rotated["client_secret"].is_string(), "{backend}");
        assert_eq!(delete(&app, &path).await.status, 204, "{backend}: with its keys");
    }
}
