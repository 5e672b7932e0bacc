//! What a sender awaits, or one who waits for the stream's end.
//!
//! Strategy: the stream hears of a wait when it begins, not when `send` gives it out. So a `send` that nobody
//! awaits leaves nothing in the stream but its frame, and the stream can tell the frames of those who wait
//! from the others.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::{PyTraverseError, PyVisit, prelude::*, types::PyNone};

use crate::{
    awaitables::{Step, as_iterator, begin, close, step, throw_into, thrown},
    futures::wake,
    state::State,
    stream::StreamCore,
};

/// What is waited for.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// A write is done beyond so many; the sender's frame takes so many bytes of what is gathered.
    Write { writes_done: u64, frame_bytes: usize },
    /// The stream's last frame is written, or the client has left.
    End,
}

impl Goal {
    pub(crate) fn is_reached(self, state: &State) -> bool {
        match self {
            Self::Write { writes_done, .. } => state.writes_done > writes_done,
            Self::End => state.is_finished,
        }
    }
}

/// A wait that goes on.
struct Waiting {
    future: Py<PyAny>,
    /// That of the future.
    iterator: Py<PyAny>,
}

/// The awaitable of one wait. Two tasks may await it, each on its own.
#[pyclass(frozen, module = "streamactions._core")]
pub(crate) struct StreamWait {
    stream: Py<StreamCore>,
    goal: Goal,
    /// Taken while a step runs.
    waiting: Mutex<Option<Waiting>>,
}

impl StreamWait {
    pub(crate) fn new(stream: Py<StreamCore>, goal: Goal) -> Self {
        Self { stream, goal, waiting: Mutex::new(None) }
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Go on with a wait by `go_on`; whichever way it ends, the stream knows it no more.
    fn resume<'py>(
        &self,
        waiting: Waiting,
        go_on: impl FnOnce(&Py<PyAny>) -> PyResult<Step<'py>>,
    ) -> PyResult<Step<'py>> {
        let stepped = go_on(&waiting.iterator);
        match &stepped {
            Ok(Step::Yielded(_)) => *self.waiting() = Some(waiting),
            Ok(Step::Returned(_)) => {}
            Err(_) => self.stream.get().give_up_wait(&waiting.future, self.goal),
        }
        stepped
    }
}

#[pymethods]
impl StreamWait {
    fn __await__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        let this = slf.get();
        if this.waiting().is_none() {
            return Ok(slf.clone());
        }
        let goal = match this.goal {
            Goal::Write { writes_done, .. } => Goal::Write { writes_done, frame_bytes: 0 },
            Goal::End => Goal::End,
        };
        Bound::new(slf.py(), Self::new(this.stream.clone_ref(slf.py()), goal))
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.send(&PyNone::get(py).to_owned().into_any())
    }

    /// Go on with `value`, as an iterator of `__await__` does.
    fn send<'py>(&self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = value.py();
        let waiting = self.waiting().take();
        let waiting = match waiting {
            Some(waiting) => waiting,
            None => match self.stream.get().begin_wait(py, self.goal)? {
                Some(future) => Waiting { iterator: begin(&future)?.unbind(), future: future.unbind() },
                None => return as_iterator(Step::Returned(PyNone::get(py).to_owned().into_any())),
            },
        };
        as_iterator(self.resume(waiting, |iterator| step(iterator.bind(py), value))?)
    }

    /// Raise `error` where the task waits: this is how its cancellation reaches it.
    #[pyo3(signature = (error, value = None, traceback = None))]
    fn throw<'py>(
        &self,
        error: Bound<'py, PyAny>,
        value: Option<Bound<'py, PyAny>>,
        traceback: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        drop((value, traceback));
        let waiting = self.waiting().take();
        let Some(waiting) = waiting else {
            return Err(thrown(error)?);
        };
        as_iterator(self.resume(waiting, |iterator| throw_into(iterator.bind(error.py()), &error))?)
    }

    /// The task gives the wait up.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let waiting = self.waiting().take();
        let Some(Waiting { future, iterator }) = waiting else {
            return Ok(());
        };
        self.stream.get().give_up_wait(&future, self.goal);
        close(iterator.bind(py))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.stream)?;
        if let Ok(waiting) = self.waiting.try_lock()
            && let Some(Waiting { future, iterator }) = &*waiting
        {
            visit.call(future)?;
            visit.call(iterator)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let waiting = self.waiting().take();
        drop(waiting);
    }
}

impl StreamCore {
    /// Begin to wait. Gives the future to await, or nothing where the goal is reached.
    fn begin_wait<'py>(&self, py: Python<'py>, goal: Goal) -> PyResult<Option<Bound<'py, PyAny>>> {
        if goal.is_reached(&self.lock()) {
            return Ok(None);
        }
        self.require_thread(py, "wait_closed()")?;
        let future = self.create_future(py)?;
        let mut state = self.lock();
        match goal {
            _ if goal.is_reached(&state) => return Ok(None),
            Goal::Write { frame_bytes, .. } => {
                state.buffer.begin_wait(frame_bytes);
                state.waiting_senders.push(future.clone().unbind());
            }
            Goal::End => state.waiting_for_end.push(future.clone().unbind()),
        }
        Ok(Some(future))
    }

    /// Give up a wait that had begun.
    fn give_up_wait(&self, future: &Py<PyAny>, goal: Goal) {
        let given_up = {
            let mut state = self.lock();
            if let (Goal::Write { frame_bytes, .. }, false) = (goal, goal.is_reached(&state)) {
                state.buffer.give_up_wait(frame_bytes);
            }
            let waiting = match goal {
                Goal::Write { .. } => &mut state.waiting_senders,
                Goal::End => &mut state.waiting_for_end,
            };
            let index = waiting.iter().position(|each| each.is(future));
            index.map(|index| waiting.remove(index))
        };
        drop(given_up);
    }

    /// Nothing is to be written any more: everyone who waits for that is told.
    pub(crate) fn end(&self, py: Python<'_>) {
        let (connection, waiting) = {
            let mut state = self.lock();
            state.is_finished = true;
            (state.idle_connection.take(), std::mem::take(&mut state.waiting_for_end))
        };
        for future in connection.into_iter().chain(waiting) {
            wake(py, &future);
        }
    }

    pub(crate) fn wake_senders(&self, py: Python<'_>) {
        let waiting = {
            let mut state = self.lock();
            state.writes_done += 1;
            std::mem::take(&mut state.waiting_senders)
        };
        for future in waiting {
            wake(py, &future);
        }
    }
}
