//! Many runs on all cores. The order of results is that of the questions, whatever thread answered first.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::base::SimTime;
use crate::record::fact::Stamped;
use crate::record::{Recorder, Recording, SamplesOnly};
use crate::sim::Simulation;
use crate::sim::outcome::{Outcome, Stopped};
use crate::sim::plan::Plan;

/// Events between two looks at whether to stop.
const EVENTS: u32 = 4096;

/// A finished run.
#[derive(Debug)]
pub struct Run {
    /// What was run.
    pub plan: Plan,
    /// What it came to.
    pub outcome: Outcome,
    /// Its samples; with [`Runner::facts`] its facts as well.
    pub recording: Recording,
}

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Halt {
    /// The user asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// A run reached a limit.
    #[error("{0}")]
    Limit(String),
    /// The question cannot be asked of this input: what is wrong and what to do.
    #[error("{0}")]
    Unasked(String),
}

/// How runs are made.
#[derive(Clone, Copy)]
pub struct Runner<'a> {
    /// Threads, at least one.
    pub threads: usize,
    /// Whether the user asked to stop.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Told how many runs are done, and of how many.
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
}

impl Runner<'_> {
    /// Runs every plan, samples only.
    ///
    /// # Errors
    /// The first halt in the order of the plans.
    pub fn run(&self, plans: Vec<Plan>) -> Result<Vec<Run>, Halt> {
        self.all(plans.len(), |at| simulate(plans[at].clone(), SamplesOnly::default(), |samples| samples.0, self.stop))
    }

    /// Runs every plan, with all facts.
    ///
    /// # Errors
    /// The first halt in the order of the plans.
    pub fn facts(&self, plans: Vec<Plan>) -> Result<Vec<Run>, Halt> {
        self.all(plans.len(), |at| simulate(plans[at].clone(), Recording::new(), |recording| recording, self.stop))
    }

    /// `make` for each number below `count`, side by side.
    ///
    /// # Errors
    /// The first halt in the order of the numbers.
    pub fn all<T: Send>(&self, count: usize, make: impl Fn(usize) -> Result<T, Halt> + Sync) -> Result<Vec<T>, Halt> {
        let mut results: Vec<Option<T>> = (0..count).map(|_| None).collect();
        let mut first: Option<(usize, Halt)> = None;
        self.each(count, make, |at, result| {
            match result {
                Ok(value) => results[at] = Some(value),
                Err(halt) if first.as_ref().is_none_or(|(earlier, _)| at < *earlier) => first = Some((at, halt)),
                Err(_) => {}
            }
            first.is_none()
        });
        match first {
            Some((_, halt)) => Err(halt),
            None => results.into_iter().collect::<Option<_>>().ok_or(Halt::Interrupted),
        }
    }

    /// `make` for each number below `count`, side by side; `done` gets each result on this thread as soon as it is there, in
    /// whatever order, and says whether to go on.
    pub fn each<T: Send>(
        &self,
        count: usize,
        make: impl Fn(usize) -> T + Sync,
        mut done: impl FnMut(usize, T) -> bool,
    ) {
        let next = AtomicUsize::new(0);
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let (send, receive) = mpsc::sync_channel(self.threads.max(1) * 2);
            for _ in 0..self.threads.max(1).min(count) {
                let send = send.clone();
                let (next, over, make) = (&next, &over, &make);
                scope.spawn(move || {
                    while !over.load(Ordering::Relaxed) && !(self.stop)() {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        if at >= count || send.send((at, make(at))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(send);
            for (finished, (at, result)) in receive.iter().enumerate() {
                (self.progress)(finished + 1, count);
                if !over.load(Ordering::Relaxed) && !done(at, result) {
                    over.store(true, Ordering::Relaxed);
                }
            }
        });
    }
}

/// One run to its end.
///
/// # Errors
/// The user asked to stop, or a limit was reached.
pub fn simulate<R: Recorder>(
    plan: Plan,
    recorder: R,
    recording: fn(R) -> Recording,
    stop: &dyn Fn() -> bool,
) -> Result<Run, Halt> {
    drive(plan, recorder, recording, stop, |_| {})
}

/// One run to its end with all facts; `look` is told those of each event that had some, while the cluster is as the event left it.
///
/// # Errors
/// The user asked to stop, or a limit was reached.
pub fn watch(
    plan: Plan,
    stop: &dyn Fn() -> bool,
    mut look: impl FnMut(&Simulation<Recording>, &[Stamped]),
) -> Result<Run, Halt> {
    let mut seen = 0;
    let recording = |recording| recording;
    drive(plan, Recording::new(), recording, stop, |simulation| {
        let facts = simulation.recorder().facts();
        if facts.len() > seen {
            look(simulation, &facts[seen..]);
            seen = facts.len();
        }
    })
}

fn drive<R: Recorder>(
    plan: Plan,
    recorder: R,
    recording: fn(R) -> Recording,
    stop: &dyn Fn() -> bool,
    mut look: impl FnMut(&Simulation<R>),
) -> Result<Run, Halt> {
    let kept = plan.clone();
    let mut simulation = Simulation::with_recorder(plan, recorder);
    look(&simulation);
    loop {
        for _ in 0..EVENTS {
            let stepped = simulation.step(SimTime::NEVER);
            look(&simulation);
            match stepped {
                Ok(Some(_)) => {}
                Ok(None) => {
                    let (outcome, recorder) = simulation.run_recorded();
                    return Ok(Run { plan: kept, outcome, recording: recording(recorder) });
                }
                Err(limit) => return Err(Halt::Limit(limit.to_string())),
            }
        }
        if stop() {
            return Err(Halt::Interrupted);
        }
    }
}

impl Run {
    /// Whether it was not cut short.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        matches!(self.outcome.stopped, Stopped::Duration | Stopped::Quiet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PlanBuilder, Pod};

    #[test]
    fn threads_change_nothing() {
        let plan = |seed| {
            let pods = Pod::new("web", "500m", "1Gi").copies(6).crashes_every("10m");
            PlanBuilder::new("many").seed(seed).nodes("worker", 2, "2", "4Gi").pods(pods).build().expect("a plan")
        };
        let digests = |threads| {
            let runner = Runner { threads, stop: &|| false, progress: &|_, _| {} };
            let runs = runner.run((1..=9).map(plan).collect()).expect("no limit");
            runs.into_iter().map(|run| run.outcome.digest).collect::<Vec<_>>()
        };
        let one = digests(1);
        assert_eq!(one.len(), 9);
        assert_ne!(one[0], one[1]);
        assert_eq!(one, digests(3));
        let stopped = Runner { threads: 2, stop: &|| true, progress: &|_, _| {} };
        assert_eq!(stopped.run(vec![plan(1)]).map(|runs| runs.len()), Err(Halt::Interrupted));
    }
}
