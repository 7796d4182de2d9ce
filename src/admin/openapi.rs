//! `/openapi.json`: the description of this API, kept by hand beside this file.

use super::answer;
use axum::response::Response;

/// The document.
pub const DOCUMENT: &str = include_str!("openapi.json");

/// Serves it.
pub async fn document() -> Response {
    answer::document(DOCUMENT.as_bytes().to_vec())
}
