//! What kubelets tell the API server: messages on their way, and what comes of them when they arrive. Knows no rule. Mirrors
//! the sending half of pkg/kubelet/status/status_manager.go, v1.34.

use super::kubelet::{Kubelets, Timer};
use super::runtime::RecordId;
use crate::api::{Op, PodRef, Resized, StatusPatch};
use crate::base::SimTime;
use crate::component::Env;
use crate::engine::Timers;
use crate::record::Recorder;

/// Something on its way to the API server.
#[derive(Debug)]
pub(super) enum Message {
    /// A pod's status.
    Status(PodRef, StatusPatch),
    /// The pod has stopped: its object goes.
    Remove(PodRef),
    /// How far a resize of the pod is.
    Resized(PodRef, Resized),
}

/// A message, and since when the sync was due that sent it; if none did: when it was sent.
#[derive(Debug)]
pub(super) struct Sent {
    message: Message,
    cause: SimTime,
}

impl Kubelets {
    /// A message has reached the API server.
    pub(super) fn deliver<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, slot: u32) {
        self.outbox_free.push(slot);
        let sent = self.outbox[slot as usize].take().expect("a message arrives once");
        let op = match &sent.message {
            Message::Status(pod, status) => Op::PatchStatus { pod: *pod, status },
            Message::Resized(pod, resized) => {
                let newer = env.cluster.pods().resized(pod.pod).is_none_or(|now| now.spec != resized.spec);
                if newer || !env.cluster.pods().exists(*pod) {
                    return;
                }
                let class = Self::first_class(env.plan, env.cluster, *pod);
                Op::ResizePod { pod: *pod, class, resized: *resized, asked: None }
            }
            Message::Remove(pod) => Op::DeletePod { pod: *pod, grace_seconds: Some(0), spec_grace_seconds: 0 },
        };
        // A refusal says that the pod is gone or that nothing changed: both are fine.
        let _ = env.cluster.request(env.now, op);
    }

    /// Puts a status on its way to the API server. If the pod has a record that is quiet, the message comes when that says.
    pub(super) fn send<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        (pod, id): (PodRef, Option<RecordId>),
        patch: StatusPatch,
    ) {
        if id.is_some_and(|id| self.telling == Some(id) && self.records.is_quiet(id)) {
            self.in_hand = Some((pod, patch));
            return;
        }
        let slot = self.post(env.now, Message::Status(pod, patch));
        if id.is_some_and(|id| self.keep_message(id, slot)) {
            return;
        }
        env.timers.after_constant(env.plan.control_plane.status_update, Timer::Message(slot));
    }

    /// Whether a status is on its way that says that the pod has ended.
    pub(super) fn is_told_over(&self, pod: PodRef) -> bool {
        self.outbox.iter().flatten().any(
            |sent| matches!(&sent.message, Message::Status(of, status) if *of == pod && status.phase.is_terminal()),
        )
    }

    /// Since when the sync was due that sent a message.
    pub(super) fn cause_of(&self, slot: u32) -> Option<SimTime> {
        self.outbox[slot as usize].as_ref().map(|sent| sent.cause)
    }

    /// Asks for the removal of a stopped pod's object.
    pub(super) fn request_removal<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, pod: PodRef) {
        let slot = self.post(env.now, Message::Remove(pod));
        env.timers.after_constant(env.plan.control_plane.status_update * 2, Timer::Message(slot));
    }

    pub(super) fn post(&mut self, now: SimTime, message: Message) -> u32 {
        let sent = Sent { message, cause: self.cause.unwrap_or(now) };
        if let Some(slot) = self.outbox_free.pop() {
            self.outbox[slot as usize] = Some(sent);
            return slot;
        }
        self.outbox.push(Some(sent));
        u32::try_from(self.outbox.len() - 1).expect("few messages are on their way at once")
    }
}
