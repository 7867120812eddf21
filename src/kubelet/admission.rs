//! Whether a kubelet takes a pod that was bound to its node, and whom it ends to make room for a critical one. Pure.
//!
//! Mirrors pkg/kubelet/lifecycle/predicate.go and pkg/kubelet/preemption/preemption.go, v1.34 (spec 5.6).

use std::cmp::Ordering;

use smallvec::SmallVec;

use crate::model::strings::known;
use crate::model::{QosClass, Resources, StrId, Taint, TaintEffect, Toleration};

/// A resource of which there is not enough. CPU in milli-cores, as upstream's messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shortage {
    /// Which.
    pub resource: StrId,
    /// What the pod requests.
    pub requested: i64,
    /// What the others on the node request.
    pub used: i64,
    /// What there is for pods.
    pub capacity: i64,
}

impl Shortage {
    /// How much is missing.
    #[must_use]
    pub const fn missing(&self) -> i64 {
        self.requested - (self.capacity - self.used)
    }

    /// `status.reason` of a pod that is refused for it.
    #[must_use]
    pub const fn reason(&self) -> StrId {
        match self.resource {
            known::PODS => known::OUT_OF_PODS,
            known::CPU => known::OUT_OF_CPU,
            known::MEMORY => known::OUT_OF_MEMORY,
            known::EPHEMERAL_STORAGE => known::OUT_OF_EPHEMERAL_STORAGE,
            // Devices are looked at by a manager of their own, before all others.
            _ => known::UNEXPECTED_ADMISSION_ERROR,
        }
    }
}

/// What a node has for pods and what those on it request.
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
    /// `status.allocatable`.
    pub allocatable: &'a Resources,
    /// Pods that it takes.
    pub max_pods: i64,
    /// What the pods on it request.
    pub used: &'a Resources,
    /// How many there are.
    pub pods: i64,
}

/// What there is not enough of, in the order in which upstream looks; devices come first.
#[must_use]
pub fn shortages(requests: &Resources, room: &Room<'_>) -> SmallVec<[Shortage; 2]> {
    let mut short = SmallVec::new();
    let mut check = |resource, requested, used, capacity| {
        let shortage = Shortage { resource, requested, used, capacity };
        if requested > 0 && shortage.missing() > 0 {
            short.push(shortage);
        }
    };
    let (used, all) = (room.used, room.allocatable);
    for &(name, amount) in &requests.scalar {
        check(name, amount, used.scalar(name), all.scalar(name));
    }
    check(known::PODS, 1, room.pods, room.max_pods);
    check(known::CPU, requests.milli_cpu, used.milli_cpu, all.milli_cpu);
    check(known::MEMORY, requests.memory, used.memory, all.memory);
    check(known::EPHEMERAL_STORAGE, requests.ephemeral_storage, used.ephemeral_storage, all.ephemeral_storage);
    short
}

/// Whether the pod tolerates what drives pods off the node.
#[must_use]
pub fn tolerates_no_execute<'t>(tolerations: &[Toleration], taints: impl IntoIterator<Item = &'t Taint>) -> bool {
    let mut driving = taints.into_iter().filter(|taint| taint.effect == TaintEffect::NoExecute);
    driving.all(|taint| tolerations.iter().any(|toleration| toleration.tolerates(taint)))
}

/// A pod that may be ended for a critical one.
#[derive(Clone, Debug)]
pub struct Preemptable<'a> {
    /// Its class.
    pub qos: QosClass,
    /// What it requests.
    pub requests: &'a Resources,
}

/// The pods (by index) that are ended so that nothing is missing any more: as few important ones as possible. `None`: not
/// even all of them would do.
#[must_use]
pub fn victims(missing: &[(StrId, i64)], pods: &[Preemptable<'_>]) -> Option<Vec<usize>> {
    let of = |qos: QosClass| (0..pods.len()).filter(move |&at| pods[at].qos == qos).collect::<Vec<usize>>();
    let (guaranteed, burstable, best_effort) =
        (of(QosClass::Guaranteed), of(QosClass::Burstable), of(QosClass::BestEffort));
    let without = |groups: &[&[usize]]| {
        let mut left: Vec<(StrId, i64)> = missing.to_vec();
        for &at in groups.iter().copied().flatten() {
            subtract(&mut left, pods[at].requests);
        }
        left
    };
    nearest(without(&[&burstable, &best_effort, &guaranteed]), &[], pods)?;
    let chosen_guaranteed = nearest(without(&[&burstable, &best_effort]), &guaranteed, pods)?;
    let chosen_burstable = nearest(without(&[&best_effort, &chosen_guaranteed]), &burstable, pods)?;
    let chosen = nearest(without(&[&chosen_burstable, &chosen_guaranteed]), &best_effort, pods)?;
    Some([chosen, chosen_burstable, chosen_guaranteed].concat())
}

fn amount(requests: &Resources, name: StrId) -> i64 {
    match name {
        known::PODS => 1,
        known::CPU => requests.milli_cpu,
        known::MEMORY => requests.memory,
        known::EPHEMERAL_STORAGE => requests.ephemeral_storage,
        other => requests.scalar(other),
    }
}

fn subtract(missing: &mut Vec<(StrId, i64)>, requests: &Resources) {
    for (name, left) in missing.iter_mut() {
        *left -= amount(requests, *name);
    }
    missing.retain(|(_, left)| *left > 0);
}

/// Takes pods until nothing is missing, each time the one after which least is missing.
fn nearest(mut missing: Vec<(StrId, i64)>, from: &[usize], pods: &[Preemptable<'_>]) -> Option<Vec<usize>> {
    #[allow(clippy::cast_precision_loss)]
    let distance = |missing: &[(StrId, i64)], requests: &Resources| -> f64 {
        let parts = missing.iter().map(|&(name, needed)| {
            let left = (needed - amount(requests, name)) as f64 / needed as f64;
            if left > 0.0 { left * left } else { 0.0 }
        });
        parts.sum()
    };
    let (mut left, mut chosen) = (from.to_vec(), Vec::new());
    while !missing.is_empty() {
        let key = |&at: &usize| {
            let requests = pods[at].requests;
            (distance(&missing, requests), requests.memory, requests.milli_cpu)
        };
        let best = left.iter().enumerate().min_by(|(_, a), (_, b)| {
            let (a, b) = (key(a), key(b));
            a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal).then((a.1, a.2).cmp(&(b.1, b.2)))
        });
        let at = left.remove(best?.0);
        subtract(&mut missing, pods[at].requests);
        chosen.push(at);
    }
    Some(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu_memory(milli_cpu: i64, memory: i64) -> Resources {
        Resources { milli_cpu, memory, ..Resources::default() }
    }

    #[test]
    fn the_first_shortage_gives_the_reason() {
        let (all, used) = (cpu_memory(4000, 100), cpu_memory(3000, 80));
        let room = Room { allocatable: &all, max_pods: 110, used: &used, pods: 3 };
        assert!(shortages(&cpu_memory(1000, 20), &room).is_empty());
        let short = shortages(&cpu_memory(2000, 30), &room);
        let want = Shortage { resource: known::CPU, requested: 2000, used: 3000, capacity: 4000 };
        assert_eq!((short[0], short[0].missing(), short[0].reason()), (want, 1000, known::OUT_OF_CPU));
        assert_eq!(short[1].reason(), known::OUT_OF_MEMORY);
        let full = Room { pods: 110, ..room };
        assert_eq!(shortages(&Resources::default(), &full)[0].reason(), known::OUT_OF_PODS);
    }

    #[test]
    fn the_least_important_pods_make_room() {
        let sizes = [cpu_memory(500, 50), cpu_memory(300, 30), cpu_memory(200, 20), cpu_memory(0, 0)];
        let pod = |qos, at: usize| Preemptable { qos, requests: &sizes[at] };
        let pods = [
            pod(QosClass::Guaranteed, 0),
            pod(QosClass::Burstable, 1),
            pod(QosClass::Burstable, 2),
            pod(QosClass::BestEffort, 3),
        ];
        assert_eq!(victims(&[(known::CPU, 200)], &pods), Some(vec![2]), "equally near: the smaller one");
        assert_eq!(victims(&[(known::CPU, 400)], &pods), Some(vec![1, 2]));
        assert_eq!(victims(&[(known::CPU, 700)], &pods), Some(vec![2, 0]));
        assert_eq!(victims(&[(known::CPU, 1100)], &pods), None);
        assert_eq!(victims(&[(known::PODS, 1)], &pods), Some(vec![3]));
    }
}
