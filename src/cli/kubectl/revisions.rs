//! ControllerRevisions: the templates that StatefulSets and DaemonSets have and had. Mirrors printControllerRevision of
//! pkg/printers/internalversion/printers.go and `truncateHistory` of pkg/controller/statefulset/stateful_set_control.go, v1.34.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Item, Source, View};
use crate::api::{ObjectRow, Revision};
use crate::base::uuid;
use crate::model::ObjectId;
use crate::model::objects::ObjectKind;
use crate::model::pod::revision_text;

impl View<'_> {
    pub(super) fn revisions(&self) -> Vec<Item> {
        let objects = self.simulation.cluster().objects();
        let all = objects.iter().flat_map(|(id, row)| self.kept(id, row).into_iter().map(move |one| (id, row, one)));
        all.map(|(id, row, revision)| {
            let name = format!("{}-{}", row.name, revision_text(revision.hash));
            let kind = if row.kind() == ObjectKind::StatefulSet { "statefulset" } else { "daemonset" };
            let controller = format!("{kind}.apps/{}", row.name);
            let cells = vec![name.clone(), controller, revision.number.to_string(), self.age(revision.created)];
            let mut labels = row.spec.template().map(|template| self.label_map(template)).unwrap_or_default();
            labels.insert("controller-revision-hash".into(), self.revision_label(row, revision));
            let namespace = self.text(row.namespace).to_owned();
            Item { source: Source::Revision(id, revision), namespace, name, labels, cells }
        })
        .collect()
    }

    /// Those that live, and of the others the newest as far as the history goes.
    fn kept(&self, id: ObjectId, row: &ObjectRow) -> Vec<Revision> {
        let cluster = self.simulation.cluster();
        let limit = match (row.spec.stateful_set(), row.spec.daemon_set()) {
            (Some(set), _) => set.revision_history_limit,
            (_, Some(set)) => set.revision_history_limit,
            _ => return Vec::new(),
        };
        let of_pods = cluster.pods_of(id).map(|pod| self.plan().templates[cluster.pods().template(pod.pod)].revision);
        let mut live: BTreeSet<u64> = of_pods.collect();
        live.extend(row.status.stateful_set().map(|status| status.current_revision));
        let newest = row.revisions().iter().max_by_key(|revision| revision.number);
        live.extend(newest.map(|revision| revision.hash));
        let mut old: Vec<i64> =
            row.revisions().iter().filter(|one| !live.contains(&one.hash)).map(|one| one.number).collect();
        old.sort_unstable_by(|a, b| b.cmp(a));
        old.truncate(usize::try_from(limit).unwrap_or(0));
        let is_kept = |one: &&Revision| live.contains(&one.hash) || old.contains(&one.number);
        row.revisions().iter().filter(is_kept).copied().collect()
    }

    fn revision_label(&self, row: &ObjectRow, revision: Revision) -> String {
        let hash = revision_text(revision.hash);
        if row.kind() == ObjectKind::StatefulSet { format!("{}-{hash}", row.name) } else { hash }
    }

    pub(super) fn revision_object(&self, id: ObjectId, revision: Revision) -> Value {
        let row = self.simulation.cluster().objects().get(id);
        let (namespace, name) = (self.text(row.namespace), format!("{}-{}", row.name, revision_text(revision.hash)));
        let uid = uuid(&format!("ControllerRevision {namespace}/{name}"));
        let mut meta = self.metadata(&uid, Some(namespace), &name, revision.created, &Value::Null);
        meta.insert("labels".into(), json!({ "controller-revision-hash": self.revision_label(row, revision) }));
        meta.insert("ownerReferences".into(), self.owner_reference(id));
        json!({
            "apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": meta, "revision": revision.number,
        })
    }
}
