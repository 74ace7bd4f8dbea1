//! What each operation takes and answers, beside what the table of routes says of it: the query
//! parameters, the body, the status. The OpenAPI document is generated from it, from the fields that
//! validate bodies, and from the routes; tests compare it with what the handlers do.

use super::{
    actions, attack_protection, client_credentials, client_grants, clients, connections, explain,
    jobs, organization_parts, organizations, page,
    query::Fields,
    refresh_tokens, resource_servers, role_permissions, role_users, roles, rules, rules_configs,
    schema::{BOOLEAN, Field, Kind, TEXT, array_of, field, integer, one_of, text},
    sessions, stats, tenant_settings, tickets, user_permissions, users,
    validation::Writing,
    verification_email,
};
use crate::policy::management::Operation;

/// What an operation takes and answers.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    method: &'static str,
    path: &'static str,
    /// The names of its query parameters, in groups.
    pub query: &'static [&'static [&'static str]],
    /// Those of them that must be given.
    pub needs: &'static [&'static str],
    /// Its body.
    pub body: Option<Body>,
    /// Whether there may be none.
    pub may_omit_body: bool,
    /// The status of a success.
    pub status: u16,
    /// Sets of scopes of which a token needs one whole set, where it is not any one scope of the
    /// route.
    pub scopes: &'static [&'static [&'static str]],
}

/// A request body.
#[derive(Debug, Clone, Copy)]
pub enum Body {
    /// A JSON object.
    Members {
        /// Its members.
        fields: &'static [Field],
        /// Whether something new is written, or a part of something.
        writing: Writing,
        /// Fewest members.
        least: usize,
    },
    /// Any other JSON.
    Json(&'static Kind),
    /// A form with a file (`multipart/form-data`, RFC 7578).
    Form(&'static [Field]),
}

const fn to(method: &'static str, path: &'static str) -> Description {
    Description {
        method,
        path,
        query: &[],
        needs: &[],
        body: None,
        may_omit_body: false,
        status: 200,
        scopes: &[],
    }
}

impl Description {
    const fn query(self, query: &'static [&'static [&'static str]]) -> Self {
        Self { query, ..self }
    }
    const fn needs(self, needs: &'static [&'static str]) -> Self {
        Self { needs, ..self }
    }
    const fn creates(self, fields: &'static [Field]) -> Self {
        self.with(Body::Members { fields, writing: Writing::Create, least: 0 })
    }
    const fn updates(self, fields: &'static [Field]) -> Self {
        self.with(Body::Members { fields, writing: Writing::Update, least: 0 })
    }
    /// An update that must change something.
    const fn changes(self, fields: &'static [Field]) -> Self {
        self.with(Body::Members { fields, writing: Writing::Update, least: 1 })
    }
    const fn takes(self, kind: &'static Kind) -> Self {
        self.with(Body::Json(kind))
    }
    const fn uploads(self, fields: &'static [Field]) -> Self {
        self.with(Body::Form(fields))
    }
    const fn with(self, body: Body) -> Self {
        Self { body: Some(body), ..self }
    }
    const fn or_none(self) -> Self {
        Self { may_omit_body: true, ..self }
    }
    const fn answers(self, status: u16) -> Self {
        Self { status, ..self }
    }
    const fn scopes(self, scopes: &'static [&'static [&'static str]]) -> Self {
        Self { scopes, ..self }
    }
}

const FIELDS: &[&str] = Fields::PARAMETERS;
const OF_A_USER: &[&[&str]] = &[page::CHECKPOINT, &["include_totals"]];

/// The parts of the form that brings users.
#[rustfmt::skip]
const IMPORT: &[Field] = &[
    field("users", TEXT, "The file: a JSON array of users.").required(),
    field("connection_id", TEXT, "The connection of the users.").required(),
    field("upsert", BOOLEAN, "Whether users that exist already are changed."),
    field("external_id", TEXT, "An id of the caller's own."),
    field("send_completion_email", BOOLEAN, "Whether administrators hear of the end by e-mail."),
];

/// A row for each operation.
#[rustfmt::skip]
const DESCRIPTIONS: &[Description] = &[
    to("GET",    "/clients").query(&[FIELDS, page::OFFSET, page::CHECKPOINT, clients::FILTERS]),
    to("POST",   "/clients").creates(clients::CLIENT).answers(201),
    to("GET",    "/clients/{id}").query(&[FIELDS]),
    to("PATCH",  "/clients/{id}").changes(clients::CLIENT),
    to("DELETE", "/clients/{id}").answers(204),
    to("POST",   "/clients/{id}/rotate-secret"),
    to("GET",    "/clients/{id}/credentials").query(&[page::OFFSET]),
    to("POST",   "/clients/{id}/credentials").creates(client_credentials::CREDENTIAL).answers(201),
    to("GET",    "/clients/{id}/credentials/{credential_id}"),
    to("PATCH",  "/clients/{id}/credentials/{credential_id}").changes(client_credentials::EXPIRY),
    to("DELETE", "/clients/{id}/credentials/{credential_id}").answers(204),
    to("GET",    "/resource-servers").query(&[FIELDS, page::OFFSET, resource_servers::FILTERS]),
    to("POST",   "/resource-servers").creates(resource_servers::RESOURCE_SERVER).answers(201),
    to("GET",    "/resource-servers/{id}").query(&[FIELDS]),
    to("PATCH",  "/resource-servers/{id}").updates(resource_servers::RESOURCE_SERVER),
    to("DELETE", "/resource-servers/{id}").answers(204),
    to("GET",    "/resource-servers/{id}/usage"),
    to("GET",    "/client-grants").query(&[page::OFFSET, page::CHECKPOINT, client_grants::FILTERS]),
    to("POST",   "/client-grants").creates(client_grants::CLIENT_GRANT).answers(201),
    to("GET",    "/client-grants/{id}"),
    to("PATCH",  "/client-grants/{id}").changes(client_grants::CLIENT_GRANT),
    to("DELETE", "/client-grants/{id}").answers(204),
    to("GET",    "/users").query(&[FIELDS, page::OFFSET, users::SEARCH]),
    to("POST",   "/users").creates(users::USER).answers(201),
    to("GET",    "/users/{id}").query(&[FIELDS]),
    to("PATCH",  "/users/{id}").updates(users::USER),
    to("DELETE", "/users/{id}").answers(204),
    to("GET",    "/users-by-email").query(&[FIELDS, &["email"]]).needs(&["email"]),
    to("GET",    "/users/{id}/permissions").query(&[page::OFFSET]),
    to("POST",   "/users/{id}/permissions").creates(user_permissions::PERMISSIONS).answers(201),
    to("DELETE", "/users/{id}/permissions").creates(user_permissions::PERMISSIONS).answers(204),
    to("GET",    "/users/{id}/logs").query(&[page::OFFSET, &["sort"]]),
    to("GET",    "/logs").query(&[FIELDS, page::OFFSET, page::CHECKPOINT, &["q", "search", "sort"]]),
    to("GET",    "/logs/{id}"),
    to("GET",    "/organizations").query(&[page::OFFSET, page::CHECKPOINT]),
    to("POST",   "/organizations").creates(organizations::ORGANIZATION).answers(201),
    to("GET",    "/organizations/{id}"),
    to("DELETE", "/organizations/{id}").answers(204),
    to("GET",    "/organizations/{id}/members").query(&[FIELDS, page::OFFSET, page::CHECKPOINT]),
    to("POST",   "/organizations/{id}/members").creates(organizations::MEMBERS).answers(204),
    to("DELETE", "/organizations/{id}/members").creates(organizations::MEMBERS).answers(204),
    to("GET",    "/roles").query(&[page::OFFSET, &["name_filter", "type"]]),
    to("POST",   "/roles").creates(roles::ROLE),
    to("GET",    "/roles/{id}"),
    to("PATCH",  "/roles/{id}").updates(roles::ROLE),
    to("DELETE", "/roles/{id}"),
    to("GET",    "/rules").query(&[FIELDS, page::OFFSET, &["enabled"]]),
    to("POST",   "/rules").creates(rules::RULE).answers(201),
    to("GET",    "/rules/{id}").query(&[FIELDS]),
    to("PATCH",  "/rules/{id}").changes(rules::RULE),
    to("DELETE", "/rules/{id}").answers(204),
    to("GET",    "/rules-configs").query(&[page::OFFSET]),
    to("PUT",    "/rules-configs/{key}").creates(rules_configs::VALUE),
    to("DELETE", "/rules-configs/{key}").answers(204),
    to("GET",    "/roles/{id}/permissions").query(&[page::OFFSET]),
    to("POST",   "/roles/{id}/permissions").creates(role_permissions::PERMISSIONS).answers(201),
    to("DELETE", "/roles/{id}/permissions").creates(role_permissions::PERMISSIONS).answers(204),
    to("GET",    "/roles/{id}/users").query(&[page::OFFSET, page::CHECKPOINT])
        .scopes(&[&["read:role_members"], &["read:users", "read:roles"]]),
    to("POST",   "/roles/{id}/users").creates(role_users::USERS),
    to("GET",    "/users/{id}/roles").query(&[page::OFFSET]),
    to("POST",   "/users/{id}/roles").creates(role_users::ROLES).answers(204),
    to("DELETE", "/users/{id}/roles").creates(role_users::ROLES).answers(204),
    to("GET",    "/refresh-tokens").query(&[page::CHECKPOINT, FIELDS, &["user_id", "client_id"]]).needs(&["user_id"]),
    to("POST",   "/refresh-tokens/revoke").creates(refresh_tokens::REVOCATION).answers(202),
    to("GET",    "/refresh-tokens/{id}").query(&[FIELDS]),
    to("PATCH",  "/refresh-tokens/{id}").changes(refresh_tokens::CHANGE),
    to("DELETE", "/refresh-tokens/{id}").answers(202),
    to("GET",    "/users/{id}/refresh-tokens").query(OF_A_USER),
    to("DELETE", "/users/{id}/refresh-tokens").answers(202),
    to("GET",    "/sessions/{id}"),
    to("DELETE", "/sessions/{id}").answers(202),
    to("POST",   "/sessions/{id}/revoke").answers(202),
    to("GET",    "/users/{id}/sessions").query(OF_A_USER),
    to("DELETE", "/users/{id}/sessions").answers(202),
    to("GET",    "/grants").query(&[page::OFFSET, &["user_id", "client_id", "audience"]]),
    to("DELETE", "/grants").query(&[&["user_id"]]).needs(&["user_id"]).answers(204),
    to("DELETE", "/grants/{id}").answers(204),
    to("GET",    "/device-credentials").query(&[page::OFFSET, FIELDS, &["user_id", "client_id", "type"]]).needs(&["user_id"]),
    to("DELETE", "/device-credentials/{id}").answers(204),
    to("GET",    "/tenants/settings").query(&[FIELDS]),
    to("PATCH",  "/tenants/settings").changes(tenant_settings::TENANT_SETTINGS),
    to("GET",    "/custom-domains").query(&[page::CHECKPOINT, page::OFFSET, FIELDS, &["q", "sort"]]),
    to("GET",    "/keys/signing").query(&[page::OFFSET]),
    to("POST",   "/keys/signing/rotate").answers(201).scopes(&[&["create:signing_keys", "update:signing_keys"]]),
    to("GET",    "/keys/signing/{kid}"),
    to("PUT",    "/keys/signing/{kid}/revoke"),
    to("GET",    "/connections").query(&[FIELDS, page::OFFSET, page::CHECKPOINT, &["strategy", "name"]]),
    to("POST",   "/connections").creates(connections::CONNECTION).answers(201),
    to("GET",    "/connections/{id}").query(&[FIELDS]),
    to("PATCH",  "/connections/{id}").updates(connections::CONNECTION),
    to("DELETE", "/connections/{id}").answers(202),
    to("GET",    "/connections/{id}/clients").query(&[page::CHECKPOINT]),
    to("PATCH",  "/connections/{id}/clients").takes(&connections::CLIENT_STATUS).answers(204),
    to("GET",    "/connections/{id}/status"),
    to("DELETE", "/connections/{id}/users").query(&[&["email"]]).needs(&["email"]).answers(204),
    to("GET",    "/clients/{id}/connections").query(&[page::CHECKPOINT, FIELDS, &["strategy"]]),
    to("POST",   "/jobs/users-imports").uploads(IMPORT).answers(202),
    to("POST",   "/jobs/users-exports").creates(jobs::EXPORT),
    to("GET",    "/jobs/{id}"),
    to("GET",    "/jobs/{id}/errors"),
    to("POST",   "/tickets/password-change").creates(tickets::PASSWORD_CHANGE).answers(201),
    to("POST",   "/tickets/email-verification").creates(tickets::EMAIL_VERIFICATION).answers(201),
    to("POST",   "/jobs/verification-email").creates(verification_email::VERIFICATION_EMAIL).answers(201),
    to("GET",    "/organizations/name/{name}"),
    to("PATCH",  "/organizations/{id}").updates(organizations::ORGANIZATION),
    to("GET",    "/organizations/{id}/connections").query(&[page::OFFSET, organization_parts::OF_CONNECTIONS]),
    to("GET",    "/organizations/{id}/enabled_connections").query(&[page::OFFSET]),
    to("GET",    "/organizations/{id}/client-grants").query(&[page::OFFSET, organization_parts::OF_CLIENT_GRANTS]),
    to("GET",    "/users/{id}/organizations").query(&[page::OFFSET]),
    to("PATCH",  "/sessions/{id}").changes(sessions::CHANGE),
    to("POST",   "/users/{id}/revoke-access").creates(sessions::REVOCATION).answers(202),
    to("GET",    "/users/{id}/effective-roles").query(&[page::CHECKPOINT]),
    to("GET",    "/users/{id}/effective-permissions").query(&[page::CHECKPOINT, &["resource_server_identifier"]]).needs(&["resource_server_identifier"]),
    to("GET",    "/users/{id}/effective-permissions/sources/effective-roles").query(&[page::CHECKPOINT, &["resource_server_identifier", "permission_name"]]).needs(&["resource_server_identifier", "permission_name"]),
    to("GET",    "/stats/active-users"),
    to("GET",    "/stats/daily").query(&[&["from", "to"]]),
    to("GET",    "/stats/activity").query(&[stats::activity::PARAMETERS]),
    to("GET",    "/stats/totals"),
    to("GET",    "/stats/attention"),
    to("GET",    "/logs/types"),
    to("GET",    "/user-blocks").query(&[&["identifier", "consider_brute_force_enablement"]]).needs(&["identifier"]),
    to("DELETE", "/user-blocks").query(&[&["identifier"]]).needs(&["identifier"]).answers(204),
    to("GET",    "/user-blocks/{id}").query(&[&["consider_brute_force_enablement"]]),
    to("DELETE", "/user-blocks/{id}").answers(204),
    to("GET",    "/anomaly/blocks/ips/{id}"),
    to("DELETE", "/anomaly/blocks/ips/{id}").answers(204),
    to("GET",    "/actions/actions").query(&[actions::PAGE, actions::FILTERS]),
    to("POST",   "/actions/actions").creates(actions::ACTION).answers(201),
    to("GET",    "/actions/actions/{id}"),
    to("PATCH",  "/actions/actions/{id}").updates(actions::ACTION),
    to("DELETE", "/actions/actions/{id}").query(&[&["force"]]).answers(204),
    to("POST",   "/actions/actions/{id}/deploy"),
    to("POST",   "/actions/actions/{id}/test").creates(actions::TEST),
    to("GET",    "/actions/actions/{id}/versions").query(&[actions::PAGE]),
    to("GET",    "/actions/actions/{id}/versions/{version_id}"),
    to("POST",   "/actions/actions/{id}/versions/{version_id}/deploy").creates(actions::ROLLBACK).or_none().answers(202),
    to("GET",    "/actions/actions/{id}/executions").query(&[page::CHECKPOINT]),
    to("GET",    "/actions/executions/{id}"),
    to("POST",   "/actions/check").creates(actions::CHECK),
    to("GET",    "/actions/triggers"),
    to("GET",    "/actions/triggers/{id}/sample-events"),
    to("GET",    "/actions/triggers/{id}/bindings").query(&[actions::PAGE]),
    to("PATCH",  "/actions/triggers/{id}/bindings").creates(actions::BINDINGS),
    to("GET",    "/attack-protection/brute-force-protection"),
    to("PATCH",  "/attack-protection/brute-force-protection").updates(attack_protection::BRUTE_FORCE_PROTECTION),
    to("GET",    "/attack-protection/suspicious-ip-throttling"),
    to("PATCH",  "/attack-protection/suspicious-ip-throttling").updates(attack_protection::SUSPICIOUS_IP_THROTTLING),
    to("GET",    "/attack-protection/breached-password-detection"),
    to("PATCH",  "/attack-protection/breached-password-detection").updates(attack_protection::BREACHED_PASSWORD_DETECTION),
    to("POST",   "/refresh-tokens/explain").creates(explain::EXPLAIN),
    to("GET",    "/refresh-token-families/{id}"),
    to("GET",    "/users/{id}/refresh-token-families").query(&[page::CHECKPOINT, &["state"]]),
];

/// What is written down about an operation.
pub fn of(operation: &Operation) -> Option<&'static Description> {
    let is_it = |one: &&Description| one.method == operation.method && one.path == operation.path;
    DESCRIPTIONS.iter().find(is_it)
}

/// What the query parameters hold, by name; those that are not here hold text.
#[rustfmt::skip]
const PARAMETERS: &[(&str, Kind, &str)] = &[
    ("page", integer(0, 1_000_000_000), "The page, from 0."),
    ("per_page", integer(0, page::MOST), "Items on a page."),
    ("include_totals", BOOLEAN, "Whether to answer an object with totals instead of an array."),
    ("from", TEXT, "The cursor that the page before answered as `next`; of statistics where they begin."),
    ("take", integer(1, page::MOST), "Items on a page that is read by cursor."),
    ("fields", TEXT, "Names of members, separated by commas."),
    ("include_fields", BOOLEAN, "Whether `fields` are answered, or left out."),
    ("is_global", BOOLEAN, "Whether the application is the global one."),
    ("is_first_party", BOOLEAN, "Whether the application is of the first party."),
    ("app_type", TEXT, "Types of applications, separated by commas."),
    ("allow_any_organization", BOOLEAN, "Whether the grant is for every organization."),
    ("subject_type", one_of(&["client", "user"]), "Whose grants."),
    ("default_for", one_of(&["third_party_clients"]), "The group whose default the grant is."),
    ("identifiers", array_of(&TEXT, 0, 10), "Identifiers of APIs."),
    ("strategy", array_of(&TEXT, 0, 100), "Strategies of connections."),
    ("name", TEXT, "The name."),
    ("name_filter", text(0, roles::NAME_LENGTH), "A part of the name."),
    ("email", TEXT, "The address of the user."),
    ("user_id", TEXT, "The user."),
    ("client_id", TEXT, "The application."),
    ("audience", TEXT, "The identifier of the API."),
    ("q", TEXT, "What to search for."),
    ("search", TEXT, "Of logs what `q` is. Elsewhere a part of the name, in any case; of an application also the beginning of its id, of an API also a part of its identifier."),
    ("to", TEXT, "The last day, as YYYYMMDD; of `/stats/activity` a moment (ISO 8601)."),
    ("interval", one_of(stats::activity::INTERVALS), "How long each bucket is."),
    ("identifier", text(1, 320), "What the user logs in with."),
    ("consider_brute_force_enablement", BOOLEAN, "Whether blocks count only while brute-force protection is on."),
    ("triggerId", one_of(actions::TRIGGER_IDS), "The trigger that the Action is for."),
    ("actionName", TEXT, "The name of the Action."),
    ("deployed", BOOLEAN, "Whether some version of the Action is deployed."),
    ("installed", BOOLEAN, "Whether the Action comes from a marketplace, which none does."),
    ("force", BOOLEAN, "Whether an Action that is bound to a trigger is deleted, too."),
    ("is_enabled", BOOLEAN, "Whether the connection is enabled."),
    ("enabled", BOOLEAN, "Whether the rule is enabled."),
    ("sort", TEXT, "A member and `1` or `-1`, joined by a colon."),
];

/// What the query parameter `name` holds, and what it means.
pub fn parameter(name: &str) -> (Kind, &'static str) {
    let known = PARAMETERS.iter().find(|(known, ..)| *known == name);
    known.map_or((TEXT, ""), |(_, kind, about)| (*kind, *about))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::management::OPERATIONS;

    #[test]
    fn every_operation_is_described_once_and_no_other() {
        for operation in OPERATIONS {
            assert!(of(operation).is_some(), "{operation:?} has no row in DESCRIPTIONS");
        }
        for (i, one) in DESCRIPTIONS.iter().enumerate() {
            let name = (one.method, one.path);
            assert!(OPERATIONS.iter().any(|o| (o.method, o.path) == name), "{name:?}: no route");
            let twin = |other: &Description| (other.method, other.path) == name;
            assert!(!DESCRIPTIONS[..i].iter().any(twin), "{name:?} stands twice");
        }
    }

    #[test]
    fn what_is_needed_is_known() {
        for one in DESCRIPTIONS {
            let known = |name: &&&str| one.query.iter().any(|group| group.contains(*name));
            assert!(one.needs.iter().all(|name| known(&name)), "{one:?}");
        }
    }
}
