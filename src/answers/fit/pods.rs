//! Further copies of one pod, one a second, until one finds no place. Owns how they arrive and when to stop; knows no answer.

use crate::base::id::DenseId;
use crate::base::{SimDuration, SimTime};
use crate::model::{ClassId, NodeId, PodUid, TemplateId, WorkloadId};
use crate::record::fact::NoteId;
use crate::record::{Fact, PodRecord, Recorder, Sample};
use crate::sim::Simulation;
use crate::sim::event::Event;
use crate::sim::plan::{ArrivalPlan, ArrivalSource, Plan, TraceRow};

use super::super::Halt;

/// The copies come so long after each other: long enough that one is decided before the next.
const GAP: SimDuration = SimDuration::from_secs(1);
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
    /// The first copy that found no node.
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
                self.unfit.get_or_insert(uid);
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
    let rows = (1_i64..).zip(templates).map(|(number, &template)| TraceRow {
        at: at + GAP * number,
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
            Some(uid) if !growing => break End::Unfit(class_of(&simulation, uid)),
            _ if placed == all => break End::All,
            Some(_) if over => {
                let waiting = watch.copies.iter().find(|copy| copy.1.is_none()).map(|copy| copy.0);
                break waiting.map_or(End::All, |uid| End::Unfit(class_of(&simulation, uid)));
            }
            None if over => break if watch.copies.len() < arrived { End::Refused } else { End::All },
            _ => {}
        }
    };
    let copies = &simulation.recorder().copies;
    let placed: Vec<NodeId> = match end {
        End::Unfit(_) if !growing => copies.iter().map_while(|copy| copy.1).collect(),
        _ => copies.iter().filter_map(|copy| copy.1).collect(),
    };
    let alive = simulation.cluster().pods().iter().filter(|pod| {
        let pods = simulation.cluster().pods();
        pods.source(pod.pod).0 == workload && pods.node(pod.pod).is_some() && !pods.phase(pod.pod).is_terminal()
    });
    let ended = placed.len() - alive.count().min(placed.len());
    Ok(Filled { simulation, end, placed, ended })
}

fn class_of(simulation: &Simulation<Watch>, uid: PodUid) -> ClassId {
    let pods = simulation.cluster().pods();
    let pod = pods.iter().find(|pod| pod.uid == uid).expect("a pod that was just tried exists");
    simulation.plan().templates[pods.template(pod.pod)].class
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
