//! Time as a value and as a parameter.

use std::sync::atomic::{AtomicI64, Ordering};

/// A point in time in epoch milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From epoch milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }
    /// Epoch milliseconds, as the store keeps them.
    pub const fn millis(self) -> i64 {
        self.0
    }
    /// Epoch seconds, as JWT claims carry them (RFC 7519 `NumericDate`).
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
    /// This time moved by `seconds`, which may be negative.
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }
    /// Milliseconds from `earlier` to this time; negative when the clock stepped back.
    pub const fn millis_since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Where the current time comes from. Never read the system clock elsewhere.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp(since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// A clock that moves only when told to: the system time plus an offset.
#[derive(Debug, Default)]
pub struct OffsetClock {
    offset_millis: AtomicI64,
}

impl OffsetClock {
    /// Moves the clock by `seconds`.
    pub fn advance_seconds(&self, seconds: i64) {
        self.offset_millis.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for OffsetClock {
    fn now(&self) -> Timestamp {
        let offset = self.offset_millis.load(Ordering::SeqCst);
        Timestamp(SystemClock.now().0.saturating_add(offset))
    }
}

impl Timestamp {
    /// ISO 8601 in UTC with milliseconds, as the Management API and `updated_at` write times.
    pub fn iso8601(self) -> String {
        let nanos = i128::from(self.0) * 1_000_000;
        let Ok(at) = time::OffsetDateTime::from_unix_timestamp_nanos(nanos) else {
            return String::new();
        };
        let (hour, minute, second, milli) = at.to_hms_milli();
        let (year, month, day) = at.to_calendar_date();
        let month = u8::from(month);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

/// A moment that somebody wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// When it begins.
    pub start: Timestamp,
    /// How long it is in milliseconds: a day, a second or a millisecond, as precise as written.
    pub length: i64,
}

impl Written {
    /// Reads `2026-01-31`, `2026-01-31T12:30:59Z` or `2026-01-31T12:30:59.250Z`, all in UTC.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |range: std::ops::Range<usize>| {
            let digits = text.get(range)?;
            digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u16>().ok())?
        };
        let is = |at: usize, expected: &str| text.get(at..at + expected.len()) == Some(expected);
        let month = u8::try_from(number(5..7)?).ok()?;
        let month = time::Month::try_from(month).ok()?;
        let day = u8::try_from(number(8..10)?).ok()?;
        let date = time::Date::from_calendar_date(number(0..4)?.into(), month, day).ok()?;
        if !is(4, "-") || !is(7, "-") {
            return None;
        }
        let midnight = date.midnight().assume_utc().unix_timestamp();
        let (seconds, millis, length) = match text.len() {
            10 => (0, 0, 86_400_000),
            20 | 24 if is(10, "T") && is(13, ":") && is(16, ":") && text.ends_with('Z') => {
                let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
                if hour > 23 || minute > 59 || second > 59 {
                    return None;
                }
                let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
                match text.len() {
                    20 => (seconds, 0, 1000),
                    _ if is(19, ".") => (seconds, i64::from(number(20..23)?), 1),
                    _ => return None,
                }
            }
            _ => return None,
        };
        let start = Timestamp::from_millis((midnight + seconds) * 1000 + millis);
        Some(Self { start, length })
    }

    /// The first millisecond after it.
    pub const fn end(self) -> Timestamp {
        Timestamp::from_millis(self.start.0.saturating_add(self.length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_iso_8601() {
        let at = Timestamp::from_millis(1_672_131_402_856);
        assert_eq!(at.iso8601(), "2022-12-27T08:56:42.856Z");
        assert_eq!(at.seconds(), 1_672_131_402);
    }

    #[test]
    fn times_are_read_as_precisely_as_they_are_written() {
        let read = |text| Written::parse(text).map(|w| (w.start.millis(), w.length));
        assert_eq!(read("2022-12-27T08:56:42.856Z"), Some((1_672_131_402_856, 1)));
        assert_eq!(read("2022-12-27T08:56:42Z"), Some((1_672_131_402_000, 1000)));
        assert_eq!(read("2022-12-27"), Some((1_672_099_200_000, 86_400_000)));
        for bad in [
            "",
            "2022",
            "2022-13-01",
            "2022-02-30",
            "2022/12/27",
            "2022-12-27T24:00:00Z",
            "2022-12-27T08:56:42",
            "2022-12-27T08:56:42,856Z",
            "+022-12-27",
            "2022-12-27 08:56:42Z",
            "\u{e9}022-12-2",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
