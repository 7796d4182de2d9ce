//! `signalbox explain-code CODE`: what a stable code means and what to do about it.

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::{Printer, clean};
use crate::codes::Code;
use crate::config::compile::examples;
use serde_json::json;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The code, such as SB-1003 or 1003
    pub code: String,
}

/// Prints title and help of the code; an unknown code is bad data.
pub fn run(args: &Args, printer: &mut Printer) -> Result<(), Failure> {
    let Some(code) = Code::lookup(&args.code) else {
        let detail = format!("there is no code `{}`", clean(&args.code));
        return Err(Failure::other(Exit::BadData, "unknown code", detail).hint(nearest(&args.code)));
    };
    let example = examples::of(code);
    if printer.json_wanted() {
        let example = example.map(|example| json!({"wrong": example.wrong, "right": example.right}));
        let (code, title, help) = (code.to_string(), code.title(), code.help());
        return printer.document(&json!({"code": code, "title": title, "help": help, "example": example}));
    }
    let heading = format!("{code}: {}", code.title());
    printer.line(&printer.paint.bold(&heading))?;
    printer.line("")?;
    printer.block(&wrapped(code.help()))?;
    let Some(example) = example else { return Ok(()) };
    for (title, text) in [("Wrong:", example.wrong), ("Right:", example.right)] {
        printer.line(&format!("\n{}", printer.paint.bold(title)))?;
        text.lines().try_for_each(|line| printer.line(&format!("    {line}")))?;
    }
    Ok(())
}

/// The text in lines of at most 80 columns, broken between words.
fn wrapped(text: &str) -> String {
    const WIDTH: usize = 80;
    let mut lines = String::with_capacity(text.len() + text.len() / WIDTH + 1);
    let mut column = 0;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > WIDTH {
            lines.push('\n');
            column = 0;
        } else if column > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += width;
    }
    lines + "\n"
}

/// The code that is most like what was written.
fn nearest(written: &str) -> String {
    let written = written.trim().to_ascii_uppercase();
    let distance = |code: &Code| {
        let text = code.to_string();
        strsim::levenshtein(&written, &text).min(strsim::levenshtein(&written, &text[3..]))
    };
    match Code::ALL.iter().copied().min_by_key(distance) {
        Some(code) if distance(&code) <= 1 => format!("did you mean {code} ({})", code.title()),
        _ => "codes are written SB- and four digits; they stand in every problem the gateway reports".to_owned(),
    }
}
