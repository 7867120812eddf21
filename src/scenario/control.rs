//! `[control_plane]`, `[[expect]]` and `[output]`.

use super::distributions::distribution;
use super::fields::{Fields, Placed, choice, duration, fail, number};
use super::files::open_one;
use super::spec::cluster::{CONTROL_PLANE, EXPECT, FEATURE_GATES, OUTPUT, SCHEDULER};
use super::spec::defaults::DEFAULTS;
use super::spec::kubelets::{EVICTION, IMAGE_GC};
use super::tree::{Node, Value};
use super::units;
use super::{Cx, behavior, codes, suggest};
use crate::base::{Distribution, Format, Quantity, SimDuration};
use crate::diag::SourceId;
use crate::manifest::scheduler_config;
use crate::model::eviction::{EvictionPlan, Statements};
use crate::model::{ImageGc, ResourceList, RunTime, effective, shutdown};
use crate::sim::metrics;
use crate::sim::plan::{ControlPlane, Evaluator, Expect, OutputPlan, SchedulerPlan};

/// First and longest wait of crash loops with the gate `ReduceDefaultCrashLoopBackOffDecay`.
const REDUCED_CRASH_LOOP: (SimDuration, SimDuration) = (SimDuration::from_secs(1), SimDuration::from_secs(60));

/// How long processes work about which no behavior says it.
pub(super) struct RunDefaults {
    /// Of Jobs.
    pub job: RunTime,
    /// Of init containers.
    pub init: RunTime,
}

/// `[defaults]`: requests of containers of pods that request nothing, and run times.
pub(super) fn defaults(cx: &mut Cx<'_>, root: &Fields<'_>) -> (ResourceList, RunDefaults) {
    let constant = |seconds| RunTime::Drawn(Distribution::Constant(seconds));
    let mut runs = RunDefaults { job: constant(60.0), init: constant(0.0) };
    let mut list = ResourceList::new();
    let Some(fields) = root.table(cx, "defaults", &DEFAULTS) else { return (list, runs) };
    for (key, place) in [("job_run", &mut runs.job), ("init_run", &mut runs.init)] {
        if let Some(run) = fields.node(cx, key).and_then(|node| behavior::run(cx, node)) {
            *place = run;
        }
    }
    if let Some(cpu) = fields.amount(cx, "cpu", units::cpu) {
        list.set(effective::CPU, Quantity::from_milli(cpu.value, Format::DecimalSi));
    }
    if let Some(memory) = fields.amount(cx, "memory", units::bytes) {
        list.set(effective::MEMORY, Quantity::new(memory.value, Format::BinarySi));
    }
    (list, runs)
}

pub(super) fn control_plane(cx: &mut Cx<'_>, root: &Fields<'_>) -> ControlPlane {
    let Some(fields) = root.table(cx, "control_plane", &CONTROL_PLANE) else { return ControlPlane::typical() };
    let mut plan = match fields.choice(cx, "preset") {
        Some("instant") => ControlPlane::instant(),
        _ => ControlPlane::typical(),
    };
    let mut spread = |key, place: &mut Distribution| {
        if let Some(value) = distribution(cx, &fields, key) {
            *place = value;
        }
    };
    spread("api_write", &mut plan.api_write);
    spread("sandbox_start", &mut plan.sandbox_start);
    spread("container_start", &mut plan.container_start);
    spread("image_manifest", &mut plan.image_manifest);
    spread("load_balancer", &mut plan.load_balancer);
    spread("volume_provisioning", &mut plan.volume_provisioning);
    spread("volume_attach", &mut plan.volume_attach);
    spread("volume_detach", &mut plan.volume_detach);
    spread("volume_mount", &mut plan.volume_mount);
    spread("node_boot", &mut plan.node_boot);

    let mut fixed = |key, place: &mut SimDuration| {
        if let Some(value) = fields.duration(cx, key) {
            *place = value.value;
        }
    };
    fixed("watch_scheduler", &mut plan.watch_scheduler);
    fixed("watch_kubelet", &mut plan.watch_kubelet);
    fixed("watch_controller", &mut plan.watch_controller);
    fixed("metrics_lag", &mut plan.metrics_lag);
    fixed("scheduling_cycle", &mut plan.scheduling_cycle);
    fixed("binding", &mut plan.binding);
    fixed("pleg_period", &mut plan.pleg_period);
    fixed("pleg_delay", &mut plan.pleg_delay);
    fixed("status_update", &mut plan.status_update);
    fixed("node_status_period", &mut plan.node_status_period);
    fixed("endpoint_slice", &mut plan.endpoint_slice);
    fixed("proxy_sync", &mut plan.proxy_sync);
    fixed("sync_retry", &mut plan.sync_retry);
    // Periods of loops: a loop without a period would never let time pass.
    positive(cx, &fields, "metrics_resolution", &mut plan.metrics_resolution);
    positive(cx, &fields, "lease_renew", &mut plan.lease_renew);
    positive(cx, &fields, "node_monitor_period", &mut plan.node_monitor_period);
    positive(cx, &fields, "node_monitor_grace", &mut plan.node_monitor_grace);

    crash_loop(cx, &fields, &mut plan);
    pulls(cx, &fields, &mut plan);
    if let Some(rate) = fields.amount(cx, "image_bandwidth", units::byte_rate) {
        if rate.value > 0.0 {
            plan.image_bytes_per_second = rate.value;
        } else {
            let (message, help) = ("no image would ever arrive", "write for example `\"50M/s\"`");
            cx.diagnostics.error(codes::OUT_OF_RANGE, rate.span, message, "zero", help);
        }
    }
    if let Some(jitter) = fields.number(cx, "retry_jitter") {
        if (0.0..=10.0).contains(&jitter.value) {
            plan.retry_jitter = jitter.value;
        } else {
            let (message, help) = ("`retry_jitter` must be from 0 to 10", "kubelets have 0.5");
            cx.diagnostics.error(codes::OUT_OF_RANGE, jitter.span, message, "out of range", help);
        }
    }
    if let Some(toleration) = fields.duration(cx, "default_toleration") {
        plan.default_toleration_seconds = toleration.value.whole_secs();
    }
    if let Some(threshold) = fields.whole(cx, "terminated_pod_gc_threshold") {
        plan.terminated_pod_gc_threshold = u32::try_from(threshold.value).unwrap_or(u32::MAX);
    }
    let whole = |cx: &mut Cx<'_>, key| fields.duration(cx, key).map_or(0, |value| value.value.whole_secs());
    let (grace, critical) = (whole(cx, "shutdown_grace"), whole(cx, "shutdown_grace_critical"));
    plan.shutdown = shutdown::migrate(grace, critical).into();
    if critical > grace {
        let message = "critical pods cannot have more time than the whole shutdown";
        let help = "raise `shutdown_grace`, or lower `shutdown_grace_critical`";
        let span = fields.key_span("shutdown_grace_critical");
        cx.diagnostics.error(codes::OUT_OF_RANGE, span, message, "too long", help);
    }
    if let Some(fields) = fields.table(cx, "eviction", &EVICTION) {
        eviction(cx, &fields, &mut plan.eviction);
    }
    if let Some(fields) = fields.table(cx, "image_gc", &IMAGE_GC) {
        image_gc(cx, &fields, &mut plan.image_gc);
    }
    if let Some(fields) = fields.table(cx, "scheduler", &SCHEDULER) {
        scheduler(cx, &fields, &mut plan.scheduler);
    }
    plan
}

fn eviction(cx: &mut Cx<'_>, fields: &Fields<'_>, plan: &mut EvictionPlan) {
    let mut given = |key| fields.map(cx, key);
    let (hard, soft, graces, reclaims) = (given("hard"), given("soft"), given("soft_grace"), given("min_reclaim"));
    fn pairs<'t>(map: Option<&Vec<(&'t str, Placed<&'t str>)>>) -> Vec<(&'t str, &'t str)> {
        map.into_iter().flatten().map(|(signal, text)| (*signal, text.value)).collect()
    }
    let hard = hard.as_ref().map(|hard| pairs(Some(hard)));
    let statements = Statements {
        hard: hard.as_deref().unwrap_or(Statements::DEFAULT.hard),
        soft: &pairs(soft.as_ref()),
        soft_grace: &pairs(graces.as_ref()),
        min_reclaim: &pairs(reclaims.as_ref()),
        ..Statements::DEFAULT
    };
    match statements.parse() {
        Ok(thresholds) => plan.thresholds = thresholds.into(),
        Err(why) => {
            let help =
                "write for example `hard = { \"memory.available\" = \"500Mi\", \"nodefs.available\" = \"10%\" }`";
            cx.diagnostics.error(codes::BAD_THRESHOLD, fields.span, &why, "not understood", help);
        }
    }
    if let Some(period) = fields.duration(cx, "transition_period") {
        plan.transition_period = period.value;
    }
    if let Some(grace) = fields.duration(cx, "max_pod_grace") {
        plan.max_pod_grace_seconds = grace.value.whole_secs();
    }
    if let Some(pids) = fields.whole(cx, "max_pids") {
        plan.max_pids = pids.value;
    }
    plan.max_inodes = fields.whole(cx, "max_inodes").map(|inodes| inodes.value);
}

fn image_gc(cx: &mut Cx<'_>, fields: &Fields<'_>, plan: &mut ImageGc) {
    let percents =
        [("high_threshold_percent", &mut plan.high_percent), ("low_threshold_percent", &mut plan.low_percent)];
    for (key, place) in percents {
        if let Some(percent) = fields.whole(cx, key) {
            *place = percent.value;
        }
    }
    for (key, place) in [("minimum_age", &mut plan.min_age), ("maximum_age", &mut plan.max_age)] {
        if let Some(age) = fields.duration(cx, key) {
            *place = age.value;
        }
    }
    let mut refuse = |message, help| {
        cx.diagnostics.error(codes::OUT_OF_RANGE, fields.span, message, "refused by kubelets", help);
    };
    if plan.low_percent >= plan.high_percent {
        refuse("`low_threshold_percent` must be less than `high_threshold_percent`", "kubelets have 80 and 85");
    }
    if plan.max_age > SimDuration::ZERO && plan.max_age <= plan.min_age {
        refuse("`maximum_age` must be longer than `minimum_age`", "raise `maximum_age`, or lower `minimum_age`");
    }
}

/// Feature gates, and the settings of restarts that go with them.
fn crash_loop(cx: &mut Cx<'_>, fields: &Fields<'_>, plan: &mut ControlPlane) {
    let gates = fields.list(cx, "feature_gates").unwrap_or_default();
    for gate in gates {
        match choice(cx, gate, FEATURE_GATES) {
            Some("ContainerRestartRules") => plan.container_restart_rules = true,
            Some(_) => (plan.crash_loop_initial, plan.crash_loop_max) = REDUCED_CRASH_LOOP,
            None => {}
        }
    }
    for (key, place) in
        [("crash_loop_initial", &mut plan.crash_loop_initial), ("crash_loop_max", &mut plan.crash_loop_max)]
    {
        if let Some(value) = fields.duration(cx, key) {
            *place = value.value;
        }
    }
}

/// How kubelets pull images.
fn pulls(cx: &mut Cx<'_>, fields: &Fields<'_>, plan: &mut ControlPlane) {
    let most = fields.whole(cx, "max_parallel_image_pulls");
    let parallel = most.as_ref().map(|most| u32::try_from(most.value).unwrap_or(u32::MAX));
    match (fields.flag(cx, "serialize_image_pulls"), parallel) {
        (Some(true), Some(2..)) => {
            let message = "serial pulls are one at a time";
            let help = "leave `serialize_image_pulls` out, or write `false`";
            let span = fields.key_span("serialize_image_pulls");
            cx.diagnostics.error(codes::EXCLUSIVE_KEYS, span, message, "does not fit", help);
        }
        (Some(true), _) | (None, None) => plan.parallel_image_pulls = 1,
        (_, Some(most)) => plan.parallel_image_pulls = most,
        (Some(false), None) => plan.parallel_image_pulls = u32::MAX,
    }
    for (key, rate) in
        [("registry_pull_qps", &mut plan.registry_pull_qps), ("controller_qps", &mut plan.controller_qps)]
    {
        let Some(qps) = fields.number(cx, key) else { continue };
        if qps.value >= 0.0 {
            *rate = qps.value;
        } else {
            let (message, help) = ("a rate below zero", "write for example `5`, or `0` for no limit");
            cx.diagnostics.error(codes::OUT_OF_RANGE, qps.span, message, "below zero", help);
        }
    }
    let bursts = [("registry_burst", &mut plan.registry_burst), ("controller_burst", &mut plan.controller_burst)];
    for (key, size) in bursts {
        if let Some(burst) = fields.whole(cx, key) {
            *size = u32::try_from(burst.value).unwrap_or(u32::MAX);
        }
    }
}

fn scheduler(cx: &mut Cx<'_>, fields: &Fields<'_>, plan: &mut SchedulerPlan) {
    if let Some(path) = fields.text(cx, "config") {
        let path = Placed { value: path.value.to_owned(), span: path.span };
        if let Some(source) = open_one(cx, &path) {
            config(cx, source, plan);
        }
    }
    if let Some(percentage) = fields.whole(cx, "percentage_of_nodes_to_score") {
        plan.percentage_of_nodes_to_score = u32::try_from(percentage.value).unwrap_or(100);
    }
    if let Some(backoff) = fields.duration(cx, "initial_backoff") {
        plan.initial_backoff = backoff.value;
    }
    if let Some(backoff) = fields.duration(cx, "max_backoff") {
        plan.max_backoff = backoff.value;
    }
    if let Some(first) = fields.flag(cx, "first_node_on_tie") {
        plan.first_node_on_tie = first;
    }
    if let Some(on) = fields.flag(cx, "async_preemption") {
        plan.async_preemption = on;
    }
    match fields.choice(cx, "evaluator") {
        Some("scan") => plan.evaluator = Evaluator::Scan,
        Some("columns") => plan.evaluator = Evaluator::Columns,
        Some(_) => plan.evaluator = Evaluator::Index,
        None => {}
    }
}

/// Takes over what the scheduler's configuration says; keys of the scenario come after it and win.
fn config(cx: &mut Cx<'_>, source: SourceId, plan: &mut SchedulerPlan) {
    let read = scheduler_config::load(source, &cx.sources, &mut cx.vocabulary, &mut cx.diagnostics);
    let Some(config) = read else { return };
    plan.profiles = config.profiles;
    if let Some(percentage) = config.percentage_of_nodes_to_score {
        plan.percentage_of_nodes_to_score = percentage;
    }
    for (seconds, place) in [
        (config.initial_backoff_seconds, &mut plan.initial_backoff),
        (config.max_backoff_seconds, &mut plan.max_backoff),
    ] {
        if let Some(seconds) = seconds {
            // More than a century is for ever.
            *place = SimDuration::from_secs(seconds.min(100 * 365 * 86_400));
        }
    }
    for (path, count) in config.ignored {
        *cx.ignored.entry(path).or_insert(0) += count;
    }
}

pub(super) fn positive(cx: &mut Cx<'_>, fields: &Fields<'_>, key: &'static str, place: &mut SimDuration) {
    let Some(value) = fields.duration(cx, key) else { return };
    if value.value > SimDuration::ZERO {
        *place = value.value;
        return;
    }
    let (message, help) = ("a period of zero would never let time pass", "write for example `\"5s\"`");
    cx.diagnostics.error(codes::OUT_OF_RANGE, value.span, message, "zero", help);
}

pub(super) fn expects(cx: &mut Cx<'_>, root: &Fields<'_>) -> Vec<Expect> {
    let mut expects = Vec::new();
    for fields in root.tables(cx, "expect", &EXPECT) {
        let metric = fields.text(cx, "metric");
        if let Some(metric) = &metric
            && !metrics::ALL.iter().any(|known| known.name == metric.value)
        {
            let message = format!("there is no metric `{}`", metric.value);
            let help = suggest::help(metric.value, metrics::ALL.iter().map(|known| known.name));
            cx.diagnostics.error(codes::UNKNOWN_METRIC, metric.span, message, "unknown metric", help);
        }
        let name = metric.map(|metric| metric.value.to_owned()).unwrap_or_default();
        let min = fields.node(cx, "min").and_then(|node| bound(cx, node, &name));
        let max = fields.node(cx, "max").and_then(|node| bound(cx, node, &name));
        if fields.given(cx, &["min", "max"]).is_empty() {
            let (message, help) = ("this expectation has no bound", "add `min`, `max` or both");
            cx.diagnostics.error(codes::BAD_BOUND, fields.span, message, "always holds", help);
        }
        if let (Some(min), Some(max)) = (min, max)
            && min > max
        {
            let (message, help) = ("`min` is above `max`: it can never hold", "exchange them");
            cx.diagnostics.error(codes::BAD_BOUND, fields.key_span("min"), message, "above `max`", help);
        }
        expects.push(Expect { metric: name, min, max });
    }
    expects
}

/// Durations for metrics in seconds, plain numbers for the others.
fn bound(cx: &mut Cx<'_>, node: &Node, metric: &str) -> Option<f64> {
    if metric.contains("_seconds") {
        return duration(cx, node).map(|bound| bound.value.as_secs_f64());
    }
    if let Value::Text(_) = node.value {
        let message = format!("`{metric}` is a plain number");
        let help = "write the bound without quotes and unit";
        return fail(cx, codes::BAD_BOUND, node, &message, "not a number", help);
    }
    number(cx, node).map(|bound| bound.value)
}

pub(super) fn output(cx: &mut Cx<'_>, root: &Fields<'_>) -> OutputPlan {
    let mut plan = OutputPlan::default();
    let Some(fields) = root.table(cx, "output", &OUTPUT) else { return plan };
    if let Some(every) = fields.duration(cx, "sample_every") {
        if every.value >= SimDuration::from_millis(1) {
            plan.sample_every = Some(every.value);
        } else {
            let (message, help) = ("samples must be at least a millisecond apart", "write for example `\"1m\"`");
            cx.diagnostics.error(codes::OUT_OF_RANGE, every.span, message, "too often", help);
        }
    }
    plan.events = fields.flag(cx, "events").unwrap_or(plan.events);
    plan.trace = fields.flag(cx, "trace").unwrap_or(plan.trace);
    plan.charts = fields.flag(cx, "charts").unwrap_or(plan.charts);
    if let Some(share) = fields.number(cx, "pods_share") {
        if (0.0..=1.0).contains(&share.value) {
            plan.pods_share = share.value;
        } else {
            let (message, help) = ("a share is between 0 and 1", "write for example `0.01` for one pod in a hundred");
            cx.diagnostics.error(codes::OUT_OF_RANGE, share.span, message, "out of range", help);
        }
    }
    plan
}
