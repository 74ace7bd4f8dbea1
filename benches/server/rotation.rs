//! The floor of the database: a rotation and all that an exchange reads, as one statement.

use std::time::Duration;

use crate::{Result, postgres::Cluster, process, target::Target, world::World};

/// How many families there are to rotate.
const FAMILIES: u32 = 1000;

/// Every family that the script names: as the server writes them, and none of the server's own.
/// 32 characters each, as theirs.
pub async fn prepare(target: &Target, world: &World) -> Result<()> {
    // No user may have so many that the server ends the oldest.
    let users = world.user_ids.join("', '");
    let client = &world.rs256.client_id;
    let audience = world.rs256.audiences.first().ok_or("no audience")?;
    target
        .run(format!(
            "INSERT INTO refresh_token_family (id, client_id, user_id, session_id, audience, scope,
                 login_grant, auth_time, amr, salt, generation, rotated_at, created_at,
                 last_exchanged_at, expires_at, initial_ip, initial_user_agent, last_ip,
                 last_user_agent)
             SELECT '0000000000000000000000000' || n, '{client}',
                 (ARRAY['{users}'])[1 + n % {}], md5(n::text),
                 '{audience}', 'openid profile email offline_access read:items',
                 'authorization_code', now, 'pwd', decode(md5(n::text), 'hex'), 0, now, now, now,
                 now + 2592000000, '127.0.0.1', 'doorward-bench/1', '127.0.0.1', 'doorward-bench/1'
             FROM generate_series(1000001, {}) n,
                 (SELECT (EXTRACT(EPOCH FROM now()) * 1000)::bigint AS now) moment",
            world.user_ids.len(),
            1_000_000 + FAMILIES
        ))
        .await
}

/// A random family, with the columns that an exchange reads of it, locked as it reads them.
fn script() -> String {
    format!(
        "\\set n random(1000001, {})
\\set now random(2000000000001, 2099999999999)
WITH f AS (SELECT id, client_id, user_id, session_id, organization_id, audience, scope, login_grant, \
auth_time, amr, salt, generation, rotated_at, created_at, last_exchanged_at, expires_at, revoked_at, \
dpop_jkt, idle_expires_at FROM refresh_token_family \
WHERE id = '0000000000000000000000000' || :n AND revoked_at IS NULL FOR UPDATE) \
UPDATE refresh_token_family t SET generation = f.generation + 1, rotated_at = :now, \
last_exchanged_at = :now, last_ip = '127.0.0.1', last_user_agent = 'doorward-bench/1', \
idle_expires_at = NULL FROM f WHERE t.id = f.id RETURNING f.*;
",
        1_000_000 + FAMILIES
    )
}

/// The CPU of Postgres for one such statement at a concurrency, and how many a second it does.
pub async fn measure(
    cluster: &Cluster,
    (target, database): (&Target, &str),
    clients: usize,
    time: Duration,
) -> Result<(Duration, f64)> {
    const ROTATIONS: &str = "SELECT SUM(generation)::bigint FROM refresh_token_family
        WHERE id LIKE '0000000000000000000000000%'";
    let (rotations, before) = (target.number(ROTATIONS).await?, process::cpu_of_tree(cluster.id()));
    let done = cluster.pgbench(database, &script(), clients, time.as_secs_f64())?;
    let cpu = process::cpu_of_tree(cluster.id()).saturating_sub(before);
    let rotated = target.number(ROTATIONS).await? - rotations;
    if u64::try_from(rotated)? != done {
        return Err(format!("{done} transactions made {rotated} rotations").into());
    }
    let each = cpu.div_f64((done as f64).max(1.0));
    Ok((each, done as f64 / time.as_secs_f64().ceil()))
}
