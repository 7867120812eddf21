//! Random histories of a Job: whatever its pods do, every one is counted once, and there are never more than there should be.

use proptest::collection::vec;
use proptest::prelude::*;

use super::roster::{Quiet, Roster};
use super::sync::{Memory, Plan, Pod, plan};
use crate::base::{SimDuration, SimTime};
use crate::model::indexes::Indexes;
use crate::model::objects::{JobConditionType, JobSpec, JobStatus};
use crate::model::{Phase, TemplateId};

fn spec() -> JobSpec {
    JobSpec {
        template: TemplateId::from_raw(0),
        selector: None,
        parallelism: 1,
        completions: Some(1),
        indexed: false,
        backoff_limit: 6,
        backoff_limit_per_index: None,
        max_failed_indexes: None,
        active_deadline_seconds: None,
        ttl_seconds_after_finished: None,
        suspend: false,
        replace_only_failed: false,
        pod_failure_policy: Box::default(),
        success_policy: Box::default(),
    }
}

/// A pod, and what of it was counted.
struct Row {
    pod: Pod,
    gone: bool,
}

struct World {
    spec: JobSpec,
    status: JobStatus,
    memory: Memory,
    rows: Vec<Row>,
    /// Kept from sync to sync.
    roster: Roster<u64>,
    now: SimTime,
    /// Pods of which the Job was told, by how they ended.
    succeeded: Vec<u32>,
    failed: i32,
    /// Syncs for which it was enough to count the pods that just run.
    short: u32,
}

impl World {
    fn new(spec: JobSpec) -> Self {
        let now = SimTime(1_700_000_000_000_000_000);
        let (status, memory) = (JobStatus::default(), Memory::default());
        let roster = Roster::default();
        Self { spec, status, memory, rows: Vec::new(), roster, now, succeeded: Vec::new(), failed: 0, short: 0 }
    }

    fn active(&self) -> Vec<&Pod> {
        let pods = self.rows.iter().map(|row| &row.pod);
        pods.filter(|pod| !pod.phase.is_terminal() && !pod.deleting).collect()
    }

    /// Something happens to a pod that is there.
    fn happen(&mut self, word: u8) {
        self.now += SimDuration::from_millis(i64::from(word) * 150);
        let there: Vec<usize> = (0..self.rows.len()).filter(|&at| !self.rows[at].gone).collect();
        let Some(&at) = there.get(usize::from(word / 8) % there.len().max(1)) else { return };
        let row = &mut self.rows[at];
        let pod = &mut row.pod;
        match word % 8 {
            0 | 1 if pod.phase == Phase::Pending => pod.phase = Phase::Running,
            2 | 3 if !pod.phase.is_terminal() => pod.phase = Phase::Succeeded,
            4 if !pod.phase.is_terminal() => pod.phase = Phase::Failed,
            5 => pod.deleting = true,
            6 if pod.phase == Phase::Running => pod.ready = true,
            7 if pod.deleting || pod.phase.is_terminal() => {
                row.gone = true;
                pod.deleting = true;
                if !pod.phase.is_terminal() {
                    pod.phase = Phase::Failed;
                }
            }
            _ => return,
        }
        if pod.phase.is_terminal() {
            pod.ready = false;
            pod.finished = self.now;
        }
    }

    /// With all pods one by one, and with those that just run together if that is enough: the same comes of both.
    fn plan(&mut self, pods: &[Pod]) -> Plan {
        let known: Vec<u64> = self.roster.all().map(|(born, _)| born).collect();
        let gone = known.iter().filter(|&&born| pods.iter().all(|pod| pod.born != born));
        gone.for_each(|&born| self.roster.put(born, None));
        pods.iter().for_each(|pod| self.roster.put(pod.born, Some(*pod)));
        self.roster.settle(&self.status.completed_indexes);
        self.roster.settle(&self.status.failed_indexes);
        let roster = &self.roster;
        let (mut memory, none, status) = (self.memory.clone(), Quiet::default(), &self.status);
        let order = |places: &mut [usize]| places.reverse();
        let (keys, others): (Vec<u64>, Vec<Pod>) = roster.others().unzip();
        let keys: Vec<usize> = keys.iter().filter_map(|key| pods.iter().position(|pod| pod.born == *key)).collect();
        let short = plan(&self.spec, status, (&others, roster.quiet()), &mut memory, false, self.now, order);
        let all = plan(&self.spec, status, (pods, &none), &mut self.memory, false, self.now, order);
        let all = all.expect("nothing is left out");
        if let Some(mut short) = short {
            assert_eq!(memory, self.memory);
            short.untrack.iter_mut().chain(&mut short.delete).chain(&mut short.culprit).for_each(|at| *at = keys[*at]);
            assert_eq!(short, all);
            self.short += 1;
        }
        all
    }

    fn sync(&mut self) -> Plan {
        self.rows.retain(|row| !row.gone || row.pod.tracked);
        let pods: Vec<Pod> = self.rows.iter().map(|row| row.pod).collect();
        let before = self.status.clone();
        let planned = self.plan(&pods);
        for &at in &planned.delete {
            assert!(
                !self.rows[at].pod.deleting && !self.rows[at].pod.phase.is_terminal(),
                "only active pods are deleted"
            );
            self.rows[at].pod.deleting = true;
            self.rows[at].pod.finished = self.now;
            if planned.uncounted {
                self.rows[at].pod.tracked = false;
            }
        }
        for &at in &planned.untrack {
            let pod = &mut self.rows[at].pod;
            assert!(std::mem::take(&mut pod.tracked), "a pod is counted once");
            if pod.phase == Phase::Succeeded {
                self.succeeded.push(pod.index);
            } else if pod.phase == Phase::Failed || pod.deleting {
                let success = planned.status.has(JobConditionType::SuccessCriteriaMet);
                let was_failed = pods[at].phase == Phase::Failed || pods[at].deleting && !self.spec.replace_only_failed;
                self.failed += i32::from(was_failed || !success);
            }
        }
        for index in &planned.create {
            let pod = Pod {
                born: 1_000 + self.rows.iter().map(|row| row.pod.born + 1).max().unwrap_or(0),
                index: index.unwrap_or(0),
                phase: Phase::Pending,
                deleting: false,
                ready: false,
                tracked: true,
                restarts: 0,
                finished: self.now,
                verdict: None,
            };
            self.rows.push(Row { pod, gone: false });
        }
        self.status = planned.status.clone();
        self.check(&before, &planned);
        planned
    }

    fn check(&self, before: &JobStatus, planned: &Plan) {
        let (spec, status, active) = (&self.spec, &self.status, self.active());
        let count = i32::try_from(active.len()).expect("few");
        let free =
            spec.completions.is_none() && (status.succeeded > 0 || before.succeeded > 0 || count == before.active);
        assert!(count <= spec.parallelism || free, "{count} active of {}", spec.parallelism);
        if let Some(completions) = spec.completions {
            let done = status.completed_indexes.total();
            assert!(i64::from(count) <= (i64::from(completions) - done).max(0), "no more than are left");
        }
        // While it waits for a back-off, the status says that nothing is active.
        assert!(status.active == count || status.active == 0, "{} is not {count}", status.active);
        assert_eq!(status.failed, self.failed, "{planned:?}");
        if spec.indexed {
            let mut indexes: Vec<u32> = active.iter().map(|pod| pod.index).collect();
            indexes.sort_unstable();
            assert!(indexes.windows(2).all(|pair| pair[0] != pair[1]), "an index runs once: {indexes:?}");
            let done: Indexes = self.succeeded.iter().copied().collect();
            // What succeeded is told before it is counted.
            assert_eq!(done.merge(&status.completed_indexes), status.completed_indexes);
            assert_eq!(i64::from(status.succeeded), status.completed_indexes.total());
        } else {
            assert_eq!(usize::try_from(status.succeeded), Ok(self.succeeded.len()));
        }
        if status.has(JobConditionType::Complete) {
            assert!(count == 0 && status.terminating == 0);
            assert!(status.completion.is_some() && !status.has(JobConditionType::Failed));
            if spec.success_policy.is_empty() {
                assert!(spec.completions.is_none_or(|completions| status.succeeded >= completions));
            }
        }
        if status.has(JobConditionType::Failed) {
            assert!(count == 0 && status.completion.is_none());
        }
    }

    /// Pods do what they should from now on.
    fn run_out(&mut self) {
        for _ in 0..200 {
            if self.status.is_finished() {
                return;
            }
            self.now += SimDuration::from_secs(601);
            self.sync();
            for row in &mut self.rows {
                if row.pod.deleting {
                    row.gone = true;
                }
                if !row.pod.phase.is_terminal() {
                    row.pod.phase = if row.pod.deleting { Phase::Failed } else { Phase::Succeeded };
                    row.pod.finished = self.now;
                }
            }
        }
        panic!("it does not end: {:?}", self.status);
    }
}

fn specs() -> impl Strategy<Value = JobSpec> {
    let limits = (0..8i32, prop::option::of(0..3i32), prop::option::of(0..4i32));
    (1..6i32, prop::option::of(1..9i32), any::<bool>(), limits, any::<bool>(), prop::option::of(60..2000i64)).prop_map(
        |(parallelism, completions, indexed, (limit, per_index, lost), replace_only_failed, deadline)| {
            let indexed = indexed && completions.is_some();
            let backoff_limit_per_index = per_index.filter(|_| indexed);
            JobSpec {
                parallelism,
                completions,
                indexed,
                backoff_limit: if backoff_limit_per_index.is_some() { i32::MAX } else { limit },
                backoff_limit_per_index,
                max_failed_indexes: lost.filter(|_| backoff_limit_per_index.is_some()),
                active_deadline_seconds: deadline,
                replace_only_failed,
                ..spec()
            }
        },
    )
}

proptest! {
    #[test]
    fn every_pod_is_counted_once(spec in specs(), words in vec(any::<u8>(), 0..150), suspends in vec(0..150usize, 0..4)) {
        let mut world = World::new(spec);
        for (at, word) in words.into_iter().enumerate() {
            if suspends.contains(&at) && !world.status.is_finished() {
                world.spec.suspend = !world.spec.suspend;
            }
            world.happen(word);
            if word % 3 != 0 && !world.status.is_finished() {
                world.sync();
            }
        }
        world.spec.suspend = false;
        world.run_out();
    }
}

/// Spec 8.5: three failures in a row wait 10, 20 and 40 s; a success ends the row.
#[test]
fn replacements_wait_longer_and_longer() {
    let mut world = World::new(JobSpec { completions: Some(3), ..spec() });
    world.sync();
    for seconds in [10, 20, 40] {
        world.rows.last_mut().expect("a pod").pod.phase = Phase::Failed;
        world.rows.last_mut().expect("a pod").pod.finished = world.now;
        let planned = world.sync();
        assert_eq!((planned.create.len(), planned.again), (0, Some(SimDuration::from_secs(seconds))));
        world.now += SimDuration::from_secs(seconds);
        assert_eq!(world.sync().create.len(), 1);
    }
    world.rows.last_mut().expect("a pod").pod.phase = Phase::Succeeded;
    assert_eq!(world.sync().create.len(), 1);
    assert_eq!((world.status.succeeded, world.status.failed), (1, 3));
    assert!(world.short > 3, "nothing was to be done about pods that just ran");
}

/// An index has its own row of failures, and is lost when it fails more often than it may; the others go on.
#[test]
fn an_index_fails_alone() {
    let mut world = World::new(JobSpec {
        completions: Some(3),
        parallelism: 3,
        indexed: true,
        backoff_limit: i32::MAX,
        backoff_limit_per_index: Some(1),
        ..spec()
    });
    world.sync();
    let fail = |world: &mut World, index: u32| {
        let now = world.now;
        let pod =
            world.rows.iter_mut().rev().find(|row| row.pod.index == index).map(|row| &mut row.pod).expect("a pod");
        (pod.phase, pod.finished) = (Phase::Failed, now);
    };
    fail(&mut world, 1);
    let planned = world.sync();
    assert_eq!((planned.create, planned.again), (vec![], Some(SimDuration::from_secs(10))));
    assert_eq!(world.status.failed, 0, "it is counted when it is replaced");
    world.now += SimDuration::from_secs(10);
    assert_eq!(world.sync().create, [Some(1)]);
    world.sync();
    assert_eq!(world.status.failed, 1);
    fail(&mut world, 1);
    let planned = world.sync();
    assert_eq!((planned.create, world.status.failed_indexes.ranges()), (vec![], &[(1, 1)][..]));
    for row in &mut world.rows {
        row.pod.phase = if row.pod.index == 1 { Phase::Failed } else { Phase::Succeeded };
    }
    assert_eq!(world.sync().over, Some((JobConditionType::Failed, "FailedIndexes")));
    assert_eq!((world.status.succeeded, world.status.failed), (2, 2));
}
