//! A data set of any size, made inside the database.

use sqlx::AssertSqlSafe;

use crate::support::{TestApp, raw::Raw};

/// How many rows there are of the large tables; the others follow.
#[derive(Debug, Clone, Copy)]
pub struct Population {
    pub clients: u64,
    pub apis: u64,
    pub users: u64,
}

/// The first of each.
pub const CLIENT: &str = "client-1000001";
pub const API: &str = "https://api-1000001.example/";
pub const USER: &str = "auth0|1000001";
pub const ROLE: &str = "rol_1000001";
pub const ORGANIZATION: &str = "org_1000001";

const PROFILE: &str = r#"'{"name":"Name ' || i || '","nickname":"nick' || i || '","given_name":"Given' || (i % 5000) || '","family_name":"Family' || (i % 20000) || '","phone_number":"+' || i || '"}'"#;

impl Population {
    /// Small, unless `DOORWARD_PROOF_CLIENTS`, `DOORWARD_PROOF_APIS` and `DOORWARD_PROOF_USERS` say
    /// otherwise.
    pub fn small_unless_asked() -> Self {
        let size = |variable: &str, default| {
            std::env::var(variable).map_or(default, |text| text.parse().unwrap())
        };
        Self {
            clients: size("DOORWARD_PROOF_CLIENTS", 300),
            apis: size("DOORWARD_PROOF_APIS", 50),
            users: size("DOORWARD_PROOF_USERS", 3000),
        }
    }

    /// Whether reading an index is quicker than reading the table.
    pub fn is_large(self) -> bool {
        self.users >= 100_000 && self.clients >= 10_000
    }

    /// Fills the tables.
    pub async fn settle(self, app: &TestApp) {
        let mut raw = Raw::connect(app).await;
        let is_sqlite = matches!(raw, Raw::Sqlite(_));
        if is_sqlite {
            for pragma in ["PRAGMA synchronous = OFF", "PRAGMA cache_size = -200000"] {
                run(&mut raw, pragma.to_owned()).await;
            }
        }
        let Self { clients, apis, users } = self;
        let blob = if is_sqlite { "BLOB" } else { "BYTEA" };
        let bytes = |text: &str| format!("CAST({text} AS {blob})");
        let salt = bytes("'0123456789abcdef'");
        let few = (users / 10).max(10);
        // Ids have the same length, so that they are in the order of i.
        for (count, into) in [
            (clients, "client (client_id, name, document, version, created_at, updated_at, app_type, is_first_party)
                SELECT 'client-' || i, 'c' || i, '{\"name\":\"c' || i || '\",\"app_type\":\"' || CASE i % 4 WHEN 0 THEN 'spa' WHEN 1 THEN 'native' WHEN 2 THEN 'regular_web' ELSE 'non_interactive' END || '\"}', 1, i, i,
                CASE i % 4 WHEN 0 THEN 'spa' WHEN 1 THEN 'native' WHEN 2 THEN 'regular_web' ELSE 'non_interactive' END, i % 50 <> 0 FROM n".to_owned()),
            (apis, "resource_server (id, identifier, document, version, created_at, updated_at)
                SELECT 'api-' || i, 'https://api-' || i || '.example/', '{\"name\":\"a' || i || '\"}', 1, i, i FROM n".to_owned()),
            (clients, format!("client_grant (id, client_id, audience, subject_type, document, version, created_at, any_organization)
                SELECT 'cgr_' || i, 'client-' || i, 'https://api-' || (1000001 + i % {apis}) || '.example/', 'client', '{{\"scope\":[]}}', 1, i, i % 9 = 0 FROM n")),
            (apis, "organization (id, name, created_at) SELECT 'org_' || i, 'org-' || i, i FROM n".to_owned()),
            (apis.min(200), "role (id, name, name_folded, description, created_at) SELECT 'rol_' || i, 'Role ' || i, 'role ' || i, '', i FROM n".to_owned()),
            (apis.min(200), "role_permission (role_id, audience, permission) SELECT 'rol_' || i, 'https://api-' || i || '.example/', 'read' FROM n".to_owned()),
            (users, format!("user_account (user_id, connection, email, email_verified, username, blocked, profile, user_metadata, app_metadata, logins_count, last_login, last_ip, version, created_at, updated_at,
                email_domain, name_folded, nickname_folded, given_name_folded, family_name_folded, phone_number, search_version)
                SELECT 'auth0|' || i, CASE i % 10 WHEN 0 THEN 'email' ELSE 'Username-Password-Authentication' END, 'user' || i || '@d' || (i % 1000) || '.example', i % 10 <> 0, 'login' || i,
                CASE WHEN i % 1000 = 0 THEN i % 2000 = 0 END, {PROFILE}, '{{}}', '{{\"plan\":\"p' || (i % 100) || '\"}}', i % 40, CASE WHEN i % 40 > 0 THEN 1700000000000 + i END, CASE WHEN i % 40 > 0 THEN '10.0.' || (i % 250) || '.1' END,
                1, 1600000000000 + i, 1600000000000 + i * 2, 'd' || (i % 1000) || '.example', 'name ' || i, 'nick' || i, 'given' || (i % 5000), 'family' || (i % 20000), '+' || i, 1 FROM n")),
            (users, "user_search_value (user_id, path, value) SELECT 'auth0|' || i, 'app_metadata.plan', 'p' || (i % 100) FROM n".to_owned()),
            (few, "organization_member (organization_id, user_id) SELECT 'org_' || (1000001 + i % 5), 'auth0|' || i FROM n".to_owned()),
            (few, "user_role (user_id, role_id) SELECT 'auth0|' || i, 'rol_' || (1000001 + i % 5) FROM n".to_owned()),
            (few, "user_permission (user_id, audience, permission) SELECT 'auth0|' || i, 'https://api-1000001.example/', 'read' FROM n".to_owned()),
            (few, format!("session (id, cookie_hash, user_id, authenticated_at, amr, created_at, expires_at, idle_expires_at)
                SELECT 'ses' || i, {}, 'auth0|' || i, 1, 'pwd', 1, 9000000000000, 9000000000000 FROM n", bytes("'s' || i"))),
            (few, format!("session_client (session_id, client_id, first_at, last_at) SELECT 'ses' || i, 'client-' || (1000001 + i % {clients}), 1, 1 FROM n")),
            (few, format!("refresh_token_family (id, client_id, user_id, session_id, scope, login_grant, auth_time, amr, salt, generation, rotated_at, created_at, last_exchanged_at)
                SELECT 'fam' || i, 'client-' || (1000001 + i % {clients}), 'auth0|' || i, 'ses' || i, 'openid offline_access', 'password', 1, 'pwd', {salt}, 1, 3000000000000, 3000000000000, 3000000000000 FROM n")),
            (few, format!("consent (user_id, client_id, audience, scope, created_at, updated_at) SELECT 'auth0|' || i, 'client-' || (1000001 + i % {clients}), 'https://api-' || (1000001 + i % {apis}) || '.example/', 'read', 1, 1 FROM n")),
            (few, format!("authorization_code (code_hash, client_id, user_id, session_id, redirect_uri, redirect_uri_given, scope, auth_time, amr, created_at, expires_at)
                SELECT {}, 'client-' || (1000001 + i % {clients}), 'auth0|' || i, 'ses' || i, 'https://x.example/', TRUE, 'openid', 1, 'pwd', 1, 3000000000000 + i FROM n", bytes("'c' || i"))),
            (few, format!("suspended_login (handle_hash, session_id, sealed, expires_at) SELECT {}, 'ses' || i, {}, 3000000000000 + i FROM n", bytes("'h' || i"), bytes("'s'"))),
            (few, format!("dpop_proof (proof_hash, expires_at) SELECT {}, 3000000000000 + i FROM n", bytes("'d' || i"))),
            (few, format!("client_assertion (client_id, jti_hash, expires_at) SELECT 'client-' || (1000001 + i % {clients}), {}, 3000000000000 + i FROM n", bytes("'j' || i"))),
            (few, format!("pushed_request (id_hash, client_id, parameters, expires_at) SELECT {}, 'client-' || (1000001 + i % {clients}), '{{}}', 3000000000000 + i FROM n", bytes("'r' || i"))),
            (few, format!("ticket (ticket_hash, kind, user_id, email, created_at, expires_at) SELECT {}, 'verify_email', 'auth0|' || i, 'user' || i, 1, 3000000000000 + i FROM n", bytes("'t' || i"))),
            (few, format!("device_code (device_code_hash, user_code_mac, client_id, scope, state, created_at, expires_at)
                SELECT {}, {}, 'client-' || (1000001 + i % {clients}), 'openid', 'pending', 1, 3000000000000 + i FROM n", bytes("'d' || i"), bytes("'u' || i"))),
            (few, "device_guess (user_id, guesses, window_ends_at) SELECT 'auth0|' || i, 1, 3000000000000 + i FROM n".to_owned()),
            (few, format!("passwordless_code (address_mac, client_id, code_expires_at, tries, wrong, wrong_end_at, starts, starts_end_at, expires_at)
                SELECT {}, 'client-' || (1000001 + i % {clients}), 1, 0, 0, 0, 0, 0, 3000000000000 + i FROM n", bytes("'a' || i"))),
            (few, format!("backchannel_logout (id, client_id, user_id, session_id, url, attempts, next_attempt_at, created_at)
                SELECT 'bcl' || i, 'client-' || (1000001 + i % {clients}), 'auth0|' || i, 'ses' || i, 'https://x.example/', 0, 3000000000000 + i, 3000000000000 + i FROM n")),
            (few, "job (id, kind, status, parameters, done, inserted, updated, failed, lease_until, attempts, created_at, expires_at)
                SELECT 'job' || i, 'users_import', 'completed', '{}', 1, 1, 0, 0, 0, 0, i, 3000000000000 + i FROM n".to_owned()),
            (few, format!("job_chunk (job_id, number, data) SELECT 'job' || i, 0, {} FROM n", bytes("'c'"))),
            (few, format!("job_key (job_id, key_hash) SELECT 'job' || i, {} FROM n", bytes("'k' || i"))),
            (few, "job_error (job_id, item, subject, errors) SELECT 'job' || i, 0, '{}', '[]' FROM n".to_owned()),
            (few, format!("job_download (token_hash, job_id, expires_at) SELECT {}, 'job' || i, 3000000000000 + i FROM n", bytes("'t' || i"))),
            (100, "action (id, name, trigger_id, trigger_version, code, runtime, secrets, deployed_version_id, is_deployed, last_number, created_at, updated_at)
                SELECT 'act' || i, 'Action ' || i, 'post-login', 'v3', '', 'node22', '[]', 'acv' || i, TRUE, 1, i, i FROM n".to_owned()),
            (few, "action_version (id, action_id, number, trigger_id, trigger_version, code, runtime, secrets, created_at)
                SELECT 'acv' || i, 'act' || (1000001 + i % 100), i, 'post-login', 'v3', '', 'node22', '[]', i FROM n".to_owned()),
            (20, "action_binding (id, trigger_id, position, action_id, display_name, created_at, updated_at)
                SELECT 'acb' || i, 'post-login', i, 'act' || i, '', i, i FROM n".to_owned()),
            (few, "action_execution (id, trigger_id, status, created_at, updated_at) SELECT 'exe' || i, 'post-login', 'final', i, i FROM n".to_owned()),
            (few, "action_execution_result (execution_id, position, action_id, action_name, started_at, ended_at, notes, stats, console)
                SELECT 'exe' || i, 0, 'act' || (1000001 + i % 100), '', i, i, '[]', '{}', '' FROM n".to_owned()),
            (100, "rule (id, name, script, position, enabled, created_at) SELECT 'rul' || i, 'rule' || i, '', i, TRUE, i FROM n".to_owned()),
            (100, format!("rules_config (key, value_sealed, updated_at) SELECT 'key' || i, {}, i FROM n", bytes("'v' || i"))),
            (users, format!("audit (id, date, type, client_id, user_id, details) SELECT 'log' || i, 1600000000000 + i, CASE i % 20 WHEN 0 THEN 'fp' ELSE 's' END, 'client-' || (1000001 + i % {clients}), 'auth0|' || i, '{{}}' FROM n")),
        ] {
            let sql = format!(
                "WITH RECURSIVE n (i) AS (SELECT 1000001 UNION ALL SELECT i + 1 FROM n \
                 WHERE i < 1000000 + {count}) INSERT INTO {into}"
            );
            assert_eq!(run(&mut raw, sql).await, count, "{into}");
        }
        if !is_sqlite {
            run(&mut raw, "ANALYZE".to_owned()).await;
        }
    }
}

async fn run(raw: &mut Raw, sql: String) -> u64 {
    let sql = AssertSqlSafe(sql);
    match raw {
        Raw::Sqlite(c) => sqlx::query(sql).execute(c).await.unwrap().rows_affected(),
        Raw::Postgres(c) => sqlx::query(sql).execute(c).await.unwrap().rows_affected(),
    }
}
