//! Bytes to events: an incremental decoder of the WHATWG event stream format.
//!
//! Rules: <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>.
//!
//! Strategy: a state machine whose state is the place inside the current *line*, so that input
//! may be cut anywhere. Plainly, it is this:
//!
//! ```text
//! drop one leading BOM; split at CR LF, LF or CR; for each line:
//!     empty            -> dispatch the event, unless it has no data line
//!     ":..."           -> ignore
//!     "name: value"    -> data: append, event: replace, id: replace, retry: digits only
//!     any other name   -> ignore
//! ```
//!
//! The real code differs in three ways. No line is ever stored: value bytes go straight to where
//! they belong, ignored bytes go nowhere, and each byte is searched for a line end once, so the
//! cost is linear however the input is cut. Where an event's only data line lies whole in one
//! input and the blank line follows, the event borrows it and nothing is copied. And bytes stay
//! bytes: CR, LF, colon and space are never part of a longer UTF-8 sequence, so replacing
//! malformed sequences after the split gives what decoding the whole stream first would give.

mod event;
mod line;
mod steps;

pub use event::{DecodeError, Event};
pub use line::MAX_RETRY_MS;
use line::{Line, NAME_BYTES, RetryDigits};

/// A decoder for one stream, without I/O.
///
/// ```
/// let mut decoder = wire::decode::Decoder::new(1024);
/// let mut texts = Vec::new();
/// decoder.feed(b"data: he", |event| texts.push(event.data().into_owned()))?;
/// decoder.feed(b"llo\n\n", |event| texts.push(event.data().into_owned()))?;
/// assert_eq!(texts, ["hello"]);
/// # Ok::<(), wire::decode::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    max_event_bytes: usize,
    /// Where in the current line the next byte stands.
    line: Line,
    /// The field name so far, for the case that the input is cut inside it.
    name: [u8; NAME_BYTES],
    /// The value so far of an `event` or `id` line that the input has cut.
    value: Vec<u8>,
    /// The digits so far of a `retry` line.
    retry_digits: RetryDigits,
    /// The data lines of the unfinished event, joined by LF.
    data: Vec<u8>,
    /// Whether the event has a data line; `data: ` alone is an event with empty data.
    has_data: bool,
    /// The unfinished event's `event` field.
    event: Vec<u8>,
    /// The unfinished event's `id` field. It counts only once its blank line has come.
    id: Vec<u8>,
    has_id: bool,
    /// The unfinished event's `retry` field.
    event_retry_ms: Option<u64>,
    /// The stream's last event ID, as of the last blank line.
    last_event_id: Vec<u8>,
    /// Whether `last_event_id` was set since the last event was dispatched.
    id_is_new: bool,
    /// The stream's reconnection time, as of the last `retry` line.
    retry_ms: Option<u64>,
}

impl Decoder {
    /// A decoder at the start of a stream.
    ///
    /// `max_event_bytes` bounds what is held of one event: its data (lines joined by LF), its
    /// `event` and its `id`, in bytes as received, an unfinished line included. Comments,
    /// unknown fields and `retry` hold nothing, so their length is unbounded.
    #[must_use]
    pub fn new(max_event_bytes: usize) -> Self {
        Self {
            max_event_bytes,
            line: Line::Bom(0),
            name: [0; NAME_BYTES],
            value: Vec::new(),
            retry_digits: RetryDigits::default(),
            data: Vec::new(),
            has_data: false,
            event: Vec::new(),
            id: Vec::new(),
            has_id: false,
            event_retry_ms: None,
            last_event_id: Vec::new(),
            id_is_new: false,
            retry_ms: None,
        }
    }

    /// Takes the stream's next bytes and calls `on_event` for each event that they complete.
    ///
    /// There is no call for the end of a stream: an event without its blank line is discarded.
    ///
    /// # Errors
    ///
    /// [`DecodeError::EventTooLarge`] once an event holds more than `max_event_bytes`, and from
    /// then on for every call. `on_event` has been called for all events before that one.
    #[inline]
    pub fn feed(&mut self, mut bytes: &[u8], mut on_event: impl FnMut(Event<'_>)) -> Result<(), DecodeError> {
        if self.line == Line::TooLarge {
            return Err(self.too_large());
        }
        while let Some(&first) = bytes.first() {
            bytes = match self.line {
                Line::Start => self.start(first, bytes, &mut on_event)?,
                Line::Value(field) => self.value(field, bytes, &mut on_event)?,
                Line::Ignored => self.ignored(bytes),
                Line::Name(length) => self.name(length, bytes)?,
                Line::Space(field) => {
                    self.line = Line::Value(field);
                    bytes.strip_prefix(b" ").unwrap_or(bytes)
                }
                Line::AfterCr => {
                    self.line = Line::Start;
                    bytes.strip_prefix(b"\n").unwrap_or(bytes)
                }
                Line::Bom(matched) => self.bom(matched, first, bytes),
                Line::TooLarge => return Err(self.too_large()),
            };
        }
        Ok(())
    }

    /// The last event ID of the stream, `""` if none: what a reconnecting client sends back.
    #[must_use]
    pub fn last_event_id(&self) -> std::borrow::Cow<'_, str> {
        event::text(&self.last_event_id)
    }

    /// The stream's last valid `retry` field in milliseconds, at most [`MAX_RETRY_MS`].
    #[must_use]
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    /// How many bytes of the unfinished event are held; never more than `max_event_bytes`.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.data.len() + self.event.len() + self.id.len() + self.value.len()
    }

    /// The bound that [`Decoder::new`] was given.
    #[must_use]
    pub fn max_event_bytes(&self) -> usize {
        self.max_event_bytes
    }
}
