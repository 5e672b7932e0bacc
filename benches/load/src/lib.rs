//! The load client: opens many event streams at once, reads each to its end and checks every event.
//!
//! Strategy: one thread, one epoll, one read per readable connection and turn, so that no stream
//! is read at another's cost. It is cheap enough for a single core to outrun any server. The
//! reader of events is its own and not that of the package, so that a fault there cannot hide.

pub mod client;
pub mod clock;
pub mod events;
pub mod http;
pub mod plan;
pub mod report;
pub mod stream;
