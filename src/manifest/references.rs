//! What objects say about each other: a reference to a configuration object or key that no file has, a Service that
//! selects nothing. Warnings only: a scenario may create the other object later.

use std::collections::{BTreeMap, BTreeSet};

use super::codes;
use super::fields::ConfigUse;
use super::service::{self, Service};
use crate::diag::{Diagnostics, SourceId, Span, did_you_mean};
use crate::model::service::ConfigContent;
use crate::model::{ClaimName, ConfigId, ConfigKind, StorageObjects, StrId, Vocabulary};

/// A pod, or the pods of a workload, as a Service sees them.
pub(super) struct Selectable<'t> {
    /// Namespace.
    pub namespace: &'t str,
    /// Labels.
    pub labels: Vec<(&'t str, &'t str)>,
    /// Names of container ports.
    pub ports: Vec<&'t str>,
}

/// A Service that was read without errors.
pub(super) struct Selecting<'t> {
    /// The file.
    pub source: SourceId,
    /// The Service.
    pub service: Service<'t>,
}

/// Warns of references to ConfigMaps, Secrets and keys that none of the files has, each once, at its first place.
pub(super) fn check_configs(
    uses: &[ConfigUse],
    contents: &[(ConfigContent, Span)],
    broken: &BTreeSet<ConfigId>,
    words: &Vocabulary,
    diagnostics: &mut Diagnostics,
) {
    let mut known: BTreeMap<ConfigId, &ConfigContent> = BTreeMap::new();
    for (content, _) in contents {
        known.insert(content.config, content);
    }
    let mut missing: BTreeMap<(ConfigId, Option<StrId>), (Span, u32)> = BTreeMap::new();
    for one in uses {
        if broken.contains(&one.config) {
            continue;
        }
        let lost = match (known.get(&one.config), one.key) {
            (None, None) => true,
            (Some(content), Some(key)) => !content.keys.contains(&key),
            _ => false,
        };
        if lost {
            missing.entry((one.config, one.key)).or_insert((one.span, 0)).1 += 1;
        }
    }
    for ((config, key), (span, count)) in missing {
        let object = words.configs.get(config);
        let text = |id| words.strings.text(id);
        let (name, namespace) = (text(object.name), text(object.namespace));
        let (kind, lower) = match object.kind {
            ConfigKind::ConfigMap => ("ConfigMap", "configmap"),
            ConfigKind::Secret => ("Secret", "secret"),
        };
        let more = if count > 1 { format!(" ({count} references)") } else { String::new() };
        if let Some(key) = key {
            let key = text(key);
            let keys: Vec<&str> = known.get(&config).map_or(Vec::new(), |c| c.keys.iter().map(|&k| text(k)).collect());
            let help = match did_you_mean(key, keys.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if keys.is_empty() => format!("{kind} {name} has no keys: add {key} to it"),
                None => format!("{kind} {name} has the keys {}: add {key}, or set `optional: true`", keys.join(", ")),
            };
            let message = format!("couldn't find key {key} in {kind} {namespace}/{name}{more}");
            diagnostics.warning(codes::MISSING_CONFIG_KEY, span, message, "no such key", help);
        } else {
            let others = known.keys().map(|&id| words.configs.get(id));
            let near =
                others.filter(|o| o.kind == object.kind && o.namespace == object.namespace).map(|o| text(o.name));
            let elsewhere = known
                .keys()
                .map(|&id| words.configs.get(id))
                .find(|o| o.kind == object.kind && o.name == object.name && o.namespace != object.namespace);
            let help = match (did_you_mean(name, near), elsewhere) {
                (_, Some(other)) => {
                    format!(
                        "there is one in namespace {}, but pods see only their own: {namespace}",
                        text(other.namespace)
                    )
                }
                (Some(meant), None) => format!("did you mean `{meant}`?"),
                (None, None) => format!(
                    "add the {kind} to the files, create it in the scenario, or set `optional: true`: \
                     without it the container does not start"
                ),
            };
            let message = format!("{lower} \"{name}\" not found in namespace {namespace} of the files{more}");
            diagnostics.warning(codes::MISSING_CONFIG, span, message, format!("no such {kind}"), help);
        }
    }
}

/// Warns of claims that pods use and none of the files has, each once, at its first place.
pub(super) fn check_claims(
    uses: &[(ClaimName, Span)],
    storage: &StorageObjects,
    broken: &BTreeSet<ClaimName>,
    words: &Vocabulary,
    diagnostics: &mut Diagnostics,
) {
    let known: BTreeSet<ClaimName> = storage.claims.iter().map(|claim| claim.name).collect();
    let mut missing: BTreeMap<ClaimName, (Span, u32)> = BTreeMap::new();
    for (claim, span) in uses.iter().filter(|(claim, _)| !known.contains(claim) && !broken.contains(claim)) {
        missing.entry(*claim).or_insert((*span, 0)).1 += 1;
    }
    let text = |id| words.strings.text(id);
    for (claim, (span, count)) in missing {
        let (name, namespace) = (text(claim.name), text(claim.namespace));
        let more = if count > 1 { format!(" ({count} references)") } else { String::new() };
        let near = known.iter().filter(|other| other.namespace == claim.namespace).map(|other| text(other.name));
        let help = match did_you_mean(name, near) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "add the PersistentVolumeClaim to the files: without it the pod is not scheduled".to_owned(),
        };
        let message = format!("persistentvolumeclaim \"{name}\" not found in namespace {namespace} of the files{more}");
        diagnostics.warning(codes::MISSING_CLAIM, span, message, "no such claim", help);
    }
}

/// Namespaces that every cluster has.
const FIRST_NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

/// Warns of namespaces that objects are in and that none of the files declares, each once, at its first place. Those that
/// were warned of.
pub(super) fn check_namespaces(
    used: &BTreeMap<&str, Span>,
    declared: impl Fn(&str) -> bool,
    words: &Vocabulary,
    diagnostics: &mut Diagnostics,
) -> Vec<(StrId, Span)> {
    let missing = used.iter().filter(|(name, _)| !FIRST_NAMESPACES.contains(name) && !declared(name));
    let told = missing.filter_map(|(name, &span)| {
        missing_namespace(name, span, diagnostics);
        Some((words.strings.lookup(name)?, span))
    });
    told.collect()
}

/// Warns of a namespace that none of the files declares.
pub fn missing_namespace(name: &str, span: Span, diagnostics: &mut Diagnostics) {
    let message = format!("namespaces \"{name}\" not found in the files");
    let help = "add the Namespace to the files: an API server refuses what is in none. Here it exists from the start";
    diagnostics.warning(codes::MISSING_NAMESPACE, span, message, "no such namespace", help);
}

/// Warns of Services that select no pod, and of target ports that no selected pod has.
pub(super) fn check_services(
    services: &[Selecting<'_>],
    pods: &[Selectable<'_>],
    words: &Vocabulary,
    diagnostics: &mut Diagnostics,
) {
    for Selecting { source, service } in services {
        let spec = &service.spec;
        let Some(selector_at) = service.selector_at.filter(|_| service::selects(spec)) else { continue };
        let text = |id| words.strings.text(id);
        let span = |at: super::tree::At| Span { source: *source, start: at.start as usize, end: at.end as usize };
        let (name, namespace) = (text(spec.name), text(spec.namespace));
        let wanted: Vec<(&str, &str)> = spec.selector.iter().map(|&(k, v)| (text(k), text(v))).collect();
        let matches = |pod: &&Selectable<'_>| {
            pod.namespace == namespace && wanted.iter().all(|pair| pod.labels.iter().any(|label| label == pair))
        };
        let selected: Vec<&Selectable<'_>> = pods.iter().filter(matches).collect();
        if selected.is_empty() {
            let shown: Vec<String> = wanted.iter().map(|(k, v)| format!("{k}={v}")).collect();
            let message = format!(
                "Service \"{name}\": the selector {} matches no pod in namespace {namespace} of the files",
                shown.join(",")
            );
            let help = near_miss(&wanted, pods, namespace);
            diagnostics.warning(codes::SELECTS_NOTHING, span(selector_at), message, "selects nothing", help);
            continue;
        }
        for &(port, at) in &service.targets {
            if selected.iter().any(|pod| pod.ports.contains(&port)) {
                continue;
            }
            let known: BTreeSet<&str> = selected.iter().flat_map(|pod| pod.ports.iter().copied()).collect();
            let help = match did_you_mean(port, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if known.is_empty() => {
                    format!("their ports have no names: add `name: {port}` to one, or write a number")
                }
                None => {
                    let known: Vec<&str> = known.into_iter().collect();
                    format!("their ports are called {}: use one of them, or a number", known.join(", "))
                }
            };
            let message = format!("Service \"{name}\": none of the selected pods has a port named \"{port}\"");
            diagnostics.warning(codes::UNKNOWN_TARGET_PORT, span(at), message, "no such port", help);
        }
    }
}

fn near_miss(wanted: &[(&str, &str)], pods: &[Selectable<'_>], namespace: &str) -> String {
    let all = |pod: &&Selectable<'_>| wanted.iter().all(|pair| pod.labels.contains(pair));
    if let Some(pod) = pods.iter().find(all) {
        return format!("pods with these labels are in namespace {}: a Service selects in its own only", pod.namespace);
    }
    for &(key, value) in wanted {
        let labels = pods.iter().filter(|pod| pod.namespace == namespace).flat_map(|pod| pod.labels.iter());
        let values = labels.filter(|(other, _)| *other == key).map(|&(_, value)| value);
        if let Some(meant) = did_you_mean(value, values) {
            return format!("did you mean `{key}: {meant}`?");
        }
    }
    "compare the selector with `metadata.labels` of the pods: every pair must be there".to_owned()
}
