//! Bodies of which the crowd hears: when a request has come whole, and that an answer goes on.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use axum::body::{Bytes, HttpBody};
use http_body::{Frame, SizeHint};

use super::crowd::Member;

/// How many bytes of a request count as progress: a byte now and then does not.
const PROGRESS: usize = 16 * 1024;

const COMING: u8 = 0;
const RUNNING: u8 = 1;
const ENDED: u8 = 2;

/// A request, from its head to its answer.
#[derive(Clone)]
pub(super) struct Exchange(Arc<State>);

struct State {
    member: Arc<Member>,
    state: AtomicU8,
}

impl Exchange {
    pub(super) fn begin(member: &Arc<Member>) -> Self {
        member.speaks();
        Self(Arc::new(State { member: Arc::clone(member), state: AtomicU8::new(COMING) }))
    }

    fn came_whole(&self) {
        let (from, to) = (COMING, RUNNING);
        let order = Ordering::Relaxed;
        if self.0.state.compare_exchange(from, to, order, order).is_ok() {
            self.0.member.begins();
        }
    }

    fn ended(&self) {
        if self.0.state.swap(ENDED, Ordering::Relaxed) == RUNNING {
            self.0.member.ends();
        }
    }

    /// A request that is answered, or abandoned, when this is dropped.
    pub(super) fn until_dropped(&self) -> Ending {
        Ending(self.clone())
    }
}

pub(super) struct Ending(Exchange);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.ended();
    }
}

/// The body of a request.
pub(super) struct Coming<B> {
    body: B,
    exchange: Exchange,
    received: usize,
}

impl<B: HttpBody> Coming<B> {
    pub(super) fn new(body: B, exchange: &Exchange) -> Self {
        if body.is_end_stream() {
            exchange.came_whole();
        }
        Self { body, exchange: exchange.clone(), received: 0 }
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Coming<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        let next = Pin::new(&mut this.body).poll_frame(cx);
        if let Poll::Ready(next) = &next {
            if let Some(Ok(frame)) = next {
                this.received += frame.data_ref().map_or(0, Bytes::len);
                if this.received >= PROGRESS {
                    this.received = 0;
                    this.exchange.0.member.moves();
                }
            }
            if next.is_none() || this.body.is_end_stream() {
                this.exchange.came_whole();
            }
        }
        next
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer.
pub(super) struct Going<B> {
    body: B,
    member: Arc<Member>,
}

impl<B> Going<B> {
    pub(super) fn new(body: B, member: &Arc<Member>) -> Self {
        Self { body, member: Arc::clone(member) }
    }
}

impl<B: HttpBody + Unpin> HttpBody for Going<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let next = Pin::new(&mut self.body).poll_frame(cx);
        if next.is_ready() {
            self.member.moves();
        }
        next
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
