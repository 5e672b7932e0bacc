//! Whether an HTTP/2 connection is worth another stream.
//!
//! A peer that was cut off says nothing, and the system may take a quarter of an hour to find out. So a
//! connection from which nothing came while a request waited gets no further stream, until something comes.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use std::time::{Duration, Instant};

/// How long nothing may have come when a body that has begun is given up; more says that the peer is cut off.
const SILENCE: Duration = Duration::from_secs(5);
/// No number of reads.
const NEVER: u64 = u64::MAX;

/// What the reads of a connection say of its peer. Only the I/O thread changes it.
pub(crate) struct Liveness {
    reads: AtomicU64,
    last_read_ms: AtomicU64,
    /// After how many reads a request was given up that nothing had come for.
    doubted: AtomicU64,
    is_leaving: AtomicBool,
}

impl Liveness {
    pub(crate) fn new() -> Self {
        Self {
            reads: AtomicU64::new(0),
            last_read_ms: AtomicU64::new(now_ms()),
            doubted: AtomicU64::new(NEVER),
            is_leaving: AtomicBool::new(false),
        }
    }

    pub(crate) fn note_read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.last_read_ms.store(now_ms(), Ordering::Relaxed);
    }

    /// The peer has said that it takes no further stream (RFC 9113, section 6.8).
    pub(crate) fn leave(&self) {
        self.is_leaving.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.is_leaving.load(Ordering::Relaxed)
    }

    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// A request was given up that was sent after so many reads.
    pub(crate) fn note_given_up(&self, reads_before: u64) {
        let reads = self.reads();
        let silence_ms = now_ms().saturating_sub(self.last_read_ms.load(Ordering::Relaxed));
        if reads == reads_before || u128::from(silence_ms) >= SILENCE.as_millis() {
            self.doubted.store(reads, Ordering::Relaxed);
        }
    }

    /// Whether a request was given up, and nothing has come since.
    pub(crate) fn is_doubted(&self) -> bool {
        self.doubted.load(Ordering::Relaxed) == self.reads()
    }
}

fn now_ms() -> u64 {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    u64::try_from(BEGIN.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(NEVER)
}

#[cfg(test)]
mod tests {
    use super::Liveness;

    #[test]
    fn a_connection_is_doubted_until_something_comes() {
        let liveness = Liveness::new();
        liveness.note_read();
        liveness.note_given_up(liveness.reads());
        assert!(liveness.is_doubted());
        liveness.note_read();
        assert!(!liveness.is_doubted());
    }

    #[test]
    fn who_leaves_after_something_has_come_says_nothing_of_the_peer() {
        let liveness = Liveness::new();
        let before = liveness.reads();
        liveness.note_read();
        liveness.note_given_up(before);
        assert!(!liveness.is_doubted());
    }
}
