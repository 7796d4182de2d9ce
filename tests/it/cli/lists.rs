//! `events` and `dead-letters list`.

use super::{Gateway, answer, problem, signalbox};

const EVENT: &str = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","subject":"x\u001by","n":1.50}"#;

fn summary(position: u64) -> String {
    format!(
        r#"{{"position":{position},"received":"2026-01-01T00:00:00Z","listener":"public","producer":null,"status":"delivered","event":{EVENT}}}"#
    )
}

#[tokio::test]
async fn events_are_listed_in_aligned_columns() {
    let list = format!(r#"{{"events":[{},{}],"next":null}}"#, summary(12345), summary(7));
    let gateway = Gateway::play(move |_, _| answer(200, &[], list.clone())).await;
    let listed = signalbox(&["events", "--admin-url", &gateway.url, "--type", "a b", "--status", "dead"]).await;
    assert_eq!((listed.code, listed.stderr.as_str()), (0, ""));
    let expected = "\
POSITION  RECEIVED              STATUS     TYPE  SOURCE  ID  SUBJECT
12345     2026-01-01T00:00:00Z  delivered  t     /s      1   x\\u{1b}y
7         2026-01-01T00:00:00Z  delivered  t     /s      1   x\\u{1b}y
";
    assert_eq!(listed.stdout, expected);
    assert_eq!(gateway.seen()[0].line, "GET /api/v1/events?type=a+b&status=dead&limit=100");
}

#[tokio::test]
async fn every_page_is_fetched_and_numbers_stay_as_they_are() {
    let gateway = Gateway::play(|request, _| {
        let (position, next) = if request.line.contains("after=7") { (6, "null") } else { (7, "7") };
        answer(200, &[], format!(r#"{{"events":[{}],"next":{next}}}"#, summary(position)))
    })
    .await;
    let all = signalbox(&["events", "--all", "--since", "24h", "--admin-url", &gateway.url, "--output", "json"]).await;
    assert_eq!(all.code, 0);
    assert_eq!(all.stdout, format!("{{\"events\":[{},{}],\"next\":null}}\n", summary(7), summary(6)));
    assert!(gateway.seen()[1].line.contains("limit=1000&after=7"), "{}", gateway.seen()[1].line);
    assert!(gateway.seen()[0].line.contains("since=2"), "{}", gateway.seen()[0].line);
    let one = signalbox(&["events", "--limit", "1", "--admin-url", &gateway.url]).await;
    assert_eq!(one.stdout.lines().count(), 2);
    assert!(one.stderr.contains("there are more"), "{}", one.stderr);
}

#[tokio::test]
async fn one_event_is_shown_whole() {
    let gateway = Gateway::play(|request, _| {
        if request.line != "GET /api/v1/events/17" {
            return problem(404, "SB-1015");
        }
        let detail = format!(
            r#"{{"position":17,"received":"2026-01-01T00:00:00Z","listener":"public","producer":"shop",
                "status":"pending","event":{EVENT},"verdict":{{"schema":null,"valid":null}},
                "routes":[{{"route":"orders","matched":true,"reason":null}}],
                "deliveries":[{{"route":"orders","name":"n","destination":"edge","target":"orders.eu","key":null,
                  "status":"retrying","next_attempt":"2026-01-01T00:00:09Z","receipt":null,"attempts":[{{"number":1,
                  "started":"2026-01-01T00:00:01Z","ended":"2026-01-01T00:00:02Z","outcome":"retry",
                  "code":"SB-3010","detail":"refused"}}]}}]}}"#
        );
        answer(200, &[], detail)
    })
    .await;
    let shown = signalbox(&["events", "17", "--admin-url", &gateway.url]).await;
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    for line in ["position  17", "  orders  matched", "  orders/n to edge: retrying", "    target        orders.eu"] {
        assert!(shown.stdout.lines().any(|shown| shown == line), "{line} in\n{}", shown.stdout);
    }
    assert!(shown.stdout.contains("retry  SB-3010  refused"), "{}", shown.stdout);
    let json = signalbox(&["events", "17", "--admin-url", &gateway.url, "--output", "json"]).await;
    assert!(json.stdout.contains("\"n\":1.50"), "{}", json.stdout);
    assert_eq!(json.json()["deliveries"][0]["status"], "retrying");
    let missing = signalbox(&["events", "18", "--admin-url", &gateway.url]).await;
    assert_eq!((missing.code, missing.stdout.as_str()), (65, ""));
    assert!(missing.stderr.starts_with("error[SB-1015]: refused"), "{}", missing.stderr);
}

#[tokio::test]
async fn dead_letters_are_listed() {
    let list = format!(
        r#"{{"dead_letters":[{{"position":7,"route":"orders","name":"n","destination":"edge","reason":"template",
            "detail":"no `region`","at":"2026-01-01T00:00:00Z","attempts":3,"event":{EVENT}}}],"next":null}}"#
    );
    let gateway = Gateway::play(move |_, _| answer(200, &[], list.clone())).await;
    let listed = signalbox(&["dead-letters", "list", "--route", "orders", "--admin-url", &gateway.url]).await;
    assert_eq!(listed.code, 0);
    let row: Vec<&str> = listed.stdout.lines().nth(1).unwrap().split("  ").filter(|cell| !cell.is_empty()).collect();
    let cells: Vec<&str> = row.iter().map(|cell| cell.trim()).collect();
    assert_eq!(cells, ["7", "orders/n", "edge", "template", "3", "2026-01-01T00:00:00Z", "t", "no `region`"]);
    assert_eq!(gateway.seen()[0].line, "GET /api/v1/dead-letters?route=orders&limit=100");
}

#[tokio::test]
async fn what_answers_may_be_something_else() {
    let page = Gateway::play(|_, _| answer(200, &[], "<html>hello</html>")).await;
    for arguments in [&["events"][..], &["events", "7"], &["dead-letters", "list"], &["tail"]] {
        let ended = signalbox(&[arguments, &["--admin-url", &page.url]].concat()).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (69, ""), "{arguments:?}");
        assert!(ended.stderr.contains("no admin listener of Signalbox"), "{}", ended.stderr);
    }
    let ill = Gateway::play(|_, _| problem(503, "SB-1032")).await;
    assert_eq!(signalbox(&["events", "--admin-url", &ill.url]).await.code, 69);
}
