//! Small runs for timelines: manifests and scenario sections as text, facts as readable lines with times relative to the
//! start. Every latency is a constant, chosen so that sums are easy to check by hand.
#![allow(dead_code)]

use std::io;
use std::path::Path;

use podsim::api::PodRef;
use podsim::base::{SimDuration, SimTime};
use podsim::model::{ContainerState, ContainerStatus, PodConditionType, PodUid};
use podsim::record::{Fact, Recording, Subject};
use podsim::sim::Simulation;
use podsim::sim::outcome::Outcome;
use podsim::sim::plan::Plan;

/// The control plane of most timelines. Nothing takes time but: a sandbox 0.5 s, a container's start 0.25 s, a pull
/// 0.5 s plus 1 s for every 100 MB (images that are not listed have 100 MB). Retries have no jitter, so they fall on the
/// first whole second that is at least 10 s later. Exits are noticed at once.
pub const EVEN: &str = r#"
[control_plane]
preset = "instant"
sandbox_start = "500ms"
container_start = "250ms"
image_manifest = "500ms"
image_bandwidth = "100M/s"
"#;

/// One node called `node-0` with plenty of everything.
pub const ONE_NODE: &str = r#"
[[node_pool]]
name = "node"
capacity = { cpu = "8", memory = "32Gi" }
"#;

/// A scenario in the making.
pub struct Scene {
    duration: String,
    manifests: String,
    sections: String,
    control_plane: String,
    nodes: String,
    files: Vec<(String, String)>,
    seed: u64,
}

impl Scene {
    /// Runs ten minutes with these manifests on one node.
    pub fn new(manifests: &str) -> Self {
        Self {
            duration: "10m".to_owned(),
            manifests: manifests.to_owned(),
            sections: String::new(),
            control_plane: EVEN.to_owned(),
            nodes: ONE_NODE.to_owned(),
            files: Vec::new(),
            seed: 1,
        }
    }

    pub fn lasts(mut self, duration: &str) -> Self {
        duration.clone_into(&mut self.duration);
        self
    }

    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Further sections.
    pub fn with(mut self, sections: &str) -> Self {
        self.sections.push_str(sections);
        self.sections.push('\n');
        self
    }

    /// Other nodes.
    pub fn nodes(mut self, nodes: &str) -> Self {
        nodes.clone_into(&mut self.nodes);
        self
    }

    /// Another control plane.
    pub fn control_plane(mut self, section: &str) -> Self {
        section.clone_into(&mut self.control_plane);
        self
    }

    /// Another key of the control plane.
    pub fn setting(mut self, line: &str) -> Self {
        self.control_plane.push_str(line);
        self.control_plane.push('\n');
        self
    }

    /// A file that the sections name.
    pub fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// The compiled plan.
    pub fn plan(&self) -> Plan {
        let toml = format!(
            "[scenario]\nduration = \"{}\"\nseed = {}\nmanifests = [\"all.yaml\"]\n{}\n{}\n{}",
            self.duration, self.seed, self.nodes, self.control_plane, self.sections
        );
        let read = |path: &Path| {
            let name = path.to_string_lossy();
            let given = self.files.iter().find(|(file, _)| *file == name).map(|(_, text)| text.clone());
            let text = given.or_else(|| (name == "all.yaml").then(|| self.manifests.clone()));
            text.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        };
        let loaded = podsim::scenario::from_text("test.toml", &toml, &read);
        let told: Vec<String> = loaded.diagnostics.iter().map(|d| format!("{}: {}", d.code.id, d.message)).collect();
        loaded.plan.unwrap_or_else(|| panic!("{told:#?}\n{toml}"))
    }

    pub fn start(&self) -> Run {
        Run::new(self.plan())
    }

    /// The whole run.
    pub fn run(&self) -> Run {
        let mut run = self.start();
        run.until(f64::MAX);
        run
    }
}

/// A run that can be looked at.
pub struct Run {
    pub sim: Simulation<Recording>,
    pub begin: SimTime,
}

impl Run {
    pub fn new(plan: Plan) -> Self {
        let begin = plan.start;
        Self { sim: Simulation::with_recorder(plan, Recording::new()), begin }
    }

    /// Runs until so many seconds after the start, inclusive.
    pub fn until(&mut self, seconds: f64) -> &mut Self {
        let end = self.begin + SimDuration::from_secs_f64(seconds.min(1e9));
        self.sim.run_until(end).expect("no limit");
        self
    }

    pub fn outcome(self) -> (Outcome, Recording) {
        self.sim.run_recorded()
    }

    fn text(&self, id: podsim::model::StrId) -> &str {
        self.sim.plan().strings.text(id)
    }

    fn pod_name(&self, uid: PodUid) -> String {
        let record = self.sim.recorder().pods()[uid];
        let plan = self.sim.plan();
        let given = record.name.map(|name| self.sim.recorder().note_text(name).to_owned());
        given.unwrap_or_else(|| plan.workloads[record.workload].pod_name(&plan.strings, record.ordinal))
    }

    /// `ReplicaSet/web`.
    fn object_name(&self, id: podsim::model::ObjectId) -> String {
        let record = self.sim.recorder().objects()[id];
        format!("{}/{}", record.kind.text(), self.sim.recorder().note_text(record.name))
    }

    fn container_name(&self, uid: PodUid, index: u16) -> String {
        let record = self.sim.recorder().pods()[uid];
        let plan = self.sim.plan();
        let spec = &plan.templates[record.template].containers[usize::from(index)];
        format!("{}/{}", self.pod_name(uid), plan.strings.text(spec.name))
    }

    fn node_name(&self, node: podsim::model::NodeId) -> &str {
        self.text(self.sim.cluster().nodes().get(node).name)
    }

    fn state(&self, state: ContainerState) -> String {
        match state {
            ContainerState::Unset => "Unset".to_owned(),
            ContainerState::Waiting { reason } => format!("Waiting {}", self.text(reason)),
            ContainerState::Running { .. } => "Running".to_owned(),
            ContainerState::Terminated(end) => format!("Terminated {} {}", self.text(end.reason), end.exit_code),
        }
    }

    fn line(&self, fact: Fact) -> String {
        match fact {
            Fact::NodeAdded(node) => format!("node {} added", self.node_name(node)),
            Fact::NodeRemoved(node) => format!("node {} removed", self.node_name(node)),
            Fact::NodeReady(node, status) => format!("node {} Ready {}", self.node_name(node), status.text()),
            Fact::NodePressure(node, pressure, on) => {
                format!("node {} {} {on}", self.node_name(node), pressure.text())
            }
            Fact::NodeCordoned(node, on) => format!("node {} cordoned {on}", self.node_name(node)),
            Fact::NodeTaint(node, taint, added) => {
                let sign = if added { '+' } else { '-' };
                format!("node {} {sign}{}:{:?}", self.node_name(node), self.text(taint.key), taint.effect)
            }
            Fact::NodeCrashed(node) => format!("node {} crashed", self.node_name(node)),
            Fact::NodeBooted(node) => format!("node {} booted", self.node_name(node)),
            Fact::PodCreated(pod) => format!("pod {} created", self.pod_name(pod)),
            Fact::PodUnschedulable(pod, note) => {
                format!("pod {} unschedulable: {}", self.pod_name(pod), self.sim.recorder().note_text(note))
            }
            Fact::PodBound(pod, node) => format!("pod {} on {}", self.pod_name(pod), self.node_name(node)),
            Fact::PodPhase(pod, phase, reason) => {
                format!("pod {} {} {}", self.pod_name(pod), phase.text(), self.text(reason)).trim_end().to_owned()
            }
            Fact::PodCondition(pod, kind, status, reason) => {
                format!("pod {} {} {} {}", self.pod_name(pod), kind.text(), status.text(), self.text(reason))
                    .trim_end()
                    .to_owned()
            }
            Fact::PodResize(pod, state) => format!("pod {} resize {}", self.pod_name(pod), state.text()),
            Fact::PodDeleting(pod, grace) => format!("pod {} deleting {grace}", self.pod_name(pod)),
            Fact::PodRemoved(pod) => format!("pod {} removed", self.pod_name(pod)),
            Fact::Container { pod, container, state, .. } => {
                format!("{} {}", self.container_name(pod, container), self.state(state))
            }
            Fact::ContainerStopping(pod, container) => format!("{} stopping", self.container_name(pod, container)),
            Fact::ContainerReady(pod, container, ready) => {
                format!("{} ready {ready}", self.container_name(pod, container))
            }
            Fact::CpuThrottled(pod, container, nanoseconds) => {
                format!("{} throttled {nanoseconds}", self.container_name(pod, container))
            }
            Fact::ImagePullStarted(pod, container) => format!("{} pull", self.container_name(pod, container)),
            Fact::ImagePullEnded(pod, container, fine) => {
                format!("{} pulled {fine}", self.container_name(pod, container))
            }
            Fact::Command(note) => format!("command {}", self.sim.recorder().note_text(note)),
            Fact::ObjectCreated(object) => format!("{} created", self.object_name(object)),
            Fact::ObjectRemoved(object) => format!("{} removed", self.object_name(object)),
            Fact::ObjectReplicas { object, wanted, current, updated, ready } => {
                format!("{} wants {wanted} has {current} updated {updated} ready {ready}", self.object_name(object))
            }
            Fact::Event { subject, event, note } => {
                let subject = match subject {
                    Subject::Pod(pod) | Subject::Container(pod, _) => self.pod_name(pod),
                    Subject::Node(node) => self.node_name(node).to_owned(),
                    Subject::Service(_) => "service".to_owned(),
                    Subject::Object(object) => self.object_name(object),
                    Subject::Claim(claim) => format!("claim {}", self.sim.recorder().note_text(claim)),
                };
                let text = self.sim.recorder().note_text(note);
                format!("event {subject} {} {}: {text}", event.kind(), event.reason())
            }
            Fact::Endpoints(service, ready, all) => {
                format!("service {} {ready}/{all}", self.text(self.sim.plan().services[service].name))
            }
            Fact::LoadBalancer(service) => {
                format!("service {} address", self.text(self.sim.plan().services[service].name))
            }
            Fact::Config(config, exists) => {
                format!("config {} {exists}", self.text(self.sim.plan().configs[config].name))
            }
            Fact::Volume { volume, node, stage } => {
                format!("volume {} {} {}", self.sim.recorder().note_text(volume), self.node_name(node), stage.text())
            }
            Fact::Claim(claim, phase) => {
                let phase = phase.map_or("removed", podsim::model::ClaimPhase::text);
                format!("claim {} {phase}", self.sim.recorder().note_text(claim))
            }
            Fact::Fault(fault, begins, _) => format!("fault {fault} {begins}"),
        }
    }

    /// Everything that happened so far, one line each: `+12.500s web/app Waiting CrashLoopBackOff`.
    pub fn lines(&self) -> Vec<String> {
        let facts = self.sim.recorder().facts().iter();
        facts.map(|&(at, fact)| format!("+{:.3}s {}", (at - self.begin).as_secs_f64(), self.line(fact))).collect()
    }

    /// When lines that begin like this happened, in seconds after the start, to the millisecond.
    pub fn times(&self, beginning: &str) -> Vec<f64> {
        let facts = self.sim.recorder().facts().iter();
        let found = facts.filter(|(_, fact)| self.line(*fact).starts_with(beginning));
        found.map(|&(at, _)| ((at - self.begin).as_secs_f64() * 1000.0).round() / 1000.0).collect()
    }

    /// When a line that begins like this happened; it must have, exactly once.
    pub fn time(&self, beginning: &str) -> f64 {
        let times = self.times(beginning);
        assert_eq!(times.len(), 1, "`{beginning}` at {times:?} in\n{}", self.lines().join("\n"));
        times[0]
    }

    /// Asserts when lines that begin like this happened.
    #[track_caller]
    pub fn expect(&self, beginning: &str, times: &[f64]) -> &Self {
        assert_eq!(self.times(beginning), times, "`{beginning}` in\n{}", self.lines().join("\n"));
        self
    }

    /// The lines of the history of one container, or of whatever begins like this, without times.
    pub fn story(&self, beginning: &str) -> Vec<String> {
        let lines = self.sim.recorder().facts().iter().map(|&(_, fact)| self.line(fact));
        lines.filter(|line| line.starts_with(beginning)).collect()
    }

    /// The existing pod called so.
    pub fn pod(&self, name: &str) -> Option<PodRef> {
        self.sim.cluster().pods().iter().find(|pod| self.pod_name(pod.uid) == name)
    }

    /// The API's status of a container: state, last state, restarts.
    pub fn status(&self, pod: &str, container: &str) -> String {
        let status = self.container(pod, container);
        let (state, last) = (self.state(status.state), self.state(status.last_state));
        format!("{state} | {last} | {}", status.restart_count)
    }

    fn container(&self, pod: &str, container: &str) -> ContainerStatus {
        let pod = self.pod(pod).expect("the pod exists");
        let pods = self.sim.cluster().pods();
        let template = &self.sim.plan().templates[pods.template(pod.pod)];
        let at = template.containers.iter().position(|spec| self.text(spec.name) == container).expect("it is there");
        pods.containers(pod.pod).nth(at).expect("one for each").unpack(template.containers[at].name)
    }

    /// Whether the API shows a condition of a pod as True.
    pub fn is(&self, pod: &str, kind: PodConditionType) -> bool {
        let pod = self.pod(pod).expect("the pod exists");
        self.sim.cluster().pods().conditions(pod.pod).is_true(kind)
    }

    /// The phase and reason that the API shows.
    pub fn phase(&self, pod: &str) -> String {
        let pod = self.pod(pod).expect("the pod exists");
        let pods = self.sim.cluster().pods();
        format!("{} {}", pods.phase(pod.pod).text(), self.text(pods.reason(pod.pod))).trim_end().to_owned()
    }
}

/// A pod with this `spec`, as flow YAML without the braces.
pub fn pod(name: &str, spec: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {name}}}}}\nspec: {{{spec}}}\n---\n")
}

/// Asserts that a number lies in a range, both ends included.
#[track_caller]
pub fn within(value: f64, from: f64, to: f64) {
    assert!(from <= value && value <= to, "{value} is not within {from} to {to}");
}
