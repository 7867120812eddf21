//! Amounts with units as scenarios write them: cpu, bytes, rates. Suffixes are those of Kubernetes quantities. A unit
//! that would be a guess is refused with the ways to write what was probably meant.

/// Why an amount was not understood.
#[derive(Debug)]
pub(super) struct Bad {
    /// What is wrong with it.
    pub message: String,
    /// How to write it.
    pub help: String,
}

/// Nanoseconds of one unit of time after a `/`.
const PER: &[(&str, f64)] = &[("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("min", 60.0), ("h", 3600.0), ("d", 86_400.0)];

/// Milli-cores, rounded up: `500m`, `2`, `1.5`.
pub(super) fn cpu(text: &str) -> Result<i64, Bad> {
    let nanos = scaled(text, &["n", "u", "m", "", "k"], "cpu", |number| {
        format!("write cores (`{number}`) or thousandths of a core (`{number}m`)")
    })?;
    whole(nanos.div_euclid(1_000_000) + i128::from(nanos.rem_euclid(1_000_000) != 0), text)
}

/// Milli-cores with fractions, for amounts per request.
pub(super) fn cpu_exact(text: &str) -> Result<f64, Bad> {
    let nanos = scaled(text, &["n", "u", "m", "", "k"], "cpu", |number| {
        format!("write cores (`{number}`) or thousandths of a core (`{number}m`)")
    })?;
    #[allow(clippy::cast_precision_loss)]
    Ok(nanos as f64 / 1e6)
}

/// Bytes, rounded up: `16Gi`, `100M`, `200`.
pub(super) fn bytes(text: &str) -> Result<i64, Bad> {
    let suffixes = ["", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let nanos = scaled(text, &suffixes, "bytes", |number| byte_help(text, number))?;
    whole(nanos.div_euclid(1_000_000_000) + i128::from(nanos.rem_euclid(1_000_000_000) != 0), text)
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
    let nanos =
        scaled(amount, &["m", "", "k", "M"], "a number", |number| format!("write for example `{number}/s`"))?;
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

fn whole(value: i128, text: &str) -> Result<i64, Bad> {
    i64::try_from(value).map_err(|_| Bad {
        message: format!("`{text}` is more than 2^63"),
        help: "write a smaller amount".to_owned(),
    })
}

/// The amount in thousandths of millionths, exactly; it may not be negative.
fn scaled(text: &str, suffixes: &[&str], what: &str, help: impl Fn(&str) -> String) -> Result<i128, Bad> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let bad = |message: String| Bad { message, help: help(if number.is_empty() { "1" } else { number }) };
    if number.is_empty() {
        return Err(bad(format!("`{text}` is not an amount of {what}: it does not begin with a number")));
    }
    if !suffixes.contains(&suffix) {
        return Err(bad(format!("`{text}` is not an amount of {what}: unknown unit `{}`", suffix.trim())));
    }
    let scale: i128 = match suffix {
        "n" => 1,
        "u" => 1_000,
        "m" => 1_000_000,
        "" => 1_000_000_000,
        _ => {
            let base: i128 = if suffix.ends_with('i') { 1024 } else { 1000 };
            let power = match suffix.as_bytes()[0] {
                b'k' | b'K' => 1,
                b'M' => 2,
                b'G' => 3,
                b'T' => 4,
                b'P' => 5,
                _ => 6,
            };
            base.pow(power) * 1_000_000_000
        }
    };
    decimal(number, scale).ok_or_else(|| bad(format!("`{number}` is not a number")))
}

fn decimal(number: &str, scale: i128) -> Option<i128> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && part.is_empty()) || whole.len() > 15 || part.len() > 9 || part.contains('.') {
        return None;
    }
    let digits = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<i128>().ok() };
    let denominator = 10_i128.pow(u32::try_from(part.len()).ok()?);
    // At most 15 digits times 1024^6 times 10^9: within 128 bits after the division only if done in two steps.
    let whole = digits(whole)?.checked_mul(scale)?;
    let part = digits(part)?.checked_mul(scale)? / denominator;
    whole.checked_add(part)
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
