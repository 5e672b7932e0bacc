//! Where a connection belongs: its pool, as long as that is there, and its server.

use std::{
    sync::{Arc, Weak, atomic::Ordering},
    thread,
};

use crate::{
    lease::{Line, Peer, Single},
    origin::{Key, Origin, Turn},
    pool::Pool,
};

/// A server's place in a pool, for what may outlive that.
#[derive(Clone)]
pub(crate) struct Place {
    pool: Weak<Pool>,
    key: Key,
}

impl Place {
    pub(crate) fn new(pool: Weak<Pool>, key: Key) -> Self {
        Self { pool, key }
    }

    /// Keeps a connection of HTTP/1.1 that nobody uses.
    pub(crate) fn keep(&self, single: Single) {
        if let Some(pool) = self.pool.upgrade() {
            pool.keep(&self.key, single);
        }
    }

    /// An exchange has left a connection.
    pub(crate) fn take_back(&self, line: Line) {
        let Some(pool) = self.pool.upgrade() else { return };
        match line {
            Line::Single(single) => pool.take_back(&self.key, single),
            Line::Shared(peer) => {
                peer.open_streams.fetch_sub(1, Ordering::Relaxed);
                pool.serve(&self.key);
            }
        }
    }

    /// Somebody may have a turn now.
    pub(crate) fn serve(&self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.serve(&self.key);
        }
    }

    /// A peer has said how many streams it takes.
    pub(crate) fn takes(&self, max_streams: usize) {
        self.change(|origin| {
            origin.max_streams = max_streams;
            if max_streams == 0 {
                origin.send_away(|| Turn::Failed("the server takes no request on a connection".to_owned()));
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Origin)) {
        if let Some(pool) = self.pool.upgrade() {
            pool.change(&self.key, change);
        }
    }
}

/// A connection in the making, until it is known how much it can take.
pub(crate) struct Making(Place);

impl Making {
    pub(crate) fn begin(place: Place) -> Self {
        place.change(|origin| origin.connecting += 1);
        Self(place)
    }

    /// One that is counted already.
    pub(crate) fn counted(place: Place) -> Self {
        Self(place)
    }

    pub(crate) fn key(&self) -> &Key {
        &self.0.key
    }

    pub(crate) fn place(&self) -> Place {
        self.0.clone()
    }

    /// It is one of HTTP/1.1: those who hoped to share it have to look for themselves.
    pub(crate) fn is_single(&self) {
        self.0.change(|origin| {
            origin.is_http1 = true;
            origin.send_away(|| Turn::Alone);
        });
    }

    /// It is one of HTTP/2, which others can share.
    pub(crate) fn is_shared(&self, peer: &Arc<Peer>) {
        self.0.change(|origin| {
            origin.is_http1 = false;
            origin.peers.push(Arc::clone(peer));
        });
    }

    /// There is none, for those who wait in line, unless another is in the making.
    pub(crate) fn has_failed(&self, why: &str) {
        self.0.change(|origin| {
            if origin.connecting == 1 {
                origin.send_away(|| Turn::Failed(why.to_owned()));
            }
        });
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        if thread::panicking() {
            // Another attempt would end likewise.
            self.has_failed("the attempt to connect has panicked");
        }
        self.0.change(|origin| origin.connecting -= 1);
        self.0.serve();
    }
}
