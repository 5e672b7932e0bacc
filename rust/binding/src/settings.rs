//! What the streams of one action have in common: how chunks are encoded and spelled, and the bounds.

use pyo3::{PyTraverseError, PyVisit, exceptions::PyValueError, prelude::*};
use wire::buffer::Limits;

use crate::pulse::seconds_to_ns;

/// Made once for each action of an app and shared by its streams, so that a stream copies nothing.
#[pyclass(frozen, module = "streamactions._core")]
pub(crate) struct StreamSettings {
    /// `chunk -> bytes`: the chunk as JSON.
    pub(crate) encode: Py<PyAny>,
    /// Where there is one, it is called as `(chunk, None, options)`.
    pub(crate) encode_options: Option<Py<PyAny>>,
    /// The same for what `encode` refuses with a `TypeError`: slower and more patient.
    pub(crate) encode_any: Py<PyAny>,
    /// The `event:` of a chunk's frame.
    pub(crate) chunk_event: Option<String>,
    pub(crate) done_frame: Vec<u8>,
    pub(crate) limits: Limits,
    /// Whether `send` is silent, rather than an error, once the client has left.
    pub(crate) outlives_client: bool,
}

#[pymethods]
impl StreamSettings {
    #[new]
    #[pyo3(signature = (
        *, encode, encode_options = None, encode_any, chunk_event, done_frame, keep_alive_s, outlives_client
    ))]
    fn new(
        encode: Py<PyAny>,
        encode_options: Option<Py<PyAny>>,
        encode_any: Py<PyAny>,
        chunk_event: Option<String>,
        done_frame: Vec<u8>,
        keep_alive_s: f64,
        outlives_client: bool,
    ) -> PyResult<Self> {
        if let Some(name) = &chunk_event {
            wire::encode::check_event_name(name).map_err(|error| PyValueError::new_err(error.to_string()))?;
        }
        let limits = Limits { keep_alive_ns: seconds_to_ns(keep_alive_s), ..Limits::DEFAULT };
        Ok(Self { encode, encode_options, encode_any, chunk_event, done_frame, limits, outlives_client })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.encode)?;
        visit.call(&self.encode_options)?;
        visit.call(&self.encode_any)
    }
}
