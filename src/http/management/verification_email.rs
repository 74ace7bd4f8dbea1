//! `POST /jobs/verification-email`: mails a user a link to verify the address.

use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Value, json};

use super::{
    change::{self, Change},
    schema::{Field, field},
    tickets::{
        CLIENT_ID, ORGANIZATION_ID, USER_ID,
        account::{self, Account, IDENTITY_OF_ANY},
    },
    validation::{self, Writing},
};
use crate::domain::{
    ClientId, JobId,
    job::{Job, JobKind, JobStatus},
    ticket::{IssuedTicket, TicketKind, TicketTerms},
    user::User,
};
use crate::http::{
    App, error::management::ManagementError, extract::management_json::ManagementJson,
    oauth::signup::send_verification,
};
use crate::store::{Tx, jobs};

#[rustfmt::skip]
pub(super) const VERIFICATION_EMAIL: &[Field] = &[
    field("user_id", USER_ID, "user_id of the user to send the verification email to.").required(),
    field("client_id", CLIENT_ID, "client_id of the client (application). If no value provided, the global Client ID will be used."),
    field("identity", IDENTITY_OF_ANY, "This must be provided to verify primary social, enterprise and passwordless email identities. Also, is needed to verify secondary identities."),
    field("organization_id", ORGANIZATION_ID, "(Optional) Organization ID"),
];

/// A ticket for the message that an operator has sent to the address of `user`.
///
/// # Errors
/// When the database does.
pub(super) async fn issue(
    app: &App,
    tx: &mut Tx,
    user: &User,
    terms: TicketTerms,
) -> Result<Option<IssuedTicket>, ManagementError> {
    let lifetime = app.settings.verification_lifetime;
    let kind = TicketKind::VerifyEmail;
    Ok(app.login.issue_ticket_for_operator(tx, user, kind, terms, lifetime).await?)
}

/// `POST /jobs/verification-email`. The message is handed over before the answer, so the job has
/// nothing left to do.
pub async fn create(
    State(app): State<App>,
    change: Change,
    ManagementJson(body): ManagementJson,
) -> Result<(StatusCode, Json<Value>), ManagementError> {
    validation::check(VERIFICATION_EMAIL, &body, Writing::Create)?;
    let now = app.clock.now();
    let mut tx = change.begin().await?;
    let Account { user, organization_id } = account::find(&mut tx, &body).await?;
    let client_id = body.get("client_id").and_then(Value::as_str).map(ClientId::new);
    if let Some(client) = &client_id {
        account::check_client(&mut tx, client).await?;
    }
    let terms = TicketTerms { client_id, organization_id, ..TicketTerms::default() };
    let ticket = issue(&app, &mut tx, &user, terms).await?;
    let ticket = ticket.ok_or_else(without_address)?;
    let id = JobId::new(format!("job_{}", app.entropy.alphanumeric(16)));
    let mut job = Job::new(id, JobKind::VerificationEmail, now);
    job.status = JobStatus::Completed;
    job.finished_at = Some(now);
    jobs::insert(&mut tx, &job).await?;
    change.commit(tx, job.id.as_str(), change::members(&body)).await?;
    send_verification(&app, Some(ticket)).await;
    let shown = json!({
        "id": job.id.as_str(),
        "type": job.kind.as_str(),
        "status": job.status.as_str(),
        "created_at": job.created_at.iso8601(),
    });
    Ok((StatusCode::CREATED, Json(shown)))
}

fn without_address() -> ManagementError {
    ManagementError::invalid_body("User does not have an email address.")
}
