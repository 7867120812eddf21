//! Pod templates of workloads: read as pods are, with what the workload's controller adds, and told apart by a hash. Mirrors
//! ValidatePodTemplateSpec of pkg/apis/core/validation/validation.go, v1.34.

use serde_json::Value as Json;

use super::codes;
use super::fields::{Context, Fields};
use super::meta::{self, Meta};
use super::pod::{self, Origin, Pod};
use super::schema_apps as schema;
use super::tree::{Node, Value};
use super::written::plain;
use crate::base::Digest;
use crate::model::names::go_quote;
use crate::model::{LabelSelector, Selector};

/// The label by which a Deployment tells its ReplicaSets apart.
pub(super) const TEMPLATE_HASH: &str = "pod-template-hash";

/// What tells one template of a workload from another; made before the workload is read.
#[derive(Default)]
pub(super) struct Stamp {
    /// Equal for equal templates.
    pub hash: u64,
    /// The label's value.
    pub label: String,
    /// The name of a Deployment's ReplicaSet of this template.
    pub replica_set: String,
}

impl Stamp {
    /// Of a workload, whose kind does not matter; an object without a template has none that means anything.
    pub(super) fn of(object: &Node<'_>) -> Self {
        let Some(template) = object.get("spec").and_then(|spec| spec.value.get("template")) else {
            return Self::default();
        };
        let hash = digest_of(&template.value);
        // As upstream writes a 32-bit hash: its decimal digits in letters that spell nothing.
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        let digits = (hash & 0xffff_ffff).to_string();
        let label: String =
            digits.bytes().map(|digit| char::from(LETTERS[usize::from(digit) % LETTERS.len()])).collect();
        let name = object.get("metadata").and_then(|meta| meta.value.get("name")?.value.scalar()).unwrap_or_default();
        Self { hash, replica_set: format!("{name}-{label}"), label }
    }
}

/// Equal for trees that say the same.
pub(super) fn digest_of(node: &Node<'_>) -> u64 {
    let mut digest = Digest::new();
    fold(&mut digest, node);
    digest.value()
}

/// Folds a tree in: keys in the order of their names, nothing where nothing is written, and no label of a Deployment's own.
fn fold(digest: &mut Digest, node: &Node<'_>) {
    match &node.value {
        Value::Map(entries) => {
            let mut entries: Vec<_> = entries
                .iter()
                .filter(|e| !e.value.is_null() && e.key != TEMPLATE_HASH && !is_empty(&e.value))
                .collect();
            entries.sort_by(|a, b| a.key.cmp(&b.key));
            digest.fold(1);
            for entry in entries {
                fold_text(digest, &entry.key);
                fold(digest, &entry.value);
            }
            digest.fold(2);
        }
        Value::List(items) => {
            digest.fold(3);
            items.iter().for_each(|item| fold(digest, item));
            digest.fold(4);
        }
        // However it is spelled: a patched object is written anew.
        Value::Plain(text) => match plain(text) {
            Json::String(text) => {
                digest.fold(5);
                fold_text(digest, &text);
            }
            other => {
                digest.fold(6);
                fold_text(digest, &other.to_string());
            }
        },
        Value::Text(text) => {
            digest.fold(5);
            fold_text(digest, text);
        }
    }
}

/// Whether it is a mapping or list without content: written or not, an API server stores the same.
fn is_empty(node: &Node<'_>) -> bool {
    match &node.value {
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.iter().all(|entry| entry.key == TEMPLATE_HASH),
        _ => false,
    }
}

fn fold_text(digest: &mut Digest, text: &str) {
    digest.fold(text.len() as u64);
    for chunk in text.as_bytes().chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        digest.fold(u64::from_le_bytes(word));
    }
}

/// A template that was read.
pub(super) struct Template<'t> {
    /// The pod; of no use if there were errors.
    pub pod: Option<Pod<'t>>,
    /// Its labels, without those that a controller adds.
    pub labels: Vec<(&'t str, &'t str)>,
    /// `spec.restartPolicy` as written.
    pub restart_policy: &'t str,
}

/// Reads `template` of the workload whose `spec` this is. `added` are labels that its controller adds.
pub(super) fn read<'t>(
    cx: &mut Context<'_>,
    spec: &Fields<'t, '_>,
    workload: &Meta<'t>,
    added: &[(&'t str, &'t str)],
    origin: &Origin<'_, 't>,
) -> Option<Template<'t>> {
    let path = spec.path.field("template");
    let example = "write `metadata:` with `labels:`, and `spec:` with `containers:` under it";
    let template = spec.section(cx, "template", &path, &schema::POD_TEMPLATE, example)?;
    let mut own = Meta::of_template(workload);
    let meta_path = path.field("metadata");
    let meta = template.section(cx, "metadata", &meta_path, &schema::TEMPLATE_META, "write `labels:` under it")?;
    own.labels = meta::check_labels_at(cx, &meta, "labels", &path.field("labels"));
    own.annotations = meta::annotations(cx, &meta, &path.field("annotations"));
    let labels = own.labels.clone();
    own.labels.retain(|(key, _)| !added.iter().any(|(other, _)| other == key));
    own.labels.extend(added);
    let pod = pod::spec(cx, &template, &own, origin);
    let field = |name: &str| template.get("spec").and_then(|spec| spec.value.get(name));
    if let Some(entry) = field("ephemeralContainers")
        && !matches!(&entry.value.value, Value::List(items) if items.is_empty())
    {
        let spec = path.field("spec");
        let text = "Forbidden: ephemeral containers not allowed in pod template";
        let help = "they are added to running pods only (kubectl debug): remove them";
        cx.invalid(codes::FORBIDDEN, entry.key_at, &spec.field("ephemeralContainers"), text, "", help);
    }
    let restart_policy = field("restartPolicy").and_then(|entry| entry.value.scalar()).unwrap_or("Always");
    Some(Template { pod, labels, restart_policy })
}

/// Reports a selector that does not match the labels of its template; an empty one is another mistake.
pub(super) fn check_selector(
    cx: &mut Context<'_>,
    spec: &Fields<'_, '_>,
    selector: Option<&LabelSelector>,
    even_empty: bool,
) {
    let Ok(selector) = Selector::from_object(selector) else { return };
    let entry = spec.get("template").and_then(|entry| entry.value.get("metadata")?.value.get("labels"));
    let labels = entry.and_then(|entry| entry.value.map()).unwrap_or_default();
    let mut labels: Vec<(&str, &str)> =
        labels.iter().filter_map(|entry| Some((&*entry.key, entry.value.scalar()?))).collect();
    let value_of = |key: &str| labels.iter().rfind(|(other, _)| *other == key).map(|&(_, value)| value);
    if (selector.is_everything() && !even_empty) || selector.matches(value_of) {
        return;
    }
    labels.sort_unstable();
    let pairs: Vec<String> = labels.iter().map(|(k, v)| format!("{}:{}", go_quote(k), go_quote(v))).collect();
    let shown = if entry.is_some() { format!("{{{}}}", pairs.join(",")) } else { "null".to_owned() };
    let text = format!("Invalid value: {shown}: `selector` does not match template `labels`");
    let template = spec.path.field("template");
    let metadata = template.field("metadata");
    let at = entry.map_or_else(|| spec.at("template"), |entry| entry.key_at);
    let help = "the workload looks for its pods by these labels: give the template every label of `selector:`";
    cx.invalid(codes::SELECTOR_MISMATCH, at, &metadata.field("labels"), &text, "not selected", help);
}

/// Reports what pods of workloads that replace them cannot have: an end of their own.
pub(super) fn check_endless(cx: &mut Context<'_>, spec: &Fields<'_, '_>, template: &Template<'_>, owner: &str) {
    let path = spec.path.field("template");
    let path = path.field("spec");
    let place = |name: &str| {
        let entry = spec.get("template").and_then(|entry| entry.value.get("spec")?.value.get(name));
        entry.map_or_else(|| spec.at("template"), |entry| entry.value.at)
    };
    if template.restart_policy != "Always" {
        let text = format!("Unsupported value: {}: supported values: \"Always\"", go_quote(template.restart_policy));
        let help = "its pods run for ever: remove the line, or use a Job for what comes to an end";
        let at = place("restartPolicy");
        cx.invalid(codes::UNSUPPORTED, at, &path.field("restartPolicy"), &text, "not for this kind", help);
    }
    if spec.get("template").and_then(|entry| entry.value.get("spec")?.value.get("activeDeadlineSeconds")).is_some() {
        let text = format!("Forbidden: activeDeadlineSeconds in {owner} is not Supported");
        let help = "its pods run for ever: remove the line, or use a Job for what comes to an end";
        let at = place("activeDeadlineSeconds");
        cx.invalid(codes::FORBIDDEN, at, &path.field("activeDeadlineSeconds"), &text, "not for this kind", help);
    }
}

/// Says that a selector was taken from the template: servers of old let it be left out, and notes of what a cluster has leave
/// it out sometimes.
pub(super) fn warn_of_default(cx: &mut Context<'_>, spec: &Fields<'_, '_>) {
    let path = spec.path.field("selector");
    let message = format!("{path}: missing: the labels of the template are taken");
    let help =
        "write `selector: {matchLabels: ...}` with the template's labels: an API server of v1.34 refuses it without";
    cx.warn(codes::SELECTOR_MISMATCH, spec.at("selector"), &message, "no selector", help);
}

/// Reports a selector that is missing (where it must be there) or that selects everything.
pub(super) fn check_given(
    cx: &mut Context<'_>,
    spec: &Fields<'_, '_>,
    selector: Option<&LabelSelector>,
    required: bool,
    workload: &str,
) {
    let path = spec.path.field("selector");
    match selector {
        None if required => {
            let help =
                "say which pods are its own: add `selector: {matchLabels: {app: web}}` with the template's labels";
            let at = spec.at("selector");
            cx.invalid(codes::REQUIRED, at, &path, "Required value", "no selector", help);
        }
        Some(selector) if selector.match_labels.is_empty() && selector.match_expressions.is_empty() => {
            let text = format!("Invalid value: {{}}: empty selector is invalid for {workload}");
            let help = "it would select every pod of the namespace: write the template's labels under `matchLabels:`";
            cx.invalid(codes::BAD_SELECTOR, spec.at("selector"), &path, &text, "selects everything", help);
        }
        _ => {}
    }
}
