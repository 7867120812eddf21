//! What the kubelet reports of a pod: container statuses, phase, conditions, computed from the runtime's records at the
//! beginning of each sync. Mirrors pkg/kubelet/kubelet_pods.go and status/status_manager.go, v1.34 (spec 1.1 to 1.4).

use smallvec::SmallVec;

use super::actions::Sandbox;
use super::conditions::{self, ConditionInput};
use super::containers::{Observed, OwnRestart, should_restart};
use super::kubelet::{Kubelets, Timer, waiting_reason};
use super::phase::{self, PhaseInput};
use super::process::terminated;
use super::runtime::{ContainerRecord, Exit, Instance, PodRecord, RecordId, Worker};
use super::terminate::terminate_pod;
use crate::api::{PodRef, StatusPatch, stored::StoredContainer};
use crate::component::Env;
use crate::engine::Timers;
use crate::model::strings::known;
use crate::model::{
    ContainerSpec, ContainerState, ContainerStatus, NodeId, Phase, PodCondition, PodConditionType, PodId, PodTemplate,
    PodUid, Role, TemplateId, WorkloadId,
};
use crate::record::Recorder;

/// Statuses of all containers of a pod, in the template's order.
pub(super) type Statuses = SmallVec<[ContainerStatus; 4]>;

impl Kubelets {
    /// Computes the pod's status and puts it on its way; the phase as computed. A pod with a terminal phase is terminated by
    /// who asked.
    pub(super) fn report<T: Timers<Timer>, R: Recorder>(&mut self, env: &mut Env<'_, T, R>, id: RecordId) -> Phase {
        let record = self.records.get(id);
        let template = &env.plan.templates[record.template];
        if let [spec] = &*template.containers {
            // Most pods have one container: a list of one costs less than one that may grow.
            let mut only = [status(template, record, spec, self.records.container(id, 0), template.init_count() > 0)];
            return self.report_statuses(env, id, template, &mut only);
        }
        let mut statuses = self.statuses(template, id);
        self.report_statuses(env, id, template, &mut statuses)
    }

    fn report_statuses<T: Timers<Timer>, R: Recorder>(
        &mut self,
        env: &mut Env<'_, T, R>,
        id: RecordId,
        template: &PodTemplate,
        statuses: &mut [ContainerStatus],
    ) -> Phase {
        let record = self.records.get(id);
        let ended = record.worker == Worker::Finished;
        let sent = env.cluster.pods().exists(record.pod).then(|| env.cluster.pods().phase(record.pod.pod));
        let mut phase =
            if record.kill_reason == known::EMPTY { self.phase(template, id, statuses, ended) } else { Phase::Failed };
        if ended {
            let init = template.init_count();
            let spec: SmallVec<[_; 4]> = template.containers[..init].iter().map(|c| (c.name, c.role)).collect();
            let (init_statuses, main_statuses) = statuses.split_at_mut(init);
            phase = terminate_pod(phase, false, &spec, init_statuses, main_statuses);
        }
        let computed = sent.map_or(phase, |sent| phase::keep_terminal(sent, phase));
        let runs = self.runs(template, id);
        if computed.is_terminal() && !ended && !runs && !self.is_killing(template, id) {
            // Nothing is left to stop: the pod is over at this instant, and what is told then says all of this.
            return computed;
        }
        let shown = phase::phase_to_send(sent.unwrap_or_default(), computed, runs);
        let record = self.records.get(id);
        if record.orphan {
            return computed;
        }
        let mut containers = SmallVec::new();
        statuses.iter().for_each(|status| containers.push(StoredContainer::pack(status)));
        let patch = StatusPatch {
            phase: shown,
            reason: if shown.is_terminal() { record.kill_reason } else { known::EMPTY },
            conditions: conditions_of(template, record, statuses, shown),
            containers,
            // The API goes on showing the address of a pod that has ended.
            has_address: record.sandbox_ready || ended && env.cluster.pods().has_address(record.pod.pod),
            started: record.started_at,
        };
        let pod = record.pod;
        let count = u16::try_from(template.containers.len()).expect("few containers");
        self.send(env, (pod, Some(id)), patch);
        for index in 0..count {
            self.watch_status(env, id, index);
        }
        computed
    }

    pub(super) fn statuses(&self, template: &PodTemplate, id: RecordId) -> Statuses {
        let record = self.records.get(id);
        let has_init = template.init_count() > 0;
        let list = template.containers.iter().enumerate().map(|(index, spec)| {
            let container = self.records.container(id, u16::try_from(index).expect("few containers"));
            status(template, record, spec, container, has_init)
        });
        list.collect()
    }

    fn phase(&self, template: &PodTemplate, id: RecordId, statuses: &[ContainerStatus], terminal: bool) -> Phase {
        let input = PhaseInput {
            restart_policy: template.restart_policy,
            has_initialized: self.has_initialized(template, id),
            terminal,
            static_pod: false,
            restart_rules: template.containers.iter().any(|spec| spec.restart.is_some()),
        };
        observed(template, statuses, |containers| phase::phase(containers, &input))
    }

    /// Whether the runtime knows a main container in the newest sandbox, and that sandbox is ready.
    fn has_initialized(&self, template: &PodTemplate, id: RecordId) -> bool {
        let record = self.records.get(id);
        record.sandbox_ready
            && template.containers.iter().enumerate().any(|(index, spec)| {
                let container = self.records.container(id, u16::try_from(index).expect("few containers"));
                spec.role == Role::Main && container.instance != Instance::None && container.sandbox == record.sandboxes
            })
    }

    /// Whether any process of the pod runs.
    pub(super) fn runs(&self, template: &PodTemplate, id: RecordId) -> bool {
        (0..u16::try_from(template.containers.len()).expect("few containers"))
            .any(|index| self.records.container(id, index).running().is_some())
    }
}

/// A phase and the conditions that go with it.
pub(super) type Said = (Phase, [Option<PodCondition>; 6]);

/// What is said of a pod whose only container waits for its first sandbox, is in its first instance, or has ended for good.
pub(super) fn said_of(template: &PodTemplate, spec: &ContainerSpec, instance: Instance) -> Said {
    let runs = matches!(instance, Instance::Running(_));
    let nobody = PodRef { pod: PodId::from_raw(0), uid: PodUid::from_raw(0) };
    let from = (WorkloadId::from_raw(0), 0);
    let record = PodRecord {
        sandboxes: u16::from(instance != Instance::None),
        sandbox_ready: runs,
        ..PodRecord::new(nobody, TemplateId::from_raw(0), from, NodeId::from_raw(0))
    };
    let container =
        ContainerRecord { instance, created: true, started: runs, ready: runs, ..ContainerRecord::default() };
    let statuses = [status(template, &record, spec, &container, false)];
    let input = PhaseInput {
        restart_policy: template.restart_policy,
        has_initialized: runs,
        terminal: matches!(instance, Instance::Exited(_)),
        static_pod: false,
        restart_rules: spec.restart.is_some(),
    };
    let phase = observed(template, &statuses, |containers| phase::phase(containers, &input));
    (phase, conditions_of(template, &record, &statuses, phase))
}

/// What `ask` says of the containers as the rules see them.
fn observed<O>(template: &PodTemplate, statuses: &[ContainerStatus], ask: impl FnOnce(&[Observed<'_>]) -> O) -> O {
    if let ([spec], [status]) = (&*template.containers, statuses) {
        return ask(&[observe(spec, status)]);
    }
    let all: SmallVec<[_; 4]> =
        template.containers.iter().zip(statuses).map(|(spec, status)| observe(spec, status)).collect();
    ask(&all)
}

fn observe<'a>(spec: &'a ContainerSpec, status: &'a ContainerStatus) -> Observed<'a> {
    Observed { name: spec.name, role: spec.role, restart: OwnRestart::of(spec), status: Some(status) }
}

/// Spec 1.2: the newest instance gives the state, the one before it the last state; a recorded start error of a container
/// that would be started again goes before both.
fn status(
    template: &PodTemplate,
    record: &PodRecord,
    spec: &ContainerSpec,
    container: &ContainerRecord,
    has_init: bool,
) -> ContainerStatus {
    let ended = |exit: &Exit| ContainerState::Terminated(terminated(exit));
    let last = container.previous.as_ref().map_or(ContainerState::Unset, ended);
    let stopping = record.grace_seconds.is_some();
    let retried = match container.instance {
        Instance::None => !stopping,
        Instance::Purged(exit) => !stopping && (spec.role == Role::Sidecar || exit.code != 0),
        Instance::Running(_) => false,
        Instance::Exited(exit) => {
            let policy =
                if spec.role == Role::Sidecar { crate::model::RestartPolicy::Always } else { template.restart_policy };
            let done = spec.role == Role::Init && exit.code == 0;
            !stopping && !done && should_restart(policy, OwnRestart::of(spec), exit.code)
        }
    };
    let (state, last_state) = match container.instance {
        Instance::None => {
            let reason = if retried && container.start_error != known::EMPTY {
                container.start_error
            } else {
                waiting_reason(has_init)
            };
            (ContainerState::Waiting { reason }, last)
        }
        Instance::Running(since) => (ContainerState::Running { started_at: since.floor_seconds() }, last),
        Instance::Exited(exit) | Instance::Purged(exit) if retried && container.start_error != known::EMPTY => {
            (ContainerState::Waiting { reason: container.start_error }, ended(&exit))
        }
        Instance::Exited(exit) | Instance::Purged(exit) => (ended(&exit), last),
    };
    let runs = matches!(state, ContainerState::Running { .. });
    let done = matches!(container.instance, Instance::Exited(exit) | Instance::Purged(exit) if exit.code == 0);
    let (ready, started) = match spec.role {
        Role::Init => (done, Some(false)),
        Role::Sidecar | Role::Main => (runs && container.started && container.ready, Some(runs && container.started)),
    };
    ContainerStatus { name: spec.name, state, last_state, ready, started, restart_count: container.restarts }
}

/// The newest sandbox, as the rules see it.
pub(super) fn sandbox_of(template: &PodTemplate, record: &PodRecord) -> Option<Sandbox> {
    (record.sandboxes > 0).then(|| Sandbox {
        ready: record.sandbox_ready,
        attempt: u32::from(record.sandboxes - 1),
        has_ip: record.sandbox_ready,
        host_network: template.host_network,
    })
}

fn conditions_of(
    template: &PodTemplate,
    record: &PodRecord,
    statuses: &[ContainerStatus],
    phase: Phase,
) -> [Option<PodCondition>; 6] {
    let mut all = [None; 6];
    let mut set = |kind: PodConditionType, condition| all[kind as usize] = Some(condition);
    set(PodConditionType::PodScheduled, PodCondition::TRUE);
    let sandbox = sandbox_of(template, record);
    let ready_to_start = conditions::ready_to_start_containers(sandbox.as_slice(), template.host_network);
    set(PodConditionType::PodReadyToStartContainers, ready_to_start);
    observed(template, statuses, |containers| {
        let input = ConditionInput { containers, statuses_known: true, phase, gates: &[] };
        set(PodConditionType::Initialized, conditions::initialized(&input));
        set(PodConditionType::ContainersReady, conditions::containers_ready(&input));
        set(PodConditionType::Ready, conditions::ready(&input));
    });
    if record.disrupted {
        let condition = PodCondition { reason: known::TERMINATION_BY_KUBELET, ..PodCondition::TRUE };
        set(PodConditionType::DisruptionTarget, condition);
    }
    all
}
