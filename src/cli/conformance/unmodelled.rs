//! What a recorded case of the scheduler needs that is not modelled yet, told by the fields of its objects and never by
//! what was decided.

use serde_json::Value;

use super::decisions::Recorded;

/// Whether the field at this JSON pointer is there and says something.
fn is_set(object: &Value, pointer: &str) -> bool {
    match object.pointer(pointer) {
        None | Some(Value::Null) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(fields)) => !fields.is_empty(),
        Some(_) => true,
    }
}

/// What concerns more than one decision: the whole case is unsupported.
pub(super) fn of_case(case: &Recorded) -> Vec<String> {
    let mut needs = Vec::new();
    if !case.config.is_null() {
        needs.push("a profile of its own (config)".to_owned());
    }
    if case.objects("nodes").iter().any(|node| is_set(node, "/status/images")) {
        needs.push("ImageLocality (status.images)".to_owned());
    }
    let mut pods = case.objects("pods").iter().chain(&case.queue);
    if pods.any(has_own_resources_in_status) {
        needs.push("in-place resize (status.containerStatuses)".to_owned());
    }
    needs
}

/// Whether the status says other resources than the specification.
fn has_own_resources_in_status(pod: &Value) -> bool {
    let lists = ["/status/containerStatuses", "/status/initContainerStatuses"].into_iter();
    let statuses = lists.filter_map(|list| pod.pointer(list)?.as_array()).flatten();
    statuses.into_iter().any(|status| is_set(status, "/resources") || is_set(status, "/allocatedResources"))
}

/// What concerns this pod's decision alone.
pub(super) fn of_pod(pod: &Value) -> Vec<&'static str> {
    let fields = [
        ("/spec/schedulingGates", "SchedulingGates (schedulingGates)"),
        ("/spec/resourceClaims", "DynamicResources (resourceClaims)"),
    ];
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
        let claims = json!({"spec": {"schedulingGates": [{"name": "g"}], "volumes": [{"name": "v", "rbd": {}}]}});
        assert_eq!(of_pod(&claims).len(), 1);
        let status = json!({"resources": {"requests": {"cpu": "1"}}});
        assert!(has_own_resources_in_status(&json!({"status": {"containerStatuses": [status]}})));
        assert!(!has_own_resources_in_status(&json!({"status": {"containerStatuses": [{"name": "c"}]}})));
    }
}
