//! What one sync of an autoscaler decides, given what its metrics ask for. Pure.
//!
//! Mirrors `reconcileAutoscaler`, `computeReplicasForMetrics` and `normalizeDesiredReplicas...` of
//! pkg/controller/podautoscaler/horizontal.go, v1.34.

use std::cmp::Ordering;

use super::rules::{Bounds, Memory, limit};
use crate::base::{SimDuration, SimTime};
use crate::model::objects::HpaBehavior;

/// A condition: type, whether it is True, reason.
pub type Condition = (&'static str, bool, &'static str);

/// Why a rescale happens, for its Event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// "Current number of replicas above Spec.MaxReplicas".
    AboveMax,
    /// "Current number of replicas below Spec.MinReplicas".
    BelowMin,
    /// "‹metric› above target", with the place of the metric in the spec.
    Metric(usize),
    /// "All metrics below target".
    AllBelow,
    /// The metrics ask for what there is, but more was recommended not long ago.
    Unstated,
}

/// What a sync comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// `status.desiredReplicas`; written to the target if it differs from what that has.
    pub replicas: i32,
    /// Why the target is changed; `None` if it is not.
    pub rescale: Option<Cause>,
    /// The first metric that failed, if one did: its reason is told in an Event.
    pub failed: Option<&'static str>,
    /// Conditions that this sync wrote, in the order of AbleToScale, ScalingActive, ScalingLimited.
    pub conditions: Vec<Condition>,
}

/// What all metrics together ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Combined {
    replicas: i32,
    metric: usize,
}

/// The largest proposal, and the reason of the first metric that failed. With one that failed, only what is no scaling down
/// counts.
fn combine(
    proposals: &[Result<i32, &'static str>],
    current: i32,
) -> (Result<Combined, &'static str>, Option<&'static str>) {
    let mut most = Combined { replicas: 0, metric: 0 };
    for (metric, replicas) in proposals.iter().enumerate().filter_map(|(at, found)| Some((at, found.ok()?))) {
        if most.replicas == 0 || replicas > most.replicas {
            most = Combined { replicas, metric };
        }
    }
    let failed = proposals.iter().find_map(|found| found.err());
    match failed {
        Some(reason) if proposals.iter().all(Result::is_err) || most.replicas < current => (Err(reason), failed),
        _ => (Ok(most), failed),
    }
}

/// Decides at `now`. `proposals` are asked only if the metrics count: each the replicas that one metric asks for, or the
/// reason of the condition why it asks for none. `window`: `--horizontal-pod-autoscaler-downscale-stabilization`.
pub fn decide(
    bounds: Bounds,
    behavior: Option<&HpaBehavior>,
    window: SimDuration,
    memory: &mut Option<Memory>,
    now: SimTime,
    proposals: impl FnOnce() -> Vec<Result<i32, &'static str>>,
) -> Decision {
    let Bounds { current, min, max } = bounds;
    // What a target has when its autoscaler is first seen counts as a recommendation.
    let memory = memory.get_or_insert_with(|| Memory { recommendations: vec![(current, now)], ..Memory::default() });
    let got_scale = ("AbleToScale", true, "SucceededGetScale");
    let rescaled = ("AbleToScale", true, "SucceededRescale");
    let forced = |memory: &mut Memory, replicas, cause| {
        memory.store(current, replicas, behavior, now);
        Decision { replicas, rescale: Some(cause), failed: None, conditions: vec![rescaled] }
    };
    if current == 0 && min != 0 {
        let conditions = vec![got_scale, ("ScalingActive", false, "ScalingDisabled")];
        return Decision { replicas: 0, rescale: None, failed: None, conditions };
    }
    if current > max {
        return forced(memory, max, Cause::AboveMax);
    }
    if current < min {
        return forced(memory, min, Cause::BelowMin);
    }
    let (combined, failed) = combine(&proposals(), current);
    let asked = match combined {
        Ok(asked) => asked,
        Err(reason) => {
            let conditions = vec![got_scale, ("ScalingActive", false, reason)];
            return Decision { replicas: current, rescale: None, failed, conditions };
        }
    };
    let desired = asked.replicas.max(0);
    let (stable, limited, hold) = match behavior {
        None => {
            let stable = memory.stabilize(desired, window, now);
            (stable, limit(stable, bounds), "ScaleDownStabilized")
        }
        Some(rules) => {
            let seconds = |given: Option<i32>| given.map(|given| SimDuration::from_secs(i64::from(given)));
            let up = seconds(rules.up.stabilization_window_seconds).unwrap_or_default();
            let down = seconds(rules.down.stabilization_window_seconds).unwrap_or(window);
            let stable = memory.stabilize_by(desired, current, (up, down), now);
            let hold = if desired >= current { "ScaleUpStabilized" } else { "ScaleDownStabilized" };
            (stable, memory.limit_by(stable, bounds, rules, now), hold)
        }
    };
    let replicas = limited.replicas;
    let mut able = ("AbleToScale", true, if stable == desired { "ReadyForNewScale" } else { hold });
    let mut rescale = None;
    if replicas != current {
        able = rescaled;
        rescale = Some(match desired.cmp(&current) {
            Ordering::Greater => Cause::Metric(asked.metric),
            Ordering::Less => Cause::AllBelow,
            Ordering::Equal => Cause::Unstated,
        });
        memory.store(current, replicas, behavior, now);
    }
    let conditions =
        vec![able, ("ScalingActive", true, "ValidMetricFound"), ("ScalingLimited", replicas != stable, limited.reason)];
    Decision { replicas, rescale, failed, conditions }
}
