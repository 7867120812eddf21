//! What `kubectl get pods` prints of a pod: READY, STATUS and RESTARTS.
//!
//! Mirrors pkg/printers/internalversion/printers.go (`printPod`), v1.34.

use std::fmt::Write as _;

use crate::base::SimTime;
use crate::model::status::ContainerState;
use crate::model::strings::known;
use crate::model::{ContainerStatus, Role, StrId, Strings, Terminated};

/// What the columns depend on.
#[derive(Clone, Copy, Debug)]
pub struct ColumnInput<'a> {
    /// `status.phase` as it is written.
    pub phase: &'a str,
    /// `status.reason`, or [`known::EMPTY`].
    pub reason: StrId,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// Whether the PodScheduled condition has the reason SchedulingGated.
    pub gated: bool,
    /// Whether the Initialized condition is True.
    pub initialized: bool,
    /// Whether the Ready condition is True.
    pub ready: bool,
    /// How many init containers the spec has, sidecars included.
    pub init_count: usize,
    /// How many containers are to become ready: main containers and sidecars of the spec.
    pub serving_count: usize,
}

/// The columns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Columns<'a> {
    /// Containers that are ready.
    pub ready: u32,
    /// Main containers and sidecars.
    pub total: u32,
    /// The status.
    pub status: StatusText<'a>,
    /// How often containers were restarted.
    pub restarts: u32,
    /// The latest end of an earlier instance.
    pub last_restart: Option<SimTime>,
}

/// What the STATUS column says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatusText<'a> {
    /// The phase, or a fixed word.
    Word(&'a str),
    /// A reason of the pod or of a main container.
    Reason(StrId),
    /// A main container ended by a signal, without a reason.
    Signal(i32),
    /// A main container ended with an exit code, without a reason.
    ExitCode(i32),
    /// A reason of an init container.
    InitReason(StrId),
    /// An init container ended by a signal, without a reason.
    InitSignal(i32),
    /// An init container ended with an exit code, without a reason.
    InitExitCode(i32),
    /// This many of so many init containers are done.
    InitProgress(usize, usize),
}

impl StatusText<'_> {
    /// The text of the column.
    #[must_use]
    pub fn render(self, strings: &Strings) -> String {
        match self {
            Self::Word(word) => word.to_owned(),
            Self::Reason(reason) => strings.text(reason).to_owned(),
            Self::Signal(signal) => format!("Signal:{signal}"),
            Self::ExitCode(code) => format!("ExitCode:{code}"),
            Self::InitReason(reason) => format!("Init:{}", strings.text(reason)),
            Self::InitSignal(signal) => format!("Init:Signal:{signal}"),
            Self::InitExitCode(code) => format!("Init:ExitCode:{code}"),
            Self::InitProgress(done, of) => format!("Init:{done}/{of}"),
        }
    }
}

impl Columns<'_> {
    /// The READY column.
    #[must_use]
    pub fn ready_text(&self) -> String {
        format!("{}/{}", self.ready, self.total)
    }

    /// The RESTARTS column at `now`.
    #[must_use]
    pub fn restarts_text(&self, now: SimTime) -> String {
        let mut text = self.restarts.to_string();
        if let Some(last) = self.last_restart.filter(|_| self.restarts != 0) {
            let _ = write!(text, " ({} ago)", now.since(last).human());
        }
        text
    }
}

#[derive(Clone, Copy, Default)]
struct Restarts {
    count: u32,
    last: Option<SimTime>,
}

impl Restarts {
    fn add(&mut self, status: &ContainerStatus) {
        self.count += status.restart_count;
        if let Some(end) = status.last_state.terminated() {
            self.last = self.last.max(Some(end.finished_at).filter(|at| *at != Terminated::NO_TIME));
        }
    }
}

/// The columns of a pod. `init` are the statuses of init containers in spec order, with their roles; `main` those of
/// main containers in the order of the status list, which the kubelet sorts by name.
#[must_use]
pub fn columns<'a, 's>(
    input: &ColumnInput<'a>,
    init: impl IntoIterator<Item = (Role, &'s ContainerStatus)>,
    main: impl IntoIterator<Item = &'s ContainerStatus, IntoIter: DoubleEndedIterator>,
) -> Columns<'a> {
    let mut status = match input.reason {
        _ if input.gated => StatusText::Reason(known::SCHEDULING_GATED),
        known::EMPTY => StatusText::Word(input.phase),
        reason => StatusText::Reason(reason),
    };
    let (mut ready, mut all, mut of_sidecars) = (0, Restarts::default(), Restarts::default());
    let mut initializing = false;
    for (index, (role, container)) in init.into_iter().enumerate() {
        all.add(container);
        if role == Role::Sidecar {
            of_sidecars.add(container);
        }
        let blocked = match container.state {
            ContainerState::Terminated(end) if end.exit_code == 0 => None,
            _ if role == Role::Sidecar && container.started == Some(true) => {
                ready += u32::from(container.ready);
                None
            }
            ContainerState::Terminated(end) => Some(match end {
                Terminated { reason: known::EMPTY, signal: 0, exit_code, .. } => StatusText::InitExitCode(exit_code),
                Terminated { reason: known::EMPTY, signal, .. } => StatusText::InitSignal(signal),
                Terminated { reason, .. } => StatusText::InitReason(reason),
            }),
            ContainerState::Waiting { reason } if reason != known::EMPTY && reason != known::POD_INITIALIZING => {
                Some(StatusText::InitReason(reason))
            }
            _ => Some(StatusText::InitProgress(index, input.init_count)),
        };
        if let Some(text) = blocked {
            (status, initializing) = (text, true);
            break;
        }
    }
    if !initializing || input.initialized {
        all = of_sidecars;
        let mut some_run = false;
        for container in main.into_iter().rev() {
            all.add(container);
            match container.state {
                ContainerState::Waiting { reason } if reason != known::EMPTY => status = StatusText::Reason(reason),
                ContainerState::Terminated(end) => {
                    status = match end {
                        Terminated { reason: known::EMPTY, signal: 0, exit_code, .. } => {
                            StatusText::ExitCode(exit_code)
                        }
                        Terminated { reason: known::EMPTY, signal, .. } => StatusText::Signal(signal),
                        Terminated { reason, .. } => StatusText::Reason(reason),
                    };
                }
                ContainerState::Running { .. } if container.ready => {
                    some_run = true;
                    ready += 1;
                }
                _ => {}
            }
        }
        if some_run && status == StatusText::Reason(known::COMPLETED) {
            status = StatusText::Word(if input.ready { "Running" } else { "NotReady" });
        }
    }
    if input.deleting {
        if input.reason == known::NODE_LOST {
            status = StatusText::Word("Unknown");
        } else if !matches!(input.phase, "Succeeded" | "Failed") {
            status = StatusText::Word("Terminating");
        }
    }
    let total = u32::try_from(input.serving_count).unwrap_or(u32::MAX);
    Columns { ready, total, status, restarts: all.count, last_restart: all.last }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SimDuration;

    const INPUT: ColumnInput<'_> = ColumnInput {
        phase: "Running",
        reason: known::EMPTY,
        deleting: false,
        gated: false,
        initialized: false,
        ready: false,
        init_count: 1,
        serving_count: 2,
    };

    fn ended(exit_code: i32, signal: i32, reason: StrId, finished_at: SimTime) -> ContainerState {
        ContainerState::Terminated(Terminated { exit_code, signal, reason, started_at: finished_at, finished_at })
    }

    fn status(state: ContainerState, last_state: ContainerState, restart_count: u32) -> ContainerStatus {
        ContainerStatus { state, last_state, restart_count, ..ContainerStatus::waiting(known::EMPTY, known::EMPTY) }
    }

    #[test]
    fn an_end_without_a_time_tells_no_age() {
        let now = SimTime::default() + SimDuration::from_secs(1000);
        let lost = ContainerState::Terminated(Terminated::status_unknown());
        let old = ended(1, 0, known::ERROR, SimTime::default() + SimDuration::from_secs(700));
        let running = ContainerState::Running { started_at: now };
        let (a, b) = (status(running, lost, 2), status(running, old, 3));
        let lost_only = columns(&INPUT, [], [&a]);
        assert_eq!((lost_only.restarts_text(now), lost_only.ready_text()), ("2".to_owned(), "0/2".to_owned()));
        assert_eq!(columns(&INPUT, [], [&a, &b]).restarts_text(now), "5 (5m ago)");
    }

    #[test]
    fn a_failed_init_container_shows_its_signal_before_its_code() {
        let strings = Strings::new();
        let text = |state, role| {
            let init = status(state, ContainerState::Unset, 0);
            columns(&INPUT, [(role, &init)], []).status.render(&strings)
        };
        assert_eq!(text(ended(137, 9, known::EMPTY, Terminated::NO_TIME), Role::Init), "Init:Signal:9");
        assert_eq!(text(ended(3, 0, known::EMPTY, Terminated::NO_TIME), Role::Sidecar), "Init:ExitCode:3");
        assert_eq!(text(ended(3, 9, known::OOM_KILLED, Terminated::NO_TIME), Role::Init), "Init:OOMKilled");
        assert_eq!(text(ended(0, 0, known::COMPLETED, Terminated::NO_TIME), Role::Init), "Running");
    }

    #[test]
    fn a_deleted_pod_on_a_lost_node_is_unknown() {
        let strings = Strings::new();
        let text = |input: ColumnInput<'_>| columns(&input, [], []).status.render(&strings);
        let deleting = ColumnInput { deleting: true, ..INPUT };
        assert_eq!(text(deleting), "Terminating");
        assert_eq!(text(ColumnInput { reason: known::NODE_LOST, ..deleting }), "Unknown");
        assert_eq!(text(ColumnInput { phase: "Failed", reason: known::EVICTED, ..deleting }), "Evicted");
        assert_eq!(text(ColumnInput { gated: true, reason: known::EVICTED, ..INPUT }), "SchedulingGated");
    }
}
