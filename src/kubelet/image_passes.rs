//! Image garbage collection of every node: what [`super::image_gc`] decides is carried out here. Passes that would find
//! nothing to remove are left out. Mirrors pkg/kubelet/images/image_gc_manager.go, v1.34.

use super::image_gc::{self, NodeImage, PERIOD};
use super::kubelet::{Kubelets, Timer};
use super::runtime::Machine;
use super::usage::{Facts, NodeLoad, whole};
use crate::base::{SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::plan::Plan;
use crate::model::{ImageId, NodeId, TemplateId};
use crate::record::{KubeEvent, Recorder};

impl Machine {
    /// Whether an image is here.
    pub(super) fn has_image(&self, image: ImageId) -> bool {
        self.images.binary_search_by_key(&image, |held| held.image).is_ok()
    }

    /// Whether images may have to go.
    pub(super) fn minds_images(&self) -> bool {
        self.ages_images || self.disk_fills
    }
}

impl Kubelets {
    /// The images on a node, by their ids.
    pub fn images(&self, node: NodeId) -> impl Iterator<Item = ImageId> {
        self.machines[node].images.iter().map(|held| held.image)
    }

    /// A pull brought an image.
    pub(super) fn image_arrived<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        node: NodeId,
        image: ImageId,
    ) {
        let machine = &mut self.machines[node];
        let Err(at) = machine.images.binary_search_by_key(&image, |held| held.image) else { return };
        let detected = env.now.ceil_to_grid(machine.kubelet_since, PERIOD);
        machine.images.insert(at, NodeImage { image, detected, last_used: None });
        machine.image_bytes += env.plan.images[image].size_bytes;
        self.node_changed(env, node);
    }

    /// A pod that the node took over at `since` is no more: the last look saw its images in use.
    pub(super) fn images_released(&mut self, plan: &Plan, now: SimTime, node: NodeId, of: TemplateId, since: SimTime) {
        let machine = &mut self.machines[node];
        if !machine.minds_use {
            return;
        }
        let look = image_gc::look_before(machine.kubelet_since, now);
        if look < since {
            return;
        }
        for spec in &plan.templates[of].containers {
            if let Ok(at) = machine.images.binary_search_by_key(&spec.image, |held| held.image) {
                let held = &mut machine.images[at];
                if look >= held.detected {
                    held.last_used = held.last_used.max(Some(look));
                }
            }
        }
    }

    /// The kubelet of a machine that booted knows nothing of the images' past.
    pub(super) fn images_after_boot(&mut self, node: NodeId, now: SimTime) {
        let machine = &mut self.machines[node];
        machine.kubelet_since = now;
        for held in &mut machine.images {
            (held.detected, held.last_used) = (now, None);
        }
    }

    /// Images that no pod on the node uses.
    fn unused_images(&self, plan: &Plan, node: NodeId) -> Vec<NodeImage> {
        let mut unused = self.machines[node].images.clone();
        for id in self.records.chain(self.machines[node].first_record) {
            if unused.is_empty() {
                break;
            }
            let containers = &plan.templates[self.records.brief(id).template].containers;
            unused.retain(|held| containers.iter().all(|spec| spec.image != held.image));
        }
        unused
    }

    fn remove_images(&mut self, plan: &Plan, node: NodeId, gone: &[ImageId]) {
        let machine = &mut self.machines[node];
        machine.images.retain(|held| !gone.contains(&held.image));
        machine.image_bytes -= gone.iter().map(|&image| plan.images[image].size_bytes).sum::<i64>();
    }

    /// The next pass that will find something to remove.
    pub(super) fn arm_image_gc<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        node: NodeId,
        load: &NodeLoad,
    ) {
        let policy = &env.plan.control_plane.image_gc;
        let full_at = Facts::new(env, node).images_go_at(policy, load);
        let machine = &self.machines[node];
        let (began, after) = (machine.kubelet_since, env.now.max(machine.last_image_pass + SimDuration(1)));
        let mut next: Option<SimTime> = None;
        if full_at.is_some() || machine.ages_images {
            let at = |held: &NodeImage| {
                let full_at = full_at.map(|at| at.max(held.detected + policy.min_age));
                image_gc::old_at(policy, held, began).into_iter().chain(full_at).min()
            };
            let due = self.unused_images(env.plan, node).iter().filter_map(at).min();
            next = due.map(|at| at.max(after).ceil_to_grid(began, PERIOD));
        }
        if next != machine.image_pass.map(|(_, at)| at) {
            let machine = &mut self.machines[node];
            if let Some((timer, _)) = machine.image_pass.take() {
                env.timers.disarm(timer);
            }
            machine.image_pass = next.map(|at| (env.timers.at(at, Timer::ImageGc(node)), at));
        }
    }

    /// A pass of the garbage collection.
    pub(super) fn image_gc_pass<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) {
        let (now, plan) = (env.now, env.plan);
        let policy = &plan.control_plane.image_gc;
        let size = |image: ImageId| plan.images[image].size_bytes;
        let machine = &mut self.machines[node];
        (machine.image_pass, machine.last_image_pass) = (None, now);
        let began = machine.kubelet_since;
        let mut unused = self.unused_images(plan, node);
        image_gc::sort_for_eviction(&mut unused);
        let (old, unused): (Vec<_>, Vec<_>) =
            unused.into_iter().partition(|held| image_gc::is_too_old(policy, held, began, now));
        let mut gone: Vec<ImageId> = old.iter().map(|held| held.image).collect();
        let used =
            whole(self.node_load(plan, now, node).disk.value()) - gone.iter().map(|&image| size(image)).sum::<i64>();
        let capacity = Facts::new(env, node).shape.capacity.ephemeral_storage;
        if let Some(wanted) = image_gc::bytes_to_free(policy, capacity, capacity - used) {
            let (more, freed) = image_gc::free_space(policy, &unused, now, wanted, size);
            gone.extend(more);
            if freed < wanted {
                env.node_event(node, KubeEvent::FreeDiskSpaceFailed, || {
                    format!(
                        "Failed to garbage collect required amount of images. Attempted to free {wanted} bytes, but only \
                         found {freed} bytes eligible to free."
                    )
                });
            }
        }
        self.remove_images(plan, node, &gone);
        self.node_changed(env, node);
    }

    /// Under disk pressure all images go that nobody uses; whether there were any. This is a look, too.
    pub(super) fn delete_unused_images(&mut self, plan: &Plan, node: NodeId, now: SimTime) -> bool {
        let mut unused = self.unused_images(plan, node);
        for held in &mut self.machines[node].images {
            held.detected = held.detected.min(now);
            if !unused.iter().any(|other| other.image == held.image) {
                held.last_used = Some(now);
            }
        }
        image_gc::sort_for_eviction(&mut unused);
        let (gone, _) = image_gc::free_space(&plan.control_plane.image_gc, &unused, now, i64::MAX, |_| 0);
        self.remove_images(plan, node, &gone);
        !gone.is_empty()
    }
}
