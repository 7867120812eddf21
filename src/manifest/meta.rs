//! `metadata` of every object: name, namespace, labels. Mirrors pkg/apis/core/validation (ValidateObjectMeta), v1.34.

use super::codes;
use super::fields::{Context, Fields, Path};
use super::names;
use super::schema;
use super::tree::At;
use crate::model::OwnerKind;
use crate::model::names::{dns1123_subdomain_errors, go_quote, label_key_errors, label_value_errors};

/// What `metadata` says.
pub(super) struct Meta<'t> {
    /// The name; made from `generateName` if there is only that; empty if it is missing.
    pub name: String,
    /// Where the name stands.
    pub name_at: At,
    /// The namespace, `default` if none is given.
    pub namespace: &'t str,
    /// Labels as written.
    pub labels: Vec<(&'t str, &'t str)>,
    /// Annotations as written.
    pub annotations: Vec<(&'t str, &'t str)>,
    /// The uid, if it is written and the kind has a use for it.
    pub uid: Option<&'t str>,
    /// Whether there is a `deletionTimestamp`, for kinds that have a use for it.
    pub is_deleting: bool,
    /// Its controller, if that is of a kind whose pods are spread by default.
    pub owner: Option<(OwnerKind, &'t str)>,
    /// The uid of the owner that controls it, for kinds that have a use for it.
    pub controller: Option<&'t str>,
    /// Kind and name of the owner that controls it.
    pub owned_by: Option<(&'t str, &'t str)>,
}

/// Fields that some kinds only have a use for; for others they are counted as ignored.
const USED_BY: &[(&str, &[&str])] = &[
    ("uid", &["Pod", "PersistentVolumeClaim"]),
    ("deletionTimestamp", &["Pod", "PersistentVolume", "PersistentVolumeClaim"]),
];

impl<'t> Meta<'t> {
    /// That of a pod template before anything of it is read: the pods are in the namespace of their workload.
    pub(super) fn of_template(workload: &Self) -> Self {
        Self {
            name: workload.name.clone(),
            name_at: workload.name_at,
            namespace: workload.namespace,
            labels: Vec::new(),
            annotations: Vec::new(),
            uid: None,
            is_deleting: false,
            owner: None,
            controller: None,
            owned_by: None,
        }
    }

    /// The value of an annotation.
    pub(super) fn annotation(&self, key: &str) -> Option<&'t str> {
        self.annotations.iter().find(|(name, _)| *name == key).map(|&(_, value)| value)
    }

    /// The uid; an object that has none yet is known by its names.
    pub(super) fn uid(&self) -> String {
        let made = || format!("uid-{}-{}", self.namespace, self.name);
        self.uid.filter(|uid| !uid.is_empty()).map_or_else(made, str::to_owned)
    }
}

/// What an object's name must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NameRule {
    /// An RFC 1123 subdomain.
    Subdomain,
    /// An RFC 1035 label.
    Label1035,
    /// An RFC 1123 label.
    Label1123,
}

/// Reads `metadata` of an object. `ordinal` makes generated names distinct.
pub(super) fn read<'t>(cx: &mut Context<'_>, root: &Fields<'t, '_>, rule: NameRule, ordinal: usize) -> Meta<'t> {
    let mut meta = Meta {
        name: String::new(),
        name_at: root.anchor,
        namespace: "default",
        labels: Vec::new(),
        annotations: Vec::new(),
        uid: None,
        is_deleting: false,
        owner: None,
        controller: None,
        owned_by: None,
    };
    let path = Path::ROOT;
    let path = path.field("metadata");
    let Some(entry) = root.get("metadata") else {
        missing_name(cx, root.written("metadata").map_or(root.anchor, |e| e.key_at));
        return meta;
    };
    if let Some(fields) = cx.fields(&entry.value, entry.key_at, &path, &schema::META, "write `metadata: {name: web}`") {
        let errors = cx.errors;
        let given = fields.text(cx, "name").filter(|name| !name.is_empty());
        let prefix = fields.text(cx, "generateName").filter(|name| !name.is_empty());
        match (given, prefix) {
            (Some(name), _) => {
                meta.name = name.to_owned();
                meta.name_at = fields.at("name");
                check_name(cx, name, meta.name_at, rule);
            }
            (None, Some(prefix)) => {
                meta.name = format!("{prefix}{}", suffix(ordinal));
                meta.name_at = fields.at("generateName");
            }
            (None, None) if cx.errors == errors => missing_name(cx, fields.at("name")),
            (None, None) => {}
        }
        if let Some(namespace) = fields.text(cx, "namespace").filter(|namespace| !namespace.is_empty()) {
            meta.namespace = namespace;
            let help = format!("a namespace such as {:?} is allowed", names::repaired(namespace));
            let reasons = names::dns_label_errors(namespace);
            let at = fields.at("namespace");
            cx.invalid_text(codes::BAD_NAME, at, &path.field("namespace"), namespace, reasons, &help);
        }
        meta.labels = check_labels(cx, &fields, "labels");
        owners(cx, &fields, &mut meta);
        meta.annotations = annotations(cx, &fields, &path.field("annotations"));
        special(cx, &fields, &mut meta);
    }
    meta
}

/// Reads `annotations`; what is wrong with them is said of `path`.
pub(super) fn annotations<'t>(
    cx: &mut Context<'_>,
    fields: &Fields<'t, '_>,
    path: &Path<'_>,
) -> Vec<(&'t str, &'t str)> {
    let mut annotations = Vec::new();
    for (key, at, value, _) in fields.texts(cx, "annotations", "write `key: \"value\"` lines under it") {
        annotations.push((key, value));
        for error in label_key_errors(&key.to_lowercase()) {
            let text = format!("Invalid value: {}: {error}", go_quote(key));
            let help = "annotation keys are a name, or a domain, a slash and a name: example.com/owner";
            cx.invalid(codes::BAD_LABEL, at, path, &text, "", help);
        }
    }
    annotations
}

/// What only some kinds have a use for.
fn special<'t>(cx: &mut Context<'_>, fields: &Fields<'t, '_>, meta: &mut Meta<'t>) {
    for &(name, kinds) in USED_BY {
        let Some(entry) = fields.get(name) else { continue };
        let path = fields.path.field(name);
        match name {
            _ if !kinds.contains(&cx.kind) => cx.ignore(&path),
            "uid" => meta.uid = fields.text(cx, "uid"),
            _ => meta.is_deleting = cx.text(&entry.value, &path, "ObjectMeta", "Time").is_some(),
        }
    }
}

/// The controller among the owners. Other owners make no difference here.
fn owners<'t>(cx: &mut Context<'_>, fields: &Fields<'t, '_>, meta: &mut Meta<'t>) {
    const NAME: &str = "ownerReferences";
    let list_path = fields.path.field(NAME);
    for (index, node) in fields.list(cx, NAME, "v1.OwnerReference").iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- {apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: ..., controller: true}`";
        let schema = &schema::OWNER_REFERENCE;
        let Some(fields) = cx.fields(node, node.anchor(), &path, schema, example) else { continue };
        let [version, kind, name, uid] =
            ["apiVersion", "kind", "name", "uid"].map(|name| fields.text(cx, name).unwrap_or(""));
        let is_controller = fields.boolean(cx, "controller").unwrap_or(false);
        fields.boolean(cx, "blockOwnerDeletion");
        if is_controller && meta.owned_by.is_none() {
            meta.owned_by = Some((kind, name));
        }
        let kind = match (version, kind) {
            ("v1", "ReplicationController") => Some(OwnerKind::ReplicationController),
            ("apps/v1", "ReplicaSet") => Some(OwnerKind::ReplicaSet),
            ("apps/v1", "StatefulSet") => Some(OwnerKind::StatefulSet),
            _ => None,
        };
        match (cx.kind, kind) {
            ("Pod", Some(kind)) if is_controller && meta.owner.is_none() => meta.owner = Some((kind, name)),
            ("PersistentVolumeClaim", _) if is_controller && meta.controller.is_none() => meta.controller = Some(uid),
            _ if is_controller => {}
            _ => cx.ignore(&path),
        }
    }
}

fn missing_name(cx: &mut Context<'_>, at: At) {
    let root = Path::ROOT;
    let path = root.field("metadata");
    let text = "Required value: name or generateName is required";
    let help = "every object needs a name: add `metadata: {name: web}`";
    cx.invalid(codes::NO_NAME, at, &path.field("name"), text, "no name here", help);
}

fn check_name(cx: &mut Context<'_>, name: &str, at: At, rule: NameRule) {
    let errors = match rule {
        NameRule::Subdomain => dns1123_subdomain_errors(name),
        NameRule::Label1035 => names::dns1035_label_errors(name),
        NameRule::Label1123 => names::dns_label_errors(name),
    };
    for error in errors {
        let root = Path::ROOT;
        let path = root.field("metadata");
        let text = format!("Invalid value: {}: {error}", go_quote(name));
        let help = match names::repaired(name) {
            repaired if rule == NameRule::Label1035 => {
                format!("lower case letters, digits and `-`, with a letter first: for example svc-{repaired}")
            }
            repaired => format!("lower case letters, digits, `-` and `.`: for example {repaired}"),
        };
        cx.invalid(codes::BAD_NAME, at, &path.field("name"), &text, "not a valid name", &help);
    }
}

/// Checks the keys and values of a mapping of labels; upstream reports them all at the mapping's path.
pub(super) fn check_labels<'t>(
    cx: &mut Context<'_>,
    fields: &Fields<'t, '_>,
    name: &'static str,
) -> Vec<(&'t str, &'t str)> {
    check_labels_at(cx, fields, name, &fields.path.field(name))
}

/// Likewise, with another path in the reports.
pub(super) fn check_labels_at<'t>(
    cx: &mut Context<'_>,
    fields: &Fields<'t, '_>,
    name: &'static str,
    path: &Path<'_>,
) -> Vec<(&'t str, &'t str)> {
    let mut labels = Vec::new();
    for (key, key_at, value, value_at) in fields.texts(cx, name, "write `key: value` lines under it") {
        for error in label_key_errors(key) {
            let text = format!("Invalid value: {}: {error}", go_quote(key));
            let help = "label keys are a name, or a domain, a slash and a name: app or example.com/app";
            cx.invalid(codes::BAD_LABEL, key_at, path, &text, "not a valid key", help);
        }
        for error in label_value_errors(value) {
            let text = format!("Invalid value: {}: {error}", go_quote(value));
            let help =
                "label values have at most 63 letters, digits, `-`, `_` and `.`; longer texts belong into annotations";
            cx.invalid(codes::BAD_LABEL, value_at, path, &text, "not a valid value", help);
        }
        labels.push((key, value));
    }
    labels
}

/// Five letters for generated names, from the alphabet that upstream uses.
fn suffix(ordinal: usize) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut rest = ordinal;
    let mut letters = [b'b'; 5];
    for letter in letters.iter_mut().rev() {
        *letter = LETTERS[rest % LETTERS.len()];
        rest /= LETTERS.len();
    }
    letters.iter().map(|&b| char::from(b)).collect()
}
