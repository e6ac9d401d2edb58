//! A bit reader for bitstream headers: the highest bit of each byte first.

/// Reads bits and Exp-Golomb codes from a byte slice.
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next `count` bits, at most 32, the highest first.
    pub(crate) fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = *self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    /// The next bit.
    pub(crate) fn flag(&mut self) -> Option<bool> {
        Some(self.take(1)? == 1)
    }

    /// The next number in Exp-Golomb code without sign (ITU-T H.264 section 9.1), if it is below 2³² - 1.
    pub(crate) fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.take(zeros)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_one_after_the_other() {
        // 101 | 1 | 010 | 011 | 00100 | 0
        let mut bits = BitReader::new(&[0b1011_0100, 0b1100_1000]);
        assert_eq!(bits.take(3), Some(5));
        assert_eq!([(); 4].map(|()| bits.golomb()), [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!(bits.flag(), Some(false));
        assert_eq!(bits.flag(), None);
    }

    #[test]
    fn a_number_has_32_bits_at_most() {
        assert_eq!(BitReader::new(&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]).golomb(), Some(u32::MAX - 1));
        assert_eq!(BitReader::new(&[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff]).golomb(), None);
        assert_eq!(BitReader::new(&[0]).golomb(), None);
    }
}
