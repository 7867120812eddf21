//! Patches of objects as JSON: strategic ones, which know what lists are keyed by, and merge patches, which do not. Pure; knows no
//! scenario.
//!
//! Mirrors staging/src/k8s.io/apimachinery/pkg/util/strategicpatch/patch.go with the `patchMergeKey` tags of
//! staging/src/k8s.io/api, v1.34, and RFC 7386.

use serde_json::{Map, Value};

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const ORDER: &str = "$setElementOrder/";

/// Lists of objects that are merged, with the field that tells their elements apart. `ports` of containers come before those of
/// Services, which have no `containerPort`.
const KEYED: [(&str, &[&str]); 16] = [
    ("containers", &["name"]),
    ("initContainers", &["name"]),
    ("ephemeralContainers", &["name"]),
    ("volumes", &["name"]),
    ("env", &["name"]),
    ("volumeMounts", &["mountPath"]),
    ("volumeDevices", &["devicePath"]),
    ("ports", &["containerPort", "port"]),
    ("imagePullSecrets", &["name"]),
    ("hostAliases", &["ip"]),
    ("topologySpreadConstraints", &["topologyKey"]),
    ("resourceClaims", &["name"]),
    ("schedulingGates", &["name"]),
    ("secrets", &["name"]),
    ("ownerReferences", &["uid"]),
    ("conditions", &["type"]),
];

/// How a patch is meant (`kubectl patch --type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PatchType {
    /// Lists of objects with names are merged.
    #[default]
    Strategic,
    /// Lists are replaced.
    Merge,
}

/// The object with the patch applied.
#[must_use]
pub fn patched(object: &Value, patch: &Value, how: PatchType) -> Value {
    let mut object = object.clone();
    merge(&mut object, patch, how);
    object
}

fn merge(target: &mut Value, patch: &Value, how: PatchType) {
    let Value::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    let strategic = how == PatchType::Strategic;
    let directive = patch.get(DIRECTIVE).and_then(Value::as_str).filter(|_| strategic);
    if directive.is_some() || !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if directive == Some("delete") {
        return;
    }
    let Value::Object(fields) = target else { unreachable!("it has just been made one") };
    for (key, value) in patch {
        if strategic && (key == DIRECTIVE || key == RETAIN || key.starts_with(ORDER)) {
            continue;
        }
        if let Some(list) = key.strip_prefix(DELETE_FROM).filter(|_| strategic) {
            let gone = value.as_array().map_or(&[][..], Vec::as_slice);
            if let Some(Value::Array(items)) = fields.get_mut(list) {
                items.retain(|item| !gone.contains(item));
            }
            continue;
        }
        match value {
            Value::Null => {
                fields.remove(key);
            }
            Value::Array(items) if strategic => {
                let before = fields.entry(key.as_str()).or_insert_with(|| Value::Array(Vec::new()));
                merge_list(before, key, items, how);
            }
            _ => merge(fields.entry(key.as_str()).or_insert(Value::Null), value, how),
        }
    }
    if let Some(Value::Array(kept)) = patch.get(RETAIN).filter(|_| strategic) {
        fields.retain(|key, _| kept.iter().any(|name| name == key));
    }
}

fn merge_list(target: &mut Value, name: &str, patch: &[Value], how: PatchType) {
    let directive = |item: &Value| item.get(DIRECTIVE).and_then(Value::as_str).map(str::to_owned);
    let replaces = patch.iter().any(|item| directive(item).as_deref() == Some("replace"));
    let keys = KEYED.iter().find(|(list, _)| *list == name).map(|(_, keys)| *keys);
    let key_of = |item: &Value| keys?.iter().find_map(|&key| Some((key, item.get(key)?.clone())));
    let is_primitive = name == "finalizers";
    let Value::Array(items) = target else {
        *target = Value::Array(patch.to_vec());
        return;
    };
    if replaces || (keys.is_none() && !is_primitive) {
        *items = patch.iter().filter(|item| directive(item).is_none()).cloned().collect();
        return;
    }
    for new in patch {
        let at = match key_of(new) {
            Some((key, value)) => items.iter().position(|item| item.get(key) == Some(&value)),
            None => items.iter().position(|item| item == new),
        };
        match (at, directive(new).as_deref() == Some("delete")) {
            (Some(at), true) => {
                items.remove(at);
            }
            (Some(at), false) => merge(&mut items[at], new, how),
            (None, true) => {}
            (None, false) => {
                let mut fresh = Value::Null;
                merge(&mut fresh, new, how);
                items.push(fresh);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_strategic_patch_merges_lists_by_their_keys() {
        let object = json!({"spec": {"replicas": 3, "template": {"spec": {"containers": [
            {"name": "a", "image": "a:1", "args": ["x", "y"], "ports": [{"containerPort": 80}]},
            {"name": "b", "image": "b:1"}]}}}});
        let patch = json!({"spec": {"paused": true, "template": {"spec": {"containers": [
            {"name": "b", "$patch": "delete"},
            {"name": "a", "image": "a:2", "args": ["z"], "ports": [{"containerPort": 81}]},
            {"name": "c", "image": "c:1"}]}}}});
        let want = json!({"spec": {"replicas": 3, "paused": true, "template": {"spec": {"containers": [
            {"name": "a", "image": "a:2", "args": ["z"], "ports": [{"containerPort": 80}, {"containerPort": 81}]},
            {"name": "c", "image": "c:1"}]}}}});
        assert_eq!(patched(&object, &patch, PatchType::Strategic), want);
    }

    #[test]
    fn directives_replace_and_delete() {
        let object = json!({"a": {"x": 1, "y": 2}, "containers": [{"name": "a"}, {"name": "b"}],
            "finalizers": ["p", "q"], "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}});
        let patch = json!({"a": {"$patch": "replace", "z": 3}, "containers": [{"$patch": "replace"}, {"name": "c"}],
            "$deleteFromPrimitiveList/finalizers": ["p"], "finalizers": ["r"],
            "strategy": {"$retainKeys": ["type"], "type": "Recreate"}});
        let want = json!({"a": {"z": 3}, "containers": [{"name": "c"}], "finalizers": ["q", "r"],
            "strategy": {"type": "Recreate"}});
        assert_eq!(patched(&object, &patch, PatchType::Strategic), want);
    }

    #[test]
    fn a_merge_patch_replaces_lists_and_removes_what_is_null() {
        let object = json!({"a": {"b": 1, "c": [1, 2]}, "d": 5});
        let patch = json!({"a": {"b": null, "c": [3], "e": {"f": null, "g": 1}}, "d": {"h": 1}});
        let want = json!({"a": {"c": [3], "e": {"g": 1}}, "d": {"h": 1}});
        assert_eq!(patched(&object, &patch, PatchType::Merge), want);
    }
}
