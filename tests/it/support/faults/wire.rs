//! The way to the database, which can be slow and can be cut.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
};

/// How the wire is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Good,
    /// Each piece takes this long.
    Slow(Duration),
    /// What is sent disappears, and nobody hears of it.
    Cut,
}

/// A port that leads to another.
pub struct Wire {
    pub port: u16,
    state: Arc<watch::Sender<State>>,
}

impl Wire {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = Arc::new(watch::Sender::new(State::Good));
        let wire = Self { port: listener.local_addr().unwrap().port(), state: Arc::clone(&state) };
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let state = state.subscribe();
                tokio::spawn(connection(near, port, state));
            }
        });
        wire
    }

    /// What is on its way when the wire is cut is lost, and connections that were open then stay
    /// dead when it is mended, as behind a firewall that has forgotten them: only new ones work.
    pub fn set(&self, state: State) {
        self.state.send_replace(state);
    }
}

async fn connection(near: TcpStream, port: u16, state: watch::Receiver<State>) {
    if *state.borrow() == State::Cut {
        return forget(near).await;
    }
    // Refused is refused: the wire is not to blame.
    let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (mut near, mut far) = (near, far);
    {
        let (near_in, near_out) = near.split();
        let (far_in, far_out) = far.split();
        let mut cut = state.clone();
        tokio::select! {
            () = carry(near_in, far_out, state.clone()) => return,
            () = carry(far_in, near_out, state) => return,
            _ = cut.wait_for(|state| *state == State::Cut) => {}
        }
    }
    tokio::join!(forget(near), forget(far));
}

/// Holds a connection without a word until the peer gives up.
async fn forget(mut stream: TcpStream) {
    let mut lost = [0; 4096];
    while matches!(stream.read(&mut lost).await, Ok(1..)) {}
}

async fn carry(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, state: watch::Receiver<State>) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        let now = *state.borrow();
        if let State::Slow(delay) = now {
            tokio::time::sleep(delay).await;
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}
