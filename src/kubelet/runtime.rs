//! The runtime's records: pods and containers as they are on their machines. The third owner of truth: a record can
//! outlive its API object (force delete) and its object can outlive it (node loss). Knows no policy.

use std::cell::Cell;

use crate::api::PodRef;
use crate::base::{SimDuration, SimTime};
use crate::define_id;
use crate::engine::TimerKey;
use crate::model::strings::known;
use crate::model::{ImageId, NodeId, StrId, TemplateId, WorkloadId};

use super::image_gc::NodeImage;
use super::probes::Prober;

define_id! {
    /// A pod as its node's runtime knows it; reused after it is cleaned up.
    RecordId
}

/// What the pod worker is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Worker {
    /// Waiting for a reason to sync; the timer, if any, is the next sync.
    Idle,
    /// Waiting for volumes, up to a limit.
    Mounting,
    /// Creating the sandbox.
    Sandbox,
    /// Pulling the image of this container.
    Pulling(u16),
    /// Creating and starting this container.
    Starting(u16),
    /// Running the postStart hook of this container.
    PostStart(u16),
    /// Killing this container, whose postStart hook failed.
    Undoing(u16),
    /// Killing containers of a pod that goes on.
    Killing,
    /// Killing everything.
    Terminating,
    /// Nothing runs any more; the last status is on its way.
    Finished,
}

/// A pod on its node.
#[derive(Debug)]
pub(super) struct PodRecord {
    pub(super) pod: PodRef,
    pub(super) template: TemplateId,
    pub(super) workload: WorkloadId,
    pub(super) ordinal: u32,
    pub(super) node: NodeId,
    pub(super) worker: Worker,
    /// The pending sync, or the end of the worker's step.
    pub(super) timer: Option<TimerKey>,
    /// When the pending sync is due; while the worker is busy: when it is to sync again.
    pub(super) due: Option<SimTime>,
    /// Since when the pending sync is due, or was when it began.
    pub(super) asked: SimTime,
    /// Containers that this sync still has to start, as bits by index.
    pub(super) to_start: u64,
    pub(super) sandbox_ready: bool,
    /// How many sandboxes it has had.
    pub(super) sandboxes: u16,
    /// This sync met an error: retry.
    pub(super) failed_sync: bool,
    /// Deletion was requested (or the object is gone): stop for good, with this grace in seconds.
    pub(super) grace_seconds: Option<u32>,
    /// The grace it stops with when nobody asked for its deletion.
    pub(super) stop_grace_seconds: u32,
    /// Why the kubelet itself ends the pod ([`known::EMPTY`]: it does not).
    pub(super) kill_reason: StrId,
    /// The grace in seconds that it then has at most.
    pub(super) kill_grace: Option<i64>,
    /// Whether it is ended for the sake of others (the condition DisruptionTarget).
    pub(super) disrupted: bool,
    /// When termination began.
    pub(super) terminating_since: SimTime,
    /// The API object is gone already.
    pub(super) orphan: bool,
    /// Its volumes are mounted.
    pub(super) mounted: bool,
    pub(super) started_at: SimTime,
    /// When the probe workers began.
    pub(super) probes_from: Option<SimTime>,
    pub(super) traced_run: Option<SimDuration>,
    /// Syncs that were retried so far: addresses their jitter.
    pub(super) retries: u32,
    pub(super) deadline: Option<TimerKey>,
    pub(super) storage_timer: Option<TimerKey>,
    pub(super) storage: Option<Box<super::storage::Storage>>,
    /// What happens to it is worked out when somebody asks.
    pub(super) quiet: Option<super::quiet::Quiet>,
}

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Exit {
    pub(super) code: i32,
    pub(super) reason: StrId,
    pub(super) started: SimTime,
    pub(super) finished: SimTime,
}

/// What the runtime knows of a container's newest instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Instance {
    /// Never created (in this sandbox's life).
    #[default]
    None,
    /// Its process runs.
    Running(SimTime),
    /// Its process ended.
    Exited(Exit),
    /// The same, but the runtime has forgotten it: a new sandbox starts over from the init containers.
    Purged(Exit),
}

/// How far the kill of a container is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum KillStage {
    /// Its preStop hook runs.
    Hook,
    /// A sidecar waits for the containers that stop before it.
    Turn,
    /// SIGTERM was sent.
    Signalled,
}

/// A container that was asked to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Kill {
    pub(super) stage: KillStage,
    /// What was left of the grace, in whole seconds, when the stage began.
    pub(super) left: i64,
    /// When the stage began.
    pub(super) since: SimTime,
    /// Whether sidecars wait for their turn: the whole pod is killed.
    pub(super) in_turn: bool,
    /// Whether the hook takes longer than the grace.
    pub(super) abandoned: bool,
}

/// Startup, readiness and liveness workers of a container, each with its timer.
pub(super) type Probers = [Option<(Prober, Option<TimerKey>)>; 3];

/// A container on its node.
#[derive(Debug)]
pub(super) struct ContainerRecord {
    pub(super) instance: Instance,
    /// The instance before, if it ended.
    pub(super) previous: Option<Exit>,
    pub(super) restarts: u32,
    /// The number of the sandbox that it was created in.
    pub(super) sandbox: u16,
    /// The pull under way exceeds the rate at which the node may ask registries.
    pub(super) pull_refused: bool,
    /// Pulls of its image so far: addresses their latencies.
    pub(super) pulls: u32,
    /// Whether any instance was created: decides whether the next one is a restart.
    pub(super) created: bool,
    pub(super) back_off: super::backoff::CrashLoopBackOff,
    /// Why the last attempt to start it failed ([`known::EMPTY`]: it did not).
    pub(super) start_error: StrId,
    /// The waiting reason shown to recorders last.
    pub(super) shown: StrId,
    /// The process ends then.
    pub(super) exit_timer: Option<TimerKey>,
    pub(super) exit_at: SimTime,
    pub(super) exit_code: i32,
    pub(super) exit_reason: StrId,
    /// SIGTERM was sent (or its turn has come and it is about to be).
    pub(super) stopping: bool,
    /// It was asked to stop; for some there is more to do than SIGTERM.
    pub(super) kill: Option<Box<Kill>>,
    /// A resize of its pod restarts it.
    pub(super) resize_restart: bool,
    /// Attempts to start it that its behavior made fail.
    pub(super) attempts: u32,
    /// The attempt under way will fail when the runtime starts it.
    pub(super) start_fails: bool,
    /// The process has started up: it listens and is healthy.
    pub(super) serving: bool,
    pub(super) serving_timer: Option<TimerKey>,
    /// It runs and serves nobody.
    pub(super) unhealthy: bool,
    /// It becomes unhealthy then, or healthy again.
    pub(super) health_timer: Option<TimerKey>,
    /// Its memory will exceed its limit then.
    pub(super) oom_timer: Option<TimerKey>,
    /// Its preStop hook is over then, or it has waited long enough for its turn to stop.
    pub(super) grace_timer: Option<TimerKey>,
    /// Its startup probe succeeded, or there is none.
    pub(super) started: bool,
    pub(super) ready: bool,
    /// Requests per second it serves now.
    pub(super) rate: f64,
    /// Its speed, if that is not the full one.
    pub(super) slow: Option<Box<Slow>>,
    /// Image pull back-off: current delay and the failure it runs from.
    pub(super) pull_back_off: Option<Box<super::backoff::PullBackOff>>,
    /// Startup, readiness and liveness workers, with their timers.
    pub(super) probers: Option<Box<Probers>>,
}

impl Default for ContainerRecord {
    fn default() -> Self {
        Self {
            instance: Instance::None,
            previous: None,
            restarts: 0,
            created: false,
            back_off: super::backoff::CrashLoopBackOff::default(),
            start_error: known::EMPTY,
            shown: known::EMPTY,
            exit_timer: None,
            exit_at: SimTime::NEVER,
            exit_code: 0,
            sandbox: 0,
            pulls: 0,
            pull_refused: false,
            oom_timer: None,
            grace_timer: None,
            exit_reason: known::EMPTY,
            stopping: false,
            kill: None,
            attempts: 0,
            start_fails: false,
            resize_restart: false,
            serving: false,
            serving_timer: None,
            unhealthy: false,
            health_timer: None,
            started: false,
            ready: false,
            rate: 0.0,
            slow: None,
            pull_back_off: None,
            probers: None,
        }
    }
}

impl ContainerRecord {
    #[inline]
    pub(super) const fn running(&self) -> Option<SimTime> {
        match self.instance {
            Instance::Running(since) => Some(since),
            _ => None,
        }
    }

    /// Whether it serves those who ask.
    #[inline]
    pub(super) const fn is_healthy(&self) -> bool {
        self.serving && !self.unhealthy
    }

    /// Whether it was asked to stop and has not.
    #[inline]
    pub(super) fn is_asked(&self) -> bool {
        self.is_hooked() || self.running().is_some() && (self.stopping || self.kill.is_some())
    }

    /// Whether its preStop hook runs, which outlives the process if it does not need it.
    #[inline]
    pub(super) fn is_hooked(&self) -> bool {
        self.kill.as_deref().is_some_and(|kill| kill.stage == KillStage::Hook)
    }

    #[inline]
    pub(super) const fn exited(&self) -> Option<Exit> {
        match self.instance {
            Instance::Exited(exit) => Some(exit),
            _ => None,
        }
    }
}

/// A process that gets less CPU time than it asks for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Slow {
    /// Its speed, as a part of its full one.
    pub(super) speed: f64,
    /// When it serves, if it does not yet, at this speed.
    pub(super) serving_at: SimTime,
    /// Milli-cores that its limit keeps from it.
    pub(super) throttled: f64,
    /// Up to when that was counted.
    pub(super) counted: SimTime,
}

/// A machine: what belongs to a node but not to its object. First comes what every pod's life asks for: four lines of the cache.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Machine {
    /// The PLEG relists at this phase of its period.
    pub(super) pleg_phase: SimTime,
    /// What its processes can use at most.
    pub(super) ceiling: super::load::Ceiling,
    /// As long as they use no more memory, nothing happens to anybody.
    pub(super) safe_memory: i64,
    pub(super) safe_processes: i64,
    /// Its cores, in thousandths.
    pub(super) milli_cpu: i64,
    /// Bytes of its images.
    pub(super) image_bytes: i64,
    /// As long as images take no more and nobody writes files, there is enough disk.
    pub(super) safe_images: i64,
    /// What the pods in its records request, and how many there are.
    pub(super) used: crate::model::Resources,
    pub(super) pods: i64,
    /// How many of the quiet ones use the same from start to end: they are added up by themselves.
    pub(super) fixed: i64,
    /// CPU and memory that its other processes use, as long as that stays so.
    pub(super) steady_usage: Cell<Option<(f64, f64)>>,
    /// What its containers ask for changes then.
    pub(super) cpu_timer: Option<TimerKey>,
    /// It tells the API server of the volumes in use then.
    pub(super) status_timer: Option<TimerKey>,
    /// What the eviction manager has in mind.
    pub(super) watch: Option<Box<super::pressure::Watch>>,
    pub(super) first_record: Option<RecordId>,
    /// How many of its pods are quiet.
    pub(super) quiet: u32,
    pub(super) up: bool,
    /// Whether some container got less CPU time than it asked for.
    pub(super) cpu_was_short: bool,
    /// Whether images go because of their age.
    pub(super) ages_images: bool,
    /// Whether files were written here, or images alone can fill the disk.
    pub(super) disk_fills: bool,
    /// Whether it matters when its images were used last: otherwise none is ever removed.
    pub(super) minds_use: bool,
    /// Images that are present, sorted.
    pub(super) images: Vec<NodeImage>,
    /// How far its shutdown is.
    pub(super) shutdown: Option<super::power::Shutdown>,
    /// The lease is renewed at this phase of its period.
    pub(super) lease_phase: SimTime,
    /// How often it booted.
    pub(super) boots: u32,
    /// Since when its kubelet runs: it looks after images at this phase.
    pub(super) kubelet_since: SimTime,
    /// The next look that has something to remove, and the last one.
    pub(super) image_pass: Option<(TimerKey, SimTime)>,
    pub(super) last_image_pass: SimTime,
    /// Ends of the pulls that were asked for, with their images, sorted.
    pub(super) pulls: Vec<(SimTime, ImageId)>,
    /// How often it may ask registries.
    pub(super) pull_limit: super::images::PullLimit,
    pub(super) crashed_at: SimTime,
}

impl PodRecord {
    /// A pod that its node has just heard of.
    pub(super) fn new(pod: PodRef, template: TemplateId, (workload, ordinal): (WorkloadId, u32), node: NodeId) -> Self {
        Self {
            pod,
            template,
            workload,
            ordinal,
            node,
            worker: Worker::Idle,
            timer: None,
            due: None,
            asked: SimTime::NEVER,
            to_start: 0,
            sandbox_ready: false,
            sandboxes: 0,
            failed_sync: false,
            grace_seconds: None,
            stop_grace_seconds: 0,
            kill_reason: known::EMPTY,
            kill_grace: None,
            disrupted: false,
            terminating_since: SimTime::NEVER,
            orphan: false,
            mounted: false,
            started_at: SimTime::NEVER,
            probes_from: None,
            traced_run: None,
            retries: 0,
            deadline: None,
            storage_timer: None,
            storage: None,
            quiet: None,
        }
    }
}
