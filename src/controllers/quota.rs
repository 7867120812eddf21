//! ResourceQuotas: what is used of each, counted anew when something that counts goes. Must not know who asks for anything:
//! that is charged where it is let in.
//!
//! Mirrors pkg/controller/resourcequota/{resource_quota_controller,resource_quota_monitor}.go and the `UsageStats` of
//! pkg/quota/v1/evaluator/core, v1.34 (spec 8.9).

use super::reconcile::Concerned;
use super::script::Sync;
use crate::api::{Change, Cluster, PodRef, Resized};
use crate::base::{Format, Quantity, SimDuration, SimTime};
use crate::model::effective::ResourceList;
use crate::model::objects::{ObjectKind, ObjectStatus, QuotaSpec, QuotaStatus};
use crate::model::plan::Plan;
use crate::model::quota::{
    self, PodAdmission, claim_usage, config_usage, counts, is_counted, mask, object_usage, service_usage,
};
use crate::model::{ResizeState, StorageKey, StrId, TemplateId};
use crate::record::Recorder;

/// All quotas are counted anew this often (`--resource-quota-sync-period`).
const RESYNC: SimDuration = SimDuration::from_secs(300);

/// Adds the quotas that must be counted anew because of `change`: something that counted has gone, or counts no more.
#[inline]
pub(super) fn concerned(cluster: &Cluster, plan: &Plan, change: &Change, found: &mut Concerned) {
    if !cluster.objects().has_kind(ObjectKind::ResourceQuota) {
        return;
    }
    let of_pod = |template: TemplateId| plan.templates[template].namespace;
    let namespace = match *change {
        Change::PodRemoved { template, .. } => of_pod(template),
        Change::PodStatus { pod, old_phase, phase, .. }
            if phase.is_terminal() && !old_phase.is_terminal() && cluster.pods().exists(pod) =>
        {
            of_pod(cluster.pods().template(pod.pod))
        }
        // Its node grants other resources.
        Change::PodResized { pod, state, .. } if state != ResizeState::Proposed && cluster.pods().exists(pod) => {
            of_pod(cluster.pods().template(pod.pod))
        }
        Change::Config(config, false) => plan.configs[config].namespace,
        Change::ServiceRemoved(service) => plan.services[service].namespace,
        Change::Storage(StorageKey::Claim(claim)) => claim.namespace,
        Change::ObjectRemoved(object) => cluster.objects().get(object).namespace,
        _ => return,
    };
    let quotas = cluster.objects().of_kind_in(ObjectKind::ResourceQuota, namespace);
    found.now.extend(quotas.map(|(id, _)| id));
}

/// What is used of a quota, and when something will cease to count without a sign.
pub struct Used {
    /// By the names of `spec.hard` that are counted.
    pub list: ResourceList,
    /// When a pod that does not go has waited for it twice as long as it should.
    pub stale_at: Option<SimTime>,
}

/// Counts what is used of a quota in its namespace.
#[must_use]
pub fn used(cluster: &Cluster, plan: &Plan, namespace: StrId, spec: &QuotaSpec, now: SimTime) -> Used {
    let zero = Quantity::new(0, Format::DecimalSi);
    let counted = spec.hard.iter().filter(|(name, _)| is_counted(name));
    let mut list: ResourceList = counted.map(|(name, _)| (name, zero)).collect();
    let mut stale_at: Option<SimTime> = None;
    let mut add = |usage: &ResourceList| list.add(&mask(usage, &spec.hard));
    let pods = cluster.pods();
    let mut known: Option<(TemplateId, [Option<ResourceList>; 2])> = None;
    let mut all: Vec<PodRef> = pods.iter().collect();
    all.retain(|pod| plan.templates[pods.template(pod.pod)].namespace == namespace);
    all.sort_unstable_by_key(|pod| pod.uid);
    for pod in all {
        let id = pods.template(pod.pod);
        let grace = SimDuration::from_secs(pods.deletion_grace_seconds(pod.pod).unwrap_or(0).into());
        let deletion = pods.deletion_timestamp(pod.pod);
        let counts = counts(pods.phase(pod.pod), deletion, grace, now);
        if let Some(end) = deletion.filter(|_| counts) {
            let at = end + grace;
            stale_at = Some(stale_at.map_or(at, |earliest| earliest.min(at)));
        }
        if let Some(resized) = pods.resized(pod.pod) {
            if let Some(both) = granted(plan, resized).filter(|both| both.is_in(&spec.scopes)) {
                add(&quota::usage(&both.resources, counts));
            }
            continue;
        }
        // Neighbours are of one template more often than not.
        if known.as_ref().is_none_or(|(template, _)| *template != id) {
            known = Some((id, [None, None]));
        }
        let Some((_, usages)) = &mut known else { continue };
        let usage = usages[usize::from(counts)].get_or_insert_with(|| {
            let pod = plan.templates[id].admission.as_ref().filter(|pod| pod.is_in(&spec.scopes));
            pod.map_or_else(ResourceList::new, |pod| quota::usage(&pod.resources, counts))
        });
        add(usage);
    }
    for claim in cluster.storage().claims().filter(|claim| claim.name.namespace == namespace) {
        claim_usage(claim, spec).iter().for_each(&mut add);
    }
    if spec.scopes.is_empty() {
        for (_, row) in cluster.objects().iter().filter(|(_, row)| row.namespace == namespace) {
            add(&object_usage(row.kind()));
        }
        for (id, service) in plan.services.entries().filter(|(_, service)| service.namespace == namespace) {
            if cluster.has_service(id) {
                add(&service_usage(service));
            }
        }
        for (id, config) in plan.configs.entries().filter(|(_, config)| config.namespace == namespace) {
            if cluster.config(id).is_some() {
                add(&config_usage(config.kind));
            }
        }
    }
    Used { list, stale_at }
}

/// A pod that was resized, as quotas count it.
#[must_use]
pub fn granted(plan: &Plan, resized: Resized) -> Option<PodAdmission> {
    let of = |template: TemplateId| plan.templates[template].admission.as_ref();
    Some(of(resized.spec)?.granted(of(resized.allocated)?))
}

/// The first status of a quota that is there from the start: it has counted what there is.
#[must_use]
pub fn first_status(cluster: &Cluster, plan: &Plan, namespace: StrId, spec: &QuotaSpec, now: SimTime) -> ObjectStatus {
    let used = used(cluster, plan, namespace, spec, now).list;
    ObjectStatus::ResourceQuota(QuotaStatus { hard: spec.hard.clone(), used, charged: 0 })
}

/// One sync of a quota: its status.
pub(super) fn sync<R: Recorder>(cx: &mut Sync<'_, R>) {
    let (cluster, plan) = (cx.cluster, cx.plan);
    let row = cluster.objects().get(cx.id);
    let Some(spec) = row.spec.quota() else { return };
    let Used { list, stale_at } = used(cluster, plan, row.namespace, spec, cx.now);
    if let Some(at) = stale_at {
        // Nobody tells of it: the next pass over all quotas finds it.
        let passes = (at - plan.start).0 / RESYNC.0 + 1;
        cx.again_after(plan.start + SimDuration(passes * RESYNC.0) - cx.now);
    }
    let charged = row.status.quota().map_or(0, |status| status.charged);
    cx.status(ObjectStatus::ResourceQuota(QuotaStatus { hard: spec.hard.clone(), used: list, charged }));
}
