//! Where the browser goes once the ticket of a message was used: to the `result_url` that the
//! operator attached, or to a page that leads on to the application. Only addresses that operators
//! stored are followed, never one of the request.

use axum::response::Response;
use url::Url;

use crate::domain::{
    ClientId, OrganizationId,
    secret::Ticket,
    ticket::{DeadTicket, TicketHolder, TicketKind},
};
use crate::http::{
    App,
    error::page::PageError,
    oauth::authorize::redirect,
    pages::{accounts::Onward, locales},
};
use crate::store::organizations;

/// The way to the `result_url` of a ticket that was used, if it has one.
pub fn to_result(kind: TicketKind, holder: &TicketHolder) -> Option<Response> {
    let terms = holder.terms.as_ref()?;
    let message = match kind {
        TicketKind::ResetPassword => "You can now login to the application with the new password.",
        TicketKind::VerifyEmail | TicketKind::Unblock => {
            "Your email was verified. You can continue using the application."
        }
    };
    let email = terms.email_in_result.then_some(holder.email.as_str());
    let outcome = [("success", "true"), ("code", "success"), ("message", message)];
    with_outcome(terms.result_url.as_deref()?, email, &outcome)
}

/// What a ticket that does not work is answered: the way to its `result_url` as long as that is
/// known, else a page.
pub async fn refused(app: &App, ticket: &Ticket, kind: TicketKind) -> Result<Response, PageError> {
    let dead = app.login.dead_ticket(ticket, kind).await;
    let dead = dead.map_err(|error| PageError::store(app, &error))?;
    dead.as_ref().and_then(to_result_of_dead).ok_or_else(|| PageError::ticket(app))
}

fn to_result_of_dead(dead: &DeadTicket) -> Option<Response> {
    let (code, message) = if dead.was_used {
        ("used_ticket", "This URL can be used only once")
    } else {
        ("access_expired", "Access expired.")
    };
    let outcome = [("success", "false"), ("code", code), ("message", message)];
    with_outcome(&dead.result_url, None, &outcome)
}

fn with_outcome(
    result_url: &str,
    email: Option<&str>,
    outcome: &[(&str, &str)],
) -> Option<Response> {
    let mut url = web_address(result_url)?;
    let email = email.map(|email| ("email", email));
    url.query_pairs_mut().extend_pairs(email.into_iter().chain(outcome.iter().copied()));
    Some(redirect(url.as_str()))
}

/// An address that a browser may be sent to.
fn web_address(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http"))
}

/// The way back to the application of a ticket (`initiate_login_uri`, OIDC Core §4), else to where
/// the operator sends people who come from nowhere (`default_redirection_uri`).
pub async fn onward(app: &App, holder: &TicketHolder) -> Result<Option<Onward>, PageError> {
    let failed = |error| PageError::store(app, &error);
    let terms = holder.terms.clone().unwrap_or_default();
    let application = match &terms.client_id {
        Some(client) => login_address(app, client).await?,
        None => None,
    };
    let t = locales::current();
    let (mut url, label) = match application {
        Some((url, name)) => (url, t.fill("onward.application", &[("client", &name)])),
        None => {
            let tenant = app.store.tenant().await.map_err(failed)?;
            let Some(url) = tenant.default_redirection_uri.as_deref().and_then(web_address) else {
                return Ok(None);
            };
            (url, t.text("onward.anywhere").to_owned())
        }
    };
    if let Some(organization) = &terms.organization_id {
        name_organization(app, &mut url, organization).await?;
    }
    Ok(Some(Onward { url: url.into(), label }))
}

async fn login_address(app: &App, client: &ClientId) -> Result<Option<(Url, String)>, PageError> {
    let record = app.store.client(client).await.map_err(|error| PageError::store(app, &error))?;
    let Some(record) = record else { return Ok(None) };
    let address = record.document.get("initiate_login_uri").and_then(|uri| uri.as_str());
    let Some(mut url) = address.and_then(web_address) else { return Ok(None) };
    url.query_pairs_mut().append_pair("iss", &app.settings.issuer);
    Ok(Some((url, record.client.name.clone())))
}

async fn name_organization(app: &App, url: &mut Url, id: &OrganizationId) -> Result<(), PageError> {
    let failed = |error| PageError::store(app, &error);
    let mut conn = app.store.read().await.map_err(failed)?;
    if let Some(name) = organizations::name(conn.db(), id).await.map_err(failed)? {
        let named = [("organization_id", id.as_str()), ("organization_name", name.as_str())];
        url.query_pairs_mut().extend_pairs(named);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_is_added_to_what_the_address_has() {
        let location = |url: &str, email: Option<&str>| {
            let answer = with_outcome(url, email, &[("success", "true"), ("message", "a b&c=d#e")]);
            answer.map(|answer| answer.headers()["location"].to_str().unwrap().to_owned())
        };
        for (url, email, expected) in [
            (
                "https://a.example/x?y=1#z",
                None,
                Some("https://a.example/x?y=1&success=true&message=a+b%26c%3Dd%23e#z"),
            ),
            (
                "http://a.example",
                Some("a+b@c.example"),
                Some(
                    "http://a.example/?email=a%2Bb%40c.example&success=true&message=a+b%26c%3Dd%23e",
                ),
            ),
            ("javascript:alert(1)", None, None),
            ("com.example:/x", None, None),
        ] {
            assert_eq!(location(url, email).as_deref(), expected, "{url}");
        }
    }
}
