//! What the server writes to people. Links begin with the issuer, never with what a request called
//! this host.

use askama::Template;

use super::{branding::Branding, locales::Locale};
use crate::domain::{
    passwordless,
    secret::{OneTimeCode, Ticket},
    settings::Settings,
    tenant::Tenant,
    ticket::{IssuedTicket, TicketKind},
};
use crate::login::attack_protection;
use crate::mail::Message;

#[derive(Template)]
#[template(source = r#"{% include "src/http/pages/templates/message.html" %}"#, ext = "html")]
struct MessagePage<'a> {
    locale: &'a str,
    tenant: &'a str,
    subject: &'a str,
    intro: &'a str,
    url: &'a str,
    button: &'a str,
    outro: &'a str,
}

/// The link to `/u/reset-password`.
pub fn reset_password(
    settings: &Settings,
    tenant: &str,
    t: Locale,
    issued: &IssuedTicket,
) -> Message {
    let minutes = (issued.lifetime / 60).to_string();
    let intro = t.fill("mail.reset_intro", &[("tenant", tenant)]);
    let outro = t.fill("mail.reset_outro", &[("minutes", &minutes)]);
    let url = link(settings, TicketKind::ResetPassword, t, issued);
    let page = MessagePage {
        locale: t.tag(),
        tenant,
        subject: t.text("mail.reset_subject"),
        intro: &intro,
        url: &url,
        button: t.text("mail.reset_button"),
        outro: &outro,
    };
    page.message(&issued.to)
}

/// The link to `/u/email-verification`.
pub fn verify_email(
    settings: &Settings,
    tenant: &str,
    t: Locale,
    issued: &IssuedTicket,
) -> Message {
    let hours = (issued.lifetime / 3600).max(1).to_string();
    let intro = t.fill("mail.verify_intro", &[("tenant", tenant)]);
    let outro = t.fill("mail.verify_outro", &[("hours", &hours)]);
    let url = link(settings, TicketKind::VerifyEmail, t, issued);
    let page = MessagePage {
        locale: t.tag(),
        tenant,
        subject: t.text("mail.verify_subject"),
        intro: &intro,
        url: &url,
        button: t.text("mail.verify_button"),
        outro: &outro,
    };
    page.message(&issued.to)
}

/// The messages about attempts that were refused.
pub struct Notices;

impl attack_protection::Notices for Notices {
    fn account_blocked(
        &self,
        settings: &Settings,
        tenant: &Tenant,
        issued: &IssuedTicket,
    ) -> Message {
        let (t, tenant) = operators_choice(settings, tenant);
        let hours = (issued.lifetime / 3600).max(1).to_string();
        let intro = t.fill("mail.unblock_intro", &[("tenant", &tenant)]);
        let outro = t.fill("mail.unblock_outro", &[("hours", &hours)]);
        let url = link(settings, TicketKind::Unblock, t, issued);
        let page = MessagePage {
            locale: t.tag(),
            tenant: &tenant,
            subject: t.text("mail.unblock_subject"),
            intro: &intro,
            url: &url,
            button: t.text("mail.unblock_button"),
            outro: &outro,
        };
        page.message(&issued.to)
    }

    fn address_throttled(
        &self,
        settings: &Settings,
        tenant: &Tenant,
        to: &str,
        address: &str,
    ) -> Message {
        let (t, tenant) = operators_choice(settings, tenant);
        let intro = t.fill("mail.throttled_intro", &[("tenant", &tenant)]);
        let page = CodeMessage {
            locale: t.tag(),
            tenant: &tenant,
            subject: t.text("mail.throttled_subject"),
            intro: &intro,
            code: address,
            outro: t.text("mail.throttled_outro"),
        };
        page.message(to)
    }
}

/// The language and the name of messages that nobody asked for.
fn operators_choice(settings: &Settings, tenant: &Tenant) -> (Locale, String) {
    let enabled = Locale::enabled(&tenant.enabled_locales, &settings.default_locale);
    (Locale::choose(None, None, &enabled), Branding::of(settings, tenant).name)
}

#[derive(Template)]
#[template(source = r#"{% include "src/http/pages/templates/code_message.html" %}"#, ext = "html")]
struct CodeMessage<'a> {
    locale: &'a str,
    tenant: &'a str,
    subject: &'a str,
    intro: &'a str,
    code: &'a str,
    outro: &'a str,
}

/// A one-time code for a login to `client_name`. Its subject does not hold the code, which a locked
/// screen would show.
pub fn one_time_code(
    tenant: &str,
    t: Locale,
    client_name: &str,
    to: &str,
    code: &OneTimeCode,
) -> Message {
    let client = if client_name.is_empty() { tenant } else { client_name };
    let intro = t.fill("mail.code_intro", &[("client", client)]);
    let minutes = (passwordless::LIFETIME / 60).to_string();
    let outro = t.fill("mail.code_outro", &[("minutes", &minutes)]);
    let (locale, subject, code) = (t.tag(), t.text("mail.code_subject"), code.expose());
    CodeMessage { locale, tenant, subject, intro: &intro, code, outro: &outro }.message(to)
}

/// Where a ticket is used.
pub fn ticket_url(settings: &Settings, kind: TicketKind, ticket: &Ticket) -> String {
    let path = match kind {
        TicketKind::ResetPassword => "u/reset-password",
        TicketKind::VerifyEmail => "u/email-verification",
        TicketKind::Unblock => "u/unblock",
    };
    format!("{}{path}?ticket={}", settings.issuer, ticket.expose())
}

fn link(settings: &Settings, kind: TicketKind, t: Locale, issued: &IssuedTicket) -> String {
    format!("{}&ui_locales={}", ticket_url(settings, kind, &issued.ticket), t.tag())
}

impl CodeMessage<'_> {
    fn message(&self, to: &str) -> Message {
        let Self { tenant, intro, code, outro, .. } = self;
        let text = format!("{intro}\n\n{code}\n\n{outro}\n\n{tenant}\n");
        message(to, self.subject, text, self)
    }
}

impl MessagePage<'_> {
    fn message(&self, to: &str) -> Message {
        let Self { tenant, intro, url, outro, .. } = self;
        let text = format!("{intro}\n\n{url}\n\n{outro}\n\n{tenant}\n");
        message(to, self.subject, text, self)
    }
}

fn message(to: &str, subject: &str, text: String, page: &impl Template) -> Message {
    let html = page.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a message could not be rendered");
        String::new()
    });
    Message { to: to.to_owned(), subject: subject.to_owned(), text, html }
}
