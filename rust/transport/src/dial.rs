//! Sockets: to the first of a server's addresses that answers, through the proxy, or to a Unix socket.

use std::{
    cell::RefCell,
    fmt::Display,
    io,
    net::SocketAddr,
    path::Path,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper::{
    Uri,
    rt::{Read, ReadBuf, ReadBufCursor, Write},
};
use hyper_util::{
    client::{
        legacy::connect::{Connected, Connection},
        proxy::matcher::Intercept,
    },
    rt::TokioIo,
};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream, lookup_host},
    task::JoinSet,
    time::timeout,
};

/// How long an address is tried alone before the next one is tried beside it (RFC 8305, section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// How long a connection may be silent before the system asks its peer whether it is there.
const TCP_KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long the system waits for an answer, and how often it asks again, before it closes the connection.
const TCP_KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
const TCP_KEEP_ALIVE_PROBES: u32 = 3;
/// How long what was sent may be unacknowledged before the system closes the connection.
#[cfg(any(target_os = "linux", target_os = "android"))]
const TCP_UNACKNOWLEDGED_S: u64 = 60;

/// How large the head of a proxy's answer may be.
const MAX_TUNNEL_HEAD_BYTES: usize = 8_192;

/// The most that is read of a connection at once. The HTTP library's buffer may grow until it holds the largest
/// head, and would do so for each body that comes fast: it doubles after a read of 16 KiB, and not after this.
const READ_BYTES: usize = 16_383;

thread_local! {
    /// What a read goes through whose buffer is larger than that.
    static READ: RefCell<[u8; READ_BYTES]> = const { RefCell::new([0; READ_BYTES]) };
}

/// A host and its port, as messages name them.
pub(crate) fn name_peer(url: &Uri) -> String {
    let port = port_of(url);
    format!("{}:{port}", url.host().unwrap_or_default())
}

fn port_of(url: &Uri) -> u16 {
    url.port_u16().unwrap_or(if url.scheme_str() == Some("https") { 443 } else { 80 })
}

/// Connects to a server itself.
///
/// # Errors
///
/// In one line, whom it was tried to reach and why it failed.
pub(crate) async fn reach(url: &Uri) -> Result<TcpStream, String> {
    open(url).await.map_err(|why| format!("cannot connect to {}: {why}", name_peer(url)))
}

/// Connects to the proxy that a URL needs.
///
/// # Errors
///
/// As for `reach`.
pub(crate) async fn reach_proxy(proxy: &Intercept) -> Result<TcpStream, String> {
    let url = proxy.uri();
    open(url).await.map_err(|why| format!("cannot connect to the proxy {}: {why}", name_peer(url)))
}

/// Connects to a Unix socket.
///
/// # Errors
///
/// As for `reach`.
pub(crate) async fn reach_socket(path: &Path) -> Result<UnixStream, String> {
    UnixStream::connect(path)
        .await
        .map_err(|error| format!("cannot connect to the socket {}: {error}", path.display()))
}

async fn open(url: &Uri) -> Result<TcpStream, String> {
    let host = url.host().unwrap_or_default();
    let name = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let found = lookup_host((name, port_of(url))).await;
    let addresses = found.map_err(|error| format!("its name is not known: {error}"))?.collect();
    let stream = connect_any(alternate(addresses)).await.map_err(|error| error.to_string())?;
    set_up(&stream).map_err(|error| error.to_string())?;
    Ok(stream)
}

fn set_up(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keep_alive = TcpKeepalive::new()
        .with_time(TCP_KEEP_ALIVE)
        .with_interval(TCP_KEEP_ALIVE_INTERVAL)
        .with_retries(TCP_KEEP_ALIVE_PROBES);
    socket.set_tcp_keepalive(&keep_alive)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(Duration::from_secs(TCP_UNACKNOWLEDGED_S)))?;
    Ok(())
}

/// The addresses in the resolver's order, but its two families in turns (RFC 8305, section 4).
fn alternate(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let starts_with_ipv6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let count = addresses.len();
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == starts_with_ipv6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut ordered = Vec::with_capacity(count);
    while ordered.len() < count {
        ordered.extend(first.next());
        ordered.extend(second.next());
    }
    ordered
}

/// The first connection that is made; an address that takes long does not hold up the next.
async fn connect_any(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut addresses = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut failure = None;
    loop {
        let next = addresses.next();
        let is_last = next.is_none();
        if let Some(address) = next {
            attempts.spawn(TcpStream::connect(address));
        }
        let ended = if is_last {
            attempts.join_next().await
        } else {
            match timeout(ATTEMPT_DELAY, attempts.join_next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            }
        };
        match ended {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => {
                failure.get_or_insert(error);
            }
            Some(Err(error)) => return Err(io::Error::other(error)),
            None => {
                return Err(failure.unwrap_or_else(|| io::Error::other("its name has no address")));
            }
        }
    }
}

/// Has the proxy connect on to the server (RFC 9110, section 9.3.6).
///
/// # Errors
///
/// What the proxy answered instead, in one line.
pub(crate) async fn tunnel(stream: &mut TcpStream, proxy: &Intercept, url: &Uri) -> Result<(), String> {
    let (peer, proxy_name) = (name_peer(url), name_peer(proxy.uri()));
    let broken = |why: &dyn Display| format!("the proxy {proxy_name} made no tunnel to {peer}: {why}");
    let mut request = format!("CONNECT {peer} HTTP/1.1\r\nHost: {peer}\r\n").into_bytes();
    if let Some(authorization) = proxy.basic_auth() {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await.map_err(|error| broken(&error))?;
    let mut head = Vec::new();
    // No byte beyond the head may be taken: it would be the server's.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_TUNNEL_HEAD_BYTES {
            return Err(broken(&format_args!(
                "the head of its answer is larger than {MAX_TUNNEL_HEAD_BYTES} bytes"
            )));
        }
        head.push(stream.read_u8().await.map_err(|error| broken(&error))?);
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let answer = line.split_once(' ').filter(|(version, _)| version.starts_with("HTTP/1."));
    match answer.map(|(_, status)| status) {
        Some(status) if status.starts_with('2') => Ok(()),
        Some(status) if status.starts_with("407") => Err(broken(&format_args!(
            "it answered {status}: write the proxy with the right user and password, like \
             http://user:password@{proxy_name}"
        ))),
        Some(status) => Err(broken(&format_args!("it answered {status}"))),
        None => Err(broken(&"it does not speak HTTP/1.1")),
    }
}

enum Socket {
    Tcp(TokioIo<TcpStream>),
    Unix(TokioIo<UnixStream>),
}

/// A connection that knows whether its requests have to name the whole URL.
pub(crate) struct Dialed {
    socket: Socket,
    is_forward: bool,
}

impl Dialed {
    pub(crate) fn tcp(stream: TcpStream, is_forward: bool) -> Self {
        Self { socket: Socket::Tcp(TokioIo::new(stream)), is_forward }
    }

    pub(crate) fn unix(stream: UnixStream) -> Self {
        Self { socket: Socket::Unix(TokioIo::new(stream)), is_forward: false }
    }
}

impl Connection for Dialed {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.is_forward)
    }
}

impl Read for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl Read for Dialed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() <= READ_BYTES {
            return Pin::new(&mut self.socket).poll_read(cx, buffer);
        }
        READ.with_borrow_mut(|read| {
            let mut part = ReadBuf::new(read);
            let outcome = Pin::new(&mut self.socket).poll_read(cx, part.unfilled());
            buffer.put_slice(part.filled());
            outcome
        })
    }
}

impl Write for Dialed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_write(cx, data),
            Socket::Unix(stream) => Pin::new(stream).poll_write(cx, data),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Socket::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Socket::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.socket {
            Socket::Tcp(stream) => stream.is_write_vectored(),
            Socket::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, data),
            Socket::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, data),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, time::Duration};

    use socket2::{Domain, Socket, Type};
    use tokio::{
        net::{TcpListener, TcpStream},
        runtime::Builder,
        time::timeout,
    };

    use super::{alternate, connect_any};

    /// Longer than a connection within this machine takes.
    const PATIENCE: Duration = Duration::from_millis(300);
    /// Less than the system tries an address that does not answer, which is two minutes.
    const HANG: Duration = Duration::from_secs(20);

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().filter_map(|text| text.parse().ok()).collect()
    }

    #[test]
    fn the_families_are_tried_in_turns() {
        let found = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.0.0.1:1", "1.0.0.2:1"]);
        let ordered = addresses(&["[::1]:1", "1.0.0.1:1", "[::2]:1", "1.0.0.2:1", "[::3]:1"]);
        assert_eq!(alternate(found), ordered);
        assert_eq!(alternate(Vec::new()), []);
    }

    #[test]
    fn an_address_that_does_not_answer_holds_nobody_up() -> Result<(), Box<dyn std::error::Error>> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            // A server whose queue is full lets further connections wait, as one that is not there does.
            let full = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            full.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
            full.listen(0)?;
            let silent = full.local_addr()?.as_socket().ok_or("it has no address")?;
            let mut waiting = Vec::new();
            while let Ok(made) = timeout(PATIENCE, TcpStream::connect(silent)).await {
                waiting.push(made?);
            }
            let server = TcpListener::bind("127.0.0.1:0").await?;
            let tried = vec![silent, silent, server.local_addr()?];
            let stream = timeout(HANG, connect_any(tried)).await??;
            assert_eq!(stream.peer_addr()?, server.local_addr()?);
            assert!(connect_any(Vec::new()).await.is_err());
            Ok(())
        })
    }
}
