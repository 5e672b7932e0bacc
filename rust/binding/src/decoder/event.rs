//! `Event`: one decoded event, immutable.

use pyo3::{
    intern,
    prelude::*,
    types::{PyString, PyTuple},
};

use super::{
    arguments::{RetryMs, Text},
    json::{not_json, parse_text},
};

/// One event of a stream; immutable, hashable, equal by value.
///
/// Args:
///     event: the type, ``"message"`` where the stream names none.
///     data: the data lines, joined by LF.
///     id: the stream's last event ID, ``""`` if none; it may come from an earlier event.
///     retry_ms: the reconnection time in milliseconds that this event's block names, if any.
///
/// Raises:
///     ValueError: ``retry_ms`` is not from 0 to 2**53 - 1.
#[pyclass(frozen, get_all, module = "streamactions")]
#[expect(clippy::struct_field_names, reason = "`event` is the field's name in the format")]
pub(crate) struct Event {
    /// The type: ``"message"`` where the stream names none.
    event: Py<PyString>,
    /// The data lines, joined by LF.
    data: Py<PyString>,
    /// The stream's last event ID, ``""`` if none; it may come from an earlier event.
    id: Py<PyString>,
    /// The reconnection time in milliseconds that this event's block names, or ``None``.
    retry_ms: Option<u64>,
}

impl Event {
    /// `id` keeps the string of the last event ID from one event to the next.
    pub(super) fn from_wire<'py>(
        py: Python<'py>,
        event: wire::decode::Event<'_>,
        id: &mut Option<Py<PyString>>,
    ) -> PyResult<Bound<'py, Self>> {
        if event.id_is_new() {
            *id = None;
        }
        let id = match id {
            Some(id) => id,
            None => id.insert(PyString::new(py, &event.id()).unbind()),
        };
        let name = match event.event().as_ref() {
            "message" => intern!(py, "message").clone(),
            name => PyString::new(py, name),
        };
        // CPython validates what it is given, so well-formed data is looked through only once.
        let data =
            PyString::from_bytes(py, event.data_bytes()).unwrap_or_else(|_| PyString::new(py, &event.data()));
        Bound::new(
            py,
            Self {
                event: name.unbind(),
                data: data.unbind(),
                id: id.clone_ref(py),
                retry_ms: event.retry_ms(),
            },
        )
    }

    /// Whether there is no data but blanks.
    pub(crate) fn is_blank(&self, py: Python<'_>) -> bool {
        self.data.to_str(py).is_ok_and(|data| data.trim_ascii().is_empty())
    }

    fn as_tuple<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        (&self.event, &self.data, &self.id, self.retry_ms).into_pyobject(py)
    }
}

#[pymethods]
impl Event {
    #[new]
    #[pyo3(
        signature = (
            event = Text::Default("message"), data = Text::Default(""), id = Text::Default(""), retry_ms = None
        ),
        text_signature = "(event='message', data='', id='', retry_ms=None)"
    )]
    fn new(py: Python<'_>, event: Text, data: Text, id: Text, retry_ms: Option<RetryMs>) -> Self {
        Self {
            event: event.into_string(py),
            data: data.into_string(py),
            id: id.into_string(py),
            retry_ms: retry_ms.map(|retry_ms| retry_ms.0),
        }
    }

    /// The data as a JSON value.
    ///
    /// Raises:
    ///     ValueError: the data is not JSON; the message says what is wrong, and where.
    pub(crate) fn json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        // A string that Python code made may hold what UTF-8 cannot.
        let text = self.data.to_str(py).map_err(|cause| not_json(py, cause))?;
        parse_text(py, text)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let retry_ms = self.retry_ms.map_or_else(|| "None".to_owned(), |retry_ms| retry_ms.to_string());
        Ok(format!(
            "Event(event={}, data={}, id={}, retry_ms={retry_ms})",
            self.event.bind(py).repr()?,
            self.data.bind(py).repr()?,
            self.id.bind(py).repr()?,
        ))
    }

    fn __eq__<'py>(&self, py: Python<'py>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let Ok(other) = other.cast::<Self>() else {
            return Ok(py.NotImplemented().into_bound(py));
        };
        let equal = self.as_tuple(py)?.eq(other.get().as_tuple(py)?)?;
        Ok(equal.into_pyobject(py)?.to_owned().into_any())
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        self.as_tuple(py)?.hash()
    }
}
