//! The Management API, `/api/v2`.
//!
//! Each resource is a list of fields (what may be written, [`schema`]), a view (what is answered)
//! and a handler for each row of [`OPERATIONS`].

mod actions;
mod attack_protection;
mod authority;
mod blocks;
mod change;
mod client_credentials;
mod client_grants;
mod clients;
mod code;
mod condition;
mod connections;
mod custom_domains;
mod description;
mod device_credentials;
mod explain;
mod families;
pub mod formats;
mod gate;
mod grants;
pub mod jobs;
mod logs;
mod merge;
mod objects;
mod openapi;
mod organization_parts;
mod organizations;
mod page;
mod path_id;
mod query;
mod refresh_tokens;
mod resource_servers;
mod role_permissions;
mod role_users;
mod roles;
mod rules;
mod rules_configs;
mod schema;
mod sessions;
mod signing_keys;
mod stats;
mod tenant_settings;
mod tickets;
mod unbuilt;
mod unsupported;
mod user_permissions;
mod users;
mod validation;
mod verification_email;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderValue, header},
    middleware,
    response::Response,
    routing::{MethodRouter, delete, get, patch, post, put},
};

use self::gate::Gate;
use crate::http::{App, dpop, error::management::ManagementError};
use crate::policy::management::{OPERATIONS, Operation, unbuilt::UNBUILT};

/// The largest request body in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// How often a read-modify-write is tried before it gives way to the other editors.
const ATTEMPTS: usize = 5;

/// Every route of the Management API, to be nested at `/api/v2`.
pub fn router(app: &App) -> Router<App> {
    let gate = |operation: &Operation| {
        let gate = Gate { app: app.clone(), operation: *operation };
        middleware::from_fn_with_state(gate, gate::pass)
    };
    let mut router = Router::new();
    for operation in OPERATIONS {
        let Some(route) = handler(operation) else { continue };
        router = router.route(operation.path, route.route_layer(gate(operation)));
    }
    for operation in UNBUILT {
        let route = unbuilt::refusal(operation).route_layer(gate(operation));
        router = router.route(operation.path, route);
    }
    router
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(app.clone(), dpop::fresh_nonce))
        .layer(middleware::map_response(forbid_caching))
        .merge(openapi::router(&app.settings))
}

#[rustfmt::skip]
fn handler(operation: &Operation) -> Option<MethodRouter<App>> {
    Some(match (operation.method, operation.path) {
        ("GET",    "/clients")                    => get(clients::list),
        ("POST",   "/clients")                    => post(clients::create),
        ("GET",    "/clients/{id}")               => get(clients::read),
        ("PATCH",  "/clients/{id}")               => patch(clients::update),
        ("DELETE", "/clients/{id}")               => delete(clients::remove),
        ("POST",   "/clients/{id}/rotate-secret") => post(clients::rotate_secret),
        ("GET",    "/clients/{id}/credentials")   => get(client_credentials::list),
        ("POST",   "/clients/{id}/credentials")   => post(client_credentials::create),
        ("GET",    "/clients/{id}/credentials/{credential_id}")    => get(client_credentials::read),
        ("PATCH",  "/clients/{id}/credentials/{credential_id}")    => patch(client_credentials::update),
        ("DELETE", "/clients/{id}/credentials/{credential_id}")    => delete(client_credentials::remove),
        ("GET",    "/resource-servers")           => get(resource_servers::list),
        ("POST",   "/resource-servers")           => post(resource_servers::create),
        ("GET",    "/resource-servers/{id}")      => get(resource_servers::read),
        ("PATCH",  "/resource-servers/{id}")      => patch(resource_servers::update),
        ("DELETE", "/resource-servers/{id}")      => delete(resource_servers::remove),
        ("GET",    "/resource-servers/{id}/usage") => get(resource_servers::usage::read),
        ("GET",    "/client-grants")              => get(client_grants::list),
        ("POST",   "/client-grants")              => post(client_grants::create),
        ("GET",    "/client-grants/{id}")         => get(client_grants::read),
        ("PATCH",  "/client-grants/{id}")         => patch(client_grants::update),
        ("DELETE", "/client-grants/{id}")         => delete(client_grants::remove),
        ("GET",    "/users")                      => get(users::list),
        ("POST",   "/users")                      => post(users::create),
        ("GET",    "/users/{id}")                 => get(users::read),
        ("PATCH",  "/users/{id}")                 => patch(users::update),
        ("DELETE", "/users/{id}")                 => delete(users::remove),
        ("GET",    "/users-by-email")             => get(users::by_email),
        ("GET",    "/users/{id}/permissions")     => get(user_permissions::list),
        ("POST",   "/users/{id}/permissions")     => post(user_permissions::add),
        ("DELETE", "/users/{id}/permissions")     => delete(user_permissions::remove),
        ("GET",    "/connections")                => get(connections::list),
        ("POST",   "/connections")                => post(connections::create),
        ("GET",    "/connections/{id}")           => get(connections::read),
        ("PATCH",  "/connections/{id}")           => patch(connections::update),
        ("DELETE", "/connections/{id}")           => delete(connections::remove),
        ("GET",    "/connections/{id}/clients")   => get(connections::clients::list),
        ("PATCH",  "/connections/{id}/clients")   => patch(connections::clients::update),
        ("GET",    "/connections/{id}/status")    => get(connections::status),
        ("DELETE", "/connections/{id}/users")     => delete(connections::remove_user),
        ("GET",    "/clients/{id}/connections")   => get(connections::clients::connections_of_client),
        ("GET",    "/users/{id}/logs")            => get(logs::of_user),
        ("GET",    "/logs")                       => get(logs::list),
        ("GET",    "/logs/{id}")                  => get(logs::read),
        ("GET",    "/organizations")              => get(organizations::list),
        ("POST",   "/organizations")              => post(organizations::create),
        ("GET",    "/organizations/{id}")         => get(organizations::read),
        ("DELETE", "/organizations/{id}")         => delete(organizations::remove),
        ("GET",    "/organizations/{id}/members") => get(organizations::members),
        ("POST",   "/organizations/{id}/members") => post(organizations::add_members),
        ("DELETE", "/organizations/{id}/members") => delete(organizations::remove_members),
        ("GET",    "/roles")                      => get(roles::list),
        ("POST",   "/roles")                      => post(roles::create),
        ("GET",    "/roles/{id}")                 => get(roles::read),
        ("PATCH",  "/roles/{id}")                 => patch(roles::update),
        ("DELETE", "/roles/{id}")                 => delete(roles::remove),
        ("GET",    "/rules")                      => get(rules::list),
        ("POST",   "/rules")                      => post(rules::create),
        ("GET",    "/rules/{id}")                 => get(rules::read),
        ("PATCH",  "/rules/{id}")                 => patch(rules::update),
        ("DELETE", "/rules/{id}")                 => delete(rules::remove),
        ("GET",    "/rules-configs")              => get(rules_configs::list),
        ("PUT",    "/rules-configs/{key}")        => put(rules_configs::set),
        ("DELETE", "/rules-configs/{key}")        => delete(rules_configs::remove),
        ("GET",    "/roles/{id}/permissions")     => get(role_permissions::list),
        ("POST",   "/roles/{id}/permissions")     => post(role_permissions::add),
        ("DELETE", "/roles/{id}/permissions")     => delete(role_permissions::remove),
        ("GET",    "/roles/{id}/users")           => get(role_users::users_of_role),
        ("POST",   "/roles/{id}/users")           => post(role_users::add_users_to_role),
        ("GET",    "/users/{id}/roles")           => get(role_users::roles_of_user),
        ("POST",   "/users/{id}/roles")           => post(role_users::add_roles_to_user),
        ("DELETE", "/users/{id}/roles")           => delete(role_users::remove_roles_from_user),
        ("GET",    "/refresh-tokens")             => get(refresh_tokens::list),
        ("POST",   "/refresh-tokens/revoke")      => post(refresh_tokens::revoke),
        ("GET",    "/refresh-tokens/{id}")        => get(refresh_tokens::read),
        ("PATCH",  "/refresh-tokens/{id}")        => patch(refresh_tokens::update),
        ("DELETE", "/refresh-tokens/{id}")        => delete(refresh_tokens::remove),
        ("GET",    "/users/{id}/refresh-tokens")  => get(refresh_tokens::list_of_user),
        ("DELETE", "/users/{id}/refresh-tokens")  => delete(refresh_tokens::remove_of_user),
        ("GET",    "/sessions/{id}")              => get(sessions::read),
        ("DELETE", "/sessions/{id}")              => delete(sessions::remove),
        ("POST",   "/sessions/{id}/revoke")       => post(sessions::revoke),
        ("GET",    "/users/{id}/sessions")        => get(sessions::list_of_user),
        ("DELETE", "/users/{id}/sessions")        => delete(sessions::remove_of_user),
        ("GET",    "/grants")                     => get(grants::list),
        ("DELETE", "/grants")                     => delete(grants::remove_of_user),
        ("DELETE", "/grants/{id}")                => delete(grants::remove),
        ("GET",    "/device-credentials")         => get(device_credentials::list),
        ("DELETE", "/device-credentials/{id}")    => delete(device_credentials::remove),
        ("GET",    "/tenants/settings")           => get(tenant_settings::read),
        ("PATCH",  "/tenants/settings")           => patch(tenant_settings::update),
        ("POST",   "/refresh-tokens/explain")     => post(explain::explain),
        ("GET",    "/refresh-token-families/{id}") => get(families::read),
        ("GET",    "/users/{id}/refresh-token-families") => get(families::list_of_user),
        ("POST",   "/jobs/users-imports")         => post(jobs::import).layer(DefaultBodyLimit::disable()),
        ("POST",   "/jobs/users-exports")         => post(jobs::export),
        ("GET",    "/jobs/{id}")                  => get(jobs::read),
        ("GET",    "/jobs/{id}/errors")           => get(jobs::errors),
        ("GET",    "/organizations/{id}/connections") => get(organization_parts::connections),
        ("GET",    "/organizations/{id}/enabled_connections") => get(organization_parts::enabled_connections),
        ("GET",    "/organizations/{id}/client-grants") => get(organization_parts::client_grants),
        ("GET",    "/organizations/name/{name}") => get(organizations::read_by_name),
        ("PATCH",  "/organizations/{id}") => patch(organizations::update),
        ("GET",    "/users/{id}/organizations") => get(organizations::list_of_user),
        ("PATCH",  "/sessions/{id}") => patch(sessions::update),
        ("POST",   "/users/{id}/revoke-access") => post(sessions::revoke_access),
        ("GET",    "/users/{id}/effective-roles") => get(role_users::effective_roles),
        ("GET",    "/users/{id}/effective-permissions") => get(user_permissions::effective),
        ("GET",    "/stats/active-users") => get(stats::active_users),
        ("GET",    "/stats/daily") => get(stats::daily),
        ("GET",    "/stats/activity") => get(stats::activity::activity),
        ("GET",    "/stats/totals") => get(stats::totals::totals),
        ("GET",    "/stats/attention") => get(stats::attention::attention),
        ("GET",    "/logs/types") => get(logs::types),
        ("GET",    "/user-blocks") => get(blocks::list_by_identifier),
        ("DELETE", "/user-blocks") => delete(blocks::remove_by_identifier),
        ("GET",    "/user-blocks/{id}") => get(blocks::list),
        ("DELETE", "/user-blocks/{id}") => delete(blocks::remove),
        ("GET",    "/anomaly/blocks/ips/{id}") => get(blocks::check_ip),
        ("DELETE", "/anomaly/blocks/ips/{id}") => delete(blocks::unblock_ip),
        ("GET",    "/users/{id}/effective-permissions/sources/effective-roles") => get(role_users::roles_behind_permission),
        ("POST",   "/tickets/password-change")    => post(tickets::password_change),
        ("POST",   "/tickets/email-verification") => post(tickets::email_verification),
        ("POST",   "/jobs/verification-email")    => post(verification_email::create),
        ("GET",    "/custom-domains")             => get(custom_domains::list),
        ("GET",    "/keys/signing")               => get(signing_keys::list),
        ("POST",   "/keys/signing/rotate")        => post(signing_keys::rotate),
        ("GET",    "/keys/signing/{kid}")         => get(signing_keys::read),
        ("PUT",    "/keys/signing/{kid}/revoke")  => put(signing_keys::revoke),
        ("GET",    "/actions/actions")            => get(actions::list),
        ("POST",   "/actions/actions")            => post(actions::create),
        ("GET",    "/actions/actions/{id}")       => get(actions::read),
        ("PATCH",  "/actions/actions/{id}")       => patch(actions::update),
        ("DELETE", "/actions/actions/{id}")       => delete(actions::remove),
        ("POST",   "/actions/actions/{id}/deploy") => post(actions::versions::deploy),
        ("POST",   "/actions/actions/{id}/test")  => post(actions::trial::run),
        ("GET",    "/actions/actions/{id}/versions") => get(actions::versions::list),
        ("GET",    "/actions/actions/{id}/versions/{version_id}") => get(actions::versions::read),
        ("POST",   "/actions/actions/{id}/versions/{version_id}/deploy") => post(actions::versions::rollback),
        ("GET",    "/actions/actions/{id}/executions") => get(actions::executions::list),
        ("GET",    "/actions/executions/{id}")    => get(actions::executions::read),
        ("POST",   "/actions/check")              => post(actions::checking::check),
        ("GET",    "/actions/triggers")           => get(actions::triggers::list),
        ("GET",    "/actions/triggers/{id}/sample-events") => get(actions::triggers::sample_events),
        ("GET",    "/actions/triggers/{id}/bindings") => get(actions::bindings::list),
        ("PATCH",  "/actions/triggers/{id}/bindings") => patch(actions::bindings::update),
        ("GET",    "/attack-protection/brute-force-protection")        => get(attack_protection::read_brute_force),
        ("PATCH",  "/attack-protection/brute-force-protection")        => patch(attack_protection::update_brute_force),
        ("GET",    "/attack-protection/suspicious-ip-throttling")      => get(attack_protection::read_suspicious_ip),
        ("PATCH",  "/attack-protection/suspicious-ip-throttling")      => patch(attack_protection::update_suspicious_ip),
        ("GET",    "/attack-protection/breached-password-detection")   => get(attack_protection::read_breached_passwords),
        ("PATCH",  "/attack-protection/breached-password-detection")   => patch(attack_protection::update_breached_passwords),
        _ => return None,
    })
}

/// Nothing here; also the answer to `/api/v2/` itself.
pub async fn unknown_path() -> ManagementError {
    ManagementError::NotFound { code: None, message: "Not Found" }
}

async fn wrong_method() -> ManagementError {
    ManagementError::MethodNotAllowed
}

async fn forbid_caching(mut response: Response) -> Response {
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, no_store);
    response
}

/// Somebody else kept editing the same resource.
fn edited_elsewhere() -> ManagementError {
    ManagementError::Conflict {
        code: None,
        message: "The resource was changed by another request. Read it and try again.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_handler() {
        for operation in OPERATIONS {
            assert!(handler(operation).is_some(), "{operation:?}");
        }
    }
}
