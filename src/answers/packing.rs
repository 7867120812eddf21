//! `packing`: the four measures of Verma, Korupolu and Wilkes ("Evaluating job packing in warehouse-scale computing", 2014) for
//! any input: aggregate utilisation, hole filling, workload inflation, cluster compaction. Each but the first is an answer of
//! simulations.

use super::fit::pods::{self, End};
use super::survey::{Facts, survey};
use super::{Answer, Cell, Halt, Judged, Runner, Table};
use crate::base::draw::{AddressedRng, Purpose};
use crate::base::id::DenseId;
use crate::base::{Draws, SimTime};
use crate::export::{Picture, PictureShape};
use crate::model::{PodClass, PodTemplate, Resources, StrId, TemplateId, WorkloadId};
use crate::sim::Simulation;
use crate::sim::plan::{Naming, NodePlan, Plan, Workload};

/// How `packing` is asked.
#[derive(Clone, PartialEq, Debug)]
pub struct PackingOptions {
    /// When the scenario has settled: utilisation, holes and inflation are measured then.
    pub at: SimTime,
    /// The pod that fills holes, (milli-cores, bytes); without, one of the mean requests of the pods that are there.
    pub hole: Option<(i64, i64)>,
    /// Orders of nodes in which compaction takes them away.
    pub trials: u32,
    /// Which percentile of the trials is the measure.
    pub percentile: u32,
}

/// At most so many pods are added.
const MOST: usize = 100_000;
/// Events between two looks at whether to stop.
const EVENTS: u32 = 4096;

/// What is on the nodes.
#[derive(Clone, PartialEq, Debug, Default)]
struct Load {
    allocatable: Resources,
    requested: Resources,
    places: i64,
    /// The templates of the pods, of DaemonSets apart, in order of creation.
    pods: Vec<TemplateId>,
    /// All pods on nodes.
    all: i64,
    pending: usize,
}

/// The four measures.
///
/// # Errors
/// There is nothing to measure, or the user stopped it.
pub fn packing(plan: &Plan, runner: &Runner<'_>, options: &PackingOptions) -> Result<Answer, Halt> {
    let load = load(plan, options.at, runner.stop)?;
    if load.pods.is_empty() {
        return Err(Halt::Unasked("no pod is on a node at that time: give another --at".to_owned()));
    }
    let tasks = runner.all(2, |task| match task {
        0 => holes(plan, &load, options, runner.stop),
        _ => inflation(plan, &load, options, runner.stop),
    })?;
    let [holes, inflated] = &tasks[..] else { return Err(Halt::Interrupted) };
    let kept = compaction(plan, runner, options)?;
    Ok(told(plan, &load, holes, inflated, &kept, options))
}

/// Steps to `until`, or to the end.
fn step(simulation: &mut Simulation, until: SimTime, stop: &dyn Fn() -> bool) -> Result<(), Halt> {
    loop {
        for _ in 0..EVENTS {
            if simulation.step(until).map_err(|limit| Halt::Limit(limit.to_string()))?.is_none() {
                return Ok(());
            }
        }
        if stop() {
            return Err(Halt::Interrupted);
        }
    }
}

fn load(plan: &Plan, at: SimTime, stop: &dyn Fn() -> bool) -> Result<Load, Halt> {
    let mut simulation = Simulation::new(plan.clone());
    step(&mut simulation, at, stop)?;
    let (cluster, run, sample) = (simulation.cluster(), simulation.plan(), simulation.counts());
    let mut load = Load { allocatable: sample.allocatable.clone(), ..Load::default() };
    let mut view = simulation.scheduler().view().clone();
    view.refresh();
    load.places = view.list().iter().map(|&node| view.usage(node).allocatable_pods).sum();
    let mut pods: Vec<_> = cluster.pods().iter().collect();
    pods.sort_unstable_by_key(|pod| pod.uid);
    for pod in pods {
        let of = cluster.pods();
        if of.phase(pod.pod).is_terminal() {
            continue;
        }
        if of.node(pod.pod).is_none() {
            load.pending += 1;
            continue;
        }
        let template = of.template(pod.pod);
        load.requested.add(&run.classes[run.templates[template].class].requests);
        load.all += 1;
        let owner = of.owned(pod.pod).map(|owned| cluster.objects().get(owned.object));
        if owner.is_some_and(|owner| owner.spec.daemon_set().is_some()) {
            continue;
        }
        // Controllers make variations of templates on the way: what they came from is in the plan.
        let (workload, _) = of.source(pod.pod);
        let known = (template.index() < plan.templates.len()).then_some(template);
        let object = plan.objects.iter().find(|object| object.workload == Some(workload));
        load.pods.extend(known.or_else(|| object.and_then(|object| object.spec.template())));
    }
    Ok(load)
}

/// A template like `like` in a workload of its own, which may go anywhere that its rules let it.
fn added(plan: &mut Plan, like: TemplateId, change: impl FnOnce(&mut PodClass, &mut PodTemplate)) -> TemplateId {
    let mut template = plan.templates[like].clone();
    let mut class = PodClass { node_name: None, ..plan.classes[template.class].clone() };
    change(&mut class, &mut template);
    template.class = plan.classes.push(class);
    plan.templates.push(template)
}

/// Fills holes with the reference pod, which has no rules of its own.
fn holes(plan: &Plan, load: &Load, options: &PackingOptions, stop: &dyn Fn() -> bool) -> Result<Added, Halt> {
    let mut plan = plan.clone();
    let (milli_cpu, memory) = hole(&plan, load, options);
    let namespace = plan.strings.intern("packing");
    let labels = plan.strings.intern_labels([]);
    let template = added(&mut plan, load.pods[0], |class, template| {
        *class = PodClass {
            namespace,
            requests: Resources { milli_cpu, memory, ..Resources::default() },
            scoring_milli_cpu: milli_cpu,
            scoring_memory: memory,
            scheduler_name: class.scheduler_name,
            ..PodClass::default()
        };
        (template.namespace, template.labels, template.volumes) = (namespace, labels, Box::default());
        // What fills a hole takes its place and nothing else.
        template.containers = template.containers.iter().take(1).cloned().collect();
        for container in &mut template.containers {
            (container.role, container.env, container.mounts) =
                (crate::model::Role::Main, Box::default(), Box::default());
            (container.requests, container.limits) = (class.requests.clone(), crate::model::Limits::default());
            (container.post_start, container.pre_stop, container.startup_probe) = (None, None, None);
            (container.readiness_probe, container.liveness_probe) = (None, None);
        }
    });
    let workload = workload(&mut plan, "hole", namespace);
    let most = pods::most(&plan, template, MOST);
    filled(plan, workload, &vec![template; most], options.at, stop)
}

fn workload(plan: &mut Plan, name: &str, namespace: StrId) -> WorkloadId {
    let name = plan.strings.intern(name);
    plan.workloads.push(Workload { namespace, name, naming: Naming::Numbered { width: 1 } })
}

/// The requests of the reference pod.
fn hole(plan: &Plan, load: &Load, options: &PackingOptions) -> (i64, i64) {
    options.hole.unwrap_or_else(|| {
        let count = i64::try_from(load.pods.len()).unwrap_or(1).max(1);
        let of = |amount: fn(&Resources) -> i64| {
            let all = load.pods.iter().map(|&template| amount(&plan.classes[plan.templates[template].class].requests));
            all.sum::<i64>() / count
        };
        // In whole mebibytes, as a manifest would say it.
        (of(|requests| requests.milli_cpu), of(|requests| requests.memory) >> 20 << 20)
    })
}

/// Adds pods like those that are there, in their proportions, each with its own rules, until one finds no place.
fn inflation(plan: &Plan, load: &Load, options: &PackingOptions, stop: &dyn Fn() -> bool) -> Result<Added, Halt> {
    let mut plan = plan.clone();
    let namespace = plan.templates[load.pods[0]].namespace;
    let mut copies: Vec<(TemplateId, TemplateId)> = Vec::new();
    let order: Vec<TemplateId> = load
        .pods
        .iter()
        .map(|&like| match copies.iter().find(|(known, _)| *known == like) {
            Some(&(_, copy)) => copy,
            None => {
                let copy = added(&mut plan, like, |_, _| {});
                copies.push((like, copy));
                copy
            }
        })
        .collect();
    let order = shuffled(order, Draws::new(plan.seed).of(Purpose::Fault, "inflation").at(0, 0, 0));
    let workload = workload(&mut plan, "more", namespace);
    let most = usize::try_from(load.places - load.all).unwrap_or(0).min(MOST) + 1;
    let templates: Vec<TemplateId> = order.iter().copied().cycle().take(most).collect();
    filled(plan, workload, &templates, options.at, stop)
}

/// What pods were added before one found no place.
struct Added {
    pods: usize,
    requests: Resources,
    end: End,
    why: String,
}

fn filled(
    plan: Plan,
    workload: WorkloadId,
    templates: &[TemplateId],
    at: SimTime,
    stop: &dyn Fn() -> bool,
) -> Result<Added, Halt> {
    let each: Vec<Resources> =
        templates.iter().map(|&template| plan.classes[plan.templates[template].class].requests.clone()).collect();
    let filled = pods::fill(plan, workload, templates, at, stop)?;
    let mut requests = Resources::default();
    each.iter().take(filled.placed.len()).for_each(|one| requests.add(one));
    let why = match filled.end {
        End::Unfit(class) => {
            let run = &filled.simulation;
            let (plan, view) = (run.plan(), run.scheduler().view());
            survey(&Facts { plan, strings: &plan.strings, view, spec: &plan.classes[class] }, class).why
        }
        End::Refused => "the API server refuses it".to_owned(),
        End::All => "no node takes more pods".to_owned(),
    };
    Ok(Added { pods: filled.placed.len(), requests, end: filled.end, why })
}

/// In a drawn order.
fn shuffled<T>(mut items: Vec<T>, mut draw: AddressedRng) -> Vec<T> {
    for last in (1..items.len()).rev() {
        let bound = u64::try_from(last + 1).unwrap_or(1);
        items.swap(last, usize::try_from(draw.below(bound)).unwrap_or(0));
    }
    items
}

/// A plan with the nodes that are kept.
fn keeping(plan: &Plan, keep: &[bool]) -> Plan {
    let mut plan = plan.clone();
    let before = |at: usize| keep[..at].iter().filter(|kept| **kept).count();
    for pool in plan.pools.iter_mut() {
        pool.nodes = before(pool.nodes.start)..before(pool.nodes.end);
    }
    let nodes: Vec<NodePlan> = plan.nodes.iter().zip(keep).filter(|(_, kept)| **kept).map(|(node, _)| *node).collect();
    plan.nodes = nodes;
    plan
}

/// For each trial, how many nodes are enough when they are taken away in a random order: halved.
fn compaction(plan: &Plan, runner: &Runner<'_>, options: &PackingOptions) -> Result<Vec<usize>, Halt> {
    let mut plan = plan.clone();
    // Compaction packs anew: where a dump has its pods is where they were before.
    for class in plan.classes.ids().collect::<Vec<_>>() {
        plan.classes[class].node_name = None;
    }
    let all = plan.nodes.len();
    let passes = |order: &[usize], count: usize| -> Result<bool, Halt> {
        let mut keep = vec![false; all];
        order[..count].iter().for_each(|&at| keep[at] = true);
        let varied = keeping(&plan, &keep);
        let mut simulation = Simulation::new(varied.clone());
        step(&mut simulation, SimTime::NEVER, runner.stop)?;
        Ok(Judged::of(&varied, &simulation.run()).passes())
    };
    runner.all(options.trials as usize, |trial| {
        let number = u64::try_from(trial).unwrap_or(0);
        let order =
            shuffled((0..all).collect(), Draws::new(plan.seed).of(Purpose::Fault, "compaction").at(number, 0, 0));
        let (mut low, mut high) = (0, all);
        if !passes(&order, all)? {
            // Not even all of them are enough.
            return Ok(all + 1);
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if passes(&order, middle)? { high = middle } else { low = middle + 1 }
        }
        Ok(high)
    })
}

#[allow(clippy::cast_precision_loss, reason = "sums of requests are far below 2^53")]
fn share(part: i64, whole: i64) -> f64 {
    if whole > 0 { part as f64 / whole as f64 } else { 0.0 }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn told(plan: &Plan, load: &Load, holes: &Added, inflated: &Added, kept: &[usize], options: &PackingOptions) -> Answer {
    let all = plan.nodes.len();
    let cpu = share(load.requested.milli_cpu, load.allocatable.milli_cpu);
    let memory = share(load.requested.memory, load.allocatable.memory);
    let cpu_filled = share(load.requested.milli_cpu + holes.requests.milli_cpu, load.allocatable.milli_cpu);
    let memory_filled = share(load.requested.memory + holes.requests.memory, load.allocatable.memory);
    // What the DaemonSets' pods request grows with the nodes, not with the workload.
    let mut base = Resources::default();
    for &template in &load.pods {
        base.add(&plan.classes[plan.templates[template].class].requests);
    }
    let grown = if base.milli_cpu > 0 {
        share(inflated.requests.milli_cpu, base.milli_cpu)
    } else if base.memory > 0 {
        share(inflated.requests.memory, base.memory)
    } else {
        share(count(inflated.pods), count(load.pods.len()))
    };
    let mut sorted = kept.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * options.percentile as usize).div_ceil(100).clamp(1, sorted.len());
    let enough = sorted[rank - 1];
    let (milli, bytes) = hole(plan, load, options);
    let reference = format!("{}m of CPU and {} MiB", milli, bytes >> 20);
    let percent = |ratio: f64| format!("{:.1} %", ratio * 100.0);

    let mut measures = Table::new(
        "measures",
        "",
        &[("measure", "MEASURE"), ("value", "VALUE"), ("unit", "UNIT"), ("stops", "WHAT STOPS IT")],
    );
    let mut row = |measure: &str, value: Cell, unit: &str, stops: &str| {
        let stops = if stops.is_empty() { Cell::Nothing } else { stops.into() };
        measures.row(vec![measure.into(), value, unit.into(), stops]);
    };
    row("aggregate utilisation, CPU", Cell::Number(cpu, 4), "requested / allocatable", "");
    row("aggregate utilisation, memory", Cell::Number(memory, 4), "requested / allocatable", "");
    row("aggregate utilisation, pods", Cell::Number(share(load.all, load.places), 4), "pods / places", "");
    row("hole filling", holes.pods.into(), &format!("pods of {reference}"), &holes.why);
    row("hole filling, CPU then", Cell::Number(cpu_filled, 4), "requested / allocatable", "");
    row("hole filling, memory then", Cell::Number(memory_filled, 4), "requested / allocatable", "");
    row("workload inflation", Cell::Number(1.0 + grown, 4), "times the workload", &inflated.why);
    row("workload inflation, pods added", inflated.pods.into(), "pods", "");
    let compact = if enough > all { Cell::Text("does not fit".to_owned()) } else { enough.into() };
    row("cluster compaction", compact, &format!("nodes of {all} (percentile {})", options.percentile), "");
    let kept_ratio = (enough <= all).then(|| share(count(enough), count(all)));
    let ratio = kept_ratio.map_or(Cell::Nothing, |ratio| Cell::Number(ratio, 4));
    row("cluster compaction, ratio", ratio, "nodes kept / nodes", "");

    let mut trials =
        Table::new("trials", "Compaction, trial by trial", &[("trial", "TRIAL"), ("nodes", "NODES ENOUGH")]);
    trials.bar = Some(1);
    for (trial, &nodes) in kept.iter().enumerate() {
        trials.row(vec![trial.into(), (nodes <= all).then_some(nodes).into()]);
    }
    let compacted = if enough > all {
        format!("even all {all} nodes are not enough")
    } else {
        format!("{enough} of {all} nodes would be enough")
    };
    let sentence = format!(
        "Pods request {} of CPU and {} of memory; {} more pods of {reference} find holes, the workload could grow to {:.2} times what it is, and \
         {compacted}.",
        percent(cpu),
        percent(memory),
        holes.pods,
        1.0 + grown,
    );
    let mut notes = vec![format!(
        "compaction: percentile {} of {} random orders in which nodes are taken away; the whole run is made anew each time, and \
         fits when no pod is pending at its end and every [[expect]] holds",
        options.percentile,
        kept.len()
    )];
    if load.pending > 0 {
        notes.push(format!("{} pods were pending when holes and inflation were measured", load.pending));
    }
    if plan.autoscaler.is_some() {
        notes.push("the Cluster Autoscaler is on: nodes that it makes fill holes as well".to_owned());
    }
    if matches!(inflated.end, End::All) {
        notes.push("inflation ended because all places for pods are taken".to_owned());
    }
    let mut bars = vec![
        ("CPU requested", cpu),
        ("memory requested", memory),
        ("places for pods taken", share(load.all, load.places)),
        ("CPU requested with holes filled", cpu_filled),
        ("memory requested with holes filled", memory_filled),
    ];
    bars.extend(kept_ratio.map(|ratio| ("nodes that would be enough", ratio)));
    let shape = PictureShape::Bars {
        axis: "percent of what there is".to_owned(),
        names: bars.iter().map(|(name, _)| (*name).to_owned()).collect(),
        series: vec![("percent".to_owned(), bars.iter().map(|(_, ratio)| ratio * 100.0).collect())],
    };
    let picture = Picture { title: "How well the pods are packed".to_owned(), subtitle: sentence.clone(), shape };
    Answer {
        command: "packing",
        yes: enough <= all,
        sentence,
        tables: vec![measures, trials],
        notes,
        picture: Some(picture),
    }
}
