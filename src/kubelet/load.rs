//! Amounts that many processes use together, over time: straight pieces with kinks, added up and asked when they exceed
//! a level. Pure.

use crate::base::{SimDuration, SimTime};
use crate::model::{Behavior, Limits, Usage};

/// A sum of straight pieces from now on.
#[derive(Clone, Debug)]
pub struct Load {
    now: SimTime,
    value: f64,
    slope: f64,
    /// When the slope changes, and by how much.
    kinks: Vec<(SimTime, f64)>,
}

impl Load {
    /// Nothing.
    #[must_use]
    pub const fn new(now: SimTime) -> Self {
        Self { now, value: 0.0, slope: 0.0, kinks: Vec::new() }
    }

    /// The amount now.
    #[must_use]
    pub const fn value(&self) -> f64 {
        self.value
    }

    /// Adds a process that runs since `since` and uses `value` now.
    pub fn add(&mut self, value: f64, usage: &Usage, since: SimTime) {
        self.value += value;
        self.slope += usage.leak_per_second;
        let ramped = since + SimDuration::from_secs_f64(usage.ramp_seconds);
        if usage.ramp_seconds > 0.0 && usage.ramp != 0.0 && ramped > self.now {
            let slope = usage.ramp / usage.ramp_seconds;
            self.slope += slope;
            self.kinks.push((ramped, -slope));
        }
    }

    /// Adds something that grows by `slope` a second, until it is full.
    pub fn add_line(&mut self, value: f64, slope: f64, full: Option<SimTime>) {
        self.value += value;
        if slope != 0.0 && full.is_none_or(|full| full > self.now) {
            self.slope += slope;
            if let Some(full) = full {
                self.kinks.push((full, -slope));
            }
        }
    }

    /// When the amount is first more than `level`; `None`: never, as far as can be seen.
    #[must_use]
    pub fn exceeds_at(&self, level: f64) -> Option<SimTime> {
        let mut kinks = self.kinks.clone();
        kinks.sort_unstable_by_key(|&(at, _)| at);
        let (mut at, mut value, mut slope) = (self.now, self.value, self.slope);
        let mut next = kinks.into_iter().peekable();
        loop {
            if value > level {
                return Some(at);
            }
            let end = next.peek().map(|&(end, _)| end);
            // At the level it is not exceeded yet: the first instant after it counts.
            let crossing = (slope > 0.0)
                .then(|| (level - value) / slope)
                .filter(|seconds| *seconds < LONG)
                .map(|seconds| at + SimDuration::from_secs_f64(seconds) + SimDuration(1));
            match (crossing, end) {
                (Some(crossing), end) if end.is_none_or(|end| crossing <= end) => return Some(crossing),
                (_, None) => return None,
                (_, Some(end)) => {
                    value += slope * (end - at).as_secs_f64();
                    at = end;
                    while let Some((_, change)) = next.next_if(|&(other, _)| other == end) {
                        slope += change;
                    }
                }
            }
        }
    }
}

/// Ten years in seconds: what comes later is never.
const LONG: f64 = 10.0 * 365.0 * 86_400.0;

/// What the processes on a machine can use at most. As long as that is little nobody needs to look closer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ceiling {
    /// Bytes of memory of those with a bound.
    pub memory: i64,
    /// How many have none.
    pub boundless_memory: u32,
    /// Milli-cores of those with a bound.
    pub milli_cpu: i64,
    /// How many have none.
    pub boundless_cpu: u32,
    /// How many may ask for more CPU time than their limits.
    pub throttled: u32,
    /// How many write files.
    pub writers: u32,
    /// Process ids.
    pub processes: u32,
}

impl Ceiling {
    /// Of one process.
    #[must_use]
    pub fn of(behavior: &Behavior, limits: &Limits) -> Self {
        let memory = bound(&behavior.memory, limits.memory);
        let cpu = bound(&behavior.cpu, limits.milli_cpu);
        Self {
            memory: memory.unwrap_or(0),
            boundless_memory: u32::from(memory.is_none()),
            milli_cpu: cpu.unwrap_or(0),
            boundless_cpu: u32::from(cpu.is_none()),
            throttled: u32::from(limits.milli_cpu.is_some_and(|limit| asks_for_more(&behavior.cpu, limit))),
            writers: u32::from(!behavior.writes.is_empty()),
            processes: behavior.processes,
        }
    }

    /// One more process.
    pub fn add(&mut self, other: Self) {
        self.memory = self.memory.saturating_add(other.memory);
        self.milli_cpu = self.milli_cpu.saturating_add(other.milli_cpu);
        self.boundless_memory += other.boundless_memory;
        self.boundless_cpu += other.boundless_cpu;
        self.throttled += other.throttled;
        self.writers += other.writers;
        self.processes += other.processes;
    }

    /// One process less.
    pub fn sub(&mut self, other: Self) {
        self.memory = self.memory.saturating_sub(other.memory);
        self.milli_cpu = self.milli_cpu.saturating_sub(other.milli_cpu);
        self.boundless_memory -= other.boundless_memory;
        self.boundless_cpu -= other.boundless_cpu;
        self.throttled -= other.throttled;
        self.writers -= other.writers;
        self.processes -= other.processes;
    }
}

/// Whether a process would use more than its limit. What requests cost does not count: no more are served than fit.
#[allow(clippy::cast_precision_loss)]
fn asks_for_more(usage: &Usage, limit: i64) -> bool {
    usage.leak_per_second > 0.0 || usage.base + usage.ramp.max(0.0) > limit as f64
}

/// The most that a process with this use and limit ever has.
#[allow(clippy::cast_possible_truncation)]
fn bound(usage: &Usage, limit: Option<i64>) -> Option<i64> {
    let grows = usage.leak_per_second > 0.0 || usage.per_request > 0.0;
    let own = (!grows).then(|| (usage.base + usage.ramp.max(0.0)).ceil() as i64);
    match (own, limit) {
        (Some(own), Some(limit)) => Some(own.min(limit)),
        (own, limit) => own.or(limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_exceeds_its_level_where_its_pieces_say() {
        let start = SimTime(0);
        let at = |seconds: f64| start + SimDuration::from_secs_f64(seconds);
        let mut load = Load::new(start);
        // 100 + 10/s for 10 s, and 50 + 1/s for ever, and 5/s that is full after 4 s.
        load.add(100.0, &Usage { base: 100.0, ramp: 100.0, ramp_seconds: 10.0, ..Usage::default() }, start);
        load.add(50.0, &Usage { base: 50.0, leak_per_second: 1.0, ..Usage::default() }, start);
        load.add_line(0.0, 5.0, Some(at(4.0)));
        assert!((load.value() - 150.0).abs() < 1e-9);
        let close = |level, want: f64| {
            let found = load.exceeds_at(level).expect("it grows for ever");
            assert!((found - at(want)).0.abs() < 10, "{level}: {found:?}");
        };
        close(149.0, 0.0);
        close(182.0, 2.0); // 16 a second
        close(225.0, 5.0); // 214 after 4 s, then 11 a second
        close(290.0, 20.0); // 280 after 10 s, then 1 a second
    }

    #[test]
    fn limits_bound_what_grows() {
        let behavior = Behavior {
            memory: Usage { base: 10.0, leak_per_second: 1.0, ..Usage::default() },
            cpu: Usage { base: 100.0, ramp: 50.0, ..Usage::default() },
            ..Behavior::default()
        };
        let limits = Limits { memory: Some(500), milli_cpu: Some(1000), ephemeral_storage: None };
        let mut sum = Ceiling::of(&behavior, &limits);
        assert_eq!((sum.memory, sum.boundless_memory, sum.milli_cpu), (500, 0, 150));
        let other = Ceiling::of(&behavior, &Limits::default());
        sum.add(other);
        assert_eq!((sum.memory, sum.boundless_memory), (500, 1));
        sum.sub(other);
        assert_eq!(sum, Ceiling::of(&behavior, &limits));
    }
}
