//! One stream: its connection, its request, and how far its response was read.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use rustix::net::{
    AddressFamily, Ipv4Addr, SocketAddrV4, SocketFlags, SocketType, connect, socket_with, sockopt,
};

use crate::{
    events::{Check, Events},
    http::Response,
    report::Samples,
};

const STALLED_BUFFER_BYTES: usize = 16 * 1024;

/// One connection with one request.
#[derive(Debug)]
pub struct Stream {
    pub group: usize,
    pub socket: TcpStream,
    written: usize,
    response: Response,
    events: Events,
    last_event_ns: Option<u64>,
}

/// What became of a stream after it was read.
#[derive(Debug, PartialEq, Eq)]
pub enum State {
    Open,
    Finished,
}

/// The times that a read is measured by.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub start_ns: u64,
    pub now_ns: u64,
    /// A gap counts when it began before this; also when it has ended long after.
    pub gaps_until_ns: u64,
}

impl Stream {
    /// Begin to connect. One that `stalls` takes in little before its server has to wait.
    ///
    /// # Errors
    ///
    /// The socket cannot be made, or the server refuses it at once.
    pub fn open(group: usize, port: u16, stalls: bool) -> std::io::Result<Self> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        sockopt::set_tcp_nodelay(&socket, true)?;
        if stalls {
            sockopt::set_socket_recv_buffer_size(&socket, STALLED_BUFFER_BYTES)?;
        }
        match connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Self {
            group,
            socket: TcpStream::from(socket),
            written: 0,
            response: Response::default(),
            events: Events::default(),
            last_event_ns: None,
        })
    }

    /// Whether the response's head has come.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.response.has_head()
    }

    /// How many events have come.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.events.count
    }

    /// Write what the socket takes of the request. Returns whether all of it is written.
    ///
    /// # Errors
    ///
    /// The connection failed.
    pub fn write(&mut self, request: &[u8]) -> Result<bool, String> {
        while self.written < request.len() {
            match self.socket.write(&request[self.written..]) {
                Ok(length) => self.written += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(format!("writing the request: {error}")),
            }
        }
        Ok(true)
    }

    /// Read once, into `buffer`, and take in what came.
    ///
    /// # Errors
    ///
    /// The connection failed, or an event is wrong.
    pub fn read(
        &mut self,
        buffer: &mut [u8],
        check: &Check,
        samples: &mut Samples,
        moment: impl FnOnce() -> Moment,
    ) -> Result<State, String> {
        let length = match self.socket.read(buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(State::Open),
            Err(error) => return Err(format!("reading after {} events: {error}", self.events.count)),
        };
        let Moment { start_ns, now_ns, gaps_until_ns } = moment();
        samples.bytes += length as u64;
        samples.last_byte_ns = now_ns - start_ns;
        let Self { response, events, last_event_ns, .. } = self;
        if length == 0 {
            response.close().map_err(|error| format!("{error}, after {} events", events.count))?;
        } else {
            response.feed(&buffer[..length], |body| {
                events.feed(body, check, |sent_ns| {
                    samples.events += 1;
                    match *last_event_ns {
                        None => samples.first_event_ns.push(now_ns - start_ns),
                        Some(last_ns) if last_ns < gaps_until_ns => samples.gap_ns.push(now_ns - last_ns),
                        Some(_) => {}
                    }
                    *last_event_ns = Some(now_ns);
                    if let Some(sent_ns) = sent_ns {
                        samples.send_to_read_ns.push(now_ns.saturating_sub(sent_ns));
                    }
                })
            })?;
        }
        if !response.has_ended() {
            return Ok(State::Open);
        }
        events.finish(check)?;
        Ok(State::Finished)
    }
}
