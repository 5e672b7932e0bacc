//! Why an exchange failed, in one line that says what to do.

use std::{error::Error, fmt::Write as _};

use h2::Reason;

use crate::establish::{MAX_HEAD_BYTES, MAX_HEAD_FIELDS};

/// What the HTTP library says of a head that is too large, or has too many fields.
const HEAD_TOO_LARGE: &str = "message head is too large";

/// An error and its causes, in one line.
pub(crate) fn describe(error: &(dyn Error + 'static)) -> String {
    if error.to_string() == HEAD_TOO_LARGE {
        return format!(
            "the head of its answer is larger than {MAX_HEAD_BYTES} bytes, or has more than {MAX_HEAD_FIELDS} \
             fields"
        );
    }
    if let Some(error) = find_http2(error)
        && error.is_reset()
        && !error.is_remote()
        && error.reason() == Some(Reason::PROTOCOL_ERROR)
    {
        return format!(
            "its answer breaks the rules of HTTP/2, or its head is larger than {MAX_HEAD_BYTES} bytes"
        );
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text.replace(['\r', '\n'], " ")
}

/// Whether the peer says that it has not begun with a request (RFC 9113, section 8.7): it has refused the
/// stream, or has left, and named the last stream that it began with, which was before.
pub(crate) fn is_unprocessed(error: &(dyn Error + 'static)) -> bool {
    find_http2(error).is_some_and(|error| {
        error.is_remote() && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM))
    })
}

fn find_http2<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a h2::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref() {
            return Some(error);
        }
        cause = error.source();
    }
    None
}
