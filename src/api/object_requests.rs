//! Writes of objects of controllers, and of who owns which pod: what is refused, and what follows. Knows no rule of any
//! controller.

use super::Cluster;
use super::log::{Change, PodRef};
use super::objects::{Owned, Propagation};
use super::request::Rejection;
use crate::base::SimTime;
use crate::model::ObjectId;
use crate::model::objects::{ObjectKind, ObjectSpec, ObjectStatus};

impl Cluster {
    pub(super) fn own_pod(&mut self, pod: PodRef, owned: Option<Owned>) -> Result<Change, Rejection> {
        if !self.pods.exists(pod) || owned.is_some_and(|owned| self.objects.existing(owned.object).is_none()) {
            return Err(Rejection::NotFound);
        }
        let before = self.pods.owned(pod.pod);
        if before == owned || (before.is_some() && owned.is_some()) {
            return Err(Rejection::Conflict("the pod has an owner"));
        }
        match owned {
            Some(owned) => self.pods.join_owner(&mut self.objects, pod, owned),
            None => self.pods.leave_owner(&mut self.objects, pod),
        }
        Ok(Change::PodOwned { pod, before: before.map(|by| by.object), owner: owned.map(|by| by.object) })
    }

    pub(super) fn put_spec(&mut self, now: SimTime, object: ObjectId, spec: &ObjectSpec) -> Result<Change, Rejection> {
        let row = self.objects.existing_mut(object)?;
        debug_assert_eq!(row.spec.kind(), spec.kind(), "an object keeps its kind");
        if row.spec == *spec {
            return Err(Rejection::Conflict("nothing changed"));
        }
        row.spec.clone_from(spec);
        row.generation += 1;
        row.note_revision(now);
        Ok(Change::ObjectChanged(object, true))
    }

    pub(super) fn scale(&mut self, object: ObjectId, replicas: i32) -> Result<Change, Rejection> {
        let row = self.objects.existing_mut(object)?;
        if row.spec.replicas().is_none_or(|now| now == replicas) {
            return Err(Rejection::Conflict("nothing changed"));
        }
        row.spec.set_replicas(replicas);
        row.generation += 1;
        Ok(Change::ObjectChanged(object, true))
    }

    pub(super) fn put_status(&mut self, object: ObjectId, status: &ObjectStatus) -> Result<Change, Rejection> {
        let row = self.objects.existing_mut(object)?;
        if row.status == *status {
            return Err(Rejection::Conflict("nothing changed"));
        }
        if let (Some(before), Some(after)) = (row.status.budget(), status.budget())
            && before.charged != after.charged
        {
            return Err(Rejection::Conflict("the object has been modified"));
        }
        if let (Some(before), Some(after)) = (row.status.quota(), status.quota())
            && before.charged != after.charged
        {
            return Err(Rejection::Conflict("the object has been modified"));
        }
        row.status.clone_from(status);
        Ok(Change::ObjectChanged(object, false))
    }

    /// Source: staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go, v1.34. Finalizers of other kinds than
    /// foreground deletion are not modelled.
    pub(super) fn delete_object(
        &mut self,
        now: SimTime,
        object: ObjectId,
        how: Propagation,
    ) -> Result<Change, Rejection> {
        let row = self.objects.existing_mut(object)?;
        let waits = row.pods() > 0 || !row.children().is_empty();
        if row.kind() == ObjectKind::Namespace {
            if row.deleting.replace(now.floor_seconds()).is_some() {
                return Err(Rejection::Conflict("it is being deleted"));
            }
            return Ok(Change::ObjectDeleting(object));
        }
        if how == Propagation::Foreground && waits {
            if row.deleting.replace(now.floor_seconds()).is_some() {
                return Err(Rejection::Conflict("it is being deleted"));
            }
            return Ok(Change::ObjectDeleting(object));
        }
        if how == Propagation::Orphan {
            let pods: Vec<PodRef> = self.pods_of(object).collect();
            for pod in pods {
                self.pods.leave_owner(&mut self.objects, pod);
            }
        }
        self.objects.remove(object, how == Propagation::Orphan);
        Ok(Change::ObjectRemoved(object))
    }
}
