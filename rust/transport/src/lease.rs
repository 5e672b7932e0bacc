//! The right to send a request on a connection.
//!
//! One of HTTP/1.1 belongs to one exchange at a time. One of HTTP/2 is shared by as many as its peer
//! takes; a lease is one of them. Dropping a lease gives the connection back, to whoever waits for one.

use std::{
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    Request, Response, Uri,
    body::Incoming,
    client::conn::{TrySendError, http1, http2},
    header::{HOST, HeaderValue},
};
use tokio::time::timeout;

use crate::{
    failure::is_unprocessed,
    liveness::Liveness,
    outgoing::{Outgoing, Taking},
    place::Place,
};

/// A connection of HTTP/1.1.
pub(crate) struct Single {
    pub(crate) sender: http1::SendRequest<Outgoing>,
    /// Its peer is a proxy that wants whole URLs.
    pub(crate) is_forward: bool,
    /// A request was answered on it, so it may have been closed since for being idle.
    pub(crate) has_served: bool,
}

/// A connection of HTTP/2.
pub(crate) struct Peer {
    pub(crate) sender: http2::SendRequest<Outgoing>,
    /// How many streams may be open at once.
    pub(crate) max_streams: Arc<AtomicUsize>,
    /// How many are. Only the I/O thread changes it.
    pub(crate) open_streams: AtomicUsize,
    pub(crate) has_served: AtomicBool,
    /// No stream was opened since the pool was last swept.
    pub(crate) is_unused: AtomicBool,
    pub(crate) liveness: Arc<Liveness>,
}

pub(crate) enum Line {
    Single(Single),
    Shared(Arc<Peer>),
}

pub(crate) struct Lease {
    place: Place,
    /// Until it is dropped.
    line: Option<Line>,
    /// While an exchange of HTTP/2 goes on: how many reads there had been when it began.
    reads_before: Option<u64>,
}

/// A request that was not answered.
pub(crate) enum NotSent {
    /// The connection was closed while nobody used it: another can take the request.
    Stale,
    /// The peer says that it has not begun with it (RFC 9113, section 8.7).
    Unprocessed(hyper::Error),
    Failed(hyper::Error),
    /// The connection did not take it in time.
    NotTaken,
}

impl Lease {
    pub(crate) fn new(place: Place, line: Line) -> Self {
        Self { place, line: Some(line), reads_before: None }
    }

    /// Sends a request whose URL is absolute, and waits for the response's head.
    pub(crate) async fn send(
        &mut self,
        request: &Request<Bytes>,
        limit: Duration,
    ) -> Result<Response<Incoming>, NotSent> {
        let (parts, body) = request.clone().into_parts();
        let (body, mut taking) = Outgoing::new(body);
        let mut request = Request::from_parts(parts, body);
        match &mut self.line {
            Some(Line::Single(single)) => {
                let url = request.uri().clone();
                address(&mut request, &url, single.is_forward);
                // A connection that is for this request alone takes it at once.
                let outcome = single.sender.try_send_request(request).await;
                if outcome.is_ok() {
                    single.has_served = true;
                }
                outcome.map_err(|error| NotSent::new(Some(error), single.has_served))
            }
            Some(Line::Shared(peer)) => {
                self.reads_before = Some(peer.liveness.reads());
                let sending = peer.sender.clone().try_send_request(request);
                let outcome = take(sending, &mut taking, limit).await;
                if outcome.is_ok() {
                    peer.has_served.store(true, Ordering::Relaxed);
                } else {
                    self.reads_before = None;
                }
                let has_served = peer.has_served.load(Ordering::Relaxed);
                outcome.map_err(|error| NotSent::new(error, has_served))
            }
            None => Err(NotSent::NotTaken),
        }
    }

    /// The exchange has come to an end by itself, whichever it is.
    pub(crate) fn end(&mut self) {
        self.reads_before = None;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(line) = self.line.take() {
            if let (Line::Shared(peer), Some(reads_before)) = (&line, self.reads_before) {
                peer.liveness.note_given_up(reads_before);
            }
            self.place.take_back(line);
        }
    }
}

impl Peer {
    /// Opens one more stream if the peer takes it.
    pub(crate) fn open(&self) -> bool {
        let open = self.open_streams.load(Ordering::Relaxed);
        let is_open = !self.liveness.is_doubted() && open < self.max_streams.load(Ordering::Relaxed);
        if is_open {
            self.open_streams.store(open + 1, Ordering::Relaxed);
            self.is_unused.store(false, Ordering::Relaxed);
        }
        is_open
    }

    /// Whether it may ever take another stream.
    pub(crate) fn is_good(&self) -> bool {
        let is_over = self.liveness.is_doubted() && self.open_streams.load(Ordering::Relaxed) == 0;
        !(is_over || self.liveness.is_leaving() || self.sender.is_closed())
    }

    /// Whether it was in use since this was asked last.
    pub(crate) fn is_in_use(&self) -> bool {
        let was_unused = self.is_unused.swap(true, Ordering::Relaxed);
        self.open_streams.load(Ordering::Relaxed) > 0 || !was_unused
    }
}

impl NotSent {
    fn new(error: Option<TrySendError<Request<Outgoing>>>, has_served: bool) -> Self {
        let Some(mut error) = error else { return Self::NotTaken };
        let is_unsent = error.take_message().is_some();
        let error = error.into_error();
        if is_unsent && has_served {
            Self::Stale
        } else if is_unprocessed(&error) {
            Self::Unprocessed(error)
        } else {
            Self::Failed(error)
        }
    }
}

/// Waits for the head; but no longer than the limit until the request is taken. `None`: it was not.
async fn take<T, E>(
    sending: impl Future<Output = Result<T, E>>,
    taking: &mut Taking,
    limit: Duration,
) -> Result<T, Option<E>> {
    let mut sending = pin!(sending);
    let taken = std::future::poll_fn(|cx| {
        if let Poll::Ready(outcome) = sending.as_mut().poll(cx) {
            return Poll::Ready(Some(outcome));
        }
        Pin::new(&mut *taking).poll(cx).map(|_| None)
    });
    match timeout(limit, taken).await {
        Ok(Some(outcome)) => outcome.map_err(Some),
        Ok(None) => sending.await.map_err(Some),
        Err(_) => Err(None),
    }
}

/// Puts the URL in the form that HTTP/1.1 wants (RFC 9112, section 3.2), and the host beside it.
fn address(request: &mut Request<Outgoing>, url: &Uri, is_forward: bool) {
    let default_port = if url.scheme_str() == Some("https") { 443 } else { 80 };
    let host = url.host().unwrap_or_default();
    let named = match url.port_u16().filter(|port| *port != default_port) {
        Some(port) => HeaderValue::try_from(format!("{host}:{port}")),
        None => HeaderValue::from_str(host),
    };
    if let Ok(host) = named {
        request.headers_mut().entry(HOST).or_insert(host);
    }
    let path = url.path_and_query().filter(|_| !is_forward).cloned();
    *request.uri_mut() = path.map_or_else(|| url.clone(), Uri::from);
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        future::{pending, ready},
        pin::Pin,
        task::{Context, Poll, Waker},
        time::Duration,
    };

    use bytes::Bytes;
    use hyper::body::Body;
    use tokio::runtime::Builder;

    use super::take;
    use crate::outgoing::Outgoing;

    const LIMIT: Duration = Duration::from_millis(5);

    #[test]
    fn a_request_that_no_connection_takes_is_given_up_and_not_sent_later() {
        let runtime = Builder::new_current_thread().enable_time().build();
        let (mut body, mut taking) = Outgoing::new(Bytes::from_static(b"body"));
        let outcome = runtime
            .map(|runtime| runtime.block_on(take(pending::<Result<(), Infallible>>(), &mut taking, LIMIT)));
        assert!(matches!(outcome, Ok(Err(None))));
        drop(taking);
        let sent = Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(sent, Poll::Ready(Some(Err(_)))));
    }

    #[test]
    fn a_request_that_was_taken_may_wait_for_its_answer_as_long_as_it_takes() {
        let runtime = Builder::new_current_thread().enable_time().build();
        let (body, mut taking) = Outgoing::new(Bytes::new());
        drop(body);
        let answer = async {
            tokio::time::sleep(LIMIT * 3).await;
            ready(Ok::<_, Infallible>(1)).await
        };
        let outcome = runtime.map(|runtime| runtime.block_on(take(answer, &mut taking, LIMIT)));
        assert!(matches!(outcome, Ok(Ok(1))));
    }
}
