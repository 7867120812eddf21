//! Kubernetes quantities (`500m`, `1.5Gi`, `12e6`): exact decimal numbers with three ways of being written.
//!
//! Mirrors staging/src/k8s.io/apimachinery/pkg/api/resource/{quantity,amount,suffix}.go, v1.34, quirks included:
//! values finer than a billionth are rounded away from zero while parsing, binary values are capped at 2^63 - 1,
//! a lone sign or suffix is zero, and a mantissa whose power of ten has no suffix is printed without one.
//! Differs in one thing: beyond 38 significant digits a number is rounded away from zero instead of growing.

use std::cmp::Ordering;
use std::fmt;

/// How a quantity is written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Format {
    /// `n`, `u`, `m`, none, `k`, `M`, `G`, `T`, `P`, `E`.
    #[default]
    DecimalSi,
    /// `Ki`, `Mi`, `Gi`, `Ti`, `Pi`, `Ei`.
    BinarySi,
    /// `e3`, `e-3`.
    DecimalExponent,
}

impl Format {
    /// Upstream's name of the format.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::DecimalSi => "DecimalSI",
            Self::BinarySi => "BinarySI",
            Self::DecimalExponent => "DecimalExponent",
        }
    }
}

/// Why a text is not a quantity. The texts are upstream's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum QuantityError {
    /// The text has not the form of a quantity.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Form,
    /// The part before the suffix is not a number.
    #[error("unable to parse numeric part of quantity")]
    Number,
    /// The suffix is none of the known ones.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

/// An exact amount: `mantissa * 10^exponent`. Equality and order are those of the number, whatever its format.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quantity {
    mantissa: i128,
    exponent: i32,
    format: Format,
    /// Whether upstream prints the text it was parsed from instead of the canonical one.
    verbatim: bool,
}

/// Powers of ten of the finest value that a quantity holds: a billionth.
const NANO: i32 = -9;

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self::scaled(0, 0, Format::DecimalSi);

    /// `value` in units.
    #[must_use]
    pub const fn new(value: i64, format: Format) -> Self {
        Self::scaled(value as i128, 0, format)
    }

    /// `value` in thousandths.
    #[must_use]
    pub const fn from_milli(value: i64, format: Format) -> Self {
        Self::scaled(value as i128, -3, format)
    }

    /// `mantissa * 10^exponent`.
    #[must_use]
    pub const fn scaled(mantissa: i128, exponent: i32, format: Format) -> Self {
        Self { mantissa, exponent, format, verbatim: false }
    }

    /// Parses a quantity as the API server does.
    ///
    /// # Errors
    /// Upstream's error for texts that are no quantities.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        if text.is_empty() {
            return Err(QuantityError::Form);
        }
        if text == "0" {
            return Ok(Self { verbatim: true, ..Self::ZERO });
        }
        let parts = Parts::split(text)?;
        let suffix = Suffix::interpret(parts.suffix).ok_or(QuantityError::Suffix)?;
        match parts.small(suffix) {
            Some(quantity) => Ok(quantity),
            None => parts.large(suffix),
        }
    }

    /// How it is written.
    #[must_use]
    pub const fn format(self) -> Format {
        self.format
    }

    /// Whether it is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// Whether it is less than zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    /// The amount in whole units, rounded away from zero; saturates.
    #[must_use]
    pub fn value(self) -> i64 {
        self.scaled_value(0)
    }

    /// The amount in thousandths, rounded away from zero; saturates.
    #[must_use]
    pub fn milli_value(self) -> i64 {
        self.scaled_value(-3)
    }

    /// The amount in units of `10^exponent`, rounded away from zero; saturates.
    #[must_use]
    pub fn scaled_value(self, exponent: i32) -> i64 {
        let scaled = match rescale(self.mantissa, self.exponent, exponent) {
            Some((mantissa, _)) => mantissa,
            None => i128::MAX * self.mantissa.signum(),
        };
        i64::try_from(scaled).unwrap_or(if scaled < 0 { i64::MIN } else { i64::MAX })
    }

    /// Rounds away from zero to a multiple of `10^exponent`; says whether nothing was lost.
    pub fn round_up(&mut self, exponent: i32) -> bool {
        if self.exponent >= exponent {
            return true;
        }
        self.verbatim = false;
        let (mantissa, exact) = rescale(self.mantissa, self.exponent, exponent).expect("a coarser scale always fits");
        (self.mantissa, self.exponent) = (mantissa, exponent);
        exact
    }

    /// Rounded up to a multiple of 0.001, as the API server does with every quantity of an object.
    #[must_use]
    pub fn round_up_milli(mut self) -> Self {
        self.round_up(-3);
        self
    }

    /// The sum. It is written like `self`, or like `other` if `self` is zero.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let format = if self.is_zero() { other.format } else { self.format };
        let (a, b, exponent) = self.aligned(other);
        Self::scaled(a.saturating_add(b), exponent, format)
    }

    /// The difference. It is written like `self`, or like `other` if `self` is zero.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.plus(other.negated())
    }

    /// The opposite amount.
    #[must_use]
    pub fn negated(self) -> Self {
        Self { mantissa: self.mantissa.saturating_neg(), verbatim: false, ..self }
    }

    /// The text upstream prints for a quantity that was parsed from `source` and not changed since: some texts are
    /// echoed although they are not canonical (`+1`, `01`).
    #[must_use]
    pub fn text_of(self, source: &str) -> String {
        if self.verbatim { source.to_owned() } else { self.to_string() }
    }

    /// Mantissas over a common exponent; digits are given up (away from zero) only where 128 bits do not hold both.
    fn aligned(self, other: Self) -> (i128, i128, i32) {
        if self.is_zero() || other.is_zero() {
            let exponent = if self.is_zero() { other.exponent } else { self.exponent };
            return (self.mantissa, other.mantissa, exponent);
        }
        let coarse = self.exponent.max(other.exponent);
        // No mantissa has room for more than 38 further digits.
        let fine = self.exponent.min(other.exponent).max(coarse.saturating_sub(39));
        let common = (fine..=coarse).find_map(|exponent| {
            let (a, _) = rescale(self.mantissa, self.exponent, exponent)?;
            let (b, _) = rescale(other.mantissa, other.exponent, exponent)?;
            Some((a, b, exponent))
        });
        common.expect("both mantissas fit at the coarser exponent")
    }

    /// Mantissa without trailing zeros of base ten, and its exponent, lowered to a multiple of three.
    fn thousands(self) -> (i128, i64, usize) {
        let (mut mantissa, mut exponent) = (self.mantissa, i64::from(self.exponent));
        while mantissa % 10 == 0 {
            mantissa /= 10;
            exponent += 1;
        }
        // The zeros that lower the exponent are appended to the text: the mantissa may have no room for them.
        let zeros = exponent.rem_euclid(3);
        (mantissa, exponent - zeros, usize::try_from(zeros).unwrap_or(0))
    }

    fn write_decimal(self, f: &mut fmt::Formatter<'_>, format: Format) -> fmt::Result {
        let (mantissa, exponent, zeros) = self.thousands();
        write!(f, "{mantissa}{:0<zeros$}", "")?;
        match (format, exponent) {
            (_, 0) => Ok(()),
            (Format::DecimalExponent, _) => write!(f, "e{exponent}"),
            _ => f.write_str(SI_SUFFIXES.iter().find(|(_, e)| i64::from(*e) == exponent).map_or("", |(text, _)| text)),
        }
    }
}

impl fmt::Display for Quantity {
    /// The canonical text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0");
        }
        if self.format != Format::BinarySi {
            return self.write_decimal(f, self.format);
        }
        match rescale(self.mantissa, self.exponent, 0) {
            Some((whole, true)) if whole.unsigned_abs() >= 1024 => {
                let (mut mantissa, mut power) = (whole, 0);
                while mantissa % 1024 == 0 {
                    mantissa /= 1024;
                    power += 10;
                }
                let suffix = BINARY_SUFFIXES.iter().find(|(_, e)| *e == power).map_or("", |(text, _)| text);
                write!(f, "{mantissa}{suffix}")
            }
            _ => self.write_decimal(f, Format::DecimalSi),
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        let signs = self.mantissa.signum().cmp(&other.mantissa.signum());
        if signs != Ordering::Equal || self.is_zero() {
            return signs;
        }
        let fine = self.exponent.min(other.exponent);
        let at = |q: &Self| rescale(q.mantissa, q.exponent, fine).map(|(mantissa, _)| mantissa);
        match (at(self), at(other)) {
            (Some(a), Some(b)) => a.cmp(&b),
            // What has no room at the finer scale is the larger magnitude.
            (None, _) => self.mantissa.cmp(&0),
            (_, None) => 0.cmp(&other.mantissa),
        }
    }
}

/// `mantissa * 10^from` as a mantissa of `10^to`, rounded away from zero, and whether that is exact. `None` if a finer
/// scale has no room.
fn rescale(mantissa: i128, from: i32, to: i32) -> Option<(i128, bool)> {
    if mantissa == 0 {
        return Some((0, true));
    }
    let shift = u32::try_from((i64::from(from) - i64::from(to)).unsigned_abs()).unwrap_or(u32::MAX);
    let power = 10_i128.checked_pow(shift);
    if from >= to {
        return Some((mantissa.checked_mul(power?)?, true));
    }
    let Some(power) = power else { return Some((mantissa.signum(), false)) };
    let (quotient, rest) = (mantissa / power, mantissa % power);
    Some(if rest == 0 { (quotient, true) } else { (quotient + mantissa.signum(), false) })
}

const SI_SUFFIXES: &[(&str, i32)] =
    &[("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY_SUFFIXES: &[(&str, u32)] = &[("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

#[derive(Clone, Copy)]
enum Suffix {
    Decimal(i32, Format),
    Binary(u32),
}

impl Suffix {
    fn interpret(text: &str) -> Option<Self> {
        if let Some(&(_, exponent)) = SI_SUFFIXES.iter().find(|(suffix, _)| *suffix == text) {
            return Some(Self::Decimal(exponent, Format::DecimalSi));
        }
        if let Some(&(_, power)) = BINARY_SUFFIXES.iter().find(|(suffix, _)| *suffix == text) {
            return Some(Self::Binary(power));
        }
        let exponent: i64 = text.strip_prefix(['e', 'E'])?.parse().ok()?;
        // Upstream cuts the exponent to 32 bits.
        #[allow(clippy::cast_possible_truncation)]
        Some(Self::Decimal(exponent as i32, Format::DecimalExponent))
    }
}

/// A quantity's text, taken apart.
struct Parts<'a> {
    negative: bool,
    /// Sign and digits as they stand in the text; may hold no digit at all (`Ki`).
    value: &'a str,
    /// Digits before the point without leading zeros, or `0`.
    whole: &'a str,
    /// Digits after the point.
    fraction: &'a str,
    suffix: &'a str,
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Result<Self, QuantityError> {
        let run = |text: &str, inside: fn(&char) -> bool| text.chars().take_while(inside).map(char::len_utf8).sum();
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let negative = text.starts_with('-');
        let digits = unsigned.trim_start_matches('0');
        if digits.is_empty() {
            return Ok(Self { negative, value: "0", whole: "0", fraction: "", suffix: "" });
        }
        let (whole, rest) = digits.split_at(run(digits, char::is_ascii_digit));
        let (fraction, rest) = match rest.strip_prefix('.') {
            Some(rest) => rest.split_at(run(rest, char::is_ascii_digit)),
            None => ("", rest),
        };
        let letters = rest.trim_start_matches(['e', 'E', 'i', 'n', 'u', 'm', 'k', 'K', 'M', 'G', 'T', 'P']);
        let number = letters.strip_prefix(['-', '+']).unwrap_or(letters);
        if !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(QuantityError::Form);
        }
        let whole = if whole.is_empty() { "0" } else { whole };
        Ok(Self { negative, value: &text[..text.len() - rest.len()], whole, fraction, suffix: rest })
    }

    /// Numbers of at most 18 digits that need no rounding. Only these may be echoed as they were written.
    fn small(&self, suffix: Suffix) -> Option<Quantity> {
        let digits = i64::try_from(self.whole.len() + self.fraction.len()).ok()?;
        let (exponent, room, factor, format) = match suffix {
            Suffix::Decimal(exponent, format) => (exponent, 18 - digits, 1, format),
            Suffix::Binary(power) if self.fraction.is_empty() => {
                (0, 15 - digits - i64::from(power) * 3 / 10 - 1, 1_i64 << power, Format::BinarySi)
            }
            Suffix::Binary(_) => return None,
        };
        let exponent = i64::from(exponent) - i64::try_from(self.fraction.len()).ok()?;
        if room < 0 || exponent < i64::from(NANO) {
            return None;
        }
        let shifted = format!("{}{}", self.whole, self.fraction);
        let value: i64 = shifted.parse().ok()?;
        let product = value.checked_mul(factor)?;
        let verbatim = match suffix {
            Suffix::Binary(_) => value % 8 != 0,
            Suffix::Decimal(..) => exponent % 3 == 0 && !shifted.ends_with("000") && !shifted.starts_with('0'),
        };
        let mantissa = i128::from(if self.negative { -product } else { product });
        Some(Quantity { mantissa, exponent: i32::try_from(exponent).ok()?, format, verbatim })
    }

    /// All other numbers: rounded to billionths, binary ones capped.
    fn large(&self, suffix: Suffix) -> Result<Quantity, QuantityError> {
        if !self.value.bytes().any(|b| b.is_ascii_digit()) {
            return Err(QuantityError::Number);
        }
        let digits = self.whole.bytes().chain(self.fraction.bytes()).map(|b| b - b'0');
        let fraction = i64::try_from(self.fraction.len()).unwrap_or(i64::MAX);
        let (mut number, mut format) = match suffix {
            Suffix::Decimal(exponent, format) => {
                (Digits { digits: digits.collect(), exponent: i64::from(exponent) - fraction }, format)
            }
            Suffix::Binary(power) => {
                let mut number = Digits { digits: digits.collect(), exponent: -fraction };
                number.multiply(1 << power);
                (number, Format::BinarySi)
            }
        };
        number.round_up_to(i64::from(NANO));
        let (mut mantissa, mut exponent) = number.into_mantissa();
        if format == Format::BinarySi && mantissa != 0 {
            let magnitude = Quantity::scaled(mantissa, exponent, format);
            if magnitude > Quantity::new(i64::MAX, format) {
                (mantissa, exponent) = (i128::from(i64::MAX), 0);
            } else if magnitude < Quantity::new(1, format) {
                format = Format::DecimalSi;
            }
        }
        let mantissa = if self.negative { -mantissa } else { mantissa };
        Ok(Quantity::scaled(mantissa, exponent, format))
    }
}

/// A natural number of any length times a power of ten, most significant digit first.
struct Digits {
    digits: Vec<u8>,
    exponent: i64,
}

impl Digits {
    fn multiply(&mut self, factor: u64) {
        let mut carry: u128 = 0;
        for digit in self.digits.iter_mut().rev() {
            let product = u128::from(*digit) * u128::from(factor) + carry;
            *digit = u8::try_from(product % 10).unwrap_or(0);
            carry = product / 10;
        }
        let front: Vec<u8> = carry.to_string().bytes().map(|b| b - b'0').collect();
        self.digits.splice(0..0, front);
    }

    /// Drops the digits below `10^exponent`, rounding up.
    fn round_up_to(&mut self, exponent: i64) {
        let surplus = usize::try_from(exponent.saturating_sub(self.exponent)).unwrap_or(0);
        if surplus == 0 {
            return;
        }
        let keep = self.digits.len().saturating_sub(surplus);
        let lost = self.digits[keep..].iter().any(|digit| *digit != 0);
        self.digits.truncate(keep);
        self.exponent = exponent;
        if lost {
            let nines = self.digits.iter().rev().take_while(|digit| **digit == 9).count();
            let turn = self.digits.len() - nines;
            self.digits[turn..].fill(0);
            match turn.checked_sub(1) {
                Some(at) => self.digits[at] += 1,
                None => self.digits.insert(0, 1),
            }
        }
    }

    fn into_mantissa(mut self) -> (i128, i32) {
        const MOST: usize = 38;
        let zeros = self.digits.iter().take_while(|digit| **digit == 0).count();
        self.digits.drain(..zeros);
        let surplus = i64::try_from(self.digits.len().saturating_sub(MOST)).unwrap_or(i64::MAX);
        self.round_up_to(self.exponent.saturating_add(surplus));
        let mantissa = self.digits.iter().fold(0_i128, |sum, digit| sum.saturating_mul(10) + i128::from(*digit));
        let limit = i32::MAX / 2;
        (mantissa, i32::try_from(self.exponent).unwrap_or(limit).min(limit))
    }
}

#[cfg(test)]
#[path = "quantity_tests.rs"]
mod tests;
