//! Names that only manifests have: labels of DNS, port names, configuration keys, environment variables. The texts are
//! upstream's. Knows no objects. Mirrors apimachinery/pkg/util/validation/validation.go, v1.34.

const DNS1123: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
'[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const DNS1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation \
is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  \
or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const ENV_NAME: &str =
    "a valid environment variable name must consist only of printable ASCII characters other than '='";

fn too_long(text: &str, limit: usize) -> Option<String> {
    (text.len() > limit).then(|| format!("must be no more than {limit} bytes"))
}

fn lower_label(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(&first), Some(&last)) => {
            alphanumeric(first) && alphanumeric(last) && bytes.iter().all(|&b| alphanumeric(b) || b == b'-')
        }
        _ => false,
    }
}

/// Names of containers, volumes, namespaces.
pub(super) fn dns_label_errors(text: &str) -> Vec<String> {
    let mut errors: Vec<String> = too_long(text, 63).into_iter().collect();
    if !lower_label(text) {
        errors.push(DNS1123.to_owned());
    }
    errors
}

/// Names of Services.
pub(super) fn dns1035_label_errors(text: &str) -> Vec<String> {
    let mut errors: Vec<String> = too_long(text, 63).into_iter().collect();
    if !lower_label(text) || text.starts_with(|c: char| c.is_ascii_digit()) {
        errors.push(DNS1035.to_owned());
    }
    errors
}

/// Names of ports.
pub(super) fn port_name_errors(text: &str) -> Vec<String> {
    let mut errors: Vec<String> = too_long(text, 15).into_iter().collect();
    if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        errors.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned());
    }
    if !text.bytes().any(|b| b.is_ascii_lowercase()) {
        errors.push("must contain at least one letter (a-z)".to_owned());
    }
    if text.contains("--") {
        errors.push("must not contain consecutive hyphens".to_owned());
    }
    if text.starts_with('-') || text.ends_with('-') {
        errors.push("must not begin or end with a hyphen".to_owned());
    }
    errors
}

/// Keys of ConfigMaps and Secrets.
pub(super) fn config_key_errors(text: &str) -> Vec<String> {
    let mut errors: Vec<String> = too_long(text, 253).into_iter().collect();
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if text.is_empty() || !text.bytes().all(fits) {
        errors.push(CONFIG_KEY.to_owned());
    }
    match text {
        "." => errors.push("must not be '.'".to_owned()),
        ".." => errors.push("must not be '..'".to_owned()),
        _ if text.starts_with("..") => errors.push("must not start with '..'".to_owned()),
        _ => {}
    }
    errors
}

/// Names of environment variables (relaxed since v1.34).
pub(super) fn env_name_errors(text: &str) -> Vec<String> {
    let fits = |b: u8| (0x20..0x7f).contains(&b) && b != b'=';
    if text.bytes().all(fits) { Vec::new() } else { vec![ENV_NAME.to_owned()] }
}

/// A name that is allowed where `text` is not: what a help can offer.
pub(super) fn repaired(text: &str) -> String {
    let lower = text.to_lowercase();
    let mapped: String = lower.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    mapped.trim_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_name_has_its_rules() {
        for good in ["a", "a-1", "1a"] {
            assert!(dns_label_errors(good).is_empty(), "{good}");
        }
        for bad in ["", "A", "-a", "a.b", "a_b"] {
            assert!(!dns_label_errors(bad).is_empty(), "{bad}");
        }
        assert!(dns1035_label_errors("web-1").is_empty() && !dns1035_label_errors("1web").is_empty());
        assert_eq!(dns_label_errors(&"a".repeat(64)), ["must be no more than 63 bytes"]);
        assert!(port_name_errors("http-2").is_empty());
        for bad in ["80", "Http", "a--b", "-a", "sixteen-letters-x"] {
            assert!(!port_name_errors(bad).is_empty(), "{bad}");
        }
        assert!(config_key_errors("a.B_c-9").is_empty() && !config_key_errors("a b").is_empty());
        assert_eq!(config_key_errors("..a"), ["must not start with '..'"]);
        assert!(env_name_errors("a b.c").is_empty() && !env_name_errors("a=b").is_empty());
        assert_eq!(repaired("My_Web App"), "my-web-app");
    }
}
