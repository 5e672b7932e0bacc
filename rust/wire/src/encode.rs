//! Events to bytes: one frame is appended to a buffer that the caller owns.
//!
//! Strategy: the overwhelming case is JSON, which holds no raw line break, so one search decides
//! between one copy and the split into several `data` lines. Every field is written with a space
//! after its colon, so that a value's own leading space survives. `data` comes last, which lets
//! a decoder use it where it lies.

use std::fmt;

use memchr::{memchr2, memchr3};

use crate::decode::MAX_RETRY_MS;

/// What one frame says. Fields that are `None` are not written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Frame<'a> {
    /// UTF-8. Each CR LF, LF or CR begins a further line; a decoder reads it as LF.
    pub data: &'a [u8],
    /// The type; a decoder reads none and `""` as `"message"`.
    pub event: Option<&'a str>,
    /// The last event ID from here on; `""` clears it.
    pub id: Option<&'a str>,
    /// The reconnection time in milliseconds, at most [`MAX_RETRY_MS`].
    pub retry_ms: Option<u64>,
}

/// Why a frame cannot be written: a decoder would read something else than what was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EncodeError {
    /// `event` holds CR or LF, which would end its line.
    LineBreakInEvent,
    /// `id` holds CR or LF, which would end its line, or NUL, for which decoders ignore it.
    LineBreakOrNulInId,
    /// `retry_ms` is over [`MAX_RETRY_MS`].
    RetryTooLarge,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineBreakInEvent => {
                f.write_str("event must not contain CR or LF: put text with line breaks into data")
            }
            Self::LineBreakOrNulInId => {
                f.write_str("id must not contain CR, LF or NUL: encode it, as base64 or JSON for example")
            }
            Self::RetryTooLarge => write!(f, "retry_ms must be from 0 to {MAX_RETRY_MS}"),
        }
    }
}

impl std::error::Error for EncodeError {}

/// Appends a frame that has data alone: `data: ...`, blank line.
#[inline]
pub fn encode_data(out: &mut Vec<u8>, data: &[u8]) {
    out.reserve(data.len() + b"data: \n\n".len());
    let mut rest = data;
    while let Some(end) = memchr2(b'\r', b'\n', rest) {
        line(out, b"data: ", &rest[..end]);
        rest = &rest[end..];
        rest = rest.strip_prefix(b"\r\n").unwrap_or(&rest[1..]);
    }
    line(out, b"data: ", rest);
    out.push(b'\n');
}

/// Checks a name for [`encode_named_data`].
///
/// # Errors
///
/// [`EncodeError::LineBreakInEvent`] where the name would break out of its line.
pub fn check_event_name(event: &str) -> Result<(), EncodeError> {
    match memchr2(b'\r', b'\n', event.as_bytes()) {
        Some(_) => Err(EncodeError::LineBreakInEvent),
        None => Ok(()),
    }
}

/// Appends a frame that has a type and data: for a stream whose frames share one name, which
/// [`check_event_name`] must have let pass once.
#[inline]
pub fn encode_named_data(out: &mut Vec<u8>, event: &str, data: &[u8]) {
    line(out, b"event: ", event.as_bytes());
    encode_data(out, data);
}

/// Appends a frame: `id`, `event`, `retry`, `data`, blank line.
///
/// # Errors
///
/// [`EncodeError`] where a decoder would not give the fields back; `out` is then unchanged.
pub fn encode_event(out: &mut Vec<u8>, frame: &Frame<'_>) -> Result<(), EncodeError> {
    frame.event.map_or(Ok(()), check_event_name)?;
    if frame.id.is_some_and(|id| memchr3(b'\r', b'\n', 0, id.as_bytes()).is_some()) {
        return Err(EncodeError::LineBreakOrNulInId);
    }
    if frame.retry_ms.is_some_and(|retry_ms| retry_ms > MAX_RETRY_MS) {
        return Err(EncodeError::RetryTooLarge);
    }
    if let Some(id) = frame.id {
        line(out, b"id: ", id.as_bytes());
    }
    if let Some(event) = frame.event {
        line(out, b"event: ", event.as_bytes());
    }
    if let Some(retry_ms) = frame.retry_ms {
        line(out, b"retry: ", retry_ms.to_string().as_bytes());
    }
    encode_data(out, frame.data);
    Ok(())
}

#[inline]
fn line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(value);
    out.push(b'\n');
}
