//! Reads `tests/vectors/*.json`, the tables that the Python tests read too.

use serde_json::Value;

use crate::feeding::Owned;

/// The items of a table, each with its name.
pub fn table(file: &str) -> Vec<(String, Value)> {
    let path = format!("{}/../../tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let Value::Array(items) = serde_json::from_str(&text).unwrap() else {
        panic!("{path} is not a list");
    };
    assert!(!items.is_empty(), "{path} is empty");
    items.into_iter().map(|item| (text_of(&item, "name").to_owned(), item)).collect()
}

pub fn text_of<'a>(item: &'a Value, key: &str) -> &'a str {
    item[key].as_str().unwrap_or_else(|| panic!("{key} is not text in {item}"))
}

/// The stream of an item: text, or base64 where it is not UTF-8.
pub fn stream_of(item: &Value) -> Vec<u8> {
    match item.get("stream_base64") {
        Some(encoded) => from_base64(encoded.as_str().unwrap()),
        None => text_of(item, "stream").as_bytes().to_vec(),
    }
}

pub fn events_of(item: &Value) -> Vec<Owned> {
    let events = item["events"].as_array().unwrap();
    let owned = |event: &Value| Owned {
        event: text_of(event, "event").to_owned(),
        data: text_of(event, "data").to_owned(),
        id: text_of(event, "id").to_owned(),
        retry_ms: event["retry_ms"].as_u64(),
    };
    events.iter().map(owned).collect()
}

fn from_base64(encoded: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for symbol in encoded.bytes().filter(|symbol| *symbol != b'=') {
        let digit = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => panic!("not base64: {encoded}"),
        };
        bits = (bits << 6 | u32::from(digit)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).unwrap());
        }
    }
    bytes
}
