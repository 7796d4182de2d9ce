//! Long computations on the side of the async threads, so that one client's documents do not hold up the others.

use crate::cloudevents::media_type::MediaType;
use tokio::runtime::{Handle, RuntimeFlavor};

/// Larger bodies are parsed and validated off the async threads.
const INLINE_BYTES: usize = 64 * 1024;
/// The same for XML, which takes longer to parse.
const INLINE_XML_BYTES: usize = 4 * 1024;

/// Is a body of this size parsed off the async threads?
pub fn is_long(bytes: usize, content_type: Option<&[u8]>) -> bool {
    if bytes <= INLINE_XML_BYTES {
        return false;
    }
    let media_type = content_type.and_then(|value| str::from_utf8(value).ok()).and_then(MediaType::parse);
    let event_media = media_type.and_then(|media_type| media_type.event_media());
    let is_xml = event_media.is_some_and(|media| media.format.eq_ignore_ascii_case("xml"));
    bytes > if is_xml { INLINE_XML_BYTES } else { INLINE_BYTES }
}

/// Are data of this size, which may have to be parsed as XML to be written, written off the async threads?
pub fn is_long_as_xml(bytes: usize) -> bool {
    bytes > INLINE_XML_BYTES
}

/// Runs `work`, off the async threads where it is long.
pub fn run<T>(is_long: bool, work: impl FnOnce() -> T) -> T {
    let can_move = || Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    if is_long && can_move() { tokio::task::block_in_place(work) } else { work() }
}

#[cfg(test)]
mod tests {
    use super::is_long;

    #[test]
    fn xml_is_long_sooner() {
        let xml = Some(&b"Application/CloudEvents-Batch+XML; charset=utf-8"[..]);
        let json = Some(&b"application/cloudevents+json"[..]);
        assert!(is_long(5_000, xml) && !is_long(5_000, json) && !is_long(1_000, xml));
        assert!(is_long(70_000, json) && is_long(70_000, None));
        assert!(!is_long(5_000, Some(b"text/xml")) && !is_long(5_000, Some(b"\xff")));
    }
}
