//! Keeps callers to a rate: one bucket each, in the memory of this node. At the Management API a
//! caller is a client, at the console a user (people must not wait for each other), elsewhere an
//! address.
//!
//! Replicas share what was taken once a second: no request waits for the database, and together they
//! give a caller no more than one of them would, but for what is taken within that second.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    http::{HeaderName, HeaderValue},
    response::Response,
};

use crate::domain::{
    settings::{RequestRate, Settings},
    time::{Clock, Timestamp},
};
use crate::policy::rate::{self, Bucket, Rate, Verdict};
use crate::store::{
    self, Store,
    rate_buckets::{self, Kind},
};

/// Buckets that are kept at most. Only who is at work has one that is not full: more of them than
/// this are never at work at once.
const MOST: usize = 10_000;

/// Between two times that replicas share what was taken.
const SHARED_EVERY: Duration = Duration::from_secs(1);

/// What is limited.
#[derive(Clone)]
pub struct Limits {
    /// Calls of the Management API, of a client or a user.
    pub management: Limiter,
    /// All other requests, from an address.
    pub requests: Limiter,
}

impl Limits {
    /// As the settings say.
    pub fn new(settings: &Settings) -> Self {
        Self {
            management: Limiter::new(Kind::Management, settings.management_rate),
            requests: Limiter::new(Kind::Request, settings.request_rate),
        }
    }

    /// Shares what was taken with the other replicas until the task is dropped. The embedded
    /// database has none.
    pub async fn share(self, store: Store, clock: Arc<dyn Clock>) {
        if store.is_embedded() {
            return;
        }
        loop {
            tokio::time::sleep(SHARED_EVERY).await;
            for limiter in [&self.management, &self.requests] {
                if let Err(error) = limiter.share(&store, clock.now()).await {
                    tracing::debug!(%error, "what was taken of rates is not shared");
                }
            }
        }
    }
}

/// The buckets of one kind. Cheap to clone.
#[derive(Clone)]
pub struct Limiter {
    kind: Kind,
    rate: Option<Rate>,
    buckets: Arc<Mutex<HashMap<String, Kept>>>,
}

#[derive(Clone, Copy)]
struct Kept {
    bucket: Bucket,
    /// What the other replicas do not know yet, in microseconds.
    unshared: i64,
}

impl Limiter {
    /// With a rate; 0 requests per second is no limit.
    pub fn new(kind: Kind, rate: RequestRate) -> Self {
        let RequestRate { per_second, burst } = rate;
        let rate = (per_second > 0).then(|| Rate::per_second(per_second, burst));
        Self { kind, rate, buckets: Arc::default() }
    }

    /// Counts a request of `subject`. `None` when there is no limit.
    pub fn count(&self, subject: &str, now: Timestamp) -> Option<Verdict> {
        let rate = self.rate?;
        let mut buckets = self.lock();
        if buckets.len() >= MOST {
            buckets.retain(|_, kept| kept.unshared > 0 || !kept.bucket.is_full(now));
        }
        if buckets.len() >= MOST {
            buckets.clear();
        }
        let mut kept = buckets.get(subject).copied().unwrap_or(Kept::FULL);
        let (bucket, verdict) = kept.bucket.take(rate, now);
        kept.bucket = bucket;
        if verdict.passes {
            kept.unshared += rate.cost();
        }
        buckets.insert(subject.to_owned(), kept);
        Some(verdict)
    }

    /// Tells the other replicas what was taken here, and learns what was taken there.
    async fn share(&self, store: &Store, now: Timestamp) -> Result<(), store::Error> {
        let Some(rate) = self.rate else { return Ok(()) };
        let taken = self.unshared();
        if taken.is_empty() {
            return Ok(());
        }
        let (now, most) = (rate::micros(now), rate.most());
        let shared = rate_buckets::share(store, self.kind, &taken, (now, most)).await;
        let mut buckets = self.lock();
        match shared {
            Ok(shared) => {
                for (subject, full_at) in shared {
                    if let Some(kept) = buckets.get_mut(&subject) {
                        // And what was taken meanwhile.
                        kept.bucket = Bucket::full_at(full_at.saturating_add(kept.unshared));
                    }
                }
                Ok(())
            }
            Err(error) => {
                for (subject, cost) in taken {
                    buckets.entry(subject).or_insert(Kept::FULL).unshared += cost;
                }
                Err(error)
            }
        }
    }

    /// What is to be shared, by subject: two replicas must lock rows in one order.
    fn unshared(&self) -> Vec<(String, i64)> {
        let mut taken = Vec::new();
        for (subject, kept) in self.lock().iter_mut() {
            if kept.unshared > 0 {
                taken.push((subject.clone(), std::mem::take(&mut kept.unshared)));
            }
        }
        taken.sort();
        taken
    }

    /// A panic elsewhere leaves the map whole.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    const FULL: Self = Self { bucket: Bucket::FULL, unshared: 0 };
}

/// Tells the caller where it stands.
pub fn tell(verdict: &Verdict, response: &mut Response) {
    for (name, value) in [
        ("x-ratelimit-limit", i64::from(verdict.limit)),
        ("x-ratelimit-remaining", i64::from(verdict.remaining)),
        ("x-ratelimit-reset", verdict.reset),
    ] {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_it_takes_is_bounded() {
        let limiter = Limiter::new(Kind::Request, RequestRate { per_second: 1, burst: 1 });
        let now = Timestamp::from_millis(0);
        for i in 0..MOST + 10 {
            limiter.count(&i.to_string(), now);
        }
        assert!(limiter.lock().len() <= MOST);
        let last = (MOST + 9).to_string();
        assert!(!limiter.count(&last, now).unwrap().passes, "those at work are remembered");
    }

    #[test]
    fn what_was_taken_is_shared_once() {
        let limiter = Limiter::new(Kind::Request, RequestRate { per_second: 1, burst: 2 });
        let now = Timestamp::from_millis(0);
        for _ in 0..5 {
            limiter.count("a", now);
        }
        assert_eq!(limiter.unshared(), [("a".to_owned(), 2_000_000)], "a refusal takes nothing");
        assert!(limiter.unshared().is_empty());
    }
}
