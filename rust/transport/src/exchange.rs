//! One request, and what has come of its response.
//!
//! Two sides share it. The task on the I/O thread pushes what it reads, and rests while
//! [`MAX_BUFFERED_BYTES`] are not taken: then the socket is not read either. The event loop's side
//! takes what is there and never waits; if there is nothing, the next news go to its mailbox.
//!
//! What is pushed is copied into one buffer for the whole body. It costs less than to hand over the HTTP
//! library's own: that would need another one for each read, from one thread's heap to the other's.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, BytesMut};
use tokio::{sync::Notify, task::AbortHandle};

use crate::{mailbox::Mailbox, runtime::Post};

/// From here on a body is not read further until some of it was taken. What is held is at most
/// this, one read (16 KiB) more, and the HTTP library's own buffer of one read.
pub const MAX_BUFFERED_BYTES: usize = 16_384;

/// What is taken at once. Taken bytes become Python objects, which are several times as large.
pub const MAX_TAKEN_BYTES: usize = 6_144;

/// The head of a response.
#[derive(Debug, Clone)]
pub struct Head {
    /// The HTTP status code.
    pub status: u16,
    /// Names in lower case, in the order in which they came.
    pub fields: Vec<(String, String)>,
}

/// What there is to take.
#[derive(Debug)]
pub enum Taken<T> {
    /// Nothing yet; the mailbox will have the exchange's number.
    Nothing,
    /// The head, or bytes of the body.
    Some(T),
    /// The body has ended, complete.
    Ended,
    /// The exchange has failed, after all that was taken; why, in one line.
    Failed(String),
}

#[derive(Debug)]
enum Outcome {
    Ended,
    Failed(String),
}

#[derive(Debug, Default)]
struct State {
    head: Option<Head>,
    body: BytesMut,
    outcome: Option<Outcome>,
    /// The event loop found nothing and wants to hear of what comes.
    is_awaited: bool,
}

/// What the task and the event loop's side share.
pub(crate) struct Shared {
    number: u64,
    mailbox: Arc<Mailbox>,
    post: Arc<Post>,
    state: Mutex<State>,
    room: Notify,
}

impl Shared {
    pub(crate) fn new(number: u64, mailbox: Arc<Mailbox>, post: Arc<Post>) -> Self {
        Self { number, mailbox, post, state: Mutex::default(), room: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let is_awaited = {
            let mut state = self.state();
            change(&mut state);
            std::mem::take(&mut state.is_awaited)
        };
        if is_awaited {
            self.mailbox.put(self.number, &self.post);
        }
    }

    pub(crate) fn set_head(&self, head: Head) {
        self.change(|state| state.head = Some(head));
    }

    pub(crate) fn push(&self, data: &[u8]) {
        self.change(|state| state.body.extend_from_slice(data));
    }

    pub(crate) fn end(&self) {
        self.change(|state| state.outcome = Some(Outcome::Ended));
    }

    pub(crate) fn fail(&self, why: String) {
        self.change(|state| state.outcome = Some(Outcome::Failed(why)));
    }

    /// Whatever became of the task, nobody must wait for it any more.
    fn close(&self) {
        self.change(|state| {
            let why = || Outcome::Failed("the request's task has ended before the response did".to_owned());
            state.outcome.get_or_insert_with(why);
        });
    }

    /// Waits until more of the body may be read.
    pub(crate) async fn wait_for_room(&self) {
        while self.state().body.len() >= MAX_BUFFERED_BYTES {
            self.post.flood();
            self.room.notified().await;
        }
    }
}

/// What the task holds, so that its end is news even where it comes by a panic.
pub(crate) struct Delivery(Arc<Shared>);

impl Delivery {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }
}

impl std::ops::Deref for Delivery {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// One request that was sent. Dropping it aborts it, as [`Exchange::close`] does.
pub struct Exchange {
    shared: Arc<Shared>,
    task: AbortHandle,
}

impl Exchange {
    pub(crate) fn new(shared: Arc<Shared>, task: AbortHandle) -> Self {
        Self { shared, task }
    }

    /// What the mailbox calls this exchange.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.shared.number
    }

    /// Takes the head, once it has come.
    #[must_use]
    pub fn take_head(&self) -> Taken<Head> {
        let mut state = self.shared.state();
        if let Some(head) = state.head.take() {
            return Taken::Some(head);
        }
        outcome(&mut state)
    }

    /// Takes bytes of the body that have come, at most [`MAX_TAKEN_BYTES`], by `take`, which must be quick.
    pub fn take_body<T>(&self, take: impl FnOnce(&[u8]) -> T) -> Taken<T> {
        let mut state = self.shared.state();
        let before_bytes = state.body.len();
        if before_bytes == 0 {
            return outcome(&mut state);
        }
        let taken_bytes = before_bytes.min(MAX_TAKEN_BYTES);
        let taken = take(&state.body[..taken_bytes]);
        state.body.advance(taken_bytes);
        drop(state);
        if before_bytes >= MAX_BUFFERED_BYTES && before_bytes - taken_bytes < MAX_BUFFERED_BYTES {
            self.shared.room.notify_one();
            self.shared.post.wake();
        }
        Taken::Some(taken)
    }

    /// Gives the exchange up. A connection whose body was not read to its end is closed.
    pub fn close(&self) {
        self.task.abort();
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.close();
    }
}

fn outcome<T>(state: &mut State) -> Taken<T> {
    match &state.outcome {
        None => {
            state.is_awaited = true;
            Taken::Nothing
        }
        Some(Outcome::Ended) => Taken::Ended,
        Some(Outcome::Failed(why)) => Taken::Failed(why.clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::{Arc, mpsc},
        thread,
        time::Duration,
    };

    use tokio::runtime::Builder;

    use super::{Delivery, Exchange, MAX_BUFFERED_BYTES, MAX_TAKEN_BYTES, Shared, Taken};
    use crate::{mailbox::Mailbox, runtime::Post};

    /// Longer than any machine needs to wake a thread.
    const HANG: Duration = Duration::from_secs(20);

    #[test]
    fn room_in_a_body_that_waits_for_it_ends_a_rest() -> Result<(), Box<dyn std::error::Error>> {
        let post = Arc::new(Post::default());
        let runtime = Builder::new_current_thread().build()?;
        let task = runtime.spawn(pending::<()>());
        let shared = Arc::new(Shared::new(0, Arc::new(Mailbox::new()?), Arc::clone(&post)));
        let exchange = Exchange::new(Arc::clone(&shared), task.abort_handle());
        let (said, heard) = mpsc::channel();
        thread::spawn(move || {
            post.work_here();
            let _ = said.send("rests");
            thread::park();
            let _ = said.send("works");
        });
        assert_eq!(heard.recv_timeout(HANG)?, "rests");
        shared.push(&vec![0; MAX_BUFFERED_BYTES + MAX_TAKEN_BYTES]);
        assert!(matches!(exchange.take_body(<[u8]>::len), Taken::Some(MAX_TAKEN_BYTES)));
        assert!(matches!(exchange.take_body(<[u8]>::len), Taken::Some(MAX_TAKEN_BYTES)));
        assert_eq!(heard.recv_timeout(HANG)?, "works");
        Ok(())
    }

    #[test]
    fn a_task_that_panics_fails_its_exchange() -> Result<(), Box<dyn std::error::Error>> {
        let runtime = Builder::new_current_thread().build()?;
        let shared = Arc::new(Shared::new(0, Arc::new(Mailbox::new()?), Arc::default()));
        let delivery = Delivery::new(Arc::clone(&shared));
        let task = runtime.spawn(async move {
            let _delivery = delivery;
            std::panic::resume_unwind(Box::new("as the runtime does where the system gives no thread"));
        });
        let exchange = Exchange::new(shared, task.abort_handle());
        assert!(matches!(exchange.take_head(), Taken::Nothing));
        assert!(runtime.block_on(task).is_err_and(|error| error.is_panic()));
        assert!(matches!(exchange.take_head(), Taken::Failed(_)));
        assert!(matches!(exchange.take_body(|_| ()), Taken::Failed(_)));
        Ok(())
    }
}
