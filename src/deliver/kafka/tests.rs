use super::config::{EXAMPLE, KafkaConfig, Place, Property};
use super::error::{self, Consequence};
use super::link::Link;
use super::properties;
use super::session::Failure;
use super::traffic::{Held, MOST, SILENCE, Traffic};
use super::watch::{Limiter, scrub};
use crate::codes::Code;
use crate::deliver::Outgoing;
use crate::deliver::error::Advice;
use crate::secret::Secret;
use crate::state::Reason;
use rdkafka::error::RDKafkaErrorCode as Kafka;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use std::time::{Duration, Instant};

fn config(brokers: &[&str], properties: &[(&str, &str)]) -> KafkaConfig {
    let property = |&(name, value): &(&str, &str)| (name.to_owned(), Property::Text(value.to_owned()));
    KafkaConfig {
        brokers: brokers.iter().map(|&text| text.to_owned()).collect(),
        properties: properties.iter().map(property).collect(),
    }
}

fn places(config: &KafkaConfig) -> Vec<Place> {
    config.faults().into_iter().map(|fault| fault.place).collect()
}

#[test]
fn brokers_are_hosts_and_ports() {
    let addresses = |text: &str| config(&[text], &[]).addresses();
    assert_eq!(addresses("localhost"), ["localhost:9092"]);
    assert_eq!(addresses("kafka-1.example:19092"), ["kafka-1.example:19092"]);
    assert_eq!(addresses("[::1]:7"), ["[::1]:7"]);
    for text in ["", "PLAINTEXT://host", "a,b", "host:99999", "host:port", "ann:canary@host", "host/canary", "a b"] {
        let faults = config(&["localhost", text], &[]).faults();
        assert_eq!(faults.len(), 1, "{text}: {faults:?}");
        assert_eq!(faults[0].place, Place::Broker(1));
        assert!(!format!("{faults:?}").contains("canary"), "{faults:?}");
    }
    assert_eq!(places(&config(&[], &[])), [Place::Brokers]);
}

#[test]
fn properties_that_would_weaken_the_promise_are_refused() {
    let refused = [
        "acks",
        "request.required.acks",
        "enable.idempotence",
        "retries",
        "message.send.max.retries",
        "max.in.flight",
        "max.in.flight.requests.per.connection",
        "message.timeout.ms",
        "delivery.timeout.ms",
        "partitioner",
        "bootstrap.servers",
        "metadata.broker.list",
        "delivery.report.only.error",
        "transactional.id",
        "allow.auto.create.topics",
        "plugin.library.paths",
        "test.mock.num.brokers",
    ];
    let all = config(&["a"], &refused.map(|name| (name, "1")));
    let mut expected = refused.map(|name| Place::Name(name.to_owned()));
    let mut found = places(&all);
    expected.sort_by_key(|place| format!("{place:?}"));
    found.sort_by_key(|place| format!("{place:?}"));
    assert_eq!(found, expected);
}

#[test]
fn unknown_properties_bad_values_and_contradictions_are_found_at_load() {
    let one = |name: &str, value: &str| config(&["a"], &[(name, value)]).faults();
    assert_eq!(one("lingerms", "1")[0].place, Place::Name("lingerms".to_owned()));
    for (name, value) in
        [("linger.ms", "canary"), ("message.max.bytes", "1"), ("compression.type", "canary"), ("linger.ms", "a\0")]
    {
        let faults = one(name, value);
        assert_eq!(faults.len(), 1, "{name}: {faults:?}");
        assert_eq!(faults[0].place, Place::Value(name.to_owned()));
        assert!(!faults[0].message.contains("canary") && faults[0].detail.is_some(), "{faults:?}");
    }
    let absent = config(&["a"], &[("security.protocol", "ssl"), ("ssl.ca.location", "/no/such/file.pem")]).faults();
    assert_eq!(absent.len(), 1, "{absent:?}");
    assert_eq!(absent[0].place, Place::Value("ssl.ca.location".to_owned()));
    assert!(absent[0].detail.as_deref().is_some_and(|detail| detail.contains("/no/such/file.pem")), "{absent:?}");
    let wrong = config(&["a"], &[("security.protocol", "ssl"), ("ssl.ca.location", "/dev/null")]).faults();
    assert!(wrong[0].detail.as_deref().is_some_and(|detail| detail.contains("ssl.ca.location")), "{wrong:?}");
    assert_eq!(wrong[0].place, Place::Properties);
    assert_eq!(places(&config(&["a"], &[("queuing.strategy", "lifo")])), [Place::Properties]);
    assert_eq!(places(&config(&["a"], &[("linger.ms", "100000")])), [Place::Properties]);
}

#[test]
fn the_example_of_the_reference_names_properties_there_are() {
    let lines = EXAMPLE.lines().skip_while(|line| !line.contains("properties:")).skip(1);
    let pairs: Vec<_> = lines.map(|line| line.trim().split_once(": ").expect("a property")).collect();
    assert!(pairs.len() > 5);
    let pairs: Vec<_> = pairs
        .into_iter()
        .map(|(name, value)| (name, value.split("  #").next().expect("a value").trim().trim_matches('"')))
        .collect();
    // Its files are not here.
    let (files, others): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(name, _)| name.ends_with(".location"));
    assert_eq!(config(&["a"], &others).faults(), []);
    let places = places(&config(&["a"], &files));
    assert_eq!(places.len(), files.len());
    assert!(files.iter().all(|(name, _)| places.contains(&Place::Value((*name).to_owned()))), "{places:?}");
}

#[test]
fn what_the_operator_writes_stands_before_our_defaults() {
    let client = |properties: &[(&str, &str)]| {
        properties::client("orders", &config(&["a", "b:1"], properties), Duration::from_secs(9))
    };
    let plain = client(&[]);
    for (name, value) in [
        ("bootstrap.servers", "a:9092,b:1"),
        ("acks", "all"),
        ("enable.idempotence", "true"),
        ("partitioner", "murmur2_random"),
        ("allow.auto.create.topics", "false"),
        ("message.timeout.ms", "9000"),
        ("client.id", "signalbox-orders"),
        ("linger.ms", "0"),
    ] {
        assert_eq!(plain.get(name), Some(value), "{name}");
    }
    let own = client(&[("queue.buffering.max.ms", "7"), ("client.id", "mine"), ("reconnect.backoff.ms", "5000")]);
    assert_eq!((own.get("queue.buffering.max.ms"), own.get("linger.ms")), (Some("7"), None));
    assert_eq!((own.get("client.id"), own.get("reconnect.backoff.max.ms")), (Some("mine"), None));
}

#[test]
fn debug_and_messages_show_no_secret_and_a_changed_one_is_another_fingerprint() {
    let with = |password: &str| config(&["a"], &[("sasl.password", password), ("sasl.username", "ann")]);
    assert!(!format!("{:?}", with("canary")).contains("canary"));
    assert!(!format!("{:?}", Property::Text("canary".to_owned())).contains("canary"));
    assert_eq!(with("canary").fingerprint(), with("canary").fingerprint());
    assert_ne!(with("canary").fingerprint(), with("canary2").fingerprint());
    let secrets = properties::secrets(&with("canary"));
    assert_eq!(secrets, [Secret::new("canary")]);
    assert_eq!(scrub("login `ann` with `canary` failed", &secrets), "login `ann` with `…` failed");
}

#[test]
fn one_line_of_a_kind_in_ten_seconds() {
    let (limiter, begin) = (Limiter::default(), Instant::now());
    let after = |seconds| begin + Duration::from_secs(seconds);
    assert_eq!(limiter.pass("FAIL", begin), Some(0));
    assert_eq!(limiter.pass("ERROR", begin), Some(0));
    for second in 1..10 {
        assert_eq!(limiter.pass("FAIL", after(second)), None);
    }
    assert_eq!(limiter.pass("FAIL", after(10)), Some(9));
    assert_eq!(limiter.pass("FAIL", after(20)), Some(0));
    let through = (0..1000).filter(|kind| limiter.pass(&format!("kind {kind}"), begin).is_some()).count();
    assert!(through <= 64, "{through}");
}

#[test]
fn a_silent_topic_gets_one_message_a_second_and_others_are_untouched() {
    let (traffic, begin) = (Traffic::default(), Instant::now());
    let after = |millis| begin + Duration::from_millis(millis);
    let silence = u64::try_from(SILENCE.as_millis()).expect("it is short");
    let _stuck = traffic.begin("stuck", begin).expect("nothing is known");
    let _second = traffic.begin("stuck", after(4000)).expect("it has time");
    assert!(!traffic.is_silent(after(silence - 1)));
    assert!(traffic.is_silent(after(silence)));
    let probe = traffic.begin("stuck", after(silence)).expect("the first one in a second");
    assert_eq!(traffic.begin("stuck", after(silence + 999)).err(), Some(Held::Silent));
    assert!(traffic.begin("stuck", after(silence + 1000)).is_ok());
    let other = traffic.begin("other", after(silence)).expect("another topic");
    other.answered(after(silence + 1));
    assert!(probe.others_answered() && !traffic.is_silent(after(silence + 2)));
    probe.answered(after(silence + 1100));
    assert!(traffic.begin("stuck", after(silence + 1101)).is_ok(), "it speaks again");
}

#[test]
fn a_topic_that_owes_much_leaves_room_for_others() {
    let (traffic, now) = (Traffic::default(), Instant::now());
    let mut flights: Vec<_> = (0..MOST).map(|_| traffic.begin("slow", now).expect("there is room")).collect();
    assert_eq!(traffic.begin("slow", now).err(), Some(Held::Full));
    assert!(traffic.begin("other", now).is_ok());
    flights.pop();
    assert!(traffic.begin("slow", now).is_ok());
    assert_eq!(error::full("slow").advice, Advice::Unreachable, "it waits and uses no attempts");
}

#[test]
fn a_topic_that_owes_nothing_is_forgotten() {
    let (traffic, begin) = (Traffic::default(), Instant::now());
    drop(traffic.begin("orders", begin).expect("nothing is known"));
    let later = begin + SILENCE * 2;
    assert!(!traffic.is_silent(later));
    let again = traffic.begin("orders", later).expect("it starts anew");
    assert!(!again.others_answered());
    assert!(!traffic.is_silent(later));
}

#[test]
fn failures_say_whose_fault_it_is_and_what_helps() {
    let sent = |code| {
        let (error, consequence) = error::of(Failure::Sent(code), "orders", false, None);
        (error.code, error.advice, consequence)
    };
    let later = Advice::Later(None);
    for (code, expected) in [
        (
            Kafka::MessageSizeTooLarge,
            (Code::TooLargeForDestination, Advice::Never(Reason::TooLarge), Consequence::None),
        ),
        (Kafka::UnknownTopicOrPartition, (Code::NoTopic, later, Consequence::ForgetTopic)),
        (Kafka::UnknownPartition, (Code::NoTopic, later, Consequence::ForgetTopic)),
        (Kafka::InvalidTopic, (Code::BadTarget, Advice::Never(Reason::Topic), Consequence::None)),
        (Kafka::InvalidRecord, (Code::RefusedByDestination, Advice::Never(Reason::Refused), Consequence::None)),
        (Kafka::TopicAuthorizationFailed, (Code::DestinationFailed, later, Consequence::ForgetTopic)),
        (Kafka::PolicyViolation, (Code::DestinationFailed, later, Consequence::None)),
        (Kafka::MessageTimedOut, (Code::NoAck, Advice::Unreachable, Consequence::None)),
        (Kafka::NotEnoughReplicas, (Code::NoAck, Advice::Unreachable, Consequence::None)),
        (Kafka::PurgeInflight, (Code::NoAck, Advice::Unreachable, Consequence::BreakOff)),
        (Kafka::Fatal, (Code::NoAck, Advice::Unreachable, Consequence::BreakOff)),
    ] {
        assert_eq!(sent(code), expected, "{code:?}");
    }
    let (full, _) = error::of(Failure::NotTaken(Kafka::QueueFull), "orders", true, None);
    assert_eq!((full.code, full.advice), (Code::Unreachable, Advice::Unreachable));
    let (stuck, _) = error::of(Failure::Sent(Kafka::MessageTimedOut), "orders", true, Some("it is slow"));
    assert_eq!((stuck.code, stuck.advice), (Code::NoAck, Advice::Later(None)), "others were answered meanwhile");
    assert!(stuck.detail.contains("it is slow"), "{}", stuck.detail);
}

#[tokio::test]
async fn after_a_fatal_error_the_producer_is_made_again_and_everything_is_delivered() {
    let cluster: MockCluster<'_, DefaultProducerContext> = MockCluster::new(1).expect("a mock cluster");
    cluster.create_topic("orders", 1, 1).expect("a new topic");
    let link = Link::new("orders", &config(&[&cluster.bootstrap_servers()], &[]), Duration::from_secs(30));
    let message = Outgoing {
        target: "orders".to_owned(),
        key: Some("k".to_owned()),
        headers: Vec::new(),
        body: None,
        message_id: String::new(),
        stored: None,
    };
    let deliver = async {
        assert!(link.publish(&message).await.is_ok());
        assert_eq!(link.session_number(), 1);
        let lost = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER];
        cluster.request_errors(RDKafkaApiKey::Produce, &lost);
        let mut failures = Vec::new();
        while let Err(error) = link.publish(&message).await {
            assert_eq!(error.advice, Advice::Unreachable, "{error}");
            failures.push(error.code);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(failures.contains(&Code::NoAck), "{failures:?}");
        assert_eq!(link.session_number(), 2);
    };
    tokio::select! {
        () = link.clone().keep() => unreachable!("it keeps for ever"),
        done = tokio::time::timeout(Duration::from_secs(30), deliver) => done.expect("in time"),
    }
}
