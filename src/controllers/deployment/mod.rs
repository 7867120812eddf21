//! Deployments: ReplicaSets of the present template and of earlier ones, and how many pods each has. Mirrors
//! pkg/controller/deployment/{deployment_controller,sync,rolling,recreate}.go, v1.34 (spec 8.1).

pub mod progress;
pub mod rolling;
pub mod scaling;

use std::borrow::Cow;

use smallvec::SmallVec;

use super::script::{Sync, Write};
use crate::api::{NewObject, ObjectRow, Propagation};
use crate::base::SimDuration;
use crate::model::ObjectId;
use crate::model::objects::{
    DeploymentSpec, DeploymentStatus, DeploymentStrategy, ObjectSpec, ObjectStatus, ReplicaSetSpec,
};
use crate::model::status::ConditionStatus;
use crate::record::Recorder;
use progress::Deadline;
use rolling::{Goal, ReplicaSetSize};
use scaling::Past;

/// Reason of the condition `ReplicaFailure`.
const FAILED_CREATE: &str = "FailedCreate";
/// How long after the deadline a Deployment is looked at that had no progress until then.
const PAST_DEADLINE: SimDuration = SimDuration::from_millis(5);

/// Most Deployments have no more ReplicaSets.
const FEW: usize = 4;

/// One sync.
pub(super) fn sync<R: Recorder>(cx: &mut Sync<'_, R>) {
    let cluster = cx.cluster;
    let row = cluster.objects().get(cx.id);
    let Some(spec) = row.spec.deployment() else { return };
    Rollout::new(cx, row, spec).run(cx);
}

/// A Deployment and its ReplicaSets while it is synced.
struct Rollout<'a> {
    row: &'a ObjectRow,
    spec: &'a DeploymentSpec,
    goal: Goal,
    deadline: Deadline,
    /// Its ReplicaSets, oldest first; `None`: one that this sync makes.
    ids: SmallVec<[Option<ObjectId>; FEW]>,
    /// Their specs as far as this sync has come.
    specs: SmallVec<[Cow<'a, ReplicaSetSpec>; FEW]>,
    /// Their sizes when the sync began.
    sizes: SmallVec<[ReplicaSetSize; FEW]>,
    /// Which of them has the present template.
    new: Option<usize>,
    /// The status that was last written.
    status: DeploymentStatus,
}

impl<'a> Rollout<'a> {
    fn new<R: Recorder>(cx: &Sync<'a, R>, row: &'a ObjectRow, spec: &'a DeploymentSpec) -> Self {
        let (mut ids, mut specs, mut sizes) = (SmallVec::new(), SmallVec::new(), SmallVec::new());
        for &id in row.children() {
            let child = cx.cluster.objects().get(id);
            if let Some(set) = child.spec.replica_set() {
                ids.push(Some(id));
                sizes.push(ReplicaSetSize::of(set, child.status.replica_set()));
                specs.push(Cow::Borrowed(set));
            }
        }
        Self {
            row,
            spec,
            goal: Goal::of(spec),
            deadline: Deadline { seconds: spec.progress_deadline_seconds, generation: row.generation },
            ids,
            new: specs.iter().position(|set: &Cow<'_, ReplicaSetSpec>| set.template_hash == spec.template_hash),
            specs,
            sizes,
            status: row.status.deployment().cloned().unwrap_or_default(),
        }
    }

    fn run<R: Recorder>(&mut self, cx: &mut Sync<'_, R>) {
        if self.row.deleting.is_some() {
            return self.report(cx, false);
        }
        if progress::note_pause(&mut self.status.progressing, self.spec.paused, self.deadline.seconds, cx.now) {
            self.put_status(cx);
        }
        if self.spec.paused || scaling::is_scaling_event(&self.goal, &self.sizes) {
            self.sync_new(cx);
            let mut sizes = self.sizes();
            scaling::scale(&self.goal, &mut sizes, self.new, self.status.replicas);
            self.write_sizes(cx, &sizes);
            if self.spec.paused {
                self.clean_up(cx);
            }
            return self.report(cx, false);
        }
        match self.spec.strategy {
            DeploymentStrategy::RollingUpdate { .. } => self.roll(cx),
            DeploymentStrategy::Recreate => self.recreate(cx),
        }
        self.report(cx, true);
    }

    /// Their sizes when the sync began, to be changed.
    fn sizes(&self) -> SmallVec<[ReplicaSetSize; FEW]> {
        SmallVec::from_slice(&self.sizes)
    }

    fn roll<R: Recorder>(&mut self, cx: &mut Sync<'_, R>) {
        let new = self.sync_or_make_new(cx);
        let mut sizes = self.sizes();
        let all = rolling::total(&sizes);
        if let Some(size) = rolling::reconcile_new(&self.goal, sizes[new].replicas, all) {
            sizes[new].replicas = size;
            return self.write_sizes(cx, &sizes);
        }
        // The new one stands behind the old ones for a moment.
        sizes[new..].rotate_left(1);
        let (newest, old) = sizes.split_last_mut().expect("the new one is there");
        let taken = rolling::reconcile_old(&self.goal, old, newest);
        sizes[new..].rotate_right(1);
        self.write_sizes(cx, &sizes);
        // After an error upstream tries again when the ReplicaSet has caught up, which is told.
        if taken == Ok(0) {
            self.clean_up_if_complete(cx);
        }
    }

    fn recreate<R: Recorder>(&mut self, cx: &mut Sync<'_, R>) {
        self.sync_new(cx);
        let mut sizes = self.sizes();
        let old = |at: &usize| Some(*at) != self.new;
        let running: Vec<usize> = (0..sizes.len()).filter(old).filter(|&at| sizes[at].replicas > 0).collect();
        if !running.is_empty() {
            running.into_iter().for_each(|at| sizes[at].replicas = 0);
            return self.write_sizes(cx, &sizes);
        }
        let pods = cx.cluster.pods();
        let has_pods = |at: usize| {
            let of = self.ids[at].into_iter().flat_map(|id| cx.cluster.pods_of(id));
            sizes[at].actual > 0 || of.into_iter().any(|pod| !pods.phase(pod.pod).is_terminal())
        };
        if (0..sizes.len()).filter(old).any(has_pods) {
            return;
        }
        let new = self.sync_or_make_new(cx);
        let mut sizes = self.sizes();
        sizes[new].replicas = self.goal.replicas;
        self.write_sizes(cx, &sizes);
        self.clean_up_if_complete(cx);
    }

    /// Brings what the new ReplicaSet says of its Deployment up to date. Source: getNewReplicaSet.
    fn sync_new<R: Recorder>(&mut self, cx: &mut Sync<'_, R>) {
        let Some(new) = self.new else { return };
        let revision = self.next_revision();
        let set = &self.specs[new];
        if set.revision < revision || set.min_ready_seconds != self.spec.min_ready_seconds {
            let set = self.specs[new].to_mut();
            set.revision = set.revision.max(revision);
            set.min_ready_seconds = self.spec.min_ready_seconds;
            self.put_spec(cx, new);
        } else if self.deadline.seconds.is_some() && self.status.progressing.is_none() {
            self.note_progress(cx, progress::reason::FOUND_REPLICA_SET);
        }
    }

    fn next_revision(&self) -> i64 {
        let old = self.specs.iter().enumerate().filter(|(at, _)| Some(*at) != self.new);
        old.map(|(_, set)| set.revision).max().unwrap_or(0) + 1
    }

    fn sync_or_make_new<R: Recorder>(&mut self, cx: &mut Sync<'_, R>) -> usize {
        self.sync_new(cx);
        if let Some(new) = self.new {
            return new;
        }
        let replicas = rolling::new_size(&self.goal, 0, rolling::total(&self.sizes));
        let set = ReplicaSetSpec {
            replicas,
            selector: self.spec.replica_set_selector.clone(),
            template: self.spec.template,
            template_hash: self.spec.template_hash,
            min_ready_seconds: self.spec.min_ready_seconds,
            revision: self.next_revision(),
            desired_replicas: Some(self.goal.replicas),
            max_replicas: Some(self.goal.max_replicas()),
        };
        cx.then(Write::CreateObject(Box::new(NewObject {
            namespace: self.row.namespace,
            name: cx.plan.strings.text(self.spec.replica_set_name).into(),
            owner: Some(cx.id),
            workload: self.row.workload,
            spec: ObjectSpec::ReplicaSet(set.clone()),
        })));
        self.ids.push(None);
        self.sizes.push(ReplicaSetSize::of(&set, None));
        self.specs.push(Cow::Owned(set));
        self.new = Some(self.ids.len() - 1);
        if self.deadline.seconds.is_some() {
            self.note_progress(cx, progress::reason::NEW_REPLICA_SET);
        }
        self.ids.len() - 1
    }

    fn note_progress<R: Recorder>(&mut self, cx: &mut Sync<'_, R>, reason: &'static str) {
        progress::set_condition(&mut self.status.progressing, ConditionStatus::True, reason, cx.now);
        self.put_status(cx);
    }

    fn put_status<R: Recorder>(&self, cx: &mut Sync<'_, R>) {
        cx.then(Write::PutStatus(cx.id, Box::new(ObjectStatus::Deployment(self.status.clone()))));
    }

    fn put_spec<R: Recorder>(&self, cx: &mut Sync<'_, R>, at: usize) {
        if let Some(id) = self.ids[at] {
            cx.then(Write::PutSpec(id, Box::new(ObjectSpec::ReplicaSet(ReplicaSetSpec::clone(&self.specs[at])))));
        }
    }

    /// Writes the sizes that differ from those at the beginning.
    fn write_sizes<R: Recorder>(&mut self, cx: &mut Sync<'_, R>, sizes: &[ReplicaSetSize]) {
        for (at, size) in sizes.iter().enumerate() {
            let mut size = *size;
            if size.replicas != self.sizes[at].replicas {
                size.note(&self.goal);
            }
            let set = &self.specs[at];
            let now = (size.replicas, size.desired, size.max);
            if now != (set.replicas, set.desired_replicas, set.max_replicas) {
                let set = self.specs[at].to_mut();
                (set.replicas, set.desired_replicas, set.max_replicas) = now;
                self.put_spec(cx, at);
            }
        }
    }

    fn clean_up_if_complete<R: Recorder>(&self, cx: &mut Sync<'_, R>) {
        if progress::is_complete(self.goal.replicas, &self.status, self.deadline.generation) {
            self.clean_up(cx);
        }
    }

    /// Deletes old ReplicaSets beyond `revisionHistoryLimit`.
    fn clean_up<R: Recorder>(&self, cx: &mut Sync<'_, R>) {
        let mut old: SmallVec<[usize; FEW]> = (0..self.ids.len()).filter(|at| Some(*at) != self.new).collect();
        if scaling::remembered(self.spec.revision_history_limit) >= old.len() {
            return;
        }
        old.sort_by_key(|&at| self.specs[at].revision);
        let past = |&at: &usize| {
            let row = self.ids[at].map(|id| cx.cluster.objects().get(id));
            let observed = row.and_then(|row| row.status.replica_set()).map(|status| status.observed_generation);
            Past {
                replicas: self.specs[at].replicas,
                actual: self.sizes[at].actual,
                observed: row.is_some_and(|row| observed.is_some_and(|seen| seen >= row.generation)),
                deleting: row.is_some_and(|row| row.deleting.is_some()),
            }
        };
        let past: Vec<Past> = old.iter().map(past).collect();
        for at in scaling::forgotten(&past, self.spec.revision_history_limit) {
            if let Some(id) = self.ids[old[at]] {
                cx.then(Write::DeleteObject(id, Propagation::Background));
            }
        }
    }

    /// Writes the status at the end, if it is another. `rollout`: whether progress is looked at.
    fn report<R: Recorder>(&self, cx: &mut Sync<'_, R>, rollout: bool) {
        let new = self.new.map(|new| &self.sizes[new]);
        let generation = self.deadline.generation;
        let mut status = progress::calculate_status(&self.goal, &self.sizes, new, &self.status, generation, cx.now);
        if rollout {
            progress::sync_progress(&self.goal, &self.status, &mut status, self.deadline, cx.now);
            let failed = |id: &ObjectId| {
                cx.cluster.objects().get(*id).status.replica_set().is_some_and(|status| status.replica_failure)
            };
            if self.ids.iter().flatten().any(failed) {
                progress::set_condition(&mut status.replica_failure, ConditionStatus::True, FAILED_CREATE, cx.now);
            } else {
                status.replica_failure = None;
            }
        }
        if rollout
            && let Some(after) = progress::requeue_stuck(self.goal.replicas, &status, &status, self.deadline, cx.now)
        {
            // Upstream looks again and again for less than a second, and then a second after the deadline; if the status is
            // another, only when it is written. A rollout that was complete never times out, so there looking again changes
            // nothing.
            let short = after == SimDuration::ZERO;
            if !short {
                cx.again_after(after + SimDuration::from_secs(1));
            } else if status.progressing.is_none_or(|now| now.reason != progress::reason::AVAILABLE) {
                cx.again_after(PAST_DEADLINE);
            }
        }
        if status != self.status {
            cx.finally(Write::PutStatus(cx.id, Box::new(ObjectStatus::Deployment(status))));
        }
    }
}
