//! One line that says how far a run is: on a terminal rewritten ten times a second, elsewhere a plain line every ten
//! seconds. The only user of the wall clock beside the total at the end.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::base::{SimDuration, SimTime};

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tick {
    /// The simulated clock.
    pub now: SimTime,
    /// Events so far.
    pub events: u64,
    /// Pods that wait for a node.
    pub unscheduled: u32,
}

/// Shows ticks.
pub(super) struct Progress {
    shown: bool,
    on_terminal: bool,
    started: Instant,
    next: Instant,
    start: SimTime,
    duration: SimDuration,
    line_open: bool,
}

impl Progress {
    pub fn new(shown: bool, start: SimTime, duration: SimDuration) -> Self {
        let on_terminal = io::stderr().is_terminal();
        let now = Instant::now();
        // A run that is over at once needs no line; an automatic build wants none at all.
        let shown = shown && (on_terminal || std::env::var_os("CI").is_none());
        let wait = if on_terminal { Duration::from_millis(200) } else { Duration::from_secs(10) };
        Self { shown, on_terminal, started: now, next: now + wait, start, duration, line_open: false }
    }

    /// Shows a tick if it is time.
    pub fn tick(&mut self, tick: Tick) {
        if !self.shown {
            return;
        }
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + if self.on_terminal { Duration::from_millis(100) } else { Duration::from_secs(10) };
        let since = tick.now.since(self.start);
        let share = 100.0 * since.as_secs_f64() / self.duration.as_secs_f64().max(1e-9);
        let seconds = self.started.elapsed().as_secs_f64();
        let text = format!(
            "{share:3.0} %  {} of {}  {}  {} events/s  {} pods waiting",
            since.human(),
            self.duration.human(),
            tick.now.rfc3339(),
            rate(tick.events, seconds),
            tick.unscheduled,
        );
        let mut out = io::stderr().lock();
        let _ = if self.on_terminal { write!(out, "\r\x1b[2K{text}") } else { writeln!(out, "{text}") };
        let _ = out.flush();
        self.line_open = self.on_terminal;
    }

    /// Removes the line; says how long it took.
    pub fn finish(&mut self) -> Duration {
        if self.line_open {
            let _ = write!(io::stderr().lock(), "\r\x1b[2K");
            self.line_open = false;
        }
        self.started.elapsed()
    }
}

/// Events per second, for people.
pub(super) fn rate(events: u64, seconds: f64) -> String {
    #[allow(clippy::cast_precision_loss)]
    let rate = events as f64 / seconds.max(1e-9);
    match rate {
        rate if rate >= 1e6 => format!("{:.1}M", rate / 1e6),
        rate if rate >= 1e3 => format!("{:.0}k", rate / 1e3),
        rate => format!("{rate:.0}"),
    }
}
