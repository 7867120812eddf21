//! What a recorded case of the scheduler needs that is not modelled yet, told by the fields of its objects and never by
//! what was decided.

use serde_json::{Map, Value};

use super::decisions::Recorded;

/// Volume sources that no rule of the scheduler reads.
const PLAIN_VOLUMES: &[&str] = &["name", "emptyDir", "configMap", "secret", "projected", "downwardAPI", "hostPath"];
/// Objects whose selectors are the default topology spread of the pods they select.
const SPREADING: &[&str] = &["services", "replicationControllers", "replicaSets", "statefulSets"];

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
    let kinds = SPREADING.iter().filter(|kind| !case.objects(kind).is_empty());
    needs.extend(kinds.map(|kind| format!("default topology spread ({kind})")));
    let mut pods = case.objects("pods").iter().chain(&case.queue);
    if pods.any(|pod| is_set(pod, "/spec/affinity/podAffinity") || is_set(pod, "/spec/affinity/podAntiAffinity")) {
        needs.push("InterPodAffinity (podAffinity, podAntiAffinity)".to_owned());
    }
    needs
}

/// What concerns this pod's decision alone.
pub(super) fn of_pod(pod: &Value) -> Vec<&'static str> {
    let fields = [
        ("/spec/topologySpreadConstraints", "PodTopologySpread (topologySpreadConstraints)"),
        ("/spec/resourceClaims", "DynamicResources (resourceClaims)"),
    ];
    let mut needs: Vec<&str> = fields.iter().filter(|(at, _)| is_set(pod, at)).map(|(_, need)| *need).collect();
    let volumes = pod.pointer("/spec/volumes").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is_plain = |volume: &Map<String, Value>| volume.keys().all(|key| PLAIN_VOLUMES.contains(&key.as_str()));
    if !volumes.iter().filter_map(Value::as_object).all(is_plain) {
        needs.push("volume plugins (volumes)");
    }
    needs
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
        assert_eq!(of_pod(&claims).len(), 2);
    }
}
