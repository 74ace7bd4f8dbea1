//! The requests of scripts, which the server makes on their behalf.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::outbound::Outbound;

/// Makes requests.
pub struct Fetcher {
    _outbound: Arc<Outbound>,
    _most_bytes: usize,
}

/// The requests of one execution.
pub struct Requests {
    running: JoinSet<(u32, String, Vec<u8>)>,
    left: u32,
}

impl Fetcher {
    pub fn new(outbound: Arc<Outbound>, most_bytes: usize) -> Self {
        Self { _outbound: outbound, _most_bytes: most_bytes }
    }

    pub fn requests(self: &Arc<Self>, _hosts: &[String], most: u32) -> Requests {
        Requests { running: JoinSet::new(), left: most }
    }
}

impl Requests {
    /// Begins a request; `false` if there were too many, which a worker knows.
    pub fn begin(&mut self, id: u32, _request: String, _body: Vec<u8>) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        self.running
            .spawn(async move { (id, r#"{"error":"not allowed"}"#.to_owned(), Vec::new()) });
        true
    }

    /// Waits for an answer; `None` if none is awaited.
    pub async fn next(&mut self) -> Option<(u32, String, Vec<u8>)> {
        self.running.join_next().await?.ok()
    }
}
