//! The life of one process: when it serves, when and how it ends, what it uses. Pure arithmetic over a behaviour and
//! addressed draws: what a process does depends on who it is and which run of it this is, never on where it runs.

use crate::base::draw::Purpose;
use crate::base::{Draw, Draws, SimDuration};
use crate::model::{Behavior, HookRun, RunTime, Usage};

/// The draws of one workload, expanded once.
#[derive(Clone, Copy, Debug)]
pub struct LifeDraws {
    startup: Draw,
    run: Draw,
    crash: Draw,
    exit: Draw,
}

/// Which run of which process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RunOf {
    /// The pod's number in its workload.
    pub ordinal: u32,
    /// The container's index in its pod.
    pub container: u16,
    /// How often it was restarted before.
    pub restart: u32,
    /// The run time a trace gives, if any.
    pub traced: Option<SimDuration>,
}

/// Which hook's draw, beside those of the process itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HookDraw {
    /// `postStart`.
    PostStart = 2,
    /// `preStop`.
    PreStop = 3,
}

/// What one run of a process will do if nothing outside stops it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Life {
    /// From its start until it listens and is healthy.
    pub startup: SimDuration,
    /// From its start until it ends by itself, and the exit code.
    pub end: Option<(SimDuration, i32)>,
    /// From its start until it becomes unhealthy.
    pub unhealthy: Option<SimDuration>,
}

impl LifeDraws {
    /// The draws of the workload called `name` (namespace included).
    #[must_use]
    pub fn new(draws: &Draws, name: &str) -> Self {
        Self {
            startup: draws.of(Purpose::Startup, name),
            run: draws.of(Purpose::RunTime, name),
            crash: draws.of(Purpose::Crash, name),
            exit: draws.of(Purpose::ExitCode, name),
        }
    }

    /// What run `of` of a process with this behaviour does.
    #[must_use]
    pub fn life(&self, behavior: &Behavior, of: RunOf) -> Life {
        let (ordinal, incarnation) = (u64::from(of.ordinal), u64::from(of.container) << 32 | u64::from(of.restart));
        let startup = seconds(behavior.startup.sample(&mut self.startup.at(ordinal, incarnation, 0)));
        let natural = match &behavior.run {
            RunTime::Forever => None,
            RunTime::Drawn(run) => Some(seconds(run.sample(&mut self.run.at(ordinal, incarnation, 0)))),
            RunTime::Sweep { min, span, stride } => {
                let step = u64::from(*stride) * ordinal % u64::from((*span).max(1));
                Some(SimDuration::from_secs(i64::from(*min) + step.cast_signed()))
            }
            RunTime::Trace => of.traced,
        };
        let end = natural.map(|run| startup + run);
        let unhealthy = behavior
            .unhealthy
            .as_ref()
            .map(|unhealthy| startup + seconds(unhealthy.after.sample(&mut self.startup.at(ordinal, incarnation, 1))));
        let crash = behavior.crash.as_ref().map(|crash| {
            let after = seconds(crash.after.sample(&mut self.crash.at(ordinal, incarnation, 0)));
            (startup + after, pick(&crash.exit_codes, 1, &self.exit, ordinal, incarnation, 1))
        });
        let end = match (end, crash) {
            (Some(end), Some((crash, _))) if end <= crash => Some(end),
            (Some(end), None) => Some(end),
            (_, Some(crash)) => return Life { startup, end: Some(crash), unhealthy },
            (None, None) => None,
        };
        let first = behavior.first_exit_codes.get(of.restart as usize).copied();
        let code = || first.unwrap_or_else(|| pick(&behavior.exit_codes, 0, &self.exit, ordinal, incarnation, 0));
        Life { startup, end: end.map(|end| (end, code())), unhealthy }
    }

    /// How long a hook of run `of` takes.
    #[must_use]
    pub fn hook(&self, run: &HookRun, of: RunOf, k: HookDraw) -> SimDuration {
        let incarnation = u64::from(of.container) << 32 | u64::from(of.restart);
        seconds(run.takes.sample(&mut self.startup.at(u64::from(of.ordinal), incarnation, k as u64)))
    }
}

fn seconds(value: f64) -> SimDuration {
    SimDuration::from_secs_f64(value.max(0.0))
}

/// One of `codes` by weight, or `default` when there is none.
fn pick(codes: &[(i32, u32)], default: i32, draw: &Draw, ordinal: u64, incarnation: u64, k: u64) -> i32 {
    let total: u64 = codes.iter().map(|&(_, weight)| u64::from(weight)).sum();
    if total == 0 {
        return default;
    }
    let mut left = draw.at(ordinal, incarnation, k).below(total);
    for &(code, weight) in codes {
        match left.checked_sub(u64::from(weight)) {
            Some(rest) => left = rest,
            None => return code,
        }
    }
    default
}

/// Use of a resource at an age, evaluated where something changes, never polled.
pub trait UsageAt {
    /// The amount at `age_seconds` of a process that serves `rate` requests per second.
    fn at(&self, age_seconds: f64, rate: f64) -> f64;
    /// Whether it stays as it is from this age on, at the same rate.
    fn is_steady(&self, age_seconds: f64) -> bool;
    /// The first age at or after `age_seconds` at which the amount exceeds `limit`; `None`: never at this rate.
    fn exceeds_at(&self, limit: f64, age_seconds: f64, rate: f64) -> Option<f64>;
}

impl UsageAt for Usage {
    fn at(&self, age_seconds: f64, rate: f64) -> f64 {
        let ramped = if self.ramp_seconds > 0.0 { (age_seconds / self.ramp_seconds).min(1.0) } else { 1.0 };
        self.base + self.ramp * ramped + self.leak_per_second * age_seconds + self.per_request * rate
    }

    fn is_steady(&self, age_seconds: f64) -> bool {
        self.leak_per_second == 0.0 && (self.ramp == 0.0 || age_seconds >= self.ramp_seconds)
    }

    fn exceeds_at(&self, limit: f64, age_seconds: f64, rate: f64) -> Option<f64> {
        if self.at(age_seconds, rate) > limit {
            return Some(age_seconds);
        }
        // Two straight pieces: while the ramp lasts, and after it.
        let crossing = |from: f64, slope: f64| (slope > 0.0).then(|| from + (limit - self.at(from, rate)) / slope);
        if age_seconds < self.ramp_seconds {
            let slope = self.ramp / self.ramp_seconds + self.leak_per_second;
            if let Some(at) = crossing(age_seconds, slope)
                && at < self.ramp_seconds
            {
                return Some(at);
            }
        }
        let from = age_seconds.max(self.ramp_seconds);
        if self.at(from, rate) > limit { Some(from) } else { crossing(from, self.leak_per_second) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Distribution;
    use crate::model::Crash;

    fn of(ordinal: u32, restart: u32) -> RunOf {
        RunOf { ordinal, container: 0, restart, traced: None }
    }

    #[test]
    fn a_life_depends_on_who_it_is_only() {
        let draws = LifeDraws::new(&Draws::new(3), "default/web");
        let behavior = Behavior {
            startup: Distribution::Uniform { min: 1.0, max: 2.0 },
            crash: Some(Crash { after: Distribution::Exponential { mean: 3600.0 }, exit_codes: [(2, 1)].into() }),
            ..Behavior::default()
        };
        let life = draws.life(&behavior, of(4, 0));
        assert_eq!(life, draws.life(&behavior, of(4, 0)));
        assert_ne!(life, draws.life(&behavior, of(4, 1)));
        assert_ne!(life, draws.life(&behavior, of(5, 0)));
        assert_eq!(life.end.map(|(_, code)| code), Some(2));
        assert!((1.0..2.0).contains(&life.startup.as_secs_f64()));
    }

    #[test]
    fn run_times_end_before_crashes_that_come_later() {
        let draws = LifeDraws::new(&Draws::new(3), "default/job");
        let crash = |after| Some(Crash { after: Distribution::Constant(after), exit_codes: Box::default() });
        let job = |after| Behavior {
            run: RunTime::Sweep { min: 600, span: 1201, stride: 7919 },
            crash: crash(after),
            ..Behavior::default()
        };
        let secs = SimDuration::from_secs;
        assert_eq!(draws.life(&job(1e6), of(0, 0)).end, Some((secs(600), 0)));
        assert_eq!(draws.life(&job(1e6), of(1, 0)).end, Some((secs(600 + 7919 % 1201), 0)));
        assert_eq!(draws.life(&job(10.0), of(1, 0)).end, Some((secs(10), 1)));
        let traced = RunOf { traced: Some(secs(7)), ..of(0, 0) };
        assert_eq!(
            draws.life(&Behavior { run: RunTime::Trace, ..Behavior::default() }, traced).end,
            Some((secs(7), 0))
        );
    }

    #[test]
    fn limits_are_crossed_where_the_curve_says() {
        let usage = Usage { base: 100.0, ramp: 50.0, ramp_seconds: 10.0, leak_per_second: 1.0, per_request: 2.0 };
        assert!((usage.at(5.0, 10.0) - 150.0).abs() < 1e-9);
        assert_eq!(usage.exceeds_at(90.0, 0.0, 0.0), Some(0.0));
        assert!((usage.exceeds_at(130.0, 0.0, 0.0).unwrap() - 5.0).abs() < 1e-9);
        assert!((usage.exceeds_at(260.0, 0.0, 0.0).unwrap() - 110.0).abs() < 1e-9);
        assert_eq!(Usage { base: 5.0, ..Usage::default() }.exceeds_at(6.0, 0.0, 0.0), None);
        assert!(!usage.is_steady(1e9) && Usage { leak_per_second: 0.0, ..usage }.is_steady(10.0));
        assert!(!Usage { leak_per_second: 0.0, ..usage }.is_steady(9.9));
        let step = Usage { ramp: 5.0, ..Usage::default() };
        assert_eq!(step.exceeds_at(4.0, 0.0, 0.0), Some(0.0));
    }
}
