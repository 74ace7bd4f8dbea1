//! No statement reads a large table from end to end. Every constant of the store is asked for its
//! plan on both databases, and every statement that is put together, in all its shapes; what may
//! read more is listed with a reason. The data set is small by default; with
//! `DOORWARD_PROOF_USERS=1000000` and the like it is one with which Postgres weighs its plans.

use doorward::{
    domain::user_search::{Condition, Key, Number, Search, Text},
    policy::user_search,
    store::{
        Db,
        audit::{self, Condition as Event},
        client_grants, clients,
        compose::{Bound, Composed},
        consents,
        families::exchange,
        users,
    },
};
use sqlx::{AssertSqlSafe, Row};

use super::statements::{sources, statements};
use crate::support::{
    each_backend,
    population::{API, CLIENT, Population, USER},
    raw::Raw,
};

/// Tables that stay small, however large the rest grows.
const SMALL: &[&str] = &[
    // Made by hand, one for each kind of login.
    "connection",
    // A few at a time, and gone after a day.
    "job",
    // A hundred at most of each.
    "action",
    "rule",
    "rules_config",
    // Twenty at most for each trigger.
    "action_binding",
    // A few rows for each day.
    "daily_count",
    // Some for each hour, and gone after 90 days.
    "hourly_count",
    "config_version",
    "signing_key",
    "published_algorithm",
    "tenant_settings",
    "_sqlx_migrations",
];

/// Constants that may read a table from end to end: how each begins, and why it may.
const MAY_READ_ALL: &[(&str, &str)] = &[
    (
        "SELECT document FROM client WHERE document LIKE",
        "once before a scope or an API is taken away; ten thousand applications are read in some \
         milliseconds",
    ),
    (
        "SELECT document FROM client",
        "once after a change of the configuration, then kept in memory",
    ),
    (
        "SELECT COUNT(*) FROM user_account\n        WHERE CAST",
        "once for an export, which reads them all",
    ),
    ("SELECT COUNT(*) FROM user_account", "once a minute at most, and stopped after a time"),
    ("SELECT user_id FROM user_account WHERE search_version = 0", "the index has no other rows"),
    ("SELECT COUNT(*) FROM resource_server", "a thousand entries of an index"),
    ("SELECT COUNT(*) FROM organization", "the entries of an index"),
    (
        "SELECT id, identifier, document, secret_sealed, version FROM resource_server\n        WHERE name",
        "a thousand at most, and any part of a name finds them",
    ),
    (
        "SELECT id, name, description FROM role\n        WHERE CAST",
        "roles are few, and any part of a name finds them",
    ),
    (
        "SELECT COUNT(*) FROM role\n        WHERE CAST",
        "roles are few, and any part of a name finds them",
    ),
];

/// The functions that put a statement together; each has its shapes in this file.
const COMPOSING: &[&str] = &[
    "list_statement",
    "list_after_statement",
    "count_statement",
    "page_statement",
    "page_of_beginnings",
    "count_of_beginnings",
    "select",
    // One shape: a lookup by an indexed column.
    "list_by_email",
    // An INSERT.
    "index_metadata",
];

#[tokio::test]
async fn no_constant_statement_reads_a_large_table_from_end_to_end() {
    let (mut excused, mut faults) = (Vec::new(), Vec::new());
    for (backend, app) in each_backend().await {
        Population { clients: 300, apis: 50, users: 3000 }.settle(&app).await;
        let mut raw = Raw::connect(&app).await;
        ask_for_indexes(&mut raw).await;
        // Those that each database has in its own words, too.
        let of_exchanges = exchange::statements(app.inner.store.is_embedded())
            .map(|sql| ("exchange".to_owned(), sql.to_owned()));
        for (place, sql) in statements().into_iter().chain(of_exchanges) {
            let plan = plan_of_constant(&mut raw, &sql).await;
            let Some(why) = fault(&sql, &plan) else { continue };
            match MAY_READ_ALL.iter().position(|(start, _)| sql.starts_with(start)) {
                Some(reason) => excused.push(reason),
                None => {
                    faults.push(format!("{backend} {place}: {why}\n{sql}\n{}", plan.join("\n")));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n\n"));
    for (index, (start, _)) in MAY_READ_ALL.iter().enumerate() {
        assert!(excused.contains(&index), "{start} needs no excuse");
    }
}

#[test]
fn every_statement_that_is_put_together_is_known_here() {
    for (path, text) in sources() {
        for (at, _) in text.match_indices("Composed::new(") {
            let before = &text[..at];
            let start = before.rfind("fn ").unwrap() + 3;
            let name: String =
                text[start..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            assert!(COMPOSING.contains(&name.as_str()), "{path}: the plans of {name} are unknown");
        }
    }
}

/// Searches that are found by an index.
const LOOKUPS: &[&str] = &[
    "email:\"user1000007@d7.example\"",
    "email:user100000*",
    "user_id:\"auth0|1000001\"",
    "user_id:(\"auth0|1000001\" OR \"auth0|1000002\")",
    "username:login1000001",
    "name:\"name 1000001\"",
    "name:name\\ 10000*",
    "name:[\"name 1000001\" TO \"name 1000009\"]",
    "nickname:nick1000001",
    "given_name:given7",
    "family_name:family7",
    "phone_number:\"+1000001\"",
    "email.domain:d7.example",
    "blocked:true",
    "email_verified:false",
    "phone_verified:true",
    "identities.connection:email",
    "identities.user_id:1000001",
    "last_ip:10.0.7.1",
    "last_login:[2023-11-14T22:13:20.000Z TO 2023-11-14T22:13:20.500Z]",
    "created_at:[2020-09-13T12:26:40.000Z TO 2020-09-13T12:26:40.500Z]",
    "updated_at:[2030 TO 2031]",
    "app_metadata.plan:p7",
    "organization_id:org_1000002",
    "name1000001",
    "\"name 1000001\" OR email:a@b.example",
    "email:a@b.example AND NOT blocked:true",
    "app_metadata.plan:p7 AND given_name:given7",
    "(email:a@b.example OR username:a) AND email_verified:true",
];

/// Searches that walk the users in the order of the answer until the page is full, and may have to
/// read them all: their time is bounded.
const WALKS: &[(&str, &str)] = &[
    ("name:*", "most users have it"),
    ("_exists_:app_metadata", "most users have it"),
    ("logins_count:>39", "a range without end fits most users"),
    ("last_login:[* TO 2023-11-15]", "a range without beginning fits most users"),
    ("NOT blocked:true", "what excludes fits most users"),
    ("identities.provider:auth0", "it fits most users"),
    ("name:*usa", "an index is of no use to the end of a word"),
    ("email:u*7@d7.example", "an index finds the beginning only"),
];

#[tokio::test]
async fn no_search_or_filter_reads_a_large_table_from_end_to_end() {
    for (backend, app) in each_backend().await {
        let population = Population::small_unless_asked();
        population.settle(&app).await;
        let mut raw = Raw::connect(&app).await;
        if !population.is_large() {
            ask_for_indexes(&mut raw).await;
        }
        let mut faults = Vec::new();
        let mut conn = app.inner.store.read().await.unwrap();
        for (about, statement, may_walk) in shapes(&conn.db()) {
            let plan = plan_of_composed(&mut raw, &statement).await;
            let text = statement.text();
            println!("{backend} {about}\n    {}", plan.join("\n    "));
            // Postgres knows better than this test whether many rows fit. It must not read the tables
            // that grow with the users.
            let why = if population.is_large() {
                plan.iter().find(|line| is_table_scan(line) && !line.contains("on client")).cloned()
            } else {
                fault(text, &plan)
            };
            if let Some(why) = why.filter(|_| !may_walk) {
                faults.push(format!("{backend} {about}: {why}\n{text}\n{}", plan.join("\n")));
            }
        }
        assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n\n"));
    }
}

/// Every statement that is put together, as `(what, statement, may walk)`.
fn shapes(db: &Db<'_>) -> Vec<(String, Composed, bool)> {
    let mut all = Vec::new();
    searches_of_users(db, &mut all);
    filters(db, &mut all);
    logs(db, &mut all);
    all
}

fn searches_of_users(db: &Db<'_>, all: &mut Vec<(String, Composed, bool)>) {
    use users::search::{count_statement, list_statement};
    let created = Key::Number(Number::CreatedAt);
    let lookups = LOOKUPS.iter().map(|q| (*q, false));
    for (q, may_walk) in lookups.chain(WALKS.iter().map(|(q, _)| (*q, true))) {
        let condition = user_search::condition(q).unwrap();
        all.push((format!("count {q}"), count_statement(db, &condition), may_walk));
        for is_descending in [false, true] {
            let search = Search { condition: condition.clone(), key: created, is_descending };
            all.push((format!("q={q}"), list_statement(db, &search, 100, 50), may_walk));
        }
    }
    let window = users::search::Window { offset: 950, limit: 50, totals: true };
    for typed in ["u", "user1000007@d7", "auth0|1000001", "+1000001"] {
        use users::beginning::{count_of_beginnings, page_of_beginnings};
        let beginnings = user_search::beginnings(typed);
        for connection in [None, Some("email")] {
            let about = format!("search={typed} {connection:?}");
            let page = page_of_beginnings(db, &beginnings, connection, window);
            all.push((about.clone(), page, false));
            all.push((about, count_of_beginnings(db, &beginnings, connection), false));
        }
    }
    let everybody = Condition::All(Vec::new());
    // To the bound, as every count.
    all.push(("count everybody".into(), count_statement(db, &everybody), true));
    let texts = [
        Text::UserId,
        Text::Email,
        Text::Username,
        Text::Name,
        Text::Nickname,
        Text::GivenName,
        Text::FamilyName,
        Text::PhoneNumber,
        Text::LastIp,
    ];
    let numbers = [Number::CreatedAt, Number::UpdatedAt, Number::LastLogin, Number::LoginsCount];
    for key in texts.map(Key::Text).into_iter().chain(numbers.map(Key::Number)) {
        for is_descending in [false, true] {
            let search = Search { condition: everybody.clone(), key, is_descending };
            let about = format!("sort={key:?} {is_descending}");
            all.push((about, list_statement(db, &search, 950, 50), false));
        }
    }
}

fn filters(db: &Db<'_>, all: &mut Vec<(String, Composed, bool)>) {
    for is_first_party in [None, Some(false)] {
        for app_types in [vec![], vec!["spa".to_owned()], vec!["spa".into(), "native".into()]] {
            let filter =
                clients::Filter { is_first_party, app_types, ..clients::Filter::default() };
            let about = format!("clients {filter:?}");
            // Of all clients: ten thousand entries of an index. A page of them passes over one, the
            // console's, and ends when it is full.
            let is_all = is_first_party.is_none() && filter.app_types.is_empty();
            all.push((about.clone(), clients::list_statement(db, &filter, 100, 50), is_all));
            let after = clients::list_after_statement(db, &filter, CLIENT, 50);
            all.push((about.clone(), after, false));
            all.push((about, clients::count_statement(db, &filter), is_all));
        }
    }
    for is_global in [true, false] {
        // There is one global client, and there are ten thousand others.
        let filter = clients::Filter { is_global: Some(is_global), ..clients::Filter::default() };
        let about = format!("clients {filter:?}");
        all.push((about.clone(), clients::list_statement(db, &filter, 0, 50), true));
        all.push((about.clone(), clients::list_after_statement(db, &filter, CLIENT, 50), true));
        all.push((about, clients::count_statement(db, &filter), true));
    }
    // Any part of a name finds a client: the names in an index, and nothing of the documents.
    for app_types in [vec![], vec!["spa".to_owned()]] {
        let search = Some("n_e 17".to_owned());
        let filter = clients::Filter { search, app_types, ..clients::Filter::default() };
        let about = format!("clients {filter:?}");
        all.push((about.clone(), clients::list_statement(db, &filter, 0, 50), true));
        all.push((about.clone(), clients::list_after_statement(db, &filter, CLIENT, 50), true));
        all.push((about, clients::count_statement(db, &filter), true));
    }
    for bits in 0..16 {
        let has = |bit: i32| bits & bit != 0;
        let filter = client_grants::Filter {
            client_id: has(1).then_some(CLIENT),
            audience: has(2).then_some(API),
            subject_type: has(4).then_some("client"),
            any_organization: has(8).then_some(true),
        };
        let about = format!("client grants {filter:?}");
        all.push((about.clone(), client_grants::list_statement(db, filter, 100, 50), false));
        let after = client_grants::list_after_statement(db, filter, "cgr_1", 50);
        all.push((about.clone(), after, false));
        // Two subjects are no filter: all client grants are counted.
        let is_all = bits & 11 == 0;
        all.push((about, client_grants::count_statement(db, filter), is_all));
    }
    for bits in 0..8 {
        let has = |bit: i32| bits & bit != 0;
        let filter = consents::Filter {
            user_id: has(1).then_some(USER),
            client_id: has(2).then_some(CLIENT),
            audience: has(4).then_some(API),
        };
        let about = format!("consents {filter:?}");
        all.push((about.clone(), consents::list_statement(db, filter, 100, 50), false));
        all.push((about, consents::count_statement(db, filter, 10_100), bits == 0));
    }
}

fn logs(db: &Db<'_>, all: &mut Vec<(String, Composed, bool)>) {
    let client = || Event::Client(CLIENT.to_owned());
    let user = || Event::User(USER.to_owned());
    let failed = || Event::Event("fp".to_owned());
    let at = doorward::domain::time::Timestamp::from_millis;
    let date = || Event::Date(at(1_600_000_000_000), at(1_600_000_000_900));
    for (condition, may_walk) in [
        (Event::All(vec![]), true),
        (client(), false),
        (user(), false),
        (failed(), false),
        (date(), false),
        (Event::Id("log1000001".into()), false),
        (Event::All(vec![client(), failed(), date()]), false),
        (Event::Any(vec![client(), user(), failed()]), false),
        (Event::All(vec![client(), Event::Not(Box::new(failed()))]), false),
        (Event::Not(Box::new(failed())), true),
        // Few ask, and an index would be written with every event.
        (Event::Ip("10.0.0.1".into()), true),
        (Event::All(vec![Event::Ip("10.0.0.1".into()), failed()]), false),
    ] {
        for is_ascending in [false, true] {
            let window = audit::Window { offset: 100, limit: 50, is_ascending, totals: true };
            let about = format!("logs {condition:?}");
            let page = audit::page_statement(db, &condition, window);
            all.push((about.clone(), page, may_walk));
            all.push((about, audit::count_statement(db, &condition), may_walk));
        }
    }
}

/// So few rows are quicker read whole; the question is whether there is an index. And what is
/// prepared once must do for all values.
async fn ask_for_indexes(raw: &mut Raw) {
    if matches!(raw, Raw::Postgres(_)) {
        raw.execute("SET enable_seqscan = off").await;
        raw.execute("SET enable_hashjoin = off").await;
        raw.execute("SET enable_mergejoin = off").await;
        raw.execute("SET plan_cache_mode = force_generic_plan").await;
    }
}

async fn plan_of_constant(raw: &mut Raw, sql: &str) -> Vec<String> {
    match raw {
        Raw::Sqlite(_) => rows(raw, format!("EXPLAIN QUERY PLAN {sql}")).await,
        Raw::Postgres(_) => {
            let places = (1..100).take_while(|n| sql.contains(&format!("${n}"))).count();
            let values = vec!["NULL"; places].join(", ");
            let values = if places == 0 { String::new() } else { format!("({values})") };
            rows(raw, format!("PREPARE looked_at AS {sql}")).await;
            let plan = rows(raw, format!("EXPLAIN (COSTS OFF) EXECUTE looked_at{values}")).await;
            rows(raw, "DEALLOCATE looked_at".to_owned()).await;
            plan
        }
    }
}

/// The lines of a plan.
async fn rows(raw: &mut Raw, sql: String) -> Vec<String> {
    match raw {
        Raw::Sqlite(c) => {
            let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(c).await.unwrap();
            rows.iter().map(|row| row.get::<String, _>("detail")).collect()
        }
        Raw::Postgres(c) => {
            let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(c).await.unwrap();
            rows.iter().map(|row| row.get::<String, _>(0)).collect()
        }
    }
}

async fn plan_of_composed(raw: &mut Raw, statement: &Composed) -> Vec<String> {
    let text = statement.text();
    let Raw::Postgres(c) = raw else {
        return rows(raw, format!("EXPLAIN QUERY PLAN {text}")).await;
    };
    let mut query =
        sqlx::query(AssertSqlSafe(format!("EXPLAIN (COSTS OFF) {text}"))).persistent(false);
    for value in statement.values() {
        query = match value {
            Bound::Text(text) => query.bind(text.clone()),
            Bound::Number(number) => query.bind(*number),
            Bound::Flag(flag) => query.bind(*flag),
        };
    }
    let rows = query.fetch_all(c).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>(0)).collect()
}

fn is_small(line: &str) -> bool {
    SMALL.iter().any(|table| line.split_whitespace().any(|word| word == *table))
}

fn is_table_scan(line: &str) -> bool {
    let line = line.trim().trim_start_matches("->").trim_start();
    let is_scan = line.starts_with("Seq Scan on ")
        || (line.starts_with("SCAN ")
            && !line.contains(" USING ")
            // What was bound, not a table.
            && !line.starts_with("SCAN json_each ")
            && !line.ends_with(" counted")
            && !line.ends_with(" held")
            && !line.ends_with("CONSTANT ROW"));
    is_scan && !is_small(line)
}

/// Why a plan reads too much, if it does. Walking an index is fine where its order is the answer's,
/// a page ends it, and nothing on the way is left out.
fn fault(sql: &str, plan: &[String]) -> Option<String> {
    let is_page = sql.contains("LIMIT") && sql.contains("ORDER BY") && !sql.contains("WHERE");
    let sorts = plan.iter().any(|line| {
        let line = line.trim().trim_start_matches("->").trim_start();
        line.starts_with("Sort") && !line.starts_with("Sort Key")
            || line.starts_with("USE TEMP B-TREE FOR ORDER BY")
    });
    for (index, line) in plan.iter().enumerate() {
        if is_table_scan(line) {
            return Some(format!("reads a whole table: {}", line.trim()));
        }
        let node = line.trim().trim_start_matches("->").trim_start();
        let walks_on_sqlite = node.starts_with("SCAN ") && node.contains(" USING ");
        let is_scan = node.starts_with("Index Scan")
            || node.starts_with("Index Only Scan")
            || node.starts_with("Bitmap Index Scan");
        let has_condition = plan
            .iter()
            .skip(index + 1)
            .take_while(|l| !l.contains("->"))
            .any(|l| l.trim().starts_with("Index Cond"));
        let walks = walks_on_sqlite || (is_scan && !has_condition);
        if walks && !is_small(node) && (sorts || !is_page) {
            return Some(format!("walks a whole index: {node}"));
        }
    }
    None
}

/// Or deleting a row would read the whole table that refers to it.
#[tokio::test]
async fn every_reference_is_indexed() {
    for (_, app) in each_backend().await {
        // The schemas are twins.
        let Raw::Sqlite(mut c) = Raw::connect(&app).await else { continue };
        let pairs = async |sql: &'static str, c: &mut sqlx::SqliteConnection| {
            sqlx::query_as::<_, (String, String)>(sql).fetch_all(c).await.unwrap()
        };
        let references = "SELECT m.name, f.\"from\" FROM sqlite_master m
            JOIN pragma_foreign_key_list(m.name) f";
        let references = pairs(references, &mut c).await;
        let indexed = "SELECT m.name, c.name FROM sqlite_master m
            JOIN pragma_index_list(m.name) i JOIN pragma_index_info(i.name) c
            WHERE c.seqno = 0 AND i.partial = 0";
        let indexed = pairs(indexed, &mut c).await;
        assert!(references.len() > 20);
        for reference in references {
            assert!(indexed.contains(&reference), "{reference:?} has no index");
        }
    }
}

#[test]
fn a_plan_that_reads_too_much_is_noticed() {
    let plan = |lines: &[&str]| lines.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>();
    for (sql, lines, is_faulty) in [
        ("SELECT", &["SCAN user_account"][..], true),
        ("SELECT", &["SEARCH user_account USING INDEX x (email=?)"], false),
        ("SELECT", &["SCAN user_account USING COVERING INDEX x"], true),
        ("SELECT ORDER BY LIMIT", &["SCAN user_account USING INDEX x"], false),
        (
            "SELECT ORDER BY LIMIT",
            &["SCAN user_account USING INDEX x", "USE TEMP B-TREE FOR ORDER BY"],
            true,
        ),
        ("SELECT", &["SCAN signing_key"], false),
        ("SELECT", &["Limit", "  ->  Seq Scan on client"], true),
        ("SELECT", &["Index Scan using x on client", "  Index Cond: (a = $1)"], false),
        ("SELECT", &["Index Scan using x on client", "  Filter: (a = $1)"], true),
        (
            "SELECT ORDER BY LIMIT",
            &["Limit", "  ->  Index Scan using x on client", "        Filter: (a = $1)"],
            false,
        ),
        ("SELECT ORDER BY LIMIT", &["Sort", "  ->  Index Scan using x on client"], true),
    ] {
        assert_eq!(fault(sql, &plan(lines)).is_some(), is_faulty, "{lines:?}");
    }
}
