//! A decoder, and what its events have in common as Python objects.

use jiter::JsonResult;
use pyo3::{prelude::*, types::PyString};
use wire::decode::{DecodeError, Decoder};

use super::{event::Event, json::parse_data};

/// Decodes one stream to Python objects.
pub(crate) struct Decoding {
    decoder: Decoder,
    id: KeptId,
}

/// The last event ID that the events carry, so that it is converted once.
#[derive(Default)]
pub(crate) struct KeptId(Option<Py<PyString>>);

/// What an event becomes.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Event,
    /// Its value; the event itself where its data is not JSON, or where it names a type and only messages
    /// are to be parsed.
    Json {
        messages_only: bool,
    },
}

impl Form {
    #[inline]
    pub(crate) fn make<'py>(
        self,
        py: Python<'py>,
        event: wire::decode::Event<'_>,
        id: &mut KeptId,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Self::Json { messages_only } = self
            && (!messages_only || event.is_message())
            && let Ok(value) = id.value(py, event)
        {
            return Ok(value);
        }
        id.event(py, event)
    }
}

impl Decoding {
    pub(crate) fn new(max_event_bytes: usize) -> Self {
        Self { decoder: Decoder::new(max_event_bytes), id: KeptId::default() }
    }

    pub(crate) fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Take the stream's next bytes; `take` gets each event that they complete, and what makes an object
    /// of it.
    #[inline]
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(wire::decode::Event<'_>, &mut KeptId),
    ) -> Result<(), DecodeError> {
        let Self { decoder, id } = self;
        decoder.feed(bytes, |event| take(event, id))
    }
}

impl KeptId {
    /// The event itself.
    #[inline]
    pub(crate) fn event<'py>(
        &mut self,
        py: Python<'py>,
        event: wire::decode::Event<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Ok(Event::from_wire(py, event, &mut self.0)?.into_any())
    }

    /// The JSON value of the event's data.
    #[inline]
    pub(crate) fn value<'py>(
        &mut self,
        py: Python<'py>,
        event: wire::decode::Event<'_>,
    ) -> JsonResult<Bound<'py, PyAny>> {
        // The string of an ID that is kept for the next event would be the one before.
        if event.id_is_new() {
            self.0 = None;
        }
        parse_data(py, event.data_bytes())
    }
}
