//! What an operator should look at: the facts about the server as it is, judged.

use crate::domain::{
    ActionId, ClientId, KeyId,
    client::{Client, RotationType},
    redirect_uri,
    time::Timestamp,
    url_pattern,
};
use crate::policy::lifetime::{self, Use};

/// Days after which a signing key should give way to the next one.
pub const KEY_DAYS: i64 = 365;
/// Failed logins within a day, below which nobody needs to look at them.
const FEW_FAILED_LOGINS: i64 = 20;
/// How many times the failed logins of a usual day are too many.
const UNUSUAL: i64 = 3;
/// How many applications, events and so on a finding names.
const MOST_LINKS: usize = 10;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Somebody may be harmed.
    Danger,
    /// Something does not work, or is weaker than it could be.
    Warning,
    /// Good to know.
    Info,
}

impl Severity {
    /// As the Management API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Danger => "danger",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// An application, with its name.
    Client(ClientId, String),
    /// An event, by its id.
    Log(String),
    /// An Action.
    Action(ActionId),
    /// A signing key.
    SigningKey(KeyId),
}

/// One thing that needs attention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its name for programs.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What it is and what to do, in sentences.
    pub message: String,
    /// Since when, if that is known.
    pub since: Option<Timestamp>,
    /// Where to look; a few of many.
    pub links: Vec<Link>,
}

/// The key that signs.
#[derive(Debug, Clone)]
pub struct SigningKey {
    /// Its `kid`.
    pub kid: KeyId,
    /// Since when it signs.
    pub since: Timestamp,
}

/// Events of a type within the last day.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// How many.
    pub count: i64,
    /// Whether there may be more.
    pub at_least: bool,
    /// When the first of the latest was.
    pub since: Option<Timestamp>,
    /// The latest ones, or what they are about.
    pub links: Vec<Link>,
}

/// The facts.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The current time.
    pub now: Timestamp,
    /// The key that signs, if there is one.
    pub signing_key: Option<SigningKey>,
    /// Whether another one is ready to sign in its place.
    pub has_next_key: bool,
    /// Whether messages to people are written to files.
    pub keeps_mail: bool,
    /// Spent refresh tokens that were presented again, within a day.
    pub reuse: Seen,
    /// Scripts that failed, within a day.
    pub failed_actions: Seen,
    /// Failed logins within a day.
    pub failed_logins: i64,
    /// Failed logins of the seven days before.
    pub failed_logins_before: i64,
    /// The applications that were looked at.
    pub applications: Vec<Application>,
    /// How many were not.
    pub applications_left: i64,
}

/// What of an application needs attention.
#[derive(Debug, Clone)]
pub struct Application {
    /// Its id.
    pub client_id: ClientId,
    /// Its name.
    pub name: String,
    /// Its refresh tokens neither rotate nor end.
    pub has_eternal_refresh_tokens: bool,
    /// A code may be sent over an unprotected connection.
    pub has_insecure_callback: bool,
    /// A code may be sent to any of many hosts.
    pub has_wildcard_callback: bool,
    /// A multi-resource policy promises what no exchange gives.
    pub has_void_policy: bool,
}

impl Application {
    /// What can be seen of an application; the caller knows of its policies.
    pub fn of(client: &Client, has_void_policy: bool) -> Self {
        let insecure = |uri: &String| is_insecure(uri);
        Self {
            client_id: client.client_id.clone(),
            name: client.name.clone(),
            has_eternal_refresh_tokens: has_eternal_refresh_tokens(client),
            has_insecure_callback: client.callbacks.iter().any(insecure),
            has_wildcard_callback: client.callbacks.iter().any(|u| url_pattern::has_placeholder(u)),
            has_void_policy,
        }
    }
}

/// A token that is stolen once works for ever then, and nobody sees it (RFC 9700 §4.14).
fn has_eternal_refresh_tokens(client: &Client) -> bool {
    let settings = client.refresh_token_settings();
    let now = Timestamp::from_millis(0);
    let used = Use { last_exchanged_at: now, idle_expires_at: None };
    client.allows_grant("refresh_token")
        && settings.rotation_type == RotationType::NonRotating
        && lifetime::absolute_end(&settings, now).is_none()
        && lifetime::idle_end(&settings, used).is_none()
}

/// Whether a response sent there leaves the machine without TLS (RFC 9700 §2.6).
fn is_insecure(uri: &str) -> bool {
    let Some(origin) = redirect_uri::origin(uri) else { return false };
    let Some(host) = origin.strip_prefix("http://") else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    };
    let is_number = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let is_loopback = name == "::1" || (is_number && name.starts_with("127."));
    let is_named = name == "localhost" || name.ends_with(".localhost");
    !(is_loopback || is_named)
}

/// What needs attention, the most important first.
pub fn findings(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(reuse(&facts.reuse));
    found.extend(failed_logins(facts));
    found.extend(applications(&facts.applications));
    found.extend(failed_actions(&facts.failed_actions));
    found.extend(keys(facts));
    if facts.keeps_mail {
        found.push(Finding {
            code: "mail_not_configured",
            severity: Severity::Warning,
            message: "No mail server is set up: messages to people are written to files and do \
                      not arrive. Set mail.smtp_url."
                .to_owned(),
            since: None,
            links: Vec::new(),
        });
    }
    if facts.applications_left > 0 {
        found.push(Finding {
            code: "applications_not_examined",
            severity: Severity::Info,
            message: format!(
                "The oldest {} applications were looked at, and {} more were not.",
                facts.applications.len(),
                facts.applications_left
            ),
            since: None,
            links: Vec::new(),
        });
    }
    found.sort_by_key(|finding| finding.severity);
    found
}

fn reuse(seen: &Seen) -> Option<Finding> {
    (seen.count > 0).then(|| Finding {
        code: "refresh_token_reuse",
        severity: Severity::Danger,
        message: format!(
            "A spent refresh token was used again {} within the last 24 hours. Each time its login \
             was ended, as the token may have been stolen.",
            times(seen)
        ),
        since: seen.since,
        links: seen.links.clone(),
    })
}

fn failed_actions(seen: &Seen) -> Option<Finding> {
    (seen.count > 0).then(|| Finding {
        code: "actions_failing",
        severity: Severity::Warning,
        message: format!(
            "Actions or rules failed {} within the last 24 hours. Logins and exchanges that wait \
             for them were refused.",
            times(seen)
        ),
        since: seen.since,
        links: seen.links.clone(),
    })
}

fn times(seen: &Seen) -> String {
    match (seen.at_least, seen.count) {
        (true, count) => format!("at least {count} times"),
        (false, 1) => "once".to_owned(),
        (false, count) => format!("{count} times"),
    }
}

fn failed_logins(facts: &Facts) -> Option<Finding> {
    let (today, week) = (facts.failed_logins, facts.failed_logins_before);
    // Compared as sevenfold, so that a week of few is not taken for one of none.
    let is_unusual = today.saturating_mul(7) >= week.saturating_mul(UNUSUAL);
    (today >= FEW_FAILED_LOGINS && is_unusual).then(|| Finding {
        code: "many_failed_logins",
        severity: Severity::Danger,
        message: format!(
            "{today} logins failed within the last 24 hours; in the seven days before it were {week} \
             in all. Somebody may be guessing passwords.",
        ),
        since: None,
        links: Vec::new(),
    })
}

fn keys(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    if !facts.has_next_key {
        found.push(Finding {
            code: "next_signing_key_missing",
            severity: Severity::Warning,
            message: "No next signing key is published, so a rotation would surprise the APIs."
                .to_owned(),
            since: None,
            links: Vec::new(),
        });
    }
    if let Some(key) = &facts.signing_key {
        let days = facts.now.millis_since(key.since) / 86_400_000;
        if days > KEY_DAYS {
            found.push(Finding {
                code: "signing_key_old",
                severity: Severity::Warning,
                message: format!("The signing key has signed for {days} days. Rotate it."),
                since: Some(key.since),
                links: vec![Link::SigningKey(key.kid.clone())],
            });
        }
    }
    found
}

/// A code, how much it matters, whether it is so of an application, and what to say of one and of
/// many.
type Judgement = (&'static str, Severity, fn(&Application) -> bool, &'static str, &'static str);

const JUDGEMENTS: &[Judgement] = &[
    (
        "eternal_refresh_tokens",
        Severity::Danger,
        |application| application.has_eternal_refresh_tokens,
        "application has refresh tokens that neither rotate nor expire: a stolen one works for ever.",
        "applications have refresh tokens that neither rotate nor expire: a stolen one works for ever.",
    ),
    (
        "insecure_callback",
        Severity::Warning,
        |application| application.has_insecure_callback,
        "application has a callback that is neither https nor on the user's machine: codes can be read on the way.",
        "applications have a callback that is neither https nor on the user's machine: codes can be read on the way.",
    ),
    (
        "wildcard_callback",
        Severity::Warning,
        |application| application.has_wildcard_callback,
        "application has a callback with a wildcard: whoever gets hold of one such host gets its codes.",
        "applications have a callback with a wildcard: whoever gets hold of one such host gets their codes.",
    ),
    (
        "void_policies",
        Severity::Warning,
        |application| application.has_void_policy,
        "application has multi-resource policies of which something has no effect.",
        "applications have multi-resource policies of which something has no effect.",
    ),
];

fn applications(all: &[Application]) -> Vec<Finding> {
    let judge = |&(code, severity, is_so, of_one, of_many): &Judgement| {
        let such: Vec<_> = all.iter().filter(|application| is_so(application)).collect();
        let text = if such.len() == 1 { of_one } else { of_many };
        let link = |one: &&Application| Link::Client(one.client_id.clone(), one.name.clone());
        (!such.is_empty()).then(|| Finding {
            code,
            severity,
            message: format!("{} {text}", such.len()),
            since: None,
            links: such.iter().take(MOST_LINKS).map(link).collect(),
        })
    };
    JUDGEMENTS.iter().filter_map(judge).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn client(document: Value) -> Client {
        let mut client: Client = serde_json::from_value(document).unwrap();
        client.client_id = ClientId::new("one");
        client
    }

    fn quiet() -> Facts {
        Facts {
            now: NOW,
            signing_key: Some(SigningKey {
                kid: KeyId::new("k"),
                since: NOW.plus_seconds(-86_400),
            }),
            has_next_key: true,
            keeps_mail: false,
            reuse: Seen::default(),
            failed_actions: Seen::default(),
            failed_logins: 0,
            failed_logins_before: 0,
            applications: vec![Application::of(&client(json!({ "name": "One" })), false)],
            applications_left: 0,
        }
    }

    fn codes(facts: &Facts) -> Vec<&'static str> {
        findings(facts).iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn each_fact_is_found_alone_and_a_quiet_server_has_none() {
        type Change = fn(&mut Facts);
        let one: Seen = Seen { count: 1, ..Seen::default() };
        assert_eq!(codes(&quiet()), [""; 0]);
        let table: &[(&str, Change)] = &[
            ("refresh_token_reuse", |f| f.reuse.count = 1),
            ("actions_failing", |f| f.failed_actions.count = 1),
            ("many_failed_logins", |f| f.failed_logins = FEW_FAILED_LOGINS),
            ("next_signing_key_missing", |f| f.has_next_key = false),
            ("signing_key_old", |f| {
                f.signing_key = Some(SigningKey {
                    kid: KeyId::new("k"),
                    since: NOW.plus_seconds(-(KEY_DAYS + 1) * 86_400),
                });
            }),
            ("mail_not_configured", |f| f.keeps_mail = true),
            ("applications_not_examined", |f| f.applications_left = 1),
            ("eternal_refresh_tokens", |f| f.applications[0].has_eternal_refresh_tokens = true),
            ("insecure_callback", |f| f.applications[0].has_insecure_callback = true),
            ("wildcard_callback", |f| f.applications[0].has_wildcard_callback = true),
            ("void_policies", |f| f.applications[0].has_void_policy = true),
        ];
        for (code, change) in table {
            let mut facts = quiet();
            change(&mut facts);
            assert_eq!(codes(&facts), [*code]);
        }
        for (seen, words) in [
            (one.clone(), "again once within"),
            (Seen { count: 2, ..one.clone() }, "again 2 times within"),
            (Seen { count: 9, at_least: true, ..one }, "again at least 9 times within"),
        ] {
            let found = reuse(&seen).unwrap();
            assert!(found.message.contains(words), "{}", found.message);
        }
    }

    #[test]
    fn the_most_important_comes_first_and_names_a_few() {
        let mut facts = quiet();
        facts.keeps_mail = true;
        facts.applications_left = 7;
        facts.reuse.count = 1;
        let eternal = json!({
            "name": "Eternal", "grant_types": ["refresh_token"],
            "refresh_token": { "rotation_type": "non-rotating", "expiration_type": "non-expiring" },
        });
        facts.applications = vec![Application::of(&client(eternal), true); 12];
        let expected = [
            "refresh_token_reuse",
            "eternal_refresh_tokens",
            "void_policies",
            "mail_not_configured",
            "applications_not_examined",
        ];
        assert_eq!(codes(&facts), expected);
        let found = findings(&facts);
        assert!(found[1].message.starts_with("12 applications have"), "{}", found[1].message);
        assert_eq!(found[1].links.len(), MOST_LINKS);
        assert_eq!(
            found[4].message,
            "The oldest 12 applications were looked at, and 7 more were not."
        );
    }

    #[test]
    fn failed_logins_are_compared_with_a_usual_day() {
        for (today, week, is_found) in [
            (19, 0, false),
            (20, 0, true),
            (20, 46, true),
            (20, 47, false),
            (300, 700, true),
            (299, 700, false),
            (i64::MAX, i64::MAX, true),
        ] {
            let facts = Facts { failed_logins: today, failed_logins_before: week, ..quiet() };
            assert_eq!(!codes(&facts).is_empty(), is_found, "{today} {week}");
        }
    }

    #[test]
    fn tokens_that_end_or_rotate_or_are_never_issued_are_not_eternal() {
        let token = |rotation: &str, expiration: &str, infinite: bool, infinite_idle: bool| {
            json!({
                "rotation_type": rotation, "expiration_type": expiration,
                "infinite_token_lifetime": infinite, "infinite_idle_token_lifetime": infinite_idle,
            })
        };
        for (refresh_token, is_eternal) in [
            (token("non-rotating", "non-expiring", false, false), true),
            (token("non-rotating", "expiring", true, true), true),
            (token("non-rotating", "expiring", true, false), false),
            (token("non-rotating", "expiring", false, true), false),
            (token("rotating", "non-expiring", true, true), false),
        ] {
            let of = |grants: Value| {
                let document = json!({ "grant_types": grants, "refresh_token": refresh_token });
                Application::of(&client(document), false).has_eternal_refresh_tokens
            };
            assert_eq!(of(json!(["refresh_token"])), is_eternal, "{refresh_token}");
            assert!(!of(json!(["authorization_code"])), "{refresh_token}");
        }
    }

    #[test]
    fn callbacks_are_judged_by_scheme_and_host() {
        for (callback, is_insecure, is_wildcard) in [
            ("https://app.example/cb", false, false),
            ("http://app.example/cb", true, false),
            ("HTTP://APP.EXAMPLE/cb", true, false),
            ("http://localhost:3000/cb", false, false),
            ("http://app.localhost/cb", false, false),
            ("http://127.0.0.1/cb", false, false),
            ("http://127.0.0.9:80/cb", false, false),
            ("http://[::1]:4/cb", false, false),
            ("http://[2001:db8::1]/cb", true, false),
            ("http://192.168.1.4/cb", true, false),
            ("http://127.evil.example/cb", true, false),
            ("http://localhost.example/cb", true, false),
            ("https://*.app.example/cb", false, true),
            ("com.example.app:/cb", false, false),
        ] {
            let found = Application::of(&client(json!({ "callbacks": [callback] })), false);
            assert_eq!(found.has_insecure_callback, is_insecure, "{callback}");
            assert_eq!(found.has_wildcard_callback, is_wildcard, "{callback}");
        }
    }
}
