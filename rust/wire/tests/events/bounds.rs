//! `max_event_bytes`: what counts, what does not, and that it holds at every byte.

use wire::decode::{DecodeError, Decoder};

use crate::feeding::{feed, feed_every_way};
use crate::vectors;

#[test]
fn every_bound_holds_however_the_stream_is_cut() {
    for (name, item) in vectors::table("bounds.json") {
        let limit_bytes = usize::try_from(item["max_event_bytes"].as_u64().unwrap()).unwrap();
        let outcome = feed_every_way(limit_bytes, &vectors::stream_of(&item));
        assert_eq!(outcome.events, vectors::events_of(&item), "{name}");
        let error =
            item["too_large"].as_bool().unwrap().then_some(DecodeError::EventTooLarge { limit_bytes });
        assert_eq!(outcome.error, error, "{name}");
    }
}

/// The error comes with the byte that is over, so an endless line cannot hold more.
#[test]
fn an_endless_line_fails_at_the_bound() {
    const LIMIT_BYTES: usize = 1000;
    for prefix in ["data: ", "event: ", "id: ", "id: \0"] {
        let value = prefix.len() - prefix.find(": ").unwrap() - 2;
        let mut decoder = Decoder::new(LIMIT_BYTES);
        decoder.feed(prefix.as_bytes(), |_| ()).unwrap();
        for count in value + 1..=LIMIT_BYTES {
            decoder.feed(b"x", |_| ()).unwrap();
            assert_eq!(decoder.buffered_bytes(), count);
        }
        assert!(decoder.feed(b"x", |_| ()).is_err(), "{prefix}");
        assert_eq!(decoder.buffered_bytes(), 0, "what was held is given back");
    }
}

#[test]
fn endless_lines_that_are_ignored_hold_nothing() {
    for prefix in [":", ": ", "unknown", "unknown: ", "datadata", "retry: ", "retry: x"] {
        let mut decoder = Decoder::new(1);
        decoder.feed(prefix.as_bytes(), |_| ()).unwrap();
        for _ in 0..10_000 {
            decoder.feed(b"1", |_| ()).unwrap();
            assert_eq!(decoder.buffered_bytes(), 0, "{prefix}");
        }
    }
}

#[test]
fn the_message_says_what_to_do_in_one_line() {
    let error = feed(3, [b"data: abcd".as_slice()]).error.unwrap();
    assert_eq!(
        error.to_string(),
        "an event is larger than max_event_bytes (3 bytes): raise max_event_bytes, or have the server send smaller events"
    );
}
