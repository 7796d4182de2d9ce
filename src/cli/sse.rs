//! Server-sent events, read as the WHATWG HTML standard describes the stream, with a cap on what one may hold.

use std::collections::VecDeque;

/// One event of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The last `id:` seen, this one's or an earlier one's.
    pub id: Option<String>,
    /// `event:`; `message` where there is none.
    pub event: String,
    /// The `data:` lines joined with line feeds.
    pub data: String,
}

/// The stream holds a line or an event larger than the cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stream holds an event larger than {0} bytes")]
pub struct TooLarge(pub usize);

/// Reads a stream piece by piece, wherever the pieces were cut.
#[derive(Debug)]
pub struct Parser {
    limit: usize,
    line: Vec<u8>,
    after_carriage_return: bool,
    first_line: bool,
    id: Option<String>,
    event: String,
    data: Option<String>,
}

impl Parser {
    /// A parser that refuses an event of more than `limit` bytes.
    pub fn new(limit: usize) -> Parser {
        Parser {
            limit,
            line: Vec::new(),
            after_carriage_return: false,
            first_line: true,
            id: None,
            event: String::new(),
            data: None,
        }
    }

    /// Reads a piece; whole events are appended to `messages`.
    pub fn push(&mut self, mut piece: &[u8], messages: &mut VecDeque<Message>) -> Result<(), TooLarge> {
        while !piece.is_empty() {
            if std::mem::take(&mut self.after_carriage_return) && piece[0] == b'\n' {
                piece = &piece[1..];
                continue;
            }
            let Some(end) = memchr::memchr2(b'\n', b'\r', piece) else {
                return self.keep(piece);
            };
            self.keep(&piece[..end])?;
            self.after_carriage_return = piece[end] == b'\r';
            piece = &piece[end + 1..];
            self.finish_line(messages)?;
        }
        Ok(())
    }

    fn keep(&mut self, part: &[u8]) -> Result<(), TooLarge> {
        if self.line.len() + part.len() > self.limit {
            return Err(TooLarge(self.limit));
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    fn finish_line(&mut self, messages: &mut VecDeque<Message>) -> Result<(), TooLarge> {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let text: &str = if std::mem::take(&mut self.first_line) { text.trim_start_matches('\u{feff}') } else { &text };
        if text.is_empty() {
            self.finish_message(messages);
            return Ok(());
        }
        let (field, value) = text.split_once(':').unwrap_or((text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => self.add_data(value)?,
            "event" => value.clone_into(&mut self.event),
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            // A comment (an empty field name), `retry` and unknown fields change nothing here.
            _ => {}
        }
        Ok(())
    }

    fn add_data(&mut self, value: &str) -> Result<(), TooLarge> {
        match &mut self.data {
            None => self.data = Some(value.to_owned()),
            Some(data) if data.len() + value.len() >= self.limit => return Err(TooLarge(self.limit)),
            Some(data) => {
                data.push('\n');
                data.push_str(value);
            }
        }
        Ok(())
    }

    /// A blank line ends an event; one without data is none.
    fn finish_message(&mut self, messages: &mut VecDeque<Message>) {
        let event = std::mem::take(&mut self.event);
        if let Some(data) = self.data.take() {
            let event = if event.is_empty() { "message".to_owned() } else { event };
            messages.push_back(Message { id: self.id.clone(), event, data });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Message, Parser, TooLarge};
    use std::collections::VecDeque;

    fn read(pieces: &[&[u8]]) -> Vec<Message> {
        let mut parser = Parser::new(1024);
        let mut messages = VecDeque::new();
        for piece in pieces {
            parser.push(piece, &mut messages).unwrap();
        }
        messages.into()
    }

    fn message(id: Option<&str>, event: &str, data: &str) -> Message {
        Message { id: id.map(str::to_owned), event: event.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn events_are_found_wherever_the_stream_was_cut() {
        let stream =
            b"\xef\xbb\xbf: hello\nid: 7\nevent: event\ndata: {\"a\":1}\n\nid:8\r\ndata:x\r\ndata\rdata: y\r\r\n\n";
        let expected = vec![message(Some("7"), "event", "{\"a\":1}"), message(Some("8"), "message", "x\n\ny")];
        assert_eq!(read(&[stream]), expected);
        for cut in 1..stream.len() {
            assert_eq!(read(&[&stream[..cut], &stream[cut..]]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn an_id_stays_and_an_event_needs_data_and_a_blank_line() {
        assert_eq!(
            read(&[b"id: 7\n\nevent: lost\n\ndata: a\n\nid: a\0b\ndata: b\n\ndata: unfinished\n"]),
            vec![message(Some("7"), "message", "a"), message(Some("7"), "message", "b")]
        );
    }

    #[test]
    fn an_endless_line_or_event_is_refused() {
        let mut messages = VecDeque::new();
        let mut parser = Parser::new(16);
        assert_eq!(parser.push(&[b'x'; 10], &mut messages), Ok(()));
        assert_eq!(parser.push(&[b'x'; 10], &mut messages), Err(TooLarge(16)));
        let mut parser = Parser::new(16);
        assert_eq!(parser.push(b"data: 12345678\ndata: 12345678\n", &mut messages), Err(TooLarge(16)));
        assert!(messages.is_empty());
    }
}
