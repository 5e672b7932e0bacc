//! The benchmarks' streams: made from `tests/vectors/shapes.json`, and tested in `decode`.

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
