//! The steps of the decoder's state machine.
//!
//! Each step is called in one place of a line, takes bytes from the front of the input and
//! returns the rest. Every value byte passes through `hold`, or through the borrowed path of
//! `value`; both ask `room_for` first, so the bound does not depend on where the input was cut.

use memchr::{memchr, memchr2};

use super::line::{BOM, Field, Line, RetryDigits};
use super::{DecodeError, Decoder, Event};

/// What a buffer may keep allocated between two events. An event beyond it is rare, and an idle
/// stream should not keep the memory of the largest event that it ever carried.
const RETAINED_BYTES: usize = 64 * 1024;

impl Decoder {
    /// The first byte of a line.
    #[inline]
    pub(super) fn start<'a>(
        &mut self,
        first: u8,
        bytes: &'a [u8],
        on_event: &mut impl FnMut(Event<'_>),
    ) -> Result<&'a [u8], DecodeError> {
        if let Some(rest) = bytes.strip_prefix(b"data:") {
            self.begin(Field::Data)?;
            return Ok(rest);
        }
        match first {
            b'\n' | b'\r' => {
                self.line = Line::after(first);
                self.end_event(None, on_event);
                Ok(&bytes[1..])
            }
            b':' => {
                self.line = Line::Ignored;
                Ok(bytes)
            }
            _ => {
                self.line = Line::Name(0);
                Ok(bytes)
            }
        }
    }

    /// A BOM is dropped only when all of it opens the stream. A part of one opens a line that
    /// no field name matches.
    pub(super) fn bom<'a>(&mut self, matched: usize, first: u8, bytes: &'a [u8]) -> &'a [u8] {
        if BOM.get(matched) == Some(&first) {
            self.line = if matched + 1 == BOM.len() { Line::Start } else { Line::Bom(matched + 1) };
            return &bytes[1..];
        }
        self.line = if matched == 0 { Line::Start } else { Line::Ignored };
        bytes
    }

    /// Bytes of a field name, of which `length` were seen before.
    pub(super) fn name<'a>(&mut self, mut length: usize, bytes: &'a [u8]) -> Result<&'a [u8], DecodeError> {
        for (at, &byte) in bytes.iter().enumerate() {
            if let b':' | b'\r' | b'\n' = byte {
                let field = Field::named(&self.name[..length]);
                if byte == b':' {
                    match field {
                        Some(field) => self.begin(field)?,
                        None => self.line = Line::Ignored,
                    }
                } else {
                    // A line without a colon is a field with an empty value.
                    if let Some(field) = field {
                        self.begin(field)?;
                        self.finish(field, b"")?;
                    }
                    self.line = Line::after(byte);
                }
                return Ok(&bytes[at + 1..]);
            }
            let Some(slot) = self.name.get_mut(length) else {
                self.line = Line::Ignored;
                return Ok(&bytes[at..]);
            };
            *slot = byte;
            length += 1;
        }
        self.line = Line::Name(length);
        Ok(&[])
    }

    /// Bytes of a value: to the end of the line if it is there, else all of them.
    #[inline]
    pub(super) fn value<'a>(
        &mut self,
        field: Field,
        bytes: &'a [u8],
        on_event: &mut impl FnMut(Event<'_>),
    ) -> Result<&'a [u8], DecodeError> {
        let Some(end) = memchr2(b'\r', b'\n', bytes) else {
            self.hold(field, bytes)?;
            return Ok(&[]);
        };
        let (value, rest) = bytes.split_at(end);
        if field == Field::Data && self.data.is_empty() {
            // Nothing of the data is held, so it is this value, if the blank line is here too.
            if let Some(rest) = Line::after_blank(rest) {
                self.room_for(value.len())?;
                self.line = Line::Start;
                self.end_event(Some(value), on_event);
                return Ok(rest);
            }
        }
        self.finish(field, value)?;
        self.line = Line::after(rest[0]);
        Ok(&rest[1..])
    }

    pub(super) fn ignored<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some(end) = memchr2(b'\r', b'\n', bytes) else { return &[] };
        self.line = Line::after(bytes[end]);
        &bytes[end + 1..]
    }

    /// The colon of a known field, or the end of its line.
    #[inline]
    fn begin(&mut self, field: Field) -> Result<(), DecodeError> {
        match field {
            Field::Data if self.has_data => self.hold(field, b"\n")?,
            Field::Data => self.has_data = true,
            Field::Retry => self.retry_digits = RetryDigits::default(),
            Field::Event | Field::Id => {}
        }
        self.line = Line::Space(field);
        Ok(())
    }

    /// A part of a value whose line goes on.
    fn hold(&mut self, field: Field, part: &[u8]) -> Result<(), DecodeError> {
        if field == Field::Retry {
            self.retry_digits.push(part);
            return Ok(());
        }
        self.room_for(part.len())?;
        let held = if field == Field::Data { &mut self.data } else { &mut self.value };
        held.extend_from_slice(part);
        Ok(())
    }

    /// The last part of a value.
    fn finish(&mut self, field: Field, part: &[u8]) -> Result<(), DecodeError> {
        self.hold(field, part)?;
        match field {
            Field::Data => {}
            Field::Retry => {
                if let Some(retry_ms) = self.retry_digits.value_ms() {
                    self.retry_ms = Some(retry_ms);
                    self.event_retry_ms = Some(retry_ms);
                }
            }
            Field::Event => std::mem::swap(&mut self.event, &mut self.value),
            Field::Id => {
                if memchr(0, &self.value).is_none() {
                    std::mem::swap(&mut self.id, &mut self.value);
                    self.has_id = true;
                }
            }
        }
        self.value.clear();
        Ok(())
    }

    /// A blank line. `whole` is the data where it is still in the input.
    #[inline]
    fn end_event(&mut self, whole: Option<&[u8]>, on_event: &mut impl FnMut(Event<'_>)) {
        if self.has_id {
            std::mem::swap(&mut self.last_event_id, &mut self.id);
            reset(&mut self.id);
            self.has_id = false;
            self.id_is_new = true;
        }
        if self.has_data {
            on_event(Event {
                event: &self.event,
                data: whole.unwrap_or(&self.data),
                id: &self.last_event_id,
                id_is_new: self.id_is_new,
                retry_ms: self.event_retry_ms,
            });
            self.has_data = false;
            self.id_is_new = false;
            reset(&mut self.data);
        }
        reset(&mut self.event);
        reset(&mut self.value);
        self.event_retry_ms = None;
    }

    #[inline]
    fn room_for(&mut self, more_bytes: usize) -> Result<(), DecodeError> {
        if more_bytes <= self.max_event_bytes - self.buffered_bytes() {
            return Ok(());
        }
        self.line = Line::TooLarge;
        for held in [&mut self.data, &mut self.event, &mut self.id, &mut self.value] {
            *held = Vec::new();
        }
        Err(self.too_large())
    }

    pub(super) fn too_large(&self) -> DecodeError {
        DecodeError::EventTooLarge { limit_bytes: self.max_event_bytes }
    }
}

#[inline]
fn reset(held: &mut Vec<u8>) {
    held.clear();
    if held.capacity() > RETAINED_BYTES {
        *held = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::{Decoder, RETAINED_BYTES};

    #[test]
    fn a_large_event_leaves_no_large_buffer_behind() {
        let large = "x".repeat(2 * RETAINED_BYTES);
        let mut decoder = Decoder::new(usize::MAX);
        for field in ["data: ", "event: ", "id: ", "id: \0"] {
            let stream = format!("{field}{large}\n\nid: 1\n\n");
            for part in stream.as_bytes().chunks(1000) {
                assert_eq!(decoder.feed(part, |_| ()), Ok(()));
            }
            let Decoder { data, event, id, value, last_event_id, .. } = &decoder;
            for held in [data, event, id, value, last_event_id] {
                assert!(held.capacity() <= RETAINED_BYTES, "after {field}");
            }
        }
    }
}
