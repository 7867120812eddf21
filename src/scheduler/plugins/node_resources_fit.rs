//! NodeResourcesFit, the filter: requests against what a node has left. Mirrors
//! pkg/scheduler/framework/plugins/noderesources/fit.go (v1.34.1); the score is in [`super::resource_allocation`].

use crate::model::strings::known;
use crate::model::{Resources, StrId};
use crate::scheduler::framework::{Reason, Reasons, Verdict};

/// What a node has and what its pods take of it, without extended resources.
#[derive(Clone, Copy, Eq, Debug, Default)]
pub struct Usage {
    /// Allocatable cpu in milli-cores.
    pub allocatable_milli_cpu: i64,
    /// Allocatable memory in bytes.
    pub allocatable_memory: i64,
    /// Allocatable ephemeral storage in bytes.
    pub allocatable_ephemeral: i64,
    /// How many pods the node takes.
    pub allocatable_pods: i64,
    /// Requested cpu in milli-cores.
    pub milli_cpu: i64,
    /// Requested memory in bytes.
    pub memory: i64,
    /// Requested ephemeral storage in bytes.
    pub ephemeral: i64,
    /// How many pods there are.
    pub pods: i64,
    /// Requested cpu with defaults for containers without a request, in milli-cores.
    pub scoring_milli_cpu: i64,
    /// Requested memory with defaults for containers without a request, in bytes.
    pub scoring_memory: i64,
}

impl Usage {
    #[inline]
    const fn words(&self) -> [i64; 10] {
        let &Self {
            allocatable_milli_cpu,
            allocatable_memory,
            allocatable_ephemeral,
            allocatable_pods,
            milli_cpu,
            memory,
            ephemeral,
            pods,
            scoring_milli_cpu,
            scoring_memory,
        } = self;
        [
            allocatable_milli_cpu,
            allocatable_memory,
            allocatable_ephemeral,
            allocatable_pods,
            milli_cpu,
            memory,
            ephemeral,
            pods,
            scoring_milli_cpu,
            scoring_memory,
        ]
    }
}

impl PartialEq for Usage {
    /// Without a branch for each field: thousands of nodes are compared with one that is like them.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.words().into_iter().zip(other.words()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }
}

/// An extended resource of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scalar {
    /// Its name.
    pub name: StrId,
    /// What pods may request in all.
    pub allocatable: i64,
    /// What pods request.
    pub requested: i64,
}

/// Which resources are insufficient, as bits: pods, cpu, memory, ephemeral storage, then the extended resources in the order
/// of the request (from the 56th on they share a bit), and whether the request exceeds even an empty node.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Insufficient(u64);

impl Insufficient {
    const PODS: u64 = 1;
    const CPU: u64 = 1 << 1;
    const MEMORY: u64 = 1 << 2;
    const EPHEMERAL: u64 = 1 << 3;
    const FIRST_SCALAR: usize = 4;
    const LAST_SCALAR: usize = 59;
    const UNRESOLVABLE: u64 = 1 << 63;

    /// Whether everything is sufficient.
    #[inline]
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Both together.
    #[inline]
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The verdict that this is, for a pod that requests `request`.
    #[must_use]
    pub fn verdict(self, request: &Resources) -> Verdict {
        if self.is_none() {
            return Verdict::Fits;
        }
        let mut reasons = Reasons::new();
        for (bit, reason) in [
            (Self::PODS, Reason::TooManyPods),
            (Self::CPU, Reason::Insufficient(known::CPU)),
            (Self::MEMORY, Reason::Insufficient(known::MEMORY)),
            (Self::EPHEMERAL, Reason::Insufficient(known::EPHEMERAL_STORAGE)),
        ] {
            if self.0 & bit != 0 {
                reasons.push(reason);
            }
        }
        for (at, &(name, _)) in request.scalar.iter().enumerate() {
            if self.0 & Self::scalar_bit(at) != 0 {
                reasons.push(Reason::Insufficient(name));
            }
        }
        if self.0 & Self::UNRESOLVABLE != 0 {
            Verdict::UnschedulableAndUnresolvable(reasons)
        } else {
            Verdict::Unschedulable(reasons)
        }
    }

    fn scalar_bit(at: usize) -> u64 {
        1 << (at + Self::FIRST_SCALAR).min(Self::LAST_SCALAR)
    }

    fn check_scalars(&mut self, request: &Resources, scalars: &[Scalar], ignored: &[StrId]) {
        for (at, &(name, amount)) in request.scalar.iter().enumerate().filter(|(_, (name, _))| !ignored.contains(name))
        {
            let (allocatable, requested) =
                scalars.iter().find(|s| s.name == name).map_or((0, 0), |s| (s.allocatable, s.requested));
            self.check(Self::scalar_bit(at), amount, allocatable, requested);
        }
    }

    #[inline]
    fn check(&mut self, bit: u64, request: i64, allocatable: i64, requested: i64) {
        // Saturating: an overcommitted or absurdly large node must not wrap around.
        if request > 0 && request > allocatable.saturating_sub(requested) {
            self.0 |= bit;
            if request > allocatable {
                self.0 |= Self::UNRESOLVABLE;
            }
        }
    }
}

/// What of `request` the node does not have left, except the extended resources that are `ignored`. A pod that requests nothing
/// only needs a free pod slot; a resource requested as 0 is not checked.
#[inline(always)]
#[must_use]
pub fn insufficient(request: &Resources, usage: &Usage, scalars: &[Scalar], ignored: &[StrId]) -> Insufficient {
    let mut short = insufficient_plain(request.milli_cpu, request.memory, request.ephemeral_storage, usage);
    if !request.scalar.is_empty() {
        short.check_scalars(request, scalars, ignored);
    }
    short
}

/// The same without extended resources.
#[inline(always)]
#[must_use]
pub fn insufficient_plain(milli_cpu: i64, memory: i64, ephemeral_storage: i64, usage: &Usage) -> Insufficient {
    let mut short = Insufficient::default();
    if usage.pods + 1 > usage.allocatable_pods {
        short.0 |= Insufficient::PODS;
    }
    short.check(Insufficient::CPU, milli_cpu, usage.allocatable_milli_cpu, usage.milli_cpu);
    short.check(Insufficient::MEMORY, memory, usage.allocatable_memory, usage.memory);
    short.check(Insufficient::EPHEMERAL, ephemeral_storage, usage.allocatable_ephemeral, usage.ephemeral);
    short
}

/// Hint for a node that was added (`old` is `None`) or whose allocatable changed: the pod fits it when empty, and something
/// that it requests (or the number of pods) grew.
#[must_use]
pub fn hint_node(
    request: &Resources,
    old: Option<(&Resources, i64)>,
    new: (&Resources, i64),
    ignored: &[StrId],
) -> bool {
    let (now, pods) = new;
    let scalars: smallvec::SmallVec<[Scalar; 4]> =
        now.scalar.iter().map(|&(name, allocatable)| Scalar { name, allocatable, requested: 0 }).collect();
    let empty = Usage {
        allocatable_milli_cpu: now.milli_cpu,
        allocatable_memory: now.memory,
        allocatable_ephemeral: now.ephemeral_storage,
        allocatable_pods: pods,
        ..Usage::default()
    };
    if !insufficient(request, &empty, &scalars, ignored).is_none() {
        return false;
    }
    let Some((old, old_pods)) = old else { return true };
    pods > old_pods
        || (request.milli_cpu > 0 && now.milli_cpu > old.milli_cpu)
        || (request.memory > 0 && now.memory > old.memory)
        || (request.ephemeral_storage > 0 && now.ephemeral_storage > old.ephemeral_storage)
        || request.scalar.iter().any(|&(name, amount)| amount > 0 && now.scalar(name) > old.scalar(name))
}

/// Hint for an assigned pod whose effective requests changed: some resource that the pending pod requests became smaller.
#[must_use]
pub fn hint_scaled_down(request: &Resources, old: &Resources, new: &Resources) -> bool {
    (request.milli_cpu > 0 && new.milli_cpu < old.milli_cpu)
        || (request.memory > 0 && new.memory < old.memory)
        || (request.ephemeral_storage > 0 && new.ephemeral_storage < old.ephemeral_storage)
        || request.scalar.iter().any(|&(name, amount)| amount > 0 && new.scalar(name) < old.scalar(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint_node(request: &Resources, old: Option<(&Resources, i64)>, new: (&Resources, i64)) -> bool {
        super::hint_node(request, old, new, &[])
    }

    fn amounts(milli_cpu: i64, memory: i64) -> Resources {
        Resources { milli_cpu, memory, ..Resources::default() }
    }

    fn node(cpu: (i64, i64), memory: (i64, i64), pods: (i64, i64)) -> Usage {
        Usage {
            allocatable_milli_cpu: cpu.1,
            allocatable_memory: memory.1,
            allocatable_pods: pods.1,
            milli_cpu: cpu.0,
            memory: memory.0,
            pods: pods.0,
            ..Usage::default()
        }
    }

    #[test]
    fn all_insufficient_resources_are_named() {
        let gpu = known::ERROR;
        let mut request = amounts(2000, 100);
        request.set_scalar(gpu, 1);
        let verdict = |usage: &Usage, scalars: &[Scalar]| insufficient(&request, usage, scalars, &[]).verdict(&request);
        let full = node((1000, 2000), (0, 1000), (1, 1));
        let some = [Scalar { name: gpu, allocatable: 1, requested: 1 }];
        let reasons =
            Reasons::from_slice(&[Reason::TooManyPods, Reason::Insufficient(known::CPU), Reason::Insufficient(gpu)]);
        assert_eq!(verdict(&full, &some), Verdict::Unschedulable(reasons.clone()));
        assert_eq!(verdict(&full, &[]), Verdict::UnschedulableAndUnresolvable(reasons));
        let ignoring = insufficient(&request, &full, &[], &[gpu]).verdict(&request);
        assert_eq!(ignoring.reasons(), [Reason::TooManyPods, Reason::Insufficient(known::CPU)]);
        let room = node((0, 2000), (0, 100), (0, 1));
        assert_eq!(verdict(&room, &[Scalar { name: gpu, allocatable: 2, requested: 1 }]), Verdict::Fits);
    }

    #[test]
    fn a_pod_without_requests_fits_an_overcommitted_node() {
        let usage = node((5000, 2000), (2000, 1000), (0, 1));
        assert!(insufficient(&Resources::default(), &usage, &[], &[]).is_none());
        let none = Usage { allocatable_pods: 0, ..usage };
        assert_eq!(
            insufficient(&Resources::default(), &none, &[], &[]).verdict(&Resources::default()),
            Verdict::unschedulable(Reason::TooManyPods)
        );
    }

    #[test]
    fn hints_want_room_and_growth() {
        let (small, large) = (amounts(1000, 10), amounts(2000, 10));
        let request = amounts(1500, 0);
        assert!(!hint_node(&request, None, (&small, 10)) && hint_node(&request, None, (&large, 10)));
        assert!(hint_node(&request, Some((&small, 10)), (&large, 10)));
        assert!(!hint_node(&request, Some((&large, 10)), (&amounts(2000, 20), 10)), "memory is not requested");
        assert!(hint_node(&request, Some((&large, 10)), (&large, 11)) && !hint_node(&request, None, (&large, 0)));
        assert!(hint_scaled_down(&request, &large, &small) && !hint_scaled_down(&request, &small, &large));
        assert!(!hint_scaled_down(&amounts(0, 10), &large, &small));
    }
}
