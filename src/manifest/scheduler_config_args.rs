//! What the plugins of a profile are told: `pluginConfig`, with defaults and checks. Mirrors
//! pkg/scheduler/apis/config/v1/defaults.go and pkg/scheduler/apis/config/validation/validation_pluginargs.go, v1.34.

use super::affinity;
use super::codes;
use super::fields::{Context, Fields, Path, Schema};
use super::scheduler_config::VERSION;
use super::scheduler_config_plugins as plugins;
use super::schema;
use super::schema_scheduler;
use crate::base::SimDuration;
use crate::model::names::{go_quote, label_key_errors};
use crate::model::profile::{
    DefaultPreemptionArgs, InterPodAffinityArgs, NodeAffinityArgs, NodeResourcesFitArgs, PluginArgs,
    PodTopologySpreadArgs, ScoringStrategy, ScoringStrategyType,
};
use crate::model::spread::{NodeInclusionPolicy, SpreadConstraint, WhenUnsatisfiable};
use crate::model::{Selector, StrId};

/// The plugins that take arguments.
const TAKE_ARGS: [(&str, &Schema); 8] = [
    ("NodeResourcesFit", &schema_scheduler::FIT_ARGS),
    ("NodeResourcesBalancedAllocation", &schema_scheduler::BALANCED_ARGS),
    ("NodeAffinity", &schema_scheduler::NODE_AFFINITY_ARGS),
    ("PodTopologySpread", &schema_scheduler::SPREAD_ARGS),
    ("InterPodAffinity", &schema_scheduler::INTER_POD_ARGS),
    ("DefaultPreemption", &schema_scheduler::PREEMPTION_ARGS),
    ("VolumeBinding", &schema_scheduler::VOLUME_BINDING_ARGS),
    ("DynamicResources", &schema_scheduler::DYNAMIC_RESOURCES_ARGS),
];

/// Reads `pluginConfig` of a profile.
pub(super) fn read(cx: &mut Context<'_>, profile: &Fields<'_, '_>) -> PluginArgs {
    let list_path = profile.path.field("pluginConfig");
    let (mut all, mut seen) = (PluginArgs::default(), Vec::<&str>::new());
    for (index, node) in profile.list(cx, "pluginConfig", "v1.PluginConfig").iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- name: NodeResourcesFit` and `args:` under it";
        let schema = &schema_scheduler::PLUGIN_CONFIG;
        let Some(config) = cx.fields(node, node.anchor(), &path, schema, example) else { continue };
        let help = "say whose arguments these are: add `name: NodeResourcesFit`";
        let Some(name) = config.required(cx, "name", codes::REQUIRED, help) else { continue };
        if !plugins::exists(name) {
            plugins::unknown(cx, &config, name);
            continue;
        }
        if seen.contains(&name) {
            let text = format!("Duplicate value: {}", go_quote(name));
            let help = "a plugin has its arguments once: put them together";
            cx.invalid(codes::BAD_PLUGIN_ARGS, config.at("name"), &path, &text, "there are some already", help);
        }
        seen.push(name);
        let path = path.field("args");
        let Some(entry) = config.get("args") else { continue };
        let Some((_, schema)) = TAKE_ARGS.iter().find(|(plugin, _)| *plugin == name) else {
            cx.ignore(&path);
            continue;
        };
        let Some(fields) = cx.fields(&entry.value, entry.key_at, &path, schema, "") else { continue };
        own_kind(cx, &fields, name);
        match name {
            "NodeResourcesFit" => all.fit = fit(cx, &fields),
            "NodeResourcesBalancedAllocation" => balanced(cx, &fields, &mut all.balanced.resources),
            "NodeAffinity" => all.node_affinity = node_affinity(cx, &fields),
            "PodTopologySpread" => all.spread = spread(cx, &fields),
            "InterPodAffinity" => all.inter_pod = inter_pod(cx, &fields),
            "DefaultPreemption" => all.preemption = preemption(cx, &fields),
            "VolumeBinding" => volume_binding(cx, &fields),
            _ => dynamic_resources(cx, &fields),
        }
    }
    all
}

/// The arguments may say what they are; then it must be right.
fn own_kind(cx: &mut Context<'_>, fields: &Fields<'_, '_>, plugin: &str) {
    let kind = format!("{plugin}Args");
    for (name, want) in [("apiVersion", VERSION), ("kind", kind.as_str())] {
        let Some(found) = fields.text(cx, name).filter(|text| !text.is_empty() && *text != want) else { continue };
        let text = format!("Invalid value: {}: has to match plugin args", go_quote(found));
        let help = format!("write `{name}: {want}`, or remove the line");
        invalid(cx, fields, name, &text, &help);
    }
}

fn invalid(cx: &mut Context<'_>, fields: &Fields<'_, '_>, name: &'static str, text: &str, help: &str) {
    cx.invalid(codes::BAD_PLUGIN_ARGS, fields.at(name), &fields.path.field(name), text, "not valid here", help);
}

/// A whole number from `least` to `most`.
fn ranged(
    cx: &mut Context<'_>,
    fields: &Fields<'_, '_>,
    name: &'static str,
    (least, most): (i64, i64),
    rule: &str,
) -> Option<i64> {
    let value = fields.integer(cx, name, "int32")?;
    if !(least..=most).contains(&value) {
        let text = format!("Invalid value: {value}: {rule}");
        let bound = if most == i64::from(i32::MAX) { String::new() } else { format!(" and at most {most}") };
        let help = format!("write a whole number of at least {least}{bound}");
        cx.invalid(codes::OUT_OF_RANGE, fields.at(name), &fields.path.field(name), &text, "out of range", &help);
        return None;
    }
    Some(value)
}

fn fit(cx: &mut Context<'_>, fields: &Fields<'_, '_>) -> NodeResourcesFitArgs {
    NodeResourcesFitArgs {
        ignored_resources: names(cx, fields, "ignoredResources"),
        ignored_groups: names(cx, fields, "ignoredResourceGroups"),
        strategy: strategy(cx, fields),
    }
}

fn names(cx: &mut Context<'_>, fields: &Fields<'_, '_>, name: &'static str) -> Vec<StrId> {
    let list_path = fields.path.field(name);
    let mut names = Vec::new();
    for (index, node) in fields.list(cx, name, "string").iter().enumerate() {
        let path = list_path.index(index);
        let Some(text) = cx.text(node, &path, "NodeResourcesFitArgs", "string") else { continue };
        let help = "write the name of an extended resource, such as example.com/dongle, or in a group its domain";
        if name == "ignoredResourceGroups" && text.contains('/') {
            let reason = "resource group name can't contain '/'".to_owned();
            cx.invalid_text(
                codes::BAD_PLUGIN_ARGS,
                node.at,
                &path,
                text,
                [reason],
                "write the domain only: example.com",
            );
        } else {
            cx.invalid_text(codes::BAD_PLUGIN_ARGS, node.at, &path, text, label_key_errors(text), help);
        }
        names.push(cx.words.strings.intern(text));
    }
    names
}

fn strategy(cx: &mut Context<'_>, fields: &Fields<'_, '_>) -> ScoringStrategy {
    let default = ScoringStrategy::default();
    let Some(entry) = fields.get("scoringStrategy") else { return default };
    let path = fields.path.field("scoringStrategy");
    let example = "write `type: MostAllocated` and `resources:` under it";
    let schema = &schema_scheduler::SCORING_STRATEGY;
    let Some(fields) = cx.fields(&entry.value, entry.key_at, &path, schema, example) else { return default };
    let types = [("LeastAllocated", 0), ("MostAllocated", 1), ("RequestedToCapacityRatio", 2)];
    let kind = cx.choice(&fields, "type", &types);
    if fields.get("type").is_none() {
        let text = "Unsupported value: \"\": supported values: \"LeastAllocated\", \"MostAllocated\", \
                    \"RequestedToCapacityRatio\"";
        invalid(cx, &fields, "type", text, "say which: add `type: LeastAllocated`");
    }
    let mut resources = Vec::new();
    let list_path = path.field("resources");
    for (index, node) in fields.list(cx, "resources", "v1.ResourceSpec").iter().enumerate() {
        let path = list_path.index(index);
        let Some((name, weight)) = resource(cx, node, &path) else { continue };
        if !(1..=100).contains(&weight) {
            let text = format!(
                "Invalid value: {weight}: resource weight of {} not in valid range (0, 100]",
                cx.words.strings.text(name)
            );
            let at = node.get("weight").map_or(node.at, |entry| entry.value.at);
            cx.invalid(codes::OUT_OF_RANGE, at, &path.field("weight"), &text, "out of range", "write 1 to 100");
        }
        resources.push((name, weight));
    }
    if resources.is_empty() {
        resources = default.resources;
    }
    let ratio = fields.get("requestedToCapacityRatio");
    let kind = match (kind, ratio) {
        (Some(2), Some(entry)) => {
            let path = path.field("requestedToCapacityRatio");
            let fields =
                cx.fields(&entry.value, entry.key_at, &path, &schema_scheduler::RATIO, "write `shape:` under it");
            ScoringStrategyType::RequestedToCapacityRatio(fields.map_or(Vec::new(), |fields| shape(cx, &fields)))
        }
        (Some(2), None) => {
            let text = "Required value: must be specified when type is RequestedToCapacityRatio";
            let help =
                "add `requestedToCapacityRatio: {shape: [{utilization: 0, score: 0}, {utilization: 100, score: 10}]}`";
            invalid(cx, &fields, "requestedToCapacityRatio", text, help);
            ScoringStrategyType::LeastAllocated
        }
        (Some(kind), ratio) => {
            if ratio.is_some() {
                let text = "Forbidden: must be nil when type is not RequestedToCapacityRatio";
                let help = "remove it, or write `type: RequestedToCapacityRatio`";
                invalid(cx, &fields, "requestedToCapacityRatio", text, help);
            }
            if kind == 1 { ScoringStrategyType::MostAllocated } else { ScoringStrategyType::LeastAllocated }
        }
        (None, _) => ScoringStrategyType::LeastAllocated,
    };
    ScoringStrategy { kind, resources }
}

/// A resource and its weight, 1 if none is given.
fn resource(cx: &mut Context<'_>, node: &super::tree::Node<'_>, path: &Path<'_>) -> Option<(StrId, i64)> {
    let example = "write `- name: cpu` and `weight: 1`";
    let fields = cx.fields(node, node.anchor(), path, &schema_scheduler::RESOURCE_SPEC, example)?;
    let weight = fields.integer(cx, "weight", "int64").unwrap_or(0);
    let name = fields.required(cx, "name", codes::REQUIRED, "say which resource: add `name: cpu`")?;
    Some((cx.words.strings.intern(name), if weight == 0 { 1 } else { weight }))
}

fn shape(cx: &mut Context<'_>, fields: &Fields<'_, '_>) -> Vec<(i64, i64)> {
    let list_path = fields.path.field("shape");
    let errors = cx.errors;
    let nodes = fields.list(cx, "shape", "v1.UtilizationShapePoint");
    if nodes.is_empty() && cx.errors == errors {
        let text = "Required value: at least one point must be specified";
        invalid(cx, fields, "shape", text, "add `shape: [{utilization: 0, score: 0}, {utilization: 100, score: 10}]`");
    }
    let mut shape: Vec<(i64, i64)> = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- {utilization: 50, score: 5}`";
        let schema = &schema_scheduler::SHAPE_POINT;
        let Some(fields) = cx.fields(node, node.anchor(), &path, schema, example) else { continue };
        let mut number = |name, most| {
            let rule = format!("not in valid range [0, {most}]");
            match fields.get(name) {
                Some(_) => ranged(cx, &fields, name, (0, most), &rule),
                None => Some(0),
            }
        };
        let (Some(utilization), Some(score)) = (number("utilization", 100), number("score", 10)) else { continue };
        if shape.last().is_some_and(|&(before, _)| before >= utilization) {
            let text = format!("Invalid value: {utilization}: values must be sorted in increasing order");
            invalid(cx, &fields, "utilization", &text, "write the points by rising utilization, each once");
        }
        shape.push((utilization, score));
    }
    shape
}

fn balanced(cx: &mut Context<'_>, fields: &Fields<'_, '_>, resources: &mut Vec<StrId>) {
    let list_path = fields.path.field("resources");
    let mut found = Vec::new();
    for (index, node) in fields.list(cx, "resources", "v1.ResourceSpec").iter().enumerate() {
        let path = list_path.index(index);
        let Some((name, weight)) = resource(cx, node, &path) else { continue };
        let at = |field| node.get(field).map_or(node.at, |entry| entry.value.at);
        if found.contains(&name) {
            let text = format!("Duplicate value: {}", go_quote(cx.words.strings.text(name)));
            let help = "a resource counts once: remove one of the two";
            cx.invalid(codes::BAD_PLUGIN_ARGS, at("name"), &path.field("name"), &text, "there already", help);
        }
        if weight != 1 {
            let text = format!("Invalid value: {weight}: must be 1");
            let help = "the resources count equally: remove the weight";
            cx.invalid(codes::OUT_OF_RANGE, at("weight"), &path.field("weight"), &text, "not 1", help);
        }
        found.push(name);
    }
    if !found.is_empty() {
        *resources = found;
    }
}

fn node_affinity(cx: &mut Context<'_>, fields: &Fields<'_, '_>) -> NodeAffinityArgs {
    let mut args = NodeAffinityArgs::default();
    let Some(entry) = fields.get("addedAffinity") else { return args };
    let path = fields.path.field("addedAffinity");
    if let Some(fields) = cx.fields(&entry.value, entry.key_at, &path, &schema::NODE_AFFINITY, "") {
        let added = affinity::of_node(cx, &fields);
        args = NodeAffinityArgs { added_required: added.required, added_preferred: added.preferred };
    }
    args
}

fn spread(cx: &mut Context<'_>, fields: &Fields<'_, '_>) -> PodTopologySpreadArgs {
    let is_list = cx.choice(fields, "defaultingType", &[("System", false), ("List", true)]).unwrap_or(false);
    let list_path = fields.path.field("defaultConstraints");
    let nodes = fields.list(cx, "defaultConstraints", "v1.TopologySpreadConstraint");
    if !is_list && !nodes.is_empty() {
        let text = "Invalid value: \"System\": when .defaultConstraints are not empty";
        invalid(cx, fields, "defaultingType", text, "add `defaultingType: List`");
    }
    let mut all: Vec<SpreadConstraint> = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let path = list_path.index(index);
        let example =
            "write `- maxSkew: 1`, `topologyKey: topology.kubernetes.io/zone`, `whenUnsatisfiable: ScheduleAnyway`";
        let schema = &schema_scheduler::DEFAULT_CONSTRAINT;
        let Some(fields) = cx.fields(node, node.anchor(), &path, schema, example) else { continue };
        let Some(constraint) = constraint(cx, &fields) else { continue };
        let kind = |other: &SpreadConstraint| (other.topology_key, other.when_unsatisfiable);
        if all.iter().any(|other| kind(other) == kind(&constraint)) {
            let text = "Duplicate value: {topologyKey, whenUnsatisfiable}";
            invalid(cx, &fields, "topologyKey", text, "one constraint of each kind is allowed for a key");
        }
        all.push(constraint);
    }
    if is_list { PodTopologySpreadArgs::List(all.into()) } else { PodTopologySpreadArgs::System }
}

/// A default constraint; its selector is found out for each pod.
fn constraint(cx: &mut Context<'_>, fields: &Fields<'_, '_>) -> Option<SpreadConstraint> {
    let most = i64::from(i32::MAX);
    let skew = match fields.get("maxSkew") {
        Some(_) => ranged(cx, fields, "maxSkew", (1, most), "not in valid range (0, inf)"),
        None => {
            let text = "Invalid value: 0: not in valid range (0, inf)";
            invalid(cx, fields, "maxSkew", text, "add `maxSkew: 1`");
            None
        }
    };
    let help = "say which label makes the domains: add `topologyKey: topology.kubernetes.io/zone`";
    let key = fields.required(cx, "topologyKey", codes::BAD_PLUGIN_ARGS, help);
    if let Some(key) = key {
        let path = fields.path.field("topologyKey");
        let help = "label keys are a name, or a domain, a slash and a name: topology.kubernetes.io/zone";
        cx.invalid_text(codes::BAD_PLUGIN_ARGS, fields.at("topologyKey"), &path, key, label_key_errors(key), help);
    }
    let help = "add `whenUnsatisfiable: ScheduleAnyway`, or DoNotSchedule";
    let when = fields.required(cx, "whenUnsatisfiable", codes::BAD_PLUGIN_ARGS, help).and_then(|_| {
        let words = [
            ("DoNotSchedule", WhenUnsatisfiable::DoNotSchedule),
            ("ScheduleAnyway", WhenUnsatisfiable::ScheduleAnyway),
        ];
        cx.choice(fields, "whenUnsatisfiable", &words)
    });
    if fields.get("labelSelector").is_some() {
        let text = "Forbidden: constraint must not define a selector, as they deduced for each pod";
        invalid(cx, fields, "labelSelector", text, "remove it: Services and owners of the pod give the selector");
    }
    let domains = ranged(cx, fields, "minDomains", (1, most), "must be greater than zero").unwrap_or(1);
    let policies = [("Honor", NodeInclusionPolicy::Honor), ("Ignore", NodeInclusionPolicy::Ignore)];
    let affinity = cx.choice(fields, "nodeAffinityPolicy", &policies).unwrap_or(NodeInclusionPolicy::Honor);
    let taints = cx.choice(fields, "nodeTaintsPolicy", &policies).unwrap_or(NodeInclusionPolicy::Ignore);
    let strings = &mut cx.words.strings;
    Some(SpreadConstraint {
        max_skew: i32::try_from(skew?).ok()?,
        topology_key: strings.intern(key?),
        when_unsatisfiable: when?,
        selector: Selector::nothing().compile(strings),
        min_domains: i32::try_from(domains).ok()?,
        node_affinity_policy: affinity,
        node_taints_policy: taints,
    })
}

fn inter_pod(cx: &mut Context<'_>, fields: &Fields<'_, '_>) -> InterPodAffinityArgs {
    let mut args = InterPodAffinityArgs::default();
    if let Some(weight) = ranged(cx, fields, "hardPodAffinityWeight", (0, 100), "not in valid range [0, 100]") {
        args.hard_pod_affinity_weight = weight;
    }
    args.ignore_preferred_terms_of_existing_pods =
        fields.boolean(cx, "ignorePreferredTermsOfExistingPods").unwrap_or(false);
    args
}

fn preemption(cx: &mut Context<'_>, fields: &Fields<'_, '_>) -> DefaultPreemptionArgs {
    let mut args = DefaultPreemptionArgs::default();
    let (percentage, absolute) = ("minCandidateNodesPercentage", "minCandidateNodesAbsolute");
    let most = i64::from(i32::MAX);
    if let Some(found) = ranged(cx, fields, percentage, (0, 100), "not in valid range [0, 100]") {
        args.min_candidate_nodes_percentage = u32::try_from(found).unwrap_or(100);
    }
    if let Some(found) = ranged(cx, fields, absolute, (0, most), "not in valid range [0, inf)") {
        args.min_candidate_nodes_absolute = u32::try_from(found).unwrap_or(u32::MAX);
    }
    if (args.min_candidate_nodes_percentage, args.min_candidate_nodes_absolute) == (0, 0) {
        let text = "Invalid value: 0: cannot be zero at the same time as minCandidateNodesAbsolute";
        invalid(cx, fields, percentage, text, "with both 0 no candidate is ever found: raise one of them");
    }
    args
}

/// The time limit has no effect: volumes are bound or not, nobody waits for a driver that fails.
fn volume_binding(cx: &mut Context<'_>, fields: &Fields<'_, '_>) {
    const TIMEOUT: &str = "bindTimeoutSeconds";
    if let Some(seconds) = fields.integer(cx, TIMEOUT, "int64") {
        if seconds < 0 {
            let text = format!("Invalid value: {seconds}: invalid BindTimeoutSeconds, should not be a negative value");
            invalid(cx, fields, TIMEOUT, &text, "write a number of seconds, or remove it");
        }
        cx.ignore(&fields.path.field(TIMEOUT));
    }
    if fields.get("shape").is_some() {
        let text =
            "Invalid value: unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring";
        invalid(cx, fields, "shape", text, "remove it: the feature gate is off in v1.34");
    }
}

fn dynamic_resources(cx: &mut Context<'_>, fields: &Fields<'_, '_>) {
    const TIMEOUT: &str = "filterTimeout";
    let Some(text) = fields.text(cx, TIMEOUT) else { return };
    match SimDuration::parse(text) {
        Ok(limit) if limit >= SimDuration::ZERO => cx.ignore(&fields.path.field(TIMEOUT)),
        _ => {
            let text = format!("Invalid value: {}: must be zero or positive", go_quote(text));
            invalid(cx, fields, TIMEOUT, &text, "write a duration such as \"10s\"");
        }
    }
}
