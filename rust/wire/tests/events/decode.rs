//! The decode vectors, the oracle against the vectors, and what a table cannot hold.

use wire::decode::Decoder;

use crate::feeding::{AMPLE_BYTES, feed, feed_every_way};
use crate::shapes::Shape;
use crate::{oracle, vectors};

#[test]
fn every_vector_gives_its_events_however_it_is_cut() {
    for (name, item) in vectors::table("decode.json") {
        let outcome = feed_every_way(AMPLE_BYTES, &vectors::stream_of(&item));
        assert_eq!(outcome.events, vectors::events_of(&item), "{name}");
        assert_eq!(outcome.last_event_id, vectors::text_of(&item, "last_event_id"), "{name}");
        assert_eq!(outcome.retry_ms, item["retry_ms"].as_u64(), "{name}");
        assert_eq!(outcome.error, None, "{name}");
    }
}

#[test]
fn the_oracle_agrees_with_every_vector() {
    for (name, item) in vectors::table("decode.json") {
        let found = oracle::decode(&vectors::stream_of(&item));
        let expected: Vec<_> = vectors::events_of(&item)
            .into_iter()
            .map(|event| (event.event, event.data, event.id, event.retry_ms))
            .collect();
        assert_eq!(found.events, expected, "{name}");
        assert_eq!(found.last_event_id, vectors::text_of(&item, "last_event_id"), "{name}");
        assert_eq!(found.retry_ms, item["retry_ms"].as_u64(), "{name}");
    }
}

/// An event is given with the byte that completes it: at the CR of CR LF, not after it.
#[test]
fn no_event_waits_for_a_byte_that_it_does_not_need() {
    for stream in ["data: a\n\n", "data: a\r\r", "data: a\r\n\r", "data: a\r\n\n", "data: a\n\r"] {
        let all_but_one = &stream.as_bytes()[..stream.len() - 1];
        assert_eq!(feed_every_way(AMPLE_BYTES, all_but_one).events.len(), 0, "{stream:?}");
        assert_eq!(feed_every_way(AMPLE_BYTES, stream.as_bytes()).events.len(), 1, "{stream:?}");
    }
}

/// A reader may keep its converted id for as long as no `id` line comes.
#[test]
fn an_id_is_new_once() {
    let mut seen = Vec::new();
    Decoder::new(AMPLE_BYTES)
        .feed(b"data: 1\n\nid: a\ndata: 2\n\ndata: 3\n\nid: b\n\ndata: 4\n\nid: b\ndata: 5\n\n", |event| {
            seen.push((event.id().into_owned(), event.id_is_new()));
        })
        .unwrap();
    let expected = [("", false), ("a", true), ("a", false), ("b", true), ("b", true)];
    assert_eq!(seen, expected.map(|(id, is_new)| (id.to_owned(), is_new)));
}

/// A decoder that searched a line again at each read would need 5 * 10^11 steps here.
#[test]
fn a_huge_line_in_drips_is_linear() {
    let line = "x".repeat(1_000_000);
    let stream = format!("data: {line}\n\n");
    let outcome = feed(AMPLE_BYTES, stream.as_bytes().chunks(1));
    assert_eq!(outcome.events.len(), 1);
    assert_eq!(outcome.events[0].data, line);
}

/// Borrowed data is the input itself: nothing is copied for the overwhelming case.
#[test]
fn data_that_lies_whole_in_the_input_is_borrowed() {
    for stream in
        ["data: {\"text\":\"a\"}\n\n", "id: 1\nevent: e\ndata: {}\n\n", "data:{}\r\n\r\n", "data: {}\r\r"]
    {
        let mut decoder = Decoder::new(AMPLE_BYTES);
        let mut events = 0;
        decoder
            .feed(stream.as_bytes(), |event| {
                events += 1;
                assert!(stream.as_bytes().as_ptr_range().contains(&event.data_bytes().as_ptr()));
            })
            .unwrap();
        assert_eq!(events, 1, "{stream:?}");
    }
}

#[test]
fn every_shape_gives_its_counts_and_what_the_oracle_gives() {
    let shapes = vectors::table("shapes.json");
    assert_eq!(shapes.len(), 11);
    for (name, item) in shapes {
        let shape = Shape::from_item(name, &item);
        let events = feed(AMPLE_BYTES, shape.reads()).events;
        assert_eq!(events.len(), shape.events, "{}", shape.name);
        let data_bytes: usize = events.iter().map(|event| event.data.len()).sum();
        assert_eq!(data_bytes, shape.data_bytes, "{}", shape.name);
        let found = oracle::decode(&shape.stream).events;
        let same = events.iter().zip(&found).all(|(event, (name, data, id, retry_ms))| {
            (&event.event, &event.data, &event.id, &event.retry_ms) == (name, data, id, retry_ms)
        });
        assert!(same && events.len() == found.len(), "{}", shape.name);
    }
}
