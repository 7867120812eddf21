//! Mistakes in the scheduler's configuration.

use podsim::manifest::codes::*;

use super::Case;

/// A good configuration up to its fields (line 3).
const HEAD: &str = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";

/// All of them.
pub fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    let mut add = |code, text: String, at, help| all.push(Case { code, text, at, help });
    let config = |rest: &str| format!("{HEAD}{rest}\n");
    let plugins = |rest: &str| format!("{HEAD}profiles:\n- plugins:\n    {rest}\n");
    let args =
        |name: &str, rest: &str| format!("{HEAD}profiles:\n- pluginConfig:\n  - name: {name}\n    args: {{{rest}}}\n");
    let fit = |rest: &str| args("NodeResourcesFit", rest);

    // Pods.
    let pod = |rest: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers: [{{name: c, image: i}}]\n  {rest}\n"
        )
    };
    add(BAD_SCHEDULING_GATE, pod("schedulingGates: [{name: a b}]"), (6, 28), "example.com/quota");
    add(BAD_SCHEDULING_GATE, pod("schedulingGates: [{name: a}, {name: a}]"), (6, 39), "once");
    add(BAD_SCHEDULING_GATE, pod("schedulingGates: [{name: a}]\n  nodeName: node"), (7, 13), "remove the gates");

    // The file.
    let old = "apiVersion: kubescheduler.config.k8s.io/v1beta3\nkind: KubeSchedulerConfiguration\n";
    add(WRONG_API_VERSION, old.to_owned(), (1, 13), "kubescheduler.config.k8s.io/v1`");
    let other = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: Scheduler\n";
    add(UNKNOWN_KIND, other.to_owned(), (2, 7), "kind: KubeSchedulerConfiguration");
    add(NO_KIND, "apiVersion: kubescheduler.config.k8s.io/v1\n".to_owned(), (1, 1), "begin with");
    add(NOT_AN_OBJECT, format!("{HEAD}---\n{HEAD}"), (4, 1), "write one");
    add(UNKNOWN_FIELD, config("podInitialBackofSeconds: 1"), (3, 1), "did you mean `podInitialBackoffSeconds`?");
    add(MISPLACED_FIELD, config("plugins: {}"), (3, 1), "under `profiles:`");
    add(OUT_OF_RANGE, config("podInitialBackoffSeconds: 0"), (3, 27), "at least 1");
    add(OUT_OF_RANGE, config("podMaxBackoffSeconds: 1\npodInitialBackoffSeconds: 2"), (3, 23), "at least 2");
    add(OUT_OF_RANGE, config("percentageOfNodesToScore: 101"), (3, 27), "0 (by the size");
    add(OUT_OF_RANGE, config("parallelism: 0"), (3, 14), "remove it");
    add(NOT_MODELLED_SETTING, config("extenders: [{urlPrefix: http://x}]"), (3, 12), "remove them");

    // Profiles.
    add(REQUIRED, config("profiles: [{schedulerName: a}, {}]"), (3, 32), "add `schedulerName");
    add(DUPLICATE_PROFILE, config("profiles: [{schedulerName: a}, {schedulerName: a}]"), (3, 48), "another");
    let sorts =
        "profiles:\n- schedulerName: a\n- schedulerName: b\n  plugins: {queueSort: {enabled: [{name: PrioritySort}]}}";
    add(BAD_PLUGIN_SET, config(sorts), (6, 12), "one queue");

    // Plugins.
    add(
        UNKNOWN_PLUGIN,
        plugins("score: {enabled: [{name: NodeResourceFit}]}"),
        (5, 30),
        "did you mean `NodeResourcesFit`?",
    );
    add(UNKNOWN_PLUGIN, plugins("filter: {disabled: [{name: Mine}]}"), (5, 32), "brings along");
    add(UNKNOWN_PLUGIN, plugins("filter: {enabled: [{name: EBSLimits}]}"), (5, 31), "write NodeVolumeLimits");
    add(UNKNOWN_PLUGIN, args("Fit", ""), (5, 11), "brings along");
    add(BAD_PLUGIN_SET, plugins("filter: {enabled: [{name: ImageLocality}]}"), (5, 31), "can be enabled at score");
    add(BAD_PLUGIN_SET, plugins("score: {enabled: [{name: NodeAffinity}, {name: NodeAffinity}]}"), (5, 52), "once");
    add(BAD_PLUGIN_SET, plugins("queueSort: {disabled: [{name: \"*\"}]}"), (4, 3), "PrioritySort");
    add(BAD_PLUGIN_SET, plugins("bind: {disabled: [{name: DefaultBinder}]}"), (4, 3), "DefaultBinder");
    add(BAD_PLUGIN_SET, plugins("preScore: {disabled: [{name: TaintToleration}]}"), (4, 3), "disable it at `score:`");
    add(BAD_PLUGIN_SET, plugins("preFilter: {disabled: [{name: NodePorts}]}"), (4, 3), "disable it at `filter:`");

    // Arguments.
    add(
        BAD_PLUGIN_ARGS,
        config("profiles:\n- pluginConfig: [{name: NodePorts}, {name: NodePorts}]"),
        (4, 44),
        "put them together",
    );
    add(BAD_PLUGIN_ARGS, fit("kind: FitArgs"), (6, 18), "kind: NodeResourcesFitArgs");
    add(BAD_PLUGIN_ARGS, fit("ignoredResourceGroups: [a.b/c]"), (6, 36), "the domain only");
    add(BAD_PLUGIN_ARGS, fit("ignoredResources: [\"a b\"]"), (6, 31), "example.com/dongle");
    add(BAD_PLUGIN_ARGS, fit("scoringStrategy: {}"), (6, 12), "type: LeastAllocated");
    add(UNSUPPORTED, fit("scoringStrategy: {type: MostAlocated}"), (6, 36), "did you mean `MostAllocated`?");
    let least = |rest: &str| fit(&format!("scoringStrategy: {{type: LeastAllocated, {rest}}}"));
    add(OUT_OF_RANGE, least("resources: [{name: cpu, weight: 101}]"), (6, 84), "1 to 100");
    add(BAD_PLUGIN_ARGS, least("requestedToCapacityRatio: {}"), (6, 78), "remove it");
    let ratio = |rest: &str| fit(&format!("scoringStrategy: {{type: RequestedToCapacityRatio, {rest}}}"));
    add(BAD_PLUGIN_ARGS, ratio("resources: []"), (6, 12), "add `requestedToCapacityRatio");
    let shape = |rest: &str| ratio(&format!("requestedToCapacityRatio: {{shape: [{rest}]}}"));
    add(BAD_PLUGIN_ARGS, shape(""), (6, 96), "add `shape");
    add(OUT_OF_RANGE, shape("{utilization: 1, score: 11}"), (6, 121), "at most 10");
    add(BAD_PLUGIN_ARGS, shape("{utilization: 1}, {utilization: 1}"), (6, 129), "rising");
    let balanced = |rest: &str| args("NodeResourcesBalancedAllocation", &format!("resources: [{rest}]"));
    add(OUT_OF_RANGE, balanced("{name: cpu, weight: 2}"), (6, 44), "remove the weight");
    add(BAD_PLUGIN_ARGS, balanced("{name: cpu}, {name: cpu}"), (6, 44), "counts once");
    add(
        BAD_NODE_AFFINITY,
        args(
            "NodeAffinity",
            "addedAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: []}}",
        ),
        (6, 96),
        "matchExpressions",
    );
    let spread = |rest: &str| args("PodTopologySpread", rest);
    let constraint = |rest: &str| spread(&format!("defaultingType: List, defaultConstraints: [{rest}]"));
    add(UNSUPPORTED, spread("defaultingType: Lst"), (6, 28), "did you mean `List`?");
    let good = "{maxSkew: 1, topologyKey: k, whenUnsatisfiable: ScheduleAnyway}";
    add(BAD_PLUGIN_ARGS, spread(&format!("defaultConstraints: [{good}]")), (6, 5), "defaultingType: List");
    add(BAD_PLUGIN_ARGS, constraint(&format!("{good}, {good}")), (6, 146), "one constraint of each kind");
    add(BAD_PLUGIN_ARGS, constraint("{topologyKey: k, whenUnsatisfiable: DoNotSchedule}"), (6, 56), "maxSkew: 1");
    add(
        OUT_OF_RANGE,
        constraint("{maxSkew: 0, topologyKey: k, whenUnsatisfiable: DoNotSchedule}"),
        (6, 65),
        "at least 1",
    );
    add(
        BAD_PLUGIN_ARGS,
        constraint("{maxSkew: 1, topologyKey: k, whenUnsatisfiable: DoNotSchedule, labelSelector: {}}"),
        (6, 133),
        "Services and owners",
    );
    add(OUT_OF_RANGE, args("InterPodAffinity", "hardPodAffinityWeight: 101"), (6, 35), "at most 100");
    let preemption = |rest: &str| args("DefaultPreemption", rest);
    add(OUT_OF_RANGE, preemption("minCandidateNodesAbsolute: -1"), (6, 39), "at least 0");
    add(
        BAD_PLUGIN_ARGS,
        preemption("minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0"),
        (6, 41),
        "raise one of them",
    );
    add(BAD_PLUGIN_ARGS, args("VolumeBinding", "shape: []"), (6, 19), "feature gate");
    add(BAD_PLUGIN_ARGS, args("VolumeBinding", "bindTimeoutSeconds: -1"), (6, 32), "remove it");
    add(BAD_PLUGIN_ARGS, args("DynamicResources", "filterTimeout: -1s"), (6, 27), "10s");
    all
}
