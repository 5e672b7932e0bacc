//! The helper that feeds a decoder: whole, byte by byte, and at every single cut.
//!
//! A case says what a stream gives; that the cuts do not matter is checked here for all cases.

use wire::decode::{DecodeError, Decoder};

/// A bound that no vector reaches.
pub const AMPLE_BYTES: usize = 1 << 20;

/// An event, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    pub event: String,
    pub data: String,
    pub id: String,
    pub retry_ms: Option<u64>,
}

/// All that a decoder lets its caller see of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub events: Vec<Owned>,
    pub last_event_id: String,
    pub retry_ms: Option<u64>,
    pub buffered_bytes: usize,
    pub error: Option<DecodeError>,
}

/// Feeds `reads` one after the other.
pub fn feed<'a>(max_event_bytes: usize, reads: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut decoder = Decoder::new(max_event_bytes);
    let mut events = Vec::new();
    let mut error = None;
    let mut last_id = String::new();
    for read in reads {
        let result = decoder.feed(read, |event| {
            assert_eq!(event.data(), String::from_utf8_lossy(event.data_bytes()));
            if !event.id_is_new() {
                assert_eq!(event.id(), last_id, "an id changed and was not said to be new");
            }
            last_id = event.id().into_owned();
            events.push(Owned {
                event: event.event().into_owned(),
                data: event.data().into_owned(),
                id: event.id().into_owned(),
                retry_ms: event.retry_ms(),
            });
        });
        assert!(decoder.buffered_bytes() <= max_event_bytes);
        if let Err(first) = result {
            let again = decoder.feed(b"data: x\n\n", |_| panic!("an event after the error"));
            assert_eq!(again, Err(first.clone()), "the error must be sticky");
            assert_eq!(decoder.feed(b"", |_| ()), Err(first.clone()));
            error = Some(first);
            break;
        }
    }
    Outcome {
        events,
        last_event_id: decoder.last_event_id().into_owned(),
        retry_ms: decoder.retry_ms(),
        buffered_bytes: decoder.buffered_bytes(),
        error,
    }
}

/// Feeds `stream` in every way and returns the outcome, which must always be the same.
pub fn feed_every_way(max_event_bytes: usize, stream: &[u8]) -> Outcome {
    let whole = feed(max_event_bytes, [stream]);
    assert_eq!(feed(max_event_bytes, stream.chunks(1)), whole, "byte by byte");
    assert_eq!(
        feed(max_event_bytes, stream.chunks(1).flat_map(|byte| [b"".as_slice(), byte])),
        whole,
        "byte by byte, with empty reads between"
    );
    for cut in 0..=stream.len() {
        let (front, back) = stream.split_at(cut);
        assert_eq!(feed(max_event_bytes, [front, back]), whole, "cut at byte {cut}");
    }
    whole
}
