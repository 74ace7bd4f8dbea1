//! A long life costs no more than a short one.

use std::time::Duration;

use serde_json::json;

use super::{Witness, family_id, generation, is_refused, log_in_as, password_client, size};
use crate::support::{TestApp, each_backend, fixtures::*};

const REPLAYS: usize = 100;

/// The bytes of the one family's row; numbers count the same whatever they are.
fn row_size(app: &TestApp) -> String {
    let columns = "id client_id user_id session_id organization_id audience scope login_grant amr \
                   salt revoked_by";
    if app.database_url.starts_with("sqlite:") {
        let lengths: Vec<_> = columns
            .split_whitespace()
            .map(|column| format!("COALESCE(LENGTH(CAST({column} AS BLOB)), 0)"))
            .collect();
        format!("SELECT {} FROM refresh_token_family", lengths.join(" + "))
    } else {
        "SELECT pg_column_size(f.*)::bigint FROM refresh_token_family f".to_owned()
    }
}

async fn statistic(raw: &mut Witness, column: &str) -> i64 {
    let sql = format!(
        "SELECT COALESCE(SUM({column}), 0)::bigint FROM pg_stat_user_tables \
         WHERE schemaname = current_schema() AND relname = 'refresh_token_family'"
    );
    raw.number(sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rotations_take_no_room_and_many_replays_write_once() {
    let rotations = size("DOORWARD_PROOF_ROTATIONS", 300);
    for (backend, app) in each_backend().await {
        let forever = json!({
            "infinite_token_lifetime": true, "infinite_idle_token_lifetime": true,
        });
        let world = app.world_with(password_client(), forever).await;
        let first = log_in_as(&app, &world, EMAIL).await;
        let mut current = app.refresh(&world, &first, &[]).await.text_of("refresh_token");

        let mut raw = Witness::of(&app).await;
        let rows = raw.row_counts().await;
        let row = raw.number(row_size(&app)).await;
        for i in 1..rotations {
            let audience = [MESSAGES, BILLING][usize::try_from(i % 2).unwrap()];
            let answer = app.refresh(&world, &current, &[("audience", audience)]).await;
            current = answer.text_of("refresh_token");
        }
        assert_eq!(u64::from(generation(&app, &current)), rotations, "{backend}");
        assert_eq!(raw.row_counts().await, rows, "{backend}: rows after {rotations} rotations");
        assert_eq!(raw.number(row_size(&app)).await, row, "{backend}: the size of the row");

        // Whoever stops reports the statistics of its connections.
        app.inner.store.close().await;
        let app = app.another_node().await;
        if backend == "postgres" {
            let mut updates = 0;
            for _ in 0..600 {
                updates = statistic(&mut raw, "n_tup_upd").await;
                if updates >= i64::try_from(rotations).unwrap() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let hot = statistic(&mut raw, "n_tup_hot_upd").await;
            eprintln!("{backend}: {updates} updates, {hot} of them HOT");
            assert_eq!(updates, i64::try_from(rotations).unwrap(), "one update a rotation");
            // Where another session holds old versions back, a full page now and then is left.
            assert!(hot * 10 >= updates * 9, "{hot} of {updates} are HOT");
        }

        is_refused(&app.refresh(&world, &first, &[]).await, "the first replay");
        let (rows, mark) = (raw.row_counts().await, raw.mark().await);
        for i in 1..REPLAYS {
            let audience = [MESSAGES, BILLING, "https://nobody.example.com"][i % 3];
            let answer = app.refresh(&world, &first, &[("audience", audience)]).await;
            is_refused(&answer, "a replay");
        }
        assert_eq!(raw.mark().await, mark, "{backend}: the replays after the first write nothing");
        assert_eq!(raw.row_counts().await, rows, "{backend}");
        assert_eq!(raw.events("ferrt").await, 1, "{backend}: one event");
        is_refused(&app.refresh(&world, &current, &[]).await, "the family is dead");
        let id = family_id(&app, &current);
        assert!(super::family(&app, &id).await.revoked_at.is_some(), "{backend}");
        eprintln!("{backend}: {rotations} rotations, {REPLAYS} replays, a row of {row} bytes");
    }
}
