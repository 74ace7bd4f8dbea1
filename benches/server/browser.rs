//! A person with a browser: cookies, forms, redirects within the server, PKCE (RFC 7636).

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hyper::header;
use serde::Deserialize;

use crate::{
    Result,
    http::{Answer, Connection, Request},
    world::{Application, CALLBACK, LOGIN_SCOPE, PASSWORD, RETURN_TO, email},
};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// What `/oauth/token` answered, without a copy.
#[derive(Deserialize)]
pub struct Tokens<'a> {
    pub access_token: &'a str,
    pub refresh_token: Option<&'a str>,
    pub id_token: Option<&'a str>,
}

/// A person with a browser of their own.
#[derive(Debug, Clone)]
pub struct Person {
    email: String,
    cookies: BTreeMap<String, String>,
    authorize: String,
    application: Application,
}

impl Person {
    pub fn new(user: usize, application: &Application) -> Self {
        let challenge = digest::digest(&digest::SHA256, VERIFIER.as_bytes());
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([
            ("client_id", application.client_id.as_str()),
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("state", "n-0S6_WzA2Mj"),
            ("nonce", "n-0S6_WzA2Mj"),
            ("code_challenge", &URL_SAFE_NO_PAD.encode(challenge)),
            ("code_challenge_method", "S256"),
            ("scope", LOGIN_SCOPE),
        ]);
        query.extend_pairs(application.audiences.first().map(|audience| ("audience", audience)));
        Self {
            email: email(user),
            cookies: BTreeMap::new(),
            authorize: format!("/authorize?{}", query.finish()),
            application: application.clone(),
        }
    }

    /// Forgets the session: the next login asks for the password.
    pub fn forget(&mut self) {
        self.cookies.clear();
    }

    /// From `/authorize` to the code, giving the password where it is asked for.
    pub async fn code(&mut self, http: &mut Connection) -> Result<String> {
        let mut target = self.authorize.clone();
        let mut answer = self.send(http, Request::get(target.as_str())).await?;
        for _ in 0..10 {
            if answer.status == 200 {
                let page = String::from_utf8_lossy(&answer.body).into_owned();
                let state = hidden_state(&page).ok_or_else(|| format!("no form in {page}"))?;
                let form = [
                    ("state", state),
                    ("username", self.email.as_str()),
                    ("password", PASSWORD),
                    ("action", "default"),
                ];
                let request = Request::form(path_of(&target), &form);
                answer = self.send(http, request).await?;
            }
            let location = answer.location()?.to_owned();
            if let Some(parameters) = location.strip_prefix(CALLBACK) {
                let code =
                    url::form_urlencoded::parse(parameters.trim_start_matches('?').as_bytes())
                        .find(|(name, _)| name == "code");
                let code = code.ok_or_else(|| format!("no code in {location}"))?;
                return Ok(code.1.into_owned());
            }
            target = path_and_query(&location).to_owned();
            answer = self.send(http, Request::get(target.as_str())).await?;
        }
        Err("redirected in circles".into())
    }

    /// The request that exchanges a code of this person.
    pub fn exchange(application: &Application, code: &str) -> Request {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", application.client_id.as_str()),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        Request::form("/oauth/token", &form)
    }

    /// A new refresh token.
    pub async fn refresh_token(&mut self, http: &mut Connection) -> Result<String> {
        let code = self.code(http).await?;
        let answer = http.send(Self::exchange(&self.application, &code)).await?.expect(200)?;
        let tokens: Tokens<'_> = serde_json::from_slice(&answer.body)?;
        for token in [Some(tokens.access_token), tokens.id_token] {
            let token = token.ok_or("no ID token")?;
            let header = jsonwebtoken::decode_header(token)?;
            if format!("{:?}", header.alg) != self.application.alg.as_str() {
                return Err(format!("signed with {:?}", header.alg).into());
            }
        }
        Ok(tokens.refresh_token.ok_or("no refresh token")?.to_owned())
    }

    /// Ends the session.
    pub async fn log_out(&mut self, http: &mut Connection) -> Result<()> {
        let client_id = &self.application.client_id;
        let request =
            Request::get(format!("/v2/logout?client_id={client_id}&returnTo={RETURN_TO}"));
        let answer = self.send(http, request).await?;
        if answer.location()? != RETURN_TO {
            return Err(format!("logged out to {}", answer.location()?).into());
        }
        self.forget();
        Ok(())
    }

    async fn send(&mut self, http: &mut Connection, request: Request) -> Result<Answer> {
        let pairs: Vec<_> = self.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let request = match pairs.is_empty() {
            true => request,
            false => request.with(header::COOKIE, &pairs.join("; "))?,
        };
        let answer = http.send(request).await?;
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str()?.split(';').next().unwrap_or_default();
            match pair.split_once('=') {
                Some((name, "")) => drop(self.cookies.remove(name)),
                Some((name, value)) => drop(self.cookies.insert(name.into(), value.into())),
                None => return Err(format!("not a cookie: {pair}").into()),
            }
        }
        Ok(answer)
    }
}

/// Without the origin, which is the server's own.
fn path_and_query(location: &str) -> &str {
    match location.strip_prefix("http://") {
        Some(rest) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => location,
    }
}

fn path_of(target: &str) -> &str {
    target.split('?').next().unwrap_or(target)
}

/// The value of the hidden field `state`.
fn hidden_state(html: &str) -> Option<&str> {
    let (before, _) = html.split_once("name=\"state\"")?;
    let tag = html.get(before.rfind('<')?..)?;
    let (_, value) = tag.split_once("value=\"")?;
    Some(value.split_once('"')?.0)
}
