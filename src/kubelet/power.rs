//! Graceful node shutdown: a kubelet that hears that its machine is about to be switched off delays that, and ends its
//! pods group by group. Mirrors pkg/kubelet/nodeshutdown/nodeshutdown_manager.go, v1.34 (spec 6.7).

use super::kubelet::{Kubelets, Timer};
use super::outages::just_before;
use super::runtime::{RecordId, Worker};
use crate::api::Op;
use crate::base::SimDuration;
use crate::component::Env;
use crate::engine::{TimerKey, Timers};
use crate::model::shutdown::group_of;
use crate::model::strings::known;
use crate::model::{ConditionStatus, NodeId};
use crate::record::{KubeEvent, Recorder};

/// How far a node's shutdown is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shutdown {
    /// The group of priorities whose pods are being ended; as many as there are: the machine goes off.
    group: usize,
    /// That group's time is over then.
    pub(super) timer: Option<TimerKey>,
}

impl Kubelets {
    /// A machine is switched off. Whether its kubelet ends pods first: then it says when it is done.
    pub fn begin_shutdown<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) -> bool {
        let machine = &mut self.machines[node];
        if env.plan.control_plane.shutdown.is_empty() || !machine.up {
            return false;
        }
        if machine.shutdown.is_some() {
            return true;
        }
        self.disturb_node(env, node, just_before(env.now));
        self.machines[node].shutdown = Some(Shutdown { group: 0, timer: None });
        let (plan, name) = (env.plan, env.cluster.nodes().get(node).name);
        env.node_event(node, KubeEvent::Shutdown, || {
            format!("Shutdown manager detected shutdown event on node {}", plan.strings.text(name))
        });
        let _ = env.cluster.request(env.now, Op::SetNodeReady(node, ConditionStatus::False));
        self.end_group(env, node);
        true
    }

    /// Ends the pods of the present group, or goes on to the next one that has some.
    fn end_group<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) {
        let groups = &env.plan.control_plane.shutdown;
        while let Some(Shutdown { group, .. }) = self.machines[node].shutdown
            && group < groups.len()
        {
            let members = self.members(env, node, group);
            if !members.is_empty() {
                let seconds = groups[group].grace_seconds;
                let timer = env.timers.after(SimDuration::from_secs(seconds), Timer::Shutdown(node));
                self.machines[node].shutdown = Some(Shutdown { group, timer: Some(timer) });
                for id in members {
                    self.unpark(env.plan, id);
                    let record = self.records.get(id);
                    let own = env.plan.templates[record.template].grace_period_seconds;
                    if !matches!(record.worker, Worker::Terminating | Worker::Finished) {
                        self.kill_pod_now(env, id, known::TERMINATED, Some(seconds.min(own)));
                    }
                }
                // Pods without a running process are gone by now, and have asked to go on.
                return;
            }
            self.machines[node].shutdown = Some(Shutdown { group: group + 1, timer: None });
        }
        env.timers.at(env.now, Timer::PowerOff(node));
    }

    fn members<T, R>(&self, env: &Env<'_, T, R>, node: NodeId, group: usize) -> Vec<RecordId> {
        let plan = env.plan;
        let of = |&id: &RecordId| {
            let priority = plan.classes[plan.templates[self.records.brief(id).template].class].priority;
            group_of(&plan.control_plane.shutdown, priority) == group
        };
        self.records.chain(self.machines[node].first_record).filter(of).collect()
    }

    /// A pod of a node that is being shut down is gone: the next group may have its turn.
    pub(super) fn shutdown_goes_on<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, node: NodeId) {
        let Some(Shutdown { group, timer: Some(timer) }) = self.machines[node].shutdown else { return };
        if self.members(env, node, group).is_empty() {
            env.timers.disarm(timer);
            self.shutdown_group_is_over(env, node);
        }
    }

    /// The present group has had its time.
    pub(super) fn shutdown_group_is_over<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        node: NodeId,
    ) {
        if let Some(Shutdown { group, .. }) = self.machines[node].shutdown {
            self.machines[node].shutdown = Some(Shutdown { group: group + 1, timer: None });
            self.end_group(env, node);
        }
    }
}
