//! The pages on which a person lets a device in (RFC 8628 §3.3).

use askama::Template;

use super::{ScopeLine, wants};

/// Asks for the code that a device shows.
#[derive(Debug, Template)]
#[template(source = r#"{% include "src/http/pages/templates/activate.html" %}"#, ext = "html")]
pub struct ActivatePage<'a> {
    /// Who runs this server.
    pub tenant: &'a str,
    /// What was typed before, or came in the address.
    pub user_code: &'a str,
    /// What a code looks like.
    pub example: &'a str,
    /// Why the last code led nowhere.
    pub error: Option<&'a str>,
}

/// Asks whether a device may be let in.
#[derive(Debug, Template)]
#[template(
    source = r#"{% include "src/http/pages/templates/confirm_device.html" %}"#,
    ext = "html"
)]
pub struct ConfirmDevicePage<'a> {
    /// Who runs this server.
    pub tenant: &'a str,
    /// The code that the device must show.
    pub user_code: &'a str,
    /// The application on the device.
    pub client_name: &'a str,
    /// Who is logged in, in words.
    pub user: &'a str,
    /// The API it asks for, if it asks for one.
    pub api_name: Option<&'a str>,
    /// What it asks for.
    pub scopes: &'a [ScopeLine],
    /// The sealed activation.
    pub state: &'a str,
}

impl ConfirmDevicePage<'_> {
    fn wants(&self) -> String {
        let texts = ["confirm_device.wants_api", "confirm_device.wants_account"];
        wants(self.client_name, self.api_name, texts)
    }
}

/// Says that a device was let in, or was not.
#[derive(Debug, Template)]
#[template(source = r#"{% include "src/http/pages/templates/device_done.html" %}"#, ext = "html")]
pub struct DeviceDonePage<'a> {
    /// Who runs this server.
    pub tenant: &'a str,
    /// Whether it was.
    pub confirmed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_and_applications_typed_is_escaped() {
        let evil = "\"><script>alert('x')</script>";
        let scopes = [ScopeLine { value: evil.into(), description: evil.into() }];
        for html in [
            ActivatePage { tenant: evil, user_code: evil, example: evil, error: Some(evil) }
                .render()
                .unwrap(),
            ConfirmDevicePage {
                tenant: evil,
                user_code: evil,
                client_name: evil,
                user: evil,
                api_name: Some(evil),
                scopes: &scopes,
                state: evil,
            }
            .render()
            .unwrap(),
            DeviceDonePage { tenant: evil, confirmed: true }.render().unwrap(),
        ] {
            assert!(!html.contains("<script") && !html.contains("\"><script"), "{html}");
            assert!(html.contains("&#60;script&#62;"), "{html}");
        }
    }
}
