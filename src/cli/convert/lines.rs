//! NDJSON as it comes: one line in memory, however many there are.

use super::Item;
use super::read::{self, Reading};
use crate::cli::failure::Failure;
use crate::cli::send::input::{LARGEST_INPUT, bad_file, invalid};
use crate::codes::Code;
use bytes::Bytes;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The events of a file, line by line.
pub struct Lines {
    file: PathBuf,
    reading: Reading,
    source: BufReader<Box<dyn Read>>,
    /// Of a line that holds an array.
    waiting: VecDeque<Item>,
    /// Lines that held something.
    count: usize,
    ended: bool,
}

impl Lines {
    /// Opens a file, or stdin for `-`.
    pub fn open(file: &Path, reading: Reading) -> Result<Lines, Failure> {
        let source: Box<dyn Read> = if file == Path::new("-") {
            Box::new(io::stdin())
        } else {
            let opened = File::open(file);
            Box::new(opened.map_err(|error| bad_file(file, &error.to_string().to_lowercase(), Code::MissingFile))?)
        };
        let source = BufReader::new(source);
        Ok(Lines { file: file.to_owned(), reading, source, waiting: VecDeque::new(), count: 0, ended: false })
    }

    /// The next line that holds something, with its place among them.
    fn line(&mut self) -> Result<Option<(usize, Bytes)>, Failure> {
        loop {
            let mut line = Vec::new();
            let read = (&mut self.source).take(LARGEST_INPUT + 1).read_until(b'\n', &mut line);
            match read {
                Ok(0) if self.count == 0 => return Err(bad_file(&self.file, "it holds no event", Code::NotAnEvent)),
                Ok(0) => return Ok(None),
                Ok(_) if line.len() as u64 > LARGEST_INPUT => {
                    return Err(bad_file(&self.file, "a line is larger than 256 MiB", Code::BodyTooLarge));
                }
                Ok(_) => {}
                Err(error) => return Err(bad_file(&self.file, &error.to_string().to_lowercase(), Code::MissingFile)),
            }
            let line = Bytes::from(line);
            let content = line.slice_ref(line.trim_ascii());
            if !content.is_empty() {
                self.count += 1;
                return Ok(Some((self.count - 1, content)));
            }
        }
    }

    fn advance(&mut self) -> Result<Option<Item>, Failure> {
        while self.waiting.is_empty() {
            let Some((index, content)) = self.line()? else { return Ok(None) };
            let read = read::document(&content, self.reading).map_err(|refusal| invalid(&refusal, Some(index)))?;
            self.waiting = read.items.into();
        }
        Ok(self.waiting.pop_front())
    }
}

impl Iterator for Lines {
    type Item = Result<Item, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.advance().map_err(|failure| failure.hint(hint(self.count))).transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

/// What became of the lines before.
fn hint(count: usize) -> &'static str {
    if count > 1 { "only what stands before it was converted" } else { "nothing was converted" }
}
