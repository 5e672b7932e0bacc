//! The benchmarks' streams: made from `tests/vectors/shapes.json`, and tested like any other.

use serde_json::Value;

/// One stream, with what a decoder must give for it.
pub struct Shape {
    pub name: String,
    pub stream: Vec<u8>,
    /// How many bytes each read takes.
    pub read_bytes: Vec<usize>,
    pub events: usize,
    pub data_bytes: usize,
}

impl Shape {
    pub fn from_item(name: String, item: &Value) -> Self {
        let number = |item: &Value| usize::try_from(item.as_u64().unwrap()).unwrap();
        let (mut stream, mut part_bytes) = (Vec::new(), Vec::new());
        for i in 0..number(&item["repeat"]) {
            for part in item["parts"].as_array().unwrap() {
                let text = part["text"].as_str().unwrap().replace("$i", &i.to_string());
                for _ in 0..number(&part["times"]) {
                    stream.extend_from_slice(text.as_bytes());
                    part_bytes.push(text.len());
                }
            }
        }
        let read_bytes = match &item["feed"] {
            Value::String(feed) if feed == "whole" => vec![stream.len()],
            Value::String(feed) if feed == "part" => part_bytes,
            feed => stream.chunks(number(feed)).map(<[u8]>::len).collect(),
        };
        let (events, data_bytes) = (number(&item["events"]), number(&item["data_bytes"]));
        Self { name, stream, read_bytes, events, data_bytes }
    }

    /// The stream as the reader gets it.
    pub fn reads(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.stream.as_slice();
        self.read_bytes.iter().map(move |bytes| {
            let (read, left) = rest.split_at(*bytes);
            rest = left;
            read
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Shape;
    use crate::feeding::{AMPLE_BYTES, feed};
    use crate::{oracle, vectors};

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
}
