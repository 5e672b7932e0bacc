//! The request: what the stream is to give.

use serde::Deserialize;

/// The scenario, as every server of the benchmark reads it from the request's body.
#[derive(Debug, Deserialize)]
pub struct Scenario {
    pub count: u64,
    pub text: String,
    #[serde(default)]
    pub interval_s: f64,
    #[serde(default)]
    pub busy_s: f64,
    #[serde(default)]
    pub stamp: bool,
}

/// The scenario of a request, `None` while it is not whole.
///
/// # Errors
///
/// The request is not one that this server reads.
pub fn read(request: &[u8]) -> Result<Option<Scenario>, String> {
    let Some(end) = memchr::memmem::find(request, b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|value| value.trim().parse::<usize>().ok())
        .ok_or("a request needs a content-length")?;
    let body = &request[end + 4..];
    if body.len() < length {
        return Ok(None);
    }
    serde_json::from_slice(&body[..length]).map(Some).map_err(|error| error.to_string())
}
