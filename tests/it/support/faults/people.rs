//! People who exchange their refresh tokens without a pause and remember what they were answered.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use doorward::{crypto::digest, domain::secret::RefreshToken};

use super::{PAUSE, answered, is_unavailable, until};
use crate::support::{Answer, TestApp, browser::Browser, fixtures::*, payload};

const NUMBER: usize = 4;
const CODES: usize = 4;

/// What all share.
struct Street {
    /// Where the server is.
    address: RwLock<String>,
    client_id: String,
    http: reqwest::Client,
    stop: AtomicBool,
    exchanges: [AtomicU64; NUMBER],
    refused: AtomicU64,
    lost_answers: AtomicU64,
}

/// The people.
pub struct People {
    street: Arc<Street>,
    lives: Vec<tokio::task::JoinHandle<Vec<String>>>,
    /// Codes that were issued before the fault and are not used yet.
    codes: Vec<String>,
}

/// What became of them.
#[derive(Debug)]
pub struct Lived {
    /// Answers with a token.
    pub exchanges: u64,
    /// Answers that said to come again.
    pub refused: u64,
    /// Answers that never came.
    pub lost_answers: u64,
}

impl People {
    /// Everybody logs in; somebody gets codes.
    pub async fn come(app: &TestApp, world: &World) -> Self {
        let mut browser = Browser::new(app);
        let mut codes = Vec::new();
        let challenge = digest::s256_challenge(VERIFIER);
        let scope = [("audience", MESSAGES), ("scope", LOGIN_SCOPE)];
        let query = authorize_query(&world.client_id, &challenge, &scope);
        for _ in 0..CODES {
            let landed = browser.log_in(&query, EMAIL, PASSWORD).await.application();
            codes.push(landed["code"].clone());
        }
        let street = Arc::new(Street {
            address: RwLock::new(app.issuer.clone()),
            client_id: world.client_id.clone(),
            http: reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap(),
            stop: AtomicBool::new(false),
            exchanges: Default::default(),
            refused: AtomicU64::new(0),
            lost_answers: AtomicU64::new(0),
        });
        let mut lives = Vec::new();
        for number in 0..NUMBER {
            let first = app.with_password(world, LOGIN_SCOPE).await.text_of("refresh_token");
            lives.push(tokio::spawn(live(Arc::clone(&street), number, first)));
        }
        Self { street, lives, codes }
    }

    /// The server is elsewhere now.
    pub fn turn_to(&self, address: &str) {
        address.clone_into(&mut self.street.address.write().unwrap());
    }

    fn all(&self) -> [u64; NUMBER] {
        std::array::from_fn(|i| self.street.exchanges[i].load(Ordering::SeqCst))
    }

    /// Waits until everybody has exchanged `more` times.
    pub async fn go_on(&self, more: u64) {
        let before = self.all();
        until("an exchange of everybody", async || {
            let nobody_out = !self.lives.iter().any(tokio::task::JoinHandle::is_finished);
            assert!(nobody_out, "somebody is logged out");
            self.all().iter().zip(before).all(|(now, before)| *now >= before + more)
        })
        .await;
    }

    /// Waits until `more` requests were told to come again.
    pub async fn are_refused(&self, more: u64) {
        let before = self.street.refused.load(Ordering::SeqCst);
        until("a refusal", async || self.street.refused.load(Ordering::SeqCst) >= before + more)
            .await;
    }

    /// Tries a code while the fault is on: it may be spent or not, and nobody may be told that it
    /// is not good.
    pub async fn try_a_code(&self, app: &TestApp, world: &World) {
        let answer = app.exchange_code(world, &self.codes[0]).await;
        is_unavailable(&answer, "the exchange of a code");
    }

    /// Ends it, once everybody has exchanged again, and fails the test if anything was lost: each
    /// answer was the one successor of the last, the last token is good, and no code works twice.
    pub async fn end(self, app: &TestApp, world: &World) -> Lived {
        self.go_on(2).await;
        self.street.stop.store(true, Ordering::SeqCst);
        let mut families = BTreeSet::new();
        for life in self.lives {
            let tokens = life.await.expect("somebody is logged out");
            for (i, token) in tokens.iter().enumerate() {
                let parsed = app.inner.tokens.refresh_tokens.parse(&RefreshToken::new(token));
                let parsed = parsed.unwrap();
                assert_eq!(parsed.generation() as usize, i, "no successor was left out");
                families.insert(parsed.family().as_str().to_owned());
            }
            let last = tokens.last().unwrap();
            answered(async || app.refresh(world, last, &[]).await).await.ok();
        }
        assert_eq!(families.len(), NUMBER, "no family was replaced by another");
        for (i, code) in self.codes.iter().enumerate() {
            let first = answered(async || app.exchange_code(world, code).await).await;
            // The first may have been spent in a transaction whose end nobody was told.
            let is_spent = i == 0 && first.status == 400;
            assert!(first.status == 200 || is_spent, "{}", first.text);
            let again = answered(async || app.exchange_code(world, code).await).await;
            assert_eq!(again.error(), (400, "invalid_grant".to_owned()), "a code works once");
        }
        let lived = Lived {
            exchanges: self.street.exchanges.iter().map(|n| n.load(Ordering::SeqCst)).sum(),
            refused: self.street.refused.load(Ordering::SeqCst),
            lost_answers: self.street.lost_answers.load(Ordering::SeqCst),
        };
        assert!(lived.exchanges >= NUMBER as u64 * 2, "{lived:?}");
        lived
    }
}

/// Exchanges until told to stop. Returns every token, the current one last.
async fn live(street: Arc<Street>, number: usize, first: String) -> Vec<String> {
    let mut tokens = vec![first];
    while !street.stop.load(Ordering::SeqCst) {
        let address = street.address.read().unwrap().clone();
        let audience = if tokens.len() % 2 == 0 { MESSAGES } else { BILLING };
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", street.client_id.as_str()),
            ("refresh_token", tokens.last().unwrap()),
            ("audience", audience),
        ];
        let sent = street.http.post(format!("{address}oauth/token")).form(&form).send().await;
        let answered = match sent {
            Ok(response) => {
                let (status, headers) = (response.status().as_u16(), response.headers().clone());
                response.text().await.map(|text| Answer { status, headers, text })
            }
            Err(error) => Err(error),
        };
        match answered {
            Ok(answer) if answer.status == 200 => {
                assert_eq!(payload(&answer.text_of("access_token"))["aud"][0], audience);
                let token = answer.text_of("refresh_token");
                assert!(!tokens.contains(&token), "a successor is new to who retries");
                tokens.push(token);
                street.exchanges[number].fetch_add(1, Ordering::SeqCst);
            }
            Ok(answer) => {
                is_unavailable(&answer, "an exchange");
                assert_eq!(answer.error().1, "temporarily_unavailable");
                street.refused.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(PAUSE).await;
            }
            // Nobody knows what became of it. The same token again.
            Err(error) => {
                if !error.is_connect() {
                    street.lost_answers.fetch_add(1, Ordering::SeqCst);
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    tokens
}
