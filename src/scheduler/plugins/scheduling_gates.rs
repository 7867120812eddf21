//! SchedulingGates: a pod with `spec.schedulingGates` does not enter the queue. Mirrors
//! pkg/scheduler/framework/plugins/schedulinggates/scheduling_gates.go (v1.34.1).

use crate::model::{StrId, Strings};

/// PreEnqueue: whether the gates hold the pod back.
#[must_use]
pub const fn holds_back(gates: &[StrId]) -> bool {
    !gates.is_empty()
}

/// Upstream's text for a pod with these gates, in their order.
#[must_use]
pub fn message(gates: &[StrId], strings: &Strings) -> String {
    let gates: Vec<&str> = gates.iter().map(|&gate| strings.text(gate)).collect();
    format!("waiting for scheduling gates: [{}]", gates.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_named_in_their_order() {
        let mut strings = Strings::new();
        let gates = ["b/2", "a"].map(|gate| strings.intern(gate));
        assert!(holds_back(&gates) && !holds_back(&[]));
        assert_eq!(message(&gates, &strings), "waiting for scheduling gates: [b/2 a]");
    }
}
