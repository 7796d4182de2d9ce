//! `signalbox explain-code CODE`: what a stable code means and what to do about it.

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::{Printer, clean};
use crate::codes::Code;
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
    if printer.json_wanted() {
        return printer.document(&json!({"code": code.to_string(), "title": code.title(), "help": code.help()}));
    }
    let heading = format!("{code}: {}", code.title());
    printer.line(&printer.paint.bold(&heading))?;
    printer.line("")?;
    printer.line(code.help())
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
