//! Amounts with units as scenarios write them: cpu, bytes, rates. Suffixes are those of Kubernetes quantities. A unit
//! that would be a guess is refused with the ways to write what was probably meant.

use crate::base::quantity::Quantity;

/// Why an amount was not understood.
#[derive(Debug)]
pub(super) struct Bad {
    /// What is wrong with it.
    pub message: String,
    /// How to write it.
    pub help: String,
}

/// Units of time after a `/`, in seconds.
const PER: &[(&str, f64)] = &[("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("min", 60.0), ("h", 3600.0), ("d", 86_400.0)];

const CPU: &[&str] = &["n", "u", "m", "", "k"];
const BYTES: &[&str] = &["", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// Milli-cores, rounded up: `500m`, `2`, `1.5`.
pub(super) fn cpu(text: &str) -> Result<i64, Bad> {
    within(quantity(text, CPU, "cpu", cpu_help)?.milli_value(), text)
}

/// Milli-cores with fractions, for amounts per request.
pub(super) fn cpu_exact(text: &str) -> Result<f64, Bad> {
    let nanos = within(quantity(text, CPU, "cpu", cpu_help)?.scaled_value(-9), text)?;
    #[allow(clippy::cast_precision_loss)]
    Ok(nanos as f64 / 1e6)
}

/// Bytes, rounded up: `16Gi`, `100M`, `200`.
pub(super) fn bytes(text: &str) -> Result<i64, Bad> {
    within(quantity(text, BYTES, "bytes", |number| byte_help(text, number))?.value(), text)
}

/// Bytes per second: `2Ki/s`, `10Mi/h`.
pub(super) fn byte_rate(text: &str) -> Result<f64, Bad> {
    let (amount, seconds) = per_time(text, "2Ki/s")?;
    #[allow(clippy::cast_precision_loss)]
    Ok(bytes(amount)? as f64 / seconds)
}

/// Something per second: `200/s`, `1.5k/m`.
pub(super) fn rate(text: &str) -> Result<f64, Bad> {
    let (amount, seconds) = per_time(text, "200/s")?;
    let help = |number: &str| format!("write for example `{number}/s`");
    let nanos = within(quantity(amount, &["m", "", "k", "M"], "something", help)?.scaled_value(-9), text)?;
    #[allow(clippy::cast_precision_loss)]
    Ok(nanos as f64 / 1e9 / seconds)
}

fn per_time<'t>(text: &'t str, example: &str) -> Result<(&'t str, f64), Bad> {
    let help = format!("write for example `{example}`; after the `/` stands s, m, h or d");
    let Some((amount, unit)) = text.split_once('/') else {
        return Err(Bad { message: format!("`{text}` lacks its time unit"), help });
    };
    match PER.iter().find(|(name, _)| *name == unit.trim()) {
        Some(&(_, seconds)) => Ok((amount.trim(), seconds)),
        None => Err(Bad { message: format!("`{text}` has the unknown time unit `{unit}`"), help }),
    }
}

fn byte_help(text: &str, number: &str) -> String {
    let letter = text.chars().find(|c| c.is_ascii_alphabetic()).map_or('M', |c| c.to_ascii_uppercase());
    let letter = if "KMGTPE".contains(letter) { letter } else { 'M' };
    let decimal = if letter == 'K' { 'k' } else { letter };
    let power = 1 + "KMGTPE".find(letter).unwrap_or(0);
    format!("write `{number}{letter}i` (1024^{power} bytes) or `{number}{decimal}` (1000^{power} bytes)")
}

fn cpu_help(number: &str) -> String {
    format!("write cores (`{number}`) or thousandths of a core (`{number}m`)")
}

/// Quantities saturate; an amount that did is none that anybody means.
fn within(value: i64, text: &str) -> Result<i64, Bad> {
    if value < i64::MAX {
        return Ok(value);
    }
    Err(Bad { message: format!("`{text}` is too much"), help: "write a smaller amount".to_owned() })
}

/// A quantity that is not negative and has one of these suffixes.
fn quantity(text: &str, suffixes: &[&str], what: &str, help: impl Fn(&str) -> String) -> Result<Quantity, Bad> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let bad = |message: String| Bad { message, help: help(if number.is_empty() { "1" } else { number }) };
    if number.is_empty() {
        return Err(bad(format!("`{text}` is not an amount of {what}: it does not begin with a number")));
    }
    if !suffixes.contains(&suffix) {
        return Err(bad(format!("`{text}` is not an amount of {what}: unknown unit `{}`", suffix.trim())));
    }
    Quantity::parse(text).map_err(|_| bad(format!("`{number}` is not a number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_kubernetes_reads_them() {
        assert_eq!(cpu("500m").ok(), Some(500));
        assert_eq!(cpu("1.5").ok(), Some(1500));
        assert_eq!(cpu("100u").ok(), Some(1), "rounded up to a milli-core");
        assert_eq!(bytes("16Gi").ok(), Some(16 << 30));
        assert_eq!(bytes("100M").ok(), Some(100_000_000));
        assert_eq!(bytes("200").ok(), Some(200));
        assert_eq!(bytes("0.5Ki").ok(), Some(512));
        assert_eq!(rate("200/s").ok(), Some(200.0));
        assert_eq!(rate("1.5k/m").ok(), Some(25.0));
        assert_eq!(byte_rate("36Ki/h").ok(), Some(10.24));
    }

    #[test]
    fn guesses_are_refused_with_the_ways_to_write_them() {
        let bad = bytes("10 mb").unwrap_err();
        assert_eq!(bad.message, "`10 mb` is not an amount of bytes: unknown unit `mb`");
        assert_eq!(bad.help, "write `10Mi` (1024^2 bytes) or `10M` (1000^2 bytes)");
        for text in ["", "m", "-5", "1..2", "4 cores", "1e400", "9999999999999999999"] {
            assert!(cpu(text).is_err(), "{text}");
        }
        for text in ["100m", "5MB", "5gb", "9999999999999Ei", "Ki"] {
            assert!(bytes(text).is_err(), "{text}");
        }
        for text in ["200", "200/", "200/fortnight", "/s", "2/1s"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
