//! The requests of scripts, which the server makes on their behalf. A worker cannot open a socket;
//! what it asks for is checked here, whoever wrote it.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};

use crate::actions::hosts;
use crate::outbound::{
    Outbound,
    request::{Bounds, NoResponse, Redirect, Request, Response},
};

/// Makes requests.
pub struct Fetcher {
    outbound: Arc<Outbound>,
    most_bytes: usize,
}

/// The requests of one execution. Dropped, they are given up.
pub struct Requests {
    fetcher: Arc<Fetcher>,
    hosts: Arc<[String]>,
    until: Instant,
    running: JoinSet<Answer>,
    left: u32,
}

/// The id of a request, and for the prelude: a head as JSON, and a body.
type Answer = (u32, String, Vec<u8>);

/// A request in the words of the prelude.
#[derive(Debug, Deserialize)]
struct Asked {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    redirect: String,
    has_body: bool,
}

impl Fetcher {
    /// Responses of at most so many bytes.
    pub fn new(outbound: Arc<Outbound>, most_bytes: usize) -> Self {
        Self { outbound, most_bytes }
    }

    /// For an execution that may call these hosts, so often, and until then.
    pub fn requests(self: &Arc<Self>, hosts: &[String], most: u32, until: Instant) -> Requests {
        Requests {
            fetcher: Arc::clone(self),
            hosts: hosts.into(),
            until,
            running: JoinSet::new(),
            left: most,
        }
    }

    async fn make(
        &self,
        asked: &str,
        body: Vec<u8>,
        hosts: &[String],
        until: Instant,
    ) -> Result<Response, NoResponse> {
        let asked: Asked = serde_json::from_str(asked).map_err(|_| NoResponse::Request)?;
        let redirect = match asked.redirect.as_str() {
            "follow" => Redirect::Follow,
            "error" => Redirect::Error,
            "manual" => Redirect::Manual,
            _ => return Err(NoResponse::Request),
        };
        let request = Request {
            method: asked.method,
            url: asked.url,
            headers: asked.headers,
            body: asked.has_body.then_some(body),
            redirect,
        };
        let bounds = Bounds {
            timeout: until.saturating_duration_since(Instant::now()),
            most_bytes: self.most_bytes,
            allows: &|url| hosts::allow(hosts, url),
        };
        self.outbound.request(request, bounds).await
    }
}

impl Requests {
    /// Begins a request; `false` if there were too many, which no honest worker asks for.
    pub fn begin(&mut self, id: u32, asked: String, body: Vec<u8>) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        let (fetcher, hosts, until) =
            (Arc::clone(&self.fetcher), Arc::clone(&self.hosts), self.until);
        self.running.spawn(async move {
            match fetcher.make(&asked, body, &hosts, until).await {
                Ok(response) => {
                    let head = json!({
                        "status": response.status,
                        "status_text": response.reason,
                        "headers": response.headers,
                        "url": response.url,
                        "redirected": response.redirected,
                    });
                    (id, head.to_string(), response.body)
                }
                Err(failure) => {
                    (id, json!({ "error": failure.to_string() }).to_string(), Vec::new())
                }
            }
        });
        true
    }

    /// Waits for an answer; `None` if none is awaited.
    pub async fn next(&mut self) -> Option<Answer> {
        self.running.join_next().await?.ok()
    }
}
