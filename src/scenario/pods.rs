//! Manifests at the start -> pods, nodes, services, configuration; and `[[image]]` -> sizes of images.

use super::codes::UNUSED_IMAGE;
use super::fields::{Fields, Placed};
use super::files::{matches, open_all};
use super::parts::{Parts, budget};
use super::spec::cluster::IMAGE;
use super::units;
use super::{Cx, Missing};
use crate::base::IdVec;
use crate::diag::{Code, Diagnostics, SourceId};
use crate::manifest::{self, Objects, codes};
use crate::model::{ImageId, PodClass, PodVolume};
use crate::sim::plan::{Image, NodePlan};

/// The manifests of `[scenario]`.
pub(super) fn manifests(cx: &mut Cx<'_>, root: &Fields<'_>, fields: &Fields<'_>, parts: &mut Parts) {
    let Some(paths) = fields.paths(cx, "manifests") else { return };
    let sources = open_all(cx, &paths);
    let more = !root.given(cx, &["arrivals", "change"]).is_empty();
    let objects = compile(cx, &sources, if more { Purpose::StartOfMore } else { Purpose::Start });
    for node in objects.nodes {
        parts.node(cx, NodePlan { name: node.name, shape: node.shape }, node.span);
    }
    for pod in objects.pods {
        if pod.observed.is_over() {
            // A dump has it; nobody starts it again.
            *cx.ignored.entry(format!("Pod: ended already ({})", pod.observed.phase.text())).or_default() += 1;
            continue;
        }
        let start = cx.start;
        parts.pod(cx, pod, start);
    }
    let mut storage = objects.storage;
    parts.default_class = storage.default_class(&cx.vocabulary.strings);
    for object in objects.controllers {
        let object = parts.object(cx, object);
        parts.objects.push(object);
    }
    for (service, _) in objects.services {
        parts.services.push(service);
    }
    parts.declare(&objects.namespaces, cx.start);
    // These were told.
    parts.declared.extend(objects.undeclared.iter().map(|&(name, _)| (name, cx.start)));
    parts.related(objects.namespaces, objects.owners);
    parts.name_budgets(&objects.budgets);
    parts.objects.extend(objects.budgets.into_iter().map(budget));
    parts.config_contents.extend(objects.configs.into_iter().map(|(content, _)| content));
    storage.admit(parts.default_class);
    parts.storage.extend(storage.into_objects());
}

/// What manifests are for: decides which warnings about what is *not* in them mean something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// They are the cluster at the start.
    Start,
    /// They are the cluster at the start, and further pods arrive.
    StartOfMore,
    /// They are read beside the start's: what they refer to is there.
    Beside,
}

impl Purpose {
    fn hides(self, code: Code) -> bool {
        let of_pods = [codes::UNKNOWN_TARGET_PORT, codes::SELECTS_NOTHING].contains(&code);
        let elsewhere =
            [codes::MISSING_CONFIG, codes::MISSING_CONFIG_KEY, codes::MISSING_CLAIM, codes::MISSING_NAMESPACE];
        match self {
            Self::Start => false,
            Self::StartOfMore => of_pods,
            Self::Beside => of_pods || elsewhere.contains(&code),
        }
    }
}

/// Compiles manifests and remembers what they hold that is not modelled.
pub(super) fn compile(cx: &mut Cx<'_>, sources: &[SourceId], purpose: Purpose) -> Objects {
    if sources.is_empty() {
        return Objects::default();
    }
    let mut found = Diagnostics::default();
    let objects = manifest::load(sources, &cx.sources, &mut cx.vocabulary, &mut found);
    cx.manifests.extend(sources);
    if purpose != Purpose::Beside {
        cx.without_requests.append(objects.without_requests);
    }
    if found.has_errors() {
        cx.missing = Missing::ALL;
    }
    for diagnostic in found.sorted() {
        if !purpose.hides(diagnostic.code) {
            cx.diagnostics.push(diagnostic.clone());
        }
    }
    for (path, count) in &objects.ignored {
        *cx.ignored.entry(path.clone()).or_default() += count;
    }
    for pod in &objects.pods {
        let volumes = cx.vocabulary.classes.get(pod.template.class).volumes.iter();
        let ephemeral = volumes.filter(|volume| is_ephemeral(volume)).count();
        if ephemeral > 0 {
            let path = "Pod: spec.volumes[].ephemeral".to_owned();
            *cx.ignored.entry(path).or_default() += u32::try_from(ephemeral).unwrap_or(u32::MAX);
        }
    }
    objects
}

/// Whether a volume's claim would be made for each pod: in a simulation such volumes are always there.
fn is_ephemeral(volume: &PodVolume) -> bool {
    matches!(volume, PodVolume::Ephemeral { .. })
}

/// A class as the scheduler of a simulation sees it.
pub(super) fn simulated(class: &PodClass) -> PodClass {
    let volumes = class.volumes.iter().filter(|volume| !is_ephemeral(volume)).cloned().collect();
    PodClass { volumes, ..class.clone() }
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
        images.push(Image { name, size_bytes: size_bytes.unwrap_or(Image::DEFAULT_BYTES) });
    }
    for (name, _, used) in &sizes {
        if !used && !cx.missing.pods {
            let message = format!("no container uses the image `{}`", name.value);
            let texts: Vec<&str> = images.iter().map(|image| cx.vocabulary.strings.text(image.name)).collect();
            let help = super::suggest::help(name.value, texts);
            cx.diagnostics.warning(UNUSED_IMAGE, name.span, message, "used by nothing", help);
        }
    }
    images
}
