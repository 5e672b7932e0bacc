//! `CLOCK_MONOTONIC`: the one clock that every process of a machine reads alike.

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Nanoseconds of `CLOCK_MONOTONIC`: what `time.monotonic_ns()` gives in Python.
#[must_use]
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// `nanoseconds` as a timeout for epoll.
#[must_use]
pub fn timeout(nanoseconds: u64) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(nanoseconds / 1_000_000_000).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(nanoseconds % 1_000_000_000).unwrap_or(0),
    }
}

/// Seconds as nanoseconds; what is negative or too large becomes a bound.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, as is wanted")]
pub fn seconds_to_ns(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}
