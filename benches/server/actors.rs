//! Who sends requests: each actor has a connection and a state of its own.

use std::collections::VecDeque;

use crate::{
    Result,
    browser::{Person, Tokens},
    http::{Connection, Request},
    world::Application,
};

/// What became of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Done,
    /// There is nothing left to do.
    Over,
}

/// One of the crowd.
pub enum Actor {
    /// The same requests again and again.
    Repeater { requests: Vec<Request>, next: usize, must_hold: &'static str },
    /// Exchanges refresh tokens, each for the next audience, and keeps what it is given.
    Refresher(Refresher),
    /// Exchanges codes.
    Exchanger { application: Application, codes: VecDeque<String> },
    /// Logs in with a password, up to the code.
    Login(Person),
    /// 45 logins to 360 refreshes to 4.5 logouts.
    Mixed(Box<Mixed>),
}

impl Actor {
    pub async fn act(&mut self, http: &mut Connection) -> Result<Turn> {
        match self {
            Self::Repeater { requests, next, must_hold } => {
                let request = requests.get(*next % requests.len()).ok_or("no request")?;
                *next += 1;
                let answer = http.send(request.clone()).await?.expect(200)?;
                if !holds(&answer.body, must_hold.as_bytes()) {
                    let body = String::from_utf8_lossy(&answer.body);
                    return Err(format!("without `{must_hold}`: {body}").into());
                }
            }
            Self::Refresher(refresher) => refresher.exchange(http).await?,
            Self::Exchanger { application, codes } => {
                let Some(code) = codes.pop_front() else { return Ok(Turn::Over) };
                let answer = http.send(Person::exchange(application, &code)).await?.expect(200)?;
                let tokens: Tokens<'_> = serde_json::from_slice(&answer.body)?;
                tokens.id_token.and(tokens.refresh_token).ok_or("a token is missing")?;
            }
            Self::Login(person) => {
                person.forget();
                person.code(http).await?;
            }
            Self::Mixed(mixed) => mixed.act(http).await?,
        }
        Ok(Turn::Done)
    }
}

/// A cheap look: the whole answers are checked when everything is made ready.
fn holds(body: &[u8], what: &[u8]) -> bool {
    what.is_empty() || body.windows(what.len()).any(|window| window == what)
}

/// Refresh tokens of one application.
pub struct Refresher {
    application: Application,
    tokens: Vec<String>,
    turn: usize,
}

impl Refresher {
    pub fn new(application: &Application, tokens: Vec<String>, turn: usize) -> Self {
        Self { application: application.clone(), tokens, turn }
    }

    /// The next token, for the next audience: over time each token is exchanged for all of them.
    pub async fn exchange(&mut self, http: &mut Connection) -> Result<()> {
        self.turn += 1;
        let count = self.tokens.len();
        let audiences = &self.application.audiences;
        let audience = audiences.get((self.turn % count + self.turn / count) % audiences.len());
        let token = self.tokens.get_mut(self.turn % count).ok_or("no refresh token")?;
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", self.application.client_id.as_str()),
            ("refresh_token", token.as_str()),
            ("audience", audience.ok_or("no audience")?),
            ("scope", "openid offline_access read:items"),
        ];
        let answer = http.send(Request::form("/oauth/token", &form)).await?.expect(200)?;
        let tokens: Tokens<'_> = serde_json::from_slice(&answer.body)?;
        if tokens.access_token.is_empty() || tokens.id_token.is_none() {
            return Err("a token is missing".into());
        }
        let new = tokens.refresh_token.ok_or("no new refresh token")?;
        if new == token {
            return Err("the refresh token did not rotate".into());
        }
        new.clone_into(token);
        Ok(())
    }
}

/// Somebody who does everything, in the proportions in which Keycloak publishes its own figures.
pub struct Mixed {
    pub person: Person,
    pub application: Application,
    pub refresher: Refresher,
    pub turn: usize,
}

impl Mixed {
    /// 10 logins, 80 refreshes and a logout.
    const CYCLE: usize = 91;

    async fn act(&mut self, http: &mut Connection) -> Result<()> {
        let at = self.turn % Self::CYCLE;
        self.turn += 1;
        if at == Self::CYCLE - 1 {
            return self.person.log_out(http).await;
        }
        if !at.is_multiple_of(9) {
            return self.refresher.exchange(http).await;
        }
        self.person.forget();
        let code = self.person.code(http).await?;
        let answer = http.send(Person::exchange(&self.application, &code)).await?.expect(200)?;
        let tokens: Tokens<'_> = serde_json::from_slice(&answer.body)?;
        let token = tokens.refresh_token.ok_or("no refresh token")?.to_owned();
        self.refresher.tokens = vec![token];
        Ok(())
    }
}
