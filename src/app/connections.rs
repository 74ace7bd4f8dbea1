//! Accepting and serving connections: HTTP/1.1, and over TLS also HTTP/2.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo, http::Request};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto::Builder,
        graceful::{GracefulShutdown, Watcher},
    },
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tower::ServiceExt;

use crate::app::tls::Tls;

/// Time for a TLS handshake. A client that takes longer is hung up on.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Time in which the head of a request must come, counted from the end of the one before: also how
/// long an unused HTTP/1.1 connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// How often an HTTP/2 peer is asked whether it is there, and how long it may take to answer.
const PING_INTERVAL: Duration = Duration::from_secs(60);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 100;

/// The longest list of headers of an HTTP/2 request, in bytes (RFC 9113 §6.5.2).
const MAX_HEADER_LIST: u32 = 32 * 1024;

/// How long nobody is accepted when the system has no room for another connection.
const PAUSE: Duration = Duration::from_secs(1);

/// A listening socket, with TLS or without.
pub struct Endpoint {
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
}

impl From<TcpListener> for Endpoint {
    fn from(listener: TcpListener) -> Self {
        Self { listener, tls: None }
    }
}

impl Endpoint {
    /// A socket that speaks TLS if there is a certificate.
    pub fn new(listener: TcpListener, tls: Option<Arc<Tls>>) -> Self {
        Self { listener, tls }
    }

    pub(super) fn tls(&self) -> Option<&Arc<Tls>> {
        self.tls.as_ref()
    }

    /// Serves until `stopped` says so, then waits for the requests that are running. A handshake
    /// runs in the task of its connection: a slow one keeps nobody else waiting.
    pub(super) async fn serve(self, router: Router, mut stopped: watch::Receiver<bool>) {
        let graceful = GracefulShutdown::new();
        let protocols = Arc::new(Protocols::new());
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = stopped.wait_for(|stopped| *stopped) => break,
            };
            let (tcp, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) if is_of_the_peer(&error) => continue,
                Err(error) => {
                    tracing::error!(%error, "cannot accept a connection: {error}");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            // Without it, a small answer waits for the peer's acknowledgement.
            let _ = tcp.set_nodelay(true);
            let (tls, router, stopped) = (self.tls.clone(), router.clone(), stopped.clone());
            let (protocols, watcher) = (Arc::clone(&protocols), graceful.watcher());
            tokio::spawn(async move {
                match tls {
                    None => protocols.http1(tcp, peer, router, watcher).await,
                    Some(tls) => {
                        protocols.over_tls(&tls, tcp, peer, router, watcher, stopped).await
                    }
                }
            });
        }
        drop(self.listener);
        graceful.shutdown().await;
    }
}

/// The peer hung up before it was accepted.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// How each protocol is served.
struct Protocols {
    http1: Builder<TokioExecutor>,
    http2: Builder<TokioExecutor>,
}

impl Protocols {
    fn new() -> Self {
        let mut http1 = Builder::new(TokioExecutor::new()).http1_only();
        http1.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
        let mut http2 = Builder::new(TokioExecutor::new()).http2_only();
        http2
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEADER_LIST);
        Self { http1, http2 }
    }

    async fn http1(&self, tcp: TcpStream, peer: SocketAddr, router: Router, watcher: Watcher) {
        connection(&self.http1, tcp, peer, router, watcher).await;
    }

    async fn over_tls(
        &self,
        tls: &Tls,
        tcp: TcpStream,
        peer: SocketAddr,
        router: Router,
        watcher: Watcher,
        mut stopped: watch::Receiver<bool>,
    ) {
        let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.acceptor().accept(tcp));
        let stream = tokio::select! {
            handshake = handshake => handshake,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        let stream = match stream {
            Ok(Ok(stream)) => stream,
            // Port scanners, clients that do not trust the certificate: nothing to worry about.
            Ok(Err(error)) => return tracing::debug!(%error, "a TLS handshake failed: {error}"),
            Err(_) => return tracing::debug!("a TLS handshake took too long"),
        };
        let builder = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => &self.http2,
            _ => &self.http1,
        };
        connection(builder, stream, peer, router, watcher).await;
    }
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    builder: &Builder<TokioExecutor>,
    stream: S,
    peer: SocketAddr,
    router: Router,
    watcher: Watcher,
) {
    let service = router.map_request(move |mut request: Request<_>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    let service = TowerToHyperService::new(service);
    if let Err(error) = watcher.watch(builder.serve_connection(TokioIo::new(stream), service)).await
    {
        tracing::trace!(error, "a connection failed");
    }
}
