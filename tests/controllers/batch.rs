//! Jobs, CronJobs and the garbage collector in time, on plans made by hand.

use podsim::base::{SimDuration, SimTime};
use podsim::model::objects::{
    ConcurrencyPolicy, CronJobSpec, JobConditionType, JobSpec, JobStatus, ObjectKind, ObjectPlan, ObjectSpec,
    PodFailureAction, PodFailureMatch, PodFailureRule,
};
use podsim::model::plan::{ChangeKind, ChangePlan, FaultKind, FaultPlan, NodeTarget, Plan, PodTarget};
use podsim::model::{Phase, PodNaming, RestartPolicy, StrId};
use podsim::record::{Fact, Recording};
use podsim::{PlanBuilder, Pod, Simulation};
use proptest::collection::vec;
use proptest::prelude::*;

/// A plan with an object that makes pods from the template of `pod`, called `batch`.
fn plan(pod: Pod, hours: i64, spec: impl FnOnce(JobSpec) -> ObjectSpec) -> Plan {
    let builder = PlanBuilder::new("batch").nodes("n", 4, "64", "256Gi");
    let mut plan = builder.pods(pod).build().expect("a plan");
    plan.duration = SimDuration::from_secs(3600 * hours);
    plan.start = SimTime::parse_rfc3339("2026-03-02T06:00:00Z").expect("a time");
    let arrival = plan.arrivals.pop().expect("the pods of the builder");
    let template = plan.templates.entries().next().expect("a template").0;
    let name: StrId = plan.workloads[arrival.workload].name;
    plan.templates[template].naming = PodNaming::Generated(name);
    plan.templates[template].restart_policy = RestartPolicy::Never;
    let job = JobSpec {
        template,
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
    };
    let namespace = plan.templates[template].namespace;
    let spec = spec(job);
    plan.objects.push(ObjectPlan { namespace, name, workload: Some(arrival.workload), spec, replicas_given: true });
    plan
}

fn worker(run: &str) -> Pod {
    Pod::new("batch", "100m", "64Mi").runs_for(run)
}

fn job(simulation: &Simulation) -> Option<JobStatus> {
    let objects = simulation.cluster().objects();
    objects.iter().find_map(|(_, row)| (row.kind() == ObjectKind::Job).then(|| row.status.job().cloned()).flatten())
}

/// Runs to `seconds` after the start.
fn run_to(simulation: &mut Simulation, seconds: i64) {
    let at = simulation.plan().start + SimDuration::from_secs(seconds);
    simulation.run_until(at).expect("no limit");
}

fn phases(simulation: &Simulation) -> Vec<Phase> {
    let pods = simulation.cluster().pods();
    pods.iter().map(|pod| pods.phase(pod.pod)).collect()
}

/// When pods were created, in seconds after the start, rounded down.
fn created(plan: Plan) -> Vec<i64> {
    let start = plan.start;
    let (_, recording) = Simulation::with_recorder(plan, Recording::new()).run_recorded();
    let facts = recording.facts().iter();
    let pods = facts.filter(|(_, fact)| matches!(fact, Fact::PodCreated(_)));
    pods.map(|(at, _)| (*at - start).0 / 1_000_000_000).collect()
}

#[test]
fn a_job_runs_to_completion_and_expires_with_its_pods() {
    let spec = |job| {
        ObjectSpec::Job(JobSpec { parallelism: 2, completions: Some(5), ttl_seconds_after_finished: Some(100), ..job })
    };
    let mut simulation = Simulation::new(plan(worker("30s"), 1, spec));
    let mut finished = None;
    for second in 1..600 {
        run_to(&mut simulation, second);
        let active = phases(&simulation).iter().filter(|phase| !phase.is_terminal()).count();
        assert!(active <= 2, "{active} at once after {second} s");
        if let Some(status) = job(&simulation) {
            assert!(status.succeeded <= 5 && status.failed == 0);
            if status.has(JobConditionType::Complete) {
                assert_eq!((status.succeeded, status.active, phases(&simulation).len()), (5, 0, 5));
                finished = Some(second);
                break;
            }
        }
    }
    // Three rounds of 30 s, each with a start and a second of batching.
    let finished = finished.expect("it is complete");
    assert!((93..115).contains(&finished), "after {finished} s");
    run_to(&mut simulation, finished + 98);
    assert!(job(&simulation).is_some());
    run_to(&mut simulation, finished + 103);
    assert!(job(&simulation).is_none() && phases(&simulation).is_empty(), "gone after its time to live");
}

/// Spec 8.5: pods that fail after about 5 s are replaced 10, 20, 40 s later; with a limit of 3 the fourth failure is the last.
#[test]
fn failures_are_backed_off_until_the_limit() {
    let spec = |job| ObjectSpec::Job(JobSpec { backoff_limit: 3, ..job });
    let times = created(plan(worker("5s").exits_with(3), 1, spec));
    let gaps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps.len(), 3, "four pods: {times:?}");
    for (gap, wait) in gaps.iter().zip([10, 20, 40]) {
        // Start, run, and the second in which times are cut.
        assert!((wait + 5..wait + 13).contains(gap), "{gaps:?}");
    }
    let mut simulation = Simulation::new(plan(worker("5s").exits_with(3), 1, spec));
    run_to(&mut simulation, 600);
    let status = job(&simulation).expect("it stays");
    assert_eq!((status.failed, status.succeeded, status.active), (4, 0, 0));
    let last = status.conditions.last().expect("a condition");
    assert_eq!((last.kind, last.reason), (JobConditionType::Failed, "BackoffLimitExceeded"));
}

#[test]
fn indexes_get_pods_named_after_them_and_a_deadline_ends_all() {
    let spec = |job| {
        ObjectSpec::Job(JobSpec {
            indexed: true,
            parallelism: 3,
            completions: Some(4),
            active_deadline_seconds: Some(60),
            ..job
        })
    };
    let mut simulation = Simulation::new(plan(worker("1h"), 1, spec));
    run_to(&mut simulation, 30);
    let pods: Vec<_> = simulation.cluster().pods().iter().collect();
    let mut names: Vec<String> = pods.iter().map(|&pod| simulation.pod_row(pod, simulation.now()).name).collect();
    names.sort_unstable();
    let prefixes: Vec<&str> = names.iter().map(|name| &name[..8]).collect();
    assert_eq!(prefixes, ["batch-0-", "batch-1-", "batch-2-"]);
    run_to(&mut simulation, 200);
    let status = job(&simulation).expect("it stays");
    let last = status.conditions.last().expect("a condition");
    assert_eq!((last.kind, last.reason), (JobConditionType::Failed, "DeadlineExceeded"));
    assert_eq!((status.failed, status.active, status.terminating), (3, 0, 0));
    assert!(phases(&simulation).is_empty());
}

/// A pod that its node's loss takes is ignored by the policy: the Job loses no attempt, and the pod is replaced.
#[test]
fn a_pod_failure_policy_ignores_disruptions() {
    let spec = |job| ObjectSpec::Job(JobSpec { backoff_limit: 0, replace_only_failed: true, ..job });
    let mut plan = plan(worker("20m"), 1, spec);
    let words = ["DisruptionTarget", "True"].map(|text| plan.strings.intern(text));
    let ObjectSpec::Job(job_spec) = &mut plan.objects[0].spec else { panic!("a Job") };
    job_spec.pod_failure_policy = Box::new([PodFailureRule {
        action: PodFailureAction::Ignore,
        when: PodFailureMatch::Conditions(Box::new([(words[0], words[1])])),
    }]);
    let target = PodTarget { namespace: plan.objects[0].namespace, name: plan.objects[0].name };
    let at = plan.start + SimDuration::from_secs(120);
    let kind = FaultKind::NodeCrash(NodeTarget::OfPod(target));
    plan.faults.push(FaultPlan { at, duration: Some(SimDuration::from_secs(900)), kind });
    let mut simulation = Simulation::new(plan);
    run_to(&mut simulation, 3599);
    let status = job(&simulation).expect("it stays");
    assert_eq!((status.failed, status.succeeded), (0, 1), "{status:?}");
    assert!(status.has(JobConditionType::Complete));
}

fn hourly(job: JobSpec, schedule: &str, concurrency: ConcurrencyPolicy) -> ObjectSpec {
    ObjectSpec::CronJob(CronJobSpec {
        schedule: schedule.into(),
        time_zone: None,
        starting_deadline_seconds: None,
        concurrency,
        suspend: false,
        successful_history: 3,
        failed_history: 1,
        job,
    })
}

#[test]
fn a_cron_job_makes_jobs_and_keeps_a_history() {
    let spec = |job| hourly(job, "*/10 * * * *", ConcurrencyPolicy::Allow);
    let times = created(plan(worker("30s"), 2, spec));
    // At 10, 20, ..., 110 minutes and 100 ms; the Job's pod follows at once.
    let expected: Vec<i64> = (1..12).map(|k| k * 600).collect();
    assert_eq!(times, expected);
    let mut simulation = Simulation::new(plan(worker("30s"), 2, spec));
    run_to(&mut simulation, 7199);
    let objects = simulation.cluster().objects();
    let names: Vec<&str> = objects.iter().filter(|(_, r)| r.kind() == ObjectKind::Job).map(|(_, r)| &*r.name).collect();
    let minute = simulation.plan().start.0 / 60_000_000_000;
    let expected: Vec<String> = [90, 100, 110].map(|at| format!("batch-{}", minute + at)).to_vec();
    assert_eq!(names, expected);
    assert_eq!(phases(&simulation), [Phase::Succeeded; 3], "pods of Jobs that are gone are gone");
    let pods: Vec<_> = simulation.cluster().pods().iter().collect();
    let name = simulation.pod_row(pods[0], simulation.now()).name;
    assert!(expected.iter().any(|job| name.starts_with(job.as_str()) && name.len() == job.len() + 6), "{name}");
}

/// Runs take 25 minutes, and one is due every 10.
#[test]
fn concurrency_policies() {
    for (policy, begun) in [
        (ConcurrencyPolicy::Allow, vec![600, 1200, 1800, 2400, 3000]),
        // What was due while a Job ran begins when it ends: the time of 30 minutes at about 35, and so on.
        (ConcurrencyPolicy::Forbid, vec![600, 2105]),
        (ConcurrencyPolicy::Replace, vec![600, 1200, 1800, 2400, 3000]),
    ] {
        let spec = |job| hourly(job, "*/10 * * * *", policy);
        let times = created(plan(worker("25m"), 1, spec));
        let near = times.iter().zip(&begun).all(|(time, expected)| (0..12).contains(&(time - expected)));
        assert!(near && times.len() == begun.len(), "{policy:?}: {times:?}");
        let mut simulation = Simulation::new(plan(worker("25m"), 1, spec));
        run_to(&mut simulation, 3500);
        let running = phases(&simulation).iter().filter(|phase| **phase == Phase::Running).count();
        let expected = if policy == ConcurrencyPolicy::Allow { 2 } else { 1 };
        assert_eq!(running, expected, "{policy:?}");
    }
}

#[test]
fn what_a_deleted_cron_job_owned_goes_with_it() {
    let spec = |job| hourly(job, "*/10 * * * *", ConcurrencyPolicy::Allow);
    let mut plan = plan(worker("25m"), 1, spec);
    let (namespace, name) = (plan.objects[0].namespace, plan.objects[0].name);
    let at = plan.start + SimDuration::from_secs(1900);
    plan.changes.push(ChangePlan { at, kind: ChangeKind::DeleteObject(ObjectKind::CronJob, namespace, name) });
    let mut simulation = Simulation::new(plan);
    run_to(&mut simulation, 1899);
    assert_eq!(phases(&simulation).len(), 3);
    run_to(&mut simulation, 1990);
    assert!(phases(&simulation).is_empty(), "{:?}", phases(&simulation));
    assert_eq!(simulation.cluster().objects().iter().count(), 0);
}

/// A Job among crashes of nodes, deletions and killed containers: never too many pods, and each is counted once.
fn survives(spec: impl FnOnce(JobSpec) -> JobSpec, troubles: &[(u16, u8)], run: &str) {
    let spec = |job| ObjectSpec::Job(JobSpec { backoff_limit: 10_000, ..spec(job) });
    let mut plan = plan(worker(run), 30, spec);
    let target = PodTarget { namespace: plan.objects[0].namespace, name: plan.objects[0].name };
    let container = plan.templates.entries().next().expect("a template").1.containers[0].name;
    for &(seconds, kind) in troubles {
        let at = plan.start + SimDuration::from_secs(i64::from(seconds));
        let fault = |kind, seconds| FaultPlan { at, duration: Some(SimDuration::from_secs(seconds)), kind };
        let random = NodeTarget::Random { pool: None, count: 1 };
        match kind % 5 {
            0 => plan.faults.push(fault(FaultKind::NodeCrash(random), 30 * i64::from(kind))),
            1 => plan.faults.push(fault(FaultKind::NodeShutdown(random), 200)),
            2 => plan.faults.push(fault(FaultKind::ContainerKill { pod: target, container, exit_code: 9 }, 1)),
            kind => {
                let grace_seconds = (kind == 3).then_some(0);
                plan.changes.push(ChangePlan { at, kind: ChangeKind::DeletePod { pod: target, grace_seconds } });
            }
        }
    }
    plan.faults.sort_by_key(|fault| fault.at);
    plan.changes.sort_by_key(|change| change.at);
    let ObjectSpec::Job(spec) = plan.objects[0].spec.clone() else { panic!("a Job") };
    let (parallelism, completions) = (spec.parallelism, spec.completions.expect("a number"));
    let mut simulation = Simulation::new(plan);
    let mut before = JobStatus::default();
    for second in (5..30 * 3600).step_by(5) {
        run_to(&mut simulation, second);
        let pods = simulation.cluster().pods();
        let active = pods.iter().filter(|pod| !pods.phase(pod.pod).is_terminal() && !pods.deleting(pod.pod));
        let mut members: Vec<u32> = active.map(|pod| pods.owned(pod.pod).expect("an owner").member).collect();
        let count = i32::try_from(members.len()).expect("few");
        assert!(count <= parallelism, "{count} at once after {second} s");
        if spec.indexed {
            members.sort_unstable();
            assert!(members.windows(2).all(|pair| pair[0] != pair[1]), "{members:?}");
        }
        let Some(status) = job(&simulation) else { continue };
        assert!(status.succeeded >= before.succeeded && status.failed >= before.failed, "{before:?} {status:?}");
        assert!(status.succeeded <= completions);
        if status.is_finished() {
            assert!(status.has(JobConditionType::Complete) && count == 0, "{status:?}");
            assert_eq!(status.succeeded, completions);
            let created = i32::try_from(pods.created_total()).expect("few");
            assert_eq!(created, status.succeeded + status.failed, "each pod is counted once");
            return;
        }
        before = status;
    }
    panic!("it is not complete: {before:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn jobs_survive_random_histories(
        parallelism in 1..9i32,
        completions in 1..20i32,
        (indexed, replace_only_failed) in any::<(bool, bool)>(),
        troubles in vec((0..6000u16, any::<u8>()), 0..10),
        run in prop::sample::select(vec!["20s", "3m", "11m"]),
    ) {
        let spec = |job| JobSpec { parallelism, completions: Some(completions), indexed, replace_only_failed, ..job };
        survives(spec, &troubles, run);
    }
}
