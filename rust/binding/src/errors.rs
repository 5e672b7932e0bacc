//! The errors that Rust raises, as Python classes; `streamactions.errors` hangs the rest of the
//! tree below `StreamActionsError`.

use pyo3::{create_exception, exceptions::PyException, prelude::*};

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

/// The one way in which an error of the wire crate becomes a Python exception.
pub(crate) fn from_decode_error(error: &wire::decode::DecodeError) -> PyErr {
    match error {
        wire::decode::DecodeError::EventTooLarge { .. } => EventTooLargeError::new_err(error.to_string()),
    }
}
