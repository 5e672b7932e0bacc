//! The chunk buffer: its rule case by case, and then for every order of events.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may fail")]

use wire::buffer::{Advice, ChunkBuffer, KEEP_ALIVE_FRAME, Limits, Next};

use proptest::prelude::*;

const LIMITS: Limits = Limits {
    hand_over_bytes: 100,
    max_buffered_bytes: 200,
    max_unawaited_bytes: 500,
    alone_after_ns: 8,
    gather_window_ns: 10,
    keep_alive_ns: 1000,
};

fn frame(bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(b"frame");
}

fn take(buffer: &mut ChunkBuffer, now_ns: u64) -> (Vec<u8>, bool) {
    buffer.take(now_ns, |bytes, is_last| (bytes.to_vec(), is_last))
}

#[test]
fn a_lone_frame_is_written_at_once() {
    let mut buffer = ChunkBuffer::new(LIMITS, 0);
    assert_eq!(buffer.push(0, frame), Advice::Write);
    assert_eq!(take(&mut buffer, 0), (b"frame".to_vec(), false));
    assert_eq!(buffer.written(), Next::Idle);
    assert_eq!(buffer.push(10, frame), Advice::Write);
}

#[test]
fn frames_close_together_share_a_write_at_the_end_of_the_turn() {
    let mut buffer = ChunkBuffer::new(LIMITS, 0);
    assert_eq!(buffer.push(0, frame), Advice::Write);
    take(&mut buffer, 0);
    assert_eq!(buffer.written(), Next::Idle);
    assert_eq!(buffer.push(1, frame), Advice::ScheduleFlush);
    assert_eq!(buffer.push(2, frame), Advice::Gather);
    assert!(buffer.flush());
    assert_eq!(take(&mut buffer, 3).0, b"frameframe");
    assert_eq!(buffer.written(), Next::Idle);
    assert!(!buffer.flush(), "an empty buffer has nothing to flush");
}

#[test]
fn a_sender_that_never_yields_still_gets_each_frame_out() {
    let mut buffer = ChunkBuffer::new(LIMITS, 0);
    for turn in 0..3 {
        assert_eq!(buffer.push(turn * 10, frame), Advice::Write);
        take(&mut buffer, turn * 10);
        assert_eq!(buffer.written(), Next::Idle);
    }
    assert_eq!(buffer.push(21, frame), Advice::ScheduleFlush);
    assert_eq!(buffer.push(30, frame), Advice::Write, "the flush has not come, the window is over");
}

#[test]
fn a_full_batch_is_written_and_yields() {
    let mut buffer = ChunkBuffer::new(LIMITS, 0);
    assert_eq!(buffer.push(0, |bytes| bytes.extend_from_slice(&[b'x'; 100])), Advice::WriteAndYield);
}

#[test]
fn a_slow_reader_makes_the_sender_wait_at_the_bound() {
    let mut buffer = ChunkBuffer::new(LIMITS, 0);
    assert_eq!(buffer.push(0, frame), Advice::Write);
    take(&mut buffer, 0);
    let mut pushed = 0;
    while buffer.push(1, frame) == Advice::Gather {
        pushed += 1;
    }
    assert_eq!(pushed, 39);
    assert!(buffer.is_full());
    assert_eq!(buffer.buffered_bytes(), 200);
    assert_eq!(buffer.written(), Next::Write);
    assert_eq!(take(&mut buffer, 2).0.len(), 200);
    assert!(!buffer.is_full());
}

fn large_frame(bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&[b'x'; 400]);
}

/// A buffer whose write is in flight, because the server has not taken it.
fn busy() -> ChunkBuffer {
    let mut buffer = ChunkBuffer::new(LIMITS, 0);
    assert_eq!(buffer.push(0, frame), Advice::Write);
    take(&mut buffer, 0);
    buffer.pend();
    buffer
}

#[test]
fn senders_who_do_not_wait_are_refused_at_the_bound() {
    let mut buffer = busy();
    assert_eq!(buffer.push(1, large_frame), Advice::Wait);
    assert_eq!(buffer.push(1, large_frame), Advice::Wait, "a frame is never cut");
    assert_eq!(buffer.push(1, frame), Advice::Refuse);
    assert_eq!(buffer.buffered_bytes(), 800, "what is refused is not taken");
    assert_eq!(buffer.written(), Next::Write);
    take(&mut buffer, 2);
    for _ in 0..3 {
        assert_eq!(buffer.push(3, large_frame), Advice::Wait, "the server may take this write at once");
    }
    buffer.pend();
    assert_eq!(buffer.push(3, frame), Advice::Refuse);
}

#[test]
fn any_number_of_senders_may_wait() {
    let mut buffer = busy();
    for _ in 0..100 {
        assert_eq!(buffer.push(1, large_frame), Advice::Wait);
        buffer.begin_wait(400);
    }
    for _ in 0..2 {
        buffer.give_up_wait(400);
    }
    assert_eq!(buffer.push(1, frame), Advice::Refuse, "two of them wait no more");
}

#[test]
fn the_end_goes_out_last_and_once() {
    let mut buffer = ChunkBuffer::new(LIMITS, 0);
    assert_eq!(buffer.push(0, frame), Advice::Write);
    take(&mut buffer, 0);
    assert!(!buffer.end(b"end"), "the write in flight comes first");
    assert!(!buffer.end(b"end"), "there is one end");
    assert_eq!(buffer.push(50, frame), Advice::Gather);
    assert_eq!(buffer.written(), Next::Write);
    assert_eq!(take(&mut buffer, 1), (b"end".to_vec(), true));
    assert_eq!(buffer.written(), Next::Finished);
}

#[test]
fn an_abandoned_buffer_holds_nothing_and_takes_nothing() {
    let mut buffer = ChunkBuffer::new(LIMITS, 0);
    assert_eq!(buffer.push(0, frame), Advice::Write);
    buffer.abandon();
    assert_eq!(buffer.push(0, frame), Advice::Gather);
    assert!(!buffer.end(b"end"));
    assert!(!buffer.flush());
    assert_eq!(buffer.buffered_bytes(), 0);
    assert_eq!(buffer.written(), Next::Finished);
}

#[test]
fn keep_alives_come_after_silence_and_never_otherwise() {
    let mut buffer = ChunkBuffer::new(LIMITS, 0);
    assert_eq!(buffer.push(0, frame), Advice::Write);
    take(&mut buffer, 100);
    assert!(!buffer.keep_alive(2000), "a write in flight is not silence");
    assert_eq!(buffer.written(), Next::Idle);
    assert!(!buffer.keep_alive(1099));
    assert!(buffer.keep_alive(1100));
    assert_eq!(take(&mut buffer, 1100).0, KEEP_ALIVE_FRAME);
    assert_eq!(buffer.written(), Next::Idle);
    assert!(!buffer.keep_alive(2099));
    assert!(buffer.end(b"end"));
    assert!(!buffer.keep_alive(9999));
}

#[derive(Debug, Clone)]
enum Step {
    Push(u8),
    TurnEnds,
    WriteDone,
    Time(u16),
    KeepAlive,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1u8..120).prop_map(Step::Push),
        1 => Just(Step::TurnEnds),
        1 => Just(Step::WriteDone),
        1 => (0u16..30).prop_map(Step::Time),
        1 => Just(Step::KeepAlive),
    ];
    proptest::collection::vec(step, 0..200)
}

proptest! {
    /// Whatever the order of sends, turns and finished writes: every byte leaves once, in
    /// order; no frame is left behind when the loop goes idle; and the bound holds.
    #[test]
    fn nothing_is_lost_reordered_or_left_waiting(steps in steps()) {
        let mut buffer = ChunkBuffer::new(LIMITS, 0);
        let (mut now, mut sent, mut out) = (0u64, Vec::new(), Vec::new());
        let (mut in_flight, mut flush_due, mut counter) = (false, false, 0u8);
        let mut write = |buffer: &mut ChunkBuffer, now: u64, in_flight: &mut bool| {
            prop_assert!(!*in_flight, "two writes at once");
            out.extend(take(buffer, now).0);
            *in_flight = true;
            Ok(())
        };
        for step in steps {
            match step {
                Step::Push(size) => {
                    if buffer.is_full() {
                        continue;
                    }
                    counter = counter.wrapping_add(1);
                    let chunk = vec![counter; usize::from(size)];
                    sent.extend_from_slice(&chunk);
                    match buffer.push(now, |bytes| bytes.extend_from_slice(&chunk)) {
                        Advice::Write | Advice::WriteAndYield => write(&mut buffer, now, &mut in_flight)?,
                        Advice::ScheduleFlush => flush_due = true,
                        Advice::Gather => prop_assert!(in_flight || flush_due),
                        Advice::Wait => prop_assert!(in_flight),
                        Advice::Refuse => return Err(TestCaseError::fail("who waits is not refused")),
                    }
                }
                Step::TurnEnds => {
                    if std::mem::take(&mut flush_due) && buffer.flush() {
                        write(&mut buffer, now, &mut in_flight)?;
                    }
                    prop_assert!(in_flight || buffer.buffered_bytes() == 0, "held back across an idle loop");
                }
                Step::WriteDone => {
                    if std::mem::take(&mut in_flight) && buffer.written() == Next::Write {
                        write(&mut buffer, now, &mut in_flight)?;
                    }
                }
                Step::Time(ns) => now += u64::from(ns),
                Step::KeepAlive => {
                    let was_busy = in_flight || buffer.buffered_bytes() > 0;
                    if buffer.keep_alive(now) {
                        prop_assert!(!was_busy, "a keep-alive among frames");
                        sent.extend_from_slice(KEEP_ALIVE_FRAME);
                        write(&mut buffer, now, &mut in_flight)?;
                    }
                }
            }
            prop_assert!(buffer.buffered_bytes() < LIMITS.max_buffered_bytes + 120);
        }
        if in_flight && buffer.written() == Next::Write {
            in_flight = false;
            write(&mut buffer, now, &mut in_flight)?;
        } else if !in_flight && buffer.buffered_bytes() > 0 {
            write(&mut buffer, now, &mut in_flight)?;
        }
        prop_assert_eq!(sent, out);
    }
}

#[test]
fn a_frame_that_may_answer_to_a_reader_is_alone() {
    let mut buffer = ChunkBuffer::new(LIMITS, 0);
    assert_eq!(buffer.push(0, frame), Advice::Write);
    take(&mut buffer, 0);
    assert_eq!(buffer.written(), Next::Idle);
    // Within the window since the write, but not close to the frame before.
    assert_eq!(buffer.push(LIMITS.alone_after_ns, frame), Advice::Write);
    take(&mut buffer, LIMITS.alone_after_ns);
    assert_eq!(buffer.written(), Next::Idle);
    assert_eq!(buffer.push(LIMITS.alone_after_ns + 1, frame), Advice::ScheduleFlush);
}
