//! Tests of all files, for `signalbox test`; a gateway that serves only sees that they can be read.

use super::{File, names};
use crate::codes::Code;
use crate::config::problem::Problems;
use crate::config::test_file::{Expect, Given, Test, Wanted};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A test with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// What was written.
    pub test: Test,
    /// Its event as JSON, with numbers as they were written.
    pub event: String,
    /// Its file, relative to the working folder, with `/`.
    pub file: String,
    /// The line of its name.
    pub line: u32,
}

/// Collects the tests of all files, in order.
pub(in crate::config) fn compile(files: &[File<'_>], problems: &mut Problems) -> Vec<Declared> {
    let mut tests = Vec::new();
    for file in files {
        // A name is that of a file beside its route file, and unique there.
        let mut seen = names::Seen::default();
        for part in file.part.get("tests").map_or(&[][..], |list| list.items()) {
            let Some(name) = names::read(file, part.get("name"), "test", problems) else { continue };
            let unique = seen.add(file, name, "test", problems);
            if !unique || !part.is_good() {
                continue;
            }
            let Some(mut test) = part.read::<Test>(file.source, problems) else { continue };
            if let Expect::Deliveries(wanted) = &mut test.expect {
                for (wanted, part) in wanted.iter_mut().zip(part.at_pointer("/expect").items()) {
                    if let Some(data) = part.get("data") {
                        data.node().json_text(&mut wanted.data_json);
                    }
                    check(file, wanted, part, problems);
                }
            }
            let mut event = String::new();
            part.at_pointer("/event").node().json_text(&mut event);
            tests.push(Declared { test, event, file: file.source.file.clone(), line: name.1.line });
        }
    }
    tests
}

fn check(file: &File<'_>, wanted: &Wanted, part: &crate::config::part::Part<'_>, problems: &mut Problems) {
    let targets = ["topic", "subject", "url", "stream"];
    let written: Vec<_> = targets.into_iter().filter_map(|key| part.key_range(key)).collect();
    if let [_, second, ..] = written.as_slice() {
        let hint = Some("one of `topic`, `subject`, `url`, `stream`, as the kind of its destination has it".to_owned());
        let message = "a delivery has one target";
        problems.error_with_hint(file.source, *second, Code::BadTest, message, hint);
    }
    if let (Some(bytes), Some(place)) = (&wanted.data_base64, part.get("data_base64"))
        && STANDARD.decode(bytes).is_err()
    {
        problems.error(file.source, place.range(), Code::BadTest, "`data_base64` is no Base64");
    }
    if wanted.data != Given::LeftOut
        && let (Some(_), Some(place)) = (&wanted.data_base64, part.key_range("data_base64"))
    {
        problems.error(
            file.source,
            place,
            Code::BadTest,
            "`data` and `data_base64` say the same thing, not both are written",
        );
    }
}
