//! Any bytes, any cuts, any bound: the same outcome as whole; and, unbounded, the naive oracle's.
#![no_main]

#[expect(dead_code, reason = "feeding at every cut would only repeat what the fuzzer chooses")]
#[path = "../../wire/tests/events/feeding.rs"]
mod feeding;
#[path = "../../wire/tests/events/oracle.rs"]
mod oracle;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u16>, u8, &[u8])| {
    let (cuts, max_event_bytes, stream) = input;
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| usize::from(*cut) % (stream.len() + 1)).collect();
    cuts.extend([0, stream.len()]);
    cuts.sort_unstable();
    let reads = || cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]);

    for max_event_bytes in [usize::from(max_event_bytes), feeding::AMPLE_BYTES] {
        let whole = feeding::feed(max_event_bytes, [stream]);
        assert_eq!(feeding::feed(max_event_bytes, reads()), whole);
        assert_eq!(feeding::feed(max_event_bytes, stream.chunks(1)), whole);
    }

    let whole = feeding::feed(feeding::AMPLE_BYTES, [stream]);
    let found = oracle::decode(stream);
    let events: Vec<_> =
        whole.events.into_iter().map(|event| (event.event, event.data, event.id, event.retry_ms)).collect();
    assert_eq!(events, found.events);
    assert_eq!((whole.last_event_id, whole.retry_ms), (found.last_event_id, found.retry_ms));
    assert_eq!(whole.error, None);
});
