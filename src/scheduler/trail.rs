//! What woke one pod while it waited: kept only for a pod that somebody asks about. Pure.

use super::framework::{Plugin, PluginSet};
use super::hints::{self, ClusterEvent};
use super::queue::QueuedPod;
use super::tables::Tables;
use crate::base::SimTime;
use crate::model::PodId;

/// An event that woke the pod, and the plugins whose hints said that it may help.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Woken {
    /// When.
    pub at: SimTime,
    /// By what.
    pub event: ClusterEvent,
    /// Which plugins said so.
    pub hinted: Vec<Plugin>,
}

/// The trail of the pod that somebody asks about, if any.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    pod: Option<PodId>,
    woken: Vec<Woken>,
}

impl Trail {
    /// Follows `pod` from now on, and no other.
    pub fn follow(&mut self, pod: PodId) {
        *self = Self { pod: Some(pod), woken: Vec::new() };
    }

    /// What woke the pod so far.
    #[must_use]
    pub fn woken(&self) -> &[Woken] {
        &self.woken
    }

    /// Whether somebody asks about a pod.
    #[inline]
    pub(super) const fn is_kept(&self) -> bool {
        self.pod.is_some()
    }

    /// An event woke a pod, which matters if somebody asks about it.
    #[inline]
    pub(super) fn note(&mut self, tables: &Tables, info: &QueuedPod, event: &ClusterEvent, at: SimTime) {
        if self.pod == Some(info.pod) {
            let says = |plugin: &Plugin| hints::wakes(tables, info.class, PluginSet::of(&[*plugin]), event);
            self.woken.push(Woken { at, event: *event, hinted: info.rejected_by.iter().filter(says).collect() });
        }
    }
}
