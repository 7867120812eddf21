//! Eviction thresholds as a kubelet's configuration says them. Must not know when they are met.
//!
//! Mirrors pkg/kubelet/eviction/helpers.go (`ParseThresholdConfig`), v1.34.

use super::ids::StrId;
use super::strings::known;
use crate::base::{Quantity, SimDuration};

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs, reason = "each is upstream's signal, spelled alike")]
pub enum Signal {
    AllocatableMemoryAvailable,
    MemoryAvailable,
    NodeFsAvailable,
    NodeFsInodesFree,
    ImageFsAvailable,
    ImageFsInodesFree,
    ContainerFsAvailable,
    ContainerFsInodesFree,
    PidAvailable,
}

impl Signal {
    /// Every signal.
    pub const ALL: [Self; 9] = [
        Self::AllocatableMemoryAvailable,
        Self::MemoryAvailable,
        Self::NodeFsAvailable,
        Self::NodeFsInodesFree,
        Self::ImageFsAvailable,
        Self::ImageFsInodesFree,
        Self::ContainerFsAvailable,
        Self::ContainerFsInodesFree,
        Self::PidAvailable,
    ];

    /// As the configuration writes it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::AllocatableMemoryAvailable => "allocatableMemory.available",
            Self::MemoryAvailable => "memory.available",
            Self::NodeFsAvailable => "nodefs.available",
            Self::NodeFsInodesFree => "nodefs.inodesFree",
            Self::ImageFsAvailable => "imagefs.available",
            Self::ImageFsInodesFree => "imagefs.inodesFree",
            Self::ContainerFsAvailable => "containerfs.available",
            Self::ContainerFsInodesFree => "containerfs.inodesFree",
            Self::PidAvailable => "pid.available",
        }
    }

    /// The signal called so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.text() == text)
    }

    /// Whether it counts files.
    #[must_use]
    pub const fn is_inodes(self) -> bool {
        matches!(self, Self::NodeFsInodesFree | Self::ImageFsInodesFree | Self::ContainerFsInodesFree)
    }

    /// Whether it is about memory: such thresholds are looked at first.
    #[must_use]
    pub const fn is_memory(self) -> bool {
        matches!(self, Self::AllocatableMemoryAvailable | Self::MemoryAvailable)
    }
}

/// What pressure a node is under.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum Pressure {
    /// `MemoryPressure`.
    Memory,
    /// `DiskPressure`.
    Disk,
    /// `PIDPressure`.
    Pid,
}

impl Pressure {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Memory, Self::Disk, Self::Pid];

    /// The condition that a signal stands for.
    #[must_use]
    pub const fn of(signal: Signal) -> Self {
        match signal {
            Signal::AllocatableMemoryAvailable | Signal::MemoryAvailable => Self::Memory,
            Signal::PidAvailable => Self::Pid,
            _ => Self::Disk,
        }
    }

    /// The type of the node's condition.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Memory => "MemoryPressure",
            Self::Disk => "DiskPressure",
            Self::Pid => "PIDPressure",
        }
    }

    /// The key of the taint that goes with it.
    #[must_use]
    pub const fn taint_key(self) -> StrId {
        match self {
            Self::Memory => known::TAINT_MEMORY_PRESSURE,
            Self::Disk => known::TAINT_DISK_PRESSURE,
            Self::Pid => known::TAINT_PID_PRESSURE,
        }
    }
}

/// An amount, or a part of the capacity.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum ThresholdValue {
    /// So much.
    Quantity(Quantity),
    /// This part of the capacity; upstream keeps it with 32 bits.
    Fraction(f32),
}

impl ThresholdValue {
    /// The amount, given the capacity.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    pub fn of(self, capacity: Quantity) -> Quantity {
        match self {
            Self::Quantity(quantity) => quantity,
            Self::Fraction(part) => {
                Quantity::new((capacity.value() as f64 * f64::from(part)) as i64, crate::base::Format::BinarySi)
            }
        }
    }
}

/// A threshold: met when less than `value` is available.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Threshold {
    /// What is measured.
    pub signal: Signal,
    /// How much must be available.
    pub value: ThresholdValue,
    /// How long it must be met before anybody is evicted; zero: a hard threshold.
    pub grace: SimDuration,
    /// Once met, it is met until this much more is available.
    pub min_reclaim: Option<ThresholdValue>,
}

impl Threshold {
    /// Whether eviction is immediate.
    #[must_use]
    pub fn is_hard(&self) -> bool {
        self.grace == SimDuration::ZERO
    }
}

/// The statements of a configuration, by signal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Statements<'a> {
    /// `evictionHard`.
    pub hard: &'a [(&'a str, &'a str)],
    /// `evictionSoft`.
    pub soft: &'a [(&'a str, &'a str)],
    /// `evictionSoftGracePeriod`.
    pub soft_grace: &'a [(&'a str, &'a str)],
    /// `evictionMinimumReclaim`.
    pub min_reclaim: &'a [(&'a str, &'a str)],
    /// Whether `enforceNodeAllocatable` holds `pods`.
    pub enforce_pods: bool,
}

impl Statements<'_> {
    /// What a kubelet has that was not told otherwise.
    pub const DEFAULT: Statements<'static> = Statements {
        hard: &[
            ("imagefs.available", "15%"),
            ("imagefs.inodesFree", "5%"),
            ("memory.available", "100Mi"),
            ("nodefs.available", "10%"),
            ("nodefs.inodesFree", "5%"),
        ],
        soft: &[],
        soft_grace: &[],
        min_reclaim: &[],
        enforce_pods: true,
    };

    /// The thresholds.
    ///
    /// # Errors
    /// What is wrong, in one sentence.
    pub fn parse(&self) -> Result<Vec<Threshold>, String> {
        let mut thresholds = statements(self.hard)?;
        let soft = statements(self.soft)?;
        let graces = graces(self.soft_grace)?;
        let reclaims = reclaims(self.min_reclaim)?;
        for threshold in soft {
            let grace = graces.iter().find(|(signal, _)| *signal == threshold.signal);
            let Some(&(_, grace)) = grace else {
                return Err(format!("the soft threshold of {} has no grace period", threshold.signal.text()));
            };
            thresholds.push(Threshold { grace, ..threshold });
        }
        for threshold in &mut thresholds {
            let reclaim = reclaims.iter().find(|(signal, _)| *signal == threshold.signal);
            threshold.min_reclaim = reclaim.map(|&(_, value)| value);
        }
        if self.enforce_pods {
            let memory = thresholds.iter().filter(|t| t.signal == Signal::MemoryAvailable && t.is_hard());
            let allocatable = memory.map(|t| Threshold { signal: Signal::AllocatableMemoryAvailable, ..*t });
            let allocatable: Vec<Threshold> = allocatable.collect();
            thresholds.extend(allocatable);
        }
        Ok(thresholds)
    }
}

/// When kubelets evict pods.
#[derive(Clone, PartialEq, Debug)]
pub struct EvictionPlan {
    /// `evictionHard`, `evictionSoft` with its grace periods, `evictionMinimumReclaim`.
    pub thresholds: Box<[Threshold]>,
    /// `evictionPressureTransitionPeriod`.
    pub transition_period: SimDuration,
    /// `evictionMaxPodGracePeriod`.
    pub max_pod_grace_seconds: i64,
    /// Process ids of each machine.
    pub max_pids: i64,
    /// Inodes of each machine's disk; `None`: as many as its size gives.
    pub max_inodes: Option<i64>,
}

impl EvictionPlan {
    /// Bytes of a disk for each of its inodes, as mke2fs makes them.
    const BYTES_PER_INODE: i64 = 16_384;

    /// Inodes of a disk with so many bytes.
    #[must_use]
    pub fn inodes(&self, storage: i64) -> i64 {
        self.max_inodes.unwrap_or(storage / Self::BYTES_PER_INODE)
    }
}

impl Default for EvictionPlan {
    fn default() -> Self {
        Self {
            thresholds: Statements::DEFAULT.parse().expect("the defaults are well formed").into(),
            transition_period: SimDuration::from_secs(300),
            max_pod_grace_seconds: 0,
            max_pids: 4_194_304,
            max_inodes: None,
        }
    }
}

fn signal(text: &str) -> Result<Signal, String> {
    Signal::parse(text).ok_or_else(|| format!("`{text}` is not an eviction signal"))
}

fn quantity(text: &str) -> Result<Quantity, String> {
    Quantity::parse(text).map_err(|error| format!("`{text}`: {error}"))
}

fn statements(written: &[(&str, &str)]) -> Result<Vec<Threshold>, String> {
    let mut thresholds = Vec::new();
    for &(name, text) in written {
        let signal = signal(name)?;
        let value = if text.ends_with('%') {
            // These two switch a threshold off.
            if text == "0%" || text == "100%" {
                continue;
            }
            let part = percentage(text)?;
            if !(0.0..=100.0).contains(&part) {
                return Err(format!("the threshold of {name} must be from 0% to 100%"));
            }
            ThresholdValue::Fraction(part)
        } else {
            let amount = quantity(text)?;
            if amount.is_negative() || amount.is_zero() {
                return Err(format!("the threshold of {name} must be more than zero"));
            }
            ThresholdValue::Quantity(amount)
        };
        thresholds.push(Threshold { signal, value, grace: SimDuration::ZERO, min_reclaim: None });
    }
    Ok(thresholds)
}

fn graces(written: &[(&str, &str)]) -> Result<Vec<(Signal, SimDuration)>, String> {
    let of = |&(name, text): &(&str, &str)| {
        let signal = signal(name)?;
        let grace = SimDuration::parse(text).map_err(|why| format!("the grace period of {name}: {why}"))?;
        if grace < SimDuration::ZERO {
            return Err(format!("the grace period of {name} must not be negative"));
        }
        Ok((signal, grace))
    };
    written.iter().map(of).collect()
}

fn reclaims(written: &[(&str, &str)]) -> Result<Vec<(Signal, ThresholdValue)>, String> {
    let of = |&(name, text): &(&str, &str)| {
        let signal = signal(name)?;
        if text.ends_with('%') {
            let part = percentage(text)?;
            let message = format!("the least reclaim of {name} must be more than zero");
            return if part <= 0.0 { Err(message) } else { Ok((signal, ThresholdValue::Fraction(part))) };
        }
        let amount = quantity(text)?;
        if amount.is_negative() {
            return Err(format!("the least reclaim of {name} must not be negative"));
        }
        Ok((signal, ThresholdValue::Quantity(amount)))
    };
    written.iter().map(of).collect()
}

/// A percentage as a part of one.
///
/// # Errors
/// What is wrong, in one sentence.
pub fn percentage(text: &str) -> Result<f32, String> {
    let number: f32 = text.trim_end_matches('%').parse().map_err(|_| format!("`{text}` is not a percentage"))?;
    Ok(number / 100.0)
}
