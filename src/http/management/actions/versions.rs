//! Versions of an Action: what was deployed once, and what runs.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::Value;

use super::{Answer, MISSING, PAGE, envelope, secrets::Secrets, view};
use crate::domain::{
    ActionId, ActionVersionId,
    action::definition::{Action, ActionVersion, Content},
};
use crate::http::{
    App,
    error::management::ManagementError,
    extract::management_json::OptionalManagementJson,
    management::{
        change::{self, Change},
        page,
        path_id::{PathId, PathIds},
        query::Query,
        validation::{self, Writing},
    },
};
use crate::store::{Db, Tx, action_bindings, action_versions, actions};

const MISSING_VERSION: ManagementError =
    ManagementError::NotFound { code: None, message: "The action version does not exist." };

/// Makes a version of `content` and has the Action run it. The caller writes the Action.
///
/// # Errors
/// 400 when it is for another trigger than the one that the Action is bound to.
pub(super) async fn deploy_content(
    app: &App,
    tx: &mut Tx,
    action: &mut Action,
    mut content: Content,
    secrets: &Secrets,
) -> Result<ActionVersion, ManagementError> {
    let bound = action_bindings::triggers_of(tx.db(), &action.id).await?;
    if let Some(other) = bound.iter().find(|bound| **bound != content.trigger_id) {
        return Err(ManagementError::invalid_body(format!(
            "The action is bound to the trigger {other}. Unbind it before a version for the trigger \
             {} is deployed.",
            content.trigger_id
        )));
    }
    let id = ActionVersionId::new(app.entropy.uuid());
    secrets.put(app, &mut content, id.as_str())?;
    let version = ActionVersion {
        id,
        action_id: action.id.clone(),
        number: action.last_number + 1,
        content,
        created_at: app.clock.now(),
    };
    action_versions::insert(tx, &version).await?;
    action.last_number = version.number;
    action.deployed_version_id = Some(version.id.clone());
    action.is_deployed = true;
    Ok(version)
}

/// `POST /actions/actions/{id}/deploy`. Always makes a version, also of a draft that has one.
pub async fn deploy(State(app): State<App>, change: Change, PathId(id): PathId) -> Answer {
    let mut tx = change.begin().await?;
    // First of all: nobody binds it to another trigger in the meantime.
    tx.configuration_changes().await?;
    let mut action = actions::lock(&mut tx, &ActionId::new(id)).await?.ok_or(MISSING)?;
    let secrets = Secrets::of_draft(&app, &action)?;
    let content = action.draft.clone();
    let version = deploy_content(&app, &mut tx, &mut action, content, &secrets).await?;
    actions::update(&mut tx, &action).await?;
    change.commit(tx, action.id.as_str(), vec!["deployed_version".to_owned()]).await?;
    Ok(Json(view::version(&version, &action)))
}

/// The Action and the version with the ids of a path.
async fn find(
    db: Db<'_>,
    version: String,
    action: &Action,
) -> Result<ActionVersion, ManagementError> {
    let found = action_versions::find(db, &ActionVersionId::new(version)).await?;
    found.filter(|found| found.action_id == action.id).ok_or(MISSING_VERSION)
}

/// `GET /actions/actions/{id}/versions`: newest first.
pub async fn list(State(app): State<App>, PathId(id): PathId, query: Query) -> Answer {
    query.only(&[PAGE])?;
    let (page, per_page) = page::numbers(&query)?;
    let mut conn = app.store.read().await?;
    let action = actions::find(conn.db(), &ActionId::new(id)).await?.ok_or(MISSING)?;
    let found = action_versions::list(conn.db(), &action.id, page * per_page, per_page).await?;
    let total = action_versions::count(conn.db(), &action.id).await?;
    let items = found.iter().map(|version| view::version(version, &action)).collect();
    Ok(envelope("versions", items, total, (page, per_page)))
}

/// `GET /actions/actions/{id}/versions/{version_id}`
pub async fn read(State(app): State<App>, PathIds(id, version): PathIds, query: Query) -> Answer {
    query.only(&[])?;
    let mut conn = app.store.read().await?;
    let action = actions::find(conn.db(), &ActionId::new(id)).await?.ok_or(MISSING)?;
    let version = find(conn.db(), version, &action).await?;
    Ok(Json(view::version(&version, &action)))
}

/// `POST /actions/actions/{id}/versions/{version_id}/deploy`: makes a new version that is as an
/// earlier one was, and has it run.
pub async fn rollback(
    State(app): State<App>,
    change: Change,
    PathIds(id, version): PathIds,
    OptionalManagementJson(body): OptionalManagementJson,
) -> Result<(StatusCode, Json<Value>), ManagementError> {
    validation::check(super::ROLLBACK, &body, Writing::Create)?;
    let updates_draft = body.get("update_draft") == Some(&Value::Bool(true));
    let mut tx = change.begin().await?;
    tx.configuration_changes().await?;
    let mut action = actions::lock(&mut tx, &ActionId::new(id)).await?.ok_or(MISSING)?;
    let earlier = find(tx.db(), version, &action).await?;
    let secrets = Secrets::of(&app, &earlier.content, earlier.id.as_str())?;
    let drafted = Secrets::of_draft(&app, &action)?;
    let content = earlier.content;
    let version = deploy_content(&app, &mut tx, &mut action, content.clone(), &secrets).await?;
    if updates_draft {
        action.draft = content;
        secrets.put(&app, &mut action.draft, action.id.clone().as_str())?;
        action.updated_at = version.created_at;
    } else {
        action.is_deployed = is_same(&action.draft, &content) && drafted.are(&secrets);
    }
    actions::update(&mut tx, &action).await?;
    let mut changed = change::members(&body);
    changed.push("deployed_version".to_owned());
    change.commit(tx, action.id.as_str(), changed).await?;
    Ok((StatusCode::ACCEPTED, Json(view::version(&version, &action))))
}

/// Whether both do the same, but for their secrets.
fn is_same(one: &Content, other: &Content) -> bool {
    let parts = |content: &Content| {
        let Content { trigger_id, trigger_version, code, runtime, allowed_hosts, .. } =
            content.clone();
        (trigger_id, trigger_version, code, runtime, allowed_hosts)
    };
    parts(one) == parts(other)
}
