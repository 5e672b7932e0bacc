//! How many streams an HTTP/2 peer takes on a connection, and whether it leaves, read as its frames go by.
//!
//! The peer's SETTINGS say so (RFC 9113, section 6.5.2), in the first frame that it sends and whenever
//! it changes its mind. The HTTP library keeps that to itself and lets requests beyond it wait without
//! a word, so the frames' heads are read here as well, and their payloads passed over.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::liveness::Liveness;

/// A frame's length, type, flags and stream (RFC 9113, section 4.1).
const HEAD_BYTES: usize = 9;
/// The type of a SETTINGS frame.
const SETTINGS: u8 = 4;
/// The type of a GOAWAY frame: its peer takes no further stream (RFC 9113, section 6.8).
const GOAWAY: u8 = 7;
/// The flag of one that only acknowledges ours.
const ACK: u8 = 1;
/// A setting's identifier and value.
const SETTING_BYTES: usize = 6;
/// `SETTINGS_MAX_CONCURRENT_STREAMS`.
const MAX_CONCURRENT_STREAMS: u16 = 3;

/// What a SETTINGS frame says: how many streams, where it does.
pub(crate) type OnSettings = Box<dyn FnMut(Option<u32>) + Send>;

/// Takes frames apart, wherever the reads cut them.
#[derive(Default)]
struct Frames {
    /// The head, or the setting, that has come in part.
    part: [u8; HEAD_BYTES],
    part_bytes: usize,
    /// What is left of the frame's payload.
    left_bytes: usize,
    is_settings: bool,
    max_streams: Option<u32>,
    is_leaving: bool,
}

impl Frames {
    /// Goes through a read, and reports each SETTINGS frame at its end.
    fn feed(&mut self, mut data: &[u8], report: &mut OnSettings) {
        while !data.is_empty() {
            if self.left_bytes == 0 {
                if self.gather(&mut data, HEAD_BYTES) {
                    self.begin(report);
                }
                continue;
            }
            let (mut payload, rest) = data.split_at(data.len().min(self.left_bytes));
            self.left_bytes -= payload.len();
            data = rest;
            if !self.is_settings {
                continue;
            }
            while !payload.is_empty() {
                if self.gather(&mut payload, SETTING_BYTES) {
                    let [high, low, value @ .., _, _, _] = self.part;
                    if u16::from_be_bytes([high, low]) == MAX_CONCURRENT_STREAMS {
                        self.max_streams = Some(u32::from_be_bytes(value));
                    }
                }
            }
            if self.left_bytes == 0 {
                self.part_bytes = 0;
                report(self.max_streams.take());
            }
        }
    }

    fn begin(&mut self, report: &mut OnSettings) {
        let [high, middle, low, kind, flags, ..] = self.part;
        self.left_bytes = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        self.is_settings = kind == SETTINGS && flags & ACK == 0;
        self.is_leaving |= kind == GOAWAY;
        if self.is_settings && self.left_bytes == 0 {
            report(None);
        }
    }

    /// Whether `part` has got its `whole_bytes` by these data.
    fn gather(&mut self, data: &mut &[u8], whole_bytes: usize) -> bool {
        let taken_bytes = data.len().min(whole_bytes - self.part_bytes);
        let (taken, rest) = data.split_at(taken_bytes);
        self.part[self.part_bytes..self.part_bytes + taken_bytes].copy_from_slice(taken);
        self.part_bytes += taken_bytes;
        *data = rest;
        let is_whole = self.part_bytes == whole_bytes;
        if is_whole {
            self.part_bytes = 0;
        }
        is_whole
    }
}

/// A connection whose SETTINGS are reported as they are read.
pub(crate) struct Watched<T> {
    stream: T,
    frames: Frames,
    report: OnSettings,
    liveness: Arc<Liveness>,
}

impl<T> Watched<T> {
    pub(crate) fn new(stream: T, report: OnSettings, liveness: Arc<Liveness>) -> Self {
        Self { stream, frames: Frames::default(), report, liveness }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before_bytes = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let Self { frames, report, liveness, .. } = &mut *self;
        let read = &buffer.filled()[before_bytes..];
        if !read.is_empty() {
            liveness.note_read();
            frames.feed(read, report);
            if frames.is_leaving {
                liveness.leave();
            }
        }
        outcome
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, data)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::{Frames, OnSettings};

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 0], payload].concat()
    }

    fn reported(data: &[u8], cut: usize) -> Vec<Option<u32>> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let writing = Arc::clone(&seen);
        let mut report: OnSettings =
            Box::new(move |max| writing.lock().unwrap_or_else(PoisonError::into_inner).push(max));
        let mut frames = Frames::default();
        for read in data.chunks(cut) {
            frames.feed(read, &mut report);
        }
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }

    #[test]
    fn each_settings_frame_is_reported_however_the_reads_cut_it() {
        let stream = [
            frame(4, 0, &[0, 4, 0, 1, 0, 0, 0, 3, 0, 0, 0, 200]),
            frame(4, 1, &[]),
            frame(0, 0, &[4; 300]),
            frame(4, 0, &[]),
            frame(4, 0, &[0, 3, 1, 0, 0, 0]),
            frame(6, 0, &[0; 8]),
            frame(4, 0, &[0, 1, 0, 0, 0, 0]),
        ]
        .concat();
        for cut in 1..=stream.len() {
            assert_eq!(reported(&stream, cut), [Some(200), None, Some(1 << 24), None], "{cut}");
        }
    }

    #[test]
    fn settings_of_a_wrong_length_end_with_their_frame() {
        // The HTTP library ends such a connection; here it must only not be misread.
        let stream = [frame(4, 0, &[0, 3, 0]), frame(4, 0, &[0, 3, 0, 0, 0, 7])].concat();
        for cut in 1..=stream.len() {
            assert_eq!(reported(&stream, cut), [None, Some(7)], "{cut}");
        }
    }
}
