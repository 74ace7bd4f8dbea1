//! Random histories of a family against a model of the design, §4 and §5, that shares no code with
//! the server.

use std::collections::{BTreeMap, BTreeSet};

use doorward::domain::{FamilyId, time::Clock};
use serde_json::{Value, json};

use super::{
    Random, Witness, family, family_id, is_refused, log_in_as, password_client, seed, size,
};
use crate::support::{
    Answer, BOOTSTRAP_ID, BOOTSTRAP_SECRET, TestApp, each_backend, fixtures::*, payload,
};

const STEPS: usize = 25;
const LEDGER: &str = "https://ledger.example.com";
const GHOST: &str = "https://nobody.example.com";
const IDLE: i64 = 600;
const ABSOLUTE: i64 = 3000;
/// Nothing is tried this near the end of a period, in seconds: the clock goes on meanwhile.
const MARGIN: i64 = 20;
const OIDC: [&str; 3] = ["openid", "profile", "offline_access"];

/// What each API defines.
const DEFINED: [(&str, &[&str]); 3] = [
    (MESSAGES, &["read:messages", "write:messages", "delete:messages"]),
    (BILLING, &["read:billing"]),
    (LEDGER, &["read:ledger", "read:messages"]),
];

type Scopes = BTreeSet<String>;

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Scopes {
    words.into_iter().map(str::to_owned).collect()
}

/// The settings of the application.
#[derive(Debug, Clone)]
struct Rules {
    rotates: bool,
    leeway: i64,
    policies: BTreeMap<&'static str, Scopes>,
}

impl Rules {
    fn any(random: &mut Random) -> Self {
        let everything = [
            "read:messages",
            "write:messages",
            "delete:messages",
            "read:billing",
            "write:billing",
            "read:ledger",
            "openid",
            "email",
        ];
        let apis = random.some_of(&[MESSAGES, BILLING, LEDGER, GHOST]);
        let policies = apis.into_iter().map(|api| {
            let api = [MESSAGES, BILLING, LEDGER, GHOST].into_iter().find(|a| *a == api).unwrap();
            (api, words(random.some_of(&everything)))
        });
        let policies = policies.collect();
        Self { rotates: random.below(5) > 0, leeway: [60, 60, 60, 0][random.below(4)], policies }
    }

    fn body(&self) -> Value {
        let policies = self.policies.iter().map(|(api, scope)| {
            let scope: Vec<_> = scope.iter().collect();
            json!({ "audience": api, "scope": scope })
        });
        let policies: Vec<_> = policies.collect();
        json!({ "refresh_token": refresh_settings(json!({
            "rotation_type": if self.rotates { "rotating" } else { "non-rotating" },
            "leeway": self.leeway,
            "token_lifetime": ABSOLUTE,
            "idle_token_lifetime": IDLE,
            "policies": if policies.is_empty() { Value::Null } else { policies.into() },
        })) })
    }
}

/// What an exchange asks for.
#[derive(Debug, Clone, Default)]
struct Asked {
    audience: Option<&'static str>,
    scope: Option<String>,
}

impl Asked {
    fn any(random: &mut Random) -> Self {
        let audience = [None, Some(""), Some(MESSAGES), Some(BILLING), Some(LEDGER)];
        let mut asked = Self { audience: *random.pick(&audience), scope: None };
        if random.below(12) == 0 {
            asked.audience = Some(*random.pick(&[GHOST, "https://api.example.com/"]));
        }
        match random.below(5) {
            0 => asked.scope = Some(random.some_of(&["openid", "read:messages"]).join(" ")),
            1 => {
                let any =
                    ["openid", "email", "write:messages", "read:billing", "read:ledger", "root"];
                asked.scope = Some(random.some_of(&any).join(" "));
            }
            _ => {}
        }
        asked
    }

    fn form<'a>(&'a self, world: &'a World, token: &'a str) -> Vec<(&'a str, &'a str)> {
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("client_id", world.client_id.as_str()),
            ("refresh_token", token),
        ];
        form.extend(self.audience.map(|audience| ("audience", audience)));
        form.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        form
    }

    /// The table of §5: audience and scopes, `None` for a refusal.
    fn allowed(&self, rules: &Rules) -> Option<(&'static str, Scopes)> {
        let audience = self.audience.filter(|a| !a.is_empty()).unwrap_or(MESSAGES);
        let policy = rules.policies.get(audience);
        let (audience, defined) = *DEFINED.iter().find(|(api, _)| *api == audience)?;
        let mut granted = match (audience == MESSAGES, policy) {
            (true, policy) => {
                let mut granted = policy.cloned().unwrap_or_default();
                granted.insert("read:messages".to_owned());
                granted
            }
            (false, policy) => policy?.clone(),
        };
        granted.retain(|scope| defined.contains(&scope.as_str()));
        granted.extend(words(OIDC));
        if let Some(scope) = self.scope.as_deref().filter(|scope| !scope.is_empty()) {
            let asked = words(scope.split(' '));
            granted.retain(|scope| asked.contains(scope));
        }
        Some((audience, granted))
    }
}

/// What the model expects of a presented token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Current,
    Retry,
    Reuse,
    Dead,
}

/// A family as the model sees it. Times are milliseconds of the server's clock.
struct Model {
    rules: Rules,
    /// The token of each generation.
    tokens: Vec<String>,
    rotated_at: i64,
    created_at: i64,
    /// Whether a retry counts as an exchange is nobody's promise: the earliest and the latest.
    exchanged_at: (i64, i64),
    revoked: bool,
    reuses: i64,
}

impl Model {
    fn current(&self) -> usize {
        self.tokens.len() - 1
    }

    fn expired(&self, now: i64) -> bool {
        now >= self.created_at + ABSOLUTE * 1000 || now >= self.exchanged_at.1 + IDLE * 1000
    }

    fn judge(&self, generation: usize, now: i64) -> Expected {
        if self.revoked {
            return Expected::Dead;
        }
        let in_time = self.rules.leeway > 0 && now - self.rotated_at <= self.rules.leeway * 1000;
        let found = match self.current() - generation {
            0 => Expected::Current,
            1 if in_time => Expected::Retry,
            _ => return Expected::Reuse,
        };
        if self.expired(now) { Expected::Dead } else { found }
    }

    /// Moves the clock away from the end of any period.
    fn keep_clear(&self, app: &TestApp) {
        let ends = [
            (self.rotated_at + self.rules.leeway * 1000, 0),
            (self.created_at + ABSOLUTE * 1000, 0),
            (self.exchanged_at.0 + IDLE * 1000, self.exchanged_at.1 - self.exchanged_at.0),
        ];
        loop {
            let now = app.clock.now().millis();
            let near = |(end, width): &(i64, i64)| {
                now > end - MARGIN * 1000 && now <= end + width + MARGIN * 1000
            };
            match ends.iter().find(|end| near(end)) {
                None => return,
                Some((end, width)) => {
                    app.clock.advance_seconds((end + width - now) / 1000 + MARGIN + 1);
                }
            }
        }
    }
}

/// One history, and how to see it again when it fails.
struct History<'a> {
    backend: &'static str,
    world: &'a World,
    seed: u64,
    random: Random,
    model: Model,
    family: FamilyId,
    told: Vec<String>,
}

impl Drop for History<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "{}: DOORWARD_PROOF_SEED={} DOORWARD_PROOF_SEQUENCES=1 reproduces\n  {}",
                self.backend,
                self.seed,
                self.told.join("\n  ")
            );
        }
    }
}

async fn patch(app: &TestApp, world: &World, rules: &Rules) {
    // The harness takes its own address for the issuer, which it is not of a second node.
    let audience = format!("{}api/v2/", app.inner.settings.issuer);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", BOOTSTRAP_ID),
        ("client_secret", BOOTSTRAP_SECRET),
        ("audience", &audience),
    ];
    let token = app.token(&form).await.text_of("access_token");
    let path = format!("/clients/{}", world.client_id);
    app.management_as(&token, "PATCH", &path, Some(rules.body())).await.ok();
}

impl<'a> History<'a> {
    async fn begin(
        app: &TestApp,
        backend: &'static str,
        world: &'a World,
        seed: u64,
        reuses: i64,
    ) -> Self {
        let mut random = Random(seed);
        let rules = Rules::any(&mut random);
        patch(app, world, &rules).await;
        let token = log_in_as(app, world, EMAIL).await;
        let family = family_id(app, &token);
        let now = app.clock.now().millis();
        let told = vec![format!("login with {rules:?}")];
        let model = Model {
            rules,
            tokens: vec![token],
            rotated_at: now,
            created_at: now,
            exchanged_at: (now, now),
            revoked: false,
            reuses,
        };
        Self { backend, world, seed, random, model, family, told }
    }

    async fn step(&mut self, app: &mut TestApp) {
        self.model.keep_clear(app);
        let current = self.model.current();
        match self.random.below(100) {
            0..35 => self.present(app, current).await,
            35..50 => self.present(app, current.saturating_sub(1)).await,
            50..54 => {
                let older = self.random.below(current + 1);
                self.present(app, older).await;
            }
            54..70 => self.present_in_parallel(app).await,
            70..72 => self.revoke(app).await,
            72..82 => {
                self.model.rules = Rules::any(&mut self.random);
                self.told.push(format!("edit: {:?}", self.model.rules));
                patch(app, self.world, &self.model.rules).await;
            }
            82..96 => {
                let jump = [5, 5, 5, 90, 90, 90, IDLE + 50, ABSOLUTE + 50][self.random.below(8)];
                self.told.push(format!("{jump} s pass"));
                app.clock.advance_seconds(jump);
            }
            _ => {
                self.told.push("restart".to_owned());
                let restarted = app.another_node().await;
                app.inner.store.close().await;
                *app = restarted;
            }
        }
        self.look(app).await;
    }

    /// Presents the token of a generation alone.
    async fn present(&mut self, app: &TestApp, generation: usize) {
        let asked = Asked::any(&mut self.random);
        let expected = self.model.judge(generation, app.clock.now().millis());
        let current = self.model.current();
        self.told.push(format!("{generation} of {current}, {expected:?}: {asked:?}"));
        let before = format!("{:?}", family(app, &self.family).await);
        let form = asked.form(self.world, &self.model.tokens[generation]);
        let answer = app.token(&form).await;
        self.told.push(format!("  {} {}", answer.status, answer.text));
        let after = format!("{:?}", family(app, &self.family).await);
        let allowed = asked.allowed(&self.model.rules);
        match (expected, allowed) {
            (Expected::Reuse, _) => {
                is_refused(&answer, "reuse");
                self.model.revoked = true;
                self.model.reuses += 1;
            }
            (Expected::Dead, _) => {
                is_refused(&answer, "dead");
                assert_eq!(before, after, "a dead family does not move");
            }
            (_, None) => {
                assert_eq!(answer.error(), (400, "invalid_target".into()), "{}", answer.text);
                assert_eq!(before, after, "a refusal consumes nothing");
            }
            (Expected::Current | Expected::Retry, Some(allowed)) => {
                let successor = check(&answer, &allowed);
                self.accept(expected, generation, successor, app);
            }
        }
    }

    /// Presents the current token several times at once.
    async fn present_in_parallel(&mut self, app: &TestApp) {
        let generation = self.model.current();
        let expected = self.model.judge(generation, app.clock.now().millis());
        let idempotent = self.model.rules.leeway > 0 || !self.model.rules.rotates;
        let count = 2 + self.random.below(5);
        let mut asked: Vec<_> = (0..count).map(|_| Asked::any(&mut self.random)).collect();
        if !idempotent {
            // Who comes first decides; one that is refused for its audience decides nothing.
            asked.retain(|asked| asked.allowed(&self.model.rules).is_some());
        }
        self.told.push(format!("{generation} in parallel, {expected:?}: {asked:?}"));
        let token = self.model.tokens[generation].clone();
        let calls = asked.iter().map(|asked| {
            let form = asked.form(self.world, &token);
            let request = app.http.post(app.url("oauth/token")).form(&form);
            tokio::spawn(async move { Answer::read(request.send().await.unwrap()).await })
        });
        let mut answers = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            answers.push(call.await.unwrap());
        }
        let mut successors = BTreeSet::new();
        let mut refused = 0;
        for (answer, asked) in answers.iter().zip(&asked) {
            self.told.push(format!("  {} {}", answer.status, answer.text));
            match (expected, asked.allowed(&self.model.rules)) {
                (Expected::Dead, _) => is_refused(answer, "dead"),
                (_, None) => assert_eq!(answer.error(), (400, "invalid_target".into())),
                (_, Some(_)) if !idempotent && answer.status != 200 => {
                    is_refused(answer, "the loser of a race without leeway");
                    refused += 1;
                }
                (_, Some(allowed)) => {
                    successors.insert(check(answer, &allowed));
                }
            }
        }
        if expected == Expected::Dead || answers.is_empty() {
            return;
        }
        assert!(successors.len() <= 1, "two different successors: {successors:?}");
        if let Some(successor) = successors.into_iter().next() {
            self.accept(expected, generation, successor, app);
        }
        if !idempotent {
            assert_eq!(refused, answers.len() - 1, "exactly one wins");
            if refused > 0 {
                self.model.revoked = true;
                self.model.reuses += 1;
            }
        }
    }

    fn accept(&mut self, how: Expected, generation: usize, successor: String, app: &TestApp) {
        let now = app.clock.now().millis();
        match how {
            Expected::Retry => {
                let current = &self.model.tokens[generation + 1];
                assert_eq!(successor, *current, "a retry returns the successor again");
                self.model.exchanged_at.1 = now;
            }
            _ if self.model.rules.rotates => {
                assert!(!self.model.tokens.contains(&successor), "a rotation makes a new token");
                self.model.tokens.push(successor);
                self.model.rotated_at = now;
                self.model.exchanged_at = (now, now);
            }
            _ => {
                assert_eq!(successor, self.model.tokens[generation], "echoed");
                self.model.exchanged_at = (now, now);
            }
        }
    }

    async fn revoke(&mut self, app: &TestApp) {
        self.told.push("revoke".to_owned());
        let any = self.random.below(self.model.tokens.len());
        let token = self.model.tokens[any].as_str();
        let form = [("client_id", self.world.client_id.as_str()), ("token", token)];
        assert_eq!(app.post_form("oauth/revoke", &form).await.status, 200);
        self.model.revoked = true;
    }

    /// Compares the database with the model.
    async fn look(&self, app: &TestApp) {
        let row = family(app, &self.family).await;
        assert_eq!(row.generation as usize, self.model.current(), "the generation");
        assert_eq!(row.revoked_at.is_some(), self.model.revoked, "revoked");
        let reuses = Witness::of(app).await.events("ferrt").await;
        assert_eq!(reuses, self.model.reuses, "one event for each reuse");
    }

    /// Whatever happened, the end is clear: the current token works or no token does.
    async fn end(&mut self, app: &TestApp) {
        self.model.keep_clear(app);
        let current = self.model.current();
        self.told.push("the end".to_owned());
        let now = app.clock.now().millis();
        if self.model.judge(current, now) == Expected::Current {
            let form = Asked::default();
            let answer = app.token(&form.form(self.world, &self.model.tokens[current])).await;
            let successor = check(&answer, &form.allowed(&self.model.rules).unwrap());
            self.accept(Expected::Current, current, successor, app);
        } else {
            for token in &self.model.tokens[current.saturating_sub(1)..] {
                let answer = app.refresh(self.world, token, &[]).await;
                assert_eq!(answer.error(), (400, "invalid_grant".into()), "{}", answer.text);
            }
        }
        // An expired family may have been revoked by that.
        self.model.reuses = Witness::of(app).await.events("ferrt").await;
    }
}

/// Checks an answer against what is allowed; returns the refresh token.
#[track_caller]
fn check(answer: &Answer, (audience, allowed): &(&str, Scopes)) -> String {
    let body = answer.ok();
    let scope = words(text(&body, "scope").split(' ').filter(|scope| !scope.is_empty()));
    assert_eq!(scope, *allowed, "the scope for {audience}");
    let claims = payload(text(&body, "access_token"));
    let aud = match &claims["aud"] {
        Value::Array(several) => &several[0],
        one => one,
    };
    assert_eq!(aud, audience, "the audience");
    let claimed = claims["scope"].as_str().unwrap_or("");
    let claimed = words(claimed.split(' ').filter(|scope| !scope.is_empty()));
    assert_eq!(claimed, *allowed, "the scope claim");
    let resource = body.get("resource").and_then(Value::as_str);
    assert!(resource.is_none_or(|resource| resource == *audience), "{resource:?}");
    assert_eq!(body.get("id_token").is_some(), allowed.contains("openid"), "the ID token");
    text(&body, "refresh_token").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_history_of_a_family_leaves_the_table() {
    let (sequences, seed) = (size("DOORWARD_PROOF_SEQUENCES", 40), seed());
    for (backend, mut app) in each_backend().await {
        let world = app.world_with(password_client(), json!({})).await;
        app.add_api(LEDGER, &["read:ledger", "read:messages"], json!({})).await;
        let (mut reuses, mut exchanges) = (0, 0);
        for i in 0..sequences {
            let seed = seed.wrapping_add(i);
            let mut history = History::begin(&app, backend, &world, seed, reuses).await;
            for _ in 0..STEPS {
                history.step(&mut app).await;
            }
            history.end(&app).await;
            reuses = history.model.reuses;
            exchanges += history.model.current();
        }
        eprintln!(
            "{backend}: {sequences} histories of {STEPS} steps, {exchanges} rotations, {reuses} \
             reuses"
        );
    }
}
