//! The one thread that reads and writes the sockets of a process.
//!
//! It starts with the first request, never with an import, and knows no Python: so it needs no
//! interpreter, cannot keep one from ending, and simply ends with the process. A forked child has
//! none, and starts its own.
//!
//! Tokens of many streams come a few microseconds apart. Waking for each of them would cost more
//! than reading it, so the thread rests after it has handed something over: what comes meanwhile is handed
//! over together. A token that comes alone finds the thread waiting for it, and a new request ends a rest.
//!
//! How long it rests follows the load, as a network card's interrupts do: the more tokens there are to
//! handle one after the other, the less each costs. Where only a few streams have news the rest is
//! [`SHORT_REST`], and where many have, [`LONG_REST`]: with [`BUSY_STREAMS`] that is from 2,000 tokens a
//! second on. A body that comes faster than it is taken is no matter of tokens: who takes of it sets its pace,
//! so the thread does not rest while such a body waits for room, and room that is made ends a rest.

use std::{
    io, process,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle},
    sync::Notify,
};

use crate::mailbox::Mailbox;

/// How long the thread rests after it has handed something over.
const SHORT_REST: Duration = Duration::from_millis(1);

/// How long it rests where many streams had news; the most that a token is delayed.
const LONG_REST: Duration = Duration::from_millis(4);

/// From so many streams with news on the rest is long.
const BUSY_STREAMS: usize = 8;

/// The runtime of a process, as seen from other threads.
#[derive(Clone)]
pub(crate) struct Runtime {
    pub(crate) handle: Handle,
    pub(crate) post: Arc<Post>,
}

/// The mailboxes that have news since the last round.
#[derive(Default)]
pub(crate) struct Post {
    waiting: Mutex<Vec<Arc<Mailbox>>>,
    /// Wakes the task that does the round. It queues behind the tasks that are ready now, so a
    /// mailbox is signalled once for all of them.
    round: Notify,
    has_delivered: AtomicBool,
    /// How many streams had news since the last rest.
    news: AtomicUsize,
    /// A body came faster than it was taken.
    is_flooded: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Post {
    /// The mailbox has its first news: signal it at the end of this round.
    pub(crate) fn add(&self, mailbox: Arc<Mailbox>) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(mailbox);
        self.round.notify_one();
    }

    /// A stream has news.
    pub(crate) fn count_news(&self) {
        self.news.fetch_add(1, Ordering::Relaxed);
    }

    /// A body waits until more of it may be read.
    pub(crate) fn flood(&self) {
        self.is_flooded.store(true, Ordering::Relaxed);
    }

    /// There is something to do that no rest may delay.
    pub(crate) fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// Called by the thread when there is nothing left to do.
    fn rest(&self) {
        if !self.has_delivered.swap(false, Ordering::Relaxed) {
            return;
        }
        let news = self.news.swap(0, Ordering::Relaxed);
        if let Some(rest) = choose_rest(news, self.is_flooded.swap(false, Ordering::Relaxed)) {
            thread::park_timeout(rest);
        }
    }

    /// This thread is the one that rests, and that is woken.
    pub(crate) fn work_here(&self) {
        self.thread.get_or_init(thread::current);
    }

    async fn run(&self) {
        self.work_here();
        loop {
            self.round.notified().await;
            let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            for mailbox in waiting {
                mailbox.signal();
            }
            self.has_delivered.store(true, Ordering::Relaxed);
        }
    }
}

/// How long to rest after the news of so many streams, if at all.
fn choose_rest(news: usize, is_flooded: bool) -> Option<Duration> {
    if is_flooded {
        None
    } else if news >= BUSY_STREAMS {
        Some(LONG_REST)
    } else {
        Some(SHORT_REST)
    }
}

static RUNTIME: Mutex<Option<(u32, Runtime)>> = Mutex::new(None);

/// The runtime of this process; starts its thread at the first call.
///
/// # Errors
///
/// The system gives no thread or no file descriptor.
pub(crate) fn runtime() -> io::Result<Runtime> {
    let mut kept = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((owner, runtime)) = kept.as_ref()
        && *owner == process::id()
    {
        return Ok(runtime.clone());
    }
    let runtime = start()?;
    // A parent's runtime shares its epoll instance with this process: it must not be touched.
    std::mem::forget(kept.replace((process::id(), runtime.clone())));
    Ok(runtime)
}

fn start() -> io::Result<Runtime> {
    let post = Arc::new(Post::default());
    let resting = Arc::clone(&post);
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .thread_name("streamactions-dns")
        .on_thread_park(move || resting.rest())
        .build()?;
    let handle = runtime.handle().clone();
    let working = Arc::clone(&post);
    thread::Builder::new()
        .name("streamactions-io".to_owned())
        .spawn(move || runtime.block_on(working.run()))?;
    Ok(Runtime { handle, post })
}

#[cfg(test)]
mod tests {
    use super::{BUSY_STREAMS, LONG_REST, SHORT_REST, choose_rest};

    #[test]
    fn the_rest_follows_the_load_and_a_flood_gets_none() {
        assert_eq!(choose_rest(1, false), Some(SHORT_REST));
        assert_eq!(choose_rest(BUSY_STREAMS, false), Some(LONG_REST));
        assert_eq!(choose_rest(1, true), None);
        assert_eq!(choose_rest(BUSY_STREAMS, true), None);
    }
}
