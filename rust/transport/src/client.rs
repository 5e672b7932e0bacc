//! Sending requests, one task for each exchange.

use std::{
    error::Error,
    fmt, io, process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{
    Method, Request, Response, Uri, Version,
    body::{Body, Incoming},
    header::{HeaderName, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT},
};

use crate::{
    exchange::{Delivery, Exchange, Head, Shared},
    failure::describe,
    mailbox::Mailbox,
    options::Options,
    pool::Pool,
    runtime::runtime,
};

/// Who asks, where the caller does not say (RFC 9110, section 10.1.5).
const OWN_NAME: &str = concat!("streamactions/", env!("CARGO_PKG_VERSION"));

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

/// A client with connections of its own; dropping it closes those that are not in use.
pub struct Client {
    options: Arc<Options>,
    /// The pool of the process that made it: a fork leaves it, and makes another.
    pool: Mutex<Option<(u32, Arc<Pool>)>>,
}

impl Client {
    /// A client; nothing is started before its first request.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options: Arc::new(options), pool: Mutex::new(None) }
    }

    /// Sends a request; what comes of it is in the exchange, and news go to the mailbox.
    ///
    /// # Errors
    ///
    /// The request is not one, or there is no thread to send it. All else is the exchange's failure.
    pub fn send(&self, parts: RequestParts<'_>, mailbox: &Arc<Mailbox>) -> Result<Exchange, RequestError> {
        static NEXT_NUMBER: AtomicU64 = AtomicU64::new(0);
        let runtime = runtime().map_err(RequestError::NoThread)?;
        let pool = self.pool();
        let mut request = request(parts).map_err(RequestError::Invalid)?;
        if let Some(authorization) = pool.connector().forward_authorization(request.uri()) {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization);
        }
        let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::new(Shared::new(number, Arc::clone(mailbox), Arc::clone(&runtime.post)));
        let delivery = Delivery::new(Arc::clone(&shared));
        let task = runtime.handle.spawn(run(pool, request, delivery));
        runtime.post.wake();
        Ok(Exchange::new(shared, task.abort_handle()))
    }

    /// Closes the connections that are not in use, and each other one at the end of its exchange.
    pub fn close(&self) {
        let kept = self.pool.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((owner, pool)) = kept
            && owner != process::id()
        {
            // As in `pool`.
            std::mem::forget(pool);
        }
    }

    fn pool(&self) -> Arc<Pool> {
        let mut kept = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((owner, pool)) = kept.as_ref()
            && *owner == process::id()
        {
            return Arc::clone(pool);
        }
        let pool = Pool::new(Arc::clone(&self.options));
        // A parent's connections are the parent's: dropping them would end them there.
        std::mem::forget(kept.replace((process::id(), Arc::clone(&pool))));
        pool
    }
}

fn request(parts: RequestParts<'_>) -> Result<Request<Bytes>, String> {
    // A fragment is the client's own business (RFC 9110, section 7.1).
    let url = parts.url.split('#').next().unwrap_or_default();
    let uri: Uri = url.parse().map_err(|error| format!("{url:?} is no URL: {error}"))?;
    let mut request = Request::new(Bytes::from(parts.body.unwrap_or_default()));
    *request.method_mut() = Method::from_bytes(parts.method.as_bytes()).map_err(|error| error.to_string())?;
    *request.uri_mut() = uri;
    for (name, value) in parts.fields {
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} is no header name"))?;
        let value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| format!("the header {name} has a value that HTTP cannot carry"))?;
        request.headers_mut().insert(name, value);
    }
    request.headers_mut().entry(USER_AGENT).or_insert(HeaderValue::from_static(OWN_NAME));
    Ok(request)
}

async fn run(pool: Arc<Pool>, request: Request<Bytes>, shared: Delivery) {
    let sent = pool.send(&request).await;
    // A client that was dropped closes its unused connections now, however long this body takes.
    drop(pool);
    match sent {
        Ok((response, mut lease)) => {
            read(response, &shared).await;
            lease.end();
        }
        Err(why) => shared.fail(why),
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
