//! A configuration of the scheduler means what kube-scheduler makes of it.

use podsim::diag::{Diagnostics, Sources};
use podsim::manifest::scheduler_config::{SchedulerConfig, load};
use podsim::model::profile::{Plugin, PodTopologySpreadArgs, Profile, ScoringStrategy, ScoringStrategyType};
use podsim::model::{Strings, Vocabulary, WhenUnsatisfiable};

fn read(text: &str) -> (SchedulerConfig, Strings) {
    let mut sources = Sources::default();
    let file = sources.add("scheduler.yaml", text);
    let (mut words, mut diagnostics) = (Vocabulary::default(), Diagnostics::default());
    let config = load(file, &sources, &mut words, &mut diagnostics);
    assert!(diagnostics.is_empty(), "{}", diagnostics.render_short(&sources));
    (config.expect("without errors"), words.strings)
}

#[test]
fn an_empty_configuration_is_the_default_profile() {
    let (config, _) =
        read("{\"apiVersion\": \"kubescheduler.config.k8s.io/v1\", \"kind\": \"KubeSchedulerConfiguration\"}");
    assert_eq!(config.profiles, [Profile::default()]);
    let (config, _) = read(
        "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles: [{plugins: {}, pluginConfig: []}]\n",
    );
    assert_eq!(config.profiles, [Profile::default()]);
    assert_eq!((config.percentage_of_nodes_to_score, config.ignored), (None, Vec::new()));
}

#[test]
fn profiles_are_merged_with_the_defaults() {
    let (config, strings) = read(include_str!("manifest_cases/scheduler.yaml"));
    assert_eq!(config.percentage_of_nodes_to_score, Some(50));
    assert_eq!((config.initial_backoff_seconds, config.max_backoff_seconds), (Some(2), Some(20)));
    let ignored: Vec<&str> = config.ignored.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        ignored,
        [
            "KubeSchedulerConfiguration: leaderElection",
            "KubeSchedulerConfiguration: parallelism",
            "KubeSchedulerConfiguration: profiles[].pluginConfig[].args.bindTimeoutSeconds",
            "KubeSchedulerConfiguration: profiles[].pluginConfig[].args.filterTimeout",
            "KubeSchedulerConfiguration: profiles[].plugins.reserve",
        ]
    );
    let [default, packing, bare] = &config.profiles[..] else { panic!("three profiles") };
    assert_eq!(*default, Profile::default());

    assert_eq!(packing.scheduler_name.map(|name| strings.text(name)), Some("packing"));
    assert_eq!(packing.percentage_of_nodes_to_score, Some(100));
    // What the point itself enables comes first; without a weight of its own it has 1, whatever the default is.
    let score = [
        (Plugin::NodeResourcesFit, 5),
        (Plugin::TaintToleration, 1),
        (Plugin::PodTopologySpread, 2),
        (Plugin::InterPodAffinity, 2),
        (Plugin::NodeResourcesBalancedAllocation, 1),
    ];
    assert_eq!(packing.score, score);
    assert_eq!(packing.filter, default.filter);
    let name = |text: &str| strings.lookup(text).expect(text);
    let args = &packing.args;
    assert_eq!(args.fit.ignored_resources, [name("example.com/dongle")]);
    assert_eq!(args.fit.ignored_groups, [name("example.org")]);
    let kind = ScoringStrategyType::RequestedToCapacityRatio(vec![(0, 0), (100, 10)]);
    let resources = vec![(name("nvidia.com/gpu"), 3), (name("cpu"), 1)];
    assert_eq!(args.fit.strategy, ScoringStrategy { kind, resources });
    assert_eq!(args.balanced.resources, [name("cpu"), name("nvidia.com/gpu")]);
    assert_eq!(args.node_affinity.added_required.as_deref().map(<[_]>::len), Some(1));
    assert_eq!(args.node_affinity.added_preferred.iter().map(|(weight, _)| *weight).collect::<Vec<_>>(), [7]);
    let PodTopologySpreadArgs::List(constraints) = &args.spread else { panic!("a list of constraints") };
    assert_eq!((constraints[0].max_skew, constraints[0].min_domains), (2, 1));
    assert_eq!(constraints[0].when_unsatisfiable, WhenUnsatisfiable::ScheduleAnyway);
    assert_eq!(args.inter_pod.hard_pod_affinity_weight, 0);
    assert!(args.inter_pod.ignore_preferred_terms_of_existing_pods);
    let candidates = (args.preemption.min_candidate_nodes_percentage, args.preemption.min_candidate_nodes_absolute);
    assert_eq!(candidates, (0, 5));

    assert_eq!(bare.filter, [Plugin::NodeName]);
    assert!(bare.score.is_empty() && bare.pre_filter.is_empty() && bare.pre_enqueue.is_empty());
    assert!(bare.post_filter.is_empty());
}
