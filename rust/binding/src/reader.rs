//! The events of a response, as an `async for` asks for them.
//!
//! Strategy: a stream of spaced tokens is one wait, one read and one event for each token, so this path is
//! in one place and knows no Python frame: the awaitable of `__anext__` is one object per loop, which
//! takes bytes from the exchange, decodes them, and gives the first item; while there is nothing, the
//! task waits on the exchange's signal. The body of another HTTP library is read by awaiting what that
//! gives; everything else is the same.
#![expect(clippy::doc_markdown, reason = "Python reads these comments as docstrings")]

mod fault;
mod items;
mod source;

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyBaseException, PyRuntimeError, PyStopAsyncIteration, PyTypeError},
    prelude::*,
    types::{PyBytes, PyNone, PyString},
};
use transport::Taken;

use fault::Fault;
use source::{Source, TAKEN, is_read_out, take};

use crate::{
    awaitables::{Step, begin, close, step, throw_into, thrown},
    calls,
    decoder::{Decoding, Event, Form, MaxEventBytes},
    pulse::now_ns,
    signal::Signal,
    transport::HTTPExchange,
    turn,
};

pub(crate) use items::{EventItems, NextItem};

const IN_USE: &str = "another task reads the same stream: read it in one task at a time";

/// How the API says that its stream is complete.
struct End {
    data: Option<String>,
    event: Option<String>,
}

enum Item {
    /// An `Event`, or the value of one.
    Given(Py<PyAny>),
    /// The last event was seen: what follows no longer matters.
    End,
}

/// An iterator of `__await__` that the reader's task goes through, and what for.
enum Inner {
    Read(Py<PyAny>),
    Tail(Py<PyAny>),
}

struct State {
    /// Taken while it decodes, because making objects can run any code (finalizers).
    decoding: Option<Decoding>,
    items: VecDeque<Item>,
    inner: Option<Inner>,
    /// A copy of it is raised by each further step, before the items.
    interruption: Option<Py<PyAny>>,
    /// Raised by each further step, after the items.
    fault: Option<Fault>,
    has_started: bool,
    is_complete: bool,
    /// A task has been given something to wait for.
    is_awaited: bool,
    /// When the wait for bytes that goes on began; the exchange's only.
    waiting_since_ns: Option<u64>,
}

/// Reads one response: its events, their values, and its end.
///
/// Args:
///     source: an ``HTTPExchange``, or a function whose awaitable gives bytes, ``b""`` at the end.
///     max_event_bytes: the bound on what one event may hold.
///     end: the data of the last event, if the API promises one; it is not given.
///     end_event: the type of the last event, likewise; it is given.
///     on_start: called at the first event.
///     read_tail: its awaitable reads on after the last event.
///     make_fault: ``(why, cause)``, where ``why`` is ``"cut"``, ``"too large"`` or ``"not JSON"``: the
///         exception to raise.
#[pyclass(frozen, module = "streamactions._core")]
pub(crate) struct EventReader {
    source: Source,
    end: End,
    on_start: Py<PyAny>,
    read_tail: Py<PyAny>,
    make_fault: Py<PyAny>,
    state: Mutex<State>,
}

#[pymethods]
impl EventReader {
    #[new]
    #[pyo3(signature = (source, *, max_event_bytes, end, end_event, on_start, read_tail, make_fault))]
    fn new(
        source: Bound<'_, PyAny>,
        max_event_bytes: MaxEventBytes,
        end: Option<String>,
        end_event: Option<String>,
        on_start: Py<PyAny>,
        read_tail: Py<PyAny>,
        make_fault: Py<PyAny>,
    ) -> Self {
        let source = match source.cast_into::<HTTPExchange>() {
            Ok(exchange) => Source::Exchange(exchange.unbind()),
            Err(error) => Source::Read(error.into_inner().unbind()),
        };
        let state = State {
            decoding: Some(Decoding::new(max_event_bytes.0)),
            items: VecDeque::new(),
            inner: None,
            interruption: None,
            fault: None,
            has_started: false,
            is_complete: false,
            is_awaited: false,
            waiting_since_ns: None,
        };
        Self {
            source,
            end: End { data: end, event: end_event },
            on_start,
            read_tail,
            make_fault,
            state: Mutex::new(state),
        }
    }

    /// An async iterator of the events.
    fn events(slf: Py<Self>, py: Python<'_>) -> PyResult<EventItems> {
        EventItems::new(py, slf, Form::Event)
    }

    /// An async iterator of the events' JSON values.
    fn values(slf: Py<Self>, py: Python<'_>) -> PyResult<EventItems> {
        EventItems::new(py, slf, Form::Json { messages_only: false })
    }

    /// Whether the stream was read to its proven end.
    #[getter]
    fn complete(&self) -> bool {
        self.lock().is_complete
    }

    /// For how long, in seconds, the reader has waited for bytes; ``None`` while it does not.
    #[getter]
    #[expect(clippy::cast_precision_loss, reason = "what a float loses of a wait is no nanosecond in days")]
    fn waited_s(&self) -> Option<f64> {
        let since_ns = self.lock().waiting_since_ns?;
        Some(now_ns().saturating_sub(since_ns) as f64 / 1e9)
    }

    /// Raise an error where the reader waits, or else at its next step, before what was read already.
    ///
    /// Args:
    ///     error: is never raised itself; each step raises a copy of it (``copy.copy``). Call it from the
    ///         event loop's thread.
    fn interrupt(&self, error: Bound<'_, PyBaseException>) -> PyResult<()> {
        let py = error.py();
        let before = self.lock().interruption.replace(error.into_any().unbind());
        drop(before);
        match &self.source {
            Source::Exchange(exchange) => Signal::fire(exchange.get().signal().bind(py)),
            Source::Read(_) => Ok(()),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for held in [&self.on_start, &self.read_tail, &self.make_fault] {
            visit.call(held)?;
        }
        match &self.source {
            Source::Exchange(exchange) => visit.call(exchange)?,
            Source::Read(read) => visit.call(read)?,
        }
        if let Ok(state) = self.state.try_lock() {
            for item in &state.items {
                if let Item::Given(item) = item {
                    visit.call(item)?;
                }
            }
            if let Some(Inner::Read(inner) | Inner::Tail(inner)) = &state.inner {
                visit.call(inner)?;
            }
            visit.call(&state.interruption)?;
            if let Some(fault) = &state.fault {
                fault.traverse(&visit)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        let held = {
            let mut state = self.lock();
            let items = std::mem::take(&mut state.items);
            (items, state.inner.take(), state.interruption.take(), state.fault.take())
        };
        drop(held);
    }
}

impl EventReader {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The task's wait is over, if there was one. Gives what was awaited elsewhere.
    fn end_wait(&self, leave: fn(&Signal)) -> Option<Inner> {
        let (inner, has_waited_here) = {
            let mut state = self.lock();
            state.is_awaited = false;
            (state.inner.take(), state.waiting_since_ns.take().is_some())
        };
        if has_waited_here && let Source::Exchange(exchange) = &self.source {
            leave(exchange.get().signal().get());
        }
        inner
    }

    /// Go on until there is an item, or something to wait for.
    ///
    /// # Errors
    ///
    /// `StopAsyncIteration` at the end; a fault; what the task was interrupted with.
    fn resume<'py>(&self, form: Form, value: &Bound<'py, PyAny>) -> PyResult<Step<'py>> {
        let py = value.py();
        let now_ns = now_ns();
        if self.lock().is_awaited {
            turn::note_turn(now_ns);
        } else if turn::is_due(now_ns) {
            return Ok(self.let_turn(py));
        }
        let inner = self.end_wait(Signal::leave);
        if let Some(inner) = inner
            && let Some(waits) = self.go_through(form, inner, |iterator| step(iterator.bind(py), value))?
        {
            return Ok(Step::Yielded(waits));
        }
        self.advance(py, form)
    }

    /// Raise `error` where the task waits, and go on if that catches it.
    fn throw<'py>(&self, form: Form, error: Bound<'py, PyAny>) -> PyResult<Step<'py>> {
        let py = error.py();
        let inner = self.end_wait(Signal::leave);
        let Some(inner) = inner else {
            return Err(thrown(error)?);
        };
        match self.go_through(form, inner, |iterator| throw_into(iterator.bind(py), &error))? {
            Some(waits) => Ok(Step::Yielded(waits)),
            None => self.advance(py, form),
        }
    }

    /// The task gives its wait up.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let inner = self.end_wait(Signal::abandon);
        match inner {
            Some(Inner::Read(iterator) | Inner::Tail(iterator)) => close(iterator.bind(py)),
            None => Ok(()),
        }
    }

    /// Refuse a second task.
    fn check_free(&self) -> PyResult<()> {
        if self.lock().is_awaited { Err(PyRuntimeError::new_err(IN_USE)) } else { Ok(()) }
    }

    /// Have the task go on after a turn of its loop, whatever there is to give.
    fn let_turn<'py>(&self, py: Python<'py>) -> Step<'py> {
        self.lock().is_awaited = true;
        Step::Yielded(PyNone::get(py).to_owned().into_any())
    }

    /// One step of what is awaited elsewhere. Gives what the task has to wait for, or nothing once that is
    /// over.
    fn go_through<'py>(
        &self,
        form: Form,
        inner: Inner,
        go_on: impl FnOnce(&Py<PyAny>) -> PyResult<Step<'py>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (Inner::Read(iterator) | Inner::Tail(iterator)) = &inner;
        match go_on(iterator)? {
            Step::Yielded(waits) => {
                let mut state = self.lock();
                state.inner = Some(inner);
                state.is_awaited = true;
                Ok(Some(waits))
            }
            Step::Returned(_) if matches!(inner, Inner::Tail(_)) => Ok(None),
            Step::Returned(data) => {
                let data = data
                    .cast_into::<PyBytes>()
                    .map_err(|_| PyTypeError::new_err("a Response's read() must return bytes"))?;
                self.accept(data.py(), form, data.as_bytes())?;
                Ok(None)
            }
        }
    }

    fn advance<'py>(&self, py: Python<'py>, form: Form) -> PyResult<Step<'py>> {
        let mut has_read = false;
        loop {
            let item = self.next_item(py)?;
            // A body may hold no events at all, however much of it comes.
            if item.is_none() && std::mem::replace(&mut has_read, true) && turn::is_due(now_ns()) {
                return Ok(self.let_turn(py));
            }
            let inner = match (item, &self.source) {
                (Some(Item::Given(item)), _) => match self.give(form, item.into_bound(py))? {
                    Some(item) => return Ok(Step::Returned(item)),
                    None => continue,
                },
                (Some(Item::End), Source::Exchange(exchange)) if is_read_out(exchange.get()) => continue,
                (Some(Item::End), _) => Inner::Tail(begin(&calls::call0(self.read_tail.bind(py))?)?.unbind()),
                (None, Source::Read(read)) => Inner::Read(begin(&calls::call0(read.bind(py))?)?.unbind()),
                (None, Source::Exchange(exchange)) => match take(exchange.get()) {
                    Taken::Some(data) => {
                        let accepted = self.accept(py, form, &data);
                        TAKEN.set(data);
                        accepted?;
                        continue;
                    }
                    Taken::Ended => {
                        self.accept(py, form, b"")?;
                        continue;
                    }
                    Taken::Failed(why) => {
                        return Err(self.fail(py, Fault::Cut(why)));
                    }
                    Taken::Nothing => {
                        let signal = exchange.get().signal().bind(py);
                        Signal::wait(signal)?;
                        let mut state = self.lock();
                        state.waiting_since_ns = Some(now_ns());
                        state.is_awaited = true;
                        return Ok(Step::Yielded(signal.clone().into_any()));
                    }
                },
            };
            let go_on =
                |iterator: &Py<PyAny>| step(iterator.bind(py), &PyNone::get(py).to_owned().into_any());
            if let Some(waits) = self.go_through(form, inner, go_on)? {
                return Ok(Step::Yielded(waits));
            }
        }
    }

    /// The next item of what was read, if there is one.
    fn next_item(&self, py: Python<'_>) -> PyResult<Option<Item>> {
        let fault = {
            let mut state = self.lock();
            if let (Some(error), false) = (&state.interruption, state.is_complete) {
                Fault::Other(error.clone_ref(py))
            } else {
                match (state.items.pop_front(), &state.fault) {
                    (Some(Item::End), _) => {
                        state.is_complete = true;
                        return Ok(Some(Item::End));
                    }
                    (None, _) if state.is_complete => return Err(PyStopAsyncIteration::new_err(())),
                    (None, Some(fault)) => fault.clone_ref(py),
                    (item, _) => return Ok(item),
                }
            }
        };
        Err(fault.to_error(py, self))
    }

    /// An item in the form that is asked for: events that were read before can still become values. Nothing
    /// for an event without data, which has none.
    fn give<'py>(&self, form: Form, item: Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = item.py();
        match (form, item.cast_into::<Event>()) {
            (Form::Json { .. }, Ok(event)) if event.get().is_blank(py) => Ok(None),
            (Form::Json { .. }, Ok(event)) => {
                event.get().json(py).map(Some).map_err(|cause| self.make_fault(py, "not JSON", cause))
            }
            (Form::Event, Ok(event)) => Ok(Some(event.into_any())),
            (Form::Json { .. }, Err(value)) => Ok(Some(value.into_inner())),
            (Form::Event, Err(_)) => Err(PyRuntimeError::new_err(
                "this stream is read by values(): what is left of a read cannot be given as events",
            )),
        }
    }

    /// Decode what a read has given; nothing at the body's end.
    fn accept(&self, py: Python<'_>, form: Form, data: &[u8]) -> PyResult<()> {
        let Some(mut decoding) = self.lock().decoding.take() else {
            // These bytes are lost to whoever decodes now, so its stream must not go on without them.
            return Err(self.fail(py, Fault::InUse));
        };
        if data.is_empty() {
            let is_cut = self.end.data.is_some()
                || self.end.event.is_some()
                || decoding.decoder().buffered_bytes() > 0;
            let mut state = self.lock();
            state.decoding = Some(decoding);
            // A stream that says nothing is none: what was cut at its head, or never was one, looks the same.
            let is_cut = is_cut || !state.has_started;
            if is_cut {
                drop(state);
                return Err(self.fail(py, Fault::Cut("the body has ended".to_owned())));
            }
            state.is_complete = true;
            return Ok(());
        }
        let mut items = VecDeque::new();
        let mut has_ended = false;
        let mut fault = None;
        let outcome = decoding.feed(data, |event, id| {
            if has_ended || fault.is_some() {
                return;
            }
            let is_last_by_type = self.end.event.as_ref().is_some_and(|end| *end == event.event());
            let data = event.data_bytes().trim_ascii();
            // Some servers write blanks around it.
            if self.end.data.as_ref().is_some_and(|end| end.as_bytes().trim_ascii() == data) {
                has_ended = true;
                items.push_back(Item::End);
                return;
            }
            // An event without data is no value: some servers keep connections alive by it.
            if !(data.is_empty() && matches!(form, Form::Json { .. })) {
                match form.make(py, event, id) {
                    Ok(item) => items.push_back(Item::Given(item.unbind())),
                    Err(error) => fault = Some(Fault::other(py, error)),
                }
            }
            if is_last_by_type {
                has_ended = true;
                items.push_back(Item::End);
            }
        });
        if let (Err(error), None, false) = (outcome, &fault, has_ended) {
            fault = Some(Fault::TooLarge(error));
        }
        let is_first = {
            let mut state = self.lock();
            state.decoding = Some(decoding);
            let is_first = !state.has_started && !items.is_empty();
            state.has_started |= is_first;
            state.items.append(&mut items);
            if fault.is_some() {
                state.fault = fault;
            }
            is_first
        };
        if is_first {
            calls::call0(self.on_start.bind(py))?;
        }
        Ok(())
    }

    fn make_fault(&self, py: Python<'_>, why: &str, cause: PyErr) -> PyErr {
        let cause = cause.into_value(py).into_bound(py).into_any();
        match calls::call(self.make_fault.bind(py), [PyString::new(py, why).as_any(), &cause]) {
            Ok(fault) => PyErr::from_value(fault),
            Err(error) => error,
        }
    }

    /// The reading is over: gives what to raise now, as each further step does.
    fn fail(&self, py: Python<'_>, fault: Fault) -> PyErr {
        let error = fault.to_error(py, self);
        let before = self.lock().fault.replace(fault);
        drop(before);
        error
    }
}
