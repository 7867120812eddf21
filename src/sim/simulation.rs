//! A simulation: a world and its kernel, from the plan to the outcome.

use super::event::Event;
use super::outcome::{Outcome, Stopped};
use super::world::World;
use crate::api::Cluster;
use crate::base::{Digest, SimDuration, SimTime};
use crate::engine::{Kernel, LimitReached, Limits, Rank};
use crate::model::plan::Plan;
use crate::record::{Off, Recorder};

/// A run of a plan.
///
/// ```
/// use podsim::model::plan::Plan;
/// use podsim::sim::Simulation;
///
/// let outcome = Simulation::new(Plan::default()).run();
/// assert_eq!(outcome.counters.pods_created, 0);
/// ```
#[derive(Debug)]
pub struct Simulation<R = Off> {
    kernel: Kernel<Event>,
    world: World,
    recorder: R,
    end: SimTime,
    last_event: SimTime,
    /// When the next sample is due, and how often one is.
    next_sample: SimTime,
    sample_every: SimDuration,
}

/// How many samples a run has unless its plan says otherwise.
const SAMPLES: i64 = 480;

impl Simulation<Off> {
    /// A run that records nothing.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self::with_recorder(plan, Off)
    }
}

impl<R: Recorder> Simulation<R> {
    /// A run that records to `recorder`.
    pub fn with_recorder(plan: Plan, mut recorder: R) -> Self {
        let start = plan.start;
        let end = start + plan.duration;
        let every = plan.output.sample_every.unwrap_or(SimDuration(plan.duration.0 / SAMPLES));
        let mut kernel = Kernel::new(start, Limits::default());
        let mut world = World::new(plan);
        world.start(&mut kernel, &mut recorder);
        Self {
            kernel,
            world,
            recorder,
            end,
            last_event: start,
            next_sample: start,
            sample_every: SimDuration(every.0.max(1)),
        }
    }

    /// Bounds the number of events.
    pub const fn limit(&mut self, limits: Limits) {
        self.kernel.set_limits(limits);
    }

    /// The simulated time.
    #[must_use]
    pub const fn now(&self) -> SimTime {
        self.kernel.now()
    }

    /// Events handled so far.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.kernel.events()
    }

    /// The objects.
    #[must_use]
    pub const fn cluster(&self) -> &Cluster {
        &self.world.cluster
    }

    /// Pods that wait for a node.
    #[must_use]
    pub const fn unscheduled(&self) -> u32 {
        self.world.stats.sample.pods_unscheduled
    }

    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.world.plan
    }

    /// The recorder.
    #[must_use]
    pub const fn recorder(&self) -> &R {
        &self.recorder
    }

    /// Fold of everything that happened so far.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.world.cluster.digest()
    }

    /// The kubelets.
    #[must_use]
    pub const fn kubelets(&self) -> &crate::kubelet::Kubelets {
        &self.world.kubelets
    }

    /// The scheduler.
    #[must_use]
    pub const fn scheduler(&self) -> &crate::scheduler::Scheduler {
        &self.world.scheduler
    }

    /// The EndpointSlice controller and the proxies.
    #[must_use]
    pub const fn endpoints(&self) -> &crate::controllers::Endpoints {
        &self.world.endpoints
    }

    /// A pod that exists, as `kubectl get pods` lists it at `at`, which is not before the last event.
    #[must_use]
    pub fn pod_row(&self, pod: crate::api::PodRef, at: SimTime) -> super::outcome::PodRow {
        self.world.row(pod, at)
    }

    /// Lets the scheduler keep what moves `pod` in its queue. Changes nothing else.
    pub fn follow(&mut self, pod: crate::model::PodId) {
        self.world.scheduler.follow(pod);
    }

    /// Counts and sums of the cluster as it is now; usage and services are only computed for samples.
    #[must_use]
    pub const fn counts(&self) -> &crate::record::Sample {
        &self.world.stats.sample
    }

    /// Counters so far.
    #[must_use]
    pub const fn counters(&self) -> &crate::record::Counters {
        &self.world.counters
    }

    /// Handles the next event if it is due at or before `until` (and before the end); `None` when there is none.
    ///
    /// # Errors
    /// A limit was reached.
    pub fn step(&mut self, until: SimTime) -> Result<Option<Event>, LimitReached> {
        let until = until.min(self.end);
        if R::ON || R::SAMPLES {
            // Nothing that anybody shares changes between events: the samples due before the next one show the state as it
            // is now. After the last event `finish` takes those that are left.
            let Some((next, rank)) = self.kernel.next_up() else { return Ok(self.settle(until)) };
            while R::SAMPLES && self.next_sample < next.min(until) {
                self.sample();
            }
            if R::ON {
                // What the plan says comes before what happens on machines at the same instant.
                let before = if rank == Rank::new(0) { SimTime(next.0 - 1) } else { next };
                self.world.observe(&mut self.kernel, &mut self.recorder, before.min(until));
            }
        }
        let Some((at, event)) = self.kernel.pop_until(until)? else { return Ok(self.settle(until)) };
        self.last_event = at;
        self.world.dispatch(&mut self.kernel, &mut self.recorder, event);
        Ok(Some(event))
    }

    fn settle(&mut self, until: SimTime) -> Option<Event> {
        self.world.settle(&mut self.kernel, &mut self.recorder, until);
        None
    }

    /// Tells the recorder the repetitions of Kubernetes Events up to `at`, which is not before the last event: what
    /// nobody has had a reason to count yet.
    pub fn tell_repeats(&mut self, at: SimTime) {
        self.world.tell_repeats(&mut self.kernel, &mut self.recorder, at);
    }

    /// Asks for the eviction of a pod at the time of the last event, as somebody from outside might.
    ///
    /// # Errors
    /// Why the API server refuses it.
    pub fn evict(&mut self, pod: crate::api::PodRef) -> Result<(), crate::api::Rejection> {
        self.world.evict(&mut self.kernel, &mut self.recorder, pod)
    }

    /// Runs to `until`, or to the end.
    ///
    /// # Errors
    /// A limit was reached.
    pub fn run_until(&mut self, until: SimTime) -> Result<(), LimitReached> {
        while self.step(until)?.is_some() {}
        Ok(())
    }

    /// Runs to the end.
    pub fn run(self) -> Outcome {
        self.run_recorded().0
    }

    /// Runs to the end; the outcome and the recorder.
    pub fn run_recorded(mut self) -> (Outcome, R) {
        let stopped = match self.run_until(SimTime::NEVER) {
            Err(limit) => Stopped::Limit(limit.to_string()),
            // Requests go on although nothing else happens.
            Ok(()) if self.kernel.pending() == 0 && self.world.traffic.is_empty() => Stopped::Quiet,
            Ok(()) => Stopped::Duration,
        };
        self.finish(stopped)
    }

    /// Ends the run where it is.
    pub fn finish(mut self, stopped: Stopped) -> (Outcome, R) {
        let ended_at = match stopped {
            Stopped::Duration => self.end,
            Stopped::Quiet | Stopped::Limit(_) | Stopped::Interrupted => self.last_event,
        };
        if R::SAMPLES {
            while self.next_sample < ended_at {
                self.sample();
            }
            self.next_sample = ended_at;
            self.sample();
        }
        self.world.end(&mut self.kernel, &mut self.recorder, ended_at);
        let events = self.kernel.events();
        (self.world.outcome(ended_at, stopped, events), self.recorder)
    }

    fn sample(&mut self) {
        let at = self.next_sample;
        self.world.observe(&mut self.kernel, &mut self.recorder, at);
        let sample = self.world.sample(at);
        self.recorder.sample(at, sample);
        self.next_sample = at + self.sample_every;
    }
}
