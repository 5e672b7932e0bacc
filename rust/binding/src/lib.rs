//! `streamactions._core`.
use pyo3::prelude::*;

mod awaitables;
mod build;
mod calls;
mod decoder;
mod errors;
mod futures;
mod pulse;
mod reader;
mod sending;
mod settings;
mod signal;
mod state;
mod stream;
mod transport;
mod turn;
mod waiting;

/// The face of the extension: everything that Python can see is listed here.
// It needs no GIL: what changes lies behind a lock, an atomic or a borrow check.
#[pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    use crate::build::build_info;
    #[pymodule_export]
    use crate::decoder::{Event, SSEDecoder, encode_event, repair_json};
    #[pymodule_export]
    use crate::errors::{
        ClientDisconnectedError, EventTooLargeError, SendNotAwaitedError, StreamActionsError,
        StreamClosedError, StreamCutError, WrongThreadError,
    };
    #[pymodule_export]
    use crate::pulse::PulseCore;
    #[pymodule_export]
    use crate::reader::EventReader;
    #[pymodule_export]
    use crate::settings::StreamSettings;
    #[pymodule_export]
    use crate::stream::StreamCore;
    #[pymodule_export]
    use crate::transport::{HTTPClient, HTTPExchange, HTTPMailbox};
    #[pymodule_export]
    use crate::turn::due_turn;

    #[pymodule_export]
    const MAX_TURN_S: f64 = crate::turn::MAX_TURN_S;
}
