//! What stands in the topics of a broker.

use super::{ANSWER, KafkaServer};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};

/// A record as it stands in a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its key; `None` = null.
    pub key: Option<String>,
    /// Its value; `None` = null.
    pub value: Option<Vec<u8>>,
    /// Its headers in order.
    pub headers: Vec<(String, Option<String>)>,
}

impl Landed {
    /// The value of the only header of a name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        let value = found.next()?.1.as_deref();
        assert!(found.next().is_none(), "header `{name}` stands twice: {:?}", self.headers);
        value
    }
}

impl KafkaServer {
    /// Every record of a topic, partition by partition, oldest first.
    pub fn read(&self, topic: &str) -> Vec<Landed> {
        let consumer: BaseConsumer = self.client().create().expect("a client");
        let metadata = consumer.fetch_metadata(Some(topic), ANSWER).expect("an answer");
        let mut wanted = TopicPartitionList::new();
        let mut left = 0;
        for partition in metadata.topics()[0].partitions() {
            let (low, high) = watermarks(&consumer, topic, partition.id());
            wanted.add_partition_offset(topic, partition.id(), Offset::Beginning).expect("an offset");
            left += high - low;
        }
        consumer.assign(&wanted).expect("the partitions are there");
        let mut landed = Vec::new();
        let end = Instant::now() + ANSWER;
        while left > 0 {
            assert!(Instant::now() < end, "{left} records of `{topic}` cannot be read");
            let Some(record) = consumer.poll(Duration::from_millis(200)) else { continue };
            let record = record.expect("a record");
            left -= 1;
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
            let headers = record.headers().map_or_else(Vec::new, |headers| {
                headers.iter().map(|header| (header.key.to_owned(), header.value.map(text))).collect()
            });
            landed.push(Landed {
                partition: record.partition(),
                offset: record.offset(),
                key: record.key().map(text),
                value: record.payload().map(<[u8]>::to_vec),
                headers,
            });
        }
        landed.sort_by_key(|record| (record.partition, record.offset));
        landed
    }

    /// How many records a topic holds.
    pub fn count(&self, topic: &str) -> i64 {
        let consumer: BaseConsumer = self.client().create().expect("a client");
        let Ok(metadata) = consumer.fetch_metadata(Some(topic), ANSWER) else { return 0 };
        let count =
            |partition: i32| consumer.fetch_watermarks(topic, partition, ANSWER).map_or(0, |(low, high)| high - low);
        metadata.topics()[0].partitions().iter().map(|partition| count(partition.id())).sum()
    }

    /// The value of a header of every record of a topic, partition by partition, oldest first: `ce_id`.
    pub fn headers(&self, topic: &str, name: &str) -> Vec<String> {
        self.read(topic).iter().map(|record| record.header(name).expect(name).to_owned()).collect()
    }
}

/// The first offset of a partition and the one behind its last.
fn watermarks(consumer: &BaseConsumer, topic: &str, partition: i32) -> (i64, i64) {
    let end = Instant::now() + ANSWER;
    loop {
        match consumer.fetch_watermarks(topic, partition, ANSWER) {
            Ok(found) => return found,
            // For a moment after a broker was away the client does not know who leads the partition. Asking renews that.
            Err(_) if Instant::now() < end => drop(consumer.fetch_metadata(Some(topic), ANSWER)),
            Err(error) => panic!("partition {partition} of `{topic}` tells no offsets: {error}"),
        }
    }
}
