//! Simulated instants and durations: integer nanoseconds, never floats, never the wall clock.

use std::fmt;
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

/// Nanoseconds in one second.
pub const NANOS_PER_SEC: i64 = 1_000_000_000;

/// An instant: nanoseconds since the Unix epoch (dumps hold times before a simulation's start).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct SimTime(pub i64);

/// A span of simulated time in nanoseconds; may be negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SimDuration(pub i64);

impl SimTime {
    /// Later than any instant a run can reach: "never".
    pub const NEVER: Self = Self(i64::MAX);

    /// Cut to whole seconds, as the times the Kubernetes API shows are.
    #[must_use]
    pub const fn floor_seconds(self) -> Self {
        Self(self.0.div_euclid(NANOS_PER_SEC) * NANOS_PER_SEC)
    }

    /// The first instant at or after `self` on the grid `phase + k * period`.
    ///
    /// # Panics
    /// If `period` is not positive.
    #[must_use]
    pub const fn ceil_to_grid(self, phase: Self, period: SimDuration) -> Self {
        assert!(period.0 > 0, "a grid needs a positive period");
        let offset = self.0 - phase.0;
        let steps = -((-offset).div_euclid(period.0));
        Self(phase.0 + steps * period.0)
    }

    /// The time since `earlier`.
    #[must_use]
    pub const fn since(self, earlier: Self) -> SimDuration {
        SimDuration(self.0.saturating_sub(earlier.0))
    }

    /// RFC 3339 in UTC, cut to whole seconds (`2026-03-02T06:30:00Z`), as the Kubernetes API prints times.
    #[must_use]
    pub fn rfc3339(self) -> String {
        jiff::Timestamp::from_second(self.0.div_euclid(NANOS_PER_SEC))
            .map_or_else(|_| format!("{}s", self.0 / NANOS_PER_SEC), |t| t.to_string())
    }

    /// A time as the Kubernetes API prints it (`2026-03-02T06:30:00Z`); fractions and other offsets are read as well.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let at: jiff::Timestamp = text.parse().ok()?;
        i64::try_from(at.as_nanosecond()).ok().map(Self)
    }

    /// RFC 1123 with a numeric zone, in UTC (`Mon, 02 Mar 2026 06:30:00 +0000`).
    #[must_use]
    pub fn rfc1123(self) -> String {
        jiff::Timestamp::from_second(self.0.div_euclid(NANOS_PER_SEC))
            .map_or_else(|_| self.rfc3339(), |at| at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string())
    }

    /// RFC 3339 in UTC with milliseconds (`2026-03-02T06:30:00.250Z`).
    #[must_use]
    pub fn rfc3339_millis(self) -> String {
        let floor = self.floor_seconds();
        let text = floor.rfc3339();
        let millis = (self.0 - floor.0) / 1_000_000;
        format!("{}.{millis:03}Z", text.trim_end_matches('Z'))
    }
}

impl SimDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than any run.
    pub const FOREVER: Self = Self(i64::MAX);

    /// Whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(NANOS_PER_SEC))
    }

    /// Whole milliseconds.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Seconds as a float, rounded to nanoseconds; not finite or out of range saturates.
    #[must_use]
    pub fn from_secs_f64(seconds: f64) -> Self {
        #[allow(clippy::cast_possible_truncation)]
        Self((seconds * 1e9) as i64)
    }

    /// As seconds, for reports only.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Whole seconds, truncated toward zero.
    #[must_use]
    pub const fn whole_secs(self) -> i64 {
        self.0 / NANOS_PER_SEC
    }

    /// Parses a duration with units, largest first: `90s`, `1h30m`, `250ms`, `1.5h`, `2d`.
    /// A bare number other than `0` is refused, since its unit would be a guess.
    ///
    /// # Errors
    /// A text that says what is wrong with `text`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (negative, body) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if body == "0" {
            return Ok(Self::ZERO);
        }
        if body.is_empty() {
            return Err("an empty text is not a duration".to_owned());
        }
        let mut total: i128 = 0;
        let mut rest = body;
        while !rest.is_empty() {
            let number_len = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let (number, tail) = rest.split_at(number_len);
            let unit_len = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(unit_len);
            if number.is_empty() {
                return Err(format!("a number is missing before `{unit}`"));
            }
            let scale: i128 = match unit {
                "ns" => 1,
                "us" | "µs" => 1_000,
                "ms" => 1_000_000,
                "s" => 1_000_000_000,
                "m" => 60_000_000_000,
                "h" => 3_600_000_000_000,
                "d" => 86_400_000_000_000,
                "" => return Err("the unit is missing".to_owned()),
                other => return Err(format!("unknown unit `{other}`")),
            };
            total += decimal(number, scale).ok_or_else(|| format!("`{number}` is not a number"))?;
            rest = tail;
        }
        let signed = if negative { -total } else { total };
        i64::try_from(signed).map(Self).map_err(|_| "the duration is longer than 292 years".to_owned())
    }

    /// As the Go standard library prints durations (`1m20s`, `10s`, `1.5s`, `250ms`): the text upstream's messages hold.
    #[must_use]
    pub fn go_text(self) -> String {
        let nanos = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        if nanos == 0 {
            return "0s".to_owned();
        }
        if nanos < 1_000_000_000 {
            let (unit, scale) = match nanos {
                n if n >= 1_000_000 => ("ms", 1_000_000),
                n if n >= 1_000 => ("µs", 1_000),
                _ => ("ns", 1),
            };
            return format!("{sign}{}{unit}", fraction(nanos, scale));
        }
        let minutes = nanos / 60_000_000_000;
        let seconds = fraction(nanos % 60_000_000_000, 1_000_000_000);
        match (minutes / 60, minutes % 60) {
            (0, 0) => format!("{sign}{seconds}s"),
            (0, m) => format!("{sign}{m}m{seconds}s"),
            (h, m) => format!("{sign}{h}h{m}m{seconds}s"),
        }
    }

    /// As kubectl prints ages (`5s`, `3m20s`, `2h5m`, `3d4h`), see `duration.HumanDuration`, apimachinery v1.34.
    #[must_use]
    pub fn human(self) -> String {
        let seconds = self.whole_secs();
        if seconds < 0 {
            return "0s".to_owned();
        }
        let pair = |big: i64, small: i64, b: &str, s: &str| {
            if small == 0 { format!("{big}{b}") } else { format!("{big}{b}{small}{s}") }
        };
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
        match seconds {
            s if s < 120 => format!("{s}s"),
            s if minutes < 10 => pair(minutes, s % 60, "m", "s"),
            _ if minutes < 180 => format!("{minutes}m"),
            _ if hours < 8 => pair(hours, minutes % 60, "h", "m"),
            _ if hours < 48 => format!("{hours}h"),
            _ if hours < 192 => pair(days, hours % 24, "d", "h"),
            _ if days < 730 => format!("{days}d"),
            _ if days < 365 * 8 => pair(days / 365, days % 365, "y", "d"),
            _ => format!("{}y", days / 365),
        }
    }
}

fn decimal(number: &str, scale: i128) -> Option<i128> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && part.is_empty()) || whole.len() > 18 || part.len() > 18 {
        return None;
    }
    let digits = |t: &str| if t.is_empty() { Some(0) } else { t.parse::<i128>().ok() };
    let denominator = 10_i128.pow(u32::try_from(part.len()).ok()?);
    Some(digits(whole)? * scale + digits(part)? * scale / denominator)
}

fn fraction(value: u64, scale: u64) -> String {
    let (whole, part) = (value / scale, value % scale);
    if part == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    format!("{whole}.{}", format!("{part:0width$}").trim_end_matches('0'))
}

impl fmt::Display for SimDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.go_text())
    }
}

impl fmt::Debug for SimDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.go_text())
    }
}

impl fmt::Debug for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339_millis())
    }
}

impl Add<SimDuration> for SimTime {
    type Output = Self;
    fn add(self, span: SimDuration) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<SimDuration> for SimTime {
    fn add_assign(&mut self, span: SimDuration) {
        *self = *self + span;
    }
}

impl Sub<SimDuration> for SimTime {
    type Output = Self;
    fn sub(self, span: SimDuration) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Sub for SimTime {
    type Output = SimDuration;
    fn sub(self, earlier: Self) -> SimDuration {
        self.since(earlier)
    }
}

impl Add for SimDuration {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for SimDuration {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for SimDuration {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for SimDuration {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Mul<i64> for SimDuration {
    type Output = Self;
    fn mul(self, factor: i64) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

impl Neg for SimDuration {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_parse_with_units_and_refuse_guesses() {
        assert_eq!(SimDuration::parse("1h30m"), Ok(SimDuration::from_secs(5400)));
        assert_eq!(SimDuration::parse("250ms"), Ok(SimDuration::from_millis(250)));
        assert_eq!(SimDuration::parse("1.5h"), Ok(SimDuration::from_secs(5400)));
        assert_eq!(SimDuration::parse("0"), Ok(SimDuration::ZERO));
        assert_eq!(SimDuration::parse("-2s"), Ok(SimDuration::from_secs(-2)));
        for bad in ["", "5", "h", "5x", "1..2s", "5h3", "99999999999999999999s", "-"] {
            assert!(SimDuration::parse(bad).is_err(), "{bad} must be refused");
        }
    }

    #[test]
    fn go_text_is_what_upstream_messages_hold() {
        for (seconds, text) in [(10, "10s"), (80, "1m20s"), (160, "2m40s"), (300, "5m0s"), (3661, "1h1m1s")] {
            assert_eq!(SimDuration::from_secs(seconds).go_text(), text);
        }
        assert_eq!(SimDuration::from_millis(1500).go_text(), "1.5s");
        assert_eq!(SimDuration::from_millis(-250).go_text(), "-250ms");
        assert_eq!(SimDuration(1_500).go_text(), "1.5µs");
    }

    #[test]
    fn ages_read_like_kubectl() {
        for (seconds, text) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (200, "3m20s"),
            (600, "10m"),
            (3 * 3600, "3h"),
            (3 * 3600 + 300, "3h5m"),
            (86_400, "24h"),
            (49 * 3600, "2d1h"),
            (9 * 86_400, "9d"),
        ] {
            assert_eq!(SimDuration::from_secs(seconds).human(), text);
        }
    }

    #[test]
    fn the_grid_rounds_up_also_before_its_phase() {
        let (phase, period) = (SimTime(300), SimDuration(1000));
        for (at, want) in [(300, 300), (301, 1300), (1300, 1300), (0, 300), (-701, -700)] {
            assert_eq!(SimTime(at).ceil_to_grid(phase, period), SimTime(want));
        }
    }

    #[test]
    fn api_times_are_cut_to_seconds() {
        assert_eq!(SimTime(1_700_000_000_900_000_000).rfc3339(), "2023-11-14T22:13:20Z");
        assert_eq!(SimTime(1_700_000_000_250_000_000).rfc3339_millis(), "2023-11-14T22:13:20.250Z");
    }
}
