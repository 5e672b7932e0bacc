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
    PARSE.python_parse(py, data).or_else(|error| {
        let text = String::from_utf8_lossy(data);
        let repaired = repair(text.as_bytes());
        if *repaired == *data { Err(error) } else { PARSE.python_parse(py, &repaired) }
    })
}

/// The value of an event's text.
///
/// # Errors
///
/// `ValueError` "event data is not JSON: ..." with the reason, whose cause is the parser's error.
pub(super) fn parse_text<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    parse_data(py, text.as_bytes())
        .map_err(|error| not_json(py, PyValueError::new_err(error.description(text.as_bytes()))))
}

/// JSON that a strict parser takes, where it is all right but for a byte order mark, which may stand before it
/// (RFC 8259, section 8.1), and for escapes of one half of a surrogate pair, which no UTF-8 can hold: these
/// become U+FFFD.
pub(super) fn repair(json: &[u8]) -> Cow<'_, [u8]> {
    let json = json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json);
    let mut repaired = Vec::new();
    let mut kept = 0;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &json[at..]) {
        at += found;
        let (length, is_half) = match (unit(&json[at..]), json.get(at + 6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, false),
            (Some(0xd800..=0xdfff), _) => (6, true),
            // An escaped backslash begins no escape.
            _ => (2, false),
        };
        if is_half {
            repaired.extend_from_slice(&json[kept..at]);
            repaired.extend_from_slice(b"\\ufffd");
            kept = at + length;
        }
        at = (at + length).min(json.len());
    }
    if kept == 0 {
        return Cow::Borrowed(json);
    }
    repaired.extend_from_slice(&json[kept..]);
    Cow::Owned(repaired)
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The UTF-16 unit of an escape that the bytes begin with.
fn unit(json: &[u8]) -> Option<u16> {
    let digits = json.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit, digit| {
        let value = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(value).ok()?)
    })
}

/// The one error of data that is not JSON.
pub(super) fn not_json(py: Python<'_>, cause: PyErr) -> PyErr {
    let error = PyValueError::new_err(format!("event data is not JSON: {}", cause.value(py)));
    error.set_cause(py, Some(cause));
    error
}
