//! The run: opens the groups' streams, reads them, and knows when it is over.

use rustix::buffer::spare_capacity;
use rustix::event::epoll;

use crate::{
    clock::{now_ns, seconds_to_ns, timeout},
    events::Check,
    plan::Plan,
    report::{Report, Samples},
    stream::{Moment, State, Stream},
};

/// How many streams may wait for their response's head at once: fewer than a listen queue holds,
/// so that no connection has to be tried again by the kernel, a second later.
const MAX_OPENING: usize = 1024;

const READ_BYTES: usize = 256 * 1024;
const MAX_READY: usize = 1024;

struct Group {
    request: Vec<u8>,
    check: Check,
    samples: Samples,
    opens_after: Option<usize>,
    gaps_while: Option<usize>,
    stall: bool,
    streams: usize,
    opened: usize,
    ended: usize,
    /// When its last stream has ended.
    ended_ns: Option<u64>,
}

impl Group {
    fn is_answered(&self) -> bool {
        self.samples.first_event_ns.len() + usize::try_from(self.samples.errors).unwrap_or(0) >= self.streams
    }
}

struct Client {
    port: u16,
    epoll: rustix::fd::OwnedFd,
    groups: Vec<Group>,
    streams: Vec<Option<Stream>>,
    opening: usize,
    start_ns: u64,
}

/// Carry the plan out.
///
/// # Errors
///
/// The plan is wrong, or epoll failed. What streams do wrong is in the report.
pub fn run(plan: &Plan) -> Result<Report, String> {
    let index = |name: &Option<String>| match name {
        None => Ok(None),
        Some(name) => match plan.groups.iter().position(|group| group.name == *name) {
            None => Err(format!("there is no group {name}")),
            found => Ok(found),
        },
    };
    if plan.groups.iter().all(|group| group.stall) {
        return Err("a plan needs a group that does not stall: the run lasts as long as it".to_owned());
    }
    let groups = plan.groups.iter().map(|group| {
        Ok(Group {
            request: group.request(),
            check: Check::new(group.expected()?),
            samples: Samples::default(),
            opens_after: index(&group.opens_after)?,
            gaps_while: index(&group.gaps_while)?,
            stall: group.stall,
            streams: group.streams,
            opened: 0,
            ended: 0,
            ended_ns: None,
        })
    });
    let mut client = Client {
        port: plan.port,
        epoll: epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|error| format!("epoll: {error}"))?,
        groups: groups.collect::<Result<_, String>>()?,
        streams: Vec::new(),
        opening: 0,
        start_ns: now_ns(),
    };
    client.run(seconds_to_ns(plan.deadline_s)).map_err(|error| format!("epoll: {error}"))?;
    Ok(client.report(plan))
}

impl Client {
    fn run(&mut self, deadline_ns: u64) -> std::io::Result<()> {
        let mut ready = Vec::with_capacity(MAX_READY);
        let mut buffer = vec![0; READ_BYTES];
        loop {
            self.open();
            let elapsed_ns = now_ns() - self.start_ns;
            if self.is_over() || elapsed_ns >= deadline_ns {
                return Ok(());
            }
            ready.clear();
            match epoll::wait(
                &self.epoll,
                spare_capacity(&mut ready),
                Some(&timeout(deadline_ns - elapsed_ns)),
            ) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in &ready {
                self.turn(event, &mut buffer)?;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.groups.iter().all(|group| group.stall || group.ended == group.streams)
    }

    /// Open what may be opened now.
    fn open(&mut self) {
        for index in 0..self.groups.len() {
            if self.groups[index].opens_after.is_some_and(|other| !self.groups[other].is_answered()) {
                continue;
            }
            while self.groups[index].opened < self.groups[index].streams && self.opening < MAX_OPENING {
                self.groups[index].opened += 1;
                let token = self.streams.len();
                let opened = Stream::open(index, self.port, self.groups[index].stall).and_then(|stream| {
                    let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT;
                    epoll::add(&self.epoll, &stream.socket, epoll::EventData::new_u64(token as u64), flags)?;
                    Ok(stream)
                });
                match opened {
                    Ok(stream) => {
                        self.opening += 1;
                        self.streams.push(Some(stream));
                    }
                    Err(error) => {
                        self.streams.push(None);
                        self.groups[index].ended += 1;
                        self.groups[index].samples.add_error(format!("connecting: {error}"));
                    }
                }
            }
        }
    }

    fn turn(&mut self, ready: &epoll::Event, buffer: &mut [u8]) -> std::io::Result<()> {
        let token = usize::try_from(ready.data.u64()).unwrap_or(usize::MAX);
        let flags = ready.flags;
        let Some(Some(stream)) = self.streams.get_mut(token) else { return Ok(()) };
        let index = stream.group;
        let group = &self.groups[index];
        let was_answered = stream.is_answered();
        let gaps_until_ns = group.gaps_while.map_or(u64::MAX, |other| {
            let other = &self.groups[other];
            if other.opened == 0 { 0 } else { other.ended_ns.unwrap_or(u64::MAX) }
        });
        let start_ns = self.start_ns;
        let group = &mut self.groups[index];
        let mut outcome = Ok(State::Open);
        if flags.contains(epoll::EventFlags::OUT) {
            match stream.write(&group.request) {
                Ok(true) => {
                    epoll::modify(&self.epoll, &stream.socket, ready.data, epoll::EventFlags::IN)?;
                }
                Ok(false) => {}
                Err(error) => outcome = Err(error),
            }
        }
        let readable = epoll::EventFlags::IN | epoll::EventFlags::HUP | epoll::EventFlags::ERR;
        if outcome.is_ok() && flags.intersects(readable) {
            outcome = stream.read(buffer, &group.check, &mut group.samples, || Moment {
                start_ns,
                now_ns: now_ns(),
                gaps_until_ns,
            });
        }
        let is_open = outcome == Ok(State::Open);
        if !was_answered && (!is_open || stream.is_answered()) {
            self.opening -= 1;
        }
        if is_open {
            if group.stall && stream.count() > 0 {
                epoll::delete(&self.epoll, &stream.socket)?;
            }
            return Ok(());
        }
        if let Err(message) = outcome {
            group.samples.add_error(message);
        }
        group.ended += 1;
        if group.ended == group.streams {
            group.ended_ns = Some(now_ns());
        }
        // Closing it takes it out of the epoll as well.
        self.streams[token] = None;
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a run fit a double exactly")]
    fn report(mut self, plan: &Plan) -> Report {
        let wall_ns = now_ns() - self.start_ns;
        for stream in self.streams.iter().flatten() {
            let group = &mut self.groups[stream.group];
            if !group.stall {
                let (got, of) = (stream.count(), group.check.count());
                group.samples.add_error(format!("given up after {got} events of {of}: the deadline"));
            }
        }
        for group in &mut self.groups {
            if group.opened < group.streams {
                let message =
                    format!("{} streams were never opened: the deadline", group.streams - group.opened);
                group.samples.add_error(message);
            } else if group.stall && !group.is_answered() {
                group.samples.add_error("some stalled streams never had an event".to_owned());
            }
        }
        let groups = self.groups.into_iter().zip(&plan.groups);
        Report {
            wall_s: wall_ns as f64 / 1e9,
            groups: groups.map(|(group, of)| group.samples.report(&of.name, of.streams)).collect(),
        }
    }
}
