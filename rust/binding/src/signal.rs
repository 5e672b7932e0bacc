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
    PyTraverseError, PyVisit, exceptions::PyRuntimeError, ffi, import_exception, prelude::*, sync::PyOnceLock,
};
use smallvec::SmallVec;

use crate::calls;

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
    /// Nobody waits, and these are not to be called; see [`Signal::abandon`].
    Abandoned(Callbacks),
    /// A task waits, once its callback has been added.
    Waiting(Callbacks),
    /// There were news, and the loop will call the callbacks; until then the wait is not over.
    Told,
    /// The wait was cancelled, with this message, and the loop will call the callbacks.
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

    pub(crate) fn event_loop(&self) -> &Py<PyAny> {
        &self.event_loop
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begin a wait: what an awaitable's step has to give to its task. Who waited before calls
    /// [`Signal::leave`] first.
    ///
    /// # Errors
    ///
    /// `RuntimeError`: another task waits already, or is about to be told that its wait is over.
    pub(crate) fn wait(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        let before = {
            let mut state = this.lock();
            if !matches!(*state, State::Idle | State::Abandoned(_)) {
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

    /// The wait is over: its task goes on, or was thrown out of it.
    pub(crate) fn leave(&self) {
        let before = std::mem::replace(&mut *self.lock(), State::Idle);
        drop(before);
    }

    /// The wait is over, because what waited is closed, as by a collection of garbage. The callbacks may be
    /// all that still holds the task, and with it the coroutine that is being closed: they are kept.
    pub(crate) fn abandon(&self) {
        let before = {
            let mut state = self.lock();
            let kept = match &mut *state {
                State::Waiting(callbacks) => State::Abandoned(std::mem::take(callbacks)),
                _ => State::Idle,
            };
            std::mem::replace(&mut *state, kept)
        };
        drop(before);
    }

    /// There are news: run whoever waits. It is run now where no task runs, as in a callback of the event
    /// loop; a task cannot be run from within another, so then, and for whatever cannot be run now, the
    /// loop does it in its next turn. Whoever waits is told in any case.
    ///
    /// # Errors
    ///
    /// What a callback raised; a task's wake-up raises nothing but `SystemExit` and `KeyboardInterrupt`.
    pub(crate) fn fire(slf: &Bound<'_, Self>) -> PyResult<()> {
        if !slf.get().is_awaited() {
            return Ok(());
        }
        if is_within_task(slf.get().event_loop.bind(slf.py()))? {
            return Self::fire_soon(slf);
        }
        Self::fire_now(slf)
    }

    /// As [`Signal::fire`], by a caller who knows that no task of this event loop runs.
    pub(crate) fn fire_now(slf: &Bound<'_, Self>) -> PyResult<()> {
        let Some(callbacks) = slf.get().take_callbacks(State::Idle) else {
            return Ok(());
        };
        let mut callbacks = callbacks.into_iter();
        for callback in callbacks.by_ref() {
            let called = match callback.call(slf) {
                Ok(Called::Now) => continue,
                Ok(Called::Refused) => Self::call_soon(slf, &callback),
                Err(error) => Err(error),
            };
            if let Err(error) = called {
                // What one callback raises, the others' news must survive.
                if let Err(refused) = Self::call_all_soon(slf, callbacks) {
                    refused.write_unraisable(slf.py(), Some(slf));
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// There are news: the event loop runs whoever waits, in its next turn.
    pub(crate) fn fire_soon(slf: &Bound<'_, Self>) -> PyResult<()> {
        match slf.get().take_callbacks(State::Told) {
            Some(callbacks) => Self::call_all_soon(slf, callbacks),
            None => Ok(()),
        }
    }

    fn is_awaited(&self) -> bool {
        matches!(*self.lock(), State::Waiting(_))
    }

    /// End the wait that goes on, if any: those who are to be told, which the caller does.
    fn take_callbacks(&self, next: State) -> Option<Callbacks> {
        let mut state = self.lock();
        let State::Waiting(callbacks) = &mut *state else {
            return None;
        };
        let callbacks = std::mem::take(callbacks);
        *state = next;
        Some(callbacks)
    }

    /// Have the loop call them. One that it refuses does not keep the others from being called.
    fn call_all_soon(slf: &Bound<'_, Self>, callbacks: impl IntoIterator<Item = Callback>) -> PyResult<()> {
        let mut outcome = Ok(());
        for callback in callbacks {
            let called = Self::call_soon(slf, &callback);
            outcome = outcome.and(called);
        }
        outcome
    }

    fn call_soon(slf: &Bound<'_, Self>, callback: &Callback) -> PyResult<()> {
        let py = slf.py();
        let (function, context) = (callback.function.bind(py), callback.context.bind(py));
        calls::call_soon(slf.get().event_loop.bind(py), function, slf, context).map(drop)
    }
}

/// Whether a task of this event loop runs, so that no other one can be entered.
pub(crate) fn is_within_task(event_loop: &Bound<'_, PyAny>) -> PyResult<bool> {
    static CURRENT_TASK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let current_task = CURRENT_TASK.import(event_loop.py(), "asyncio", "current_task")?;
    Ok(!calls::call1(current_task, event_loop)?.is_none())
}

enum Called {
    Now,
    /// Its context is entered already, by whoever runs now.
    Refused,
}

impl Callback {
    /// Call it in its context, as the loop would.
    fn call(&self, signal: &Bound<'_, Signal>) -> PyResult<Called> {
        let py = signal.py();
        // SAFETY: the thread is attached, and `context` is a live object; one that is no context is
        // answered with TypeError, one that is entered already with RuntimeError.
        if unsafe { ffi::PyContext_Enter(self.context.as_ptr()) } != 0 {
            // The loop, which is asked next, tells of a context that is none.
            drop(PyErr::fetch(py));
            return Ok(Called::Refused);
        }
        let called = calls::call1(self.function.bind(py), signal).map(drop);
        // SAFETY: as above; this is the context that was entered last, because the callback, like any
        // code, leaves each context that it enters.
        if unsafe { ffi::PyContext_Exit(self.context.as_ptr()) } != 0 {
            called?;
            return Err(PyErr::fetch(py));
        }
        called.map(|()| Called::Now)
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
        // Comparing runs Python code, which may end the wait: none of them may be away meanwhile.
        let functions: SmallVec<[Py<PyAny>; 1]> = match &*self.lock() {
            State::Waiting(callbacks) => callbacks.iter().map(|each| each.function.clone_ref(py)).collect(),
            _ => return Ok(0),
        };
        let mut equal: SmallVec<[Py<PyAny>; 1]> = SmallVec::new();
        for each in functions {
            if each.bind(py).eq(function)? {
                equal.push(each);
            }
        }
        let mut removed = Callbacks::new();
        if let State::Waiting(callbacks) = &mut *self.lock() {
            for each in std::mem::take(callbacks) {
                let is_removed = equal.iter().any(|function| function.is(&each.function));
                (if is_removed { &mut removed } else { &mut *callbacks }).push(each);
            }
        }
        // Dropped here, where the lock is not held.
        Ok(removed.len())
    }

    /// Cancel the wait that goes on, if any; who waited is told in the loop's next turn.
    #[pyo3(signature = (msg = None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        match slf.get().take_callbacks(State::Cancelled(msg)) {
            Some(callbacks) => Self::call_all_soon(slf, callbacks).map(|()| true),
            None => Ok(false),
        }
    }

    fn cancelled(&self) -> bool {
        matches!(*self.lock(), State::Cancelled(_))
    }

    fn done(&self) -> bool {
        !matches!(*self.lock(), State::Waiting(_))
    }

    fn result(&self, py: Python<'_>) -> PyResult<()> {
        match &*self.lock() {
            State::Idle | State::Abandoned(_) | State::Told => Ok(()),
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
        match self.state.try_lock().as_deref() {
            Ok(State::Waiting(callbacks) | State::Abandoned(callbacks)) => {
                for callback in callbacks {
                    visit.call(&callback.function)?;
                    visit.call(&callback.context)?;
                }
                Ok(())
            }
            Ok(State::Cancelled(message)) => visit.call(message),
            Ok(State::Idle | State::Told) | Err(_) => Ok(()),
        }
    }

    fn __clear__(&self) {
        self.leave();
    }
}
