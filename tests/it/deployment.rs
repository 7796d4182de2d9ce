//! What is shipped to run elsewhere: the image, the compose file and what it mounts. There is no Docker here, so that the very
//! files of the compose service are run with a Kafka and a NATS of the test's own.

use crate::story::tell;
use crate::support::gateway::Gateway;
use crate::support::kafka::KafkaServer;
use crate::support::nats::NatsServer;
use serde_json::{Value as Json, json};
use signalbox::cloudevents::reader::Bounds;
use signalbox::cloudevents::{Data, xml};
use signalbox::config::interpolate::Environment;
use signalbox::config::problem::{Problems, SourceText};
use signalbox::config::yaml;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tokio::process::Command;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A shipped YAML file; variables are left to their defaults.
fn read_yaml(name: &str) -> Json {
    let mut problems = Problems::default();
    let environment = Environment { variable: &|_| None, folder: &path(".") };
    let node = yaml::parse(&SourceText::new(name, read(name)), environment, &mut problems);
    assert!(!problems.has_errors(), "{:#?}", problems.into_sorted());
    node.unwrap().json()
}

fn services() -> BTreeMap<String, Json> {
    let compose = read_yaml("docker-compose.yml");
    let services = compose["services"].as_object().unwrap().iter();
    services.map(|(name, service)| (name.clone(), service.clone())).collect()
}

fn texts(list: &Json) -> Vec<&str> {
    list.as_array().map(|list| list.iter().map(|text| text.as_str().unwrap()).collect()).unwrap_or_default()
}

/// Source and target of each mount.
fn mounts(service: &Json) -> Vec<(&str, &str)> {
    let part = |mount: &'_ str| -> Vec<usize> { mount.match_indices(':').map(|(at, _)| at).collect() };
    let split = |mount| {
        let colons = part(mount);
        (&mount[..colons[0]], &mount[colons[0] + 1..colons.get(1).copied().unwrap_or(mount.len())])
    };
    texts(&service["volumes"]).into_iter().map(split).collect()
}

#[test]
fn the_compose_file_starts_what_the_readme_says_and_builds_only_the_gateway() {
    let services = services();
    for name in ["kafka", "nats", "jaeger", "prometheus", "grafana", "gateway"] {
        assert!(services.contains_key(name), "{name}");
        assert!(read("README.md").contains(name), "{name}");
    }
    for (name, service) in &services {
        assert_eq!(service.get("build").is_some(), name == "gateway", "{name}");
        if let Some(image) = service["image"].as_str() {
            let (_, tag) = image.rsplit_once(':').unwrap_or_else(|| panic!("{image} has no tag"));
            assert!(tag.starts_with(|c: char| c.is_ascii_digit() || c == 'v') && tag.contains('.'), "{image}");
        }
        for port in texts(&service["ports"]) {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port} is open to the network");
        }
        for (needed, how) in service["depends_on"].as_object().into_iter().flatten() {
            assert!(services.contains_key(needed), "{name}: {needed}");
            let healthy = how["condition"] == "service_healthy";
            assert!(!healthy || services[needed].get("healthcheck").is_some(), "{name}: {needed} has no healthcheck");
        }
    }
    assert!(services["kafka"]["image"].as_str().unwrap().starts_with("apache/kafka:"));
    let gateway = &services["gateway"];
    assert!(texts(&gateway["ports"]).contains(&"127.0.0.1:8081:8081"));
    assert_eq!(gateway["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"], "http://jaeger:4318");
    assert_eq!(gateway["read_only"], true);
}

#[test]
fn everything_the_compose_file_mounts_is_there_and_the_gateway_finds_it() {
    let compose = read_yaml("docker-compose.yml");
    for (name, service) in &services() {
        for (source, _) in mounts(service) {
            let there = match source.strip_prefix("./") {
                Some(file) => path(file).exists(),
                None => compose["volumes"].as_object().unwrap().contains_key(source),
            };
            assert!(there, "{name}: {source}");
        }
    }
    let gateway = &services()["gateway"];
    let from = |target: &Json| mounts(gateway).into_iter().find(|(_, known)| target == known).map(|(source, _)| source);
    let config = read_yaml("deploy/signalbox.yaml");
    assert_eq!(from(&gateway["environment"]["SIGNALBOX_CONFIG"]), Some("./deploy/signalbox.yaml"));
    assert_eq!(from(&config["routes_dir"]), Some("./routes/brokers"));
    assert_eq!(from(&config["schemas_dir"]), Some("./schemas"));
    assert_eq!(from(&config["data_dir"]), Some("gateway-data"));
    assert_eq!(config["admin"], json!({"address": "0.0.0.0:8081", "insecure": true}));
    // Brokers are where the routes look for them, and topics are made before the gateway needs them.
    let routes = read_yaml("routes/brokers/story.yaml");
    let environment = &gateway["environment"];
    assert_eq!(routes["destinations"][0]["kafka"]["brokers"], json!([environment["KAFKA_BROKER"]]));
    assert_eq!(routes["destinations"][1]["nats"]["servers"], json!([environment["NATS_URL"]]));
    let made = &services()["kafka-topics"]["command"];
    let entries = routes["routes"].as_array().unwrap().iter().flat_map(|route| route["deliver"].as_array().unwrap());
    let topics: Vec<&str> = entries.filter_map(|entry| entry["topic"].as_str()).collect();
    assert!(!topics.is_empty() && topics.iter().all(|topic| texts(made).contains(topic)), "{topics:?}");
}

#[test]
fn the_image_is_built_of_what_is_there_and_runs_as_nobody_in_particular() {
    let file = read("Dockerfile").replace("\\\n", " ");
    let lines = |word: &str| -> Vec<Vec<&str>> {
        let lines = file.lines().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
        lines.map(|rest| rest.split_whitespace().collect()).collect()
    };
    let ignored = read(".dockerignore");
    for copy in lines("COPY").iter().filter(|copy| !copy[0].starts_with("--from=")) {
        for source in &copy[..copy.len() - 1] {
            assert!(path(source).exists(), "{source}");
            assert!(ignored.lines().any(|line| line == format!("!{source}")), ".dockerignore leaves out {source}");
        }
    }
    for image in lines("FROM") {
        let tag = image[0].rsplit_once(':').expect("a tag").1;
        assert!(tag.starts_with(|c: char| c.is_ascii_digit()) && tag.contains('.'), "{image:?}");
    }
    let users = lines("USER");
    let (user, group) = users.last().expect("a user")[0].split_once(':').expect("user and group");
    assert!([user, group].iter().all(|id| id.parse::<u32>().expect("a number") > 0), "{user}:{group}");
    let health = lines("HEALTHCHECK").concat().join(" ");
    assert!(health.ends_with(r#"CMD ["signalbox", "health"]"#), "{health}");
    assert_eq!(lines("STOPSIGNAL"), [["SIGTERM"]]);
    let builds = lines("RUN").into_iter().map(|run| run.join(" ")).filter(|run| run.contains("cargo build"));
    let builds: Vec<String> = builds.collect();
    assert!(builds.iter().all(|run| run.contains("--locked --release --features vendored-openssl")), "{builds:?}");
}

#[test]
fn the_dashboard_shows_metrics_there_are() {
    let described = read("src/observability/metrics.rs");
    let dashboard: Json = serde_json::from_str(&read("deploy/grafana/dashboards/signalbox.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let queries: Vec<&str> = panels
        .flat_map(|panel| panel["targets"].as_array().unwrap())
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    assert!(queries.len() > 5);
    for query in queries {
        let begins = query.find("signalbox_").expect("a metric");
        let name = query[begins..].split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap();
        let name = name.strip_suffix("_bucket").unwrap_or(name);
        assert!(described.contains(&format!("!(\"{name}\"")), "{query}");
    }
    let targets = &read_yaml("deploy/prometheus.yml")["scrape_configs"][0]["static_configs"][0]["targets"];
    assert_eq!(targets, &json!(["gateway:8081"]));
}

/// The gateway of the compose file, with the brokers where this test has them.
async fn gateway(kafka: &KafkaServer, nats: &NatsServer) -> Gateway {
    let (routes, schemas) = (path("routes/brokers").display().to_string(), path("schemas").display().to_string());
    let folders = ["--routes-dir", &routes, "--schemas-dir", &schemas, "--data-dir", "data"];
    let arguments = [&["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"][..], &folders].concat();
    let environment = [("KAFKA_BROKER", &*kafka.address()), ("NATS_URL", &*nats.url())];
    Gateway::start_with(&[("signalbox.yaml", &read("deploy/signalbox.yaml"))], &arguments, &environment).await
}

#[tokio::test]
async fn the_story_is_told_over_kafka_and_nats_and_the_analysis_gets_xml() {
    let (kafka, nats) = (KafkaServer::start(), NatsServer::start());
    kafka.create_topic("orders", 3, &[]).await;
    let gateway = gateway(&kafka, &nats).await;
    let told = tell(&gateway, "2").await;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.status.success(), "{text}\n{}", String::from_utf8_lossy(&told.stderr));
    assert!(text.contains("2 registered; orders: 2 reserved, 0 short; 2 welcome mails"), "{text}");
    gateway.settled().await;
    assert_eq!(gateway.get("/api/v1/dead-letters").await["dead_letters"], json!([]));

    let orders = kafka.read("orders");
    assert_eq!(orders.len(), 2);
    let ada = orders.iter().find(|order| order.key.as_deref() == Some("ada-1")).expect("an order of ada-1");
    assert_eq!((ada.header("ce_type"), ada.header("ce_warehouse")), (Some("com.example.order.created"), Some("eu-1")));
    assert_eq!(ada.header("ce_campaign"), None);
    let value = String::from_utf8(ada.value.clone().expect("a value")).unwrap();
    assert!(value.contains(r#""user": "ada-1""#) && value.ends_with(r#""total": 79.80}"#), "{value}");

    let messages = nats.messages("STORY").await;
    let on = |subject: &str| messages.iter().filter(|message| message.subject.as_str() == subject).collect::<Vec<_>>();
    for (subject, count) in [
        ("story.behaviour-analysis", 2),
        ("story.welcome-mail", 2),
        ("story.order-desk", 2),
        ("story.mail-outbox", 2),
        ("story.audit.com.example.user.registered", 2),
        ("story.audit.com.example.order.created", 2),
        ("story.audit.com.example.mail.requested", 0),
    ] {
        assert_eq!(on(subject).len(), count, "{subject}");
    }
    let analysed = on("story.behaviour-analysis")[0];
    assert_eq!(analysed.headers.get("Content-Type").expect("a type").as_str(), "application/cloudevents+xml");
    let event = xml::read(analysed.payload.clone(), &Bounds::default()).expect("an event in XML");
    assert_eq!((&*event.ty, event.attribute("subject")), ("com.example.user.registered", Some("ada-1")));
    let registration = r#"<registration xmlns="urn:example:story" user="ada-1"><email>ada-1@example.com</email>"#;
    let Data::Xml(document) = &event.data else { panic!("its data is no XML: {:?}", event.data) };
    assert!(String::from_utf8_lossy(document).starts_with(registration), "{document:?}");
}

#[tokio::test]
async fn the_health_check_of_the_image_tells_a_living_gateway_from_a_dead_one() {
    let mut gateway = Gateway::start(&[]).await;
    let admin = gateway.admin("/");
    let ask = |more: &'static [&'static str]| {
        let asked = Command::new(env!("CARGO_BIN_EXE_signalbox"))
            .args(["health", "--admin-url", &admin])
            .args(more)
            .env("SIGNALBOX_LISTEN", "0.0.0.0:8080")
            .output();
        async { asked.await.expect("it runs") }
    };
    for (more, said) in [
        (&[][..], "ok\n"),
        (&["--ready"], "ready\n"),
        (&["--output", "json"], "{\"healthy\":true,\"detail\":\"ok\"}\n"),
    ] {
        let output = ask(more).await;
        assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stdout)), (Some(0), said), "{more:?}");
    }
    gateway.kill().await;
    let output = ask(&[]).await;
    assert_eq!((output.status.code(), output.stdout.len()), (Some(69), 0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is the gateway running?"));
}
