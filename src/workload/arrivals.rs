//! Pods that arrive over time, one ahead: a million arrivals cost no more memory than one.

use crate::base::{Draw, SimDuration, SimTime};
use crate::model::TemplateId;

/// The spacing of generated arrivals, with what it needs.
#[derive(Clone, Copy, Debug)]
pub enum Spacing<'a> {
    /// One every so often.
    Every(SimDuration),
    /// A Poisson process whose rate per second is constant between points (from when, rate).
    Poisson(&'a [(SimTime, f64)]),
}

/// One arrival.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// When.
    pub at: SimTime,
    /// The pod's number.
    pub ordinal: u32,
    /// What it is like.
    pub template: TemplateId,
}

/// A stream of generated arrivals.
#[derive(Clone, Copy, Debug)]
pub struct Arrivals<'a> {
    /// Spacing.
    pub spacing: Spacing<'a>,
    /// The first possible instant.
    pub from: SimTime,
    /// None arrives at or after this.
    pub until: SimTime,
    /// At most this many.
    pub count: Option<u32>,
    /// Templates.
    pub templates: &'a [TemplateId],
    /// Their weights; empty: in turn.
    pub weights: &'a [u32],
    /// The workload's arrival draws.
    pub draw: Draw,
}

impl Arrivals<'_> {
    /// Arrival number `ordinal`, given when the one before it came (`None` for the first).
    #[must_use]
    pub fn next(&self, ordinal: u32, previous: Option<SimTime>) -> Option<Arrival> {
        if self.count.is_some_and(|count| ordinal >= count) || self.templates.is_empty() {
            return None;
        }
        let at = match self.spacing {
            Spacing::Every(gap) => self.from + gap * i64::from(ordinal),
            Spacing::Poisson(rates) => {
                // Unit-rate exponential work is used up at the current rate, piece by piece: exact for steps.
                let mut work = -libm::log(1.0 - self.draw.unit(u64::from(ordinal), 0, 0));
                let mut at = previous.unwrap_or(self.from);
                loop {
                    let next = rates.partition_point(|&(from, _)| from <= at);
                    let rate = if next == 0 { 0.0 } else { rates[next - 1].1 };
                    let end = rates.get(next).map_or(SimTime::NEVER, |&(from, _)| from);
                    let room = (end - at).as_secs_f64() * rate;
                    if work <= room && rate > 0.0 {
                        break at + SimDuration::from_secs_f64(work / rate);
                    }
                    if end == SimTime::NEVER {
                        return None;
                    }
                    work -= room;
                    at = end;
                }
            }
        };
        let template = template(self.templates, self.weights, &self.draw, ordinal);
        (at < self.until).then_some(Arrival { at, ordinal, template })
    }
}

/// The template of arrival number `ordinal`: drawn by weight, or in turn if there are no weights.
#[must_use]
pub fn template(templates: &[TemplateId], weights: &[u32], draw: &Draw, ordinal: u32) -> TemplateId {
    let total: u64 = weights.iter().map(|&w| u64::from(w)).sum();
    if total == 0 {
        return templates[ordinal as usize % templates.len()];
    }
    let mut left = draw.at(u64::from(ordinal), 1, 0).below(total);
    for (&template, &weight) in templates.iter().zip(weights) {
        match left.checked_sub(u64::from(weight)) {
            Some(rest) => left = rest,
            None => return template,
        }
    }
    templates[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::draw::{Draws, Purpose};

    fn all(stream: &Arrivals<'_>) -> Vec<Arrival> {
        let mut arrivals: Vec<Arrival> = Vec::new();
        while let Some(next) = stream.next(u32::try_from(arrivals.len()).unwrap(), arrivals.last().map(|a| a.at)) {
            arrivals.push(next);
        }
        arrivals
    }

    #[test]
    fn even_spacing_takes_templates_in_turn() {
        let templates = [TemplateId::from_raw(3), TemplateId::from_raw(5)];
        let stream = Arrivals {
            spacing: Spacing::Every(SimDuration(10)),
            from: SimTime(100),
            until: SimTime(1000),
            count: Some(3),
            templates: &templates,
            weights: &[],
            draw: Draws::new(1).of(Purpose::Arrival, "a"),
        };
        let got: Vec<_> = all(&stream).iter().map(|a| (a.at.0, a.template.raw())).collect();
        assert_eq!(got, [(100, 3), (110, 5), (120, 3)]);
        assert_eq!(all(&Arrivals { until: SimTime(110), ..stream }).len(), 1);
    }

    #[test]
    fn poisson_follows_the_rate() {
        let hour = |h: i64| SimTime(h * 3_600_000_000_000);
        let rates = [(hour(0), 1.0), (hour(1), 0.0), (hour(2), 4.0)];
        let templates = [TemplateId::from_raw(0), TemplateId::from_raw(1)];
        let stream = Arrivals {
            spacing: Spacing::Poisson(&rates),
            from: hour(0),
            until: hour(3),
            count: None,
            templates: &templates,
            weights: &[1, 3],
            draw: Draws::new(1).of(Purpose::Arrival, "a"),
        };
        let arrivals = all(&stream);
        let between = |a, b| arrivals.iter().filter(|x| x.at >= hour(a) && x.at < hour(b)).count();
        assert!((3400..3800).contains(&between(0, 1)), "{}", between(0, 1));
        assert_eq!(between(1, 2), 0);
        assert!((14_000..14_800).contains(&between(2, 3)), "{}", between(2, 3));
        let second = arrivals.iter().filter(|a| a.template == templates[1]).count();
        assert!((second * 100 / arrivals.len()).abs_diff(75) <= 2);
    }
}
