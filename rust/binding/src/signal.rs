//! A future for news that come many times: what a reader's task waits on.
//!
//! A future of the event loop is made for each wait, and its result reaches the task by way of the
//! loop's list. A stream waits for each of its tokens, so its signal is made once, and the one who
//! has the news runs the task's wake-up himself. To a task, `asyncio.wait` or `ensure_future` it is a
//! future like any other (the protocol is that of `asyncio.isfuture`: an attribute
//! `_asyncio_future_blocking`, and `asyncio.Future`'s methods).
//!
//! A signal says that there is something to look at, never what: whoever is woken looks, and may
//! find nothing and wait again.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use pyo3::{
    PyTraverseError, PyVisit, exceptions::PyRuntimeError, ffi, import_exception, intern, prelude::*,
    types::PyDict,
};
use smallvec::SmallVec;

import_exception!(asyncio, CancelledError);
import_exception!(asyncio, InvalidStateError);

/// A function to call with the signal, and the context to call it in (PEP 567).
struct Callback {
    function: Py<PyAny>,
    context: Py<PyAny>,
}

type Callbacks = SmallVec<[Callback; 1]>;

enum State {
    /// Nobody waits.
    Idle,
    /// A task waits, once its callback has been added.
    Waiting(Callbacks),
    /// The wait was cancelled, with this message, and its callbacks will be called by the loop.
    Cancelled(Option<Py<PyAny>>),
}

/// Something that one task at a time waits for, again and again.
#[pyclass(frozen, module = "streamactions._core")]
pub(crate) struct Signal {
    event_loop: Py<PyAny>,
    is_blocking: AtomicBool,
    state: Mutex<State>,
}

impl Signal {
    pub(crate) fn new(event_loop: Py<PyAny>) -> Self {
        Self { event_loop, is_blocking: AtomicBool::new(false), state: Mutex::new(State::Idle) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begin a wait: what an awaitable's step has to give to its task.
    ///
    /// # Errors
    ///
    /// `RuntimeError`: another task waits already.
    pub(crate) fn wait(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        let before = {
            let mut state = this.lock();
            if matches!(*state, State::Waiting(_)) {
                return Err(PyRuntimeError::new_err(
                    "another task waits for the same response: read it in one task at a time",
                ));
            }
            std::mem::replace(&mut *state, State::Waiting(Callbacks::new()))
        };
        drop(before);
        this.is_blocking.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// The wait is over, because who waited was thrown out of it.
    pub(crate) fn leave(&self) {
        let before = std::mem::replace(&mut *self.lock(), State::Idle);
        drop(before);
    }

    /// There are news: run whoever waits, now. Only from a callback of the event loop, where no task runs.
    ///
    /// # Errors
    ///
    /// What a callback raised; a task's wake-up raises nothing but `SystemExit` and `KeyboardInterrupt`.
    pub(crate) fn fire(slf: &Bound<'_, Self>) -> PyResult<()> {
        let callbacks = {
            let mut state = slf.get().lock();
            let State::Waiting(callbacks) = &mut *state else {
                return Ok(());
            };
            let callbacks = std::mem::take(callbacks);
            *state = State::Idle;
            callbacks
        };
        let mut outcome = Ok(());
        for callback in callbacks {
            let called = callback.call(slf);
            if outcome.is_ok() {
                outcome = called;
            }
        }
        outcome
    }

    fn call_soon(slf: &Bound<'_, Self>, callback: &Callback) -> PyResult<()> {
        let py = slf.py();
        let arguments = PyDict::new(py);
        arguments.set_item(intern!(py, "context"), &callback.context)?;
        let event_loop = slf.get().event_loop.bind(py);
        event_loop
            .call_method(intern!(py, "call_soon"), (&callback.function, slf), Some(&arguments))
            .map(drop)
    }
}

impl Callback {
    /// Call it in its context, as the loop would.
    fn call(&self, signal: &Bound<'_, Signal>) -> PyResult<()> {
        let py = signal.py();
        // SAFETY: the thread is attached, and `context` is a live object; one that is no context is
        // answered with TypeError, one that is entered already with RuntimeError.
        if unsafe { ffi::PyContext_Enter(self.context.as_ptr()) } != 0 {
            return Err(PyErr::fetch(py));
        }
        let called = self.function.bind(py).call1((signal,)).map(drop);
        // SAFETY: as above; this is the context that was entered last, because the callback, like any
        // code, leaves each context that it enters.
        if unsafe { ffi::PyContext_Exit(self.context.as_ptr()) } != 0 {
            return called.and(Err(PyErr::fetch(py)));
        }
        called
    }
}

#[pymethods]
impl Signal {
    /// Set by a signal that is given to a task, and unset by the task that takes it.
    #[getter(_asyncio_future_blocking)]
    fn is_blocking(&self) -> bool {
        self.is_blocking.load(Ordering::Relaxed)
    }

    #[setter(_asyncio_future_blocking)]
    fn set_is_blocking(&self, is_blocking: bool) {
        self.is_blocking.store(is_blocking, Ordering::Relaxed);
    }

    fn get_loop(&self, py: Python<'_>) -> Py<PyAny> {
        self.event_loop.clone_ref(py)
    }

    #[pyo3(signature = (function, /, *, context = None))]
    fn add_done_callback(
        slf: &Bound<'_, Self>,
        function: Py<PyAny>,
        context: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let context = match context {
            Some(context) => context,
            // SAFETY: the thread is attached; the result is a new reference, or NULL with the
            // exception set, which `from_owned_ptr_or_err` takes.
            None => unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyContext_CopyCurrent()) }?.unbind(),
        };
        let callback = Callback { function, context };
        if let State::Waiting(callbacks) = &mut *slf.get().lock() {
            callbacks.push(callback);
            return Ok(());
        }
        Self::call_soon(slf, &callback)
    }

    /// Returns how many callbacks were removed.
    fn remove_done_callback(&self, py: Python<'_>, function: &Bound<'_, PyAny>) -> PyResult<usize> {
        // Taken out, since comparing runs Python code.
        let before = match &mut *self.lock() {
            State::Waiting(callbacks) => std::mem::take(callbacks),
            State::Idle | State::Cancelled(_) => return Ok(0),
        };
        let count = before.len();
        let mut kept = Callbacks::new();
        for callback in before {
            if !callback.function.bind(py).eq(function)? {
                kept.push(callback);
            }
        }
        let removed = count - kept.len();
        if let State::Waiting(callbacks) = &mut *self.lock() {
            callbacks.extend(kept);
        }
        Ok(removed)
    }

    /// Cancel the wait that goes on, if any; who waited is told in the loop's next turn.
    #[pyo3(signature = (msg = None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        let callbacks = {
            let mut state = slf.get().lock();
            let State::Waiting(callbacks) = &mut *state else {
                return Ok(false);
            };
            let callbacks = std::mem::take(callbacks);
            *state = State::Cancelled(msg);
            callbacks
        };
        for callback in callbacks {
            Self::call_soon(slf, &callback)?;
        }
        Ok(true)
    }

    fn cancelled(&self) -> bool {
        matches!(*self.lock(), State::Cancelled(_))
    }

    fn done(&self) -> bool {
        !matches!(*self.lock(), State::Waiting(_))
    }

    fn result(&self, py: Python<'_>) -> PyResult<()> {
        match &*self.lock() {
            State::Idle => Ok(()),
            State::Waiting(_) => Err(InvalidStateError::new_err("nothing has come yet")),
            State::Cancelled(None) => Err(CancelledError::new_err(())),
            State::Cancelled(Some(message)) => Err(CancelledError::new_err((message.clone_ref(py),))),
        }
    }

    fn exception(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.result(py).map(|()| None)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.event_loop)?;
        if let Ok(state) = self.state.try_lock()
            && let State::Waiting(callbacks) = &*state
        {
            for callback in callbacks {
                visit.call(&callback.function)?;
                visit.call(&callback.context)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        self.leave();
    }
}
