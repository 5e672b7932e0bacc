//! What the streams of an event loop share: keep-alives, and the news whether the loop still turns.

use std::{
    cell::Cell,
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use pyo3::{PyTraverseError, PyVisit, prelude::*, sync::PyOnceLock};

use crate::{calls, errors::WrongThreadError, stream::StreamCore};

static EPOCH: OnceLock<Instant> = OnceLock::new();

/// Nanoseconds of a monotonic clock that starts with the process.
pub(crate) fn now_ns() -> u64 {
    let epoch = EPOCH.get_or_init(Instant::now);
    u64::try_from(epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

thread_local! {
    /// The number of this thread, 0 before the first who asks. Unlike an identifier of the system, it is
    /// never given to another.
    static THREAD: Cell<u64> = const { Cell::new(0) };
}

static THREADS: AtomicU64 = AtomicU64::new(1);

fn thread_number() -> u64 {
    THREAD.with(|number| {
        if number.get() == 0 {
            number.set(THREADS.fetch_add(1, Ordering::Relaxed));
        }
        number.get()
    })
}

/// Beaten by a timer of its event loop for as long as it has streams.
///
/// A sender that finds that the loop is not known to have turned for some time lets it turn, so that a
/// handler that computes and never awaits anything else cannot starve the others.
#[pyclass(frozen, module = "streamactions._core")]
pub(crate) struct PulseCore {
    event_loop: Py<PyAny>,
    /// The thread that the loop is known to run in.
    thread: AtomicU64,
    max_turn_ns: u64,
    scan_every_ns: u64,
    /// When the loop is known to have turned last.
    last_turn_ns: AtomicU64,
    last_scan_ns: AtomicU64,
    streams: Mutex<HashMap<usize, Py<StreamCore>>>,
}

#[pymethods]
impl PulseCore {
    /// `event_loop`: the loop of its streams. `max_turn_s`: how long a sender may keep it from turning.
    /// `scan_every_s`: how much time lies at least between two looks at what keep-alives are due. Both in
    /// seconds.
    #[new]
    fn new(event_loop: Py<PyAny>, max_turn_s: f64, scan_every_s: f64) -> Self {
        let now = now_ns();
        Self {
            event_loop,
            thread: AtomicU64::new(thread_number()),
            max_turn_ns: seconds_to_ns(max_turn_s),
            scan_every_ns: seconds_to_ns(scan_every_s),
            last_turn_ns: AtomicU64::new(now),
            last_scan_ns: AtomicU64::new(now),
            streams: Mutex::new(HashMap::new()),
        }
    }

    /// Watch over a stream.
    fn add(&self, stream: Bound<'_, StreamCore>) {
        self.lock().insert(stream.as_ptr() as usize, stream.unbind());
    }

    /// Stop watching over a stream.
    fn discard(&self, stream: &Bound<'_, StreamCore>) {
        let removed = self.lock().remove(&(stream.as_ptr() as usize));
        drop(removed);
    }

    /// The timer has come. Returns whether there are streams left, so that it has to come again.
    fn beat(&self, py: Python<'_>) -> bool {
        let now = now_ns();
        self.last_turn_ns.store(now, Ordering::Relaxed);
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

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.event_loop)?;
        if let Ok(streams) = self.streams.try_lock() {
            for stream in streams.values() {
                visit.call(stream)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        let streams = std::mem::take(&mut *self.lock());
        drop(streams);
    }
}

impl PulseCore {
    /// The event loop of its streams.
    pub(crate) fn event_loop(&self) -> &Py<PyAny> {
        &self.event_loop
    }

    /// Refuse a call from another thread than the event loop's, before it has changed anything.
    ///
    /// # Errors
    ///
    /// `WrongThreadError`.
    pub(crate) fn require_thread(&self, py: Python<'_>, what: &str) -> PyResult<()> {
        let here = thread_number();
        if self.thread.load(Ordering::Relaxed) == here || self.has_moved_to(py, here)? {
            return Ok(());
        }
        Err(WrongThreadError::new_err(format!(
            "{what} was called in another thread than that of the stream's event loop, and did nothing: in a \
             thread call stream.send_from_thread(chunk), and end the stream by returning from the handler"
        )))
    }

    /// Whether the loop runs in this thread: one that was stopped may be run by another.
    #[cold]
    fn has_moved_to(&self, py: Python<'_>, here: u64) -> PyResult<bool> {
        static RUNNING_LOOP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let running = calls::call0(RUNNING_LOOP.import(py, "asyncio", "_get_running_loop")?)?;
        let is_here = running.is(&self.event_loop);
        if is_here {
            self.thread.store(here, Ordering::Relaxed);
        }
        Ok(is_here)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<usize, Py<StreamCore>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a sender has to let the loop turn; it is taken to do so. It need not where it has not
    /// sent since the last turn: in a loop that is merely busy every stream sends once.
    pub(crate) fn takes_turn_of(&self, previous_send_ns: u64, now_ns: u64) -> bool {
        let last_turn_ns = self.last_turn_ns.load(Ordering::Relaxed);
        let is_due =
            previous_send_ns > last_turn_ns && now_ns.saturating_sub(last_turn_ns) > self.max_turn_ns;
        if is_due {
            self.last_turn_ns.store(now_ns, Ordering::Relaxed);
        }
        is_due
    }
}

/// Seconds as nanoseconds; what is negative, not a number or too large becomes a bound.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, as is wanted")]
pub(crate) fn seconds_to_ns(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}
