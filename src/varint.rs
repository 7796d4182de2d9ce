//! Whole numbers in groups of seven bits, lowest first: how Protobuf, Avro and our own files write them. Signed ones are
//! folded ("zigzag"), so that small numbers of either sign stay short.

/// Why bytes do not begin with such a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// They end inside of it.
    Short,
    /// It has more than 64 bits.
    Long,
}

/// Appends a number.
pub fn put(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Appends a signed number.
pub fn put_signed(number: i64, out: &mut Vec<u8>) {
    put(fold(number), out);
}

/// The number at the start of some bytes, and what stands behind it. More groups than it needs are let pass, as every
/// reader of these formats does.
pub fn read(bytes: &[u8]) -> Result<(u64, &[u8]), Fault> {
    let mut number = 0_u64;
    let mut rest = bytes;
    for shift in (0..64).step_by(7) {
        let (byte, behind) = rest.split_first().ok_or(Fault::Short)?;
        rest = behind;
        let group = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if shift == 63 && group > 1 {
            return Err(Fault::Long);
        }
        number |= group << shift;
        if *byte < 0x80 {
            return Ok((number, rest));
        }
    }
    Err(Fault::Long)
}

/// A signed number as an unsigned one.
pub fn fold(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

/// The signed number of a folded one.
pub fn unfold(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::{Fault, fold, put, put_signed, read, unfold};

    #[test]
    fn numbers_survive_the_round_trip() {
        for number in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            put(number, &mut out);
            out.push(7);
            assert_eq!(read(&out), Ok((number, &[7][..])));
        }
        for number in [0, -1, 1, i64::from(i32::MIN), i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            put_signed(number, &mut out);
            assert_eq!(read(&out).map(|(read, _)| unfold(read)), Ok(number));
            assert_eq!(unfold(fold(number)), number);
        }
    }

    #[test]
    fn what_is_no_number_of_64_bits_is_told() {
        assert_eq!(read(&[]), Err(Fault::Short));
        assert_eq!(read(&[0x80]), Err(Fault::Short));
        assert_eq!(read(&[&[0xff; 9][..], &[2]].concat()), Err(Fault::Long));
        assert_eq!(read(&[&[0x80; 10][..], &[0]].concat()), Err(Fault::Long));
        assert_eq!(read(&[&[0xff; 9][..], &[1]].concat()), Ok((u64::MAX, &[][..])));
        assert_eq!(read(&[0x81, 0x80, 0x00]), Ok((1, &[][..])));
    }
}
