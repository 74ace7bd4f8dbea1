//! `GET /stats/attention`: what an operator should look at.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::domain::{
    ActionId, audience::Audience, audit::types::Kind, client::Client, signing_alg::SigningAlg,
    time::Timestamp,
};
use crate::http::{App, error::management::ManagementError, management::query::Query};
use crate::policy::{
    attention::{self, Application, Facts, Finding, Link, Seen, SigningKey},
    mrrt,
};
use crate::store::{
    audit::{self, AuditRow, Condition, Window},
    clients, hourly_counts,
    resource_servers::ResourceServerRecord,
    signing_keys,
};

/// Hours of a day.
const DAY: i64 = 24;
/// The most applications that are looked at.
const MOST_APPLICATIONS: i64 = 1000;
/// The most APIs that are looked up for their policies.
const MOST_APIS: usize = 1000;
/// The latest events of a type that are looked at.
const LATEST: i64 = 10;

/// `GET /stats/attention`: the most important first.
pub async fn attention(
    State(app): State<App>,
    query: Query,
) -> Result<Json<Value>, ManagementError> {
    query.only(&[])?;
    let findings = attention::findings(&facts(&app).await?);
    Ok(Json(findings.iter().map(show).collect()))
}

async fn facts(app: &App) -> Result<Facts, ManagementError> {
    let now = app.clock.now();
    let mut conn = app.store.read().await?;
    let keys = signing_keys::stories(conn.db(), SigningAlg::Rs256).await?;
    let hour = hourly_counts::hour_of(now) + 1;
    let day_ago = hour - DAY;
    let failed = Kind::FailedLogin;
    let failed_logins = hourly_counts::sum(conn.db(), failed, day_ago, hour).await?;
    let failed_logins_before =
        hourly_counts::sum(conn.db(), failed, day_ago - 7 * DAY, day_ago).await?;
    drop(conn);
    let (applications, applications_left) = applications(app).await?;
    let current = keys.iter().find(|key| key.state == "current");
    let reuse = seen(app, "ferrt", now, |row| Some(Link::Log(row.id.clone()))).await?;
    let failed_actions = seen(app, "actions_execution_failed", now, |row| {
        Some(Link::Action(ActionId::new(row.details["action_id"].as_str()?)))
    });
    Ok(Facts {
        now,
        signing_key: current
            .and_then(|key| Some(SigningKey { kid: key.kid.clone(), since: key.current_since? })),
        has_next_key: keys.iter().any(|key| key.state == "next"),
        keeps_mail: app.login.mailer.keeps_messages(),
        reuse,
        failed_actions: failed_actions.await?,
        failed_logins,
        failed_logins_before,
        applications,
        applications_left,
    })
}

/// The events of a type within a day, with what `link` makes of the latest.
async fn seen(
    app: &App,
    code: &str,
    now: Timestamp,
    link: impl Fn(&AuditRow) -> Option<Link>,
) -> Result<Seen, ManagementError> {
    let since = now.plus_seconds(-DAY * 3600);
    let end_of_time = Timestamp::from_millis(i64::MAX);
    let condition = Condition::All(vec![
        Condition::Event(code.to_owned()),
        Condition::Date(since, end_of_time),
    ]);
    let window = Window { offset: 0, limit: LATEST, is_ascending: false, totals: true };
    let budget = Duration::from_millis(app.settings.search_timeout.unsigned_abs());
    let (rows, count) = audit::search(&app.store, condition, window, budget).await?;
    let mut links = Vec::new();
    for link in rows.iter().filter_map(link) {
        if !links.contains(&link) {
            links.push(link);
        }
    }
    Ok(Seen {
        count,
        at_least: count >= audit::MOST_COUNTED,
        since: rows.last().map(|row| row.date),
        links,
    })
}

/// The oldest applications, and how many more there are.
async fn applications(app: &App) -> Result<(Vec<Application>, i64), ManagementError> {
    let filter = clients::Filter { is_global: Some(false), ..clients::Filter::default() };
    let (records, total) = {
        let mut conn = app.store.read().await?;
        let records = clients::list(conn.db(), &filter, 0, MOST_APPLICATIONS).await?;
        (records, clients::count(conn.db(), &filter).await?)
    };
    let mut found = Vec::with_capacity(records.len());
    let mut apis = HashMap::new();
    for record in &records {
        let Some(is_void) = has_void_policy(app, &record.client, &mut apis).await? else { break };
        found.push(Application::of(&record.client, is_void));
    }
    let examined = i64::try_from(found.len()).unwrap_or(i64::MAX);
    Ok((found, total - examined))
}

type Apis = HashMap<Audience, Option<Arc<ResourceServerRecord>>>;

/// `None` when too many APIs were looked up.
async fn has_void_policy(
    app: &App,
    client: &Client,
    apis: &mut Apis,
) -> Result<Option<bool>, ManagementError> {
    for policy in client.policies() {
        if !apis.contains_key(&policy.audience) {
            if apis.len() >= MOST_APIS {
                return Ok(None);
            }
            let found = app.store.api(&policy.audience).await?;
            apis.insert(policy.audience.clone(), found);
        }
        let api = apis.get(&policy.audience).and_then(Option::as_ref).map(|record| &record.api);
        if !mrrt::void::void(policy, client.is_first_party, api).is_empty() {
            return Ok(Some(true));
        }
    }
    Ok(Some(false))
}

fn show(finding: &Finding) -> Value {
    let mut shown = json!({
        "code": finding.code,
        "severity": finding.severity.as_str(),
        "message": finding.message,
        "links": finding.links.iter().map(show_link).collect::<Vec<_>>(),
    });
    if let Some(since) = finding.since {
        shown["since"] = json!(since.iso8601());
    }
    shown
}

fn show_link(link: &Link) -> Value {
    match link {
        Link::Client(id, name) => json!({ "type": "client", "id": id, "name": name }),
        Link::Log(id) => json!({ "type": "log", "id": id }),
        Link::Action(id) => json!({ "type": "action", "id": id }),
        Link::SigningKey(id) => json!({ "type": "signing_key", "id": id }),
    }
}
