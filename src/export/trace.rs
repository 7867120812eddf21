//! `trace.json`: the run in Chrome's trace format, for ui.perfetto.dev. Nodes are processes; pods and containers are
//! threads whose slices are states; Kubernetes Events are instants; samples are counters. Times are whole microseconds
//! since the start. Only complete slices are written, so that no begin can lack its end.

use std::io::{self, Write};

use super::Context;
use super::json::Object;
use super::lives::{PodLife, Stage, Step};
use super::names::Names;
use crate::base::SimTime;
use crate::base::id::DenseId;
use crate::model::strings::known;
use crate::model::{NodeId, PodUid};
use crate::record::{Fact, Subject};

/// What a browser still opens with ease.
const LIMIT_BYTES: usize = 64 << 20;
/// Of which slices of pods may take so much; the rest is for counters and events.
const SLICES_BYTES: usize = LIMIT_BYTES / 4 * 3;
/// With more pods than this, pods that follow each other on a node share a thread.
const NAMED_PODS: usize = 200;

const CLUSTER: i64 = 1;
const PENDING: i64 = 2;
const FIRST_NODE: i64 = 3;
/// Threads have numbers of their own, above those of all processes.
const FIRST_THREAD: i64 = 1 << 20;

/// Writes the trace; returns what a reader should know is missing.
pub(super) fn write(
    out: &mut impl Write,
    ctx: &Context<'_>,
    names: &Names<'_>,
    lives: &[PodLife],
) -> io::Result<Vec<String>> {
    let mut trace = Trace {
        out,
        ctx,
        names,
        line: Object::default(),
        bytes: 0,
        threads: FIRST_THREAD,
        slots: vec![Vec::new(); ctx.plan.nodes.len() + 2],
        known_nodes: vec![None; ctx.plan.nodes.len()],
        tracks: vec![Tracks::default(); lives.len()],
        shared: lives.len() > NAMED_PODS,
    };
    trace.out.write_all(b"{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n")?;
    trace.process(CLUSTER, "cluster")?;
    trace.process(PENDING, "pending: pods without a node")?;
    let mut notes = Vec::new();
    for (written, life) in lives.iter().enumerate() {
        if trace.bytes > SLICES_BYTES {
            notes.push(format!("trace.json holds the first {written} of {} pods, to stay below 64 MiB", lives.len()));
            break;
        }
        trace.pod(life)?;
    }
    trace.counters()?;
    notes.extend(trace.instants()?);
    let Trace { out, mut line, .. } = trace;
    line.begin().text("name", "process_labels").text("ph", "M").int("pid", CLUSTER).nest("args", |args| {
        args.text("labels", &ctx.plan.name);
    });
    out.write_all(line.finish())?;
    out.write_all(b"\n],\"otherData\":")?;
    line.begin().text("generator", "podsim").text("scenario", &ctx.plan.name);
    line.text("start", &ctx.plan.start.rfc3339()).text("digest", &ctx.outcome.digest.to_string());
    line.text("left_out", &notes.join("; "));
    out.write_all(line.finish())?;
    out.write_all(b"}\n")?;
    Ok(notes)
}

/// Where the slices of a pod are: (process, thread) while it had no node and since it has one.
#[derive(Clone, Copy, Default)]
struct Tracks {
    pending: Option<(i64, i64)>,
    placed: Option<(i64, i64)>,
    placed_from: SimTime,
}

struct Trace<'a, W> {
    out: &'a mut W,
    ctx: &'a Context<'a>,
    names: &'a Names<'a>,
    line: Object,
    bytes: usize,
    /// The next thread's number.
    threads: i64,
    /// For each process, shared threads and when they are free.
    slots: Vec<Vec<(i64, SimTime)>>,
    /// The thread of the node itself, once the node is known.
    known_nodes: Vec<Option<i64>>,
    tracks: Vec<Tracks>,
    /// Whether pods share threads.
    shared: bool,
}

impl<W: Write> Trace<'_, W> {
    fn micros(&self, at: SimTime) -> i64 {
        (at - self.ctx.plan.start).0.div_euclid(1000)
    }

    /// Writes the object in `line`.
    fn emit(&mut self) -> io::Result<()> {
        let bytes = self.line.finish();
        self.bytes += bytes.len() + 2;
        self.out.write_all(bytes)?;
        self.out.write_all(b",\n")
    }

    fn meta(&mut self, pid: i64, tid: Option<i64>, what: &str, name: &str, order: i64) -> io::Result<()> {
        for (suffix, text) in [("name", Some(name)), ("sort_index", None)] {
            self.line.begin().text("name", &format!("{what}_{suffix}")).text("ph", "M").int("pid", pid);
            if let Some(tid) = tid {
                self.line.int("tid", tid);
            }
            self.line.nest("args", |args| {
                match text {
                    Some(text) => args.text("name", text),
                    None => args.int("sort_index", order),
                };
            });
            self.emit()?;
        }
        Ok(())
    }

    fn process(&mut self, pid: i64, name: &str) -> io::Result<()> {
        self.meta(pid, None, "process", name, pid)
    }

    fn thread(&mut self, pid: i64, name: &str) -> io::Result<i64> {
        let tid = self.threads;
        self.threads += 1;
        self.meta(pid, Some(tid), "thread", name, tid)?;
        Ok(tid)
    }

    /// The process of a node and the thread of its own events.
    fn node(&mut self, node: NodeId) -> io::Result<(i64, i64)> {
        let pid = FIRST_NODE + i64::from(node.raw());
        if self.known_nodes.len() <= node.index() {
            self.known_nodes.resize(node.index() + 1, None);
            self.slots.resize(node.index() + 3, Vec::new());
        }
        if let Some(tid) = self.known_nodes[node.index()] {
            return Ok((pid, tid));
        }
        let names = self.names;
        self.process(pid, &format!("node {}", names.node(node)))?;
        let tid = self.thread(pid, "node")?;
        self.known_nodes[node.index()] = Some(tid);
        Ok((pid, tid))
    }

    /// A thread for what lasts from `from` to `to`: one of its own, or one that is free.
    fn track(&mut self, pid: i64, name: &str, from: SimTime, to: SimTime) -> io::Result<i64> {
        if !self.shared {
            return self.thread(pid, name);
        }
        let process = usize::try_from(pid - PENDING).unwrap_or(0);
        if let Some(slot) = self.slots[process].iter_mut().find(|(_, free)| *free <= from) {
            slot.1 = to;
            return Ok(slot.0);
        }
        let tid = self.thread(pid, &format!("slot {}", self.slots[process].len() + 1))?;
        self.slots[process].push((tid, to));
        Ok(tid)
    }

    fn slice(&mut self, (pid, tid): (i64, i64), name: &str, from: SimTime, to: SimTime) -> Option<&mut Object> {
        let (start, end) = (self.micros(from), self.micros(to));
        // What took less than a microsecond cannot be seen.
        (end > start).then(|| {
            let line = self.line.begin().text("name", name).text("ph", "X").int("ts", start).int("dur", end - start);
            line.int("pid", pid).int("tid", tid)
        })
    }

    fn pod(&mut self, life: &PodLife) -> io::Result<()> {
        let names = self.names;
        let name = names.pod(life.uid);
        let mut end = life.end(self.ctx.outcome.ended_at);
        if self.shared {
            // A finished pod holds nothing: the next one takes its place.
            end = end.min(life.finished.unwrap_or(end));
        }
        let bound = life.bound.unwrap_or(end);
        if bound > life.created {
            let tid = self.track(PENDING, name, life.created, bound)?;
            self.tracks[life.uid.index()].pending = Some((PENDING, tid));
            let attempts = i64::from(life.unschedulable);
            if let Some(line) = self.slice((PENDING, tid), name, life.created, bound) {
                line.nest("args", |args| {
                    args.int("failed_attempts", attempts);
                });
                self.emit()?;
            }
        }
        let Some(node) = life.node else { return Ok(()) };
        let (pid, _) = self.node(node)?;
        let tid = self.track(pid, name, bound, end)?;
        let tracks = &mut self.tracks[life.uid.index()];
        (tracks.placed, tracks.placed_from) = (Some((pid, tid)), bound);
        if let Some(line) = self.slice((pid, tid), name, bound, end) {
            line.nest("args", |args| {
                args.text("phase", life.phase.text()).text("reason", names.text(life.reason));
                args.int("restarts", i64::from(life.restarts())).int("uid", i64::from(names.uid(life.uid)));
            });
            self.emit()?;
        }
        for index in 0..life.containers.len() {
            // A pod's only container needs no thread of its own: its states lie within the pod's slice.
            let tid = if life.containers.len() == 1 {
                tid
            } else {
                let container = u16::try_from(index).map_or("?", |i| names.container(life.uid, i));
                self.track(pid, &format!("{name} · {container}"), bound, end)?
            };
            for (step, until) in life.spans(index, self.ctx.outcome.ended_at) {
                let (from, until) = (step.at.max(bound), until.min(end));
                let label = label(step, names);
                if self.slice((pid, tid), &label, from, until).is_some() {
                    self.emit()?;
                }
            }
        }
        Ok(())
    }

    fn counters(&mut self) -> io::Result<()> {
        let ctx = self.ctx;
        for (at, sample) in ctx.recording.samples() {
            let ts = self.micros(*at);
            let (requested, allocatable) = (&sample.requested, &sample.allocatable);
            self.counter(ts, "cpu, cores", |args| {
                args.number("allocatable", cores(allocatable.milli_cpu))
                    .number("requested", cores(requested.milli_cpu));
                args.number("used", cores(sample.used_milli_cpu));
            })?;
            self.counter(ts, "memory, bytes", |args| {
                args.int("allocatable", allocatable.memory).int("requested", requested.memory);
                args.int("used", sample.used_memory);
            })?;
            for &(name, amount) in &allocatable.scalar {
                let name_text = self.names.text(name);
                self.counter(ts, name_text, |args| {
                    args.int("allocatable", amount).int("requested", requested.scalar(name));
                })?;
            }
            self.counter(ts, "pods", |args| {
                args.int("unscheduled", sample.pods_unscheduled.into()).int("starting", sample.pods_starting.into());
                args.int("running", sample.pods_running.into()).int("ready", sample.pods_ready.into());
                args.int("succeeded", sample.pods_succeeded.into()).int("failed", sample.pods_failed.into());
            })?;
            self.counter(ts, "nodes", |args| {
                args.int("ready", sample.nodes_ready.into()).int("all", sample.nodes.into());
            })?;
        }
        for pair in ctx.recording.samples().windows(2) {
            let [(from, before), (to, after)] = pair else { continue };
            let seconds = (*to - *from).as_secs_f64();
            for service in &after.services {
                let Some(old) = before.services.iter().find(|s| s.service == service.service) else { continue };
                let ts = self.micros(*from);
                let name = format!("{}, requests/s", self.names.service(service.service));
                self.counter(ts, &name, |args| {
                    args.number("served", (service.served_total - old.served_total) / seconds);
                    args.number("failed", (service.failed_total - old.failed_total) / seconds);
                })?;
            }
        }
        Ok(())
    }

    fn counter(&mut self, ts: i64, name: &str, fill: impl FnOnce(&mut Object)) -> io::Result<()> {
        self.line.begin().text("name", name).text("ph", "C").int("ts", ts).int("pid", CLUSTER).nest("args", fill);
        self.emit()
    }

    /// Kubernetes Events, faults, and what happens to nodes.
    fn instants(&mut self) -> io::Result<Option<String>> {
        let ctx = self.ctx;
        let mut cluster = None;
        for (done, (at, fact)) in ctx.recording.every_fact().enumerate() {
            let (track, scope, name, kind, note) = match fact {
                Fact::Event { subject: Subject::Pod(uid) | Subject::Container(uid, _), event, note } => {
                    let Some(track) = self.pod_track(uid, at) else { continue };
                    (track, "t", event.reason(), event.kind(), Some(note))
                }
                Fact::Event { subject: Subject::Node(node), event, note } => {
                    (self.node(node)?, "t", event.reason(), event.kind_for(Subject::Node(node)), Some(note))
                }
                Fact::NodeCrashed(node) => (self.node(node)?, "p", "machine stops".to_owned(), "Warning", None),
                Fact::NodeBooted(node) => (self.node(node)?, "p", "machine boots".to_owned(), "Normal", None),
                Fact::Fault(..) | Fact::Command(_) => {
                    let tid = match cluster {
                        Some(tid) => tid,
                        None => *cluster.insert(self.thread(CLUSTER, "faults")?),
                    };
                    let (name, kind, note) = match fact {
                        Fact::Fault(_, true, note) => ("fault begins", "Warning", note),
                        Fact::Fault(_, false, note) => ("fault ends", "Warning", note),
                        Fact::Command(note) => ("command", "Normal", note),
                        _ => continue,
                    };
                    ((CLUSTER, tid), "g", name.to_owned(), kind, Some(note))
                }
                _ => continue,
            };
            let ts = self.micros(at);
            self.line.begin().text("name", &name).text("ph", "i").int("ts", ts).int("pid", track.0).int("tid", track.1);
            self.line.text("s", scope).nest("args", |args| {
                args.text("type", kind);
                if let Some(note) = note {
                    args.text("message", ctx.recording.note_text(note));
                }
            });
            self.emit()?;
            if self.bytes > LIMIT_BYTES {
                let all = ctx.recording.fact_count();
                return Ok(Some(format!("trace.json holds the Events of the first {done} of {all} facts")));
            }
        }
        Ok(None)
    }

    /// The thread that shows the pod at that time.
    fn pod_track(&self, uid: PodUid, at: SimTime) -> Option<(i64, i64)> {
        let tracks = self.tracks.get(uid.index())?;
        if at < tracks.placed_from { tracks.pending.or(tracks.placed) } else { tracks.placed.or(tracks.pending) }
    }
}

/// What a slice is called: as `kubectl describe` words states.
fn label(step: Step, names: &Names<'_>) -> String {
    let reason = names.text(step.reason);
    let with = |state: &str| if step.reason == known::EMPTY { state.to_owned() } else { format!("{state}: {reason}") };
    match step.stage {
        Stage::Unscheduled => "Waiting: no node".to_owned(),
        Stage::Creating if step.reason == known::EMPTY => "Waiting: ContainerCreating".to_owned(),
        Stage::Creating | Stage::StartError | Stage::BackOff => with("Waiting"),
        Stage::Pulling => "Waiting: pulling image".to_owned(),
        Stage::NotReady => "Running, not ready".to_owned(),
        Stage::Ready => "Running".to_owned(),
        Stage::Stopping => "Running, asked to stop".to_owned(),
        Stage::Succeeded | Stage::Failed => format!("{} (exit {})", with("Terminated"), step.exit_code),
        Stage::Lost => "Lost with its node".to_owned(),
    }
}

#[allow(clippy::cast_precision_loss, reason = "reports need no more than 15 digits")]
fn cores(milli: i64) -> f64 {
    milli as f64 / 1e3
}
