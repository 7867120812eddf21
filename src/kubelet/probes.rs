//! Probes, computed to their next transition: a probe that would give the same result for an hour costs nothing in that
//! hour. Pure: the truth (would it succeed?) and the time come in as arguments.
//! Mirrors pkg/kubelet/prober/worker.go, v1.34 (spec 2.10). The result of a probe is known at its tick, or so much later as
//! it waits for an answer.

use crate::base::{SimDuration, SimTime};
use crate::model::Probe;

/// One probe worker of one container.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prober {
    /// Some tick of the worker; the others are whole periods away.
    tick: SimTime,
    /// Ticks at or before this are counted.
    counted: SimTime,
    /// Ticks before this do nothing (initial delay, startup not done); [`SimTime::NEVER`]: none does.
    eligible: SimTime,
    /// Whether a probe would succeed now.
    truth: bool,
    /// From a probe's tick to its result.
    lag: SimDuration,
    run_result: bool,
    run: u32,
    published: Option<bool>,
    on_hold: bool,
}

impl Prober {
    /// A worker that ticks at `tick` and every period before and after, for a container that starts at `now`, with the
    /// result it has before any probe ran.
    #[must_use]
    pub const fn new(tick: SimTime, now: SimTime, initial: Option<bool>) -> Self {
        Self {
            tick,
            counted: SimTime(now.0 - 1),
            eligible: SimTime::NEVER,
            truth: false,
            lag: SimDuration::ZERO,
            run_result: false,
            run: 0,
            published: initial,
            on_hold: false,
        }
    }

    /// Lets it probe from `from` on.
    pub fn enable(&mut self, from: SimTime) {
        self.eligible = from;
    }

    /// Whether it probes, now or from some time on.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.eligible < SimTime::NEVER
    }

    /// The result as published; `None`: unknown yet.
    #[must_use]
    pub const fn published(&self) -> Option<bool> {
        self.published
    }

    /// Counts the ticks whose results are known at `now`; a result that gets published by them.
    pub fn advance(&mut self, probe: &Probe, now: SimTime) -> Option<bool> {
        let now = now - self.lag;
        let ticks = self.ticks(probe, now);
        self.counted = self.counted.max(now);
        if ticks == 0 || self.on_hold {
            return None;
        }
        if self.run_result == self.truth {
            self.run = self.run.saturating_add(ticks);
        } else {
            (self.run_result, self.run) = (self.truth, ticks);
        }
        if self.run < threshold(probe, self.run_result) || self.published == Some(self.run_result) {
            return None;
        }
        self.published = Some(self.run_result);
        Some(self.run_result)
    }

    /// From now on a probe would succeed (or not), and its result be known `lag` after its tick. Count first. A probe that
    /// waits for an answer now gets this one. A worker whose probes take longer than its period runs one after another.
    pub fn set_truth(&mut self, probe: &Probe, truth: bool, lag: SimDuration) {
        if self.lag.max(lag) > period(probe) {
            self.tick = SimTime(self.counted.0 + 1).ceil_to_grid(self.tick, self.interval(probe));
            self.counted = SimTime(self.tick.0 - 1);
        }
        (self.truth, self.lag) = (truth, lag);
    }

    fn interval(&self, probe: &Probe) -> SimDuration {
        period(probe).max(self.lag)
    }

    /// No more probes until the container is a new one.
    pub fn hold(&mut self) {
        self.on_hold = true;
    }

    /// Probes at once, and every period from now on (the kubelet does so for a started container that is unready).
    pub fn trigger(&mut self, probe: &Probe, now: SimTime) {
        self.advance(probe, SimTime(now.0 - 1));
        (self.tick, self.counted) = (now, SimTime(now.0 - 1));
    }

    /// When a result will be published that differs from the last, if the truth stays as it is.
    #[must_use]
    pub fn next_publish(&self, probe: &Probe) -> Option<SimTime> {
        if self.on_hold || self.eligible == SimTime::NEVER || self.published == Some(self.truth) {
            return None;
        }
        let have = if self.run_result == self.truth { self.run } else { 0 };
        let missing = threshold(probe, self.truth).saturating_sub(have).max(1);
        let from = SimTime(self.counted.0 + 1).max(self.eligible);
        let interval = self.interval(probe);
        let first = from.ceil_to_grid(self.tick, interval);
        Some(first + interval * i64::from(missing - 1) + self.lag)
    }

    /// Failing probes that are not counted yet and whose results are known at `until`: when the first one's was, how many
    /// there were, and what lies between them.
    #[must_use]
    pub fn failures(&self, probe: &Probe, until: SimTime) -> (SimTime, u32, SimDuration) {
        let count = if self.truth || self.on_hold { 0 } else { self.ticks(probe, until - self.lag) };
        let (from, interval) = (SimTime(self.counted.0 + 1).max(self.eligible), self.interval(probe));
        let first = if count > 0 { from.ceil_to_grid(self.tick, interval) + self.lag } else { until };
        (first, count, interval)
    }

    fn ticks(&self, probe: &Probe, now: SimTime) -> u32 {
        if self.eligible == SimTime::NEVER {
            return 0;
        }
        let from = SimTime(self.counted.0 + 1).max(self.eligible);
        let interval = self.interval(probe);
        let first = from.ceil_to_grid(self.tick, interval);
        if first > now {
            return 0;
        }
        u32::try_from((now - first).0 / interval.0 + 1).unwrap_or(u32::MAX)
    }
}

fn period(probe: &Probe) -> SimDuration {
    SimDuration::from_secs(i64::from(probe.period_seconds.max(1)))
}

fn threshold(probe: &Probe, success: bool) -> u32 {
    let count = if success { probe.success_threshold } else { probe.failure_threshold };
    u32::try_from(count.max(1)).expect("positive")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProbeAction;

    const fn at(seconds: i64) -> SimTime {
        SimTime(seconds * 1_000_000_000)
    }

    const PROBE: Probe = Probe {
        action: ProbeAction::Exec,
        initial_delay_seconds: 5,
        period_seconds: 10,
        timeout_seconds: 1,
        success_threshold: 1,
        failure_threshold: 3,
        grace_period_seconds: None,
    };

    #[test]
    fn a_readiness_probe_needs_one_success_and_three_failures() {
        let mut prober = Prober::new(at(100), at(103), Some(false));
        assert_eq!(prober.next_publish(&PROBE), None);
        prober.enable(at(108));
        prober.set_truth(&PROBE, true, SimDuration::ZERO);
        assert_eq!(prober.next_publish(&PROBE), Some(at(110)));
        assert_eq!(prober.advance(&PROBE, at(110)), Some(true));
        assert_eq!(prober.next_publish(&PROBE), None);
        // It fails from 125 on: ticks at 130, 140 and 150 are the three failures.
        assert_eq!(prober.advance(&PROBE, at(125)), None);
        prober.set_truth(&PROBE, false, SimDuration::ZERO);
        assert_eq!(prober.next_publish(&PROBE), Some(at(150)));
        assert_eq!(prober.advance(&PROBE, at(145)), None);
        prober.set_truth(&PROBE, true, SimDuration::ZERO);
        assert_eq!(prober.next_publish(&PROBE), None);
        // One success in between starts the count of failures anew.
        assert_eq!(prober.advance(&PROBE, at(151)), None);
        prober.set_truth(&PROBE, false, SimDuration::ZERO);
        assert_eq!(prober.next_publish(&PROBE), Some(at(180)));
        assert_eq!(prober.advance(&PROBE, at(180)), Some(false));
    }

    #[test]
    fn a_held_worker_is_silent_and_a_trigger_moves_the_ticks() {
        let mut prober = Prober::new(at(0), at(0), Some(true));
        prober.enable(at(0));
        prober.set_truth(&PROBE, false, SimDuration::ZERO);
        prober.trigger(&PROBE, at(3));
        assert_eq!(prober.next_publish(&PROBE), Some(at(13)), "one failure is counted at 0, two are missing");
        assert_eq!(prober.advance(&PROBE, at(13)), Some(false));
        prober.hold();
        prober.set_truth(&PROBE, true, SimDuration::ZERO);
        assert_eq!((prober.next_publish(&PROBE), prober.advance(&PROBE, at(99))), (None, None));
    }

    #[test]
    fn probes_without_an_answer_fail_after_their_time_out() {
        let (second, long) = (SimDuration::from_secs(1), SimDuration::from_secs(15));
        let mut prober = Prober::new(at(0), at(0), Some(true));
        prober.enable(at(0));
        prober.set_truth(&PROBE, false, second);
        assert_eq!(prober.next_publish(&PROBE), Some(at(21)), "ticks at 0, 10 and 20, a second each");
        // The probe of 20 waits when it gets an answer.
        assert_eq!(prober.advance(&PROBE, SimTime(20_500_000_000)), None);
        prober.set_truth(&PROBE, true, SimDuration::ZERO);
        assert_eq!(prober.advance(&PROBE, SimTime(20_500_000_000)), None);
        prober.set_truth(&PROBE, false, second);
        assert_eq!(prober.next_publish(&PROBE), Some(at(51)), "the count began anew");
        // With a time-out above the period they follow each other: 30 to 45, 45 to 60, 60 to 75; then 80.
        prober.set_truth(&PROBE, false, long);
        assert_eq!(prober.next_publish(&PROBE), Some(at(75)));
        assert_eq!(prober.advance(&PROBE, at(75)), Some(false));
        prober.set_truth(&PROBE, true, SimDuration::ZERO);
        assert_eq!(prober.next_publish(&PROBE), Some(at(75)), "the one that waits");
    }
}
