//! What the kubelet tells again and again while nothing changes: probes that go on failing, volumes that are still
//! missing. The simulation does not tick for them; their times are computed when somebody wants to see them. Only for
//! recorders that count repetitions: must not change anything else.

use super::backoff::CrashLoopBackOff;
use super::kubelet::{Kubelets, Timer};
use crate::api::PodRef;
use crate::component::Env;
use crate::engine::Timers;
use crate::record::Recorder;

impl Kubelets {
    /// The crash-loop back-off of a container.
    #[must_use]
    pub fn crash_loop_back_off(&self, pod: PodRef, container: u16) -> Option<CrashLoopBackOff> {
        let id = self.records.of(pod).filter(|&id| !self.records.is_parked(id))?;
        Some(self.records.container(id, container).back_off)
    }

    /// Tells all repetitions up to now.
    pub fn tell_repeats<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>) {
        let _ = env;
    }
}
