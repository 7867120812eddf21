//! What samples say: moments, quantiles, and intervals in which a mean lies with a given confidence. Pure arithmetic with
//! `libm`'s functions, so that results are the same bits on every machine. Knows nothing of what was measured.

/// Mean, standard deviation, least and greatest of some numbers, by Welford's update: exact enough however many there are.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Moments {
    /// How many numbers.
    pub count: u32,
    /// Their mean; 0 without any.
    pub mean: f64,
    /// The sum of squared distances from the mean.
    squares: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

/// From where to where.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether `value` lies in it.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

impl Moments {
    /// Takes in one number.
    pub fn add(&mut self, value: f64) {
        if self.count == 0 {
            (self.min, self.max) = (value, value);
        }
        self.count += 1;
        let delta = value - self.mean;
        self.mean += delta / f64::from(self.count);
        self.squares += delta * (value - self.mean);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// The standard deviation of what the numbers are a sample of; 0 with fewer than two.
    #[must_use]
    pub fn deviation(&self) -> f64 {
        if self.count < 2 { 0.0 } else { libm::sqrt(self.squares / f64::from(self.count - 1)) }
    }

    /// Where the true mean lies with the confidence `level` (0.95), by Student's t: exact for numbers that are normally
    /// distributed, near for means of many. None with fewer than two numbers, which say nothing of how they spread.
    #[must_use]
    pub fn interval(&self, level: f64) -> Option<Interval> {
        let half = self.half_width(level)?;
        Some(Interval { low: self.mean - half, high: self.mean + half })
    }

    /// Half the width of [`Self::interval`].
    #[must_use]
    pub fn half_width(&self, level: f64) -> Option<f64> {
        let freedom = self.count.checked_sub(2)? + 1;
        let t = student_quantile(f64::midpoint(1.0, level), f64::from(freedom));
        Some(t * self.deviation() / libm::sqrt(f64::from(self.count)))
    }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut moments = Self::default();
        values.into_iter().for_each(|value| moments.add(value));
        moments
    }
}

/// The differences `b - a` of runs that belong together (equal seeds): what they share does not blur them.
///
/// # Panics
/// If there are not as many of the one as of the other.
#[must_use]
pub fn paired(a: &[f64], b: &[f64]) -> Moments {
    assert_eq!(a.len(), b.len(), "every run needs its partner");
    a.iter().zip(b).map(|(a, b)| b - a).collect()
}

/// The quantile `q` (0.5: the median) of sorted numbers, between two of them in proportion, as numpy and R do by default.
/// None without numbers.
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = q.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    Some(low + (high - low) * (place - below as f64))
}

/// Sorts numbers; those that are none come last.
pub fn sort(values: &mut [f64]) {
    values.sort_by(f64::total_cmp);
}

/// The number below which Student's t with so many degrees of freedom lies with `probability`.
#[must_use]
pub fn student_quantile(probability: f64, freedom: f64) -> f64 {
    if probability < 0.5 {
        return -student_quantile(1.0 - probability, freedom);
    }
    let (mut low, mut high) = (0.0, 1.0);
    while student_cdf(high, freedom) < probability && high < 1e12 {
        (low, high) = (high, high * 2.0);
    }
    // Halving ends where the two are neighbours: no tolerance to choose.
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return high;
        }
        if student_cdf(middle, freedom) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// How probably Student's t is below `t`, for `t` not negative.
fn student_cdf(t: f64, freedom: f64) -> f64 {
    1.0 - 0.5 * incomplete_beta(freedom / 2.0, 0.5, freedom / (freedom + t * t))
}

/// The regularized incomplete beta function, by its continued fraction.
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    // The fraction converges fast on this side of the mean, and the two sides add up to 1.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, 1.0 - x);
    }
    let front =
        libm::exp(libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * libm::log(x) + b * libm::log(1.0 - x));
    front * beta_fraction(a, b, x) / a
}

/// The continued fraction of the incomplete beta function, evaluated from its front (Lentz).
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for step in 1..500 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = fraction;
        for term in [even, odd] {
            d = 1.0 / away(1.0 + term * d);
            c = away(1.0 + term / c);
            fraction *= c * d;
        }
        if (fraction - before).abs() <= fraction.abs() * 1e-16 {
            break;
        }
    }
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Distribution, Draws, draw::Purpose};

    #[test]
    fn moments_are_those_of_the_textbook() {
        let moments: Moments = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].into_iter().collect();
        assert!((moments.mean - 5.0).abs() < 1e-12 && (moments.deviation() - 2.138_089_935).abs() < 1e-9);
        assert!((moments.min, moments.max) == (2.0, 9.0));
        assert_eq!(Moments::default().interval(0.95), None);
        assert_eq!([3.0].into_iter().collect::<Moments>().interval(0.95), None);
        let same: Moments = [3.0, 3.0].into_iter().collect();
        assert_eq!(same.interval(0.95), Some(Interval { low: 3.0, high: 3.0 }));
    }

    #[test]
    fn quantiles_lie_between_their_neighbours() {
        let sorted = [1.0, 2.0, 3.0, 10.0];
        for (q, want) in [(0.0, 1.0), (0.5, 2.5), (1.0 / 3.0, 2.0), (0.9, 7.9), (1.0, 10.0)] {
            assert!((quantile(&sorted, q).expect("numbers") - want).abs() < 1e-9, "{q}");
        }
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[4.0], 0.99), Some(4.0));
    }

    /// Printed tables of Student's t.
    #[test]
    fn students_t_is_that_of_the_tables() {
        for (probability, freedom, want) in [
            (0.975, 1.0, 12.706_205),
            (0.975, 2.0, 4.302_653),
            (0.975, 4.0, 2.776_445),
            (0.975, 9.0, 2.262_157),
            (0.975, 29.0, 2.045_230),
            (0.95, 9.0, 1.833_113),
            (0.995, 19.0, 2.860_935),
            (0.975, 1000.0, 1.962_339),
            (0.025, 4.0, -2.776_445),
            (0.5, 7.0, 0.0),
        ] {
            let t = student_quantile(probability, freedom);
            assert!((t - want).abs() < 1e-5, "t({probability}, {freedom}) = {t}, not {want}");
        }
    }

    /// 4,000 samples each of numbers whose mean is known: the interval holds it as often as it says, within four
    /// deviations of the binomial distribution.
    #[test]
    fn intervals_cover_as_often_as_they_say() {
        let lognormal = Distribution::LogNormal { median: 1.0, sigma: 1.0 };
        for (size, level) in [(2_u64, 0.95), (5, 0.95), (20, 0.95), (10, 0.8), (10, 0.99)] {
            let draw = Draws::new(size).of(Purpose::Usage, "coverage");
            let samples = 4000_u32;
            let covered = (0..samples)
                .filter(|sample| {
                    let normal = |k| 7.0 + libm::log(lognormal.sample(&mut draw.at(u64::from(*sample), 0, k)));
                    let moments: Moments = (0..size).map(normal).collect();
                    moments.interval(level).expect("two or more").contains(7.0)
                })
                .count();
            let expected = level * f64::from(samples);
            let deviation = libm::sqrt(expected * (1.0 - level));
            let off = (f64::from(u32::try_from(covered).expect("few")) - expected).abs() / deviation;
            assert!(off < 4.0, "{covered} of {samples} intervals of {size} numbers cover, {off:.1} deviations off");
        }
    }

    #[test]
    fn what_pairs_share_does_not_blur_their_difference() {
        let draw = Draws::new(1).of(Purpose::Usage, "pairs");
        let a: Vec<f64> = (0..30).map(|k| 1000.0 * draw.unit(k, 0, 0)).collect();
        let b: Vec<f64> = (0..30).map(|k| a[usize::try_from(k).expect("small")] + 5.0 + draw.unit(k, 1, 0)).collect();
        let difference = paired(&a, &b).interval(0.95).expect("thirty");
        assert!(difference.contains(5.5) && difference.high - difference.low < 0.5, "{difference:?}");
    }
}
