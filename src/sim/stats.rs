//! Statistics of a run, kept up to date by every accepted write, recording or not.

use hdrhistogram::Histogram;
use rustc_hash::FxHashMap;

use super::outcome::{LostPod, Quantiles};
use crate::api::{Change, Cluster, PodRef, StatusMask};
use crate::base::id::DenseId;
use crate::base::{IdPages, SimDuration, SimTime};
use crate::kubelet::Kubelets;
use crate::model::objects::ObjectKind;
use crate::model::plan::Plan;
use crate::model::strings::known;
use crate::model::{ClassId, ConditionStatus, NodeId, ObjectId, Phase, PodConditionType, PodId, Resources, TemplateId};
use crate::record::{Counters, Sample};

/// Where a pod is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Bucket {
    #[default]
    Unscheduled,
    Starting,
    Running,
    Succeeded,
    Failed,
}

impl Bucket {
    const ALL: [Self; 5] = [Self::Unscheduled, Self::Starting, Self::Running, Self::Succeeded, Self::Failed];
}

/// What is counted of one pod, in one byte: there is one for every pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Tally(u8);

impl Tally {
    /// The bucket's number has the bits below the flags.
    const BUCKET: u8 = 7;
    const READY: u8 = 1 << 3;
    const EVER_READY: u8 = 1 << 4;
    const DELETING: u8 = 1 << 5;
    /// Its requests are counted.
    const HOLDS: u8 = 1 << 6;

    fn bucket(self) -> Bucket {
        Bucket::ALL[usize::from(self.0 & Self::BUCKET)]
    }

    const fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    /// Moves it to a bucket; the bucket before.
    fn move_to(&mut self, bucket: Bucket) -> Bucket {
        let before = self.bucket();
        self.0 = self.0 & !Self::BUCKET | bucket as u8;
        before
    }

    /// Sets or clears a flag; whether it was set.
    const fn put(&mut self, flag: u8, on: bool) -> bool {
        let before = self.has(flag);
        self.0 = if on { self.0 | flag } else { self.0 & !flag };
        before
    }
}

/// A share of what there is, over time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Share {
    now: f64,
    weighted: f64,
    pub(super) peak: f64,
}

impl Share {
    fn advance(&mut self, seconds: f64) {
        self.weighted += self.now * seconds;
    }

    fn set(&mut self, part: i64, whole: i64) {
        #[allow(clippy::cast_precision_loss)]
        let share = if whole > 0 { part as f64 / whole as f64 } else { 0.0 };
        self.now = share;
        self.peak = self.peak.max(share);
    }

    pub(super) fn mean(&self, seconds: f64) -> f64 {
        if seconds > 0.0 { self.weighted / seconds } else { 0.0 }
    }
}

/// A count, over time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    now: u32,
    since: SimTime,
    weighted: f64,
    pub(super) peak: u32,
}

impl Level {
    fn advance(&mut self, now: SimTime) {
        // Nothing is counted before the first change.
        if self.now > 0 {
            self.weighted += f64::from(self.now) * (now - self.since).as_secs_f64();
        }
        self.since = now;
    }

    fn set(&mut self, now: SimTime, count: u32) {
        if count != self.now {
            self.advance(now);
            self.now = count;
            self.peak = self.peak.max(count);
        }
    }

    pub(super) fn mean(&self, seconds: f64) -> f64 {
        if seconds > 0.0 { self.weighted / seconds } else { 0.0 }
    }
}

/// What nodes cost, over time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    per_hour: f64,
    since: SimTime,
    pub(super) total: f64,
}

impl Cost {
    fn advance(&mut self, now: SimTime) {
        if self.per_hour > 0.0 {
            self.total += self.per_hour * (now - self.since).as_secs_f64() / 3600.0;
        }
        self.since = now;
    }

    /// A node came or went.
    fn count(&mut self, plan: &Plan, cluster: &Cluster, now: SimTime, node: NodeId, sign: f64) {
        self.advance(now);
        let pool = plan.shapes[cluster.nodes().get(node).shape].pool;
        let price = plan.pools.iter().find(|plan| plan.name == pool).map_or(0.0, |pool| pool.price_per_hour);
        self.per_hour += sign * price;
    }
}

/// Statistics of a run.
#[derive(Debug)]
pub(super) struct Stats {
    /// Counts of pods, of which there are fewer than 2^32.
    wait: Histogram<u32>,
    ready: Histogram<u32>,
    tallies: IdPages<PodId, Tally>,
    /// What pods count as whose resources were changed; never iterated.
    resized: FxHashMap<PodId, ClassId>,
    counted_nodes: Vec<bool>,
    pub(super) cpu: Share,
    pub(super) memory: Share,
    /// Pods that are Pending.
    pub(super) pending: Level,
    /// Nodes that exist.
    pub(super) nodes: Level,
    pub(super) cost: Cost,
    updated: SimTime,
    pub(super) lost: Vec<LostPod>,
    /// Those of them, by number, that were gone before they were counted: their removal names their owner.
    gone: Vec<usize>,
    /// Counts and sums, as the next sample shows them.
    pub(super) sample: Sample,
}

impl Default for Stats {
    fn default() -> Self {
        // Microseconds to three significant digits. They grow with the longest span: room for ten years would be 160 kB.
        let histogram = || Histogram::new(3).expect("three digits are valid");
        Self {
            wait: histogram(),
            ready: histogram(),
            tallies: IdPages::new(),
            resized: FxHashMap::default(),
            counted_nodes: Vec::new(),
            cpu: Share::default(),
            memory: Share::default(),
            pending: Level::default(),
            nodes: Level::default(),
            cost: Cost::default(),
            updated: SimTime::default(),
            lost: Vec::new(),
            gone: Vec::new(),
            sample: Sample::default(),
        }
    }
}

impl Stats {
    /// Brings integrals up to `now`.
    pub(super) fn advance(&mut self, now: SimTime) {
        let seconds = if self.updated == SimTime::default() { 0.0 } else { (now - self.updated).as_secs_f64() };
        self.cpu.advance(seconds);
        self.memory.advance(seconds);
        self.updated = now;
    }

    /// Brings everything up to the end of the run.
    pub(super) fn end(&mut self, now: SimTime) {
        self.advance(now);
        self.pending.advance(now);
        self.nodes.advance(now);
        self.cost.advance(now);
    }

    /// Counts an accepted write.
    pub(super) fn on_change(
        &mut self,
        plan: &Plan,
        cluster: &Cluster,
        kubelets: &Kubelets,
        counters: &mut Counters,
        now: SimTime,
        change: &Change,
    ) {
        match *change {
            Change::PodAdded { pod, node, template, .. } => {
                counters.pods_created += 1;
                self.sample.pods_created_total += 1;
                self.tallies.grow_to(pod.pod, &Tally::default());
                self.tallies[pod.pod] = Tally::default();
                *self.count_of(Bucket::Unscheduled) += 1;
                if node.is_some() {
                    self.bound(plan, now, pod, template, SimDuration::ZERO);
                }
            }
            Change::PodBound { pod, .. } => {
                let waited = now - cluster.pods().created(pod.pod);
                self.bound(plan, now, pod, cluster.pods().template(pod.pod), waited);
            }
            Change::PodStatus { pod, mask, old_phase, phase, node } => {
                self.status(plan, cluster, counters, now, pod, (mask, old_phase, phase));
                if mask.has(StatusMask::condition(PodConditionType::DisruptionTarget)) {
                    let reason = cluster.pods().conditions(pod.pod).get(PodConditionType::DisruptionTarget);
                    let gone = [known::DELETION_BY_TAINT_MANAGER, known::DELETION_BY_POD_GC];
                    if let (Some(node), Some(reason)) = (node, reason)
                        && gone.contains(&reason.reason)
                        && !phase.is_terminal()
                    {
                        let at = kubelets.down_since(node).unwrap_or(now);
                        self.lose(plan, cluster, counters, pod, node, at);
                    }
                }
            }
            Change::PodResized { pod, classes: (old, new), .. }
                if old != new && self.tallies[pod.pod].has(Tally::HOLDS) =>
            {
                self.advance(now);
                self.sample.requested.sub(&plan.classes[old].requests);
                self.sample.requested.add(&plan.classes[new].requests);
                self.resized.insert(pod.pod, new);
                self.shares_changed();
            }
            Change::PodDeleting { pod, .. } => {
                let before = self.tallies[pod.pod].put(Tally::DELETING, true);
                self.sample.pods_terminating += u32::from(!before);
            }
            Change::PodRemoved { pod, template, owner, .. } => {
                if let Some(at) = self.gone.iter().position(|&lost| self.lost[lost].uid == pod.uid) {
                    let lost = self.gone.swap_remove(at);
                    self.lost[lost].owner = owner.map(|owner| called(cluster, owner));
                }
                counters.pods_removed += 1;
                self.release(plan, now, pod, template);
                let tally = std::mem::take(&mut self.tallies[pod.pod]);
                *self.count_of(tally.bucket()) -= 1;
                self.sample.pods_ready -= u32::from(tally.has(Tally::READY));
                self.sample.pods_terminating -= u32::from(tally.has(Tally::DELETING));
            }
            Change::NodeAdded(node) => {
                self.sample.nodes += 1;
                self.nodes.set(now, self.sample.nodes);
                self.cost.count(plan, cluster, now, node, 1.0);
                self.counted_nodes.resize(node.index() + 1, false);
                self.count_node(plan, cluster, now, node, true);
            }
            Change::NodeReady(node, status) => {
                self.count_node(plan, cluster, now, node, status == ConditionStatus::True);
            }
            Change::NodeRemoved(node) => {
                self.sample.nodes -= 1;
                self.nodes.set(now, self.sample.nodes);
                self.cost.count(plan, cluster, now, node, -1.0);
                self.count_node(plan, cluster, now, node, false);
            }
            _ => {}
        }
        self.pending.set(now, self.sample.pods_unscheduled + self.sample.pods_starting);
    }

    /// A pod will never run again, although nobody asked for that.
    pub(super) fn lose(
        &mut self,
        plan: &Plan,
        cluster: &Cluster,
        counters: &mut Counters,
        pod: PodRef,
        node: NodeId,
        at: SimTime,
    ) {
        let (workload, ordinal) = cluster.pods().source(pod.pod);
        counters.pods_lost += 1;
        let exists = cluster.pods().exists(pod);
        let owner = cluster.pods().owned(pod.pod).filter(|_| exists).map(|owned| called(cluster, owned.object));
        if !exists {
            self.gone.push(self.lost.len());
        }
        self.lost.push(LostPod {
            uid: pod.uid,
            name: plan.pod_name(workload, cluster.pods().template(pod.pod), ordinal),
            node: cluster.nodes().get(node).name,
            at,
            owner,
        });
    }

    fn bound(&mut self, plan: &Plan, now: SimTime, pod: PodRef, template: TemplateId, waited: SimDuration) {
        self.sample.pods_bound_total += 1;
        record(&mut self.wait, waited);
        self.move_to(pod, Bucket::Starting);
        self.tallies[pod.pod].put(Tally::HOLDS, true);
        self.advance(now);
        self.sample.requested.add(&plan.classes[plan.templates[template].class].requests);
        self.shares_changed();
    }

    fn status(
        &mut self,
        plan: &Plan,
        cluster: &Cluster,
        counters: &mut Counters,
        now: SimTime,
        pod: PodRef,
        (mask, old_phase, phase): (StatusMask, Phase, Phase),
    ) {
        if old_phase != phase {
            let bucket = match phase {
                Phase::Pending => Bucket::Starting,
                Phase::Running | Phase::Unknown => Bucket::Running,
                Phase::Succeeded => Bucket::Succeeded,
                Phase::Failed => Bucket::Failed,
            };
            self.move_to(pod, bucket);
            // A pod that was over before its Running was reported has started all the same.
            let started = old_phase == Phase::Pending && phase != Phase::Failed;
            counters.pods_started += u64::from(started);
            counters.pods_succeeded += u64::from(phase == Phase::Succeeded);
            counters.pods_failed += u64::from(phase == Phase::Failed);
            if phase.is_terminal() {
                self.release(plan, now, pod, cluster.pods().template(pod.pod));
            }
        }
        if mask.has(StatusMask::condition(PodConditionType::Ready)) && cluster.pods().exists(pod) {
            let ready = cluster.pods().conditions(pod.pod).is_true(PodConditionType::Ready);
            let tally = &mut self.tallies[pod.pod];
            let before = tally.put(Tally::READY, ready);
            let first = ready && !tally.put(Tally::EVER_READY, true);
            self.sample.pods_ready = self.sample.pods_ready + u32::from(ready) - u32::from(before);
            if first {
                record(&mut self.ready, now - cluster.pods().created(pod.pod));
            }
        }
    }

    fn release(&mut self, plan: &Plan, now: SimTime, pod: PodRef, template: TemplateId) {
        if self.tallies[pod.pod].put(Tally::HOLDS, false) {
            self.advance(now);
            let class = self.resized.remove(&pod.pod).unwrap_or(plan.templates[template].class);
            self.sample.requested.sub(&plan.classes[class].requests);
            self.shares_changed();
        }
    }

    /// Looks at what is counted of a pod: what was read.
    #[inline]
    pub(super) fn read_ahead(&self, pod: PodId) -> u8 {
        self.tallies[pod].0
    }

    fn move_to(&mut self, pod: PodRef, bucket: Bucket) {
        let before = self.tallies[pod.pod].move_to(bucket);
        *self.count_of(before) -= 1;
        *self.count_of(bucket) += 1;
    }

    const fn count_of(&mut self, bucket: Bucket) -> &mut u32 {
        match bucket {
            Bucket::Unscheduled => &mut self.sample.pods_unscheduled,
            Bucket::Starting => &mut self.sample.pods_starting,
            Bucket::Running => &mut self.sample.pods_running,
            Bucket::Succeeded => &mut self.sample.pods_succeeded,
            Bucket::Failed => &mut self.sample.pods_failed,
        }
    }

    fn count_node(&mut self, plan: &Plan, cluster: &Cluster, now: SimTime, node: NodeId, ready: bool) {
        if std::mem::replace(&mut self.counted_nodes[node.index()], ready) == ready {
            return;
        }
        self.advance(now);
        let allocatable: &Resources = &plan.shapes[cluster.nodes().get(node).shape].allocatable;
        if ready {
            self.sample.nodes_ready += 1;
            self.sample.allocatable.add(allocatable);
        } else {
            self.sample.nodes_ready -= 1;
            self.sample.allocatable.sub(allocatable);
        }
        self.shares_changed();
    }

    fn shares_changed(&mut self) {
        let Sample { requested, allocatable, .. } = &self.sample;
        self.cpu.set(requested.milli_cpu, allocatable.milli_cpu);
        self.memory.set(requested.memory, allocatable.memory);
    }

    /// From creation to binding.
    pub(super) fn wait_quantiles(&self) -> Quantiles {
        quantiles(&self.wait)
    }

    /// From creation to the first Ready.
    pub(super) fn ready_quantiles(&self) -> Quantiles {
        quantiles(&self.ready)
    }
}

/// The kind and the name of an object.
fn called(cluster: &Cluster, object: ObjectId) -> (ObjectKind, String) {
    let row = cluster.objects().get(object);
    (row.kind(), row.name.to_string())
}

fn record(histogram: &mut Histogram<u32>, span: SimDuration) {
    let micros = u64::try_from(span.0 / 1_000).unwrap_or(0);
    histogram.record(micros).expect("the histogram grows to any span");
}

#[allow(clippy::cast_precision_loss)]
fn quantiles(histogram: &Histogram<u32>) -> Quantiles {
    let seconds = |micros: u64| micros as f64 / 1e6;
    let at = |quantile: f64| seconds(histogram.value_at_quantile(quantile));
    if histogram.is_empty() {
        return Quantiles::default();
    }
    Quantiles {
        count: histogram.len(),
        mean: histogram.mean() / 1e6,
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        max: seconds(histogram.max()),
    }
}
