//! A day of `user-msvc`: three containers, crashes with back-off, an outage after lunch, a job that ends, an image that
//! cannot be pulled, a pod that fits nowhere, and the loss of the service's node at 21:30.

use podsim::base::SimTime;
use podsim::model::strings::known;
use podsim::model::*;
use podsim::record::{Fact, KubeEvent, Sample, ServiceSample, Subject};
use podsim::sim::outcome::{Counters, LostPod, PodRow, Quantiles, ServiceOutcome};
use podsim::sim::plan::{Expect, Naming};

use super::{Builder, GIB, Run, seconds};

const DAY: f64 = 86_400.0;
const HOUR: f64 = 3600.0;
/// 21:30, counted from 06:00.
const LOSS: f64 = 15.5 * HOUR;

struct Container {
    pod: PodUid,
    index: u16,
    restarts: u32,
    up: bool,
}

impl Container {
    fn new(pod: PodUid, index: u16) -> Self {
        Self { pod, index, restarts: 0, up: false }
    }

    fn state(&self, day: &mut Builder, at: f64, state: ContainerState) {
        day.fact(at, Fact::Container { pod: self.pod, container: self.index, state, restarts: self.restarts });
    }

    /// Starts and becomes ready after a while.
    fn start(&mut self, day: &mut Builder, at: f64, ready_after: f64) {
        if self.up {
            self.restarts += 1;
        }
        self.up = true;
        self.state(day, at, ContainerState::Running { started_at: day.at(at).floor_seconds() });
        event(day, at, self.pod, KubeEvent::Started, "Started container");
        day.fact(at + ready_after, Fact::ContainerReady(self.pod, self.index, true));
    }

    fn exit(&self, day: &mut Builder, at: f64, exit_code: i32) {
        let reason = if exit_code == 0 { known::COMPLETED } else { known::ERROR };
        let end = day.at(at).floor_seconds();
        let ended = Terminated { exit_code, signal: 0, reason, started_at: end, finished_at: end };
        self.state(day, at, ContainerState::Terminated(ended));
        day.fact(at, Fact::ContainerReady(self.pod, self.index, false));
    }

    fn back_off(&self, day: &mut Builder, at: f64) {
        self.state(day, at, ContainerState::Waiting { reason: known::CRASH_LOOP_BACK_OFF });
        event(day, at, self.pod, KubeEvent::BackOff, "Back-off restarting failed container");
    }

    /// Crashes once; the first restart is immediate.
    fn crash(&mut self, day: &mut Builder, at: f64) {
        self.exit(day, at, 1);
        self.start(day, at + 1.2, 8.0);
    }

    /// Exits whenever it is started, until the outage is over.
    fn outage(&mut self, day: &mut Builder, from: f64, to: f64) {
        let (mut at, mut delay) = (from, 10.0);
        self.exit(day, at, 2);
        while at < to {
            self.back_off(day, at + 12.0);
            at += 12.0 + delay;
            delay = (delay * 2.0_f64).min(300.0);
            if at < to {
                self.restarts += 1;
                self.state(day, at, ContainerState::Running { started_at: day.at(at).floor_seconds() });
                at += 2.0;
                self.exit(day, at, 2);
            }
        }
        self.start(day, at, 8.0);
    }
}

fn event(day: &mut Builder, at: f64, pod: PodUid, event: KubeEvent, text: &str) {
    let note = day.note(text);
    day.fact(at, Fact::Event { subject: Subject::Pod(pod), event, note });
}

/// Bound, pulled, created.
fn place(day: &mut Builder, at: f64, pod: PodUid, node: NodeId, containers: u16, pull: f64) -> Vec<Container> {
    day.fact(at, Fact::PodBound(pod, node));
    event(day, at, pod, KubeEvent::Scheduled, "Successfully assigned");
    (0..containers)
        .map(|index| {
            let container = Container::new(pod, index);
            container.state(day, at + 0.1, ContainerState::Waiting { reason: known::CONTAINER_CREATING });
            day.fact(at + 0.2 + pull * f64::from(index), Fact::ImagePullStarted(pod, index));
            day.fact(at + 0.2 + pull * f64::from(index + 1), Fact::ImagePullEnded(pod, index, true));
            container
        })
        .collect()
}

fn phase(day: &mut Builder, at: f64, pod: PodUid, phase: Phase) {
    day.fact(at, Fact::PodPhase(pod, phase, known::EMPTY));
}

fn ready(day: &mut Builder, at: f64, pod: PodUid, ready: bool) {
    let status = ConditionStatus::from_bool(ready);
    day.fact(at, Fact::PodCondition(pod, PodConditionType::Ready, status, known::EMPTY));
}

/// The whole day.
pub fn run() -> Run {
    let mut day = Builder::new("user-msvc", SimTime(1_772_431_200_000_000_000), seconds(DAY));
    day.plan.description =
        "A day of the user service on five small nodes: crashes, an outage, and a lost node.".to_owned();
    let amount = Resources { milli_cpu: 3_920, memory: 14 * GIB, ephemeral_storage: 80 * GIB, ..Resources::default() };
    let shape = day.shape(amount);
    let nodes: Vec<NodeId> = (0..5).map(|i| day.node(&format!("worker-{i}"), shape)).collect();
    let (service, front_service) = (service(&mut day, "user-msvc"), service(&mut day, "front"));
    day.fact(17.0, Fact::Endpoints(front_service, 1, 1));

    let user_template = day.template(&["api", "cache", "metrics"]);
    let front_template = day.template(&["front"]);
    let [user, front, job, typo, huge] =
        ["user-msvc", "front", "nightly-report", "typo", "huge"].map(|name| day.workload(name, Naming::Single));

    let user = day.pod(0.02, user, 0, user_template);
    let mut c = place(&mut day, 0.05, user, nodes[1], 3, 9.0);
    for (i, container) in c.iter_mut().enumerate() {
        container.start(&mut day, 9.0 * (i + 1) as f64 + 1.0, 12.0);
    }
    phase(&mut day, 28.5, user, Phase::Running);
    ready(&mut day, 40.0, user, true);
    for at in [2.2 * HOUR, 3.7 * HOUR, 12.4 * HOUR] {
        c[1].crash(&mut day, at);
        ready(&mut day, at, user, false);
        ready(&mut day, at + 9.2, user, true);
    }
    c[0].crash(&mut day, 5.1 * HOUR);
    let (from, to) = (7.0 * HOUR, 8.4 * HOUR);
    let note = day.note("outage of container api in user-msvc");
    day.fact(from, Fact::Fault(0, true, note));
    day.fact(to, Fact::Fault(0, false, note));
    ready(&mut day, from, user, false);
    c[0].outage(&mut day, from, to);
    ready(&mut day, to + 320.0, user, true);
    // The node goes: detection, taint, eviction; the pod stays Terminating, since its kubelet cannot answer.
    let note = day.note("node of pod user-msvc crashes");
    day.fact(LOSS, Fact::Fault(1, true, note));
    day.fact(LOSS, Fact::NodeCrashed(nodes[1]));
    day.fact(LOSS + 52.0, Fact::NodeReady(nodes[1], ConditionStatus::Unknown));
    ready(&mut day, LOSS + 52.0, user, false);
    day.fact(LOSS + 352.0, Fact::PodDeleting(user, 30));

    let front = day.pod(5.02, front, 0, front_template);
    let mut c = place(&mut day, 5.05, front, nodes[0], 1, 6.0);
    c[0].start(&mut day, 12.0, 4.0);
    phase(&mut day, 12.1, front, Phase::Running);
    ready(&mut day, 16.0, front, true);

    let typo = day.pod(1.0 * HOUR, typo, 0, front_template);
    day.fact(1.0 * HOUR + 0.03, Fact::PodBound(typo, nodes[2]));
    let c = Container::new(typo, 0);
    for k in 0..60 {
        let at = 1.0 * HOUR + 1.0 + f64::from(k) * 300.0;
        day.fact(at, Fact::ImagePullStarted(typo, 0));
        day.fact(at + 4.0, Fact::ImagePullEnded(typo, 0, false));
        c.state(&mut day, at + 4.0, ContainerState::Waiting { reason: known::ERR_IMAGE_PULL });
        c.state(&mut day, at + 16.0, ContainerState::Waiting { reason: known::IMAGE_PULL_BACK_OFF });
    }
    day.fact(6.2 * HOUR, Fact::PodDeleting(typo, 30));
    day.fact(6.2 * HOUR + 1.0, Fact::PodRemoved(typo));
    retain_before(&mut day, typo, 6.2 * HOUR + 1.0);

    let huge = day.pod(9.0 * HOUR, huge, 0, front_template);
    let message = "0/5 nodes are available: 5 Insufficient memory. preemption: 0/5 nodes are available: 5 No preemption \
                   victims found for incoming pod.";
    for k in 0..30 {
        let note = day.note(message);
        day.fact(9.0 * HOUR + f64::from(k) * 300.0, Fact::PodUnschedulable(huge, note));
    }

    let job = day.pod(17.0 * HOUR, job, 0, front_template);
    let mut c = place(&mut day, 17.0 * HOUR + 0.05, job, nodes[3], 1, 12.0);
    c[0].start(&mut day, 17.0 * HOUR + 14.0, 0.0);
    phase(&mut day, 17.0 * HOUR + 14.1, job, Phase::Running);
    ready(&mut day, 17.0 * HOUR + 14.1, job, true);
    for at in [18.0 * HOUR, 19.0 * HOUR] {
        day.fact(at, Fact::CpuThrottled(job, 0, 750_000_000));
    }
    c[0].exit(&mut day, 19.0 * HOUR, 0);
    ready(&mut day, 19.0 * HOUR, job, false);
    phase(&mut day, 19.0 * HOUR + 1.0, job, Phase::Succeeded);

    for (at, ready, all) in
        [(41.0, 1, 1), (7.0 * HOUR, 0, 1), (to + 321.0, 1, 1), (LOSS + 52.0, 0, 1), (LOSS + 353.0, 0, 0)]
    {
        day.fact(at, Fact::Endpoints(service, ready, all));
    }
    finish(day, service, user, nodes[1])
}

/// A pod that is gone has no more facts.
fn retain_before(day: &mut Builder, pod: PodUid, end: f64) {
    let end = day.at(end);
    day.facts.retain(|(at, fact)| {
        let of_pod = matches!(fact, Fact::Container { pod: p, .. } | Fact::ImagePullStarted(p, _)
            | Fact::ImagePullEnded(p, ..) if *p == pod);
        !of_pod || *at < end
    });
}

fn service(day: &mut Builder, name: &str) -> ServiceId {
    let name = day.plan.strings.intern(name);
    day.plan.services.push(ServiceSpec {
        namespace: known::DEFAULT,
        name,
        kind: ServiceType::ClusterIp,
        selector: Box::default(),
        ports: Box::default(),
        load_balancer_ip: None,
        publish_not_ready_addresses: false,
    })
}

/// Requests per second: a quiet night, a busy evening.
fn rate(after: f64) -> f64 {
    let hour = 6.0 + after / HOUR;
    let bump = |centre: f64, width: f64| (1.0 - ((hour - centre) / width).powi(2)).max(0.0);
    8.0 + 45.0 * bump(13.0, 6.0) + 70.0 * bump(19.5, 5.5)
}

fn finish(mut day: Builder, service: ServiceId, user: PodUid, lost_node: NodeId) -> Run {
    let facts = day.sorted();
    let mut sample = Sample { services: Vec::new(), nodes: 5, nodes_ready: 5, ..Sample::default() };
    let (mut next, mut samples) = (0, Vec::new());
    let mut phases: Vec<Option<(Phase, bool, bool)>> = vec![None; 5];
    let (mut served, mut failed, mut degraded, mut user_ready) = (0.0, 0.0, 0.0, false);
    let (mut restarts, mut fronts) = (0, (0.0, 0.0));
    for step in 0..=8640 {
        let after = f64::from(step) * 10.0;
        let now = day.at(after);
        while next < facts.len() && facts[next].0 <= now {
            match facts[next].1 {
                Fact::PodCreated(p) => phases[p.raw() as usize] = Some((Phase::Pending, false, false)),
                Fact::PodRemoved(p) => phases[p.raw() as usize] = None,
                Fact::PodBound(p, _) => phases[p.raw() as usize].as_mut().unwrap().1 = true,
                Fact::PodPhase(p, phase, _) => phases[p.raw() as usize].as_mut().unwrap().0 = phase,
                Fact::PodCondition(p, PodConditionType::Ready, status, _) => {
                    phases[p.raw() as usize].as_mut().unwrap().2 = status == ConditionStatus::True;
                    if p == user {
                        user_ready = status == ConditionStatus::True;
                    }
                }
                Fact::Container { restarts: r, .. } if r > 0 => restarts += 1,
                Fact::NodeReady(_, ConditionStatus::Unknown) => sample.nodes_ready -= 1,
                _ => {}
            }
            next += 1;
        }
        let works = user_ready && after < LOSS;
        if works {
            served += rate(after) * 10.0
        } else {
            failed += rate(after) * 10.0
        }
        if !works {
            degraded += 10.0;
        }
        if step % 18 == 0 {
            let all = || phases.iter().flatten();
            let count = |f: &dyn Fn(&(Phase, bool, bool)) -> bool| all().filter(|p| f(p)).count();
            let bound = count(&|p| p.1 && !p.0.is_terminal());
            sample.pods_unscheduled = count(&|p| p.0 == Phase::Pending && !p.1) as u32;
            sample.pods_starting = count(&|p| p.0 == Phase::Pending && p.1) as u32;
            sample.pods_running = count(&|p| p.0 == Phase::Running) as u32;
            sample.pods_ready = count(&|p| p.2) as u32;
            sample.pods_succeeded = count(&|p| p.0 == Phase::Succeeded) as u32;
            sample.restarts_total = restarts;
            let ready = i64::from(sample.nodes_ready);
            sample.allocatable =
                Resources { milli_cpu: 3_920 * ready, memory: 14 * GIB * ready, ..Resources::default() };
            sample.requested = Resources {
                milli_cpu: 1_500 * bound as i64,
                memory: 5 * GIB * bound as i64 / 2,
                ..Resources::default()
            };
            let rate_now = if works { rate(after) } else { 0.0 };
            sample.used_milli_cpu = 150 + (rate_now * 22.0) as i64 + if sample.pods_running > 2 { 900 } else { 0 };
            sample.used_memory = GIB + (rate_now * 20e6) as i64 + (after % (12.4 * HOUR) * 30_000.0) as i64;
            let front_ready = after > 20.0;
            let calls = rate(after) * 0.4;
            fronts.0 += if front_ready { calls * 180.0 } else { 0.0 };
            fronts.1 += if works { 0.0 } else { calls * 0.05 * 180.0 };
            let front = ServiceSample {
                service: ServiceId::from_raw(1),
                endpoints_ready: 1,
                rate: calls,
                served_total: fronts.0,
                failed_total: fronts.1,
            };
            sample.services = vec![
                ServiceSample {
                    service,
                    endpoints_ready: u32::from(works),
                    rate: rate(after),
                    served_total: served,
                    failed_total: failed,
                },
                front,
            ];
            samples.push((now, sample.clone()));
        }
    }
    let outcome = outcome(&mut day, service, (served, failed, degraded), user, lost_node);
    let mut run = day.finish(outcome, samples);
    run.ignored = vec![("spec.template.spec.topologySpreadConstraints".to_owned(), 1), ("spec.hpa".to_owned(), 2)];
    run
}

fn outcome(
    day: &mut Builder,
    service: ServiceId,
    (served, failed, degraded): (f64, f64, f64),
    user: PodUid,
    lost_node: NodeId,
) -> podsim::sim::outcome::Outcome {
    let mut outcome = day.outcome();
    outcome.counters = Counters {
        pods_created: 5,
        pods_bound: 4,
        pods_started: 3,
        pods_succeeded: 1,
        pods_removed: 1,
        pods_lost: 1,
        container_starts: 29,
        container_restarts: 24,
        container_crashes: 23,
        image_pulls: 5,
        image_pull_failures: 60,
        scheduling_attempts: 34,
        scheduling_failures: 30,
        node_crashes: 1,
        ..Counters::default()
    };
    outcome.wait = Quantiles { count: 4, mean: 0.034, p50: 0.03, p90: 0.05, p99: 0.05, max: 0.05 };
    outcome.ready = Quantiles { count: 3, mean: 22.0, p50: 14.1, p90: 40.0, p99: 40.0, max: 40.0 };
    outcome.services = vec![ServiceOutcome { service, served, failed, degraded_seconds: degraded }];
    let node = |i: usize| Some(day.plan.nodes[i].name);
    let row =
        |uid, name: &str, ready: &str, status: &str, restarts: &str, hours: f64, node: Option<StrId>, phase| PodRow {
            uid: PodUid::from_raw(uid),
            namespace: known::DEFAULT,
            name: name.to_owned(),
            ready: ready.to_owned(),
            status: status.to_owned(),
            restarts: restarts.to_owned(),
            age: seconds(hours * HOUR),
            ip: node.is_some().then(|| format!("10.244.1.{}", uid + 2)),
            node,
            phase,
        };
    outcome.pods = vec![
        row(0, "user-msvc", "0/3", "Terminating", "24 (11h ago)", 24.0, node(1), Phase::Running),
        row(1, "front", "1/1", "Running", "0", 24.0, node(0), Phase::Running),
        row(3, "huge", "0/1", "Pending", "0", 15.0, None, Phase::Pending),
        row(4, "nightly-report", "0/1", "Completed", "0", 7.0, node(3), Phase::Succeeded),
    ];
    let lost_at = day.at(LOSS);
    let node = day.plan.nodes[lost_node.raw() as usize].name;
    outcome.lost = vec![LostPod { uid: user, name: "user-msvc".to_owned(), node, at: lost_at, owner: None }];
    outcome.pending = vec![(1, "0/5 nodes are available: 5 Insufficient memory.".to_owned())];
    outcome.metrics =
        [("pods_failed", 0.0), ("wait_seconds_p99", 0.05), ("requests_failed_share", failed / (served + failed))]
            .into_iter()
            .collect();
    let expect = |metric: &str, max| Expect { metric: metric.to_owned(), min: None, max: Some(max) };
    day.plan.expects =
        vec![expect("wait_seconds_p99", 30.0), expect("requests_failed_share", 0.001), expect("pods_fialed", 0.0)];
    outcome
}
