//! The bytes of a body to events, each checked for its content and its place.
//!
//! Event `n` must be `{"text": ..., "i": n}` (spaces and order are free), and may carry
//! `sent_ns`, the server's clock at its `send`. What must follow the last one is the plan's.

use std::borrow::Cow;

use memchr::memchr;
use serde::Deserialize;

use crate::plan::{End, Expected};

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
    i: u64,
    #[serde(default)]
    sent_ns: Option<u64>,
}

/// Reads and checks the events of one stream.
#[derive(Debug, Default)]
pub struct Events {
    /// A line that the input has cut.
    line: Vec<u8>,
    event: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// How many right events have come.
    pub count: u64,
    has_ended: bool,
}

/// What is the same for all streams of a group.
#[derive(Debug)]
pub struct Check {
    expected: Expected,
    /// An event as most servers write it, up to its number: recognised without a parser.
    compact: Vec<u8>,
}

impl Check {
    /// A check of streams that must give `expected`.
    #[must_use]
    pub fn new(expected: Expected) -> Self {
        let text = serde_json::Value::from(expected.text.as_str()).to_string();
        Self { compact: format!("{{\"text\":{text},\"i\":").into_bytes(), expected }
    }

    /// How many events a stream must give.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.expected.count
    }

    fn is_compact(&self, data: &[u8], number: u64) -> bool {
        let Some(rest) = data.strip_prefix(self.compact.as_slice()) else { return false };
        let Some((b'}', digits)) = rest.split_last() else { return false };
        let read = digits.iter().try_fold(0_u64, |sum, digit| {
            digit.is_ascii_digit().then(|| sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
        });
        !digits.is_empty() && read == Some(number)
    }
}

impl Events {
    /// Takes the next bytes; `on_event` gets the `sent_ns` of each event.
    ///
    /// # Errors
    ///
    /// An event is not the one that had to come.
    pub fn feed(
        &mut self,
        mut bytes: &[u8],
        check: &Check,
        mut on_event: impl FnMut(Option<u64>),
    ) -> Result<(), String> {
        while let Some(end) = memchr(b'\n', bytes) {
            if self.line.is_empty() {
                self.read_line(&bytes[..end], check, &mut on_event)?;
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&bytes[..end]);
                self.read_line(&line, check, &mut on_event)?;
            }
            bytes = &bytes[end + 1..];
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// The body has ended.
    ///
    /// # Errors
    ///
    /// Events are missing, or what says that the stream is complete.
    pub fn finish(&self, check: &Check) -> Result<(), String> {
        if self.count != check.expected.count {
            return Err(format!("{} events of {}", self.count, check.expected.count));
        }
        if check.expected.end != End::Body && !self.has_ended {
            return Err("the body ended without saying that the stream is complete".to_owned());
        }
        if self.has_data || !self.line.is_empty() {
            return Err("the body ended inside an event".to_owned());
        }
        Ok(())
    }

    fn read_line(
        &mut self,
        line: &[u8],
        check: &Check,
        on_event: &mut impl FnMut(Option<u64>),
    ) -> Result<(), String> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(data) = line.strip_prefix(b"data:") {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
            self.has_data = true;
        } else if let Some(event) = line.strip_prefix(b"event:") {
            self.event = event.strip_prefix(b" ").unwrap_or(event).to_vec();
        } else if line.is_empty() && self.has_data {
            self.dispatch(check, on_event)?;
            self.has_data = false;
            self.data.clear();
            self.event.clear();
        }
        Ok(())
    }

    fn dispatch(&mut self, check: &Check, on_event: &mut impl FnMut(Option<u64>)) -> Result<(), String> {
        let is_message = self.event.is_empty() || self.event == b"message";
        let wrong = || {
            let (event, data) = (String::from_utf8_lossy(&self.event), String::from_utf8_lossy(&self.data));
            format!(
                "event {:?} {} where number {} had to come",
                event,
                &data[..data.len().min(200)],
                self.count
            )
        };
        if self.has_ended {
            return Err(wrong());
        }
        if self.count < check.expected.count {
            let sent_ns = if !is_message {
                return Err(wrong());
            } else if check.is_compact(&self.data, self.count) {
                None
            } else {
                match serde_json::from_slice::<Chunk<'_>>(&self.data) {
                    Ok(chunk) if chunk.text == check.expected.text && chunk.i == self.count => chunk.sent_ns,
                    _ => return Err(wrong()),
                }
            };
            self.count += 1;
            on_event(sent_ns);
            return Ok(());
        }
        self.has_ended = match check.expected.end {
            End::Done => self.event == b"done" && self.data == b"{}",
            End::NuxtActions => is_message && self.data == b"{\"__actions_done\":true}",
            End::Body => false,
        };
        if self.has_ended { Ok(()) } else { Err(wrong()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Check, Events};
    use crate::plan::{End, Expected};

    fn read(body: &str, count: u64, end: End) -> Result<Vec<Option<u64>>, String> {
        let check = Check::new(Expected { count, text: "a".to_owned(), end });
        let mut whole = None;
        for step in 1..=body.len() {
            let (mut events, mut sent) = (Events::default(), Vec::new());
            let outcome = body
                .as_bytes()
                .chunks(step)
                .try_for_each(|piece| events.feed(piece, &check, |ns| sent.push(ns)))
                .and_then(|()| events.finish(&check))
                .map(|()| sent);
            assert!(whole.is_none() || whole.as_ref() == Some(&outcome), "cut at {step}: {outcome:?}");
            whole = Some(outcome);
        }
        whole.unwrap_or_else(|| Ok(Vec::new()))
    }

    #[test]
    fn takes_what_is_right_in_any_spelling() {
        let body = "data: {\"text\":\"a\",\"i\":0}\n\n: ping\n\nevent: message\r\ndata:{\"i\": 1, \"text\": \"a\", \
                    \"sent_ns\": 7}\r\n\r\n";
        assert_eq!(read(body, 2, End::Body), Ok(vec![None, Some(7)]));
        assert_eq!(
            read(&format!("{body}event: done\ndata: {{}}\n\n"), 2, End::Done),
            Ok(vec![None, Some(7)])
        );
        let nuxt = format!("{body}data: {{\"__actions_done\":true}}\n\n");
        assert_eq!(read(&nuxt, 2, End::NuxtActions), Ok(vec![None, Some(7)]));
    }

    #[test]
    fn refuses_what_is_wrong() {
        for (body, count, end) in [
            ("data: {\"text\":\"a\",\"i\":1}\n\n", 1, End::Body),
            ("data: {\"text\":\"b\",\"i\":0}\n\n", 1, End::Body),
            ("data: {\"text\":\"a\",\"i\":0}\n\n", 2, End::Body),
            ("data: {\"text\":\"a\",\"i\":0}\n\ndata: {\"text\":\"a\",\"i\":1}\n\n", 1, End::Body),
            ("data: {\"text\":\"a\",\"i\":0}\n\n", 1, End::Done),
            ("data: {\"text\":\"a\",\"i\":0}\n", 1, End::Body),
            ("event: error\ndata: {\"text\":\"a\",\"i\":0}\n\n", 1, End::Body),
            (
                "data: {\"text\":\"a\",\"i\":0}\n\nevent: done\ndata: {}\n\nevent: done\ndata: {}\n\n",
                1,
                End::Done,
            ),
        ] {
            assert!(read(body, count, end).is_err(), "{body:?}");
        }
    }
}
