//! Images of containers on their nodes: what [`super::images`] decides is carried out here, as many pulls at a time as the
//! kubelet allows. Mirrors pkg/kubelet/images/image_manager.go and puller.go, v1.34 (spec 2.7, 2.8).

use smallvec::SmallVec;

use super::backoff::{BackOffParams, PullBackOff};
use super::images::{self, ImageError, ImageStep, asks_runtime, ensure_image};
use super::kubelet::{Kubelets, Timer};
use super::runtime::{RecordId, Worker};
use crate::base::{SimDuration, SimTime};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::strings::known;
use crate::model::{ImageId, NodeId, StrId};
use crate::record::{Fact, KubeEvent, Recorder};

/// A pull under way, for what its event tells; kept only when recording.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pull {
    record: RecordId,
    container: u16,
    asked: SimTime,
    /// Without waiting for other pulls.
    takes: SimDuration,
}

impl Kubelets {
    /// Sees to a container's image: `Ok(true)` if a pull is under way now, `Ok(false)` if the image is there.
    pub(super) fn ensure_image<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
    ) -> Result<bool, StrId> {
        let record = self.records.get(id);
        let (pod, node) = (record.pod.uid, record.node);
        let spec = &env.plan.templates[record.template].containers[usize::from(index)];
        let name = env.plan.strings.text(env.plan.images[spec.image].name);
        let is_here = self.machines[node].has_image(spec.image);
        if !is_here && images::default_tag(name).is_none() {
            env.container_event(pod, index, KubeEvent::InspectFailed, || {
                format!("Failed to apply default image tag \"{name}\": couldn't parse image name \"{name}\"")
            });
            return Err(known::INVALID_IMAGE_NAME);
        }
        let present = asks_runtime(spec.pull_policy).then_some(is_here);
        let back_off = self.pull_back_off(env, id, index).unwrap_or_default();
        match ensure_image(spec.pull_policy, present, &back_off, &BackOffParams::IMAGE_PULL, env.now) {
            ImageStep::Present(_) => {
                env.container_event(pod, index, KubeEvent::Pulled, || {
                    format!("Container image \"{name}\" already present on machine")
                });
                Ok(false)
            }
            ImageStep::Error(error, _) => Err(waiting_reason(error)),
            ImageStep::Pull(_) => {
                self.pull(env, id, index, is_here);
                Ok(true)
            }
        }
    }

    /// The back-off of the pod's pulls of this container's image: containers with the same image share it.
    fn pull_back_off<T, R>(&self, env: &Env<'_, T, R>, id: RecordId, index: u16) -> Option<PullBackOff> {
        let holder = self.image_holder(env, id, index);
        self.records.container(id, holder).pull_back_off.as_deref().copied()
    }

    /// The first container of the pod with the same image.
    fn image_holder<T, R>(&self, env: &Env<'_, T, R>, id: RecordId, index: u16) -> u16 {
        let containers = &env.plan.templates[self.records.get(id).template].containers;
        let image = containers[usize::from(index)].image;
        let first = containers.iter().position(|spec| spec.image == image).unwrap_or(usize::from(index));
        u16::try_from(first).expect("few containers")
    }

    fn pull<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        index: u16,
        is_here: bool,
    ) {
        let record = self.records.get(id);
        let (pod, node, workload, ordinal) = (record.pod.uid, record.node, record.workload, record.ordinal);
        let image = env.plan.templates[record.template].containers[usize::from(index)].image;
        let attempt = self.records.container(id, index).pulls;
        let settings = &env.plan.control_plane;
        let address = (u64::from(index) << 32) | u64::from(attempt);
        let mut rng = env.draws.workload(workload).latency.at(u64::from(ordinal), address, 1);
        let mut takes = settings.image_manifest.sample(&mut rng);
        // What is there or comes with a pull before this one is not transferred again, nor is anything by a registry that
        // does not answer.
        if !is_here && !self.is_out(env, image) && !self.is_pulled(env, node, image) {
            #[allow(clippy::cast_precision_loss)]
            let bytes = env.plan.images[image].size_bytes as f64;
            takes += bytes / settings.image_bytes_per_second;
        }
        let mut takes = SimDuration::from_secs_f64(takes);
        let coming = self.is_pulled(env, node, image);
        let machine = &mut self.machines[node];
        machine.pulls.retain(|&(end, _)| end > env.now);
        let ends: SmallVec<[SimTime; 4]> = machine.pulls.iter().map(|&(end, _)| end).collect();
        let begins = images::pull_begins(&ends, settings.parallel_image_pulls, env.now);
        let granted = machine.pull_limit.try_take(begins);
        if !granted {
            takes = SimDuration::ZERO;
        } else if let Some(&(end, _)) = machine.pulls.iter().rev().find(|(_, other)| coming && *other == image) {
            // What comes with a pull that runs beside this one is waited for.
            takes = takes.max(end - begins);
        }
        let done = begins + takes;
        let at = machine.pulls.partition_point(|&(end, _)| end <= done);
        machine.pulls.insert(at, (done, image));
        let container = self.records.container_mut(id, index);
        container.pulls += 1;
        container.pull_refused = !granted;
        env.counters.image_pulls += 1;
        if R::ON {
            self.pulls.push(Pull { record: id, container: index, asked: env.now, takes });
        }
        env.fact(|| Fact::ImagePullStarted(pod, index));
        let name = env.plan.strings.text(env.plan.images[image].name);
        env.container_event(pod, index, KubeEvent::Pulling, || format!("Pulling image \"{name}\""));
        self.records.get_mut(id).worker = Worker::Pulling(index);
        self.step(env, id, done - env.now);
    }

    /// Whether no registry serves the image now.
    fn is_out<T, R>(&self, env: &Env<'_, T, R>, image: ImageId) -> bool {
        let name = env.plan.strings.text(env.plan.images[image].name);
        self.registry_outages.iter().any(|&prefix| name.starts_with(env.plan.strings.text(prefix)))
    }

    /// Whether some pod on the node is pulling the image.
    fn is_pulled<T, R>(&self, env: &Env<'_, T, R>, node: NodeId, image: ImageId) -> bool {
        self.records_on(node).into_iter().filter(|&id| !self.records.is_parked(id)).any(|id| {
            let record = self.records.get(id);
            let Worker::Pulling(index) = record.worker else { return false };
            env.plan.templates[record.template].containers[usize::from(index)].image == image
        })
    }

    /// A pull has ended.
    pub(super) fn pulled<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId, index: u16) {
        let record = self.records.get(id);
        let (pod, node) = (record.pod.uid, record.node);
        let image = env.plan.templates[record.template].containers[usize::from(index)].image;
        let name = env.plan.strings.text(env.plan.images[image].name);
        let refused = std::mem::take(&mut self.records.container_mut(id, index).pull_refused);
        let result = if refused || self.is_out(env, image) { Err(ImageError::Pull) } else { Ok(()) };
        env.fact(|| Fact::ImagePullEnded(pod, index, result.is_ok()));
        let holder = self.image_holder(env, id, index);
        let before = self.pull_back_off(env, id, index);
        let mut back_off = before.unwrap_or_default();
        let (_, error) = images::pulled(result, &mut back_off, &BackOffParams::IMAGE_PULL, env.now);
        if Some(back_off) != before && back_off != PullBackOff::default() {
            self.records.container_mut(id, holder).pull_back_off = Some(Box::new(back_off));
        }
        let known = self.pulls.iter().position(|pull| pull.record == id && pull.container == index);
        let pull = known.map(|at| self.pulls.swap_remove(at));
        if let Some(error) = error {
            env.counters.image_pull_failures += 1;
            env.container_event(pod, index, KubeEvent::FailedPull, || {
                let why = if refused { "pull QPS exceeded" } else { "the registry does not answer" };
                format!("Failed to pull image \"{name}\": {why}")
            });
            self.refuse(env, id, index, waiting_reason(error));
            self.start_next(env, id);
            return;
        }
        self.image_arrived(env, node, image);
        let (now, size) = (env.now, env.plan.images[image].size_bytes);
        env.container_event(pod, index, KubeEvent::Pulled, || {
            let (took, all) = pull.map_or_else(Default::default, |pull| (pull.takes, now - pull.asked));
            let millis = |span: SimDuration| SimDuration::from_millis(span.0 / 1_000_000).go_text();
            let (took, all) = (millis(took), millis(all));
            format!(
                "Successfully pulled image \"{name}\" in {took} ({all} including waiting). Image size: {size} bytes."
            )
        });
        self.create(env, id, index);
    }

    /// The pod pulls nothing any more.
    pub(super) fn forget_pulls(&mut self, id: RecordId) {
        self.pulls.retain(|pull| pull.record != id);
    }
}

/// The waiting reason of a container that has no image. The runtime here always knows what it has, and registries either
/// answer or do not.
const fn waiting_reason(error: ImageError) -> StrId {
    match error {
        ImageError::NeverPull => known::ERR_IMAGE_NEVER_PULL,
        ImageError::BackOff => known::IMAGE_PULL_BACK_OFF,
        ImageError::InvalidName => known::INVALID_IMAGE_NAME,
        ImageError::Pull
        | ImageError::Inspect
        | ImageError::RegistryUnavailable
        | ImageError::SignatureValidationFailed => known::ERR_IMAGE_PULL,
    }
}
