//! JSON text by hand, for files of millions of small objects. Whole documents go through serde.

use crate::base::SimTime;

/// Builds one object at a time in a reused buffer.
#[derive(Default)]
pub(super) struct Object {
    bytes: Vec<u8>,
}

impl Object {
    /// Starts an object, forgetting the one before.
    pub(super) fn begin(&mut self) -> &mut Self {
        self.bytes.clear();
        self.bytes.push(b'{');
        self
    }

    /// The finished object.
    pub(super) fn finish(&mut self) -> &[u8] {
        self.bytes.push(b'}');
        &self.bytes
    }

    fn key(&mut self, key: &str) {
        if self.bytes.last() != Some(&b'{') {
            self.bytes.push(b',');
        }
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.extend_from_slice(b"\":");
    }

    pub(super) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.key(key);
        quote(&mut self.bytes, value);
        self
    }

    pub(super) fn int(&mut self, key: &str, value: i64) -> &mut Self {
        self.key(key);
        integer(&mut self.bytes, value);
        self
    }

    /// A number with at most six decimals.
    pub(super) fn number(&mut self, key: &str, value: f64) -> &mut Self {
        self.key(key);
        self.bytes.extend_from_slice(decimal(value).as_bytes());
        self
    }

    pub(super) fn flag(&mut self, key: &str, value: bool) -> &mut Self {
        self.key(key);
        self.bytes.extend_from_slice(if value { b"true" } else { b"false" });
        self
    }

    /// A nested object.
    pub(super) fn nest(&mut self, key: &str, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.key(key);
        self.bytes.push(b'{');
        fill(self);
        self.bytes.push(b'}');
        self
    }
}

/// A quoted JSON string.
fn quote(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut plain = 0;
    for (i, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[plain..i]);
        plain = i + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

/// A decimal integer; `write!` is several times slower.
fn integer(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// A number with at most six decimals and no trailing zeros; what is not finite becomes `null`.
pub(super) fn decimal(value: f64) -> String {
    if !value.is_finite() {
        return "null".to_owned();
    }
    let mut text = format!("{value:.6}");
    let kept = text.trim_end_matches('0').trim_end_matches('.').len();
    text.truncate(kept);
    if text == "-0" { "0".to_owned() } else { text }
}

/// RFC 3339 with milliseconds, remembering the last second: facts come in bursts.
#[derive(Default)]
pub(super) struct Clock {
    second: Option<SimTime>,
    text: String,
}

impl Clock {
    pub(super) fn text(&mut self, at: SimTime) -> &str {
        let floor = at.floor_seconds();
        if self.second != Some(floor) {
            self.second = Some(floor);
            self.text = floor.rfc3339_millis();
        }
        let millis = u16::try_from((at.0 - floor.0) / 1_000_000).unwrap_or(0);
        let digits =
            [millis / 100, millis / 10 % 10, millis % 10].map(|d| char::from(b'0' + u8::try_from(d).unwrap_or(0)));
        let dot = self.text.len() - 4;
        self.text.truncate(dot);
        self.text.extend(digits);
        self.text.push('Z');
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_and_numbers_are_short() {
        let mut object = Object::default();
        object.begin().text("a", "q\"\\\n\u{1}é").int("b", i64::MIN).number("c", 0.1 + 0.2).nest("d", |d| {
            d.flag("e", true).number("f", f64::NAN).int("g", 0);
        });
        let text = String::from_utf8(object.finish().to_vec()).unwrap();
        assert_eq!(text, r#"{"a":"q\"\\\n\u0001é","b":-9223372036854775808,"c":0.3,"d":{"e":true,"f":null,"g":0}}"#);
    }

    #[test]
    fn the_clock_agrees_with_the_slow_one() {
        let mut clock = Clock::default();
        for nanos in [0, 1_500_000_000, 1_999_999_999, 2_000_000_000, -1, -1_000_000_000, 1_700_000_000_250_000_000] {
            assert_eq!(clock.text(SimTime(nanos)), SimTime(nanos).rfc3339_millis());
        }
    }
}
