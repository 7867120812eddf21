//! Further copies of a whole application, each in namespaces of its own, one after the other until one is not complete. Owns
//! when a copy is complete; knows no answer.

use std::collections::BTreeSet;

use super::super::Halt;
use super::copy::{Application, add};
use super::pods::grows;
use crate::api::PodRef;
use crate::base::{SimDuration, SimTime};
use crate::model::objects::ObjectKind;
use crate::model::{Resources, StrId};
use crate::record::Off;
use crate::sim::Simulation;
use crate::sim::plan::Plan;

/// More copies than this are not tried.
const MOST: usize = 1000;
/// A copy has so long to come up, and so long where nodes must be made for it.
const INTERVAL: SimDuration = SimDuration::from_secs(10 * 60);
const GROWING: SimDuration = SimDuration::from_secs(30 * 60);
/// Events between two looks at whether to stop.
const EVENTS: u32 = 4096;

/// What became of the copies.
#[derive(Debug)]
pub(super) struct Filled {
    /// As it was when the first copy was found incomplete; the end of the run if none was.
    pub simulation: Simulation<Off>,
    /// Complete copies.
    pub complete: usize,
    /// The namespaces of every copy that was tried.
    pub copies: Vec<Vec<StrId>>,
    /// What the next copy lacked.
    pub lacks: Lacks,
    /// Pods of the application itself, at the beginning.
    pub pods: usize,
    /// How long each copy had.
    pub interval: SimDuration,
}

/// What an incomplete copy lacks.
#[derive(Clone, Debug, Default)]
pub(super) struct Lacks {
    /// Pods without a node, of the copy or pushed aside by it.
    pub pending: Vec<PodRef>,
    /// Objects that have fewer pods than they want: name, pods, wanted.
    pub short: Vec<(String, usize, usize)>,
    /// Pods of the copy.
    pub pods: usize,
}

impl Lacks {
    fn nothing(&self) -> bool {
        self.pending.is_empty() && self.short.is_empty()
    }
}

/// The application of a plan: what is in these namespaces, by default in all but those of the cluster itself.
pub(super) fn application(plan: &Plan, named: &[String]) -> Result<Vec<StrId>, Halt> {
    let used: BTreeSet<StrId> =
        plan.objects.iter().filter(|object| object.workload.is_some()).map(|object| object.namespace).collect();
    let pods = plan.pods.iter().map(|pod| plan.workloads[pod.workload].namespace);
    let used: BTreeSet<StrId> = used.into_iter().chain(pods).collect();
    let text = |id: StrId| plan.strings.text(id);
    if named.is_empty() {
        let own: Vec<StrId> = used.into_iter().filter(|&name| !text(name).starts_with("kube-")).collect();
        if own.is_empty() {
            let what = "there is no application to copy: the input has no pods of manifests";
            return Err(Halt::Unasked(format!("{what}; name a pod with --pod FILE or --workload NAME")));
        }
        return Ok(own);
    }
    let find = |name: &String| {
        let found = used.iter().copied().find(|&id| text(id) == name);
        let names: Vec<&str> = used.iter().map(|&id| text(id)).collect();
        found.ok_or_else(|| {
            Halt::Unasked(format!("no pods are in the namespace `{name}`; there are pods in {}", names.join(", ")))
        })
    };
    named.iter().map(find).collect()
}

/// Runs to `at`, then adds copies until one is not complete.
pub(super) fn fill(plan: &Plan, namespaces: Vec<StrId>, at: SimTime, stop: &dyn Fn() -> bool) -> Result<Filled, Halt> {
    let mut before = Simulation::new(extended(plan, at));
    run_to(&mut before, at, stop)?;
    let lacks = lacks(&before, &namespaces, &namespaces);
    let pods = lacks.pods;
    let interval = if grows(plan) { GROWING } else { INTERVAL };
    if !lacks.nothing() {
        return Ok(Filled { simulation: before, complete: 0, copies: Vec::new(), lacks, pods, interval });
    }
    let app = parts(&before, namespaces.clone());
    let mut most = most(&before, &namespaces);
    loop {
        let filled = copies(plan, &namespaces, &app, at, interval, most, stop)?;
        // A copy may need less than the original has by then.
        if filled.complete < most || most >= MOST {
            return Ok(Filled { pods, ..filled });
        }
        most = (most * 4).min(MOST);
    }
}

/// As many copies as `most`, one after the other.
fn copies(
    plan: &Plan,
    namespaces: &[StrId],
    app: &Application,
    at: SimTime,
    interval: SimDuration,
    most: usize,
    stop: &dyn Fn() -> bool,
) -> Result<Filled, Halt> {
    let after = |number: usize| at + interval * i64::try_from(number).unwrap_or(i64::MAX);
    let mut varied = extended(plan, after(most));
    let mut copies: Vec<Vec<StrId>> =
        (0..most).map(|number| add(&mut varied, app, &format!("-copy-{}", number + 1), after(number))).collect();
    let mut simulation = Simulation::new(varied);
    for number in 0..most {
        run_to(&mut simulation, after(number + 1), stop)?;
        let so_far: Vec<StrId> = namespaces.iter().chain(copies[..=number].iter().flatten()).copied().collect();
        let lacks = self::lacks(&simulation, &copies[number], &so_far);
        if !lacks.nothing() {
            copies.truncate(number + 1);
            return Ok(Filled { simulation, complete: number, copies, lacks, pods: 0, interval });
        }
    }
    Ok(Filled { simulation, complete: most, copies, lacks: Lacks::default(), pods: 0, interval })
}

fn extended(plan: &Plan, end: SimTime) -> Plan {
    let mut plan = plan.clone();
    plan.duration = plan.duration.max(end.since(plan.start) + SimDuration::from_secs(1));
    plan
}

fn run_to(simulation: &mut Simulation<Off>, at: SimTime, stop: &dyn Fn() -> bool) -> Result<(), Halt> {
    loop {
        for _ in 0..EVENTS {
            if simulation.step(at).map_err(|limit| Halt::Limit(limit.to_string()))?.is_none() {
                return Ok(());
            }
        }
        if stop() {
            return Err(Halt::Interrupted);
        }
    }
}

/// What the copy in `own` lacks; pods anywhere in `all` that have no node count.
fn lacks(simulation: &Simulation<Off>, own: &[StrId], all: &[StrId]) -> Lacks {
    let (plan, cluster) = (simulation.plan(), simulation.cluster());
    let mut lacks = Lacks::default();
    for pod in cluster.pods().iter() {
        let pods = cluster.pods();
        let namespace = plan.workloads[pods.source(pod.pod).0].namespace;
        if !all.contains(&namespace) || pods.phase(pod.pod).is_terminal() {
            continue;
        }
        lacks.pods += usize::from(own.contains(&namespace));
        if pods.node(pod.pod).is_none() && !pods.deleting(pod.pod) {
            lacks.pending.push(pod);
        }
    }
    for (id, object) in cluster.objects().iter().filter(|(_, object)| object.exists()) {
        let keeps = !matches!(object.kind(), ObjectKind::Deployment);
        let wanted = object.spec.replicas().filter(|_| keeps && own.contains(&object.namespace));
        let wanted = usize::try_from(wanted.unwrap_or(0)).unwrap_or(0);
        let has = cluster.pods_of(id).count();
        if has < wanted {
            lacks.short.push((format!("{} {}", object.kind().text(), object.name), has, wanted));
        }
    }
    lacks
}

/// The objects and bare pods of these namespaces that no other object makes.
fn parts(simulation: &Simulation<Off>, namespaces: Vec<StrId>) -> Application {
    let (plan, cluster) = (simulation.plan(), simulation.cluster());
    let owned: BTreeSet<_> = cluster
        .pods()
        .iter()
        .filter(|pod| cluster.pods().owned(pod.pod).is_some())
        .map(|pod| cluster.pods().source(pod.pod))
        .collect();
    let mine = |namespace: StrId| namespaces.contains(&namespace);
    let objects = plan.objects.iter().enumerate().filter(|(_, object)| {
        let name = plan.strings.text(object.name);
        let row = cluster.objects().find(object.spec.kind(), object.namespace, name);
        mine(object.namespace) && row.is_none_or(|row| cluster.objects().get(row).owner.is_none())
    });
    let pods = plan
        .pods
        .iter()
        .enumerate()
        .filter(|(_, pod)| mine(plan.workloads[pod.workload].namespace) && !owned.contains(&(pod.workload, 0)));
    let objects = objects.map(|(number, _)| number).collect();
    let pods = pods.map(|(number, _)| number).collect();
    Application { namespaces, objects, pods }
}

/// How many copies could fit at most by the sums of requests, one more.
fn most(simulation: &Simulation<Off>, namespaces: &[StrId]) -> usize {
    let (plan, pods) = (simulation.plan(), simulation.cluster().pods());
    // Where every pod had its node from the start, the scheduler has not looked at its list of nodes yet.
    let mut view = simulation.scheduler().view().clone();
    view.refresh();
    let (mut needs, mut count) = (Resources::default(), 0_i64);
    for pod in pods.iter().filter(|pod| !pods.phase(pod.pod).is_terminal()) {
        if namespaces.contains(&plan.workloads[pods.source(pod.pod).0].namespace) {
            needs.add(&plan.classes[plan.templates[pods.template(pod.pod)].class].requests);
            count += 1;
        }
    }
    let (mut cpu, mut memory, mut places) = (0, 0, 0);
    for &node in view.list() {
        let usage = view.usage(node);
        cpu += usage.allocatable_milli_cpu - usage.milli_cpu;
        memory += usage.allocatable_memory - usage.memory;
        places += usage.allocatable_pods - usage.pods;
    }
    for pool in plan.pools.iter().filter(|_| grows(plan)) {
        let Some(limits) = pool.limits else { continue };
        if let Some(shape) = pool.shapes.first().map(|&shape| &plan.shapes[shape]) {
            let more = i64::from(limits.max);
            cpu += shape.allocatable.milli_cpu * more;
            memory += shape.allocatable.memory * more;
            places += shape.max_pods * more;
        }
    }
    let of = |all: i64, one: i64| if one > 0 { all.max(0) / one } else { i64::MAX };
    let most = of(places, count).min(of(cpu, needs.milli_cpu)).min(of(memory, needs.memory));
    usize::try_from(most).unwrap_or(MOST).saturating_add(1).min(MOST)
}
