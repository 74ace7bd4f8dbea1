//! `/attack-protection`: what shall be done about guessed, sprayed and leaked passwords.
//!
//! Nothing tells this release which passwords have leaked: those settings are kept and not enforced,
//! so that protection is off until it is switched on, and switching it on is logged as a warning.

mod fields;

use axum::{Json, extract::State};
use serde_json::{Map, Value, json};

pub use self::fields::{
    BREACHED_PASSWORD_DETECTION, BRUTE_FORCE_PROTECTION, SUSPICIOUS_IP_THROTTLING,
};
use super::{
    ATTEMPTS,
    change::{self, Change},
    edited_elsewhere, merge,
    query::Query,
    schema::Field,
    validation::{self, Writing},
};
use crate::domain::attack_protection::{BruteForceProtection, SuspiciousIpThrottling};
use crate::http::{
    App, error::management::ManagementError, extract::management_json::ManagementJson,
};
use crate::store::attack_protection;

type Answer = Result<Json<Value>, ManagementError>;

/// A kind of protection.
struct Protection {
    name: &'static str,
    fields: &'static [Field],
    /// What holds where nothing was set.
    defaults: fn() -> Value,
    is_enforced: bool,
}

const BRUTE_FORCE: Protection = Protection {
    name: BruteForceProtection::NAME,
    fields: BRUTE_FORCE_PROTECTION,
    defaults: || json!(BruteForceProtection::default()),
    is_enforced: true,
};

const SUSPICIOUS_IP: Protection = Protection {
    name: SuspiciousIpThrottling::NAME,
    fields: SUSPICIOUS_IP_THROTTLING,
    defaults: || json!(SuspiciousIpThrottling::default()),
    is_enforced: true,
};

const BREACHED_PASSWORDS: Protection = Protection {
    name: "breached-password-detection",
    fields: BREACHED_PASSWORD_DETECTION,
    defaults: || {
        json!({
            "enabled": false, "shields": [], "admin_notification_frequency": [],
            "method": "standard", "stage": {
                "pre-user-registration": { "shields": [] }, "pre-change-password": { "shields": [] },
            },
        })
    },
    is_enforced: false,
};

impl Protection {
    fn show(&self, set: &Map<String, Value>) -> Map<String, Value> {
        let mut shown = (self.defaults)().as_object().cloned().unwrap_or_default();
        merge::deep(&mut shown, set.clone());
        shown
    }

    async fn read(&self, app: &App, query: &Query) -> Answer {
        query.only(&[])?;
        let set = attack_protection::read(app.store.read().await?.db(), self.name).await?;
        Ok(Json(Value::Object(self.show(&set.document))))
    }

    async fn update(&self, app: &App, change: Change, body: Map<String, Value>) -> Answer {
        validation::check(self.fields, &body, Writing::Update)?;
        for _ in 0..ATTEMPTS {
            let mut tx = change.begin().await?;
            let mut set = attack_protection::read(tx.db(), self.name).await?;
            let before = self.show(&set.document);
            merge::deep(&mut set.document, body.clone());
            let (now, version) = (app.clock.now(), set.version);
            if !attack_protection::update(&mut tx, self.name, &set.document, version, now).await? {
                continue;
            }
            let shown = self.show(&set.document);
            change.commit(tx, self.name, change::differences(&before, &shown)).await?;
            if !self.is_enforced && shown.get("enabled") == Some(&Value::Bool(true)) {
                tracing::warn!(
                    protection = self.name,
                    "the settings of this protection are kept, and not enforced by this release"
                );
            }
            return Ok(Json(Value::Object(shown)));
        }
        Err(edited_elsewhere())
    }
}

/// `GET /attack-protection/brute-force-protection`
pub async fn read_brute_force(State(app): State<App>, query: Query) -> Answer {
    BRUTE_FORCE.read(&app, &query).await
}

/// `PATCH /attack-protection/brute-force-protection`
pub async fn update_brute_force(
    State(app): State<App>,
    change: Change,
    ManagementJson(body): ManagementJson,
) -> Answer {
    BRUTE_FORCE.update(&app, change, body).await
}

/// `GET /attack-protection/suspicious-ip-throttling`
pub async fn read_suspicious_ip(State(app): State<App>, query: Query) -> Answer {
    SUSPICIOUS_IP.read(&app, &query).await
}

/// `PATCH /attack-protection/suspicious-ip-throttling`
pub async fn update_suspicious_ip(
    State(app): State<App>,
    change: Change,
    ManagementJson(body): ManagementJson,
) -> Answer {
    SUSPICIOUS_IP.update(&app, change, body).await
}

/// `GET /attack-protection/breached-password-detection`
pub async fn read_breached_passwords(State(app): State<App>, query: Query) -> Answer {
    BREACHED_PASSWORDS.read(&app, &query).await
}

/// `PATCH /attack-protection/breached-password-detection`
pub async fn update_breached_passwords(
    State(app): State<App>,
    change: Change,
    ManagementJson(body): ManagementJson,
) -> Answer {
    BREACHED_PASSWORDS.update(&app, change, body).await
}
