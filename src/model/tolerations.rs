//! What a pod's tolerations together mean for a node's taints.
//!
//! Mirrors staging/src/k8s.io/component-helpers/scheduling/corev1/helpers.go and `getMinTolerationTime` of
//! pkg/controller/tainteviction/taint_eviction.go, v1.34.

use crate::base::broken;

use super::class::{Taint, TaintEffect, Toleration};

/// The first of the taints with an effect in question that is not tolerated.
#[must_use]
pub fn untolerated<'a>(
    taints: &'a [Taint],
    tolerations: &[Toleration],
    in_question: impl Fn(TaintEffect) -> bool,
) -> Option<&'a Taint> {
    let tolerated = |taint: &Taint| tolerations.iter().any(|toleration| toleration.tolerates(taint));
    taints.iter().find(|taint| in_question(taint.effect) && !tolerated(taint))
}

/// How long taints are tolerated, given the tolerations in use and their `tolerationSeconds`: the least of the times,
/// at least 0 seconds; `None` is for ever. Without any toleration nothing is tolerated, so 0.
#[must_use]
pub fn min_toleration_seconds(used: impl IntoIterator<Item = Option<i64>>) -> Option<i64> {
    let mut used = used.into_iter().peekable();
    if used.peek().is_none() {
        return Some(0);
    }
    broken!("toleration time", used.flatten().map(|seconds| seconds.max(0)).min(), None)
}
