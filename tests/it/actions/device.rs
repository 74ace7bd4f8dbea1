//! Post-login at the poll of a device that would be granted.

use doorward::domain::action::Trigger::PostLogin;
use serde_json::{Value, json};

use crate::support::{
    Answer, TestApp,
    browser::Browser,
    each_backend,
    fixtures::{EMAIL, LOGIN_SCOPE, MESSAGES, PASSWORD, World, text},
    payload,
};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn world(app: &TestApp) -> World {
    let grants = [GRANT, "refresh_token", "authorization_code"];
    app.world_with(json!({ "app_type": "native", "grant_types": grants }), json!({})).await
}

/// Codes that a person has said yes to.
async fn confirmed(app: &TestApp, world: &World) -> Value {
    let form =
        [("client_id", world.client_id.as_str()), ("scope", LOGIN_SCOPE), ("audience", MESSAGES)];
    let codes = app.post_form("oauth/device/code", &form).await.ok();
    let mut browser = Browser::new(app);
    let user_code = [("user_code", text(&codes, "user_code"))];
    let page = browser.post("activate", &user_code).await.page();
    let fields = [("username", EMAIL), ("password", PASSWORD)];
    let page = browser.submit(&page, &fields).await.page();
    browser.submit(&page, &[("action", "confirm")]).await.page();
    codes
}

async fn poll(app: &TestApp, world: &World, codes: &Value) -> Answer {
    app.token(&[
        ("grant_type", GRANT),
        ("client_id", world.client_id.as_str()),
        ("device_code", text(codes, "device_code")),
    ])
    .await
}

#[tokio::test]
async fn a_refused_device_keeps_its_code_until_it_is_let_in() {
    for (backend, app) in each_backend().await {
        let world = world(&app).await;
        let codes = confirmed(&app, &world).await;
        let deny = "exports.onExecutePostLogin = async (event, api) => {
            api.user.setAppMetadata('refused', event.transaction.protocol);
            api.access.deny('no televisions');
        };";
        let id = app.bind_action(PostLogin, "deny", deny).await;
        let refused = poll(&app, &world, &codes).await;
        assert_eq!(refused.error(), (403, "access_denied".into()), "{backend}");
        assert_eq!(refused.text_of("error_description"), "no televisions");
        app.unbind_action(&id).await;

        let away = "exports.onExecutePostLogin = async (event, api) => {
            if (!api.redirect.canRedirect()) api.redirect.sendUserTo('https://kyc.example/');
        };";
        let id = app.bind_action(PostLogin, "away", away).await;
        let refused = poll(&app, &world, &codes).await;
        assert_eq!(refused.error(), (403, "interaction_required".into()), "{backend}");
        app.unbind_action(&id).await;

        let claim = "exports.onExecutePostLogin = async (event, api) => {
            api.accessToken.setCustomClaim('seen', [event.transaction.protocol, typeof event.session]);
            api.idToken.setCustomClaim('color', 'blue');
            api.accessToken.addScope('write:messages');
            api.accessToken.setCustomClaim('body', event.request.body);
        };";
        app.bind_action(PostLogin, "claim", claim).await;
        let tokens = poll(&app, &world, &codes).await.ok();
        let access = payload(text(&tokens, "access_token"));
        assert_eq!(access["seen"], json!(["oauth2-device-code", "undefined"]), "{backend}");
        assert_eq!(access["body"], json!({ "grant_type": GRANT, "client_id": world.client_id }));
        assert_eq!(payload(text(&tokens, "id_token"))["color"], "blue");
        assert_eq!(tokens["scope"], format!("{LOGIN_SCOPE} write:messages"));
        assert_eq!(poll(&app, &world, &codes).await.status, 400, "once");
        let user = app.management("GET", &format!("/users/{}", world.user_id), None).await.ok();
        assert_eq!(user["app_metadata"], json!({ "refused": "oauth2-device-code" }));
    }
}
