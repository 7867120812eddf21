//! A large cluster with GPUs: pods arrive for two days and most of them stay until the GPUs are gone.

use podsim::base::SimTime;
use podsim::model::strings::known;
use podsim::model::*;
use podsim::record::{Fact, Sample};
use podsim::sim::outcome::{Counters, PodRow, Quantiles};
use podsim::sim::plan::Naming;

use super::{Builder, GIB, Run, seconds};

/// `pods` pods on `nodes` nodes with eight GPUs each.
pub fn run(pods: u32, nodes: u32) -> Run {
    let span = 172_800.0;
    let mut big = Builder::new("openb-like", SimTime(0), seconds(span));
    big.plan.description = format!("{pods} pods arrive on {nodes} GPU nodes within two days.");
    let gpu = big.plan.strings.intern("nvidia.com/gpu");
    let mut amount = Resources { milli_cpu: 64_000, memory: 256 * GIB, ..Resources::default() };
    amount.set_scalar(gpu, 4);
    let shape = big.shape(amount.clone());
    let ids: Vec<NodeId> = (0..nodes).map(|i| big.node(&format!("openb-node-{i:04}"), shape)).collect();
    let template = big.template(&["main"]);
    let workload = big.workload("openb-pod", Naming::Numbered { width: 4 });
    let mut mix = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = || {
        mix ^= mix << 13;
        mix ^= mix >> 7;
        mix ^= mix << 17;
        (mix >> 11) as f64 / (1_u64 << 53) as f64
    };
    let (mut waits, mut never) = (0, 0);
    let mut spans: Vec<(f64, f64, f64)> = Vec::new();
    for i in 0..pods {
        let at = f64::from(i) / f64::from(pods) * span * 0.9;
        let pod = big.pod(at, workload, i, template);
        // Once the cluster is three quarters full, pods wait, and some for ever.
        let full = f64::from(i) / f64::from(pods);
        let wait = if full < 0.75 { 0.01 + draw() * 0.05 } else { (full - 0.74) * 60_000.0 * draw() * draw() + 0.1 };
        if full > 0.85 && draw() < 0.3 || at + wait > span - 60.0 {
            let note = big.note(&format!("0/{nodes} nodes are available: {nodes} Insufficient nvidia.com/gpu."));
            big.fact(at + 0.02, Fact::PodUnschedulable(pod, note));
            never += 1;
            spans.push((at, span + 1.0, span + 1.0));
            continue;
        }
        waits += 1;
        let node = ids[(draw() * f64::from(nodes)) as usize];
        let bound = at + wait;
        let run = if draw() < 0.5 { 600.0 + draw() * 40_000.0 } else { span };
        big.fact(bound, Fact::PodBound(pod, node));
        let state = |state, restarts| Fact::Container { pod, container: 0, state, restarts };
        big.fact(bound + 0.1, state(ContainerState::Waiting { reason: known::CONTAINER_CREATING }, 0));
        big.fact(bound + 2.0, Fact::ImagePullStarted(pod, 0));
        big.fact(bound + 14.0, Fact::ImagePullEnded(pod, 0, true));
        let started_at = big.at(bound + 15.0).floor_seconds();
        big.fact(bound + 15.0, state(ContainerState::Running { started_at }, 0));
        big.fact(bound + 15.1, Fact::PodPhase(pod, Phase::Running, known::EMPTY));
        let ready = |status| Fact::PodCondition(pod, PodConditionType::Ready, status, known::EMPTY);
        big.fact(bound + 15.1, ready(ConditionStatus::True));
        big.fact(bound + 15.1, Fact::ContainerReady(pod, 0, true));
        let end = bound + 15.0 + run;
        spans.push((at, bound, end));
        if end < span {
            let exit_code = i32::from(draw() < 0.05);
            let reason = if exit_code == 0 { known::COMPLETED } else { known::ERROR };
            let finished_at = big.at(end).floor_seconds();
            let ended = Terminated { exit_code, signal: 0, reason, started_at, finished_at };
            big.fact(end, state(ContainerState::Terminated(ended), 0));
            big.fact(end, ready(ConditionStatus::False));
            let phase = if exit_code == 0 { Phase::Succeeded } else { Phase::Failed };
            big.fact(end + 1.0, Fact::PodPhase(pod, phase, known::EMPTY));
        }
    }
    let samples = samples(&big, &spans, &amount, nodes, gpu);
    let mut outcome = big.outcome();
    outcome.counters = Counters {
        pods_created: pods.into(),
        pods_bound: waits,
        pods_started: waits,
        container_starts: waits,
        ..Counters::default()
    };
    outcome.wait = Quantiles { count: waits, mean: 300.0, p50: 0.04, p90: 900.0, p99: 5000.0, max: 9000.0 };
    outcome.ready = outcome.wait;
    outcome.pending = vec![(never, format!("0/{nodes} nodes are available: {nodes} Insufficient nvidia.com/gpu."))];
    outcome.pods = (0..pods)
        .map(|i| PodRow {
            uid: PodUid::from_raw(i),
            namespace: known::DEFAULT,
            name: format!("openb-pod-{i:04}"),
            ready: "1/1".to_owned(),
            status: "Running".to_owned(),
            restarts: "0".to_owned(),
            age: seconds(3600.0),
            ip: None,
            node: big.plan.nodes.first().map(|n| n.name),
            phase: Phase::Running,
        })
        .collect();
    big.finish(outcome, samples)
}

fn samples(
    big: &Builder,
    spans: &[(f64, f64, f64)],
    amount: &Resources,
    nodes: u32,
    gpu: StrId,
) -> Vec<(SimTime, Sample)> {
    let steps = 480;
    let sample = |step: i32| {
        let now = f64::from(step) / f64::from(steps) * 172_800.0;
        let running = spans.iter().filter(|(_, bound, end)| *bound <= now && now < *end).count() as i64;
        let waiting = spans.iter().filter(|(at, bound, _)| *at <= now && now < *bound).count() as u32;
        let scale = |each: &Resources, by: i64| {
            let mut sum =
                Resources { milli_cpu: each.milli_cpu * by, memory: each.memory * by, ..Resources::default() };
            sum.set_scalar(gpu, each.scalar(gpu) * by);
            sum
        };
        let mut each = Resources { milli_cpu: 9_000, memory: 20 * GIB, ..Resources::default() };
        each.set_scalar(gpu, 1);
        let sample = Sample {
            nodes,
            nodes_ready: nodes,
            allocatable: scale(amount, i64::from(nodes)),
            requested: scale(&each, running),
            pods_unscheduled: waiting,
            pods_running: running as u32,
            ..Sample::default()
        };
        (big.at(now), sample)
    };
    (0..=steps).map(sample).collect()
}
