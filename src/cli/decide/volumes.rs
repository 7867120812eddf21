//! What the volume controller and provisioners do between a decision and the binding, at once.

use std::collections::BTreeMap;

use super::cluster::Cluster;
use crate::model::storage::{ClaimPhase, ClaimRef, PersistentVolume, PersistentVolumeClaim, VolumePhase};
use crate::model::strings::known;
use crate::model::{
    ClaimName, ClassId, LabelSelectorRequirement, NodeId, NodeSelectorTerm, NodeTerm, PodVolume, StorageObject,
};
use crate::scheduler::storage::PodVolumes;

impl Cluster {
    /// Binds the claims of a pod of `class` that is given `node`.
    pub(super) fn bind_volumes(&mut self, class: ClassId, node: NodeId) {
        let Some(volumes) = self.view.volumes_for(class, node) else { return };
        self.bind(volumes, node);
    }

    /// Binds the claims of a pod of `class` to the volumes named: those that are not there yet are made.
    pub(super) fn bind_as_recorded(&mut self, class: ClassId, node: NodeId, recorded: &BTreeMap<String, String>) {
        let mut volumes = PodVolumes::default();
        let storage = self.view.storage();
        let text = |id| self.words.strings.text(id);
        for volume in &self.words.classes.get(class).volumes {
            let PodVolume::Claim(name) = volume else { continue };
            let Some(volume) = recorded.get(text(name.name)) else { continue };
            let is_bound = storage.claim(*name).is_none_or(|claim| claim.volume.is_some() && claim.bind_completed);
            match self.words.strings.lookup(volume).filter(|&volume| storage.volume(volume).is_some()) {
                _ if is_bound => {}
                Some(volume) => volumes.bindings.push((*name, volume)),
                None => volumes.provisions.push(*name),
            }
        }
        self.bind(volumes, node);
    }

    fn bind(&mut self, PodVolumes { bindings, provisions }: PodVolumes, node: NodeId) {
        for (claim, volume) in bindings {
            let storage = self.view.storage();
            let (Some(claim), Some(volume)) = (storage.claim(claim), storage.volume(volume)) else { continue };
            let claim_ref = Some(ClaimRef { claim: claim.name, uid: claim.uid });
            let volume = PersistentVolume { claim: claim_ref, phase: VolumePhase::Bound, ..volume.clone() };
            let claim = claim.clone();
            self.bind_claim(claim, volume);
        }
        let zone = self.view.facts(node).and_then(|facts| self.view.tables().label(facts, known::LABEL_ZONE));
        for name in provisions {
            let storage = self.view.storage();
            let Some(claim) = storage.claim(name).cloned() else { continue };
            let Some(class) = storage.class(claim.class_name()).cloned() else { continue };
            let provisioned = self.provisioned(name);
            let strings = &mut self.words.strings;
            let terms = zone.map(|zone| -> Box<[NodeTerm]> {
                let key = strings.text(known::LABEL_ZONE).to_owned();
                let values = vec![strings.text(zone).to_owned()];
                let in_zone = LabelSelectorRequirement { key, operator: "In".to_owned(), values };
                let term = NodeSelectorTerm { match_expressions: vec![in_zone], ..NodeSelectorTerm::default() };
                Box::new([term.compile(strings)])
            });
            let volume = PersistentVolume::provisioned(&claim, &class, strings.intern(&provisioned), terms);
            self.bind_claim(claim, volume);
        }
    }

    fn bind_claim(&mut self, claim: PersistentVolumeClaim, volume: PersistentVolume) {
        let bound = PersistentVolumeClaim {
            volume: Some(volume.name),
            bind_completed: true,
            phase: ClaimPhase::Bound,
            ..claim
        };
        self.view.storage_mut().put(StorageObject::Volume(volume));
        self.view.storage_mut().put(StorageObject::Claim(bound));
    }

    /// The name of the volume that is made for a claim.
    fn provisioned(&self, claim: ClaimName) -> String {
        let text = |id| self.words.strings.text(id);
        format!("pvc-{}-{}", text(claim.namespace), text(claim.name))
    }

    /// The claims that a pod names, with the volumes that they have once the pod is on `node`. Claims of ephemeral volumes are
    /// not listed.
    pub(super) fn volumes_on(&self, class: ClassId, node: NodeId) -> BTreeMap<String, String> {
        let text = |id| self.words.strings.text(id).to_owned();
        let found = self.view.volumes_for(class, node).unwrap_or_default();
        let volume_of = |name: ClaimName| {
            let chosen = found.bindings.iter().find(|(claim, _)| *claim == name).map(|&(_, volume)| text(volume));
            let made = || found.provisions.contains(&name).then(|| self.provisioned(name));
            chosen.or_else(made).or_else(|| self.view.storage().claim(name)?.volume.map(text))
        };
        let volumes = self.words.classes.get(class).volumes.iter();
        let claims = volumes.filter_map(|volume| match volume {
            PodVolume::Claim(name) => Some(*name),
            _ => None,
        });
        claims.filter_map(|claim| Some((text(claim.name), volume_of(claim)?))).collect()
    }
}
