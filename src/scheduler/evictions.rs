//! Evictions by the scheduler: what preemption asks of the API's objects, and the calls that evict victims. Part of the
//! component; decides nothing. Mirrors `prepareCandidate` of pkg/scheduler/framework/preemption/preemption.go (v1.34.1).

use std::cell::OnceCell;

use super::diagnosis::{FitError, PostFilter};
use super::framework::Plugin;
use super::plugins::default_preemption::Candidate;
use super::preemption::Victims;
use super::scheduler::{Scheduler, Timer};
use crate::api::{Cluster, ObjectRow, Op, PodRef};
use crate::base::{IdPages, SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::objects::{BudgetState, ObjectKind};
use crate::model::plan::Plan;
use crate::model::strings::known;
use crate::model::{ClassId, ConditionStatus, DisruptionBudget, NodeId, PodCondition, PodConditionType, PodId, PodUid};
use crate::record::{KubeEvent, Recorder};

/// Victims that are being evicted for a pod.
#[derive(Clone, Debug)]
pub(super) struct Eviction {
    /// For whom.
    pub preemptor: PodRef,
    /// Where.
    pub node: NodeId,
    /// Who is left. The last is evicted when all others are.
    pub victims: Vec<PodRef>,
}

/// The API's objects as preemption sees them.
pub(super) struct Objects<'a> {
    pub cluster: &'a Cluster,
    pub plan: &'a Plan,
    /// The pods that the slots stand for, as far as the scheduler knows.
    pub uids: &'a IdPages<PodId, Option<PodUid>>,
    pub now: SimTime,
    allowed: OnceCell<Vec<i64>>,
}

impl<'a> Objects<'a> {
    pub fn new(cluster: &'a Cluster, plan: &'a Plan, uids: &'a IdPages<PodId, Option<PodUid>>, now: SimTime) -> Self {
        Self { cluster, plan, uids, now, allowed: OnceCell::new() }
    }

    /// The object that the scheduler means by `pod`, if it is still there.
    fn object(&self, pod: PodId) -> Option<PodRef> {
        let uid = self.uids.get(pod).copied().flatten()?;
        Some(PodRef { pod, uid }).filter(|&pod| self.cluster.pods().exists(pod))
    }

    /// The budgets that exist.
    fn budgets(&self) -> impl Iterator<Item = (&'a ObjectRow, &'a DisruptionBudget)> + use<'a> {
        let rows = self.cluster.objects().of_kind(ObjectKind::PodDisruptionBudget);
        rows.filter_map(|(_, row)| Some((row, row.spec.budget()?)))
    }

    /// `disruptionsAllowed` of every budget.
    fn allowed(&self) -> &[i64] {
        self.allowed.get_or_init(|| {
            let allowed =
                self.budgets().map(|(row, _)| row.status.budget().map_or(0, |state| state.disruptions_allowed));
            allowed.map(i64::from).collect()
        })
    }
}

impl Victims for Objects<'_> {
    fn started(&self, pod: PodId) -> SimTime {
        self.object(pod).and_then(|pod| self.cluster.pods().started(pod.pod)).unwrap_or(self.now)
    }

    fn has_started(&self, pod: PodId) -> bool {
        self.object(pod).is_some_and(|pod| self.cluster.pods().started(pod.pod).is_some())
    }

    fn starts_on(&self, node: NodeId) -> Option<u32> {
        Some(self.cluster.pods().starts_on(node))
    }

    fn evicted_by_scheduler(&self, pod: PodId) -> bool {
        let by_scheduler = |pod: PodRef| {
            let pods = self.cluster.pods();
            let condition = pods.conditions(pod.pod).get(PodConditionType::DisruptionTarget);
            let by_scheduler = |condition: PodCondition| {
                condition.status == ConditionStatus::True && condition.reason == known::PREEMPTION_BY_SCHEDULER
            };
            pods.deleting(pod.pod) && condition.is_some_and(by_scheduler)
        };
        self.object(pod).is_some_and(by_scheduler)
    }

    fn disruptions_allowed(&self) -> Vec<i64> {
        self.allowed().to_vec()
    }

    fn budgets_of(&self, pod: PodId, budgets: &mut Vec<usize>) {
        let Some(PodRef { pod, uid }) = self.object(pod) else { return };
        let (plan, pods) = (self.plan, self.cluster.pods());
        let template = &plan.templates[pods.template(pod)];
        let labels = plan.strings.labels(template.labels);
        for (at, (row, budget)) in self.budgets().enumerate() {
            // Those that are going already were counted when they were evicted.
            let is_going = |state: &BudgetState| state.disrupted.iter().any(|(going, _)| *going == uid);
            if budget.protects(template.namespace, labels, &plan.strings) && !row.status.budget().is_some_and(is_going)
            {
                budgets.push(at);
            }
        }
    }
}

impl Scheduler {
    /// The API's objects as preemption would see them at `now`, for questions from outside.
    pub fn victims<'a>(&'a self, cluster: &'a Cluster, plan: &'a Plan, now: SimTime) -> impl Victims + 'a {
        Objects::new(cluster, plan, &self.uids, now)
    }

    /// Writes for which node a pod that found no place is nominated now: in memory at once, and in its status.
    pub(super) fn nominate<T, R>(
        &mut self,
        env: &mut Env<'_, T, R>,
        pod: PodRef,
        class: ClassId,
        chosen: Option<&Candidate>,
        error: &FitError,
    ) {
        let node = match (chosen, &error.post_filter) {
            (Some(chosen), _) => Some(chosen.node),
            // Evictions do not help, or were not asked for because there is no node at all.
            (None, PostFilter::NoCandidate { .. } | PostFilter::Silent) => None,
            (None, _) => return,
        };
        match node {
            Some(node) => self.view.nominate(pod.pod, class, node),
            None => _ = self.view.clear_nomination(pod.pod),
        }
        let _ = env.cluster.request(env.now, Op::Nominate { pod, node, class });
    }

    /// The victims that are not going yet.
    fn victims_of<T, R>(&self, env: &Env<'_, T, R>, chosen: &Candidate) -> Vec<PodRef> {
        let pods = env.cluster.pods();
        let object = |pod| Some(PodRef { pod, uid: self.uids.get(pod).copied().flatten()? });
        let victims = chosen.victims.iter().filter_map(|victim| object(victim.pod));
        victims.filter(|&victim| pods.exists(victim) && !pods.deleting(victim.pod)).collect()
    }

    /// Evicts within the cycle.
    pub(super) fn evict_at_once<T, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        pod: PodRef,
        class: ClassId,
        chosen: &Candidate,
    ) {
        self.victims_of(env, chosen).into_iter().for_each(|victim| evict(env, victim, pod, chosen.node));
        self.clear_lower_nominations(env, chosen.node, class);
    }

    /// Begins to evict beside the cycles. The pod, which is still being tried, is held back until only the last victim is left:
    /// its end is what the pod waits for.
    pub(super) fn start_evicting<T: Timers<Timer>, R>(
        &mut self,
        env: &mut Env<'_, T, R>,
        pod: PodRef,
        class: ClassId,
        chosen: &Candidate,
    ) {
        let victims = self.victims_of(env, chosen);
        if victims.is_empty() {
            return;
        }
        let tables = self.view.tables();
        if tables.profile(&tables.class(class)).pre_enqueue.contains(&Plugin::DefaultPreemption) {
            self.queue.set_gate(pod.pod, Some(Plugin::DefaultPreemption));
        }
        let cleared = self.clear_lower_nominations(env, chosen.node, class);
        let number = self.next_eviction;
        self.next_eviction = self.next_eviction.wrapping_add(1);
        self.evictions.insert(number, Eviction { preemptor: pod, node: chosen.node, victims });
        // Two calls a victim: its condition and its deletion. Nominations are cleared one by one before.
        env.timers.after(env.plan.control_plane.binding * (2 + cleared), Timer::Evict(number));
    }

    /// Evicts all that are left but the last, or the last.
    pub(super) fn go_on_evicting<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, number: u32) {
        let Eviction { preemptor, node, mut victims } = self.evictions.remove(&number).expect("evictions have timers");
        let last = victims.pop().expect("somebody is left to evict");
        if victims.is_empty() {
            if self.uids.get(preemptor.pod).copied().flatten() == Some(preemptor.uid) {
                self.lift(env, preemptor, last);
            }
            evict(env, last, preemptor, node);
            return;
        }
        victims.into_iter().for_each(|victim| evict(env, victim, preemptor, node));
        self.evictions.insert(number, Eviction { preemptor, node, victims: vec![last] });
        env.timers.after(env.plan.control_plane.binding * 2, Timer::Evict(number));
    }

    /// Holds a pod back no longer, as only this victim is left: its end is what the pod waits for. Upstream forgets a pod that
    /// was to be tried in the meantime, as the victim had ended by itself. That is a race of a few milliseconds; where
    /// calls take no time there is none.
    fn lift<T, R>(&mut self, env: &Env<'_, T, R>, preemptor: PodRef, last: PodRef) {
        let is_known = self.uids.get(last.pod).copied().flatten() == Some(last.uid);
        let comes = is_known && self.view.place_of(last.pod).is_some();
        let queued = self.queue.get(preemptor.pod).map(|info| info.class);
        match queued {
            Some(class) if !comes && env.plan.control_plane.binding == SimDuration::ZERO => {
                self.queue.update(self.view.tables(), preemptor.pod, class, None, env.now);
            }
            _ => self.queue.set_gate(preemptor.pod, None),
        }
    }

    /// Pods of lower priority than `class` that wait for `node` may find no room there any more. Returns how many there were.
    fn clear_lower_nominations<T, R>(&self, env: &mut Env<'_, T, R>, node: NodeId, class: ClassId) -> i64 {
        let priority = self.view.tables().class(class).priority;
        let lower = self.view.nominations().on(node).iter().filter(|nominee| nominee.priority < priority);
        let mut cleared = 0;
        for nominee in lower {
            if let Some(uid) = self.uids.get(nominee.pod).copied().flatten() {
                let pod = PodRef { pod: nominee.pod, uid };
                let _ = env.cluster.request(env.now, Op::Nominate { pod, node: None, class: nominee.class });
                cleared += 1;
            }
        }
        cleared
    }
}

/// Evicts one victim: says why in its condition, and deletes it with its own grace. One that is gone or going is left alone.
pub(super) fn evict<T, R: Recorder>(env: &mut Env<'_, T, R>, victim: PodRef, preemptor: PodRef, node: NodeId) {
    let pods = env.cluster.pods();
    if !pods.exists(victim) || pods.deleting(victim.pod) {
        return;
    }
    let spec_grace_seconds = env.plan.templates[pods.template(victim.pod)].grace_period_seconds;
    let kind = PodConditionType::DisruptionTarget;
    let condition = PodCondition { status: ConditionStatus::True, reason: known::PREEMPTION_BY_SCHEDULER };
    let _ = env.cluster.request(env.now, Op::SetCondition { pod: victim, kind, condition });
    env.counters.pods_preempted += 1;
    let deletion = Op::DeletePod { pod: victim, grace_seconds: None, spec_grace_seconds };
    let _ = env.cluster.request(env.now, deletion);
    let (plan, name) = (env.plan, env.cluster.nodes().get(node).name);
    env.pod_event(victim.uid, KubeEvent::Preempted, || {
        format!("Preempted by pod {} on node {}", preemptor.uid.raw(), plan.strings.text(name))
    });
}
