//! What a client can be told of how to connect.

use std::{path::PathBuf, time::Duration};

/// How a client connects, and which connections it keeps.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a connection may take, names and TLS included; how long a request may wait for one that
    /// others make or use; and how long a connection may take to send it.
    pub connect_timeout: Duration,
    /// How many unused connections are kept to one server, at most.
    pub pool_size: usize,
    /// How long an unused connection is kept, at most.
    pub pool_idle: Duration,
    /// How long an HTTP/2 connection with open streams may be silent before its peer is pinged.
    pub ping_interval: Duration,
    /// How long the peer may take to answer; the connection is closed then.
    pub ping_timeout: Duration,
    /// Never HTTP/2.
    pub is_http1_only: bool,
    /// The proxy for every URL; `None` for those that the environment names.
    pub proxy: Option<String>,
    /// A Unix socket that every request goes to, whatever its URL's host; no proxy counts then.
    pub socket_path: Option<PathBuf>,
    /// Whom to trust, and who to be.
    pub tls: TlsOptions,
}

/// Whom a client trusts, and who it says that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsOptions {
    /// PEM certificates that are trusted instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM files of the client's certificate chain and of its key, which may be one.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Whether the server must prove who it is.
    pub is_verified: bool,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self { ca_file: None, identity: None, is_verified: true }
    }
}
