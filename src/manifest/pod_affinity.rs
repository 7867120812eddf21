//! What a pod says about other pods in `spec.affinity.podAffinity` and `podAntiAffinity`. Mirrors validatePodAffinityTerm of
//! pkg/apis/core/validation/validation.go, and newAffinityTerm of
//! staging/src/k8s.io/kube-scheduler/framework, v1.34.

use super::codes;
use super::fields::{Context, Fields};
use super::label_selector;
use super::meta::Meta;
use super::names::dns_label_errors;
use super::schema;
use crate::model::{PodAffinity, PodAffinityTerm};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
const TERM: &str =
    "write `- topologyKey: topology.kubernetes.io/zone` and `labelSelector:` with `matchLabels:` under it";

/// Reads both from the fields of `spec.affinity`. `None` if there is no term.
pub(super) fn read(cx: &mut Context<'_>, affinity: &Fields<'_, '_>, meta: &Meta<'_>) -> Option<Box<PodAffinity>> {
    let (required, preferred) = terms(cx, affinity, "podAffinity", meta);
    let (anti_required, anti_preferred) = terms(cx, affinity, "podAntiAffinity", meta);
    let all = PodAffinity { required, preferred, anti_required, anti_preferred };
    (all != PodAffinity::default()).then(|| Box::new(all))
}

type Terms = (Box<[PodAffinityTerm]>, Box<[(u8, PodAffinityTerm)]>);

fn terms(cx: &mut Context<'_>, affinity: &Fields<'_, '_>, name: &'static str, meta: &Meta<'_>) -> Terms {
    let Some(entry) = affinity.get(name) else { return Terms::default() };
    let path = affinity.path.field(name);
    let example = "write `requiredDuringSchedulingIgnoredDuringExecution:` and a list of terms under it";
    let Some(fields) = cx.fields(&entry.value, entry.key_at, &path, &schema::POD_AFFINITY, example) else {
        return Terms::default();
    };
    let list_path = path.field(REQUIRED);
    let mut required = Vec::new();
    for (index, node) in fields.list(cx, REQUIRED, "v1.PodAffinityTerm").iter().enumerate() {
        let path = list_path.index(index);
        let schema = &schema::POD_AFFINITY_TERM;
        let Some(fields) = cx.fields(node, node.anchor(), &path, schema, TERM) else { continue };
        required.push(term(cx, &fields, meta));
    }
    (required.into(), preferred(cx, &fields, meta))
}

fn preferred(cx: &mut Context<'_>, fields: &Fields<'_, '_>, meta: &Meta<'_>) -> Box<[(u8, PodAffinityTerm)]> {
    let list_path = fields.path.field(PREFERRED);
    let mut terms = Vec::new();
    for (index, node) in fields.list(cx, PREFERRED, "v1.WeightedPodAffinityTerm").iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- weight: 10` and `podAffinityTerm:` with `topologyKey:` and `labelSelector:` under it";
        let schema = &schema::WEIGHTED_POD_AFFINITY_TERM;
        let Some(fields) = cx.fields(node, node.anchor(), &path, schema, example) else { continue };
        let errors = cx.errors;
        let weight = fields.integer(cx, "weight", "int32").unwrap_or(0);
        if !(1..=100).contains(&weight) && cx.errors == errors {
            let text = format!("Invalid value: {weight}: must be in the range 1-100");
            let help = "write a weight from 1 to 100: it is counted once for every pod that matches";
            cx.invalid(codes::OUT_OF_RANGE, fields.at("weight"), &path.field("weight"), &text, "out of range", help);
        }
        let path = path.field("podAffinityTerm");
        let Some(entry) = fields.get("podAffinityTerm") else {
            let path = path.field("topologyKey");
            let text = "Required value: can not be empty";
            let at = fields.at("podAffinityTerm");
            cx.invalid(codes::BAD_POD_AFFINITY, at, &path, text, "no term", example);
            continue;
        };
        let schema = &schema::POD_AFFINITY_TERM;
        let Some(fields) = cx.fields(&entry.value, entry.key_at, &path, schema, TERM) else { continue };
        let term = term(cx, &fields, meta);
        terms.push((u8::try_from(weight).unwrap_or(0), term));
    }
    terms.into()
}

fn term(cx: &mut Context<'_>, fields: &Fields<'_, '_>, meta: &Meta<'_>) -> PodAffinityTerm {
    let code = codes::BAD_POD_AFFINITY;
    let mut selector = label_selector::read(cx, fields, "labelSelector");
    let namespace_selector = label_selector::read(cx, fields, "namespaceSelector");
    let namespaces = label_selector::texts(cx, fields, "namespaces", "PodAffinityTerm");
    for (name, at) in &namespaces {
        let help = "write the namespace's name: lower case letters, digits and `-`";
        // Upstream says `namespace` here.
        cx.invalid_text(code, *at, &fields.path.field("namespace"), name, dns_label_errors(name), help);
    }
    label_selector::merge_keys(cx, fields, &meta.labels, selector.as_mut(), code, ("PodAffinityTerm", true));
    let topology_key = label_selector::topology_key(cx, fields, code);
    let strings = &mut cx.words.strings;
    let own = namespaces.is_empty() && namespace_selector.is_none();
    let names = namespaces.iter().map(|(name, _)| *name).chain(own.then_some(meta.namespace));
    PodAffinityTerm {
        topology_key: strings.intern(topology_key),
        namespaces: names.map(|name| strings.intern(name)).collect(),
        in_own_namespace: own,
        selector: label_selector::compile(selector.as_ref(), strings),
        namespace_selector: label_selector::compile(namespace_selector.as_ref(), strings),
    }
}
