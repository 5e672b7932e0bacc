//! The client's HTTP as Python sees it: a client, an exchange, and the mailbox of an event loop.
//!
//! Strategy: nothing here waits. Each exchange has a signal, which the mailbox knows by the exchange's
//! number; the loop calls `deliver` when the mailbox is readable, and whoever waits for one of the
//! exchanges that have news is run then and there. The I/O thread never sees Python.
#![expect(clippy::doc_markdown, reason = "Python reads these comments as docstrings")]

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyConnectionError, PyStopIteration, PyValueError},
    prelude::*,
    types::PyBytes,
};
use transport::{Client, Exchange, Mailbox, Options, RequestError, RequestParts, Taken, TlsOptions};

use crate::{
    awaitables::thrown,
    pulse::now_ns,
    signal::{Signal, is_within_task},
    turn::{self, MAX_TURN_NS},
};

/// Which exchanges of an event loop have news.
#[pyclass(frozen, weakref, module = "streamactions")]
pub(crate) struct HTTPMailbox {
    mailbox: Arc<Mailbox>,
    /// The signals of the exchanges that were not given up.
    signals: Mutex<HashMap<u64, Py<Signal>>>,
}

impl HTTPMailbox {
    fn signals(&self) -> MutexGuard<'_, HashMap<u64, Py<Signal>>> {
        self.signals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl HTTPMailbox {
    #[new]
    fn new() -> PyResult<Self> {
        Ok(Self { mailbox: Arc::new(Mailbox::new()?), signals: Mutex::default() })
    }

    /// The file descriptor that the event loop has to watch for reading.
    fn fileno(&self) -> i32 {
        self.mailbox.fd()
    }

    /// Run whoever waits for an exchange that has news; called by the event loop.
    ///
    /// Raises:
    ///     Exception: what the first of them raised that raised anything; all are run.
    fn deliver(&self, py: Python<'_>) -> PyResult<()> {
        let begin_ns = now_ns();
        turn::note_turn(begin_ns);
        let mut is_within = None;
        let mut outcome = Ok(());
        for number in self.mailbox.take() {
            let Some(signal) = self.signals().get(&number).map(|signal| signal.clone_ref(py)) else {
                continue;
            };
            let signal = signal.bind(py);
            let is_first = is_within.is_none();
            if is_first {
                is_within =
                    Some(is_within_task(signal.get().event_loop().bind(py)).unwrap_or_else(|error| {
                        outcome = Err(error);
                        true
                    }));
            }
            // One who raises or takes long must not keep the loop from turning, nor the others from their news.
            let is_soon = is_within == Some(true)
                || outcome.is_err()
                || !is_first && now_ns().saturating_sub(begin_ns) >= MAX_TURN_NS;
            let told = if is_soon { Signal::fire_soon(signal) } else { Signal::fire_now(signal) };
            match (told, &outcome) {
                (Err(error), Err(_)) => error.write_unraisable(py, Some(signal)),
                (told, Ok(())) => outcome = told,
                (Ok(()), Err(_)) => {}
            }
        }
        outcome
    }

    // A loop that was closed with work pending is held by its tasks' signals.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Ok(signals) = self.signals.try_lock() {
            for signal in signals.values() {
                visit.call(signal)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        let signals = std::mem::take(&mut *self.signals());
        drop(signals);
    }
}

/// An HTTP client with connections of its own; nothing is started before its first request.
#[pyclass(frozen, module = "streamactions")]
pub(crate) struct HTTPClient(Client);

#[pymethods]
impl HTTPClient {
    #[new]
    #[pyo3(signature = (
        *, connect_timeout_s, pool_size, pool_idle_s, ping_interval_s, ping_timeout_s, http1_only = false,
        proxy = None, socket_path = None, verify = true, ca_file = None, identity = None
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords")]
    fn new(
        connect_timeout_s: f64,
        pool_size: usize,
        pool_idle_s: f64,
        ping_interval_s: f64,
        ping_timeout_s: f64,
        http1_only: bool,
        proxy: Option<String>,
        socket_path: Option<PathBuf>,
        verify: bool,
        ca_file: Option<PathBuf>,
        identity: Option<(PathBuf, PathBuf)>,
    ) -> PyResult<Self> {
        Ok(Self(Client::new(Options {
            connect_timeout: seconds("connect_timeout_s", connect_timeout_s)?,
            pool_size,
            pool_idle: seconds("pool_idle_s", pool_idle_s)?,
            ping_interval: seconds("ping_interval_s", ping_interval_s)?,
            ping_timeout: seconds("ping_timeout_s", ping_timeout_s)?,
            is_http1_only: http1_only,
            proxy,
            socket_path,
            tls: TlsOptions { ca_file, identity, is_verified: verify },
        })))
    }

    /// Close the connections that are not in use, and each other one at the end of its exchange.
    fn close(&self) {
        self.0.close();
    }

    /// Send a request. What comes of it is in the exchange.
    ///
    /// Args:
    ///     mailbox: that of the event loop.
    ///     event_loop: the running one.
    ///
    /// Raises:
    ///     ValueError: it is no valid HTTP request.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "arguments are converted, so there is nothing to borrow"
    )]
    fn send(
        &self,
        mailbox: Bound<'_, HTTPMailbox>,
        event_loop: Py<PyAny>,
        method: &str,
        url: &str,
        headers: Vec<(String, String)>,
        body: Option<&[u8]>,
    ) -> PyResult<HTTPExchange> {
        let parts = RequestParts { method, url, fields: &headers, body: body.map(<[u8]>::to_vec) };
        let exchange = self.0.send(parts, &mailbox.get().mailbox).map_err(|error| match error {
            RequestError::Invalid(_) => PyValueError::new_err(error.to_string()),
            RequestError::NoThread(_) => PyConnectionError::new_err(error.to_string()),
        })?;
        let py = mailbox.py();
        let signal = Py::new(py, Signal::new(event_loop))?;
        mailbox.get().signals().insert(exchange.number(), signal.clone_ref(py));
        Ok(HTTPExchange { exchange, mailbox: mailbox.unbind(), signal, is_closed: AtomicBool::new(false) })
    }
}

fn seconds(name: &str, value_s: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value_s).map_err(|error| PyValueError::new_err(format!("{name}: {error}")))
}

/// One request that was sent, and what has come of its response.
#[pyclass(frozen, module = "streamactions")]
pub(crate) struct HTTPExchange {
    exchange: Exchange,
    mailbox: Py<HTTPMailbox>,
    signal: Py<Signal>,
    is_closed: AtomicBool,
}

#[pymethods]
impl HTTPExchange {
    /// Wait for the response's head; awaiting it gives the status and the header fields.
    ///
    /// Raises:
    ///     ConnectionError: no response came.
    fn head(slf: Py<Self>) -> HTTPTake {
        HTTPTake::new(slf, Part::Head)
    }

    /// Wait for bytes of the body; awaiting it gives those that have come, at most 6 KiB.
    ///
    /// ``b""`` says that the body has ended, complete.
    ///
    /// Raises:
    ///     ConnectionError: the body has broken off.
    fn read(slf: Py<Self>) -> HTTPTake {
        HTTPTake::new(slf, Part::Body)
    }

    /// Give the exchange up; the connection of a body that was not read to its end is closed. Who waits for
    /// the head or the body, or asks for more, gets ``ConnectionError``.
    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().give_up();
        Signal::fire(slf.get().signal.bind(slf.py()))
    }

    // A task that nobody ends holds what it waits for, which holds the task.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.mailbox)?;
        visit.call(&self.signal)
    }
}

impl HTTPExchange {
    /// Bytes of the body that have come; where there are none yet, the signal will fire.
    pub(crate) fn take_body<T>(&self, take: impl FnOnce(&[u8]) -> T) -> Taken<T> {
        self.unless_closed(self.exchange.take_body(take))
    }

    /// Nobody will ever tell of news of an exchange that was given up.
    fn unless_closed<T>(&self, taken: Taken<T>) -> Taken<T> {
        if matches!(taken, Taken::Nothing) && self.is_closed.load(Ordering::Relaxed) {
            return Taken::Failed("the response was closed: read it before its block is left".to_owned());
        }
        taken
    }

    fn give_up(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        self.exchange.close();
        let signal = self.mailbox.get().signals().remove(&self.exchange.number());
        drop(signal);
    }

    /// What fires when there is something to take after there was nothing.
    pub(crate) fn signal(&self) -> &Py<Signal> {
        &self.signal
    }
}

impl Drop for HTTPExchange {
    fn drop(&mut self) {
        self.give_up();
    }
}

#[derive(Clone, Copy)]
enum Part {
    Head,
    Body,
}

/// The awaitable of an exchange's head, or of bytes of its body.
#[pyclass(frozen, module = "streamactions._core")]
pub(crate) struct HTTPTake {
    exchange: Py<HTTPExchange>,
    part: Part,
    /// Its task waits for the signal.
    is_waiting: AtomicBool,
    /// Its task waits for nothing but a turn of the loop.
    is_turning: AtomicBool,
}

impl HTTPTake {
    fn new(exchange: Py<HTTPExchange>, part: Part) -> Self {
        Self { exchange, part, is_waiting: AtomicBool::new(false), is_turning: AtomicBool::new(false) }
    }

    /// The wait is over. Returns whether there was one.
    fn end_wait(&self) -> bool {
        let has_waited = self.is_waiting.swap(false, Ordering::Relaxed);
        if has_waited {
            self.exchange.get().signal.get().leave();
        }
        self.is_turning.swap(false, Ordering::Relaxed) || has_waited
    }
}

#[pymethods]
impl HTTPTake {
    fn __await__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let now_ns = now_ns();
        if self.end_wait() {
            turn::note_turn(now_ns);
        } else if matches!(self.part, Part::Body) && turn::is_due(now_ns) {
            self.is_turning.store(true, Ordering::Relaxed);
            return Ok(py.None());
        }
        let exchange = self.exchange.get();
        let taken = match self.part {
            Part::Head => match exchange.unless_closed(exchange.exchange.take_head()) {
                Taken::Some(head) => {
                    return Err(PyStopIteration::new_err(((head.status, head.fields),)));
                }
                Taken::Ended => Taken::Failed("the response was taken already".to_owned()),
                Taken::Failed(why) => Taken::Failed(why),
                Taken::Nothing => Taken::Nothing,
            },
            Part::Body => exchange.take_body(|data| PyBytes::new(py, data).unbind()),
        };
        match taken {
            Taken::Some(data) => Err(PyStopIteration::new_err((data,))),
            Taken::Ended => Err(PyStopIteration::new_err((PyBytes::new(py, b"").unbind(),))),
            Taken::Failed(why) => Err(PyConnectionError::new_err(why)),
            Taken::Nothing => {
                Signal::wait(exchange.signal.bind(py))?;
                self.is_waiting.store(true, Ordering::Relaxed);
                Ok(exchange.signal.clone_ref(py).into_any())
            }
        }
    }

    /// Raise `error` where the task waits: this is how its cancellation reaches it.
    #[pyo3(signature = (error, value = None, traceback = None))]
    fn throw(
        &self,
        error: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        drop((value, traceback));
        self.end_wait();
        Err(thrown(error)?)
    }

    /// The task gives the wait up.
    fn close(&self) {
        if self.is_waiting.swap(false, Ordering::Relaxed) {
            self.exchange.get().signal.get().abandon();
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.exchange)
    }
}
