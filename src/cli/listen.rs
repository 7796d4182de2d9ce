//! `signalbox listen`: a stand-in receiver. It prints the events it gets and answers what it is told.

use crate::cli::event_view::EventView;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::{Format as OutputFormat, Printer, clean, message};
use crate::cloudevents::media_type::MediaType;
use crate::cloudevents::{Event, Format};
use crate::codes::Code;
use crate::decode::body::Encoding;
use crate::decode::{self, Decoded, Limits, Refusal};
use crate::encode::{self, Dialect, Mode};
use crate::units::Span;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const LARGEST_BODY: usize = 64 << 20;
/// A receiver for trying things out takes every event that fits.
const LIMITS: Limits = Limits { event_bytes: LARGEST_BODY, body_bytes: LARGEST_BODY, ..Limits::UNLIMITED };
/// Idle connections of a sender do not keep the command alive after its last event.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Port; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,
    /// Address to listen on
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub address: std::net::IpAddr,
    /// Answer this status to every request [default: 202, and 400 to what is no event]
    #[arg(long, value_name = "CODE", value_parser = clap::value_parser!(u16).range(200..=599))]
    pub status: Option<u16>,
    /// Wait this long before each answer
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub delay: Option<Span>,
    /// End after this many events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
}

/// What the requests share.
struct Receiver {
    status: Option<StatusCode>,
    delay: Duration,
    desk: Mutex<Desk>,
    done: CancellationToken,
}

/// Where events are printed, one after the other.
struct Desk {
    printer: Printer,
    format: OutputFormat,
    left: Option<u64>,
    failure: Option<Failure>,
}

/// Receives until `--count`, the end of stdout, or a signal.
pub async fn run(args: Args, printer: &mut Printer) -> Result<(), Failure> {
    let listener = TcpListener::bind((args.address, args.port)).await.map_err(|error| {
        let detail =
            format!("`{}`: {}", std::net::SocketAddr::new(args.address, args.port), error.to_string().to_lowercase());
        Failure::coded(Exit::Unavailable, Code::AddressInUse, detail).hint("--port 0 takes a free one")
    })?;
    let address =
        listener.local_addr().map_err(|error| Failure::other(Exit::Failed, "no address", error.to_string()))?;
    announce(address, printer.format);
    let format = printer.format;
    let desk = Desk { printer: Printer::stdout(format), format, left: args.count, failure: None };
    let receiver = Arc::new(Receiver {
        status: args.status.and_then(|status| StatusCode::from_u16(status).ok()),
        delay: args.delay.map(|delay| delay.0).unwrap_or_default(),
        desk: Mutex::new(desk),
        done: CancellationToken::new(),
    });
    let done = receiver.done.clone();
    let router = Router::new().fallback(receive).with_state(Arc::clone(&receiver));
    let server = axum::serve(listener, router).with_graceful_shutdown(done.clone().cancelled_owned());
    let overtime = async {
        done.cancelled().await;
        tokio::time::sleep(LAST_ANSWERS).await;
    };
    // Both are dropped with the process; neither leaves work half done that another future needs.
    tokio::select! {
        ended = server => ended.map_err(|error| Failure::other(Exit::Failed, "cannot receive", error.to_string()))?,
        () = overtime => {}
    }
    let failure = receiver.desk.lock().unwrap_or_else(PoisonError::into_inner).failure.take();
    failure.map_or(Ok(()), Err)
}

fn announce(address: std::net::SocketAddr, format: OutputFormat) {
    let url = format!("http://{address}");
    match format {
        OutputFormat::Text => message(&format!("listening on {url}")),
        OutputFormat::Json => message(&serde_json::json!({"ready": true, "url": url}).to_string()),
    }
}

async fn receive(State(receiver): State<Arc<Receiver>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let verdict = match head.method {
        Method::OPTIONS => return handshake(&head.headers),
        Method::POST => read(&head.headers, body).await,
        method => Err(format!("{method} {}", head.uri.path())),
    };
    tokio::time::sleep(receiver.delay).await;
    let honest = if verdict.is_ok() { StatusCode::ACCEPTED } else { StatusCode::BAD_REQUEST };
    let status = receiver.status.unwrap_or(honest);
    let mut desk = receiver.desk.lock().unwrap_or_else(PoisonError::into_inner);
    match verdict {
        Ok(events) => desk.print(&events),
        Err(why) => message(&format!("not an event: {}; answered {}", clean(&why), status.as_u16())),
    }
    if desk.failure.is_some() || desk.left == Some(0) {
        receiver.done.cancel();
    }
    answer(status)
}

/// The events of a request as JSON documents, with the mode they came in.
async fn read(headers: &HeaderMap, body: Body) -> Result<Vec<(&'static str, Bytes)>, String> {
    let body = Limited::new(body, LARGEST_BODY).collect().await.map_err(|error| error.to_string())?.to_bytes();
    let pairs: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let pairs = pairs.iter().copied();
    let decoded = Encoding::of(pairs.clone())
        .and_then(|encoding| encoding.decompress(body, LARGEST_BODY))
        .and_then(|body| decode::decode(pairs, body, &LIMITS))
        .map_err(|refusal| readable(&refusal))?;
    match decoded {
        Decoded::Single(event) => Ok(vec![(mode(headers), json(&event)?)]),
        Decoded::Batch(events) => events.iter().map(|event| Ok(("batch", json(event)?))).collect(),
    }
}

/// The mode of a request that holds one event.
fn mode(headers: &HeaderMap) -> &'static str {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(MediaType::parse);
    if media_type.is_some_and(|media_type| media_type.event_media().is_some()) { "structured" } else { "binary" }
}

fn json(event: &Event) -> Result<Bytes, String> {
    let message =
        encode::encode(event, Mode::Structured, Format::Json, Dialect::Http).map_err(|error| error.to_string())?;
    Ok(message.body.unwrap_or_default())
}

fn readable(refusal: &Refusal) -> String {
    let violations: Vec<String> = refusal
        .violations
        .iter()
        .map(|(_, violation)| format!("{}: {}", violation.pointer, violation.detail))
        .collect();
    if violations.is_empty() {
        refusal.detail.clone()
    } else {
        format!("{} ({})", refusal.detail, violations.join("; "))
    }
}

impl Desk {
    fn print(&mut self, events: &[(&'static str, Bytes)]) {
        for (mode, document) in events {
            if self.left == Some(0) || self.failure.is_some() {
                return;
            }
            self.failure = self.print_one(mode, document).err();
            self.left = self.left.map(|left| left - 1);
        }
    }

    fn print_one(&mut self, mode: &str, document: &[u8]) -> Result<(), Failure> {
        let text = String::from_utf8_lossy(document);
        if self.format == OutputFormat::Json {
            return self.printer.line(&text);
        }
        let view = EventView::parse(&text)
            .map_err(|error| Failure::other(Exit::Failed, "the event cannot be shown", error.to_string()))?;
        let mut block = format!("{}\n", self.printer.paint.bold(mode));
        for (name, value) in view.attributes() {
            writeln!(block, "  {name}: {value}").ok();
        }
        if let Some(data) = view.data(usize::MAX) {
            writeln!(block, "  data: {data}").ok();
        }
        self.printer.block(&block)
    }
}

/// Grants the CloudEvents webhook handshake to everyone: this is a stand-in, not a service.
fn handshake(headers: &HeaderMap) -> Response<Body> {
    let mut response = answer(StatusCode::OK);
    let granted = response.headers_mut();
    granted.insert(header::ALLOW, header::HeaderValue::from_static("POST"));
    if let Some(origin) = headers.get("webhook-request-origin") {
        granted.insert("webhook-allowed-origin", origin.clone());
        granted.insert("webhook-allowed-rate", header::HeaderValue::from_static("*"));
    }
    response
}

fn answer(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn span(text: &str) -> Result<Span, String> {
    Span::try_from(text.to_owned())
}
