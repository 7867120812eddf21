//! Owns the total order of events: one 16-byte entry for each pending one. Must not know what an event is, nor where
//! entries are kept.

use crate::base::SimTime;

/// Who goes first among the events of one instant: the lower rank. Events of one instant and one rank come in the order
/// in which they were scheduled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Rank(u8);

impl Rank {
    /// How many ranks there are.
    pub const COUNT: u8 = 1 << (u32::BITS - SEQUENCE_BITS);

    /// The rank `rank`.
    ///
    /// # Panics
    /// If `rank` is not below [`Rank::COUNT`].
    #[must_use]
    pub const fn new(rank: u8) -> Self {
        assert!(rank < Self::COUNT, "a rank is below Rank::COUNT");
        Self(rank)
    }

    /// The rank as a number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// Bits of the sequence number; the rank has the rest of the 32.
const SEQUENCE_BITS: u32 = 28;

/// Sequence numbers are below this.
pub(super) const SEQUENCE_LIMIT: u32 = 1 << SEQUENCE_BITS;

/// A pending event: from the highest bit down 64 bits of time, 4 of rank, 28 of sequence, 32 of slot. One integer, so
/// that the order is one comparison without branches. No two pending entries agree in time, rank and sequence, so the
/// slot never decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Entry(u128);

impl Entry {
    /// After every real entry: "there is none". No slot has this number.
    pub(super) const LAST: Self = Self(u128::MAX);

    /// The entry of the event in `slot`.
    #[inline]
    pub(super) fn new(at: SimTime, rank: Rank, sequence: u32, slot: u32) -> Self {
        debug_assert!(sequence < SEQUENCE_LIMIT);
        let order = u32::from(rank.0) << SEQUENCE_BITS | sequence;
        Self(u128::from(time_key(at)) << 64 | u128::from(order) << 32 | u128::from(slot))
    }

    /// Whether this is [`Entry::LAST`].
    #[inline]
    pub(super) const fn is_last(self) -> bool {
        self.slot() == u32::MAX
    }

    /// When the event is due.
    #[inline]
    #[allow(clippy::cast_possible_wrap)]
    pub(super) const fn at(self) -> SimTime {
        SimTime((self.time_key() ^ SIGN) as i64)
    }

    /// The event's rank.
    #[inline]
    #[allow(clippy::cast_possible_truncation)]
    pub(super) const fn rank(self) -> Rank {
        Rank((self.0 >> (32 + SEQUENCE_BITS)) as u8 & (Rank::COUNT - 1))
    }

    /// The due time as an unsigned number of the same order.
    #[inline]
    pub(super) const fn time_key(self) -> u64 {
        (self.0 >> 64) as u64
    }

    /// Where the event is kept.
    #[inline]
    #[allow(clippy::cast_possible_truncation)]
    pub(super) const fn slot(self) -> u32 {
        self.0 as u32
    }

    /// The same entry with another sequence number.
    pub(super) fn with_sequence(self, sequence: u32) -> Self {
        debug_assert!(sequence < SEQUENCE_LIMIT);
        Self(self.0 & !(u128::from(SEQUENCE_LIMIT - 1) << 32) | u128::from(sequence) << 32)
    }
}

/// The bit whose flip turns signed order into unsigned order.
const SIGN: u64 = 1 << 63;

/// `at` as an unsigned number of the same order.
#[inline]
#[allow(clippy::cast_sign_loss)]
pub(super) const fn time_key(at: SimTime) -> u64 {
    at.0 as u64 ^ SIGN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_16_bytes_ordered_by_time_rank_sequence() {
        assert_eq!(size_of::<Entry>(), 16);
        let entry = |at, rank, sequence, slot| Entry::new(SimTime(at), Rank::new(rank), sequence, slot);
        let sorted = [
            entry(i64::MIN, 15, 9, 9),
            entry(-1, 0, 9, 9),
            entry(0, 0, 7, 8),
            entry(0, 0, 8, 0),
            entry(0, 1, 0, 7),
            entry(1, 0, 0, 6),
            entry(i64::MAX, 15, SEQUENCE_LIMIT - 1, u32::MAX - 1),
            Entry::LAST,
        ];
        assert!(sorted.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn what_is_packed_can_be_read_back() {
        let entry = Entry::new(SimTime(-5), Rank::new(3), SEQUENCE_LIMIT - 1, 42);
        assert_eq!((entry.at(), entry.slot()), (SimTime(-5), 42));
        assert_eq!(entry.with_sequence(17), Entry::new(SimTime(-5), Rank::new(3), 17, 42));
    }
}
