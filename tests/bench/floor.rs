//! The floor of the benchmark: a bare axum handler that reads the body and answers 202. Prints its address.

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let app = Router::new().route("/", post(|_body: Bytes| async { StatusCode::ACCEPTED }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    #[expect(clippy::print_stdout, reason = "the benchmark reads the address from here")]
    {
        println!("http://{}", listener.local_addr()?);
    }
    axum::serve(listener, app).await
}
