//! Randomness as a parameter.

/// Where random bytes come from. Never draw randomness elsewhere.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with cryptographically secure random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

const ALPHANUMERIC: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Consonants: no words are spelt, and no letter is taken for a digit (RFC 8628 §6.1).
const BASE_20: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const DIGITS: &[u8; 10] = b"0123456789";
const LOWER_HEX: &[u8; 16] = b"0123456789abcdef";

impl dyn Entropy + '_ {
    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
    /// A random string over `[A-Za-z0-9]`, as client ids are.
    pub fn alphanumeric(&self, length: usize) -> String {
        self.string(ALPHANUMERIC, length)
    }
    /// A random string over the base64url alphabet: 6 bits of entropy a character.
    pub fn url_safe(&self, length: usize) -> String {
        self.string(URL_SAFE, length)
    }
    /// A random string over `[0-9a-f]`.
    pub fn lower_hex(&self, length: usize) -> String {
        self.string(LOWER_HEX, length)
    }

    /// A random string over the 20 consonants that user codes are made of.
    pub fn consonants(&self, length: usize) -> String {
        self.string(BASE_20, length)
    }
    /// A random string over `[0-9]`.
    pub fn digits(&self, length: usize) -> String {
        self.string(DIGITS, length)
    }
    /// A random UUID (RFC 9562 §5.4), as ids of Actions are.
    pub fn uuid(&self) -> String {
        let number = u128::from_be_bytes(self.bytes());
        // Version 4, variant 1.
        let number = number & !(0xf << 76) & !(0b11 << 62) | (4 << 76) | (0b10 << 62);
        let hex = format!("{number:032x}");
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    fn string(&self, alphabet: &[u8], length: usize) -> String {
        // Rejection sampling: a modulus would favour the first letters of an alphabet whose size
        // does not divide 256.
        let limit = 256 - 256 % alphabet.len();
        let mut out = String::with_capacity(length);
        while out.len() < length {
            for byte in self.bytes::<32>() {
                if usize::from(byte) < limit && out.len() < length {
                    out.push(char::from(alphabet[usize::from(byte) % alphabet.len()]));
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Same(u8);

    impl Entropy for Same {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn a_uuid_tells_its_version_and_variant() {
        for (byte, expected) in [
            (0x00, "00000000-0000-4000-8000-000000000000"),
            (0xff, "ffffffff-ffff-4fff-bfff-ffffffffffff"),
        ] {
            let entropy: &dyn Entropy = &Same(byte);
            assert_eq!(entropy.uuid(), expected);
        }
    }
}
