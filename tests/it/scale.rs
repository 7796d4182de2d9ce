//! Ten thousand routes: loaded soon, shown soon, silent ones cost nothing (design.md §8, reliability.md F10).

use super::support::gateway::Gateway;
use super::support::wait_for;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

const COUNT: usize = 10_000;

/// Routes that differ by type, prefix, suffix, any of them, or the source beside a type all share.
fn routes() -> String {
    let mut text = String::from("destinations: [{name: nowhere, discard: {}}]\nroutes:\n");
    for number in 0..COUNT {
        let filter = match number % 5 {
            0 => format!("{{exact: {{type: com.example.t{number}}}}}"),
            1 => format!("{{prefix: {{type: com.example.t{number}.}}}}"),
            2 => format!("{{suffix: {{source: /s{number}}}}}"),
            3 => format!("{{any: [{{exact: {{subject: s{number}}}}}, {{prefix: {{source: /p{number}/}}}}]}}"),
            _ => format!("{{exact: {{type: com.example.all}}}}, {{prefix: {{source: /q{number}/}}}}"),
        };
        writeln!(text, "  - {{name: r{number}, filters: [{filter}], deliver: [{{destination: nowhere}}]}}").unwrap();
    }
    text
}

fn event(id: &str, ty: &str, source: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": source, "type": ty})
}

#[tokio::test]
async fn ten_thousand_routes_are_loaded_and_silent_ones_cost_nothing() {
    let started = Instant::now();
    let gateway = Gateway::start(&[("routes/many.yaml", &routes())]).await;
    let took = started.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}, in a build without optimisation");
    let cases = [
        ("com.example.t5000", "/x", "r5000"),
        ("com.example.t5001.new", "/x", "r5001"),
        ("com.example.x", "/a/s5002", "r5002"),
        ("com.example.x", "/p5003/1", "r5003"),
        ("com.example.all", "/q5004/1", "r5004"),
    ];
    for (number, (ty, source, route)) in cases.iter().enumerate() {
        let position = gateway.accept(&event(&number.to_string(), ty, source)).await;
        let told = gateway.get(&format!("/api/v1/events/{position}")).await;
        let taken: Vec<&Value> =
            told["deliveries"].as_array().expect("a list").iter().map(|one| &one["route"]).collect();
        assert_eq!(taken, [*route], "{ty} {source}");
        assert_eq!(told["routes"].as_array().expect("a list").len(), COUNT);
    }
    let asked = Instant::now();
    let told = gateway.get("/api/v1/routes").await;
    assert_eq!(told["routes"].as_array().expect("a list").len(), COUNT);
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    let page = wait_for("the deliveries in the metrics", Duration::from_secs(10), async || {
        let answer = gateway.http().get(gateway.admin("/metrics")).send().await.expect("an answer");
        let page = answer.text().await.expect("a text");
        let series = page.lines().filter(|line| line.contains("outcome=\"delivered\"")).count();
        (series == cases.len()).then_some(page)
    })
    .await;
    let of_routes = page.lines().filter(|line| line.contains("route=\"")).count();
    assert!(of_routes <= cases.len() * 8, "{of_routes} series for {} lanes that ran", cases.len());
}
