//! What is known of one server: its connections, and who waits for one.

use std::{collections::VecDeque, sync::Arc};

use hyper::http::uri::{Authority, Scheme};
use tokio::sync::oneshot;

use crate::{
    establish::MAX_STREAMS,
    lease::{Lease, Line, Peer, Single},
};

/// How many connections to one server are in the making at once, for requests that wait in line.
const MAX_CONNECTING: usize = 16;
/// What has connections of its own: a scheme, and a host with its port.
pub(crate) type Key = (Scheme, Authority);

/// What became of a request that waits in line.
pub(crate) enum Turn {
    Lease(Lease),
    /// The server speaks HTTP/1.1: the request has to look for itself.
    Alone,
    Failed(String),
}

struct Waiter {
    turn: oneshot::Sender<Turn>,
    /// It makes a connection of its own meanwhile.
    is_alone: bool,
}

struct Idle {
    single: Single,
    /// It was here already when the pool was last swept.
    is_unused: bool,
}

pub(crate) struct Origin {
    /// As far as is known, each connection is for one request.
    pub(crate) is_http1: bool,
    idle: Vec<Idle>,
    pub(crate) peers: Vec<Arc<Peer>>,
    /// Connections in the making, until it is known how much they can take.
    pub(crate) connecting: usize,
    /// How many streams the latest peer takes.
    pub(crate) max_streams: usize,
    waiters: VecDeque<Waiter>,
}

impl Origin {
    pub(crate) fn new(key: &Key) -> Self {
        Self {
            is_http1: key.0 == Scheme::HTTP,
            idle: Vec::new(),
            peers: Vec::new(),
            connecting: 0,
            max_streams: MAX_STREAMS,
            waiters: VecDeque::new(),
        }
    }

    /// A connection that can take a request.
    pub(crate) fn take(&mut self) -> Option<Line> {
        self.peers.retain(|peer| peer.is_good());
        if let Some(peer) = self.peers.iter().find(|peer| peer.open()) {
            return Some(Line::Shared(Arc::clone(peer)));
        }
        while let Some(Idle { single, .. }) = self.idle.pop() {
            if single.sender.is_ready() {
                return Some(Line::Single(single));
            }
        }
        None
    }

    /// How many connections have to be made for those who wait in line.
    pub(crate) fn missing_connections(&self) -> usize {
        if self.is_http1 {
            return 0;
        }
        let wanted = self.waiters.len().div_ceil(self.max_streams.max(1));
        wanted.min(MAX_CONNECTING).saturating_sub(self.connecting)
    }

    /// A place in the line, and whether to make a connection meanwhile.
    pub(crate) fn line_up(&mut self) -> (oneshot::Receiver<Turn>, bool) {
        if self.waiters.len() == self.waiters.capacity() {
            self.waiters.retain(Waiter::is_there);
        }
        let (turn, waiting) = oneshot::channel();
        self.waiters.push_back(Waiter { turn, is_alone: self.is_http1 });
        (waiting, self.is_http1)
    }

    /// Whether somebody waits who has not left.
    pub(crate) fn has_waiter(&mut self) -> bool {
        while self.waiters.front().is_some_and(|waiter| !waiter.is_there()) {
            self.waiters.pop_front();
        }
        !self.waiters.is_empty()
    }

    pub(crate) fn pop_waiter(&mut self) -> Option<oneshot::Sender<Turn>> {
        self.waiters.pop_front().map(|waiter| waiter.turn)
    }

    /// Sends away those who make no connection of their own.
    pub(crate) fn send_away(&mut self, turn: impl Fn() -> Turn) {
        for waiter in std::mem::take(&mut self.waiters) {
            if waiter.is_alone {
                self.waiters.push_back(waiter);
            } else {
                // Who has left need not know.
                drop(waiter.turn.send(turn()));
            }
        }
    }

    /// Keeps a connection of HTTP/1.1 that nobody uses.
    pub(crate) fn keep(&mut self, single: Single, pool_size: usize) {
        self.is_http1 = true;
        if self.idle.len() < pool_size {
            self.idle.push(Idle { single, is_unused: false });
        }
    }

    /// Whether there is anything left.
    pub(crate) fn sweep(&mut self) -> bool {
        self.idle.retain_mut(|idle| {
            idle.single.sender.is_ready() && !std::mem::replace(&mut idle.is_unused, true)
        });
        self.peers.retain(|peer| peer.is_good() && peer.is_in_use());
        self.waiters.retain(Waiter::is_there);
        self.connecting > 0 || !(self.idle.is_empty() && self.peers.is_empty() && self.waiters.is_empty())
    }
}

impl Waiter {
    fn is_there(&self) -> bool {
        !self.turn.is_closed()
    }
}
