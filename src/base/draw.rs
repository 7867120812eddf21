//! Addressed randomness: a draw is named by *what it is for*, not by how many draws came before it, so that a new
//! consumer, another scheduler or another order of events shifts nobody else's numbers.

use std::convert::Infallible;

use rand::rand_core::TryRng;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a family of draws is for; part of every address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Purpose {
    /// Time until a container's process serves.
    Startup,
    /// How long a container's process runs before it exits by itself.
    RunTime,
    /// Time until a container's process crashes.
    Crash,
    /// The exit code of a container's process.
    ExitCode,
    /// When an arrival happens.
    Arrival,
    /// Which of several equally good nodes is taken.
    TieBreak,
    /// Latencies of the control plane and of kubelets.
    Latency,
    /// Phases of periodic loops (PLEG, probes, heartbeats).
    Phase,
    /// Jitter that the kubelet adds to its retries.
    Jitter,
    /// Which of several things a fault strikes.
    Fault,
    /// Usage of cpu and memory.
    Usage,
    /// What is kept of a recording.
    Sampling,
    /// Values at the points of a study.
    Design,
}

/// The root of all draws of a run.
#[derive(Clone, Debug)]
pub struct Draws {
    seed: u64,
}

/// The draws of one purpose and one named thing (a workload, a node): a key that positions are mixed into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Draw {
    key: [u64; 2],
}

impl Draws {
    /// All draws of the run with `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The seed these draws grow from.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The draws for `purpose` of the thing called `name`. ChaCha8 expands (seed, purpose, name) to the key: this is
    /// the costly step, done once for each name and kept.
    #[must_use]
    pub fn of(&self, purpose: Purpose, name: &str) -> Draw {
        let mut seed = [0_u8; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        seed[8] = purpose as u8;
        // A name of any length is folded into the remaining 16 bytes by two differently started FNV-1a sums.
        for (slot, start) in [(16, 0xcbf2_9ce4_8422_2325_u64), (24, 0x6c62_272e_07bb_0142)] {
            let sum = name.bytes().fold(start, |sum, b| (sum ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
            seed[slot..slot + 8].copy_from_slice(&sum.to_le_bytes());
        }
        let mut rng = ChaCha8Rng::from_seed(seed);
        Draw { key: [rng.next_u64(), rng.next_u64()] }
    }
}

impl Draw {
    /// The generator at (`ordinal`, `incarnation`, `k`): for example the `k`-th draw of the second run of container
    /// number 7. Implements rand's traits; consecutive words are consecutive mixes of the same address.
    #[inline]
    #[must_use]
    pub const fn at(&self, ordinal: u64, incarnation: u64, k: u64) -> AddressedRng {
        let a = mix(self.key[0] ^ ordinal.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let b = mix(self.key[1] ^ incarnation.wrapping_mul(0xc2b2_ae3d_27d4_eb4f) ^ a);
        AddressedRng { state: mix(b ^ k.wrapping_mul(0x1656_67b1_9e37_79f9)) }
    }

    /// A uniform number in [0, 1) at that address.
    #[inline]
    #[must_use]
    pub fn unit(&self, ordinal: u64, incarnation: u64, k: u64) -> f64 {
        self.at(ordinal, incarnation, k).unit()
    }
}

/// The finalizer of SplitMix64 (public domain constants): every input bit reaches every output bit.
#[inline]
const fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// A random generator that stands at one address; see [`Draw::at`].
#[derive(Clone, Copy, Debug)]
pub struct AddressedRng {
    state: u64,
}

impl AddressedRng {
    /// A uniform number in [0, 1) with 53 random bits.
    #[inline]
    #[allow(clippy::cast_precision_loss)]
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// A uniform integer in `0..n` (multiply-shift; the bias is below 2^-32 for `n` below 2^32).
    ///
    /// # Panics
    /// If `n` is zero.
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "nothing to choose from");
        u64::try_from((u128::from(self.next_u64()) * u128::from(n)) >> 64).expect("less than n")
    }
}

impl TryRng for AddressedRng {
    type Error = Infallible;

    #[allow(clippy::cast_possible_truncation)]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|word| (word >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        Ok(mix(self.state))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        for chunk in dst.chunks_mut(8) {
            let word = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn an_address_decides_alone() {
        let draws = Draws::new(7);
        let (a, b) = (draws.of(Purpose::Crash, "web"), draws.of(Purpose::Crash, "db"));
        assert_eq!(a.unit(3, 1, 0).to_bits(), Draws::new(7).of(Purpose::Crash, "web").unit(3, 1, 0).to_bits());
        for other in [a.unit(4, 1, 0), a.unit(3, 2, 0), a.unit(3, 1, 1), b.unit(3, 1, 0)] {
            assert_ne!(a.unit(3, 1, 0).to_bits(), other.to_bits());
        }
        assert_ne!(a, draws.of(Purpose::RunTime, "web"));
        assert_ne!(a, Draws::new(8).of(Purpose::Crash, "web"));
    }

    #[test]
    fn the_source_is_uniform_and_speaks_rand() {
        let draw = Draws::new(1).of(Purpose::TieBreak, "x");
        let mut counts = [0_u32; 10];
        for ordinal in 0..100_000 {
            counts[usize::try_from(draw.at(ordinal, 0, 0).below(10)).unwrap()] += 1;
        }
        assert!(counts.iter().all(|&n| (9_500..10_500).contains(&n)), "{counts:?}");
        let mean: f64 = (0..100_000).map(|i| draw.unit(i, 1, 2)).sum::<f64>() / 100_000.0;
        assert!((mean - 0.5).abs() < 0.005, "{mean}");
        let roll = draw.at(1, 1, 1).random_range(1..=6);
        assert!((1..=6).contains(&roll));
    }
}
