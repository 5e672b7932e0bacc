//! The guard: one thread per process that hands over what a blocked event loop holds back.
//!
//! Frames are gathered until the loop's turn ends. A handler that computes and awaits nothing lets
//! no turn end, so its last frames would wait until it is done. The guard notices that a turn in
//! which frames were gathered lasts too long, and hands them over itself.
//!
//! It is started by the first gathered frame, never by an import, and sleeps while nothing is
//! gathered. A server may be written to from another thread only where its `send` takes a message
//! when it is called; for the others the loop has to turn, as it has without us.

use std::{
    process,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use pyo3::prelude::*;

use crate::pulse::PulseCore;

/// A turn in which frames were gathered may last this long before the guard steps in, and the
/// guard looks as often.
pub(crate) const HELD_BACK_NS: u64 = 2_000_000;

/// Looks without a gathered frame before the guard goes to sleep: waking it costs a system call.
const IDLE_LOOKS: u32 = 50;

static WATCHED: Mutex<Vec<Py<PulseCore>>> = Mutex::new(Vec::new());
static WAKE: Condvar = Condvar::new();
static IS_ASLEEP: AtomicBool = AtomicBool::new(false);
/// The process that the thread runs in: a forked child has none.
static THREAD_OF: AtomicU32 = AtomicU32::new(0);

fn watched() -> MutexGuard<'static, Vec<Py<PulseCore>>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Look after the streams of this pulse.
pub(crate) fn watch(pulse: &Bound<'_, PulseCore>) {
    watched().push(pulse.clone().unbind());
}

/// Look after them no longer.
pub(crate) fn unwatch(pulse: &Bound<'_, PulseCore>) {
    let mut removed = Vec::new();
    watched().retain(|other| {
        let is_other = other.as_ptr() != pulse.as_ptr();
        if !is_other {
            removed.push(other.clone_ref(pulse.py()));
        }
        is_other
    });
}

/// Frames were gathered: see that the guard is awake.
pub(crate) fn wake() {
    if THREAD_OF.load(Ordering::Relaxed) != process::id() {
        start();
    } else if IS_ASLEEP.load(Ordering::Acquire) {
        let _watched = watched();
        WAKE.notify_one();
    }
}

fn start() {
    THREAD_OF.store(process::id(), Ordering::Relaxed);
    IS_ASLEEP.store(false, Ordering::Release);
    let spawned = thread::Builder::new().name("streamactions-guard".to_owned()).spawn(run);
    // Without the thread, frames wait for the end of the turn; the next one tries again.
    if spawned.is_err() {
        THREAD_OF.store(0, Ordering::Relaxed);
    }
}

fn run() {
    let mut idle_looks = 0;
    loop {
        thread::sleep(Duration::from_nanos(HELD_BACK_NS));
        let (is_gathered, is_held_back) = {
            let watched = watched();
            let mut is_held_back = false;
            let mut is_gathered = false;
            for pulse in watched.iter() {
                is_gathered |= pulse.get().is_gathered();
                is_held_back |= pulse.get().is_held_back();
            }
            (is_gathered, is_held_back)
        };
        if is_held_back && Python::try_attach(hand_over).is_none() {
            // The interpreter is shutting down.
            return;
        }
        idle_looks = if is_gathered { 0 } else { idle_looks + 1 };
        if idle_looks >= IDLE_LOOKS {
            idle_looks = 0;
            let watched = watched();
            IS_ASLEEP.store(true, Ordering::Release);
            if !watched.iter().any(|pulse| pulse.get().is_gathered()) {
                drop(WAKE.wait(watched).unwrap_or_else(PoisonError::into_inner));
            }
            IS_ASLEEP.store(false, Ordering::Release);
        }
    }
}

fn hand_over(py: Python<'_>) {
    let pulses: Vec<_> = watched().iter().map(|pulse| pulse.clone_ref(py)).collect();
    for pulse in pulses {
        if pulse.get().is_held_back() {
            pulse.get().hand_over_gathered(py);
        }
    }
}
