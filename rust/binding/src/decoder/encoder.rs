//! `encode_event`: one event as the bytes of one frame.

use pyo3::{
    exceptions::{PyUnicodeDecodeError, PyValueError},
    prelude::*,
    types::{PyBytes, PyString},
};
use wire::encode::Frame;

use super::arguments::{BytesLike, RetryMs};

/// Encode one event as one frame, blank line included.
///
/// A decoder gives the same event back, with each CRLF, CR or LF in ``data`` read as LF.
///
/// Args:
///     data: text, or UTF-8 bytes; each line of it becomes a ``data:`` line.
///     event: the type; ``None`` and ``""`` are read as ``"message"``.
///     id: the last event ID from this event on; ``""`` clears it, ``None`` leaves it.
///     retry_ms: the reconnection time in milliseconds, 0 to 2**53 - 1.
///
/// Raises:
///     ValueError: CR or LF in ``event``; CR, LF or NUL in ``id``; ``retry_ms`` out of range;
///         text that UTF-8 cannot hold, or bytes that are not UTF-8.
///     TypeError: an argument has the wrong type.
#[pyfunction]
#[pyo3(signature = (data, *, event = None, id = None, retry_ms = None))]
pub(crate) fn encode_event<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    event: Option<&str>,
    id: Option<&str>,
    retry_ms: Option<RetryMs>,
) -> PyResult<Bound<'py, PyBytes>> {
    let bytes;
    let data = if let Ok(text) = data.cast::<PyString>() {
        text.to_str()?.as_bytes()
    } else {
        bytes = BytesLike::new(data, "str, bytes, bytearray or a memoryview of bytes")?;
        std::str::from_utf8(bytes.as_bytes())
            .map_err(|error| PyUnicodeDecodeError::new_err_from_utf8(py, bytes.as_bytes(), error))?
            .as_bytes()
    };
    let frame = Frame { data, event, id, retry_ms: retry_ms.map(|retry_ms| retry_ms.0) };
    let mut out = Vec::new();
    wire::encode::encode_event(&mut out, &frame).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(PyBytes::new(py, &out))
}
