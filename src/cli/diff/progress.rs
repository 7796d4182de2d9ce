//! A progress bar on stderr, where that is a terminal; nothing anywhere else.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};

/// How far the command has got.
pub struct Progress(ProgressBar);

impl Progress {
    /// Nothing is shown before the first [`Progress::of`].
    pub fn start() -> Progress {
        let target =
            if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Progress(ProgressBar::with_draw_target(None, target))
    }

    /// A new piece of work begins; `length` is `None` where nobody knows it.
    pub fn of(&self, what: &'static str, length: Option<u64>) {
        let template = match length {
            Some(_) => "{msg} [{wide_bar}] {percent}%, {eta} left",
            None => "{spinner} {msg}: {pos} events",
        };
        // Both templates are good; another look would not be worth a failure.
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.set_style(style.progress_chars("=> "));
        }
        self.0.reset();
        match length {
            Some(length) => self.0.set_length(length),
            None => self.0.unset_length(),
        }
        self.0.set_message(what);
    }

    /// So much of it is done.
    pub fn at(&self, done: u64) {
        self.0.set_position(done);
    }

    /// Everything is done: the line is taken away.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // A failure is told on a line of its own.
        self.end();
    }
}
