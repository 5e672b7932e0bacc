//! The parts of a line: its fields, the places a cut may fall in, and the digits of `retry`.

/// The byte order mark, U+FEFF in UTF-8.
pub(super) const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// The longest field name that has a meaning (`event`, `retry`).
pub(super) const NAME_BYTES: usize = 5;

/// The largest reconnection time; a larger one counts as this. It is the largest integer that
/// every reader of JSON agrees about, 2^53 - 1, and some 285,000 years.
pub const MAX_RETRY_MS: u64 = (1 << 53) - 1;

/// The fields that have a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Data,
    Event,
    Id,
    Retry,
}

impl Field {
    /// Names are compared exactly; `Data` is an unknown field.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"data" => Some(Self::Data),
            b"event" => Some(Self::Event),
            b"id" => Some(Self::Id),
            b"retry" => Some(Self::Retry),
            _ => None,
        }
    }
}

/// The place inside the current line at which the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// At the start of the stream, after so many bytes of a BOM.
    Bom(usize),
    /// At the start of a line.
    Start,
    /// At the start of a line whose predecessor ended with CR: an LF belongs to that end. The
    /// line counts as ended at its CR, so that an event never waits for a byte it does not need.
    AfterCr,
    /// Inside a field name, after so many bytes of it.
    Name(usize),
    /// After the colon of this field: one space is not part of the value.
    Space(Field),
    /// Inside the value of this field.
    Value(Field),
    /// Inside a comment or an unknown field.
    Ignored,
    /// After an event that was too large, for good: the rest of the stream cannot be trusted.
    TooLarge,
}

impl Line {
    /// The place after a line end that begins with this byte.
    #[inline]
    pub(super) fn after(end: u8) -> Self {
        if end == b'\r' { Self::AfterCr } else { Self::Start }
    }

    /// Where `bytes` is a line end followed by a blank line: what follows both. The blank line
    /// may end there with the CR of a CR LF: its LF is then one more blank line, and changes
    /// nothing.
    #[inline]
    pub(super) fn after_blank(bytes: &[u8]) -> Option<&[u8]> {
        let ([b'\r', b'\n', next @ ..] | [_, next @ ..]) = bytes else { return None };
        match next {
            [b'\r' | b'\n', rest @ ..] => Some(rest),
            _ => None,
        }
    }
}

/// The value of a `retry` line, read digit by digit so that none of it is held.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum RetryDigits {
    #[default]
    None,
    SoFar(u64),
    /// A byte was no ASCII digit: the field is ignored.
    Invalid,
}

impl RetryDigits {
    pub(super) fn push(&mut self, part: &[u8]) {
        for byte in part {
            *self = match self {
                Self::None if byte.is_ascii_digit() => Self::SoFar(u64::from(byte - b'0')),
                Self::SoFar(value_ms) if byte.is_ascii_digit() => {
                    Self::SoFar((*value_ms * 10 + u64::from(byte - b'0')).min(MAX_RETRY_MS))
                }
                _ => return *self = Self::Invalid,
            };
        }
    }

    /// The value in milliseconds; none where the field was empty or no number.
    pub(super) fn value_ms(self) -> Option<u64> {
        match self {
            Self::SoFar(value_ms) => Some(value_ms),
            Self::None | Self::Invalid => None,
        }
    }
}
