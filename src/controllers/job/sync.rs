//! What one sync of a Job does: which pods it deletes and creates, which it counts, and what its status then says.
//!
//! Knows no API and no clock. Mirrors pkg/controller/job/job_controller.go (`syncJob`, `manageJob`,
//! `trackJobStatusAndRemoveFinalizers`), v1.34 (spec 8.5). Pods carry a finalizer until they are counted: here they are
//! `tracked`.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::backoff::{BackoffRecord, DEFAULT_BACKOFF, IndexFailures, MAX_BACKOFF, remaining_per_index};
use super::failure_policy::{Verdict, counts};
use super::roster::Quiet;
use super::{indexed, success_policy};
use crate::base::{SimDuration, SimTime};
use crate::model::Phase;
use crate::model::indexes::Indexes;
use crate::model::objects::{JobCondition, JobConditionType, JobSpec, JobStatus, PodFailureAction};

/// At most so many pods are created or deleted in one sync (`MaxPodCreateDeletePerSync`).
const MOST_WRITES: usize = 500;
/// At most so many pods are counted in one sync (`MaxUncountedPods`).
const MOST_COUNTED: usize = 500;

/// A pod of a Job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pod {
    /// Its place in the order of creation.
    pub born: u64,
    /// Its completion index, if the Job is indexed.
    pub index: u32,
    /// Its phase.
    pub phase: Phase,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it is not counted yet.
    pub tracked: bool,
    /// Restarts of all its containers.
    pub restarts: u32,
    /// When it finished, if it did or is being deleted.
    pub finished: SimTime,
    /// What the pod failure policy says to it, if it failed.
    pub verdict: Option<Verdict>,
}

impl Pod {
    pub(super) const fn is_active(&self) -> bool {
        !self.phase.is_terminal() && !self.deleting
    }

    const fn is_terminating(&self) -> bool {
        !self.phase.is_terminal() && self.deleting
    }
}

/// What the controller remembers of a Job.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Memory {
    /// Failures since the last success.
    pub backoff: BackoffRecord,
    /// By index: the pods born after the one of this number were created with these failures before them. (Upstream writes
    /// them to the pods' annotations.)
    failures: BTreeMap<u32, SmallVec<[(u64, IndexFailures); 2]>>,
}

impl Memory {
    /// Failures of its index before this pod.
    fn before(&self, pod: &Pod) -> IndexFailures {
        let of_index = self.failures.get(&pod.index).map_or(&[][..], |list| list);
        of_index.iter().rev().find(|(since, _)| *since < pod.born).map_or_else(IndexFailures::default, |&(_, f)| f)
    }

    /// The next pod of the index replaces `pod`.
    fn replace(&mut self, pod: &Pod) {
        let failures = self.before(pod).with(counts(pod.verdict.as_ref()));
        let list = self.failures.entry(pod.index).or_default();
        list.retain(|(since, _)| *since < pod.born);
        if list.len() > 1 {
            list.remove(0);
        }
        list.push((pod.born, failures));
    }
}

/// What a sync does. Pods are told by their places in the list that was given.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// Pods to delete.
    pub delete: Vec<usize>,
    /// Whether those pods do not count: they are untracked before.
    pub uncounted: bool,
    /// Pods to create, of an index if the Job is indexed.
    pub create: Vec<Option<u32>>,
    /// Pods that are counted, and so not tracked any more.
    pub untrack: Vec<usize>,
    /// The status before they are.
    pub interim: JobStatus,
    /// The status after that.
    pub status: JobStatus,
    /// How many pods are active if creating them fails.
    pub active_without_new: i32,
    /// When to look again, if only for the time.
    pub again: Option<SimDuration>,
    /// The Job was suspended or resumed.
    pub suspended: Option<bool>,
    /// The Job is over, for this reason.
    pub over: Option<(JobConditionType, &'static str)>,
    /// The pod because of which a policy fails the Job.
    pub culprit: Option<usize>,
}

fn number<T: TryInto<i32>>(count: T) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}

/// What is worked with while a sync is planned.
struct Syncing<'a> {
    spec: &'a JobSpec,
    pods: &'a [Pod],
    quiet: &'a Quiet,
    now: SimTime,
    plan: Plan,
    /// Places of active pods; the quiet ones have none.
    active_pods: Vec<usize>,
    active: i32,
    succeeded: i32,
    failed: i32,
    done: Indexes,
    lost: Indexes,
    backoff: BackoffRecord,
    /// By index: the failed pod that stays tracked until it is replaced.
    delayed: BTreeMap<u32, usize>,
}

/// Plans a sync at `now` of a Job with `pods`, and `quiet` pods beside them. `by_restarts`: the pods' restart policy is
/// OnFailure. `order` sorts places of active pods, the first to be deleted first. `None`, and nothing has changed: something is
/// to be done about quiet pods, so that they must be among the others.
pub fn plan(
    spec: &JobSpec,
    status: &JobStatus,
    (pods, quiet): (&[Pod], &Quiet),
    memory: &mut Memory,
    by_restarts: bool,
    now: SimTime,
    order: impl FnOnce(&mut [usize]),
) -> Option<Plan> {
    let active_pods: Vec<usize> = (0..pods.len()).filter(|&at| pods[at].is_active()).collect();
    let mut sync = Syncing {
        spec,
        pods,
        quiet,
        now,
        plan: Plan { interim: status.clone(), ..Plan::default() },
        active: number(active_pods.len()) + quiet.count,
        active_pods,
        succeeded: status.succeeded,
        failed: status.failed,
        done: status.completed_indexes.clone(),
        lost: status.failed_indexes.clone(),
        backoff: memory.backoff,
        delayed: BTreeMap::new(),
    };
    let ready = sync.active_pods.iter().filter(|&&at| pods[at].ready).count();
    sync.plan.interim.ready = number(ready) + quiet.ready;
    sync.plan.interim.terminating = number(pods.iter().filter(|pod| pod.is_terminating()).count());
    if status.start.is_none() && !spec.suspend {
        sync.plan.interim.start = Some(now.floor_seconds());
    }
    let known_done = sync.done.clone();
    sync.count_finished();
    let mut end = sync.end(status, by_restarts);
    sync.settle_indexes(memory, &mut end);
    if quiet.count > 0 && (end.is_some() || spec.suspend || sync.has_surplus()) {
        return None;
    }
    if end.is_some() {
        sync.plan.delete = sync.active_pods.clone();
        sync.pods_go();
    } else {
        sync.manage(memory, order);
        if sync.is_complete() {
            end = Some((JobConditionType::SuccessCriteriaMet, "CompletionsReached"));
        } else {
            sync.suspend_or_resume();
        }
    }
    sync.track(end, &known_done);
    if sync.plan.interim != *status || !sync.plan.untrack.is_empty() {
        memory.backoff = sync.backoff;
    }
    Some(sync.plan)
}

impl Syncing<'_> {
    fn is_failed(&self, pod: &Pod) -> bool {
        let gone = !self.spec.replace_only_failed && pod.deleting && pod.phase != Phase::Succeeded;
        pod.phase == Phase::Failed || gone
    }

    fn completions(&self) -> u32 {
        self.spec.completions.and_then(|completions| u32::try_from(completions).ok()).unwrap_or(0)
    }

    fn is_valid(&self, pod: &Pod) -> bool {
        !self.spec.indexed || pod.index < self.completions()
    }

    /// Pods that are tracked and whose index the Job has.
    fn tracked(&self) -> impl Iterator<Item = (usize, &Pod)> {
        self.pods.iter().enumerate().filter(|(_, pod)| pod.tracked && self.is_valid(pod))
    }

    /// What finished since the last sync.
    fn count_finished(&mut self) {
        let (mut succeeded, mut failed) = (Vec::new(), Vec::new());
        let mut counted = 0;
        for (_, pod) in self.tracked() {
            if pod.phase == Phase::Succeeded {
                succeeded.push(pod.finished);
            } else if self.is_failed(pod) {
                failed.push(pod.finished);
                counted += i32::from(counts(pod.verdict.as_ref()));
            }
        }
        self.succeeded += number(succeeded.len());
        self.failed += counted;
        self.backoff = self.backoff.update(&succeeded, &failed);
    }

    /// Whether the Job is to end, by what does not concern its indexes.
    fn end(&mut self, status: &JobStatus, by_restarts: bool) -> Option<(JobConditionType, &'static str)> {
        let known = [JobConditionType::SuccessCriteriaMet, JobConditionType::FailureTarget];
        let known = known.into_iter().find_map(|kind| status.conditions.iter().find(|c| c.kind == kind));
        if let Some(condition) = known {
            return Some((condition.kind, condition.reason));
        }
        let fails = |pod: &Pod| pod.verdict.is_some_and(|verdict| verdict.action == PodFailureAction::FailJob);
        self.plan.culprit = self.pods.iter().position(|pod| self.is_failed(pod) && fails(pod));
        let fail = |reason| Some((JobConditionType::FailureTarget, reason));
        if self.plan.culprit.is_some() {
            return fail("PodFailurePolicy");
        }
        let limit = self.spec.backoff_limit;
        let restarts = self.pods.iter().filter(|pod| matches!(pod.phase, Phase::Pending | Phase::Running));
        let restarts: i64 = restarts.map(|pod| i64::from(pod.restarts)).sum::<i64>() + self.quiet.restarts;
        let too_many = by_restarts && restarts >= i64::from(limit.max(1));
        if self.failed > limit || too_many {
            return fail("BackoffLimitExceeded");
        }
        let start = self.plan.interim.start.filter(|_| !self.spec.suspend)?;
        let left = SimDuration::from_secs(self.spec.active_deadline_seconds?) - self.now.since(start);
        if left <= SimDuration::ZERO {
            return fail("DeadlineExceeded");
        }
        self.look_again(left);
        None
    }

    fn look_again(&mut self, after: SimDuration) {
        self.plan.again = Some(self.plan.again.map_or(after, |known| known.min(after)));
    }

    /// Which indexes succeeded or are lost, and what follows from that.
    fn settle_indexes(&mut self, memory: &Memory, end: &mut Option<(JobConditionType, &'static str)>) {
        if !self.spec.indexed {
            return;
        }
        let new = self.tracked().filter(|(_, pod)| pod.phase == Phase::Succeeded).map(|(_, pod)| pod.index);
        self.done = indexed::with_new(&self.done, new.collect::<Vec<_>>(), self.completions());
        self.succeeded = number(self.done.total());
        let fail = |reason| Some((JobConditionType::FailureTarget, reason));
        if let Some(limit) = self.spec.backoff_limit_per_index {
            let limit = u32::try_from(limit).unwrap_or(0);
            let is_lost = |pod: &Pod| {
                self.is_failed(pod) && indexed::is_index_failed(pod.verdict.as_ref(), memory.before(pod), limit)
            };
            let new: Vec<u32> = self.tracked().filter(|(_, pod)| is_lost(pod)).map(|(_, pod)| pod.index).collect();
            self.lost = indexed::with_new(&self.lost, new, self.completions());
            let lost = self.lost.total();
            if end.is_none() && self.spec.max_failed_indexes.is_some_and(|most| lost > i64::from(most)) {
                *end = fail("MaxFailedIndexesExceeded");
            }
            if end.is_none() && lost > 0 && lost + self.done.total() >= i64::from(self.completions()) {
                *end = fail("FailedIndexes");
            }
            self.delay(memory);
        }
        if end.is_none() && success_policy::matching_rule(&self.spec.success_policy, &self.done).is_some() {
            *end = Some((JobConditionType::SuccessCriteriaMet, "SuccessPolicy"));
        }
    }

    /// The last failed pod of an index that is not settled stays until it is replaced.
    fn delay(&mut self, memory: &Memory) {
        let active: Indexes = self.active_pods.iter().map(|&at| self.pods[at].index).collect();
        let mut delayed: BTreeMap<u32, usize> = BTreeMap::new();
        for (at, pod) in self.tracked().filter(|(_, pod)| self.is_failed(pod)) {
            let index = pod.index;
            if self.done.has(index) || self.lost.has(index) || active.has(index) || self.quiet.has(index) {
                continue;
            }
            let later = |known: usize| {
                let known = &self.pods[known];
                memory.before(known).total() <= memory.before(pod).total() && pod.finished >= known.finished
            };
            if delayed.get(&index).is_none_or(|&known| later(known)) {
                delayed.insert(index, at);
            }
        }
        self.delayed = delayed;
    }

    /// The pods that are to be deleted are terminating from now on.
    fn pods_go(&mut self) {
        let gone = number(self.plan.delete.len());
        let ready = self.plan.delete.iter().filter(|&&at| self.pods[at].ready).count();
        self.active -= gone;
        self.plan.interim.terminating += gone;
        self.plan.interim.ready -= number(ready);
        self.plan.active_without_new = self.active;
    }

    /// How many pods are to be active.
    fn wanted(&self) -> i32 {
        match self.spec.completions {
            None if self.succeeded > 0 => self.active,
            None => self.spec.parallelism,
            Some(completions) => (completions - self.succeeded).min(self.spec.parallelism).max(0),
        }
    }

    /// Whether active pods are too many, or of an index that the Job has not or that another pod has.
    fn has_surplus(&self) -> bool {
        let seen = self.active_pods.iter().map(|&at| self.pods[at].index);
        let last = self.quiet.last();
        self.active > self.wanted()
            || self.spec.indexed
                && (self.quiet.twice > 0
                    || seen.clone().any(|index| self.quiet.has(index))
                    || seen.chain(last).any(|index| index >= self.completions())
                    || {
                        let mut seen: Vec<u32> = self.active_pods.iter().map(|&at| self.pods[at].index).collect();
                        seen.sort_unstable();
                        seen.windows(2).any(|pair| pair[0] == pair[1])
                    })
    }

    /// Too many pods, or too few.
    fn manage(&mut self, memory: &mut Memory, order: impl FnOnce(&mut [usize])) {
        self.plan.active_without_new = self.active;
        self.plan.uncounted = true;
        if self.spec.suspend {
            self.plan.delete = self.active_pods.clone();
            self.pods_go();
            return;
        }
        let wanted = self.wanted();
        self.plan.delete = self.surplus(usize::try_from(self.active - wanted).unwrap_or(0), order);
        self.plan.delete.truncate(MOST_WRITES);
        if !self.plan.delete.is_empty() {
            self.pods_go();
            return;
        }
        let terminating = if self.spec.replace_only_failed { self.plan.interim.terminating } else { 0 };
        let missing = usize::try_from(wanted - terminating - self.active).unwrap_or(0).min(MOST_WRITES);
        if missing == 0 {
            return;
        }
        let per_index = self.spec.indexed && self.spec.backoff_limit_per_index.is_some();
        if !per_index {
            let wait = self.backoff.remaining(DEFAULT_BACKOFF, MAX_BACKOFF, self.now);
            if wait > SimDuration::ZERO {
                self.wait(wait);
                return;
            }
        }
        self.plan.create = if self.spec.indexed {
            let taken = self.active_pods.iter().copied().chain(
                (0..self.pods.len()).filter(|&at| self.spec.replace_only_failed && self.pods[at].is_terminating()),
            );
            let taken = taken.map(|at| self.pods[at].index);
            let (vacant, done, lost) = (&self.quiet.vacant, &self.done, &self.lost);
            let pending = indexed::first_pending(missing, self.completions(), vacant, taken, done, lost);
            let (now, wait) = self.due_indexes(pending, memory);
            if now.is_empty() && wait > SimDuration::ZERO {
                self.wait(wait);
                return;
            }
            for at in now.iter().filter_map(|index| self.delayed.get(index)) {
                memory.replace(&self.pods[*at]);
            }
            now.into_iter().map(Some).collect()
        } else {
            vec![None; missing]
        };
        self.active += number(self.plan.create.len());
    }

    /// Nothing is created for a while; upstream says then that no pod is active.
    fn wait(&mut self, wait: SimDuration) {
        self.look_again(wait);
        self.active = 0;
        self.plan.active_without_new = 0;
    }

    /// Those of the indexes that do not wait for their back-off; how long the first of the others waits.
    fn due_indexes(&self, pending: Vec<u32>, memory: &Memory) -> (Vec<u32>, SimDuration) {
        let mut shortest = SimDuration::FOREVER;
        let mut due = pending;
        due.retain(|index| {
            let Some(&at) = self.delayed.get(index) else { return true };
            let (before, finished) = (memory.before(&self.pods[at]), self.pods[at].finished);
            let wait = remaining_per_index(before, finished, DEFAULT_BACKOFF, MAX_BACKOFF, self.now);
            if wait > SimDuration::ZERO {
                shortest = shortest.min(wait);
            }
            wait == SimDuration::ZERO
        });
        (due, if shortest == SimDuration::FOREVER { SimDuration::ZERO } else { shortest })
    }

    /// Active pods to delete: those whose index the Job has not or another pod has too, and others to make up the number.
    fn surplus(&self, at_least: usize, order: impl FnOnce(&mut [usize])) -> Vec<usize> {
        let mut left = self.active_pods.clone();
        let mut surplus = Vec::new();
        let twice = |left: &[usize]| left.windows(2).any(|pair| self.pods[pair[0]].index == self.pods[pair[1]].index);
        if self.spec.indexed {
            left.sort_by_key(|&at| self.pods[at].index);
            let beyond = left.iter().any(|&at| !self.is_valid(&self.pods[at]));
            if at_least == 0 && !beyond && !twice(&left) {
                return surplus;
            }
        } else if at_least == 0 {
            return surplus;
        }
        order(&mut left);
        if self.spec.indexed {
            let (valid, beyond) = left.into_iter().partition(|&at| self.is_valid(&self.pods[at]));
            surplus = beyond;
            let valid: Vec<usize> = valid;
            // The last of an index, in the order of deletion, is the one that stays.
            let mut kept = std::collections::BTreeSet::new();
            left = Vec::new();
            for at in valid.into_iter().rev() {
                if kept.insert(self.pods[at].index) {
                    left.insert(0, at);
                } else {
                    surplus.push(at);
                }
            }
        }
        let more = at_least.saturating_sub(surplus.len()).min(left.len());
        surplus.extend(left.drain(..more));
        surplus
    }

    fn is_complete(&self) -> bool {
        let enough = self.spec.completions.map_or(self.succeeded > 0, |completions| self.succeeded >= completions);
        enough && self.active == 0
    }

    fn suspend_or_resume(&mut self) {
        let was = self.plan.interim.has(JobConditionType::Suspended);
        if self.spec.suspend == was {
            return;
        }
        self.plan.suspended = Some(self.spec.suspend);
        let interim = &mut self.plan.interim;
        if self.spec.suspend {
            let transition = self.now.floor_seconds();
            interim.conditions.push(JobCondition {
                kind: JobConditionType::Suspended,
                reason: "JobSuspended",
                transition,
            });
        } else {
            interim.conditions.retain(|condition| condition.kind != JobConditionType::Suspended);
            interim.start = Some(self.now.floor_seconds());
        }
    }

    /// Counts pods, and ends the Job once nothing of it is left.
    fn track(&mut self, end: Option<(JobConditionType, &'static str)>, known_done: &Indexes) {
        let mut places: Vec<usize> = (0..self.pods.len()).filter(|&at| self.pods[at].tracked).collect();
        if self.spec.indexed {
            places.sort_by_key(|&at| self.pods[at].index);
        }
        if self.plan.uncounted {
            places.retain(|at| !self.plan.delete.contains(at));
        }
        let (mut succeeded, mut failed, mut indexes) = (0, 0, 0);
        let mut all = true;
        for at in places {
            let pod = &self.pods[at];
            let is_failed = self.is_failed(pod);
            let replaceable = is_failed && self.delayed.get(&pod.index) != Some(&at);
            if end.is_none() && pod.phase != Phase::Succeeded && !replaceable {
                continue;
            }
            self.plan.untrack.push(at);
            let fails = end.is_some_and(|(kind, _)| kind == JobConditionType::FailureTarget);
            if pod.phase == Phase::Succeeded {
                if !self.spec.indexed {
                    succeeded += 1;
                } else if self.is_valid(pod) && !known_done.has(pod.index) {
                    indexes += 1;
                }
            } else if (is_failed || fails) && self.is_valid(pod) && counts(pod.verdict.as_ref()) {
                failed += 1;
            }
            if succeeded + failed + indexes >= MOST_COUNTED {
                all = false;
                break;
            }
        }
        let interim = &mut self.plan.interim;
        interim.active = self.active;
        if self.spec.indexed {
            interim.succeeded = self.succeeded;
            interim.completed_indexes = self.done.clone();
            interim.failed_indexes = self.lost.clone();
        }
        let transition = self.now.floor_seconds();
        if let Some((kind, reason)) = end.filter(|&(kind, _)| !interim.has(kind)) {
            interim.conditions.push(JobCondition { kind, reason, transition });
        }
        let mut status = interim.clone();
        status.succeeded += number(succeeded);
        status.failed += number(failed);
        if let Some((kind, reason)) = end.filter(|_| all && status.terminating == 0) {
            let success = kind == JobConditionType::SuccessCriteriaMet;
            let kind = if success { JobConditionType::Complete } else { JobConditionType::Failed };
            status.conditions.push(JobCondition { kind, reason, transition });
            status.completion = success.then_some(transition);
            self.plan.over = Some((kind, reason));
        }
        self.plan.status = status;
    }
}
