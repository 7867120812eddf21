//! StatefulSets: pods with numbers, one after the other, each with its claims. Mirrors
//! pkg/controller/statefulset/stateful_set.go and stateful_pod_control.go, v1.34 (spec 8.3).

use super::roster::Roster;
use super::sync::{self as rules, Action, Member, Set};
use crate::api::{Owned, PodRef};
use crate::base::SimDuration;
use crate::controllers::mint;
use crate::controllers::script::{ByUid, Sync, Variation, Write};
use crate::controllers::slow_start::{INITIAL_BATCH, next_batch};
use crate::model::available::{available_at, is_available};
use crate::model::objects::{ObjectStatus, StatefulSetSpec, StatefulSetStatus};
use crate::model::{ClaimName, StorageKey, TemplateId};
use crate::record::Recorder;

/// One sync.
pub(in crate::controllers) fn sync<R: Recorder>(cx: &mut Sync<'_, R>) {
    let row = cx.cluster.objects().get(cx.id);
    let Some(spec) = row.spec.stateful_set() else { return };
    // Whatever comes of this sync, what was touched is told once.
    let known = cx.memories.stateful_sets.get_mut(&cx.id).and_then(Option::take);
    let adopted: Vec<Write> =
        cx.orphans.iter().filter(|&&pod| is_member(cx, pod)).map(|&pod| Write::AdoptPod(pod)).collect();
    if row.deleting.is_none() && !adopted.is_empty() {
        return cx.write(adopted);
    }
    let before = row.status.stateful_set().cloned().unwrap_or_default();
    let is_new = before.current_template.is_none() || before.current_revision == spec.template_hash;
    let current_template = before.current_template.filter(|_| !is_new).unwrap_or(spec.template);
    let set = Set {
        spec,
        current_revision: if is_new { spec.template_hash } else { before.current_revision },
        update_revision: spec.template_hash,
        current_replicas: before.current_replicas,
        deleting: row.deleting.is_some(),
    };
    let roster = roster(cx, &set, known);
    let mut actions = Vec::new();
    let (status, _) = rules::sync(&set, &roster, |action| {
        actions.push(action);
        Ok::<(), std::convert::Infallible>(())
    });
    carry_out(cx, spec, current_template, &actions, &roster);
    if spec.delete_claims_when_scaled && row.deleting.is_none() {
        delete_claims(cx, spec, spec.ordinals_start.saturating_add(spec.replicas), Some(&roster));
    }
    let is_updated = status.current_revision == spec.template_hash;
    cx.status(ObjectStatus::StatefulSet(StatefulSetStatus {
        current_template: Some(if is_updated { spec.template } else { current_template }),
        observed_generation: row.generation,
        collision_count: before.collision_count,
        ..status
    }));
    *cx.memories.stateful_sets.entry(cx.id).or_default() = Some((row.generation, roster));
}

/// The pods of the set as they are: those that were known, as far as they were not touched since.
fn roster<R: Recorder>(cx: &mut Sync<'_, R>, set: &Set<'_>, known: Option<(u32, Roster<ByUid>)>) -> Roster<ByUid> {
    // What is available hangs on the time, and everything on the spec.
    let known = known.filter(|(of, _)| *of == cx.row().generation && set.spec.min_ready_seconds == 0);
    let Some((_, mut roster)) = known else {
        let pods: Vec<PodRef> = cx.cluster.pods_of(cx.id).collect();
        let members: Vec<(ByUid, Member)> =
            pods.into_iter().map(|pod| (ByUid(pod), member(cx, set.spec, pod))).collect();
        return Roster::of(set, members);
    };
    for (pod, number) in std::mem::take(&mut cx.touched) {
        let pods = cx.cluster.pods();
        let owned = pods.exists(pod).then(|| pods.owned(pod.pod)).flatten();
        let is_there = owned == Some(Owned { object: cx.id, member: number });
        let now = is_there.then(|| member(cx, set.spec, pod));
        roster.put(ByUid(pod), i32::try_from(number).unwrap_or(i32::MAX), now);
    }
    roster
}

/// Whether a pod without an owner is called as one of the set.
fn is_member<R: Recorder>(cx: &Sync<'_, R>, pod: PodRef) -> bool {
    let pods = cx.cluster.pods();
    if !pods.exists(pod) {
        return false;
    }
    let (workload, ordinal) = pods.source(pod.pod);
    mint::ordinal(&cx.row().name, &cx.plan.pod_name(workload, pods.template(pod.pod), ordinal)).is_some()
}

fn member<R: Recorder>(cx: &mut Sync<'_, R>, spec: &StatefulSetSpec, pod: PodRef) -> Member {
    let pods = cx.cluster.pods();
    let since = cx.ready_since(pod);
    let min_ready = SimDuration::from_secs(i64::from(spec.min_ready_seconds));
    let available = is_available(since, min_ready, cx.now);
    let terminating = pods.deleting(pod.pod);
    if let Some(since) = since.filter(|_| !available && !terminating) {
        cx.again_after(available_at(since, min_ready) - cx.now);
    }
    Member {
        ordinal: pods.owned(pod.pod).map_or(-1, |owned| i32::try_from(owned.member).unwrap_or(i32::MAX)),
        // What was there before the controller is of the revision that was there first.
        revision: match cx.plan.templates[pods.template(pod.pod)].revision {
            0 if cx.row().generation == 1 => spec.template_hash,
            revision => revision,
        },
        phase: pods.phase(pod.pod),
        ready: since.is_some(),
        available,
        terminating,
    }
}

/// Writes what is to be done: pods of an ordered set one by one, those of a parallel one in batches that double. A pod's
/// claims go before it.
fn carry_out<R: Recorder>(
    cx: &mut Sync<'_, R>,
    spec: &StatefulSetSpec,
    current: TemplateId,
    actions: &[Action],
    roster: &Roster<ByUid>,
) {
    let mut creates = Vec::new();
    let mut deletes: Vec<Write> = Vec::new();
    for action in actions {
        match *action {
            Action::Create { ordinal, revision } => creates.push((ordinal, revision)),
            Action::CreateClaims { ordinal } => {
                (0..spec.claims.len())
                    .filter(|&at| is_missing(cx, spec, at, ordinal))
                    .collect::<Vec<_>>()
                    .into_iter()
                    .for_each(|at| cx.then(Write::CreateClaim { at, ordinal }));
            }
            Action::Delete { ordinal } => {
                let delete = roster.pod(ordinal).map(|pod| Write::DeletePod(pod.0));
                deletes.extend(delete.filter(|delete| !deletes.contains(delete)));
            }
        }
    }
    let mut size = INITIAL_BATCH.min(creates.len());
    let mut rest = &creates[..];
    while size > 0 {
        let (batch, after) = rest.split_at(size);
        for at in 0..spec.claims.len() {
            let missing = batch.iter().filter(|(ordinal, _)| is_missing(cx, spec, at, *ordinal));
            let claims = missing.map(|&(ordinal, _)| Write::CreateClaim { at, ordinal }).collect();
            cx.write(claims);
        }
        let pods = batch.iter().map(|&(ordinal, revision)| {
            let template = if revision == spec.template_hash { spec.template } else { current };
            let member = u32::try_from(ordinal).unwrap_or(0);
            Write::CreatePod { template, variation: Some(Variation::Ordinal(member, revision)), member }
        });
        cx.write(pods.collect());
        rest = after;
        size = next_batch(size, rest.len());
    }
    cx.write(deletes);
}

/// The claim of a pod, if it is there.
fn claim<R: Recorder>(cx: &Sync<'_, R>, spec: &StatefulSetSpec, at: usize, ordinal: i32) -> Option<ClaimName> {
    let row = cx.row();
    let name = format!("{}-{}-{ordinal}", cx.plan.strings.text(spec.claims[at].name), row.name);
    let name = ClaimName { namespace: row.namespace, name: cx.plan.strings.lookup(&name)? };
    cx.cluster.storage().claim(name).map(|claim| claim.name)
}

fn is_missing<R: Recorder>(cx: &Sync<'_, R>, spec: &StatefulSetSpec, at: usize, ordinal: i32) -> bool {
    claim(cx, spec, at, ordinal).is_none()
}

/// Deletes the claims from `ordinal` on, as far as there are some and no pod is before them. Upstream makes the pod or the
/// set their owner, and the garbage collector does it.
fn delete_claims<R: Recorder>(
    cx: &mut Sync<'_, R>,
    spec: &StatefulSetSpec,
    ordinal: i32,
    roster: Option<&Roster<ByUid>>,
) {
    for ordinal in ordinal.. {
        let found: Vec<ClaimName> = (0..spec.claims.len()).filter_map(|at| claim(cx, spec, at, ordinal)).collect();
        let has_pod = roster.is_some_and(|roster| roster.pod(ordinal).is_some());
        if found.is_empty() && !has_pod {
            return;
        }
        if !has_pod {
            cx.write(found.into_iter().map(|claim| Write::DeleteStorage(StorageKey::Claim(claim))).collect());
        }
    }
}

/// Deletes the claims of a set that is gone, if it says so.
pub(in crate::controllers) fn collect_claims<R: Recorder>(cx: &mut Sync<'_, R>) {
    let row = cx.cluster.objects().get(cx.id);
    if let Some(spec) = row.spec.stateful_set().filter(|spec| spec.delete_claims_when_deleted) {
        delete_claims(cx, spec, spec.ordinals_start, None);
    }
}
