//! The bytes of a response to the bytes of its body: HTTP/1.1, chunked or up to the close.

use std::mem::take;

/// Longer heads are refused, so that a server that never ends its head is found.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Where in the response the next byte stands.
#[derive(Debug)]
enum Place {
    Head(Vec<u8>),
    /// In a chunk's size line; the digits so far.
    Size(u64),
    /// In what follows the size on its line.
    SizeRest(u64),
    Data(u64),
    /// In the line end after a chunk's data.
    DataEnd,
    /// In the trailer, and how many bytes its current line has.
    Trailer(usize),
    UntilClose,
    End,
}

/// Reads one response.
#[derive(Debug)]
pub struct Response {
    place: Place,
}

impl Default for Response {
    fn default() -> Self {
        Self { place: Place::Head(Vec::new()) }
    }
}

impl Response {
    /// Whether the head was read.
    #[must_use]
    pub fn has_head(&self) -> bool {
        !matches!(self.place, Place::Head(_))
    }

    /// Whether the body has ended as HTTP says.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.place, Place::End)
    }

    /// Takes the next bytes and calls `on_body` with each piece of the body.
    ///
    /// # Errors
    ///
    /// The response is not a stream with status 200, or `on_body` failed.
    pub fn feed(
        &mut self,
        mut bytes: &[u8],
        mut on_body: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        while let Some(&first) = bytes.first() {
            match &mut self.place {
                Place::Head(head) => {
                    let searched = head.len().saturating_sub(3);
                    head.extend_from_slice(bytes);
                    let Some(end) = memchr::memmem::find(&head[searched..], b"\r\n\r\n") else {
                        if head.len() > MAX_HEAD_BYTES {
                            return Err("the response's head does not end".to_owned());
                        }
                        return Ok(());
                    };
                    let end = searched + end + 4;
                    bytes = &bytes[bytes.len() - (head.len() - end)..];
                    let head = take(head);
                    self.place = read_head(&head[..end])?;
                    continue;
                }
                Place::Size(size) => match first {
                    b'\n' => self.place = after_size(*size),
                    byte => match char::from(byte).to_digit(16) {
                        Some(digit) if *size < 1 << 40 => *size = *size * 16 + u64::from(digit),
                        Some(_) => return Err("a chunk's size is absurd".to_owned()),
                        None => self.place = Place::SizeRest(*size),
                    },
                },
                Place::SizeRest(size) => {
                    if first == b'\n' {
                        self.place = after_size(*size);
                    }
                }
                Place::Data(left) => {
                    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    on_body(&bytes[..length])?;
                    *left -= length as u64;
                    if *left == 0 {
                        self.place = Place::DataEnd;
                    }
                    bytes = &bytes[length..];
                    continue;
                }
                Place::DataEnd => {
                    if first == b'\n' {
                        self.place = Place::Size(0);
                    } else if first != b'\r' {
                        return Err("a chunk is longer than its size says".to_owned());
                    }
                }
                Place::Trailer(length) => match (first, *length) {
                    (b'\n', 0) => self.place = Place::End,
                    (b'\n', _) => *length = 0,
                    (b'\r', _) => {}
                    _ => *length += 1,
                },
                Place::UntilClose => return on_body(bytes),
                Place::End => return Err("bytes after the end of the body".to_owned()),
            }
            bytes = &bytes[1..];
        }
        Ok(())
    }

    /// The server has closed the connection.
    ///
    /// # Errors
    ///
    /// It did so before the end of the body.
    pub fn close(&mut self) -> Result<(), String> {
        if matches!(self.place, Place::UntilClose) {
            self.place = Place::End;
        }
        if self.has_ended() { Ok(()) } else { Err("the connection was closed inside the body".to_owned()) }
    }
}

fn after_size(size: u64) -> Place {
    if size == 0 { Place::Trailer(0) } else { Place::Data(size) }
}

fn read_head(head: &[u8]) -> Result<Place, String> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(format!("status line {status:?}"));
    }
    let value = |name: &str| {
        lines
            .clone()
            .find_map(|line| line.split_once(':').filter(|(key, _)| *key == name))
            .map(|(_, v)| v.trim())
    };
    if !value("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")) {
        return Err("the content type is not text/event-stream".to_owned());
    }
    match value("transfer-encoding") {
        Some("chunked") => Ok(Place::Size(0)),
        None if value("content-length").is_none() => Ok(Place::UntilClose),
        _ => Err("the response is not a stream".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::Response;

    const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
        Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=1\r\n0123456789\r\n0\r\n\r\n";

    #[test]
    fn reads_the_body_however_it_is_cut() {
        for step in 1..RESPONSE.len() {
            let mut response = Response::default();
            let mut body = Vec::new();
            for piece in RESPONSE.chunks(step) {
                response
                    .feed(piece, |bytes| {
                        body.extend_from_slice(bytes);
                        Ok(())
                    })
                    .unwrap();
            }
            assert_eq!(body, b"hello0123456789");
            assert!(response.has_ended());
        }
    }

    #[test]
    fn refuses_what_is_not_a_stream() {
        for head in [
            "HTTP/1.1 500 Internal Server Error\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 3\r\n\r\n",
        ] {
            assert!(Response::default().feed(head.as_bytes(), |_| Ok(())).is_err());
        }
    }

    #[test]
    fn a_close_inside_the_body_is_an_error() {
        let mut response = Response::default();
        response.feed(&RESPONSE[..RESPONSE.len() - 3], |_| Ok(())).unwrap();
        assert!(response.close().is_err());
    }
}
