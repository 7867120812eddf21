//! Numbers that may be percentages (`maxSurge: 25%`).
//!
//! Mirrors staging/src/k8s.io/apimachinery/pkg/util/intstr/intstr.go, v1.34.

use super::names::go_quote;

/// An integer or a text, which is meant to be a percentage.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum IntOrPercent {
    /// A number.
    Int(i32),
    /// `25%`, or a text that is refused when it is used.
    Text(Box<str>),
}

impl IntOrPercent {
    /// What a text on a command line or in a quoted field stands for: a number if it is one that fits 32 bits.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Text(text.into()), Self::Int)
    }

    /// The number, and whether it is a percentage.
    ///
    /// # Errors
    /// Upstream's text for a text that is no percentage.
    pub fn number(&self) -> Result<(i64, bool), String> {
        let text = match self {
            Self::Int(number) => return Ok((i64::from(*number), false)),
            Self::Text(text) => text,
        };
        let digits = text.strip_suffix('%').ok_or_else(|| "invalid type: string is not a percentage".to_owned())?;
        digits.parse().map(|number| (number, true)).map_err(|error: std::num::ParseIntError| {
            use std::num::IntErrorKind::{NegOverflow, PosOverflow};
            let what = match error.kind() {
                PosOverflow | NegOverflow => "value out of range",
                _ => "invalid syntax",
            };
            let (value, digits) = (go_quote(text), go_quote(digits));
            format!("invalid value {value}: strconv.Atoi: parsing {digits}: {what}")
        })
    }

    /// The number itself, or the percentage of `total`, rounded up or down.
    ///
    /// # Errors
    /// Upstream's text for a text that is no percentage.
    pub fn scaled(&self, total: i64, round_up: bool) -> Result<i64, String> {
        let (number, percent) = self.number().map_err(|error| format!("invalid value for IntOrString: {error}"))?;
        if !percent {
            return Ok(number);
        }
        if let Some(product) = number.checked_mul(total).filter(|product| *product > i64::MIN) {
            return Ok(if round_up { -(-product).div_euclid(100) } else { product.div_euclid(100) });
        }
        let product = i128::from(number) * i128::from(total);
        let scaled = if round_up { -(-product).div_euclid(100) } else { product.div_euclid(100) };
        Ok(i64::try_from(scaled).unwrap_or(if scaled < 0 { i64::MIN } else { i64::MAX }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_round_both_ways_also_below_zero() {
        let percent = |text: &str| IntOrPercent::parse(text);
        assert_eq!((percent("25%").scaled(10, true), percent("25%").scaled(10, false)), (Ok(3), Ok(2)));
        assert_eq!((percent("-25%").scaled(10, true), percent("-25%").scaled(10, false)), (Ok(-2), Ok(-3)));
        assert_eq!(percent("7").scaled(10, true), Ok(7));
        let error = "invalid value for IntOrString: invalid value \"a%\": strconv.Atoi: parsing \"a\": invalid syntax";
        assert_eq!(percent("a%").scaled(10, true), Err(error.to_owned()));
        let all = [1, -1].map(|sign| percent(&format!("{}%", i64::MAX * sign)).scaled(1000, true));
        assert_eq!(all, [Ok(i64::MAX), Ok(i64::MIN)]);
        assert!(percent("99999999999999999999%").number().unwrap_err().ends_with("value out of range"));
    }
}
