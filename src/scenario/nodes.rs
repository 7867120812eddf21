//! `[[node_pool]]` -> nodes, with what the kubelet keeps for itself subtracted.

use std::collections::BTreeSet;

use super::Cx;
use super::autoscaler::{Growth, growth};
use super::codes;
use super::fields::{Fields, Placed, fail, whole};
use super::parts::Parts;
use super::spec::node_pool::{ALLOCATABLE, CAPACITY, NODE_POOL, RESERVED};
use super::units;
use crate::base::{Format, Quantity};
use crate::model::eviction::{Signal, Threshold};
use crate::model::strings::known;
use crate::model::{NodeShape, PoolPlan, Resources, StrId, Taint, TaintEffect};
use crate::sim::plan::NodePlan;

/// More nodes than this are refused: a slip of the finger must not fill the memory.
const MOST_NODES: i64 = 1_000_000;
const DEFAULT_STORAGE: i64 = 100 << 30;
const DEFAULT_PODS: i64 = 110;

pub(super) fn pools(cx: &mut Cx<'_>, root: &Fields<'_>, parts: &mut Parts, thresholds: &[Threshold]) {
    let mut names = BTreeSet::new();
    for fields in root.tables(cx, "node_pool", &NODE_POOL) {
        pool(cx, &fields, parts, &mut names, thresholds);
    }
}

fn pool(
    cx: &mut Cx<'_>,
    fields: &Fields<'_>,
    parts: &mut Parts,
    names: &mut BTreeSet<String>,
    thresholds: &[Threshold],
) {
    let name = fields.text(cx, "name");
    let growth = growth(cx, fields);
    let least = growth.limits.map_or(1, |limits| i64::from(limits.min));
    let count = fields.whole(cx, "count").map_or(least, |count| {
        if count.value <= MOST_NODES {
            return count.value;
        }
        let message = format!("{} nodes are more than one process holds", count.value);
        let help = format!("write at most {MOST_NODES}");
        cx.diagnostics.error(codes::TOO_MANY, count.span, message, "too many", help);
        cx.missing.nodes = true;
        0
    });
    let digits = fields.whole(cx, "digits").map_or(1, |digits| usize::try_from(digits.value).unwrap_or(1));
    let machine = machine(cx, fields, thresholds);
    let labels = fields.map(cx, "labels").unwrap_or_default();
    let taints = taints(cx, fields);
    let zones = fields.texts(cx, "zones").unwrap_or_default();
    let unschedulable = fields.flag(cx, "unschedulable").unwrap_or(false);
    let (Some(name), Some(machine)) = (name, machine) else {
        cx.missing.nodes = true;
        return;
    };
    if !names.insert(name.value.to_owned()) {
        let message = format!("there are two node pools called `{}`", name.value);
        cx.diagnostics.error(
            codes::DUPLICATE_NAME,
            name.span,
            message,
            "the second one",
            "give each pool its own name",
        );
        return;
    }

    let strings = &mut cx.vocabulary.strings;
    let pool = strings.intern(name.value);
    let zones: Vec<&str> = if zones.is_empty() { vec![""] } else { zones.iter().map(|zone| zone.value).collect() };
    let mut shapes = Vec::new();
    for zone in &zones {
        // The labels that every kubelet sets, then the zone, then what the user says.
        let mut pairs = vec![("kubernetes.io/os", "linux"), ("kubernetes.io/arch", "amd64")];
        if !zone.is_empty() {
            pairs.push(("topology.kubernetes.io/zone", zone));
        }
        pairs.extend(labels.iter().map(|(key, value)| (*key, value.value)));
        let labels = strings.intern_labels(pairs);
        let zone = strings.labels(labels).get(known::LABEL_ZONE).unwrap_or(known::EMPTY);
        shapes.push(NodeShape {
            pool,
            capacity: machine.capacity.clone(),
            allocatable: machine.allocatable.clone(),
            max_pods: machine.max_pods,
            labels,
            taints: taints.clone().into(),
            zone,
            unschedulable,
            images: Box::default(),
        });
    }
    let shapes: Vec<_> = shapes.into_iter().map(|shape| cx.vocabulary.shapes.intern(shape)).collect();
    let first = parts.nodes.len();
    for index in 0..usize::try_from(count).unwrap_or(0) {
        let node = cx.vocabulary.strings.intern(&format!("{}-{index:0digits$}", name.value));
        parts.node(cx, NodePlan { name: node, shape: shapes[index % shapes.len()] }, name.span);
    }
    let Growth { limits, provision, boot, price_per_hour, priority, scale_down_disabled } = growth;
    parts.pools.push(PoolPlan {
        name: pool,
        digits,
        shapes: shapes.into(),
        nodes: first..parts.nodes.len(),
        limits,
        provision,
        boot,
        price_per_hour,
        priority,
        scale_down_disabled,
    });
}

struct Machine {
    capacity: Resources,
    allocatable: Resources,
    max_pods: i64,
}

/// What the machine has and what pods may request of it (spec 4.6).
fn machine(cx: &mut Cx<'_>, pool: &Fields<'_>, thresholds: &[Threshold]) -> Option<Machine> {
    let fields = pool.table(cx, "capacity", &CAPACITY);
    let reserved = pool.table(cx, "reserved", &RESERVED);
    let overruled = pool.table(cx, "allocatable", &ALLOCATABLE);
    let reserved = reserved.map(|fields| basic(cx, &fields)).unwrap_or_default();
    let given = overruled.map(|fields| (fields.span, basic(cx, &fields), extended(cx, &fields)));
    let fields = fields?;
    let [cpu, memory, storage] = basic(cx, &fields);
    let max_pods = fields.whole(cx, "pods").map_or(DEFAULT_PODS, |pods| pods.value);
    let scalar = extended(cx, &fields);
    let mut capacity = Resources {
        milli_cpu: cpu?.value,
        memory: memory?.value,
        ephemeral_storage: storage.map_or(DEFAULT_STORAGE, |storage| storage.value),
        ..Resources::default()
    };
    for (name, amount) in scalar {
        capacity.set_scalar(name, amount);
    }
    let kept = |resource: usize| reserved[resource].as_ref().map_or(0, |amount| amount.value);
    let hard = |signal: Signal, capacity: i64| {
        let threshold = thresholds.iter().find(|threshold| threshold.signal == signal && threshold.is_hard());
        threshold.map_or(0, |threshold| threshold.value.of(Quantity::new(capacity, Format::BinarySi)).value())
    };
    let mut allocatable = capacity.clone();
    allocatable.milli_cpu = (capacity.milli_cpu - kept(0)).max(0);
    allocatable.memory = (capacity.memory - kept(1) - hard(Signal::MemoryAvailable, capacity.memory)).max(0);
    let storage = capacity.ephemeral_storage;
    allocatable.ephemeral_storage = (storage - kept(2) - hard(Signal::NodeFsAvailable, storage)).max(0);
    if let Some((span, basics, scalar)) = given {
        let [cpu, memory, storage] = basics.map(|amount| amount.map(|amount| amount.value));
        allocatable.milli_cpu = cpu.unwrap_or(allocatable.milli_cpu);
        allocatable.memory = memory.unwrap_or(allocatable.memory);
        allocatable.ephemeral_storage = storage.unwrap_or(allocatable.ephemeral_storage);
        for (name, amount) in scalar {
            allocatable.set_scalar(name, amount);
        }
        let more = allocatable.milli_cpu > capacity.milli_cpu
            || allocatable.memory > capacity.memory
            || allocatable.ephemeral_storage > capacity.ephemeral_storage
            || allocatable.scalar.iter().any(|&(name, amount)| amount > capacity.scalar(name));
        if more {
            let message = "more is allocatable than the machine has";
            let help = "lower `allocatable`, or raise `capacity`";
            cx.diagnostics.error(codes::MORE_THAN_CAPACITY, span, message, "more than `capacity`", help);
        }
    }
    Some(Machine { capacity, allocatable, max_pods })
}

/// cpu, memory, ephemeral storage.
fn basic(cx: &mut Cx<'_>, fields: &Fields<'_>) -> [Option<Placed<i64>>; 3] {
    [
        fields.amount(cx, "cpu", units::cpu),
        fields.amount(cx, "memory", units::bytes),
        fields.amount(cx, "ephemeral-storage", units::bytes),
    ]
}

/// Extended resources in whole units; huge pages in bytes.
pub(super) fn extended(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Vec<(StrId, i64)> {
    let mut amounts = Vec::new();
    for (name, node) in fields.extended() {
        let amount = if name.starts_with("hugepages-") {
            super::fields::amount(cx, node, units::bytes)
        } else {
            whole(cx, node, 0, i64::MAX)
        };
        if let Some(amount) = amount {
            amounts.push((cx.vocabulary.strings.intern(name), amount.value));
        }
    }
    amounts
}

fn taints(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Vec<Taint> {
    let items = fields.list(cx, "taints").unwrap_or_default();
    items.iter().filter_map(|item| taint(cx, item)).collect()
}

/// `key=value:Effect` or `key:Effect`, as `kubectl taint` takes it.
pub(super) fn taint(cx: &mut Cx<'_>, node: &super::tree::Node) -> Option<Taint> {
    let written = super::fields::text(cx, node)?.value;
    let parsed = written.rsplit_once(':').and_then(|(pair, effect)| {
        let effect = match effect {
            "NoSchedule" => TaintEffect::NoSchedule,
            "PreferNoSchedule" => TaintEffect::PreferNoSchedule,
            "NoExecute" => TaintEffect::NoExecute,
            _ => return None,
        };
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (!key.is_empty()).then_some((key, value, effect))
    });
    let Some((key, value, effect)) = parsed else {
        let message = format!("`{written}` is not a taint");
        let help = "write `key=value:Effect` or `key:Effect`; effects are NoSchedule, PreferNoSchedule, NoExecute";
        return fail(cx, codes::BAD_TAINT, node, &message, "not a taint", help);
    };
    let strings = &mut cx.vocabulary.strings;
    Some(Taint { key: strings.intern(key), value: strings.intern(value), effect })
}
