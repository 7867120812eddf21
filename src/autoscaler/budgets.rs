//! What PodDisruptionBudgets allow, for the question whether a node can be drained. Knows no node.

use crate::api::{Cluster, PodRef};
use crate::model::DisruptionBudget;
use crate::model::objects::ObjectKind;
use crate::model::plan::Plan;

/// The budgets of the cluster with what their statuses allow.
#[derive(Debug)]
pub(super) struct Budgets<'a> {
    plan: &'a Plan,
    all: Vec<(&'a DisruptionBudget, crate::model::StrId, i64)>,
}

impl<'a> Budgets<'a> {
    pub fn new(cluster: &'a Cluster, plan: &'a Plan) -> Self {
        let rows = cluster.objects().of_kind(ObjectKind::PodDisruptionBudget);
        let all = rows.filter_map(|(_, row)| {
            let allowed = row.status.budget().map_or(0, |state| state.disruptions_allowed);
            Some((row.spec.budget()?, row.namespace, i64::from(allowed)))
        });
        Self { plan, all: all.collect() }
    }

    /// The least that a budget for a pod allows; `None` if there is no budget for it.
    pub fn least(&self, cluster: &Cluster, pod: PodRef) -> Option<i64> {
        let template = &self.plan.templates[cluster.pods().template(pod.pod)];
        let labels = self.plan.strings.labels(template.labels);
        let guards = self.all.iter().filter(|(budget, namespace, _)| {
            *namespace == template.namespace && budget.selects(labels, &self.plan.strings)
        });
        guards.map(|&(_, _, allowed)| allowed).min()
    }
}
