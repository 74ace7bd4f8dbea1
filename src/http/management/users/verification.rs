//! `verify_email`: whether a user is mailed a link to verify the address.

use serde_json::{Map, Value};

use super::super::{tickets::account, verification_email};
use crate::domain::{
    ClientId,
    ticket::{IssuedTicket, TicketTerms},
    user::User,
};
use crate::http::{App, error::management::ManagementError};
use crate::store::Tx;

/// A new user is mailed one, unless the operator says otherwise or vouches for the address.
///
/// # Errors
/// When the database does.
pub async fn of_new_user(
    app: &App,
    tx: &mut Tx,
    user: &User,
    body: &Map<String, Value>,
) -> Result<Option<IssuedTicket>, ManagementError> {
    if asked(body).unwrap_or(!user.email_verified) {
        return verification_email::issue(app, tx, user, TicketTerms::default()).await;
    }
    Ok(None)
}

/// A user who is edited is mailed one if the operator asks for it.
///
/// # Errors
/// 400 for an application that does not exist.
pub async fn of_edited_user(
    app: &App,
    tx: &mut Tx,
    user: &User,
    body: &Map<String, Value>,
) -> Result<Option<IssuedTicket>, ManagementError> {
    let client_id = body.get("client_id").and_then(Value::as_str).map(ClientId::new);
    if let Some(client) = &client_id {
        account::check_client(tx, client).await?;
    }
    if asked(body) == Some(true) {
        let terms = TicketTerms { client_id, ..TicketTerms::default() };
        return verification_email::issue(app, tx, user, terms).await;
    }
    Ok(None)
}

fn asked(body: &Map<String, Value>) -> Option<bool> {
    body.get("verify_email").and_then(Value::as_bool)
}
