//! What a run has measured, as JSON on standard output.

use serde::Serialize;

/// At most this many messages are reported; the count tells of the rest.
const MAX_MESSAGES: usize = 5;

/// The whole run.
#[derive(Debug, Serialize)]
pub struct Report {
    pub wall_s: f64,
    pub groups: Vec<GroupReport>,
}

/// One group of streams.
#[derive(Debug, Serialize)]
pub struct GroupReport {
    pub name: String,
    pub streams: usize,
    pub events: u64,
    pub bytes: u64,
    /// From the run's start, at which every stream was wanted, to its first event.
    pub first_event_ms: Option<Spread>,
    /// Between two events of one stream.
    pub gap_ms: Option<Spread>,
    /// From the server's `send` to the read of the event, where events carry `sent_ns`.
    pub send_to_read_us: Option<Spread>,
    /// From the run's start to the last byte.
    pub wall_s: f64,
    pub errors: u64,
    pub messages: Vec<String>,
}

/// Where the values of a sample lie.
#[derive(Debug, Serialize)]
pub struct Spread {
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

impl Spread {
    /// The spread of `sample`, each value divided by `unit`; none of an empty one.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a run fit a double exactly")]
    pub fn of(mut sample: Vec<u64>, unit: f64) -> Option<Self> {
        sample.sort_unstable();
        // The nearest rank: the smallest value that so many percent do not exceed.
        let rank = |percent: usize| {
            let rank = (sample.len() * percent).div_ceil(100).max(1);
            sample.get(rank - 1).map(|value| *value as f64 / unit)
        };
        Some(Self { p50: rank(50)?, p99: rank(99)?, max: rank(100)? })
    }
}

/// What is gathered while a group runs.
#[derive(Debug, Default)]
pub struct Samples {
    pub first_event_ns: Vec<u64>,
    pub gap_ns: Vec<u64>,
    pub send_to_read_ns: Vec<u64>,
    pub events: u64,
    pub bytes: u64,
    pub last_byte_ns: u64,
    pub errors: u64,
    pub messages: Vec<String>,
}

impl Samples {
    /// Count an error.
    pub fn add_error(&mut self, message: String) {
        self.errors += 1;
        if self.messages.len() < MAX_MESSAGES {
            self.messages.push(message);
        }
    }

    /// What is reported of them.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a run fit a double exactly")]
    pub fn report(self, name: &str, streams: usize) -> GroupReport {
        GroupReport {
            name: name.to_owned(),
            streams,
            events: self.events,
            bytes: self.bytes,
            first_event_ms: Spread::of(self.first_event_ns, 1e6),
            gap_ms: Spread::of(self.gap_ns, 1e6),
            send_to_read_us: Spread::of(self.send_to_read_ns, 1e3),
            wall_s: self.last_byte_ns as f64 / 1e9,
            errors: self.errors,
            messages: self.messages,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn ranks_are_the_nearest() {
        let spread = Spread::of((1..=200).rev().collect(), 1.0).unwrap();
        assert_eq!((spread.p50, spread.p99, spread.max), (100.0, 198.0, 200.0));
        assert!(Spread::of(Vec::new(), 1.0).is_none());
    }
}
