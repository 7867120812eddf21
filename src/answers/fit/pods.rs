//! Further copies of one pod, one after the other, until one finds no place. Owns how they arrive and when to stop; knows no answer.

use crate::base::id::DenseId;
use crate::base::{SimDuration, SimTime};
use crate::model::{ClassId, NodeId, PodUid, TemplateId, VolumeSource, WorkloadId};
use crate::record::fact::NoteId;
use crate::record::{Fact, PodRecord, Recorder, Sample};
use crate::sim::Simulation;
use crate::sim::event::Event;
use crate::sim::plan::{ArrivalPlan, ArrivalSource, Plan, TraceRow};

use super::super::Halt;

/// The copies come so long after each other: in the order of the queue, and all before what their nodes' taints do to them.
const GAP: SimDuration = SimDuration::from_millis(100);
/// A copy with claims comes so long before the others: until volumes are made for them, only one node will do.
const PROVISIONING: SimDuration = SimDuration::from_secs(2 * 60);
/// Where nodes can be made, nothing is over before nothing has come for so long.
const PATIENCE: SimDuration = SimDuration::from_secs(20 * 60);
/// Events between two looks at whether to stop.
const EVENTS: u32 = 4096;

/// Sees what becomes of the copies.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    workload: Option<WorkloadId>,
    pods: usize,
    /// The copies in order of creation, with their nodes.
    pub copies: Vec<(PodUid, Option<NodeId>)>,
    /// The first copy, in their order, that found no node.
    pub unfit: Option<PodUid>,
    bound: usize,
    last_bound: SimTime,
}

impl Recorder for Watch {
    const SAMPLES: bool = false;

    fn fact(&mut self, at: SimTime, fact: Fact) {
        match fact {
            Fact::PodBound(uid, node) => {
                if let Ok(place) = self.copies.binary_search_by_key(&uid, |copy| copy.0) {
                    self.copies[place].1 = Some(node);
                    self.bound += 1;
                    self.last_bound = at;
                }
            }
            Fact::PodUnschedulable(uid, _) if self.copies.binary_search_by_key(&uid, |copy| copy.0).is_ok() => {
                self.unfit = Some(self.unfit.map_or(uid, |first| first.min(uid)));
            }
            _ => {}
        }
    }

    fn pod(&mut self, pod: PodRecord) {
        let uid = PodUid::from_index(self.pods);
        self.pods += 1;
        if self.workload == Some(pod.workload) {
            self.copies.push((uid, None));
        }
    }

    fn sample(&mut self, _: SimTime, _: Sample) {}

    fn note(&mut self, _: impl FnOnce() -> String) -> NoteId {
        NoteId::from_raw(0)
    }
}

impl Watch {
    /// The nodes of the copies before the one that found none.
    fn before_unfit(&self) -> impl Iterator<Item = Option<NodeId>> {
        self.copies.iter().take_while(|copy| Some(copy.0) != self.unfit).map(|copy| copy.1)
    }
}

/// Why no further copy came to a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// The scheduler found no node for a pod of this class.
    Unfit(ClassId),
    /// The API server did not take the pod.
    Refused,
    /// All that could fit at most were placed.
    All,
}

/// What became of the copies.
#[derive(Debug)]
pub(crate) struct Filled {
    pub simulation: Simulation<Watch>,
    pub end: End,
    /// The copies that got a node before one did not, by their nodes.
    pub placed: Vec<NodeId>,
    /// How many of them have ended since.
    pub ended: usize,
}

/// Whether a pool of nodes can grow.
pub(crate) fn grows(plan: &Plan) -> bool {
    plan.autoscaler.is_some() && plan.pools.iter().any(|pool| pool.limits.is_some())
}

/// Lets the run go on at `at` for pods of these templates that arrive one by one, counted under `workload`.
pub(crate) fn fill(
    mut plan: Plan,
    workload: WorkloadId,
    templates: &[TemplateId],
    at: SimTime,
    stop: &dyn Fn() -> bool,
) -> Result<Filled, Halt> {
    let growing = grows(&plan);
    let claims = |template| plan.templates[template].volumes.iter().any(|volume| volume.source == VolumeSource::Claim);
    let wait = if templates.first().is_some_and(|&first| claims(first)) { PROVISIONING } else { SimDuration::ZERO };
    let rows = (1_i64..).zip(templates).map(|(number, &template)| TraceRow {
        at: at + GAP * number + if number > 1 { wait } else { SimDuration::ZERO },
        template,
        delete_at: SimTime::NEVER,
        run: SimDuration::FOREVER,
    });
    let rows: Box<[TraceRow]> = rows.collect();
    let all = rows.len();
    let last = rows.last().map_or(at, |row| row.at);
    plan.arrivals.push(ArrivalPlan { workload, source: ArrivalSource::Trace(rows), ttl_after_finished: None });
    let stream = plan.arrivals.len() - 1;
    // Later arrivals of the scenario itself would take what is counted.
    plan.duration = last.since(plan.start) + PATIENCE * 2;
    let mut simulation =
        Simulation::with_recorder(plan, Watch { workload: Some(workload), last_bound: last, ..Watch::default() });
    let mut events = 0;
    let mut arrived = 0;
    let end = loop {
        events += 1;
        if events % EVENTS == 0 && stop() {
            return Err(Halt::Interrupted);
        }
        let event = simulation.step(SimTime::NEVER).map_err(|limit| Halt::Limit(limit.to_string()))?;
        let watch = simulation.recorder();
        if let Some(Event::Arrival(number)) = event
            && number as usize == stream
        {
            // Whatever came before has been created by now, or never will be.
            if watch.copies.len() < arrived {
                break End::Refused;
            }
            arrived += 1;
        }
        let placed = watch.bound;
        let over = event.is_none() || simulation.now() > last.max(watch.last_bound) + PATIENCE;
        match watch.unfit {
            Some(_) if placed == all => break End::All,
            // Those before it may still wait for their volumes, on the nodes that were chosen for them.
            Some(uid) if !growing && (over || watch.before_unfit().all(|node| node.is_some())) => {
                break End::Unfit(class_of(&simulation, templates, uid));
            }
            _ if placed == all => break End::All,
            Some(_) if over => {
                let waiting = watch.copies.iter().find(|copy| copy.1.is_none()).map(|copy| copy.0);
                break waiting.map_or(End::All, |uid| End::Unfit(class_of(&simulation, templates, uid)));
            }
            None if over => break if watch.copies.len() < arrived { End::Refused } else { End::All },
            _ => {}
        }
    };
    let watch = simulation.recorder();
    let placed: Vec<NodeId> = match end {
        End::Unfit(_) if !growing => watch.before_unfit().map_while(|node| node).collect(),
        _ => watch.copies.iter().filter_map(|copy| copy.1).collect(),
    };
    let alive = simulation.cluster().pods().iter().filter(|pod| {
        let pods = simulation.cluster().pods();
        pods.source(pod.pod).0 == workload && pods.node(pod.pod).is_some() && !pods.phase(pod.pod).is_terminal()
    });
    let ended = placed.len() - alive.count().min(placed.len());
    Ok(Filled { simulation, end, placed, ended })
}

/// The class of a copy: that of its template, as copies are in the order of their templates.
fn class_of(simulation: &Simulation<Watch>, templates: &[TemplateId], uid: PodUid) -> ClassId {
    let at = simulation.recorder().copies.iter().position(|copy| copy.0 == uid).expect("it is a copy");
    simulation.plan().templates[templates[at]].class
}

/// How many pods of `template` the plan's nodes could take at most, one more, by their requests alone. With pools that grow,
/// their greatest sizes count.
pub(crate) fn most(plan: &Plan, template: TemplateId, cap: usize) -> usize {
    let requests = &plan.classes[plan.templates[template].class].requests;
    let takes = |shape: crate::model::ShapeId| {
        let shape = &plan.shapes[shape];
        let of = |all: i64, one: i64| if one > 0 { all / one } else { i64::MAX };
        let most = shape
            .max_pods
            .min(of(shape.allocatable.milli_cpu, requests.milli_cpu))
            .min(of(shape.allocatable.memory, requests.memory));
        usize::try_from(most).unwrap_or(0)
    };
    let now: usize = plan.nodes.iter().map(|node| takes(node.shape)).sum();
    let grown: usize = plan
        .pools
        .iter()
        .filter(|_| grows(plan))
        .filter_map(|pool| Some((pool.limits?, pool)))
        .map(|(limits, pool)| limits.max as usize * pool.shapes.iter().map(|&shape| takes(shape)).max().unwrap_or(0))
        .sum();
    (now + grown + 1).min(cap)
}
