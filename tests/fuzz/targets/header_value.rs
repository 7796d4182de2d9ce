//! The coding of attributes in headers.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| signalbox_fuzz::header_value(input));
