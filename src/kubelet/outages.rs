//! Outages that a scenario asks for: containers that cannot run, registries that do not answer. Knows nothing of why.

use super::kubelet::{Kubelets, Timer};
use super::runtime::RecordId;
use crate::base::SimTime;
use crate::component::Env;
use crate::engine::Timers;
use crate::model::{PodUid, StrId, WorkloadId};
use crate::record::Recorder;

/// A container that cannot run while an outage lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Outage {
    workload: WorkloadId,
    container: StrId,
    exit_code: i32,
}

/// The last instant before `now`.
pub(super) const fn just_before(now: SimTime) -> SimTime {
    SimTime(now.0 - 1)
}

impl Kubelets {
    /// Begins (or, with `false`, ends) an outage: the container of this workload cannot run while it lasts.
    pub fn set_outage<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        (workload, container): (WorkloadId, StrId),
        exit_code: i32,
        on: bool,
    ) {
        let outage = Outage { workload, container, exit_code };
        if on {
            self.disturb_all(env, just_before(env.now));
            self.outages.push(outage);
            self.kill_containers(env, workload, container, exit_code);
        } else if let Some(at) = self.outages.iter().position(|other| *other == outage) {
            self.outages.remove(at);
        }
    }

    /// Ends the running processes of a container of this workload with an exit code.
    pub fn kill_containers<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        workload: WorkloadId,
        container: StrId,
        exit_code: i32,
    ) {
        let of_workload = self.records.iter().filter(|(_, of)| of.workload == workload);
        let mut ids: Vec<(PodUid, RecordId)> = of_workload.map(|(id, of)| (of.pod.uid, id)).collect();
        // Which record a pod has says nothing.
        ids.sort_unstable();
        for (_, id) in ids {
            // A fault strikes before anything else happens at its instant.
            self.disturb(env, id, just_before(env.now));
            if !self.records.is_whole(id) {
                continue;
            }
            let containers = &env.plan.templates[self.records.get(id).template].containers;
            let Some(index) = containers.iter().position(|spec| spec.name == container) else { continue };
            let index = u16::try_from(index).expect("few containers");
            if self.records.container(id, index).running().is_some() {
                let reason = super::process::reason_of(exit_code);
                self.end_at(env, id, index, env.now, exit_code, reason);
            }
        }
    }

    pub(super) fn outage_of(&self, workload: WorkloadId, container: StrId) -> Option<i32> {
        let found = self.outages.iter().find(|outage| (outage.workload, outage.container) == (workload, container));
        found.map(|outage| outage.exit_code)
    }

    /// Makes pulls of images whose names start with this fail, or lets them succeed again.
    pub fn set_registry_outage(&mut self, prefix: StrId, on: bool) {
        if on {
            self.registry_outages.push(prefix);
        } else if let Some(at) = self.registry_outages.iter().position(|other| *other == prefix) {
            self.registry_outages.remove(at);
        }
    }
}
