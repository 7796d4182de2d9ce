//! A request of any mode.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| signalbox_fuzz::request(input));
