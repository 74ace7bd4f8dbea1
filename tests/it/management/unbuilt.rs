//! Operations that are known and not built.

use doorward::policy::management::{OPERATIONS, unbuilt::UNBUILT};
use serde_json::json;

use super::refused;
use crate::support::each_backend;

#[tokio::test]
async fn each_refuses_a_stranger_and_lacks_a_scope_for_everybody_else() {
    for (backend, app) in each_backend().await {
        let token = app.management_token().await;
        for row in UNBUILT {
            let path = row.path.replace(['{', '}'], "");
            let method = reqwest::Method::from_bytes(row.method.as_bytes()).unwrap();
            let request = || app.http.request(method.clone(), app.url(&format!("api/v2{path}")));

            let answer = app.send(request()).await;
            assert_eq!(refused(&answer), (401, String::new()), "{backend} {row:?}");
            assert_eq!(answer.text_of("message"), "Missing authentication");
            assert_eq!(answer.header("www-authenticate"), "Bearer");

            // A body that is no JSON: it is not read.
            let answer = app.send(request().bearer_auth(token).body("{")).await;
            let expected = json!({
                "statusCode": 403,
                "error": "Forbidden",
                "message":
                    format!("Insufficient scope, expected any of: {}", row.scopes.join(",")),
                "errorCode": "insufficient_scope",
            });
            assert_eq!((answer.status, answer.json()), (403, expected), "{backend} {row:?}");
        }
    }
}

#[tokio::test]
async fn an_unknown_method_is_refused_as_everywhere() {
    for (backend, app) in each_backend().await {
        for path in ["/rules", "/custom-domains", "/keys/signing/x/revoke"] {
            assert!(
                UNBUILT.iter().chain(OPERATIONS).all(|o| (o.method, o.path) != ("PATCH", path))
            );
            let answer = app.management("PATCH", path, None).await;
            assert_eq!(refused(&answer), (405, String::new()), "{backend} {path}");
        }
    }
}
