//! Owns the entries beyond a horizon, unsorted, in buckets that get finer towards the horizon (a monotone radix heap
//! without its lowest bucket). Must not know what entries stand for, nor the clock.

use super::entry::Entry;

/// Bits of one digit. A bucket is a digit's place and its value, so a bucket is as wide as the distance to it, roughly.
const DIGIT_BITS: u32 = 2;
/// Buckets of one place.
const VALUES: u32 = 1 << DIGIT_BITS;
/// All buckets: 32 places of 4 values, as many as a `u128` has bits.
const BUCKETS: usize = (u64::BITS / DIGIT_BITS * VALUES) as usize;

/// Entries in a chunk: 512 bytes. Every bucket in use wastes half a chunk, and with few timers there are many buckets
/// for them.
const CHUNK: usize = 32;
/// No chunk.
const NONE: u32 = u32::MAX;

/// A stack of chunks, of which all but the top one are full.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    top: u32,
    /// Entries in the top chunk.
    filled: usize,
    len: usize,
}

/// The entries later than the horizon.
#[derive(Clone, Debug)]
pub(super) struct Far {
    /// Every entry's time key is greater. An entry is in the bucket of the highest digit in which it differs from this.
    horizon: u64,
    /// The buckets that are not empty; the lowest bit is the earliest bucket.
    occupied: u128,
    buckets: Box<[Bucket; BUCKETS]>,
    /// Chunks of all buckets: buckets swell and shrink in turn, so room of their own would be several times the need.
    /// Each is boxed: one long vector of them would need spare room to grow.
    #[allow(clippy::vec_box, reason = "chunks stay where they are when there are more of them")]
    chunks: Vec<Box<[Entry; CHUNK]>>,
    /// The chunk below each in its stack; for free chunks the next free one.
    below: Vec<u32>,
    free: u32,
    len: usize,
}

/// The bucket of `key` as seen from `horizon`, which is smaller.
#[inline]
const fn bucket_of(key: u64, horizon: u64) -> usize {
    let place = (key ^ horizon).ilog2() / DIGIT_BITS;
    let value = (key >> (place * DIGIT_BITS)) as u32 & (VALUES - 1);
    (place * VALUES + value) as usize
}

impl Far {
    const EMPTY: Bucket = Bucket { top: NONE, filled: CHUNK, len: 0 };

    /// No entries, and a horizon beyond all time.
    pub(super) fn new() -> Self {
        Self {
            horizon: u64::MAX,
            occupied: 0,
            buckets: Box::new([Self::EMPTY; BUCKETS]),
            chunks: Vec::new(),
            below: Vec::new(),
            free: NONE,
            len: 0,
        }
    }

    /// Number of entries.
    #[inline]
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// What is due later than this time key belongs here.
    #[inline]
    pub(super) const fn horizon(&self) -> u64 {
        self.horizon
    }

    /// Adds an entry that is later than the horizon.
    #[inline]
    pub(super) fn push(&mut self, entry: Entry) {
        let index = bucket_of(entry.time_key(), self.horizon);
        self.len += 1;
        self.put(index, entry);
    }

    #[inline]
    fn put(&mut self, index: usize, entry: Entry) {
        let bucket = &mut self.buckets[index];
        if bucket.filled == CHUNK {
            let chunk = if self.free == NONE {
                self.chunks.push(Box::new([Entry::LAST; CHUNK]));
                self.below.push(NONE);
                u32::try_from(self.chunks.len() - 1).expect("fewer chunks than slots")
            } else {
                let chunk = self.free;
                self.free = self.below[chunk as usize];
                chunk
            };
            self.below[chunk as usize] = bucket.top;
            bucket.top = chunk;
            bucket.filled = 0;
            self.occupied |= 1 << index;
        }
        self.chunks[bucket.top as usize][bucket.filled] = entry;
        bucket.filled += 1;
        bucket.len += 1;
    }

    /// Empties a bucket into `out`, chunk by chunk, so that the chunks are free for where its entries go.
    fn drain(&mut self, index: usize, mut out: impl FnMut(&mut Self, Entry)) {
        self.occupied &= !(1 << index);
        let bucket = std::mem::replace(&mut self.buckets[index], Self::EMPTY);
        let (mut chunk, mut filled) = (bucket.top, bucket.filled);
        while chunk != NONE {
            let entries = *self.chunks[chunk as usize];
            let below = std::mem::replace(&mut self.below[chunk as usize], self.free);
            self.free = chunk;
            for &entry in &entries[..filled] {
                out(self, entry);
            }
            (chunk, filled) = (below, CHUNK);
        }
    }

    /// The entries of a bucket.
    fn bucket(&self, index: usize) -> impl Iterator<Item = Entry> {
        let bucket = self.buckets[index];
        let (mut chunk, mut filled) = (bucket.top, bucket.filled);
        std::iter::from_fn(move || {
            let entries = self.chunks.get(chunk as usize).map(|entries| &entries[..filled]);
            (chunk, filled) = (*self.below.get(chunk as usize)?, CHUNK);
            entries
        })
        .flatten()
        .copied()
    }

    /// Moves the horizon forward past the first entries and hands these out: a whole bucket of at most `batch`, or
    /// the first instant of a larger one, whose others go to finer buckets. There must be an entry.
    pub(super) fn advance(&mut self, batch: usize, near: &mut Vec<Entry>) {
        let index = self.occupied.trailing_zeros() as usize;
        let count = self.buckets[index].len;
        if count <= batch {
            // The bucket's last time key. Its higher digits stay the horizon's, so all others stay in their buckets.
            let bits = u32::try_from(index).expect("below 128") / VALUES * DIGIT_BITS;
            let value = (index as u64 % u64::from(VALUES)) << bits;
            let lower = (1_u64 << bits) - 1;
            let higher = self.horizon & !lower & !(u64::from(VALUES - 1) << bits);
            self.horizon = higher | value | lower;
            self.drain(index, |_, entry| near.push(entry));
            self.len -= count;
        } else {
            let first = self.bucket(index).map(Entry::time_key).min().expect("the bucket is occupied");
            self.horizon = first;
            self.drain(index, |far, entry| {
                if entry.time_key() == first {
                    near.push(entry);
                    far.len -= 1;
                } else {
                    far.put(bucket_of(entry.time_key(), first), entry);
                }
            });
        }
    }

    /// Moves the horizon backward to `horizon`. The buckets below the highest digit that changes become one.
    pub(super) fn retreat(&mut self, horizon: u64) {
        if self.len > 0 && horizon != self.horizon {
            // The first bucket of the highest changed place: all others of that place keep their digit.
            let merged = bucket_of(self.horizon, horizon);
            let finer = u32::try_from(merged).expect("below 128") / VALUES * VALUES;
            while self.occupied.trailing_zeros() < finer {
                self.drain(self.occupied.trailing_zeros() as usize, |far, entry| far.put(merged, entry));
            }
        }
        self.horizon = horizon;
    }

    /// Hands out all entries; then the horizon is beyond all time.
    pub(super) fn take_all(&mut self, near: &mut Vec<Entry>) {
        while self.occupied != 0 {
            self.drain(self.occupied.trailing_zeros() as usize, |_, entry| near.push(entry));
        }
        self.len = 0;
        self.horizon = u64::MAX;
    }

    /// Keeps the entries that `keep` says yes to.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(Entry) -> bool) {
        let mut left = self.occupied;
        while left != 0 {
            let index = left.trailing_zeros() as usize;
            left &= left - 1;
            self.drain(index, |far, entry| {
                if keep(entry) {
                    far.put(index, entry);
                } else {
                    far.len -= 1;
                }
            });
        }
    }

    /// Applies `change`, which must not change times, to every entry.
    pub(super) fn update(&mut self, mut change: impl FnMut(Entry) -> Entry) {
        let mut left = self.occupied;
        while left != 0 {
            let index = left.trailing_zeros() as usize;
            left &= left - 1;
            self.drain(index, |far, entry| far.put(index, change(entry)));
        }
    }

    /// Bytes held.
    pub(super) const fn bytes(&self) -> usize {
        let pointers = self.chunks.capacity() * size_of::<usize>() + self.below.capacity() * size_of::<u32>();
        self.chunks.len() * size_of::<[Entry; CHUNK]>() + pointers
    }
}
