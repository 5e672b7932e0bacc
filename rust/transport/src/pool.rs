//! The connections of a client, and who waits for one.
//!
//! Strategy: what an `http` URL needs is a connection for itself, so each request that finds none makes one,
//! and takes another's if that comes free sooner. Behind an `https` URL may be HTTP/2, where one connection
//! serves many; so there requests wait in line, and the pool makes as many connections as they need: one while
//! nothing is known of the server, more when those that there are have as many streams as their peer takes.
//! A line whose connection fails, fails; nobody waits in it beyond the client's bound.

use std::{
    collections::HashMap,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use hyper::{Request, Response, Uri, body::Incoming};
use tokio::{
    sync::oneshot,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    connector::Connector,
    dial::name_peer,
    establish::establish,
    failure::describe,
    lease::{Lease, Line, NotSent, Single},
    options::Options,
    origin::{Key, Origin, Turn},
    place::{Making, Place},
};

/// How often a request is sent again that a peer has said it did not process (RFC 9113, section 8.7).
const MAX_RESENDS: usize = 1;

#[derive(Default)]
struct State {
    origins: HashMap<Key, Origin>,
    /// What goes on in the pool's name, and ends with it.
    tasks: JoinSet<()>,
    is_sweeping: bool,
}

pub(crate) struct Pool {
    connector: Connector,
    options: Arc<Options>,
    state: Mutex<State>,
    this: Weak<Self>,
}

impl Pool {
    pub(crate) fn new(options: Arc<Options>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            connector: Connector::new(Arc::clone(&options)),
            options,
            state: Mutex::default(),
            this: Weak::clone(this),
        })
    }

    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Sends a request and waits for the response's head; the lease is to be kept while its body is read.
    ///
    /// # Errors
    ///
    /// Why no response came, in one line.
    pub(crate) async fn send(&self, request: &Request<Bytes>) -> Result<(Response<Incoming>, Lease), String> {
        let url = request.uri();
        let (Some(scheme), Some(authority)) = (url.scheme(), url.authority()) else {
            return Err("the URL names no server".to_owned());
        };
        let key = (scheme.clone(), authority.clone());
        let mut resends = 0;
        loop {
            let mut lease = self.lease(&key, url).await?;
            match lease.send(request, self.options.connect_timeout).await {
                Ok(response) => return Ok((response, lease)),
                Err(NotSent::Stale) => {}
                Err(NotSent::Unprocessed(_)) if resends < MAX_RESENDS => resends += 1,
                Err(NotSent::Unprocessed(error) | NotSent::Failed(error)) => {
                    return Err(format!("{}: {}", name_peer(url), describe(&error)));
                }
                Err(NotSent::NotTaken) => {
                    return Err(format!(
                        "no connection to {} took the request within {} seconds (connect_timeout_s)",
                        name_peer(url),
                        self.options.connect_timeout.as_secs_f64()
                    ));
                }
            }
        }
    }

    /// Never held across a call of another method.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn lease(&self, key: &Key, url: &Uri) -> Result<Lease, String> {
        loop {
            let (turn, is_alone) = match self.line_up(key) {
                Ok(lease) => return Ok(lease),
                Err(waiting) => waiting,
            };
            if is_alone {
                return self.lease_alone(key, turn).await;
            }
            self.serve(key);
            match timeout(self.options.connect_timeout, turn).await {
                Ok(Ok(Turn::Lease(lease))) => return Ok(lease),
                Ok(Ok(Turn::Failed(why))) => return Err(why),
                Ok(Ok(Turn::Alone)) => {}
                Ok(Err(_)) | Err(_) => {
                    return Err(self.connector.describe_timeout(url));
                }
            }
        }
    }

    /// Makes a connection, unless another comes free before.
    async fn lease_alone(&self, key: &Key, turn: oneshot::Receiver<Turn>) -> Result<Lease, String> {
        let making = Making::begin(self.place(key));
        let mut made = pin!(establish(self.connector.clone(), making));
        let mut turn = Some(turn);
        poll_fn(|cx| {
            if let Some(waiting) = &mut turn
                && let Poll::Ready(outcome) = Pin::new(waiting).poll(cx)
            {
                turn = None;
                if let Ok(Turn::Lease(lease)) = outcome {
                    return Poll::Ready(Ok(lease));
                }
            }
            made.as_mut().poll(cx).map_ok(|line| self.lend(key, line))
        })
        .await
    }

    fn place(&self, key: &Key) -> Place {
        Place::new(Weak::clone(&self.this), key.clone())
    }

    fn lend(&self, key: &Key, line: Line) -> Lease {
        Lease::new(self.place(key), line)
    }

    /// A lease if there is one, else a place in the line, and whether to make a connection meanwhile.
    fn line_up(&self, key: &Key) -> Result<Lease, (oneshot::Receiver<Turn>, bool)> {
        let mut state = self.state();
        state.sweep_from_now_on(&self.this, self.options.pool_idle / 2);
        let origin = state.origin(key);
        match origin.take() {
            Some(line) => Ok(self.lend(key, line)),
            None => Err(origin.line_up()),
        }
    }

    /// Gives what is free to those who wait, and makes connections for the rest.
    pub(crate) fn serve(&self, key: &Key) {
        loop {
            let (waiter, line) = {
                let mut state = self.state();
                let Some(origin) = state.origins.get_mut(key) else { return };
                if !origin.has_waiter() {
                    return;
                }
                let Some(line) = origin.take() else {
                    let missing = origin.missing_connections();
                    origin.connecting += missing;
                    for _ in 0..missing {
                        state.spawn(make(self.connector.clone(), Making::counted(self.place(key))));
                    }
                    return;
                };
                (origin.pop_waiter(), line)
            };
            let lease = self.lend(key, line);
            if let Some(waiter) = waiter {
                // A waiter that has left drops the lease, which gives the connection back.
                drop(waiter.send(Turn::Lease(lease)));
            }
        }
    }

    /// An exchange has left a connection of HTTP/1.1, which is kept once that is at its end.
    pub(crate) fn take_back(&self, key: &Key, mut single: Single) {
        if single.sender.is_ready() {
            return self.keep(key, single);
        }
        let place = self.place(key);
        tokio::spawn(async move {
            if single.sender.ready().await.is_ok() {
                place.keep(single);
            }
        });
    }

    pub(crate) fn keep(&self, key: &Key, single: Single) {
        self.state().origin(key).keep(single, self.options.pool_size);
        self.serve(key);
    }

    pub(crate) fn change(&self, key: &Key, change: impl FnOnce(&mut Origin)) {
        change(self.state().origin(key));
    }

    /// Lets go of what was not used for a while.
    fn sweep(&self) {
        let mut state = self.state();
        state.origins.retain(|_, origin| origin.sweep());
        state.is_sweeping = !state.origins.is_empty();
    }
}

/// Makes a connection for those who wait.
async fn make(connector: Connector, making: Making) {
    let place = making.place();
    // What it failed with, those who wait for it know already.
    if let Ok(line) = establish(connector, making).await {
        drop(Lease::new(place, line));
    }
}

impl State {
    fn origin(&mut self, key: &Key) -> &mut Origin {
        self.origins.entry(key.clone()).or_insert_with(|| Origin::new(key))
    }

    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        self.tasks.spawn(task);
    }

    fn sweep_from_now_on(&mut self, pool: &Weak<Pool>, pause: Duration) {
        if std::mem::replace(&mut self.is_sweeping, true) {
            return;
        }
        let pool = Weak::clone(pool);
        self.spawn(async move {
            loop {
                sleep(pause).await;
                let Some(pool) = pool.upgrade() else { return };
                pool.sweep();
                if !pool.state().is_sweeping {
                    return;
                }
            }
        });
    }
}
