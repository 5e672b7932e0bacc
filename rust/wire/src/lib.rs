//! Server-Sent Events, and nothing else: bytes to events, events to bytes, and the buffer
//! in which a stream's frames wait for their connection.
//!
//! The crate knows no Python, no sockets, no clock and no thread. Bytes and times are passed
//! in; events, bytes and decisions are values that come back.
#![forbid(unsafe_code)]

pub mod buffer;
pub mod decode;
pub mod encode;
