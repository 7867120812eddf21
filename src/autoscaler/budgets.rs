//! What PodDisruptionBudgets allow, for drains and for the question whether a node can be drained. The counting is the budgets'
//! own (`model::budget`); knows no node.

use smallvec::SmallVec;

use crate::api::{Cluster, PodRef};
use crate::model::plan::Plan;
use crate::model::{DisruptionBudget, PodConditionType};

/// The budgets of the cluster with what they allow, counted once.
#[derive(Debug)]
pub(super) struct Budgets<'a> {
    plan: &'a Plan,
    all: Vec<(&'a DisruptionBudget, i64)>,
}

impl<'a> Budgets<'a> {
    pub fn new(cluster: &'a Cluster, plan: &'a Plan) -> Self {
        let objects = cluster.objects().iter();
        let written = objects.filter_map(|(_, row)| Some((row.spec.budget()?, Some(&row.status))));
        let given = plan.budgets.iter().map(|budget| (budget, None));
        let all = given.chain(written).map(|(budget, status)| {
            let status = status.and_then(|status| status.budget());
            let counted = || counted(cluster, plan, budget);
            (budget, status.map_or_else(counted, |status| i64::from(status.disruptions_allowed)))
        });
        Self { plan, all: all.collect() }
    }

    /// What the budgets for a pod allow.
    pub fn of(&self, cluster: &Cluster, pod: PodRef) -> SmallVec<[i64; 1]> {
        let template = &self.plan.templates[cluster.pods().template(pod.pod)];
        let labels = self.plan.strings.labels(template.labels);
        let protects = |budget: &DisruptionBudget| {
            budget.namespace == template.namespace && budget.selects(labels, &self.plan.strings)
        };
        self.all.iter().filter(|(budget, _)| protects(budget)).map(|&(_, allowed)| allowed).collect()
    }
}

/// `disruptionsAllowed` of a budget without a status, as the disruption controller would have it by now.
fn counted(cluster: &Cluster, plan: &Plan, budget: &DisruptionBudget) -> i64 {
    if budget.status.is_some() {
        return budget.disruptions_allowed(0, 0);
    }
    let pods = cluster.pods();
    let (mut matching, mut healthy) = (0, 0);
    for pod in pods.iter().map(|pod| pod.pod) {
        let template = &plan.templates[pods.template(pod)];
        let labels = plan.strings.labels(template.labels);
        if template.namespace == budget.namespace && budget.selects(labels, &plan.strings) {
            matching += 1;
            let is_ready = pods.conditions(pod).is_true(PodConditionType::Ready);
            healthy += i64::from(is_ready && !pods.deleting(pod));
        }
    }
    budget.disruptions_allowed(matching, healthy)
}
