//! The awaitables that a stream hands out, and the first step of those that a server hands in.
//!
//! A `send` that has nothing to wait for must cost no task, no future and no Python frame, so the
//! usual answer is one shared object that is done already.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::PyStopIteration,
    ffi, intern,
    prelude::*,
    sync::PyOnceLock,
    types::{PyNone, PyType},
};

use crate::{calls, pulse::now_ns, turn::note_turn};

/// An awaitable that is done: awaiting it never reaches the event loop.
#[pyclass(frozen, module = "streamactions._core")]
pub(crate) struct Ready;

static READY: PyOnceLock<Py<Ready>> = PyOnceLock::new();

/// The one [`Ready`] there is.
pub(crate) fn ready(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let ready = READY.get_or_try_init(py, || Py::new(py, Ready))?;
    Ok(ready.bind(py).clone().into_any())
}

#[pymethods]
impl Ready {
    fn __await__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[expect(clippy::unused_self, reason = "an iterator's slot takes the object")]
    fn __next__(&self) -> Option<()> {
        None
    }

    /// With the two below, what `asyncio.create_task` takes (`collections.abc.Coroutine`).
    #[expect(clippy::unused_self, reason = "a method takes the object")]
    fn send<'py>(&self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        as_iterator(Step::Returned(PyNone::get(value.py()).to_owned().into_any()))
    }

    #[expect(clippy::unused_self, reason = "a method takes the object")]
    #[pyo3(signature = (error, value = None, traceback = None))]
    fn throw(
        &self,
        error: Bound<'_, PyAny>,
        value: Option<Py<PyAny>>,
        traceback: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        drop((value, traceback));
        Err(thrown(error)?)
    }

    #[expect(clippy::unused_self, reason = "a method takes the object")]
    fn close(&self) {}
}

/// An awaitable that lets the event loop turn once: a task that receives a bare `None` puts
/// itself at the end of the loop's list.
#[pyclass(frozen, module = "streamactions._core")]
pub(crate) struct Yield {
    has_yielded: AtomicBool,
}

impl Yield {
    pub(crate) fn new() -> Self {
        Self { has_yielded: AtomicBool::new(false) }
    }
}

#[pymethods]
impl Yield {
    fn __await__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        if self.has_yielded.swap(true, Ordering::Relaxed) {
            note_turn(now_ns());
            return None;
        }
        Some(py.None())
    }

    /// With the two below, what `asyncio.create_task` takes (`collections.abc.Coroutine`).
    fn send<'py>(&self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let none = PyNone::get(value.py()).to_owned().into_any();
        as_iterator(match self.__next__(value.py()) {
            Some(_) => Step::Yielded(none),
            None => Step::Returned(none),
        })
    }

    /// Nothing can catch it: what is waited for is a turn of the loop.
    #[pyo3(signature = (error, value = None, traceback = None))]
    fn throw(
        &self,
        error: Bound<'_, PyAny>,
        value: Option<Py<PyAny>>,
        traceback: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        drop((value, traceback));
        self.close();
        Err(thrown(error)?)
    }

    /// The task gives the wait up.
    fn close(&self) {
        self.has_yielded.store(true, Ordering::Relaxed);
    }
}

/// A server's awaitable after its first step, for the connection's task to see through: it gives
/// what that step gave once more, then goes on where the step stopped.
#[pyclass(frozen, module = "streamactions._core")]
pub(crate) struct Resumed {
    iterator: Py<PyAny>,
    first: std::sync::Mutex<Option<Py<PyAny>>>,
}

#[pymethods]
impl Resumed {
    fn __await__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.send(&py.None().into_bound(py))
    }

    /// Go on with `value`; raises `StopIteration` at the end, as an iterator of `__await__` does.
    fn send(&self, value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = value.py();
        let first = self.first.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(first) = first {
            return Ok(first);
        }
        Ok(as_iterator(step(self.iterator.bind(py), value)?)?.unbind())
    }

    /// Raise `error` where the awaitable waits: this is how a task's cancellation reaches it.
    #[pyo3(signature = (error, value = None, traceback = None))]
    fn throw(
        &self,
        py: Python<'_>,
        error: &Bound<'_, PyAny>,
        value: Option<Py<PyAny>>,
        traceback: Option<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        drop((value, traceback));
        Ok(as_iterator(throw_into(self.iterator.bind(py), error)?)?.unbind())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.iterator)?;
        match self.first.try_lock() {
            Ok(first) => visit.call(&*first),
            Err(_) => Ok(()),
        }
    }

    fn __clear__(&self) {
        let first = self.first.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        drop(first);
    }
}

/// What was passed to `throw`, an exception or its class, as the error to raise.
pub(crate) fn thrown(error: Bound<'_, PyAny>) -> PyResult<PyErr> {
    let instance = if error.is_instance_of::<PyType>() { calls::call0(&error)? } else { error };
    Ok(PyErr::from_value(instance))
}

/// What one step of an iterator gave.
pub(crate) enum Step<'py> {
    Yielded(Bound<'py, PyAny>),
    Returned(Bound<'py, PyAny>),
}

/// What an iterator of `__await__` answers: what to wait for, or `StopIteration` with the result.
pub(crate) fn as_iterator(stepped: Step<'_>) -> PyResult<Bound<'_, PyAny>> {
    match stepped {
        Step::Yielded(waits) => Ok(waits),
        Step::Returned(result) => Err(PyStopIteration::new_err((result.unbind(),))),
    }
}

/// Go on with what an iterator of `__await__` does.
pub(crate) fn step<'py>(iterator: &Bound<'py, PyAny>, value: &Bound<'py, PyAny>) -> PyResult<Step<'py>> {
    let (status, result) = calls::send(iterator, value)?;
    Ok(if status == ffi::PySendResult::PYGEN_NEXT { Step::Yielded(result) } else { Step::Returned(result) })
}

/// Begin to await: the iterator that a task would go through.
pub(crate) fn begin<'py>(awaitable: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = awaitable.py();
    // SAFETY: an object's type lives as long as the object, and its `tp_as_async` is NULL or points into
    // the type.
    let methods = unsafe { (*ffi::Py_TYPE(awaitable.as_ptr())).tp_as_async.as_ref() };
    match methods.and_then(|methods| methods.am_await) {
        // SAFETY: the slot is called as the interpreter does, with an object of its type and the thread
        // attached; it gives a new reference, or NULL with the exception set.
        Some(am_await) => unsafe { Bound::from_owned_ptr_or_err(py, am_await(awaitable.as_ptr())) },
        // The interpreter's own error tells what an awaitable must have.
        None => calls::call_method0(awaitable, intern!(py, "__await__")),
    }
}

/// Raise an error where an iterator of `__await__` stopped.
pub(crate) fn throw_into<'py>(
    iterator: &Bound<'py, PyAny>,
    error: &Bound<'py, PyAny>,
) -> PyResult<Step<'py>> {
    let py = iterator.py();
    let Some(throw) = iterator.getattr_opt(intern!(py, "throw"))? else {
        return Err(thrown(error.clone())?);
    };
    match calls::call1(&throw, error) {
        Ok(value) => Ok(Step::Yielded(value)),
        Err(error) if error.is_instance_of::<PyStopIteration>(py) => {
            Ok(Step::Returned(error.value(py).getattr(intern!(py, "value"))?))
        }
        Err(error) => Err(error),
    }
}

/// Give up what an iterator of `__await__` does; one that has no `close` needs none.
pub(crate) fn close(iterator: &Bound<'_, PyAny>) -> PyResult<()> {
    match iterator.getattr_opt(intern!(iterator.py(), "close"))? {
        Some(close) => calls::call0(&close).map(drop),
        None => Ok(()),
    }
}

/// What a server's `send` gave back.
pub(crate) enum Started<'py> {
    /// The server has taken the message.
    Done,
    /// The connection's task has to await this.
    Pending(Bound<'py, PyAny>),
}

/// Take the first step of an awaitable, where that is harmless.
///
/// A coroutine has not begun to run when it is handed in and may depend on the task that it runs
/// in (anyio's cancel scopes do), so it is left to the connection's task as it is. Any other
/// awaitable has begun its work already: one step tells whether that is done.
pub(crate) fn start(awaitable: Bound<'_, PyAny>) -> PyResult<Started<'_>> {
    let py = awaitable.py();
    // SAFETY: `awaitable` is a live object; both are plain type checks.
    let is_coroutine = unsafe {
        ffi::PyCoro_CheckExact(awaitable.as_ptr()) != 0 || ffi::PyGen_CheckExact(awaitable.as_ptr()) != 0
    };
    if is_coroutine {
        return Ok(Started::Pending(awaitable));
    }
    let iterator = begin(&awaitable)?;
    match step(&iterator, &py.None().into_bound(py))? {
        Step::Returned(_) => Ok(Started::Done),
        Step::Yielded(first) => {
            let resumed =
                Resumed { iterator: iterator.unbind(), first: std::sync::Mutex::new(Some(first.unbind())) };
            Ok(Started::Pending(Bound::new(py, resumed)?.into_any()))
        }
    }
}
