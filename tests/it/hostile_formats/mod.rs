//! Payload attacks on a running gateway (reliability.md §2.4 J): an honest answer, memory that grows by no more than ten
//! times the request, and no more than ten times the CPU time of a good request of the same size.

pub mod attacks;

use crate::support::gateway::{Gateway, PLAIN};
use attacks::Attack;
use std::time::Duration;

pub const LIMITS: &str = "limits: {event_bytes: 2MiB}\n";
/// Requests of each kind.
const TIMES: u32 = 2;
/// `body_bytes`, as it is by default.
const BODY: u64 = 4 << 20;
/// What any request may cost: buffers of connections, heaps of threads that have not worked before, in whole pages.
pub const NOISE: u64 = 2 << 20;
/// The clock of the scheduler counts other work of the gateway as well.
const CPU_NOISE: Duration = Duration::from_millis(5);

/// What a process has used so far.
struct Used {
    /// Bytes in memory now, or the most there were.
    memory: u64,
    cpu: Duration,
}

fn used(pid: u32, line: &str) -> Used {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let kilobytes = status.lines().find_map(|text| text.strip_prefix(line)).expect("the line is there");
    let kilobytes: u64 = kilobytes.trim().trim_end_matches(" kB").parse().expect("a number");
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    let nanos = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Used { memory: kilobytes * 1024, cpu: Duration::from_nanos(nanos.sum()) }
}

/// What requests cost: the most memory above what was used before, over all of them, which come one at a time; and the CPU
/// time of each.
async fn cost(gateway: &Gateway, attack: &Attack) -> (u64, Duration) {
    let pid = gateway.pid();
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("the peak can be reset");
    let before = used(pid, "VmRSS:");
    for _ in 0..TIMES {
        let request = gateway.http().post(gateway.ingress("/")).header("content-type", attack.media_type);
        let request = attack.headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        let answer = request.body(attack.body.clone()).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let told = answer.text().await.expect("a body");
        let told = told.get(..300).unwrap_or(&told);
        assert!(attack.answers.contains(&status), "{}: {status} {told}", attack.name);
    }
    let after = used(pid, "VmHWM:");
    (after.memory.saturating_sub(before.memory), after.cpu.saturating_sub(before.cpu) / TIMES)
}

async fn all_are_cheap(attacks: Vec<Attack>) {
    let config = format!("{PLAIN}{LIMITS}");
    let gateway = Gateway::start(&[("signalbox.yaml", &config)]).await;
    let good = attacks::good(attacks[0].media_type);
    are_cheap(&gateway, &good, &attacks, NOISE).await;
}

/// Does each request cost what it may beside a good one? `noise`: bytes that belong to none.
pub async fn are_cheap(gateway: &Gateway, good: &Attack, attacks: &[Attack], noise: u64) {
    // Pages and threads of the first requests belong to no attack.
    for _ in 0..3 {
        cost(gateway, good).await;
    }
    let (_, cpu) = cost(gateway, good).await;
    for attack in attacks {
        let (memory, time) = cost(gateway, attack).await;
        let name = format!("{}: {}", attack.media_type, attack.name);
        let allowed = 10 * attack.bytes() + noise;
        assert!(memory <= allowed, "{name}: {memory} bytes more for a request of {}", attack.bytes());
        assert!(time <= cpu * 10 + CPU_NOISE, "{name}: {time:?}, a good request {cpu:?}");
    }
}

#[tokio::test]
async fn attacks_on_json_are_cheap() {
    all_are_cheap(attacks::on_json()).await;
}

#[tokio::test]
async fn attacks_on_xml_are_cheap() {
    all_are_cheap(attacks::on_xml()).await;
}

#[tokio::test]
async fn attacks_on_protobuf_are_cheap() {
    all_are_cheap(attacks::on_protobuf()).await;
}

#[tokio::test]
async fn attacks_on_avro_are_cheap() {
    all_are_cheap(attacks::on_avro()).await;
}

#[tokio::test]
async fn attacks_on_headers_are_cheap() {
    all_are_cheap(attacks::on_headers()).await;
}

#[tokio::test]
async fn attacks_on_content_codings_are_cheap() {
    all_are_cheap(attacks::on_codings()).await;
}

/// A whole batch of attributes is in memory at once, several times over: received, read, and on its way into the log.
#[tokio::test]
async fn attributes_take_little_more_than_their_texts() {
    for attack in attacks::of_tiny_attributes() {
        let gateway = Gateway::start(&[("signalbox.yaml", &format!("{PLAIN}{LIMITS}"))]).await;
        // Heaps of the threads that read and write so much for the first time belong to no attack.
        let good = attacks::good_batch(attack.bytes());
        for _ in 0..3 {
            cost(&gateway, &good).await;
        }
        let (memory, _) = cost(&gateway, &attack).await;
        let allowed = 10 * attack.bytes() + NOISE;
        assert!(memory <= allowed, "{}: {memory} bytes more for {}", attack.name, attack.bytes());
    }
}

/// What a zstd stream looks back at is in memory: as much as a body may be, and no more.
#[tokio::test]
async fn a_zstd_bomb_costs_no_more_than_the_largest_body() {
    let config = format!("{PLAIN}{LIMITS}");
    let gateway = Gateway::start(&[("signalbox.yaml", &config)]).await;
    for _ in 0..3 {
        cost(&gateway, &attacks::good(attacks::JSON)).await;
    }
    let attack = Attack {
        name: "a bomb",
        media_type: attacks::JSON,
        headers: vec![("content-encoding", "zstd".to_owned())],
        body: zstd::encode_all(&vec![0; 200 << 20][..], 19).expect("zstd"),
        answers: &[413],
    };
    let (memory, _) = cost(&gateway, &attack).await;
    assert!(memory <= 10 * attack.bytes() + NOISE + BODY, "{memory} bytes more for {}", attack.bytes());
}
