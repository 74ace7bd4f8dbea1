//! A database that is restored from a backup knows less than the applications do.

use serde_json::json;

use super::{Witness, family, family_id, generation, is_refused, log_in_as, password_client};
use crate::support::{TestApp, each_backend, fixtures::*};

/// Keeps a copy of the database. The server is stopped.
async fn back_up(app: &TestApp, folder: &std::path::Path) {
    let mut raw = Witness::of(app).await;
    if app.database_url.starts_with("sqlite:") {
        raw.execute(format!("VACUUM INTO '{}'", folder.join("backup").display())).await;
    } else {
        for table in ["refresh_token_family", "audit"] {
            raw.execute(format!("CREATE TABLE backup_{table} AS SELECT * FROM {table}")).await;
        }
    }
}

/// Puts the copy in the place of the database. The server is stopped.
async fn restore(app: &TestApp, folder: &std::path::Path) {
    if let Some(path) = app.database_url.strip_prefix("sqlite:") {
        let path = path.trim_start_matches("//");
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{path}{suffix}"));
        }
        std::fs::copy(folder.join("backup"), path).unwrap();
        return;
    }
    let mut raw = Witness::of(app).await;
    for table in ["refresh_token_family", "audit"] {
        raw.execute(format!("DELETE FROM {table}")).await;
        raw.execute(format!("INSERT INTO {table} SELECT * FROM backup_{table}")).await;
        raw.execute(format!("DROP TABLE backup_{table}")).await;
    }
}

async fn stop_and<T>(app: TestApp, meanwhile: impl AsyncFnOnce(&TestApp) -> T) -> TestApp {
    app.inner.store.close().await;
    meanwhile(&app).await;
    app.another_node().await
}

async fn rotate(app: &TestApp, world: &World, mut token: String, times: u32) -> Vec<String> {
    let mut tokens = Vec::new();
    for i in 0..times {
        let audience = [MESSAGES, BILLING][i as usize % 2];
        let answer = app.refresh(world, &token, &[("audience", audience)]).await;
        let successor = answer.text_of("refresh_token");
        tokens.push(std::mem::replace(&mut token, successor));
    }
    tokens.push(token);
    tokens
}

#[tokio::test]
async fn after_a_restore_everybody_goes_on_with_the_last_token() {
    for (backend, app) in each_backend().await {
        let folder = tempfile::tempdir().unwrap();
        let world = app.world_with(password_client(), json!({})).await;
        let mut people = Vec::new();
        for rotations in 0..4 {
            let token = log_in_as(&app, &world, EMAIL).await;
            people.push(rotate(&app, &world, token, rotations).await.pop().unwrap());
        }
        let revoked = log_in_as(&app, &world, EMAIL).await;
        let form = [("client_id", world.client_id.as_str()), ("token", revoked.as_str())];
        assert_eq!(app.post_form("oauth/revoke", &form).await.status, 200);
        let reused = log_in_as(&app, &world, EMAIL).await;
        let reused = rotate(&app, &world, reused, 3).await;
        is_refused(&app.refresh(&world, &reused[0], &[]).await, "reuse");

        let app = stop_and(app, async |app| back_up(app, folder.path()).await).await;
        let mut histories = Vec::new();
        for (i, token) in people.into_iter().enumerate() {
            // The first person does nothing after the backup.
            histories.push(rotate(&app, &world, token, 3 * u32::try_from(i).unwrap()).await);
        }
        let newcomer = log_in_as(&app, &world, EMAIL).await;
        app.clock.advance_seconds(60);
        let app = stop_and(app, async |app| restore(app, folder.path()).await).await;

        let mut raw = Witness::of(&app).await;
        let behind = "SELECT COUNT(*) FROM audit WHERE details LIKE '%store_behind%'";
        assert_eq!(raw.number(behind.to_owned()).await, 0, "{backend}");
        let mut warnings = 0;
        for history in &histories {
            let last = history.last().unwrap();
            let id = family_id(&app, last);
            let stored = family(&app, &id).await.generation;
            let answer = app.refresh(&world, last, &[("audience", BILLING)]).await;
            let successor = answer.text_of("refresh_token");
            let presented = generation(&app, last);
            assert_eq!(generation(&app, &successor), presented + 1, "{backend}");
            assert_eq!(family(&app, &id).await.generation, presented + 1, "{backend}");
            warnings += i64::from(presented > stored);
            assert_eq!(raw.number(behind.to_owned()).await, warnings, "{backend}: a warning");
            // The usual rules are in force again.
            let again = app.refresh(&world, last, &[]).await;
            assert_eq!(again.text_of("refresh_token"), successor, "{backend}: a retry");
            app.refresh(&world, &successor, &[]).await.ok();
        }
        assert_eq!(warnings, 3, "{backend}");
        let old = &histories[3];
        is_refused(&app.refresh(&world, &old[old.len() - 2], &[]).await, "an older one is reuse");

        is_refused(&app.refresh(&world, &revoked, &[]).await, "revoked before the backup");
        is_refused(&app.refresh(&world, &reused[3], &[]).await, "reused before the backup");
        is_refused(&app.refresh(&world, &newcomer, &[]).await, "the login is lost");
    }
}
