//! HTTP for the client: many streams read on one thread, and handed over in batches.
//!
//! The crate knows no Python. A [`Client`] sends requests; an [`Exchange`] is one request and what
//! has come of its response; a [`Mailbox`] tells an event loop, by one readable file descriptor,
//! which exchanges have news. Nobody who calls in ever waits: the thread holds locks only to move
//! bytes that are in memory already, never across I/O.
#![forbid(unsafe_code)]

mod client;
mod connector;
mod dial;
mod establish;
mod exchange;
mod exempt;
mod failure;
mod lease;
mod liveness;
mod mailbox;
mod options;
mod origin;
mod outgoing;
mod place;
mod pool;
mod proxies;
mod runtime;
mod settings;
mod tls;

pub use client::{Client, RequestError, RequestParts};
pub use exchange::{Exchange, Head, MAX_BUFFERED_BYTES, MAX_TAKEN_BYTES, Taken};
pub use mailbox::Mailbox;
pub use options::{Options, TlsOptions};
