//! What is to be done: a plan, as JSON on standard input.

use serde::Deserialize;

/// One run of the client.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The server's port on 127.0.0.1.
    pub port: u16,
    /// When the run is given up; what has not ended by then is an error.
    pub deadline_s: f64,
    pub groups: Vec<Group>,
}

/// Streams that ask for the same.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub name: String,
    pub streams: usize,
    pub path: String,
    /// The request's body; its `count` and `text` are what the events are checked against.
    pub body: serde_json::Value,
    pub end: End,
    /// Read the first event and then nothing more; such a group lasts as long as the others.
    #[serde(default)]
    pub stall: bool,
    /// Open only when each stream of that group has had its first event.
    #[serde(default)]
    pub opens_after: Option<String>,
    /// Record only gaps between events that lie, in part at least, in the life of that group's streams.
    #[serde(default)]
    pub gaps_while: Option<String>,
}

/// What must come after the last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// An event named `done`, then the end of the body.
    Done,
    /// A message with `__actions_done`, then the end of the body.
    NuxtActions,
    /// The end of the body alone.
    Body,
}

/// What the streams of a group must give.
#[derive(Debug, Clone)]
pub struct Expected {
    pub count: u64,
    pub text: String,
    pub end: End,
}

impl Group {
    /// What the events are checked against.
    ///
    /// # Errors
    ///
    /// The body lacks `count` or `text`.
    pub fn expected(&self) -> Result<Expected, String> {
        let missing = |field| format!("group {}: the body needs {field}", self.name);
        let count = self.body["count"].as_u64().ok_or_else(|| missing("count"))?;
        let text = self.body["text"].as_str().ok_or_else(|| missing("text"))?;
        Ok(Expected { count, text: text.to_owned(), end: self.end })
    }

    /// The bytes of the request.
    #[must_use]
    pub fn request(&self) -> Vec<u8> {
        let body = self.body.to_string();
        format!(
            "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.path,
            body.len()
        )
        .into_bytes()
    }
}
