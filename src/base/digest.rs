//! A 64-bit fold of everything that was decided: two runs with the same digest made the same decisions.

/// An order-sensitive fold of 64-bit words (a multiply-xorshift step per word).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digest(u64);

impl Digest {
    /// The digest of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(0x6a09_e667_f3bc_c908)
    }

    /// Folds one word in.
    #[inline]
    pub const fn fold(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = (mixed ^ (mixed >> 32)).wrapping_add(0x0000_0001_0000_0001);
    }

    /// The value so far.
    #[must_use]
    pub const fn value(self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 32)
    }
}

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.value())
    }
}

/// 64 hexadecimal digits made up from a text.
#[must_use]
pub fn hex(text: &str) -> String {
    let mut out = String::with_capacity(64);
    for part in 0..4_u64 {
        let mut digest = Digest::default();
        digest.fold(part);
        text.bytes().for_each(|byte| digest.fold(u64::from(byte)));
        out.push_str(&digest.to_string());
    }
    out
}

/// A uid made up from a text.
#[must_use]
pub fn uuid(text: &str) -> String {
    let digits = hex(text);
    format!("{}-{}-4{}-8{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_value_both_count() {
        let of = |words: &[u64]| {
            let mut digest = Digest::new();
            words.iter().for_each(|&w| digest.fold(w));
            digest.value()
        };
        assert_ne!(of(&[1, 2]), of(&[2, 1]));
        assert_ne!(of(&[]), of(&[0]));
        assert_eq!(of(&[3, 4]), of(&[3, 4]));
    }
}
