//! Namespaces that are deleted: their pods go first, then all that is left in them, then they themselves. Must not know who
//! makes anything anew: the API server refuses that by then.
//!
//! Mirrors pkg/controller/namespace/{namespace_controller,deletion/namespaced_resources_deleter}.go, v1.34, with
//! OrderedNamespaceDeletion (spec 8.12).

use super::reconcile::retries;
use super::script::{Sync, Write};
use crate::api::{PodRef, Propagation};
use crate::base::SimDuration;
use crate::model::objects::{ObjectKind, ObjectSpec};
use crate::model::{ObjectId, StorageKey, StrId};
use crate::record::Recorder;

/// A deletion is looked at this long after it was requested (`namespaceDeletionGracePeriod`).
pub(super) const DELAY: SimDuration = SimDuration::from_secs(5);

/// What finalizers are thought to take (`finalizerEstimateSeconds`).
const FINALIZERS: i64 = 15;

/// How many seconds pods with these grace periods are thought to take, when deletion was requested so long ago.
#[must_use]
pub fn estimate(graces: impl IntoIterator<Item = i64>, since: SimDuration) -> i64 {
    let longest = graces.into_iter().max().unwrap_or(0).max(0);
    if since >= SimDuration::from_secs(longest) { 0 } else { longest }
}

/// When a namespace is looked at again whose content is thought to take so many seconds.
#[must_use]
pub const fn look_again(estimate: i64) -> SimDuration {
    SimDuration::from_secs(estimate / 2 + 1)
}

/// One sync of a namespace.
pub(super) fn sync<R: Recorder>(cx: &mut Sync<'_, R>) {
    let row = cx.cluster.objects().get(cx.id);
    let (&ObjectSpec::Namespace(name), Some(deleting)) = (&row.spec, row.deleting) else { return };
    let (plan, pods) = (cx.plan, cx.cluster.pods());
    let mut all: Vec<PodRef> = pods.iter().collect();
    all.retain(|pod| plan.templates[pods.template(pod.pod)].namespace == name);
    all.sort_unstable_by_key(|pod| pod.uid);
    let is_live = |pod: &&PodRef| !pods.phase(pod.pod).is_terminal();
    let graces = all.iter().filter(is_live).map(|pod| plan.templates[pods.template(pod.pod)].grace_period_seconds);
    let of_pods = estimate(graces, cx.now - deleting);
    // What is on no node, or has ended, is gone at once.
    let stay = all.iter().filter(is_live).any(|pod| pods.node(pod.pod).is_some());
    let going = all.iter().filter(|pod| !pods.deleting(pod.pod));
    collection(cx, going.map(|&pod| Write::DeletePod(pod)).collect());
    if stay {
        if of_pods > 0 {
            cx.again_after(look_again(of_pods));
        } else {
            // They should have gone: that is an error, which is tried again after a back-off.
            let tries = cx.memories.namespaces.entry(cx.id).or_default();
            let (first, longest) = retries(ObjectKind::Namespace);
            let wait = SimDuration(first.0 << (*tries).min(20)).min(longest);
            *tries += 1;
            cx.again_after(wait);
        }
        return;
    }
    let holds_claims = rest(cx, name);
    let wait = of_pods.max(if holds_claims { FINALIZERS } else { 0 });
    if wait > 0 {
        return cx.again_after(look_again(wait));
    }
    cx.memories.namespaces.remove(&cx.id);
    cx.then(Write::FinalizeNamespace(cx.id));
}

/// Deletes what is in a namespace besides pods. Returns whether there are claims, which something has to let go first.
fn rest<R: Recorder>(cx: &mut Sync<'_, R>, name: StrId) -> bool {
    let (cluster, plan) = (cx.cluster, cx.plan);
    let of_kind = |kind: ObjectKind| -> Vec<Write> {
        let all = cluster.objects().of_kind_in(kind, name);
        let mut ids: Vec<ObjectId> = all.filter(|(_, row)| row.deleting.is_none()).map(|(id, _)| id).collect();
        ids.sort_unstable();
        ids.into_iter().map(|id| Write::DeleteObject(id, Propagation::Background)).collect()
    };
    let mut collections: Vec<Vec<Write>> = ObjectKind::ALL.into_iter().map(of_kind).collect();
    let configs = plan.configs.entries().filter(|(id, of)| of.namespace == name && cluster.config(*id).is_some());
    collections.push(configs.map(|(id, _)| Write::DeleteConfig(id)).collect());
    let services = plan.services.entries().filter(|(id, of)| of.namespace == name && cluster.has_service(*id));
    collections.push(services.map(|(id, _)| Write::DeleteService(id)).collect());
    let claims: Vec<StorageKey> = cluster
        .storage()
        .claims()
        .filter(|claim| claim.name.namespace == name)
        .map(|claim| StorageKey::Claim(claim.name))
        .collect();
    let holds_claims = !claims.is_empty();
    collections.push(claims.into_iter().map(Write::DeleteStorage).collect());
    for all in collections {
        collection(cx, all);
    }
    holds_claims
}

fn collection<R: Recorder>(cx: &mut Sync<'_, R>, all: Vec<Write>) {
    if !all.is_empty() {
        cx.then(Write::Collection(all));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_given_the_longest_grace_until_it_is_over() {
        let of = |seconds| estimate([30, 5, -1], SimDuration::from_secs(seconds));
        assert_eq!((of(5), of(29), of(30)), (30, 30, 0));
        assert_eq!(estimate([], SimDuration::ZERO), 0);
        assert_eq!([30, 15, 1].map(look_again), [16, 8, 1].map(SimDuration::from_secs));
    }
}
