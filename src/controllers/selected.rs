//! The pods that budgets select, kept up to date from the change log so that nobody has to look through all pods. Knows no rule of
//! any controller.

use std::collections::BTreeMap;

use super::reconcile::Concerned;
use crate::api::{Change, Cluster, PodRef, StatusMask};
use crate::base::IdVec;
use crate::model::objects::ObjectKind;
use crate::model::plan::Plan;
use crate::model::{ObjectId, PodConditionType, TemplateId};

/// The pods of every budget.
#[derive(Clone, Debug, Default)]
pub(super) struct Selected {
    /// Existing budgets with their pods, in the order of their creation.
    members: BTreeMap<ObjectId, Vec<PodRef>>,
    /// Which budgets select the pods of a template; `None`: nobody asked yet.
    by_template: IdVec<TemplateId, Option<Box<[ObjectId]>>>,
}

impl Selected {
    /// The pods that a budget selects.
    pub fn of(&self, budget: ObjectId) -> &[PodRef] {
        self.members.get(&budget).map_or(&[], Vec::as_slice)
    }

    /// Takes over a change, and adds the budgets that it concerns.
    pub fn on_change(&mut self, cluster: &Cluster, plan: &Plan, change: &Change, found: &mut Concerned) {
        let of_budget = |object: ObjectId| cluster.objects().get(object).kind() == ObjectKind::PodDisruptionBudget;
        match *change {
            Change::ObjectAdded(object) | Change::ObjectChanged(object, true) if of_budget(object) => {
                self.by_template = IdVec::new();
                self.members.remove(&object);
                if cluster.objects().existing(object).is_some() {
                    self.members.insert(object, Vec::new());
                    let pods = cluster.pods().iter();
                    let mut pods: Vec<PodRef> =
                        pods.filter(|pod| self.budgets_of(cluster, plan, *pod).contains(&object)).collect();
                    pods.sort_unstable_by_key(|pod| pod.uid);
                    self.members.insert(object, pods);
                }
            }
            Change::ObjectRemoved(object) if self.members.remove(&object).is_some() => self.by_template = IdVec::new(),
            _ if self.members.is_empty() => {}
            Change::PodAdded { pod, template, .. } => {
                for &budget in self.selecting(cluster, plan, template) {
                    found.now.push(budget);
                }
                self.edit(template, |pods| {
                    if let Err(at) = pods.binary_search_by_key(&pod.uid, |other| other.uid) {
                        pods.insert(at, pod);
                    }
                });
            }
            Change::PodRemoved { pod, template, .. } => {
                found.now.extend_from_slice(self.selecting(cluster, plan, template));
                self.edit(template, |pods| {
                    if let Ok(at) = pods.binary_search_by_key(&pod.uid, |other| other.uid) {
                        pods.remove(at);
                    }
                });
            }
            Change::PodStatus { pod, mask, .. }
                if mask.has(StatusMask::PHASE) || mask.has(StatusMask::condition(PodConditionType::Ready)) =>
            {
                found.now.extend_from_slice(self.budgets_of(cluster, plan, pod));
            }
            Change::PodDeleting { pod, .. } => found.now.extend_from_slice(self.budgets_of(cluster, plan, pod)),
            _ => {}
        }
    }

    fn budgets_of(&mut self, cluster: &Cluster, plan: &Plan, pod: PodRef) -> &[ObjectId] {
        if !cluster.pods().exists(pod) {
            return &[];
        }
        self.selecting(cluster, plan, cluster.pods().template(pod.pod))
    }

    fn selecting(&mut self, cluster: &Cluster, plan: &Plan, id: TemplateId) -> &[ObjectId] {
        self.by_template.grow_to(id, None);
        let members = &self.members;
        self.by_template[id].get_or_insert_with(|| {
            let template = &plan.templates[id];
            let labels = plan.strings.labels(template.labels);
            let selects = |budget: &ObjectId| {
                let row = cluster.objects().get(*budget);
                let spec = row.spec.budget().filter(|_| row.namespace == template.namespace);
                spec.is_some_and(|spec| spec.selects(labels, &plan.strings))
            };
            members.keys().copied().filter(selects).collect()
        })
    }

    /// Edits the lists of all budgets that select the pods of a template.
    fn edit(&mut self, template: TemplateId, edit: impl Fn(&mut Vec<PodRef>)) {
        let Some(Some(budgets)) = self.by_template.get(template) else { return };
        for budget in budgets {
            self.members.get_mut(budget).into_iter().for_each(&edit);
        }
    }
}
