//! The pages around an account: creating it, resetting its password, verifying its address.

use askama::Template;

use super::locales;

/// Asks for an address and a password.
#[derive(Debug, Template)]
#[template(source = r#"{% include "src/http/pages/templates/signup.html" %}"#, ext = "html")]
pub struct SignupPage<'a> {
    /// Who runs this server.
    pub tenant: &'a str,
    /// The application that wants the person to log in.
    pub client_name: &'a str,
    /// The sealed login transaction.
    pub state: &'a str,
    /// What was typed before, or a `login_hint`.
    pub email: &'a str,
    /// The same of a user name; `None` where none is asked for.
    pub username: Option<&'a str>,
    /// What a password must be.
    pub rules: &'a str,
    /// The fewest characters of a password.
    pub shortest: usize,
    /// Why the last attempt failed.
    pub error: Option<&'a str>,
}

impl SignupPage<'_> {
    fn continue_to(&self) -> String {
        locales::current().rich("signup.continue_to", &[("client", self.client_name)])
    }
}

/// Asks for the address that a link is to be sent to.
#[derive(Debug, Template)]
#[template(source = r#"{% include "src/http/pages/templates/reset_request.html" %}"#, ext = "html")]
pub struct ResetRequestPage<'a> {
    /// Who runs this server.
    pub tenant: &'a str,
    /// The sealed login transaction, to go back to.
    pub state: &'a str,
    /// What was typed before, or a `login_hint`.
    pub email: &'a str,
    /// Why the last attempt failed.
    pub error: Option<&'a str>,
}

/// Asks for a new password.
#[derive(Template)]
#[template(source = r#"{% include "src/http/pages/templates/reset.html" %}"#, ext = "html")]
pub struct ResetPage<'a> {
    /// Who runs this server.
    pub tenant: &'a str,
    /// Whose password, for the person and for password managers.
    pub email: &'a str,
    /// The ticket.
    pub ticket: &'a str,
    /// What a password must be.
    pub rules: &'a str,
    /// The fewest characters of a password.
    pub shortest: usize,
    /// Why the last attempt failed.
    pub error: Option<&'a str>,
}

/// Asks whether the address is the reader's.
#[derive(Template)]
#[template(source = r#"{% include "src/http/pages/templates/verification.html" %}"#, ext = "html")]
pub struct VerificationPage<'a> {
    /// Who runs this server.
    pub tenant: &'a str,
    /// The address.
    pub email: &'a str,
    /// The ticket.
    pub ticket: &'a str,
}

impl VerificationPage<'_> {
    fn message(&self) -> String {
        locales::current().rich("verification.message", &[("email", self.email)])
    }
}

/// Asks whether to end the block of an account.
#[derive(Template)]
#[template(source = r#"{% include "src/http/pages/templates/unblock.html" %}"#, ext = "html")]
pub struct UnblockPage<'a> {
    /// Who runs this server.
    pub tenant: &'a str,
    /// The address of the account.
    pub email: &'a str,
    /// The ticket.
    pub ticket: &'a str,
}

impl UnblockPage<'_> {
    fn message(&self) -> String {
        locales::current().rich("unblock.message", &[("email", self.email)])
    }
}

/// Says what has happened.
#[derive(Debug, Template)]
#[template(source = r#"{% include "src/http/pages/templates/notice.html" %}"#, ext = "html")]
pub struct NoticePage<'a> {
    /// Who runs this server.
    pub tenant: &'a str,
    /// The title of the window.
    pub title: &'a str,
    /// The first line.
    pub heading: &'a str,
    /// What happened, as HTML of [`locales::Locale::rich`].
    pub message: String,
    /// What else to do.
    pub hint: Option<&'a str>,
    /// The sealed login transaction, if there is one to go back to.
    pub back: Option<&'a str>,
    /// Where else to go.
    pub onward: Option<Onward>,
}

/// A link to an application.
#[derive(Debug, Clone)]
pub struct Onward {
    /// http or https.
    pub url: String,
    /// What it says.
    pub label: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_and_applications_typed_is_escaped() {
        let evil = "\"><script>alert('x')</script>";
        let (tenant, state, email, error) = (evil, evil, evil, Some(evil));
        for html in [
            SignupPage {
                tenant,
                client_name: evil,
                state,
                email,
                username: Some(evil),
                rules: evil,
                shortest: 8,
                error,
            }
            .render()
            .unwrap(),
            ResetRequestPage { tenant, state, email, error }.render().unwrap(),
            ResetPage { tenant, email, ticket: evil, rules: evil, shortest: 8, error }
                .render()
                .unwrap(),
            VerificationPage { tenant, email, ticket: evil }.render().unwrap(),
            NoticePage {
                tenant,
                title: evil,
                heading: evil,
                message: locales::current().rich("reset_request.sent_message", &[("email", evil)]),
                hint: Some(evil),
                back: Some(evil),
                onward: Some(Onward { url: evil.to_owned(), label: evil.to_owned() }),
            }
            .render()
            .unwrap(),
        ] {
            assert!(!html.contains("<script") && !html.contains("\"><script"), "{html}");
            assert!(html.contains("&#60;script&#62;"), "{html}");
        }
    }
}
