//! Sending requests: hyper's client with its pool, one task for each exchange.

use std::{
    error::Error,
    fmt::{self, Write as _},
    io, process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, Uri, Version,
    body::{Body, Incoming},
    header::{HeaderName, HeaderValue, PROXY_AUTHORIZATION},
};
use hyper_util::{
    client::legacy::Client as HyperClient,
    rt::{TokioExecutor, TokioTimer},
};

use crate::{
    connector::Connector,
    exchange::{Exchange, Head, Shared},
    mailbox::Mailbox,
    runtime::runtime,
};

/// The most that is read of an HTTP/1.1 connection at once, and thus the library's buffer for it.
const READ_BYTES: usize = 16_384;
/// What an HTTP/2 server may send of one stream before it is taken (RFC 9113, section 5.2).
const STREAM_WINDOW_BYTES: u32 = 65_536;
/// Likewise of all streams of a connection: slow ones must not hold the others up.
const CONNECTION_WINDOW_BYTES: u32 = 16_777_216;
/// What rustls says of a self-signed certificate as OpenSSL makes it by default.
const CA_AS_SERVER: &str = "CaUsedAsEndEntity";
/// How long a connection is kept without use.
const POOL_IDLE: Duration = Duration::from_secs(60);
/// How many unused connections are kept to one server.
const POOL_SIZE: usize = 128;

/// A request, as text.
#[derive(Debug)]
pub struct RequestParts<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// Absolute, with its query.
    pub url: &'a str,
    /// Name and value.
    pub fields: &'a [(String, String)],
    /// The body, if any.
    pub body: Option<Vec<u8>>,
}

/// Why a request was not sent at all.
#[derive(Debug)]
pub enum RequestError {
    /// It is no valid HTTP request.
    Invalid(String),
    /// The system gives no thread.
    NoThread(io::Error),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(why) => write!(f, "the request is invalid: {why}"),
            Self::NoThread(error) => write!(f, "the I/O thread could not be started: {error}"),
        }
    }
}

impl Error for RequestError {}

type Hyper = HyperClient<Connector, Full<Bytes>>;

/// A client with connections of its own; dropping it closes those that are not in use.
pub struct Client {
    connect_timeout: Duration,
    /// The client of the process that made it: a fork leaves it, and makes another.
    hyper: Mutex<Option<(u32, Hyper, Connector)>>,
}

impl Client {
    /// A client; nothing is started before its first request. Proxies are those of the environment.
    #[must_use]
    pub fn new(connect_timeout: Duration) -> Self {
        Self { connect_timeout, hyper: Mutex::new(None) }
    }

    /// Sends a request; what comes of it is in the exchange, and news go to the mailbox.
    ///
    /// # Errors
    ///
    /// The request is not one, or there is no thread to send it. All else is the exchange's failure.
    pub fn send(&self, parts: RequestParts<'_>, mailbox: &Arc<Mailbox>) -> Result<Exchange, RequestError> {
        static NEXT_NUMBER: AtomicU64 = AtomicU64::new(0);
        let runtime = runtime().map_err(RequestError::NoThread)?;
        let (hyper, connector) = self.hyper();
        let mut request = request(parts).map_err(RequestError::Invalid)?;
        if let Some(authorization) = connector.forward_authorization(request.uri()) {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization);
        }
        let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::new(Shared::new(number, Arc::clone(mailbox), Arc::clone(&runtime.post)));
        let task = runtime.handle.spawn(run(hyper, request, Arc::clone(&shared)));
        runtime.post.wake();
        Ok(Exchange::new(shared, task.abort_handle()))
    }

    fn hyper(&self) -> (Hyper, Connector) {
        let mut kept = self.hyper.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((owner, hyper, connector)) = kept.as_ref()
            && *owner == process::id()
        {
            return (hyper.clone(), connector.clone());
        }
        let connector = Connector::new(self.connect_timeout);
        let hyper = HyperClient::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(POOL_SIZE)
            .http1_max_buf_size(READ_BYTES)
            .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
            .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .build(connector.clone());
        // A parent's connections are the parent's: dropping them would end them there.
        std::mem::forget(kept.replace((process::id(), hyper.clone(), connector.clone())));
        (hyper, connector)
    }
}

fn request(parts: RequestParts<'_>) -> Result<Request<Full<Bytes>>, String> {
    // A fragment is the client's own business (RFC 9110, section 7.1).
    let url = parts.url.split('#').next().unwrap_or_default();
    let uri: Uri = url.parse().map_err(|error| format!("{url:?} is no URL: {error}"))?;
    let mut request = Request::new(Full::new(Bytes::from(parts.body.unwrap_or_default())));
    *request.method_mut() = Method::from_bytes(parts.method.as_bytes()).map_err(|error| error.to_string())?;
    *request.uri_mut() = uri;
    for (name, value) in parts.fields {
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} is no header name"))?;
        let value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| format!("the header {name} has a value that HTTP cannot carry"))?;
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

async fn run(hyper: Hyper, request: Request<Full<Bytes>>, shared: Arc<Shared>) {
    match hyper.request(request).await {
        Ok(response) => read(response, &shared).await,
        // The error itself names only hyper's own stages.
        Err(error) => shared.fail(describe(error.source().unwrap_or(&error))),
    }
}

async fn read(response: Response<Incoming>, shared: &Shared) {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    shared.set_head(Head {
        status: response.status().as_u16(),
        fields: response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
    });
    let is_http2 = response.version() == Version::HTTP_2;
    let mut body = response.into_body();
    loop {
        shared.wait_for_room().await;
        match body.frame().await {
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data()
                    && !data.is_empty()
                {
                    shared.push(&data);
                }
            }
            Some(Err(error)) => return shared.fail(describe(&error)),
            // hyper takes a stream that was reset with NO_ERROR for one that has ended.
            None if is_http2 && !body.is_end_stream() => {
                return shared.fail("the stream was reset before its end".to_owned());
            }
            None => return shared.end(),
        }
    }
}

/// An error and its causes, in one line.
fn describe(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    if text.contains(CA_AS_SERVER) {
        return "the server shows the certificate of an authority: use one that it has signed, or make a \
                self-signed one with basicConstraints=CA:FALSE"
            .to_owned();
    }
    text.replace(['\r', '\n'], " ")
}
