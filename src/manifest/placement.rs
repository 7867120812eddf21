//! What a pod says about where it may run: tolerations, node selector, priority. Mirrors ValidateTolerations of
//! pkg/apis/core/validation/validation.go and the admission plugins DefaultTolerationSeconds and Priority, v1.34.

use super::codes;
use super::fields::{Context, Fields, Path};
use super::meta::check_labels;
use super::scheduler_config::DEFAULT_SCHEDULER;
use super::schema;
use crate::diag::did_you_mean;
use crate::model::admission::add_default_tolerations;
use crate::model::names::{go_quote, label_key_errors, label_value_errors};
use crate::model::{PreemptionPolicy, PriorityRefusal, StrId, TaintEffect, Toleration, TolerationOperator};

/// Words of `effect`, in upstream's order.
pub(super) const EFFECTS: &[(&str, TaintEffect)] = &[
    ("NoSchedule", TaintEffect::NoSchedule),
    ("PreferNoSchedule", TaintEffect::PreferNoSchedule),
    ("NoExecute", TaintEffect::NoExecute),
];

/// Reads `spec.nodeSelector`, sorted by key.
pub(super) fn node_selector(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> Box<[(StrId, StrId)]> {
    let mut pairs = check_labels(cx, spec, "nodeSelector");
    pairs.sort_unstable();
    pairs.dedup_by_key(|(key, _)| *key);
    pairs.into_iter().map(|(k, v)| (cx.words.strings.intern(k), cx.words.strings.intern(v))).collect()
}

/// Reads `spec.schedulerName`; `None` is the default scheduler.
pub(super) fn scheduler_name(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> Option<StrId> {
    let name = spec.text(cx, "schedulerName").filter(|name| !name.is_empty() && *name != DEFAULT_SCHEDULER)?;
    Some(cx.words.strings.intern(name))
}

/// Reads `spec.schedulingGates`, which a pod that `has_node` already cannot have.
pub(super) fn scheduling_gates(cx: &mut Context<'_>, spec: &Fields<'_, '_>, has_node: bool) -> Box<[StrId]> {
    let list_path = spec.path.field("schedulingGates");
    let mut gates = Vec::new();
    for (index, node) in spec.list(cx, "schedulingGates", "v1.PodSchedulingGate").iter().enumerate() {
        let path = list_path.index(index);
        let schema = &schema::SCHEDULING_GATE;
        let Some(fields) = cx.fields(node, node.anchor(), &path, schema, "write `- name: example.com/quota`") else {
            continue;
        };
        let name = fields.text(cx, "name").unwrap_or("");
        let help = "gates are a name, or a domain, a slash and a name: example.com/quota";
        let reasons = label_key_errors(name);
        cx.invalid_text(codes::BAD_SCHEDULING_GATE, fields.at("name"), &path, name, reasons, help);
        let gate = cx.words.strings.intern(name);
        if gates.contains(&gate) {
            let text = format!("Duplicate value: {}", go_quote(name));
            let help = "a gate is there once: remove one of the two";
            cx.invalid(codes::BAD_SCHEDULING_GATE, fields.at("name"), &path, &text, "there is one already", help);
        }
        gates.push(gate);
    }
    if !gates.is_empty() && has_node {
        let text = "Forbidden: cannot be set until all schedulingGates have been cleared";
        let help = "remove the gates, or let the scheduler choose the node";
        let (at, path) = (spec.at("nodeName"), spec.path.field("nodeName"));
        cx.invalid(codes::BAD_SCHEDULING_GATE, at, &path, text, "already given a node", help);
    }
    gates.into()
}

/// What a DaemonSet's pods tolerate: key, effect, and whether only on the network of the node. Mirrors
/// AddOrUpdateDaemonPodTolerations of pkg/controller/daemon/util/daemonset_util.go.
const OF_DAEMONS: [(&str, TaintEffect, bool); 7] = [
    ("node.kubernetes.io/not-ready", TaintEffect::NoExecute, false),
    ("node.kubernetes.io/unreachable", TaintEffect::NoExecute, false),
    ("node.kubernetes.io/disk-pressure", TaintEffect::NoSchedule, false),
    ("node.kubernetes.io/memory-pressure", TaintEffect::NoSchedule, false),
    ("node.kubernetes.io/pid-pressure", TaintEffect::NoSchedule, false),
    ("node.kubernetes.io/unschedulable", TaintEffect::NoSchedule, false),
    ("node.kubernetes.io/network-unavailable", TaintEffect::NoSchedule, true),
];

/// Reads `spec.tolerations` and adds those of a DaemonSet's controller, whose pods are on the node's network or not, and those
/// of admission.
pub(super) fn tolerations(cx: &mut Context<'_>, spec: &Fields<'_, '_>, daemon: Option<bool>) -> Box<[Toleration]> {
    let list_path = spec.path.field("tolerations");
    let mut all = Vec::new();
    for (index, node) in spec.list(cx, "tolerations", "v1.Toleration").iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- key: dedicated`, `operator: Equal`, `value: batch`, `effect: NoSchedule`";
        let Some(fields) = cx.fields(node, node.anchor(), &path, &schema::TOLERATION, example) else { continue };
        all.extend(toleration(cx, &fields, &path));
    }
    if let Some(host_network) = daemon {
        for (key, effect, on_host) in OF_DAEMONS {
            let key = Some(cx.words.strings.intern(key));
            let added = Toleration { key, operator: TolerationOperator::Exists, effect: Some(effect), seconds: None };
            if (host_network || !on_host) && !all.contains(&added) {
                all.push(added);
            }
        }
    }
    if !cx.words.stored {
        add_default_tolerations(&mut all, cx.words.default_toleration_seconds);
    }
    all.into_boxed_slice()
}

fn toleration(cx: &mut Context<'_>, fields: &Fields<'_, '_>, path: &Path<'_>) -> Option<Toleration> {
    let key = fields.text(cx, "key").unwrap_or("");
    if !key.is_empty() {
        let help = "taint keys are a name, or a domain, a slash and a name: example.com/dedicated";
        let reasons = label_key_errors(key);
        cx.invalid_text(codes::BAD_TOLERATION, fields.at("key"), &path.field("key"), key, reasons, help);
    }
    let value = fields.text(cx, "value").unwrap_or("");
    let operator_path = path.field("operator");
    let errors = cx.errors;
    let exists = match fields.get("operator") {
        Some(_) => cx.choice(fields, "operator", &[("Equal", false), ("Exists", true)])?,
        None => false,
    };
    if key.is_empty() && !exists {
        let operator = if fields.get("operator").is_some() { "Equal" } else { "" };
        let text = format!(
            "Invalid value: {}: operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
            go_quote(operator)
        );
        let help = "add `key:` with the taint's key, or `operator: Exists` to tolerate everything";
        cx.invalid(codes::BAD_TOLERATION, fields.at("operator"), &operator_path, &text, "", help);
    }
    if exists && !value.is_empty() {
        let text = format!("Invalid value: {}: value must be empty when `operator` is 'Exists'", go_quote(value));
        let help = "remove `value`, or write `operator: Equal`";
        cx.invalid(codes::BAD_TOLERATION, fields.at("value"), &operator_path, &text, "not compared", help);
    }
    if !exists {
        let help = "taint values have at most 63 letters, digits, `-`, `_` and `.`";
        let reasons = label_value_errors(value);
        cx.invalid_text(codes::BAD_TOLERATION, fields.at("value"), &operator_path, value, reasons, help);
    }
    let effect = match fields.text(cx, "effect") {
        None | Some("") => None,
        Some(_) => cx.choice(fields, "effect", EFFECTS),
    };
    let seconds = fields.integer(cx, "tolerationSeconds", "int64");
    if seconds.is_some() && effect != Some(TaintEffect::NoExecute) && cx.errors == errors {
        let text = format!(
            "Invalid value: {}: effect must be 'NoExecute' when `tolerationSeconds` is set",
            go_quote(effect.map_or("", |e| EFFECTS.iter().find(|(_, other)| *other == e).map_or("", |(word, _)| word)))
        );
        let help = "write `effect: NoExecute`, or remove `tolerationSeconds`: the other effects evict nobody";
        cx.invalid(codes::BAD_TOLERATION, fields.at("effect"), &path.field("effect"), &text, "", help);
    }
    let key = (!key.is_empty()).then(|| cx.words.strings.intern(key));
    let operator =
        if exists { TolerationOperator::Exists } else { TolerationOperator::Equal(cx.words.strings.intern(value)) };
    Some(Toleration { key, operator, effect, seconds })
}

/// Words of `preemptionPolicy`, in upstream's order.
pub(super) const PREEMPTION: &[(&str, PreemptionPolicy)] =
    &[("PreemptLowerPriority", PreemptionPolicy::PreemptLowerPriority), ("Never", PreemptionPolicy::Never)];

/// `spec.priority` and `spec.preemptionPolicy` after admission.
pub(super) fn priority(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> (i32, PreemptionPolicy) {
    let given = spec.integer(cx, "priority", "int32").and_then(|value| i32::try_from(value).ok());
    let policy = cx.choice(spec, "preemptionPolicy", PREEMPTION);
    let name = spec.text(cx, "priorityClassName").unwrap_or("");
    if let Some(given) = given.filter(|_| cx.words.stored) {
        let class = cx.words.priorities.get(name).map(|class| class.preemption);
        return (given, policy.or(class).unwrap_or_default());
    }
    match cx.words.priorities.admit(name, given, policy) {
        Ok(class) => (class.value, class.preemption),
        Err(PriorityRefusal::UnknownClass) => {
            // A dump has both; the class may be in another file that was not given.
            if given.is_none() {
                let help = match did_you_mean(name, cx.words.priorities.names()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => {
                        let names: Vec<&str> = cx.words.priorities.names().collect();
                        format!("the classes are {}; add the PriorityClass to the files", names.join(", "))
                    }
                };
                let message = format!("no PriorityClass with name {name} was found");
                let (at, code) = (spec.at("priorityClassName"), codes::UNKNOWN_PRIORITY_CLASS);
                if cx.kind == "Pod" {
                    cx.error(code, at, &message, "not in the files", &help);
                } else {
                    // The workload is taken; each of its pods would be refused.
                    let message = format!("{message}: an API server would refuse its pods; here they have priority 0");
                    cx.warn(code, at, &message, "not in the files", &help);
                }
            }
            (given.unwrap_or(0), policy.unwrap_or_default())
        }
        Err(PriorityRefusal::OtherValue(class)) => {
            let value = class.value;
            let message = format!(
                "the integer value of priority ({}) must not be provided in pod spec; priority admission controller \
                 computed {value} from the given PriorityClass name",
                given.unwrap_or_default()
            );
            let help = "remove `priority` and set `priorityClassName`";
            cx.error(codes::PRIORITY_CONFLICT, spec.at("priority"), &message, &format!("the class says {value}"), help);
            (value, class.preemption)
        }
        Err(PriorityRefusal::OtherPolicy(class)) => {
            let word = |policy| PREEMPTION.iter().find(|(_, other)| *other == policy).map_or("", |(word, _)| word);
            let message = format!(
                "the string value of PreemptionPolicy ({}) must not be provided in pod spec; priority admission controller \
                 computed {} from the given PriorityClass name",
                word(policy.unwrap_or_default()),
                word(class.preemption)
            );
            let help = "remove `preemptionPolicy` here and set it in the PriorityClass";
            let label = format!("the class says {}", word(class.preemption));
            cx.error(codes::PRIORITY_CONFLICT, spec.at("preemptionPolicy"), &message, &label, help);
            (class.value, class.preemption)
        }
    }
}
