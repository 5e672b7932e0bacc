//! The encode vectors, and what the shortcuts have in common with the general case.

use serde_json::Value;
use wire::encode::{EncodeError, Frame, check_event_name, encode_data, encode_event, encode_named_data};

use crate::feeding::{AMPLE_BYTES, Owned, feed};
use crate::vectors;

fn frame_of(event: &Value) -> Frame<'_> {
    Frame {
        data: vectors::text_of(event, "data").as_bytes(),
        event: event.get("event").map(|name| name.as_str().unwrap()),
        id: event.get("id").map(|id| id.as_str().unwrap()),
        retry_ms: event.get("retry_ms").map(|retry_ms| retry_ms.as_u64().unwrap()),
    }
}

#[test]
fn every_vector_gives_its_frame_and_the_frame_gives_the_event_back() {
    for (name, item) in vectors::table("encode.json") {
        let frame = frame_of(&item["event"]);
        let mut out = b"before".to_vec();
        encode_event(&mut out, &frame).unwrap();
        let bytes = out.strip_prefix(b"before").unwrap();
        assert_eq!(std::str::from_utf8(bytes).unwrap(), vectors::text_of(&item, "frame"), "{name}");
        let expected = Owned {
            event: frame.event.unwrap_or("message").to_owned(),
            data: vectors::text_of(&item, "decoded_data").to_owned(),
            id: frame.id.unwrap_or("").to_owned(),
            retry_ms: frame.retry_ms,
        };
        assert_eq!(feed(AMPLE_BYTES, [bytes]).events, [expected], "{name}");
    }
}

#[test]
fn every_refused_vector_names_its_field_and_writes_nothing() {
    for (name, item) in vectors::table("encode_refused.json") {
        let mut out = Vec::new();
        let error = encode_event(&mut out, &frame_of(&item["event"])).unwrap_err();
        assert!(error.to_string().starts_with(vectors::text_of(&item, "refused_field")), "{name}: {error}");
        assert!(!error.to_string().contains('\n'), "{name}");
        assert!(out.is_empty(), "{name}");
    }
}

#[test]
fn the_shortcuts_write_what_the_general_case_writes() {
    for data in ["", "{}", "a\nb", "a\r\nb\r", "\r\r\n\n"] {
        let data = data.as_bytes();
        let (mut general, mut shortcut) = (Vec::new(), Vec::new());
        encode_event(&mut general, &Frame { data, ..Frame::default() }).unwrap();
        encode_data(&mut shortcut, data);
        encode_event(&mut general, &Frame { data, event: Some("chunk"), ..Frame::default() }).unwrap();
        encode_named_data(&mut shortcut, "chunk", data);
        assert_eq!(shortcut, general);
    }
}

#[test]
fn a_name_with_a_line_break_is_refused() {
    assert_eq!(check_event_name("chunk"), Ok(()));
    assert_eq!(check_event_name("a\nb"), Err(EncodeError::LineBreakInEvent));
    assert_eq!(check_event_name("a\rb"), Err(EncodeError::LineBreakInEvent));
}
