//! Any bytes, any cuts, any bound: the same outcome, and the oracle's. Any event: back again.

use proptest::collection::vec;
use proptest::prelude::*;
use wire::encode::{Frame, encode_event};

use crate::feeding::{AMPLE_BYTES, feed};
use crate::oracle;

/// Pieces from which streams are made, so that most of them mean something.
const PIECES: &[&[u8]] = &[
    b"data",
    b"event",
    b"id",
    b"retry",
    b"dat",
    b"datax",
    b":",
    b": ",
    b":  ",
    b" ",
    b"\n",
    b"\n\n",
    b"\r",
    b"\r\n",
    b"\r\n\r\n",
    b"\n\r",
    b"\0",
    b"7",
    b"42",
    b"99999999999999999999",
    b"+",
    b"{\"a\":1}",
    b"hello",
    b"\xef\xbb\xbf",
    b"\xef\xbb",
    b"\xef",
    b"\xbf",
    b"\xf0\x9f\x98\x80",
    b"\xf0\x9f",
    b"\x98\x80",
    b"\xe2\x80\xa8",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b"data: x\n\n",
    b"event: done\ndata: {}\n\n",
    b": keep-alive\n\n",
];

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(PIECES).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 1..8),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Cuts `stream` at these places, taken modulo its length.
fn reads<'a>(stream: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
    cuts.extend([0, stream.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect()
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    vec(0..10_000_usize, 0..12)
}

fn normalised(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cuts_give_what_the_oracle_gives(stream in stream(), cuts in cuts()) {
        let whole = feed(AMPLE_BYTES, [stream.as_slice()]);
        prop_assert_eq!(&feed(AMPLE_BYTES, reads(&stream, &cuts)), &whole);
        prop_assert_eq!(&feed(AMPLE_BYTES, stream.chunks(1)), &whole);
        let found = oracle::decode(&stream);
        let events: Vec<_> =
            whole.events.into_iter().map(|event| (event.event, event.data, event.id, event.retry_ms)).collect();
        prop_assert_eq!(events, found.events);
        prop_assert_eq!(whole.last_event_id, found.last_event_id);
        prop_assert_eq!(whole.retry_ms, found.retry_ms);
        prop_assert_eq!(whole.error, None);
    }

    #[test]
    fn any_bound_trips_at_the_same_event_however_it_is_cut(
        stream in stream(), cuts in cuts(), max_event_bytes in 0..30_usize,
    ) {
        let whole = feed(max_event_bytes, [stream.as_slice()]);
        prop_assert_eq!(&feed(max_event_bytes, reads(&stream, &cuts)), &whole);
        prop_assert_eq!(&feed(max_event_bytes, stream.chunks(1)), &whole);
        // A bound changes no event; it only ends the stream early.
        let unbounded = feed(AMPLE_BYTES, [stream.as_slice()]);
        if whole.error.is_none() {
            prop_assert_eq!(&whole, &unbounded);
        } else {
            prop_assert_eq!(&whole.events[..], &unbounded.events[..whole.events.len()]);
        }
    }

    #[test]
    fn encode_then_decode_gives_the_event_back(
        data in "(\\PC|[\\r\\n\\x00\\u{2028}\\u{feff}: ]){0,20}",
        event in proptest::option::of("([^\\r\\n]){1,8}"),
        id in proptest::option::of("([^\\r\\n\\x00]){0,8}"),
        retry_ms in proptest::option::of(0..=wire::decode::MAX_RETRY_MS),
        cuts in cuts(),
    ) {
        let mut bytes = Vec::new();
        let frame = Frame { data: data.as_bytes(), event: event.as_deref(), id: id.as_deref(), retry_ms };
        encode_event(&mut bytes, &frame).unwrap();
        let outcome = feed(AMPLE_BYTES, reads(&bytes, &cuts));
        prop_assert_eq!(outcome.events.len(), 1);
        prop_assert_eq!(&outcome.events[0].data, &normalised(&data));
        prop_assert_eq!(&outcome.events[0].event, event.as_deref().unwrap_or("message"));
        prop_assert_eq!(&outcome.events[0].id, id.as_deref().unwrap_or(""));
        prop_assert_eq!(outcome.events[0].retry_ms, retry_ms);
    }
}
