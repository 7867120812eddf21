//! NodeUnschedulable: cordoned nodes. Mirrors pkg/scheduler/framework/plugins/nodeunschedulable (v1.34.1).

use crate::model::strings::known;
use crate::model::{Taint, TaintEffect, Toleration};
use crate::scheduler::framework::{Reason, Verdict};

/// The taint that stands for `spec.unschedulable`.
pub const TAINT: Taint =
    Taint { key: known::TAINT_UNSCHEDULABLE, value: known::EMPTY, effect: TaintEffect::NoSchedule };

/// Whether a pod does not mind that a node is cordoned, whether or not the node has the taint.
#[must_use]
pub fn tolerated(tolerations: &[Toleration]) -> bool {
    tolerations.iter().any(|t| t.tolerates(&TAINT))
}

/// Rejects a node with `spec.unschedulable`, unless the pod tolerates it.
#[must_use]
pub fn filter(unschedulable: bool, tolerations: &[Toleration]) -> Verdict {
    if unschedulable && !tolerated(tolerations) {
        Verdict::unresolvable(Reason::NodeUnschedulable)
    } else {
        Verdict::Fits
    }
}

/// Hint for a node that was added (`old` is `None`) or whose `spec.unschedulable` or taints changed.
#[must_use]
pub const fn hint_node(old: Option<bool>, new: bool) -> bool {
    !new && !matches!(old, Some(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TolerationOperator;

    #[test]
    fn a_cordoned_node_takes_only_pods_that_tolerate_it() {
        let mut toleration = Toleration {
            key: Some(known::TAINT_UNSCHEDULABLE),
            operator: TolerationOperator::Exists,
            effect: Some(TaintEffect::NoSchedule),
            seconds: None,
        };
        assert_eq!(filter(false, &[]), Verdict::Fits);
        assert_eq!(filter(true, &[]), Verdict::unresolvable(Reason::NodeUnschedulable));
        assert_eq!(filter(true, &[toleration]), Verdict::Fits);
        toleration.effect = Some(TaintEffect::NoExecute);
        assert!(!filter(true, &[toleration]).fits());
    }

    #[test]
    fn a_node_that_becomes_schedulable_wakes_pods() {
        assert!(hint_node(None, false) && hint_node(Some(true), false));
        assert!(!hint_node(None, true) && !hint_node(Some(false), false) && !hint_node(Some(false), true));
    }
}
