//! Connections: TCP, the environment's proxies, TLS by the system's roots.
//!
//! Strategy: a request to an `http` URL goes through its proxy as it is (RFC 9112, section 3.2.2), one
//! to an `https` URL through a tunnel (RFC 9110, section 9.3.6), with TLS inside. The roots are loaded
//! once for the process, by the first `https` request, and not on the I/O thread.

use std::{
    cell::RefCell,
    error::Error,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper::{
    Uri,
    header::HeaderValue,
    rt::{Read, ReadBuf, ReadBufCursor, Write},
};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::{
        legacy::connect::{Connected, Connection, HttpConnector, proxy::Tunnel},
        proxy::matcher::Intercept,
    },
    rt::TokioIo,
};
use rustls::{ClientConfig, crypto::ring};
use tokio::{net::TcpStream, sync::OnceCell, time::timeout};
use tower_service::Service;

use crate::proxies::Proxies;

/// The most that is read of a connection at once. The HTTP library's buffer may grow until it holds the largest
/// head, and would do so for each body that comes fast: it doubles after a read of 16 KiB, and not after this.
const READ_BYTES: usize = 16_383;

thread_local! {
    /// What a read goes through whose buffer is larger than that.
    static READ: RefCell<[u8; READ_BYTES]> = const { RefCell::new([0; READ_BYTES]) };
}

type BoxError = Box<dyn Error + Send + Sync>;
type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

static TLS: OnceCell<Arc<ClientConfig>> = OnceCell::const_new();

async fn tls() -> Result<Arc<ClientConfig>, BoxError> {
    let config = TLS.get_or_try_init(|| async { tokio::task::spawn_blocking(load_tls).await? }).await?;
    Ok(Arc::clone(config))
}

fn load_tls() -> Result<Arc<ClientConfig>, BoxError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_native_roots()?
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Connects to a server, TLS included, within a time.
#[derive(Clone)]
pub(crate) struct Connector {
    dialer: Dialer,
    connect_timeout: Duration,
}

impl Connector {
    pub(crate) fn new(connect_timeout: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        Self { dialer: Dialer { tcp, proxies: Arc::new(Proxies::from_env()) }, connect_timeout }
    }

    /// How long a connection may take, TLS included.
    pub(crate) fn limit(&self) -> Duration {
        self.connect_timeout
    }

    /// What a proxy that a request passes through as it is wants to see.
    pub(crate) fn forward_authorization(&self, uri: &Uri) -> Option<HeaderValue> {
        let is_forwarded = uri.scheme_str() == Some("http");
        // A proxy that cannot be used is the connection's failure.
        self.dialer.proxies.find(uri).ok()?.filter(|_| is_forwarded)?.basic_auth().cloned()
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Dialed>;
    type Error = BoxError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (mut dialer, limit) = (self.dialer.clone(), self.connect_timeout);
        let connecting = async move {
            if uri.scheme_str() == Some("https") {
                HttpsConnector::from((dialer, tls().await?)).call(uri).await
            } else {
                Ok(MaybeHttpsStream::Http(dialer.call(uri).await?))
            }
        };
        Box::pin(async move {
            match timeout(limit, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(format!("no connection within {} seconds", limit.as_secs_f64()).into()),
            }
        })
    }
}

/// Connects to a server or to its proxy.
#[derive(Clone)]
struct Dialer {
    tcp: HttpConnector,
    proxies: Arc<Proxies>,
}

impl Service<Uri> for Dialer {
    type Response = Dialed;
    type Error = BoxError;
    type Future = Connecting<Dialed>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let Self { mut tcp, proxies } = self.clone();
        Box::pin(async move {
            let Some(proxy) = proxies.find(&uri)? else {
                return Ok(Dialed { stream: tcp.call(uri).await?, is_forward: false });
            };
            if uri.scheme_str() == Some("https") {
                return Ok(Dialed { stream: tunnel(&proxy, tcp).call(uri).await?, is_forward: false });
            }
            Ok(Dialed { stream: tcp.call(proxy.uri().clone()).await?, is_forward: true })
        })
    }
}

fn tunnel(proxy: &Intercept, tcp: HttpConnector) -> Tunnel<HttpConnector> {
    let tunnel = Tunnel::new(proxy.uri().clone(), tcp);
    match proxy.basic_auth() {
        Some(authorization) => tunnel.with_auth(authorization.clone()),
        None => tunnel,
    }
}

/// A connection that knows whether its requests have to name the whole URL.
pub(crate) struct Dialed {
    stream: TokioIo<TcpStream>,
    is_forward: bool,
}

impl Connection for Dialed {
    fn connected(&self) -> Connected {
        self.stream.connected().proxy(self.is_forward)
    }
}

impl Read for Dialed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() <= READ_BYTES {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        READ.with_borrow_mut(|read| {
            let mut part = ReadBuf::new(read);
            let outcome = Pin::new(&mut self.stream).poll_read(cx, part.unfilled());
            buffer.put_slice(part.filled());
            outcome
        })
    }
}

impl Write for Dialed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, data)
    }
}
