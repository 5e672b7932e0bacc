//! The one thread that reads and writes the sockets of a process.
//!
//! It starts with the first request, never with an import, and knows no Python: so it needs no
//! interpreter, cannot keep one from ending, and simply ends with the process. A forked child has
//! none, and starts its own.
//!
//! Tokens of many streams come a few microseconds apart. Waking for each of them would cost more
//! than reading it, so the thread rests for [`PAUSE`] after it has handed something over: what
//! comes meanwhile is handed over together. A token that comes alone finds the thread waiting for it.

use std::{
    io, process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle},
    sync::Notify,
};

use crate::mailbox::Mailbox;

/// How long the thread rests after it has handed something over; the most that a token is delayed.
const PAUSE: Duration = Duration::from_millis(1);

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
}

impl Post {
    /// The mailbox has its first news: signal it at the end of this round.
    pub(crate) fn add(&self, mailbox: Arc<Mailbox>) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(mailbox);
        self.round.notify_one();
    }

    async fn run(&self) {
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
        .on_thread_park(move || {
            if resting.has_delivered.swap(false, Ordering::Relaxed) {
                thread::sleep(PAUSE);
            }
        })
        .build()?;
    let handle = runtime.handle().clone();
    let working = Arc::clone(&post);
    thread::Builder::new()
        .name("streamactions-io".to_owned())
        .spawn(move || runtime.block_on(working.run()))?;
    Ok(Runtime { handle, post })
}
