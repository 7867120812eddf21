//! Values that a study gives to keys of a scenario: as `--set` does, but with their places in the study's file, so that what is
//! wrong with them is shown there. Also says in which unit a key's values are numbers.

use std::sync::Arc;

use super::spec::{Kind, ROOT, Section, behavior};
use super::units;
use crate::base::SimDuration;
use crate::diag::Source;

/// `key = value` of a study.
#[derive(Clone, PartialEq, Debug)]
pub struct Setting {
    /// The dotted key: `node_pool.0.count`.
    pub key: Arc<str>,
    /// The value, as it would stand after `=`.
    pub value: String,
    /// Where both are written.
    pub place: Place,
}

/// Where a setting is written.
#[derive(Clone, PartialEq, Debug)]
pub struct Place {
    /// The study.
    pub source: Arc<Source>,
    /// First byte of the key and one past its last.
    pub key: (usize, usize),
    /// The same of the value, or of what it was drawn from.
    pub value: (usize, usize),
}

/// The unit in which the values of a key are numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// None: counts and shares.
    One,
    /// Durations.
    Seconds,
    /// CPU.
    Cores,
    /// Memory and files.
    Bytes,
    /// Rates.
    PerSecond,
    /// Rates of bytes.
    BytesPerSecond,
}

impl Unit {
    /// The unit of a key of scenarios.
    #[must_use]
    pub fn of_key(key: &str) -> Self {
        kind(key).map_or(Self::One, Self::of_kind)
    }

    fn of_kind(kind: Kind) -> Self {
        match kind {
            Kind::Duration | Kind::Distribution => Self::Seconds,
            Kind::Cpu => Self::Cores,
            Kind::Bytes => Self::Bytes,
            Kind::Rate => Self::PerSecond,
            Kind::ByteRate => Self::BytesPerSecond,
            Kind::List(inner) | Kind::OneOrMany(inner) => Self::of_kind(*inner),
            Kind::Either(kinds) => {
                kinds.iter().map(|kind| Self::of_kind(*kind)).find(|unit| *unit != Self::One).unwrap_or(Self::One)
            }
            _ => Self::One,
        }
    }

    /// What is added to the names of columns: `_seconds`.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::One => "",
            Self::Seconds => "_seconds",
            Self::Cores => "_cores",
            Self::Bytes => "_bytes",
            Self::PerSecond => "_per_second",
            Self::BytesPerSecond => "_bytes_per_second",
        }
    }

    /// The number that a text of this unit stands for.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "amounts of a scenario")]
    pub fn number(self, text: &str) -> Option<f64> {
        match self {
            Self::One => None,
            Self::Seconds => SimDuration::parse(text).ok().map(SimDuration::as_secs_f64),
            Self::Cores => units::cpu(text).ok().map(|milli| milli as f64 / 1000.0),
            Self::Bytes => units::bytes(text).ok().map(|bytes| bytes as f64),
            Self::PerSecond => units::rate(text).ok(),
            Self::BytesPerSecond => units::byte_rate(text).ok(),
        }
    }

    /// A text of this unit for a number, to the precision with which scenarios are read.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "amounts of a scenario")]
    pub fn text(self, number: f64) -> String {
        match self {
            Self::One => number.to_string(),
            Self::Seconds => format!("{}ms", (number * 1000.0).round() as i64),
            Self::Cores => format!("{}m", (number * 1000.0).round() as i64),
            Self::Bytes => format!("{}", number.round() as i64),
            Self::PerSecond => format!("{number}/s"),
            Self::BytesPerSecond => format!("{}/s", number.round() as i64),
        }
    }
}

/// What the value of a dotted key of scenarios is.
fn kind(key: &str) -> Option<Kind> {
    let mut at = Kind::Table(&ROOT);
    for part in key.split('.') {
        at = below(at, part)?;
    }
    Some(at)
}

fn below(kind: Kind, part: &str) -> Option<Kind> {
    let index = part.bytes().all(|b| b.is_ascii_digit());
    let of = |section: &'static Section| section.key(part).map(|key| key.kind);
    match kind {
        Kind::Table(section) => of(section),
        Kind::Tables(section) if index => Some(Kind::Table(section)),
        Kind::Tables(section) => of(section),
        Kind::List(inner) | Kind::OneOrMany(inner) if index => Some(*inner),
        Kind::OneOrMany(inner) => below(*inner, part),
        Kind::Map(inner) => Some(*inner),
        Kind::Distribution => behavior::DISTRIBUTION.key(part).map(|key| key.kind),
        Kind::Either(kinds) => kinds.iter().find_map(|kind| below(*kind, part)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_know_their_units() {
        for (key, unit) in [
            ("node_pool.0.count", Unit::One),
            ("node_pool.0.capacity.cpu", Unit::Cores),
            ("node_pool.0.capacity.memory", Unit::Bytes),
            ("scenario.duration", Unit::Seconds),
            ("control_plane.scheduler.max_backoff", Unit::Seconds),
            ("control_plane.scheduler.config", Unit::One),
            ("no.such.key", Unit::One),
        ] {
            assert_eq!(Unit::of_key(key), unit, "{key}");
        }
        for (unit, text, number) in [
            (Unit::Seconds, "1h30m", 5400.0),
            (Unit::Cores, "1500m", 1.5),
            (Unit::Bytes, "2Ki", 2048.0),
            (Unit::PerSecond, "120/m", 2.0),
        ] {
            assert_eq!(unit.number(text), Some(number), "{text}");
            assert_eq!(unit.number(&unit.text(number)), Some(number), "{text}");
        }
    }
}
