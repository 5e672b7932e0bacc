//! Which exchanges have news, for one event loop.
//!
//! The reading end of a socket pair becomes readable when the first exchange has news, and stays
//! so until the loop takes them all: one wake-up for any number of exchanges.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsRawFd, RawFd},
        unix::net::UnixStream,
    },
    sync::{Arc, Mutex, PoisonError},
};

use crate::runtime::Post;

/// The numbers of the exchanges that have news. At most one entry for each exchange that waits.
#[derive(Debug)]
pub struct Mailbox {
    ready: Mutex<Vec<u64>>,
    reader: UnixStream,
    writer: UnixStream,
}

impl Mailbox {
    /// An empty mailbox.
    ///
    /// # Errors
    ///
    /// The system gives no file descriptor.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        Ok(Self { ready: Mutex::new(Vec::new()), reader, writer })
    }

    /// What an event loop has to watch: readable while there is something to take.
    #[must_use]
    pub fn fd(&self) -> RawFd {
        self.reader.as_raw_fd()
    }

    /// The exchanges that have news; called when [`Mailbox::fd`] is readable.
    #[must_use]
    pub fn take(&self) -> Vec<u64> {
        // The signal first: what is put in between is taken now, and signals once more for nothing.
        let mut signals = [0; 16];
        while matches!((&self.reader).read(&mut signals), Ok(16)) {}
        std::mem::take(&mut *self.ready.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn put(self: &Arc<Self>, number: u64, post: &Post) {
        post.count_news();
        let is_first = {
            let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
            ready.push(number);
            ready.len() == 1
        };
        if is_first {
            post.add(Arc::clone(self));
        }
    }

    pub(crate) fn signal(&self) {
        // A pair that is full is readable already; one that is broken has no loop any more.
        let _ = (&self.writer).write(&[0]);
    }
}
