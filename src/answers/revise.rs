//! A new revision of a workload, as somebody would apply it: the same template with another image, or with another annotation alone.
//! Edits a plan as the reader of manifests would have made it. Knows no question.

use crate::model::objects::{ObjectPlan, ObjectSpec};
use crate::model::plan::{Image, Plan};
use crate::model::pod::{PodNaming, safe_encode};
use crate::model::selector::CompiledSelector;
use crate::model::spread::{OwnedPods, OwnerKind, OwnerSelector, PodOwner};
use crate::model::{ImageId, Role, TemplateId};

/// The label by which ReplicaSets of one Deployment tell their pods apart.
const TEMPLATE_HASH: &str = "pod-template-hash";
/// What the tag of a new image is called.
const TAG: &str = "podsim-next";

/// Object number `at` of the plan with a new revision of its template; with `image` the images of its main containers have a new tag,
/// so that they are pulled. `None`: it has no template, or one that is not updated by replacing pods.
pub(super) fn revise(plan: &mut Plan, at: usize, image: bool) -> Option<ObjectPlan> {
    let mut object = plan.objects[at].clone();
    let hash = match &object.spec {
        ObjectSpec::Deployment(spec) => spec.template_hash,
        ObjectSpec::StatefulSet(spec) => spec.template_hash,
        ObjectSpec::DaemonSet(spec) => spec.template_hash,
        _ => return None,
    };
    // Any other number says that the template is another one.
    let hash = hash.rotate_left(17) ^ 0x9e37_79b9_7f4a_7c15;
    let template = new_template(plan, object.spec.template()?, image);
    object.spec.set_template(template);
    match &mut object.spec {
        ObjectSpec::Deployment(spec) => {
            spec.template_hash = hash;
            let label = safe_encode(hash & 0xffff_ffff, 7);
            let name = format!("{}-{label}", plan.strings.text(object.name));
            let pair = (plan.strings.intern(TEMPLATE_HASH), plan.strings.intern(&label));
            spec.replica_set_name = plan.strings.intern(&name);
            spec.replica_set_selector =
                spec.selector.clone().with_requirements_of(&CompiledSelector::of_pairs(&[pair]));
            relabel(plan, template, &label);
            let owner = PodOwner { kind: OwnerKind::ReplicaSet, name: spec.replica_set_name };
            let class = plan.templates[template].class;
            if plan.classes[class].owner.is_some() {
                plan.classes[class].owner = Some(owner);
                let selector = OwnedPods::Selector(spec.replica_set_selector.clone());
                plan.owners.push(OwnerSelector { namespace: object.namespace, owner, selector });
            }
            plan.templates[template].naming = PodNaming::Generated(spec.replica_set_name);
        }
        ObjectSpec::StatefulSet(spec) => spec.template_hash = hash,
        ObjectSpec::DaemonSet(spec) => spec.template_hash = hash,
        _ => {}
    }
    Some(object)
}

/// A copy of a template with a class of its own.
fn new_template(plan: &mut Plan, base: TemplateId, image: bool) -> TemplateId {
    let mut template = plan.templates[base].clone();
    let mut class = plan.classes[template.class].clone();
    if image {
        for (at, container) in template.containers.iter_mut().enumerate() {
            if container.role == Role::Main {
                container.image = new_image(plan, container.image);
                if let Some(name) = class.images.get_mut(at) {
                    *name = plan.images[container.image].name;
                }
            }
        }
    }
    template.class = plan.classes.push(class);
    plan.templates.push(template)
}

/// The same image with a new tag.
fn new_image(plan: &mut Plan, old: ImageId) -> ImageId {
    let image = plan.images[old].clone();
    let name = format!("{}:{TAG}", untagged(plan.strings.text(image.name)));
    let name = plan.strings.intern(&name);
    let known = plan.images.entries().find(|(_, image)| image.name == name).map(|(id, _)| id);
    known.unwrap_or_else(|| plan.images.push(Image { name, ..image }))
}

/// A reference without tag and digest.
fn untagged(name: &str) -> &str {
    let name = name.split('@').next().unwrap_or(name);
    // The colon before a port is followed by a slash.
    match name.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => before,
        _ => name,
    }
}

/// Gives a template another value of the label that its Deployment adds.
fn relabel(plan: &mut Plan, id: TemplateId, label: &str) {
    let labels = plan.templates[id].labels;
    let text = |id| plan.strings.text(id).to_owned();
    let pairs = plan.strings.labels(labels).pairs().iter().map(|&(key, value)| (text(key), text(value)));
    let mut pairs: Vec<(String, String)> = pairs.filter(|(key, _)| key != TEMPLATE_HASH).collect();
    pairs.push((TEMPLATE_HASH.to_owned(), label.to_owned()));
    let labels = plan.strings.intern_labels(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    plan.templates[id].labels = labels;
    let class = plan.templates[id].class;
    plan.classes[class].labels = plan.strings.labels(labels).clone();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_digests_go_and_ports_stay() {
        let names = ["nginx", "nginx:1.27", "localhost:5000/a/b", "localhost:5000/b:2", "gcr.io/x@sha256:0123"];
        assert_eq!(names.map(untagged), ["nginx", "nginx", "localhost:5000/a/b", "localhost:5000/b", "gcr.io/x"]);
    }
}
