//! A decoder that is slow and plainly right: it sees the whole stream at once, as text, and
//! follows the specification sentence by sentence.

use wire::decode::MAX_RETRY_MS;

/// What the oracle finds: the events as (event, data, id, `retry_ms`), and the state at the end.
#[derive(Debug, Default)]
pub struct Found {
    pub events: Vec<(String, String, String, Option<u64>)>,
    pub last_event_id: String,
    pub retry_ms: Option<u64>,
}

pub fn decode(stream: &[u8]) -> Found {
    let text = String::from_utf8_lossy(stream).into_owned();
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<&str> = text.split('\n').collect();
    lines.pop(); // What follows the last line end is no line.

    let mut found = Found::default();
    let (mut data, mut event, mut id) = (String::new(), String::new(), String::new());
    let mut event_retry_ms = None;
    for line in lines {
        if line.is_empty() {
            found.last_event_id.clone_from(&id);
            if !data.is_empty() {
                data.pop(); // Always LF.
                let name = if event.is_empty() { "message" } else { &event };
                found.events.push((name.to_owned(), data.clone(), id.clone(), event_retry_ms));
            }
            data.clear();
            event.clear();
            event_retry_ms = None;
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                data.push_str(value);
                data.push('\n');
            }
            "event" => value.clone_into(&mut event),
            "id" if !value.contains('\0') => value.clone_into(&mut id),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                // Digits that overflow u64 are certainly over the largest.
                let retry_ms = value.parse().unwrap_or(u64::MAX).min(MAX_RETRY_MS);
                found.retry_ms = Some(retry_ms);
                event_retry_ms = Some(retry_ms);
            }
            _ => {}
        }
    }
    found
}
