//! DaemonSets: one pod on every node that is for it. Mirrors pkg/controller/daemon/daemon_controller.go, v1.34 (spec 8.4).

use super::placement::{self, Changes, DaemonNode, DaemonPod, Wanted};
use super::rolling;
use crate::api::PodRef;
use crate::base::id::DenseId;
use crate::base::{SimDuration, SimTime};
use crate::controllers::script::{ByUid, Sync, Variation, Write};
use crate::model::available::{available_at, is_available};
use crate::model::objects::{DaemonSetSpec, ObjectStatus};
use crate::model::status::Phase;
use crate::model::strings::known;
use crate::model::{LabelSet, NodeId, NodeLabels, StrId, Strings, Taint};
use crate::record::{KubeEvent, Recorder};

/// At most so many pods are created, and so many deleted, in one sync (`BurstReplicas`).
const BURST: usize = 250;

/// A node as terms of node affinity look at it.
struct Labels<'a> {
    strings: &'a Strings,
    name: StrId,
    labels: &'a LabelSet,
}

impl NodeLabels for Labels<'_> {
    fn name(&self) -> StrId {
        self.name
    }

    fn label(&self, key: StrId) -> Option<StrId> {
        self.labels.get(key).or_else(|| (key == known::LABEL_HOSTNAME).then_some(self.name))
    }

    fn number(&self, value: StrId) -> Option<i64> {
        self.strings.text(value).parse().ok()
    }
}

/// One sync.
pub(in crate::controllers) fn sync<R: Recorder>(cx: &mut Sync<'_, R>) {
    let row = cx.cluster.objects().get(cx.id);
    let Some(spec) = row.spec.daemon_set() else { return };
    if row.deleting.is_some() {
        return;
    }
    if !cx.orphans.is_empty() {
        let adopted = cx.orphans.iter().map(|&pod| Write::AdoptPod(pod)).collect();
        return cx.write(adopted);
    }
    let pods = pods_by_node(cx, spec);
    let nodes = nodes(cx, spec, &pods);
    let mut changes = manage(cx, spec, &nodes);
    // Pods for nodes that are gone are never scheduled, and nobody else deletes them.
    let lost = |(node, pod): &(&u32, &DaemonPod<_>)| !pod.scheduled && !pod.terminating && !exists(cx, **node);
    changes.delete.extend(pods.nodes.iter().zip(&pods.pods).filter(lost).map(|(_, pod)| pod.key));
    // What is being made or deleted is waited for before the next step of an update.
    if changes == Changes::default() && !spec.on_delete {
        let desired = nodes.iter().filter(|node| node.placement.should_run).count();
        if let Ok(limits) = rolling::limits(&spec.max_surge, &spec.max_unavailable, desired) {
            changes = rolling::rolling_update(nodes.iter().copied(), limits);
        }
    }
    let status = placement::status(nodes.iter().copied(), row.generation);
    // How often the template was another one, as the number of its newest revision.
    let generation = row.revisions().iter().map(|revision| revision.number).max().unwrap_or(1);
    let generation = u32::try_from(generation).unwrap_or(u32::MAX);
    let create = |&node: &NodeId| Write::CreatePod {
        template: spec.template,
        variation: Some(Variation::Node(node, spec.template_hash, generation)),
        member: number(node),
    };
    cx.slow_start(changes.create.iter().take(BURST).map(create));
    cx.write(changes.delete.iter().take(BURST).map(|pod| Write::DeletePod(pod.0)).collect());
    cx.status(ObjectStatus::DaemonSet(status));
}

/// A node as pods remember it.
fn number(node: NodeId) -> u32 {
    u32::try_from(node.index()).unwrap_or(u32::MAX)
}

/// Pods in the order of their nodes, and the numbers of those.
struct ByNode {
    nodes: Vec<u32>,
    pods: Vec<DaemonPod<ByUid>>,
}

fn exists<R: Recorder>(cx: &Sync<'_, R>, node: u32) -> bool {
    let nodes = cx.cluster.nodes();
    (node as usize) < nodes.len() && nodes.get(NodeId::from_index(node as usize)).exists
}

/// The pods that take a node, in the order of the nodes.
fn pods_by_node<R: Recorder>(cx: &mut Sync<'_, R>, spec: &DaemonSetSpec) -> ByNode {
    let min_ready = SimDuration::from_secs(i64::from(spec.min_ready_seconds));
    let mut next = SimTime::NEVER;
    let pods = cx.cluster.pods();
    let place = |pod: PodRef| {
        let since = cx.ready_since(pod);
        let available = is_available(since, min_ready, cx.now);
        if let Some(since) = since.filter(|_| !available) {
            next = next.min(available_at(since, min_ready));
        }
        let of = DaemonPod {
            key: ByUid(pod),
            // What was there before the controller is of the revision that was there first.
            updated: match cx.plan.templates[pods.template(pod.pod)].revision {
                0 => cx.row().generation == 1,
                revision => revision == spec.template_hash,
            },
            scheduled: pods.node(pod.pod).is_some(),
            phase: pods.phase(pod.pod),
            ready: since.is_some(),
            available,
            terminating: pods.deleting(pod.pod),
            created: pods.created(pod.pod),
        };
        (pods.owned(pod.pod).map_or(u32::MAX, |owned| owned.member), of)
    };
    let mut all: Vec<(u32, DaemonPod<ByUid>)> =
        cx.cluster.pods_of(cx.id).map(place).filter(|(_, pod)| !pod.is_past()).collect();
    all.sort_unstable_by_key(|(node, pod)| (*node, pod.key));
    if next < SimTime::NEVER {
        cx.again_after(next - cx.now);
    }
    let (nodes, pods) = all.into_iter().unzip();
    ByNode { nodes, pods }
}

/// Every node, with its pods.
fn nodes<'a, R: Recorder>(cx: &Sync<'_, R>, spec: &DaemonSetSpec, all: &'a ByNode) -> Vec<DaemonNode<'a, ByUid>> {
    let wanted = Wanted::of(&cx.plan.classes[cx.plan.templates[spec.template].class]);
    let mut taints: Vec<Taint> = Vec::new();
    let mut from = 0;
    let mut found = Vec::new();
    for (id, node) in cx.cluster.nodes().entries().filter(|(_, node)| node.exists) {
        from += all.nodes[from..].iter().take_while(|&&node| node < number(id)).count();
        let count = all.nodes[from..].iter().take_while(|&&node| node == number(id)).count();
        let own = &all.pods[from..from + count];
        taints.clear();
        taints.extend(node.taints.iter().map(|(taint, _)| *taint));
        let labels = Labels {
            strings: &cx.plan.strings,
            name: node.name,
            labels: cx.plan.strings.labels(cx.plan.shapes[node.shape].labels),
        };
        let placement = placement::node_should_run(&wanted, &labels, &taints);
        found.push(DaemonNode { node: id, placement, pods: own });
    }
    found
}

fn manage<R: Recorder>(cx: &mut Sync<'_, R>, spec: &DaemonSetSpec, nodes: &[DaemonNode<'_, ByUid>]) -> Changes<ByUid> {
    let surges = rolling::allows_surge(&spec.max_surge) && !spec.on_delete;
    let mut changes = Changes::default();
    let mut wait = None;
    let mut ended = Vec::new();
    let now = cx.now;
    let waits = cx.memories.daemon_sets.entry(cx.id).or_default();
    for node in nodes {
        let may_delete = |pod: &DaemonPod<ByUid>| {
            let failed = pod.phase == Phase::Failed;
            let allowed = if failed { waits.next(node.node, spec.template_hash, now) } else { Ok(()) };
            match allowed {
                Ok(()) => ended.push((*pod, node.node)),
                Err(left) => wait = Some(wait.map_or(left, |least: SimDuration| least.min(left))),
            }
            allowed.is_ok()
        };
        placement::manage(node, surges, may_delete, &mut changes);
    }
    if let Some(wait) = wait {
        cx.again_after(wait);
    }
    for (pod, node) in ended {
        tell_end(cx, &pod, node);
    }
    changes
}

/// Tells of a pod that is deleted because it has ended.
fn tell_end<R: Recorder>(cx: &mut Sync<'_, R>, pod: &DaemonPod<ByUid>, node: NodeId) {
    let (plan, cluster) = (cx.plan, cx.cluster);
    let failed = pod.phase == Phase::Failed;
    let (event, how, what) = match failed {
        true => (KubeEvent::FailedDaemonPod, "failed", "kill"),
        false => (KubeEvent::SucceededDaemonPod, "succeeded", "delete"),
    };
    let slot = pod.key.0.pod;
    cx.event(event, || {
        let (workload, ordinal) = cluster.pods().source(slot);
        let template = cluster.pods().template(slot);
        let namespace = plan.strings.text(plan.templates[template].namespace);
        let (name, node) =
            (plan.pod_name(workload, template, ordinal), plan.strings.text(cluster.nodes().get(node).name));
        format!("Found {how} daemon pod {namespace}/{name} on node {node}, will try to {what} it")
    });
}
