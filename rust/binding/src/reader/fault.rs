//! Why a reader cannot go on.

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyConnectionError, PyRuntimeError},
    prelude::*,
};
use wire::decode::DecodeError;

use super::{EventReader, IN_USE};
use crate::errors::{copied, from_decode_error};

/// What ended the reading. No exception that was raised is held: it would hold the frames that it has passed,
/// which hold the reader. Each raise makes its own.
pub(super) enum Fault {
    /// The body ended too early; why, in one line.
    Cut(String),
    TooLarge(DecodeError),
    /// Another task has lost bytes of it.
    InUse,
    /// What making an event raised.
    Other(Py<PyAny>),
}

impl Fault {
    pub(super) fn other(py: Python<'_>, error: PyErr) -> Self {
        Self::Other(error.into_value(py).into_any())
    }

    pub(super) fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Cut(why) => Self::Cut(why.clone()),
            Self::TooLarge(error) => Self::TooLarge(error.clone()),
            Self::InUse => Self::InUse,
            Self::Other(error) => Self::Other(error.clone_ref(py)),
        }
    }

    /// The exception to raise, made anew; called where no lock is held.
    pub(super) fn to_error(&self, py: Python<'_>, reader: &EventReader) -> PyErr {
        match self {
            Self::Cut(why) => reader.make_fault(py, "cut", PyConnectionError::new_err(why.clone())),
            Self::TooLarge(error) => reader.make_fault(py, "too large", from_decode_error(error)),
            Self::InUse => PyRuntimeError::new_err(IN_USE),
            Self::Other(error) => copied(py, error),
        }
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Other(error) => visit.call(error),
            Self::Cut(_) | Self::TooLarge(_) | Self::InUse => Ok(()),
        }
    }
}
