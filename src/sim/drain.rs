//! `kubectl drain`: which pods it evicts, how often it asks, when it is done. A client of the API like any other. Mirrors
//! staging/src/k8s.io/kubectl/pkg/drain/{drain,filters}.go and pkg/cmd/drain/drain.go, v1.34.

use std::collections::VecDeque;

use super::event::Event;
use super::world::World;
use crate::api::{Op, PodRef, Rejection};
use crate::base::{SimDuration, SimTime};
use crate::engine::{Kernel, Ranked};
use crate::model::objects::ObjectKind;
use crate::model::plan::DrainPlan;
use crate::model::{NodeId, Phase, StrId, VolumeSource};
use crate::record::{Fact, Recorder};

/// From a refused eviction to the next attempt.
const RETRY: SimDuration = SimDuration::from_secs(5);
/// Between two looks whether pods are gone.
const POLL: SimDuration = SimDuration::from_secs(1);

/// A drain that began.
#[derive(Clone, Debug)]
pub(super) struct Drain {
    plan: DrainPlan,
    /// Nodes whose turn has not come.
    next: VecDeque<StrId>,
    /// The node whose turn it is.
    node: Option<StrId>,
    /// Pods whose eviction was refused for now.
    refused: Vec<PodRef>,
    /// Pods that are going.
    going: Vec<PodRef>,
    /// When refused pods are asked again.
    retry_at: SimTime,
    /// When it gives the node up.
    deadline: SimTime,
    failed: bool,
}

/// A pod on a node as a drain looks at it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Drained {
    /// Its phase.
    pub phase: Phase,
    /// The kind of its controller, if that exists.
    pub controller: Option<ObjectKind>,
    /// Whether it has an emptyDir.
    pub empty_dir: bool,
}

/// What a drain does with a pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It is evicted.
    Evict,
    /// It stays.
    Stay,
    /// Nothing is evicted from this node, and why.
    Refuse(&'static str),
}

/// Mirrors the filters of filters.go, in their order. Static pods are not modelled.
pub(super) fn verdict(pod: Drained, plan: &DrainPlan) -> Verdict {
    let finished = matches!(pod.phase, Phase::Succeeded | Phase::Failed);
    if pod.controller == Some(ObjectKind::DaemonSet) && !finished {
        return if plan.ignore_daemonsets {
            Verdict::Stay
        } else {
            Verdict::Refuse("cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)")
        };
    }
    if pod.empty_dir && !finished && !plan.delete_emptydir_data {
        return Verdict::Refuse("cannot delete Pods with local storage (use --delete-emptydir-data to override)");
    }
    if pod.controller.is_none() && !finished && !plan.force {
        return Verdict::Refuse("cannot delete Pods that declare no controller (use --force to override)");
    }
    Verdict::Evict
}

impl World {
    /// Begins a drain: all nodes are cordoned, then it is the first one's turn.
    pub(super) fn begin_drain<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, plan: DrainPlan) {
        for name in &plan.nodes {
            if let Some(&node) = self.node_names.get(name) {
                self.cordon(kernel, recorder, node, true);
            }
        }
        let next = plan.nodes.iter().copied().collect();
        self.drains.push(Drain {
            plan,
            next,
            node: None,
            refused: Vec::new(),
            going: Vec::new(),
            retry_at: SimTime::NEVER,
            deadline: SimTime::NEVER,
            failed: false,
        });
        self.drain(kernel, recorder, self.drains.len() - 1);
    }

    /// A drain goes on: refused pods are asked again when it is time, and the next node has its turn when all are gone.
    pub(super) fn drain<R: Recorder>(&mut self, kernel: &mut Kernel<Event>, recorder: &mut R, at: usize) {
        let now = kernel.now();
        loop {
            if now >= self.drains[at].retry_at {
                self.evict_refused(recorder, now, at);
            }
            let pods = self.cluster.pods();
            self.drains[at].going.retain(|pod| pods.exists(*pod));
            let drain = &mut self.drains[at];
            let over = now >= drain.deadline;
            if drain.node.is_some() && !over && !(drain.refused.is_empty() && drain.going.is_empty()) {
                let poll = if drain.going.is_empty() { SimTime::NEVER } else { now + POLL };
                let retry = if drain.refused.is_empty() { SimTime::NEVER } else { drain.retry_at };
                let event = Event::Drain(u32::try_from(at).expect("few drains"));
                kernel.schedule_at(poll.min(retry).min(drain.deadline), event.rank(), event);
                return;
            }
            if let Some(name) = drain.node.take() {
                let failed = drain.failed || over;
                (drain.refused, drain.going) = (Vec::new(), Vec::new());
                let name = self.plan.strings.text(name);
                let why = if over { " due to error: drain did not complete within its timeout" } else { "" };
                say(recorder, now, || match failed {
                    true => format!("error: unable to drain node \"{name}\"{why}, continuing command..."),
                    false => format!("node/{name} drained"),
                });
            }
            let Some(name) = self.drains[at].next.pop_front() else { return };
            self.drain_node(recorder, now, at, name);
        }
    }

    /// Asks for the eviction of one pod, from outside of the plan.
    pub(super) fn evict<R: Recorder>(
        &mut self,
        kernel: &mut Kernel<Event>,
        recorder: &mut R,
        pod: PodRef,
    ) -> Result<(), Rejection> {
        if !self.cluster.pods().exists(pod) {
            return Err(Rejection::NotFound);
        }
        let template = &self.plan.templates[self.cluster.pods().template(pod.pod)];
        let op = Op::EvictPod { pod, template, strings: &self.plan.strings };
        let result = self.cluster.request(kernel.now(), op);
        self.after_event(kernel, recorder);
        result.map(|_| ())
    }

    /// Looks at the pods of the node whose turn it is.
    fn drain_node<R: Recorder>(&mut self, recorder: &mut R, now: SimTime, at: usize, name: StrId) {
        let Some(node) = self.node_names.get(&name).copied() else { return };
        let (mut evicted, mut errors) = (Vec::new(), Vec::new());
        for (pod, drained) in self.pods_to_drain(node) {
            match verdict(drained, &self.drains[at].plan) {
                Verdict::Evict => evicted.push(pod),
                Verdict::Stay => {}
                Verdict::Refuse(why) => errors.push((why, pod)),
            }
        }
        let drain = &mut self.drains[at];
        if !errors.is_empty() {
            drain.failed = true;
            self.counters.changes_refused += 1;
            let (name, errors) = (self.plan.strings.text(name), self.why_not(&errors));
            say(recorder, now, || {
                format!("error: unable to drain node \"{name}\" due to error: {errors}, continuing command...")
            });
            return;
        }
        drain.node = Some(name);
        drain.failed = false;
        drain.refused = evicted;
        drain.deadline = drain.plan.timeout.map_or(SimTime::NEVER, |timeout| now + timeout);
        drain.retry_at = now;
    }

    /// The pods of a node with what matters of them, in the order of their creation.
    fn pods_to_drain(&self, node: NodeId) -> Vec<(PodRef, Drained)> {
        let pods = self.cluster.pods();
        let mut all: Vec<PodRef> = pods.on_node(node).collect();
        all.sort_unstable_by_key(|pod| pod.uid);
        let look = |pod: PodRef| {
            let owner = pods.owned(pod.pod).and_then(|owned| self.cluster.objects().existing(owned.object));
            let volumes = &self.plan.templates[pods.template(pod.pod)].volumes;
            let empty_dir = volumes.iter().any(|volume| matches!(volume.source, VolumeSource::EmptyDir { .. }));
            let controller = owner.map(crate::api::ObjectRow::kind);
            (pod, Drained { phase: pods.phase(pod.pod), controller, empty_dir })
        };
        all.into_iter().map(look).collect()
    }

    /// kubectl's list of errors: each with the pods that it is about.
    fn why_not(&self, errors: &[(&'static str, PodRef)]) -> String {
        let mut reasons: Vec<&str> = errors.iter().map(|(why, _)| *why).collect();
        reasons.sort_unstable();
        reasons.dedup();
        let of = |reason: &str| {
            let pods = errors.iter().filter(|(why, _)| *why == reason).map(|(_, pod)| self.full_name(*pod));
            format!("{reason}: {}", pods.collect::<Vec<_>>().join(", "))
        };
        let texts: Vec<String> = reasons.into_iter().map(of).collect();
        if let [one] = texts.as_slice() { one.clone() } else { format!("[{}]", texts.join(", ")) }
    }

    fn full_name(&self, pod: PodRef) -> String {
        let pods = self.cluster.pods();
        let (workload, ordinal) = pods.source(pod.pod);
        let template = pods.template(pod.pod);
        let namespace = self.plan.strings.text(self.plan.templates[template].namespace);
        format!("{namespace}/{}", self.plan.pod_name(workload, template, ordinal))
    }

    /// Asks for the eviction of all pods that were refused so far.
    fn evict_refused<R: Recorder>(&mut self, recorder: &mut R, now: SimTime, at: usize) {
        self.drains[at].retry_at = now + RETRY;
        for pod in std::mem::take(&mut self.drains[at].refused) {
            if !self.cluster.pods().exists(pod) {
                continue;
            }
            let name = if R::ON { self.full_name(pod) } else { String::new() };
            let template = &self.plan.templates[self.cluster.pods().template(pod.pod)];
            let op = Op::EvictPod { pod, template, strings: &self.plan.strings };
            let result = self.cluster.request(now, op);
            let drain = &mut self.drains[at];
            match result {
                Ok(_) | Err(Rejection::Conflict(_)) => drain.going.push(pod),
                Err(Rejection::Eviction(refused)) if refused.http_status() == 429 => {
                    drain.refused.push(pod);
                    say(recorder, now, || {
                        format!("error when evicting pods/\"{name}\" (will retry after 5s): {refused}")
                    });
                    continue;
                }
                Err(Rejection::NotFound) => continue,
                Err(error) => {
                    drain.failed = true;
                    say(recorder, now, || format!("error when evicting pods/\"{name}\": {error}"));
                    continue;
                }
            }
            say(recorder, now, || format!("evicting pod {name}"));
        }
    }
}

fn say<R: Recorder>(recorder: &mut R, now: SimTime, text: impl FnOnce() -> String) {
    if R::ON {
        let note = recorder.note(text);
        recorder.fact(now, Fact::Command(note));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drain_stops_before_it_destroys_what_nobody_brings_back() {
        let plan = |force, ignore_daemonsets, delete_emptydir_data| DrainPlan {
            nodes: Box::default(),
            force,
            ignore_daemonsets,
            delete_emptydir_data,
            timeout: None,
        };
        let pod = |controller, empty_dir| Drained { phase: Phase::Running, controller, empty_dir };
        let refused = |drained, plan: &DrainPlan| matches!(verdict(drained, plan), Verdict::Refuse(_));
        let (daemon, web) = (Some(ObjectKind::DaemonSet), Some(ObjectKind::ReplicaSet));
        let (none, all) = (plan(false, false, false), plan(true, true, true));
        assert!(
            refused(pod(daemon, false), &none) && refused(pod(None, false), &none) && refused(pod(web, true), &none)
        );
        assert_eq!(verdict(pod(web, false), &none), Verdict::Evict);
        assert_eq!(verdict(pod(daemon, true), &all), Verdict::Stay);
        assert_eq!(verdict(pod(None, true), &all), Verdict::Evict);
        let over = Drained { phase: Phase::Succeeded, controller: None, empty_dir: true };
        assert_eq!(verdict(over, &none), Verdict::Evict);
    }
}
