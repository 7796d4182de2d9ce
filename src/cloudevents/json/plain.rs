//! Text that stands in a JSON string as it is, found many bytes at a time.

/// How many bytes from the start can stand in a JSON string as they are: no quote, backslash or control character.
pub fn length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // For each byte of a word: is it below `limit`? Borrows make only bytes above a hit wrong, and the lowest hit counts.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH;
    let mut at = 0;
    while let Some(chunk) = bytes[at..].first_chunk() {
        let word = u64::from_le_bytes(*chunk);
        let quotes = below(word ^ (ONES * u64::from(b'"')), 1) | below(word ^ (ONES * u64::from(b'\\')), 1);
        let hits = quotes | below(word, 0x20);
        if hits != 0 {
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += chunk.len();
        if at == LONG {
            at += blocks_length(&bytes[at..]);
        }
    }
    let is_plain = |byte: &&u8| !matches!(byte, 0..0x20 | b'"' | b'\\');
    at + bytes[at..].iter().take_while(is_plain).count()
}

/// Texts longer than this are checked in blocks.
const LONG: usize = 32;

/// How many bytes from the start stand in whole blocks of plain ones. The compiler checks a block with vector instructions.
fn blocks_length(bytes: &[u8]) -> usize {
    let (blocks, _) = bytes.as_chunks::<32>();
    // Comparisons one by one: from ranges and truth values it makes a loop over bytes.
    let ends = |byte: u8| u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
    let is_plain = |block: &&[u8; 32]| block.iter().fold(0, |any, byte| any | ends(*byte)) == 0;
    blocks.iter().take_while(is_plain).count() * 32
}
