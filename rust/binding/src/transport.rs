//! The client's HTTP as Python sees it: a client, an exchange, and the mailbox of an event loop.
//!
//! Strategy: nothing here waits. What has not come yet is a future of the event loop, kept in the
//! mailbox under the exchange's number; the loop calls `deliver` when the mailbox is readable, and
//! all futures whose exchanges have news are done at once. The I/O thread never sees Python.
#![expect(clippy::doc_markdown, reason = "Python reads these comments as docstrings")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use pyo3::{
    exceptions::{PyConnectionError, PyValueError},
    intern,
    prelude::*,
    types::PyBytes,
};
use transport::{Client, Exchange, Mailbox, RequestError, RequestParts, Taken};

/// Which exchanges of an event loop have news.
#[pyclass(frozen, module = "streamactions")]
pub(crate) struct HTTPMailbox {
    mailbox: Arc<Mailbox>,
    waiters: Mutex<HashMap<u64, Py<PyAny>>>,
}

impl HTTPMailbox {
    fn waiters(&self) -> MutexGuard<'_, HashMap<u64, Py<PyAny>>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl HTTPMailbox {
    #[new]
    fn new() -> PyResult<Self> {
        Ok(Self { mailbox: Arc::new(Mailbox::new()?), waiters: Mutex::default() })
    }

    /// The file descriptor that the event loop has to watch for reading.
    fn fileno(&self) -> i32 {
        self.mailbox.fd()
    }

    /// Wake whoever waits for an exchange that has news; called by the event loop.
    fn deliver(&self, py: Python<'_>) -> PyResult<()> {
        for number in self.mailbox.take() {
            let waiter = self.waiters().remove(&number);
            if let Some(waiter) = waiter {
                let waiter = waiter.bind(py);
                let told = waiter.call_method1(intern!(py, "set_result"), (py.None(),));
                // One whose task was cancelled meanwhile is done already.
                if let Err(error) = told
                    && !waiter.call_method0(intern!(py, "done"))?.is_truthy()?
                {
                    return Err(error);
                }
            }
        }
        Ok(())
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

    /// Send a request. What comes of it is in the exchange.
    ///
    /// Args:
    ///     mailbox: the running event loop's.
    ///     create_future: the running event loop's.
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
        create_future: Py<PyAny>,
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
        Ok(HTTPExchange { exchange, mailbox: mailbox.unbind(), create_future })
    }
}

/// One request that was sent, and what has come of its response.
#[pyclass(frozen, module = "streamactions")]
pub(crate) struct HTTPExchange {
    exchange: Exchange,
    mailbox: Py<HTTPMailbox>,
    create_future: Py<PyAny>,
}

#[pymethods]
impl HTTPExchange {
    /// The status and the header fields; a future where they have not come: await it and ask again.
    ///
    /// Raises:
    ///     ConnectionError: no response came.
    fn head<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.exchange.take_head() {
            Taken::Some(head) => Ok((head.status, head.fields).into_pyobject(py)?.into_any()),
            Taken::Nothing => self.wait(py),
            Taken::Ended => Err(PyConnectionError::new_err("the response was taken already")),
            Taken::Failed(why) => Err(PyConnectionError::new_err(why)),
        }
    }

    /// Bytes of the body that have come, at most 8 KiB; a future where there are none yet.
    ///
    /// ``b""`` says that the body has ended, complete.
    ///
    /// Raises:
    ///     ConnectionError: the body has broken off.
    fn read<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.exchange.take_body() {
            Taken::Some(data) => Ok(PyBytes::new(py, &data).into_any()),
            Taken::Nothing => self.wait(py),
            Taken::Ended => Ok(PyBytes::new(py, b"").into_any()),
            Taken::Failed(why) => Err(PyConnectionError::new_err(why)),
        }
    }

    /// Give the exchange up; the connection of a body that was not read to its end is closed.
    fn close(&self) {
        self.exchange.close();
        let waiter = self.mailbox.get().waiters().remove(&self.exchange.number());
        drop(waiter);
    }
}

impl HTTPExchange {
    fn wait<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let future = self.create_future.bind(py).call0()?;
        let before = self.mailbox.get().waiters().insert(self.exchange.number(), future.clone().unbind());
        drop(before);
        Ok(future)
    }
}
