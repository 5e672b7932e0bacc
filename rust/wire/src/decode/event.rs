//! What the decoder hands out: an event, or the one error that it knows.

use std::borrow::Cow;
use std::fmt;

/// An event, borrowed from the decoder and from the input; it is valid during the call.
///
/// Text is UTF-8 in which malformed sequences were replaced by U+FFFD, as the WHATWG's decode
/// algorithm replaces them. It is borrowed unless something had to be replaced.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "`event` is the field's name in the format")]
pub struct Event<'a> {
    pub(super) event: &'a [u8],
    pub(super) data: &'a [u8],
    pub(super) id: &'a [u8],
    pub(super) id_is_new: bool,
    pub(super) retry_ms: Option<u64>,
}

impl<'a> Event<'a> {
    /// The event's type: `"message"` where the stream names none.
    #[must_use]
    #[inline]
    pub fn event(&self) -> Cow<'a, str> {
        if self.event.is_empty() { Cow::Borrowed("message") } else { text(self.event) }
    }

    /// Whether the type is `"message"`, named or not.
    #[must_use]
    #[inline]
    pub fn is_message(&self) -> bool {
        self.event.is_empty() || self.event == b"message"
    }

    /// The data lines, joined by LF.
    #[must_use]
    #[inline]
    pub fn data(&self) -> Cow<'a, str> {
        text(self.data)
    }

    /// The data lines, joined by LF, as received: the bytes may be malformed UTF-8.
    #[must_use]
    #[inline]
    pub fn data_bytes(&self) -> &'a [u8] {
        self.data
    }

    /// The stream's last event ID, of this event or of one before it; `""` if none.
    #[must_use]
    #[inline]
    pub fn id(&self) -> Cow<'a, str> {
        text(self.id)
    }

    /// Whether an `id` field has set the last event ID since the event before this one. A
    /// reader that converts IDs can keep the converted one while this is false.
    #[must_use]
    #[inline]
    pub fn id_is_new(&self) -> bool {
        self.id_is_new
    }

    /// The reconnection time in milliseconds, if this event's own block names a valid one.
    #[must_use]
    #[inline]
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }
}

/// The plain check first: it is several times faster than the one that also replaces.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Why a stream cannot be decoded further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodeError {
    /// One event holds more than the decoder's bound.
    EventTooLarge {
        /// The bound, `max_event_bytes`.
        limit_bytes: usize,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EventTooLarge { limit_bytes } => write!(
                f,
                "an event is larger than max_event_bytes ({limit_bytes} bytes): \
                 raise max_event_bytes, or have the server send smaller events"
            ),
        }
    }
}

impl std::error::Error for DecodeError {}
