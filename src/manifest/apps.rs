//! Deployments, ReplicaSets and ReplicationControllers: decoding, defaulting, checking, compiling. Mirrors
//! pkg/apis/apps/validation/validation.go, ValidateReplicationControllerSpec of pkg/apis/core/validation/validation.go and
//! pkg/apis/{apps,core}/v1/defaults.go, v1.34.

use super::codes;
use super::fields::{Context, Fields};
use super::label_selector;
use super::meta::{Meta, check_labels};
use super::numbers;
use super::pod::Origin;
use super::schema_apps as schema;
use super::template::{self, Stamp, TEMPLATE_HASH, Template};
use crate::model::ids::TemplateId;
use crate::model::names::go_quote;
use crate::model::objects::{DeploymentSpec, DeploymentStrategy, ObjectSpec, ReplicaSetSpec};
use crate::model::{
    CompiledSelector, IntOrPercent, LabelSelector, OwnedPods, OwnerKind, OwnerSelector, PodOwner, StrId,
};

/// The template of every workload: whoever keeps templates sets the right one.
pub(super) const NO_TEMPLATE: TemplateId = TemplateId::from_raw(0);

/// An object that makes pods, compiled.
pub(super) struct Workload<'t> {
    /// Its spec, whose template is set later.
    pub spec: ObjectSpec,
    /// The template of its pods.
    pub template: Template<'t>,
    /// Whether `spec.replicas` is written.
    pub replicas_given: bool,
    /// What owns the pods, as default spread constraints see it.
    pub owner: Option<OwnerSelector>,
}

/// What is known of a workload before its `spec` is read.
pub(super) struct Outside<'a, 't> {
    /// Its metadata.
    pub meta: &'a Meta<'t>,
    /// What tells its template from others.
    pub stamp: &'t Stamp,
    /// Whether it need not have a selector: its API version is one of those before apps/v1, or it was noted down from a server.
    pub is_lenient: bool,
}

impl<'t> Outside<'_, 't> {
    /// The namespace.
    pub(super) fn namespace(&self, cx: &mut Context<'_>) -> StrId {
        cx.words.strings.intern(self.meta.namespace)
    }

    /// The workload as the owner of its pods.
    pub(super) fn owner(
        &self,
        cx: &mut Context<'_>,
        kind: OwnerKind,
        name: &str,
        selector: OwnedPods,
    ) -> Option<OwnerSelector> {
        let owner = PodOwner { kind, name: cx.words.strings.intern(name) };
        Some(OwnerSelector { namespace: self.namespace(cx), owner, selector })
    }

    /// The metadata with the owner that the pods will have.
    pub(super) fn owning(&self, kind: OwnerKind, name: &'t str) -> Meta<'t> {
        Meta { owner: Some((kind, name)), ..Meta::of_template(self.meta) }
    }
}

/// The selector, or, where it may be missing, the labels of the template.
pub(super) fn selector(cx: &mut Context<'_>, spec: &Fields<'_, '_>, is_lenient: bool) -> Option<LabelSelector> {
    let given = label_selector::read(cx, spec, "selector");
    if given.is_some() || !is_lenient {
        return given;
    }
    let labels = &spec.get("template")?.value.get("metadata")?.value.get("labels")?.value;
    template::warn_of_default(cx, spec);
    let pairs = labels.map()?.iter().filter_map(|e| Some((e.key.to_string(), e.value.scalar()?.to_owned())));
    Some(LabelSelector { match_labels: pairs.collect(), ..LabelSelector::default() })
}

/// Reads a Deployment.
pub(super) fn deployment<'t>(
    cx: &mut Context<'_>,
    root: &Fields<'t, '_>,
    outside: &Outside<'_, 't>,
) -> Option<Workload<'t>> {
    let path = root.path.field("spec");
    let example = "write `replicas:`, `selector:` and `template:` under it";
    let spec = root.section(cx, "spec", &path, &schema::DEPLOYMENT_SPEC, example)?;
    let replicas = numbers::count(cx, &spec, "replicas");
    let selector = selector(cx, &spec, outside.is_lenient);
    template::check_given(cx, &spec, selector.as_ref(), true, "deployment");
    let stamp = outside.stamp;
    let meta = outside.owning(OwnerKind::ReplicaSet, &stamp.replica_set);
    let added = [(TEMPLATE_HASH, stamp.label.as_str())];
    let template = template(cx, &spec, &meta, &added, selector.as_ref(), false)?;
    let strategy = strategy(cx, &spec);
    let min_ready_seconds = numbers::count(cx, &spec, "minReadySeconds").unwrap_or(0);
    let history = numbers::count(cx, &spec, "revisionHistoryLimit").unwrap_or(10);
    let deadline = numbers::count(cx, &spec, "progressDeadlineSeconds").unwrap_or(600);
    if deadline <= min_ready_seconds {
        let text = format!("Invalid value: {deadline}: must be greater than minReadySeconds");
        let path = path.field("progressDeadlineSeconds");
        let given = spec.get("progressDeadlineSeconds").is_some();
        let at = spec.at(if given { "progressDeadlineSeconds" } else { "minReadySeconds" });
        let help = format!("a rollout of pods that count as available after {min_ready_seconds} s cannot be in time");
        cx.invalid(codes::OUT_OF_RANGE, at, &path, &text, "too long to wait", &help);
    }
    let paused = spec.boolean(cx, "paused").unwrap_or(false);
    let strings = &mut cx.words.strings;
    let selector = label_selector::compile(selector.as_ref(), strings);
    let pair = (strings.intern(TEMPLATE_HASH), strings.intern(&stamp.label));
    let replica_set_selector = selector.clone().with_requirements_of(&CompiledSelector::of_pairs(&[pair]));
    let replica_set_name = strings.intern(&stamp.replica_set);
    let owned = OwnedPods::Selector(replica_set_selector.clone());
    let owner = outside.owner(cx, OwnerKind::ReplicaSet, &stamp.replica_set, owned);
    let limit = |number: i32| Some(number).filter(|&number| number != i32::MAX);
    let spec = DeploymentSpec {
        replicas: replicas.unwrap_or(1),
        selector,
        template: NO_TEMPLATE,
        template_hash: stamp.hash,
        replica_set_name,
        replica_set_selector,
        strategy: strategy.unwrap_or(DeploymentStrategy::Recreate),
        min_ready_seconds,
        revision_history_limit: limit(history),
        paused,
        progress_deadline_seconds: limit(deadline),
    };
    Some(Workload { spec: ObjectSpec::Deployment(spec), template, replicas_given: replicas.is_some(), owner })
}

/// The template of a ReplicaSet, or of one that is to be, with the checks of both.
fn template<'t>(
    cx: &mut Context<'_>,
    spec: &Fields<'t, '_>,
    meta: &Meta<'t>,
    added: &[(&'t str, &'t str)],
    selector: Option<&LabelSelector>,
    even_empty: bool,
) -> Option<Template<'t>> {
    template::check_selector(cx, spec, selector, even_empty);
    let template = template::read(cx, spec, meta, added, &Origin::default())?;
    template::check_endless(cx, spec, &template, "ReplicaSet");
    Some(template)
}

/// Reads `spec.strategy`; `None` if it is of no use.
fn strategy(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> Option<DeploymentStrategy> {
    const GO: &str = "RollingUpdateDeployment";
    let path = spec.path.field("strategy");
    let example = "write `type: RollingUpdate` under it";
    let strategy = spec.section(cx, "strategy", &path, &schema::DEPLOYMENT_STRATEGY, example)?;
    let kind = strategy.text(cx, "type").filter(|kind| !kind.is_empty()).unwrap_or("RollingUpdate");
    let rolling_path = path.field("rollingUpdate");
    let example = "write `maxSurge: 1` and `maxUnavailable: 0` under it";
    let rolling = strategy.section(cx, "rollingUpdate", &rolling_path, &schema::ROLLING_UPDATE, example)?;
    let unavailable = numbers::int_or_percent(cx, &rolling, "maxUnavailable", GO);
    let surge = numbers::int_or_percent(cx, &rolling, "maxSurge", GO);
    let given = strategy.get("rollingUpdate");
    match kind {
        "Recreate" => {
            if let Some(entry) = given {
                let text = "Forbidden: may not be specified when strategy `type` is 'Recreate'";
                let help = "remove `rollingUpdate`, or write `type: RollingUpdate`";
                cx.invalid(codes::FORBIDDEN, entry.key_at, &rolling_path, text, "not for Recreate", help);
            }
            Some(DeploymentStrategy::Recreate)
        }
        "RollingUpdate" => {
            let [unavailable, surge] =
                [unavailable, surge].map(|value| value.unwrap_or(IntOrPercent::Text("25%".into())));
            numbers::check_positive(cx, &rolling, "maxUnavailable", &unavailable, codes::BAD_STRATEGY);
            numbers::check_positive(cx, &rolling, "maxSurge", &surge, codes::BAD_STRATEGY);
            if numbers::bare(&unavailable) == 0 && numbers::bare(&surge) == 0 {
                let value = numbers::as_json(&unavailable);
                let text = format!("Invalid value: {value}: may not be 0 when `maxSurge` is 0");
                let help =
                    "no pod may be missing and none be too many: nothing could ever be replaced; raise one of them";
                let at = rolling.at("maxUnavailable");
                cx.invalid(codes::BAD_STRATEGY, at, &rolling_path.field("maxUnavailable"), &text, "both are 0", help);
            }
            numbers::check_percentage(cx, &rolling, "maxUnavailable", &unavailable, codes::BAD_STRATEGY);
            Some(DeploymentStrategy::RollingUpdate { max_surge: surge, max_unavailable: unavailable })
        }
        other => {
            let zero = IntOrPercent::Int(0);
            let [unavailable, surge] =
                [unavailable, surge].map(|value| numbers::as_json(value.as_ref().unwrap_or(&zero)));
            let rolling = match given {
                None => "null".to_owned(),
                Some(_) => format!("{{\"MaxUnavailable\":{unavailable},\"MaxSurge\":{surge}}}"),
            };
            unsupported(cx, &strategy, other, &rolling, "\"Recreate\", \"RollingUpdate\"");
            None
        }
    }
}

/// Reports a strategy of no such type.
pub(super) fn unsupported(cx: &mut Context<'_>, strategy: &Fields<'_, '_>, kind: &str, rolling: &str, supported: &str) {
    let kind = go_quote(kind);
    let text =
        format!("Unsupported value: {{\"Type\":{kind},\"RollingUpdate\":{rolling}}}: supported values: {supported}");
    let help = format!("write one of {}", supported.replace('"', ""));
    cx.invalid(codes::UNSUPPORTED, strategy.at("type"), strategy.path, &text, "not one of them", &help);
}

/// Reads a ReplicaSet.
pub(super) fn replica_set<'t>(
    cx: &mut Context<'_>,
    root: &Fields<'t, '_>,
    outside: &Outside<'_, 't>,
) -> Option<Workload<'t>> {
    let path = root.path.field("spec");
    let example = "write `replicas:`, `selector:` and `template:` under it";
    let spec = root.section(cx, "spec", &path, &schema::REPLICA_SET_SPEC, example)?;
    let replicas = numbers::count(cx, &spec, "replicas");
    let min_ready_seconds = numbers::count(cx, &spec, "minReadySeconds").unwrap_or(0);
    let selector = selector(cx, &spec, outside.is_lenient);
    template::check_given(cx, &spec, selector.as_ref(), true, "deployment");
    let name = raw_name(root);
    let meta = outside.owning(OwnerKind::ReplicaSet, name);
    let template = template(cx, &spec, &meta, &[], selector.as_ref(), false)?;
    let selector = label_selector::compile(selector.as_ref(), &mut cx.words.strings);
    let owner = outside.owner(cx, OwnerKind::ReplicaSet, name, OwnedPods::Selector(selector.clone()));
    let spec = compiled(outside, replicas, min_ready_seconds, selector);
    Some(Workload { spec: ObjectSpec::ReplicaSet(spec), template, replicas_given: replicas.is_some(), owner })
}

/// Reads a ReplicationController.
pub(super) fn replication_controller<'t>(
    cx: &mut Context<'_>,
    root: &Fields<'t, '_>,
    outside: &Outside<'_, 't>,
) -> Option<Workload<'t>> {
    let path = root.path.field("spec");
    let example = "write `replicas:`, `selector:` and `template:` under it";
    let spec = root.section(cx, "spec", &path, &schema::REPLICATION_CONTROLLER_SPEC, example)?;
    let min_ready_seconds = numbers::count(cx, &spec, "minReadySeconds").unwrap_or(0);
    let mut pairs = check_labels(cx, &spec, "selector");
    if pairs.is_empty() {
        // The labels of the template are the default.
        let labels = spec.get("template").and_then(|entry| entry.value.get("metadata")?.value.get("labels"));
        let entries = labels.and_then(|labels| labels.value.map()).unwrap_or_default();
        pairs.extend(entries.iter().filter_map(|entry| Some((&*entry.key, entry.value.scalar()?))));
    }
    pairs.sort_unstable();
    if pairs.is_empty() {
        let help = "say which pods are its own: add `selector:` with the template's labels";
        let at = spec.at("selector");
        cx.invalid(codes::REQUIRED, at, &path.field("selector"), "Required value", "no selector", help);
    }
    let replicas = numbers::count(cx, &spec, "replicas");
    if spec.get("template").is_none() {
        let help = "say what its pods are: add `template:` with `metadata:` and `spec:`";
        let at = spec.at("template");
        cx.invalid(codes::REQUIRED, at, &path.field("template"), "Required value", "no template", help);
        return None;
    }
    let texts = pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    let selector = LabelSelector { match_labels: texts, ..LabelSelector::default() };
    let name = raw_name(root);
    let meta = outside.owning(OwnerKind::ReplicationController, name);
    let template = template(cx, &spec, &meta, &[], Some(&selector), true)?;
    let strings = &mut cx.words.strings;
    let pairs: Box<[(StrId, StrId)]> = pairs.into_iter().map(|(k, v)| (strings.intern(k), strings.intern(v))).collect();
    let selector = CompiledSelector::of_pairs(&pairs);
    let owner = outside.owner(cx, OwnerKind::ReplicationController, name, OwnedPods::Labels(pairs));
    let spec = compiled(outside, replicas, min_ready_seconds, selector);
    Some(Workload {
        spec: ObjectSpec::ReplicationController(spec),
        template,
        replicas_given: replicas.is_some(),
        owner,
    })
}

fn compiled(
    outside: &Outside<'_, '_>,
    replicas: Option<i32>,
    min_ready_seconds: i32,
    selector: CompiledSelector,
) -> ReplicaSetSpec {
    let note = |name: &str| outside.meta.annotation(&format!("deployment.kubernetes.io/{name}"));
    ReplicaSetSpec {
        replicas: replicas.unwrap_or(1),
        selector,
        template: NO_TEMPLATE,
        template_hash: outside.stamp.hash,
        min_ready_seconds,
        revision: note("revision").and_then(|text| text.parse().ok()).unwrap_or(0),
        desired_replicas: note("desired-replicas").and_then(|text| text.parse().ok()),
        max_replicas: note("max-replicas").and_then(|text| text.parse().ok()),
    }
}

/// The name as written; one that is generated has none yet.
pub(super) fn raw_name<'t>(root: &Fields<'t, '_>) -> &'t str {
    root.get("metadata").and_then(|entry| entry.value.get("name")?.value.scalar()).unwrap_or("")
}
