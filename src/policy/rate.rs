//! How often something may be done: a token bucket.
//!
//! A few lines of arithmetic rather than a crate: all that a bucket needs is one moment, when it
//! will be full again (the generic cell rate algorithm), time comes as a parameter like everywhere
//! here, and the answers' headers need numbers that limiters like governor give only through
//! middleware of their own, together with a concurrent map and a clock of their own.

use crate::domain::time::Timestamp;

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;

/// A rate that is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Microseconds after which one more is allowed, for as long as one likes; at least 1.
    interval: i64,
    /// At once, out of nothing; at least 1.
    burst: u32,
}

impl Rate {
    /// So many a second.
    pub const fn per_second(times: u32, burst: u32) -> Self {
        Self::of(SECOND / if times == 0 { 1 } else { times as i64 }, burst)
    }
    /// So many a minute.
    pub const fn per_minute(times: u32, burst: u32) -> Self {
        Self::of(60 * SECOND / if times == 0 { 1 } else { times as i64 }, burst)
    }
    /// One every so many milliseconds.
    pub const fn every_millis(millis: i64, burst: u32) -> Self {
        Self::of(millis.saturating_mul(1000), burst)
    }
    const fn of(interval: i64, burst: u32) -> Self {
        let interval = if interval < 1 { 1 } else { interval };
        Self { interval, burst: if burst == 0 { 1 } else { burst } }
    }
    /// What one costs, in microseconds.
    pub const fn cost(self) -> i64 {
        self.interval
    }
    /// What a bucket holds, in microseconds.
    pub const fn most(self) -> i64 {
        self.interval.saturating_mul(self.burst as i64)
    }
}

/// What is left to a client: the moment, in microseconds of the epoch, when its bucket is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket(i64);

/// Whether a request may pass, and what its answer says of those to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it may pass.
    pub passes: bool,
    /// Requests at once that a client may send, `x-ratelimit-limit`.
    pub limit: u32,
    /// Requests that may follow at once, `x-ratelimit-remaining`.
    pub remaining: u32,
    /// When there are as many again as at first, in seconds of the epoch and never in the past,
    /// `x-ratelimit-reset`.
    pub reset: i64,
    /// Seconds until one more may pass, at least 1, `Retry-After`.
    pub retry_after: i64,
}

impl Bucket {
    /// Of a client that has not asked for a while.
    pub const FULL: Self = Self(i64::MIN);

    /// As it was kept: the moment, in microseconds of the epoch, when it is full.
    pub const fn full_at(micros: i64) -> Self {
        Self(micros)
    }

    /// Whether nothing was taken, or all has flown back: then it need not be kept.
    pub fn is_full(self, now: Timestamp) -> bool {
        self.0 <= micros(now)
    }

    /// Takes what one request costs, and nothing when it may not pass.
    #[must_use]
    pub fn take(self, rate: Rate, now: Timestamp) -> (Self, Verdict) {
        let now = micros(now);
        let (cost, most) = (rate.cost(), rate.most());
        let owed = self.0.max(now) - now;
        // More than it holds is owed by nobody but a clock that was set back: it is empty but for one.
        let owed = if owed > most { most - cost } else { owed };
        let passes = owed + cost <= most;
        let owed = if passes { owed + cost } else { owed };
        let remaining = u32::try_from((most - owed) / cost).unwrap_or(0);
        let until_next = (owed + cost - most).max(0);
        let verdict = Verdict {
            passes,
            limit: rate.burst,
            remaining,
            reset: up_to_seconds(now + owed),
            retry_after: up_to_seconds(until_next).max(1),
        };
        (Self(now + owed), verdict)
    }
}

/// A time as buckets count it, in microseconds of the epoch.
pub const fn micros(at: Timestamp) -> i64 {
    at.millis().saturating_mul(1000)
}

/// A time in microseconds as seconds, rounded up.
const fn up_to_seconds(micros: i64) -> i64 {
    (micros + SECOND - 1).div_euclid(SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate::per_second(2, 3);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_decides() {
        let mut bucket = Bucket::FULL;
        for (millis, passes, remaining, reset, retry_after) in [
            (0, true, 2, 1001, 1),
            (0, true, 1, 1001, 1),
            (0, true, 0, 1002, 1),
            (0, false, 0, 1002, 1),
            (499, false, 0, 1002, 1),
            (500, true, 0, 1002, 1),
            (500, false, 0, 1002, 1),
            (1500, true, 1, 1003, 1),
            (60_000, true, 2, 1061, 1),
        ] {
            let (next, verdict) = bucket.take(RATE, at(millis));
            bucket = next;
            let expected = Verdict { passes, limit: 3, remaining, reset, retry_after };
            assert_eq!(verdict, expected, "at {millis}");
        }
    }

    #[test]
    fn a_slow_rate_says_how_long_to_wait() {
        let rate = Rate::per_second(1, 1);
        let (bucket, first) = Bucket::FULL.take(rate, at(0));
        let (same, second) = bucket.take(rate, at(10));
        assert!(first.passes && !second.passes);
        assert_eq!((second.retry_after, second.reset), (1, 1001));
        assert_eq!(same, bucket, "a refused request costs nothing");
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let (mut bucket, _) = Bucket::FULL.take(RATE, at(86_400_000));
        for _ in 0..3 {
            (bucket, _) = bucket.take(RATE, at(86_400_000));
        }
        let (bucket, verdict) = bucket.take(RATE, at(0));
        assert!(verdict.passes && !bucket.take(RATE, at(499)).1.passes);
        assert!(bucket.take(RATE, at(500)).1.passes);
    }

    #[test]
    fn a_bucket_that_is_full_again_is_known() {
        assert!(Bucket::FULL.is_full(at(0)));
        let (bucket, _) = Bucket::FULL.take(RATE, at(0));
        assert!(!bucket.is_full(at(499)) && bucket.is_full(at(500)));
    }
}
