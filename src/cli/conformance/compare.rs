//! Where an answer differs from what a vector expects.

use serde_json::Value;

use super::Answer;

/// One line for each place that differs; empty if the answer is as expected.
pub(super) fn differences(expected: &Value, answer: &Answer) -> Vec<String> {
    let mut found = Vec::new();
    let (got, complete) = match answer {
        Answer::Asserted(got) => (got, false),
        Answer::Complete(got) => (got, true),
        Answer::Without(field, got) => {
            let mut judged = expected.clone();
            judged.as_object_mut().and_then(|fields| fields.remove(*field));
            visit("", &judged, got, true, &mut found);
            return found;
        }
    };
    visit("", expected, got, complete, &mut found);
    found
}

fn visit(path: &str, expected: &Value, got: &Value, complete: bool, found: &mut Vec<String>) {
    let (Value::Object(wanted), Value::Object(have)) = (expected, got) else {
        if !same(expected, got) {
            let place = if path.is_empty() { "answer" } else { path };
            found.push(format!("{place}: expected {expected}, got {got}"));
        }
        return;
    };
    let child = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    for (key, wanted) in wanted {
        match have.get(key) {
            Some(have) => visit(&child(key), wanted, have, complete, found),
            None => found.push(format!("{}: expected {wanted}, got nothing", child(key))),
        }
    }
    if complete {
        let more = have.iter().filter(|(key, _)| !wanted.contains_key(*key));
        found.extend(more.map(|(key, have)| format!("{}: expected nothing, got {have}", child(key))));
    }
}

/// Whether two values are the same; an empty list may be written as `null`, and a whole number as a fraction.
fn same(expected: &Value, got: &Value) -> bool {
    match (expected, got) {
        (Value::Null, Value::Array(items)) => items.is_empty(),
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64() && (a.is_f64() || b.is_f64()),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => expected == got,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_complete_answers_may_not_say_more() {
        let (expected, got) = (json!({"a": {"b": 1}}), json!({"a": {"b": 1, "c": 2}}));
        assert!(differences(&expected, &Answer::Asserted(got.clone())).is_empty());
        assert_eq!(differences(&expected, &Answer::Complete(got)), ["a.c: expected nothing, got 2"]);
        assert!(differences(&expected, &Answer::Without("a", json!({}))).is_empty());
        let less = Answer::Asserted(json!({"a": {}}));
        assert_eq!(differences(&expected, &less), ["a.b: expected 1, got nothing"]);
        assert!(differences(&json!({"l": null, "n": 2}), &Answer::Asserted(json!({"l": [], "n": 2.0}))).is_empty());
        assert!(!differences(&json!({"l": [1]}), &Answer::Asserted(json!({"l": [1, 2]}))).is_empty());
    }
}
