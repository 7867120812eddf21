//! `podsim fail`: what is lost with a node, two nodes or a zone, what comes back, and when. Every failure is a run of its own, equal
//! to the others up to the fault.

use super::past::{Past, counted, follow, instant, spell};
use super::{Answer, Cell, Halt, Question, Runner, Table};
use crate::base::id::DenseId;
use crate::base::{SimDuration, SimTime};
use crate::export::{Picture, PictureShape};
use crate::model::objects::ObjectKind;
use crate::model::plan::{FaultKind, FaultPlan, NodeTarget, Plan};
use crate::model::{NodeId, PodUid};
use crate::record::Fact;

/// So long at least a run goes on after the fault: eviction by taint takes 340 s, a new machine minutes.
const AFTER: SimDuration = SimDuration::from_secs(1800);

/// What fails.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FailOptions {
    /// Each is a failure: zones that are lost at once.
    pub zones: Vec<Vec<String>>,
    /// Each zone is a failure.
    pub every_zone: bool,
    /// Each is a failure: nodes that stop at once.
    pub nodes: Vec<Vec<String>>,
    /// Every so many nodes are a failure: 1 or 2; 0: none.
    pub every: u32,
    /// At most so many pairs of nodes are tried.
    pub pairs: usize,
    /// When; `None`: half-way through the run.
    pub at: Option<SimTime>,
    /// For how long; `None`: for good.
    pub lasts: Option<SimDuration>,
}

/// One failure.
#[derive(Clone, Debug)]
struct Failure {
    name: String,
    kinds: Vec<FaultKind>,
}

/// Pods of one priority that stay pending for one reason.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Left {
    priority: i32,
    family: String,
    state: &'static str,
    why: String,
    pods: usize,
}

/// What a failure did.
#[derive(Clone, Debug, Default)]
struct Damage {
    nodes: usize,
    /// Pods that were Ready on what failed.
    hit: usize,
    /// Pods that ran before and wait for a node at the end.
    pending: usize,
    /// Bare pods that are gone for good.
    lost: usize,
    /// Others that are not Ready again: on a dead node, or crashing.
    unready: usize,
    /// Until as many were Ready as before.
    recovery: Option<SimDuration>,
    /// The share of a survivor that was requested at most, of which resource, and where.
    worst: Option<(f64, &'static str, String)>,
    left: Vec<Left>,
}

impl Damage {
    const fn missing(&self) -> usize {
        self.pending + self.lost + self.unready
    }
}

/// What fails, and what comes of it.
///
/// # Errors
/// See [`Halt`].
pub fn fail(_: &Question, plan: Plan, runner: &Runner<'_>, options: &FailOptions) -> Result<Answer, Halt> {
    let mut plan = plan;
    let at = instant(&plan, options.at)?;
    // The cluster just before the fault.
    let before = Plan { duration: at - plan.start, ..plan.clone() };
    let (_, before) = follow(before, runner.stop, |_, _, _| {})?;
    let mut notes = Vec::new();
    let failures = failures(&mut plan, &before, options, &mut notes)?;
    let lasts = options.lasts.unwrap_or(SimDuration::ZERO);
    let needed = at - plan.start + lasts + AFTER;
    if plan.duration < needed {
        notes.push(format!("the run was made {} longer, to see what comes back", (needed - plan.duration).human()));
        plan.duration = needed;
    }
    let damages = runner.all(failures.len(), |number| {
        let mut plan = plan.clone();
        let first = plan.faults.len();
        let faults = failures[number].kinds.iter().cloned();
        plan.faults.extend(faults.map(|kind| FaultPlan { at, duration: options.lasts, kind }));
        damage(plan, first, at, runner.stop)
    })?;
    Ok(answer(&plan, at, options, &before, &failures, &damages, notes))
}

/// The failures that are asked for, each with its faults.
fn failures(
    plan: &mut Plan,
    before: &Past,
    options: &FailOptions,
    notes: &mut Vec<String>,
) -> Result<Vec<Failure>, Halt> {
    let names: Vec<String> = before.running_nodes().map(|(_, node)| node.name.clone()).collect();
    let mut zones: Vec<String> =
        before.running_nodes().map(|(_, node)| plan.strings.text(node.zone).to_owned()).collect();
    zones.sort_unstable();
    zones.dedup();
    zones.retain(|zone| !zone.is_empty());
    let mut found = Vec::new();
    let known = |asked: &str, there: &[String], what: &str| {
        if there.iter().any(|name| name == asked) {
            return Ok(());
        }
        let list = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        Err(Halt::Unasked(format!("there is no {what} `{asked}` at that time; there are: {list}")))
    };
    let asked_nothing =
        options.zones.is_empty() && options.nodes.is_empty() && options.every == 0 && !options.every_zone;
    if options.every_zone && zones.is_empty() {
        let text = "no node is in a zone: give --zones a,b,c, `zones = [...]` to the pool, or the label \
                    topology.kubernetes.io/zone to the nodes";
        return Err(Halt::Unasked(text.to_owned()));
    }
    let each_zone = options.every_zone || asked_nothing && zones.len() > 1;
    let singles = each_zone.then(|| zones.iter().map(|zone| vec![zone.clone()])).into_iter().flatten();
    for group in options.zones.iter().cloned().chain(singles) {
        for zone in &group {
            known(zone, &zones, "zone")?;
        }
        let kinds = group.iter().map(|zone| FaultKind::ZoneLoss(plan.strings.intern(zone))).collect();
        let plural = if group.len() == 1 { "zone" } else { "zones" };
        found.push(Failure { name: format!("{plural} {}", group.join(", ")), kinds });
    }
    let every = if asked_nothing { 1 } else { options.every };
    let sweep: Vec<Vec<String>> = match every {
        0 => Vec::new(),
        1 => names.iter().map(|name| vec![name.clone()]).collect(),
        2 => pairs(&names, options.pairs, notes),
        more => return Err(Halt::Unasked(format!("every {more} nodes at once are too many to try: 1 or 2"))),
    };
    for group in options.nodes.iter().cloned().chain(sweep) {
        for node in &group {
            known(node, &names, "node")?;
        }
        let crash = |node: &String| FaultKind::NodeCrash(NodeTarget::Named(plan.strings.intern(node)));
        let kinds = group.iter().map(crash).collect();
        let plural = if group.len() == 1 { "node" } else { "nodes" };
        found.push(Failure { name: format!("{plural} {}", group.join(", ")), kinds });
    }
    if found.is_empty() {
        return Err(Halt::Unasked(format!("nothing can fail: there are {} nodes at that time", names.len())));
    }
    Ok(found)
}

/// All pairs, or `most` of them at equal distances.
fn pairs(names: &[String], most: usize, notes: &mut Vec<String>) -> Vec<Vec<String>> {
    let all = names.len() * names.len().saturating_sub(1) / 2;
    let take = all.min(most.max(1));
    if take < all {
        notes.push(format!("{take} of {all} pairs of nodes were tried, at equal distances (--pairs tries more)"));
    }
    let pairs = (0..names.len()).flat_map(|one| (one + 1..names.len()).map(move |other| (one, other)));
    let chosen = pairs.enumerate().filter(|(at, _)| at * take / all != (at + 1) * take / all);
    chosen.map(|(_, (one, other))| vec![names[one].clone(), names[other].clone()]).collect()
}

/// One run with the faults from number `first` on.
fn damage(plan: Plan, first: usize, at: SimTime, stop: &dyn Fn() -> bool) -> Result<Damage, Halt> {
    let faults = plan.faults.len() - first;
    let mut begun = 0;
    // How many of each family must be Ready, and where.
    let mut needed: Vec<u32> = Vec::new();
    let mut on_failed: Vec<(usize, NodeId)> = Vec::new();
    let mut failed: Vec<NodeId> = Vec::new();
    let (mut damage, mut disrupted) = (Damage::default(), false);
    let (run, past) = follow(plan, stop, |past, _, (now, fact)| {
        match fact {
            Fact::Fault(number, true, _) if number as usize >= first => {
                if begun == 0 {
                    needed = past.families.iter().map(|family| if family.stays() { family.ready } else { 0 }).collect();
                    on_failed = ready_on(past);
                }
                begun += 1;
            }
            Fact::NodeCrashed(node) if begun > 0 && now == at => {
                failed.push(node);
                for &(family, _) in on_failed.iter().filter(|(_, on)| *on == node) {
                    // The pods of DaemonSets are missed nowhere while their nodes are gone.
                    if past.families[family].kind == Some(ObjectKind::DaemonSet) {
                        needed[family] = needed[family].saturating_sub(1);
                    } else {
                        damage.hit += 1;
                    }
                }
            }
            _ => {}
        }
        if begun < faults {
            return;
        }
        if matches!(fact, Fact::PodBound(..) | Fact::Fault(..)) {
            strain(past, &failed, &mut damage);
        }
        if damage.recovery.is_none() && moves_readiness(fact) {
            let whole = short(past, &needed).iter().all(|&short| short == 0);
            disrupted |= !whole;
            damage.recovery = (disrupted && whole).then_some(now - at);
        }
    })?;
    damage.nodes = failed.len();
    let short = short(&past, &needed);
    if short.iter().all(|&short| short == 0) {
        // Nothing that is missed was hit.
        damage.recovery.get_or_insert(SimDuration::ZERO);
    } else {
        damage.recovery = None;
    }
    for (family, &short) in short.iter().enumerate().filter(|(_, short)| **short > 0) {
        let mut rest = short as usize;
        let all: Vec<PodUid> =
            past.entries().filter(|(_, pod)| pod.family == family && !pod.ready).map(|(uid, _)| uid).collect();
        let pod = |uid: PodUid| &past.pods[uid.index()];
        let mut note = |uid: Option<PodUid>, state: &'static str, why: String, pods: usize| {
            let priority = uid.map_or(0, |uid| past.class(&run.plan, uid).priority);
            let left = Left { priority, family: past.families[family].name.clone(), state, why, pods };
            match damage.left.iter_mut().find(|other| Left { pods: left.pods, ..(*other).clone() } == left) {
                Some(other) => other.pods += pods,
                None => damage.left.push(left),
            }
        };
        for &uid in all.iter().filter(|&&uid| pod(uid).is_pending()).take(rest) {
            note(Some(uid), "pending", past.why_not_ready(&run.plan, &run.recording, uid), 1);
            damage.pending += 1;
            rest -= 1;
        }
        if rest > 0 && past.families[family].object.is_none() {
            note(all.first().copied(), "lost", "nobody makes a bare pod again".to_owned(), rest);
            damage.lost += rest;
            rest = 0;
        }
        for &uid in all.iter().filter(|&&uid| pod(uid).exists() && !pod(uid).is_pending()).take(rest) {
            let is_on_failed = pod(uid).node.is_some_and(|node| failed.contains(&node));
            let why = if is_on_failed {
                "it is bound to a node that does not answer: only when the node is back or deleted can it move"
                    .to_owned()
            } else {
                past.why_not_ready(&run.plan, &run.recording, uid)
            };
            note(Some(uid), "not ready", why, 1);
            damage.unready += 1;
            rest -= 1;
        }
        if rest > 0 {
            note(None, "not made", "its controller has not made it again".to_owned(), rest);
            damage.unready += rest;
        }
    }
    damage.left.sort_by(|a, b| b.priority.cmp(&a.priority).then_with(|| a.cmp(b)));
    Ok(damage)
}

/// Whether more or fewer pods may be Ready, or wanted, after this.
const fn moves_readiness(fact: Fact) -> bool {
    use Fact::{ContainerReady, NodeCrashed, ObjectReplicas, PodCondition, PodPhase, PodRemoved};
    matches!(
        fact,
        ContainerReady(..) | NodeCrashed(_) | ObjectReplicas { .. } | PodCondition(..) | PodPhase(..) | PodRemoved(_)
    )
}

/// Ready pods by family and node.
fn ready_on(past: &Past) -> Vec<(usize, NodeId)> {
    past.pods.iter().filter(|pod| pod.ready).filter_map(|pod| Some((pod.family, pod.node?))).collect()
}

/// How many of each family are missing.
fn short(past: &Past, needed: &[u32]) -> Vec<u32> {
    let missing = |(family, &needed): (&super::past::Family, &u32)| {
        let wanted = family.wanted.map_or(needed, |wanted| wanted.min(needed));
        if family.done { 0 } else { wanted.saturating_sub(family.ready) }
    };
    past.families.iter().zip(needed).map(missing).collect()
}

/// Remembers the fullest survivor.
fn strain(past: &Past, failed: &[NodeId], damage: &mut Damage) {
    for (_, node) in past.running_nodes().filter(|(id, _)| !failed.contains(id)) {
        let (cpu, memory) = node.shares();
        let (share, what) = if cpu >= memory { (cpu, "cpu") } else { (memory, "memory") };
        if damage.worst.as_ref().is_none_or(|(worst, _, _)| share > *worst) {
            damage.worst = Some((share, what, node.name.clone()));
        }
    }
}

fn answer(
    plan: &Plan,
    at: SimTime,
    options: &FailOptions,
    before: &Past,
    failures: &[Failure],
    damages: &[Damage],
    mut notes: Vec<String>,
) -> Answer {
    let mut order: Vec<usize> = (0..failures.len()).collect();
    let badness = |at: usize| {
        let damage: &Damage = &damages[at];
        (damage.pending, damage.lost, damage.unready, damage.recovery.unwrap_or(SimDuration::FOREVER))
    };
    order.sort_by(|&one, &other| badness(other).cmp(&badness(one)).then(one.cmp(&other)));
    let worst = order[0];
    let yes = damages.iter().all(|damage| damage.missing() == 0);
    let mut tables = vec![overview(&order, failures, damages, yes)];
    let mut left = Table::new(
        "left",
        format!("What does not run again after the loss of {}:", failures[worst].name),
        &[("priority", "PRIORITY"), ("pods", "PODS"), ("state", "STATE"), ("of", "OF"), ("why", "WHY")],
    );
    for row in &damages[worst].left {
        let cells = [Cell::Count(row.priority.into()), row.pods.into(), row.state.into(), row.family.as_str().into()];
        left.row([&cells[..], &[row.why.as_str().into()]].concat());
    }
    tables.push(left);
    let how = options.lasts.map_or_else(|| "for good".to_owned(), |lasts| format!("for {}", spell(lasts)));
    let since = spell(at - plan.start);
    notes.insert(0, format!("everything fails {since} after the start, {how}; the runs are equal until then"));
    let waiting = before.pods.iter().filter(|pod| pod.is_pending()).count();
    if waiting > 0 {
        notes.push(format!(
            "{} waited for a node before anything failed; they are not counted",
            counted(waiting, "pod")
        ));
    }
    if damages.iter().any(|damage| damage.lost > 0) {
        let text = "a pod is bare when its controller is not in the input: a dump needs `kubectl get \
                    deployments,replicasets,statefulsets,daemonsets,jobs -A -o yaml` beside pods and nodes";
        notes.push(text.to_owned());
    }
    notes.push("pods of Jobs are not counted: they are there to end; a DaemonSet's pod goes with its node".to_owned());
    Answer {
        command: "fail",
        yes,
        sentence: sentence(failures, damages, worst, yes),
        tables,
        notes,
        picture: Some(picture(plan, &order, failures, damages, yes)),
    }
}

fn sentence(failures: &[Failure], damages: &[Damage], worst: usize, yes: bool) -> String {
    let (name, damage) = (&failures[worst].name, &damages[worst]);
    let strain = damage.worst.as_ref().map_or_else(String::new, |(share, what, node)| {
        format!("; {what} of {node} is then {:.0}% requested", share * 100.0)
    });
    let others =
        if failures.len() == 1 { String::new() } else { format!(", the worst of {} failures", failures.len()) };
    if yes {
        let hit = match damage.hit {
            0 => "nothing ran there".to_owned(),
            hit => {
                let time = damage.recovery.map_or_else(String::new, SimDuration::human);
                format!("{} ran there, and everything is Ready again after {time}", counted(hit, "pod"))
            }
        };
        return format!("Yes: the loss of {name} is survived{others}: {hit}{strain}.");
    }
    let mut parts = Vec::new();
    if damage.pending > 0 {
        let why =
            damage.left.iter().find(|left| left.state == "pending").map_or("", |left| left.why.trim_end_matches('.'));
        parts.push(format!(
            "{} {} pending ({why})",
            counted(damage.pending, "pod"),
            if damage.pending == 1 { "stays" } else { "stay" }
        ));
    }
    if damage.lost > 0 {
        parts.push(format!(
            "{} {} lost for good",
            counted(damage.lost, "bare pod"),
            if damage.lost == 1 { "is" } else { "are" }
        ));
    }
    if damage.unready > 0 {
        parts.push(format!(
            "{} {} not Ready again",
            counted(damage.unready, "pod"),
            if damage.unready == 1 { "is" } else { "are" }
        ));
    }
    let survived = damages.iter().filter(|damage| damage.missing() == 0).count();
    let rest =
        if failures.len() == 1 { String::new() } else { format!(" {survived} of {} are survived.", failures.len()) };
    format!("No: after the loss of {name}{others}, {}{strain}.{rest}", parts.join(", "))
}

fn overview(order: &[usize], failures: &[Failure], damages: &[Damage], yes: bool) -> Table {
    let mut table = Table::new(
        "failures",
        "",
        &[
            ("failure", "LOSS OF"),
            ("nodes", "NODES"),
            ("pods_hit", "PODS HIT"),
            ("pods_pending", "PENDING"),
            ("pods_lost", "LOST"),
            ("pods_unready", "NOT READY"),
            ("ready_again_seconds", "READY AGAIN (s)"),
            ("fullest_requested_percent", "FULLEST SURVIVOR (%)"),
            ("fullest_resource", "OF"),
            ("fullest_node", "NODE"),
        ],
    );
    table.bar = Some(if yes { 6 } else { 3 });
    for &at in order {
        let damage = &damages[at];
        let recovery = damage.recovery.map_or(Cell::Nothing, |after| Cell::Number(after.as_secs_f64(), 1));
        let (share, what, node) =
            damage.worst.as_ref().map_or((Cell::Nothing, Cell::Nothing, Cell::Nothing), |(share, what, node)| {
                (Cell::Number(share * 100.0, 1), (*what).into(), node.as_str().into())
            });
        table.row(vec![
            failures[at].name.as_str().into(),
            damage.nodes.into(),
            damage.hit.into(),
            damage.pending.into(),
            damage.lost.into(),
            damage.unready.into(),
            recovery,
            share,
            what,
            node,
        ]);
    }
    table
}

#[allow(clippy::cast_precision_loss, reason = "a bar")]
fn picture(plan: &Plan, order: &[usize], failures: &[Failure], damages: &[Damage], yes: bool) -> Picture {
    let names = order.iter().map(|&at| format!("loss of {}", failures[at].name)).collect();
    let bars = |value: fn(&Damage) -> f64| order.iter().map(|&at| value(&damages[at])).collect();
    let (axis, series) = if yes {
        let minutes = |damage: &Damage| damage.recovery.map_or(0.0, |after| after.as_secs_f64() / 60.0);
        ("minutes until everything is Ready again", vec![("minutes".to_owned(), bars(minutes))])
    } else {
        let series = [
            ("stay pending", (|damage| damage.pending as f64) as fn(&Damage) -> f64),
            ("lost for good", |damage| damage.lost as f64),
            ("not ready again", |damage| damage.unready as f64),
        ];
        let some = series.into_iter().filter(|(_, value)| damages.iter().any(|damage| value(damage) > 0.0));
        ("pods that do not run again", some.map(|(name, value)| (name.to_owned(), bars(value))).collect())
    };
    let title = format!("{}: what is lost, and for how long", plan.name);
    let subtitle = format!("each of {} failures in a run of its own, the worst first", failures.len());
    Picture { title, subtitle, shape: PictureShape::Bars { axis: axis.to_owned(), names, series } }
}
