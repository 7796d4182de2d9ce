//! What a zstd stream says of its size before anything is decompressed (RFC 8878 §3.1): frames and blocks are walked by
//! their headers alone.

/// The frames of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frames {
    /// Bytes they decompress to, or more.
    pub least: u64,
    /// Each of them declares its size: `least` is all of it, or the stream is broken.
    pub exact: bool,
    /// Bytes the decoder has to look back at.
    pub window: u64,
}

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Behind the first byte, whose lower half may be anything.
const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];
const RAW: usize = 0;
const RLE: usize = 1;

impl Frames {
    /// Walks a stream; `None` where it is broken in a way that can be seen.
    pub fn of(body: &[u8]) -> Option<Frames> {
        let mut left = body;
        let mut frames = Frames { least: 0, exact: true, window: 0 };
        while !left.is_empty() {
            let magic = take(&mut left, 4)?;
            if magic == MAGIC {
                frames.frame(&mut left)?;
            } else if magic[0] >> 4 == 5 && magic[1..] == SKIPPABLE {
                let length = number(take(&mut left, 4)?);
                take(&mut left, usize::try_from(length).ok()?)?;
            } else {
                return None;
            }
        }
        Some(frames)
    }

    fn frame(&mut self, left: &mut &[u8]) -> Option<()> {
        let descriptor = take(left, 1)?[0];
        let single_segment = descriptor & 0x20 != 0;
        let window = if single_segment { 0 } else { window(take(left, 1)?[0]) };
        take(left, [0, 1, 2, 4][usize::from(descriptor & 3)])?;
        let declared = match (descriptor >> 6, single_segment) {
            (0, false) => None,
            (0, true) => Some(number(take(left, 1)?)),
            (1, _) => Some(number(take(left, 2)?) + 256),
            (2, _) => Some(number(take(left, 4)?)),
            _ => Some(number(take(left, 8)?)),
        };
        let found = blocks(left)?;
        if descriptor & 4 != 0 {
            take(left, 4)?;
        }
        self.least = self.least.saturating_add(declared.unwrap_or(found));
        self.exact &= declared.is_some();
        self.window = self.window.max(declared.filter(|_| single_segment).unwrap_or(window));
        Some(())
    }
}

/// Bytes in blocks that are not compressed or repeat one byte; of others the size is not known.
fn blocks(left: &mut &[u8]) -> Option<u64> {
    let mut found = 0;
    loop {
        let header = usize::try_from(number(take(left, 3)?)).ok()?;
        let (last, kind, size) = (header & 1 == 1, header >> 1 & 3, header >> 3);
        take(left, if kind == RLE { 1 } else { size })?;
        if matches!(kind, RAW | RLE) {
            found += size as u64;
        }
        if last {
            return Some(found);
        }
    }
}

fn window(descriptor: u8) -> u64 {
    let base = 1 << (10 + (descriptor >> 3));
    base + base / 8 * u64::from(descriptor & 7)
}

fn take<'b>(left: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (taken, rest) = left.split_at_checked(length)?;
    *left = rest;
    Some(taken)
}

/// Up to eight bytes, the lowest first.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::Frames;
    use std::io::Write;

    /// Written piece by piece, as by a sender that does not know the size in advance.
    fn streamed(data: &[u8]) -> Vec<u8> {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        data.chunks(1000).for_each(|piece| encoder.write_all(piece).unwrap());
        encoder.finish().unwrap()
    }

    #[test]
    fn declared_sizes_are_exact_and_those_of_repeated_bytes_nearly() {
        let data: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        for length in [0, 1, 255, 256, 65_791, 65_792, 1_200_000] {
            let frames = Frames::of(&zstd::bulk::compress(&data[..length], 3).unwrap()).unwrap();
            assert_eq!((frames.least, frames.exact), (length as u64, true));
        }
        let twice = zstd::bulk::compress(&data, 1).unwrap().repeat(2);
        assert_eq!(Frames::of(&twice).map(|frames| frames.least), Some(2_400_000));

        let frames = Frames::of(&streamed(&data)).unwrap();
        assert!(!frames.exact && frames.least <= 1_200_000 && frames.window >= 1 << 19, "{frames:?}");
        let bomb = Frames::of(&streamed(&vec![0; 10_000_000])).unwrap();
        assert!(!bomb.exact && bomb.least > 9_000_000, "{bomb:?}");
    }

    #[test]
    fn a_skippable_frame_has_no_size_and_a_cut_one_is_broken() {
        let body = [&[0x5f, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &streamed(b"hello")].concat();
        assert!(Frames::of(&body).is_some_and(|frames| frames.least == 5));
        for length in (1..body.len()).filter(|length| *length != 11) {
            assert_eq!(Frames::of(&body[..length]), None, "{length}");
        }
    }
}
