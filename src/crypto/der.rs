//! As much DER (X.690) as it takes to find the public key in what people paste.

/// Tag of INTEGER.
pub const INTEGER: u8 = 0x02;
/// Tag of BIT STRING.
pub const BIT_STRING: u8 = 0x03;
/// Tag of OBJECT IDENTIFIER.
pub const OBJECT_IDENTIFIER: u8 = 0x06;
/// Tag of UTCTime.
pub const UTC_TIME: u8 = 0x17;
/// Tag of GeneralizedTime.
pub const GENERALIZED_TIME: u8 = 0x18;
/// Tag of SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
/// Tag of the version of a certificate, `[0]`.
pub const VERSION: u8 = 0xa0;

/// Reads one element after the other. Every method is `None` for what is not DER.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next element: its tag and its content.
    pub fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.rest.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first & 0x7f);
        if first & 0x80 != 0 {
            // Four bytes of length are more than anything here is long; zero would be BER.
            let (bytes, after) =
                rest.split_at_checked(length).filter(|_| (1..=4).contains(&length))?;
            length = bytes.iter().fold(0, |value, byte| value << 8 | usize::from(*byte));
            rest = after;
        }
        let (content, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some((tag, content))
    }

    /// The content of the next element, which has this tag.
    pub fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.any().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// The elements of the next element, a SEQUENCE.
    pub fn sequence(&mut self) -> Option<Self> {
        self.expect(SEQUENCE).map(Self::new)
    }

    /// Passes over the next element if it has this tag.
    pub fn skip(&mut self, tag: u8) {
        let mut ahead = *self;
        if ahead.expect(tag).is_some() {
            *self = ahead;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_and_nonsense_is_not() {
        let mut long = vec![SEQUENCE, 0x82, 0x01, 0x00];
        long.extend([0; 256]);
        assert_eq!(Reader::new(&long).any(), Some((SEQUENCE, [0; 256].as_slice())));
        assert_eq!(Reader::new(&[INTEGER, 1, 5]).expect(INTEGER), Some([5].as_slice()));
        for bad in [
            [].as_slice(),
            &[INTEGER],
            &[INTEGER, 2, 5],
            &[INTEGER, 0x80, 5],
            &[INTEGER, 0x81],
            &[INTEGER, 0x85, 0, 0, 0, 0, 1, 5],
            &[INTEGER, 0x84, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert_eq!(Reader::new(bad).any(), None, "{bad:?}");
        }
    }
}
