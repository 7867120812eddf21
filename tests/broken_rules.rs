//! Breaking a rule is noticed: by the rule's vectors, and by the timeline of a scenario. `base::broken!` names what can be
//! broken, and with what; the feature `broken-rules` makes it possible:
//!
//!     cargo test --features broken-rules --test broken_rules

#[cfg(not(feature = "broken-rules"))]
#[test]
fn skipped_without_the_feature() {
    use std::io::Write as _;
    // Straight to stderr: what `eprintln!` says in a test that passes is not shown.
    let _ = writeln!(std::io::stderr(), "SKIPPED: rules can be broken with `--features broken-rules` only");
}

#[cfg(feature = "broken-rules")]
mod support;

#[cfg(feature = "broken-rules")]
#[path = "timelines"]
mod with {
    #[path = "gallery_life.rs"]
    mod gallery_life;
    #[path = "gallery_node.rs"]
    mod gallery_node;
    #[path = "gallery_workloads.rs"]
    mod gallery_workloads;
    #[path = "node.rs"]
    mod node;
    #[path = "pressure.rs"]
    mod pressure;

    use std::collections::BTreeSet;
    use std::panic::catch_unwind;
    use std::path::Path;

    use podsim::base::broken::Broken;
    use podsim::cli::conformance::{self, Totals};

    /// A rule that can be broken: its name in the sources, its file of vectors, a timeline test, and the beginning of the
    /// line of that timeline that comes at other times.
    type Rule = (&'static str, &'static str, fn(), &'static str);

    const RULES: &[Rule] = &[
        // Nothing that ended is going to be restarted.
        ("phase", "phase", gallery_life::crash_loop, "web/app Running"),
        // A pod is ready whatever its containers are.
        ("conditions", "conditions", gallery_life::strict_liveness, "pod liveness-exec Ready True"),
        // Waits do not grow.
        ("crash loop", "crashloop_backoff", gallery_life::crash_loop, "web/app Running"),
        // At the very end of a wait it still counts.
        ("image back-off", "image_pull", gallery_life::image_registry_outage, "first/app pull"),
        // What the spec grants a container to end is not granted.
        ("grace", "grace_period", gallery_life::strict_liveness, "liveness-exec/liveness Running"),
        // Sidecars are stopped with the others.
        ("termination order", "termination_order", gallery_life::sidecar_shutdown, "web/logs Terminated Completed 0"),
        // Burstable containers count as best-effort ones.
        (
            "oom score",
            "oom_score_adj",
            pressure::the_kernel_kills_by_score_when_memory_is_used_up,
            "greedy/app Terminated OOMKilled 137",
        ),
        // Priorities do not protect.
        ("eviction ranking", "eviction_ranking", gallery_node::node_memory, "pod cheap Failed Evicted"),
        // An init container that fails is final.
        ("pod actions", "pod_actions", gallery_life::init_fails_twice, "web/migrate Running"),
        // What is tolerated is tolerated for ever.
        ("toleration time", "toleration_time", gallery_node::node_lost_10_minutes, "pod web deleting 30"),
        // A zone is never fully disrupted.
        (
            "zone state",
            "node_zone_state",
            gallery_node::one_node_lost,
            "node node-0 +node.kubernetes.io/unreachable:NoExecute",
        ),
        // Pods of a node that is gone are orphans at once.
        (
            "pod gc",
            "podgc",
            node::pods_of_a_deleted_node_are_collected,
            "pod web DisruptionTarget True DeletionByPodGC",
        ),
        // All pods are stopped together.
        ("node shutdown", "node_shutdown", pressure::a_node_is_shut_down_in_order, "agent/app Terminated Completed 0"),
        // Waits of a Job do not grow.
        ("job back-off", "job_backoff", gallery_workloads::jobs_that_fail, "event Job/again Normal SuccessfulCreate"),
        // No rule of a Job's pod failure policy matches.
        (
            "pod failure policy",
            "job_pod_failure_policy",
            gallery_workloads::jobs_that_fail,
            "event Job/no-use Normal SuccessfulCreate",
        ),
        // Old pods go whether or not enough of them are available.
        (
            "rolling update",
            "deployment_rolling",
            gallery_workloads::a_rollout_without_room,
            "event Deployment/web Normal ScalingReplicaSet",
        ),
        // All pods of a StatefulSet come at once.
        (
            "stateful order",
            "statefulset_sync",
            gallery_workloads::a_stateful_set_through_the_loss_of_a_zone,
            "event StatefulSet/db Normal SuccessfulCreate",
        ),
        // A budget that is used up refuses nobody.
        ("eviction", "eviction_api", gallery_workloads::a_drain_waits_for_a_budget, "command error when evicting"),
    ];

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    fn vectors(name: &str) -> Totals {
        let file = root().join(format!("tests/vectors/lifecycle/{name}.json"));
        conformance::run(&[file], conformance::Manner::default(), &mut Vec::new()).expect("the vectors can be read")
    }

    /// What the timeline says of a difference; nothing: there is none.
    fn differs(timeline: fn()) -> Option<String> {
        let panic = catch_unwind(timeline).err()?;
        Some(panic.downcast::<String>().map_or_else(|_| "a panic without a text".to_owned(), |text| *text))
    }

    #[test]
    fn vectors_and_timelines_notice_a_broken_rule() {
        let mut others = Vec::new();
        for &(name, file, timeline, line) in RULES {
            assert!(vectors(file).is_clean(), "{file} does not pass");
            assert_eq!(differs(timeline), None, "{name}: nothing is broken yet");
            let broken = Broken::rule(name);
            let (totals, told) = (vectors(file), differs(timeline));
            drop(broken);
            assert!(totals.failed > 0 && totals.unsupported == 0, "{name}: {file} still says {totals}");
            let told = told.unwrap_or_else(|| panic!("{name}: the timeline does not notice"));
            let first = told.lines().next().unwrap_or_default();
            if !first.ends_with(&format!("`{line}` in")) {
                others.push(format!("{name}: {first}"));
            }
            let cases = totals.failed + totals.passed;
            println!("{name}: {} of {cases} cases of {file} fail; other times for `{line}`", totals.failed);
        }
        assert!(others.is_empty(), "other lines have other times first: {others:#?}");
    }

    /// The names of the rules that a source can break.
    fn names(path: &Path, found: &mut BTreeSet<String>) {
        for entry in path.read_dir().expect("sources lie in directories") {
            let path = entry.expect("a directory entry").path();
            if path.is_dir() {
                names(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("sources are text");
                let begun = text.split("broken!(").skip(1);
                let quoted = begun.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
                found.extend(quoted.map(str::to_owned));
            }
        }
    }

    #[test]
    fn every_rule_that_can_be_broken_is_tested() {
        let mut found = BTreeSet::new();
        names(&root().join("src"), &mut found);
        let listed: BTreeSet<String> = RULES.iter().map(|(name, ..)| (*name).to_owned()).collect();
        assert_eq!(found, listed);
    }
}
