//! The body of a request, which tells when a connection has taken the request.
//!
//! A connection asks for the body once the head has gone out, and drops one that is empty. Until then
//! the request may wait without a word: an HTTP/2 peer can lower how many streams it takes.

use std::{
    convert::Infallible,
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;

/// Comes to an end, whichever it is, once a connection has taken the request.
pub(crate) type Taking = oneshot::Receiver<Infallible>;

/// The bytes of a request's body.
pub(crate) struct Outgoing {
    body: Full<Bytes>,
    /// Dropped when the request is taken.
    taking: Option<oneshot::Sender<Infallible>>,
}

/// Nobody waits for the response any more, so the request must not be sent to its end.
#[derive(Debug)]
pub(crate) struct GivenUp;

impl fmt::Display for GivenUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request was given up")
    }
}

impl Error for GivenUp {}

impl Outgoing {
    pub(crate) fn new(body: Bytes) -> (Self, Taking) {
        let (taking, taken) = oneshot::channel();
        (Self { body: Full::new(body), taking: Some(taking) }, taken)
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = GivenUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        if self.taking.take().is_some_and(|taking| taking.is_closed()) {
            return Poll::Ready(Some(Err(GivenUp)));
        }
        Pin::new(&mut self.body).poll_frame(cx).map_err(|never| match never {})
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
