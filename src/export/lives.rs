//! From facts to lives: when each pod was created, bound, started, ready and gone, and the stages that each of its
//! containers went through. One pass over the facts, in their order; tables, trace and charts read the result.

use super::names::Names;
use crate::base::SimTime;
use crate::base::id::DenseId;
use crate::model::strings::known;
use crate::model::{ConditionStatus, ContainerState, NodeId, Phase, PodConditionType, PodUid, Role, StrId};
use crate::record::{Fact, Recording};

/// What a container is doing, as a reader of a chart distinguishes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Stage {
    /// The pod has no node.
    Unscheduled,
    /// Waiting to be created: volumes, sandbox, earlier containers.
    Creating,
    /// Its image is being pulled.
    Pulling,
    /// It cannot be started: image or configuration.
    StartError,
    /// Its process runs but is not ready.
    NotReady,
    /// Its process runs and is ready.
    Ready,
    /// Its process runs and was asked to stop.
    Stopping,
    /// Waiting out the restart back-off.
    BackOff,
    /// Ended with exit code 0.
    Succeeded,
    /// Ended otherwise.
    Failed,
    /// The machine under it stopped.
    Lost,
}

/// The start of a stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Step {
    pub at: SimTime,
    pub stage: Stage,
    /// Of a waiting or terminated container.
    pub reason: StrId,
    /// Of a terminated container.
    pub exit_code: i32,
}

/// The life of one container.
#[derive(Clone, Debug)]
pub(super) struct ContainerLife {
    /// Stages in order of time; each lasts until the next, the last one until the pod is gone or the run ends.
    pub steps: Vec<Step>,
    pub restarts: u32,
    /// Exit code of the last process that ended.
    pub exit_code: Option<i32>,
    /// When its process was started again.
    pub notches: Vec<SimTime>,
    state: ContainerState,
    ready: bool,
    pulling: bool,
    stopping: bool,
}

/// The life of one pod. Times are `None` for what never happened.
#[derive(Clone, Debug)]
pub(super) struct PodLife {
    pub uid: PodUid,
    pub created: SimTime,
    pub node: Option<NodeId>,
    pub bound: Option<SimTime>,
    /// The first process of a main container started.
    pub started: Option<SimTime>,
    pub ready: Option<SimTime>,
    /// The phase became terminal.
    pub finished: Option<SimTime>,
    pub deleting: Option<SimTime>,
    pub removed: Option<SimTime>,
    /// The machine under it stopped, and its containers have not run since.
    pub lost: Option<SimTime>,
    pub phase: Phase,
    pub reason: StrId,
    /// Scheduling attempts that found no node.
    pub unschedulable: u32,
    /// CPU time that limits kept from its containers.
    pub throttled_nanoseconds: u64,
    pub containers: Vec<ContainerLife>,
}

impl PodLife {
    fn new(uid: PodUid, created: SimTime, containers: usize) -> Self {
        let container = ContainerLife {
            steps: vec![Step { at: created, stage: Stage::Unscheduled, reason: known::EMPTY, exit_code: 0 }],
            ..ContainerLife::EMPTY
        };
        Self {
            uid,
            created,
            node: None,
            bound: None,
            started: None,
            ready: None,
            finished: None,
            deleting: None,
            removed: None,
            lost: None,
            phase: Phase::Pending,
            reason: known::EMPTY,
            unschedulable: 0,
            throttled_nanoseconds: 0,
            containers: vec![container; containers],
        }
    }

    pub(super) fn restarts(&self) -> u32 {
        self.containers.iter().map(|c| c.restarts).sum()
    }

    /// When the pod's lanes end: it is gone, or the run is over.
    pub(super) fn end(&self, run_end: SimTime) -> SimTime {
        self.removed.unwrap_or(run_end).min(run_end)
    }

    /// The stages of one container as (step, until).
    pub(super) fn spans(&self, container: usize, run_end: SimTime) -> impl Iterator<Item = (Step, SimTime)> + '_ {
        let steps = &self.containers[container].steps;
        let end = self.end(run_end);
        steps.iter().enumerate().map(move |(i, &step)| (step, steps.get(i + 1).map_or(end, |next| next.at)))
    }

    fn refresh(&mut self, container: usize, at: SimTime) {
        let bound = self.node.is_some();
        let lost = self.lost.is_some();
        let finished = self.phase.is_terminal();
        let life = &mut self.containers[container];
        let mut step = Step { at, stage: Stage::Creating, reason: known::EMPTY, exit_code: 0 };
        match life.state {
            ContainerState::Terminated(end) => {
                step.stage = if end.exit_code == 0 { Stage::Succeeded } else { Stage::Failed };
                (step.reason, step.exit_code) = (end.reason, end.exit_code);
            }
            ContainerState::Running { .. } if life.stopping => step.stage = Stage::Stopping,
            ContainerState::Running { .. } => step.stage = if life.ready { Stage::Ready } else { Stage::NotReady },
            ContainerState::Waiting { reason } => {
                step.reason = reason;
                step.stage = if life.pulling { Stage::Pulling } else { waiting(reason) };
            }
            ContainerState::Unset if life.pulling => step.stage = Stage::Pulling,
            ContainerState::Unset if !bound && !finished => step.stage = Stage::Unscheduled,
            ContainerState::Unset => {}
        }
        if lost && !matches!(life.state, ContainerState::Terminated(_)) {
            step.stage = Stage::Lost;
        } else if finished && matches!(step.stage, Stage::Creating | Stage::Pulling | Stage::StartError) {
            // A pod that was refused or stopped before this container ever ran.
            step.stage = if self.phase == Phase::Failed { Stage::Failed } else { Stage::Succeeded };
            step.reason = self.reason;
        }
        let Some(last) = life.steps.last_mut() else { return };
        if (last.stage, last.reason, last.exit_code) == (step.stage, step.reason, step.exit_code) {
            return;
        }
        if last.at == at {
            *last = step;
        } else {
            life.steps.push(step);
        }
    }

    fn refresh_all(&mut self, at: SimTime) {
        for container in 0..self.containers.len() {
            self.refresh(container, at);
        }
    }
}

fn waiting(reason: StrId) -> Stage {
    match reason {
        known::EMPTY | known::CONTAINER_CREATING | known::POD_INITIALIZING => Stage::Creating,
        known::CRASH_LOOP_BACK_OFF => Stage::BackOff,
        _ => Stage::StartError,
    }
}

/// Reads every life from the facts.
pub(super) fn read(recording: &Recording, names: &Names<'_>) -> Vec<PodLife> {
    let mut reader = Reader { pods: Vec::with_capacity(recording.pods().len()), on_node: Vec::new() };
    for (at, fact) in recording.every_fact() {
        reader.read(at, fact, names);
    }
    reader.pods
}

struct Reader {
    pods: Vec<PodLife>,
    /// Pods that were bound to each node, for the day it crashes.
    on_node: Vec<Vec<PodUid>>,
}

impl Reader {
    fn read(&mut self, at: SimTime, fact: Fact, names: &Names<'_>) {
        match fact {
            Fact::PodCreated(uid) => {
                let containers = names.template(uid).containers.len();
                assert_eq!(uid.index(), self.pods.len(), "pods are created in the order of their uids");
                self.pods.push(PodLife::new(uid, at, containers));
            }
            Fact::PodUnschedulable(uid, _) => self.with(uid, |pod| pod.unschedulable += 1),
            Fact::PodBound(uid, node) => {
                if self.on_node.len() <= node.index() {
                    self.on_node.resize(node.index() + 1, Vec::new());
                }
                self.on_node[node.index()].push(uid);
                self.with(uid, |pod| {
                    (pod.node, pod.bound) = (Some(node), Some(at));
                    pod.refresh_all(at);
                });
            }
            Fact::PodPhase(uid, phase, reason) => self.with(uid, |pod| {
                (pod.phase, pod.reason) = (phase, reason);
                if phase.is_terminal() {
                    pod.finished.get_or_insert(at);
                    pod.refresh_all(at);
                }
            }),
            Fact::PodCondition(uid, PodConditionType::Ready, ConditionStatus::True, _) => {
                self.with(uid, |pod| {
                    pod.ready.get_or_insert(at);
                });
            }
            Fact::PodDeleting(uid, _) => self.with(uid, |pod| {
                pod.deleting.get_or_insert(at);
            }),
            Fact::PodRemoved(uid) => self.with(uid, |pod| pod.removed = Some(at)),
            Fact::Container { pod, container, state, restarts } => {
                let main =
                    names.template(pod).containers.get(usize::from(container)).is_some_and(|c| c.role == Role::Main);
                self.container(pod, container, at, |pod, life| {
                    life.state = state;
                    life.stopping = false;
                    if matches!(state, ContainerState::Running { .. }) && restarts > 0 {
                        life.notches.push(at);
                    }
                    life.restarts = life.restarts.max(restarts);
                    match state {
                        ContainerState::Terminated(end) => life.exit_code = Some(end.exit_code),
                        ContainerState::Running { .. } if main => {
                            pod.started.get_or_insert(at);
                            pod.lost = None;
                        }
                        ContainerState::Running { .. } => pod.lost = None,
                        ContainerState::Waiting { .. } | ContainerState::Unset => {}
                    }
                    if !matches!(state, ContainerState::Running { .. }) {
                        life.ready = false;
                    }
                });
            }
            Fact::ContainerReady(pod, container, ready) => {
                self.container(pod, container, at, |_, life| life.ready = ready);
            }
            Fact::ContainerStopping(pod, container) => {
                self.container(pod, container, at, |_, life| life.stopping = true);
            }
            Fact::CpuThrottled(pod, _, more) => self.with(pod, |pod| pod.throttled_nanoseconds += more),
            Fact::ImagePullStarted(pod, container) => {
                self.container(pod, container, at, |_, life| life.pulling = true);
            }
            Fact::ImagePullEnded(pod, container, _) => {
                self.container(pod, container, at, |_, life| life.pulling = false);
            }
            Fact::NodeCrashed(node) => {
                let pods = self.on_node.get_mut(node.index()).map(std::mem::take).unwrap_or_default();
                for &uid in &pods {
                    self.with(uid, |pod| {
                        if pod.removed.is_none() && !pod.phase.is_terminal() {
                            pod.lost = Some(at);
                            pod.refresh_all(at);
                        }
                    });
                }
                if let Some(slot) = self.on_node.get_mut(node.index()) {
                    // They are still bound: a machine that boots again can crash again.
                    *slot = pods.into_iter().filter(|uid| self.pods[uid.index()].removed.is_none()).collect();
                }
            }
            _ => {}
        }
    }

    fn with(&mut self, uid: PodUid, change: impl FnOnce(&mut PodLife)) {
        if let Some(pod) = self.pods.get_mut(uid.index()) {
            change(pod);
        }
    }

    fn container(
        &mut self,
        uid: PodUid,
        container: u16,
        at: SimTime,
        change: impl FnOnce(&mut PodLife, &mut ContainerLife),
    ) {
        let (Some(pod), index) = (self.pods.get_mut(uid.index()), usize::from(container)) else { return };
        if index >= pod.containers.len() {
            return;
        }
        let was_lost = pod.lost.is_some();
        // The container is taken out while it changes, because the change may also concern its pod.
        let mut life = std::mem::replace(&mut pod.containers[index], ContainerLife::EMPTY);
        change(pod, &mut life);
        pod.containers[index] = life;
        if was_lost && pod.lost.is_none() { pod.refresh_all(at) } else { pod.refresh(index, at) }
    }
}

impl ContainerLife {
    const EMPTY: Self = Self {
        steps: Vec::new(),
        restarts: 0,
        exit_code: None,
        notches: Vec::new(),
        state: ContainerState::Unset,
        ready: false,
        pulling: false,
        stopping: false,
    };
}
