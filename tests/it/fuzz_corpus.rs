//! The fuzz targets' properties (`tests/fuzz/lib.rs`) over the committed corpus, and over what is nearly the same.

use crate::fuzz;
use signalbox::cloudevents::Format;
use std::path::Path;

/// Bytes that are put in the place of each byte in turn.
const OTHERS: [u8; 5] = [0, 1, 0x7f, 0x80, 0xff];

/// Every file of a corpus, every beginning of it, and it with one other byte.
fn run(target: &str, property: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus is there") {
        let seed = std::fs::read(entry.expect("a file").path()).expect("a file");
        property(&seed);
        for at in 0..seed.len() {
            property(&seed[..at]);
            let mut other = seed.clone();
            for byte in OTHERS {
                other[at] = byte;
                property(&other);
            }
        }
        count += 1;
    }
    assert!(count >= 3, "{target}: {count} files");
}

#[test]
fn documents_are_events_or_refused() {
    for format in Format::ALL {
        run(format.name(), |document| fuzz::document(format, document));
    }
}

#[test]
fn requests_are_events_or_refused() {
    run("http_request", fuzz::request);
}

#[test]
fn header_values_are_texts_or_refused() {
    run("header_value", fuzz::header_value);
}

#[test]
fn payloads_become_documents_or_are_refused() {
    run("conversion_rules", fuzz::conversion_rules);
}
