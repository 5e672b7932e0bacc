//! What `send` gave, and `send_each`: everything that an async iterable gives, into a stream.
//!
//! Strategy: it is the loop `async for item in items: await stream.send(item)`, without a frame of the
//! interpreter in it. Where the items are those of a response that is read here, no result passes by
//! way of an exception either: a relay's token goes from one socket's buffer to the other's through one
//! Python function, the caller's own.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyRuntimeError, PyStopAsyncIteration, PyTypeError},
    intern,
    prelude::*,
    types::PyNone,
};

use crate::{
    awaitables::{Step, Yield, begin, close, step, throw_into, thrown},
    calls,
    pulse::now_ns,
    reader::{EventItems, NextItem},
    stream::StreamCore,
    turn,
    waiting::{Goal, StreamWait},
};

/// What became of a chunk that was sent.
pub(crate) enum Sent<'py> {
    /// The sender may go on.
    Ready,
    /// The sender has to await this.
    Wait(Bound<'py, PyAny>),
}

impl<'py> Sent<'py> {
    pub(crate) fn until(stream: &Bound<'py, StreamCore>, goal: Goal) -> PyResult<Self> {
        let wait = StreamWait::new(stream.clone().unbind(), goal);
        Ok(Self::Wait(Bound::new(stream.py(), wait)?.into_any()))
    }

    pub(crate) fn after_a_turn(py: Python<'py>) -> PyResult<Self> {
        Ok(Self::Wait(Bound::new(py, Yield::new())?.into_any()))
    }
}

/// Where the items come from.
enum Items {
    /// A response that is read here.
    Events(Py<NextItem>),
    /// Any async iterator.
    Any(Py<PyAny>),
}

/// An iterator of `__await__` that the task goes through, and what for.
enum Wait {
    Item(Py<PyAny>),
    Send(Py<PyAny>),
    /// For nothing but a turn of the loop.
    Turn,
}

/// The awaitable of `send_each`.
#[pyclass(frozen, module = "streamactions._core")]
pub(crate) struct SendEach {
    stream: Py<StreamCore>,
    items: Items,
    make_chunk: Option<Py<PyAny>>,
    /// Taken while a step runs.
    wait: Mutex<Option<Wait>>,
}

impl SendEach {
    /// # Errors
    ///
    /// `TypeError`: `items` is no async iterable.
    pub(crate) fn new(
        stream: Py<StreamCore>,
        items: &Bound<'_, PyAny>,
        make_chunk: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let py = items.py();
        let Some(make_iterator) = items.getattr_opt(intern!(py, "__aiter__"))? else {
            return Err(PyTypeError::new_err(format!(
                "send_each() takes an async iterable, such as an async generator, not {}",
                items.get_type().name()?
            )));
        };
        let items = match calls::call0(&make_iterator)?.cast_into::<EventItems>() {
            Ok(events) => Items::Events(events.get().next(py)),
            Err(error) => Items::Any(error.into_inner().unbind()),
        };
        Ok(Self { stream, items, make_chunk, wait: Mutex::new(None) })
    }

    fn wait(&self) -> MutexGuard<'_, Option<Wait>> {
        self.wait.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Go on where the task waited, by `go_on`, until there is something to wait for or the items have
    /// ended.
    fn resume<'py>(
        &self,
        py: Python<'py>,
        go_on: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<Step<'py>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let wait = self.wait().take();
        if wait.is_some() {
            turn::note_turn(now_ns());
        }
        let mut item = match wait {
            None | Some(Wait::Turn) => None,
            Some(Wait::Send(iterator)) => match go_on(iterator.bind(py))? {
                Step::Returned(_) => None,
                Step::Yielded(waits) => return Ok(Some(self.keep(Wait::Send(iterator), waits))),
            },
            Some(Wait::Item(iterator)) => match go_on(iterator.bind(py)) {
                Ok(Step::Returned(item)) => Some(item),
                Ok(Step::Yielded(waits)) => return Ok(Some(self.keep(Wait::Item(iterator), waits))),
                Err(error) => return end(py, error),
            },
        };
        loop {
            if let Some(item) = item.take()
                && let Some(waits) = self.send_item(item)?
            {
                return Ok(Some(waits));
            }
            let iterator = match &self.items {
                Items::Events(next) => NextItem::begin(next.bind(py))?.into_any(),
                Items::Any(_) if turn::is_due(now_ns()) => return Ok(Some(self.keep(Wait::Turn, none(py)))),
                Items::Any(items) => begin(&calls::call_method0(items.bind(py), intern!(py, "__anext__"))?)?,
            };
            match step_item(&iterator, &none(py)) {
                Ok(Step::Returned(next)) => item = Some(next),
                Ok(Step::Yielded(waits)) => {
                    return Ok(Some(self.keep(Wait::Item(iterator.unbind()), waits)));
                }
                Err(error) => return end(py, error),
            }
        }
    }

    /// Send one item. Gives what the task has to wait for.
    fn send_item<'py>(&self, item: Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = item.py();
        let chunk = match &self.make_chunk {
            None => item,
            Some(make_chunk) => {
                let chunk = calls::call1(make_chunk.bind(py), &item)?;
                if chunk.is_none() {
                    return Ok(None);
                }
                chunk
            }
        };
        let Sent::Wait(awaitable) = StreamCore::send_chunk(self.stream.bind(py), &chunk)? else {
            return Ok(None);
        };
        let iterator = begin(&awaitable)?;
        match step(&iterator, &none(py))? {
            Step::Returned(_) => Ok(None),
            Step::Yielded(waits) => Ok(Some(self.keep(Wait::Send(iterator.unbind()), waits))),
        }
    }

    fn keep<'py>(&self, wait: Wait, waits: Bound<'py, PyAny>) -> Bound<'py, PyAny> {
        *self.wait() = Some(wait);
        waits
    }
}

fn none(py: Python<'_>) -> Bound<'_, PyAny> {
    PyNone::get(py).to_owned().into_any()
}

fn step_item<'py>(iterator: &Bound<'py, PyAny>, value: &Bound<'py, PyAny>) -> PyResult<Step<'py>> {
    match iterator.cast::<NextItem>() {
        Ok(next) => next.get().step(value),
        Err(_) => step(iterator, value),
    }
}

/// The items' own end is that of the loop; any other error is raised from it.
fn end(py: Python<'_>, error: PyErr) -> PyResult<Option<Bound<'_, PyAny>>> {
    if error.is_instance_of::<PyStopAsyncIteration>(py) { Ok(None) } else { Err(error) }
}

#[pymethods]
impl SendEach {
    fn __await__(slf: PyRef<'_, Self>) -> PyResult<PyRef<'_, Self>> {
        if slf.wait().is_some() {
            return Err(PyRuntimeError::new_err("another task awaits the same send_each()"));
        }
        Ok(slf)
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.send(&none(py))
    }

    /// Go on with `value`, as an iterator of `__await__` does; gives nothing at the end.
    fn send<'py>(&self, value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.resume(value.py(), |iterator| step_item(iterator, value))
    }

    /// Raise `error` where the task waits: this is how its cancellation reaches it.
    #[pyo3(signature = (error, value = None, traceback = None))]
    fn throw<'py>(
        &self,
        error: Bound<'py, PyAny>,
        value: Option<Bound<'py, PyAny>>,
        traceback: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        drop((value, traceback));
        let is_in_an_iterator = matches!(*self.wait(), Some(Wait::Item(_) | Wait::Send(_)));
        if !is_in_an_iterator {
            // What is left is a wait for a turn, if any, which nothing can catch.
            *self.wait() = None;
            return Err(thrown(error)?);
        }
        self.resume(error.py(), |iterator| throw_into(iterator, &error))
    }

    /// The task gives the wait up.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let wait = self.wait().take();
        match wait {
            Some(Wait::Item(iterator) | Wait::Send(iterator)) => close(iterator.bind(py)),
            None | Some(Wait::Turn) => Ok(()),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.stream)?;
        visit.call(&self.make_chunk)?;
        match &self.items {
            Items::Events(next) => visit.call(next)?,
            Items::Any(items) => visit.call(items)?,
        }
        if let Ok(wait) = self.wait.try_lock()
            && let Some(Wait::Item(iterator) | Wait::Send(iterator)) = &*wait
        {
            visit.call(iterator)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let wait = self.wait().take();
        drop(wait);
    }
}
