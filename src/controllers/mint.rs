//! Templates that are made while the run goes on: what tells one pod of a StatefulSet, a DaemonSet or an indexed Job from its
//! siblings (its name, its labels, its claims, its node). Each is made once and shared by all later pods of that place.
//! Mirrors `newStatefulSetPod` and `getPersistentVolumeClaimName` of pkg/controller/statefulset/stateful_set_utils.go and
//! `ReplaceDaemonSetPodNodeNameNodeAffinity` of pkg/controller/daemon/util/daemonset_util.go (v1.34.1).

use rustc_hash::FxHashMap;

use super::script::Variation;
use crate::api::{Cluster, PodRef};
use crate::base::id::DenseId;
use crate::model::objects::ObjectKind;
use crate::model::plan::Plan;
use crate::model::pod::revision_text as hash_text;
use crate::model::storage::PersistentVolumeClaim;
use crate::model::{
    COMPLETION_INDEX, ClaimName, NodeTerm, ObjectId, PodClass, PodNaming, PodTemplate, PodVolume, TemplateId,
};

/// Variations of templates that were made.
#[derive(Clone, Debug, Default)]
pub(super) struct Minted {
    all: FxHashMap<(TemplateId, Variation), Option<TemplateId>>,
    /// Those for the indexes of a Job, by index: there are many, and the lowest come first.
    of_indexes: FxHashMap<(TemplateId, ObjectId), Vec<Option<TemplateId>>>,
}

impl Minted {
    /// The template of a pod of `object` that differs from its siblings, made when it is first needed.
    pub(super) fn template(
        &mut self,
        plan: &mut Plan,
        cluster: &Cluster,
        object: ObjectId,
        made_from: TemplateId,
        variation: Variation,
    ) -> TemplateId {
        if let Some(known) = *self.place(made_from, variation) {
            return known;
        }
        // All pods of an indexed Job are pods of that Job.
        let base = match variation {
            Variation::Index(job, _) => self.template(plan, cluster, object, made_from, Variation::Job(job)),
            _ => made_from,
        };
        let template = mint(plan, cluster, object, base, variation);
        *self.place(made_from, variation) = Some(template);
        template
    }

    fn place(&mut self, made_from: TemplateId, variation: Variation) -> &mut Option<TemplateId> {
        let Variation::Index(job, index) = variation else {
            return self.all.entry((made_from, variation)).or_default();
        };
        let (templates, at) = (self.of_indexes.entry((made_from, job)).or_default(), index as usize);
        if templates.len() <= at {
            templates.resize(at + 1, None);
        }
        &mut templates[at]
    }
}

/// Adds the variation of `base` for a pod of `object` to the plan.
fn mint(plan: &mut Plan, cluster: &Cluster, object: ObjectId, base: TemplateId, variation: Variation) -> TemplateId {
    let mut template = plan.templates[base].clone();
    let name = &cluster.objects().get(object).name;
    match variation {
        Variation::Ordinal(ordinal, revision) => {
            let pod = format!("{name}-{ordinal}");
            let mut class = plan.classes[template.class].clone();
            let labels = [
                ("apps.kubernetes.io/pod-index", &*ordinal.to_string()),
                ("controller-revision-hash", &format!("{name}-{}", hash_text(revision))),
                ("statefulset.kubernetes.io/pod-name", &pod),
            ];
            add_labels(plan, &mut template, &mut class, &labels);
            let templates = cluster.objects().get(object).spec.stateful_set().map(|spec| &spec.claims);
            for volume in &mut class.volumes {
                let PodVolume::Claim(claim) = volume else { continue };
                if templates.is_some_and(|all| all.iter().any(|template| template.name == claim.name)) {
                    let name = format!("{}-{pod}", plan.strings.text(claim.name));
                    claim.name = plan.strings.intern(&name);
                }
            }
            template.naming = PodNaming::Exact(plan.strings.intern(&pod));
            template.revision = revision;
            template.class = plan.classes.push(class);
        }
        Variation::Job(job) => {
            let uid = cluster.objects().uid(job, &plan.strings);
            let labels = [
                ("batch.kubernetes.io/controller-uid", &*uid),
                ("batch.kubernetes.io/job-name", name),
                ("controller-uid", &uid),
                ("job-name", name),
            ];
            let mut class = plan.classes[template.class].clone();
            add_labels(plan, &mut template, &mut class, &labels);
            // Nobody can know the names of a CronJob's Jobs: no term of a scheduler selects by them.
            if cluster.objects().get(job).owner.is_none() {
                template.class = plan.classes.push(class);
            }
            template.naming = PodNaming::Generated(plan.strings.intern(name));
        }
        Variation::Index(_, index) => {
            // No selector asks for a label that the plan has no word for. Pods that differ in this alone stay one question to
            // the scheduler.
            if plan.strings.lookup(COMPLETION_INDEX).is_some() {
                template.labels = plan.strings.add_labels(template.labels, &[(COMPLETION_INDEX, &*index.to_string())]);
            }
            template.naming = PodNaming::Index(plan.strings.intern(name), index);
        }
        Variation::Node(node, revision, generation) => {
            let mut class = plan.classes[template.class].clone();
            let labels = [
                ("controller-revision-hash", &*hash_text(revision)),
                ("pod-template-generation", &generation.to_string()),
            ];
            add_labels(plan, &mut template, &mut class, &labels);
            // Whatever nodes the template asks for, its pod asks for this one.
            let required = Some(Box::new([NodeTerm::of_node(cluster.nodes().get(node).name)]) as Box<[_]>);
            class.node_affinity.get_or_insert_default().required = required;
            template.naming = PodNaming::Generated(plan.strings.intern(name));
            template.revision = revision;
            template.class = plan.classes.push(class);
        }
    }
    plan.templates.push(template)
}

fn add_labels(plan: &mut Plan, template: &mut PodTemplate, class: &mut PodClass, more: &[(&str, &str)]) {
    template.labels = plan.strings.add_labels(template.labels, more);
    class.labels = plan.strings.labels(template.labels).clone();
}

/// The claim of a StatefulSet's pod, if it is missing.
pub(super) fn claim(
    plan: &mut Plan,
    cluster: &Cluster,
    object: ObjectId,
    at: usize,
    ordinal: i32,
) -> Option<PersistentVolumeClaim> {
    let row = cluster.objects().existing(object)?;
    let template = row.spec.stateful_set()?.claims.get(at)?;
    let mut claim = template.claim.clone();
    let name = format!("{}-{}-{ordinal}", plan.strings.text(template.name), row.name);
    claim.name = ClaimName { namespace: row.namespace, name: plan.strings.intern(&name) };
    // One that comes after another of its name is not bound to what that left behind.
    let again = cluster.claims_gone(claim.name);
    let again = if again > 0 { format!("-{}", again + 1) } else { String::new() };
    let uid = format!("uid-{}-{name}{again}", plan.strings.text(row.namespace));
    claim.uid = plan.strings.intern(&uid);
    claim.provisioned = plan.strings.intern(&format!("pvc-{uid}"));
    claim.class = claim.class.or_else(|| cluster.storage().default_class(&plan.strings));
    cluster.storage().claim(claim.name).is_none().then_some(claim)
}

/// The ordinal at the end of a name, if it is one of a StatefulSet's pods.
pub(super) fn ordinal(set: &str, pod: &str) -> Option<u32> {
    let ordinal = pod.strip_prefix(set)?.strip_prefix('-')?;
    ordinal.bytes().all(|byte| byte.is_ascii_digit()).then(|| ordinal.parse().ok()).flatten()
}

/// The place of a pod that is adopted among those of its new owner.
pub(super) fn member_of(plan: &Plan, cluster: &Cluster, object: ObjectId, pod: PodRef) -> u32 {
    let pods = cluster.pods();
    if !pods.exists(pod) {
        return 0;
    }
    let row = cluster.objects().get(object);
    match row.spec.kind() {
        ObjectKind::StatefulSet => {
            let (workload, number) = pods.source(pod.pod);
            ordinal(&row.name, &plan.pod_name(workload, pods.template(pod.pod), number)).unwrap_or(0)
        }
        ObjectKind::DaemonSet => {
            pods.node(pod.pod).map_or(u32::MAX, |node| u32::try_from(node.index()).unwrap_or(u32::MAX))
        }
        _ => 0,
    }
}
