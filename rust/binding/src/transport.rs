//! The client's HTTP as Python sees it: a client, an exchange, and the mailbox of an event loop.
//!
//! Strategy: nothing here waits. Each exchange has a signal, which the mailbox knows by the exchange's
//! number; the loop calls `deliver` when the mailbox is readable, and whoever waits for one of the
//! exchanges that have news is run then and there. The I/O thread never sees Python.
#![expect(clippy::doc_markdown, reason = "Python reads these comments as docstrings")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyConnectionError, PyStopIteration, PyValueError},
    prelude::*,
    types::PyBytes,
};
use transport::{Client, Exchange, Mailbox, RequestError, RequestParts, Taken};

use crate::{awaitables::thrown, signal::Signal};

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
    fn deliver(&self, py: Python<'_>) -> PyResult<()> {
        let mut outcome = Ok(());
        for number in self.mailbox.take() {
            let signal = self.signals().get(&number).map(|signal| signal.clone_ref(py));
            if let Some(signal) = signal {
                let fired = Signal::fire(signal.bind(py));
                if outcome.is_ok() {
                    outcome = fired;
                }
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
    #[pyo3(signature = (*, connect_timeout_s))]
    fn new(connect_timeout_s: f64) -> PyResult<Self> {
        Duration::try_from_secs_f64(connect_timeout_s)
            .map(|timeout| Self(Client::new(timeout)))
            .map_err(|error| PyValueError::new_err(format!("connect_timeout_s: {error}")))
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
        Ok(HTTPExchange { exchange, mailbox: mailbox.unbind(), signal })
    }
}

/// One request that was sent, and what has come of its response.
#[pyclass(frozen, module = "streamactions")]
pub(crate) struct HTTPExchange {
    exchange: Exchange,
    mailbox: Py<HTTPMailbox>,
    signal: Py<Signal>,
}

#[pymethods]
impl HTTPExchange {
    /// Wait for the response's head; awaiting it gives the status and the header fields.
    ///
    /// Raises:
    ///     ConnectionError: no response came.
    fn head(slf: Py<Self>) -> HTTPTake {
        HTTPTake { exchange: slf, part: Part::Head }
    }

    /// Wait for bytes of the body; awaiting it gives those that have come, at most 6 KiB.
    ///
    /// ``b""`` says that the body has ended, complete.
    ///
    /// Raises:
    ///     ConnectionError: the body has broken off.
    fn read(slf: Py<Self>) -> HTTPTake {
        HTTPTake { exchange: slf, part: Part::Body }
    }

    /// Give the exchange up; the connection of a body that was not read to its end is closed.
    fn close(&self) {
        self.exchange.close();
        let signal = self.mailbox.get().signals().remove(&self.exchange.number());
        drop(signal);
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
        self.exchange.take_body(take)
    }

    /// What fires when there is something to take after there was nothing.
    pub(crate) fn signal(&self) -> &Py<Signal> {
        &self.signal
    }
}

impl Drop for HTTPExchange {
    fn drop(&mut self) {
        self.close();
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
}

#[pymethods]
impl HTTPTake {
    fn __await__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Py<Signal>> {
        let exchange = self.exchange.get();
        let taken = match self.part {
            Part::Head => match exchange.exchange.take_head() {
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
                Ok(exchange.signal.clone_ref(py))
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
        self.close();
        Err(thrown(error)?)
    }

    /// The task gives the wait up.
    fn close(&self) {
        self.exchange.get().signal.get().leave();
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.exchange)
    }
}
