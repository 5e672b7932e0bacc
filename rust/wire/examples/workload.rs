//! `workload NAME COUNT`: a fixed piece of work for whoever counts instructions; prints how many
//! events it has handled.
//!
//! Nothing in it depends on time or on chance, so that two runs execute the same instructions.

use std::process::ExitCode;

use wire::{
    buffer::{Advice, ChunkBuffer, Limits, Next},
    decode::{DecodeError, Decoder},
    encode::{EncodeError, Frame, encode_data, encode_event},
};

const CHUNK: &[u8] = br#"{"text":"hello","i":123456}"#;
const READ_BYTES: usize = 64 * 1024;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let done = match arguments.as_slice() {
        [_, name, count] => {
            count.parse().map_err(|_| format!("{count} is no count")).and_then(|n| run(name, n))
        }
        _ => Err("usage: workload NAME COUNT".to_owned()),
    };
    match done {
        Ok(events) => {
            println!("{events}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("workload: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(name: &str, count: usize) -> Result<usize, String> {
    match name {
        "encode" => Ok(encode(count)),
        "encode-fields" => encode_fields(count).map_err(|error| error.to_string()),
        "decode" => decode(count, READ_BYTES).map_err(|error| error.to_string()),
        "decode-one-by-one" => decode(count, frame().len()).map_err(|error| error.to_string()),
        "decode-cut" => decode(count, 7).map_err(|error| error.to_string()),
        "decode-huge-line" => decode_huge_line(count).map_err(|error| error.to_string()),
        "decode-many-lines" => decode_many_lines(count).map_err(|error| error.to_string()),
        "buffer" => Ok(buffer(count)),
        _ => Err(format!("there is no workload {name}")),
    }
}

fn frame() -> Vec<u8> {
    let mut frame = Vec::new();
    encode_data(&mut frame, CHUNK);
    frame
}

/// Chunks into a buffer that is emptied as a stream's is.
fn encode(count: usize) -> usize {
    let (mut out, mut bytes) = (Vec::new(), 0);
    for _ in 0..count {
        encode_data(&mut out, std::hint::black_box(CHUNK));
        if out.len() >= READ_BYTES {
            bytes += out.len();
            out.clear();
        }
    }
    (bytes + out.len()) / frame().len()
}

/// Every field, and data of two lines.
fn encode_fields(count: usize) -> Result<usize, EncodeError> {
    let fields = Frame { data: b"one\ntwo", event: Some("token"), id: Some("17"), retry_ms: Some(3000) };
    let (mut out, mut frames) = (Vec::new(), 0);
    for _ in 0..count {
        out.clear();
        encode_event(&mut out, std::hint::black_box(&fields))?;
        frames += usize::from(out.ends_with(b"\n\n"));
    }
    Ok(frames)
}

/// Whole reads, or reads of `read_bytes` that may cut events.
fn decode(count: usize, read_bytes: usize) -> Result<usize, DecodeError> {
    let body = frame().repeat(count);
    let (mut decoder, mut events) = (Decoder::new(1 << 20), 0);
    for piece in body.chunks(read_bytes) {
        decoder.feed(piece, |event| events += usize::from(event.data_bytes() == CHUNK))?;
    }
    Ok(events)
}

/// One event whose only line comes in `count` pieces: what a piece takes must not grow with the line.
fn decode_huge_line(count: usize) -> Result<usize, DecodeError> {
    let piece = [b'x'; 100];
    let (mut decoder, mut pieces) = (Decoder::new(usize::MAX), 0);
    decoder.feed(b"data: ", |_| ())?;
    for _ in 0..count {
        decoder.feed(std::hint::black_box(&piece), |_| ())?;
    }
    decoder.feed(b"\n\n", |event| pieces += event.data_bytes().len() / piece.len())?;
    Ok(pieces)
}

/// One event of `count` data lines: likewise for a line and the event.
fn decode_many_lines(count: usize) -> Result<usize, DecodeError> {
    let body = [b"data: one of many\n".repeat(count), b"\n".to_vec()].concat();
    let (mut decoder, mut lines) = (Decoder::new(usize::MAX), 0);
    for piece in body.chunks(1000) {
        decoder.feed(piece, |event| lines += event.data_bytes().split(|byte| *byte == b'\n').count())?;
    }
    Ok(lines)
}

/// A stream's life without a clock: lone chunks that are written through, then gathered ones.
fn buffer(count: usize) -> usize {
    let mut buffer = ChunkBuffer::new(Limits::DEFAULT, 0);
    let (mut now_ns, mut bytes) = (0, 0);
    for number in 0..count {
        // Every eighth chunk comes after a pause.
        now_ns += if number % 8 == 0 { 1_000_000 } else { 1_000 };
        let advice = buffer.push(now_ns, |out| encode_data(out, CHUNK));
        let is_due = match advice {
            Advice::Write | Advice::WriteAndYield => true,
            Advice::ScheduleFlush | Advice::Gather | Advice::Wait | Advice::Refuse => {
                number % 8 == 7 && buffer.flush()
            }
        };
        if is_due || number + 1 == count {
            bytes += buffer.take(now_ns, |out, _| out.len());
            if buffer.written() != Next::Idle {
                return 0;
            }
        }
    }
    bytes / frame().len()
}
