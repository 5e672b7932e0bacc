//! One timer for all the streams of an event loop: keep-alives, and the news whether the loop
//! still turns.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use pyo3::prelude::*;

use crate::{guard, stream::StreamCore};

static EPOCH: OnceLock<Instant> = OnceLock::new();

/// Nanoseconds of a monotonic clock that starts with the process.
pub(crate) fn now_ns() -> u64 {
    let epoch = EPOCH.get_or_init(Instant::now);
    u64::try_from(epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Beaten by a timer of its event loop for as long as it has streams.
///
/// A beat that is late says that somebody keeps the loop from turning. A stream that notices this
/// in `send` lets the loop turn, so that a handler that computes and never awaits anything else
/// cannot starve the others.
#[pyclass(frozen, module = "streamactions._core")]
pub(crate) struct PulseCore {
    late_after_ns: u64,
    scan_every_ns: u64,
    last_beat_ns: AtomicU64,
    last_scan_ns: AtomicU64,
    /// Since when frames are gathered in this turn of the loop; 0 for none.
    gathered_since_ns: AtomicU64,
    streams: Mutex<HashMap<usize, Py<StreamCore>>>,
}

#[pymethods]
impl PulseCore {
    /// `late_after_s`: from when on a missing beat counts as late. `scan_every_s`: how often
    /// streams are asked whether a keep-alive is due. Both in seconds.
    #[new]
    fn new(late_after_s: f64, scan_every_s: f64) -> Self {
        let now = now_ns();
        Self {
            late_after_ns: seconds_to_ns(late_after_s),
            scan_every_ns: seconds_to_ns(scan_every_s),
            last_beat_ns: AtomicU64::new(now),
            last_scan_ns: AtomicU64::new(now),
            gathered_since_ns: AtomicU64::new(0),
            streams: Mutex::new(HashMap::new()),
        }
    }

    /// Watch over a stream.
    fn add(slf: &Bound<'_, Self>, stream: Bound<'_, StreamCore>) {
        let this = slf.get();
        let is_first = {
            let mut streams = this.lock();
            let is_first = streams.is_empty();
            streams.insert(stream.as_ptr() as usize, stream.unbind());
            is_first
        };
        if is_first {
            // Nothing was beating, so nothing was late.
            this.last_beat_ns.store(now_ns(), Ordering::Relaxed);
            guard::watch(slf);
        }
    }

    /// Stop watching over a stream.
    fn discard(slf: &Bound<'_, Self>, stream: &Bound<'_, StreamCore>) {
        let (removed, is_last) = {
            let mut streams = slf.get().lock();
            let removed = streams.remove(&(stream.as_ptr() as usize));
            (removed, streams.is_empty())
        };
        if removed.is_some() && is_last {
            guard::unwatch(slf);
        }
    }

    /// The timer has come. Returns whether there are streams left, so that it has to come again.
    fn beat(&self, py: Python<'_>) -> bool {
        let now = now_ns();
        self.last_beat_ns.store(now, Ordering::Relaxed);
        if now - self.last_scan_ns.load(Ordering::Relaxed) >= self.scan_every_ns {
            self.last_scan_ns.store(now, Ordering::Relaxed);
            let due: Vec<_> = {
                let streams = self.lock();
                let due = |stream: &Py<StreamCore>| {
                    let batch = stream.get().take_keep_alive(py, now)?;
                    Some((stream.clone_ref(py), batch))
                };
                streams.values().filter_map(due).collect()
            };
            for (stream, batch) in due {
                stream.get().hand_over(py, batch);
            }
        }
        !self.lock().is_empty()
    }

    fn __len__(&self) -> usize {
        self.lock().len()
    }
}

impl PulseCore {
    fn lock(&self) -> MutexGuard<'_, HashMap<usize, Py<StreamCore>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frames wait for the end of this turn of the loop.
    pub(crate) fn gathered(&self, now_ns: u64) {
        if self.gathered_since_ns.load(Ordering::Relaxed) == 0 {
            self.gathered_since_ns.store(now_ns, Ordering::Release);
            guard::wake();
        }
    }

    /// The loop turns: what was gathered before this is being handed over.
    pub(crate) fn turned(&self) {
        self.gathered_since_ns.store(0, Ordering::Release);
    }

    pub(crate) fn is_gathered(&self) -> bool {
        self.gathered_since_ns.load(Ordering::Acquire) != 0
    }

    /// Whether the loop keeps back what was gathered.
    pub(crate) fn is_held_back(&self) -> bool {
        let since_ns = self.gathered_since_ns.load(Ordering::Acquire);
        since_ns != 0 && now_ns().saturating_sub(since_ns) >= guard::HELD_BACK_NS
    }

    /// For the guard: write what the streams have gathered, from another thread than the loop's.
    pub(crate) fn hand_over_gathered(&self, py: Python<'_>) {
        self.gathered_since_ns.store(0, Ordering::Release);
        let streams: Vec<_> = self.lock().values().map(|stream| stream.clone_ref(py)).collect();
        for stream in streams {
            StreamCore::hand_over_from_guard(stream.bind(py));
        }
    }

    /// Whether the loop has not turned for too long.
    pub(crate) fn is_late(&self, now_ns: u64) -> bool {
        now_ns.saturating_sub(self.last_beat_ns.load(Ordering::Relaxed)) > self.late_after_ns
    }
}

/// Seconds as nanoseconds; what is negative, not a number or too large becomes a bound.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, as is wanted")]
pub(crate) fn seconds_to_ns(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}
