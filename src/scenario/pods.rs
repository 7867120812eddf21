//! Manifests at the start -> pods, nodes, services, configuration; and `[[image]]` -> sizes of images.

use std::collections::BTreeMap;

use super::Cx;
use super::codes;
use super::fields::{Fields, Placed};
use super::files::{matches, open_all};
use super::parts::Parts;
use super::spec::cluster::IMAGE;
use super::units;
use crate::base::IdVec;
use crate::diag::{Diagnostics, SourceId};
use crate::manifest::{self, Objects};
use crate::model::{ConfigKind, ImageId};
use crate::sim::plan::{Image, NodePlan};

/// Compressed size of an image that `[[image]]` does not list.
pub(super) const DEFAULT_IMAGE_BYTES: i64 = 100_000_000;

/// The manifests of `[scenario]`.
pub(super) fn manifests(cx: &mut Cx<'_>, fields: &Fields<'_>, parts: &mut Parts) {
    let Some(paths) = fields.paths(cx, "manifests") else { return };
    let sources = open_all(cx, &paths);
    let objects = compile(cx, &sources);
    for node in objects.nodes {
        parts.node(cx, NodePlan { name: node.name, shape: node.shape }, node.span);
    }
    for pod in objects.pods {
        let start = cx.start;
        parts.pod(cx, pod, start);
    }
    let mut names = BTreeMap::new();
    for (service, span) in objects.services {
        if names.insert((service.namespace, service.name), span).is_some() {
            let name = cx.vocabulary.strings.text(service.name);
            let message = format!("there are two Services called `{name}`");
            cx.diagnostics.error(codes::DUPLICATE_NAME, span, message, "the second one", "give each its own name");
            continue;
        }
        parts.services.push(service);
    }
    let mut names = BTreeMap::new();
    for (content, span) in objects.configs {
        if names.insert(content.config, span).is_some() {
            let config = cx.vocabulary.configs.get(content.config);
            let kind = match config.kind {
                ConfigKind::ConfigMap => "ConfigMaps",
                ConfigKind::Secret => "Secrets",
            };
            let name = cx.vocabulary.strings.text(config.name);
            let message = format!("there are two {kind} called `{name}`");
            let help = "give each its own name; use [[change]] to replace one at a time";
            cx.diagnostics.error(codes::DUPLICATE_NAME, span, message, "the second one", help);
            continue;
        }
        parts.config_contents.push(content);
    }
}

/// Compiles manifests and remembers what they hold that is not modelled.
pub(super) fn compile(cx: &mut Cx<'_>, sources: &[SourceId]) -> Objects {
    if sources.is_empty() {
        return Objects::default();
    }
    let mut found = Diagnostics::default();
    let objects = manifest::load(sources, &cx.sources, &mut cx.vocabulary, &mut found);
    cx.objects_missing |= found.has_errors();
    for diagnostic in found.sorted() {
        cx.diagnostics.push(diagnostic.clone());
    }
    for (path, count) in &objects.ignored {
        *cx.ignored.entry(path.clone()).or_default() += count;
    }
    objects
}

/// Every image that some container uses, with its size.
pub(super) fn images(cx: &mut Cx<'_>, root: &Fields<'_>) -> IdVec<ImageId, Image> {
    let mut sizes: Vec<(Placed<&str>, Option<i64>, bool)> = Vec::new();
    for fields in root.tables(cx, "image", &IMAGE) {
        let name = fields.text(cx, "name");
        let size = fields.amount(cx, "size", units::bytes).map(|size| size.value);
        if let Some(name) = name {
            sizes.push((name, size, false));
        }
    }
    let mut images = IdVec::new();
    for (_, &name) in cx.vocabulary.images.entries() {
        let text = cx.vocabulary.strings.text(name);
        // The last entry that matches counts, as with behaviors.
        let listed = sizes.iter_mut().rfind(|(pattern, _, _)| matches(pattern.value, text));
        let size_bytes = listed.and_then(|entry| {
            entry.2 = true;
            entry.1
        });
        images.push(Image { name, size_bytes: size_bytes.unwrap_or(DEFAULT_IMAGE_BYTES) });
    }
    for (name, _, used) in &sizes {
        if !used && !cx.objects_missing {
            let message = format!("no container uses the image `{}`", name.value);
            let texts: Vec<&str> = images.iter().map(|image| cx.vocabulary.strings.text(image.name)).collect();
            let help = super::suggest::help(name.value, texts);
            cx.diagnostics.warning(codes::UNUSED_IMAGE, name.span, message, "used by nothing", help);
        }
    }
    images
}
