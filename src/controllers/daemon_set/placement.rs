//! On which nodes a DaemonSet's pods run, and which of a node's pods stay. Pure; knows no API. Mirrors
//! pkg/controller/daemon/daemon_controller.go (`NodeShouldRunDaemonPod`, `podsShouldBeOnNode`, the counts of
//! `updateDaemonSetStatus`) (v1.34.1).

use crate::base::SimTime;
use crate::model::node_affinity::{self, NodeAffinity, NodeLabels};
use crate::model::objects::DaemonSetStatus;
use crate::model::status::Phase;
use crate::model::tolerations::untolerated;
use crate::model::{NodeId, PodClass, StrId, Taint, TaintEffect, Toleration};

/// What a DaemonSet's template asks of a node.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// `spec.nodeName`.
    pub node_name: Option<StrId>,
    /// `spec.nodeSelector`.
    pub node_selector: &'a [(StrId, StrId)],
    /// `spec.affinity.nodeAffinity`.
    pub node_affinity: Option<&'a NodeAffinity>,
    /// `spec.tolerations`, with those that the controller adds.
    pub tolerations: &'a [Toleration],
}

impl<'a> Wanted<'a> {
    /// What pods of a class ask.
    #[must_use]
    pub fn of(class: &'a PodClass) -> Self {
        Self {
            node_name: class.node_name,
            node_selector: &class.node_selector,
            node_affinity: class.node_affinity.as_deref(),
            tolerations: &class.tolerations,
        }
    }
}

/// Whether a node is for a DaemonSet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placement {
    /// A pod is made there.
    pub should_run: bool,
    /// A pod that is there stays.
    pub should_continue: bool,
}

/// Whether a node is for a DaemonSet. Whether there is room is the scheduler's business.
#[must_use]
pub fn node_should_run(wanted: &Wanted<'_>, node: &impl NodeLabels, taints: &[Taint]) -> Placement {
    let named = wanted.node_name.is_none_or(|name| name == node.name());
    let fits = named && node_affinity::matches(wanted.node_selector, wanted.node_affinity, node);
    let bad = |in_question: fn(TaintEffect) -> bool| untolerated(taints, wanted.tolerations, in_question).is_some();
    let repelled = bad(|effect| effect != TaintEffect::PreferNoSchedule);
    let should_continue = fits && !bad(|effect| effect == TaintEffect::NoExecute);
    Placement { should_run: fits && !repelled, should_continue }
}

/// What is looked at in a pod of a DaemonSet. `K`: which it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DaemonPod<K> {
    /// Which it is; among pods made at one time the least counts as the oldest.
    pub key: K,
    /// It was made from the present template.
    pub updated: bool,
    /// It is bound to its node.
    pub scheduled: bool,
    /// `status.phase`.
    pub phase: Phase,
    /// The `Ready` condition.
    pub ready: bool,
    /// Whether it has been ready for `minReadySeconds`.
    pub available: bool,
    /// It is being deleted.
    pub terminating: bool,
    /// `metadata.creationTimestamp`.
    pub created: SimTime,
}

impl<K> DaemonPod<K> {
    /// Whether it is on its way out and has ended: such a pod no longer takes its node.
    #[must_use]
    pub const fn is_past(&self) -> bool {
        self.terminating && self.phase.is_terminal()
    }
}

/// A node with the DaemonSet's pods that are on it or meant for it.
#[derive(Clone, Copy, Debug)]
pub struct DaemonNode<'a, K> {
    /// Which node.
    pub node: NodeId,
    /// Whether it is for the DaemonSet.
    pub placement: Placement,
    /// Its pods, without those that are [past](DaemonPod::is_past).
    pub pods: &'a [DaemonPod<K>],
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changes<K> {
    /// Nodes that get a pod.
    pub create: Vec<NodeId>,
    /// Pods that go.
    pub delete: Vec<K>,
}

impl<K> Default for Changes<K> {
    fn default() -> Self {
        Self { create: Vec::new(), delete: Vec::new() }
    }
}

/// Sorts pods: bound ones first, then older ones.
fn oldest_first<K: Ord + Copy>(pods: &mut [DaemonPod<K>]) {
    pods.sort_unstable_by_key(|pod| (!pod.scheduled, pod.created, pod.key));
}

/// Adds to `changes` what a node needs that is not about updates. `surges`: two pods may be on it for a while.
/// `may_delete` says whether a pod that has ended is deleted now: one that failed may have to wait.
pub fn manage<K: Ord + Copy>(
    node: &DaemonNode<'_, K>,
    surges: bool,
    mut may_delete: impl FnMut(&DaemonPod<K>) -> bool,
    changes: &mut Changes<K>,
) {
    let Placement { should_run, should_continue } = node.placement;
    if should_run && node.pods.is_empty() {
        changes.create.push(node.node);
        return;
    }
    let staying = node.pods.iter().filter(|pod| !pod.terminating);
    if !should_continue {
        changes.delete.extend(staying.map(|pod| pod.key));
        return;
    }
    let mut running: Vec<DaemonPod<K>> = Vec::new();
    for pod in staying {
        if !pod.phase.is_terminal() {
            running.push(*pod);
        } else if may_delete(pod) {
            changes.delete.push(pod.key);
        }
    }
    if surges && running.is_empty() && should_run {
        changes.create.push(node.node);
    }
    if running.len() <= 1 {
        return;
    }
    oldest_first(&mut running);
    if !surges {
        changes.delete.extend(running[1..].iter().map(|pod| pod.key));
        return;
    }
    // The oldest of either template may stay.
    let (mut new, mut old) = (None, None);
    for pod in &running {
        let place = if pod.updated { &mut new } else { &mut old };
        match place {
            None => *place = Some(pod),
            Some(_) => changes.delete.push(pod.key),
        }
    }
    if let (Some(new), Some(old)) = (new, old)
        && (!old.ready || new.available)
    {
        changes.delete.push(old.key);
    }
}

/// What the DaemonSet reports of its nodes.
#[must_use]
pub fn status<'a, K: Ord + Copy + 'a>(
    nodes: impl IntoIterator<Item = DaemonNode<'a, K>>,
    generation: u32,
) -> DaemonSetStatus {
    let mut status = DaemonSetStatus { observed_generation: generation, ..DaemonSetStatus::default() };
    for node in nodes {
        let oldest = node.pods.iter().min_by_key(|pod| (!pod.scheduled, pod.created, pod.key));
        if !node.placement.should_run {
            status.misscheduled += i32::from(oldest.is_some());
            continue;
        }
        status.desired += 1;
        if let Some(pod) = oldest {
            status.current += 1;
            status.ready += i32::from(pod.ready);
            status.available += i32::from(pod.ready && pod.available);
            status.updated += i32::from(pod.updated);
        }
    }
    status.unavailable = status.desired - status.available;
    status
}
