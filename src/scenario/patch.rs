//! `[[change]] patch` -> an object as it is after the patch. What it is before is what the manifests say and what earlier changes
//! made of it: who scaled it since is not asked, as a patch that does not name `replicas` leaves them alone.

use serde_json::Value as Json;

use super::fields::{Fields, Placed};
use super::files::open_one;
use super::{Cx, codes, suggest};
use crate::base::SimTime;
use crate::diag::SourceId;
use crate::manifest::{self, PatchType, written};

/// What a patch makes of an object.
pub(super) struct Patched {
    /// The text that the object is read from.
    pub source: SourceId,
    /// Whether the patch itself says how many replicas there are.
    pub replicas_given: bool,
}

/// Kinds whose objects are made once and change otherwise, or not at all.
const OTHERWISE: [(&str, &str); 4] = [
    ("Pod", "write `resize` or `ungate`: nothing else of a running pod changes"),
    ("Node", "write `taint`, `untaint` or `drain`"),
    ("Service", "Services are as they are from the start"),
    ("Namespace", "the labels of a namespace are as they are from the start"),
];

pub(super) fn read(cx: &mut Cx<'_>, fields: &Fields<'_>, at: SimTime) -> Option<Patched> {
    let written = fields.text(cx, "patch")?;
    let namespace = fields.text(cx, "namespace").map_or("default", |namespace| namespace.value);
    let how = match fields.choice(cx, "type") {
        Some("merge") => PatchType::Merge,
        _ => PatchType::Strategic,
    };
    let patch = patch(cx, fields)?;
    let Some((kind, name)) = written.value.split_once('/') else {
        let message = format!("`{}` does not say what kind of object it is", written.value);
        cx.diagnostics.error(codes::UNKNOWN_CHOICE, written.span, message, "kind missing", "write `Deployment/web`");
        return None;
    };
    if let Some((_, help)) = OTHERWISE.iter().find(|(of, _)| *of == kind) {
        let message = format!("objects of the kind `{kind}` cannot be patched");
        cx.diagnostics.error(codes::UNKNOWN_CHOICE, written.span, message, "not this kind", *help);
        return None;
    }
    let object = before(cx, &written, (kind, namespace, name), at)?;
    let text = serde_json::to_string_pretty(&manifest::patched(&object, &patch, how)).unwrap_or_default();
    let source = cx.sources.add(format!("{} as patched", written.value), text);
    cx.applied.push((source, at));
    Some(Patched { source, replicas_given: patch.pointer("/spec/replicas").is_some() })
}

/// The patch itself, in the scenario or in a file.
fn patch(cx: &mut Cx<'_>, fields: &Fields<'_>) -> Option<Json> {
    let (source, span) = match fields.one_of(cx, &["with", "with_file"], true)? {
        "with" => {
            let text = fields.text(cx, "with")?;
            (cx.sources.add("with", text.value), text.span)
        }
        _ => {
            let path = fields.paths(cx, "with_file")?.pop()?;
            (open_one(cx, &path)?, path.span)
        }
    };
    let value = manifest::value(source, &cx.sources, &mut cx.diagnostics)?;
    if !value.is_object() {
        let help = "write the fields that change, as in `{spec: {replicas: 5}}`";
        cx.diagnostics.error(codes::BAD_PATCH, span, "a patch is a mapping", "none", help);
        return None;
    }
    Some(value)
}

/// The object as it is just before `at`.
fn before(
    cx: &mut Cx<'_>,
    place: &Placed<&str>,
    (kind, namespace, name): (&str, &str, &str),
    at: SimTime,
) -> Option<Json> {
    let starts = cx.manifests.iter().filter(|source| cx.applied.iter().all(|(other, _)| other != *source));
    let starts: Vec<_> = starts.map(|&source| (source, cx.start)).collect();
    let mut found: Option<(SimTime, Json)> = None;
    let mut names = Vec::new();
    for &(source, since) in starts.iter().chain(&cx.applied) {
        for object in written(source, &cx.sources) {
            let of = |key: &str| object.object["metadata"][key].as_str();
            if object.object["kind"] != kind || of("namespace").unwrap_or("default") != namespace {
                continue;
            }
            names.push(of("name").unwrap_or_default().to_owned());
            if of("name") == Some(name) {
                found = Some((since, object.object));
            }
        }
    }
    match found {
        Some((since, _)) if since > at => {
            let help = "write what changes an object in the order of the times";
            let message = "an earlier change of this object stands before it";
            cx.diagnostics.error(codes::OUT_OF_RANGE, place.span, message, "too early", help);
            None
        }
        Some((_, object)) => Some(object),
        None => {
            if !cx.missing.objects {
                let help = suggest::help(name, names.iter().map(String::as_str));
                let message = format!("no manifest holds the {kind} `{namespace}/{name}`");
                cx.diagnostics.error(codes::UNKNOWN_TARGET, place.span, message, "does not exist", help);
            }
            None
        }
    }
}
