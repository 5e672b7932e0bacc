//! A frame is refused, or decodes to exactly its event, whatever its fields hold and however it
//! is cut; and nothing that follows it is disturbed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::decode::{Decoder, MAX_RETRY_MS};
use wire::encode::{Frame, encode_event};

fuzz_target!(|input: (&str, Option<&str>, Option<&str>, Option<u64>, u16)| {
    let (data, event, id, retry_ms, cut) = input;
    let mut bytes = Vec::new();
    let frame = Frame { data: data.as_bytes(), event, id, retry_ms };
    if encode_event(&mut bytes, &frame).is_err() {
        assert!(bytes.is_empty());
        let breaks = |text: &str| text.contains(['\r', '\n']);
        assert!(
            event.is_some_and(breaks)
                || id.is_some_and(|id| breaks(id) || id.contains('\0'))
                || retry_ms.is_some_and(|retry_ms| retry_ms > MAX_RETRY_MS)
        );
        return;
    }
    bytes.extend_from_slice(b"data: next\n\n");

    let mut decoder = Decoder::new(1 << 20);
    let mut events = Vec::new();
    let (front, back) = bytes.split_at(usize::from(cut) % (bytes.len() + 1));
    for read in [front, back] {
        let outcome = decoder.feed(read, |event| {
            events.push((event.event().into_owned(), event.data().into_owned(), event.retry_ms()));
        });
        assert_eq!(outcome, Ok(()));
    }
    let event = event.filter(|event| !event.is_empty()).unwrap_or("message");
    let data = data.replace("\r\n", "\n").replace('\r', "\n");
    assert_eq!(events, [(event.to_owned(), data, retry_ms), ("message".to_owned(), "next".to_owned(), None)]);
    assert_eq!(decoder.last_event_id(), id.unwrap_or(""));
});
