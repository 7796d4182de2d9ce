//! `ack: destinations` with an HTTP destination: its answer is the sender's.

use super::{STATELESS, event, post};
use crate::support::gateway::Gateway;
use crate::support::receiver::{Answer, Receiver};
use serde_json::{Value, json};

/// One route to the receiver and to nowhere.
fn routes(url: &str) -> String {
    format!(
        r#"
destinations: [{{name: crm, http: {{url: "{url}"}}}}, {{name: nowhere, discard: {{}}}}]
routes:
  - name: all
    retry: {{initial: 10ms, max: 50ms}}
    deliver: [{{destination: crm}}, {{destination: nowhere}}]
"#
    )
}

async fn gateway(receiver: &Receiver) -> Gateway {
    Gateway::start(&[("signalbox.yaml", STATELESS), ("routes/all.yaml", &routes(&receiver.url("/in")))]).await
}

#[tokio::test]
async fn a_202_says_that_the_receiver_has_taken_it() {
    let answers: &[Answer] = &[(204, &[]), (503, &[]), (500, &[]), (200, &[])];
    let receiver = Receiver::start(answers).await;
    let gateway = gateway(&receiver).await;
    assert_eq!(post(&gateway, &event("1", "t")).await.0, 202);
    assert_eq!(receiver.received().len(), 1, "it was there before the answer");
    assert_eq!(post(&gateway, &event("2", "t")).await.0, 202);
    let ids: Vec<_> = receiver.received().iter().map(|one| one.header("ce-id").expect("an id").to_owned()).collect();
    assert_eq!(ids, ["1", "2", "2", "2"], "it was tried again within the time");
    let (status, duplicate, ..) = post(&gateway, &event("2", "t")).await;
    assert_eq!((status, duplicate.as_deref(), receiver.received().len()), (202, Some("true"), 4));
}

#[tokio::test]
async fn what_will_never_be_taken_is_told_at_once_and_what_may_be_when_the_time_is_over() {
    for (status, code) in
        [(301, "SB-3006"), (400, "SB-3006"), (410, "SB-3006"), (413, "SB-3005"), (503, "SB-3013"), (429, "SB-3013")]
    {
        let answers = vec![(status, &[][..]); 1000];
        let receiver = Receiver::start(&answers).await;
        let gateway = gateway(&receiver).await;
        let (answered, _, retry_after, problem) = post(&gateway, &event("1", "t")).await;
        assert_eq!((answered, &problem["code"], retry_after), (502, &json!("SB-1040"), None), "{problem}");
        assert_eq!(problem["delivered"], json!([{"route": "all", "name": "nowhere", "destination": "nowhere"}]));
        let errors = problem["errors"].as_array().expect("a list");
        let told = errors.iter().map(|one| (&one["name"], one["detail"].as_str().expect("text"))).collect::<Vec<_>>();
        assert!(
            matches!(&told[..], [(name, detail)] if *name == "crm" && detail.contains(code)),
            "{status}: {problem}"
        );
        let tries = receiver.received().len();
        assert_eq!(tries > 1, code == "SB-3013", "{status}: {tries}");
        // Its id is not known: the sender may try again.
        assert_eq!(post(&gateway, &event("1", "t")).await.1, None);
    }
}

#[tokio::test]
async fn a_receiver_that_is_away_is_a_503_and_nothing_was_handed_over() {
    let away = Receiver::start(&[]).await;
    let url = away.url("/in");
    drop(away);
    // Nowhere would take it at once, and then something was handed over.
    let routes = routes(&url).replace(", {destination: nowhere}", "");
    let gateway = Gateway::start(&[("signalbox.yaml", STATELESS), ("routes/all.yaml", &routes)]).await;
    for body in [event("1", "t"), json!([event("2", "t"), event("3", "t")])] {
        let (status, _, retry_after, problem) = post(&gateway, &body).await;
        assert_eq!((status, &problem["code"]), (503, &json!("SB-1041")), "{problem}");
        assert!(retry_after.is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
    }
}

#[tokio::test]
async fn a_lenient_batch_tells_which_event_the_receiver_did_not_take() {
    // One after the other, because all have the same key.
    let receiver = Receiver::start(&[(200, &[]), (400, &[]), (200, &[])]).await;
    let gateway = gateway(&receiver).await;
    let keyed = |id: &str| {
        let mut event = event(id, "t");
        event["partitionkey"] = "k".into();
        event
    };
    let batch = json!([keyed("1"), {"id": "bad"}, keyed("2"), keyed("3")]);
    let request = gateway.http().post(gateway.ingress("/")).header("prefer", "handling=lenient");
    let request = request.header("content-type", "application/cloudevents-batch+json").body(batch.to_string());
    let answer = request.send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.headers().contains_key("signalbox-position")), (202, false));
    let verdicts: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
    let statuses: Vec<_> =
        verdicts.as_array().expect("a list").iter().map(|one| one["problem"]["status"].as_u64()).collect();
    assert_eq!(statuses, [None, Some(400), Some(502), None], "{verdicts}");
    assert!((0..4).all(|index| verdicts[index]["index"] == index && verdicts[index].get("position").is_none()));
}

#[tokio::test]
async fn a_lenient_batch_of_which_nothing_was_taken_is_a_502_that_names_every_element() {
    let receiver = Receiver::start(&[(400, &[])]).await;
    let gateway = gateway(&receiver).await;
    let batch = json!([{"specversion": "1.0", "id": "bad", "source": "/s"}, event("1", "t"), 7]);
    let request = gateway.http().post(gateway.ingress("/")).header("prefer", "handling=lenient");
    let request = request.header("content-type", "application/cloudevents-batch+json").body(batch.to_string());
    let answer = request.send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.headers().contains_key("preference-applied")), (502, false));
    let problem: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
    let errors = problem["errors"].as_array().expect("a list");
    let told: Vec<_> = errors.iter().map(|one| (one["index"].as_u64(), one["pointer"].as_str())).collect();
    assert_eq!(told, [(Some(0), Some("/0/type")), (Some(2), Some("/2")), (Some(1), Some("/1"))], "{problem}");
    assert_eq!((&problem["code"], &errors[2]["name"]), (&json!("SB-1040"), &json!("crm")), "{problem}");
}
