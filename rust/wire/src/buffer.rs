//! The chunk buffer: where a stream's frames wait for their connection.
//!
//! A small write costs a server some microseconds however few bytes it carries, so frames that
//! come close together should share one; but a token that comes alone must never wait for
//! company. The buffer is the state machine that decides between the two. It performs nothing
//! itself: its owner appends a frame, asks what to do now, and reports what became of a write.
//!
//! In pseudo-code, after a frame was appended:
//!
//! ```text
//! a write is in flight?    gather; where max_buffered_bytes is reached, the sender waits;
//!                          where max_unawaited_bytes are gathered for which nobody waits, refuse
//! hand_over_bytes reached? write now
//! alone?                   write now            (the lone token: nothing for alone_after, or no write for
//!                          gather_window)
//! otherwise                gather until the end of this turn of the event loop
//! ```
//!
//! Time is passed in, as nanoseconds of any monotonic clock.

/// When frames are handed over and when a sender has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A batch of this size is written at once: beyond it a larger write saves nothing more.
    pub hand_over_bytes: usize,
    /// While a write is in flight, a sender waits once this much is gathered. One frame may go
    /// over it, since a frame is never cut.
    pub max_buffered_bytes: usize,
    /// While a write is in flight that the server did not take at once, no frame is taken once more than this
    /// is gathered of senders who do not wait, though they should: nothing else bounds what they send. It
    /// leaves room for a few who wait a little later. A sender who waits has one frame here, however many
    /// they are.
    pub max_unawaited_bytes: usize,
    /// A frame that comes this long after the one before is alone and is written at once. It is less than a
    /// reader takes to answer to that (20 µs were the least that was seen), so nobody waits for a gathered
    /// one; and more than a sender takes from one chunk to the next who sends what it has.
    pub alone_after_ns: u64,
    /// Frames that come closer together are gathered for no longer than this, while their sender goes on.
    pub gather_window_ns: u64,
    /// A comment is sent after this long without a frame.
    pub keep_alive_ns: u64,
}

impl Limits {
    /// Sizes that keep a stalled reader's share of memory small at no cost to a fast one: a server may
    /// queue some twenty batches (Granian four, and hyper sixteen more) before it makes a sender wait.
    pub const DEFAULT: Self = Self {
        hand_over_bytes: 8 * 1024,
        max_buffered_bytes: 8 * 1024,
        max_unawaited_bytes: 8 * 8 * 1024,
        alone_after_ns: 10_000,
        gather_window_ns: 50_000,
        keep_alive_ns: 15_000_000_000,
    };
}

/// The frame that keeps proxies from closing a quiet connection: a comment, which readers ignore.
pub const KEEP_ALIVE_FRAME: &[u8] = b": keep-alive\n\n";

/// What the sender of a frame has to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Advice {
    /// Take the gathered bytes and write them; the sender goes on.
    Write,
    /// Take the gathered bytes and write them; a full batch is out, so the sender lets others run.
    WriteAndYield,
    /// Call [`ChunkBuffer::flush`] at the end of this turn of the event loop.
    ScheduleFlush,
    /// Nothing: a scheduled flush or the write in flight will see to the frame.
    Gather,
    /// Nothing, but the sender waits until the write in flight is done.
    Wait,
    /// The frame was not taken: too much is gathered of senders who do not wait.
    Refuse,
}

/// Where a stream is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Frames may be appended.
    Open,
    /// The last frame is appended; it may still wait for its write.
    Ended,
    /// The reader is gone: there is nobody to write to.
    Abandoned,
}

/// What to do after a write is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// Nothing waits; the connection is idle.
    Idle,
    /// More was gathered meanwhile: take it and write it.
    Write,
    /// The last frame is out.
    Finished,
}

/// The frames of one stream that its connection has not taken, and the rule for handing them over.
#[derive(Debug)]
pub struct ChunkBuffer {
    limits: Limits,
    bytes: Vec<u8>,
    /// How much of it is of senders who wait.
    awaited_bytes: usize,
    phase: Phase,
    /// At most one write is under way, so that frames never overtake each other.
    in_flight: Option<InFlight>,
    /// A flush is on the event loop's list; a second one would find nothing.
    flush_scheduled: bool,
    /// The last batch, which carries the end of the stream, was taken.
    last_taken: bool,
    opened_ns: u64,
    /// `None` before the first write: the first frame is alone.
    last_write_ns: Option<u64>,
    last_push_ns: u64,
}

/// How far the write in flight is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InFlight {
    /// The server is being told.
    HandedOver,
    /// The server has not taken it when it was told.
    Pending,
}

/// A gathered batch is small most of the time; a larger allocation is given back after its write.
const KEPT_CAPACITY_BYTES: usize = 4 * 1024;

impl ChunkBuffer {
    /// An empty buffer, quiet since `now_ns`.
    #[must_use]
    pub fn new(limits: Limits, now_ns: u64) -> Self {
        Self {
            limits,
            bytes: Vec::new(),
            awaited_bytes: 0,
            phase: Phase::Open,
            in_flight: None,
            flush_scheduled: false,
            last_taken: false,
            opened_ns: now_ns,
            last_write_ns: None,
            last_push_ns: now_ns,
        }
    }

    /// Where the stream is in its life.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// How much is gathered and not yet taken.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Append one frame with `write` and learn what to do. Call it only in [`Phase::Open`]; in
    /// any other phase the frame is dropped and nothing is to be done.
    pub fn push(&mut self, now_ns: u64, write: impl FnOnce(&mut Vec<u8>)) -> Advice {
        if self.phase != Phase::Open {
            return Advice::Gather;
        }
        if self.in_flight == Some(InFlight::Pending)
            && self.bytes.len() - self.awaited_bytes > self.limits.max_unawaited_bytes
        {
            return Advice::Refuse;
        }
        write(&mut self.bytes);
        self.advise(now_ns)
    }

    /// The sender of gathered bytes waits.
    pub fn begin_wait(&mut self, frame_bytes: usize) {
        self.awaited_bytes = (self.awaited_bytes + frame_bytes).min(self.bytes.len());
    }

    /// The sender of gathered bytes has given its wait up.
    pub fn give_up_wait(&mut self, frame_bytes: usize) {
        self.awaited_bytes = self.awaited_bytes.saturating_sub(frame_bytes);
    }

    fn advise(&mut self, now_ns: u64) -> Advice {
        let last_push_ns = std::mem::replace(&mut self.last_push_ns, now_ns);
        if self.in_flight.is_some() {
            return if self.bytes.len() >= self.limits.max_buffered_bytes {
                Advice::Wait
            } else {
                Advice::Gather
            };
        }
        if self.bytes.len() >= self.limits.hand_over_bytes {
            return Advice::WriteAndYield;
        }
        let gather_window_ns = self.limits.gather_window_ns;
        if now_ns.saturating_sub(last_push_ns) >= self.limits.alone_after_ns
            || self.last_write_ns.is_none_or(|last_ns| now_ns.saturating_sub(last_ns) >= gather_window_ns)
        {
            return Advice::Write;
        }
        if self.flush_scheduled {
            return Advice::Gather;
        }
        self.flush_scheduled = true;
        Advice::ScheduleFlush
    }

    /// Append the stream's last frame. Returns whether it is to be taken and written now.
    #[must_use]
    pub fn end(&mut self, frame: &[u8]) -> bool {
        if self.phase != Phase::Open {
            return false;
        }
        self.phase = Phase::Ended;
        self.bytes.extend_from_slice(frame);
        self.in_flight.is_none()
    }

    /// The turn of the event loop is over: whether there is something to take and write.
    #[must_use]
    pub fn flush(&mut self) -> bool {
        self.flush_scheduled = false;
        self.in_flight.is_none() && !self.bytes.is_empty()
    }

    /// Pass the gathered bytes to `read`, as one write that is now in flight. The flag says
    /// whether it carries the end of the stream.
    pub fn take<T>(&mut self, now_ns: u64, read: impl FnOnce(&[u8], bool) -> T) -> T {
        self.in_flight = Some(InFlight::HandedOver);
        self.last_write_ns = Some(now_ns);
        self.last_taken = self.phase == Phase::Ended;
        let taken = read(&self.bytes, self.last_taken);
        self.awaited_bytes = 0;
        if self.bytes.capacity() > KEPT_CAPACITY_BYTES {
            self.bytes = Vec::new();
        } else {
            self.bytes.clear();
        }
        taken
    }

    /// The server has not taken the write in flight yet.
    pub fn pend(&mut self) {
        if let Some(write) = &mut self.in_flight {
            *write = InFlight::Pending;
        }
    }

    /// The write in flight is done.
    pub fn written(&mut self) -> Next {
        self.in_flight = None;
        if self.phase == Phase::Abandoned || self.last_taken {
            Next::Finished
        } else if !self.bytes.is_empty() || self.phase == Phase::Ended {
            Next::Write
        } else {
            Next::Idle
        }
    }

    /// Whether a sender would have to wait.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.in_flight.is_some() && self.bytes.len() >= self.limits.max_buffered_bytes
    }

    /// The reader is gone: what is gathered is dropped, and so is all that follows.
    pub fn abandon(&mut self) {
        self.phase = Phase::Abandoned;
        self.bytes = Vec::new();
        self.awaited_bytes = 0;
    }

    /// Append a keep-alive where one is due. Returns whether it is to be taken and written now.
    ///
    /// None is due while frames wait or a write is in flight: then the connection is not quiet,
    /// its reader is slow.
    #[must_use]
    pub fn keep_alive(&mut self, now_ns: u64) -> bool {
        let quiet_ns = now_ns.saturating_sub(self.last_write_ns.unwrap_or(self.opened_ns));
        let is_due = self.phase == Phase::Open
            && self.in_flight.is_none()
            && self.bytes.is_empty()
            && quiet_ns >= self.limits.keep_alive_ns;
        if is_due {
            self.bytes.extend_from_slice(KEEP_ALIVE_FRAME);
        }
        is_due
    }
}
