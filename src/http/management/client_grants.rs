//! `/client-grants`: which scopes of an API an application may have.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Map, Value, json};

use super::{
    ATTEMPTS,
    change::{self, Change},
    edited_elsewhere, merge,
    page::{self, Listing, Page},
    path_id::{self, PathId},
    query::Query,
    schema::{BOOLEAN, Field, array_of, field, one_of, text},
    validation::{self, Writing},
};
use crate::domain::{
    ClientGrantId, ClientId, audience::Audience, client_grant::SubjectType, scope::ScopeSet,
};
use crate::http::{
    App, error::management::ManagementError, extract::management_json::ManagementJson,
};
use crate::store::{
    self,
    client_grants::{self, ClientGrantRecord},
    clients, resource_servers,
};

type Answer = Result<Json<Value>, ManagementError>;

#[rustfmt::skip]
pub(super) const CLIENT_GRANT: &[Field] = &[
    field("client_id", text(1, 255), "ID of the client.").immutable(),
    field("audience", text(1, Audience::MAX_LENGTH), "The audience (API identifier) of this client grant").required().immutable(),
    field("default_for", one_of(&["third_party_clients"]), "Applies this client grant as the default for all clients in the specified group.").immutable(),
    field("scope", array_of(&text(1, 280), 0, 1000), "Scopes allowed for this client grant.").removable(),
    field("organization_usage", one_of(&["deny", "allow", "require"]), "Defines whether organizations can be used with client credentials exchanges for this grant.").removable(),
    field("allow_any_organization", BOOLEAN, "If enabled, any organization can be used with this grant. If disabled (default), the grant must be explicitly assigned to the desired organizations.").removable(),
    field("subject_type", one_of(&["client", "user"]), "The type of application access the client grant allows.").immutable(),
    field("authorization_details_types", array_of(&text(1, 255), 0, 1000), "Types of authorization_details allowed for this client grant."),
    field("allow_all_scopes", BOOLEAN, "If enabled, all scopes configured on the resource server are allowed for this grant.").removable(),
];

pub(super) const FILTERS: &[&str] =
    &["audience", "client_id", "allow_any_organization", "subject_type", "default_for"];
const MISSING: ManagementError = ManagementError::NotFound {
    code: Some("inexistent_client_grant"),
    message: "The client grant does not exist.",
};
const NO_API: ManagementError = ManagementError::NotFound {
    code: Some("inexistent_resource_server"),
    message: "Resource server not found",
};
const NO_CLIENT: ManagementError =
    ManagementError::NotFound { code: Some("inexistent_client"), message: "Client not found" };

fn show(record: &ClientGrantRecord) -> Value {
    let mut shown = record.document.clone();
    let grant = &record.grant;
    shown.insert("id".to_owned(), grant.id.as_str().into());
    shown.insert("client_id".to_owned(), grant.client_id.as_str().into());
    shown.insert("audience".to_owned(), grant.audience.as_str().into());
    Value::Object(shown)
}

fn grant_id(id: String) -> Result<ClientGrantId, ManagementError> {
    let is_one = id.strip_prefix("cgr_").is_some_and(|rest| {
        (1..=64).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    if is_one { Ok(ClientGrantId::new(id)) } else { Err(path_id::invalid("client-grant-id", &id)) }
}

/// `GET /client-grants`
pub async fn list(State(app): State<App>, query: Query) -> Answer {
    query.only(&[page::OFFSET, page::CHECKPOINT, FILTERS])?;
    let page = Page::read(&query)?;
    let filter = client_grants::Filter {
        client_id: query.text("client_id")?,
        audience: query.text("audience")?,
        subject_type: query.one_of("subject_type", &["client", "user"])?,
        any_organization: query.boolean("allow_any_organization")?,
    };
    // Every grant here belongs to a client; none is the default of a group.
    let is_default = query.one_of("default_for", &["third_party_clients"])?.is_some();
    let listing = if is_default {
        page.of(Vec::new(), id_of)
    } else {
        find_page(&app, filter, &page).await?
    };
    Ok(page.answer("client_grants", listing.map(|record| show(&record))))
}

fn id_of(record: &ClientGrantRecord) -> &str {
    record.grant.id.as_str()
}

async fn find_page(
    app: &App,
    filter: client_grants::Filter<'_>,
    page: &Page,
) -> Result<Listing<ClientGrantRecord>, ManagementError> {
    let mut conn = app.store.read().await?;
    Ok(match page {
        Page::Offset { start, limit, totals } => {
            let items = client_grants::list(conn.db(), filter, *start, *limit).await?;
            let total = if *totals { client_grants::count(conn.db(), filter).await? } else { 0 };
            Listing { items, total, next: None }
        }
        Page::Checkpoint { after, take, .. } => {
            let items = client_grants::list_after(conn.db(), filter, after, take + 1).await?;
            Listing::checkpoint(items, *take, id_of)
        }
    })
}

/// `GET /client-grants/{id}`
pub async fn read(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[])?;
    let id = grant_id(id)?;
    let mut conn = app.store.read().await?;
    let record = client_grants::find(conn.db(), &id).await?.ok_or(MISSING)?;
    Ok(Json(show(&record)))
}

/// `POST /client-grants`
pub async fn create(
    State(app): State<App>,
    change: Change,
    ManagementJson(body): ManagementJson,
) -> Result<(StatusCode, Json<Value>), ManagementError> {
    validation::check(CLIENT_GRANT, &body, Writing::Create)?;
    let members = change::members(&body);
    let mut document = body;
    if document.contains_key("default_for") {
        return Err(ManagementError::BadRequest {
            code: "operation_not_supported",
            message: "This server has no default grants: give a client_id instead of default_for."
                .to_owned(),
        });
    }
    let (Some(Value::String(client)), Some(Value::String(audience))) =
        (document.remove("client_id"), document.remove("audience"))
    else {
        return Err(ManagementError::invalid_body(
            "Payload validation error: 'Missing required property: client_id'.",
        ));
    };
    let (client, audience) = (ClientId::new(client), Audience::new(audience));
    let subject = match document.get("subject_type").and_then(Value::as_str) {
        Some("user") => SubjectType::User,
        _ => SubjectType::Client,
    };
    settle_scope(&mut document);

    let id = ClientGrantId::new(format!("cgr_{}", app.entropy.alphanumeric(16)));
    let mut tx = change.begin().await?;
    let api = resource_servers::find_by_identifier(tx.db(), &audience).await?.ok_or(NO_API)?;
    clients::find(tx.db(), &client).await?.ok_or(NO_CLIENT)?;
    check_scope(&document, &api.api.defined_scopes())?;
    change.authority().may_grant(&audience, &document)?;
    let now = app.clock.now();
    match client_grants::insert(&mut tx, &id, &client, &audience, subject, &document, now).await {
        Err(store::Error::Duplicate) => return Err(duplicate()),
        other => other?,
    }
    let record = client_grants::find(tx.db(), &id).await?.ok_or(MISSING)?;
    change.commit(tx, id.as_str(), members).await?;
    Ok((StatusCode::CREATED, Json(show(&record))))
}

fn duplicate() -> ManagementError {
    ManagementError::Conflict {
        code: None,
        message: "A client grant with the same client, audience and subject type already exists."
            .to_owned(),
    }
}

/// `PATCH /client-grants/{id}`
pub async fn update(
    change: Change,
    PathId(id): PathId,
    ManagementJson(body): ManagementJson,
) -> Answer {
    let id = grant_id(id)?;
    validation::check_change(CLIENT_GRANT, &body)?;
    for _ in 0..ATTEMPTS {
        let mut tx = change.begin().await?;
        let mut record = client_grants::find(tx.db(), &id).await?.ok_or(MISSING)?;
        let before = record.document.clone();
        // Who names scopes means those, not all of them.
        if body.get("scope").is_some_and(Value::is_array) {
            record.document.remove("allow_all_scopes");
        }
        merge::shallow(&mut record.document, body.clone());
        settle_scope(&mut record.document);
        if body.contains_key("scope") {
            let audience = &record.grant.audience;
            let api = resource_servers::find_by_identifier(tx.db(), audience).await?;
            check_scope(&record.document, &api.ok_or(NO_API)?.api.defined_scopes())?;
        }
        change.authority().may_grant(&record.grant.audience, &record.document)?;
        if client_grants::update(&mut tx, &id, &record.document, record.version).await? {
            let changed = change::differences(&before, &record.document);
            change.commit(tx, id.as_str(), changed).await?;
            return Ok(Json(show(&record)));
        }
    }
    Err(edited_elsewhere())
}

/// A grant either lists its scopes or has all of them.
fn settle_scope(document: &mut Map<String, Value>) {
    if document.get("allow_all_scopes") == Some(&Value::Bool(true)) {
        document.remove("scope");
    } else {
        document.entry("scope").or_insert_with(|| json!([]));
    }
}

fn check_scope(document: &Map<String, Value>, defined: &ScopeSet) -> Result<(), ManagementError> {
    let scope = document.get("scope").and_then(Value::as_array);
    let unknown: Vec<&str> = scope
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|scope| !defined.contains(scope))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(ManagementError::invalid_body(format!(
        "Payload validation error: 'The resource server does not define: {}' on property scope \
         (Scopes allowed for this client grant.).",
        unknown.join(",")
    )))
}

/// `DELETE /client-grants/{id}`
pub async fn remove(change: Change, PathId(id): PathId) -> Result<StatusCode, ManagementError> {
    let id = grant_id(id)?;
    let mut tx = change.begin().await?;
    if client_grants::delete(&mut tx, &id).await? {
        change.commit(tx, id.as_str(), Vec::new()).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
