//! How fast replicas may change: recommendations of the past, policies, limits. Pure.
//!
//! Mirrors `stabilizeRecommendation...`, `convertDesiredReplicasWith...` and `storeScaleEvent` of
//! pkg/controller/podautoscaler/horizontal.go, v1.34.

use crate::base::{SimDuration, SimTime};
use crate::model::objects::{HpaBehavior, HpaPolicy, HpaScalingRules, HpaSelectPolicy};

/// What is remembered of an autoscaler: what was recommended, and what was done, each with its time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Memory {
    /// Recommendations before they were stabilised. Places of those that are too old are used again.
    pub recommendations: Vec<(i32, SimTime)>,
    /// Replicas that were added.
    pub ups: Vec<(i32, SimTime)>,
    /// Replicas that were taken away.
    pub downs: Vec<(i32, SimTime)>,
}

/// A number of replicas, and why it is not what was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limited {
    /// So many.
    pub replicas: i32,
    /// The reason of the condition.
    pub reason: &'static str,
}

/// The bounds of an autoscaler and where it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// `spec.replicas` of the target.
    pub current: i32,
    /// `minReplicas`.
    pub min: i32,
    /// `maxReplicas`.
    pub max: i32,
}

const WITHIN: &str = "DesiredWithinRange";

impl Memory {
    /// Puts a recommendation in the place of one that is too old, or at the end.
    fn remember(&mut self, desired: i32, now: SimTime, is_old: impl Fn(SimTime) -> bool) {
        match self.recommendations.iter_mut().rfind(|(_, at)| is_old(*at)) {
            Some(place) => *place = (desired, now),
            None => self.recommendations.push((desired, now)),
        }
    }

    /// Without `behavior`: the highest recommendation within the window, this one included.
    pub fn stabilize(&mut self, desired: i32, window: SimDuration, now: SimTime) -> i32 {
        let cutoff = now - window;
        let recent = self.recommendations.iter().filter(|(_, at)| *at >= cutoff);
        let highest = recent.map(|(replicas, _)| *replicas).fold(desired, i32::max);
        self.remember(desired, now, |at| at < cutoff);
        highest
    }

    /// With `behavior`: not above the lowest within the window for scaling up, and not below the highest within that for
    /// scaling down.
    pub fn stabilize_by(
        &mut self,
        desired: i32,
        current: i32,
        windows: (SimDuration, SimDuration),
        now: SimTime,
    ) -> i32 {
        let (up_cutoff, down_cutoff) = (now - windows.0, now - windows.1);
        let (mut lowest, mut highest) = (desired, desired);
        for &(replicas, at) in &self.recommendations {
            if at > up_cutoff {
                lowest = lowest.min(replicas);
            }
            if at > down_cutoff {
                highest = highest.max(replicas);
            }
        }
        self.remember(desired, now, |at| at < up_cutoff && at < down_cutoff);
        current.max(lowest).min(highest)
    }

    /// Notes what was done, as long as a policy can ask for it.
    pub fn store(&mut self, before: i32, after: i32, behavior: Option<&HpaBehavior>, now: SimTime) {
        let Some(behavior) = behavior else { return };
        let (events, rules, change) = if after > before {
            (&mut self.ups, &behavior.up, after - before)
        } else {
            (&mut self.downs, &behavior.down, before - after)
        };
        let longest = rules.policies.iter().map(|policy| policy.period_seconds).max().unwrap_or(0);
        let cutoff = now - SimDuration::from_secs(i64::from(longest));
        match events.iter_mut().rfind(|(_, at)| *at < cutoff) {
            Some(place) => *place = (change, now),
            None => events.push((change, now)),
        }
    }

    /// How many replicas there were when the policy's period began.
    fn at_start_of(&self, policy: HpaPolicy, current: i32, now: SimTime) -> i32 {
        current - change_within(&self.ups, policy.period_seconds, now)
            + change_within(&self.downs, policy.period_seconds, now)
    }

    fn up_limit(&self, rules: &HpaScalingRules, current: i32, now: SimTime) -> i32 {
        let proposals = rules.policies.iter().map(|&policy| {
            let start = self.at_start_of(policy, current, now);
            if policy.percent {
                (f64::from(start) * (1.0 + f64::from(policy.value) / 100.0)).ceil() as i32
            } else {
                start.saturating_add(policy.value)
            }
        });
        let limit = match rules.select {
            HpaSelectPolicy::Disabled => current,
            HpaSelectPolicy::Min => proposals.fold(i32::MAX, i32::min),
            HpaSelectPolicy::Max => proposals.fold(i32::MIN, i32::max),
        };
        limit.max(current)
    }

    fn down_limit(&self, rules: &HpaScalingRules, current: i32, now: SimTime) -> i32 {
        let proposals = rules.policies.iter().map(|&policy| {
            let start = self.at_start_of(policy, current, now);
            if policy.percent {
                (f64::from(start) * (1.0 - f64::from(policy.value) / 100.0)) as i32
            } else {
                start.saturating_sub(policy.value)
            }
        });
        let limit = match rules.select {
            HpaSelectPolicy::Disabled => current,
            HpaSelectPolicy::Min => proposals.fold(i32::MIN, i32::max),
            HpaSelectPolicy::Max => proposals.fold(i32::MAX, i32::min),
        };
        limit.min(current)
    }

    /// With `behavior`: as far towards `desired` as policies and bounds allow.
    #[must_use]
    pub fn limit_by(&self, desired: i32, bounds: Bounds, behavior: &HpaBehavior, now: SimTime) -> Limited {
        let Bounds { current, min, max } = bounds;
        if desired > current {
            let limit = self.up_limit(&behavior.up, current, now);
            let (most, reason) = if max > limit { (limit, "ScaleUpLimit") } else { (max, "TooManyReplicas") };
            if desired > most {
                return Limited { replicas: most, reason };
            }
        } else if desired < current {
            let limit = self.down_limit(&behavior.down, current, now);
            let (least, reason) = if min < limit { (limit, "ScaleDownLimit") } else { (min, "TooFewReplicas") };
            if desired < least {
                return Limited { replicas: least, reason };
            }
        }
        Limited { replicas: desired, reason: WITHIN }
    }
}

/// By how many replicas the target changed within a period.
#[must_use]
pub fn change_within(events: &[(i32, SimTime)], period_seconds: i32, now: SimTime) -> i32 {
    let cutoff = now - SimDuration::from_secs(i64::from(period_seconds));
    events.iter().filter(|(_, at)| *at > cutoff).map(|(change, _)| *change).sum()
}

/// Without `behavior`: at most to double, at least to 4, and within the bounds.
#[must_use]
pub fn limit(desired: i32, bounds: Bounds) -> Limited {
    let double = (2.0 * f64::from(bounds.current)).max(4.0) as i32;
    let (most, reason) = if bounds.max > double { (double, "ScaleUpLimit") } else { (bounds.max, "TooManyReplicas") };
    if desired < bounds.min {
        Limited { replicas: bounds.min, reason: "TooFewReplicas" }
    } else if desired > most {
        Limited { replicas: most, reason }
    } else {
        Limited { replicas: desired, reason: WITHIN }
    }
}
