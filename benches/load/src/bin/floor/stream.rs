//! One stream of the floor: its request, then its events, written as its socket takes them.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
};

use load::clock::{now_ns, seconds_to_ns};

use crate::request::{Scenario, read};

/// So many events a turn, so that one stream does not starve the others.
const EVENTS_A_TURN: u32 = 1024;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
    transfer-encoding: chunked\r\n\r\n";
const DONE: &str = "event: done\ndata: {}\n\n";

pub struct Stream {
    /// It is on one of the server's lists, so news of its socket changes nothing.
    pub has_turn: bool,
    socket: TcpStream,
    request: Vec<u8>,
    scenario: Option<Scenario>,
    number: u64,
    /// When the next event is due; 0 where there is no pause.
    due_ns: u64,
    out: Vec<u8>,
    is_last: bool,
}

/// What a stream needs after its turn.
pub enum Turn {
    Again,
    Pause(u64),
    /// The socket will say when it is ready.
    Wait,
    End,
}

/// Whether the socket took everything.
enum Flush {
    Empty,
    Full,
    Failed,
}

impl Stream {
    pub fn new(socket: TcpStream) -> Self {
        Self {
            has_turn: false,
            socket,
            request: Vec::new(),
            scenario: None,
            number: 0,
            due_ns: 0,
            out: Vec::new(),
            is_last: false,
        }
    }

    /// Go on until there is something to wait for.
    pub fn turn(&mut self, gather_bytes: usize) -> Turn {
        if self.scenario.is_none() {
            match self.read_request() {
                Ok(true) => self.out.extend_from_slice(HEAD),
                Ok(false) => return Turn::Wait,
                Err(()) => return Turn::End,
            }
        }
        for _ in 0..EVENTS_A_TURN {
            if self.out.len() > gather_bytes || self.is_last || self.must_pause() {
                match self.flush() {
                    Flush::Empty if self.is_last => return Turn::End,
                    Flush::Empty => {}
                    Flush::Full => return Turn::Wait,
                    Flush::Failed => return Turn::End,
                }
            }
            if self.must_pause() {
                return Turn::Pause(self.due_ns);
            }
            self.produce();
        }
        Turn::Again
    }

    fn must_pause(&self) -> bool {
        self.due_ns > 0 && now_ns() < self.due_ns
    }

    fn read_request(&mut self) -> Result<bool, ()> {
        let mut buffer = [0; 4096];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Err(()),
                Ok(length) => self.request.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return Err(()),
            }
        }
        self.scenario = read(&self.request).map_err(|error| eprintln!("floor: {error}"))?;
        Ok(self.scenario.is_some())
    }

    /// Format the next event, or the end.
    fn produce(&mut self) {
        let Some(scenario) = &self.scenario else { return };
        if self.number == scenario.count {
            write_chunk(&mut self.out, DONE);
            self.out.extend_from_slice(b"0\r\n\r\n");
            self.is_last = true;
            return;
        }
        if scenario.busy_s > 0.0 {
            let until_ns = now_ns() + seconds_to_ns(scenario.busy_s);
            while now_ns() < until_ns {}
        }
        let (text, number) = (scenario.text.as_str(), self.number);
        let event = if scenario.stamp {
            let sent_ns = now_ns();
            format!("data: {{\"text\":\"{text}\",\"i\":{number},\"sent_ns\":{sent_ns}}}\n\n")
        } else {
            format!("data: {{\"text\":\"{text}\",\"i\":{number}}}\n\n")
        };
        write_chunk(&mut self.out, &event);
        self.number += 1;
        if scenario.interval_s > 0.0 {
            self.due_ns = now_ns() + seconds_to_ns(scenario.interval_s);
        }
    }

    fn flush(&mut self) -> Flush {
        while !self.out.is_empty() {
            match self.socket.write(&self.out) {
                Ok(length) if length == self.out.len() => self.out.clear(),
                Ok(length) => drop(self.out.drain(..length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Flush::Full,
                Err(_) => return Flush::Failed,
            }
        }
        Flush::Empty
    }
}

fn write_chunk(out: &mut Vec<u8>, body: &str) {
    out.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
    out.extend_from_slice(body.as_bytes());
    out.extend_from_slice(b"\r\n");
}
