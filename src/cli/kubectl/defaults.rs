//! Fields that the API server fills in, on objects as they are written. Mirrors pkg/apis/core/v1/defaults.go, v1.34.
//! Must not decide anything: the simulation has its own defaults, compiled.

use serde_json::{Map, Value, json};

use crate::base::Quantity;

type Object = Map<String, Value>;

fn default(object: &mut Object, key: &str, value: impl Into<Value>) {
    let entry = object.entry(key).or_insert(Value::Null);
    if entry.is_null() {
        *entry = value.into();
    }
}

fn each<'a>(object: &'a mut Object, key: &str) -> impl Iterator<Item = &'a mut Object> {
    object.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}

fn nested<'a>(object: &'a mut Object, key: &str) -> Option<&'a mut Object> {
    object.get_mut(key).and_then(Value::as_object_mut)
}

/// A pod's `spec`.
pub(super) fn pod_spec(spec: &mut Object) {
    default(spec, "dnsPolicy", "ClusterFirst");
    default(spec, "enableServiceLinks", true);
    default(spec, "preemptionPolicy", "PreemptLowerPriority");
    default(spec, "restartPolicy", "Always");
    default(spec, "schedulerName", "default-scheduler");
    default(spec, "securityContext", json!({}));
    default(spec, "terminationGracePeriodSeconds", 30);
    for list in ["initContainers", "containers"] {
        each(spec, list).for_each(container);
    }
    each(spec, "volumes").for_each(volume);
    spec.retain(|_, value| !value.is_null());
}

fn container(container: &mut Object) {
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let last = image.rsplit('/').next().unwrap_or_default();
    let latest = !image.contains('@') && last.rsplit_once(':').is_none_or(|(_, tag)| tag == "latest");
    default(container, "imagePullPolicy", if latest { "Always" } else { "IfNotPresent" });
    default(container, "resources", json!({}));
    default(container, "terminationMessagePath", "/dev/termination-log");
    default(container, "terminationMessagePolicy", "File");
    if let Some(resources) = nested(container, "resources") {
        for list in ["requests", "limits"] {
            nested(resources, list).into_iter().flatten().for_each(|(_, amount)| canonical(amount));
        }
        let limits = resources.get("limits").and_then(Value::as_object).cloned().unwrap_or_default();
        if !limits.is_empty() {
            default(resources, "requests", json!({}));
        }
        if let Some(requests) = nested(resources, "requests") {
            limits.into_iter().for_each(|(name, amount)| default(requests, &name, amount));
        }
    }
    each(container, "ports").for_each(|port| default(port, "protocol", "TCP"));
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        nested(container, name).into_iter().for_each(probe);
    }
    for variable in each(container, "env") {
        if let Some(field) = nested(variable, "valueFrom").and_then(|from| nested(from, "fieldRef")) {
            default(field, "apiVersion", "v1");
        }
    }
}

fn canonical(amount: &mut Value) {
    let text = super::text_of(amount);
    if let Ok(quantity) = Quantity::parse(&text) {
        *amount = quantity.text_of(&text).into();
    }
}

fn probe(probe: &mut Object) {
    for (key, seconds) in
        [("failureThreshold", 3), ("periodSeconds", 10), ("successThreshold", 1), ("timeoutSeconds", 1)]
    {
        default(probe, key, seconds);
    }
    if let Some(get) = nested(probe, "httpGet") {
        default(get, "path", "/");
        default(get, "scheme", "HTTP");
    }
    if let Some(check) = nested(probe, "grpc") {
        default(check, "service", "");
    }
}

fn volume(volume: &mut Object) {
    let mode = 0o644;
    for source in ["configMap", "secret", "projected", "downwardAPI"] {
        nested(volume, source).into_iter().for_each(|source| default(source, "defaultMode", mode));
    }
    if let Some(folder) = nested(volume, "emptyDir")
        && let Some(limit) = folder.get_mut("sizeLimit")
    {
        canonical(limit);
    }
    if let Some(path) = nested(volume, "hostPath") {
        default(path, "type", "");
    }
    if volume.len() == 1 {
        volume.insert("emptyDir".into(), json!({}));
    }
}

/// A service's `spec`.
pub(super) fn service_spec(spec: &mut Object) {
    default(spec, "type", "ClusterIP");
    default(spec, "sessionAffinity", "None");
    if spec["type"] != "ExternalName" {
        default(spec, "internalTrafficPolicy", "Cluster");
        default(spec, "ipFamilies", json!(["IPv4"]));
        default(spec, "ipFamilyPolicy", "SingleStack");
    }
    if spec["type"] == "LoadBalancer" || spec["type"] == "NodePort" {
        default(spec, "externalTrafficPolicy", "Cluster");
    }
    if spec["type"] == "LoadBalancer" {
        default(spec, "allocateLoadBalancerNodePorts", true);
    }
    for port in each(spec, "ports") {
        default(port, "protocol", "TCP");
        let number = port.get("port").cloned().unwrap_or_default();
        default(port, "targetPort", number);
    }
    spec.retain(|_, value| !value.is_null());
}
