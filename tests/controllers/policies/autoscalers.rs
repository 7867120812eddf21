//! Autoscalers (spec 8.7). They are synced every 15 s, first 15 s after they were seen (at 0.02); what is measured at a multiple of
//! 15 s is seen 15 s later.

use podsim::base::{Quantity, SimDuration};
use podsim::model::objects::{
    HpaBehavior, HpaMetric, HpaPolicy, HpaScalingRules, HpaSelectPolicy, HpaSource, HpaSpec, HpaTarget, ObjectKind,
    ObjectPlan, ObjectSpec,
};
use podsim::model::plan::Plan;
use podsim::record::{Fact, Recording};
use podsim::{PlanBuilder, Pod, Simulation};
use proptest::prelude::*;

use super::support::with_replica_set;

/// Pods of which each uses a milli-core for every request per second, and requests 100.
fn plan(replicas: i32, rate: f64, (min, max): (i32, i32), metrics: Vec<HpaMetric>) -> Plan {
    let builder = PlanBuilder::new("hpa").duration("40m").nodes("n", 2, "64", "256Gi");
    let builder = builder.service("web", ("app", "web"), 8080).traffic("web", rate);
    let mut plan = with_replica_set(builder, Pod::new("web", "100m", "64Mi").port(8080), replicas);
    for behavior in plan.behaviors.iter_mut() {
        (behavior.cpu.base, behavior.cpu.per_request) = (0.0, 1.0);
    }
    let (namespace, target) = (plan.objects[0].namespace, plan.objects[0].name);
    let target = (Some(ObjectKind::ReplicaSet), target);
    let metrics = metrics.into();
    let spec = HpaSpec { target, min_replicas: min, max_replicas: max, metrics, behavior: None };
    let spec = ObjectSpec::HorizontalPodAutoscaler(spec);
    let name = plan.strings.intern("hpa");
    plan.objects.push(ObjectPlan { namespace, name, workload: None, spec, replicas_given: true });
    plan
}

fn cpu(plan: &mut Plan, percent: i32) -> HpaMetric {
    HpaMetric { source: HpaSource::Resource(plan.strings.intern("cpu")), target: HpaTarget::Utilization(percent) }
}

/// With cpu at 50 % of the requests.
fn by_cpu(replicas: i32, rate: f64, bounds: (i32, i32)) -> Plan {
    let mut plan = plan(replicas, rate, bounds, Vec::new());
    let metric = cpu(&mut plan, 50);
    autoscaler(&mut plan).metrics = Box::new([metric]);
    plan
}

fn autoscaler(plan: &mut Plan) -> &mut HpaSpec {
    let ObjectSpec::HorizontalPodAutoscaler(spec) = &mut plan.objects[1].spec else { unreachable!("put there") };
    spec
}

fn rate_changes(plan: &mut Plan, seconds: i64, rate: f64) {
    let mut points = plan.traffic[0].rate.points.to_vec();
    points.push((plan.start + SimDuration::from_secs(seconds), rate));
    plan.traffic[0].rate.points = points.into();
}

/// When the number of pods that are wanted changed, in seconds after the start, and to what.
fn scaled(plan: Plan) -> Vec<(f64, i32)> {
    let start = plan.start;
    let (_, recording) = Simulation::with_recorder(plan, Recording::new()).run_recorded();
    let mut all: Vec<(f64, i32)> = Vec::new();
    for (at, fact) in recording.facts() {
        if let Fact::ObjectReplicas { wanted, .. } = fact
            && all.last().is_none_or(|(_, last)| last != wanted)
        {
            all.push(((*at - start).as_secs_f64(), *wanted));
        }
    }
    all.remove(0);
    all
}

/// 400 requests on two pods: 200 % of what they request, four times the target. At 15.02 nothing is seen yet; at 30.02 the scrape
/// of 15, which began before the pods were ready for a whole window; at 45.02 that of 30: 8 wanted, but at most to double
/// (at least to 4). At 60.02 that of 45: the two new pods are missing in it and count as 0, so 2 * 4 pods. From 75.02 on pods
/// that are new bring the ratio below 1: nothing happens, and then it is 50 %.
/// At 600 the requests fall to a tenth. 8 was last recommended at 600.02 (with the scrape of 585) and counts until 900.02.
#[test]
fn cpu_scales_up_by_doubling_and_down_after_five_minutes() {
    let mut plan = by_cpu(2, 400.0, (2, 10));
    rate_changes(&mut plan, 600, 40.0);
    assert_eq!(scaled(plan), [(45.03, 4), (60.03, 8), (915.03, 2)]);
}

/// The same with the defaults of `behavior`: by 4 pods or by 100 % within 15 s, whichever is more. 2 + 4 at 45.02, and at 60.02
/// the event of 45.02 is as old as the period and does not count any more: up to what is asked for, 400 m / 50 m = 8; scaling
/// down by 2 pods a minute.
#[test]
fn behavior_limits_how_fast() {
    let mut plan = by_cpu(2, 400.0, (2, 10));
    rate_changes(&mut plan, 600, 40.0);
    let by_two = HpaPolicy { percent: false, value: 2, period_seconds: 60 };
    let down = HpaScalingRules {
        stabilization_window_seconds: Some(0),
        select: HpaSelectPolicy::Max,
        policies: Box::new([by_two]),
    };
    autoscaler(&mut plan).behavior = Some(Box::new(HpaBehavior { up: HpaScalingRules::default_up(), down }));
    let found = scaled(plan);
    // At 615.02 the first scrape with a tenth is seen; two may go each minute.
    assert_eq!(found, [(45.03, 6), (60.03, 8), (615.03, 6), (675.03, 4), (735.03, 2)]);
}

/// Requests per second as a metric of the pods: 300 on 2 pods at 30 each are 5 times as many; readiness is not asked.
#[test]
fn requests_scale_as_a_metric_of_pods_and_of_a_service() {
    let target = HpaTarget::AverageValue(Quantity::parse("30").expect("a quantity"));
    let mut of_pods = plan(2, 300.0, (1, 20), Vec::new());
    let source = HpaSource::Pods(of_pods.strings.intern("http_requests_per_second"));
    autoscaler(&mut of_pods).metrics = Box::new([HpaMetric { source, target }]);
    // The scrape of 15 is seen at 30.02: 150 each; to 4. That of 30 at 45.02: two of four are missing: 300 / 4 = 75 each,
    // so 10, at most 8; that of 45: four missing of eight, 300 / 8 = 37.5: 10.
    assert_eq!(scaled(of_pods), [(30.03, 4), (45.03, 8), (60.03, 10)]);
    let mut of_service = plan(2, 300.0, (1, 20), Vec::new());
    let name = of_service.strings.intern("web");
    let (kind, metric) = (of_service.strings.intern("Service"), of_service.strings.intern("requests"));
    autoscaler(&mut of_service).metrics =
        Box::new([HpaMetric { source: HpaSource::Object { metric, kind, name }, target }]);
    assert_eq!(scaled(of_service)[0], (30.03, 4));
}

#[test]
fn what_nobody_measures_is_said_and_changes_nothing() {
    let mut plan = plan(2, 300.0, (1, 20), Vec::new());
    let source = HpaSource::External(plan.strings.intern("queue_length"));
    let target = HpaTarget::AverageValue(Quantity::parse("30").expect("a quantity"));
    autoscaler(&mut plan).metrics = Box::new([HpaMetric { source, target }]);
    let mut simulation = Simulation::new(plan);
    let start = simulation.plan().start;
    simulation.run_until(start + SimDuration::from_secs(60)).expect("no limit");
    let rows: Vec<_> = simulation.cluster().objects().iter().collect();
    let status = rows[1].1.status.autoscaler().expect("a status");
    assert_eq!(
        status.conditions,
        [("AbleToScale", true, "SucceededGetScale"), ("ScalingActive", false, "FailedGetExternalMetric")]
    );
    assert_eq!((status.current_replicas, status.desired_replicas), (2, 2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whatever is asked: from the first sync on the number wanted is within the bounds.
    #[test]
    fn replicas_stay_within_the_bounds(
        replicas in 1..12,
        min in 1..6,
        more in 0..9,
        rates in prop::collection::vec((0_i64..1500, 0.0_f64..900.0), 1..8),
        with_behavior in any::<bool>(),
    ) {
        let mut plan = by_cpu(replicas, rates[0].1, (min, min + more));
        let mut rates = rates;
        rates.sort_by_key(|(at, _)| *at);
        for (at, rate) in rates {
            rate_changes(&mut plan, at, rate);
        }
        if with_behavior {
            let (up, down) = (HpaScalingRules::default_up(), HpaScalingRules::default_down());
            autoscaler(&mut plan).behavior = Some(Box::new(HpaBehavior { up, down }));
        }
        let max = min + more;
        for (at, wanted) in scaled(plan) {
            prop_assert!((min..=max).contains(&wanted), "{wanted} at {at}, not within {min} to {max}");
        }
    }
}
