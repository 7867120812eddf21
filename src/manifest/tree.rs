//! Documents as trees whose every part knows its place: what YAML and JSON have in common. Scalars stay as written, so
//! that nothing is guessed before it is known what a field wants. Knows no Kubernetes.

use std::borrow::Cow;

/// Bytes `start..end` of the source that a tree was read from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct At {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Node<'t> {
    /// Where it stands.
    pub at: At,
    /// What it is.
    pub value: Value<'t>,
}

/// What a document can hold.
#[derive(Clone, Debug)]
pub(super) enum Value<'t> {
    /// Text without quotes: what it means depends on the field.
    Plain(Cow<'t, str>),
    /// Text in quotes or in a block: always text.
    Text(Cow<'t, str>),
    /// A list.
    List(Vec<Node<'t>>),
    /// A mapping, in the order as written; keys may be there twice.
    Map(Vec<Entry<'t>>),
}

/// One key of a mapping with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry<'t> {
    /// The key.
    pub key: Cow<'t, str>,
    /// Where the key stands.
    pub key_at: At,
    /// The value.
    pub value: Node<'t>,
}

/// One document of a file.
#[derive(Clone, Debug)]
pub(super) struct Document<'t> {
    /// The `---` before it.
    pub marker: Option<At>,
    /// What it holds.
    pub root: Node<'t>,
    /// Whether it was put together from two.
    pub broken: bool,
}

/// What a reader found wrong before any field was looked at.
#[derive(Clone, Debug)]
pub(super) struct Malformed {
    /// Where.
    pub at: At,
    /// What.
    pub fault: Fault,
}

/// Ways in which a text is no document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// The reader's own words.
    Syntax(String),
    /// A tab where blanks must be.
    Tab,
    /// `{{ ... }}` of a template that nobody filled in.
    Template,
    /// A list or mapping as a key.
    ComplexKey,
    /// More nodes or levels than any manifest has, from aliases of aliases.
    TooLarge,
    /// `<<` with something else than a mapping.
    Merge,
}

/// What YAML 1.1, which kubectl reads, makes of a plain scalar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    /// Nothing at all.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Another number.
    Number,
    /// A boolean to kubectl, although it does not look like one (`no`, `N`, `on`).
    OddBool,
    /// A number to kubectl, although it does not look like one (`012`, `1e3`, `0x1f`, `1_000`).
    OddNumber,
    /// Text.
    Text,
}

impl At {
    /// The place of no bytes.
    pub(super) const fn point(at: u32) -> Self {
        Self { start: at, end: at }
    }
}

impl<'t> Node<'t> {
    /// Its entries if it is a mapping.
    pub(super) fn map(&self) -> Option<&[Entry<'t>]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Whether nothing is written there.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Plain(text) if meaning(text) == Meaning::Null)
    }

    /// The text if it is a scalar, whatever it means.
    pub(super) fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Plain(text) | Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a key, unless it is null.
    pub(super) fn get(&self, key: &str) -> Option<&Entry<'t>> {
        self.map()?.iter().find(|e| e.key == key && !e.value.is_null())
    }

    /// What it is, in JSON's words (as upstream's messages have it).
    pub(super) fn json_type(&self) -> &'static str {
        match &self.value {
            Value::Plain(text) => match meaning(text) {
                Meaning::Null => "null",
                Meaning::Bool(_) | Meaning::OddBool => "bool",
                Meaning::Integer(_) | Meaning::Number | Meaning::OddNumber => "number",
                Meaning::Text => "string",
            },
            Value::Text(_) => "string",
            Value::List(_) => "array",
            Value::Map(_) => "object",
        }
    }

    /// What it is, in plain words.
    pub(super) fn plain_type(&self) -> &'static str {
        match self.json_type() {
            "null" => "nothing",
            "bool" => "a boolean",
            "number" => "a number",
            "string" => "text",
            "array" => "a list",
            _ => "a mapping",
        }
    }

    /// Where to point when something is missing in it: its first key, or itself.
    pub(super) fn anchor(&self) -> At {
        self.map().and_then(|entries| entries.first()).map_or(self.at, |first| first.key_at)
    }
}

/// What YAML 1.1 makes of a plain scalar. Source: resolve.go of go-yaml v2, which sigs.k8s.io/yaml holds a copy of.
pub(super) fn meaning(text: &str) -> Meaning {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Meaning::Null,
        "true" | "True" | "TRUE" => return Meaning::Bool(true),
        "false" | "False" | "FALSE" => return Meaning::Bool(false),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off"
        | "OFF" => return Meaning::OddBool,
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" | ".nan" | ".NaN"
        | ".NAN" => return Meaning::OddNumber,
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Meaning::Text;
    }
    let canonical = |digits: &str| digits == "0" || (!digits.starts_with('0') && !digits.is_empty());
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if all_digits(unsigned) {
        return match text.parse() {
            Ok(number) if canonical(unsigned) && !text.starts_with('+') => Meaning::Integer(number),
            _ => Meaning::OddNumber,
        };
    }
    if let Some((whole, part)) = unsigned.split_once('.')
        && all_digits(whole)
        && all_digits(part)
        && !(whole.is_empty() && part.is_empty())
    {
        return if canonical(whole) && !part.is_empty() { Meaning::Number } else { Meaning::OddNumber };
    }
    if odd_number(unsigned) { Meaning::OddNumber } else { Meaning::Text }
}

fn odd_number(unsigned: &str) -> bool {
    let plain: String = unsigned.chars().filter(|&c| c != '_').collect();
    for (prefix, radix) in [("0x", 16), ("0b", 2), ("0o", 8)] {
        if let Some(digits) = plain.strip_prefix(prefix) {
            return !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        }
    }
    let (mantissa, exponent) = plain.split_once(['e', 'E']).unwrap_or((&plain, "0"));
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    digits(whole) && digits(part) && !(whole.is_empty() && part.is_empty()) && !exponent.is_empty() && digits(exponent)
}

/// Integers that YAML 1.1 knows besides the usual ones.
pub(super) fn odd_integer(text: &str) -> Option<i64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let plain: String = rest.chars().filter(|&c| c != '_').collect();
    let (digits, radix) = match plain.get(..2) {
        Some("0x") => (&plain[2..], 16),
        Some("0b") => (&plain[2..], 2),
        Some("0o") => (&plain[2..], 8),
        _ if plain.len() > 1 && plain.starts_with('0') => (&plain[1..], 8),
        _ => (plain.as_str(), 10),
    };
    i64::from_str_radix(digits, radix).ok().map(|value| sign * value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_kubectl_makes_of_them() {
        for (text, want) in [
            ("", Meaning::Null),
            ("~", Meaning::Null),
            ("true", Meaning::Bool(true)),
            ("N", Meaning::OddBool),
            ("off", Meaning::OddBool),
            ("80", Meaning::Integer(80)),
            ("-1", Meaning::Integer(-1)),
            ("1.5", Meaning::Number),
            ("012", Meaning::OddNumber),
            ("1e3", Meaning::OddNumber),
            ("0x1F", Meaning::OddNumber),
            ("1_000", Meaning::OddNumber),
            ("+1", Meaning::OddNumber),
            ("1.", Meaning::OddNumber),
            (".5", Meaning::OddNumber),
            ("99999999999999999999", Meaning::OddNumber),
            ("1.2.3", Meaning::Text),
            ("500m", Meaning::Text),
            ("5e", Meaning::Text),
            (".", Meaning::Text),
            ("-", Meaning::Text),
            ("nginx:1.27", Meaning::Text),
            ("10:30", Meaning::Text),
        ] {
            assert_eq!(meaning(text), want, "{text:?}");
        }
    }
}
