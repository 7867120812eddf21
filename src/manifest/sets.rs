//! StatefulSets and DaemonSets: decoding, defaulting, checking, compiling. Mirrors pkg/apis/apps/validation/validation.go and
//! pkg/apis/apps/v1/defaults.go, v1.34.

use super::apps::{NO_TEMPLATE, Outside, Workload, raw_name, selector, unsupported};
use super::claim;
use super::codes;
use super::fields::{Context, Fields};
use super::label_selector;
use super::meta::{self, Meta};
use super::names;
use super::numbers;
use super::pod::Origin;
use super::schema_apps as schema;
use super::template;
use crate::model::names::go_quote;
use crate::model::objects::{ClaimTemplate, DaemonSetSpec, ObjectSpec, StatefulSetSpec};
use crate::model::{IntOrPercent, OwnedPods, OwnerKind};

/// Reads a StatefulSet.
pub(super) fn stateful_set<'t>(
    cx: &mut Context<'_>,
    root: &Fields<'t, '_>,
    outside: &Outside<'_, 't>,
) -> Option<Workload<'t>> {
    let path = root.path.field("spec");
    let example = "write `serviceName:`, `replicas:`, `selector:` and `template:` under it";
    let spec = root.section(cx, "spec", &path, &schema::STATEFUL_SET_SPEC, example)?;
    let parallel = management(cx, &spec);
    let (on_delete, partition) = update_strategy(cx, &spec).unwrap_or((false, None));
    let (delete_claims_when_deleted, delete_claims_when_scaled) = retention(cx, &spec);
    let replicas = numbers::count(cx, &spec, "replicas");
    let min_ready_seconds = numbers::count(cx, &spec, "minReadySeconds").unwrap_or(0);
    let ordinals_start = ordinals(cx, &spec);
    let revision_history_limit = numbers::int32(cx, &spec, "revisionHistoryLimit").unwrap_or(10);
    let selector = selector(cx, &spec, outside.is_lenient);
    template::check_given(cx, &spec, selector.as_ref(), true, "statefulset");
    template::check_selector(cx, &spec, selector.as_ref(), false);
    let (claim_names, claims) = claims(cx, &spec, outside.meta);
    let name = raw_name(root);
    let meta = outside.owning(OwnerKind::StatefulSet, name);
    let origin = Origin { claims: &claim_names, ..Origin::default() };
    let template = template::read(cx, &spec, &meta, &[], &origin)?;
    template::check_endless(cx, &spec, &template, "StatefulSet");
    let selector = label_selector::compile(selector.as_ref(), &mut cx.words.strings);
    let owner = outside.owner(cx, OwnerKind::StatefulSet, name, OwnedPods::Selector(selector.clone()));
    let spec = StatefulSetSpec {
        replicas: replicas.unwrap_or(1),
        selector,
        template: NO_TEMPLATE,
        template_hash: outside.stamp.hash,
        ordinals_start,
        parallel,
        on_delete,
        partition,
        // The gate is off: the field is dropped.
        max_unavailable: None,
        min_ready_seconds,
        revision_history_limit,
        claims: claims.into(),
        delete_claims_when_deleted,
        delete_claims_when_scaled,
    };
    Some(Workload { spec: ObjectSpec::StatefulSet(spec), template, replicas_given: replicas.is_some(), owner })
}

/// Whether `spec.podManagementPolicy` is Parallel.
fn management(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> bool {
    const NAME: &str = "podManagementPolicy";
    match spec.text(cx, NAME).unwrap_or("") {
        "" | "OrderedReady" => false,
        "Parallel" => true,
        other => {
            let text = format!("Invalid value: {}: must be 'OrderedReady' or 'Parallel'", go_quote(other));
            let help = "write OrderedReady (one after the other) or Parallel (all at once)";
            cx.invalid(codes::UNSUPPORTED, spec.at(NAME), &spec.path.field(NAME), &text, "not one of them", help);
            false
        }
    }
}

/// Whether `spec.updateStrategy` is OnDelete, and its partition.
fn update_strategy(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> Option<(bool, Option<i32>)> {
    let path = spec.path.field("updateStrategy");
    let example = "write `type: RollingUpdate` under it";
    let strategy = spec.section(cx, "updateStrategy", &path, &schema::STATEFUL_SET_STRATEGY, example)?;
    let kind = strategy.text(cx, "type").unwrap_or("");
    let rolling_path = path.field("rollingUpdate");
    let example = "write `partition: 1` under it";
    let schema = &schema::STATEFUL_SET_ROLLING_UPDATE;
    let rolling = strategy.section(cx, "rollingUpdate", &rolling_path, schema, example)?;
    let given = strategy.get("rollingUpdate").is_some();
    let partition = numbers::int32(cx, &rolling, "partition");
    let shown = || format!("{{\"Partition\":{},\"MaxUnavailable\":null}}", partition.unwrap_or(0));
    match kind {
        "" | "RollingUpdate" => {
            if let Some(partition) = partition {
                numbers::check_not_negative(cx, &rolling, "partition", i64::from(partition));
            }
            // Without a type, the default comes with a `rollingUpdate`.
            Some((false, (given || kind.is_empty()).then_some(partition.unwrap_or(0))))
        }
        "OnDelete" => {
            if given {
                let text = format!("Invalid value: {}: only allowed for updateStrategy 'RollingUpdate'", shown());
                let help = "remove `rollingUpdate`, or write `type: RollingUpdate`";
                let at = strategy.at("rollingUpdate");
                cx.invalid(codes::BAD_STRATEGY, at, &rolling_path, &text, "not for OnDelete", help);
            }
            Some((true, None))
        }
        other => {
            let rolling = if given { shown() } else { "null".to_owned() };
            let text = format!(
                "Invalid value: {{\"Type\":{},\"RollingUpdate\":{rolling}}}: must be 'RollingUpdate' or 'OnDelete'",
                go_quote(other)
            );
            let help = "write RollingUpdate or OnDelete";
            cx.invalid(codes::UNSUPPORTED, strategy.at("type"), &path, &text, "not one of them", help);
            None
        }
    }
}

/// Whether claims are deleted with the set, and with a pod that it gives up.
fn retention(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> (bool, bool) {
    const NAME: &str = "persistentVolumeClaimRetentionPolicy";
    let path = spec.path.field(NAME);
    let example = "write `whenDeleted: Retain` and `whenScaled: Retain` under it";
    let Some(policy) = spec.section(cx, NAME, &path, &schema::CLAIM_RETENTION, example) else { return (false, false) };
    let words = [("Retain", false), ("Delete", true)];
    let deleted = cx.choice(&policy, "whenDeleted", &words).unwrap_or(false);
    (deleted, cx.choice(&policy, "whenScaled", &words).unwrap_or(false))
}

fn ordinals(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> i32 {
    let path = spec.path.field("ordinals");
    let Some(ordinals) = spec.section(cx, "ordinals", &path, &schema::ORDINALS, "write `start: 1` under it") else {
        return 0;
    };
    let start = numbers::int32(cx, &ordinals, "start").unwrap_or(0);
    if start < 0 {
        let text = format!("Invalid value: {start}: must be greater than or equal to 0");
        let help = "write the number of the first pod, at least 0";
        // Upstream writes the path as one name.
        cx.invalid(codes::OUT_OF_RANGE, ordinals.at("start"), &path.field("start"), &text, "below zero", help);
    }
    start
}

/// Reads `spec.volumeClaimTemplates`: their names, and what can be compiled.
fn claims<'t>(cx: &mut Context<'_>, spec: &Fields<'t, '_>, set: &Meta<'t>) -> (Vec<&'t str>, Vec<ClaimTemplate>) {
    const NAME: &str = "volumeClaimTemplates";
    let list_path = spec.path.field(NAME);
    let (mut all, mut compiled) = (Vec::new(), Vec::new());
    for (index, node) in spec.list(cx, NAME, "v1.PersistentVolumeClaim").iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- metadata: {name: data}` and `spec:` with `accessModes:` and `resources:`";
        let Some(fields) = cx.fields(node, node.anchor(), &path, &schema::STATEFUL_SET_CLAIM, example) else {
            continue;
        };
        let meta_path = path.field("metadata");
        let example = "write `name: data` under it";
        let Some(meta) = fields.section(cx, "metadata", &meta_path, &schema::CLAIM_META, example) else { continue };
        let help = "the volume is called after it, and volumeMounts refer to it: add `name: data`";
        let name = meta.required(cx, "name", codes::REQUIRED, help).unwrap_or("");
        if !name.is_empty() {
            let help = format!("lower case letters, digits and `-`: for example {}", names::repaired(name));
            let reasons = names::dns_label_errors(name);
            cx.invalid_text(codes::BAD_NAME, meta.at("name"), &meta_path.field("name"), name, reasons, &help);
            all.push(name);
        }
        let annotations = meta::annotations(cx, &meta, &meta_path.field("annotations"));
        meta::check_labels(cx, &meta, "labels");
        if meta.get("labels").is_some() {
            cx.ignore(&meta_path.field("labels"));
        }
        let own = Meta { name: name.to_owned(), annotations, ..Meta::of_template(set) };
        if let Some(claim) = claim::read(cx, &fields, &own) {
            compiled.push(ClaimTemplate { name: cx.words.strings.intern(name), claim });
        }
    }
    (all, compiled)
}

/// Reads a DaemonSet.
pub(super) fn daemon_set<'t>(
    cx: &mut Context<'_>,
    root: &Fields<'t, '_>,
    outside: &Outside<'_, 't>,
) -> Option<Workload<'t>> {
    let path = root.path.field("spec");
    let example = "write `selector:` and `template:` under it";
    let spec = root.section(cx, "spec", &path, &schema::DAEMON_SET_SPEC, example)?;
    let selector = selector(cx, &spec, outside.is_lenient);
    template::check_selector(cx, &spec, selector.as_ref(), true);
    template::check_given(cx, &spec, selector.as_ref(), false, "daemonset");
    let meta = Meta::of_template(outside.meta);
    let origin = Origin { is_daemon: true, ..Origin::default() };
    let template = template::read(cx, &spec, &meta, &[], &origin)?;
    template::check_endless(cx, &spec, &template, "DaemonSet");
    let min_ready_seconds = numbers::count(cx, &spec, "minReadySeconds").unwrap_or(0);
    let (on_delete, max_surge, max_unavailable) =
        daemon_strategy(cx, &spec).unwrap_or((true, IntOrPercent::Int(0), IntOrPercent::Int(1)));
    let revision_history_limit = numbers::count(cx, &spec, "revisionHistoryLimit").unwrap_or(10);
    let spec = DaemonSetSpec {
        selector: label_selector::compile(selector.as_ref(), &mut cx.words.strings),
        template: NO_TEMPLATE,
        template_hash: outside.stamp.hash,
        on_delete,
        max_surge,
        max_unavailable,
        min_ready_seconds,
        revision_history_limit,
    };
    Some(Workload { spec: ObjectSpec::DaemonSet(spec), template, replicas_given: false, owner: None })
}

/// Whether `spec.updateStrategy` of a DaemonSet is OnDelete, its surge, and how many may be missing.
fn daemon_strategy(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> Option<(bool, IntOrPercent, IntOrPercent)> {
    const GO: &str = "RollingUpdateDaemonSet";
    let path = spec.path.field("updateStrategy");
    let example = "write `type: RollingUpdate` under it";
    let strategy = spec.section(cx, "updateStrategy", &path, &schema::DAEMON_SET_STRATEGY, example)?;
    let kind = strategy.text(cx, "type").filter(|kind| !kind.is_empty()).unwrap_or("RollingUpdate");
    let rolling_path = path.field("rollingUpdate");
    let example = "write `maxUnavailable: 1` under it";
    let rolling = strategy.section(cx, "rollingUpdate", &rolling_path, &schema::ROLLING_UPDATE, example)?;
    let unavailable = numbers::int_or_percent(cx, &rolling, "maxUnavailable", GO);
    let surge = numbers::int_or_percent(cx, &rolling, "maxSurge", GO);
    let [unavailable, surge] = [(unavailable, 1), (surge, 0)].map(|(value, d)| value.unwrap_or(IntOrPercent::Int(d)));
    match kind {
        "OnDelete" => return Some((true, surge, unavailable)),
        "RollingUpdate" => {}
        other => {
            let rolling = match strategy.get("rollingUpdate") {
                None => "null".to_owned(),
                Some(_) => {
                    let [unavailable, surge] = [&unavailable, &surge].map(numbers::as_json);
                    format!("{{\"MaxUnavailable\":{unavailable},\"MaxSurge\":{surge}}}")
                }
            };
            unsupported(cx, &strategy, other, &rolling, "\"RollingUpdate\", \"OnDelete\"");
            return None;
        }
    }
    for (name, value) in [("maxUnavailable", &unavailable), ("maxSurge", &surge)] {
        numbers::check_positive(cx, &rolling, name, value, codes::BAD_STRATEGY);
    }
    for (name, value) in [("maxUnavailable", &unavailable), ("maxSurge", &surge)] {
        numbers::check_percentage(cx, &rolling, name, value, codes::BAD_STRATEGY);
    }
    match (numbers::bare(&unavailable), numbers::bare(&surge)) {
        (0, 0) => {
            let help = "no pod may be missing and none be too many: nothing could ever be replaced; raise one of them";
            let text = "Required value: cannot be 0 when maxSurge is 0";
            let at = rolling.at("maxUnavailable");
            cx.invalid(codes::BAD_STRATEGY, at, &rolling_path.field("maxUnavailable"), text, "both are 0", help);
        }
        (_, 0) | (0, _) => {}
        _ => {
            let value = numbers::as_json(&surge);
            let text = format!("Invalid value: {value}: may not be set when maxUnavailable is non-zero");
            let help = "write `maxUnavailable: 0` beside it, or remove `maxSurge`";
            let at = rolling.at("maxSurge");
            cx.invalid(codes::BAD_STRATEGY, at, &rolling_path.field("maxSurge"), &text, "both are set", help);
        }
    }
    Some((false, surge, unavailable))
}
