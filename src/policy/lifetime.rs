//! Lifetimes of refresh tokens: an absolute one, fixed at login and never extended, and an idle
//! one, counted from the last exchange. Both are enforced separately; the infinite flags win.

use crate::domain::{
    client::{ExpirationType, RefreshTokenSettings},
    time::Timestamp,
};

/// Which lifetime has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expired {
    /// The absolute one.
    Absolute,
    /// The idle one.
    Idle,
}

/// The absolute end of a family that is issued at `now`, `None` for never.
pub fn absolute_end(settings: &RefreshTokenSettings, now: Timestamp) -> Option<Timestamp> {
    let infinite =
        settings.expiration_type == ExpirationType::NonExpiring || settings.infinite_token_lifetime;
    (!infinite).then(|| now.plus_seconds(settings.token_lifetime))
}

/// The idle end of a family that was last exchanged at `last_exchanged_at`, `None` for never.
pub fn idle_end(
    settings: &RefreshTokenSettings,
    last_exchanged_at: Timestamp,
) -> Option<Timestamp> {
    let infinite = settings.expiration_type == ExpirationType::NonExpiring
        || settings.infinite_idle_token_lifetime;
    (!infinite).then(|| last_exchanged_at.plus_seconds(settings.idle_token_lifetime))
}

/// Whether a family has expired at `now`.
pub fn expired(
    settings: &RefreshTokenSettings,
    expires_at: Option<Timestamp>,
    last_exchanged_at: Timestamp,
    now: Timestamp,
) -> Option<Expired> {
    if expires_at.is_some_and(|end| now >= end) {
        return Some(Expired::Absolute);
    }
    let idle = idle_end(settings, last_exchanged_at);
    idle.is_some_and(|end| now >= end).then_some(Expired::Idle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lifetime_ends_on_its_own() {
        let settings = RefreshTokenSettings {
            token_lifetime: 100,
            idle_token_lifetime: 10,
            ..RefreshTokenSettings::default()
        };
        let start = Timestamp::from_millis(0);
        let end = absolute_end(&settings, start);
        let at = |s: i64| Timestamp::from_millis(s * 1000);
        assert_eq!(expired(&settings, end, at(0), at(9)), None);
        assert_eq!(expired(&settings, end, at(0), at(10)), Some(Expired::Idle));
        assert_eq!(expired(&settings, end, at(95), at(99)), None);
        assert_eq!(expired(&settings, end, at(95), at(100)), Some(Expired::Absolute));
    }

    #[test]
    fn the_infinite_flags_win() {
        let settings = RefreshTokenSettings {
            infinite_token_lifetime: true,
            infinite_idle_token_lifetime: true,
            ..RefreshTokenSettings::default()
        };
        let start = Timestamp::from_millis(0);
        assert_eq!(absolute_end(&settings, start), None);
        assert_eq!(idle_end(&settings, start), None);
        let never = RefreshTokenSettings {
            expiration_type: ExpirationType::NonExpiring,
            ..RefreshTokenSettings::default()
        };
        assert_eq!(absolute_end(&never, start), None);
        assert_eq!(idle_end(&never, start), None);
    }
}
