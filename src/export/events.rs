//! `events.jsonl`: every fact of a run, one JSON object a line, in the order they happened.

use std::io::{self, Write};

use super::json::{Clock, Object};
use super::names::Names;
use crate::base::SimTime;
use crate::model::{ClaimPhase, ContainerState, NodeId, ObjectId, PodUid};
use crate::record::{Fact, Recording, Subject};
use crate::sim::plan::Plan;

/// Writes every fact.
pub(super) fn write(out: &mut impl Write, plan: &Plan, recording: &Recording, names: &Names<'_>) -> io::Result<()> {
    let mut clock = Clock::default();
    let mut line = Object::default();
    for (at, fact) in recording.every_fact() {
        line.begin().int("t_ns", (at - plan.start).0).text("time", clock.text(at));
        Writer { plan, recording, names, line: &mut line, clock: Clock::default() }.fact(fact);
        out.write_all(line.finish())?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

struct Writer<'a> {
    plan: &'a Plan,
    recording: &'a Recording,
    names: &'a Names<'a>,
    line: &'a mut Object,
    clock: Clock,
}

impl Writer<'_> {
    fn kind(&mut self, kind: &str) -> &mut Object {
        self.line.text("kind", kind)
    }

    fn node(&mut self, kind: &str, node: NodeId) -> &mut Object {
        let name = self.names.node(node);
        self.kind(kind).text("node", name)
    }

    fn pod(&mut self, kind: &str, pod: PodUid) -> &mut Object {
        let names = self.names;
        self.kind(kind).text("pod", names.pod(pod)).int("uid", i64::from(names.uid(pod)))
    }

    fn object(&mut self, kind: &str, object: ObjectId) -> &mut Object {
        let (of, name) = self.names.object(object);
        self.kind(kind).text("object_kind", of).text("object", &name)
    }

    fn container(&mut self, kind: &str, pod: PodUid, container: u16) -> &mut Object {
        let name = self.names.container(pod, container);
        self.pod(kind, pod).text("container", name)
    }

    fn fact(&mut self, fact: Fact) {
        let (names, recording) = (self.names, self.recording);
        match fact {
            Fact::NodeAdded(node) => self.node("NodeAdded", node),
            Fact::NodeRemoved(node) => self.node("NodeRemoved", node),
            Fact::NodeReady(node, status) => self.node("NodeReady", node).text("status", status.text()),
            Fact::NodePressure(node, pressure, on) => self.node(pressure.text(), node).flag("on", on),
            Fact::NodeCordoned(node, on) => self.node("NodeCordoned", node).flag("unschedulable", on),
            Fact::NodeTaint(node, taint, added) => self
                .node("NodeTaint", node)
                .text("key", names.text(taint.key))
                .text("value", names.text(taint.value))
                .text("effect", &format!("{:?}", taint.effect))
                .flag("added", added),
            Fact::NodeCrashed(node) => self.node("NodeCrashed", node),
            Fact::NodeBooted(node) => self.node("NodeBooted", node),
            Fact::PodCreated(pod) => self.pod("PodCreated", pod),
            Fact::PodUnschedulable(pod, note) => {
                self.pod("PodUnschedulable", pod).text("message", recording.note_text(note))
            }
            Fact::PodBound(pod, node) => self.pod("PodBound", pod).text("node", names.node(node)),
            Fact::PodPhase(pod, phase, reason) => {
                self.pod("PodPhase", pod).text("phase", phase.text()).text("reason", names.text(reason))
            }
            Fact::PodCondition(pod, kind, status, reason) => self
                .pod("PodCondition", pod)
                .text("type", kind.text())
                .text("status", status.text())
                .text("reason", names.text(reason)),
            Fact::PodResize(pod, state) => self.pod("PodResize", pod).text("state", state.text()),
            Fact::PodDeleting(pod, grace) => self.pod("PodDeleting", pod).int("grace_seconds", grace),
            Fact::PodRemoved(pod) => self.pod("PodRemoved", pod),
            Fact::Container { pod, container, state, restarts } => {
                self.container("Container", pod, container);
                self.state(state);
                self.line.int("restarts", i64::from(restarts))
            }
            Fact::ContainerStopping(pod, container) => self.container("ContainerStopping", pod, container),
            Fact::ContainerReady(pod, container, ready) => {
                self.container("ContainerReady", pod, container).flag("ready", ready)
            }
            Fact::CpuThrottled(pod, container, nanoseconds) => self
                .container("CpuThrottled", pod, container)
                .int("nanoseconds", i64::try_from(nanoseconds).unwrap_or(i64::MAX)),
            Fact::ImagePullStarted(pod, container) => self.container("ImagePullStarted", pod, container),
            Fact::ImagePullEnded(pod, container, ok) => self.container("ImagePullEnded", pod, container).flag("ok", ok),
            Fact::ObjectCreated(object) => self.object("ObjectCreated", object),
            Fact::ObjectRemoved(object) => self.object("ObjectRemoved", object),
            Fact::ObjectReplicas { object, wanted, current, updated, ready } => self
                .object("ObjectReplicas", object)
                .int("wanted", i64::from(wanted))
                .int("current", i64::from(current))
                .int("updated", i64::from(updated))
                .int("ready", i64::from(ready)),
            Fact::Event { subject, event, note } => {
                match subject {
                    Subject::Pod(pod) | Subject::Container(pod, _) => self.pod("Event", pod),
                    Subject::Node(node) => self.node("Event", node),
                    Subject::Service(service) => self.kind("Event").text("service", &names.service(service)),
                    Subject::Object(object) => self.object("Event", object),
                    Subject::Claim(claim) => self.kind("Event").text("claim", recording.note_text(claim)),
                };
                self.line
                    .text("type", event.kind_for(subject))
                    .text("reason", &event.reason())
                    .text("message", recording.note_text(note))
            }
            Fact::Endpoints(service, ready, all) => self
                .kind("Endpoints")
                .text("service", &names.service(service))
                .int("ready", i64::from(ready))
                .int("all", i64::from(all)),
            Fact::LoadBalancer(service) => self.kind("LoadBalancer").text("service", &names.service(service)),
            Fact::Config(config, exists) => {
                let object = &self.plan.configs[config];
                let name = format!("{}/{}", names.text(object.namespace), names.text(object.name));
                self.kind("Config")
                    .text("config_kind", &format!("{:?}", object.kind))
                    .text("config", &name)
                    .flag("exists", exists)
            }
            Fact::Volume { volume, node, stage } => {
                self.node("Volume", node).text("volume", recording.note_text(volume)).text("stage", stage.text())
            }
            Fact::Claim(claim, phase) => {
                let phase = phase.map_or("Removed", ClaimPhase::text);
                self.kind("Claim").text("claim", recording.note_text(claim)).text("phase", phase)
            }
            Fact::Command(note) => self.kind("Command").text("message", recording.note_text(note)),
            Fact::Fault(index, begins, note) => self
                .kind("Fault")
                .int("fault", i64::from(index))
                .flag("begins", begins)
                .text("message", recording.note_text(note)),
        };
    }

    fn state(&mut self, state: ContainerState) {
        let names = self.names;
        match state {
            ContainerState::Unset => self.line.text("state", "Unset"),
            ContainerState::Waiting { reason } => self.line.text("state", "Waiting").text("reason", names.text(reason)),
            ContainerState::Running { started_at } => {
                let started = seconds(&mut self.clock, started_at);
                self.line.text("state", "Running").text("started_at", &started)
            }
            ContainerState::Terminated(end) => {
                let (started, finished) =
                    (seconds(&mut self.clock, end.started_at), seconds(&mut self.clock, end.finished_at));
                self.line
                    .text("state", "Terminated")
                    .text("reason", names.text(end.reason))
                    .int("exit_code", i64::from(end.exit_code))
                    .int("signal", i64::from(end.signal))
                    .text("started_at", &started)
                    .text("finished_at", &finished)
            }
        };
    }
}

/// As the API shows times: whole seconds.
fn seconds(clock: &mut Clock, at: SimTime) -> String {
    let text = clock.text(at);
    format!("{}Z", &text[..text.len() - 5])
}
