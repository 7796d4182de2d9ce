//! A document of the XML format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signalbox::cloudevents::Format;

fuzz_target!(|input: &[u8]| signalbox_fuzz::document(Format::Xml, input));
