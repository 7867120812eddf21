//! `fit`: how many more copies of a pod or of a whole application find a place once the scenario has settled, and what stops the
//! next one, node by node. The copies come to the running simulation one after the other; nothing is computed from sums.

mod apps;
mod copy;
pub(super) mod pods;

use std::collections::BTreeMap;

use crate::base::SimTime;
use crate::diag::Sources;
use crate::manifest;
use crate::model::{Behavior, ClassId, NodeId, PodClass, PodTemplate, Role, RunTime, TemplateId, WorkloadId};
use crate::record::Recorder;
use crate::sim::Simulation;
use crate::sim::plan::{Naming, Plan, Workload};

use super::survey::{Facts, survey, words};
use super::{Answer, Cell, Halt, Question, Runner, Table};
use crate::export::{Picture, PictureShape};
use pods::End;

/// What is copied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// The pod of a manifest, in this namespace; by default in its own.
    Pod(std::path::PathBuf, Option<String>),
    /// Pods as those of a controller, a bare pod or an `[[arrivals]]`: `name` or `namespace/name`.
    Workload(String),
    /// Everything in these namespaces; by default in all but those of the cluster itself.
    Application(Vec<String>),
}

/// How `fit` is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FitOptions {
    /// What is copied.
    pub what: What,
    /// When the scenario has settled.
    pub at: SimTime,
}

/// More copies of one pod than this are not tried.
const MOST: usize = 100_000;

/// How many more copies fit.
///
/// # Errors
/// Nothing of that name exists, the pod cannot be read, or the user stopped it.
pub fn fit(question: &Question, plan: Plan, runner: &Runner<'_>, options: &FitOptions) -> Result<Answer, Halt> {
    match &options.what {
        What::Application(namespaces) => of_application(question, &plan, runner, namespaces, options.at),
        What::Workload(name) => {
            let (template, workload) = named(&plan, name)?;
            let called = full_name(&plan, workload);
            of_pod(plan, runner, template, workload, &called, options.at)
        }
        What::Pod(file, namespace) => {
            let (plan, template, workload) = from_file(question, file, namespace.as_deref())?;
            let called = format!("the pod of {}", file.display());
            of_pod(plan, runner, template, workload, &called, options.at)
        }
    }
}

/// The plan with the template of a file in it. It is read as the template of an `[[arrivals]]`, which is taken out again.
fn from_file(
    question: &Question,
    file: &std::path::Path,
    namespace: Option<&str>,
) -> Result<(Plan, TemplateId, WorkloadId), Halt> {
    let path = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let namespace = namespace.map_or_else(|| own_namespace(file), str::to_owned);
    let section = format!(
        "[[arrivals]]\nname = \"fit\"\nnamespace = {namespace:?}\npods = [{:?}]\nevery = \"1h\"\ncount = 1\n",
        path.display().to_string()
    );
    let mut plan = question.adding(&section).compiled()?;
    let arrival = plan.arrivals.pop().expect("the section was read");
    match arrival.source {
        crate::sim::plan::ArrivalSource::Generated { templates, .. } if templates.len() == 1 => {
            Ok((plan, templates[0], arrival.workload))
        }
        _ => {
            let what = format!("`{}` has several pods", file.display());
            Err(Halt::Unasked(format!("{what}: keep one, or ask for the whole application without --pod")))
        }
    }
}

/// The namespace that the pod of a manifest names. What is wrong with the file is said by who compiles it.
fn own_namespace(file: &std::path::Path) -> String {
    let mut sources = Sources::default();
    let source = sources.add(file.display().to_string(), std::fs::read_to_string(file).unwrap_or_default());
    let objects = manifest::written(source, &sources);
    let pod = objects.iter().map(|written| &written.object).find(|object| object["kind"] == "Pod");
    pod.and_then(|pod| pod["metadata"]["namespace"].as_str()).unwrap_or("default").to_owned()
}

/// The template and the workload of a name.
fn named(plan: &Plan, written: &str) -> Result<(TemplateId, WorkloadId), Halt> {
    let text = |id| plan.strings.text(id);
    let (namespace, name) = written.split_once('/').map_or((None, written), |(space, name)| (Some(space), name));
    let is_it = |id: &WorkloadId| {
        let workload = &plan.workloads[*id];
        text(workload.name) == name && namespace.is_none_or(|space| space == text(workload.namespace))
    };
    let found: Vec<WorkloadId> = plan.workloads.ids().filter(is_it).collect();
    let [workload] = found[..] else {
        if found.len() > 1 {
            let all: Vec<String> = found.iter().map(|&id| full_name(plan, id)).collect();
            return Err(Halt::Unasked(format!("`{written}` is several: write {}", all.join(" or "))));
        }
        let names: Vec<String> = plan.workloads.ids().map(|id| full_name(plan, id)).collect();
        let short = names.iter().filter_map(|name| name.split_once('/')).map(|(_, short)| short);
        let known: Vec<&str> = names.iter().map(String::as_str).chain(short).collect();
        let what = format!("there is no workload `{written}`");
        return Err(Halt::Unasked(match crate::diag::did_you_mean(written, known) {
            Some(meant) => format!("{what}: did you mean {meant}?"),
            None if names.is_empty() => format!("{what}: the input has none; name a manifest with --pod FILE"),
            None => format!("{what}: there are {}", words::elided(&names)),
        }));
    };
    let object = plan.objects.iter().find(|object| object.workload == Some(workload));
    if let Some(object) = object.filter(|object| object.spec.daemon_set().is_some()) {
        let what = format!("{} is a DaemonSet: it has one pod on each node", text(object.name));
        return Err(Halt::Unasked(format!("{what}; name another workload")));
    }
    let template = object.and_then(|object| object.spec.template()).or_else(|| {
        let pod = plan.pods.iter().find(|pod| pod.workload == workload).map(|pod| pod.template);
        let arrival = plan.arrivals.iter().find(|arrival| arrival.workload == workload);
        pod.or_else(|| match &arrival?.source {
            crate::sim::plan::ArrivalSource::Generated { templates, .. } => templates.first().copied(),
            crate::sim::plan::ArrivalSource::Trace(rows) => rows.first().map(|row| row.template),
        })
    });
    let template = template.ok_or_else(|| Halt::Unasked(format!("`{written}` has no pods to copy")))?;
    Ok((template, workload))
}

fn full_name(plan: &Plan, workload: WorkloadId) -> String {
    let of = &plan.workloads[workload];
    format!("{}/{}", plan.strings.text(of.namespace), plan.strings.text(of.name))
}

/// The template of the copies. Where the original runs says nothing of where they go; nobody holds them back; and they last: as
/// many as fit, fit at once.
fn lasting(plan: &mut Plan, template: TemplateId) -> TemplateId {
    let mut copy: PodTemplate = plan.templates[template].clone();
    let class = plan.classes[copy.class].clone();
    copy.class = plan.classes.push(PodClass { node_name: None, scheduling_gates: Box::default(), ..class });
    for container in copy.containers.iter_mut().filter(|container| container.role == Role::Main) {
        let behavior = plan.behaviors[container.behavior].clone();
        let lasting = Behavior { run: RunTime::Forever, first_exit_codes: Box::default(), crash: None, ..behavior };
        container.behavior = plan.behaviors.push(lasting);
    }
    plan.templates.push(copy)
}

fn of_pod(
    mut plan: Plan,
    runner: &Runner<'_>,
    template: TemplateId,
    workload: WorkloadId,
    called: &str,
    at: SimTime,
) -> Result<Answer, Halt> {
    let gated = !plan.classes[plan.templates[template].class].scheduling_gates.is_empty();
    let template = lasting(&mut plan, template);
    let class = plan.templates[template].class;
    let of = &plan.workloads[workload];
    let name = plan.strings.text(of.name).to_owned();
    let (namespace, name) = (of.namespace, plan.strings.intern(&format!("{name}-copy")));
    let workload = plan.workloads.push(Workload { namespace, name, naming: Naming::Numbered { width: 1 } });
    let most = pods::most(&plan, template, MOST);
    let filled = pods::fill(plan, workload, &vec![template; most], at, runner.stop)?;
    let simulation = &filled.simulation;
    let count = filled.placed.len();
    let mut counts: BTreeMap<NodeId, usize> = BTreeMap::new();
    filled.placed.iter().for_each(|&node| *counts.entry(node).or_default() += 1);
    let on = |node: NodeId| counts.get(&node).copied().unwrap_or(0);
    let said = match filled.end {
        End::Unfit(class) => nodes_say(simulation, class, &on),
        End::Refused => {
            let namespace = simulation.plan().strings.text(namespace);
            let why = format!("a ResourceQuota or LimitRange of the namespace {namespace} refuses it");
            Said { why, ..nodes_say(simulation, class, &on) }
        }
        End::All => {
            Said { why: "all that could fit at most found a place".to_owned(), ..nodes_say(simulation, class, &on) }
        }
    };
    let copies = if count == 1 { "1 more copy".to_owned() } else { format!("{count} more copies") };
    let sentence = match (count, filled.end) {
        (0, _) => format!("No further copy of {called} fits: {}.", said.why),
        (_, End::All) => format!("There is room for at least {copies} of {called}: {}.", said.why),
        (1, _) => format!("1 more copy of {called} fits; the next one does not: {}.", said.why),
        _ => format!("{copies} of {called} fit; the next one does not: {}.", said.why),
    };
    let mut notes = settled(simulation.plan(), at);
    if gated {
        notes.push("the pod has scheduling gates: its copies are counted as if they were open".to_owned());
    }
    if filled.ended > 0 {
        notes.push(format!(
            "{} of the copies were evicted or refused by their nodes since and made room for others",
            filled.ended
        ));
    }
    let picture = picture(format!("How many more copies of {called} fit"), &sentence, &said, "copies on the node");
    Ok(Answer { command: "fit", yes: count > 0, sentence, tables: said.tables(), notes, picture })
}

fn of_application(
    question: &Question,
    plan: &Plan,
    runner: &Runner<'_>,
    named: &[String],
    at: SimTime,
) -> Result<Answer, Halt> {
    let namespaces = apps::application(plan, named)?;
    let name = std::path::Path::new(&question.name()).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| question.name());
    let filled = apps::fill(plan, namespaces.clone(), at, runner.stop)?;
    let simulation = &filled.simulation;
    let (cluster, plan) = (simulation.cluster(), simulation.plan());
    let complete: Vec<_> = filled.copies[..filled.complete].iter().flatten().copied().collect();
    let on = |node: NodeId| {
        let of_copy =
            |pod: &crate::api::PodRef| complete.contains(&plan.workloads[cluster.pods().source(pod.pod).0].namespace);
        cluster.pods().on_node(node).filter(of_copy).count()
    };
    let lacks = &filled.lacks;
    let class_of = |pod: &crate::api::PodRef| plan.templates[cluster.pods().template(pod.pod)].class;
    let said = lacks.pending.first().map(|pod| nodes_say(simulation, class_of(pod), &on));
    let count = filled.complete;
    let missing = match (lacks.pending.len(), lacks.short.first()) {
        (0, None) => "all that could fit at most found a place".to_owned(),
        (0, Some((object, has, wanted))) => format!("{object} has {has} of {wanted} pods"),
        (pending, _) => {
            let why = said.as_ref().map_or("", |said| &said.why);
            let finds = if pending == 1 { "finds" } else { "find" };
            format!("{pending} of its {} pods {finds} no node, as {why}", lacks.pods.max(pending))
        }
    };
    let sentence = match (count, filled.copies.is_empty()) {
        (0, true) => format!("{name} itself is not complete: {missing}."),
        (0, false) => format!("No further copy of {name} fits: {missing}."),
        (1, _) if filled.copies.len() > 1 => format!("1 more copy of {name} fits; the next one does not: {missing}."),
        (_, _) if count == filled.copies.len() => {
            format!("There is room for at least {count} more of {name}: {missing}.")
        }
        _ => format!("{count} more copies of {name} fit; the next one does not: {missing}."),
    };
    let mut waiting = Table::new("pending", "Pods without a node", &[("pod", "POD"), ("why", "WHY")]);
    for pod in &lacks.pending {
        let (workload, _) = cluster.pods().source(pod.pod);
        let why = nodes_say(simulation, class_of(pod), &on).why;
        waiting.row(vec![full_name(plan, workload).into(), why.into()]);
    }
    let mut tables = vec![waiting];
    tables.extend(said.iter().flat_map(Said::tables));
    let mut notes = settled(plan, at);
    let spaces: Vec<&str> = namespaces.iter().map(|&id| plan.strings.text(id)).collect();
    notes.push(format!(
        "a copy is what the manifests put into {} ({} pods), in a namespace of its own; it has {} to come up, and counts \
         when all of its pods have a node and nobody was pushed aside",
        spaces.join(", "),
        filled.pods,
        filled.interval.human()
    ));
    let picture = said.as_ref().and_then(|said| {
        picture(format!("How many more copies of {name} fit"), &sentence, said, "pods of copies on the node")
    });
    Ok(Answer { command: "fit", yes: count > 0, sentence, tables, notes, picture })
}

fn settled(plan: &Plan, at: SimTime) -> Vec<String> {
    let mut notes = vec![format!("copies come one by one, beginning {} after the start", at.since(plan.start).human())];
    if let Some(told) = plan.without_requests.0.told() {
        notes
            .push(format!("{told} request neither CPU nor memory: they count as nothing, and any number of them fits"));
    }
    notes
}

/// What the nodes say to the copy that found no place.
struct Said {
    why: String,
    reasons: Table,
    nodes: Table,
    names: Vec<String>,
    copies: Vec<usize>,
}

impl Said {
    fn tables(&self) -> Vec<Table> {
        vec![self.reasons.clone(), self.nodes.clone()]
    }
}

#[allow(clippy::cast_precision_loss, reason = "amounts of a node are far below 2^53")]
fn nodes_say<R: Recorder>(simulation: &Simulation<R>, class: ClassId, on: &dyn Fn(NodeId) -> usize) -> Said {
    let plan = simulation.plan();
    let mut view = simulation.scheduler().view().clone();
    view.refresh();
    let (strings, view) = (&plan.strings, &view);
    let facts = Facts { plan, strings, view, spec: &plan.classes[class] };
    let survey = survey(&facts, class);
    let rejected: BTreeMap<NodeId, _> = survey.rejected.iter().map(|(node, rejection)| (*node, rejection)).collect();
    let reasons_of = |node: NodeId| match survey.of_pod.as_ref().or_else(|| rejected.get(&node).copied()) {
        Some(rejection) => {
            rejection.verdict.reasons().iter().map(|reason| reason.text(strings)).collect::<Vec<_>>().join(", ")
        }
        _ if survey.fit.contains(&node) => "fits".to_owned(),
        _ => survey.why.clone(),
    };
    let mut nodes = Table::new(
        "nodes",
        "What each node says to the next one",
        &[
            ("node", "NODE"),
            ("copies", "COPIES"),
            ("cpu_free_cores", "CPU FREE"),
            ("memory_free_gib", "GiB FREE"),
            ("pods_free", "PODS FREE"),
            ("stops", "STOPS THE NEXT"),
        ],
    );
    nodes.bar = Some(1);
    let (mut names, mut copies) = (Vec::new(), Vec::new());
    let mut groups: Vec<(String, usize)> = Vec::new();
    let mut list = view.list().to_vec();
    list.sort_unstable();
    for node in list {
        let usage = view.usage(node);
        let stops = reasons_of(node);
        match groups.iter_mut().find(|(reason, _)| *reason == stops) {
            Some((_, count)) => *count += 1,
            None => groups.push((stops.clone(), 1)),
        }
        names.push(facts.node(node));
        copies.push(on(node));
        nodes.row(vec![
            facts.node(node).into(),
            on(node).into(),
            Cell::Number((usage.allocatable_milli_cpu - usage.milli_cpu) as f64 / 1000.0, 2),
            Cell::Number((usage.allocatable_memory - usage.memory) as f64 / (1_i64 << 30) as f64, 2),
            Cell::Count(usage.allocatable_pods - usage.pods),
            stops.into(),
        ]);
    }
    groups.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let mut reasons = Table::new("reasons", "What stops the next one", &[("reason", "REASON"), ("nodes", "NODES")]);
    for (reason, count) in groups {
        reasons.row(vec![reason.into(), count.into()]);
    }
    let why = if survey.why.is_empty() { "nodes have room for it again".to_owned() } else { survey.why };
    Said { why, reasons, nodes, names, copies }
}

#[allow(clippy::cast_precision_loss, reason = "there are few of them")]
fn picture(title: String, sentence: &str, said: &Said, axis: &str) -> Option<Picture> {
    if said.names.is_empty() {
        return None;
    }
    let counts = said.copies.iter().map(|&count| count as f64).collect();
    let shape = PictureShape::Bars {
        axis: axis.to_owned(),
        names: said.names.clone(),
        series: vec![("copies".to_owned(), counts)],
    };
    Some(Picture { title, subtitle: sentence.to_owned(), shape })
}
