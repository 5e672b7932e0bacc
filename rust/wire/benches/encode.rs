//! Encoding frames into one buffer: JSON, which takes the single search, and text with line
//! breaks, which is split. Each run asserts the bytes written. `cargo bench -p wire --bench encode`.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
#![expect(clippy::assertions_on_constants, reason = "the profile is a constant")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wire::encode::{Frame, encode_data, encode_event};

const FRAMES: usize = 10_000;

fn bench(
    criterion: &mut Criterion,
    name: &str,
    data: &[u8],
    frame_bytes: usize,
    write: impl Fn(&mut Vec<u8>, &[u8]),
) {
    let mut out = Vec::new();
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::ElementsAndBytes {
        elements: u64::try_from(FRAMES).unwrap(),
        bytes: u64::try_from(FRAMES * frame_bytes).unwrap(),
    });
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            out.clear();
            for _ in 0..FRAMES {
                write(&mut out, std::hint::black_box(data));
            }
            assert_eq!(out.len(), FRAMES * frame_bytes);
        });
    });
}

fn encode_frames(criterion: &mut Criterion) {
    assert!(!cfg!(debug_assertions), "a debug build says nothing: run `cargo bench`");
    let token = br#"{"text":"token","i":1}"#;
    bench(criterion, "json_token", token, token.len() + b"data: \n\n".len(), encode_data);
    let large = vec![b'x'; 16 * 1024];
    bench(criterion, "json_16_kib", &large, large.len() + b"data: \n\n".len(), encode_data);
    let lines = "a line of text\n".repeat(20);
    let frame_bytes = lines.len() + 21 * b"data: \n".len() - 20 + b"\n".len();
    bench(criterion, "twenty_lines", lines.as_bytes(), frame_bytes, encode_data);
    let frame_bytes = token.len() + b"id: 42\nevent: token\nretry: 3000\ndata: \n\n".len();
    bench(criterion, "every_field", token, frame_bytes, |out, data| {
        let frame = Frame { data, event: Some("token"), id: Some("42"), retry_ms: Some(3000) };
        encode_event(out, &frame).unwrap();
    });
}

criterion_group!(benches, encode_frames);
criterion_main!(benches);
