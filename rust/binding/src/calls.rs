//! Calls of Python code that a daemon thread may never return from.
//!
//! Before Python 3.14, a thread that wants to go on after the interpreter has begun to end is ended by
//! `pthread_exit`. glibc then unwinds the thread's stack by force, and a frame of Rust that is met on the way,
//! such as one that catches panics, aborts the process. Whatever calls Python code from here, and by it lets
//! other threads run, therefore stops the thread where it is, as Python 3.14 does by itself; `pyo3-ffi` does
//! the same where a thread attaches. Such a thread holds no lock of the interpreter, and ends with the process.

use pyo3::{
    ffi, intern,
    prelude::*,
    sync::PyOnceLock,
    types::{PyIterator, PyString, PyTuple},
};

unsafe extern "C-unwind" {
    fn PyObject_CallNoArgs(callable: *mut ffi::PyObject) -> *mut ffi::PyObject;
    fn PyObject_CallOneArg(callable: *mut ffi::PyObject, argument: *mut ffi::PyObject) -> *mut ffi::PyObject;
    fn PyObject_VectorcallMethod(
        name: *mut ffi::PyObject,
        arguments: *const *mut ffi::PyObject,
        count: usize,
        keyword_names: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject;
    fn PyObject_Vectorcall(
        callable: *mut ffi::PyObject,
        arguments: *const *mut ffi::PyObject,
        count: usize,
        keyword_names: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject;
    fn PyIter_Next(iterator: *mut ffi::PyObject) -> *mut ffi::PyObject;
    fn PyIter_Send(
        iterator: *mut ffi::PyObject,
        value: *mut ffi::PyObject,
        result: *mut *mut ffi::PyObject,
    ) -> ffi::PySendResult;
}

/// Dropped by a forced unwinding alone; whoever returns forgets it.
struct HangThread;

impl Drop for HangThread {
    fn drop(&mut self) {
        loop {
            std::thread::park();
        }
    }
}

/// Run what may be unwound by force.
#[inline]
fn guarded<T>(call: impl FnOnce() -> T) -> T {
    let guard = HangThread;
    let result = call();
    std::mem::forget(guard);
    result
}

/// `function()`
pub(crate) fn call0<'py>(function: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: `function` is a live object and the thread is attached.
    let result = guarded(|| unsafe { PyObject_CallNoArgs(function.as_ptr()) });
    // SAFETY: it is a new reference, or NULL with the exception set.
    unsafe { Bound::from_owned_ptr_or_err(function.py(), result) }
}

/// `function(argument)`
pub(crate) fn call1<'py>(
    function: &Bound<'py, PyAny>,
    argument: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: both are live objects and the thread is attached.
    let result = guarded(|| unsafe { PyObject_CallOneArg(function.as_ptr(), argument.as_ptr()) });
    // SAFETY: it is a new reference, or NULL with the exception set.
    unsafe { Bound::from_owned_ptr_or_err(function.py(), result) }
}

/// `function(*arguments)`
pub(crate) fn call<'py, const N: usize>(
    function: &Bound<'py, PyAny>,
    arguments: [&Bound<'py, PyAny>; N],
) -> PyResult<Bound<'py, PyAny>> {
    let arguments = arguments.map(Bound::as_ptr);
    // SAFETY: `function` and all arguments are live objects; there are no keywords, and the thread is
    // attached.
    let result = guarded(|| unsafe {
        PyObject_Vectorcall(function.as_ptr(), arguments.as_ptr(), N, std::ptr::null_mut())
    });
    // SAFETY: it is a new reference, or NULL with the exception set.
    unsafe { Bound::from_owned_ptr_or_err(function.py(), result) }
}

/// `loop.call_soon(function, argument, context=context)`
pub(crate) fn call_soon<'py>(
    event_loop: &Bound<'py, PyAny>,
    function: &Bound<'py, PyAny>,
    argument: &Bound<'py, PyAny>,
    context: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    static KEYWORDS: PyOnceLock<Py<PyTuple>> = PyOnceLock::new();
    let py = event_loop.py();
    let keywords = KEYWORDS.get_or_try_init(py, || PyTuple::new(py, ["context"]).map(Bound::unbind))?;
    let arguments = [event_loop, function, argument, context].map(Bound::as_ptr);
    call_method(intern!(py, "call_soon"), &arguments, Some(keywords.bind(py)), event_loop)
}

/// The next item of an iterator, or nothing at its end.
pub(crate) fn next<'py>(iterator: &Bound<'py, PyIterator>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = iterator.py();
    // SAFETY: `iterator` is a live iterator and the thread is attached.
    let item = guarded(|| unsafe { PyIter_Next(iterator.as_ptr()) });
    // SAFETY: it is a new reference, or NULL: with an exception set, or without one at the end.
    match unsafe { Bound::from_owned_ptr_or_opt(py, item) } {
        Some(item) => Ok(Some(item)),
        None => PyErr::take(py).map_or(Ok(None), Err),
    }
}

/// `object.name()`
pub(crate) fn call_method0<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyAny>> {
    call_method(name, &[object.as_ptr()], None, object)
}

/// `object.name(argument)`
pub(crate) fn call_method1<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
    argument: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    call_method(name, &[object.as_ptr(), argument.as_ptr()], None, object)
}

/// The first of the arguments is the object; the last ones are those that have a keyword.
fn call_method<'py>(
    name: &Bound<'py, PyString>,
    arguments: &[*mut ffi::PyObject],
    keywords: Option<&Bound<'py, PyTuple>>,
    object: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let count = arguments.len() - keywords.map_or(0, PyTupleMethods::len);
    let keywords = keywords.map_or(std::ptr::null_mut(), Bound::as_ptr);
    // SAFETY: `arguments` are live objects, of which the first is the object, and `count` of them have no
    // keyword; `keywords` is NULL or has the names of the others. The thread is attached.
    let result =
        guarded(|| unsafe { PyObject_VectorcallMethod(name.as_ptr(), arguments.as_ptr(), count, keywords) });
    // SAFETY: it is a new reference, or NULL with the exception set.
    unsafe { Bound::from_owned_ptr_or_err(object.py(), result) }
}

/// `iterator.send(value)`. Returns how the step ended, and what it gave.
pub(crate) fn send<'py>(
    iterator: &Bound<'py, PyAny>,
    value: &Bound<'py, PyAny>,
) -> PyResult<(ffi::PySendResult, Bound<'py, PyAny>)> {
    let mut result = std::ptr::null_mut();
    // SAFETY: both arguments are live objects, the thread is attached, and `result` is an out-parameter that
    // receives a new reference, or NULL together with an exception.
    let status = guarded(|| unsafe { PyIter_Send(iterator.as_ptr(), value.as_ptr(), &raw mut result) });
    // SAFETY: `result` is what PyIter_Send wrote: a new reference that is ours, or NULL with the exception
    // set, which `from_owned_ptr_or_err` takes.
    let result = unsafe { Bound::from_owned_ptr_or_err(iterator.py(), result) }?;
    Ok((status, result))
}
