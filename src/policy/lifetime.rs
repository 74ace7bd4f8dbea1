//! Lifetimes of refresh tokens: an absolute one, fixed at login and never extended, and an idle
//! one, counted from the last exchange. Both are enforced separately; the infinite flags win.

use crate::domain::{
    client::{ExpirationType, RefreshTokenSettings},
    family::Family,
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

/// When a family was used last, and by when an Action wants it used again, if it said so.
#[derive(Debug, Clone, Copy)]
pub struct Use {
    /// The last exchange, or the issuance.
    pub last_exchanged_at: Timestamp,
    /// The idle end that an Action set then.
    pub idle_expires_at: Option<Timestamp>,
}

impl From<&Family> for Use {
    fn from(family: &Family) -> Self {
        let Family { last_exchanged_at, idle_expires_at, .. } = *family;
        Self { last_exchanged_at, idle_expires_at }
    }
}

/// The idle end of a family, `None` for never: an Action may bring it forward, even where the
/// settings know no end, and never puts it off.
pub fn idle_end(settings: &RefreshTokenSettings, used: Use) -> Option<Timestamp> {
    let infinite = settings.expiration_type == ExpirationType::NonExpiring
        || settings.infinite_idle_token_lifetime;
    let end =
        (!infinite).then(|| used.last_exchanged_at.plus_seconds(settings.idle_token_lifetime));
    [end, used.idle_expires_at].into_iter().flatten().min()
}

/// Whether a family has expired at `now`.
pub fn expired(
    settings: &RefreshTokenSettings,
    expires_at: Option<Timestamp>,
    used: Use,
    now: Timestamp,
) -> Option<Expired> {
    if expires_at.is_some_and(|end| now >= end) {
        return Some(Expired::Absolute);
    }
    let idle = idle_end(settings, used);
    idle.is_some_and(|end| now >= end).then_some(Expired::Idle)
}

/// What ended a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Somebody revoked it.
    Revoked,
    /// One of its lifetimes.
    Expired(Expired),
}

/// When a family ended before `now` and what ended it; `None` while it lives. The absolute end is
/// fixed at issuance, so it counts when it came before a revocation, which then found nothing alive.
/// The idle end follows the settings of today, so a revocation, which was recorded, goes before it.
pub fn ended(
    settings: &RefreshTokenSettings,
    (revoked_at, expires_at): (Option<Timestamp>, Option<Timestamp>),
    used: Use,
    now: Timestamp,
) -> Option<(Timestamp, Ended)> {
    let absolute = expires_at.filter(|end| now >= *end);
    let absolute = absolute.map(|end| (end, Ended::Expired(Expired::Absolute)));
    let other = match revoked_at {
        Some(at) => Some((at, Ended::Revoked)),
        None => idle_end(settings, used)
            .filter(|end| now >= *end)
            .map(|end| (end, Ended::Expired(Expired::Idle))),
    };
    [absolute, other].into_iter().flatten().min_by_key(|(at, _)| *at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(at: Timestamp) -> Use {
        Use { last_exchanged_at: at, idle_expires_at: None }
    }

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
        assert_eq!(expired(&settings, end, used(at(0)), at(9)), None);
        assert_eq!(expired(&settings, end, used(at(0)), at(10)), Some(Expired::Idle));
        assert_eq!(expired(&settings, end, used(at(95)), at(99)), None);
        assert_eq!(expired(&settings, end, used(at(95)), at(100)), Some(Expired::Absolute));
    }

    #[test]
    fn a_family_ends_by_what_came_first() {
        let at = |s: i64| Timestamp::from_millis(s * 1000);
        let settings =
            RefreshTokenSettings { idle_token_lifetime: 10, ..RefreshTokenSettings::default() };
        let (absolute, idle) = (Ended::Expired(Expired::Absolute), Ended::Expired(Expired::Idle));
        for (revoked, expires, last, now, expected) in [
            (None, Some(100), 0, 9, None),
            (None, Some(100), 0, 50, Some((10, idle))),
            (None, Some(100), 95, 100, Some((100, absolute))),
            (None, Some(100), 85, 200, Some((95, idle))),
            (None, None, 95, 100, None),
            (Some(5), Some(100), 0, 200, Some((5, Ended::Revoked))),
            (Some(50), Some(100), 0, 60, Some((50, Ended::Revoked))),
            (Some(150), Some(100), 95, 200, Some((100, absolute))),
            (Some(100), Some(100), 95, 200, Some((100, absolute))),
        ] {
            let ends = (revoked.map(at), expires.map(at));
            let found = ended(&settings, ends, used(at(last)), at(now));
            let expected = expected.map(|(end, why)| (at(end), why));
            assert_eq!(found, expected, "{revoked:?} {expires:?} {last} {now}");
        }
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
        assert_eq!(idle_end(&settings, used(start)), None);
        let never = RefreshTokenSettings {
            expiration_type: ExpirationType::NonExpiring,
            ..RefreshTokenSettings::default()
        };
        assert_eq!(absolute_end(&never, start), None);
        assert_eq!(idle_end(&never, used(start)), None);
    }

    #[test]
    fn an_action_brings_the_idle_end_forward_and_never_puts_it_off() {
        let at = |s: i64| Timestamp::from_millis(s * 1000);
        let finite = RefreshTokenSettings {
            token_lifetime: 100,
            idle_token_lifetime: 10,
            ..RefreshTokenSettings::default()
        };
        let infinite = RefreshTokenSettings {
            infinite_token_lifetime: true,
            infinite_idle_token_lifetime: true,
            ..RefreshTokenSettings::default()
        };
        for (settings, set, expected) in [
            (&finite, None, Some(10)),
            (&finite, Some(5), Some(5)),
            (&finite, Some(50), Some(10)),
            (&infinite, None, None),
            (&infinite, Some(50), Some(50)),
        ] {
            let used = Use { last_exchanged_at: at(0), idle_expires_at: set.map(at) };
            assert_eq!(idle_end(settings, used), expected.map(at), "{set:?}");
            let ends = expired(settings, None, used, at(7)) == Some(Expired::Idle);
            assert_eq!(ends, expected.is_some_and(|end| end <= 7), "{set:?}");
        }
    }
}
