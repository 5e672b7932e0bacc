//! Making a connection, and finding out what it speaks.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use hyper::{
    Uri,
    client::conn::{http1, http2},
};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::{
    client::legacy::connect::Connection,
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::time::sleep;

use crate::{
    connector::Connector,
    dial::Dialed,
    failure::describe,
    lease::{Line, Peer, Single},
    liveness::Liveness,
    options::Options,
    place::{Making, Place},
    settings::{OnSettings, Watched},
};

/// How large a response's head may be: four times what a server's own default is for a request's.
pub(crate) const MAX_HEAD_BYTES: u32 = 65_536;
/// How many header fields it may have; where several proxies add theirs, 100 is too few.
pub(crate) const MAX_HEAD_FIELDS: usize = 256;
/// What an HTTP/2 server may send of one stream before it is taken (RFC 9113, section 5.2).
const STREAM_WINDOW_BYTES: u32 = 65_536;
/// Likewise of all streams of a connection: slow ones must not hold the others up.
const CONNECTION_WINDOW_BYTES: u32 = 16_777_216;
/// How many streams share a connection, at most: so many can stop being read, and fill its window.
pub(crate) const MAX_STREAMS: usize = (CONNECTION_WINDOW_BYTES / STREAM_WINDOW_BYTES) as usize;
/// How many do before its peer has said how many it takes: the first need not wait for that.
const FIRST_STREAMS: usize = 1;

type Stream = MaybeHttpsStream<Dialed>;

/// Makes a connection for one request, which others may be able to share.
///
/// # Errors
///
/// Why there is none, in one line.
pub(crate) async fn establish(connector: Connector, making: Making) -> Result<Line, String> {
    match connect(&connector, &making).await {
        Ok(stream) if stream.connected().is_negotiated_h2() => {
            share(stream, making, connector.options()).await
        }
        Ok(stream) => {
            let single = single(stream).await.inspect_err(|why| making.has_failed(why))?;
            making.is_single();
            Ok(Line::Single(single))
        }
        Err(why) => {
            making.has_failed(&why);
            Err(why)
        }
    }
}

async fn connect(connector: &Connector, making: &Making) -> Result<Stream, String> {
    let (scheme, authority) = making.key().clone();
    let url = Uri::builder().scheme(scheme).authority(authority).path_and_query("/").build();
    let url = url.map_err(|error| describe(&error))?;
    connector.connect(&url).await
}

async fn single(stream: Stream) -> Result<Single, String> {
    let is_forward = stream.connected().is_proxied();
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MAX_HEAD_BYTES as usize).max_headers(MAX_HEAD_FIELDS);
    let (mut sender, connection) = builder.handshake(stream).await.map_err(|error| describe(&error))?;
    // What it fails with is told to its request.
    tokio::spawn(async { drop(connection.await) });
    sender.ready().await.map_err(|error| describe(&error))?;
    Ok(Single { sender, is_forward, has_served: false })
}

async fn share(stream: Stream, making: Making, options: &Options) -> Result<Line, String> {
    let making = Arc::new(making);
    let max_streams = Arc::new(AtomicUsize::new(FIRST_STREAMS));
    let settling = Arc::new(Settling(Mutex::new(Some(Arc::clone(&making)))));
    let report = report_settings(making.place(), Arc::clone(&settling), Arc::clone(&max_streams));
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEAD_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(options.ping_interval)
        .keep_alive_timeout(options.ping_timeout)
        .keep_alive_while_idle(false);
    let liveness = Arc::new(Liveness::new());
    let stream = TokioIo::new(Watched::new(TokioIo::new(stream), report, Arc::clone(&liveness)));
    let (sender, connection) = builder.handshake(stream).await.map_err(|error| {
        let why = describe(&error);
        making.has_failed(&why);
        why
    })?;
    // A peer whose SETTINGS do not come must not keep others from being tried.
    let settling = Arc::downgrade(&settling);
    let limit = options.connect_timeout;
    tokio::spawn(async move {
        sleep(limit).await;
        if let Some(settling) = settling.upgrade() {
            settling.end();
        }
    });
    // What it fails with is told to its requests.
    tokio::spawn(async { drop(connection.await) });
    let peer = Arc::new(Peer {
        sender,
        max_streams,
        open_streams: AtomicUsize::new(1),
        has_served: AtomicBool::new(false),
        is_unused: AtomicBool::new(false),
        liveness,
    });
    making.is_shared(&peer);
    Ok(Line::Shared(peer))
}

/// Counts a connection as one in the making, until it is known how many streams its peer takes.
struct Settling(Mutex<Option<Arc<Making>>>);

impl Settling {
    fn end(&self) {
        let making = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        // With the lock released, because this serves those who wait.
        drop(making);
    }
}

fn report_settings(place: Place, settling: Arc<Settling>, max_streams: Arc<AtomicUsize>) -> OnSettings {
    let mut is_first = true;
    Box::new(move |said| {
        let said = said.map(|max| usize::try_from(max).map_or(MAX_STREAMS, |max| max.min(MAX_STREAMS)));
        // A peer that does not say how many has no limit of its own.
        if let Some(max) = said.or(is_first.then_some(MAX_STREAMS)) {
            max_streams.store(max, Ordering::Relaxed);
            place.takes(max);
        }
        is_first = false;
        settling.end();
        place.serve();
    })
}
