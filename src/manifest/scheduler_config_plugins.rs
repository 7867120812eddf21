//! Which plugins a profile runs at which extension point, in which order and with which weights. Owns the registry of in-tree
//! plugins. Mirrors `mergePlugins` of pkg/scheduler/apis/config/v1/default_plugins.go, `expandMultiPointPlugins`,
//! `updatePluginList` and `getScoreWeights` of pkg/scheduler/framework/runtime/framework.go, v1.34.

use super::codes;
use super::fields::{Context, Fields};
use super::schema_scheduler as schema;
use super::tree::At;
use crate::diag::did_you_mean;
use crate::model::names::go_quote;
use crate::model::profile::{Plugin, Profile};

/// Where a plugin can be called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Point {
    PreEnqueue,
    QueueSort,
    PreFilter,
    Filter,
    PostFilter,
    PreScore,
    Score,
    Reserve,
    Permit,
    PreBind,
    Bind,
    PostBind,
}

use Point as P;

/// Each with its field and upstream's name of its interface.
const POINTS: [(P, &str, &str); 12] = [
    (P::PreEnqueue, "preEnqueue", "PreEnqueuePlugin"),
    (P::QueueSort, "queueSort", "QueueSortPlugin"),
    (P::PreFilter, "preFilter", "PreFilterPlugin"),
    (P::Filter, "filter", "FilterPlugin"),
    (P::PostFilter, "postFilter", "PostFilterPlugin"),
    (P::PreScore, "preScore", "PreScorePlugin"),
    (P::Score, "score", "ScorePlugin"),
    (P::Reserve, "reserve", "ReservePlugin"),
    (P::Permit, "permit", "PermitPlugin"),
    (P::PreBind, "preBind", "PreBindPlugin"),
    (P::Bind, "bind", "BindPlugin"),
    (P::PostBind, "postBind", "PostBindPlugin"),
];

/// An in-tree plugin.
struct Registered {
    name: &'static str,
    /// What it is in a profile; `None` if nothing here depends on it.
    plugin: Option<Plugin>,
    points: &'static [Point],
}

const fn known(plugin: Plugin, points: &'static [Point]) -> Registered {
    Registered { name: plugin.name(), plugin: Some(plugin), points }
}

/// All of them, in the order in which the default `multiPoint` enables them.
static REGISTRY: [Registered; 19] = [
    known(Plugin::SchedulingGates, &[P::PreEnqueue]),
    Registered { name: "PrioritySort", plugin: None, points: &[P::QueueSort] },
    known(Plugin::NodeUnschedulable, &[P::Filter]),
    known(Plugin::NodeName, &[P::Filter]),
    known(Plugin::TaintToleration, &[P::Filter, P::PreScore, P::Score]),
    known(Plugin::NodeAffinity, &[P::PreFilter, P::Filter, P::PreScore, P::Score]),
    known(Plugin::NodePorts, &[P::PreFilter, P::Filter]),
    known(Plugin::NodeResourcesFit, &[P::PreFilter, P::Filter, P::PreScore, P::Score]),
    known(Plugin::VolumeRestrictions, &[P::PreFilter, P::Filter]),
    known(Plugin::NodeVolumeLimits, &[P::PreFilter, P::Filter]),
    known(Plugin::VolumeBinding, &[P::PreFilter, P::Filter, P::PreScore, P::Score, P::Reserve, P::PreBind]),
    known(Plugin::VolumeZone, &[P::PreFilter, P::Filter]),
    known(Plugin::PodTopologySpread, &[P::PreFilter, P::Filter, P::PreScore, P::Score]),
    known(Plugin::InterPodAffinity, &[P::PreFilter, P::Filter, P::PreScore, P::Score]),
    known(Plugin::DynamicResources, &[P::PreEnqueue, P::PreFilter, P::Filter, P::PostFilter, P::Reserve, P::PreBind]),
    known(Plugin::DefaultPreemption, &[P::PreEnqueue, P::PostFilter]),
    known(Plugin::NodeResourcesBalancedAllocation, &[P::PreScore, P::Score]),
    known(Plugin::ImageLocality, &[P::Score]),
    Registered { name: "DefaultBinder", plugin: None, points: &[P::Bind] },
];

/// Plugins that v1 has no longer.
const REMOVED: [&str; 4] = ["AzureDiskLimits", "CinderLimits", "EBSLimits", "GCEPDLimits"];

/// Plugins whose filter fails without their PreFilter, and plugins whose score fails without their PreScore.
const NEED_PRE_FILTER: [&str; 7] = [
    "NodePorts",
    "NodeResourcesFit",
    "VolumeRestrictions",
    "VolumeBinding",
    "PodTopologySpread",
    "InterPodAffinity",
    "DynamicResources",
];
const NEED_PRE_SCORE: [&str; 3] = ["TaintToleration", "PodTopologySpread", "InterPodAffinity"];

type Known = &'static Registered;

/// Whether there is such a plugin.
pub(super) fn exists(name: &str) -> bool {
    REGISTRY.iter().any(|known| known.name == name)
}

/// The names of all plugins, for did-you-mean.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    REGISTRY.iter().map(|known| known.name)
}

/// What a profile says about one extension point; or the defaults.
#[derive(Default)]
struct Set<'t> {
    enabled: Vec<(Known, i64)>,
    disabled: Vec<&'t str>,
}

/// How a profile sorts the queue, as it is written: all profiles must say the same.
#[derive(PartialEq, Eq)]
pub(super) struct QueueSort<'t> {
    enabled: Vec<(&'static str, i64)>,
    disabled: Vec<&'t str>,
}

/// Reads `plugins` of a profile. The arguments are not filled in.
pub(super) fn read<'t>(cx: &mut Context<'_>, profile: &Fields<'t, '_>) -> (Profile, QueueSort<'t>) {
    let path = profile.path.field("plugins");
    let mut sets: Vec<Set<'t>> = POINTS.iter().map(|_| Set::default()).collect();
    let mut multi = Set::default();
    let mut at = profile.anchor;
    if let Some(entry) = profile.get("plugins") {
        at = entry.key_at;
        let example = "write an extension point under it, such as `score:` or `multiPoint:`";
        if let Some(fields) = cx.fields(&entry.value, entry.key_at, &path, &schema::PLUGINS, example) {
            for (set, &(point, field, interface)) in sets.iter_mut().zip(&POINTS) {
                *set = set_of(cx, &fields, field, Some((point, interface)));
                // Nothing here depends on them, but that there are such plugins.
                if fields.get(field).is_some() && matches!(point, P::Reserve | P::Permit | P::PreBind | P::PostBind) {
                    cx.ignore(&path.field(field));
                }
            }
            multi = set_of(cx, &fields, "multiPoint", None);
        }
    }
    let sort = &sets[P::QueueSort as usize];
    let sort = QueueSort {
        enabled: sort.enabled.iter().map(|&(known, weight)| (known.name, weight)).collect(),
        disabled: sort.disabled.clone(),
    };
    let multi = merge(&multi);
    let run: Vec<Vec<Known>> = POINTS.iter().zip(&sets).map(|(&(point, ..), set)| expand(point, set, &multi)).collect();
    check(cx, profile, at, &run);
    let plugins = |point: Point| run[point as usize].iter().filter_map(|known| known.plugin).collect::<Vec<_>>();
    let weights: Vec<(Known, i64)> = sets[P::Score as usize].enabled.iter().chain(&multi).copied().collect();
    let weight = |plugin: Plugin| {
        let given = weights.iter().find(|(known, _)| known.plugin == Some(plugin)).map_or(0, |&(_, weight)| weight);
        if given == 0 { 1 } else { given }
    };
    // The score of VolumeBinding exists with the feature gate StorageCapacityScoring only.
    let score = plugins(P::Score).into_iter().filter(|&plugin| plugin != Plugin::VolumeBinding);
    let profile = Profile {
        pre_enqueue: plugins(P::PreEnqueue),
        pre_filter: plugins(P::PreFilter),
        filter: plugins(P::Filter),
        post_filter: plugins(P::PostFilter),
        score: score.map(|plugin| (plugin, weight(plugin))).collect(),
        ..Profile::default()
    };
    (profile, sort)
}

/// Reads the set of one extension point, or of `multiPoint`, to which every plugin belongs.
fn set_of<'t>(
    cx: &mut Context<'_>,
    plugins: &Fields<'t, '_>,
    field: &'static str,
    point: Option<(Point, &str)>,
) -> Set<'t> {
    let mut set = Set::default();
    let Some(entry) = plugins.get(field) else { return set };
    let path = plugins.path.field(field);
    let example = "write `enabled:` or `disabled:` under it, each a list of `- name: NodeResourcesFit`";
    let Some(fields) = cx.fields(&entry.value, entry.key_at, &path, &schema::PLUGIN_SET, example) else { return set };
    let list_path = path.field("disabled");
    for (index, node) in fields.list(cx, "disabled", "v1.Plugin").iter().enumerate() {
        let path = list_path.index(index);
        let Some(fields) = cx.fields(node, node.anchor(), &path, &schema::PLUGIN, "write `- name: \"*\"`") else {
            continue;
        };
        let Some(name) = name_of(cx, &fields) else { continue };
        if name != "*" && !REMOVED.contains(&name) && !exists(name) {
            unknown(cx, &fields, name);
        }
        set.disabled.push(name);
    }
    let list_path = path.field("enabled");
    for (index, node) in fields.list(cx, "enabled", "v1.Plugin").iter().enumerate() {
        let path = list_path.index(index);
        let example = "write `- name: NodeResourcesFit` and, where it scores, `weight: 2`";
        let Some(fields) = cx.fields(node, node.anchor(), &path, &schema::PLUGIN, example) else { continue };
        let weight = fields.integer(cx, "weight", "int32").unwrap_or(0);
        let Some(name) = name_of(cx, &fields) else { continue };
        let Some(known) = REGISTRY.iter().find(|known| known.name == name) else {
            unknown(cx, &fields, name);
            continue;
        };
        let name_path = path.field("name");
        if let Some((_, interface)) = point.filter(|(point, _)| !known.points.contains(point)) {
            let text = format!("Invalid value: plugin {} does not extend {interface} plugin", go_quote(name));
            let points = POINTS.iter().filter(|(point, ..)| known.points.contains(point));
            let points: Vec<&str> = points.map(|&(_, field, _)| field).collect();
            let help = format!("{name} can be enabled at {}", points.join(", "));
            cx.invalid(codes::BAD_PLUGIN_SET, fields.at("name"), &name_path, &text, "not called here", &help);
            continue;
        }
        if set.enabled.iter().any(|(other, _)| other.name == name) {
            let interface = point.map_or("PluginSet", |(_, interface)| interface);
            let text =
                format!("Invalid value: plugin {} already registered as {}", go_quote(name), go_quote(interface));
            let help = "a plugin is enabled once: remove one of the two";
            cx.invalid(codes::BAD_PLUGIN_SET, fields.at("name"), &name_path, &text, "there is one already", help);
            continue;
        }
        set.enabled.push((known, weight));
    }
    set
}

fn name_of<'t>(cx: &mut Context<'_>, fields: &Fields<'t, '_>) -> Option<&'t str> {
    fields.required(cx, "name", codes::REQUIRED, "say which plugin: add `name: NodeResourcesFit`")
}

/// Reports a plugin that is not in-tree.
pub(super) fn unknown(cx: &mut Context<'_>, fields: &Fields<'_, '_>, name: &str) {
    let path = fields.path.field("name");
    let (text, help) = if REMOVED.contains(&name) {
        let text = format!(
            "Invalid value: {}: was removed in version \"{}\"",
            go_quote(name),
            super::scheduler_config::VERSION
        );
        (text, "write NodeVolumeLimits, which does its work, or remove it".to_owned())
    } else {
        let help = match did_you_mean(name, names()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "only the plugins that kube-scheduler brings along are modelled: remove it".to_owned(),
        };
        (format!("Invalid value: plugin {} does not exist", go_quote(name)), help)
    };
    cx.invalid(codes::UNKNOWN_PLUGIN, fields.at("name"), &path, &text, "no such plugin", &help);
}

/// The default `multiPoint` with what a profile says about it: what is configured anew keeps its place.
fn merge(own: &Set<'_>) -> Vec<(Known, i64)> {
    let configured = |known: Known| own.enabled.iter().find(|(other, _)| other.name == known.name).copied();
    let is_disabled = |known: Known| own.disabled.iter().any(|&name| name == "*" || name == known.name);
    let defaults = REGISTRY.iter().filter(|known| !is_disabled(known));
    let mut merged: Vec<(Known, i64)> = defaults
        .map(|known| {
            let weight = known.plugin.map_or(0, Plugin::default_weight);
            configured(known).unwrap_or((known, weight))
        })
        .collect();
    let rest = own.enabled.iter().filter(|(known, _)| is_disabled(known));
    merged.extend(rest);
    merged
}

/// What runs at `point`: first the plugins of `multiPoint` that the point itself configures, in its order, then the others of
/// `multiPoint`, then what only the point enables.
fn expand(point: Point, set: &Set<'_>, multi: &[(Known, i64)]) -> Vec<Known> {
    let own = || set.enabled.iter().map(|&(known, _)| known);
    if set.disabled.contains(&"*") {
        return own().collect();
    }
    let is_own = |known: Known| own().any(|other| other.name == known.name);
    let shared: Vec<Known> = multi
        .iter()
        .map(|&(known, _)| known)
        .filter(|known| known.points.contains(&point) && !set.disabled.contains(&known.name))
        .collect();
    let is_shared = |known: Known| shared.iter().any(|other| other.name == known.name);
    let overriding = own().filter(|known| is_shared(known));
    let only_shared = shared.iter().copied().filter(|known| !is_own(known));
    overriding.chain(only_shared).chain(own().filter(|known| !is_shared(known))).collect()
}

/// Reports plugins that cannot do their work together.
fn check(cx: &mut Context<'_>, profile: &Fields<'_, '_>, at: At, run: &[Vec<Known>]) {
    let path = profile.path.field("plugins");
    let runs = |point: Point, name: &str| run[point as usize].iter().any(|known| known.name == name);
    let mut report = |field, text: &str, help: &str| {
        cx.invalid(codes::BAD_PLUGIN_SET, at, &path.field(field), text, "cannot work", help);
    };
    if run[P::QueueSort as usize].is_empty() {
        let text = "Invalid value: only one queue sort plugin required for profile, but got 0";
        report("queueSort", text, "enable PrioritySort at `queueSort:`");
    }
    if run[P::Bind as usize].is_empty() {
        report(
            "bind",
            "Invalid value: at least one bind plugin is needed for profile",
            "enable DefaultBinder at `bind:`",
        );
    }
    for (field, before, point, names) in [
        ("preFilter", P::PreFilter, P::Filter, &NEED_PRE_FILTER[..]),
        ("preScore", P::PreScore, P::Score, &NEED_PRE_SCORE),
    ] {
        let (_, wants, _) = POINTS[point as usize];
        for name in names.iter().filter(|name| runs(point, name) && !runs(before, name)) {
            let text =
                format!("Invalid value: {name} is enabled at {wants} but not at {field}: it would fail every pod");
            report(field, &text, &format!("enable {name} at `{field}:` as well, or disable it at `{wants}:`"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Known {
        REGISTRY.iter().find(|known| known.name == name).expect(name)
    }

    fn set<'t>(enabled: &[(&str, i64)], disabled: &[&'t str]) -> Set<'t> {
        Set { enabled: enabled.iter().map(|&(name, weight)| (of(name), weight)).collect(), disabled: disabled.to_vec() }
    }

    fn names_of(list: &[Known]) -> Vec<&'static str> {
        list.iter().map(|known| known.name).collect()
    }

    #[test]
    fn without_a_word_it_is_the_default_profile() {
        let multi = merge(&Set::default());
        let profile = Profile::default();
        for (point, want) in [
            (P::PreEnqueue, profile.pre_enqueue),
            (P::PreFilter, profile.pre_filter),
            (P::Filter, profile.filter),
            (P::PostFilter, profile.post_filter),
        ] {
            let found: Vec<Plugin> =
                expand(point, &Set::default(), &multi).iter().filter_map(|known| known.plugin).collect();
            assert_eq!(found, want, "{point:?}");
        }
        let score = expand(P::Score, &Set::default(), &multi);
        let score: Vec<Plugin> = score.iter().filter_map(|known| known.plugin).collect();
        let want: Vec<Plugin> = profile.score.iter().map(|&(plugin, _)| plugin).collect();
        assert_eq!(score.into_iter().filter(|&p| p != Plugin::VolumeBinding).collect::<Vec<_>>(), want);
        for (index, (point, ..)) in POINTS.into_iter().enumerate() {
            assert_eq!(point as usize, index);
        }
    }

    #[test]
    fn what_a_point_says_comes_first_in_its_order_and_additions_come_last() {
        let multi = merge(&set(&[], &["ImageLocality", "PodTopologySpread", "InterPodAffinity", "VolumeBinding"]));
        let own = set(&[("ImageLocality", 2), ("NodeResourcesFit", 4), ("TaintToleration", 0)], &["NodeAffinity"]);
        let want = ["NodeResourcesFit", "TaintToleration", "NodeResourcesBalancedAllocation", "ImageLocality"];
        assert_eq!(names_of(&expand(P::Score, &own, &multi)), want);
        let only = set(&[("ImageLocality", 2)], &["*"]);
        assert_eq!(names_of(&expand(P::Score, &only, &multi)), ["ImageLocality"]);
        // Disabled and enabled at once: it comes behind the others.
        let again = set(&[("TaintToleration", 5)], &["TaintToleration"]);
        assert_eq!(names_of(&expand(P::Score, &again, &multi)).last(), Some(&"TaintToleration"));
    }

    #[test]
    fn a_default_that_is_configured_anew_keeps_its_place_unless_it_is_disabled_first() {
        let place = |own: &Set<'_>| {
            let merged = merge(own);
            let at = merged.iter().position(|(known, _)| known.name == "NodeName").expect("enabled");
            (at, merged.len(), merged[at].1)
        };
        assert_eq!(place(&set(&[("NodeName", 7)], &[])), (3, 19, 7));
        assert_eq!(place(&set(&[("NodeName", 7)], &["NodeName"])), (18, 19, 7));
        assert_eq!(place(&set(&[("NodeName", 7)], &["*"])), (0, 1, 7));
    }
}
