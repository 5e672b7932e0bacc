//! When an event loop has to turn.

/// How long one call may keep its event loop from turning: long against what a turn costs (microseconds),
/// short against what the others' readers notice.
pub(crate) const MAX_TURN_NS: u64 = 15_000_000;
