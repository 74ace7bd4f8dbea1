//! A service that a script calls and that answers when the test says so: a script is then known to
//! be running, for as long as the test needs it.

use axum::{Router, http::StatusCode, routing::get};
use tokio::sync::{mpsc, oneshot};

/// What a server needs in its configuration for its scripts to reach a gate.
pub const CONFIG: &str = "[outbound]\nallow_private = true\n";

/// The service.
pub struct Gate {
    url: String,
    waiting: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
}

impl Gate {
    /// Ready to be called.
    pub async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (sender, waiting) = mpsc::unbounded_channel();
        let answer = async move || {
            let (open, opened) = oneshot::channel();
            sender.send(open).unwrap();
            opened.await.unwrap();
            StatusCode::NO_CONTENT
        };
        let router = Router::new().route("/", get(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, waiting }
    }

    /// A statement that waits until the gate is opened.
    pub fn wait(&self) -> String {
        format!("await fetch('{}');", self.url)
    }

    /// Waits until a script stands at the gate. It goes on when what is returned is sent to.
    pub async fn arrived(&mut self) -> oneshot::Sender<()> {
        let next = tokio::time::timeout(std::time::Duration::from_secs(20), self.waiting.recv());
        next.await.expect("no script came").unwrap()
    }
}
