//! What LimitRanges and ResourceQuotas say to what is to be created, and what quotas are charged for it. Knows no controller.
//!
//! Mirrors the order of plugin/pkg/admission/limitranger/admission.go and `CheckRequest` of
//! staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go, v1.34 (spec 8.9 to 8.11).

use super::Cluster;
use super::log::{Change, PodRef};
use super::pods::Resized;
use super::request::Rejection;
use crate::base::{Quantity, SimTime};
use crate::model::effective::ResourceList;
use crate::model::limit_range;
use crate::model::objects::{ObjectKind, ObjectStatus, QuotaStatus};
use crate::model::quota::{self, Asked, PodAdmission};
use crate::model::{ClassId, ObjectId, StorageObject, StrId, Strings};

/// What quotas are to be charged for something that is let in.
pub(super) type Charges = Vec<(ObjectId, ResourceList)>;

/// What admission looks at when a user changes the resources of a pod.
#[derive(Clone, Copy, Debug)]
pub struct ResizeAsked<'a> {
    /// `metadata.namespace`.
    pub namespace: StrId,
    /// The pod as it counts.
    pub before: &'a PodAdmission,
    /// The pod as it will count.
    pub after: &'a PodAdmission,
}

impl Rejection {
    /// The same, in upstream's words for what was refused.
    #[must_use]
    pub fn told(self, strings: &Strings, resource: &str, name: &str) -> Self {
        let forbidden = |why: &str| format!("{resource} \"{name}\" is forbidden: {why}").into();
        match self {
            Self::Forbidden(why) => Self::Forbidden(forbidden(&why)),
            Self::NoNamespace(id) => Self::Forbidden(format!("namespaces \"{}\" not found", strings.text(id)).into()),
            Self::NamespaceEnds(id) => {
                let namespace = strings.text(id);
                let why =
                    format!("unable to create new content in namespace {namespace} because it is being terminated");
                Self::Ending(forbidden(&why))
            }
            other => other,
        }
    }
}

impl Cluster {
    /// Decides whether something may be created in a namespace.
    ///
    /// # Errors
    /// Why not, without the name of what is asked for: that is for who knows it.
    pub(super) fn admit(&self, namespace: StrId, asked: &Asked<'_>) -> Result<Charges, Rejection> {
        let forbidden = |text: String| Err(Rejection::Forbidden(text.into()));
        if self.objects.is_empty() {
            return Ok(Charges::new());
        }
        if !matches!(asked, Asked::Object(ObjectKind::Namespace)) {
            self.objects.check_namespace(namespace)?;
        }
        let is_stored = matches!(asked, Asked::Pod(pod) if pod.is_stored);
        if !is_stored {
            for (_, row) in self.objects.of_kind_in(ObjectKind::LimitRange, namespace) {
                let Some(range) = row.spec.limit_range() else { continue };
                let refused = match asked {
                    Asked::Pod(pod) | Asked::Resize { after: pod, .. } => {
                        limit_range::refusal(&range.limits, &pod.resources)
                    }
                    Asked::Claim(claim) | Asked::Grown { after: claim, .. } => {
                        let requests: ResourceList = claim.request.map(|size| ("storage", size)).into_iter().collect();
                        limit_range::claim_refusal(&range.limits, &requests)
                    }
                    Asked::Config(_) | Asked::Object(_) => None,
                };
                if let Some(text) = refused {
                    return forbidden(text);
                }
            }
        }
        // What is not enforced yet, as its controller has not seen it, bounds nothing.
        let quotas = self.objects.of_kind_in(ObjectKind::ResourceQuota, namespace).filter_map(|(id, row)| {
            let status = row.status.quota()?;
            let usage = quota::mask(&asked.usage(row.spec.quota()?)?, &status.hard);
            Some((id, row, status, usage))
        });
        let quotas: Vec<_> = quotas.collect();
        if !is_stored {
            for (_, row, status, _) in &quotas {
                if let Some(text) = quota::unmet(&status.hard, asked) {
                    return forbidden(format!("failed quota: {}: {text}", row.name));
                }
            }
            for (_, row, status, usage) in &quotas {
                if let Some(text) = quota::exceeded(&status.hard, &status.used, usage) {
                    return forbidden(format!("exceeded quota: {}, {text}", row.name));
                }
            }
        }
        let charges = quotas.into_iter().map(|(id, _, _, usage)| (id, usage));
        Ok(charges.filter(|(_, usage)| usage.iter().any(|(_, amount)| amount > Quantity::ZERO)).collect())
    }

    /// Decides about a storage object: claims that are new, or grow, are bounded.
    pub(super) fn admit_storage(&self, object: &StorageObject) -> Result<Charges, Rejection> {
        let StorageObject::Claim(claim) = object else { return Ok(Charges::new()) };
        match self.volumes.set.claim(claim.name) {
            None => self.admit(claim.name.namespace, &Asked::Claim(claim)),
            Some(before) if before.request != claim.request || before.attributes_class != claim.attributes_class => {
                self.admit(claim.name.namespace, &Asked::Grown { before, after: claim })
            }
            Some(_) => Ok(Charges::new()),
        }
    }

    /// Changes what is asked of a pod's resources, or what its kubelet says of them.
    pub(super) fn resize_pod(
        &mut self,
        now: SimTime,
        pod: PodRef,
        class: ClassId,
        resized: Resized,
        asked: Option<ResizeAsked<'_>>,
    ) -> Result<Change, Rejection> {
        if !self.pods.exists(pod) {
            return Err(Rejection::NotFound);
        }
        let Some(node) = self.pods.node(pod.pod) else {
            return Err(Rejection::Conflict("the pod is on no node"));
        };
        if self.pods.phase(pod.pod).is_terminal() {
            return Err(Rejection::Conflict("the pod has ended"));
        }
        let before = self.pods.resizes.get(&pod.pod).copied();
        if before == Some(resized) {
            return Err(Rejection::Conflict("nothing changed"));
        }
        if let Some(ResizeAsked { namespace, before, after }) = asked {
            let charges = self.admit(namespace, &Asked::Resize { before, after })?;
            self.charge(now, charges);
        }
        self.pods.resizes.insert(pod.pod, resized);
        let classes = (before.map_or(class, |before| before.class), resized.class);
        Ok(Change::PodResized { pod, node, classes, state: resized.state })
    }

    /// Charges quotas for what was let in.
    pub(super) fn charge(&mut self, now: SimTime, charges: Charges) {
        for (id, usage) in charges {
            let Ok(row) = self.objects.existing_mut(id) else { continue };
            let Some(QuotaStatus { hard, used, charged }) = row.status.quota().cloned() else { continue };
            let used = quota::charge(&used, &hard, &usage);
            row.status = ObjectStatus::ResourceQuota(QuotaStatus { hard, used, charged: charged + 1 });
            self.accept(now, Change::ObjectChanged(id, false));
        }
    }
}
