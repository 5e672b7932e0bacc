//! The server's side of one stream: `send` encodes a chunk straight into the stream's buffer and
//! follows the buffer's advice; the connection takes what is handed over.
//!
//! Two parties hold a `StreamCore`. The *run* (the handler's task) sends into it. The
//! *connection* (the task that the server started) gives it the server's ASGI `send` and, in a
//! loop, awaits `next_write()` and sees through the writes that did not complete at once. Only one
//! write is ever in flight. A sender never awaits a write itself, it waits for news of it, so a
//! handler that is cancelled while it waits loses nothing that was sent.
//!
//! The lock is held for bookkeeping alone and never while Python code runs.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyOSError, PyTypeError},
    intern,
    prelude::*,
    types::{PyBytes, PyDict, PyNone},
};
use wire::buffer::{Advice, ChunkBuffer, Next, Phase};

use crate::{
    awaitables::{Started, ready, start},
    calls,
    errors::{ClientDisconnectedError, SendNotAwaitedError, StreamClosedError},
    futures::{discard, resolve},
    pulse::{PulseCore, now_ns},
    sending::{SendEach, Sent},
    settings::StreamSettings,
    state::{Batch, News, State},
    waiting::{Goal, StreamWait},
};

/// The core of `streamactions.Stream`.
#[pyclass(subclass, frozen, weakref, module = "streamactions._core")]
pub(crate) struct StreamCore {
    settings: Py<StreamSettings>,
    /// ASGI's `send`: `message -> awaitable`.
    server_send: Py<PyAny>,
    pulse: Py<PulseCore>,
    state: Mutex<State>,
}

#[pymethods]
impl StreamCore {
    #[new]
    fn new(settings: Py<StreamSettings>, server_send: Py<PyAny>, pulse: Py<PulseCore>) -> Self {
        let buffer = ChunkBuffer::new(settings.get().limits, now_ns());
        Self { settings, server_send, pulse, state: Mutex::new(State::new(buffer)) }
    }

    /// Send one chunk. It is in the stream when the call returns; the awaitable only paces the
    /// sender.
    fn send<'py>(slf: &Bound<'py, Self>, chunk: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        match Self::send_chunk(slf, chunk)? {
            Sent::Ready => ready(slf.py()),
            Sent::Wait(awaitable) => Ok(awaitable),
        }
    }

    /// Send everything that an async iterable gives.
    #[pyo3(signature = (items, make_chunk = None))]
    fn send_each(
        slf: Py<Self>,
        items: &Bound<'_, PyAny>,
        make_chunk: Option<Py<PyAny>>,
    ) -> PyResult<SendEach> {
        SendEach::new(slf, items, make_chunk)
    }

    /// Say that the stream is complete. Calling it again changes nothing.
    fn close<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.require_thread(py, "close()")?;
        let is_cut = self.lock().is_cut;
        if !is_cut {
            self.finish(py, &self.settings.get().done_frame);
        }
        ready(py)
    }

    /// Whether the stream takes no more chunks: it was closed, or the client has left.
    #[getter]
    fn closed(&self) -> bool {
        self.lock().buffer.phase() != Phase::Open
    }

    /// An awaitable that is done when the last frame is written or the client has left.
    fn wait_closed(slf: Py<Self>) -> StreamWait {
        StreamWait::new(slf, Goal::End)
    }

    /// The run is stopped from outside: `close` says nothing any more, also where a `finally` calls it.
    fn _cut(&self) {
        self.lock().is_cut = true;
    }

    /// End the stream with `frame`, unless it has ended already.
    fn _finish(&self, py: Python<'_>, frame: &[u8]) {
        self.finish(py, frame);
    }

    /// The client has left: nothing is written any more.
    fn _abandon(&self, py: Python<'_>) {
        self.abandon(py);
    }

    /// For the connection: a future of the next write to await, or of `None` when there is none
    /// to come. Raises what a write raised.
    fn _next_write<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let future = self.create_future(py)?;
        let news = {
            let mut state = self.lock();
            match state.news.take() {
                None if !state.is_finished => {
                    state.idle_connection = Some(future.clone().unbind());
                    return Ok(future);
                }
                news => news,
            }
        };
        match news {
            Some(News::Write(write)) => resolve(&future, write.bind(py))?,
            Some(News::Failed(error)) => return Err(PyErr::from_value(error.into_bound(py))),
            None => resolve(&future, &py.None().into_bound(py))?,
        };
        Ok(future)
    }

    /// For the connection: the write that it awaited is done.
    fn _written(&self, py: Python<'_>) {
        let (next, batch) = {
            let mut state = self.lock();
            let next = state.buffer.written();
            (next, (next == Next::Write).then(|| state.take(py, now_ns())))
        };
        if let Some(batch) = batch {
            self.hand_over(py, batch);
        }
        if next == Next::Finished {
            self.end(py);
        }
        self.wake_senders(py);
    }

    /// For the event loop: the turn in which chunks were gathered is over.
    fn _flush(&self, py: Python<'_>) {
        let batch = {
            let mut state = self.lock();
            state.buffer.flush().then(|| state.take(py, now_ns()))
        };
        if let Some(batch) = batch {
            self.hand_over(py, batch);
        }
    }

    /// Whether the client left before the stream's end was written.
    #[getter]
    fn _is_abandoned(&self) -> bool {
        self.lock().buffer.phase() == Phase::Abandoned
    }

    /// Whether the run has ended the stream, by its last frame.
    #[getter]
    fn _has_ended(&self) -> bool {
        self.lock().is_closed
    }

    /// The event loop in whose thread it is used.
    #[getter]
    fn _event_loop(&self, py: Python<'_>) -> Py<PyAny> {
        self.pulse.get().event_loop().clone_ref(py)
    }

    /// How many bytes wait for the connection.
    #[getter]
    fn buffered_bytes(&self) -> usize {
        self.lock().buffer.buffered_bytes()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.settings)?;
        visit.call(&self.server_send)?;
        visit.call(&self.pulse)?;
        match self.state.try_lock() {
            Ok(state) => state.traverse(&visit),
            Err(_) => Ok(()),
        }
    }

    fn __clear__(&self) {
        let held = self.lock().clear();
        drop(held);
    }
}

impl StreamCore {
    /// Send one chunk. It is in the stream when the call returns.
    pub(crate) fn send_chunk<'py>(slf: &Bound<'py, Self>, chunk: &Bound<'py, PyAny>) -> PyResult<Sent<'py>> {
        let py = slf.py();
        let this = slf.get();
        let settings = this.settings.get();
        this.require_thread(py, "send()")?;
        let encode = settings.encode.bind(py);
        let json = match &settings.encode_options {
            None => calls::call1(encode, chunk),
            Some(options) => calls::call(encode, [chunk, PyNone::get(py).as_any(), options.bind(py)]),
        };
        let json = match json {
            Err(error) if error.is_instance_of::<PyTypeError>(py) => {
                calls::call1(settings.encode_any.bind(py), chunk)?
            }
            json => json?,
        };
        let json = json.cast::<PyBytes>()?.as_bytes();
        let now = now_ns();
        let (advice, batch, previous_send_ns, frame_bytes, writes_done) = {
            let mut state = this.lock();
            if state.buffer.phase() != Phase::Open {
                return this.refuse(py, &mut state, now);
            }
            let before_bytes = state.buffer.buffered_bytes();
            let advice = state.buffer.push(now, |bytes| match &settings.chunk_event {
                None => wire::encode::encode_data(bytes, json),
                Some(event) => wire::encode::encode_named_data(bytes, event, json),
            });
            let frame_bytes = state.buffer.buffered_bytes() - before_bytes;
            let is_due = matches!(advice, Advice::Write | Advice::WriteAndYield);
            let previous_send_ns = std::mem::replace(&mut state.last_send_ns, now);
            let batch = is_due.then(|| state.take(py, now));
            (advice, batch, previous_send_ns, frame_bytes, state.writes_done)
        };
        if let Some(batch) = batch
            && this.hand_over(py, batch)
        {
            return Sent::until(slf, Goal::Write { writes_done, frame_bytes: 0 });
        }
        match advice {
            Advice::Gather | Advice::Write => {}
            Advice::ScheduleFlush => {
                let flush = slf.getattr(intern!(py, "_flush"))?;
                calls::call_method1(
                    this.pulse.get().event_loop().bind(py),
                    intern!(py, "call_soon"),
                    &flush,
                )?;
            }
            Advice::WriteAndYield => return Sent::after_a_turn(py),
            Advice::Wait => return Sent::until(slf, Goal::Write { writes_done, frame_bytes }),
            Advice::Refuse => {
                return Err(SendNotAwaitedError::new_err(
                    "send() was called again and again without await, faster than the client reads: write \
                     `await stream.send(chunk)`",
                ));
            }
        }
        this.paced(py, previous_send_ns, now)
    }

    /// The sender may go on, after a turn of the loop where one is due.
    fn paced<'py>(&self, py: Python<'py>, previous_send_ns: u64, now_ns: u64) -> PyResult<Sent<'py>> {
        if self.pulse.get().takes_turn_of(previous_send_ns, now_ns) {
            Sent::after_a_turn(py)
        } else {
            Ok(Sent::Ready)
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuse what is done in another thread than the event loop's.
    pub(crate) fn require_thread(&self, py: Python<'_>, what: &str) -> PyResult<()> {
        self.pulse.get().require_thread(py, what)
    }

    pub(crate) fn create_future<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        calls::call_method0(self.pulse.get().event_loop().bind(py), intern!(py, "create_future"))
    }

    /// What `send` answers when the stream takes no more chunks.
    fn refuse<'py>(&self, py: Python<'py>, state: &mut State, now_ns: u64) -> PyResult<Sent<'py>> {
        if state.is_closed {
            return Err(StreamClosedError::new_err(
                "send() was called after close(): send every chunk first, then close, or return from the handler",
            ));
        }
        if self.settings.get().outlives_client {
            let previous_send_ns = std::mem::replace(&mut state.last_send_ns, now_ns);
            return self.paced(py, previous_send_ns, now_ns);
        }
        Err(ClientDisconnectedError::new_err(
            "the client has left and the handler was cancelled: let CancelledError pass, or define the action \
             with on_disconnect=\"continue\"",
        ))
    }

    /// Take a keep-alive if one is due; then the caller hands it over.
    pub(crate) fn take_keep_alive(&self, py: Python<'_>, now_ns: u64) -> Option<Batch> {
        let mut state = self.lock();
        state.buffer.keep_alive(now_ns).then(|| state.take(py, now_ns))
    }

    /// Write a batch, and what is gathered meanwhile. Returns whether a write is now in flight. A
    /// fault of the connection is the connection's to raise, never the sender's.
    pub(crate) fn hand_over(&self, py: Python<'_>, mut batch: Batch) -> bool {
        loop {
            let (body, is_last) = batch;
            match self.write(py, body, is_last).and_then(start) {
                Ok(Started::Done) => {}
                Ok(Started::Pending(write)) => {
                    self.lock().buffer.pend();
                    self.tell_connection(py, News::Write(write.unbind()));
                    return true;
                }
                Err(error) => {
                    if !error.is_instance_of::<PyOSError>(py) {
                        self.tell_connection(py, News::Failed(error.into_value(py).into_any()));
                    }
                    self.abandon(py);
                    return false;
                }
            }
            let mut state = self.lock();
            match state.buffer.written() {
                Next::Write => batch = state.take(py, now_ns()),
                Next::Idle => return false,
                Next::Finished => {
                    drop(state);
                    self.end(py);
                    return false;
                }
            }
        }
    }

    /// Pass one piece of the response's body to the server (ASGI, "Response Body").
    fn write<'py>(&self, py: Python<'py>, body: Py<PyBytes>, is_last: bool) -> PyResult<Bound<'py, PyAny>> {
        let message = PyDict::new(py);
        message.set_item(intern!(py, "type"), intern!(py, "http.response.body"))?;
        message.set_item(intern!(py, "body"), body)?;
        message.set_item(intern!(py, "more_body"), !is_last)?;
        calls::call1(self.server_send.bind(py), &message)
    }

    fn finish(&self, py: Python<'_>, frame: &[u8]) {
        let batch = {
            let mut state = self.lock();
            let was_open = state.buffer.phase() == Phase::Open;
            state.is_closed |= was_open;
            state.buffer.end(frame).then(|| state.take(py, now_ns()))
        };
        if let Some(batch) = batch {
            self.hand_over(py, batch);
        }
    }

    fn abandon(&self, py: Python<'_>) {
        let unseen = {
            let mut state = self.lock();
            state.buffer.abandon();
            state.news.take_if(|news| matches!(news, News::Write(_)))
        };
        if let Some(News::Write(write)) = unseen {
            discard(py, &write);
        }
        self.end(py);
        self.wake_senders(py);
    }

    fn tell_connection(&self, py: Python<'_>, news: News) {
        let connection = {
            let mut state = self.lock();
            let Some(connection) = state.idle_connection.take() else {
                state.news = Some(news);
                return;
            };
            connection
        };
        let future = connection.bind(py);
        let told = match news {
            News::Write(write) => resolve(future, write.bind(py)).map(|is_taken| {
                if !is_taken {
                    discard(py, &write);
                }
            }),
            News::Failed(error) => {
                calls::call_method1(future, intern!(py, "set_exception"), error.bind(py)).map(drop)
            }
        };
        if let Err(error) = told {
            error.write_unraisable(py, Some(future));
        }
    }
}
