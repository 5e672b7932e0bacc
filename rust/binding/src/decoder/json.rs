//! JSON to Python objects, with no Python call and no intermediate string.
//!
//! Strategy: jiter parses the bytes where they lie and makes the objects as it goes. Strings under
//! 64 bytes, keys and values alike, are looked up in its cache: keys repeat in every event, and the
//! tokens of a language model repeat too.

use std::borrow::Cow;

use jiter::{FloatMode, JsonResult, PartialMode, PythonParse, StringCacheMode};
use pyo3::{exceptions::PyValueError, prelude::*};

const PARSE: PythonParse = PythonParse {
    // They are not JSON (RFC 8259, section 6), whatever some parsers take.
    allow_inf_nan: false,
    cache_mode: StringCacheMode::All,
    partial_mode: PartialMode::Off,
    catch_duplicate_keys: false,
    float_mode: FloatMode::Float,
};

/// The value of an event's data as received. Malformed UTF-8 is replaced by U+FFFD, as it is
/// in an event's text: the format says so, and JSON within the format has no say in it.
pub(super) fn parse_data<'py>(py: Python<'py>, data: &[u8]) -> JsonResult<Bound<'py, PyAny>> {
    PARSE.python_parse(py, data).or_else(|error| match String::from_utf8_lossy(data) {
        Cow::Owned(text) => PARSE.python_parse(py, text.as_bytes()),
        Cow::Borrowed(_) => Err(error),
    })
}

/// The value of an event's text.
///
/// # Errors
///
/// `ValueError` "event data is not JSON: ..." with the reason, whose cause is the parser's error.
pub(super) fn parse_text<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    PARSE
        .python_parse(py, text.as_bytes())
        .map_err(|error| not_json(py, PyValueError::new_err(error.description(text.as_bytes()))))
}

/// The one error of data that is not JSON.
pub(super) fn not_json(py: Python<'_>, cause: PyErr) -> PyErr {
    let error = PyValueError::new_err(format!("event data is not JSON: {}", cause.value(py)));
    error.set_cause(py, Some(cause));
    error
}
