//! Lists that are answered page by page: `{<member>: [...], next}`, and a `Link` to the next page.

use super::answer;
use super::query::Query;
use axum::response::Response;
use http::header::{HeaderValue, LINK};
use serde::Serialize;

/// A page ends when its items have this many bytes.
const LONGEST: usize = 8 << 20;

/// Items of a list as JSON, and where the list goes on.
#[derive(Debug, Default)]
pub struct Page {
    items: Vec<u8>,
    count: usize,
    /// What `after` takes for the rest; `None` at the end.
    pub next: Option<u64>,
}

impl Page {
    /// Appends an item: the members of `head`, then `event`.
    pub fn push(&mut self, head: &impl Serialize, event: &[u8]) {
        if self.count > 0 {
            self.items.push(b',');
        }
        answer::push_with_event(&mut self.items, head, event);
        self.count += 1;
    }

    /// Nothing more is added: there are as many items as were asked for, or they are as long as a page may be.
    pub fn is_full(&self, limit: usize) -> bool {
        self.count >= limit || self.items.len() >= LONGEST
    }

    /// Items that are still missing.
    pub fn missing(&self, limit: usize) -> usize {
        limit.saturating_sub(self.count)
    }

    /// 200 with the page; `member` is also the last part of the path.
    pub fn answer(&self, member: &str, query: &Query) -> Response {
        let mut response = answer::document(self.document(&member.replace('-', "_")));
        if let Some(next) = self.next
            && let Ok(link) = HeaderValue::try_from(query.link(&format!("/api/v1/{member}"), next))
        {
            response.headers_mut().insert(LINK, link);
        }
        response
    }

    /// `{"<member>":[…],"next":…}`.
    fn document(&self, member: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.items.len() + 64);
        out.extend_from_slice(format!("{{\"{member}\":[").as_bytes());
        out.extend_from_slice(&self.items);
        let next = self.next.map_or_else(|| "null".to_owned(), |next| next.to_string());
        out.extend_from_slice(format!("],\"next\":{next}}}").as_bytes());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, Page};

    #[test]
    fn a_page_is_one_document() {
        #[derive(serde::Serialize)]
        struct Head {
            position: u64,
        }
        let mut page = Page::default();
        assert_eq!(page.document("events"), br#"{"events":[],"next":null}"#);
        page.push(&Head { position: 2 }, b"{}");
        page.push(&Head { position: 1 }, b"{}");
        assert!(page.is_full(2) && !page.is_full(3) && page.missing(3) == 1);
        page.next = Some(1);
        let expected = br#"{"events":[{"position":2,"event":{}},{"position":1,"event":{}}],"next":1}"#;
        assert_eq!(page.document("events"), expected);
        page.push(&Head { position: 0 }, &vec![b' '; LONGEST]);
        assert!(page.is_full(1000), "large events fill a page");
    }
}
