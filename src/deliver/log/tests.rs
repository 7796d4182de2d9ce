use super::{LogDestination, StoredEvent};
use crate::cloudevents::{Attributes, Data, Event};
use crate::deliver::error::Advice;
use crate::deliver::{Destination, Outgoing};
use crate::lane_name::LaneName;
use crate::log::AppendError;
use crate::log::record::Record;
use crate::observability::trace::Ids;
use crate::state::Reason;
use crate::units::Micros;
use futures::FutureExt;
use std::sync::{Arc, Mutex};

fn outgoing() -> Outgoing {
    let lane = Arc::new(LaneName { route: "r".into(), name: "log".into(), destination: "log".into(), stream: None });
    let event = Event {
        id: "1".into(),
        source: "/s".into(),
        ty: "t".into(),
        attributes: Attributes::default(),
        data: Data::Absent,
    };
    let record = Arc::new(Record {
        received: Micros(1),
        listener: "public".into(),
        producer: None,
        schema: None,
        snapshot: "v".into(),
        process: Ids::seeded(1).root(),
        tracestate: None,
        decision: Arc::from([lane.clone()]),
        event,
    });
    Outgoing {
        target: "orders".to_owned(),
        key: None,
        headers: Vec::new(),
        body: None,
        message_id: "0".repeat(32),
        stored: Some(StoredEvent { position: 7, lane, record }),
    }
}

/// Positions and streams.
type Stored = Arc<Mutex<Vec<(u64, String)>>>;

fn answering(answer: Result<u64, AppendError>) -> (LogDestination, Stored) {
    let stored = Arc::new(Mutex::new(Vec::new()));
    let seen = stored.clone();
    let store = move |event: StoredEvent, stream: String| {
        seen.lock().unwrap().push((event.position, stream));
        std::future::ready(answer.clone()).boxed()
    };
    (LogDestination { store: Arc::new(store) }, stored)
}

#[tokio::test]
async fn the_changed_event_is_stored_in_its_stream() {
    let (destination, stored) = answering(Ok(7));
    let receipt = destination.deliver(outgoing()).await.unwrap();
    assert_eq!(receipt.as_deref(), Some("stream=orders position=7"));
    assert_eq!(*stored.lock().unwrap(), [(7, "orders".to_owned())]);
}

#[tokio::test]
async fn a_log_that_takes_nothing_makes_the_lane_wait() {
    let full = AppendError::Full { holder: "a/b".to_owned() };
    for error in [AppendError::Overloaded, full, AppendError::Closed] {
        let failure = answering(Err(error)).0.deliver(outgoing()).await.unwrap_err();
        assert_eq!(failure.advice, Advice::Unreachable, "{failure}");
    }
    let nothing = Outgoing { stored: None, ..outgoing() };
    let failure = answering(Ok(7)).0.deliver(nothing).await.unwrap_err();
    assert_eq!(failure.advice, Advice::Never(Reason::Conversion));
}
