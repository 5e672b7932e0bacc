//! What changes in a stream's life: its buffer, and who waits for what. Held under a lock.

use pyo3::{PyTraverseError, PyVisit, prelude::*, types::PyBytes};
use wire::buffer::ChunkBuffer;

/// What the run and the connection of one stream share.
pub(crate) struct State {
    pub(crate) buffer: ChunkBuffer,
    /// The future that the connection awaits in `next_write`, while there is nothing for it to do.
    pub(crate) idle_connection: Option<Py<PyAny>>,
    /// What the connection has to do next, while it is not in `next_write`.
    pub(crate) news: Option<News>,
    pub(crate) last_send_ns: u64,
    /// How many writes are done. A sender waits until it has changed.
    pub(crate) writes_done: u64,
    /// Futures of senders that wait until the write in flight is done: at most one for each task.
    pub(crate) waiting_senders: Vec<Py<PyAny>>,
    /// Futures of those who wait for the stream's end: at most one for each task.
    pub(crate) waiting_for_end: Vec<Py<PyAny>>,
    /// The stream ended by `close`, `finish` or the handler's return, not by the client's leaving.
    pub(crate) is_closed: bool,
    /// The run is stopped from outside: its handler cannot call the stream complete any more.
    pub(crate) is_cut: bool,
    pub(crate) is_finished: bool,
}

/// What the connection is told.
pub(crate) enum News {
    Write(Py<PyAny>),
    /// What a write raised.
    Failed(Py<PyAny>),
}

/// Bytes that were taken from the buffer, and whether they carry the stream's end.
pub(crate) type Batch = (Py<PyBytes>, bool);

impl State {
    /// An open stream of which nobody waits for anything.
    pub(crate) fn new(buffer: ChunkBuffer) -> Self {
        Self {
            buffer,
            idle_connection: None,
            news: None,
            last_send_ns: 0,
            writes_done: 0,
            waiting_senders: Vec::new(),
            waiting_for_end: Vec::new(),
            is_closed: false,
            is_cut: false,
            is_finished: false,
        }
    }

    /// Visit what is held, for the collector of garbage.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.idle_connection)?;
        match &self.news {
            Some(News::Write(held) | News::Failed(held)) => visit.call(held)?,
            None => {}
        }
        for future in self.waiting_senders.iter().chain(&self.waiting_for_end) {
            visit.call(future)?;
        }
        Ok(())
    }

    /// Give up what is held: the caller drops it, where the lock is not held.
    pub(crate) fn clear(&mut self) -> impl Sized + use<> {
        (
            self.idle_connection.take(),
            self.news.take(),
            std::mem::take(&mut self.waiting_senders),
            std::mem::take(&mut self.waiting_for_end),
        )
    }

    /// Take what is gathered, as one write that is now in flight.
    pub(crate) fn take(&mut self, py: Python<'_>, now_ns: u64) -> Batch {
        self.buffer.take(now_ns, |bytes, is_last| (PyBytes::new(py, bytes).unbind(), is_last))
    }
}
