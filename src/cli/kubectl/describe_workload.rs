//! `kubectl describe` of what makes pods: Deployments, Jobs and their kin. Mirrors
//! staging/src/k8s.io/kubectl/pkg/describe/describe.go, v1.34.

use std::fmt::Write as _;

use serde_json::Value;

use super::describe::{line, pairs, rfc1123, several, tolerations, volumes};
use super::describe_container::containers;
use super::{View, defaults, text_of};
use crate::api::ObjectRow;
use crate::model::objects::{
    ConcurrencyPolicy, CronJobSpec, DaemonSetSpec, DeploymentSpec, DeploymentStrategy, JobSpec, ObjectSpec,
    StatefulSetSpec,
};
use crate::model::{IntOrPercent, ObjectId, Phase};

/// So many characters of a list of indexes are shown.
const INDEXES: usize = 50;

impl View<'_> {
    /// The description of an object of a controller, without its Events.
    pub(super) fn describe_object(&self, id: ObjectId) -> String {
        let row = self.simulation.cluster().objects().get(id);
        let object = self.controller_object(id);
        let mut out = String::new();
        match &row.spec {
            ObjectSpec::Deployment(spec) => self.deployment(&mut out, row, spec, &object),
            ObjectSpec::ReplicaSet(_) | ObjectSpec::ReplicationController(_) => {
                self.replica_set(&mut out, id, row, &object);
            }
            ObjectSpec::StatefulSet(spec) => self.stateful_set(&mut out, id, spec, &object),
            ObjectSpec::DaemonSet(spec) => self.daemon_set(&mut out, id, spec, &object),
            ObjectSpec::Job(spec) => self.job(&mut out, row, spec, &object),
            ObjectSpec::CronJob(spec) => self.cron_job(&mut out, row, spec, &object),
            _ => self.describe_policy(&mut out, id, row, &object),
        }
        out
    }

    fn deployment(&self, out: &mut String, row: &ObjectRow, spec: &DeploymentSpec, object: &Value) {
        names(out, object);
        created(out, object);
        labels(out, object);
        line(out, "Selector", &self.selector_text(row));
        let status = row.status.deployment().cloned().unwrap_or_default();
        let _ = writeln!(
            out,
            "Replicas:\t{} desired | {} updated | {} total | {} available | {} unavailable",
            spec.replicas,
            status.updated_replicas,
            status.replicas,
            status.available_replicas,
            status.unavailable_replicas
        );
        let rolling = match &spec.strategy {
            DeploymentStrategy::RollingUpdate { max_surge, max_unavailable } => Some((max_surge, max_unavailable)),
            DeploymentStrategy::Recreate => None,
        };
        line(out, "StrategyType", if rolling.is_some() { "RollingUpdate" } else { "Recreate" });
        line(out, "MinReadySeconds", &spec.min_ready_seconds.to_string());
        if let Some((surge, unavailable)) = rolling {
            let text = format!("{} max unavailable, {} max surge", bound(unavailable), bound(surge));
            line(out, "RollingUpdateStrategy", &text);
        }
        template(out, &object["spec"]["template"]);
        conditions(out, &object["status"]["conditions"]);
        let sets = row.children().iter().filter_map(|&set| {
            let row = self.simulation.cluster().objects().existing(set)?;
            Some((row, row.spec.replica_set()?))
        });
        let (new, old): (Vec<_>, Vec<_>) = sets.partition(|(_, set)| set.template_hash == spec.template_hash);
        let told = |sets: Vec<(&ObjectRow, &crate::model::objects::ReplicaSetSpec)>| {
            let texts = sets.iter().map(|(row, set)| {
                let there = row.status.replica_set().map_or(0, |status| status.replicas);
                format!("{} ({there}/{} replicas created)", row.name, set.replicas)
            });
            let text = texts.collect::<Vec<_>>().join(", ");
            if text.is_empty() { "<none>".to_owned() } else { text }
        };
        if !new.is_empty() || !old.is_empty() {
            line(out, "OldReplicaSets", &told(old));
            line(out, "NewReplicaSet", &told(new));
        }
    }

    fn replica_set(&self, out: &mut String, id: ObjectId, row: &ObjectRow, object: &Value) {
        names(out, object);
        line(out, "Selector", &self.selector_text(row));
        labels(out, object);
        self.controlled_by(out, row);
        let there = row.status.replica_set().map_or(0, |status| status.replicas);
        let _ = writeln!(out, "Replicas:\t{there} current / {} desired", row.spec.replicas().unwrap_or(0));
        self.pods_status(out, id);
        template(out, &object["spec"]["template"]);
        conditions(out, &object["status"]["conditions"]);
    }

    fn stateful_set(&self, out: &mut String, id: ObjectId, spec: &StatefulSetSpec, object: &Value) {
        let row = self.simulation.cluster().objects().get(id);
        names(out, object);
        created(out, object);
        line(out, "Selector", &self.selector_text(row));
        labels(out, object);
        let there = row.status.stateful_set().map_or(0, |status| status.replicas);
        let _ = writeln!(out, "Replicas:\t{} desired | {there} total", spec.replicas);
        line(out, "Update Strategy", if spec.on_delete { "OnDelete" } else { "RollingUpdate" });
        if let Some(partition) = spec.partition.filter(|_| !spec.on_delete) {
            let _ = writeln!(out, "  Partition:\t{partition}");
        }
        self.pods_status(out, id);
        template(out, &object["spec"]["template"]);
        let claims = object["spec"]["volumeClaimTemplates"].as_array().filter(|claims| !claims.is_empty());
        let Some(claims) = claims else {
            out.push_str("Volume Claims:\t<none>\n");
            return;
        };
        out.push_str("Volume Claims:\n");
        for claim in claims {
            let (meta, spec) = (&claim["metadata"], &claim["spec"]);
            let _ = writeln!(out, "  Name:\t{}", text_of(&meta["name"]));
            let _ = writeln!(out, "  StorageClass:\t{}", spec["storageClassName"].as_str().unwrap_or_default());
            pairs(out, "  Labels", &meta["labels"], "=");
            pairs(out, "  Annotations", &meta["annotations"], "=");
            let capacity = &spec["resources"]["requests"]["storage"];
            let _ = writeln!(
                out,
                "  Capacity:\t{}",
                if capacity.is_null() { "<default>".to_owned() } else { text_of(capacity) }
            );
            let modes: Vec<String> = spec["accessModes"].as_array().into_iter().flatten().map(text_of).collect();
            let _ = writeln!(out, "  Access Modes:\t[{}]", modes.join(" "));
        }
    }

    fn daemon_set(&self, out: &mut String, id: ObjectId, spec: &DaemonSetSpec, object: &Value) {
        let row = self.simulation.cluster().objects().get(id);
        names(out, object);
        line(out, "Selector", &self.selector_text(row));
        let class = &self.plan().classes[self.plan().templates[spec.template].class];
        let nodes = class.node_selector.iter();
        let nodes: Vec<String> =
            nodes.map(|&(key, value)| format!("{}={}", self.text(key), self.text(value))).collect();
        line(out, "Node-Selector", if nodes.is_empty() { "<none>" } else { "" });
        if !nodes.is_empty() {
            out.truncate(out.len() - 1);
            let _ = writeln!(out, "{}", nodes.join(","));
        }
        labels(out, object);
        let status = row.status.daemon_set().copied().unwrap_or_default();
        for (title, number) in [
            ("Desired Number of Nodes Scheduled", status.desired),
            ("Current Number of Nodes Scheduled", status.current),
            ("Number of Nodes Scheduled with Up-to-date Pods", status.updated),
            ("Number of Nodes Scheduled with Available Pods", status.available),
            ("Number of Nodes Misscheduled", status.misscheduled),
        ] {
            let _ = writeln!(out, "{title}: {number}");
        }
        self.pods_status(out, id);
        template(out, &object["spec"]["template"]);
    }

    fn job(&self, out: &mut String, row: &ObjectRow, spec: &JobSpec, object: &Value) {
        names(out, object);
        let selector = object["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten();
        let selector: Vec<String> = selector.map(|(key, value)| format!("{key}={}", text_of(value))).collect();
        line(out, "Selector", &selector.join(","));
        labels(out, object);
        self.controlled_by(out, row);
        line(out, "Parallelism", &spec.parallelism.to_string());
        line(out, "Completions", &optional(spec.completions));
        line(out, "Completion Mode", if spec.indexed { "Indexed" } else { "NonIndexed" });
        line(out, "Suspend", &spec.suspend.to_string());
        line(out, "Backoff Limit", &spec.backoff_limit.to_string());
        if let Some(seconds) = spec.ttl_seconds_after_finished {
            line(out, "TTL Seconds After Finished", &seconds.to_string());
        }
        let status = row.status.job().cloned().unwrap_or_default();
        for (title, at) in [("Start Time", status.start), ("Completed At", status.completion)] {
            if let Some(at) = at {
                line(out, title, &rfc1123(&at.rfc3339()));
            }
        }
        if let (Some(start), Some(end)) = (status.start, status.completion) {
            line(out, "Duration", &end.since(start).human());
        }
        if let Some(seconds) = spec.active_deadline_seconds {
            line(out, "Active Deadline Seconds", &format!("{seconds}s"));
        }
        let _ = writeln!(
            out,
            "Pods Statuses:\t{} Active ({} Ready) / {} Succeeded / {} Failed",
            status.active, status.ready, status.succeeded, status.failed
        );
        if spec.indexed {
            let indexes = status.completed_indexes.to_string();
            let shown = match indexes.len() {
                0 => "<none>".to_owned(),
                length if length > INDEXES => {
                    let cut = indexes[..INDEXES].rfind(',').unwrap_or(0);
                    format!("{},...", &indexes[..cut])
                }
                _ => indexes,
            };
            line(out, "Completed Indexes", &shown);
        }
        template(out, &object["spec"]["template"]);
    }

    fn cron_job(&self, out: &mut String, row: &ObjectRow, spec: &CronJobSpec, object: &Value) {
        names(out, object);
        labels(out, object);
        line(out, "Schedule", &spec.schedule);
        line(
            out,
            "Concurrency Policy",
            match spec.concurrency {
                ConcurrencyPolicy::Allow => "Allow",
                ConcurrencyPolicy::Forbid => "Forbid",
                ConcurrencyPolicy::Replace => "Replace",
            },
        );
        line(out, "Suspend", if spec.suspend { "True" } else { "False" });
        line(out, "Successful Job History Limit", &spec.successful_history.to_string());
        line(out, "Failed Job History Limit", &spec.failed_history.to_string());
        let deadline = spec.starting_deadline_seconds.map(|seconds| format!("{seconds}s"));
        line(out, "Starting Deadline Seconds", deadline.as_deref().unwrap_or("<unset>"));
        let job = &object["spec"]["jobTemplate"]["spec"];
        line(out, "Selector", "<unset>");
        for (title, key) in [("Parallelism", "parallelism"), ("Completions", "completions")] {
            line(out, title, &job[key].as_i64().map_or_else(|| "<unset>".to_owned(), |number| number.to_string()));
        }
        if let Some(seconds) = spec.job.active_deadline_seconds {
            line(out, "Active Deadline Seconds", &format!("{seconds}s"));
        }
        template(out, &job["template"]);
        let status = row.status.cron_job().cloned().unwrap_or_default();
        let last = status.last_schedule.map(|at| rfc1123(&at.rfc3339()));
        line(out, "Last Schedule Time", last.as_deref().unwrap_or("<unset>"));
        let objects = self.simulation.cluster().objects();
        let active: Vec<String> = status.active.iter().map(|&job| objects.get(job).name.to_string()).collect();
        line(out, "Active Jobs", &if active.is_empty() { "<none>".to_owned() } else { active.join(", ") });
    }

    /// `Controlled By`, for what has an owner.
    fn controlled_by(&self, out: &mut String, row: &ObjectRow) {
        if let Some(owner) = row.owner {
            let owner = self.simulation.cluster().objects().get(owner);
            line(out, "Controlled By", &format!("{}/{}", owner.kind().text(), owner.name));
        }
    }

    /// How many of an object's pods are in which phase.
    fn pods_status(&self, out: &mut String, id: ObjectId) {
        let cluster = self.simulation.cluster();
        let count = |phase: Phase| cluster.pods_of(id).filter(|pod| cluster.pods().phase(pod.pod) == phase).count();
        let [running, waiting, succeeded, failed] =
            [Phase::Running, Phase::Pending, Phase::Succeeded, Phase::Failed].map(count);
        let _ = writeln!(
            out,
            "Pods Status:\t{running} Running / {waiting} Waiting / {succeeded} Succeeded / {failed} Failed"
        );
    }
}

pub(super) fn names(out: &mut String, object: &Value) {
    for (title, key) in [("Name", "name"), ("Namespace", "namespace")] {
        if let Some(text) = object["metadata"][key].as_str() {
            line(out, title, text);
        }
    }
}

pub(super) fn created(out: &mut String, object: &Value) {
    line(out, "CreationTimestamp", &rfc1123(&text_of(&object["metadata"]["creationTimestamp"])));
}

pub(super) fn labels(out: &mut String, object: &Value) {
    pairs(out, "Labels", &object["metadata"]["labels"], "=");
    pairs(out, "Annotations", &object["metadata"]["annotations"], ": ");
}

pub(super) fn bound(bound: &IntOrPercent) -> String {
    match bound {
        IntOrPercent::Int(number) => number.to_string(),
        IntOrPercent::Text(text) => text.to_string(),
    }
}

fn optional(number: Option<i32>) -> String {
    number.map_or_else(|| "<unset>".to_owned(), |number| number.to_string())
}

fn conditions(out: &mut String, list: &Value) {
    let Some(list) = list.as_array().filter(|list| !list.is_empty()) else { return };
    out.push_str("Conditions:\n  Type\tStatus\tReason\n  ----\t------\t------\n");
    for one in list {
        let [kind, status, reason] = ["type", "status", "reason"].map(|key| text_of(&one[key]));
        let _ = writeln!(out, "  {kind} \t{status}\t{reason}");
    }
}

/// The template of pods, further in than a pod's own description.
fn template(out: &mut String, template: &Value) {
    let mut spec = template["spec"].as_object().cloned().unwrap_or_default();
    defaults::pod_spec(&mut spec);
    let spec = Value::Object(spec);
    out.push_str("Pod Template:\n");
    pairs(out, "  Labels", &template["metadata"]["labels"], "=");
    if template["metadata"]["annotations"].as_object().is_some_and(|map| !map.is_empty()) {
        pairs(out, "  Annotations", &template["metadata"]["annotations"], ": ");
    }
    if let Some(account) = spec["serviceAccountName"].as_str().filter(|name| !name.is_empty()) {
        line(out, "  Service Account", account);
    }
    let mut inner = String::new();
    if spec["initContainers"].as_array().is_some_and(|list| !list.is_empty()) {
        containers(&mut inner, "Init Containers", &spec["initContainers"], &Value::Null);
    }
    containers(&mut inner, "Containers", &spec["containers"], &Value::Null);
    volumes(&mut inner, &spec["volumes"]);
    for text in inner.lines() {
        let indent = match text.len() - text.trim_start_matches(' ').len() {
            0 => "  ",
            2 => " ",
            _ => "",
        };
        let _ = writeln!(out, "{indent}{text}");
    }
    let spread = spec["topologySpreadConstraints"].as_array().into_iter().flatten().map(|one| {
        let [key, unsatisfiable, skew] = ["topologyKey", "whenUnsatisfiable", "maxSkew"].map(|key| text_of(&one[key]));
        let selector = one["labelSelector"]["matchLabels"].as_object().into_iter().flatten();
        let selector: Vec<String> = selector.map(|(key, value)| format!("{key}={}", text_of(value))).collect();
        let text = format!("{key}:{unsatisfiable} when max skew {skew} is exceeded");
        if selector.is_empty() { text } else { format!("{text} for selector {}", selector.join(",")) }
    });
    let spread: Vec<String> = spread.collect();
    if !spread.is_empty() {
        several(out, "  Topology Spread Constraints", spread);
    }
    if let Some(class) = spec["priorityClassName"].as_str().filter(|name| !name.is_empty()) {
        line(out, "  Priority Class Name", class);
    }
    pairs(out, "  Node-Selectors", &spec["nodeSelector"], "=");
    let mut text = String::new();
    tolerations(&mut text, &spec["tolerations"]);
    let _ = write!(out, "  {text}");
}
