//! `tracestate`: what other tracing systems want to be passed on (W3C Trace Context §3.3). We add nothing to it.

use bytestring::ByteString;

/// Members of one list; more make it invalid.
const MEMBERS: usize = 32;
/// Characters passed on: what W3C asks of everybody. Longer lists lose members, never parts of one.
const LONGEST: usize = 512;
/// Members longer than this go first when a list is too long.
const LARGE: usize = 128;
/// More than this is not even looked at: a request may carry 64 KiB of headers.
const READ: usize = 8 << 10;

/// The lists of several headers as one. `None` when nothing is left of them, or one member breaks the rules: then the
/// whole list cannot be believed.
pub fn join<'h>(headers: impl Iterator<Item = &'h [u8]>) -> Option<ByteString> {
    let mut members = Vec::new();
    let mut bytes = 0;
    for header in headers {
        bytes += header.len();
        let text = std::str::from_utf8(header).ok().filter(|_| bytes <= READ)?;
        members.extend(text.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|one| !one.is_empty()));
    }
    if members.len() > MEMBERS || !members.iter().all(|member| is_valid(member)) {
        return None;
    }
    shorten(&mut members);
    if members.is_empty() { None } else { Some(members.join(",").into()) }
}

/// Leaves out what does not fit: large members first, then from the end (§3.3.1.5).
fn shorten(members: &mut Vec<&str>) {
    let length = |members: &[&str]| members.iter().map(|member| member.len() + 1).sum::<usize>().saturating_sub(1);
    while length(members) > LONGEST {
        let large = members.iter().rposition(|member| member.len() > LARGE);
        members.remove(large.unwrap_or(members.len() - 1));
    }
}

fn is_valid(member: &str) -> bool {
    member.split_once('=').is_some_and(|(key, value)| is_key(key) && is_value(value))
}

/// `key` or `tenant@system`.
fn is_key(key: &str) -> bool {
    let part = |text: &str, longest: usize, digit_first: bool| {
        let first = text.bytes().next();
        text.len() <= longest
            && first.is_some_and(|byte| byte.is_ascii_lowercase() || (digit_first && byte.is_ascii_digit()))
            && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/'))
    };
    match key.split_once('@') {
        None => part(key, 256, true),
        Some((tenant, system)) => part(tenant, 241, true) && part(system, 14, false),
    }
}

fn is_value(value: &str) -> bool {
    (1..=256).contains(&value.len()) && value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'=')
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, join};

    fn of(headers: &[&str]) -> Option<String> {
        join(headers.iter().map(|header| header.as_bytes())).map(|text| text.to_string())
    }

    #[test]
    fn lists_are_joined_in_order_without_what_stands_between() {
        assert_eq!(of(&["a=1 , b@c=2", "", ",d=%3d x"]).as_deref(), Some("a=1,b@c=2,d=%3d x"));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[" , ,"]), None);
    }

    #[test]
    fn one_bad_member_makes_the_whole_list_worthless() {
        let many = vec!["a=1"; 33].join(",");
        for bad in ["a=1,b", "A=1", "a=1,=2", "a=", "a=x=y", "a=ä", "a@b@c=1", "a@1=2", many.as_str()] {
            assert_eq!(of(&[bad]), None, "{bad}");
        }
        assert!(of(&[&vec!["a=1"; 32].join(",")]).is_some());
    }

    #[test]
    fn at_least_512_characters_are_passed_on_and_members_stay_whole() {
        let member = |key: char, length: usize| format!("{key}={}", "x".repeat(length - 2));
        let exact = [member('a', 127), member('b', 128), member('c', 127), member('d', 127)].join(",");
        assert_eq!(exact.len(), LONGEST);
        assert_eq!(of(&[&exact]), Some(exact.clone()));
        let large = [member('a', 100), member('b', 250), member('c', 127), member('d', 127)].join(",");
        assert_eq!(of(&[&large]), Some([member('a', 100), member('c', 127), member('d', 127)].join(",")));
        let small: Vec<_> = ('a'..='f').map(|key| member(key, 100)).collect();
        assert_eq!(of(&[&small.join(",")]), Some(small[..5].join(",")));
        assert_eq!(of(&[&"a=1,".repeat(3000)]), None);
    }
}
