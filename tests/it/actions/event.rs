//! What Actions are told.

use doorward::crypto::digest;
use doorward::domain::action::Trigger::PostLogin;
use serde_json::{Value, json};

use crate::support::{
    TestApp,
    browser::Browser,
    each_backend,
    fixtures::{
        BILLING, EMAIL, LOGIN_SCOPE, MESSAGES, PASSWORD, VERIFIER, World, authorize_query, text,
    },
    payload,
};

/// Puts the whole event into the access token.
const DUMP: &str = "exports.onExecutePostLogin = async (event, api) => {
    api.accessToken.setCustomClaim('event', JSON.parse(JSON.stringify(event)));
};";

/// What the script of a login with these parameters is told.
async fn told(
    app: &TestApp,
    browser: &mut Browser<'_>,
    world: &World,
    more: &[(&str, &str)],
) -> Value {
    let code = app.code_for(browser, world, more).await;
    let tokens = app.exchange_code(world, &code).await.ok();
    payload(text(&tokens, "access_token"))["event"].clone()
}

#[tokio::test]
async fn an_event_tells_who_logs_in_where_and_how() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let metadata = json!({ "client_metadata": { "tier": "one" }, "name": "The app" });
        app.patch_client(&world.client_id, metadata).await;
        let user = format!("/users/{}", world.user_id);
        let edit = json!({
            "given_name": "Ada", "nickname": "ada", "user_metadata": { "theme": "dark" },
            "app_metadata": { "plan": "gold" },
        });
        app.management("PATCH", &user, Some(edit)).await.ok();
        let role = json!({ "name": "editor", "description": "edits" });
        let role = app.management("POST", "/roles", Some(role)).await.ok();
        let roles = json!({ "roles": [role["id"]] });
        app.management("POST", &format!("{user}/roles"), Some(roles)).await;
        let secrets = [("KEY", "s3cr3t-value")];
        app.bind_action_with(PostLogin, "dump", DUMP, &secrets, None).await;

        let mut browser = Browser::new(&app);
        let more = [
            ("audience", MESSAGES),
            ("scope", LOGIN_SCOPE),
            ("login_hint", "ada"),
            ("ui_locales", "en ja"),
            ("acr_values", "one two"),
            ("ext", "custom"),
        ];
        let event = told(&app, &mut browser, &world, &more).await;
        let client = &event["client"];
        assert_eq!(client["client_id"], world.client_id.as_str(), "{backend}");
        assert_eq!(
            (&client["name"], &client["metadata"]["tier"]),
            (&json!("The app"), &json!("one"))
        );
        assert_eq!(client["refresh_token"]["policies"][0]["audience"], MESSAGES);
        assert_eq!(client["refresh_token"]["policies"][0]["scope"], json!(["write:messages"]));
        let user = &event["user"];
        assert_eq!(user["user_id"], world.user_id.as_str());
        assert_eq!((&user["email"], &user["email_verified"]), (&json!(EMAIL), &json!(false)));
        assert_eq!((&user["given_name"], &user["nickname"]), (&json!("Ada"), &json!("ada")));
        assert_eq!(user["app_metadata"], json!({ "plan": "gold" }));
        assert_eq!(user["user_metadata"], json!({ "theme": "dark" }));
        assert_eq!(user["identities"][0]["connection"], "Username-Password-Authentication");
        assert!(user["created_at"].as_str().unwrap().ends_with('Z'));
        assert_eq!(event["authorization"]["roles"], json!(["editor"]));
        assert_eq!(event["authentication"]["methods"][0]["name"], "pwd");
        assert_eq!(event["connection"]["strategy"], "auth0");
        assert_eq!(event["resource_server"], json!({ "identifier": MESSAGES }));
        assert_eq!(event["stats"], json!({ "logins_count": 1 }));
        assert_eq!(event["tenant"]["id"], app.inner.settings.tenant_name.as_str());
        let transaction = &event["transaction"];
        assert_eq!(transaction["protocol"], "oidc-basic-profile");
        assert_eq!(
            transaction["requested_scopes"],
            json!(["openid", "profile", "offline_access", "read:messages"])
        );
        assert_eq!(transaction["response_type"], json!(["code"]));
        assert_eq!(transaction["response_mode"], "query");
        assert_eq!(transaction["state"], "a+b/c=");
        assert_eq!(transaction["login_hint"], "ada");
        assert_eq!(transaction["ui_locales"], json!(["en", "ja"]));
        assert_eq!(transaction["acr_values"], json!(["one", "two"]));
        assert_eq!((&transaction["prompt"], &transaction["metadata"]), (&json!([]), &json!({})));
        let request = &event["request"];
        assert_eq!(
            (&request["ip"], &request["hostname"]),
            (&json!("127.0.0.1"), &json!("127.0.0.1"))
        );
        assert_eq!((&request["query"]["ext"], &request["body"]), (&json!("custom"), &json!({})));
        assert_eq!(request["query"]["scope"], LOGIN_SCOPE);
        let session = &event["session"];
        assert_eq!(session["user_id"], world.user_id.as_str());
        assert_eq!(session["cookie"], json!({ "mode": "persistent" }));
        assert_eq!(event["secrets"], json!({ "KEY": "s3cr3t-value" }));
        for absent in ["refresh_token", "organization", "agent", "custom_domain", "prompt"] {
            assert!(event.get(absent).is_none(), "{absent}");
        }

        // The next login of the session knows where it has been.
        let event = told(&app, &mut browser, &world, &[("audience", MESSAGES)]).await;
        let clients = &event["session"]["clients"];
        assert_eq!(clients, &json!([{ "client_id": world.client_id }]));
        assert_eq!(event["stats"], json!({ "logins_count": 1 }));
        assert!(event["transaction"].get("login_hint").is_none());
    }
}

#[tokio::test]
async fn no_secret_of_the_flow_enters_an_event() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        app.bind_action(PostLogin, "dump", DUMP).await;
        let mut browser = Browser::new(&app);
        let tokens = {
            let code = app.code_for(&mut browser, &world, &[("scope", LOGIN_SCOPE)]).await;
            app.exchange_code(&world, &code).await.ok()
        };
        let hint = text(&tokens, "id_token");
        let more = [("audience", MESSAGES), ("id_token_hint", hint), ("prompt", "login")];
        let query =
            [("client_secret", "Squeamish"), ("password", "Ossifrage"), ("x_secret", "Words")];
        let more = [&more[..], &query[..]].concat();
        let challenge = digest::s256_challenge(VERIFIER);
        let query = authorize_query(&world.client_id, &challenge, &more);
        let landed = browser.log_in(&query, EMAIL, PASSWORD).await.application();
        let exchanged = app.exchange_code(&world, &landed["code"]).await.ok();
        let event = payload(text(&exchanged, "access_token"))["event"].to_string();
        for secret in [
            hint,
            PASSWORD,
            &landed["code"],
            VERIFIER,
            &world.client_secret,
            "Squeamish",
            "Ossifrage",
            "Words",
            &browser.cookies["doorward_session"],
            &browser.cookies["doorward_browser"],
        ] {
            assert!(!event.contains(secret), "{backend}: {secret} in {event}");
        }
    }
}

#[tokio::test]
async fn an_exchange_tells_of_the_refresh_token_and_its_session() {
    for (backend, app) in each_backend().await {
        let world = app.world().await;
        let asked = [("audience", MESSAGES), ("scope", LOGIN_SCOPE)];
        let mut browser = Browser::new(&app);
        let code = app.code_for(&mut browser, &world, &asked).await;
        let tokens = app.exchange_code(&world, &code).await.ok();
        app.bind_action(PostLogin, "dump", DUMP).await;
        let token = text(&tokens, "refresh_token");
        let more = [("audience", BILLING), ("ext", "7")];
        let refreshed = app.refresh(&world, token, &more).await.ok();
        let event = payload(text(&refreshed, "access_token"))["event"].clone();
        assert_eq!(event["resource_server"]["identifier"], BILLING, "{backend}");
        assert_eq!(event["transaction"]["protocol"], "oauth2-refresh-token");
        assert_eq!(event["request"]["method"], "POST");
        let body = json!({
            "grant_type": "refresh_token", "client_id": world.client_id, "audience": BILLING,
            "ext": "7",
        });
        assert_eq!(event["request"]["body"], body);
        assert_eq!(event["session"]["user_id"], world.user_id.as_str());
        assert_eq!(event["refresh_token"]["session_id"], event["session"]["id"]);
        assert_eq!(event["refresh_token"]["rotating"], true);
        assert_eq!(event["refresh_token"]["device"]["initial_ip"], "127.0.0.1");
        assert_eq!(event["stats"]["logins_count"], 1);
        for secret in [token, text(&refreshed, "refresh_token"), text(&tokens, "access_token")] {
            assert!(!event.to_string().contains(secret), "{event}");
        }
        // Without the browser there is no session to tell of.
        browser.visit("v2/logout", &[("client_id", &world.client_id)]).await;
        let token = text(&refreshed, "refresh_token");
        let refreshed = app.refresh(&world, token, &[]).await.ok();
        let event = payload(text(&refreshed, "access_token"))["event"].clone();
        assert!(event.get("session").is_none(), "{event}");
        assert!(event["transaction"].get("redirect_uri").is_none());
    }
}
