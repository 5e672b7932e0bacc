//! The errors that Rust raises, as Python classes; `streamactions.errors` hangs the rest of the
//! tree below `StreamActionsError`.

use pyo3::{create_exception, exceptions::PyException, prelude::*, sync::PyOnceLock};

use crate::calls;

create_exception!(
    streamactions,
    StreamActionsError,
    PyException,
    "The root of every error that this package raises."
);
create_exception!(
    streamactions,
    StreamClosedError,
    StreamActionsError,
    "`send` was called after the handler's own code had closed the stream."
);
create_exception!(
    streamactions,
    SendNotAwaitedError,
    StreamActionsError,
    "`send` was called again and again without `await`, faster than the client reads."
);
create_exception!(
    streamactions,
    WrongThreadError,
    StreamActionsError,
    "A stream was used in another thread than that of its event loop; nothing was sent."
);
create_exception!(
    streamactions,
    ClientDisconnectedError,
    StreamActionsError,
    "`send` was called after the client had left, by a handler that survived its cancellation."
);
create_exception!(
    streamactions,
    EventTooLargeError,
    StreamActionsError,
    "One event of an incoming stream is larger than the decoder's `max_event_bytes`."
);

create_exception!(
    streamactions,
    StreamCutError,
    StreamActionsError,
    "The reads of an incoming stream ended inside an event."
);

/// A copy of an exception that is kept, for one raise.
///
/// An exception that was raised holds the frames that it has passed, and these hold whatever the callers
/// did: so what is kept to be raised again is never raised itself.
pub(crate) fn copied(py: Python<'_>, error: &Py<PyAny>) -> PyErr {
    static COPY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    match COPY.import(py, "copy", "copy").and_then(|copy| calls::call1(copy, error.bind(py))) {
        Ok(copy) => PyErr::from_value(copy),
        Err(error) => error,
    }
}

/// The one way in which an error of the wire crate becomes a Python exception.
pub(crate) fn from_decode_error(error: &wire::decode::DecodeError) -> PyErr {
    match error {
        wire::decode::DecodeError::EventTooLarge { .. } => EventTooLargeError::new_err(error.to_string()),
    }
}
