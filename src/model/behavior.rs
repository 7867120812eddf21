//! What the processes inside containers do. Kubernetes does not know this; scenarios say it.

use super::ids::StrId;
use crate::base::Distribution;

/// What one container's process does from start to exit. Times are drawn by address: (workload, pod ordinal,
/// container, restart), so that changing the scheduler does not change what the pods would do.
#[derive(Clone, PartialEq, Debug)]
pub struct Behavior {
    /// Seconds from process start until it listens and is healthy.
    pub startup: Distribution,
    /// How long the process works before it exits by itself.
    pub run: RunTime,
    /// Exit codes of a process that ends by itself, with weights; empty is always 0.
    pub exit_codes: Box<[(i32, u32)]>,
    /// Crashes; `None`: never.
    pub crash: Option<Crash>,
    /// Ports it listens on once started up; `None`: the container's declared ports.
    pub listens: Option<Box<[u16]>>,
    /// Ports beside the declared ones that its probes and hooks ask and that nobody in the pod declares: ports in a manifest are
    /// for people to read, and who asks for an answer has somebody who gives it. Of no account if `listens` says where.
    pub implied: Box<[u16]>,
    /// Containers of the same pod whose failure makes this one's requests fail.
    pub requires: Box<[StrId]>,
    /// Whether the container is unhealthy to its HTTP and exec probes while a required container is down.
    pub unready_without_required: bool,
    /// CPU use in milli-cores.
    pub cpu: Usage,
    /// Memory use in bytes.
    pub memory: Usage,
    /// How many process ids it takes.
    pub processes: u32,
    /// Files it writes.
    pub writes: Box<[FileUse]>,
    /// Paths it reads.
    pub reads: Box<[Box<str>]>,
    /// What it does on SIGTERM.
    pub on_terminate: OnTerminate,
    /// Exit codes of its first runs, in order, where they end by themselves.
    pub first_exit_codes: Box<[i32]>,
    /// While it is unhealthy; `None`: never.
    pub unhealthy: Option<Unhealthy>,
    /// How its postStart hook goes.
    pub post_start: HookRun,
    /// How its preStop hook goes.
    pub pre_stop: HookRun,
    /// Attempts to start it that fail before its process runs.
    pub start_fails: Option<StartFailure>,
}

/// A time in which a process runs and serves nobody.
#[derive(Clone, PartialEq, Debug)]
pub struct Unhealthy {
    /// Seconds from serving until it begins.
    pub after: Distribution,
    /// Seconds until it is over; `None`: it stays.
    pub lasts: Option<f64>,
    /// Whether who asks it gets no answer at all, and not a bad one at once.
    pub hangs: bool,
}

/// How a lifecycle hook goes.
#[derive(Clone, PartialEq, Debug)]
pub struct HookRun {
    /// Seconds it takes; a hook that sleeps goes by its manifest.
    pub takes: Distribution,
    /// Whether it fails.
    pub fails: bool,
}

impl HookRun {
    /// It succeeds at once.
    pub const DEFAULT: Self = Self { takes: Distribution::Constant(0.0), fails: false };
}

/// What fails of a container's start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartStep {
    /// Its pod's sandbox cannot be created.
    Sandbox,
    /// Its configuration cannot be made.
    Config,
    /// The runtime cannot create it.
    Create,
    /// The runtime cannot start it.
    Run,
}

/// Attempts to start a container that fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StartFailure {
    /// What fails.
    pub step: StartStep,
    /// The first so many attempts; `None`: all.
    pub times: Option<u32>,
}

/// How long a process works.
#[derive(Clone, PartialEq, Debug)]
pub enum RunTime {
    /// Until something stops it.
    Forever,
    /// Seconds, drawn once a run.
    Drawn(Distribution),
    /// `min + (stride * ordinal) mod span` whole seconds: spreads evenly without any draw.
    Sweep {
        /// Least run time in seconds.
        min: u32,
        /// Number of distinct run times.
        span: u32,
        /// Step from one ordinal to the next.
        stride: u32,
    },
    /// As the row of the trace says.
    Trace,
}

/// Crashes of a process that would otherwise go on.
#[derive(Clone, PartialEq, Debug)]
pub struct Crash {
    /// Seconds from serving to the crash: an exponential distribution is an MTBF.
    pub after: Distribution,
    /// Exit codes with weights; empty is always 1.
    pub exit_codes: Box<[(i32, u32)]>,
}

/// Use of a resource: `base + ramp * min(t / ramp_seconds, 1) + leak * t + per_request * rate`.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Usage {
    /// From the start of the process.
    pub base: f64,
    /// Added linearly while `ramp_seconds` pass.
    pub ramp: f64,
    /// How long the ramp takes, in seconds.
    pub ramp_seconds: f64,
    /// Added in every second of life.
    pub leak_per_second: f64,
    /// Added for every request per second that is served.
    pub per_request: f64,
}

/// A file that a process writes.
#[derive(Clone, PartialEq, Debug)]
pub struct FileUse {
    /// Absolute path in the container.
    pub path: Box<str>,
    /// Bytes in every second of life.
    pub bytes_per_second: f64,
    /// Bytes for each request that it serves.
    pub bytes_per_request: f64,
    /// Further files that it makes beside it in every second of life.
    pub files_per_second: f64,
}

/// What a process does when it is asked to stop.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct OnTerminate {
    /// Seconds until it exits; `None`: it ignores SIGTERM and is killed.
    pub after_seconds: Option<f64>,
    /// The exit code it ends with (143 is the default action of SIGTERM).
    pub exit_code: i32,
}

impl Default for Behavior {
    fn default() -> Self {
        Self {
            startup: Distribution::Constant(0.0),
            run: RunTime::Forever,
            exit_codes: Box::default(),
            crash: None,
            listens: None,
            implied: Box::default(),
            requires: Box::default(),
            unready_without_required: true,
            cpu: Usage::default(),
            memory: Usage::default(),
            processes: 1,
            writes: Box::default(),
            reads: Box::default(),
            on_terminate: OnTerminate { after_seconds: Some(0.0), exit_code: 143 },
            first_exit_codes: Box::default(),
            unhealthy: None,
            post_start: HookRun::DEFAULT,
            pre_stop: HookRun::DEFAULT,
            start_fails: None,
        }
    }
}
