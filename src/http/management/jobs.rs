//! `/jobs`: work that goes on after its request was answered.

pub mod download;
mod line;
mod receive;
mod view;

use std::time::Duration;

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde_json::{Map, Value};

use super::{
    change::{self, Change},
    formats::CONNECTION_ID,
    path_id::PathId,
    query::Query,
    schema::{Field, Kind, array_of, field, integer, object, one_of, shaped, text},
    users,
    validation::{self, Writing},
};
use crate::domain::{
    ConnectionId, JobId,
    connection::Connection,
    job::{Job, JobKind, JobStatus},
};
use crate::http::{
    App,
    error::management::ManagementError,
    extract::{management_json::ManagementJson, management_token::ManagementToken},
};
use crate::login::jobs::{FileFormat, upload::MOST_ACTIVE};
use crate::store::{self, Tx, connections, job_errors, jobs};

/// Where files are sent to.
pub const UPLOAD: &str = "/api/v2/jobs/users-imports";

/// How long a file may take to come.
pub const UPLOAD_TIME: Duration = Duration::from_secs(3600);

/// How users stand in the files of jobs.
pub const FILE_FORMAT: FileFormat = FileFormat { read: line::read, show: users::show };

/// Errors that are read at once: a line of a file may have a megabyte.
const ERRORS_AT_ONCE: i64 = 20;

/// Columns of a CSV file, at most.
const CSV_COLUMNS: usize = 30;

type Answer = Result<Json<Value>, ManagementError>;

#[rustfmt::skip]
pub(super) const EXPORT: &[Field] = &[
    field("connection_id", shaped(0, usize::MAX, CONNECTION_ID), "connection_id of the connection from which users will be exported."),
    field("format", one_of(&["json", "csv"]), "Format of the file. Must be `json` or `csv`."),
    field("limit", integer(1, i64::MAX), "Limit the number of records."),
    field("fields", array_of(&COLUMN, 0, 1000), "List of fields to be included in the CSV. Defaults to a predefined set of fields."),
];
const COLUMN: Kind = object(&[
    field("name", text(0, 100), "Name of the field in the profile.").required(),
    field("export_as", text(0, 100), "Title of the column in the exported CSV."),
]);

/// A new job, asked for with `token`.
fn new_job(app: &App, kind: JobKind, ManagementToken(by): &ManagementToken) -> Job {
    let id = JobId::new(format!("job_{}", app.entropy.alphanumeric(16)));
    Job {
        client_id: Some(by.client_id.clone()),
        user_id: by.user(),
        ..Job::new(id, kind, app.clock.now())
    }
}

/// Refuses more jobs at once than the server is meant to work on. Of two requests at once both may
/// pass: it keeps the queue short, nothing more.
async fn check_active(app: &App, kind: JobKind, name: &'static str) -> Result<(), ManagementError> {
    let mut conn = app.store.read().await?;
    let active = jobs::count_active(conn.db(), kind, app.clock.now()).await?;
    if active < MOST_ACTIVE {
        return Ok(());
    }
    Err(ManagementError::TooManyJobs { active, kind: name })
}

/// An import that updates users may set passwords that were never used.
async fn may_update(change: &Change, mut tx: Tx, job: &Job) -> Result<Tx, ManagementError> {
    if job.parameters.get("upsert") == Some(&Value::Bool(true)) {
        let connection = job.parameters.get("connection").and_then(Value::as_str);
        let connection = connection.unwrap_or_default();
        change.authority().may_change_all(tx.db(), connection).await?;
    }
    Ok(tx)
}

async fn find_connection(app: &App, id: &str) -> Result<Connection, ManagementError> {
    let mut conn = app.store.read().await?;
    let found = connections::find(conn.db(), &ConnectionId::new(id)).await?;
    let record =
        found.ok_or_else(|| ManagementError::invalid_body("The connection does not exist."))?;
    Ok(record.connection)
}

/// `POST /jobs/users-imports`
pub async fn import(
    State(app): State<App>,
    token: ManagementToken,
    change: Change,
    request: Request,
) -> Result<(StatusCode, Json<Value>), ManagementError> {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok());
    let length = length.and_then(|text| text.parse().ok()).unwrap_or(0);
    receive::check_length(&app, length)?;
    check_active(&app, JobKind::UsersImport, "import users").await?;
    let mut parts = receive::Parts::of(request, &app).await?;
    let mut job = new_job(&app, JobKind::UsersImport, &token);
    let mut upload = app.login.begin_upload(job.clone()).await?;
    let received = parts.receive(&app, &mut upload, &mut job).await;
    let submitted = match received {
        Ok(()) => upload.submit(&job).await.map_err(receive::broken_off),
        Err(error) => Err(error),
    };
    let submitted = match submitted {
        Ok(tx) => may_update(&change, tx, &job).await,
        refused => refused,
    };
    let tx = match submitted {
        Ok(tx) => tx,
        Err(error) => {
            upload.discard().await?;
            return Err(error);
        }
    };
    change.commit(tx, job.id.as_str(), change::members(&job.parameters)).await?;
    app.login.job_added.notify_waiters();
    let shown = view::show(&job, app.clock.now());
    Ok((StatusCode::ACCEPTED, Json(shown.into())))
}

/// `POST /jobs/users-exports`. Answers 200.
pub async fn export(
    State(app): State<App>,
    token: ManagementToken,
    change: Change,
    ManagementJson(body): ManagementJson,
) -> Answer {
    validation::check(EXPORT, &body, Writing::Create)?;
    check_columns(&body)?;
    let mut job = new_job(&app, JobKind::UsersExport, &token);
    job.parameters.clone_from(&body);
    let format = job.parameters.entry("format").or_insert("json".into());
    if format.is_null() {
        *format = "json".into();
    }
    if let Some(id) = body.get("connection_id").and_then(Value::as_str) {
        let connection = find_connection(&app, id).await?;
        job.parameters.insert("connection".to_owned(), connection.name.into());
    }
    check_active(&app, JobKind::UsersExport, "export users").await?;
    let mut tx = app.store.write().await?;
    jobs::insert(&mut tx, &job).await?;
    change.commit(tx, job.id.as_str(), change::members(&body)).await?;
    app.login.job_added.notify_waiters();
    Ok(Json(view::show(&job, app.clock.now()).into()))
}

/// What a CSV file cannot have.
fn check_columns(body: &Map<String, Value>) -> Result<(), ManagementError> {
    if body.get("format").and_then(Value::as_str) != Some("csv") {
        return Ok(());
    }
    let columns = body.get("fields").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if columns.len() > CSV_COLUMNS {
        let what = format!("Array is too long ({}), maximum {CSV_COLUMNS}", columns.len());
        return Err(ManagementError::invalid_property(&what, "fields"));
    }
    let bags = ["user_metadata", "app_metadata"];
    let bag =
        columns.iter().filter_map(|column| column["name"].as_str()).find(|n| bags.contains(n));
    match bag {
        Some(name) => {
            let what = format!("{name} cannot be exported as a whole in CSV");
            Err(ManagementError::invalid_property(&what, "fields"))
        }
        None => Ok(()),
    }
}

async fn find(app: &App, id: String, missing: &'static str) -> Result<Job, ManagementError> {
    let mut conn = app.store.read().await?;
    let found = jobs::find(conn.db(), &JobId::new(id), app.clock.now()).await?;
    found
        .filter(|job| job.status != JobStatus::Uploading)
        .ok_or(ManagementError::NotFound { code: None, message: missing })
}

/// `GET /jobs/{id}`. Each answer about a finished export has a new link to its file, for who may
/// read users.
pub async fn read(
    State(app): State<App>,
    token: ManagementToken,
    PathId(id): PathId,
    query: Query,
) -> Answer {
    query.only(&[])?;
    let job = find(&app, id, "Job not found.").await?;
    let mut shown = view::show(&job, app.clock.now());
    if token.has_any(&["read:users"])
        && let Some(link) = app.login.link_to_file(&job).await?
    {
        shown.insert("location".to_owned(), download::address(&app, &link).into());
    }
    Ok(Json(shown.into()))
}

/// `GET /jobs/{id}/errors`: what is wrong with each item, or with the job; 204 if nothing is.
pub async fn errors(
    State(app): State<App>,
    PathId(id): PathId,
    query: Query,
) -> Result<Response, ManagementError> {
    query.only(&[])?;
    let job = find(&app, id, "The job does not exist").await?;
    let first = {
        let mut conn = app.store.read().await?;
        job_errors::list(conn.db(), &job.id, -1, 1).await?
    };
    if !first.is_empty() {
        let json = [(header::CONTENT_TYPE, "application/json")];
        return Ok((json, all_errors(app, job)).into_response());
    }
    if job.status == JobStatus::Failed {
        return Ok(Json(Value::from(view::show(&job, app.clock.now()))).into_response());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Where a body is that is written while its rows are read.
enum Position {
    Begin,
    After(i64),
    Done,
}

/// The array of all errors, a few at a time: there may be one for each line of a large file.
fn all_errors(app: App, job: Job) -> Body {
    let pieces = stream::try_unfold(Position::Begin, move |at| {
        let (app, id) = (app.clone(), job.id.clone());
        async move {
            let (after, mut text) = match at {
                Position::Begin => (-1, "[".to_owned()),
                Position::After(item) => (item, String::new()),
                Position::Done => return Ok::<_, store::Error>(None),
            };
            let mut conn = app.store.read().await?;
            let rows = job_errors::list(conn.db(), &id, after, ERRORS_AT_ONCE).await?;
            let Some(last) = rows.last().map(|row| row.item) else {
                return Ok(Some((Bytes::from(text + "]"), Position::Done)));
            };
            for (i, row) in rows.into_iter().enumerate() {
                if after >= 0 || i > 0 {
                    text.push(',');
                }
                // Both are JSON already.
                text += &format!("{{\"user\":{},\"errors\":{}}}", row.subject, row.errors);
            }
            Ok(Some((Bytes::from(text), Position::After(last))))
        }
    });
    Body::from_stream(pieces)
}
