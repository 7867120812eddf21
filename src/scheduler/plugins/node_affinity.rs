//! NodeAffinity: the labels that a pod wants its node to have; of it, `nodeSelector`. Mirrors
//! pkg/scheduler/framework/plugins/nodeaffinity (v1.34.1).

use crate::model::StrId;
use crate::scheduler::framework::{Reason, Verdict};

/// Whether every pair of `nodeSelector` is among the node's labels, which `label` looks up.
#[must_use]
pub fn matches(selector: &[(StrId, StrId)], label: impl Fn(StrId) -> Option<StrId>) -> bool {
    selector.iter().all(|&(key, value)| label(key) == Some(value))
}

/// Rejects a node whose labels do not match.
#[must_use]
pub fn filter(selector: &[(StrId, StrId)], label: impl Fn(StrId) -> Option<StrId>) -> Verdict {
    if matches(selector, label) { Verdict::Fits } else { Verdict::unresolvable(Reason::NodeAffinity) }
}

/// Hint for a node that was added (`old` is `None`) or whose labels changed: it matches now and did not before.
#[must_use]
pub const fn hint_node(old_matches: Option<bool>, new_matches: bool) -> bool {
    new_matches && !matches!(old_matches, Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::strings::known;

    #[test]
    fn all_pairs_must_be_there() {
        let label = |key| (key == known::CPU).then_some(known::ERROR);
        assert!(filter(&[], label).fits() && filter(&[(known::CPU, known::ERROR)], label).fits());
        for selector in [
            [(known::CPU, known::EMPTY), (known::CPU, known::ERROR)],
            [(known::CPU, known::ERROR), (known::MEMORY, known::EMPTY)],
        ] {
            assert_eq!(filter(&selector, label), Verdict::unresolvable(Reason::NodeAffinity));
        }
        assert!(hint_node(None, true) && hint_node(Some(false), true));
        assert!(!hint_node(Some(true), true) && !hint_node(None, false));
    }
}
