//! Events as Python sees them: the decoder, the event, and the encoder of one frame.
//!
//! Strategy: the wire crate's events borrow their bytes, so each field becomes a Python string
//! in one step. Strings that repeat (`"message"`, the last event ID) are made once and shared.
#![expect(clippy::doc_markdown, reason = "Python reads these comments as docstrings")]

mod arguments;
mod decoding;
mod encoder;
mod event;
mod json;
mod reads;

use arguments::BytesLike;
pub(crate) use arguments::MaxEventBytes;
pub(crate) use decoding::{Decoding, Form};
pub(crate) use encoder::encode_event;
pub(crate) use event::Event;
use pyo3::{
    intern,
    prelude::*,
    types::{PyBytes, PyList},
};
use reads::DecodedReads;
use smallvec::SmallVec;
use wire::decode::DecodeError;

use crate::errors::from_decode_error;

/// JSON without what a strict parser refuses and many programs write.
///
/// Returns:
///     The JSON without a byte order mark (RFC 8259, section 8.1), and with U+FFFD for each escape of one
///     half of a surrogate pair. What is no JSON for other reasons stays none.
#[pyfunction]
#[pyo3(signature = (json, /))]
pub(crate) fn repair_json<'py>(py: Python<'py>, json: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &json::repair(json))
}

/// 1 MiB: far above any chunk that a model emits, far below what hurts a process.
const DEFAULT_MAX_EVENT_BYTES: usize = 1_048_576;

/// An incremental decoder of Server-Sent Events, without I/O.
///
/// It follows the WHATWG rules ("Interpreting an event stream") exactly, and what it gives
/// never depends on where the input was cut. An event whose blank line has not come is never
/// given: a stream that ends inside an event has lost it.
///
/// A decoder belongs to the one who reads the stream: a call that comes while another is under way, as
/// another thread's can, raises ``RuntimeError``.
///
/// Args:
///     max_event_bytes: the bound in bytes on what one event may hold, as received: its data,
///         ``event`` and ``id``, an unfinished line included; from 1 to 2**32 - 1.
///
/// Raises:
///     ValueError: ``max_event_bytes`` is out of that range.
// Not frozen: `feed` needs exclusive access, and PyO3's borrow check turns a call from within a
// call (a finalizer that runs while events are made) into an exception, where a lock would hang. Reads of
// two threads have no order, so an exception serves them better, too.
#[pyclass(module = "streamactions")]
pub(crate) struct SSEDecoder(Decoding);

#[pymethods]
impl SSEDecoder {
    #[new]
    #[pyo3(
        signature = (*, max_event_bytes = MaxEventBytes(DEFAULT_MAX_EVENT_BYTES)),
        text_signature = "(*, max_event_bytes=1_048_576)"
    )]
    fn new(max_event_bytes: MaxEventBytes) -> Self {
        Self(Decoding::new(max_event_bytes.0))
    }

    /// Take the stream's next bytes and return the events that they complete.
    ///
    /// Args:
    ///     data: any number of bytes, cut anywhere.
    ///
    /// Raises:
    ///     EventTooLargeError: an event holds more than ``max_event_bytes``; every later call
    ///         raises again. Its ``events`` are those that this call completed before.
    ///     TypeError: ``data`` is not bytes-like.
    fn feed<'py>(&mut self, data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        self.feed_with(data, Form::Event)
    }

    /// Take the stream's next bytes and return the JSON values of the events that they complete.
    ///
    /// It costs a fraction of `feed` and ``Event.json``: no string is made of an event's data.
    ///
    /// Args:
    ///     data: any number of bytes, cut anywhere.
    ///     messages_only: whether an event that names a type other than ``"message"`` stays an
    ///         `Event`, so that its type is known.
    ///
    /// Returns:
    ///     One item for each event: its value, or the `Event` itself where its data is not JSON
    ///     or where ``messages_only`` says so. No value is an `Event`, so the two are told apart
    ///     by their class.
    ///
    /// Raises:
    ///     EventTooLargeError: as in `feed`; its ``events`` are items of the same kind.
    ///     TypeError: ``data`` is not bytes-like.
    #[pyo3(signature = (data, *, messages_only = false))]
    fn feed_json<'py>(
        &mut self,
        data: &Bound<'py, PyAny>,
        messages_only: bool,
    ) -> PyResult<Bound<'py, PyList>> {
        self.feed_with(data, Form::Json { messages_only })
    }

    /// Decode a whole stream: the events of its reads, as `feed` gives them.
    ///
    /// Args:
    ///     reads: the stream's bytes, cut anywhere, such as ``response.iter_bytes()`` of a client
    ///         that waits for them.
    ///
    /// Raises:
    ///     EventTooLargeError: an event holds more than ``max_event_bytes``, after those before it.
    ///     StreamCutError: the reads ended inside an event.
    ///     TypeError: ``reads`` is no iterable, or not of what is bytes-like.
    fn iter_events(slf: Py<Self>, reads: &Bound<'_, PyAny>) -> PyResult<DecodedReads> {
        DecodedReads::new(slf, reads, Form::Event)
    }

    /// Decode a whole stream: the JSON values of its reads' events, as `feed_json` gives them.
    ///
    /// Args:
    ///     reads: as in `iter_events`.
    ///     messages_only: as in `feed_json`.
    ///
    /// Raises:
    ///     EventTooLargeError, StreamCutError, TypeError: as in `iter_events`.
    #[pyo3(signature = (reads, *, messages_only = false))]
    fn iter_json(slf: Py<Self>, reads: &Bound<'_, PyAny>, messages_only: bool) -> PyResult<DecodedReads> {
        DecodedReads::new(slf, reads, Form::Json { messages_only })
    }

    /// The stream's last event ID as of its last blank line, ``""`` if none.
    #[getter]
    fn last_event_id(&self) -> std::borrow::Cow<'_, str> {
        self.0.decoder().last_event_id()
    }

    /// The stream's last valid ``retry`` in milliseconds, or ``None``; at most 2**53 - 1.
    #[getter]
    fn retry_ms(&self) -> Option<u64> {
        self.0.decoder().retry_ms()
    }

    /// How many bytes of an unfinished event are held; at most ``max_event_bytes``.
    #[getter]
    fn buffered_bytes(&self) -> usize {
        self.0.decoder().buffered_bytes()
    }

    fn __repr__(&self) -> String {
        format!("SSEDecoder(max_event_bytes={})", self.0.decoder().max_event_bytes())
    }
}

impl SSEDecoder {
    /// Feeds, and makes an item of each event.
    #[inline]
    fn feed_with<'py>(&mut self, data: &Bound<'py, PyAny>, form: Form) -> PyResult<Bound<'py, PyList>> {
        let py = data.py();
        let data = BytesLike::new(data, "bytes, bytearray or a memoryview of bytes")?;
        // Most reads of a live stream complete one event, which then costs no allocation here.
        let mut items: SmallVec<[Bound<'py, PyAny>; 8]> = SmallVec::new();
        let mut fault = None;
        let outcome = self.0.feed(data.as_bytes(), |event, id| {
            if fault.is_none() {
                match form.make(py, event, id) {
                    Ok(item) => items.push(item),
                    Err(error) => fault = Some(error),
                }
            }
        });
        match (fault, outcome) {
            (Some(fault), _) => Err(fault),
            (None, Err(error)) => Err(with_events(py, &error, PyList::new(py, items)?)),
            (None, Ok(())) => PyList::new(py, items),
        }
    }
}

/// The exception for `error`, which hands over what was complete before it: without that, how
/// many events a caller gets would depend on where the input was cut.
fn with_events(py: Python<'_>, error: &DecodeError, events: Bound<'_, PyList>) -> PyErr {
    let error = from_decode_error(error);
    match error.value(py).setattr(intern!(py, "events"), events) {
        Ok(()) => error,
        Err(fault) => fault,
    }
}
