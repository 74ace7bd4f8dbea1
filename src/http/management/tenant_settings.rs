//! `/tenants/settings`: what the operator changes while the server runs.

mod fields;

use axum::{Json, extract::State};
use serde_json::{Map, Number, Value, json};
use url::Url;

pub(super) use self::fields::TENANT_SETTINGS;
use super::{
    ATTEMPTS,
    change::{self, Change},
    edited_elsewhere, merge,
    query::{Fields, Query},
    unsupported, validation,
};
use crate::domain::tenant::Tenant;
use crate::http::{
    App,
    error::management::ManagementError,
    extract::management_json::ManagementJson,
    pages::{branding, locales::Locale},
};
use crate::store::tenant_settings::{self, TenantRecord};

type Answer = Result<Json<Value>, ManagementError>;

/// The members that hold hours, each kept in minutes under a name of its own.
const LIFETIMES: [(&str, &str); 4] = [
    ("session_lifetime", "session_lifetime_in_minutes"),
    ("idle_session_lifetime", "idle_session_lifetime_in_minutes"),
    ("ephemeral_session_lifetime", "ephemeral_session_lifetime_in_minutes"),
    ("idle_ephemeral_session_lifetime", "idle_ephemeral_session_lifetime_in_minutes"),
];

/// The members whose members are merged one by one; every other is replaced.
const MERGED: [&str; 3] = ["flags", "change_password", "guardian_mfa_page"];

/// The flags that tell how this server is, and cannot be changed.
const READ_ONLY_FLAGS: [&str; 2] = ["allow_changing_enable_sso", "disable_impersonation"];

/// `GET /tenants/settings`
pub async fn read(State(app): State<App>, query: Query) -> Answer {
    query.only(&[Fields::PARAMETERS])?;
    let fields = Fields::read(&query)?;
    let record = tenant_settings::read(app.store.read().await?.db()).await?;
    Ok(Json(fields.select(show(&app, &record))))
}

/// `PATCH /tenants/settings`
pub async fn update(
    State(app): State<App>,
    change: Change,
    ManagementJson(mut body): ManagementJson,
) -> Answer {
    validation::check_change(TENANT_SETTINGS, &body)?;
    in_minutes(&mut body)?;
    if let Some(Value::Object(flags)) = body.get_mut("flags") {
        READ_ONLY_FLAGS.iter().for_each(|flag| drop(flags.remove(*flag)));
    }
    for _ in 0..ATTEMPTS {
        let mut tx = change.begin().await?;
        let mut record = tenant_settings::read(tx.db()).await?;
        let before = record.document.clone();
        apply(&mut record.document, body.clone());
        check(&app, &record)?;
        let now = app.clock.now();
        if tenant_settings::update(&mut tx, &record.document, record.version, now).await? {
            let changed = change::differences(&before, &record.document);
            change.commit(tx, "settings", changed).await?;
            return Ok(Json(Value::Object(show(&app, &record))));
        }
    }
    Err(edited_elsewhere())
}

/// Hours become minutes, of which a document holds one kind only.
fn in_minutes(body: &mut Map<String, Value>) -> Result<(), ManagementError> {
    for (hours, minutes) in LIFETIMES {
        if body.contains_key(hours) && body.contains_key(minutes) {
            let what = format!("{minutes} cannot be specified together with {hours}");
            return Err(ManagementError::invalid_property(&what, minutes));
        }
        if let Some(given) = body.remove(hours).and_then(|value| value.as_i64()) {
            body.insert(minutes.to_owned(), given.saturating_mul(60).into());
        }
    }
    Ok(())
}

fn apply(document: &mut Map<String, Value>, mut patch: Map<String, Value>) {
    for name in MERGED {
        if let Some(Value::Object(given)) = patch.get(name) {
            let mut merged = document.get(name).and_then(Value::as_object).cloned();
            let merged = merged.get_or_insert_default();
            merge::shallow(merged, given.clone());
            patch.insert(name.to_owned(), Value::Object(std::mem::take(merged)));
        }
    }
    merge::shallow(document, patch);
}

fn check(app: &App, record: &TenantRecord) -> Result<(), ManagementError> {
    unsupported::refuse(&record.document, unsupported::TENANT)?;
    check_error_page(app, &record.document)?;
    // What the protocol cannot read must not be stored: it would fail at every later request.
    let read = serde_json::from_value::<Tenant>(Value::Object(record.document.clone()));
    let tenant = read.map_err(|error| {
        ManagementError::invalid_body(format!("Payload validation error: '{error}'."))
    })?;
    match tenant.device_flow.unwrap_or_default().format() {
        Ok(_) => Ok(()),
        Err(bad) => Err(ManagementError::invalid_property(&bad.to_string(), "device_flow.mask")),
    }
}

/// Errors are shown on a page of the web that is not one of this server, which would lead to itself.
fn check_error_page(app: &App, document: &Map<String, Value>) -> Result<(), ManagementError> {
    let url = document.get("error_page").and_then(|page| page.get("url")).and_then(Value::as_str);
    let Some(url) = url.filter(|url| !url.is_empty()) else { return Ok(()) };
    let parsed = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
    if parsed.is_some_and(|url| !branding::is_ours(&url, &app.settings)) {
        return Ok(());
    }
    Err(ManagementError::invalid_property(
        "Errors cannot be shown on a page of this server, or outside of the web",
        "error_page.url",
    ))
}

/// The settings with what is in force where nothing was set.
fn show(app: &App, record: &TenantRecord) -> Map<String, Value> {
    let mut shown = record.document.clone();
    let configured = app.settings.configured_session_lifetime();
    let defaults = [configured.absolute / 60, configured.idle / 60];
    for (i, (hours, minutes)) in LIFETIMES.into_iter().enumerate() {
        let set = shown.remove(minutes).and_then(|value| value.as_i64());
        if let Some(minutes) = set.or_else(|| defaults.get(i).copied()) {
            shown.insert(hours.to_owned(), in_hours(minutes));
        }
    }
    let mut put = |name: &str, value: Value| {
        shown.entry(name).or_insert(value);
    };
    put("friendly_name", app.settings.tenant_name.clone().into());
    put("allowed_logout_urls", app.settings.allowed_logout_urls.clone().into());
    let locales = Locale::enabled(&[], &app.settings.default_locale);
    put("enabled_locales", locales.into_iter().map(Locale::tag).collect());
    put("sandbox_version", "22".into());
    put("sandbox_versions_available", json!(["22"]));
    put("oidc_logout", json!({ "rp_logout_end_session_endpoint_discovery": true }));
    let mut flags = json!({
        "allow_changing_enable_sso": false,
        "disable_impersonation": true,
        "enable_sso": true,
    });
    if let (Some(Value::Object(set)), Value::Object(flags)) = (shown.get("flags"), &mut flags) {
        flags.extend(set.clone());
    }
    shown.insert("flags".to_owned(), flags);
    shown
}

/// A whole number of hours where it is one.
fn in_hours(minutes: i64) -> Value {
    if minutes % 60 == 0 {
        return (minutes / 60).into();
    }
    let minutes = u32::try_from(minutes).unwrap_or(u32::MAX);
    Number::from_f64(f64::from(minutes) / 60.0).map_or(Value::Null, Value::Number)
}
