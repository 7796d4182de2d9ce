//! `Prefer` (RFC 7240), as far as it is for us: `handling=lenient` asks for a verdict on each element of a batch.

use crate::cloudevents::media_type::unquote;
use http::header::{HeaderMap, HeaderName};

/// The header.
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// Does the caller ask for lenient handling? A preference counts where it stands first; what is not understood is
/// ignored, as all preferences may be.
pub fn is_lenient(headers: &HeaderMap) -> bool {
    let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    let mut handling = values.flat_map(|value| split(value, ',')).filter_map(|preference| {
        // Parameters follow a `;`.
        let preference = split(preference, ';').next()?;
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        name.trim().eq_ignore_ascii_case("handling").then_some(value.trim())
    });
    let Some(first) = handling.next() else { return false };
    unquote(first).unwrap_or(first.into()).eq_ignore_ascii_case("lenient")
}

/// The parts of a list, whose quoted strings may hold the separator.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c: char| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => return c == separator && !quoted,
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::is_lenient;
    use http::header::HeaderMap;

    fn lenient(values: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("prefer", value.parse().unwrap());
        }
        is_lenient(&headers)
    }

    #[test]
    fn the_preference_is_found_wherever_it_stands() {
        for values in [
            &["handling=lenient"][..],
            &["Handling=Lenient"],
            &["handling = \"lenient\""],
            &["respond-async, wait=10 , handling=lenient;why=\"a,b;c\""],
            &["respond-async", "handling=lenient"],
            &["a=\"x, \\\" y\", handling=lenient"],
            &["handling=lenient, handling=strict"],
            &[",, handling=lenient ,"],
        ] {
            assert!(lenient(values), "{values:?}");
        }
    }

    #[test]
    fn nothing_else_is_taken_for_it() {
        for values in [
            &[][..],
            &[""],
            &["handling"],
            &["handling=strict"],
            &["handling=strict, handling=lenient"],
            &["handling=strict", "handling=lenient"],
            &["a=\"b, handling=lenient\""],
            &["a; handling=lenient"],
            &["a=\"\\\", handling=lenient"],
            &["xhandling=lenient", "handling=lenient2", "handling=\"lenient"],
        ] {
            assert!(!lenient(values), "{values:?}");
        }
    }
}
