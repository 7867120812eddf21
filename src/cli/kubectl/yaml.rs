//! Objects as `kubectl get -o yaml` and `-o json` print them: keys sorted, lists not indented, texts in quotes where they
//! would be read as something else. Mirrors sigs.k8s.io/yaml.

use serde_json::Value;

/// The object as YAML.
pub(crate) fn yaml(object: &Value) -> String {
    let mut out = String::new();
    value(object, 0, false, &mut out);
    out
}

/// The object as JSON, indented by four blanks.
pub(crate) fn json(object: &Value) -> String {
    let mut out = String::new();
    json_value(object, 0, &mut out);
    out.push('\n');
    out
}

fn sorted(map: &serde_json::Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}

fn pad(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n(' ', depth * 2));
}

/// Writes a value that begins in the present line if `inline`, else in lines of its own.
fn value(object: &Value, depth: usize, inline: bool, out: &mut String) {
    match object {
        Value::Object(map) if map.is_empty() => out.push_str("{}\n"),
        Value::Array(items) if items.is_empty() => out.push_str("[]\n"),
        Value::Object(map) => {
            for (n, (key, item)) in sorted(map).into_iter().enumerate() {
                if n > 0 || !inline {
                    pad(out, depth);
                }
                out.push_str(&scalar(key, depth));
                out.push(':');
                let nested = match item {
                    Value::Object(map) => !map.is_empty(),
                    Value::Array(items) => !items.is_empty(),
                    _ => false,
                };
                out.push(if nested { '\n' } else { ' ' });
                value(item, if item.is_array() { depth } else { depth + 1 }, false, out);
            }
        }
        Value::Array(items) => {
            for item in items {
                pad(out, depth);
                out.push_str("- ");
                value(item, depth + 1, true, out);
            }
        }
        Value::String(text) => {
            out.push_str(&scalar(text, depth));
            out.push('\n');
        }
        other => {
            out.push_str(&other.to_string());
            out.push('\n');
        }
    }
}

/// A text, in quotes if it must be.
fn scalar(text: &str, depth: usize) -> String {
    if text.contains('\n') && !text.contains(|c: char| c.is_control() && c != '\n') && !text.starts_with([' ', '\n']) {
        let keep = match text.chars().rev().take_while(|&c| c == '\n').count() {
            0 => "-",
            1 => "",
            _ => "+",
        };
        let indent = "  ".repeat(depth.max(1));
        let body = text.strip_suffix('\n').unwrap_or(text).split('\n');
        let lines = body.map(|line| if line.is_empty() { String::new() } else { format!("{indent}{line}") });
        return format!("|{keep}\n{}", lines.collect::<Vec<_>>().join("\n"));
    }
    if text.chars().any(char::is_control) {
        return Value::from(text).to_string();
    }
    if is_plain(text) {
        return text.to_owned();
    }
    // What would be read as another type stands in double quotes, what would break the syntax in single ones.
    if reads_otherwise(text) { format!("\"{text}\"") } else { format!("'{}'", text.replace('\'', "''")) }
}

fn is_plain(text: &str) -> bool {
    let special = text.starts_with([
        '-', '?', ':', ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`', ' ',
    ]);
    let dash = text.strip_prefix('-').is_some_and(|rest| !rest.is_empty() && !rest.starts_with([' ', '-']));
    (!special || dash)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !reads_otherwise(text)
}

/// Whether a YAML 1.1 reader takes the bare text for something else than text.
fn reads_otherwise(text: &str) -> bool {
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "" | "~" | "null" | "true" | "false" | "y" | "n" | "yes" | "no" | "on" | "off" | "<<" | "=" | ".nan"
    );
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digit = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let plain: String = unsigned.chars().filter(|&c| c != '_').collect();
    let number =
        plain.parse::<f64>().is_ok() || plain.starts_with("0x") && i128::from_str_radix(&plain[2..], 16).is_ok();
    // Dates (2026-03-02) and numbers of base sixty (10:30).
    let date = text.len() >= 8 && text.as_bytes()[..4].iter().all(u8::is_ascii_digit) && text.as_bytes()[4] == b'-';
    let sixty = unsigned.contains(':') && unsigned.split(':').all(|p| !p.is_empty() && p.parse::<f64>().is_ok());
    word || digit && (number || sixty) || date
}

fn json_value(object: &Value, depth: usize, out: &mut String) {
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', depth * 4));
    };
    match object {
        Value::Object(map) if !map.is_empty() => {
            out.push('{');
            for (n, (key, item)) in sorted(map).into_iter().enumerate() {
                out.push_str(if n > 0 { "," } else { "" });
                line(out, depth + 1);
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push_str(": ");
                json_value(item, depth + 1, out);
            }
            line(out, depth);
            out.push('}');
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                out.push_str(if n > 0 { "," } else { "" });
                line(out, depth + 1);
                json_value(item, depth + 1, out);
            }
            line(out, depth);
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn yaml_is_kubectl_s() {
        let object = json!({
            "b": [{ "name": "x", "args": ["-c", "--", "- a"], "env": [] }, "1"],
            "a": { "on": "yes", "at": "2026-03-02T00:00:00Z", "text": "a: b", "n": 3, "t": true, "z": null },
            "m": "one\ntwo\n",
            "empty": "",
        });
        let text = "a:\n  at: \"2026-03-02T00:00:00Z\"\n  \"n\": 3\n  \"on\": \"yes\"\n  t: true\n  text: 'a: b'\n  z: null\n\
                    b:\n- args:\n  - -c\n  - '--'\n  - '- a'\n  env: []\n  name: x\n- \"1\"\nempty: \"\"\nm: |\n  one\n  two\n";
        assert_eq!(yaml(&object), text);
    }

    #[test]
    fn what_is_printed_is_read_back() {
        let texts =
            ["a b", "0x1f", "1e3", "10:30", ".5", "a#b", "a #b", "- x", "-", "#", "'", "it's", "{a}", "*", "null"];
        let object: Value =
            texts.iter().map(|text| ((*text).to_owned(), Value::from(*text))).collect::<serde_json::Map<_, _>>().into();
        let read: Value = serde_saphyr::from_str(&yaml(&object)).expect("valid YAML");
        assert_eq!(read, object);
    }

    #[test]
    fn json_has_four_blanks() {
        assert_eq!(json(&json!({ "b": [1], "a": {} })), "{\n    \"a\": {},\n    \"b\": [\n        1\n    ]\n}\n");
    }
}
