//! The event loop's futures, as a stream uses them: from the loop's own thread.

use pyo3::{intern, prelude::*};

use crate::{awaitables::close, calls};

/// Give a future its result. Returns `false` where its waiter was cancelled meanwhile.
pub(crate) fn resolve(future: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = future.py();
    if calls::call_method0(future, intern!(py, "done"))?.is_truthy()? {
        return Ok(false);
    }
    calls::call_method1(future, intern!(py, "set_result"), value)?;
    Ok(true)
}

/// Close a write that nobody will await.
pub(crate) fn discard(py: Python<'_>, write: &Py<PyAny>) {
    let write = write.bind(py);
    if let Err(error) = close(write) {
        error.write_unraisable(py, Some(write));
    }
}

/// Tell the waiter of a future.
pub(crate) fn wake(py: Python<'_>, future: &Py<PyAny>) {
    let future = future.bind(py);
    if let Err(error) = resolve(future, &py.None().into_bound(py)) {
        // The loop is closed: there is nobody left to wake, but the fault shall be seen.
        error.write_unraisable(py, Some(future));
    }
}
