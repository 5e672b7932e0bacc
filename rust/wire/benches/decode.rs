//! Decoding the named shapes of `tests/vectors/shapes.json`: bytes in, events counted.
//!
//! Each run asserts the shape's events and data bytes: a decoder that drops something is not
//! fast. `cargo bench -p wire --bench decode`.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
#![expect(clippy::assertions_on_constants, reason = "the profile is a constant")]

#[path = "../tests/events/shapes.rs"]
mod shapes;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shapes::Shape;
use wire::decode::Decoder;

const MAX_EVENT_BYTES: usize = 1 << 20;

fn decode(shape: &Shape) {
    let (mut events, mut data_bytes) = (0, 0);
    let mut decoder = Decoder::new(MAX_EVENT_BYTES);
    for read in shape.reads() {
        decoder
            .feed(read, |event| {
                events += 1;
                data_bytes += event.data().len();
            })
            .unwrap();
    }
    assert_eq!((events, data_bytes), (shape.events, shape.data_bytes), "{}", shape.name);
}

fn decode_shapes(criterion: &mut Criterion) {
    assert!(!cfg!(debug_assertions), "a debug build says nothing: run `cargo bench`");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/shapes.json");
    let table: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut group = criterion.benchmark_group("decode");
    for item in table.as_array().unwrap() {
        let shape = Shape::from_item(item["name"].as_str().unwrap().to_owned(), item);
        group.throughput(Throughput::ElementsAndBytes {
            elements: u64::try_from(shape.events).unwrap(),
            bytes: u64::try_from(shape.stream.len()).unwrap(),
        });
        group.bench_function(&shape.name, |bencher| bencher.iter(|| decode(&shape)));
    }
}

criterion_group!(benches, decode_shapes);
criterion_main!(benches);
