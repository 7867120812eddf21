//! What may be a label key, a label value or a domain name, with upstream's explanations of what is wrong.
//!
//! Mirrors staging/src/k8s.io/apimachinery/pkg/api/validate/content and pkg/util/validation/validation.go, v1.34.

use std::fmt::Write as _;

/// Longest label value, and longest name part of a label key, in bytes.
pub const LABEL_MAX: usize = 63;
/// Longest DNS subdomain in bytes.
pub const DNS1123_SUBDOMAIN_MAX: usize = 253;

const QUALIFIED_NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', \
and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

fn too_long(limit: usize) -> String {
    format!("must be no more than {limit} bytes")
}

fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let inner = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(inner)
}

/// What is wrong with `text` as a key of a label, a taint or an annotation; empty if nothing is.
#[must_use]
pub fn label_key_errors(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    let name = match text.split_once('/') {
        None => text,
        Some((prefix, name)) if !name.contains('/') => {
            if prefix.is_empty() {
                errors.push("prefix part must be non-empty".to_owned());
            } else {
                errors.extend(dns1123_subdomain_errors(prefix).iter().map(|error| format!("prefix part {error}")));
            }
            name
        }
        Some(_) => {
            let rule = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            return vec![format!("a qualified name {QUALIFIED_NAME} {rule}")];
        }
    };
    if name.is_empty() {
        errors.push("name part must be non-empty".to_owned());
    } else if name.len() > LABEL_MAX {
        errors.push(format!("name part {}", too_long(LABEL_MAX)));
    }
    if !is_name(name) {
        errors.push(format!("name part {QUALIFIED_NAME}"));
    }
    errors
}

/// What is wrong with `text` as a label value; empty if nothing is.
#[must_use]
pub fn label_value_errors(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > LABEL_MAX {
        errors.push(too_long(LABEL_MAX));
    }
    if !text.is_empty() && !is_name(text) {
        errors.push(LABEL_VALUE.to_owned());
    }
    errors
}

/// What is wrong with `text` as a DNS subdomain; empty if nothing is.
#[must_use]
pub fn dns1123_subdomain_errors(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > DNS1123_SUBDOMAIN_MAX {
        errors.push(too_long(DNS1123_SUBDOMAIN_MAX));
    }
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
        edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(inner)
    };
    if !text.split('.').all(label) {
        errors.push(SUBDOMAIN.to_owned());
    }
    errors
}

/// `text` in double quotes as Go's `%q` prints it: upstream's messages quote values so.
#[must_use]
pub fn go_quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            c if u32::from(c) < 0x20 || c == '\u{7f}' => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(c));
            }
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_an_optional_domain_and_a_name() {
        let long = "a".repeat(64);
        for good in ["a", "A.b_c-9", "example.com/Name", "a/b"] {
            assert_eq!(label_key_errors(good), Vec::<String>::new(), "{good}");
        }
        for (bad, count) in [("", 2), ("/a", 1), ("a/", 2), ("a/b/c", 1), ("-a", 1), ("Ex.com/a", 1), (&*long, 1)] {
            assert_eq!(label_key_errors(bad).len(), count, "{bad}");
        }
        assert_eq!(label_key_errors(&long), ["name part must be no more than 63 bytes"]);
    }

    #[test]
    fn values_may_be_empty_but_not_end_in_a_dot() {
        assert!(label_value_errors("").is_empty() && label_value_errors("a.b").is_empty());
        assert_eq!(label_value_errors("a.").len(), 1);
        assert_eq!(label_value_errors(&format!("{}-", "a".repeat(63))).len(), 2);
    }

    #[test]
    fn quotes_are_go_s() {
        assert_eq!(go_quote("a\"\\\n\u{1}\u{e9}"), "\"a\\\"\\\\\\n\\x01\u{e9}\"");
    }
}
