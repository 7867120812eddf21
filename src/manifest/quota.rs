//! ResourceQuotas and LimitRanges: decoding, defaulting, checking, compiling. Mirrors ValidateResourceQuotaSpec and
//! ValidateLimitRange of pkg/apis/core/validation/validation.go and SetDefaults_LimitItem of pkg/apis/core/v1/defaults.go,
//! v1.34.

use super::codes;
use super::fields::{Context, Fields, Path};
use super::label_selector::texts;
use super::resources;
use super::schema_scaling as schema;
use crate::base::Quantity;
use crate::diag::did_you_mean;
use crate::model::ResourceList;
use crate::model::limit_range::LimitItem;
use crate::model::names::go_quote;
use crate::model::objects::{
    ClassBound, LimitRangeSpec, LimitType, QuotaScope, QuotaScopeName, QuotaScopeOperator, QuotaSpec,
};

/// What a quota can bound besides resources with a domain.
const QUOTA_RESOURCES: [&str; 19] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "persistentvolumeclaims",
    "configmaps",
    "services.nodeports",
    "services.loadbalancers",
];
/// Those that are counted in whole numbers begin here.
const FIRST_COUNTED: usize = 10;

const SCOPES: [(&str, QuotaScopeName); 7] = [
    ("Terminating", QuotaScopeName::Terminating),
    ("NotTerminating", QuotaScopeName::NotTerminating),
    ("BestEffort", QuotaScopeName::BestEffort),
    ("NotBestEffort", QuotaScopeName::NotBestEffort),
    ("PriorityClass", QuotaScopeName::PriorityClass),
    ("CrossNamespacePodAffinity", QuotaScopeName::CrossNamespacePodAffinity),
    ("VolumeAttributesClass", QuotaScopeName::VolumeAttributesClass),
];

/// Reads a ResourceQuota.
pub(super) fn quota(cx: &mut Context<'_>, root: &Fields<'_, '_>) -> Option<QuotaSpec> {
    let path = root.path.field("spec");
    let spec = root.section(cx, "spec", &path, &schema::QUOTA_SPEC, "write `hard: {pods: 10}` under it")?;
    let hard_path = path.field("hard");
    let mut hard: Vec<(&str, Quantity)> = Vec::new();
    for entry in spec.map(cx, "hard", "v1.ResourceList", "write `requests.cpu: 10` lines under it") {
        let path = hard_path.key(&entry.key);
        let name = &*entry.key;
        let is_huge = name.strip_prefix("requests.").unwrap_or(name).starts_with("hugepages-");
        if !name.contains('/') && !is_huge && !QUOTA_RESOURCES.contains(&name) {
            let standard = "must be a standard resource type or fully qualified";
            let text = |rule: &str| format!("Invalid value: {}: {rule}", go_quote(name));
            let help = match did_you_mean(name, QUOTA_RESOURCES.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "write pods, requests.cpu, limits.memory, requests.nvidia.com/gpu, count/deployments.apps, ..."
                    .into(),
            };
            if name == "storage" {
                let rule = text("must be a standard resource for quotas");
                cx.invalid(codes::UNKNOWN_RESOURCE, entry.key_at, &path, &rule, "no such resource", &help);
            } else {
                cx.invalid(codes::UNKNOWN_RESOURCE, entry.key_at, &path, &text(standard), "no such resource", &help);
                cx.echo(&path, &text("must be a standard resource for quotas"));
            }
        }
        let Some(amount) = cx.quantity(&entry.value, &path) else { continue };
        let is_counted = QUOTA_RESOURCES[FIRST_COUNTED..].contains(&name) || name.starts_with("count/");
        let reason = match () {
            () if amount.is_negative() => Some("must be greater than or equal to 0"),
            () if is_counted && amount.milli_value() % 1000 != 0 => Some("must be an integer"),
            () => None,
        };
        if let Some(reason) = reason {
            let text = format!("Invalid value: \"{amount}\": {reason}");
            cx.invalid(
                codes::BAD_QUOTA,
                entry.value.at,
                &path,
                &text,
                "no such amount",
                "write a whole number of at least 0",
            );
        }
        hard.push((name, amount));
    }
    let scopes = scopes(cx, &spec);
    let strings = &mut cx.words.strings;
    let of_classes = hard.iter().filter_map(|&(resource, _)| {
        let (class, what) = resource.split_once(".storageclass.storage.k8s.io/")?;
        let is_storage = what == "requests.storage";
        let counts = is_storage || what == "persistentvolumeclaims";
        counts.then(|| ClassBound { class: strings.intern(class), resource: resource.into(), is_storage })
    });
    let of_classes = of_classes.collect();
    Some(QuotaSpec { hard: hard.into_iter().collect(), of_classes, scopes: scopes.into() })
}

fn scopes(cx: &mut Context<'_>, spec: &Fields<'_, '_>) -> Vec<QuotaScope> {
    let mut all = Vec::new();
    let path = spec.path.field("scopes");
    let written = texts(cx, spec, "scopes", "ResourceQuotaSpec");
    let shown: Vec<String> = written.iter().map(|(text, _)| go_quote(text)).collect();
    let has = |name: &str| written.iter().any(|(text, _)| *text == name);
    for &(text, at) in &written {
        match SCOPES.iter().find(|(word, _)| *word == text) {
            Some(&(_, name)) => {
                all.push(QuotaScope { name, operator: QuotaScopeOperator::Exists, values: Box::default() });
            }
            None => {
                let text = format!("Invalid value: [{}]: unsupported scope", shown.join(","));
                let help = "write Terminating, NotTerminating, BestEffort, NotBestEffort or PriorityClass";
                cx.invalid(codes::BAD_QUOTA, at, &path, &text, "no such scope", help);
            }
        }
    }
    if (has("BestEffort") && has("NotBestEffort")) || (has("Terminating") && has("NotTerminating")) {
        let text = format!("Invalid value: [{}]: conflicting scopes", shown.join(","));
        let help = "no pod is both: remove one of the two";
        cx.invalid(codes::BAD_QUOTA, spec.at("scopes"), &path, &text, "matches nothing", help);
    }
    let path = spec.path.field("scopeSelector");
    let example = "write `matchExpressions:` under it";
    let Some(selector) = spec.section(cx, "scopeSelector", &path, &schema::SCOPE_SELECTOR, example) else { return all };
    let list_path = path.field("matchExpressions");
    let nodes = selector.list(cx, "matchExpressions", "v1.ScopedResourceSelectorRequirement");
    for (index, node) in nodes.iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- {scopeName: PriorityClass, operator: In, values: [high]}`";
        let schema = &schema::SCOPE_REQUIREMENT;
        let Some(requirement) = cx.fields(node, node.anchor(), &path, schema, example) else { continue };
        all.extend(scope(cx, &requirement));
    }
    all
}

fn scope(cx: &mut Context<'_>, requirement: &Fields<'_, '_>) -> Option<QuotaScope> {
    const OPERATORS: [(&str, QuotaScopeOperator); 4] = [
        ("In", QuotaScopeOperator::In),
        ("NotIn", QuotaScopeOperator::NotIn),
        ("Exists", QuotaScopeOperator::Exists),
        ("DoesNotExist", QuotaScopeOperator::DoesNotExist),
    ];
    let name_text = requirement.text(cx, "scopeName").unwrap_or("");
    let name = SCOPES.iter().find(|(word, _)| *word == name_text).map(|(_, name)| *name);
    if name.is_none() {
        let text = format!("Invalid value: {}: unsupported scope", go_quote(name_text));
        let path = requirement.path.field("scopeName");
        let help = "write Terminating, NotTerminating, BestEffort, NotBestEffort or PriorityClass";
        cx.invalid(codes::BAD_QUOTA, requirement.at("scopeName"), &path, &text, "no such scope", help);
    }
    let operator_text = requirement.text(cx, "operator").unwrap_or("");
    let operator = OPERATORS.iter().find(|(word, _)| *word == operator_text).map(|(_, operator)| *operator);
    let values = texts(cx, requirement, "values", "ScopedResourceSelectorRequirement");
    let (at, values_path) = (requirement.at("values"), requirement.path.field("values"));
    match operator {
        Some(QuotaScopeOperator::In | QuotaScopeOperator::NotIn) if values.is_empty() => {
            let text =
                "Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
            cx.invalid(codes::REQUIRED, at, &values_path, text, "no values", "add `values: [high]`");
        }
        Some(QuotaScopeOperator::Exists | QuotaScopeOperator::DoesNotExist) if !values.is_empty() => {
            let shown: Vec<String> = values.iter().map(|(text, _)| go_quote(text)).collect();
            let text = format!(
                "Invalid value: [{}]: must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
                shown.join(",")
            );
            cx.invalid(codes::BAD_QUOTA, at, &values_path, &text, "not compared", "remove `values`");
        }
        Some(_) => {}
        None => {
            let text = format!("Invalid value: {}: not a valid selector operator", go_quote(operator_text));
            let path = requirement.path.field("operator");
            let help = "write In, NotIn, Exists or DoesNotExist";
            cx.invalid(codes::BAD_QUOTA, requirement.at("operator"), &path, &text, "not an operator", help);
        }
    }
    let values = values.into_iter().map(|(value, _)| cx.words.strings.intern(value)).collect();
    Some(QuotaScope { name: name?, operator: operator?, values })
}

/// Reads a LimitRange.
pub(super) fn limit_range(cx: &mut Context<'_>, root: &Fields<'_, '_>) -> Option<LimitRangeSpec> {
    let path = root.path.field("spec");
    let spec = root.section(cx, "spec", &path, &schema::LIMIT_RANGE_SPEC, "write `limits:` under it")?;
    let list_path = path.field("limits");
    let mut limits: Vec<LimitItem> = Vec::new();
    for (index, node) in spec.list(cx, "limits", "v1.LimitItem").iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- type: Container` and `default: {cpu: 500m}`";
        let Some(item) = cx.fields(node, node.anchor(), &path, &schema::LIMIT_RANGE_ITEM, example) else { continue };
        let Some(kind) = limit_type(cx, &item, &limits) else { continue };
        limits.push(limit(cx, &item, kind, &path));
    }
    Some(LimitRangeSpec { limits: limits.into() })
}

fn limit_type(cx: &mut Context<'_>, item: &Fields<'_, '_>, before: &[LimitItem]) -> Option<LimitType> {
    let path = item.path.field("type");
    let text = item.text(cx, "type").unwrap_or("");
    let kind = match text {
        "Pod" => LimitType::Pod,
        "Container" => LimitType::Container,
        "PersistentVolumeClaim" => LimitType::PersistentVolumeClaim,
        other if other.contains('/') => {
            cx.ignore(&path);
            return None;
        }
        other => {
            let reasons = match crate::model::names::label_key_errors(other) {
                reasons if reasons.is_empty() => vec!["must be a standard limit type or fully qualified".to_owned()],
                reasons => reasons,
            };
            let help = "write Container, Pod or PersistentVolumeClaim";
            cx.invalid_text(codes::BAD_LIMIT_RANGE, item.at("type"), &path, other, reasons, help);
            return None;
        }
    };
    if before.iter().any(|item| item.kind == kind) {
        let text = format!("Duplicate value: {}", go_quote(text));
        let help = "write all limits of one type together";
        cx.invalid(codes::BAD_LIMIT_RANGE, item.at("type"), &path, &text, "there is one above already", help);
    }
    Some(kind)
}

fn limit(cx: &mut Context<'_>, item: &Fields<'_, '_>, kind: LimitType, path: &Path<'_>) -> LimitItem {
    let in_order = ["max", "min", "default", "defaultRequest"].map(|name| amounts(cx, item, name, kind));
    let [max, min, mut default, mut request] = in_order;
    if kind == LimitType::Pod {
        for (name, list) in [("default", &default), ("defaultRequest", &request)] {
            if list.iter().next().is_some() {
                let text = "Forbidden: may not be specified when `type` is 'Pod'";
                let help = "defaults are for containers: put it behind `- type: Container`";
                cx.invalid(codes::BAD_LIMIT_RANGE, item.at(name), &path.field(name), text, "not for pods", help);
            }
        }
        (default, request) = (ResourceList::new(), ResourceList::new());
    }
    if kind == LimitType::PersistentVolumeClaim && min.get("storage").is_none() && max.get("storage").is_none() {
        let text = "Required value: either minimum or maximum storage value is required, but neither was provided";
        let help = "say how small or large claims may be: add `max: {storage: 10Gi}`";
        cx.invalid(codes::BAD_LIMIT_RANGE, item.anchor, &path.field("limits"), text, "no bound", help);
    }
    let mut item_read = LimitItem {
        kind,
        max,
        min,
        default,
        default_request: request,
        max_limit_request_ratio: amounts(cx, item, "maxLimitRequestRatio", kind),
    };
    item_read.set_defaults();
    let LimitItem { max, min, default, default_request, max_limit_request_ratio, .. } = &item_read;
    check_limit(cx, item, [max, min, default, default_request, max_limit_request_ratio]);
    item_read
}

fn amounts(cx: &mut Context<'_>, item: &Fields<'_, '_>, name: &'static str, kind: LimitType) -> ResourceList {
    let path = item.path.field(name);
    let mut list = ResourceList::new();
    for entry in item.map(cx, name, "v1.ResourceList", "write `cpu: 500m` lines under it") {
        let path = path.key(&entry.key);
        if kind != LimitType::PersistentVolumeClaim {
            resources::check_name(cx, entry, &path);
        }
        if let Some(amount) = cx.quantity(&entry.value, &path) {
            list.set(&entry.key, amount);
        }
    }
    list
}

/// Reports limits of one resource that contradict each other.
fn check_limit(cx: &mut Context<'_>, item: &Fields<'_, '_>, lists: [&ResourceList; 5]) {
    let mut names: Vec<&str> = lists.iter().flat_map(|list| list.iter().map(|(name, _)| name)).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let [max, min, default, request, ratio] = lists.map(|list| list.get(name));
        // The field that is blamed, the value that is shown, and two amounts of which the first must not be more.
        let pairs = [
            ("min", min, ("min", min), ("max", max)),
            ("defaultRequest", request, ("min", min), ("default request", request)),
            ("defaultRequest", request, ("default request", request), ("max", max)),
            ("defaultRequest", request, ("default request", request), ("default limit", default)),
            ("default", min, ("min", min), ("default", default)),
            ("default", max, ("default", default), ("max", max)),
        ];
        let mut is_reported = false;
        let mut report = |cx: &mut Context<'_>, field: &'static str, text: &str| {
            let path = item.path.field(field);
            let path = path.key(name);
            if is_reported {
                return cx.echo(&path, text);
            }
            is_reported = true;
            let help =
                format!("keep min <= defaultRequest <= default <= max for {name}; those left out follow the others");
            cx.invalid(codes::BAD_LIMIT_RANGE, item.at(field), &path, text, "contradicts another", &help);
        };
        for (field, shown, (what, low), (other, high)) in pairs {
            if let (Some(low), Some(high), Some(shown)) = (low, high, shown)
                && low > high
            {
                let text =
                    format!("Invalid value: \"{shown}\": {what} value {low} is greater than {other} value {high}");
                report(cx, field, &text);
            }
        }
        if let Some(ratio) = ratio {
            if ratio.milli_value() < 1000 {
                let text = format!("Invalid value: \"{ratio}\": ratio {ratio} is less than 1");
                report(cx, "maxLimitRequestRatio", &text);
            }
            if let (Some(min), Some(max)) = (min, max)
                && min > Quantity::ZERO
                && i128::from(ratio.milli_value()) * i128::from(min.milli_value())
                    > i128::from(max.milli_value()) * 1000
            {
                #[allow(clippy::cast_precision_loss, reason = "shown with six digits")]
                let most = max.milli_value() as f64 / min.milli_value() as f64;
                let text = format!("Invalid value: \"{ratio}\": ratio {ratio} is greater than max/min = {most:.6}");
                report(cx, "maxLimitRequestRatio", &text);
            }
        }
    }
}
