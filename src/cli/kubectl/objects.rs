//! Deployments, Jobs and their kin: their lines in lists and their objects. Mirrors
//! pkg/printers/internalversion/printers.go (printDeployment, printReplicaSet, printJob, ...), v1.34.

use serde_json::{Map, Value, json};

use super::{Item, Source, View, labels_of, text_of};
use crate::api::ObjectRow;
use crate::base::{Quantity, SimTime, uuid};
use crate::model::budget::BudgetBound;
use crate::model::objects::{JobConditionType, ObjectCondition, ObjectKind, ObjectSpec, ObjectStatus};
use crate::model::{COMPLETION_INDEX, IntOrPercent, Namespace, ObjectId, PodNaming, StrId};

/// What users call it: plural, singular, short forms.
pub(super) const fn names(kind: ObjectKind) -> &'static [&'static str] {
    match kind {
        ObjectKind::ReplicationController => &["replicationcontrollers", "replicationcontroller", "rc"],
        ObjectKind::ReplicaSet => &["replicasets", "replicaset", "rs", "replicasets.apps", "replicaset.apps"],
        ObjectKind::Deployment => &["deployments", "deployment", "deploy", "deployments.apps", "deployment.apps"],
        ObjectKind::StatefulSet => &["statefulsets", "statefulset", "sts", "statefulsets.apps", "statefulset.apps"],
        ObjectKind::DaemonSet => &["daemonsets", "daemonset", "ds", "daemonsets.apps", "daemonset.apps"],
        ObjectKind::Job => &["jobs", "job", "jobs.batch", "job.batch"],
        ObjectKind::CronJob => &["cronjobs", "cronjob", "cj", "cronjobs.batch", "cronjob.batch"],
        ObjectKind::HorizontalPodAutoscaler => {
            &["horizontalpodautoscalers", "horizontalpodautoscaler", "hpa", "horizontalpodautoscalers.autoscaling"]
        }
        ObjectKind::PodDisruptionBudget => {
            &["poddisruptionbudgets", "poddisruptionbudget", "pdb", "poddisruptionbudgets.policy"]
        }
        ObjectKind::ResourceQuota => &["resourcequotas", "resourcequota", "quota"],
        ObjectKind::LimitRange => &["limitranges", "limitrange", "limits"],
        ObjectKind::Namespace => &["namespaces", "namespace", "ns"],
    }
}

/// Columns of its table; `true`: only in the wide one.
pub(super) const fn columns(kind: ObjectKind) -> &'static [(&'static str, bool)] {
    match kind {
        ObjectKind::ReplicationController | ObjectKind::ReplicaSet => &[
            ("NAME", false),
            ("DESIRED", false),
            ("CURRENT", false),
            ("READY", false),
            ("AGE", false),
            ("CONTAINERS", true),
            ("IMAGES", true),
            ("SELECTOR", true),
        ],
        ObjectKind::Deployment => &[
            ("NAME", false),
            ("READY", false),
            ("UP-TO-DATE", false),
            ("AVAILABLE", false),
            ("AGE", false),
            ("CONTAINERS", true),
            ("IMAGES", true),
            ("SELECTOR", true),
        ],
        ObjectKind::StatefulSet => {
            &[("NAME", false), ("READY", false), ("AGE", false), ("CONTAINERS", true), ("IMAGES", true)]
        }
        ObjectKind::DaemonSet => &[
            ("NAME", false),
            ("DESIRED", false),
            ("CURRENT", false),
            ("READY", false),
            ("UP-TO-DATE", false),
            ("AVAILABLE", false),
            ("NODE SELECTOR", false),
            ("AGE", false),
            ("CONTAINERS", true),
            ("IMAGES", true),
            ("SELECTOR", true),
        ],
        ObjectKind::Job => &[
            ("NAME", false),
            ("STATUS", false),
            ("COMPLETIONS", false),
            ("DURATION", false),
            ("AGE", false),
            ("CONTAINERS", true),
            ("IMAGES", true),
        ],
        ObjectKind::CronJob => &[
            ("NAME", false),
            ("SCHEDULE", false),
            ("TIMEZONE", false),
            ("SUSPEND", false),
            ("ACTIVE", false),
            ("LAST SCHEDULE", false),
            ("AGE", false),
            ("CONTAINERS", true),
            ("IMAGES", true),
        ],
        ObjectKind::HorizontalPodAutoscaler => &[
            ("NAME", false),
            ("REFERENCE", false),
            ("MINPODS", false),
            ("MAXPODS", false),
            ("REPLICAS", false),
            ("AGE", false),
        ],
        ObjectKind::PodDisruptionBudget => &[
            ("NAME", false),
            ("MIN AVAILABLE", false),
            ("MAX UNAVAILABLE", false),
            ("ALLOWED DISRUPTIONS", false),
            ("AGE", false),
        ],
        ObjectKind::ResourceQuota => &[("NAME", false), ("REQUEST", false), ("LIMIT", false), ("AGE", false)],
        ObjectKind::LimitRange => &[("NAME", false), ("CREATED AT", false)],
        ObjectKind::Namespace => &[("NAME", false), ("STATUS", false), ("AGE", false)],
    }
}

impl View<'_> {
    /// The objects of a kind.
    pub(super) fn objects_of(&self, kind: ObjectKind) -> Vec<Item> {
        let objects = self.simulation.cluster().objects();
        if kind == ObjectKind::Namespace && !objects.knows_namespaces() {
            return self.namespaces();
        }
        let all = objects.iter().filter(|(_, row)| row.kind() == kind);
        all.map(|(id, row)| {
            let (namespace, name) = (self.text(row.namespace).to_owned(), row.name.to_string());
            // Manifests of what is in no namespace are read as if they were in the default one.
            let place = if namespace.is_empty() { "default" } else { &*namespace };
            let written = self.written(kind.text(), place, &name);
            let mut labels = labels_of(written);
            if row.owner.is_some()
                && let Some(template) = row.spec.template()
            {
                labels = self.label_map(template);
            }
            Item { source: Source::Object(id), namespace, name, labels, cells: self.cells(row) }
        })
        .collect()
    }

    /// Namespaces that nothing becomes of.
    fn namespaces(&self) -> Vec<Item> {
        let item = |of: &Namespace| {
            let pairs = of.labels.pairs().iter();
            let labels = pairs.map(|&(key, value)| (self.text(key).to_owned(), self.text(value).to_owned())).collect();
            let name = self.text(of.name).to_owned();
            let cells = vec![name.clone(), namespace_phase(false).to_owned(), self.age(self.plan().start)];
            Item { source: Source::Namespace(of.name), namespace: String::new(), name, labels, cells }
        };
        self.plan().namespaces.iter().map(item).collect()
    }

    pub(super) fn namespace_object(&self, name: StrId) -> Value {
        let text = self.text(name);
        let written = self.written("Namespace", "default", text);
        let meta = self.metadata(&uuid(&format!("Namespace /{text}")), None, text, self.plan().start, written);
        let mut object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": meta });
        self.finish_namespace(&mut object, name, false);
        object
    }

    /// What every namespace has.
    fn finish_namespace(&self, object: &mut Value, name: StrId, is_deleting: bool) {
        object["metadata"]["labels"]["kubernetes.io/metadata.name"] = self.text(name).into();
        object["spec"] = json!({ "finalizers": ["kubernetes"] });
        object["status"] = json!({ "phase": namespace_phase(is_deleting) });
    }

    /// The labels of the pods of a template.
    pub(super) fn label_map(&self, template: crate::model::TemplateId) -> std::collections::BTreeMap<String, String> {
        let template = &self.plan().templates[template];
        let labels = self.plan().strings.labels(template.labels).pairs().iter();
        let labels = labels.map(|&(key, value)| (self.text(key).to_owned(), self.text(value).to_owned()));
        let PodNaming::Index(_, index) = template.naming else { return labels.collect() };
        labels.chain([(COMPLETION_INDEX.to_owned(), index.to_string())]).collect()
    }

    fn cells(&self, row: &ObjectRow) -> Vec<String> {
        let name = row.name.to_string();
        let age = self.age(row.created);
        let mut cells = match (&row.spec, &row.status) {
            (ObjectSpec::ReplicaSet(spec) | ObjectSpec::ReplicationController(spec), status) => {
                let status = status.replica_set().copied().unwrap_or_default();
                vec![name, text(spec.replicas), text(status.replicas), text(status.ready_replicas), age]
            }
            (ObjectSpec::Deployment(spec), status) => {
                let status = status.deployment().cloned().unwrap_or_default();
                let ready = format!("{}/{}", status.ready_replicas, spec.replicas);
                vec![name, ready, text(status.updated_replicas), text(status.available_replicas), age]
            }
            (ObjectSpec::StatefulSet(spec), status) => {
                let ready = status.stateful_set().map_or(0, |status| status.ready_replicas);
                vec![name, format!("{ready}/{}", spec.replicas), age]
            }
            (ObjectSpec::DaemonSet(spec), status) => {
                let status = status.daemon_set().copied().unwrap_or_default();
                let class = &self.plan().classes[self.plan().templates[spec.template].class];
                let pairs = class.node_selector.iter();
                let selector: Vec<String> =
                    pairs.map(|&(key, value)| format!("{}={}", self.text(key), self.text(value))).collect();
                let selector = if selector.is_empty() { "<none>".to_owned() } else { selector.join(",") };
                let counts = [status.desired, status.current, status.ready, status.updated, status.available];
                let counts = counts.map(text);
                [vec![name], counts.to_vec(), vec![selector, age]].concat()
            }
            (ObjectSpec::Job(spec), status) => {
                let status = status.job().cloned().unwrap_or_default();
                let completions = match (spec.completions, spec.parallelism) {
                    (Some(all), _) => format!("{}/{all}", status.succeeded),
                    (None, many) if many > 1 => format!("{}/1 of {many}", status.succeeded),
                    (None, _) => format!("{}/1", status.succeeded),
                };
                let lasted = status.start.map(|start| {
                    let end = status.completion.unwrap_or(self.now);
                    end.since(start).human()
                });
                vec![name, job_status(&status).to_owned(), completions, lasted.unwrap_or_default(), age]
            }
            (ObjectSpec::CronJob(spec), status) => {
                let status = status.cron_job().cloned().unwrap_or_default();
                let capital = |on: bool| if on { "True" } else { "False" }.to_owned();
                vec![
                    name,
                    spec.schedule.to_string(),
                    spec.time_zone.as_deref().unwrap_or("<none>").to_owned(),
                    capital(spec.suspend),
                    status.active.len().to_string(),
                    status.last_schedule.map_or_else(|| "<none>".to_owned(), |at| self.age(at)),
                    age,
                ]
            }
            (ObjectSpec::HorizontalPodAutoscaler(spec), status) => {
                let replicas = status.autoscaler().map_or(0, |status| status.current_replicas);
                let (kind, target) = (spec.target.0.map_or("?", ObjectKind::text), self.text(spec.target.1));
                let (least, most) = (text(spec.min_replicas), text(spec.max_replicas));
                vec![name, format!("{kind}/{target}"), least, most, text(replicas), age]
            }
            (ObjectSpec::PodDisruptionBudget(spec), status) => {
                let allowed = status.budget().map_or(0, |status| status.disruptions_allowed);
                let (least, most) = match &spec.bound {
                    Some(BudgetBound::MinAvailable(bound)) => (bound_text(bound), "N/A".to_owned()),
                    Some(BudgetBound::MaxUnavailable(bound)) => ("N/A".to_owned(), bound_text(bound)),
                    None => ("N/A".to_owned(), "N/A".to_owned()),
                };
                vec![name, least, most, text(allowed), age]
            }
            (ObjectSpec::ResourceQuota(_), status) => {
                let status = status.quota().cloned().unwrap_or_default();
                let part = |(resource, hard): (&str, Quantity)| {
                    format!("{resource}: {}/{hard}", status.used.get(resource).unwrap_or_default())
                };
                let (limits, requests): (Vec<_>, Vec<_>) =
                    status.hard.iter().partition(|(resource, _)| resource.starts_with("limits."));
                let told = |parts: Vec<_>| parts.into_iter().map(part).collect::<Vec<_>>().join(", ");
                vec![name, told(requests), told(limits), age]
            }
            (ObjectSpec::LimitRange(_), _) => vec![name, row.created.floor_seconds().rfc3339()],
            (ObjectSpec::Namespace(_), _) => vec![name, namespace_phase(row.deleting.is_some()).to_owned(), age],
        };
        if let Some(template) = row.spec.template() {
            let template = &self.plan().templates[template];
            let main = &template.containers[template.init_count()..];
            let list = |texts: Vec<&str>| texts.join(",");
            cells.push(list(main.iter().map(|spec| self.text(spec.name)).collect()));
            cells.push(list(main.iter().map(|spec| self.text(self.plan().images[spec.image].name)).collect()));
            cells.push(self.selector_text(row));
        }
        cells
    }

    /// The selector as it is written, or `<none>`.
    pub(super) fn selector_text(&self, row: &ObjectRow) -> String {
        let object = self.written_or_made(row);
        let selector = &object["spec"]["selector"];
        let pairs = selector["matchLabels"].as_object().or_else(|| selector.as_object());
        let pairs = pairs.into_iter().flatten().filter(|(_, value)| !value.is_array());
        let texts: Vec<String> = pairs.map(|(key, value)| format!("{key}={}", text_of(value))).collect();
        if texts.is_empty() { "<none>".to_owned() } else { texts.join(",") }
    }

    /// The object as its manifest has it; what a Deployment or a CronJob made is derived from theirs.
    fn written_or_made(&self, row: &ObjectRow) -> Value {
        let namespace = self.text(row.namespace);
        let written = self.written(row.kind().text(), namespace, &row.name);
        let Some(owner) = row.owner.filter(|_| written.is_null()) else { return written.clone() };
        let owner = self.simulation.cluster().objects().get(owner);
        let made_from = self.written_or_made(owner);
        let mut spec = made_from["spec"].clone();
        match row.kind() {
            ObjectKind::Job => spec = made_from["spec"]["jobTemplate"]["spec"].clone(),
            ObjectKind::ReplicaSet => {
                if let Some(spec) = spec.as_object_mut() {
                    spec.retain(|key, _| ["minReadySeconds", "replicas", "selector", "template"].contains(&&**key));
                }
                let hash = row.name.strip_prefix(&*owner.name).and_then(|rest| rest.strip_prefix('-'));
                let hash = hash.unwrap_or_default();
                for labels in ["/selector/matchLabels", "/template/metadata/labels"] {
                    if let Some(labels) = spec.pointer_mut(labels).and_then(Value::as_object_mut) {
                        labels.insert("pod-template-hash".into(), hash.into());
                    }
                }
            }
            _ => {}
        }
        let labels = spec["template"]["metadata"]["labels"].clone();
        json!({ "metadata": { "labels": labels }, "spec": spec })
    }

    /// The object as the API would give it.
    pub(super) fn controller_object(&self, id: ObjectId) -> Value {
        let row = self.simulation.cluster().objects().get(id);
        let (namespace, kind) = (self.text(row.namespace), row.kind());
        let namespace = Some(namespace).filter(|text| !text.is_empty());
        let written = self.written_or_made(row);
        let mut meta = self.metadata(&self.object_uid(id), namespace, &row.name, row.created, &written);
        if let Some(at) = row.deleting {
            meta.insert("deletionTimestamp".into(), at.rfc3339().into());
        }
        if let ObjectSpec::Namespace(name) = row.spec {
            let mut object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": meta });
            self.finish_namespace(&mut object, name, row.deleting.is_some());
            return object;
        }
        meta.insert("generation".into(), row.generation.into());
        let revisions = self.annotations_of(row);
        if !revisions.is_empty() {
            let annotations = meta.entry("annotations").or_insert_with(|| json!({}));
            revisions.into_iter().for_each(|(key, value)| annotations[key] = value.into());
        }
        if let Some(owner) = row.owner {
            meta.insert("ownerReferences".into(), self.owner_reference(owner));
        }
        let mut spec = written["spec"].as_object().cloned().unwrap_or_default();
        if let Some(replicas) = row.spec.replicas() {
            spec.insert("replicas".into(), replicas.into());
        }
        if let ObjectSpec::Job(job) = &row.spec {
            self.finish_job(id, job.selector.is_none(), &mut spec);
        }
        let mut object =
            json!({ "apiVersion": kind.api_version(), "kind": kind.text(), "metadata": meta, "spec": spec });
        let status = self.status_object(row);
        if !status.is_empty() {
            object["status"] = status.into();
        }
        object
    }

    /// Annotations of Deployments and their ReplicaSets.
    fn annotations_of(&self, row: &ObjectRow) -> Vec<(String, String)> {
        let objects = self.simulation.cluster().objects();
        let revision = match &row.spec {
            ObjectSpec::ReplicaSet(set) => set.revision,
            ObjectSpec::Deployment(spec) => {
                let sets = row.children().iter().filter_map(|&set| objects.get(set).spec.replica_set());
                sets.filter(|set| set.template_hash == spec.template_hash).map(|set| set.revision).max().unwrap_or(0)
            }
            _ => return Vec::new(),
        };
        let set = row.spec.replica_set();
        let numbers = [
            ("desired-replicas", set.and_then(|set| set.desired_replicas).map(i64::from)),
            ("max-replicas", set.and_then(|set| set.max_replicas).map(i64::from)),
            ("revision", Some(revision).filter(|revision| *revision > 0)),
        ];
        let told = numbers.into_iter().filter_map(|(key, number)| Some((key, number?)));
        told.map(|(key, number)| (format!("deployment.kubernetes.io/{key}"), number.to_string())).collect()
    }

    /// What the API server adds to a Job: the labels of its pods and the selector for them.
    fn finish_job(&self, id: ObjectId, is_generated: bool, spec: &mut Map<String, Value>) {
        let (uid, name) = (self.object_uid(id), self.simulation.cluster().objects().get(id).name.to_string());
        if is_generated {
            spec.insert("selector".into(), json!({ "matchLabels": { "batch.kubernetes.io/controller-uid": uid } }));
        }
        let template = spec.entry("template").or_insert_with(|| json!({}));
        if !template["metadata"]["labels"].is_object() {
            template["metadata"]["labels"] = json!({});
        }
        let labels = &mut template["metadata"]["labels"];
        for prefix in ["batch.kubernetes.io/", ""] {
            labels[format!("{prefix}controller-uid")] = uid.clone().into();
            labels[format!("{prefix}job-name")] = name.clone().into();
        }
    }

    fn object_uid(&self, id: ObjectId) -> String {
        self.simulation.cluster().objects().uid(id, &self.plan().strings)
    }

    /// `ownerReferences` of what an object controls.
    pub(super) fn owner_reference(&self, owner: ObjectId) -> Value {
        let row = self.simulation.cluster().objects().get(owner);
        json!([{
            "apiVersion": row.kind().api_version(),
            "blockOwnerDeletion": true,
            "controller": true,
            "kind": row.kind().text(),
            "name": &*row.name,
            "uid": self.object_uid(owner),
        }])
    }

    fn status_object(&self, row: &ObjectRow) -> Map<String, Value> {
        let mut out = Map::new();
        // Counts that are zero are left out, as the API does.
        let mut count = |key: &str, number: i32| {
            if number != 0 {
                out.insert(key.to_owned(), number.into());
            }
        };
        match &row.status {
            ObjectStatus::None => {}
            ObjectStatus::ReplicaSet(status) => {
                count("replicas", status.replicas);
                count("fullyLabeledReplicas", status.fully_labeled_replicas);
                count("readyReplicas", status.ready_replicas);
                count("availableReplicas", status.available_replicas);
                out.insert("observedGeneration".into(), status.observed_generation.into());
            }
            ObjectStatus::Deployment(status) => {
                count("replicas", status.replicas);
                count("updatedReplicas", status.updated_replicas);
                count("readyReplicas", status.ready_replicas);
                count("availableReplicas", status.available_replicas);
                count("unavailableReplicas", status.unavailable_replicas);
                out.insert("observedGeneration".into(), status.observed_generation.into());
                let conditions = [
                    ("Available", &status.available),
                    ("Progressing", &status.progressing),
                    ("ReplicaFailure", &status.replica_failure),
                ];
                let conditions: Vec<Value> =
                    conditions.iter().filter_map(|(kind, c)| c.as_ref().map(|c| condition(kind, c))).collect();
                out.insert("conditions".into(), conditions.into());
            }
            ObjectStatus::StatefulSet(status) => {
                count("replicas", status.replicas);
                count("readyReplicas", status.ready_replicas);
                count("availableReplicas", status.available_replicas);
                count("currentReplicas", status.current_replicas);
                count("updatedReplicas", status.updated_replicas);
                out.insert("observedGeneration".into(), status.observed_generation.into());
            }
            ObjectStatus::DaemonSet(status) => {
                for (key, number) in [
                    ("currentNumberScheduled", status.current),
                    ("numberMisscheduled", status.misscheduled),
                    ("desiredNumberScheduled", status.desired),
                    ("numberReady", status.ready),
                ] {
                    out.insert(key.into(), number.into());
                }
                out.insert("observedGeneration".into(), status.observed_generation.into());
            }
            ObjectStatus::Job(status) => {
                count("active", status.active);
                count("succeeded", status.succeeded);
                count("failed", status.failed);
                count("ready", status.ready);
                count("terminating", status.terminating);
                time(&mut out, "startTime", status.start);
                time(&mut out, "completionTime", status.completion);
                let conditions = status.conditions.iter().map(|condition| {
                    let at = condition.transition.rfc3339();
                    let (kind, reason) = (format!("{:?}", condition.kind), condition.reason);
                    json!({ "lastProbeTime": at, "lastTransitionTime": at, "reason": reason, "status": "True", "type": kind })
                });
                out.insert("conditions".into(), conditions.collect());
            }
            ObjectStatus::CronJob(status) => {
                time(&mut out, "lastScheduleTime", status.last_schedule);
                time(&mut out, "lastSuccessfulTime", status.last_successful);
            }
            ObjectStatus::HorizontalPodAutoscaler(status) => {
                out.insert("currentReplicas".into(), status.current_replicas.into());
                out.insert("desiredReplicas".into(), status.desired_replicas.into());
                time(&mut out, "lastScaleTime", status.last_scale);
            }
            ObjectStatus::PodDisruptionBudget(status) => {
                for (key, number) in [
                    ("currentHealthy", status.current_healthy),
                    ("desiredHealthy", status.desired_healthy),
                    ("disruptionsAllowed", status.disruptions_allowed),
                    ("expectedPods", status.expected_pods),
                ] {
                    out.insert(key.into(), number.into());
                }
            }
            ObjectStatus::ResourceQuota(status) => {
                for (key, list) in [("hard", &status.hard), ("used", &status.used)] {
                    let amounts = list.iter().map(|(name, amount)| (name.to_owned(), amount.to_string().into()));
                    out.insert(key.into(), Value::Object(amounts.collect()));
                }
            }
        }
        out
    }
}

/// `status.phase` of a namespace.
pub(super) const fn namespace_phase(is_deleting: bool) -> &'static str {
    if is_deleting { "Terminating" } else { "Active" }
}

fn text(number: i32) -> String {
    number.to_string()
}

fn bound_text(bound: &IntOrPercent) -> String {
    match bound {
        IntOrPercent::Int(number) => number.to_string(),
        IntOrPercent::Text(text) => text.to_string(),
    }
}

fn time(out: &mut Map<String, Value>, key: &str, at: Option<SimTime>) {
    if let Some(at) = at {
        out.insert(key.into(), at.rfc3339().into());
    }
}

fn condition(kind: &str, condition: &ObjectCondition) -> Value {
    json!({
        "lastTransitionTime": condition.transition.rfc3339(),
        "lastUpdateTime": condition.update.rfc3339(),
        "reason": condition.reason,
        "status": condition.status.text(),
        "type": kind,
    })
}

/// What the column STATUS of a Job says.
fn job_status(status: &crate::model::objects::JobStatus) -> &'static str {
    let has = |kind| status.has(kind);
    match () {
        () if has(JobConditionType::Complete) => "Complete",
        () if has(JobConditionType::Failed) => "Failed",
        () if has(JobConditionType::Suspended) => "Suspended",
        () if has(JobConditionType::FailureTarget) => "FailureTarget",
        () if has(JobConditionType::SuccessCriteriaMet) => "SuccessCriteriaMet",
        () => "Running",
    }
}
