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
