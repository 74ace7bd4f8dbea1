//! The sweep removes what has ended, all of it and nothing else, while people go on.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use doorward::{domain::time::Clock, store::sweep};
use serde_json::json;

use super::{Witness, log_in_as, password_client, size};
use crate::support::{TestApp, each_backend, fixtures::*};

const DAY: i64 = 86_400_000;

/// Inserts `count` rows into each table, with this end.
async fn fill(app: &TestApp, world: &World, raw: &mut Witness, name: &str, count: u64, end: End) {
    let blob = if app.database_url.starts_with("sqlite:") { "BLOB" } else { "BYTEA" };
    let numbers = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    );
    let World { client_id, user_id, .. } = world;
    let End { family, revoked, code, session } = end;
    let columns = "id, client_id, user_id, scope, login_grant, auth_time, amr, salt, generation,
        rotated_at, created_at, last_exchanged_at, expires_at, revoked_at, revoked_by";
    let values = format!(
        "'{client_id}', '{user_id}', 'openid offline_access', 'password', 1, 'pwd', \
         CAST('0123456789abcdef' AS {blob}), 3, 1, 1, 1"
    );
    for sql in [
        format!(
            "{numbers} INSERT INTO refresh_token_family ({columns}) \
             SELECT '{name}-expired-' || i, {values}, {family}, NULL, NULL FROM n"
        ),
        format!(
            "{numbers} INSERT INTO refresh_token_family ({columns}) \
             SELECT '{name}-revoked-' || i, {values}, NULL, {revoked}, 'reuse' FROM n"
        ),
        format!(
            "{numbers} INSERT INTO authorization_code (code_hash, client_id, user_id, session_id, \
             redirect_uri, redirect_uri_given, scope, auth_time, amr, created_at, expires_at) \
             SELECT CAST('{name}-' || i AS {blob}), '{client_id}', '{user_id}', 's', 'https://x/', \
             {}, 'openid', 1, 'pwd', 1, {code} FROM n",
            if blob == "BLOB" { "1" } else { "TRUE" },
        ),
        format!(
            "{numbers} INSERT INTO session (id, cookie_hash, user_id, authenticated_at, amr, \
             created_at, expires_at, idle_expires_at) \
             SELECT '{name}-' || i, CAST('{name}-' || i AS {blob}), '{user_id}', 1, 'pwd', 1, \
             {session}, {session} FROM n"
        ),
    ] {
        assert_eq!(raw.execute(sql).await, count);
    }
}

/// When rows end, in milliseconds.
struct End {
    family: i64,
    revoked: i64,
    code: i64,
    session: i64,
}

async fn left(raw: &mut Witness, name: &str) -> [i64; 4] {
    let families = format!("SELECT COUNT(*) FROM refresh_token_family WHERE id LIKE '{name}-");
    let expired = raw.number(format!("{families}expired-%'")).await;
    let revoked = raw.number(format!("{families}revoked-%'")).await;
    // The names are all as long, which spares comparing bytes.
    let code = format!(
        "SELECT COUNT(*) FROM authorization_code WHERE expires_at {} 1000000000000",
        if name == "gone" { "<" } else { ">=" }
    );
    let codes = raw.number(code).await;
    let sessions =
        raw.number(format!("SELECT COUNT(*) FROM session WHERE id LIKE '{name}-%'")).await;
    [expired, revoked, codes, sessions]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_goes_and_nobody_notices() {
    const KEPT: u64 = 600;
    let each = size("DOORWARD_PROOF_EXPIRED", 20_000).div_ceil(4);
    for (backend, app) in each_backend().await {
        let world = app.world_with(password_client(), json!({})).await;
        let app = Arc::new(app);
        let mut people = Vec::new();
        for _ in 0..3 {
            people.push(log_in_as(&app, &world, EMAIL).await);
        }
        let mut raw = Witness::of(&app).await;
        let now = app.clock.now().millis();
        // Long ago, in 1970.
        let gone = End { family: 5, revoked: 5, code: 5, session: 5 };
        fill(&app, &world, &mut raw, "gone", each, gone).await;
        // Ended, but of use to an operator or for a late replay; and a session that lives.
        let kept = End {
            family: now - 29 * DAY,
            revoked: now - 29 * DAY,
            code: now - DAY / 48,
            session: now + DAY,
        };
        fill(&app, &world, &mut raw, "kept", KEPT, kept).await;
        let rows = raw.row_counts().await;

        let done = Arc::new(AtomicBool::new(false));
        let world = Arc::new(world);
        let exchanging: Vec<_> = people
            .into_iter()
            .map(|token| {
                let (app, world, done) = (Arc::clone(&app), Arc::clone(&world), Arc::clone(&done));
                tokio::spawn(exchange_until(app, world, done, token))
            })
            .collect();
        // The server sweeps too, once a minute, and one sweep gives way to the other.
        let (store, retention) = (&app.inner.store, app.inner.settings.audit_retention);
        let mut swept = 0;
        for _ in 0..100 {
            swept += sweep::run(store, app.clock.now(), retention).await.unwrap();
            if left(&mut raw, "gone").await == [0; 4] {
                break;
            }
        }
        done.store(true, Ordering::SeqCst);
        let mut exchanges = 0;
        for person in exchanging {
            exchanges += person.await.unwrap();
        }
        eprintln!("{backend}: {swept} rows swept during {exchanges} exchanges");
        assert!(swept <= 4 * each, "{backend}: nothing is counted twice");
        assert_eq!(left(&mut raw, "gone").await, [0; 4], "{backend}");
        assert_eq!(left(&mut raw, "kept").await, [600; 4], "{backend}");
        let mut expected = rows;
        for table in ["refresh_token_family", "authorization_code", "session"] {
            let several = if table == "refresh_token_family" { 2 } else { 1 };
            *expected.get_mut(table).unwrap() -= several * i64::try_from(each).unwrap();
        }
        assert_eq!(raw.row_counts().await, expected, "{backend}");
        assert_eq!(sweep::run(store, app.clock.now(), retention).await.unwrap(), 0, "{backend}");
    }
}

/// Exchanges until it is done, and once more. Returns how often.
async fn exchange_until(
    app: Arc<TestApp>,
    world: Arc<World>,
    done: Arc<AtomicBool>,
    mut token: String,
) -> u64 {
    let mut exchanges = 0;
    loop {
        let last = done.load(Ordering::SeqCst);
        let audience = [MESSAGES, BILLING][usize::try_from(exchanges % 2).unwrap()];
        let answer = app.refresh(&world, &token, &[("audience", audience)]).await;
        token = answer.text_of("refresh_token");
        exchanges += 1;
        if last {
            return exchanges;
        }
    }
}
