//! What ids are called. Pod names are made once, because every line of every export needs them.

use crate::base::id::DenseId;
use crate::model::{NodeId, ObjectId, PodTemplate, PodUid, ServiceId, StrId};
use crate::record::Recording;
use crate::sim::plan::Plan;

/// Texts of ids.
pub(super) struct Names<'a> {
    plan: &'a Plan,
    recording: &'a Recording,
    /// `namespace/name`, with the length of the namespace.
    pods: Vec<(Box<str>, usize)>,
}

impl<'a> Names<'a> {
    pub(super) fn new(plan: &'a Plan, recording: &'a Recording) -> Self {
        let full = |record: &crate::record::PodRecord| {
            let workload = &plan.workloads[record.workload];
            let namespace = plan.strings.text(workload.namespace);
            let name = record.name.map_or_else(
                || workload.pod_name(&plan.strings, record.ordinal),
                |name| recording.note_text(name).to_owned(),
            );
            (format!("{namespace}/{name}").into_boxed_str(), namespace.len())
        };
        Self { plan, recording, pods: recording.pods().iter().map(full).collect() }
    }

    pub(super) fn text(&self, id: StrId) -> &'a str {
        self.plan.strings.text(id)
    }

    /// `namespace/name`.
    pub(super) fn pod(&self, uid: PodUid) -> &str {
        &self.pods[uid.index()].0
    }

    pub(super) fn namespace(&self, uid: PodUid) -> &str {
        let (full, split) = &self.pods[uid.index()];
        &full[..*split]
    }

    /// The name without its namespace.
    pub(super) fn short(&self, uid: PodUid) -> &str {
        let (full, split) = &self.pods[uid.index()];
        &full[split + 1..]
    }

    pub(super) fn template(&self, uid: PodUid) -> &'a PodTemplate {
        &self.plan.templates[self.recording.pods()[uid].template]
    }

    /// Its uid in the run.
    pub(super) fn uid(&self, uid: PodUid) -> u32 {
        self.recording.pods()[uid].uid.raw()
    }

    pub(super) fn workload(&self, uid: PodUid) -> &'a str {
        self.text(self.plan.workloads[self.recording.pods()[uid].workload].name)
    }

    pub(super) fn container(&self, uid: PodUid, index: u16) -> &'a str {
        self.template(uid).containers.get(usize::from(index)).map_or("?", |spec| self.text(spec.name))
    }

    pub(super) fn node(&self, id: NodeId) -> &'a str {
        // Nodes that came while the run went on are not in the plan.
        let late = || self.recording.nodes().get(id).map_or("?", |node| self.recording.note_text(node.name));
        self.plan.nodes.get(id.index()).map_or_else(late, |node| self.text(node.name))
    }

    /// The kind, and `namespace/name`.
    pub(super) fn object(&self, id: ObjectId) -> (&'static str, String) {
        let record = &self.recording.objects()[id];
        (record.kind.text(), format!("{}/{}", self.text(record.namespace), self.recording.note_text(record.name)))
    }

    /// `namespace/name`.
    pub(super) fn service(&self, id: ServiceId) -> String {
        let service = &self.plan.services[id];
        format!("{}/{}", self.text(service.namespace), self.text(service.name))
    }
}
