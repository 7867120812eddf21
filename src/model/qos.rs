//! The quality-of-service class of a pod.
//!
//! Mirrors pkg/apis/core/helper/qos/qos.go (`ComputePodQOS`), v1.34. Ephemeral containers do not count.

use super::effective::{CPU, MEMORY, PodResources, ResourceList};
use super::pod::QosClass;
use crate::base::Quantity;

/// Cpu and memory that are more than zero, summed.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Compute {
    cpu: Option<Quantity>,
    memory: Option<Quantity>,
}

impl Compute {
    fn of(list: &ResourceList) -> Self {
        let positive = |name| list.get(name).filter(|amount| *amount > Quantity::ZERO);
        Self { cpu: positive(CPU), memory: positive(MEMORY) }
    }

    fn plus(self, other: Self) -> Self {
        let sum = |a: Option<Quantity>, b: Option<Quantity>| match (a, b) {
            (Some(a), Some(b)) => Some(a.plus(b)),
            _ => a.or(b),
        };
        Self { cpu: sum(self.cpu, other.cpu), memory: sum(self.memory, other.memory) }
    }
}

/// The class of a pod. If `spec.resources` is there, even empty, only that counts.
#[must_use]
pub fn qos_class(pod: &PodResources) -> QosClass {
    let containers = || pod.main.iter().chain(&pod.init).map(|container| &container.spec);
    let pod_level = pod.pod.as_ref();
    let counted = pod_level.into_iter().chain(pod_level.is_none().then(containers).into_iter().flatten());
    let (mut requests, mut limits, mut all_limited) = (Compute::default(), Compute::default(), true);
    for requirements in counted {
        let limited = Compute::of(&requirements.limits);
        all_limited &= limited.cpu.is_some() && limited.memory.is_some();
        requests = requests.plus(Compute::of(&requirements.requests));
        limits = limits.plus(limited);
    }
    if requests == Compute::default() && limits == Compute::default() {
        QosClass::BestEffort
    } else if all_limited && requests == limits {
        QosClass::Guaranteed
    } else {
        QosClass::Burstable
    }
}
