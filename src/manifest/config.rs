//! ConfigMaps, Secrets and PriorityClasses. Mirrors ValidateConfigMap and ValidateSecret of
//! pkg/apis/core/validation/validation.go and ValidatePriorityClass of pkg/apis/scheduling/validation, v1.34.

use super::codes;
use super::fields::{Context, Fields};
use super::meta::Meta;
use super::names;
use super::placement::PREEMPTION;
use crate::model::names::go_quote;
use crate::model::service::ConfigContent;
use crate::model::{ConfigKind, ConfigObject, PriorityClass, StrId};

/// The most that a ConfigMap or Secret can hold.
const MOST_BYTES: usize = 1 << 20;
/// User-defined priorities end here.
const HIGHEST_PRIORITY: i64 = 1_000_000_000;

/// Reads a ConfigMap or Secret: its keys.
pub(super) fn read(cx: &mut Context<'_>, root: &Fields<'_, '_>, meta: &Meta<'_>, kind: ConfigKind) -> ConfigContent {
    let fields: [&'static str; 2] = match kind {
        ConfigKind::ConfigMap => ["data", "binaryData"],
        ConfigKind::Secret => ["stringData", "data"],
    };
    let mut keys: Vec<(&str, &str)> = Vec::new();
    let mut bytes = 0;
    for name in fields {
        let path = root.path.field(name);
        for (key, key_at, value, value_at) in root.texts(cx, name, "write `key: value` lines under it") {
            let help = format!("keys have letters, digits, `-`, `_` and `.`: for example {}", names::repaired(key));
            cx.invalid_text(codes::BAD_CONFIG_KEY, key_at, &path.key(key), key, names::config_key_errors(key), &help);
            match (kind, name) {
                (ConfigKind::ConfigMap, "data") if value.is_empty() => {
                    let message = format!("{}: the value is empty", path.key(key));
                    let help = "programs often take an empty setting for a missing one: write a value, write \"\" \
                                with a comment if empty is meant, or remove the key";
                    cx.warn(codes::EMPTY_CONFIG_VALUE, key_at, &message, "nothing follows", help);
                }
                (_, "data" | "binaryData") if (kind, name) != (ConfigKind::ConfigMap, "data") && !is_base64(value) => {
                    let message = format!("{}: illegal base64 data", path.key(key));
                    let help = match kind {
                        ConfigKind::Secret => "values under `data:` are base64: encode it, or move it to `stringData:`",
                        ConfigKind::ConfigMap => {
                            "values under `binaryData:` are base64: encode it, or move it to `data:`"
                        }
                    };
                    cx.error(codes::BAD_BASE64, value_at, &message, "not base64", help);
                }
                _ => {}
            }
            let is_string_data = kind == ConfigKind::Secret && name == "data";
            if !is_string_data && keys.iter().any(|&(other, field)| other == key && field != name) {
                let text = format!("Invalid value: {}: duplicate of key present in data", go_quote(key));
                let help = "a key stands in `data:` or in `binaryData:`, not in both";
                cx.invalid(codes::DUPLICATE_KEY, key_at, &path.key(key), &text, "there is one in data already", help);
            }
            bytes += value.len();
            keys.push((key, name));
        }
    }
    if bytes > MOST_BYTES {
        let path = root.path.field("data");
        let text = format!("Too long: may not be more than {MOST_BYTES} bytes");
        let help = "more than 1 MiB does not fit into one object: split it, or put it into a volume";
        let at = root.written("data").map_or(root.anchor, |entry| entry.key_at);
        cx.invalid(codes::CONFIG_TOO_LARGE, at, &path, &text, &format!("{bytes} bytes"), help);
    }
    let strings = &mut cx.words.strings;
    let mut ids: Vec<StrId> = keys.iter().map(|(key, _)| strings.intern(key)).collect();
    ids.sort_unstable();
    ids.dedup();
    let object = ConfigObject { kind, namespace: strings.intern(meta.namespace), name: strings.intern(&meta.name) };
    ConfigContent { config: cx.words.configs.intern(object), keys: ids.into_boxed_slice() }
}

/// Whether a text is standard base64 with padding; line ends are skipped as Go does.
fn is_base64(text: &str) -> bool {
    let data: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    let body = match data.as_slice() {
        [body @ .., b'=', b'='] | [body @ .., b'='] => body,
        body => body,
    };
    data.len().is_multiple_of(4) && body.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}

/// Reads a PriorityClass, and whether it is the default of all pods.
pub(super) fn priority_class(
    cx: &mut Context<'_>,
    root: &Fields<'_, '_>,
    meta: &Meta<'_>,
) -> Option<(PriorityClass, bool)> {
    let preemption = cx.choice(root, "preemptionPolicy", PREEMPTION).unwrap_or_default();
    let is_default = root.boolean(cx, "globalDefault").unwrap_or(false);
    let value = root.integer(cx, "value", "int32");
    if value.is_none() && root.get("value").is_none() {
        let help = "say how important it is: add `value: 1000`";
        cx.invalid(codes::REQUIRED, root.at("value"), &root.path.field("value"), "Required value", "no value", help);
    }
    let system = [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)];
    if meta.name.starts_with("system-")
        && !system.iter().any(|&(name, known)| name == meta.name && Some(known) == value)
    {
        let text = format!(
            "Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: {} is not a \
             known system priority class",
            meta.name
        );
        let metadata = root.path.field("metadata");
        let help = "choose a name that does not begin with system-";
        cx.invalid(codes::FORBIDDEN, meta.name_at, &metadata.field("name"), &text, "reserved", help);
    } else if value.is_some_and(|value| value > HIGHEST_PRIORITY) && !meta.name.starts_with("system-") {
        let text = format!("Forbidden: maximum allowed value of a user defined priority is {HIGHEST_PRIORITY}");
        let help = "write a value of at most 1000000000";
        cx.invalid(codes::OUT_OF_RANGE, root.at("value"), &root.path.field("value"), &text, "too high", help);
    }
    Some((PriorityClass { value: i32::try_from(value?).ok()?, preemption }, is_default))
}

#[cfg(test)]
mod tests {
    use super::is_base64;

    #[test]
    fn base64_is_padded() {
        for good in ["", "YQ==", "YWI=", "YWJj", "YWJj\nYWJj"] {
            assert!(is_base64(good), "{good}");
        }
        for bad in ["a", "YQ=", "hunter2!", "Y===", "YWJjZ"] {
            assert!(!is_base64(bad), "{bad}");
        }
    }
}
