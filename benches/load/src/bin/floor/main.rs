//! The floor: what the kernel alone charges for a stream.
//!
//! `floor PORT each|gather`: an event server that does nothing but format and write, on one
//! thread and one epoll. `each` writes every event by itself, `gather` hands over 64 KiB at a
//! time or what there is before a pause. No server that does the same writes can cost less.

mod request;
mod stream;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    io::ErrorKind,
    net::{Ipv4Addr, TcpListener},
    process::ExitCode,
};

use load::clock::{now_ns, timeout};
use rustix::{buffer::spare_capacity, event::epoll, fd::OwnedFd};
use stream::{Stream, Turn};

const LISTENER: u64 = u64::MAX;
const MAX_READY: usize = 1024;

/// Why a stream is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Socket,
    Turn,
}

struct Server {
    epoll: OwnedFd,
    listener: TcpListener,
    gather_bytes: usize,
    streams: Vec<Option<Stream>>,
    free: Vec<usize>,
    /// Streams that pause, by the time at which they go on.
    pauses: BinaryHeap<Reverse<(u64, usize)>>,
    /// Streams that could go on at once and let others go first.
    again: VecDeque<usize>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let (port, gather_bytes) = match arguments.as_slice() {
        [_, port, mode] if mode == "each" => (port.parse().ok(), 0),
        [_, port, mode] if mode == "gather" => (port.parse().ok(), 64 * 1024),
        _ => (None, 0),
    };
    let Some(port) = port else {
        eprintln!("usage: floor PORT each|gather");
        return ExitCode::FAILURE;
    };
    match Server::new(port, gather_bytes).and_then(|mut server| server.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("floor: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Server {
    fn new(port: u16, gather_bytes: usize) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        // Binding listens with a queue of 128; listening again makes it as long as the kernel allows.
        rustix::net::listen(&listener, 4096)?;
        listener.set_nonblocking(true)?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
        Ok(Self {
            epoll,
            listener,
            gather_bytes,
            streams: Vec::new(),
            free: Vec::new(),
            pauses: BinaryHeap::new(),
            again: VecDeque::new(),
        })
    }

    fn run(&mut self) -> std::io::Result<()> {
        let mut ready = Vec::with_capacity(MAX_READY);
        loop {
            let now = now_ns();
            while let Some(&Reverse((due_ns, token))) = self.pauses.peek() {
                if due_ns > now {
                    break;
                }
                self.pauses.pop();
                self.go_on(token, Cause::Turn);
            }
            for _ in 0..self.again.len() {
                if let Some(token) = self.again.pop_front() {
                    self.go_on(token, Cause::Turn);
                }
            }
            let wait = if self.again.is_empty() {
                self.pauses.peek().map(|Reverse((due_ns, _))| timeout(due_ns.saturating_sub(now_ns())))
            } else {
                Some(timeout(0))
            };
            ready.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut ready), wait.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in &ready {
                match event.data.u64() {
                    LISTENER => self.accept()?,
                    token => self.go_on(usize::try_from(token).unwrap_or(usize::MAX), Cause::Socket),
                }
            }
        }
    }

    fn accept(&mut self) -> std::io::Result<()> {
        loop {
            let socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            socket.set_nonblocking(true)?;
            socket.set_nodelay(true)?;
            let token = self.free.pop().unwrap_or_else(|| {
                self.streams.push(None);
                self.streams.len() - 1
            });
            epoll::add(
                &self.epoll,
                &socket,
                epoll::EventData::new_u64(token as u64),
                epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET,
            )?;
            self.streams[token] = Some(Stream::new(socket));
        }
    }

    /// Let a stream go as far as it can.
    fn go_on(&mut self, token: usize, cause: Cause) {
        let Some(Some(stream)) = self.streams.get_mut(token) else { return };
        if cause == Cause::Socket && stream.has_turn {
            return;
        }
        let turn = stream.turn(self.gather_bytes);
        stream.has_turn = matches!(turn, Turn::Again | Turn::Pause(_));
        match turn {
            Turn::Again => self.again.push_back(token),
            Turn::Pause(due_ns) => self.pauses.push(Reverse((due_ns, token))),
            Turn::Wait => {}
            Turn::End => {
                self.streams[token] = None;
                self.free.push(token);
            }
        }
    }
}
