//! `/actions`: there are none, which tools must be able to read.

use serde_json::json;

use super::{get, refused};
use crate::support::each_backend;

#[tokio::test]
async fn there_are_no_actions_and_their_envelope_leaves_out_what_is_zero() {
    for (_, app) in each_backend().await {
        let list = async |query: &str| get(&app, &format!("/actions/actions{query}")).await;
        assert_eq!(list("").await.ok(), json!({ "actions": [], "per_page": 50 }));
        let page = list("?page=2&per_page=100&triggerId=post-login").await.ok();
        assert_eq!(page, json!({ "actions": [], "page": 2, "per_page": 100 }));
        for query in ["?include_totals=true", "?per_page=101", "?page=-1"] {
            let answer = list(query).await;
            assert_eq!(refused(&answer), (400, "invalid_query_string".to_owned()), "{query}");
        }
        // What runs or changes one is not there.
        let triggers = get(&app, "/actions/triggers").await;
        assert_eq!(refused(&triggers), (403, "insufficient_scope".to_owned()));
    }
}
