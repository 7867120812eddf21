//! Plain words for what plugins say, for amounts and for times. Whatever has no words of its own speaks with upstream's.

use crate::base::SimTime;
use crate::model::strings::known;
use crate::model::{PodClass, Protocol, Resources, StrId, Strings, TaintEffect};
use crate::scheduler::framework::Reason;
use crate::scheduler::hints::ClusterEvent;

/// The amount of a resource.
pub(crate) fn amount_of(resources: &Resources, name: StrId) -> i64 {
    match name {
        known::CPU => resources.milli_cpu,
        known::MEMORY => resources.memory,
        known::EPHEMERAL_STORAGE => resources.ephemeral_storage,
        other => resources.scalar(other),
    }
}

/// Sets the amount of a resource.
pub(crate) fn set_amount(resources: &mut Resources, name: StrId, amount: i64) {
    match name {
        known::CPU => resources.milli_cpu = amount,
        known::MEMORY => resources.memory = amount,
        known::EPHEMERAL_STORAGE => resources.ephemeral_storage = amount,
        other => resources.set_scalar(other, amount),
    }
}

/// Units of bytes, greatest first.
const BYTES: [(i64, &str); 8] = [
    (1 << 40, "Ti"),
    (1 << 30, "Gi"),
    (1 << 20, "Mi"),
    (1_000_000_000_000, "T"),
    (1_000_000_000, "G"),
    (1_000_000, "M"),
    (1 << 10, "Ki"),
    (1_000, "k"),
];

/// Whether a resource is counted in bytes.
fn is_bytes(name: StrId, strings: &Strings) -> bool {
    matches!(name, known::MEMORY | known::EPHEMERAL_STORAGE) || strings.text(name).starts_with("hugepages-")
}

/// An amount as a manifest states it, exactly.
pub(crate) fn quantity(name: StrId, amount: i64, strings: &Strings) -> String {
    if name == known::CPU {
        return if amount % 1000 == 0 { (amount / 1000).to_string() } else { format!("{amount}m") };
    }
    let unit = BYTES.iter().find(|(size, _)| is_bytes(name, strings) && amount != 0 && amount % size == 0);
    unit.map_or_else(|| amount.to_string(), |(size, unit)| format!("{}{unit}", amount / size))
}

/// The steps in which an amount may be made smaller so that it stays in the units of `amount`: mebibytes of what was given in
/// mebibytes or more. The finest comes last.
pub(crate) fn steps(name: StrId, amount: i64, strings: &Strings) -> Vec<i64> {
    if !is_bytes(name, strings) {
        return vec![1];
    }
    let sizes = [1 << 20, 1_000_000, 1 << 10, 1_000, 1];
    sizes.into_iter().filter(|size| amount % size == 0).collect()
}

/// An amount in a sentence: `2 CPUs`, `4Gi of memory`, `1 nvidia.com/gpu`.
pub(crate) fn amount(name: StrId, amount: i64, strings: &Strings) -> String {
    let text = quantity(name, amount, strings);
    match name {
        known::CPU if amount == 1000 => "1 CPU".to_owned(),
        known::CPU if amount % 1000 == 0 => format!("{text} CPUs"),
        known::CPU => format!("{text} of CPU"),
        _ if is_bytes(name, strings) => format!("{text} of {}", strings.text(name)),
        _ => format!("{text} {}", strings.text(name)),
    }
}

pub(crate) const fn effect(effect: TaintEffect) -> &'static str {
    match effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    }
}

pub(crate) const fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
        Protocol::Sctp => "SCTP",
    }
}

/// `key=value`, or `key` without a value.
pub(crate) fn pair(key: StrId, value: StrId, strings: &Strings) -> String {
    match strings.text(value) {
        "" => strings.text(key).to_owned(),
        value => format!("{}={value}", strings.text(key)),
    }
}

/// `1 of 5 nodes has ..`, `3 of 5 nodes have ..`, `no node ..`: who is meant by a reason that `count` of `all` nodes give.
struct Who {
    subject: String,
    has: &'static str,
    is: &'static str,
    does: &'static str,
}

fn who(count: u32, all: u32) -> Who {
    let subject = match (count, all) {
        (1, 1) => "the only node".to_owned(),
        (count, all) if count == all => format!("all {all} nodes"),
        (count, all) => format!("{count} of {all} nodes"),
    };
    if count == 1 {
        Who { subject, has: "has", is: "is", does: "does" }
    } else {
        Who { subject, has: "have", is: "are", does: "do" }
    }
}

/// What a reason means that `count` of `all` nodes give.
pub(crate) fn reason(reason: Reason, count: u32, all: u32, class: &PodClass, strings: &Strings) -> String {
    let Who { subject, has, is, does } = who(count, all);
    match reason {
        Reason::Insufficient(name) => {
            let wanted = amount(name, amount_of(&class.requests, name), strings);
            if count == all {
                format!("no node has {wanted} free")
            } else {
                format!("{subject} {has} less than {wanted} free")
            }
        }
        Reason::TooManyPods => format!("{subject} {has} as many pods as the kubelet takes"),
        Reason::UntoleratedTaint { key, value } => {
            format!("{subject} {has} the taint {}, which it does not tolerate", pair(key, value, strings))
        }
        Reason::NodeUnschedulable => format!("{subject} {is} cordoned"),
        Reason::NodeName => format!("{subject} {is} not the one that it names"),
        Reason::NodeAffinity if class.node_affinity.as_ref().is_none_or(|affinity| affinity.required.is_none()) => {
            let pairs: Vec<String> = class.node_selector.iter().map(|&(k, v)| pair(k, v, strings)).collect();
            format!("{subject} {does} not have the labels of its nodeSelector ({})", pairs.join(", "))
        }
        Reason::NodeAffinity if class.node_selector.is_empty() => {
            format!("{subject} {does} not match its required node affinity")
        }
        Reason::NodeAffinity => format!("{subject} {does} not match its nodeSelector and required node affinity"),
        Reason::NotNamed => format!("{subject} {is} not among those that its node affinity names"),
        Reason::NodePorts => {
            let ports: Vec<String> =
                class.host_ports.iter().map(|port| format!("{}/{}", port.port, protocol(port.protocol))).collect();
            let its = if ports.len() == 1 { "its host port" } else { "one of its host ports" };
            format!("{subject} {has} {its} in use ({})", ports.join(", "))
        }
        Reason::TopologySpread => format!("{subject} would make its topology spread too uneven"),
        Reason::TopologySpreadLabel => format!("{subject} {does} not have the label that its topology spread goes by"),
        Reason::PodAffinity => format!("{subject} {has} no pod nearby that its podAffinity asks for"),
        Reason::PodAntiAffinity => format!("{subject} {has} a pod nearby that its podAntiAffinity keeps away from"),
        Reason::ExistingPodsAntiAffinity => format!("{subject} {has} a pod nearby whose podAntiAffinity keeps it away"),
        other => {
            let text = other.text(strings);
            format!("{subject} {}", text.strip_prefix("node(s) ").unwrap_or(&text))
        }
    }
}

/// What happened in the cluster.
pub(crate) fn event(event: &ClusterEvent, strings: &Strings) -> String {
    match event {
        ClusterEvent::NodeAdded(facts) => format!("node {} was added", strings.text(facts.name)),
        ClusterEvent::NodeUpdated { old, new } => {
            let mut what = Vec::new();
            if old.unschedulable != new.unschedulable {
                what.push(if new.unschedulable { "was cordoned" } else { "was uncordoned" });
            }
            if old.taints != new.taints {
                what.push("has other taints");
            }
            if (old.labels, old.hostname) != (new.labels, new.hostname) {
                what.push("has other labels");
            }
            if old.allocatable != new.allocatable {
                what.push("offers other resources");
            }
            format!("node {} {}", strings.text(new.name), what.join(" and "))
        }
        ClusterEvent::NodeRemoved(facts) => format!("node {} was removed", strings.text(facts.name)),
        ClusterEvent::AssignedPodAdded(_) => "a pod came to a node".to_owned(),
        ClusterEvent::AssignedPodRemoved { .. } => "a pod left its node".to_owned(),
        ClusterEvent::AssignedPodUpdated { .. } => "a pod on a node was resized".to_owned(),
        ClusterEvent::Storage(_) => "a volume, claim or storage class changed".to_owned(),
        ClusterEvent::Wildcard => "the cluster changed".to_owned(),
    }
}

/// `+1h2m3.5s`: so long after the start.
pub(crate) fn since(start: SimTime, at: SimTime) -> String {
    let nanos = at.since(start).0;
    let millis = (nanos + 500_000) / 1_000_000;
    let (seconds, millis) = (millis / 1000, millis % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hours}:{minutes:02}:{seconds:02}.{millis:03}")
}

/// The first names of a list, and how many more there are.
pub(crate) fn elided(names: &[String]) -> String {
    const SHOWN: usize = 4;
    if names.len() <= SHOWN + 1 {
        return names.join(", ");
    }
    format!("{}, ... ({} more)", names[..SHOWN].join(", "), names.len() - SHOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_and_in_the_greatest_unit() {
        let mut strings = Strings::new();
        let gpu = strings.intern("nvidia.com/gpu");
        for (name, value, text, sentence) in [
            (known::CPU, 1500, "1500m", "1500m of CPU"),
            (known::CPU, 2000, "2", "2 CPUs"),
            (known::MEMORY, 4 << 30, "4Gi", "4Gi of memory"),
            (known::MEMORY, 1536 << 20, "1536Mi", "1536Mi of memory"),
            (known::MEMORY, 3_000_000_000, "3G", "3G of memory"),
            (known::MEMORY, 1001, "1001", "1001 of memory"),
            (known::MEMORY, 0, "0", "0 of memory"),
            (gpu, 2, "2", "2 nvidia.com/gpu"),
        ] {
            assert_eq!(quantity(name, value, &strings), text);
            assert_eq!(amount(name, value, &strings), sentence);
        }
        assert_eq!(steps(known::MEMORY, 4 << 30, &strings), [1 << 20, 1 << 10, 1]);
        assert_eq!(steps(known::MEMORY, 3_000_000_000, &strings), [1_000_000, 1_000, 1]);
        assert_eq!(steps(known::CPU, 1500, &strings), [1]);
    }
}
