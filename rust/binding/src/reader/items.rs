//! What `async for` sees of a reader: the loop's iterator, and the awaitable of its items.

use pyo3::{PyTraverseError, PyVisit, prelude::*, types::PyNone};

use super::EventReader;
use crate::{
    awaitables::{Step, as_iterator},
    decoder::Form,
};

/// One loop over a response's events.
#[pyclass(frozen, module = "streamactions._core")]
pub(crate) struct EventItems {
    next: Py<NextItem>,
}

impl EventItems {
    /// The awaitable of each item.
    pub(crate) fn next(&self, py: Python<'_>) -> Py<NextItem> {
        self.next.clone_ref(py)
    }

    pub(super) fn new(py: Python<'_>, reader: Py<EventReader>, form: Form) -> PyResult<Self> {
        Ok(Self { next: Py::new(py, NextItem { reader, form })? })
    }
}

#[pymethods]
impl EventItems {
    fn __aiter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __anext__(&self, py: Python<'_>) -> Py<NextItem> {
        self.next(py)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.next)
    }
}

/// The awaitable of the next item. It begins anew each time that it is awaited, so a loop needs only one.
#[pyclass(frozen, module = "streamactions._core")]
pub(crate) struct NextItem {
    reader: Py<EventReader>,
    form: Form,
}

impl NextItem {
    /// Begin to await it.
    ///
    /// # Errors
    ///
    /// `RuntimeError`: another task waits for an item.
    pub(crate) fn begin<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        slf.get().reader.get().check_free()?;
        Ok(slf.clone())
    }

    /// Go on with `value`.
    pub(crate) fn step<'py>(&self, value: &Bound<'py, PyAny>) -> PyResult<Step<'py>> {
        self.reader.get().resume(self.form, value)
    }
}

#[pymethods]
impl NextItem {
    fn __await__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        Self::begin(slf)
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.send(&PyNone::get(py).to_owned().into_any())
    }

    /// Go on with `value`, as an iterator of `__await__` does.
    fn send<'py>(&self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        as_iterator(self.step(value)?)
    }

    /// Raise `error` where the task waits: this is how its cancellation reaches it.
    #[pyo3(signature = (error, value = None, traceback = None))]
    fn throw<'py>(
        &self,
        error: Bound<'py, PyAny>,
        value: Option<Bound<'py, PyAny>>,
        traceback: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        drop((value, traceback));
        as_iterator(self.reader.get().throw(self.form, error)?)
    }

    /// The task gives the wait up.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.reader.get().close(py)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.reader)
    }
}
