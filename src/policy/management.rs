//! The Management API's routes and the scopes that open them. The router is built from this
//! table, and tests walk every row with tokens that open nothing and with too little scope.
//!
//! The scopes are those of Auth0, with these exceptions. Left out, as they open members and
//! actions that this server does not have: `read:user_idp_tokens`, `create:organization_connections`
//! and `update:client_token_vault_privileged_access`; and the scopes for `current_user`, as users
//! get tokens for this API by their permissions only. Where Auth0 asks for several scopes together,
//! the handler demands the others.

pub mod objects;
pub mod unbuilt;

use crate::domain::scope::ScopeSet;

/// One operation of the Management API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// HTTP method.
    pub method: &'static str,
    /// Path below `/api/v2`, with `{…}` for ids.
    pub path: &'static str,
    /// Any one of these scopes opens it.
    pub scopes: &'static [&'static str],
}

impl Operation {
    /// Whether it changes anything, which the audit trail then tells.
    pub fn writes(&self) -> bool {
        self.method != "GET" && !READING.contains(&(self.method, self.path))
    }
}

/// What only reads, although its method looks like a write.
const READING: &[(&str, &str)] = &[("POST", "/refresh-tokens/explain"), ("POST", "/actions/check")];

const fn op(
    method: &'static str,
    path: &'static str,
    scopes: &'static [&'static str],
) -> Operation {
    Operation { method, path, scopes }
}

const READ_CLIENTS: &[&str] =
    &["read:clients", "read:client_keys", "read:client_credentials", "read:client_summary"];

const READ_LOGS: &[&str] = &["read:logs", "read:logs_users"];

const READ_ROLE_MEMBERS: &[&str] = &["read:users", "read:roles", "read:role_members"];

/// Every operation there is.
#[rustfmt::skip]
pub const OPERATIONS: &[Operation] = &[
    op("GET",    "/clients",                       READ_CLIENTS),
    op("POST",   "/clients",                       &["create:clients"]),
    op("GET",    "/clients/{id}",                  READ_CLIENTS),
    op("PATCH",  "/clients/{id}",                  &["update:clients", "update:client_keys", "update:client_credentials"]),
    op("DELETE", "/clients/{id}",                  &["delete:clients"]),
    op("POST",   "/clients/{id}/rotate-secret",    &["update:client_keys"]),
    op("GET",    "/clients/{id}/credentials",      &["read:client_credentials"]),
    op("POST",   "/clients/{id}/credentials",      &["create:client_credentials"]),
    op("GET",    "/clients/{id}/credentials/{credential_id}",    &["read:client_credentials"]),
    op("PATCH",  "/clients/{id}/credentials/{credential_id}",    &["update:client_credentials"]),
    op("DELETE", "/clients/{id}/credentials/{credential_id}",    &["delete:client_credentials"]),
    op("GET",    "/resource-servers",              &["read:resource_servers"]),
    op("POST",   "/resource-servers",              &["create:resource_servers"]),
    op("GET",    "/resource-servers/{id}",         &["read:resource_servers"]),
    op("PATCH",  "/resource-servers/{id}",         &["update:resource_servers"]),
    op("DELETE", "/resource-servers/{id}",         &["delete:resource_servers"]),
    op("GET",    "/resource-servers/{id}/usage",   &["read:resource_servers"]),
    op("GET",    "/client-grants",                 &["read:client_grants"]),
    op("POST",   "/client-grants",                 &["create:client_grants"]),
    op("GET",    "/client-grants/{id}",            &["read:client_grants"]),
    op("PATCH",  "/client-grants/{id}",            &["update:client_grants"]),
    op("DELETE", "/client-grants/{id}",            &["delete:client_grants"]),
    op("GET",    "/users",                         &["read:users"]),
    op("POST",   "/users",                         &["create:users"]),
    op("GET",    "/users/{id}",                    &["read:users"]),
    op("PATCH",  "/users/{id}",                    &["update:users", "update:users_app_metadata"]),
    op("DELETE", "/users/{id}",                    &["delete:users"]),
    op("GET",    "/users-by-email",                &["read:users"]),
    op("GET",    "/users/{id}/permissions",        &["read:users"]),
    op("POST",   "/users/{id}/permissions",        &["update:users"]),
    op("DELETE", "/users/{id}/permissions",        &["update:users"]),
    op("GET",    "/connections",                   &["read:connections"]),
    op("POST",   "/connections",                   &["create:connections"]),
    op("GET",    "/connections/{id}",              &["read:connections"]),
    op("PATCH",  "/connections/{id}",              &["update:connections"]),
    op("DELETE", "/connections/{id}",              &["delete:connections"]),
    op("GET",    "/connections/{id}/clients",      &["read:connections"]),
    op("PATCH",  "/connections/{id}/clients",      &["update:connections"]),
    op("GET",    "/connections/{id}/status",       &["read:connections"]),
    op("DELETE", "/connections/{id}/users",        &["delete:users"]),
    op("GET",    "/clients/{id}/connections",      &["read:connections", "read:clients", "read:client_summary"]),
    op("GET",    "/users/{id}/logs",               READ_LOGS),
    op("GET",    "/logs",                          READ_LOGS),
    op("GET",    "/logs/{id}",                     READ_LOGS),
    op("GET",    "/organizations",                 &["read:organizations", "read:organizations_summary"]),
    op("POST",   "/organizations",                 &["create:organizations"]),
    op("GET",    "/organizations/{id}",            &["read:organizations", "read:organizations_summary"]),
    op("DELETE", "/organizations/{id}",            &["delete:organizations"]),
    op("GET",    "/organizations/{id}/members",    &["read:organization_members"]),
    op("POST",   "/organizations/{id}/members",    &["create:organization_members"]),
    op("DELETE", "/organizations/{id}/members",    &["delete:organization_members"]),
    op("GET",    "/roles",                        &["read:roles"]),
    op("POST",   "/roles",                        &["create:roles"]),
    op("GET",    "/roles/{id}",                   &["read:roles"]),
    op("PATCH",  "/roles/{id}",                   &["update:roles"]),
    op("DELETE", "/roles/{id}",                   &["delete:roles"]),
    op("GET",    "/rules",                        &["read:rules"]),
    op("POST",   "/rules",                        &["create:rules"]),
    op("GET",    "/rules/{id}",                   &["read:rules"]),
    op("PATCH",  "/rules/{id}",                   &["update:rules"]),
    op("DELETE", "/rules/{id}",                   &["delete:rules"]),
    op("GET",    "/rules-configs",                &["read:rules_configs"]),
    op("PUT",    "/rules-configs/{key}",          &["update:rules_configs"]),
    op("DELETE", "/rules-configs/{key}",          &["delete:rules_configs"]),
    op("GET",    "/roles/{id}/permissions",       &["read:roles"]),
    op("POST",   "/roles/{id}/permissions",       &["update:roles"]),
    op("DELETE", "/roles/{id}/permissions",       &["update:roles"]),
    op("GET",    "/roles/{id}/users",             READ_ROLE_MEMBERS),
    op("POST",   "/roles/{id}/users",             &["update:roles", "create:role_members"]),
    op("GET",    "/users/{id}/roles",             READ_ROLE_MEMBERS),
    op("POST",   "/users/{id}/roles",             &["update:users", "create:role_members"]),
    op("DELETE", "/users/{id}/roles",             &["update:users", "delete:role_members"]),
    op("GET",    "/refresh-tokens",                &["read:refresh_tokens"]),
    op("POST",   "/refresh-tokens/revoke",         &["delete:refresh_tokens"]),
    op("GET",    "/refresh-tokens/{id}",           &["read:refresh_tokens"]),
    op("PATCH",  "/refresh-tokens/{id}",           &["update:refresh_tokens"]),
    op("DELETE", "/refresh-tokens/{id}",           &["delete:refresh_tokens"]),
    op("GET",    "/users/{id}/refresh-tokens",     &["read:refresh_tokens"]),
    op("DELETE", "/users/{id}/refresh-tokens",     &["delete:refresh_tokens"]),
    op("GET",    "/sessions/{id}",                 &["read:sessions"]),
    op("DELETE", "/sessions/{id}",                 &["delete:sessions"]),
    op("POST",   "/sessions/{id}/revoke",          &["delete:sessions", "delete:refresh_tokens"]),
    op("GET",    "/users/{id}/sessions",           &["read:sessions"]),
    op("DELETE", "/users/{id}/sessions",           &["delete:sessions"]),
    op("GET",    "/grants",                        &["read:grants"]),
    op("DELETE", "/grants",                        &["delete:grants"]),
    op("DELETE", "/grants/{id}",                   &["delete:grants"]),
    op("GET",    "/device-credentials",            &["read:device_credentials"]),
    op("DELETE", "/device-credentials/{id}",       &["delete:device_credentials"]),
    op("GET",    "/tenants/settings",              &["read:tenant_settings"]),
    op("PATCH",  "/tenants/settings",              &["update:tenant_settings"]),
    op("POST",   "/jobs/users-imports",            &["create:users"]),
    op("POST",   "/jobs/users-exports",            &["read:users"]),
    op("GET",    "/jobs/{id}",                     &["create:users", "read:users"]),
    op("GET",    "/jobs/{id}/errors",              &["create:users", "read:users"]),
    op("GET",    "/custom-domains",                &["read:custom_domains"]),
    op("GET",    "/keys/signing",                  &["read:signing_keys"]),
    op("POST",   "/keys/signing/rotate",           &["create:signing_keys", "update:signing_keys"]),
    op("GET",    "/keys/signing/{kid}",            &["read:signing_keys"]),
    op("PUT",    "/keys/signing/{kid}/revoke",     &["update:signing_keys"]),
    op("POST",   "/tickets/password-change",       &["create:user_tickets"]),
    op("POST",   "/tickets/email-verification",    &["create:user_tickets"]),
    op("POST",   "/jobs/verification-email",       &["update:users"]),
    op("GET",    "/organizations/name/{name}", &["read:organizations"]),
    op("PATCH",  "/organizations/{id}", &["update:organizations"]),
    op("GET",    "/users/{id}/organizations", &["read:organizations"]),
    op("PATCH",  "/sessions/{id}", &["update:sessions"]),
    op("POST",   "/users/{id}/revoke-access", &["delete:sessions", "delete:refresh_tokens"]),
    op("GET",    "/users/{id}/effective-roles", &["read:user_effective_roles"]),
    op("GET",    "/users/{id}/effective-permissions", &["read:user_effective_permissions"]),
    op("GET",    "/stats/active-users", &["read:stats"]),
    op("GET",    "/stats/daily", &["read:stats"]),
    // Extensions of this server.
    op("GET",    "/stats/activity", &["read:stats"]),
    op("GET",    "/stats/totals", &["read:stats"]),
    op("GET",    "/stats/attention", &["read:stats"]),
    op("GET",    "/logs/types", READ_LOGS),
    op("GET",    "/user-blocks", &["read:users"]),
    op("DELETE", "/user-blocks", &["update:users"]),
    op("GET",    "/user-blocks/{id}", &["read:users"]),
    op("DELETE", "/user-blocks/{id}", &["update:users"]),
    op("GET",    "/anomaly/blocks/ips/{id}", &["read:anomaly_blocks"]),
    op("DELETE", "/anomaly/blocks/ips/{id}", &["delete:anomaly_blocks"]),
    op("GET",    "/users/{id}/effective-permissions/sources/effective-roles", &["read:user_permission_source_roles"]),
    // An extension of this server.
    op("POST",   "/refresh-tokens/explain",        &["read:refresh_tokens"]),
    // Extensions of this server.
    op("GET",    "/refresh-token-families/{id}",   &["read:refresh_tokens"]),
    op("GET",    "/users/{id}/refresh-token-families", &["read:refresh_tokens"]),
    op("GET",    "/actions/actions",              &["read:actions"]),
    op("POST",   "/actions/actions",              &["create:actions"]),
    op("GET",    "/actions/actions/{id}",         &["read:actions"]),
    op("PATCH",  "/actions/actions/{id}",         &["update:actions"]),
    op("DELETE", "/actions/actions/{id}",         &["delete:actions"]),
    op("POST",   "/actions/actions/{id}/deploy",  &["create:actions"]),
    op("POST",   "/actions/actions/{id}/test",    &["create:actions"]),
    op("GET",    "/actions/actions/{id}/versions", &["read:actions"]),
    op("GET",    "/actions/actions/{id}/versions/{version_id}", &["read:actions"]),
    op("POST",   "/actions/actions/{id}/versions/{version_id}/deploy", &["create:actions"]),
    // An extension of this server.
    op("GET",    "/actions/actions/{id}/executions", &["read:actions"]),
    op("GET",    "/actions/executions/{id}",      &["read:actions"]),
    // Extensions of this server.
    op("POST",   "/actions/check",                &["create:actions", "update:actions", "create:rules", "update:rules"]),
    op("GET",    "/actions/triggers/{id}/sample-events", &["read:actions"]),
    op("GET",    "/actions/triggers",             &["read:actions"]),
    op("GET",    "/actions/triggers/{id}/bindings", &["read:actions"]),
    op("PATCH",  "/actions/triggers/{id}/bindings", &["update:actions"]),
    op("GET",   "/attack-protection/brute-force-protection", &["read:attack_protection"]),
    op("PATCH", "/attack-protection/brute-force-protection", &["update:attack_protection"]),
    op("GET",   "/attack-protection/suspicious-ip-throttling", &["read:attack_protection"]),
    op("PATCH", "/attack-protection/suspicious-ip-throttling", &["update:attack_protection"]),
    op("GET",   "/attack-protection/breached-password-detection", &["read:attack_protection"]),
    op("PATCH", "/attack-protection/breached-password-detection", &["update:attack_protection"]),
    op("GET",    "/organizations/{id}/client-grants", &["read:organization_client_grants"]),
    op("GET",    "/organizations/{id}/connections", &["read:organization_connections"]),
    op("GET",    "/organizations/{id}/enabled_connections", &["read:organization_connections"]),
];

/// Every scope of the Management API, sorted, once: the scopes of its resource server.
pub fn scopes() -> Vec<&'static str> {
    let mut all: Vec<_> = OPERATIONS.iter().flat_map(|o| o.scopes.iter().copied()).collect();
    all.push("create:client_keys");
    all.sort_unstable();
    all.dedup();
    all
}

/// What shows the secrets of applications: who has one of these can act as any of them.
const REVEALING: &[&str] = &["read:client_credentials", "read:client_keys"];

/// The scopes of those who may look at everything and change nothing, sorted: what is a secret is
/// not among them.
pub fn reading_scopes() -> Vec<&'static str> {
    let is_harmless = |scope: &&str| scope.starts_with("read:") && !REVEALING.contains(scope);
    scopes().into_iter().filter(is_harmless).collect()
}

/// The first scope of `wanted` that is not among `held`: who has `held` may not give `wanted` to
/// anybody, nor become somebody who has it.
pub fn beyond<'a>(held: &ScopeSet, wanted: &'a ScopeSet) -> Option<&'a str> {
    wanted.iter().find(|scope| !held.contains(scope))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn nobody_reaches_beyond_what_they_have() {
        for (held, wanted, expected) in [
            ("read:a write:a", "read:a",         None),
            ("read:a write:a", "write:a read:a", None),
            ("read:a",         "",               None),
            ("",               "",               None),
            ("read:a",         "read:a write:a", Some("write:a")),
            ("",               "read:a",         Some("read:a")),
        ] {
            let (held, wanted) = (ScopeSet::parse(held), ScopeSet::parse(wanted));
            assert_eq!(beyond(&held, &wanted), expected, "{held} / {wanted}");
        }
    }

    #[test]
    fn who_only_reads_sees_no_secret_and_changes_nothing() {
        let reading = reading_scopes();
        assert!(reading.contains(&"read:clients") && reading.contains(&"read:logs"));
        assert!(!reading.contains(&"read:client_keys"));
        assert!(!reading.contains(&"read:client_credentials"));
        assert!(reading.iter().all(|scope| scope.starts_with("read:")));
    }

    #[test]
    fn every_operation_needs_a_scope_and_stands_once() {
        for (i, operation) in OPERATIONS.iter().enumerate() {
            assert!(!operation.scopes.is_empty(), "{operation:?}");
            let twin = |o: &Operation| o.method == operation.method && o.path == operation.path;
            assert!(!OPERATIONS[..i].iter().any(twin), "{operation:?} stands twice");
        }
        assert!(scopes().is_sorted());
    }
}
