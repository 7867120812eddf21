//! `podsim explain SCENARIO POD`: why a pod is pending or where it is, what happened to it in the queue, and which single
//! changes would let it fit. Runs the scenario with all eyes on that pod; decisions are tried with the scheduler's own.

mod changes;
mod edit;
mod machines;
mod queue;
mod report;
pub(super) mod text;
mod watch;

use super::Exit;
use super::args::{ExplainArgs, ExplainForm};
use super::at::instant_of;
use super::run;
use super::terminal::Terminal;
use crate::answers::survey::{Facts, survey, words};
use crate::api::PodRef;
use crate::base::SimTime;
use crate::base::id::DenseId;
use crate::diag::did_you_mean;
use crate::model::ClassId;
use crate::scheduler::whatif::Lab;
use changes::{Change, Described};
use edit::{Written, full_name};
use machines::Site;
use report::{Report, SCHEMA_VERSION, Status};
use watch::Watched;

pub(super) fn run(args: &ExplainArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    let ready = match run::read(&args.scenario, &args.set, args.seed, terminal) {
        Ok(ready) => ready,
        Err(exit) => return Ok(exit),
    };
    let plan = ready.plan;
    let at = match instant_of(args.at.as_deref(), &plan, terminal) {
        Ok(at) => at,
        Err(exit) => return Ok(exit),
    };
    let (namespace, name) = named(args);
    let watched = match watch::watch(plan, namespace, name, at) {
        Ok(watched) => watched,
        Err(limit) => {
            terminal.say(&format!("error: {limit}"));
            return Ok(Exit::Limit);
        }
    };
    let Some(pod) = watched.pod.filter(|pod| watched.simulation.cluster().pods().exists(*pod)) else {
        unknown(&watched, namespace, name, at, terminal);
        return Ok(Exit::ExpectationFailed);
    };
    let report = explain(&watched, pod, at, &Written::new(args));
    let text = match args.output {
        ExplainForm::Text => text::render(&report),
        ExplainForm::Json => format!("{}\n", serde_json::to_string_pretty(&report)?),
    };
    terminal.print(text.as_bytes())?;
    Ok(Exit::Success)
}

/// Namespace and name.
fn named(args: &ExplainArgs) -> (&str, &str) {
    let pod = args.pod.strip_prefix("pod/").or_else(|| args.pod.strip_prefix("pods/")).unwrap_or(&args.pod);
    match (&args.namespace, pod.split_once('/')) {
        (Some(namespace), _) => (namespace, pod),
        (None, Some(split)) => split,
        (None, None) => ("default", pod),
    }
}

/// There is no such pod (any more): which ones there are.
fn unknown(watched: &Watched, namespace: &str, name: &str, at: SimTime, terminal: &Terminal) {
    let simulation = &watched.simulation;
    let plan = simulation.plan();
    let when = format!("{} after the start", at.since(plan.start).human());
    if let Some((gone, _)) = watched.steps.iter().rev().find(|(_, step)| matches!(step, watch::Step::Removed)) {
        let ago = words::since(plan.start, *gone);
        terminal.say(&format!("error: {namespace}/{name} is gone: it was removed at {ago}; look earlier with --at"));
        return;
    }
    terminal.say(&format!("error: there is no pod {namespace}/{name} ({when})"));
    let pods = simulation.cluster().pods();
    let names: Vec<String> = pods
        .iter()
        .map(|pod| {
            let (workload, ordinal) = pods.source(pod.pod);
            full_name(&plan.strings, &plan.workloads[workload], ordinal)
        })
        .collect();
    let wanted = format!("{namespace}/{name}");
    let elsewhere = names.iter().find(|full| full.split_once('/').is_some_and(|(_, short)| short == name));
    match elsewhere.map(String::as_str).or_else(|| did_you_mean(&wanted, names.iter().map(String::as_str))) {
        Some(meant) => terminal.say(&format!("did you mean {meant}?")),
        None if names.is_empty() => terminal.say("there are no pods"),
        None => {
            let mut sorted = names;
            sorted.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
            terminal.say(&format!("there are {}", words::elided(&sorted)));
        }
    }
}

fn explain(watched: &Watched, pod: PodRef, at: SimTime, written: &Written) -> Report {
    let simulation = &watched.simulation;
    let (plan, cluster) = (simulation.plan(), simulation.cluster());
    let strings = &plan.strings;
    let (workload, ordinal) = cluster.pods().source(pod.pod);
    let template_id = cluster.pods().template(pod.pod);
    let template = &plan.templates[template_id];
    let class = template.class;
    let full = full_name(strings, &plan.workloads[workload], ordinal);
    // Its own nomination does not stand in its way.
    let mut view = simulation.scheduler().view().clone();
    view.clear_nomination(pod.pod);
    let view = &view;
    let facts = Facts { plan, strings, view, spec: &plan.classes[class] };
    let node = cluster.pods().node(pod.pod);
    let name_of = |node| strings.text(cluster.nodes().get(node).name).to_owned();

    let mut report = Report {
        schema_version: SCHEMA_VERSION,
        pod: full.clone(),
        at: at.rfc3339_millis(),
        status: Status::Pending,
        answer: String::new(),
        node: node.map(name_of),
        node_count: u32::try_from(view.list().len()).unwrap_or(u32::MAX),
        nodes: Vec::new(),
        decision: None,
        history: report::history(plan, &watched.steps, &name_of),
        changes: Vec::new(),
    };
    if let Some(decided) = watched.decided.as_ref().filter(|decided| Some(decided.placement.node) == node) {
        let then = Facts { view: &decided.view, ..facts };
        let (decision, why) = report::decision(&then, decided);
        report.nodes = then.groups(&decided.detailed.rejected, Vec::new());
        report.decision = Some(decision);
        report.answer = format!("{full} is on {}: {why}.", name_of(decided.placement.node));
        report.status = Status::OnNode;
    } else if let Some(node) = node {
        report.answer = format!("{full} is on {}: its manifest names the node, nobody was asked.", name_of(node));
        report.status = Status::OnNode;
    }
    let (namespace, name) = full.split_once('/').unwrap_or(("default", &full));
    let describe = || {
        let of = if namespace == "default" { String::new() } else { format!(" -n {namespace}") };
        format!("`podsim describe pod {name}{of}` says what became of it")
    };
    let phase = cluster.pods().phase(pod.pod);
    if phase.is_terminal() {
        report.status = Status::Finished;
        let on = node.map_or_else(String::new, |node| format!(" on {}", name_of(node)));
        let reason = match strings.text(cluster.pods().reason(pod.pod)) {
            "" => String::new(),
            reason => format!(" ({reason})"),
        };
        report.answer = format!("{full} is over, {}{on}{reason}: {}.", phase.text(), describe());
        return report;
    }
    if cluster.pods().deleting(pod.pod) {
        report.status = Status::Deleting;
        let on = node.map_or_else(String::new, |node| format!(" on {}", name_of(node)));
        report.answer = format!("{full} is being deleted{on}: {}.", describe());
        return report;
    }
    if node.is_some() {
        return report;
    }

    let survey = survey(&facts, class);
    let mut groups = facts.groups(&survey.rejected, survey.fit.clone());
    if let Some(rejection) = &survey.of_pod {
        let all: Vec<_> = view.list().iter().map(|&node| (node, rejection.clone())).collect();
        groups = facts.groups(&all, Vec::new());
    }
    let fits: Vec<String> = survey.fit.iter().map(|&node| facts.node(node)).collect();
    report.nodes = groups;
    let (status, place) = queue::place(watched, &fits);
    report.status = status;
    report.answer = match place.as_str() {
        "" => format!("{full} is pending: {}.", survey.why),
        place => format!("{full} {place}."),
    };
    let stuck = status == Status::Gated || (status == Status::Pending && fits.is_empty());
    if stuck && view.tables().knows(class) {
        let profiles: Vec<_> =
            plan.control_plane.scheduler.profiles.iter().map(|profile| profile.scheduler_name).collect();
        let described = Described {
            object: format!("pod {full}"),
            source: written.source(plan, workload, template_id),
            spec: &plan.classes[class],
            template,
            profiles: &profiles,
            strings,
        };
        let ahead = queue::ahead(watched, pod);
        let rejected = &survey.rejected;
        let site = Site { simulation, written, rejected, ahead: &ahead, pod: &described, class };
        report.changes = suggestions(&site, &facts);
    }
    report
}

/// Every single change that lets the pod fit.
fn suggestions<R: crate::record::Recorder>(site: &Site<'_, R>, facts: &Facts<'_>) -> Vec<Change> {
    let free = ClassId::from_index(facts.plan.classes.len());
    let mut lab = Lab::new(facts.view, *site.simulation.scheduler().options(), free);
    let is_gated = !site.pod.spec.scheduling_gates.is_empty();
    let mut found = if !is_gated {
        let mut found = changes::of_pod(&mut lab, site.pod);
        found.extend(site.changes(&lab));
        found
    } else {
        // Nothing else helps as long as they are there.
        changes::ungated(&mut lab, site.pod).into_iter().collect()
    };
    let nothing_else = found.is_empty();
    if nothing_else && !is_gated {
        found.extend(site.evictions(&lab));
    }
    // Where nobody uses priorities, raising one is the last resort.
    let uses_priorities = facts.plan.classes.iter().any(|class| class.priority != site.pod.spec.priority);
    if !is_gated && (uses_priorities || nothing_else) {
        found.extend(queue::priority(site.simulation, &mut lab, site.pod));
    }
    let named = |(node, mut change): (_, Change)| {
        if change.node.is_empty() {
            change.node = facts.node(node);
        }
        change
    };
    found.into_iter().map(named).collect()
}
