//! TaintToleration: taints that a pod must tolerate, and those it would rather avoid. Mirrors
//! pkg/scheduler/framework/plugins/tainttoleration and helper/normalize_score.go (v1.34.1).

use crate::model::{Taint, TaintEffect, Toleration};
use crate::scheduler::framework::{MAX_NODE_SCORE, Reason, Verdict};

/// The first NoSchedule or NoExecute taint, in the node's order, that no toleration tolerates.
#[must_use]
pub fn first_untolerated<'a>(taints: &'a [Taint], tolerations: &[Toleration]) -> Option<&'a Taint> {
    taints
        .iter()
        .filter(|taint| taint.effect != TaintEffect::PreferNoSchedule)
        .find(|taint| !tolerations.iter().any(|t| t.tolerates(taint)))
}

/// Rejects a node with an untolerated NoSchedule or NoExecute taint.
#[must_use]
pub fn filter(taints: &[Taint], tolerations: &[Toleration]) -> Verdict {
    first_untolerated(taints, tolerations).map_or(Verdict::Fits, |taint| {
        Verdict::unresolvable(Reason::UntoleratedTaint { key: taint.key, value: taint.value })
    })
}

/// How many PreferNoSchedule taints the pod does not tolerate: the raw score, lower is better. Tolerations count if their
/// effect is PreferNoSchedule or all effects.
#[must_use]
pub fn intolerable(taints: &[Taint], tolerations: &[Toleration]) -> i64 {
    let untolerated = taints
        .iter()
        .filter(|taint| taint.effect == TaintEffect::PreferNoSchedule)
        .filter(|taint| !tolerations.iter().any(|t| t.tolerates(taint)));
    i64::try_from(untolerated.count()).unwrap_or(i64::MAX)
}

/// The score of a node with `intolerable` taints when the worst feasible node has `worst`.
#[inline]
#[must_use]
pub const fn normalized(intolerable: i64, worst: i64) -> i64 {
    if worst == 0 { MAX_NODE_SCORE } else { MAX_NODE_SCORE - MAX_NODE_SCORE * intolerable / worst }
}

/// Hint for a node that was added (`old` is `None`) or whose taints changed: it is tolerated now and was not before.
#[must_use]
pub fn hint_node(old: Option<&[Taint]>, new: &[Taint], tolerations: &[Toleration]) -> bool {
    let tolerated = |taints: &[Taint]| first_untolerated(taints, tolerations).is_none();
    tolerated(new) && !old.is_some_and(tolerated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TolerationOperator;
    use crate::model::strings::known;

    const fn taint(key: crate::model::StrId, effect: TaintEffect) -> Taint {
        Taint { key, value: known::EMPTY, effect }
    }

    const fn tolerate(key: crate::model::StrId, effect: Option<TaintEffect>) -> Toleration {
        Toleration { key: Some(key), operator: TolerationOperator::Exists, effect, seconds: None }
    }

    #[test]
    fn the_first_untolerated_taint_is_named() {
        let taints = [
            taint(known::CPU, TaintEffect::PreferNoSchedule),
            taint(known::MEMORY, TaintEffect::NoExecute),
            taint(known::PODS, TaintEffect::NoSchedule),
        ];
        let named = |key| Verdict::unresolvable(Reason::UntoleratedTaint { key, value: known::EMPTY });
        assert_eq!(filter(&taints, &[]), named(known::MEMORY));
        assert_eq!(filter(&taints, &[tolerate(known::MEMORY, None)]), named(known::PODS));
        assert_eq!(filter(&taints, &[tolerate(known::MEMORY, Some(TaintEffect::NoSchedule))]), named(known::MEMORY));
        assert_eq!(filter(&taints, &[tolerate(known::MEMORY, None), tolerate(known::PODS, None)]), Verdict::Fits);
        assert_eq!(filter(&taints[..1], &[]), Verdict::Fits);
    }

    #[test]
    fn avoided_taints_are_counted_and_reversed() {
        let taints =
            [taint(known::CPU, TaintEffect::PreferNoSchedule), taint(known::MEMORY, TaintEffect::PreferNoSchedule)];
        assert_eq!(intolerable(&taints, &[]), 2);
        assert_eq!(intolerable(&taints, &[tolerate(known::CPU, None)]), 1);
        assert_eq!(intolerable(&taints, &[tolerate(known::CPU, Some(TaintEffect::NoSchedule))]), 2);
        assert_eq!((normalized(0, 0), normalized(0, 3), normalized(1, 3), normalized(3, 3)), (100, 100, 67, 0));
    }

    #[test]
    fn only_a_change_to_tolerated_wakes_pods() {
        let bad = [taint(known::CPU, TaintEffect::NoSchedule)];
        assert!(hint_node(None, &[], &[]) && hint_node(Some(&bad), &[], &[]));
        assert!(!hint_node(Some(&[]), &[], &[]) && !hint_node(Some(&[]), &bad, &[]) && !hint_node(None, &bad, &[]));
    }
}
