//! Axes: where times and values lie, and which of them are worth a label.

use jiff::tz::Offset;

use super::font;
use super::scene::{Anchor, Scene};
use super::theme::{AXIS, GRID, LABEL};
use crate::base::{SimDuration, SimTime};

/// Steps between labels, in seconds.
const STEPS: [i64; 26] = [
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    10_800,
    21_600,
    43_200,
    86_400,
    172_800,
    604_800,
    1_209_600,
    2_592_000,
    5_184_000,
    15_552_000,
    31_536_000,
    315_360_000,
];

/// Simulated time from left to right.
#[derive(Clone, Debug)]
pub(super) struct TimeAxis {
    pub start: SimTime,
    pub end: SimTime,
    pub left: f64,
    pub right: f64,
    /// Where there is a grid line, and its label.
    ticks: Vec<(f64, String)>,
    /// What the labels are.
    pub caption: String,
}

impl TimeAxis {
    pub(super) fn new(start: SimTime, end: SimTime, left: f64, right: f64) -> Self {
        // A chart of no time at all still has a width.
        let end = end.max(start + SimDuration::from_secs(1));
        let mut axis = Self { start, end, left, right, ticks: Vec::new(), caption: String::new() };
        // A run that begins at the epoch has no calendar: traces begin at zero.
        let clock = start.0 >= SimDuration::from_secs(86_400 * 365).0;
        let span = (end - start).whole_secs().max(1);
        let step = STEPS.into_iter().find(|step| span / step <= 10).unwrap_or(315_360_000);
        let origin = if clock { SimTime(0) } else { start };
        let mut at = start.ceil_to_grid(origin, SimDuration::from_secs(step));
        while at <= end {
            let label = if clock { clock_label(at, step) } else { elapsed_label(at - start, step) };
            axis.ticks.push((axis.x(at), label));
            at += SimDuration::from_secs(step);
        }
        axis.caption = if !clock {
            "time since the start".to_owned()
        } else if step < 86_400 && (end - start).whole_secs() <= 172_800 {
            format!("UTC, from {}", day(start, true))
        } else {
            "UTC".to_owned()
        };
        axis
    }

    /// Where `at` lies.
    pub(super) fn x(&self, at: SimTime) -> f64 {
        let share = (at - self.start).as_secs_f64() / (self.end - self.start).as_secs_f64();
        self.left + share.clamp(0.0, 1.0) * (self.right - self.left)
    }

    /// Vertical grid lines.
    pub(super) fn grid(&self, scene: &mut Scene, top: f64, bottom: f64) {
        for (x, _) in &self.ticks {
            scene.rect(crisp(*x) - 0.5, top, 1.0, bottom - top, GRID);
        }
    }

    /// The line below a panel with its labels.
    pub(super) fn labels(&self, scene: &mut Scene, bottom: f64) {
        scene.rect(self.left, bottom - 0.5, self.right - self.left, 1.0, AXIS);
        let mut free = f64::NEG_INFINITY;
        for (x, label) in &self.ticks {
            let half = font::width(label, LABEL.size, LABEL.weight) / 2.0;
            if x - half < free {
                continue;
            }
            free = x + half + 6.0;
            scene.rect(crisp(*x) - 0.5, bottom, 1.0, 4.0, AXIS);
            scene.text(label, *x, bottom + 17.0, LABEL.anchor(Anchor::Middle));
        }
    }
}

fn civil(at: SimTime) -> Option<jiff::civil::DateTime> {
    Some(Offset::UTC.to_datetime(jiff::Timestamp::from_second(at.floor_seconds().0 / 1_000_000_000).ok()?))
}

/// `2 Mar`, with the year if asked.
fn day(at: SimTime, year: bool) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    civil(at).map_or_else(String::new, |c| {
        let month = MONTHS[usize::try_from(c.month() - 1).unwrap_or(0) % 12];
        if year { format!("{} {month} {}", c.day(), c.year()) } else { format!("{} {month}", c.day()) }
    })
}

fn clock_label(at: SimTime, step: i64) -> String {
    let Some(c) = civil(at) else { return String::new() };
    match step {
        s if s >= 86_400 || (c.hour(), c.minute(), c.second()) == (0, 0, 0) => day(at, false),
        s if s >= 60 => format!("{:02}:{:02}", c.hour(), c.minute()),
        _ => format!("{:02}:{:02}:{:02}", c.hour(), c.minute(), c.second()),
    }
}

fn elapsed_label(since: SimDuration, step: i64) -> String {
    let seconds = since.whole_secs();
    match step {
        s if s >= 86_400 => format!("{} d", seconds / 86_400),
        s if s >= 3600 => format!("{} h", seconds / 3600),
        s if s >= 60 => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

/// Values from bottom to top, starting at zero.
#[derive(Clone, Copy, Debug)]
pub(super) struct ValueAxis {
    pub top: f64,
    pub bottom: f64,
    pub max: f64,
    step: f64,
}

impl ValueAxis {
    /// An axis on which `greatest` fits, with round labels. `whole` values have no fractions between them.
    pub(super) fn new(greatest: f64, whole: bool, top: f64, bottom: f64) -> Self {
        let greatest = if greatest.is_finite() && greatest > 0.0 { greatest } else { 1.0 };
        let wanted = ((bottom - top) / 42.0).clamp(2.0, 6.0);
        let mut power = 1.0;
        while power * 10.0 <= greatest / wanted {
            power *= 10.0;
        }
        while power > greatest / wanted {
            power /= 10.0;
        }
        let round = [1.0, 2.0, 2.5, 5.0, 10.0].map(|m| m * power);
        let fits = |step: &f64| greatest / step <= wanted && (!whole || (*step >= 1.0 && step.fract() == 0.0));
        let step = round.into_iter().find(fits).unwrap_or(if whole { 1.0 } else { 10.0 * power });
        // A little air, so that a line at the greatest value is not the frame.
        Self { top, bottom, max: (greatest * 1.04 / step).ceil().max(1.0) * step, step }
    }

    /// An axis from 0 to 100 %.
    pub(super) fn percent(greatest: f64, top: f64, bottom: f64) -> Self {
        if greatest > 100.0 {
            return Self::new(greatest, true, top, bottom);
        }
        Self { top, bottom, max: 100.0, step: 25.0 }
    }

    /// Where `value` lies.
    pub(super) fn y(&self, value: f64) -> f64 {
        self.bottom - (value / self.max).clamp(0.0, 1.0) * (self.bottom - self.top)
    }

    /// Values worth a label, from zero, with their labels.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let mut ticks = Vec::new();
        let mut value = 0.0;
        while value <= self.max * 1.0001 {
            ticks.push((value, number(value, self.step)));
            value += self.step;
        }
        ticks
    }

    /// Horizontal grid lines with labels to their left; `unit` follows the topmost.
    pub(super) fn draw(&self, scene: &mut Scene, left: f64, right: f64, suffix: &str) {
        for (value, label) in self.ticks() {
            let y = crisp(self.y(value));
            if value > 0.0 {
                scene.rect(left, y - 0.5, right - left, 1.0, GRID);
            }
            scene.text(format!("{label}{suffix}"), left - 8.0, y + 4.2, LABEL.anchor(Anchor::End));
        }
    }
}

/// A number as precise as the steps between its neighbours.
pub(super) fn number(value: f64, step: f64) -> String {
    let (value, step, suffix) = match value.abs().max(step) {
        m if m >= 1e6 && step >= 1e5 => (value / 1e6, step / 1e6, "M"),
        m if m >= 1e4 && step >= 1e2 => (value / 1e3, step / 1e3, "k"),
        _ => (value, step, ""),
    };
    let mut decimals = 0;
    let mut unit = step;
    while decimals < 6 && (unit - unit.round()).abs() > 1e-6 {
        unit *= 10.0;
        decimals += 1;
    }
    if value == 0.0 { "0".to_owned() } else { format!("{value:.decimals$}{suffix}") }
}

/// A number in prose: three digits are enough.
pub(super) fn brief(value: f64) -> String {
    match value.abs() {
        v if v >= 1e6 => format!("{:.1}M", value / 1e6),
        v if v >= 1e4 => format!("{:.0}k", value / 1e3),
        v if v >= 100.0 => format!("{value:.0}"),
        v if (v - v.round()).abs() < 1e-9 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 0.01 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// The nearest half pixel, where thin lines are sharp.
pub(super) fn crisp(v: f64) -> f64 {
    (v * 2.0).round() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_get_round_labels_and_a_little_air() {
        for (greatest, whole, max, step) in
            [(40.0, false, 50.0, 10.0), (3.0, true, 4.0, 1.0), (1.0, true, 2.0, 1.0), (0.07, false, 0.08, 0.02)]
        {
            let axis = ValueAxis::new(greatest, whole, 0.0, 200.0);
            assert!((axis.max - max).abs() < 1e-9 && (axis.step - step).abs() < 1e-9, "{greatest}: {axis:?}");
        }
        assert_eq!(number(2.5, 2.5), "2.5");
        assert_eq!(number(20_000.0, 5000.0), "20k");
        assert_eq!(number(0.1 + 0.2, 0.1), "0.3");
    }

    #[test]
    fn times_are_clock_times_when_there_is_a_calendar() {
        let start = SimTime(1_772_431_200_000_000_000); // 2026-03-02T06:00:00Z
        let axis = TimeAxis::new(start, start + SimDuration::from_secs(86_400), 0.0, 240.0);
        let labels: Vec<_> = axis.ticks.iter().map(|(x, label)| (x.round(), label.as_str())).collect();
        assert_eq!(labels[..3], [(0.0, "06:00"), (30.0, "09:00"), (60.0, "12:00")]);
        assert_eq!(labels[6], (180.0, "3 Mar"));
        assert_eq!(axis.caption, "UTC, from 2 Mar 2026");
        let axis = TimeAxis::new(SimTime(0), SimTime(7200 * 1_000_000_000), 0.0, 100.0);
        assert_eq!(axis.ticks[1].1, "15 min");
    }
}
