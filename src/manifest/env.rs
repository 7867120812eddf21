//! Environment variables as far as they need ConfigMaps and Secrets. Mirrors ValidateEnv and ValidateEnvFrom of
//! pkg/apis/core/validation/validation.go, v1.34.

use super::codes;
use super::fields::{ConfigUse, Context, Fields, Path};
use super::names;
use super::schema;
use super::tree::{At, Entry};
use crate::model::{ConfigKind, ConfigObject, ConfigRef, EnvSource, StrId};

/// A ConfigMap or Secret that something refers to.
pub(super) struct Reference<'t> {
    /// ConfigMap or Secret.
    pub kind: ConfigKind,
    /// The pod's namespace.
    pub namespace: StrId,
    /// Its name.
    pub name: &'t str,
    /// Where the name stands.
    pub at: At,
    /// Whether it may be missing.
    pub optional: bool,
}

/// Interns a reference and remembers it for the check that it exists.
pub(super) fn reference(cx: &mut Context<'_>, to: &Reference<'_>, keys: &[(&str, At)]) -> ConfigRef {
    let name = cx.words.strings.intern(to.name);
    let config = cx.words.configs.intern(ConfigObject { kind: to.kind, namespace: to.namespace, name });
    let ids: Box<[StrId]> = keys.iter().map(|(key, _)| cx.words.strings.intern(key)).collect();
    if !to.optional {
        let span = cx.span(to.at);
        cx.uses.push(ConfigUse { config, key: None, span });
        for (&key, &(_, at)) in ids.iter().zip(keys) {
            let span = cx.span(at);
            cx.uses.push(ConfigUse { config, key: Some(key), span });
        }
    }
    ConfigRef { config, keys: ids, optional: to.optional }
}

/// Reads `envFrom` and `env` of a container.
pub(super) fn sources(cx: &mut Context<'_>, container: &Fields<'_, '_>, namespace: StrId) -> Vec<EnvSource> {
    let mut sources = env_from(cx, container, namespace);
    let list_path = container.path.field("env");
    for (index, node) in container.list(cx, "env", "v1.EnvVar").iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- name: LEVEL` and `value: \"info\"`";
        let Some(fields) = cx.fields(node, node.anchor(), &path, &schema::ENV_VAR, example) else { continue };
        let help = "every variable needs a name: add `name: LEVEL`";
        if let Some(name) = fields.required(cx, "name", codes::BAD_ENV_NAME, help) {
            let help = "write a name of letters, digits and `_`, and its value in `value:`";
            let reasons = names::env_name_errors(name);
            cx.invalid_text(codes::BAD_ENV_NAME, fields.at("name"), &path.field("name"), name, reasons, help);
        }
        let value = fields.text(cx, "value").unwrap_or("");
        let Some(entry) = fields.get("valueFrom") else { continue };
        let from = path.field("valueFrom");
        if !value.is_empty() {
            let text = "Invalid value: \"\": may not be specified when `value` is not empty";
            let help = "keep either `value` or `valueFrom`";
            cx.invalid(codes::BAD_ENV_SOURCE, entry.key_at, &from, text, "there is a value already", help);
        }
        sources.extend(value_from(cx, entry, &from, namespace));
    }
    sources
}

fn value_from(cx: &mut Context<'_>, entry: &Entry<'_>, path: &Path<'_>, namespace: StrId) -> Option<EnvSource> {
    let example = "write `configMapKeyRef: {name: settings, key: level}`";
    let fields = cx.fields(&entry.value, entry.key_at, path, &schema::ENV_VAR_SOURCE, example)?;
    let names = ["configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef", "fileKeyRef"];
    let given: Vec<&'static str> = names.into_iter().filter(|name| fields.get(name).is_some()).collect();
    if given.is_empty() {
        let text = "Invalid value: \"\": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or \
                    `secretKeyRef`";
        cx.invalid(codes::BAD_ENV_SOURCE, entry.key_at, path, text, "names no source", example);
    } else if given.len() > 1 {
        let text = "Invalid value: \"\": may not have more than one field specified at a time";
        let help = format!("keep one of {}", given.join(" and "));
        cx.invalid(codes::BAD_ENV_SOURCE, entry.key_at, path, text, "names several sources", &help);
    }
    let mut source = None;
    for name in given {
        let inner = path.field(name);
        let kind = match name {
            "configMapKeyRef" => ConfigKind::ConfigMap,
            "secretKeyRef" => ConfigKind::Secret,
            _ => {
                cx.ignore(&inner);
                continue;
            }
        };
        let entry = fields.get(name)?;
        let example = "write `name: settings` and `key: level` under it";
        let Some(fields) = cx.fields(&entry.value, entry.key_at, &inner, &schema::KEY_SELECTOR, example) else {
            continue;
        };
        let object = fields.required(cx, "name", codes::REQUIRED, "say which object: add `name: settings`");
        let key = fields.required(cx, "key", codes::REQUIRED, "say which of its keys: add `key: level`");
        if let Some(key) = key {
            let help = "keys have letters, digits, `-`, `_` and `.`";
            let reasons = names::config_key_errors(key);
            cx.invalid_text(codes::BAD_CONFIG_KEY, fields.at("key"), &inner.field("key"), key, reasons, help);
        }
        let optional = fields.boolean(cx, "optional").unwrap_or(false);
        if let (Some(object), Some(key)) = (object, key) {
            let to = Reference { kind, namespace, name: object, at: fields.at("name"), optional };
            source = Some(reference(cx, &to, &[(key, fields.at("key"))]));
        }
    }
    source
}

fn env_from(cx: &mut Context<'_>, container: &Fields<'_, '_>, namespace: StrId) -> Vec<EnvSource> {
    let list_path = container.path.field("envFrom");
    let mut sources = Vec::new();
    for (index, node) in container.list(cx, "envFrom", "v1.EnvFromSource").iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- configMapRef: {name: settings}`";
        let Some(fields) = cx.fields(node, node.anchor(), &path, &schema::ENV_FROM, example) else { continue };
        let kinds = [("configMapRef", ConfigKind::ConfigMap), ("secretRef", ConfigKind::Secret)];
        let given = kinds.iter().filter(|(name, _)| fields.get(name).is_some()).count();
        if given != 1 {
            let text = if given == 0 {
                "Invalid value: \"\": must specify one of: `configMapRef` or `secretRef`"
            } else {
                "Invalid value: \"\": may not have more than one field specified at a time"
            };
            let help = "each item of envFrom takes one object: write `- configMapRef: {name: settings}`";
            cx.invalid(codes::BAD_ENV_SOURCE, fields.anchor, &path, text, "", help);
        }
        for (name, kind) in kinds {
            let Some(entry) = fields.get(name) else { continue };
            let inner = path.field(name);
            let example = "write `name: settings` under it";
            let Some(fields) = cx.fields(&entry.value, entry.key_at, &inner, &schema::ENV_REF, example) else {
                continue;
            };
            let object = fields.required(cx, "name", codes::REQUIRED, "say which object: add `name: settings`");
            let optional = fields.boolean(cx, "optional").unwrap_or(false);
            if let Some(object) = object {
                let to = Reference { kind, namespace, name: object, at: fields.at("name"), optional };
                sources.push(reference(cx, &to, &[]));
            }
        }
    }
    sources
}
