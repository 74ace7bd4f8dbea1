//! The connections that are open. There are never more than so many: one more takes the place of the
//! one that has waited longest without a complete request, so that who connects and says nothing, or
//! says it as slowly as can be, keeps nobody else out.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// How long an answer may take to be read when the connection is to end.
const READING: Duration = Duration::from_secs(100);

/// How long a connection that never had a request is waited for then.
const SILENCE: Duration = Duration::from_secs(1);

/// All of them.
pub(super) struct Crowd {
    most: usize,
    open: Mutex<Open>,
    left: Arc<Notify>,
}

#[derive(Default)]
struct Open {
    next: u64,
    members: HashMap<u64, Arc<Member>>,
    /// Those that were sent away and have not gone yet.
    leaving: usize,
}

/// One of them.
pub(super) struct Member {
    /// Requests that came whole and are not answered yet.
    running: AtomicU32,
    /// When something last happened that is not cheap talk.
    since: Mutex<Instant>,
    has_spoken: AtomicBool,
    sent_away: Notify,
    /// Who looks for somebody to send away.
    sought: Arc<Notify>,
}

impl Member {
    fn new(sought: &Arc<Notify>) -> Self {
        Self {
            running: AtomicU32::new(0),
            since: Mutex::new(Instant::now()),
            has_spoken: AtomicBool::new(false),
            sent_away: Notify::new(),
            sought: Arc::clone(sought),
        }
    }

    /// The head of a request has come.
    pub(super) fn speaks(&self) {
        self.has_spoken.store(true, Ordering::Relaxed);
        self.moves();
    }

    /// How long nothing may move once it was asked to go: who reads an answer slowly gets the time,
    /// who has never asked anything does not.
    pub(super) fn patience(&self) -> Duration {
        let has_spoken = self.has_spoken.load(Ordering::Relaxed);
        if has_spoken { READING } else { SILENCE }
    }

    /// A request has come whole.
    pub(super) fn begins(&self) {
        self.running.fetch_add(1, Ordering::Relaxed);
    }

    /// One that had come whole is answered.
    pub(super) fn ends(&self) {
        self.moves();
        self.running.fetch_sub(1, Ordering::Relaxed);
        self.sought.notify_waiters();
    }

    /// A part of a request came, or a part of an answer went.
    pub(super) fn moves(&self) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Since when it waits; `None` while a request runs.
    fn waits_since(&self) -> Option<Instant> {
        let waits = self.running.load(Ordering::Relaxed) == 0;
        waits.then(|| *self.since.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns once nothing has happened for as long.
    pub(super) async fn overstays(&self, limit: Duration) {
        loop {
            let since = self.waits_since().unwrap_or_else(Instant::now);
            if since.elapsed() >= limit {
                return;
            }
            sleep_until(since + limit).await;
        }
    }

    /// Returns once somebody else has its place.
    pub(super) async fn sent_away(&self) {
        self.sent_away.notified().await;
    }
}

/// A place among them, given back when it is dropped.
pub(super) struct Place {
    crowd: Arc<Crowd>,
    number: u64,
    pub(super) member: Arc<Member>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.crowd.open();
        if open.members.remove(&self.number).is_none() {
            open.leaving -= 1;
        }
        drop(open);
        self.crowd.left.notify_waiters();
    }
}

impl Crowd {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: most.max(1), open: Mutex::default(), left: Arc::default() })
    }

    // A panic elsewhere leaves the map whole.
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place, once there is one: at once, unless every connection has a request running.
    pub(super) async fn join(self: &Arc<Self>) -> Place {
        loop {
            let left = self.left.notified();
            if let Some(place) = self.try_join() {
                return place;
            }
            left.await;
        }
    }

    fn try_join(self: &Arc<Self>) -> Option<Place> {
        let mut open = self.open();
        if open.members.len() >= self.most {
            // Those who were sent away are gone in a moment; there must not be many at once.
            if open.leaving >= self.most {
                return None;
            }
            let waiting = open.members.iter();
            let waiting = waiting.filter_map(|(number, m)| Some((m.waits_since()?, *number)));
            let (_, longest) = waiting.min()?;
            if let Some(member) = open.members.remove(&longest) {
                member.sent_away.notify_one();
                open.leaving += 1;
            }
        }
        let (number, member) = (open.next, Arc::new(Member::new(&self.left)));
        open.next += 1;
        open.members.insert(number, Arc::clone(&member));
        drop(open);
        Some(Place { crowd: Arc::clone(self), number, member })
    }

    /// Returns once all have gone.
    pub(super) async fn gone(&self) {
        loop {
            let left = self.left.notified();
            let is_empty = {
                let open = self.open();
                open.members.is_empty() && open.leaving == 0
            };
            if is_empty {
                return;
            }
            left.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_sent_away(place: &Place) -> bool {
        let sent_away = tokio::time::timeout(Duration::ZERO, place.member.sent_away());
        sent_away.await.is_ok()
    }

    #[tokio::test]
    async fn one_more_takes_the_place_of_who_waited_longest() {
        let crowd = Crowd::new(3);
        let places = [crowd.join().await, crowd.join().await, crowd.join().await];
        // The first has a request running, the second was heard of just now.
        places[0].member.begins();
        places[1].member.moves();
        let fourth = crowd.join().await;
        assert!(!is_sent_away(&places[0]).await && !is_sent_away(&places[1]).await);
        assert!(is_sent_away(&places[2]).await && !is_sent_away(&fourth).await);
        // It has not gone yet.
        drop((places, fourth));
        crowd.gone().await;
    }

    #[tokio::test]
    async fn nobody_with_a_running_request_is_sent_away() {
        let crowd = Crowd::new(1);
        let first = crowd.join().await;
        first.member.begins();
        assert!(crowd.try_join().is_none());
        let waiting = crowd.join();
        let mut waiting = std::pin::pin!(waiting);
        assert!(tokio::time::timeout(Duration::ZERO, waiting.as_mut()).await.is_err());
        // An answered one may go.
        first.member.ends();
        let second = waiting.await;
        assert!(is_sent_away(&first).await && !is_sent_away(&second).await);
    }

    #[tokio::test]
    async fn who_does_nothing_for_too_long_is_found() {
        let crowd = Crowd::new(1);
        let place = crowd.join().await;
        place.member.overstays(Duration::ZERO).await;
        place.member.begins();
        let overstays = place.member.overstays(Duration::from_millis(1));
        let found = tokio::time::timeout(Duration::from_millis(20), overstays).await;
        assert!(found.is_err(), "a request may take as long as it may");
    }
}
