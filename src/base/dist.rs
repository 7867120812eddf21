//! Distributions over durations and other positive numbers, sampled by inversion from one uniform number with
//! `libm`'s functions, so that results are the same bits on every machine.

use super::draw::AddressedRng;

/// A distribution of a non-negative quantity (seconds, bytes, ...); the unit is the caller's.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// Always this value.
    Constant(f64),
    /// Uniform between the two.
    Uniform {
        /// Least value.
        min: f64,
        /// Greatest value.
        max: f64,
    },
    /// Exponential with this mean (a constant hazard: mean time between failures).
    Exponential {
        /// The mean.
        mean: f64,
    },
    /// Weibull with this scale and shape (shape below 1: infant mortality; above 1: wear-out).
    Weibull {
        /// The 63.2nd percentile.
        scale: f64,
        /// The exponent of the hazard plus one.
        shape: f64,
    },
    /// Log-normal given by its median and the standard deviation of its logarithm.
    LogNormal {
        /// The median.
        median: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
}

impl Distribution {
    /// One value, from one uniform number (two for the log-normal).
    #[must_use]
    pub fn sample(&self, rng: &mut AddressedRng) -> f64 {
        match *self {
            Self::Constant(value) => value,
            Self::Uniform { min, max } => min + (max - min) * rng.unit(),
            Self::Exponential { mean } => -mean * libm::log(1.0 - rng.unit()),
            Self::Weibull { scale, shape } => scale * libm::pow(-libm::log(1.0 - rng.unit()), 1.0 / shape),
            Self::LogNormal { median, sigma } => median * libm::exp(sigma * standard_normal(rng)),
        }
    }

    /// The mean, for reports and estimates.
    #[must_use]
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Constant(value) => value,
            Self::Uniform { min, max } => f64::midpoint(min, max),
            Self::Exponential { mean } => mean,
            Self::Weibull { scale, shape } => scale * libm::tgamma(1.0 + 1.0 / shape),
            Self::LogNormal { median, sigma } => median * libm::exp(sigma * sigma / 2.0),
        }
    }
}

/// Box-Muller: a standard normal number from two uniform ones.
fn standard_normal(rng: &mut AddressedRng) -> f64 {
    let radius = libm::sqrt(-2.0 * libm::log(1.0 - rng.unit()));
    radius * libm::cos(2.0 * std::f64::consts::PI * rng.unit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::draw::{Draws, Purpose};

    #[test]
    fn samples_have_the_mean_they_promise() {
        let draw = Draws::new(5).of(Purpose::RunTime, "d");
        for dist in [
            Distribution::Constant(3.0),
            Distribution::Uniform { min: 1.0, max: 5.0 },
            Distribution::Exponential { mean: 40.0 },
            Distribution::Weibull { scale: 10.0, shape: 1.5 },
            Distribution::LogNormal { median: 2.0, sigma: 0.5 },
        ] {
            let n = 200_000;
            let total: f64 = (0..n).map(|i| dist.sample(&mut draw.at(i, 0, 0))).sum();
            #[allow(clippy::cast_precision_loss)]
            let mean = total / n as f64;
            assert!((mean / dist.mean() - 1.0).abs() < 0.02, "{dist:?}: {mean} against {}", dist.mean());
        }
    }
}
