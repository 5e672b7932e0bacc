//! A loop over a stream's reads: what a program that waits for its bytes itself decodes with.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use pyo3::{PyTraverseError, PyVisit, prelude::*, types::PyIterator};

use wire::decode::DecodeError;

use super::{SSEDecoder, arguments::BytesLike, decoding::Form};
use crate::{
    calls,
    errors::{StreamCutError, copied, from_decode_error},
};

/// Why it cannot go on; each raise makes its own exception.
enum Fault {
    TooLarge(DecodeError),
    Cut,
    /// What making an event raised.
    Other(Py<PyAny>),
}

#[derive(Default)]
struct State {
    items: VecDeque<Py<PyAny>>,
    /// Raised by each further step, after the items.
    fault: Option<Fault>,
    has_ended: bool,
}

impl Fault {
    fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::TooLarge(error) => Self::TooLarge(error.clone()),
            Self::Cut => Self::Cut,
            Self::Other(error) => Self::Other(error.clone_ref(py)),
        }
    }

    fn to_error(&self, py: Python<'_>) -> PyErr {
        match self {
            Self::TooLarge(error) => from_decode_error(error),
            Self::Cut => StreamCutError::new_err("the reads ended inside an event, so the stream was cut"),
            Self::Other(error) => copied(py, error),
        }
    }
}

/// The iterator of `SSEDecoder.iter_events` and `iter_json`.
#[pyclass(frozen, module = "streamactions._core")]
pub(crate) struct DecodedReads {
    decoder: Py<SSEDecoder>,
    reads: Py<PyIterator>,
    form: Form,
    state: Mutex<State>,
}

impl DecodedReads {
    pub(super) fn new(decoder: Py<SSEDecoder>, reads: &Bound<'_, PyAny>, form: Form) -> PyResult<Self> {
        Ok(Self { decoder, reads: reads.try_iter()?.unbind(), form, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first of the items that the next reads complete.
    fn read_on<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let reads = self.reads.bind(py);
        // Most reads of a live stream complete one event, which then need not be stored.
        let mut first = None;
        let mut others = VecDeque::new();
        let mut fault = None;
        while let Some(read) = calls::next(reads)? {
            let data = BytesLike::new(&read, "bytes, bytearray or a memoryview of bytes")?;
            let outcome = self.decoder.bind(py).try_borrow_mut()?.0.feed(data.as_bytes(), |event, id| {
                if fault.is_none() {
                    match self.form.make(py, event, id) {
                        Ok(item) if first.is_none() => first = Some(item),
                        Ok(item) => others.push_back(item.unbind()),
                        Err(error) => fault = Some(Fault::Other(error.into_value(py).into_any())),
                    }
                }
            });
            if let (None, Err(error)) = (&fault, outcome) {
                fault = Some(Fault::TooLarge(error));
            }
            if first.is_some() || fault.is_some() {
                let error = match (&first, &fault) {
                    (None, Some(fault)) => Some(fault.to_error(py)),
                    _ => None,
                };
                let mut state = self.state();
                state.items = others;
                state.fault = fault;
                return error.map_or(Ok(first), Err);
            }
        }
        let mut state = self.state();
        state.has_ended = true;
        if self.decoder.bind(py).try_borrow()?.0.decoder().buffered_bytes() > 0 {
            state.fault = Some(Fault::Cut);
            drop(state);
            return Err(Fault::Cut.to_error(py));
        }
        Ok(None)
    }
}

#[pymethods]
impl DecodedReads {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let fault = {
            let mut state = self.state();
            if let Some(item) = state.items.pop_front() {
                return Ok(Some(item.into_bound(py)));
            }
            if state.fault.is_none() && state.has_ended {
                return Ok(None);
            }
            state.fault.as_ref().map(|fault| fault.clone_ref(py))
        };
        match fault {
            Some(fault) => Err(fault.to_error(py)),
            None => self.read_on(py),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.decoder)?;
        visit.call(&self.reads)?;
        if let Ok(state) = self.state.try_lock() {
            for item in &state.items {
                visit.call(item)?;
            }
            if let Some(Fault::Other(error)) = &state.fault {
                visit.call(error)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        let held = std::mem::take(&mut *self.state());
        drop(held);
    }
}
