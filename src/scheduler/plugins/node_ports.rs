//! NodePorts: host ports that pods take on their node. Mirrors pkg/scheduler/framework/plugins/nodeports and `HostPortInfo`
//! in pkg/scheduler/framework/types.go (v1.34.1).

use crate::model::HostPort;
use crate::scheduler::framework::{Reason, Verdict};

/// Whether one of the wanted ports is taken.
#[must_use]
pub fn any_conflict(wanted: &[HostPort], used: &[HostPort]) -> bool {
    wanted.iter().any(|w| used.iter().any(|u| w.conflicts(u)))
}

/// Rejects a node on which a wanted port is taken.
#[must_use]
pub fn filter(wanted: &[HostPort], used: &[HostPort]) -> Verdict {
    if any_conflict(wanted, used) { Verdict::unschedulable(Reason::NodePorts) } else { Verdict::Fits }
}

/// Hint for a pod with ports `freed` that left a node.
#[must_use]
pub fn hint_pod_deleted(wanted: &[HostPort], freed: &[HostPort]) -> bool {
    any_conflict(wanted, freed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Protocol;
    use crate::model::strings::known;

    #[test]
    fn ports_conflict_by_protocol_number_and_address() {
        let conflict = |a: &HostPort, b: &HostPort| a.conflicts(b);
        let port = |protocol, host_ip, port| HostPort { protocol, host_ip, port };
        let any = port(Protocol::Tcp, known::EMPTY, 80);
        let one = port(Protocol::Tcp, known::CPU, 80);
        let two = port(Protocol::Tcp, known::MEMORY, 80);
        assert!(conflict(&any, &one) && conflict(&one, &any) && conflict(&one, &one) && !conflict(&one, &two));
        assert!(conflict(&port(Protocol::Tcp, known::ALL_ADDRESSES, 80), &any));
        assert!(!conflict(&any, &port(Protocol::Udp, known::EMPTY, 80)));
        assert!(!conflict(&any, &port(Protocol::Tcp, known::EMPTY, 81)));
        assert!(!conflict(&port(Protocol::Tcp, known::EMPTY, 0), &port(Protocol::Tcp, known::EMPTY, 0)));
        assert_eq!(filter(&[two, any], &[one]), Verdict::unschedulable(Reason::NodePorts));
        assert!(filter(&[], &[one]).fits() && !hint_pod_deleted(&[two], &[one]));
    }
}
