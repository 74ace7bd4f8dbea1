//! Many users and refresh tokens, straight into Postgres: copies of the rows that a real login made,
//! with ids, addresses and times of their own.

use std::str::FromStr;

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{Result, world::World};

/// How many.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub users: u64,
    pub families: u64,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (users, families) = text.split_once(',').ok_or("USERS,FAMILIES")?;
        let number = |text: &str| text.replace('_', "").parse::<u64>().map_err(|e| e.to_string());
        let size = Self { users: number(users)?, families: number(families)? };
        if size.users == 0 || size.families == 0 { Err("at least 1".to_owned()) } else { Ok(size) }
    }
}

/// $2 families of $1, at random: the id and the salt.
pub const PICK: &str = "SELECT DISTINCT md5('f' || n), decode(md5('s' || n), 'hex')
    FROM (SELECT floor(random() * $1)::bigint AS n FROM generate_series(1, $2)) picked";

const USER: &str = "'auth0|' || substr(md5('u' || n), 1, 24)";
const DAY: &str = "86400000::bigint";

/// The columns that differ from row to row, each with its expression over `n`.
fn users(_: Size) -> Vec<(&'static str, String)> {
    let folded = |name: &str| format!("'{name} ' || n");
    vec![
        ("user_id", USER.to_owned()),
        ("email", "'user' || n || '@d' || (n % 1000) || '.example'".to_owned()),
        ("email_domain", "'d' || (n % 1000) || '.example'".to_owned()),
        ("name_folded", folded("ada lovelace")),
        ("nickname_folded", folded("user")),
        ("created_at", format!("t.created_at - 400 * {DAY} + n")),
        ("updated_at", format!("t.created_at - 200 * {DAY} + n")),
        ("last_login", format!("t.created_at - (n % 30) * {DAY}")),
        ("logins_count", "n % 50".to_owned()),
    ]
}

/// One for each user.
fn sessions(_: Size) -> Vec<(&'static str, String)> {
    vec![
        ("id", "md5('e' || n)".to_owned()),
        ("cookie_hash", "decode(md5('c' || n) || md5('d' || n), 'hex')".to_owned()),
        ("user_id", USER.to_owned()),
    ]
}

/// Rotated within the last ten days, begun at most five days earlier.
fn families(size: Size) -> Vec<(&'static str, String)> {
    let rotated = format!("t.created_at - (n * 7919 % 10000) * {DAY} / 1000");
    let created = format!("{rotated} - (n % 5) * {DAY}");
    vec![
        ("id", "md5('f' || n)".to_owned()),
        ("salt", "decode(md5('s' || n), 'hex')".to_owned()),
        ("generation", "0".to_owned()),
        ("user_id", USER.replace('n', &format!("(n % {})", size.users))),
        ("session_id", format!("md5('e' || (n % {}))", size.users)),
        ("created_at", created.clone()),
        ("auth_time", created.clone()),
        ("rotated_at", rotated.clone()),
        ("last_exchanged_at", rotated),
        ("expires_at", format!("{created} + 30 * {DAY}")),
    ]
}

/// Fills the database, and leaves it as one is that has been in use for a while.
pub async fn fill(url: &str, world: &World, size: Size) -> Result<()> {
    let mut database = PgConnection::connect(url).await?;
    let user = world.user_ids.first().ok_or("no user")?;
    // What refers to what is right by construction; to check it would take longer than to write it.
    run(&mut database, "SET session_replication_role = replica").await?;
    run(&mut database, "SET maintenance_work_mem = '1GB'").await?;
    type Expressions = fn(Size) -> Vec<(&'static str, String)>;
    let tables: [(&str, u64, Expressions); 3] = [
        ("user_account", size.users, users),
        ("session", size.users, sessions),
        ("refresh_token_family", size.families, families),
    ];
    for (table, count, expressions) in tables {
        let indexes = drop_indexes(&mut database, table).await?;
        let columns: Vec<(String,)> = sqlx::query_as(
            "SELECT column_name::text FROM information_schema.columns
             WHERE table_name = $1 AND table_schema = 'public' ORDER BY ordinal_position",
        )
        .bind(table)
        .fetch_all(&mut database)
        .await?;
        let own = expressions(size);
        let (names, values): (Vec<_>, Vec<_>) = columns
            .into_iter()
            .map(|(column,)| {
                let found = own.iter().find(|(name, _)| *name == column);
                let value = found.map_or_else(|| format!("t.{column}"), |(_, sql)| sql.clone());
                (column, value)
            })
            .unzip();
        const CHUNK: u64 = 1_000_000;
        for begin in (0..count).step_by(usize::try_from(CHUNK)?) {
            let last = count.min(begin + CHUNK) - 1;
            run(
                &mut database,
                &format!(
                    "INSERT INTO {table} ({}) SELECT {} FROM generate_series({begin}::bigint, {last}) n,
                     (SELECT * FROM {table} WHERE user_id = '{user}' LIMIT 1) t",
                    names.join(", "),
                    values.join(", "),
                ),
            )
            .await?;
            eprintln!("  {table}: {}", last + 1);
        }
        for index in indexes {
            run(&mut database, &index).await?;
        }
        run(&mut database, &format!("VACUUM (ANALYZE) {table}")).await?;
    }
    run(&mut database, "CHECKPOINT").await
}

/// An index is made faster than it is kept. Returns what makes them again.
async fn drop_indexes(database: &mut PgConnection, table: &str) -> Result<Vec<String>> {
    const INDEXES: &str = "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
        FROM pg_index WHERE indrelid = $1::regclass
            AND indexrelid NOT IN (SELECT conindid FROM pg_constraint)";
    let indexes: Vec<(String, String)> =
        sqlx::query_as(INDEXES).bind(table).fetch_all(&mut *database).await?;
    for (name, _) in &indexes {
        run(database, &format!("DROP INDEX {name}")).await?;
    }
    Ok(indexes.into_iter().map(|(_, definition)| definition).collect())
}

async fn run(database: &mut PgConnection, sql: &str) -> Result<()> {
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(database).await?;
    Ok(())
}
