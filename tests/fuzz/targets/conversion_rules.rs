//! Rules and a payload.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| signalbox_fuzz::conversion_rules(input));
