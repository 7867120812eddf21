//! Amounts of resources as integers: cpu in milli-cores, memory and ephemeral storage in bytes, others in units.

use smallvec::SmallVec;

use super::ids::StrId;

/// Amounts of every resource. Extended resources (`nvidia.com/gpu`, `hugepages-2Mi`) are sorted by id, each once.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Resources {
    /// CPU in thousandths of a core.
    pub milli_cpu: i64,
    /// Memory in bytes.
    pub memory: i64,
    /// Local ephemeral storage in bytes.
    pub ephemeral_storage: i64,
    /// Extended resources and huge pages: (name, amount).
    pub scalar: SmallVec<[(StrId, i64); 1]>,
}

impl Resources {
    /// The amount of the extended resource `name`.
    #[must_use]
    pub fn scalar(&self, name: StrId) -> i64 {
        self.scalar.iter().find(|(n, _)| *n == name).map_or(0, |&(_, amount)| amount)
    }

    /// Sets the amount of the extended resource `name`.
    pub fn set_scalar(&mut self, name: StrId, amount: i64) {
        match self.scalar.binary_search_by_key(&name, |&(n, _)| n) {
            Ok(at) => self.scalar[at].1 = amount,
            Err(at) => self.scalar.insert(at, (name, amount)),
        }
    }

    /// Adds `other`, saturating.
    pub fn add(&mut self, other: &Self) {
        self.combine(other, i64::saturating_add);
    }

    /// Takes `other` away, saturating; the result may be negative on an overcommitted node.
    pub fn sub(&mut self, other: &Self) {
        self.combine(other, i64::saturating_sub);
    }

    fn combine(&mut self, other: &Self, op: fn(i64, i64) -> i64) {
        self.milli_cpu = op(self.milli_cpu, other.milli_cpu);
        self.memory = op(self.memory, other.memory);
        self.ephemeral_storage = op(self.ephemeral_storage, other.ephemeral_storage);
        for &(name, amount) in &other.scalar {
            let sum = op(self.scalar(name), amount);
            self.set_scalar(name, sum);
        }
    }
}

/// A container's limits; `None` where none is set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Limits {
    /// CPU in thousandths of a core.
    pub milli_cpu: Option<i64>,
    /// Memory in bytes.
    pub memory: Option<i64>,
    /// Local ephemeral storage in bytes.
    pub ephemeral_storage: Option<i64>,
}
