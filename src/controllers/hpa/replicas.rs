//! How many replicas a metric asks for. Pure: knows pods only by what is counted of them.
//!
//! Mirrors pkg/controller/podautoscaler/replica_calculator.go and pkg/controller/podautoscaler/metrics/utilization.go,
//! v1.34.

use crate::base::{SimDuration, SimTime};
use crate::model::{ConditionStatus, Phase};

/// How far usage may be off its target before anything happens, as fractions.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tolerances {
    /// Above it.
    pub up: f64,
    /// Below it.
    pub down: f64,
}

impl Tolerances {
    fn include(self, ratio: f64) -> bool {
        (1.0 - self.down..=1.0 + self.up).contains(&ratio)
    }
}

/// When a pod's cpu usage tells nothing yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Readiness {
    /// `--horizontal-pod-autoscaler-cpu-initialization-period`.
    pub cpu_initialization: SimDuration,
    /// `--horizontal-pod-autoscaler-initial-readiness-delay`.
    pub initial_delay: SimDuration,
}

/// What was measured of a pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PodMetric {
    /// The amount, in thousandths.
    pub value: i64,
    /// When it was measured.
    pub at: SimTime,
    /// Over what time before that.
    pub window: SimDuration,
}

/// A pod of the scale target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its phase.
    pub phase: Phase,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// `status.startTime`.
    pub started: Option<SimTime>,
    /// Its Ready condition, and since when it is so.
    pub ready: Option<(ConditionStatus, SimTime)>,
    /// What was measured of it.
    pub metric: Option<PodMetric>,
}

/// What a pod counts as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "each is upstream's word")]
pub enum Group {
    Ready,
    Unready,
    Missing,
    Ignored,
}

/// Why no number comes of a metric.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoProposal {
    /// The selector selects nothing.
    #[error("no pods returned by selector while calculating replica count")]
    NoPods,
    /// All pods of which something was measured are ignored or unready.
    #[error("did not receive metrics for targeted pods (pods might be unready)")]
    NoMetrics,
    /// What was measured are pods that are not known.
    #[error("no metrics returned matched known pods")]
    NoKnownPods,
    /// A container says nothing of the resource, so that there is nothing to compare with. The text names it.
    #[error("{0}")]
    MissingRequest(Box<str>),
}

/// What a metric asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Proposal {
    /// So many replicas.
    pub replicas: i32,
    /// The usage as the status shows it: percent of the requests, or thousandths.
    pub usage: i64,
    /// The mean of the pods, in thousandths, if `usage` is in percent.
    pub average: Option<i64>,
}

/// What a pod counts as at `now`. Only for cpu is it asked whether a pod is ready.
#[must_use]
pub fn group(pod: &Member, is_cpu: bool, readiness: Readiness, now: SimTime) -> Group {
    if pod.deleting || pod.phase == Phase::Failed {
        return Group::Ignored;
    }
    if pod.phase == Phase::Pending {
        return Group::Unready;
    }
    let Some(metric) = pod.metric else { return Group::Missing };
    if !is_cpu {
        return Group::Ready;
    }
    let (Some((ready, since)), Some(started)) = (pod.ready, pod.started) else { return Group::Unready };
    let unready = if started + readiness.cpu_initialization > now {
        // Or a whole window has not been measured since it became ready.
        ready == ConditionStatus::False || metric.at < since + metric.window
    } else {
        // It was never ready.
        ready == ConditionStatus::False && started + readiness.initial_delay > since
    };
    if unready { Group::Unready } else { Group::Ready }
}

/// The ratio of the usage to the target, the usage in percent of the requests, and the mean of the pods. `pods`: usage and
/// request of each, in thousandths.
///
/// # Errors
/// There is nothing to divide by.
pub fn utilization(
    pods: impl IntoIterator<Item = (i64, i64)>,
    target_percent: i32,
) -> Result<(f64, i32, i64), NoProposal> {
    let (mut used, mut requested, mut count) = (0_i128, 0_i128, 0_i128);
    for (usage, request) in pods {
        used += i128::from(usage);
        requested += i128::from(request);
        count += 1;
    }
    if requested == 0 {
        return Err(NoProposal::NoKnownPods);
    }
    let percent = i32::try_from(used * 100 / requested).unwrap_or(i32::MAX);
    let average = i64::try_from(used / count).unwrap_or(i64::MAX);
    Ok((f64::from(percent) / f64::from(target_percent), percent, average))
}

/// The ratio of the mean to the target, and the mean. There is at least one value.
#[must_use]
pub fn mean_ratio(values: &[i64], target: i64) -> (f64, i64) {
    let sum: i128 = values.iter().map(|&value| i128::from(value)).sum();
    let mean = i64::try_from(sum / (values.len().max(1) as i128)).unwrap_or(i64::MAX);
    (mean as f64 / target as f64, mean)
}

/// What the calculation has in common for utilisation and for plain values.
struct Calculation<'a> {
    groups: Vec<Group>,
    pods: &'a [Member],
    /// How many were measured that are no known pods.
    strangers: usize,
    current: i32,
    tolerances: Tolerances,
}

impl Calculation<'_> {
    fn has(&self, group: Group) -> bool {
        self.groups.contains(&group)
    }

    /// The pods that count with what was measured.
    fn measured(&self) -> impl Iterator<Item = (usize, i64)> {
        let ready = self.groups.iter().enumerate().filter(|(_, group)| **group == Group::Ready);
        ready.filter_map(|(at, _)| Some((at, self.pods[at].metric?.value)))
    }

    fn finish(&self, first: f64, again: impl Fn(&[(usize, i64)]) -> f64, missing: impl Fn(usize) -> i64) -> i32 {
        let with_unready = self.has(Group::Unready) && first > 1.0;
        if !with_unready && !self.has(Group::Missing) {
            let ready = self.groups.iter().filter(|group| **group == Group::Ready).count();
            return if self.tolerances.include(first) { self.current } else { ceil(first * ready as f64) };
        }
        // Who is missing is taken to use what speaks against a change, who is not ready to use nothing yet.
        let mut counted: Vec<(usize, i64)> = self.measured().collect();
        for (at, group) in self.groups.iter().enumerate() {
            match group {
                Group::Missing if first < 1.0 => counted.push((at, missing(at))),
                Group::Missing if first > 1.0 => counted.push((at, 0)),
                Group::Unready if with_unready => counted.push((at, 0)),
                _ => {}
            }
        }
        let ratio = again(&counted);
        if self.tolerances.include(ratio) || (first < 1.0 && ratio > 1.0) || (first > 1.0 && ratio < 1.0) {
            return self.current;
        }
        let replicas = ceil(ratio * (counted.len() + self.strangers) as f64);
        let turns = (ratio < 1.0 && replicas > self.current) || (ratio > 1.0 && replicas < self.current);
        if turns { self.current } else { replicas }
    }
}

/// A whole number of replicas that is not less. What does not fit 32 bits is the greatest that does.
fn ceil(replicas: f64) -> i32 {
    replicas.ceil() as i32
}

/// What all calculations over pods share: who they are, what is now, and what is let pass.
#[derive(Clone, Copy, Debug)]
pub struct Pods<'a> {
    /// The pods of the scale target.
    pub members: &'a [Member],
    /// What was measured of pods that are not (yet) known.
    pub strangers: &'a [i64],
    /// `spec.replicas` of the target.
    pub current: i32,
    /// See [`Tolerances`].
    pub tolerances: Tolerances,
    /// See [`Readiness`].
    pub readiness: Readiness,
    /// The time.
    pub now: SimTime,
}

impl<'a> Pods<'a> {
    fn calculation(&self, is_cpu: bool) -> Result<Calculation<'a>, NoProposal> {
        if self.members.is_empty() {
            return Err(NoProposal::NoPods);
        }
        let groups: Vec<Group> = self.members.iter().map(|pod| group(pod, is_cpu, self.readiness, self.now)).collect();
        if !groups.contains(&Group::Ready) && self.strangers.is_empty() {
            return Err(NoProposal::NoMetrics);
        }
        let (pods, strangers) = (self.members, self.strangers.len());
        Ok(Calculation { groups, pods, strangers, current: self.current, tolerances: self.tolerances })
    }

    /// For usage in percent of the requests (in thousandths, of each pod), which the closure tells if there is something to
    /// compare.
    ///
    /// # Errors
    /// Nothing was measured, or there is nothing to compare with.
    pub fn by_utilization(
        &self,
        is_cpu: bool,
        target_percent: i32,
        requests: impl FnOnce() -> Result<Vec<i64>, Box<str>>,
    ) -> Result<Proposal, NoProposal> {
        let calculation = self.calculation(is_cpu)?;
        let requests = requests().map_err(NoProposal::MissingRequest)?;
        let pairs = |list: &[(usize, i64)]| list.iter().map(|&(at, usage)| (usage, requests[at])).collect::<Vec<_>>();
        let measured: Vec<(usize, i64)> = calculation.measured().collect();
        let (ratio, percent, average) = utilization(pairs(&measured), target_percent)?;
        let again = |list: &[(usize, i64)]| utilization(pairs(list), target_percent).map_or(ratio, |found| found.0);
        let fallback = i64::from(target_percent.max(100));
        let replicas = calculation.finish(ratio, again, |at| requests[at].saturating_mul(fallback) / 100);
        Ok(Proposal { replicas, usage: i64::from(percent), average: Some(average) })
    }

    /// For the mean of the pods, in thousandths.
    ///
    /// # Errors
    /// Nothing was measured.
    pub fn by_average(&self, is_cpu: bool, target: i64) -> Result<Proposal, NoProposal> {
        let calculation = self.calculation(is_cpu)?;
        let values = |list: &mut dyn Iterator<Item = i64>| {
            mean_ratio(&list.chain(self.strangers.iter().copied()).collect::<Vec<i64>>(), target)
        };
        let (ratio, usage) = values(&mut calculation.measured().map(|(_, value)| value));
        let again = |list: &[(usize, i64)]| values(&mut list.iter().map(|&(_, value)| value)).0;
        Ok(Proposal { replicas: calculation.finish(ratio, again, |_| target), usage, average: None })
    }

    /// For one value that stands for all pods, in thousandths (`target.value` of an object or external metric).
    ///
    /// # Errors
    /// There is no pod to count.
    pub fn by_value(&self, usage: i64, target: i64) -> Result<Proposal, NoProposal> {
        let ratio = usage as f64 / target as f64;
        let replicas = if self.current == 0 {
            ceil(ratio)
        } else if self.tolerances.include(ratio) {
            self.current
        } else if self.members.is_empty() {
            return Err(NoProposal::NoPods);
        } else {
            let is_ready =
                |pod: &&Member| pod.phase == Phase::Running && matches!(pod.ready, Some((ConditionStatus::True, _)));
            ceil(ratio * self.members.iter().filter(is_ready).count() as f64)
        };
        Ok(Proposal { replicas, usage, average: None })
    }
}

/// For one value that all pods share (`target.averageValue` of an object or external metric); `current` is
/// `status.replicas` of the target.
#[must_use]
pub fn by_value_per_pod(usage: i64, target: i64, current: i32, tolerances: Tolerances) -> Proposal {
    let ratio = usage as f64 / (target as f64 * f64::from(current));
    let replicas = if tolerances.include(ratio) { current } else { ceil(usage as f64 / target as f64) };
    Proposal { replicas, usage: (usage as f64 / f64::from(current)).ceil() as i64, average: None }
}

/// The sum of the values of an external metric; more than fits is the most that fits.
#[must_use]
pub fn total(values: &[i64]) -> i64 {
    values.iter().fold(0, |sum, &value| sum.saturating_add(value))
}
