//! `/custom-domains`: there are none.

use serde_json::json;

use super::{get, refused};
use crate::support::each_backend;

#[tokio::test]
async fn there_are_none_in_the_envelope_that_is_asked_for() {
    for (backend, app) in each_backend().await {
        for (query, expected) in [
            ("", json!([])),
            ("?per_page=50&include_totals=true", json!([])),
            ("?fields=domain&include_fields=true&sort=domain:1", json!([])),
            ("?take=50", json!({ "custom_domains": [] })),
            ("?take=50&include_totals=true", json!({ "custom_domains": [] })),
            ("?q=status:ready", json!({ "custom_domains": [] })),
        ] {
            let answer = get(&app, &format!("/custom-domains{query}")).await;
            assert_eq!(answer.ok(), expected, "{backend} {query}");
        }
        for bad in ["?take=0", "?take=101", "?x=1", "?from=x"] {
            let answer = get(&app, &format!("/custom-domains{bad}")).await;
            assert_eq!(refused(&answer), (400, "invalid_query_string".to_owned()), "{bad}");
        }
        assert_eq!(get(&app, "/custom-domains/x").await.status, 403, "{backend}");
    }
}
