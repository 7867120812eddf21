//! `resources` of containers and pods, and lists of resources of nodes: reading and checking; what they add up to is
//! arithmetic of the model. Mirrors validateContainerResourceName and ValidateContainerResourceRequirements of
//! pkg/apis/core/validation/validation.go, v1.34.

use super::codes;
use super::fields::{Context, Fields, Path};
use super::schema;
use super::tree::{At, Entry};
use crate::base::Quantity;
use crate::diag::did_you_mean;
use crate::model::names::go_quote;
use crate::model::{ResourceList, ResourceRequirements};

const STANDARD: &[&str] = &["cpu", "memory", "ephemeral-storage"];

/// Whose resources they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// A container: requests default to limits.
    Container,
    /// A pod as a whole.
    Pod,
}

/// A resource list with the places of its amounts.
struct Amounts<'t> {
    list: ResourceList,
    places: Vec<(&'t str, Quantity, At)>,
}

/// Reads a field that holds `{limits: .., requests: ..}`; missing is empty.
pub(super) fn requirements(cx: &mut Context<'_>, fields: &Fields<'_, '_>, owner: Owner) -> ResourceRequirements {
    let Some(entry) = fields.get("resources") else { return ResourceRequirements::default() };
    let path = fields.path.field("resources");
    let example = "write `requests: {cpu: 500m, memory: 256Mi}` under it";
    let Some(inner) = cx.fields(&entry.value, entry.key_at, &path, &schema::RESOURCES, example) else {
        return ResourceRequirements::default();
    };
    let limits = read(cx, &inner, "limits", true);
    let requests = read(cx, &inner, "requests", true);
    if owner == Owner::Container {
        echo_defaults(cx, &limits, &requests, &path.field("requests"));
    }
    let known = |list: &ResourceList, name: &str| list.get(name);
    for &(name, amount, at) in &requests.places {
        if amount_error(name, amount).is_some() {
            continue;
        }
        let path = path.field("requests");
        match known(&limits.list, name) {
            Some(limit) if amount != limit && !may_overcommit(name) => {
                let text = format!("Invalid value: \"{amount}\": must be equal to {name} limit of {limit}");
                let help =
                    format!("set request and limit of {name} to the same number: such resources are never shared");
                cx.invalid(codes::EXTENDED_RESOURCE, at, &path, &text, "differs from the limit", &help);
            }
            Some(limit) if amount > limit => {
                let text =
                    format!("Invalid value: \"{amount}\": must be less than or equal to {name} limit of {limit}");
                let help = format!("lower the request to at most {limit}, or raise the limit to at least {amount}");
                cx.invalid(codes::REQUEST_ABOVE_LIMIT, at, &path, &text, "more than the limit", &help);
            }
            None if !may_overcommit(name) => {
                let path = inner.path.field("limits");
                let text = "Required value: Limit must be set for non overcommitable resources";
                let help = format!("add `{name}: {amount}` under `limits:` as well");
                cx.invalid(codes::EXTENDED_RESOURCE, at, &path, text, "has no limit", &help);
            }
            _ => {}
        }
    }
    let mut requirements = ResourceRequirements { requests: requests.list, limits: limits.list };
    let names: Vec<&str> =
        requirements.limits.iter().chain(requirements.requests.iter()).map(|(name, _)| name).collect();
    if names.iter().any(|name| name.starts_with("hugepages-")) && !names.iter().any(|n| *n == "cpu" || *n == "memory") {
        let help = "add a request or a limit for cpu or memory";
        cx.invalid(codes::FORBIDDEN, entry.key_at, &path, "Forbidden: HugePages require cpu or memory", "", help);
    }
    if owner == Owner::Container {
        requirements.requests.fill(&requirements.limits);
    }
    requirements
}

/// Reads a list of resources and checks each amount. `checked` is whether names must be those of containers.
fn read<'t>(cx: &mut Context<'_>, fields: &Fields<'t, '_>, name: &'static str, checked: bool) -> Amounts<'t> {
    let path = fields.path.field(name);
    let mut amounts = Amounts { list: ResourceList::new(), places: Vec::new() };
    for entry in fields.map(cx, name, "v1.ResourceList", "write `cpu: 500m` and `memory: 256Mi` lines under it") {
        let key_path = path.key(&entry.key);
        if checked {
            check_name(cx, entry, &key_path);
        }
        let Some((amount, fits)) = amount(cx, entry, &key_path) else { continue };
        amounts.places.push((&entry.key, amount, entry.value.at));
        if fits {
            amounts.list.set(&entry.key, amount);
        }
    }
    amounts
}

/// Reads a list of resources that may hold any names (overhead, a node's capacity).
pub(super) fn list(cx: &mut Context<'_>, fields: &Fields<'_, '_>, name: &'static str) -> ResourceList {
    read(cx, fields, name, false).list
}

/// Names that are resources, but none of a container.
const OF_OTHERS: &[&str] = &[
    "pods",
    "services",
    "storage",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
];

/// What is wrong with the name of a container's resource.
fn name_errors(name: &str) -> &'static [&'static str] {
    if name.contains('/') || STANDARD.contains(&name) || name.starts_with("hugepages-") {
        &[]
    } else if OF_OTHERS.contains(&name) {
        &["must be a standard resource for containers"]
    } else {
        &["must be a standard resource type or fully qualified", "must be a standard resource for containers"]
    }
}

/// Reports a name that no resource of a container has.
pub(super) fn check_name(cx: &mut Context<'_>, entry: &Entry<'_>, path: &Path<'_>) {
    let name = &*entry.key;
    let [rule, more @ ..] = name_errors(name) else { return };
    let help = match name {
        "gpu" | "gpus" => "a GPU is requested by its vendor's name: nvidia.com/gpu".to_owned(),
        "storage" => "did you mean `ephemeral-storage`?".to_owned(),
        _ => match did_you_mean(name, STANDARD.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "write cpu, memory, ephemeral-storage, hugepages-2Mi, or a name with a domain: example.com/dongle"
                .to_owned(),
        },
    };
    let text = format!("Invalid value: {}: {rule}", go_quote(name));
    cx.invalid(codes::UNKNOWN_RESOURCE, entry.key_at, path, &text, "no such resource", &help);
    for rule in more {
        cx.echo(path, &format!("Invalid value: {}: {rule}", go_quote(name)));
    }
}

/// Requests that are limits again: upstream blames both.
fn echo_defaults(cx: &mut Context<'_>, limits: &Amounts<'_>, requests: &Amounts<'_>, path: &Path<'_>) {
    for &(name, amount, _) in &limits.places {
        if requests.places.iter().any(|(other, ..)| *other == name) {
            continue;
        }
        let path = path.key(name);
        for rule in name_errors(name) {
            cx.echo(&path, &format!("Invalid value: {}: {rule}", go_quote(name)));
        }
        if let Some(rule) = amount_error(name, amount) {
            cx.echo(&path, &format!("Invalid value: \"{amount}\": {rule}"));
        }
    }
}

/// What is wrong with an amount.
fn amount_error(name: &str, amount: Quantity) -> Option<&'static str> {
    if amount < Quantity::default() {
        return Some("must be greater than or equal to 0");
    }
    (is_extended(name) && amount.milli_value() % 1000 != 0).then_some("must be an integer")
}

/// An amount, and whether it is one that there can be.
fn amount(cx: &mut Context<'_>, entry: &Entry<'_>, path: &Path<'_>) -> Option<(Quantity, bool)> {
    if entry.value.is_null() {
        cx.error(
            codes::BAD_QUANTITY,
            entry.key_at,
            &format!("{path}: an amount is missing"),
            "nothing follows the colon",
            "write an amount, such as 500m for cpu or 256Mi for memory, or remove the line",
        );
        return None;
    }
    let amount = cx.quantity(&entry.value, path)?;
    let Some(rule) = amount_error(&entry.key, amount) else { return Some((amount, true)) };
    let text = format!("Invalid value: \"{amount}\": {rule}");
    let at = entry.value.at;
    if amount.is_negative() {
        let help = "amounts cannot be negative: remove the minus sign, or the line";
        cx.invalid(codes::NEGATIVE_QUANTITY, at, path, &text, "below zero", help);
    } else {
        let help = format!("{} comes in whole units only: write a whole number", entry.key);
        cx.invalid(codes::EXTENDED_RESOURCE, at, path, &text, "not a whole number", &help);
    }
    Some((amount, false))
}

/// Whether a resource is not one of Kubernetes' own.
fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/")
}

fn may_overcommit(name: &str) -> bool {
    !is_extended(name) && !name.starts_with("hugepages-")
}
