//! A loop over a stream's reads: what a program that waits for its bytes itself decodes with.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use pyo3::{PyTraverseError, PyVisit, prelude::*, types::PyIterator};

use super::{SSEDecoder, arguments::BytesLike, decoding::Form};
use crate::errors::{StreamCutError, from_decode_error};

#[derive(Default)]
struct State {
    items: VecDeque<Py<PyAny>>,
    /// Raised by each further step, after the items.
    fault: Option<PyErr>,
    has_ended: bool,
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
        let mut reads = self.reads.bind(py).clone();
        // Most reads of a live stream complete one event, which then need not be stored.
        let mut first = None;
        let mut others = VecDeque::new();
        let mut fault = None;
        for read in &mut reads {
            let read = read?;
            let data = BytesLike::new(&read, "bytes, bytearray or a memoryview of bytes")?;
            let outcome = self.decoder.bind(py).try_borrow_mut()?.0.feed(data.as_bytes(), |event, id| {
                if fault.is_none() {
                    match self.form.make(py, event, id) {
                        Ok(item) if first.is_none() => first = Some(item),
                        Ok(item) => others.push_back(item.unbind()),
                        Err(error) => fault = Some(error),
                    }
                }
            });
            if let (None, Err(error)) = (&fault, outcome) {
                fault = Some(from_decode_error(&error));
            }
            if first.is_some() || fault.is_some() {
                let mut state = self.state();
                state.items = others;
                state.fault = fault;
                return match (first, &state.fault) {
                    (None, Some(fault)) => Err(fault.clone_ref(py)),
                    (first, _) => Ok(first),
                };
            }
        }
        let mut state = self.state();
        state.has_ended = true;
        if self.decoder.bind(py).try_borrow()?.0.decoder().buffered_bytes() > 0 {
            let fault = StreamCutError::new_err("the reads ended inside an event, so the stream was cut");
            state.fault = Some(fault.clone_ref(py));
            return Err(fault);
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
        {
            let mut state = self.state();
            if let Some(item) = state.items.pop_front() {
                return Ok(Some(item.into_bound(py)));
            }
            if let Some(fault) = &state.fault {
                return Err(fault.clone_ref(py));
            }
            if state.has_ended {
                return Ok(None);
            }
        }
        self.read_on(py)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.decoder)?;
        visit.call(&self.reads)?;
        if let Ok(state) = self.state.try_lock() {
            for item in &state.items {
                visit.call(item)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        let items = std::mem::take(&mut self.state().items);
        drop(items);
    }
}
