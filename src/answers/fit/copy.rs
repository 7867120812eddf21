//! Copies of an application in namespaces of their own: same manifests, another namespace; what has no namespace is shared.
//! Owns what a copy is made of; knows neither simulation nor answer.

use std::collections::BTreeMap;

use crate::base::SimTime;
use crate::model::objects::{ObjectPlan, ObjectSpec};
use crate::model::{
    ClassId, ConfigId, Namespace, PodTemplate, PodVolume, StorageObject, StrId, TemplateId, VolumeSource, WorkloadId,
};
use crate::sim::plan::{ChangeKind, ChangePlan, Plan, PodPlan, Workload};

/// An application: what the plan has in these namespaces.
#[derive(Clone, Debug, Default)]
pub(super) struct Application {
    /// Its namespaces.
    pub namespaces: Vec<StrId>,
    /// Objects of the plan, by number, that nobody else makes.
    pub objects: Vec<usize>,
    /// Bare pods of the plan, by number.
    pub pods: Vec<usize>,
}

/// What one copy refers to instead of the original.
struct Renamed {
    namespaces: BTreeMap<StrId, StrId>,
    configs: BTreeMap<ConfigId, ConfigId>,
    workloads: BTreeMap<WorkloadId, WorkloadId>,
    templates: BTreeMap<TemplateId, TemplateId>,
    classes: BTreeMap<ClassId, ClassId>,
}

/// Adds a copy of `app` that is applied at `at`; its namespaces end in `suffix`. Returns them.
pub(super) fn add(plan: &mut Plan, app: &Application, suffix: &str, at: SimTime) -> Vec<StrId> {
    let namespaces: BTreeMap<StrId, StrId> = app
        .namespaces
        .iter()
        .map(|&name| (name, plan.strings.intern(&format!("{}{suffix}", plan.strings.text(name).to_owned()))))
        .collect();
    let mut renamed = Renamed {
        namespaces,
        configs: BTreeMap::new(),
        workloads: BTreeMap::new(),
        templates: BTreeMap::new(),
        classes: BTreeMap::new(),
    };
    renamed.surroundings(plan);
    for &number in &app.objects {
        let mut object = plan.objects[number].clone();
        renamed.object(plan, &mut object);
        plan.changes.push(ChangePlan { at, kind: ChangeKind::ApplyObject(Box::new(object)) });
    }
    for &number in &app.pods {
        let PodPlan { workload, template, .. } = plan.pods[number];
        let workload = renamed.workload(plan, workload);
        let template = renamed.template(plan, template);
        plan.pods.push(PodPlan { workload, template, at });
    }
    renamed.namespaces.into_values().collect()
}

impl Renamed {
    fn space(&self, name: StrId) -> StrId {
        self.namespaces.get(&name).copied().unwrap_or(name)
    }

    /// Namespaces, services, configuration, claims: they are there from the start and take no place.
    fn surroundings(&mut self, plan: &mut Plan) {
        for at in 0..plan.namespaces.len() {
            let Some(&name) = self.namespaces.get(&plan.namespaces[at].name) else { continue };
            let text = |id| plan.strings.text(id).to_owned();
            let labels: Vec<(String, String)> =
                plan.namespaces[at].labels.pairs().iter().map(|&(key, value)| (text(key), text(value))).collect();
            let labels = labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            let namespace = Namespace::new(&text(name), labels, &mut plan.strings);
            plan.namespaces.push(namespace);
        }
        for at in 0..plan.services.len() {
            let mut service = plan.services.iter().nth(at).expect("it is there").clone();
            if let Some(&namespace) = self.namespaces.get(&service.namespace) {
                service.namespace = namespace;
                plan.services.push(service);
            }
        }
        let configs: Vec<_> = plan.configs.entries().map(|(id, config)| (id, config.clone())).collect();
        for (id, mut config) in configs {
            if let Some(&namespace) = self.namespaces.get(&config.namespace) {
                config.namespace = namespace;
                self.configs.insert(id, plan.configs.push(config));
            }
        }
        for at in 0..plan.config_contents.len() {
            let mut content = plan.config_contents[at].clone();
            if let Some(&config) = self.configs.get(&content.config) {
                content.config = config;
                plan.config_contents.push(content);
            }
        }
        for at in 0..plan.storage.len() {
            let StorageObject::Claim(mut claim) = plan.storage[at].clone() else { continue };
            let Some(&namespace) = self.namespaces.get(&claim.name.namespace) else { continue };
            claim.name.namespace = namespace;
            let (space, name) = (plan.strings.text(namespace), plan.strings.text(claim.name.name));
            let uid = format!("{space}/{name}");
            // A new claim, which nobody has given a volume yet.
            claim.uid = plan.strings.intern(&uid);
            claim.provisioned = plan.strings.intern(&format!("pvc-{uid}"));
            (claim.volume, claim.bind_completed, claim.selected_node) = (None, false, None);
            claim.phase = Default::default();
            plan.storage.push(StorageObject::Claim(claim));
        }
        for at in 0..plan.owners.len() {
            let mut owner = plan.owners[at].clone();
            if let Some(&namespace) = self.namespaces.get(&owner.namespace) {
                owner.namespace = namespace;
                plan.owners.push(owner);
            }
        }
    }

    fn workload(&mut self, plan: &mut Plan, id: WorkloadId) -> WorkloadId {
        if let Some(&known) = self.workloads.get(&id) {
            return known;
        }
        let workload = Workload { namespace: self.space(plan.workloads[id].namespace), ..plan.workloads[id].clone() };
        let copy = plan.workloads.push(workload);
        self.workloads.insert(id, copy);
        copy
    }

    fn object(&mut self, plan: &mut Plan, object: &mut ObjectPlan) {
        object.namespace = self.space(object.namespace);
        object.workload = object.workload.map(|workload| self.workload(plan, workload));
        if let Some(template) = object.spec.template() {
            object.spec.set_template(self.template(plan, template));
        }
        match &mut object.spec {
            ObjectSpec::StatefulSet(spec) => {
                for template in &mut spec.claims {
                    template.claim.name.namespace = self.space(template.claim.name.namespace);
                }
            }
            ObjectSpec::PodDisruptionBudget(budget) => budget.namespace = self.space(budget.namespace),
            _ => {}
        }
    }

    fn template(&mut self, plan: &mut Plan, id: TemplateId) -> TemplateId {
        if let Some(&known) = self.templates.get(&id) {
            return known;
        }
        let mut template: PodTemplate = plan.templates[id].clone();
        template.namespace = self.space(template.namespace);
        template.class = self.class(plan, template.class);
        for container in &mut template.containers {
            for source in &mut container.env {
                source.config = self.config(source.config);
            }
        }
        for volume in &mut template.volumes {
            if let VolumeSource::Config(sources) = &mut volume.source {
                sources.iter_mut().for_each(|source| source.config = self.config(source.config));
            }
        }
        let copy = plan.templates.push(template);
        self.templates.insert(id, copy);
        copy
    }

    fn config(&self, id: ConfigId) -> ConfigId {
        self.configs.get(&id).copied().unwrap_or(id)
    }

    fn class(&mut self, plan: &mut Plan, id: ClassId) -> ClassId {
        if let Some(&known) = self.classes.get(&id) {
            return known;
        }
        let mut class = plan.classes[id].clone();
        let namespace = self.space(class.namespace);
        class.move_to(namespace);
        let terms = class.pod_affinity.iter_mut().flat_map(|affinity| affinity.terms_mut());
        for term in terms {
            term.namespaces = term.namespaces.iter().map(|&name| self.space(name)).collect();
        }
        // Where the original is says nothing of where a copy goes.
        class.node_name = None;
        for volume in &mut class.volumes {
            if let PodVolume::Claim(claim) | PodVolume::Ephemeral { claim, .. } = volume {
                claim.namespace = self.space(claim.namespace);
            }
        }
        let copy = plan.classes.push(class);
        self.classes.insert(id, copy);
        copy
    }
}
