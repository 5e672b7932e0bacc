//! Events in both directions: vectors, bounds, properties, and the crate's own promises.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bounds;
mod decode;
mod encode;
mod feeding;
mod oracle;
mod properties;
mod purity;
mod shapes;
mod vectors;
