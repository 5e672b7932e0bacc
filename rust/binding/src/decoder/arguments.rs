//! What Python passes in: bytes-like objects, text with a default, and integers with a range.
//!
//! `None` stands for nothing here unless a signature says so: a default applies to an argument
//! that is absent.

use std::ops::RangeInclusive;

use pyo3::{
    buffer::PyBuffer,
    exceptions::{PyOverflowError, PyTypeError, PyValueError},
    ffi,
    prelude::*,
    types::{PyBytes, PyString},
};
use wire::decode::MAX_RETRY_MS;

/// The bytes of any bytes-like object. `bytes` cannot change, so they are read where they lie;
/// anything else is copied, because Python code could change it meanwhile.
pub(super) enum BytesLike<'py> {
    Bytes(Bound<'py, PyBytes>),
    Copied(Vec<u8>),
}

impl<'py> BytesLike<'py> {
    /// `accepted` names the types that the caller's `data` may have.
    pub(super) fn new(object: &Bound<'py, PyAny>, accepted: &str) -> PyResult<Self> {
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Ok(Self::Bytes(bytes.clone()));
        }
        match PyBuffer::<u8>::get(object) {
            Ok(buffer) => Ok(Self::Copied(buffer.to_vec(object.py())?)),
            Err(_) => Err(PyTypeError::new_err(format!(
                "data must be {accepted}, not {}",
                object.get_type().name()?
            ))),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes.as_bytes(),
            Self::Copied(bytes) => bytes,
        }
    }
}

/// A `str`, or a default.
pub(super) enum Text {
    Default(&'static str),
    Given(Py<PyString>),
}

impl Text {
    pub(super) fn into_string(self, py: Python<'_>) -> Py<PyString> {
        match self {
            Self::Default(text) => PyString::new(py, text).unbind(),
            Self::Given(text) => text,
        }
    }
}

impl<'py> FromPyObject<'_, 'py> for Text {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let text = object.cast::<PyString>()?;
        if text.is_exact_instance_of::<PyString>() {
            return Ok(Self::Given(text.to_owned().unbind()));
        }
        // An object of a subclass can hold others, the event among them: only its text is kept.
        // SAFETY: `text` is a live object of a subclass of `str` and the thread is attached; the result is a
        // new reference to a `str` proper, or NULL with the exception set.
        let copied =
            unsafe { Bound::from_owned_ptr_or_err(object.py(), ffi::PyUnicode_FromObject(text.as_ptr())) }?;
        Ok(Self::Given(copied.cast_into::<PyString>()?.unbind()))
    }
}

/// A bound in bytes, 1 to 2^32 - 1.
#[derive(Clone, Copy)]
pub(crate) struct MaxEventBytes(pub usize);

impl<'py> FromPyObject<'_, 'py> for MaxEventBytes {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let bytes = natural("max_event_bytes", &object, &(1..=u64::from(u32::MAX)))?;
        // The smallest usize there is holds every number of that range.
        Ok(Self(usize::try_from(bytes).unwrap_or(usize::MAX)))
    }
}

/// A reconnection time in milliseconds, 0 to 2^53 - 1.
#[derive(Clone, Copy)]
pub(crate) struct RetryMs(pub u64);

impl<'py> FromPyObject<'_, 'py> for RetryMs {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        natural("retry_ms", &object, &(0..=MAX_RETRY_MS)).map(Self)
    }
}

/// An integer in `range`; out of it is a `ValueError` that names the range.
fn natural(name: &str, value: &Bound<'_, PyAny>, range: &RangeInclusive<u64>) -> PyResult<u64> {
    let number = match value.extract::<u64>() {
        Ok(number) => Some(number),
        Err(error) if error.is_instance_of::<PyOverflowError>(value.py()) => None,
        Err(_) => {
            let class = value.get_type().name()?;
            return Err(PyTypeError::new_err(format!("{name} must be an int, not {class}")));
        }
    };
    number.filter(|number| range.contains(number)).ok_or_else(|| {
        let (least, most) = (range.start(), range.end());
        PyValueError::new_err(format!("{name} must be from {least} to {most}, not {value}"))
    })
}
