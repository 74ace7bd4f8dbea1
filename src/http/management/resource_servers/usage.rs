//! `GET /resource-servers/{id}/usage`: what would feel it if the API or a scope of it went. An
//! extension of this server.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use serde::Serialize;

use super::{MISSING, find};
use crate::domain::audience::Audience;
use crate::http::management::{path_id::PathId, query::Query};
use crate::http::{App, error::management::ManagementError};
use crate::store::api_usage::{self, Named};

/// The answer.
#[derive(Debug, Serialize)]
pub struct Usage {
    identifier: Audience,
    totals: Counts,
    scopes: Vec<UsedScope>,
}

/// A scope that something names; the API need not define it any more.
#[derive(Debug, Serialize)]
struct UsedScope {
    value: String,
    #[serde(flatten)]
    counts: Counts,
}

/// How many of each.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Counts {
    /// Applications whose refresh-token policies name it.
    policies: i64,
    /// Roles that give it.
    roles: i64,
    /// Users who have it other than by a role.
    users: i64,
    /// Client grants.
    client_grants: i64,
}

/// `GET /resource-servers/{id}/usage`
pub async fn read(
    State(app): State<App>,
    PathId(id): PathId,
    query: Query,
) -> Result<Json<Usage>, ManagementError> {
    query.only(&[])?;
    let mut conn = app.store.read().await?;
    let api = find(conn.db(), &id).await?.ok_or(MISSING)?.api;
    let audience = api.identifier;
    let mut totals = Counts::default();
    let mut scopes = BTreeMap::<String, Counts>::new();
    let mut add = |named: Named, count: fn(&mut Counts) -> &mut i64| {
        *count(&mut totals) = named.api;
        for (scope, n) in named.scopes {
            *count(scopes.entry(scope).or_default()) = n;
        }
    };
    add(api_usage::by_policies(conn.db(), &audience).await?, |counts| &mut counts.policies);
    add(api_usage::by_roles(conn.db(), &audience).await?, |counts| &mut counts.roles);
    add(api_usage::by_users(conn.db(), &audience).await?, |counts| &mut counts.users);
    let grants = api_usage::by_client_grants(conn.db(), &audience).await?;
    add(grants, |counts| &mut counts.client_grants);
    let scopes = scopes.into_iter().map(|(value, counts)| UsedScope { value, counts });
    Ok(Json(Usage { identifier: audience, totals, scopes: scopes.collect() }))
}
