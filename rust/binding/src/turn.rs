//! When an event loop has to turn: what is always ready must not keep it from its timers and its other tasks.
//!
//! Strategy: a task cannot see when its loop turned last. What it knows is that the loop has turned where
//! one of our waits is over, and where the loop calls us by itself. Whoever finds that this was too long ago
//! gives a bare `None` to its task, which then puts itself at the end of the loop's list. A thread runs one
//! loop at a time, so the news belong to the thread: many short streams, one after the other, share them.

use std::{cell::Cell, time::Duration};

use pyo3::prelude::*;

use crate::{awaitables::Yield, pulse::now_ns};

/// How long a task that finds everything ready may keep its event loop from turning: long against what a
/// turn costs (microseconds), short against what the others' readers notice.
const MAX_TURN: Duration = Duration::from_millis(15);

pub(crate) const MAX_TURN_S: f64 = MAX_TURN.as_secs_f64();

pub(crate) const MAX_TURN_NS: u64 = MAX_TURN.subsec_nanos() as u64;

thread_local! {
    static LAST_TURN_NS: Cell<u64> = const { Cell::new(0) };
}

/// The event loop of this thread has turned.
#[inline]
pub(crate) fn note_turn(now_ns: u64) {
    LAST_TURN_NS.set(now_ns);
}

/// Whether a task has to let its loop turn; it is taken to do so.
#[inline]
pub(crate) fn is_due(now_ns: u64) -> bool {
    let is_due = now_ns.saturating_sub(LAST_TURN_NS.get()) >= MAX_TURN_NS;
    if is_due {
        LAST_TURN_NS.set(now_ns);
    }
    is_due
}

/// What the running task has to await so that its event loop turns; nothing where the loop has turned lately.
#[pyfunction]
pub(crate) fn due_turn(py: Python<'_>) -> PyResult<Option<Py<Yield>>> {
    is_due(now_ns()).then(|| Py::new(py, Yield::new())).transpose()
}
