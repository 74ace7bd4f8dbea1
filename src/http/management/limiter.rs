//! Keeps clients to the rate of the Management API: one bucket each, in the memory of this node. At
//! the console it is one for each user: people must not wait for each other.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    http::{HeaderName, HeaderValue},
    response::Response,
};

use crate::domain::{settings::Settings, time::Timestamp};
use crate::policy::rate::{Bucket, Rate, Verdict};

/// Buckets that are kept at most. Only who has a token has one, and only while it is not
/// full: more of them than this are never at work at once.
const MOST: usize = 10_000;

/// The buckets. Cheap to clone.
#[derive(Clone)]
pub struct Limiter {
    rate: Option<Rate>,
    buckets: Arc<Mutex<HashMap<String, Bucket>>>,
}

impl Limiter {
    /// With the rate of the settings; 0 requests per second is no limit.
    pub fn new(settings: &Settings) -> Self {
        let (per_second, burst) =
            (settings.management_requests_per_second, settings.management_burst);
        let rate = (per_second > 0).then(|| Rate::per_second(per_second, burst));
        Self { rate, buckets: Arc::default() }
    }

    /// Counts a request with a token about `subject`. `None` when there is no limit.
    pub fn count(&self, subject: &str, now: Timestamp) -> Option<Verdict> {
        let rate = self.rate?;
        // A panic elsewhere leaves the map whole.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST {
            buckets.retain(|_, bucket| !bucket.is_full(now));
        }
        if buckets.len() >= MOST {
            buckets.clear();
        }
        let bucket = buckets.get(subject).copied().unwrap_or(Bucket::FULL);
        let (bucket, verdict) = bucket.take(rate, now);
        buckets.insert(subject.to_owned(), bucket);
        Some(verdict)
    }
}

/// Tells the client where it stands.
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
        let rate = Some(Rate::per_second(1, 1));
        let limiter = Limiter { rate, buckets: Arc::default() };
        let now = Timestamp::from_millis(0);
        for i in 0..MOST + 10 {
            limiter.count(&i.to_string(), now);
        }
        assert!(limiter.buckets.lock().unwrap().len() <= MOST);
        let last = (MOST + 9).to_string();
        assert!(!limiter.count(&last, now).unwrap().passes, "those at work are remembered");
    }
}
