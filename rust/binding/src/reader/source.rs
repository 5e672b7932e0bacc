//! Where a reader's bytes come from.

use std::cell::Cell;

use pyo3::prelude::*;
use transport::Taken;

use crate::transport::HTTPExchange;

/// Where the body's bytes come from.
pub(super) enum Source {
    /// The transport that is built in.
    Exchange(Py<HTTPExchange>),
    /// `() -> awaitable of bytes`; no bytes at the body's end.
    Read(Py<PyAny>),
}

thread_local! {
    /// The memory that bytes are taken into, one stream after the other.
    pub(super) static TAKEN: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Take bytes of the body.
pub(super) fn take(exchange: &HTTPExchange) -> Taken<Vec<u8>> {
    exchange.take_body(|data| {
        let mut taken = TAKEN.take();
        taken.clear();
        taken.extend_from_slice(data);
        taken
    })
}

/// Whether the body has ended, so that nothing has to be awaited; what comes after the last event is dropped.
pub(super) fn is_read_out(exchange: &HTTPExchange) -> bool {
    matches!(exchange.take_body(|_| ()), Taken::Ended)
}
