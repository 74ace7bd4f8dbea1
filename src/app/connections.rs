//! Accepting and serving connections: HTTP/1.1, and over TLS also HTTP/2.

mod crowd;
mod watched;

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::ConnectInfo,
    http::{HeaderValue, Request, Response, Version, header},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{SockFilter, SockRef};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tower::ServiceExt;

use self::{
    crowd::{Crowd, Member, Place},
    watched::{Coming, Exchange, Going},
};
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

/// The longest head of an HTTP/1.1 request, in bytes, and the most that is read ahead.
const MAX_HEAD: usize = 64 * 1024;

/// The most headers of an HTTP/1.1 request.
const MAX_HEADERS: usize = 100;

/// How long a connection is kept on which nothing moves: no whole request runs, and no answer goes
/// on.
const UNUSED: Duration = Duration::from_secs(90);

/// Files that are not for connections: the database, logs, workers.
const OTHER_FILES: u64 = 256;

/// How long the queue of the system must be empty when the server stops, before it is closed.
const QUIET: Duration = Duration::from_millis(50);

/// How long nobody is accepted when the system has no room for another connection.
const PAUSE: Duration = Duration::from_secs(1);

/// How far the server has come on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// It has not been told to stop.
    Serving,
    /// It is not ready any more, and each answer ends its connection; new ones are still accepted.
    Leaving,
    /// New connections are accepted no more.
    Closing,
    /// Connections without a request are closed.
    HangingUp,
}

impl Phase {
    /// On HTTP/2 a connection can be asked to end without losing what is on its way: as soon as
    /// the server is told to stop, and one that is newer than that a phase later. On HTTP/1.1 an
    /// unused one is closed without a word.
    fn of_goodbye(self, is_http2: bool) -> Self {
        match self {
            Self::Serving if is_http2 => Self::Leaving,
            Self::Leaving if is_http2 => Self::Closing,
            _ => Self::HangingUp,
        }
    }
}

/// What an endpoint allows.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections that are open at once.
    pub open: usize,
    /// How long new ones are accepted once the server is told to stop.
    pub drain_delay: Duration,
    /// Time in which the head of a request must come.
    pub head: Duration,
    /// Time for a TLS handshake.
    pub handshake: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            open: 4096,
            drain_delay: Duration::ZERO,
            head: HEAD_TIMEOUT,
            handshake: HANDSHAKE_TIMEOUT,
        }
    }
}

/// Lets the process have as many files open as the system permits; returns how many of `wanted`
/// connections fit.
pub fn that_fit(wanted: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let files = if raised.is_ok() { maximum } else { current };
    let room = files.map_or(u64::MAX, |files| files.saturating_sub(OTHER_FILES).max(files / 2));
    wanted.min(usize::try_from(room).unwrap_or(usize::MAX))
}

/// A listening socket, with TLS or without.
pub struct Endpoint {
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    limits: Limits,
}

impl From<TcpListener> for Endpoint {
    fn from(listener: TcpListener) -> Self {
        Self::new(listener, None)
    }
}

impl Endpoint {
    /// A socket that speaks TLS if there is a certificate.
    pub fn new(listener: TcpListener, tls: Option<Arc<Tls>>) -> Self {
        Self { listener, tls, limits: Limits::default() }
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    pub(super) fn tls(&self) -> Option<&Arc<Tls>> {
        self.tls.as_ref()
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// Serves until the server closes, then waits for the connections that are left. A handshake
    /// runs in the task of its connection: a slow one keeps nobody else waiting.
    pub(super) async fn serve(self, router: Router, phases: watch::Receiver<Phase>) {
        let crowd = Crowd::new(self.limits.open);
        let protocols = Arc::new(Protocols::new(self.limits));
        let begin = |(tcp, peer): (TcpStream, SocketAddr), place: Place| {
            // Without it, a small answer waits for the peer's acknowledgement.
            let _ = tcp.set_nodelay(true);
            let (tls, protocols) = (self.tls.clone(), Arc::clone(&protocols));
            let caller = Caller { peer, router: router.clone(), place, phases: phases.clone() };
            tokio::spawn(async move {
                match tls {
                    None => connection(&protocols.http1, false, tcp, caller).await,
                    Some(tls) => protocols.over_tls(&tls, tcp, caller).await,
                }
            });
        };
        let mut closing = phases.clone();
        loop {
            let accepted = tokio::select! {
                accepted = accept(&self.listener, &crowd) => accepted,
                _ = closing.wait_for(|phase| *phase >= Phase::Closing) => break,
            };
            match accepted {
                Ok((tcp, place)) => begin(tcp, place),
                Err(error) if is_of_the_peer(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot accept a connection: {error}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        // Who is in the queue of the system believes to be connected, and would be reset with it.
        let _ = admit_nobody(&self.listener);
        let queued = async {
            while let Ok(accepted) =
                tokio::time::timeout(QUIET, accept(&self.listener, &crowd)).await
            {
                match accepted {
                    Ok((tcp, place)) => begin(tcp, place),
                    Err(error) if is_of_the_peer(&error) => {}
                    Err(_) => break,
                }
            }
        };
        tokio::select! {
            () = queued => {}
            _ = closing.wait_for(|phase| *phase >= Phase::HangingUp) => {}
        }
        drop(self.listener);
        crowd.gone().await;
    }
}

/// A connection and its place.
async fn accept(
    listener: &TcpListener,
    crowd: &Arc<Crowd>,
) -> io::Result<((TcpStream, SocketAddr), Place)> {
    let accepted = listener.accept().await?;
    Ok((accepted, crowd.join().await))
}

/// Lets the system drop whatever asks for a new connection to the socket, and nothing else: the queue
/// of those who are connected runs empty. Who asks in vain asks again, and is refused then.
fn admit_nobody(listener: &TcpListener) -> io::Result<()> {
    /// A program of the packet filter, which sees a segment from its TCP header on: is SYN set, and
    /// ACK not (RFC 9293 §3.1)?
    const FILTER: [SockFilter; 5] = [
        SockFilter::new(0x30, 0, 0, 13),
        SockFilter::new(0x54, 0, 0, 0x12),
        SockFilter::new(0x15, 0, 1, 0x02),
        SockFilter::new(0x06, 0, 0, 0),
        SockFilter::new(0x06, 0, 0, u32::MAX),
    ];
    SockRef::from(listener).attach_filter(&FILTER)
}

/// The peer hung up before it was accepted.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// What a connection is served with.
struct Caller {
    peer: SocketAddr,
    router: Router,
    place: Place,
    phases: watch::Receiver<Phase>,
}

impl Caller {
    /// Returns when it is time to say goodbye.
    async fn goodbye(&self, is_http2: bool) {
        let mut phases = self.phases.clone();
        let last = phases.borrow().of_goodbye(is_http2);
        tokio::select! {
            () = self.place.member.overstays(UNUSED) => {}
            _ = phases.wait_for(|phase| *phase >= last) => {}
        }
    }
}

/// How each protocol is served.
struct Protocols {
    http1: Builder<TokioExecutor>,
    http2: Builder<TokioExecutor>,
    handshake: Duration,
}

impl Protocols {
    fn new(limits: Limits) -> Self {
        let mut http1 = Builder::new(TokioExecutor::new()).http1_only();
        http1
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_buf_size(MAX_HEAD)
            .max_headers(MAX_HEADERS);
        let mut http2 = Builder::new(TokioExecutor::new()).http2_only();
        http2
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEADER_LIST);
        Self { http1, http2, handshake: limits.handshake }
    }

    async fn over_tls(&self, tls: &Tls, tcp: TcpStream, caller: Caller) {
        let handshake = tokio::time::timeout(self.handshake, tls.acceptor().accept(tcp));
        let stream = tokio::select! {
            handshake = handshake => handshake,
            () = caller.place.member.sent_away() => return,
            () = caller.goodbye(false) => return,
        };
        let stream = match stream {
            Ok(Ok(stream)) => stream,
            // Port scanners, clients that do not trust the certificate: nothing to worry about.
            Ok(Err(error)) => return tracing::debug!(%error, "a TLS handshake failed: {error}"),
            Err(_) => return tracing::debug!("a TLS handshake took too long"),
        };
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let builder = if is_http2 { &self.http2 } else { &self.http1 };
        connection(builder, is_http2, stream, caller).await;
    }
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    builder: &Builder<TokioExecutor>,
    is_http2: bool,
    stream: S,
    caller: Caller,
) {
    let (peer, router, phases) = (caller.peer, caller.router.clone(), caller.phases.clone());
    let member = Arc::clone(&caller.place.member);
    let service = tower::service_fn(move |mut request: Request<_>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        answer(router.clone(), request, Arc::clone(&member), phases.clone())
    });
    let service = TowerToHyperService::new(service);
    let mut served = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = served.as_mut() => Some(ended),
        () = caller.place.member.sent_away() => return tracing::debug!("a connection gave way"),
        () = caller.goodbye(is_http2) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            served.as_mut().graceful_shutdown();
            let patience = caller.place.member.patience();
            tokio::select! {
                ended = served => ended,
                () = caller.place.member.sent_away() => return,
                () = caller.place.member.overstays(patience) => {
                    return tracing::debug!("a connection stood still");
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::trace!(error, "a connection failed");
    }
}

/// Answers a request, and lets the crowd know how far it has come.
async fn answer<B>(
    router: Router,
    request: Request<B>,
    member: Arc<Member>,
    phases: watch::Receiver<Phase>,
) -> Result<Response<Body>, Infallible>
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<axum::BoxError>,
{
    let exchange = Exchange::begin(&member);
    let _ending = exchange.until_dropped();
    let is_http1 = request.version() <= Version::HTTP_11;
    let request = request.map(|body| Body::new(Coming::new(body, &exchange)));
    let mut response = router.oneshot(request).await?;
    if is_http1 && *phases.borrow() >= Phase::Leaving {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| Body::new(Going::new(body, &member))))
}
