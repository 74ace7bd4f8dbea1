//! Reuse detection of refresh tokens (RFC 9700 §4.14.2) with an idempotent leeway.

use crate::domain::time::Timestamp;

/// What a presented generation means for its family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented {
    /// The current token: exchange, and advance if the client rotates.
    Current,
    /// The previous token within the leeway, from a retry, a second tab or a parallel request:
    /// exchange, and return the current token again. Nothing forks.
    Retry,
    /// A spent token: somebody else may hold the family. Revoke it.
    Reuse,
    /// Newer than the store knows: the store was restored from a backup. Accept as current.
    StoreBehind,
}

/// Judges `presented`, the generation inside a token whose MAC is valid, against the family's
/// `current` generation, which began at `rotated_at`. `leeway` is in seconds; 0 means none, even
/// within the same millisecond.
pub fn judge(
    presented: u32,
    current: u32,
    rotated_at: Timestamp,
    leeway: i64,
    now: Timestamp,
) -> Presented {
    use std::cmp::Ordering::{Equal, Greater, Less};
    match presented.cmp(&current) {
        Equal => Presented::Current,
        Greater => Presented::StoreBehind,
        Less => {
            let previous = presented.checked_add(1) == Some(current);
            let in_time = now.millis_since(rotated_at) <= leeway.saturating_mul(1000);
            if previous && leeway > 0 && in_time { Presented::Retry } else { Presented::Reuse }
        }
    }
}

/// Judges once more a token that was found good when its request came in, after scripts of the
/// operator have taken their time: others may have exchanged it meanwhile, and their successors. That
/// is a parallel request, not a theft, unless the application forgives none.
pub fn judge_again(presented: u32, current: u32, leeway: i64) -> Presented {
    use std::cmp::Ordering::{Equal, Greater, Less};
    match presented.cmp(&current) {
        Equal => Presented::Current,
        Greater => Presented::StoreBehind,
        Less if leeway > 0 => Presented::Retry,
        Less => Presented::Reuse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn the_generation_table() {
        let rotated_at = Timestamp::from_millis(1_000_000);
        let cases = [
            // presented, current, leeway, ms later, verdict
            (5,           5,       10,     999_999,  Presented::Current),
            (5,           5,       0,      0,        Presented::Current),
            (4,           5,       10,     0,        Presented::Retry),
            (4,           5,       10,     10_000,   Presented::Retry),
            (4,           5,       10,     10_001,   Presented::Reuse),
            (4,           5,       0,      0,        Presented::Reuse),
            (3,           5,       10,     0,        Presented::Reuse),
            (0,           5,       10,     0,        Presented::Reuse),
            (6,           5,       10,     0,        Presented::StoreBehind),
            // A clock that stepped back must not turn a retry into reuse.
            (4,           5,       10,     -5_000,   Presented::Retry),
        ];
        for (presented, current, leeway, later, verdict) in cases {
            let now = Timestamp::from_millis(1_000_000 + later);
            let got = judge(presented, current, rotated_at, leeway, now);
            assert_eq!(got, verdict, "{presented} of {current}, leeway {leeway}, {later} ms later");
        }
    }

    #[test]
    fn a_token_that_was_good_stays_good_while_scripts_run() {
        assert_eq!(judge_again(3, 3, 10), Presented::Current);
        assert_eq!(judge_again(3, 4, 10), Presented::Retry);
        assert_eq!(judge_again(3, 9, 10), Presented::Retry);
        assert_eq!(judge_again(3, 4, 0), Presented::Reuse);
        assert_eq!(judge_again(3, 2, 0), Presented::StoreBehind);
    }
}
