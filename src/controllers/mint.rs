//! Templates that are made while the run goes on: what tells one pod of a StatefulSet, a DaemonSet or an indexed Job from its
//! siblings (its name, its labels, its claims, its node). Each is made once and shared by all later pods of that place.

use super::script::Variation;
use crate::api::Cluster;
use crate::model::plan::Plan;
use crate::model::{ObjectId, PodNaming, TemplateId};

/// Adds the variation of `base` for a pod of `object` to the plan.
pub(super) fn mint(
    plan: &mut Plan,
    cluster: &Cluster,
    object: ObjectId,
    base: TemplateId,
    variation: Variation,
) -> TemplateId {
    let mut template = plan.templates[base].clone();
    let class = plan.classes[template.class].clone();
    let name = &cluster.objects().get(object).name;
    match variation {
        Variation::Ordinal(ordinal) => {
            template.naming = PodNaming::Exact(plan.strings.intern(&format!("{name}-{ordinal}")));
        }
        Variation::Job(_) => template.naming = PodNaming::Generated(plan.strings.intern(name)),
        Variation::Index(_, index) => {
            template.naming = PodNaming::Generated(plan.strings.intern(&format!("{name}-{index}")));
        }
        Variation::Node(_) => {}
    }
    template.class = plan.classes.push(class);
    plan.templates.push(template)
}
