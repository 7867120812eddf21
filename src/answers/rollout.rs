//! `podsim rollout`: whether an update of each Deployment, StatefulSet and DaemonSet finishes, when, what it takes meanwhile, and where
//! it gets stuck. How far it is is what `kubectl rollout status` would say: staging/src/k8s.io/kubectl/pkg/polymorphichelpers/
//! rollout_status.go, v1.34.

use super::past::{Past, follow, instant, spell, top};
use super::revise::revise;
use super::{Answer, Cell, Halt, Question, Runner, Table};
use crate::api::ObjectRow;
use crate::base::id::DenseId;
use crate::base::{SimDuration, SimTime};
use crate::controllers::daemon_set::rolling::limits;
use crate::controllers::deployment::progress::reason;
use crate::controllers::deployment::rolling::resolve_fenceposts;
use crate::export::{Picture, PictureShape};
use crate::model::objects::{DeploymentStrategy, ObjectKind, ObjectSpec};
use crate::model::plan::{ChangeKind, ChangePlan, Plan};
use crate::model::{IntOrPercent, ObjectId, PodUid};
use crate::record::{Fact, Recording};

/// So long at least a run goes on after the update.
const AFTER: SimDuration = SimDuration::from_secs(3600);

/// What is updated, and how.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RolloutOptions {
    /// `kind/name` or `name`; empty: every one.
    pub workloads: Vec<String>,
    /// All at once instead of each alone.
    pub together: bool,
    /// Without a new image: only the pods are new, as after `kubectl rollout restart`.
    pub restart: bool,
    /// When; `None`: half-way through the run.
    pub at: Option<SimTime>,
}

/// How far a rollout is.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Stage {
    Done,
    Waiting(String),
    /// The Deployment gave up waiting; it may still go on.
    TimedOut,
}

/// What one update did.
#[derive(Clone, Debug)]
struct Update {
    object: usize,
    id: Option<ObjectId>,
    family: Option<usize>,
    done: Option<SimTime>,
    timed_out: bool,
    /// What it waits for.
    step: String,
    /// Pods, milli-cores and bytes: before, now and at most.
    before: [i64; 3],
    now: [i64; 3],
    peak: [i64; 3],
    ready_before: u32,
    least_ready: u32,
    why: String,
}

/// What comes of updates.
///
/// # Errors
/// See [`Halt`].
pub fn rollout(_: &Question, plan: Plan, runner: &Runner<'_>, options: &RolloutOptions) -> Result<Answer, Halt> {
    let mut plan = plan;
    let at = instant(&plan, options.at)?;
    plan.duration = SimDuration(plan.duration.0.max((at - plan.start + AFTER).0));
    let asked = asked(&plan, options)?;
    let groups: Vec<Vec<usize>> =
        if options.together { vec![asked] } else { asked.into_iter().map(|object| vec![object]).collect() };
    let updates = runner.all(groups.len(), |group| {
        let mut plan = plan.clone();
        for &object in &groups[group] {
            let revised = revise(&mut plan, object, !options.restart);
            plan.changes
                .extend(revised.map(|object| ChangePlan { at, kind: ChangeKind::ApplyObject(Box::new(object)) }));
        }
        update(plan, &groups[group], at, runner.stop)
    })?;
    Ok(answer(&plan, at, options, &updates.concat()))
}

/// The objects that are meant, by their numbers in the plan.
fn asked(plan: &Plan, options: &RolloutOptions) -> Result<Vec<usize>, Halt> {
    let kinds = [ObjectKind::Deployment, ObjectKind::StatefulSet, ObjectKind::DaemonSet];
    let all: Vec<usize> = (0..plan.objects.len()).filter(|&at| kinds.contains(&plan.objects[at].spec.kind())).collect();
    if all.is_empty() {
        let text = "there is no Deployment, StatefulSet or DaemonSet in the input; a dump needs `kubectl get \
                    deployments,statefulsets,daemonsets -A -o yaml` beside pods and nodes";
        return Err(Halt::Unasked(text.to_owned()));
    }
    if options.workloads.is_empty() {
        return Ok(all);
    }
    let mut found = Vec::new();
    for asked in &options.workloads {
        let (kind, name) = asked.split_once('/').map_or((None, asked.as_str()), |(kind, name)| (Some(kind), name));
        let kind = kind.map(|kind| kind_of(kind).ok_or(kind)).transpose().map_err(|kind| {
            Halt::Unasked(format!("`{kind}` is no kind that rolls out: write deployment, statefulset or daemonset"))
        })?;
        let fits = |&at: &usize| {
            let object = &plan.objects[at];
            plan.strings.text(object.name) == name && kind.is_none_or(|kind| kind == object.spec.kind())
        };
        let these: Vec<usize> = all.iter().copied().filter(fits).collect();
        if these.is_empty() {
            let there: Vec<String> = all.iter().map(|&at| label(plan, at)).collect();
            return Err(Halt::Unasked(format!("there is no `{asked}`; there are: {}", there.join(", "))));
        }
        found.extend(these);
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn kind_of(text: &str) -> Option<ObjectKind> {
    Some(match text.to_ascii_lowercase().as_str() {
        "deployment" | "deployments" | "deploy" => ObjectKind::Deployment,
        "statefulset" | "statefulsets" | "sts" => ObjectKind::StatefulSet,
        "daemonset" | "daemonsets" | "ds" => ObjectKind::DaemonSet,
        _ => return None,
    })
}

/// `deployment/web`.
fn label(plan: &Plan, at: usize) -> String {
    let object = &plan.objects[at];
    format!("{}/{}", object.spec.kind().text().to_ascii_lowercase(), plan.strings.text(object.name))
}

/// One run with updates at `at`.
fn update(plan: Plan, objects: &[usize], at: SimTime, stop: &dyn Fn() -> bool) -> Result<Vec<Update>, Halt> {
    let mut updates: Vec<Update> = objects.iter().map(|&object| Update::new(object)).collect();
    let mut began = false;
    let (run, past) = follow(plan, stop, |past, simulation, (now, fact)| {
        if now < at {
            return;
        }
        let (cluster, plan) = (simulation.cluster(), simulation.plan());
        if !began {
            began = true;
            for update in &mut updates {
                let object = &plan.objects[update.object];
                let name = plan.strings.text(object.name);
                update.id = cluster.objects().find(object.spec.kind(), object.namespace, name);
                update.family =
                    past.families.iter().position(|family| family.object == update.id && update.id.is_some());
                update.begin(past, plan, fact);
            }
        }
        for update in &mut updates {
            update.count(past, plan, fact);
            let Some(id) = update.id.filter(|_| update.done.is_none()) else { continue };
            if matches!(fact, Fact::ObjectReplicas { object, .. } if object == id) {
                match cluster.objects().existing(id).map(stage) {
                    Some(Stage::Done) => update.done = Some(now),
                    Some(Stage::Waiting(step)) => update.step = step,
                    Some(Stage::TimedOut) => update.timed_out = true,
                    None => "it was deleted".clone_into(&mut update.step),
                }
            }
        }
    })?;
    for update in updates.iter_mut().filter(|update| update.done.is_none()) {
        update.why = why(update, &past, &run.plan, &run.recording);
    }
    Ok(updates)
}

/// How far the rollout of an object is, as `kubectl rollout status` says.
fn stage(row: &ObjectRow) -> Stage {
    let waiting = |text: String| Stage::Waiting(text);
    let unseen = || waiting("its controller has not seen the update".to_owned());
    if let (Some(spec), Some(status)) = (row.spec.deployment(), row.status.deployment()) {
        if status.observed_generation < row.generation {
            return unseen();
        }
        if status.progressing.is_some_and(|condition| condition.reason == reason::TIMED_OUT) {
            return Stage::TimedOut;
        }
        let (updated, replicas, available) = (status.updated_replicas, status.replicas, status.available_replicas);
        return if updated < spec.replicas {
            waiting(format!("{updated} of {} new pods are there", spec.replicas))
        } else if replicas > updated {
            let old = replicas - updated;
            waiting(if old == 1 {
                "1 old pod is still there".to_owned()
            } else {
                format!("{old} old pods are still there")
            })
        } else if available < updated {
            waiting(format!("{available} of {updated} new pods are available"))
        } else {
            Stage::Done
        };
    }
    if let (Some(spec), Some(status)) = (row.spec.stateful_set(), row.status.stateful_set()) {
        if status.observed_generation < row.generation {
            return unseen();
        }
        if spec.on_delete {
            return waiting("OnDelete: old pods stay until somebody deletes them".to_owned());
        }
        if status.ready_replicas < spec.replicas {
            return waiting(format!("{} of {} pods are ready", status.ready_replicas, spec.replicas));
        }
        let partition = spec.partition.unwrap_or(0);
        let target = (spec.replicas - partition).max(0);
        if partition > 0 && status.updated_replicas >= target || status.update_revision == status.current_revision {
            return Stage::Done;
        }
        return waiting(format!("{} of {target} pods are new", status.updated_replicas));
    }
    if let (Some(spec), Some(status)) = (row.spec.daemon_set(), row.status.daemon_set()) {
        return if status.observed_generation < row.generation {
            unseen()
        } else if spec.on_delete {
            waiting("OnDelete: old pods stay until somebody deletes them".to_owned())
        } else if status.updated < status.desired {
            waiting(format!("{} of {} nodes have the new pod", status.updated, status.desired))
        } else if status.available < status.desired {
            waiting(format!("{} of {} new pods are available", status.available, status.desired))
        } else {
            Stage::Done
        };
    }
    unseen()
}

impl Update {
    fn new(object: usize) -> Self {
        Self {
            object,
            id: None,
            family: None,
            done: None,
            timed_out: false,
            step: "its controller has not seen the update".to_owned(),
            before: [0; 3],
            now: [0; 3],
            peak: [0; 3],
            ready_before: 0,
            least_ready: 0,
            why: String::new(),
        }
    }

    /// Counts what is there before the first fact, which the past has read already.
    fn begin(&mut self, past: &Past, plan: &Plan, first: Fact) {
        for (uid, pod) in past.entries().filter(|(_, pod)| Some(pod.family) == self.family) {
            if pod.exists() && !pod.phase.is_terminal() && first != Fact::PodCreated(uid) {
                self.now = sum(self.now, asks(past, plan, uid), 1);
            }
        }
        (self.before, self.peak) = (self.now, self.now);
        let ready = self.family.map_or(0, |family| past.families[family].ready);
        (self.ready_before, self.least_ready) = (ready, ready);
    }

    fn count(&mut self, past: &Past, plan: &Plan, fact: Fact) {
        let mine = |uid: PodUid| Some(past.pods[uid.index()].family) == self.family;
        match fact {
            Fact::PodCreated(uid) if mine(uid) => self.now = sum(self.now, asks(past, plan, uid), 1),
            Fact::PodRemoved(uid) if mine(uid) && !past.pods[uid.index()].phase.is_terminal() => {
                self.now = sum(self.now, asks(past, plan, uid), -1);
            }
            Fact::PodPhase(uid, phase, _) if mine(uid) && phase.is_terminal() => {
                self.now = sum(self.now, asks(past, plan, uid), -1);
            }
            _ => {}
        }
        if self.done.is_none() {
            for (peak, now) in self.peak.iter_mut().zip(self.now) {
                *peak = (*peak).max(now);
            }
            if let Some(family) = self.family {
                self.least_ready = self.least_ready.min(past.families[family].ready);
            }
        }
    }
}

/// A pod, its CPU and its memory.
fn asks(past: &Past, plan: &Plan, uid: PodUid) -> [i64; 3] {
    let requests = &past.class(plan, uid).requests;
    [1, requests.milli_cpu, requests.memory]
}

fn sum(one: [i64; 3], other: [i64; 3], sign: i64) -> [i64; 3] {
    std::array::from_fn(|at| one[at] + sign * other[at])
}

/// Why an update that is not done is not.
fn why(update: &Update, past: &Past, plan: &Plan, recording: &Recording) -> String {
    let mine = past.entries().filter(|(_, pod)| Some(pod.family) == update.family && pod.exists() && !pod.ready);
    let mut mine: Vec<PodUid> = mine.map(|(uid, _)| uid).collect();
    // A pod without a node tells most, then the newest.
    mine.sort_by_key(|uid| (!past.pods[uid.index()].is_pending(), std::cmp::Reverse(*uid)));
    if let Some(&uid) = mine.first() {
        let name = &past.pods[uid.index()].name;
        return format!("{name}: {}", past.why_not_ready(plan, recording, uid));
    }
    let warnings = past.warnings.iter().enumerate().rev().filter_map(|(at, warning)| Some((at, (*warning)?)));
    let about = warnings.filter(|(at, _)| Some(top(recording, ObjectId::from_index(*at))) == update.id);
    let text = about.map(|(_, (event, note))| format!("{}: {}", event.reason(), recording.note_text(note))).next();
    text.unwrap_or_default()
}

/// The limits of an update with the rounding that makes them.
fn rule(spec: &ObjectSpec, nodes: i64) -> String {
    match spec {
        ObjectSpec::Deployment(spec) if spec.paused => "paused".to_owned(),
        ObjectSpec::Deployment(spec) => match &spec.strategy {
            DeploymentStrategy::Recreate => "Recreate: all old pods go first".to_owned(),
            DeploymentStrategy::RollingUpdate { max_surge, max_unavailable } => {
                let total = i64::from(spec.replicas);
                let Ok(posts) = resolve_fenceposts(max_surge, max_unavailable, spec.replicas) else {
                    return "not readable".to_owned();
                };
                let surge = rounded(max_surge, total, true, posts.surge.into());
                let unavailable = rounded(max_unavailable, total, false, posts.unavailable.into());
                format!("surge {surge}, unavailable {unavailable}")
            }
        },
        ObjectSpec::StatefulSet(spec) if spec.on_delete => "OnDelete".to_owned(),
        ObjectSpec::StatefulSet(spec) => match spec.partition {
            Some(partition) if partition > 0 => format!("one by one, the last first, down to ordinal {partition}"),
            _ => "one by one, the last first".to_owned(),
        },
        ObjectSpec::DaemonSet(spec) if spec.on_delete => "OnDelete".to_owned(),
        ObjectSpec::DaemonSet(spec) => {
            let count = usize::try_from(nodes).unwrap_or(0);
            let Ok(limits) = limits(&spec.max_surge, &spec.max_unavailable, count) else {
                return "not readable".to_owned();
            };
            let as_number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
            let surge = rounded(&spec.max_surge, nodes, true, as_number(limits.surge));
            let unavailable = rounded(&spec.max_unavailable, nodes, true, as_number(limits.unavailable));
            format!("surge {surge}, unavailable {unavailable}")
        }
        _ => String::new(),
    }
}

/// `25% of 3 = 0.75, up to 1`.
#[allow(clippy::cast_precision_loss, reason = "for people")]
fn rounded(value: &IntOrPercent, total: i64, up: bool, is: i64) -> String {
    match value.number() {
        Ok((percent, true)) => {
            let exact = (percent * total) as f64 / 100.0;
            let least = value.scaled(total, up) != Ok(is);
            let way = if least {
                ", but both 0 would move nothing:"
            } else if exact.fract() == 0.0 {
                return format!("{percent}% of {total} = {is}");
            } else if up {
                ", up to"
            } else {
                ", down to"
            };
            format!("{percent}% of {total} = {exact}{way} {is}")
        }
        Ok((number, false)) if number != is => format!("{number}, but both 0 would move nothing: {is}"),
        _ => is.to_string(),
    }
}

fn answer(plan: &Plan, at: SimTime, options: &RolloutOptions, updates: &[Update]) -> Answer {
    let mut table = Table::new(
        "rollouts",
        "",
        &[
            ("workload", "WORKLOAD"),
            ("pods", "PODS"),
            ("rule", "RULE"),
            ("finishes", "FINISHES"),
            ("after_seconds", "AFTER (s)"),
            ("extra_pods", "EXTRA PODS"),
            ("extra_cpu_cores", "EXTRA CPU"),
            ("extra_memory_mib", "EXTRA MiB"),
            ("least_ready", "LEAST READY"),
            ("stuck_at", "STUCK AT"),
            ("why", "WHY"),
        ],
    );
    table.bar = Some(4);
    for update in updates {
        let extra: [i64; 3] = std::array::from_fn(|at| update.peak[at] - update.before[at]);
        let step = match (update.done.is_some(), update.timed_out) {
            (true, _) => Cell::Nothing,
            (false, false) => update.step.as_str().into(),
            (false, true) => format!("{} (ProgressDeadlineExceeded)", update.step).into(),
        };
        table.row(vec![
            label(plan, update.object).into(),
            Cell::Count(update.before[0]),
            rule(&plan.objects[update.object].spec, update.before[0]).into(),
            update.done.is_some().into(),
            update.done.map_or(Cell::Nothing, |done| Cell::Number((done - at).as_secs_f64(), 1)),
            Cell::Count(extra[0]),
            Cell::Number(thousandths(extra[1]), 3),
            Cell::Count(extra[2] >> 20),
            Cell::Text(format!("{} of {}", update.least_ready, update.ready_before)),
            step,
            if update.why.is_empty() { Cell::Nothing } else { update.why.as_str().into() },
        ]);
    }
    let how = if options.together { "all at once" } else { "each alone, in a run of its own" };
    let what = if options.restart { "restarted (no image is pulled)" } else { "given a new image of the same size" };
    let mut notes = vec![format!("{what} {} after the start, {how}", spell(at - plan.start))];
    notes.push("extra: at most, beyond what the pods of the workload requested before; pods that are being deleted still count".to_owned());
    Answer {
        command: "rollout",
        yes: updates.iter().all(|update| update.done.is_some()),
        sentence: sentence(plan, at, updates),
        tables: vec![table],
        notes,
        picture: Some(picture(plan, at, updates)),
    }
}

fn sentence(plan: &Plan, at: SimTime, updates: &[Update]) -> String {
    let stuck: Vec<&Update> = updates.iter().filter(|update| update.done.is_none()).collect();
    if let [first, ..] = stuck[..] {
        let why = if first.why.is_empty() { String::new() } else { format!("; {}", first.why.trim_end_matches('.')) };
        return format!(
            "No: {} of {} rollouts {} not finish; {} is stuck: {}{why}.",
            stuck.len(),
            updates.len(),
            if stuck.len() == 1 { "does" } else { "do" },
            label(plan, first.object),
            first.step,
        );
    }
    let slowest = updates.iter().max_by_key(|update| (update.done, std::cmp::Reverse(update.object)));
    let greatest = updates.iter().max_by_key(|update| {
        (update.peak[0] - update.before[0], update.peak[1] - update.before[1], std::cmp::Reverse(update.object))
    });
    let slow = slowest.map_or_else(String::new, |update| {
        let took = update.done.map_or(SimDuration::ZERO, |done| done - at).human();
        if updates.len() == 1 {
            format!("after {took}")
        } else {
            format!("the slowest, {}, after {took}", label(plan, update.object))
        }
    });
    let extra = greatest.map_or_else(String::new, |update| {
        let extra = |at: usize| update.peak[at] - update.before[at];
        let pods = if extra(0) == 1 { "1 pod".to_owned() } else { format!("{} pods", extra(0)) };
        let most = if updates.len() == 1 { "" } else { " most" };
        match extra(0) {
            0 => "none takes more room than before".to_owned(),
            _ => format!("it takes{most} {pods}, {} CPU and {} MiB beside", thousandths(extra(1)), extra(2) >> 20),
        }
    });
    let all = if updates.len() == 1 {
        format!("the rollout of {} finishes", label(plan, updates[0].object))
    } else {
        format!("all {} rollouts finish", updates.len())
    };
    let late: Vec<String> =
        updates.iter().filter(|update| update.timed_out).map(|update| label(plan, update.object)).collect();
    let late = match late.as_slice() {
        [] => String::new(),
        _ => format!("; but {} first exceeded its progressDeadlineSeconds, where kubectl gives up", late.join(", ")),
    };
    format!("Yes: {all}, {slow}; {extra}{late}.")
}

#[allow(clippy::cast_precision_loss, reason = "for people")]
fn thousandths(number: i64) -> f64 {
    number as f64 / 1000.0
}

fn picture(plan: &Plan, at: SimTime, updates: &[Update]) -> Picture {
    let names = updates.iter().map(|update| label(plan, update.object)).collect();
    let seconds = |update: &Update| update.done.map_or(0.0, |done| (done - at).as_secs_f64());
    let stuck = updates.iter().filter(|update| update.done.is_none()).count();
    let subtitle =
        if stuck == 0 { "all finish".to_owned() } else { format!("{stuck} of {} do not finish (0)", updates.len()) };
    let series = vec![("seconds".to_owned(), updates.iter().map(seconds).collect())];
    let shape = PictureShape::Bars { axis: "seconds until the rollout has finished".to_owned(), names, series };
    Picture { title: format!("{}: rolling updates", plan.name), subtitle, shape }
}
