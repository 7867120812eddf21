//! Pods: their line in the list, and the object with its status. Mirrors pkg/printers/internalversion/printers.go
//! (printPod) and pkg/kubelet/kubelet_pods.go, v1.34.

use serde_json::{Map, Value, json};

use super::{Item, Source, View, address, defaults};
use crate::api::PodRef;
use crate::base::{SimTime, hex};
use crate::kubelet::backoff::crash_loop_message;
use crate::kubelet::conditions::{self, ConditionInput};
use crate::kubelet::containers::Observed;
use crate::model::strings::known;
use crate::model::{
    COMPLETION_INDEX, ConditionStatus, ContainerSpec, ContainerState, ContainerStatus, PodCondition, PodConditionType,
    PodNaming, PodTemplate, PodUid, StrId, Taint, TaintEffect, Toleration, TolerationOperator,
};
use crate::record::{KubeEvent, Subject};

impl View<'_> {
    /// Existing pods in the order of their creation.
    pub(super) fn pod_refs(&self) -> Vec<PodRef> {
        let mut pods: Vec<PodRef> = self.simulation.cluster().pods().iter().collect();
        pods.sort_unstable_by_key(|pod| pod.uid);
        pods
    }

    pub(super) fn pods(&self) -> Vec<Item> {
        self.pod_refs().into_iter().map(|pod| self.pod_item(pod)).collect()
    }

    fn pod_item(&self, pod: PodRef) -> Item {
        let row = self.simulation.pod_row(pod, self.now);
        let none = || "<none>".to_owned();
        let cells = vec![
            row.name.clone(),
            row.ready,
            row.status,
            row.restarts,
            self.age(self.simulation.cluster().pods().created(pod.pod)),
            row.ip.unwrap_or_else(none),
            row.node.map_or_else(none, |node| self.text(node).to_owned()),
            self.nominated(pod).unwrap_or_else(none),
            self.gates(pod).unwrap_or_else(none),
        ];
        Item {
            source: Source::Pod(pod),
            namespace: self.text(row.namespace).to_owned(),
            name: row.name,
            labels: self.label_map(self.simulation.cluster().pods().template(pod.pod)),
            cells,
        }
    }

    /// How many readiness gates are open, if there are some. Nobody opens any.
    fn gates(&self, pod: PodRef) -> Option<String> {
        let gates = self.written_pod(pod)["spec"]["readinessGates"].as_array()?.len();
        (gates > 0).then(|| format!("0/{gates}"))
    }

    pub(super) fn template(&self, pod: PodRef) -> &PodTemplate {
        &self.plan().templates[self.simulation.cluster().pods().template(pod.pod)]
    }

    /// The node that evictions make room on for a pod without a node.
    fn nominated(&self, pod: PodRef) -> Option<String> {
        let pods = self.simulation.cluster().pods();
        let node = pods.nominated_node(pod.pod).filter(|_| pods.node(pod.pod).is_none())?;
        Some(self.text(self.simulation.cluster().nodes().get(node).name).to_owned())
    }

    fn is_generated(&self, pod: PodRef) -> bool {
        matches!(self.template(pod).naming, PodNaming::Generated(_) | PodNaming::Index(..))
    }

    fn written_pod(&self, pod: PodRef) -> &Value {
        const NOTHING: &Value = &Value::Null;
        // A variation is written where its template is.
        let template = self.simulation.recorder().pods()[pod.uid].template;
        self.written.templates.get(template).unwrap_or(NOTHING)
    }

    /// Namespace and name.
    pub(super) fn pod_name(&self, uid: PodUid) -> (String, String) {
        let record = self.simulation.recorder().pods()[uid];
        let workload = &self.plan().workloads[record.workload];
        let given = self.simulation.recorder().given_name(&record).map(str::to_owned);
        let name = given.unwrap_or_else(|| workload.pod_name(&self.plan().strings, record.ordinal));
        (self.text(workload.namespace).to_owned(), name)
    }

    pub(super) fn pod_object(&self, pod: PodRef) -> Value {
        let pods = self.simulation.cluster().pods();
        let (namespace, name) = self.pod_name(pod.uid);
        let written = self.written_pod(pod);
        let created = pods.created(pod.pod);
        let mut meta = self.metadata(&pod.uid.uuid(), Some(&namespace), &name, created, written);
        meta.insert("generation".into(), json!(if pods.deleting(pod.pod) { 2 } else { 1 }));
        if let Some(owned) = pods.owned(pod.pod) {
            let labels = self.label_map(pods.template(pod.pod)).into_iter();
            meta.insert("labels".into(), labels.map(|(key, value)| (key, Value::from(value))).collect());
            meta.insert("ownerReferences".into(), self.owner_reference(owned.object));
            if self.index(pod).is_some() {
                let annotations = meta.entry("annotations").or_insert_with(|| json!({}));
                annotations[COMPLETION_INDEX] = owned.member.to_string().into();
            }
            if let Some((base, _)) = name.rsplit_once('-').filter(|_| self.is_generated(pod)) {
                meta.insert("generateName".into(), format!("{base}-").into());
            }
        }
        if let (Some(at), Some(grace)) = (pods.deletion_timestamp(pod.pod), pods.deletion_grace_seconds(pod.pod)) {
            meta.insert("deletionTimestamp".into(), at.rfc3339().into());
            meta.insert("deletionGracePeriodSeconds".into(), grace.into());
        }
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": meta,
            "spec": self.pod_spec(pod),
            "status": self.pod_status(pod),
        })
    }

    /// The completion index of a pod of an indexed Job.
    fn index(&self, pod: PodRef) -> Option<u32> {
        let cluster = self.simulation.cluster();
        let owned = cluster.pods().owned(pod.pod)?;
        let job = cluster.objects().get(owned.object).spec.job()?;
        job.indexed.then_some(owned.member)
    }

    /// The spec as it was written, with defaults, what admission adds, and the node.
    fn pod_spec(&self, pod: PodRef) -> Value {
        let template = self.template(pod);
        let class = &self.plan().classes[template.class];
        let mut spec = self.written_pod(pod)["spec"].as_object().cloned().unwrap_or_default();
        defaults::pod_spec(&mut spec);
        spec.insert("priority".into(), class.priority.into());
        let tolerations: Vec<Value> = class.tolerations.iter().map(|one| self.toleration(one)).collect();
        spec.insert("tolerations".into(), tolerations.into());
        if spec.remove("schedulingGates").is_some() && !class.scheduling_gates.is_empty() {
            let gates: Vec<Value> =
                class.scheduling_gates.iter().map(|&gate| json!({"name": self.text(gate)})).collect();
            spec.insert("schedulingGates".into(), gates.into());
        }
        if self.index(pod).is_some() {
            let field = json!({ "apiVersion": "v1", "fieldPath": format!("metadata.labels['{COMPLETION_INDEX}']") });
            let variable = json!({ "name": "JOB_COMPLETION_INDEX", "valueFrom": { "fieldRef": field } });
            for list in ["initContainers", "containers"] {
                for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                    let Some(container) = container.as_object_mut() else { continue };
                    let env = container.entry("env").or_insert_with(|| json!([]));
                    let Some(env) = env.as_array_mut() else { continue };
                    if env.iter().all(|one| one["name"] != variable["name"]) {
                        env.push(variable.clone());
                    }
                }
            }
        }
        if let Some(node) = self.simulation.cluster().pods().node(pod.pod) {
            spec.insert("nodeName".into(), self.text(self.simulation.cluster().nodes().get(node).name).into());
        }
        spec.into()
    }

    fn toleration(&self, toleration: &Toleration) -> Value {
        let mut out = Map::new();
        if let Some(key) = toleration.key {
            out.insert("key".into(), self.text(key).into());
        }
        match toleration.operator {
            TolerationOperator::Exists => out.insert("operator".into(), "Exists".into()),
            TolerationOperator::Equal(value) => {
                out.insert("operator".into(), "Equal".into());
                out.insert("value".into(), self.text(value).into())
            }
        };
        if let Some(effect) = toleration.effect {
            out.insert("effect".into(), effect_text(effect).into());
        }
        if let Some(seconds) = toleration.seconds {
            out.insert("tolerationSeconds".into(), seconds.into());
        }
        out.into()
    }

    pub(super) fn taint(&self, taint: &Taint, since: SimTime) -> Value {
        let mut out = Map::new();
        out.insert("effect".into(), effect_text(taint.effect).into());
        out.insert("key".into(), self.text(taint.key).into());
        if taint.value != known::EMPTY {
            out.insert("value".into(), self.text(taint.value).into());
        }
        if taint.effect == TaintEffect::NoExecute {
            out.insert("timeAdded".into(), since.rfc3339().into());
        }
        out.into()
    }

    fn pod_status(&self, pod: PodRef) -> Value {
        let pods = self.simulation.cluster().pods();
        let (slot, template) = (pod.pod, self.template(pod));
        let mut status = Map::new();
        status.insert("phase".into(), pods.phase(slot).text().into());
        status.insert("qosClass".into(), template.qos.text().into());
        if pods.reason(slot) != known::EMPTY {
            status.insert("reason".into(), self.text(pods.reason(slot)).into());
            if let Some(message) = self.pod_message(pod.uid, pods.reason(slot)) {
                status.insert("message".into(), message.into());
            }
        }
        let stored = template.containers.iter().zip(pods.containers(slot));
        let statuses: Vec<ContainerStatus> = stored.map(|(spec, status)| status.unpack(spec.name)).collect();
        status.insert("conditions".into(), self.conditions(pod, &statuses).into());
        let Some(started) = pods.started(slot) else { return status.into() };
        status.insert("startTime".into(), started.rfc3339().into());
        if let Some(node) = pods.node(slot) {
            let address = self.node_address(node);
            status.insert("hostIPs".into(), json!([{ "ip": address }]));
            status.insert("hostIP".into(), address.into());
        }
        if let Some(address) = self.simulation.pod_row(pod, self.now).ip {
            status.insert("podIPs".into(), json!([{ "ip": address }]));
            status.insert("podIP".into(), address.into());
        }
        let of = |(index, (spec, status)): (usize, (&ContainerSpec, &ContainerStatus))| {
            self.container_status(pod, u16::try_from(index).unwrap_or(u16::MAX), spec, status)
        };
        let mut all: Vec<Value> = template.containers.iter().zip(&statuses).enumerate().map(of).collect();
        let mut main = all.split_off(template.init_count());
        // The kubelet sorts the statuses of main containers by name.
        main.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
        if !all.is_empty() {
            status.insert("initContainerStatuses".into(), all.into());
        }
        status.insert("containerStatuses".into(), main.into());
        status.into()
    }

    /// What the component that ended the pod said about it.
    fn pod_message(&self, pod: PodUid, reason: StrId) -> Option<String> {
        let wanted = self.text(reason);
        let told = self.told.iter().rev();
        let mut of_pod = told.filter(|event| event.subject == Subject::Pod(pod));
        Some(of_pod.find(|event| event.event.reason() == wanted)?.message.clone())
    }

    fn conditions(&self, pod: PodRef, statuses: &[ContainerStatus]) -> Vec<Value> {
        let pods = self.simulation.cluster().pods();
        let template = self.template(pod);
        let observed: Vec<Observed<'_>> = template
            .containers
            .iter()
            .zip(statuses)
            .map(|(spec, status)| Observed { name: spec.name, role: spec.role, restart: None, status: Some(status) })
            .collect();
        let phase = pods.phase(pod.pod);
        let input = ConditionInput { containers: &observed, statuses_known: true, phase, gates: &[] };
        let one = |kind: PodConditionType| {
            let condition @ PodCondition { status, reason } = pods.conditions(pod.pod).get(kind)?;
            let mut out = Map::new();
            out.insert("lastProbeTime".into(), Value::Null);
            out.insert("lastTransitionTime".into(), pods.transition(pod.pod, kind)?.rfc3339().into());
            out.insert("type".into(), kind.text().into());
            out.insert("status".into(), status.text().into());
            if reason != known::EMPTY {
                out.insert("reason".into(), self.text(reason).into());
            }
            let message = match kind {
                _ if status == ConditionStatus::True => String::new(),
                PodConditionType::PodScheduled => {
                    let error = self.simulation.scheduler().last_error(pod);
                    error.map_or_else(String::new, |error| error.message(&self.plan().strings))
                }
                _ => conditions::message(condition, &input, &self.plan().strings),
            };
            if !message.is_empty() {
                out.insert("message".into(), message.into());
            }
            Some(out.into())
        };
        PodConditionType::ALL.into_iter().filter_map(one).collect()
    }

    fn container_status(&self, pod: PodRef, index: u16, spec: &ContainerSpec, status: &ContainerStatus) -> Value {
        let restarts = status.restart_count;
        let waits = matches!(status.state, ContainerState::Waiting { .. } | ContainerState::Unset);
        let newest = match status.last_state {
            ContainerState::Terminated(_) if waits => Some(restarts),
            _ if waits => None,
            _ => Some(restarts),
        };
        let id = |instance: u32| format!("containerd://{}", hex(&format!("{} {index} {instance}", pod.uid.uuid())));
        let image = self.text(self.plan().images[spec.image].name);
        let mut out = Map::new();
        let message = match status.state {
            ContainerState::Waiting { reason } => self.waiting_message(pod, index, spec, reason),
            _ => None,
        };
        let previous = if waits { newest } else { restarts.checked_sub(1) };
        out.insert("containerID".into(), newest.map(id).unwrap_or_default().into());
        out.insert("image".into(), image.into());
        out.insert("imageID".into(), newest.map(|_| image_id(image)).unwrap_or_default().into());
        out.insert("lastState".into(), self.state(&status.last_state, previous.map(id), None));
        out.insert("name".into(), self.text(spec.name).into());
        out.insert("ready".into(), status.ready.into());
        out.insert("restartCount".into(), restarts.into());
        out.insert("started".into(), status.started.unwrap_or(false).into());
        out.insert("state".into(), self.state(&status.state, newest.map(id), message));
        out.into()
    }

    fn state(&self, state: &ContainerState, id: Option<String>, message: Option<String>) -> Value {
        match state {
            ContainerState::Unset => json!({}),
            ContainerState::Waiting { reason } => {
                let mut out = Map::new();
                out.insert("reason".into(), self.text(*reason).into());
                if let Some(message) = message {
                    out.insert("message".into(), message.into());
                }
                json!({ "waiting": out })
            }
            ContainerState::Running { started_at } => json!({ "running": { "startedAt": started_at.rfc3339() } }),
            ContainerState::Terminated(end) => {
                let time = |at: SimTime| if at.0 <= 0 { Value::Null } else { at.rfc3339().into() };
                json!({ "terminated": {
                    "containerID": id.unwrap_or_default(),
                    "exitCode": end.exit_code,
                    "finishedAt": time(end.finished_at),
                    "reason": self.text(end.reason),
                    "startedAt": time(end.started_at),
                } })
            }
        }
    }

    /// Why a container waits, in words.
    fn waiting_message(&self, pod: PodRef, index: u16, spec: &ContainerSpec, reason: StrId) -> Option<String> {
        let event = match reason {
            known::CRASH_LOOP_BACK_OFF => {
                let (namespace, name) = self.pod_name(pod.uid);
                let back_off = self.simulation.kubelets().crash_loop_back_off(pod, index)?;
                let pod = format!("{name}_{namespace}({})", pod.uid.uuid());
                return Some(crash_loop_message(&back_off, spec.name, &pod, &self.plan().strings));
            }
            known::IMAGE_PULL_BACK_OFF => {
                let image = self.text(self.plan().images[spec.image].name);
                return Some(format!("Back-off pulling image \"{image}\""));
            }
            known::ERR_IMAGE_PULL => KubeEvent::FailedPull,
            known::ERR_IMAGE_NEVER_PULL => KubeEvent::ErrImageNeverPull,
            known::INVALID_IMAGE_NAME => KubeEvent::InspectFailed,
            known::EMPTY | known::CONTAINER_CREATING | known::POD_INITIALIZING => return None,
            _ => KubeEvent::Failed,
        };
        let about = [Subject::Container(pod.uid, index), Subject::Pod(pod.uid)];
        let told = self.told.iter().rev().find(|told| told.event == event && about.contains(&told.subject))?;
        Some(told.message.strip_prefix("Error: ").unwrap_or(&told.message).to_owned())
    }

    /// The node's address, made up.
    pub(super) fn node_address(&self, node: crate::model::NodeId) -> String {
        address([172, 18, 0, 2], node.raw())
    }
}

/// A digest made up from the image's name.
fn image_id(image: &str) -> String {
    let name = image.split('@').next().unwrap_or(image);
    let name = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    format!("{name}@sha256:{}", hex(image))
}

pub(super) const fn effect_text(effect: TaintEffect) -> &'static str {
    match effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    }
}
