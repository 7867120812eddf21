//! What a recorded case of the scheduler needs that is not modelled yet, told by the fields of its objects and never by
//! what was decided.

use serde_json::Value;

/// Whether the field at this JSON pointer is there and says something.
fn is_set(object: &Value, pointer: &str) -> bool {
    match object.pointer(pointer) {
        None | Some(Value::Null) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(fields)) => !fields.is_empty(),
        Some(_) => true,
    }
}

/// What concerns this pod's decision alone.
pub(super) fn of_pod(pod: &Value) -> Vec<&'static str> {
    let fields = [("/spec/resourceClaims", "DynamicResources (resourceClaims)")];
    fields.iter().filter(|(at, _)| is_set(pod, at)).map(|(_, need)| *need).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_told_from_absent_and_empty_ones() {
        let plain =
            json!({"spec": {"affinity": {}, "schedulingGates": [], "volumes": [{"name": "v", "emptyDir": {}}]}});
        assert!(of_pod(&plain).is_empty());
        let claims = json!({"spec": {"resourceClaims": [{"name": "g"}], "volumes": [{"name": "v", "rbd": {}}]}});
        assert_eq!(of_pod(&claims).len(), 1);
    }
}
