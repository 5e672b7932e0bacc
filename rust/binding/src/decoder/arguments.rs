//! What Python passes in: bytes-like objects and natural numbers.

use std::ops::RangeInclusive;

use pyo3::{
    buffer::PyBuffer,
    exceptions::{PyOverflowError, PyTypeError, PyValueError},
    prelude::*,
    types::PyBytes,
};

/// The bytes of any bytes-like object. `bytes` cannot change, so they are read where they lie;
/// anything else is copied, because Python code could change it meanwhile.
pub(super) enum BytesLike<'py> {
    Bytes(Bound<'py, PyBytes>),
    Copied(Vec<u8>),
}

impl<'py> BytesLike<'py> {
    pub(super) fn new(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Ok(Self::Bytes(bytes.clone()));
        }
        match PyBuffer::<u8>::get(object) {
            Ok(buffer) => Ok(Self::Copied(buffer.to_vec(object.py())?)),
            Err(_) => Err(PyTypeError::new_err(format!(
                "expected bytes, bytearray or a memoryview of bytes, not {}",
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

/// An integer in `range`; out of it is a `ValueError` that names the range.
pub(super) fn natural(name: &str, value: &Bound<'_, PyAny>, range: &RangeInclusive<u64>) -> PyResult<u64> {
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
