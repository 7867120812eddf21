//! `podsim drain`: `kubectl drain` on a cluster that runs: the order of evictions, the budgets that refuse some, and where pods land.

use std::collections::BTreeMap;

use super::past::{Past, follow, spell};
use super::{Answer, Cell, Halt, Question, Runner, Table};
use crate::base::id::DenseId;
use crate::base::{SimDuration, SimTime};
use crate::export::{Picture, PictureShape};
use crate::model::plan::{ChangeKind, ChangePlan, DrainPlan, Plan};
use crate::model::{PodUid, objects::ObjectKind};
use crate::record::{Fact, Recording};
use crate::sim::Simulation;

/// So long at least a run goes on after the drain began.
const AFTER: SimDuration = SimDuration::from_secs(3600);

/// What is drained, and how.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DrainOptions {
    /// Nodes, in their order.
    pub nodes: Vec<String>,
    /// All nodes of this pool as well.
    pub pool: Option<String>,
    /// `--force`: pods without a controller, too.
    pub force: bool,
    /// `--delete-emptydir-data`: pods with emptyDirs, too.
    pub delete_emptydir_data: bool,
    /// `--timeout` for each node; `None`: for ever.
    pub timeout: Option<SimDuration>,
    /// When; `None`: half-way through the run.
    pub at: Option<SimTime>,
}

/// A pod that was evicted.
#[derive(Clone, Debug)]
struct Evicted {
    uid: PodUid,
    from: String,
    at: SimTime,
}

/// A pod whose eviction was refused, and what its budget said then.
#[derive(Clone, Debug)]
struct Blocked {
    pod: String,
    budget: String,
    healthy: i32,
    desired: i32,
    allowed: i32,
    expected: i32,
    first: SimTime,
    last: SimTime,
    times: usize,
}

/// What a drain said and did.
#[derive(Clone, Debug, Default)]
struct Log {
    evicted: Vec<Evicted>,
    blocked: Vec<Blocked>,
    /// Nodes that are empty, and since when.
    drained: Vec<(String, SimTime)>,
    errors: Vec<String>,
}

/// A drain, and what comes of it.
///
/// # Errors
/// See [`Halt`].
pub fn drain(_: &Question, plan: Plan, runner: &Runner<'_>, options: &DrainOptions) -> Result<Answer, Halt> {
    let mut plan = plan;
    let end = plan.start + plan.duration;
    let at = options.at.unwrap_or(plan.start + SimDuration(plan.duration.0 / 2));
    if !(plan.start..=end).contains(&at) {
        return Err(Halt::Unasked(format!("--at is outside of the run, which lasts {}", plan.duration.human())));
    }
    let before = Plan { duration: at - plan.start, ..plan.clone() };
    let (_, before) = follow(before, runner.stop, |_, _, _| {})?;
    let nodes = nodes(&plan, &before, options)?;
    plan.duration = SimDuration(plan.duration.0.max((at - plan.start + AFTER).0));
    let drain = DrainPlan {
        nodes: nodes.iter().map(|name| plan.strings.intern(name)).collect(),
        force: options.force,
        ignore_daemonsets: true,
        delete_emptydir_data: options.delete_emptydir_data,
        timeout: options.timeout,
    };
    plan.changes.push(ChangePlan { at, kind: ChangeKind::Drain(drain) });
    let mut log = Log::default();
    let (run, past) = follow(plan, runner.stop, |past, simulation, (now, fact)| {
        if now < at {
            return;
        }
        match fact {
            Fact::Command(note) => {
                let text = simulation.recorder().note_text(note);
                log.said(past, simulation, now, text, &nodes);
            }
            Fact::PodDeleting(uid, _) => {
                let node = past.pods[uid.index()].node.map(|node| past.nodes[node.index()].name.clone());
                if let Some(from) = node.filter(|node| nodes.contains(node)) {
                    log.evicted.push(Evicted { uid, from, at: now });
                }
            }
            _ => {}
        }
    })?;
    Ok(answer(&run.plan, &run.recording, &past, &before, at, &nodes, options, &log))
}

/// The nodes that are drained, in their order.
fn nodes(plan: &Plan, before: &Past, options: &DrainOptions) -> Result<Vec<String>, Halt> {
    let mut nodes = options.nodes.clone();
    let there: Vec<&str> = before.running_nodes().map(|(_, node)| node.name.as_str()).collect();
    if let Some(pool) = &options.pool {
        let all = before.running_nodes().filter(|(_, node)| plan.strings.text(node.pool) == pool);
        let found: Vec<String> = all.map(|(_, node)| node.name.clone()).collect();
        if found.is_empty() {
            let mut pools: Vec<&str> = before.running_nodes().map(|(_, node)| plan.strings.text(node.pool)).collect();
            pools.sort_unstable();
            pools.dedup();
            pools.retain(|pool| !pool.is_empty());
            let pools = if pools.is_empty() { "the nodes have none".to_owned() } else { pools.join(", ") };
            return Err(Halt::Unasked(format!("no node is in a pool `{pool}` at that time; pools: {pools}")));
        }
        nodes.extend(found);
    }
    if nodes.is_empty() {
        return Err(Halt::Unasked(format!("name the nodes to drain, or --pool; there are: {}", there.join(", "))));
    }
    for node in &nodes {
        if !there.contains(&node.as_str()) {
            let there = there.join(", ");
            return Err(Halt::Unasked(format!("there is no node `{node}` at that time; there are: {there}")));
        }
    }
    Ok(nodes)
}

impl Blocked {
    /// How the budget comes to what it allows. An eviction is charged at once, before the controller counts anew.
    fn arithmetic(&self) -> String {
        let (healthy, desired, allowed) = (self.healthy, self.desired, self.allowed);
        let charged = healthy - desired - allowed;
        match charged {
            ..0 => format!("{healthy} healthy - {desired} desired < 0: {allowed} allowed"),
            0 => format!("{healthy} healthy - {desired} desired = {allowed} allowed"),
            _ => format!("{healthy} healthy - {desired} desired - {charged} just evicted = {allowed} allowed"),
        }
    }
}

impl Log {
    /// Reads what the drain prints, as kubectl does.
    fn said(&mut self, past: &Past, simulation: &Simulation<Recording>, now: SimTime, text: &str, nodes: &[String]) {
        if let Some(rest) = text.strip_prefix("error when evicting pods/\"") {
            let Some((pod, why)) = rest.split_once('"') else { return };
            // The scenario may have drains of its own.
            let known = past.entries().rev().find(|(_, known)| known.name == pod);
            let node = known.and_then(|(_, pod)| pod.node).map(|node| &past.nodes[node.index()].name);
            if node.is_some_and(|node| !nodes.contains(node)) {
                return;
            }
            if why.contains("will retry") {
                self.refused(past, simulation, now, pod);
            } else {
                self.errors.push(format!("{pod}: {}", why.trim_start_matches([' ', '(', ')', ':'])));
            }
        } else if let Some(rest) = text.strip_prefix("error: unable to drain node \"") {
            if nodes.iter().all(|node| !rest.starts_with(&format!("{node}\""))) {
                return;
            }
            let text = text.trim_start_matches("error: ").trim_end_matches(", continuing command...");
            self.errors.push(text.to_owned());
        } else if let Some(node) = text.strip_prefix("node/").and_then(|rest| rest.strip_suffix(" drained"))
            && nodes.iter().any(|name| name == node)
            && self.drained.iter().all(|(name, _)| name != node)
        {
            self.drained.push((node.to_owned(), now));
        }
    }

    /// An eviction was refused: the budgets that the pod is under say why.
    fn refused(&mut self, past: &Past, simulation: &Simulation<Recording>, now: SimTime, pod: &str) {
        if let Some(known) = self.blocked.iter_mut().find(|known| known.pod == pod) {
            (known.last, known.times) = (now, known.times + 1);
            return;
        }
        let (cluster, plan) = (simulation.cluster(), simulation.plan());
        let uid = past.entries().rev().find(|(_, known)| known.name == pod).map(|(uid, _)| uid);
        let template = uid.map(|uid| &plan.templates[past.pods[uid.index()].template]);
        let budgets = cluster.objects().of_kind(ObjectKind::PodDisruptionBudget).filter(|(_, row)| row.exists());
        for (_, row) in budgets {
            let Some((budget, state)) = row.spec.budget().zip(row.status.budget()) else { continue };
            let labels = template.map(|template| (template.namespace, plan.strings.labels(template.labels)));
            if !labels
                .is_some_and(|(namespace, labels)| namespace == row.namespace && budget.selects(labels, &plan.strings))
            {
                continue;
            }
            self.blocked.push(Blocked {
                pod: pod.to_owned(),
                budget: format!("{}/{}", plan.strings.text(row.namespace), row.name),
                healthy: state.current_healthy,
                desired: state.desired_healthy,
                allowed: state.disruptions_allowed,
                expected: state.expected_pods,
                first: now,
                last: now,
                times: 1,
            });
        }
    }
}

/// Where a pod came back.
#[derive(Clone, Debug)]
struct Landing {
    evicted: Evicted,
    gone: Option<SimTime>,
    successor: Option<PodUid>,
}

/// Each evicted pod with the one that its controller made for it: siblings in the order of their times.
fn landings(past: &Past, began: SimTime, log: &Log) -> Vec<Landing> {
    let mut made: BTreeMap<usize, Vec<PodUid>> = BTreeMap::new();
    for (uid, pod) in past.entries().rev().filter(|(_, pod)| pod.created >= began) {
        made.entry(pod.family).or_default().push(uid);
    }
    let landing = |evicted: &Evicted| {
        let pod = &past.pods[evicted.uid.index()];
        let siblings = made.get_mut(&pod.family).filter(|_| past.families[pod.family].object.is_some());
        let successor = siblings.and_then(|all| {
            // The pods of a StatefulSet have names; others are alike.
            let same = all.iter().rposition(|&uid| past.pods[uid.index()].name == pod.name);
            let at = same.or_else(|| all.iter().rposition(|&uid| past.pods[uid.index()].created >= evicted.at));
            at.map(|at| all.remove(at))
        });
        Landing { evicted: evicted.clone(), gone: pod.removed, successor }
    };
    log.evicted.iter().map(landing).collect()
}

#[allow(clippy::too_many_arguments, reason = "everything that is known")]
fn answer(
    plan: &Plan,
    recording: &Recording,
    past: &Past,
    before: &Past,
    at: SimTime,
    nodes: &[String],
    options: &DrainOptions,
    log: &Log,
) -> Answer {
    let landings = landings(past, at, log);
    let since = |time: SimTime| Cell::Number((time - at).as_secs_f64(), 1);
    let after = |time: Option<SimTime>| time.map_or(Cell::Nothing, since);
    let mut order = Table::new(
        "evictions",
        "",
        &[
            ("pod", "POD"),
            ("from_node", "FROM"),
            ("evicted_after_seconds", "EVICTED (s)"),
            ("gone_after_seconds", "GONE (s)"),
            ("successor", "SUCCESSOR"),
            ("to_node", "LANDS ON"),
            ("ready_after_seconds", "READY (s)"),
            ("note", "NOTE"),
        ],
    );
    order.bar = Some(6);
    let mut homeless = Vec::new();
    for landing in &landings {
        let pod = &past.pods[landing.evicted.uid.index()];
        let next = landing.successor.map(|uid| (uid, &past.pods[uid.index()]));
        let node = next.and_then(|(_, next)| next.node).map(|node| past.nodes[node.index()].name.as_str());
        let mut note = String::new();
        match next {
            None if past.families[pod.family].object.is_none() => note.push_str("bare: nobody makes it again"),
            None => note.push_str("its controller makes no other"),
            Some((uid, next)) if next.ready_at.is_none() => {
                note = past.why_not_ready(plan, recording, uid);
                homeless.push((next.node.is_none(), note.clone()));
            }
            Some(_) => {}
        }
        order.row(vec![
            pod.name.as_str().into(),
            landing.evicted.from.as_str().into(),
            since(landing.evicted.at),
            after(landing.gone),
            next.map(|(_, next)| next.name.as_str()).into(),
            node.into(),
            after(next.and_then(|(_, next)| next.ready_at)),
            if note.is_empty() { Cell::Nothing } else { note.into() },
        ]);
    }
    let mut blocked = Table::new(
        "blocked",
        "Evictions that were refused, with the budget as it was at the first refusal:",
        &[
            ("pod", "POD"),
            ("budget", "BUDGET"),
            ("current_healthy", "HEALTHY"),
            ("desired_healthy", "DESIRED"),
            ("disruptions_allowed", "ALLOWED"),
            ("expected_pods", "EXPECTED"),
            ("refused", "REFUSED"),
            ("first_after_seconds", "FROM (s)"),
            ("last_after_seconds", "TO (s)"),
            ("arithmetic", "ARITHMETIC"),
        ],
    );
    let is_going = |name: &str| landings.iter().any(|landing| past.pods[landing.evicted.uid.index()].name == name);
    for row in &log.blocked {
        let still = if is_going(&row.pod) { "" } else { ", to the end" };
        blocked.row(vec![
            row.pod.as_str().into(),
            row.budget.as_str().into(),
            Cell::Count(row.healthy.into()),
            Cell::Count(row.desired.into()),
            Cell::Count(row.allowed.into()),
            Cell::Count(row.expected.into()),
            row.times.into(),
            since(row.first),
            since(row.last),
            format!("{}{still}", row.arithmetic()).into(),
        ]);
    }
    let done = log.drained.len() == nodes.len();
    let yes = done && log.errors.is_empty() && homeless.is_empty();
    let mut notes = vec![
        format!(
            "as `kubectl drain --ignore-daemonsets`, {} after the start, one node after the other",
            spell(at - plan.start)
        ),
        "pods of one controller are alike: the first that is evicted is taken for the first that is made again"
            .to_owned(),
    ];
    let waiting = before.pods.iter().filter(|pod| pod.is_pending()).count();
    if waiting > 0 {
        notes.push(format!("{} waited for a node before the drain began", count(waiting, "pod")));
    }
    if !options.force && log.errors.iter().any(|error| error.contains("declare no controller")) {
        notes.push("a dump without its ReplicaSets, StatefulSets and DaemonSets makes all pods look bare".to_owned());
    }
    Answer {
        command: "drain",
        yes,
        sentence: sentence(at, nodes, log, &landings, &homeless, past),
        tables: vec![order, blocked],
        notes,
        picture: picture(plan, past, at, &landings),
    }
}

fn sentence(
    at: SimTime,
    nodes: &[String],
    log: &Log,
    landings: &[Landing],
    homeless: &[(bool, String)],
    past: &Past,
) -> String {
    let what = if nodes.len() == 1 { format!("node {}", nodes[0]) } else { format!("{} nodes", nodes.len()) };
    let took = log.drained.iter().map(|(_, end)| *end).max().map_or_else(String::new, |end| (end - at).human());
    if let Some(error) = log.errors.first() {
        let more = if log.errors.len() > 1 { format!(" ({} more)", log.errors.len() - 1) } else { String::new() };
        return format!("No: {error}{more}.");
    }
    let pods = count(landings.len(), "pod");
    if log.drained.len() < nodes.len() {
        let is_going = |name: &str| landings.iter().any(|landing| past.pods[landing.evicted.uid.index()].name == name);
        let stuck: Vec<&Blocked> = log.blocked.iter().filter(|row| !is_going(&row.pod)).collect();
        let why = stuck.first().map_or_else(
            || "a pod does not go".to_owned(),
            |row| {
                format!(
                    "{} of {} wait for {} (healthy {}, desired {}, allowed {})",
                    stuck.len(),
                    count(landings.len() + stuck.len(), "pod"),
                    row.budget,
                    row.healthy,
                    row.desired,
                    row.allowed
                )
            },
        );
        return format!("No: the drain of {what} is stuck: {why}.");
    }
    let held = match log.blocked.iter().map(|row| row.last - row.first).max() {
        Some(longest) if longest > SimDuration::ZERO => format!("; a budget held it up for {}", longest.human()),
        _ => String::new(),
    };
    let refusals = log.blocked.iter().map(|row| row.times).sum::<usize>();
    let refused = if refusals == 0 {
        String::new()
    } else {
        format!(", {} refused and asked again", count(refusals, "eviction"))
    };
    match homeless {
        [] => {
            let ready = landings.iter().filter_map(|landing| past.pods[landing.successor?.index()].ready_at).max();
            let ready =
                ready.map_or_else(String::new, |ready| format!(", all Ready elsewhere after {}", (ready - at).human()));
            format!("Yes: {what} can be drained in {took}: {pods} evicted{refused}{ready}{held}.")
        }
        [(_, why), ..] => {
            let pending = homeless.iter().filter(|(pending, _)| *pending).count();
            let state = if pending > 0 { "find no node" } else { "do not become Ready" };
            let number = if pending > 0 { pending } else { homeless.len() };
            format!(
                "No: {what} can be drained in {took}, but {number} of {pods} {state} again: {}.",
                why.trim_end_matches('.')
            )
        }
    }
}

/// How long each pod was away.
fn picture(plan: &Plan, past: &Past, at: SimTime, landings: &[Landing]) -> Option<Picture> {
    if landings.is_empty() {
        return None;
    }
    let seconds = |time: Option<SimTime>| time.map_or(0.0, |time| (time - at).as_secs_f64());
    let ready = |landing: &Landing| landing.successor.and_then(|uid| past.pods[uid.index()].ready_at);
    let names = landings.iter().map(|landing| past.pods[landing.evicted.uid.index()].name.clone()).collect();
    let series = vec![
        ("evicted".to_owned(), landings.iter().map(|landing| seconds(Some(landing.evicted.at))).collect()),
        ("gone".to_owned(), landings.iter().map(|landing| seconds(landing.gone)).collect()),
        ("successor Ready (0: never)".to_owned(), landings.iter().map(|landing| seconds(ready(landing))).collect()),
    ];
    Some(Picture {
        title: format!("{}: a drain, pod by pod", plan.name),
        subtitle: "in the order of evictions".to_owned(),
        shape: PictureShape::Bars { axis: "seconds after the drain began".to_owned(), names, series },
    })
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
