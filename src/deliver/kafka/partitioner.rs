//! Which partition a key goes to: what `partitioner=murmur2_random` of librdkafka and the default of the Java client do
//! (specs.md §8), for `explain`; messages are placed by librdkafka itself.

const SEED: u32 = 0x9747_b28c;
const MULTIPLIER: u32 = 0x5bd1_e995;

/// The partition of a key, among `count` of them.
pub fn partition(key: &[u8], count: u32) -> i32 {
    let place = (murmur2(key) & 0x7fff_ffff) % count.max(1);
    // Both sides are below 2^31.
    i32::try_from(place).unwrap_or_default()
}

/// `MurmurHash2`, 32 bits, as Kafka's clients compute it.
fn murmur2(key: &[u8]) -> u32 {
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    let mut hash = SEED ^ length;
    let (words, rest) = key.as_chunks::<4>();
    for word in words {
        let mut word = u32::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        word ^= word >> 24;
        hash = hash.wrapping_mul(MULTIPLIER) ^ word.wrapping_mul(MULTIPLIER);
    }
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, byte| tail << 8 | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(MULTIPLIER);
    }
    hash = (hash ^ hash >> 13).wrapping_mul(MULTIPLIER);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::{murmur2, partition};

    #[test]
    fn hashes_are_those_of_the_java_client() {
        let cases: [(&str, i32); 7] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
            ("", 275_646_681),
        ];
        for (key, hash) in cases {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
    }

    #[test]
    fn a_key_has_one_partition_of_those_there_are() {
        assert_eq!(partition(b"21", 1), 0);
        assert!((0..12).contains(&partition(b"foobar", 12)));
        assert_eq!(partition(b"foobar", 12), partition(b"foobar", 12));
    }
}
