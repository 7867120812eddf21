//! `kubectl describe pod`: a text made of the object and its Events alone. Mirrors
//! staging/src/k8s.io/kubectl/pkg/describe/describe.go, v1.34.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::describe_container::containers;
use super::objects::namespace_phase;
use super::table::align;
use super::{Item, Source, View, text_of};
use crate::base::SimTime;
use crate::model::objects::ObjectKind;
use crate::record::Subject;

/// Blanks between the columns of a description.
const PADDING: usize = 2;

impl View<'_> {
    /// The description of an object, or `None` if there is none for its kind.
    pub fn describe(&self, item: &Item) -> Option<String> {
        let text = match item.source {
            Source::Pod(pod) => {
                let mut text = self.describe_pod(&self.pod_object(pod));
                let is_it =
                    |subject| matches!(subject, Subject::Pod(uid) | Subject::Container(uid, _) if uid == pod.uid);
                text = align(&text, 0, PADDING);
                text + &align(&self.describe_events(is_it), 0, PADDING)
            }
            Source::Node(node) => {
                let text = align(&self.describe_node(node), 0, PADDING);
                text + &align(&self.describe_events(|subject| subject == Subject::Node(node)), 0, PADDING)
            }
            Source::Claim(claim) => {
                let text = align(&self.describe_claim(claim), 0, PADDING);
                let full = format!("{}/{}", item.namespace, item.name);
                let recorder = self.simulation.recorder();
                let is_it = |subject| matches!(subject, Subject::Claim(of) if recorder.note_text(of) == full);
                text + &align(&self.describe_events(is_it), 0, PADDING)
            }
            Source::Volume(volume) => {
                let text = align(&self.describe_volume(volume), 0, PADDING);
                text + "Events:  <none>\n"
            }
            Source::Object(object) => {
                let text = align(&self.describe_object(object), 0, PADDING);
                let kind = self.simulation.cluster().objects().get(object).kind();
                if matches!(kind, ObjectKind::ResourceQuota | ObjectKind::LimitRange | ObjectKind::Namespace) {
                    return Some(text);
                }
                text + &align(&self.describe_events(|subject| subject == Subject::Object(object)), 0, PADDING)
            }
            Source::Namespace(name) => {
                let mut text = String::new();
                self.describe_namespace(&mut text, name, namespace_phase(false), &self.namespace_object(name));
                align(&text, 0, PADDING)
            }
            _ => return None,
        };
        Some(text)
    }

    fn describe_pod(&self, pod: &Value) -> String {
        let (meta, spec, status) = (&pod["metadata"], &pod["spec"], &pod["status"]);
        let mut out = String::new();
        line(&mut out, "Name", &text_of(&meta["name"]));
        line(&mut out, "Namespace", &text_of(&meta["namespace"]));
        line(&mut out, "Priority", &text_of(&spec["priority"]));
        for (title, key) in [
            ("Priority Class Name", "priorityClassName"),
            ("Runtime Class Name", "runtimeClassName"),
            ("Service Account", "serviceAccountName"),
        ] {
            if let Some(text) = spec[key].as_str().filter(|text| !text.is_empty()) {
                line(&mut out, title, text);
            }
        }
        let host = status["hostIP"].as_str().unwrap_or_default();
        let node = spec["nodeName"].as_str().map_or_else(|| "<none>".to_owned(), |node| format!("{node}/{host}"));
        line(&mut out, "Node", &node);
        if let Some(started) = status["startTime"].as_str() {
            line(&mut out, "Start Time", &rfc1123(started));
        }
        pairs(&mut out, "Labels", &meta["labels"], "=");
        pairs(&mut out, "Annotations", &meta["annotations"], ": ");
        let phase = status["phase"].as_str().unwrap_or_default();
        match meta["deletionTimestamp"].as_str() {
            Some(at) if !matches!(phase, "Failed" | "Succeeded") => {
                let since = at.parse::<Timestamp>().ok().and_then(|at| i64::try_from(at.as_nanosecond()).ok());
                let lasts = since.map_or_else(|| "<unknown>".to_owned(), |at| self.since_deletion(SimTime(at)));
                line(&mut out, "Status", &format!("Terminating (lasts {lasts})"));
                let grace = text_of(&meta["deletionGracePeriodSeconds"]);
                line(&mut out, "Termination Grace Period", &format!("{grace}s"));
            }
            _ => line(&mut out, "Status", phase),
        }
        for (title, key) in [("Reason", "reason"), ("Message", "message")] {
            if let Some(text) = status[key].as_str().filter(|text| !text.is_empty()) {
                line(&mut out, title, text);
            }
        }
        let ip = status["podIP"].as_str().unwrap_or_default();
        line(&mut out, "IP", ip);
        if ip.is_empty() {
            out.push_str("IPs:\t<none>\n");
        } else {
            let _ = write!(out, "IPs:\n  IP:\t{ip}\n");
        }
        let owners = meta["ownerReferences"].as_array().into_iter().flatten();
        for owner in owners.filter(|owner| owner["controller"] == true) {
            let of = format!("{}/{}", text_of(&owner["kind"]), text_of(&owner["name"]));
            line(&mut out, "Controlled By", &of);
        }
        if let Some(node) = status["nominatedNodeName"].as_str() {
            line(&mut out, "NominatedNodeName", node);
        }
        if spec["initContainers"].as_array().is_some_and(|list| !list.is_empty()) {
            containers(&mut out, "Init Containers", &spec["initContainers"], &status["initContainerStatuses"]);
        }
        containers(&mut out, "Containers", &spec["containers"], &status["containerStatuses"]);
        if let Some(gates) = spec["readinessGates"].as_array().filter(|gates| !gates.is_empty()) {
            out.push_str("Readiness Gates:\n  Type\tStatus\n");
            let conditions = status["conditions"].as_array();
            for gate in gates {
                let found = conditions.into_iter().flatten().find(|one| one["type"] == gate["conditionType"]);
                let shown = found.map_or_else(|| "<none>".to_owned(), |one| text_of(&one["status"]));
                let _ = writeln!(out, "  {} \t{shown} ", text_of(&gate["conditionType"]));
            }
        }
        if let Some(conditions) = status["conditions"].as_array().filter(|list| !list.is_empty()) {
            out.push_str("Conditions:\n  Type\tStatus\n");
            for one in conditions {
                let _ = writeln!(out, "  {} \t{} ", text_of(&one["type"]), text_of(&one["status"]));
            }
        }
        volumes(&mut out, &spec["volumes"]);
        line(&mut out, "QoS Class", status["qosClass"].as_str().unwrap_or_default());
        pairs(&mut out, "Node-Selectors", &spec["nodeSelector"], "=");
        tolerations(&mut out, &spec["tolerations"]);
        out
    }

    /// `deletionTimestamp` is when the grace ends, so at first it lies ahead.
    fn since_deletion(&self, at: SimTime) -> String {
        if (self.now - at).whole_secs() < -1 { "<invalid>".to_owned() } else { self.age(at) }
    }
}

/// `Title:\ttext`.
pub(super) fn line(out: &mut String, title: &str, text: &str) {
    let _ = writeln!(out, "{title}:\t{text}");
}

/// One pair a line, or `<none>`.
pub(super) fn pairs(out: &mut String, title: &str, map: &Value, between: &str) {
    let nothing = Map::new();
    let map = map.as_object().unwrap_or(&nothing);
    let mut lines: Vec<(&String, String)> = map.iter().map(|(key, value)| (key, text_of(value))).collect();
    lines.sort_unstable();
    several(out, title, lines.into_iter().map(|(key, value)| format!("{key}{between}{value}")).collect());
}

/// One text a line, or `<none>`.
pub(super) fn several(out: &mut String, title: &str, lines: Vec<String>) {
    let text = if lines.is_empty() { "<none>".to_owned() } else { lines.join("\n\t") };
    line(out, title, &text);
}

/// As kubectl prints times: `Mon, 02 Mar 2026 00:00:05 +0000`.
pub(super) fn rfc1123(text: &str) -> String {
    let time = text.parse::<Timestamp>().map(|time| time.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string());
    time.unwrap_or_else(|_| "<unset>".to_owned())
}

pub(super) fn tolerations(out: &mut String, list: &Value) {
    let mut list: Vec<&Value> = list.as_array().into_iter().flatten().collect();
    let key = |one: &Value| one["key"].as_str().unwrap_or_default().to_owned();
    list.sort_by_key(|one| key(one));
    let text = |one: &Value| {
        let mut text = key(one);
        let (value, effect) = (one["value"].as_str().unwrap_or_default(), one["effect"].as_str().unwrap_or_default());
        if !value.is_empty() {
            let _ = write!(text, "={value}");
        }
        if !effect.is_empty() {
            let _ = write!(text, ":{effect}");
        }
        if one["operator"] == "Exists" && value.is_empty() {
            text.push_str(if text.is_empty() { "op=Exists" } else { " op=Exists" });
        }
        if let Some(seconds) = one["tolerationSeconds"].as_i64() {
            let _ = write!(text, " for {seconds}s");
        }
        text
    };
    several(out, "Tolerations", list.into_iter().map(text).collect());
}

pub(super) fn volumes(out: &mut String, list: &Value) {
    let Some(list) = list.as_array().filter(|list| !list.is_empty()) else {
        out.push_str("Volumes:\t<none>\n");
        return;
    };
    out.push_str("Volumes:\n");
    for volume in list {
        let _ = writeln!(out, "  {}:", text_of(&volume["name"]));
        let of = |source: &str| volume[source].as_object().map(|_| &volume[source]);
        let text = |of: &Value, key: &str| of[key].as_str().unwrap_or_default().to_owned();
        let flag = |of: &Value, key: &str| of[key].as_bool().unwrap_or(false);
        let mut say = |title: &str, text: &str| {
            let _ = writeln!(out, "    {title}:\t{text}");
        };
        if let Some(folder) = of("emptyDir") {
            say("Type", "EmptyDir (a temporary directory that shares a pod's lifetime)");
            say("Medium", &text(folder, "medium"));
            say("SizeLimit", folder["sizeLimit"].as_str().unwrap_or("<unset>"));
        } else if let Some(map) = of("configMap") {
            say("Type", "ConfigMap (a volume populated by a ConfigMap)");
            say("Name", &text(map, "name"));
            say("Optional", &flag(map, "optional").to_string());
        } else if let Some(secret) = of("secret") {
            say("Type", "Secret (a volume populated by a Secret)");
            say("SecretName", &text(secret, "secretName"));
            say("Optional", &flag(secret, "optional").to_string());
        } else if let Some(claim) = of("persistentVolumeClaim") {
            say("Type", "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)");
            say("ClaimName", &text(claim, "claimName"));
            say("ReadOnly", &flag(claim, "readOnly").to_string());
        } else if let Some(path) = of("hostPath") {
            say("Type", "HostPath (bare host directory volume)");
            say("Path", &text(path, "path"));
            say("HostPathType", &text(path, "type"));
        } else if let Some(items) = of("downwardAPI") {
            say("Type", "DownwardAPI (a volume populated by information about the pod)");
            out.push_str("    Items:\n");
            for item in items["items"].as_array().into_iter().flatten() {
                let field =
                    item["fieldRef"]["fieldPath"].as_str().or_else(|| item["resourceFieldRef"]["resource"].as_str());
                let _ = writeln!(out, "      {} -> {}", field.unwrap_or_default(), text(item, "path"));
            }
        } else if let Some(projected) = of("projected") {
            say("Type", "Projected (a volume that contains injected data from multiple sources)");
            for source in projected["sources"].as_array().into_iter().flatten() {
                if source["secret"].is_object() {
                    say("SecretName", &text(&source["secret"], "name"));
                    say("Optional", &flag(&source["secret"], "optional").to_string());
                } else if source["downwardAPI"].is_object() {
                    say("DownwardAPI", "true");
                } else if source["configMap"].is_object() {
                    say("ConfigMapName", &text(&source["configMap"], "name"));
                    say("Optional", &flag(&source["configMap"], "optional").to_string());
                } else if source["serviceAccountToken"].is_object() {
                    let seconds = source["serviceAccountToken"]["expirationSeconds"].as_i64().unwrap_or(3600);
                    say("TokenExpirationSeconds", &seconds.to_string());
                }
            }
        } else if of("ephemeral").is_some() {
            let what = "an inline specification for a volume that gets created and deleted with the pod";
            say("Type", &format!("EphemeralVolume ({what})"));
        } else if let Some(csi) = of("csi") {
            say("Type", "CSI (a Container Storage Interface (CSI) volume source)");
            say("Driver", &text(csi, "driver"));
            say("FSType", &text(csi, "fsType"));
            say("ReadOnly", &flag(csi, "readOnly").to_string());
        } else {
            out.push_str("  <unknown>\n");
        }
    }
}
