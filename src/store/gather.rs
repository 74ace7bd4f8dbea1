//! One statement for what many requests ask at the same time: a round trip, a commit and a wait for
//! the disk are shared by all of them.
//!
//! 1. A request adds its question to those that wait. If nobody is asking, it starts who does.
//! 2. Who asks takes all that wait, up to [`MOST`], asks them in one statement and hands out the
//!    answers; then takes what came in meanwhile, until nothing waits.
//!
//! Nobody waits for company: a lone question is asked at once, and under load the statements grow by
//! themselves. The connection is kept from one statement to the next, since a pool tests it whenever it
//! comes back.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::oneshot, time::Instant};

use crate::store::{Conn, Db, Error, Result, Store};

/// How many questions go into one statement.
const MOST: usize = 64;

/// How long a statement may take. A database that has gone silent must not hold the questions that
/// come after it has returned.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection that was not used for as long is tested first.
pub(super) const TRUSTED: Duration = Duration::from_secs(1);

/// Something that can be asked together with others of its kind.
pub(super) trait Question: Send + Sync + Sized + 'static {
    /// What is answered.
    type Answer: Send + 'static;

    /// No two questions about the same subject go into one statement.
    fn subject(&self) -> Option<&str>;

    /// Whether the statement writes. It is a transaction by itself.
    const WRITES: bool;

    /// Asks many in one statement, and answers them in their order.
    fn ask(
        db: Db<'_>,
        questions: &[Self],
    ) -> impl Future<Output = Result<Vec<Self::Answer>>> + Send;
}

type Asked<Q> = (Q, oneshot::Sender<Result<<Q as Question>::Answer>>);

/// The questions of a kind that wait, and the connection that they are asked on.
pub(super) struct Gather<Q: Question> {
    waiting: Mutex<Waiting<Q>>,
    kept: tokio::sync::Mutex<Option<Kept>>,
}

struct Kept {
    conn: Conn,
    used_at: Instant,
}

struct Waiting<Q: Question> {
    questions: VecDeque<Asked<Q>>,
    is_being_asked: bool,
}

impl<Q: Question> Default for Gather<Q> {
    fn default() -> Self {
        let waiting = Waiting { questions: VecDeque::new(), is_being_asked: false };
        Self { waiting: Mutex::new(waiting), kept: tokio::sync::Mutex::default() }
    }
}

impl<Q: Question> Gather<Q> {
    /// Asks a question with those that wait in the store's `place`.
    pub(super) async fn ask(
        store: &Store,
        place: fn(&Store) -> &Self,
        question: Q,
    ) -> Result<Q::Answer> {
        let (sender, answered) = oneshot::channel();
        let begin = {
            let mut waiting = place(store).waiting();
            waiting.questions.push_back((question, sender));
            !std::mem::replace(&mut waiting.is_being_asked, true)
        };
        if begin {
            // A task of its own: the others are answered even when this request is abandoned.
            tokio::spawn(ask_all(store.clone(), place));
        }
        answered.await.unwrap_or_else(|_| Err(unavailable()))
    }

    // A panic elsewhere cannot leave it half-changed.
    fn waiting(&self) -> MutexGuard<'_, Waiting<Q>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the connection back.
    pub(super) async fn release(&self) {
        *self.kept.lock().await = None;
    }

    /// What goes into the next statement; with nothing, who asks is done.
    fn take(&self) -> Vec<Asked<Q>> {
        let mut waiting = self.waiting();
        let (mut taken, mut left) = (Vec::new(), VecDeque::new());
        let mut subjects = HashSet::new();
        while let Some(asked) = waiting.questions.pop_front() {
            // Who has gone away asks nothing, and writes nothing.
            if asked.1.is_closed() {
                continue;
            }
            let is_new = match asked.0.subject() {
                None => true,
                Some(subject) => subjects.insert(subject.to_owned()),
            };
            match is_new {
                true => taken.push(asked),
                false => left.push_back(asked),
            }
            if taken.len() == MOST {
                break;
            }
        }
        left.append(&mut waiting.questions);
        waiting.questions = left;
        waiting.is_being_asked = !taken.is_empty();
        taken
    }
}

/// Lets others ask when the one who does has panicked.
struct Turn<'a, Q: Question>(&'a Gather<Q>);

impl<Q: Question> Drop for Turn<'_, Q> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.waiting().is_being_asked = false;
        }
    }
}

async fn ask_all<Q: Question>(store: Store, place: fn(&Store) -> &Gather<Q>) {
    let gather = place(&store);
    let _turn = Turn(gather);
    let mut kept = gather.kept.lock().await;
    loop {
        let taken = gather.take();
        if taken.is_empty() {
            return;
        }
        let (questions, senders): (Vec<_>, Vec<_>) = taken.into_iter().unzip();
        answer(&store, &mut kept, &questions, senders).await;
    }
}

async fn answer<Q: Question>(
    store: &Store,
    kept: &mut Option<Kept>,
    questions: &[Q],
    senders: Vec<oneshot::Sender<Result<Q::Answer>>>,
) {
    // Who has gone away does not take the answer.
    match in_time(store, kept, questions).await {
        Ok(answers) => {
            for (sender, answer) in senders.into_iter().zip(answers) {
                let _ = sender.send(Ok(answer));
            }
        }
        Err(error) if questions.len() > 1 && is_about_one(&error) => {
            for (question, sender) in questions.iter().zip(senders) {
                let alone = in_time(store, kept, std::slice::from_ref(question));
                let answer = Box::pin(alone).await;
                let _ = sender.send(answer.and_then(|mut one| one.pop().ok_or_else(unavailable)));
            }
        }
        Err(error) => {
            if Q::WRITES {
                store.health.not_written();
            }
            let mut error = Some(error);
            for sender in senders {
                let _ = sender.send(Err(error.take().unwrap_or_else(unavailable)));
            }
        }
    }
}

async fn in_time<Q: Question>(
    store: &Store,
    kept: &mut Option<Kept>,
    questions: &[Q],
) -> Result<Vec<Q::Answer>> {
    let asked = tokio::time::timeout(PATIENCE, ask_on(store, kept.take(), questions)).await;
    let (answers, conn) = asked.unwrap_or_else(|_| Err(unavailable()))?;
    // The embedded database has one connection that writes, and others wait for it.
    if !(Q::WRITES && store.is_embedded() || store.is_closed()) {
        *kept = Some(Kept { conn, used_at: Instant::now() });
    }
    Ok(answers)
}

/// Asks on the connection that was kept, if it still is one. After a failure it is kept no more.
async fn ask_on<Q: Question>(
    store: &Store,
    kept: Option<Kept>,
    questions: &[Q],
) -> Result<(Vec<Q::Answer>, Conn)> {
    let mut conn = match still_alive(kept).await {
        Some(conn) => conn,
        // Boxed, as all that is rare: the state of a task is moved when it is begun.
        None => Box::pin(store.connection_of_exchanges(Q::WRITES)).await?,
    };
    let answers = Q::ask(conn.db(), questions).await?;
    Ok((answers, conn))
}

async fn still_alive(kept: Option<Kept>) -> Option<Conn> {
    let Kept { mut conn, used_at } = kept?;
    let is_alive = used_at.elapsed() < TRUSTED || Box::pin(conn.is_alive()).await;
    is_alive.then_some(conn)
}

/// Whether one row or value may be the reason, and nothing was written: the others are asked again.
/// After any other failure nobody knows what was written, and asking again would be a reuse.
fn is_about_one(error: &Error) -> bool {
    match error {
        Error::Inconsistent { .. } => true,
        // Data exceptions.
        Error::Database(sqlx::Error::Database(e)) => {
            e.code().is_some_and(|code| code.len() == 5 && code.starts_with("22"))
        }
        _ => false,
    }
}

fn unavailable() -> Error {
    Error::Unavailable(sqlx::Error::WorkerCrashed)
}
