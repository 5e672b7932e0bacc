//! Connections: a socket to the server or its proxy, and TLS on it.
//!
//! Strategy: a request to an `http` URL goes through its proxy as it is (RFC 9112, section 3.2.2), one
//! to an `https` URL through a tunnel (RFC 9110, section 9.3.6), with TLS inside.

use std::{
    error::Error,
    fmt,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use hyper::{Uri, header::HeaderValue};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use tokio::time::timeout;
use tower_service::Service;

use crate::{
    dial::{Dialed, name_peer, reach, reach_proxy, reach_socket, tunnel},
    options::Options,
    proxies::Proxies,
    tls::{Tls, describe_failure},
};

/// Why there is no connection, in one line.
#[derive(Debug)]
pub(crate) struct DialError(String);

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for DialError {}

/// Connects to a server, TLS included, within a time.
#[derive(Clone)]
pub(crate) struct Connector {
    dialer: Dialer,
    tls: Tls,
    options: Arc<Options>,
}

impl Connector {
    pub(crate) fn new(options: Arc<Options>) -> Self {
        let proxies = match (&options.socket_path, &options.proxy) {
            (Some(_), _) => Proxies::none(),
            (None, Some(proxy)) => Proxies::only(proxy),
            (None, None) => Proxies::from_env(),
        };
        let dialer = Dialer { socket_path: options.socket_path.clone(), proxies: Arc::new(proxies) };
        let tls = Tls::new(options.tls.clone(), options.is_http1_only);
        Self { dialer, tls, options }
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// What a proxy that a request passes through as it is wants to see.
    pub(crate) fn forward_authorization(&self, uri: &Uri) -> Option<HeaderValue> {
        let is_forwarded = uri.scheme_str() == Some("http");
        // A proxy that cannot be used is the connection's failure.
        self.dialer.proxies.find(uri).ok()?.filter(|_| is_forwarded)?.basic_auth().cloned()
    }

    /// Connects to the server that a URL names.
    ///
    /// # Errors
    ///
    /// Why there is no connection, in one line.
    pub(crate) async fn connect(&self, url: &Uri) -> Result<MaybeHttpsStream<Dialed>, String> {
        let limit = self.options.connect_timeout;
        match timeout(limit, self.open(url)).await {
            Ok(connected) => connected,
            Err(_) => Err(self.describe_timeout(url)),
        }
    }

    /// What is said where no connection came within the limit.
    pub(crate) fn describe_timeout(&self, url: &Uri) -> String {
        let limit_s = self.options.connect_timeout.as_secs_f64();
        format!(
            "no connection to {} within {limit_s} seconds (connect_timeout_s)",
            self.dialer.name_next(url)
        )
    }

    async fn open(&self, url: &Uri) -> Result<MaybeHttpsStream<Dialed>, String> {
        if url.scheme_str() != Some("https") {
            return Ok(MaybeHttpsStream::Http(self.dialer.dial(url).await?));
        }
        let config = self.tls.config().await.map_err(|error| error.to_string())?;
        let connected = HttpsConnector::from((self.dialer.clone(), config)).call(url.clone()).await;
        connected.map_err(|error| match error.downcast::<DialError>() {
            Ok(error) => error.0,
            Err(error) => describe_failure(&*error, &name_peer(url)),
        })
    }
}

/// Connects to a server or to its proxy.
#[derive(Clone)]
struct Dialer {
    socket_path: Option<PathBuf>,
    proxies: Arc<Proxies>,
}

impl Dialer {
    async fn dial(&self, url: &Uri) -> Result<Dialed, String> {
        if let Some(path) = &self.socket_path {
            return Ok(Dialed::unix(reach_socket(path).await?));
        }
        let Some(proxy) = self.proxies.find(url)? else {
            return Ok(Dialed::tcp(reach(url).await?, false));
        };
        let mut stream = reach_proxy(&proxy).await?;
        let is_forward = url.scheme_str() != Some("https");
        if !is_forward {
            tunnel(&mut stream, &proxy, url).await?;
        }
        Ok(Dialed::tcp(stream, is_forward))
    }

    /// Whom a connection goes to, as messages name it.
    fn name_next(&self, url: &Uri) -> String {
        if let Some(path) = &self.socket_path {
            return format!("the socket {}", path.display());
        }
        match self.proxies.find(url) {
            Ok(Some(proxy)) => format!("{} through the proxy {}", name_peer(url), name_peer(proxy.uri())),
            _ => name_peer(url),
        }
    }
}

impl Service<Uri> for Dialer {
    type Response = Dialed;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Dialed, DialError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let dialer = self.clone();
        Box::pin(async move { dialer.dial(&url).await.map_err(DialError) })
    }
}
