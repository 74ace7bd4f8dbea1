//! Who runs this server, as its pages and messages show it. Operators change it while the server
//! runs (`/tenants/settings`); like the language it is context of a request: [`scope`] sets it and
//! pages ask [`current`].

use std::sync::Arc;

use url::Url;

use crate::domain::{device::UserCodeFormat, settings::Settings, tenant::Tenant};

/// What the operator set. Addresses are checked again here: what is stored may come from a backup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Branding {
    /// The name.
    pub name: String,
    /// The address of a logo, https. The browser loads it from there, without a referrer.
    pub logo: Option<String>,
    /// The origin of the logo, for the content security policy.
    pub logo_origin: Option<String>,
    /// Where people get help, `mailto:` or an address of the web.
    pub support: Vec<Support>,
    /// Where people begin who come from no application, https.
    pub home: Option<String>,
    /// Where errors are shown instead of on a page of ours.
    pub error_page: Option<Url>,
    /// How user codes of devices look.
    pub user_codes: UserCodeFormat,
    /// Whether error pages name the request in the log.
    pub shows_request_id: bool,
}

/// A way to get help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Support {
    /// Where the link leads.
    pub href: String,
    /// What it says; `None` for a page, which has no name.
    pub label: Option<String>,
}

impl Branding {
    /// What the tenant set, else what the configuration says.
    pub fn of(settings: &Settings, tenant: &Tenant) -> Self {
        let set = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let web = |text: &Option<String>| {
            let url = set(text).and_then(|text| Url::parse(&text).ok());
            url.filter(|url| matches!(url.scheme(), "https" | "http"))
        };
        let logo = web(&tenant.picture_url).filter(|url| url.scheme() == "https");
        let page = web(&tenant.support_url).map(|url| Support { href: url.into(), label: None });
        let mail = set(&tenant.support_email).map(|email| Support {
            href: format!("mailto:{}", path_encoded(&email)),
            label: Some(email),
        });
        let errors = tenant.error_page.clone().unwrap_or_default();
        Self {
            name: set(&tenant.friendly_name).unwrap_or_else(|| settings.tenant_name.clone()),
            logo_origin: logo.as_ref().map(|url| url.origin().ascii_serialization()),
            logo: logo.map(Into::into),
            support: page.into_iter().chain(mail).collect(),
            home: web(&tenant.default_redirection_uri).map(Into::into),
            // A page of ours would lead to itself.
            error_page: web(&errors.url).filter(|url| !is_ours(url, settings)),
            user_codes: tenant.user_codes(),
            shows_request_id: errors.show_log_link,
        }
    }
}

/// An address as the path of a URI: what could begin another part is encoded.
fn path_encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"@.-_+".contains(&b);
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if plain(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Whether an address is on this server.
pub fn is_ours(url: &Url, settings: &Settings) -> bool {
    Url::parse(&settings.issuer).is_ok_and(|issuer| issuer.origin() == url.origin())
}

tokio::task_local! {
    static CURRENT: Arc<Branding>;
}

/// Runs `answering` under a branding.
pub async fn scope<F: Future>(branding: Arc<Branding>, answering: F) -> F::Output {
    CURRENT.scope(branding, answering).await
}

/// The branding of the request that this task answers; a plain one outside of a request.
pub fn current() -> Arc<Branding> {
    CURRENT.try_with(Arc::clone).unwrap_or_default()
}

/// The name that pages and messages show.
pub fn name(settings: &Settings) -> String {
    let name = CURRENT.try_with(|branding| branding.name.clone());
    name.unwrap_or_else(|_| settings.tenant_name.clone())
}
