//! Balloons: pods of low priority that each fill a node and are evicted as soon as anybody else needs the room, so that the Cluster
//! Autoscaler keeps spare nodes (the recipe of its FAQ for overprovisioning). Edits a plan. Knows no question.

use std::sync::Arc;

use super::Halt;
use crate::model::cgroup::{PodCgroup, shares};
use crate::model::objects::{DeploymentSpec, DeploymentStrategy, ObjectPlan, ObjectSpec};
use crate::model::plan::{Image, Naming, Plan, Workload};
use crate::model::pod::{ContainerSpec, ImagePullPolicy, PodNaming, PodSpec, PodTemplate, QosClass, RestartPolicy};
use crate::model::selector::CompiledSelector;
use crate::model::strings::known;
use crate::model::{
    Behavior, IntOrPercent, Limits, PodClass, PoolId, PreemptionPolicy, Resources, Role, StrId, Toleration,
    TolerationOperator,
};

/// What the Deployment of a pool is called, before the pool's name.
const NAME: &str = "podsim-balloon-";
/// The least priority that the Cluster Autoscaler makes nodes for.
const PRIORITY: i32 = -10;
/// What its image takes.
const IMAGE_BYTES: i64 = 320_000;

/// The pools that can grow.
pub(super) fn growing(plan: &Plan) -> Result<Vec<PoolId>, Halt> {
    let grows: Vec<PoolId> = plan.pools.entries().filter(|(_, pool)| pool.limits.is_some()).map(|(id, _)| id).collect();
    if grows.is_empty() {
        return Err(Halt::Unasked(
            "no pool grows, so nothing can be kept spare for a spike: give a [[node_pool]] `min` and `max` (--set \
             node_pool.0.max=10), and ask `podsim size` how many fixed nodes are needed"
                .to_owned(),
        ));
    }
    Ok(grows)
}

/// The pool of a name.
pub(super) fn pool_named(plan: &Plan, growing: &[PoolId], asked: &str) -> Result<PoolId, Halt> {
    let name = |pool: PoolId| plan.strings.text(plan.pools[pool].name);
    growing.iter().copied().find(|&pool| name(pool) == asked).ok_or_else(|| {
        let names: Vec<&str> = growing.iter().map(|&pool| name(pool)).collect();
        Halt::Unasked(format!("there is no pool `{asked}` that grows; there are: {}", names.join(", ")))
    })
}

/// So many spare nodes over so many pools, the first ones first.
pub(super) fn turns(spare: u32, pools: usize) -> impl Iterator<Item = u32> {
    let pools = u32::try_from(pools).unwrap_or(u32::MAX).max(1);
    (0..pools).map(move |at| spare / pools + u32::from(at < spare % pools))
}

/// A Deployment of `count` balloons, each as large as what DaemonSets leave of a node of the pool.
pub(super) fn inflate(plan: &mut Plan, pool: PoolId, count: u32) {
    let shapes: Vec<_> = plan.pools[pool].shapes.iter().map(|&shape| plan.shapes[shape].clone()).collect();
    let Some(first) = shapes.first() else { return };
    let mut requests =
        Resources { milli_cpu: first.allocatable.milli_cpu, memory: first.allocatable.memory, ..Resources::default() };
    for object in plan.objects.iter().filter(|object| object.spec.daemon_set().is_some()) {
        let class = object.spec.template().map(|template| plan.templates[template].class);
        let daemon = class.map(|class| plan.classes[class].requests.clone()).unwrap_or_default();
        requests.milli_cpu -= daemon.milli_cpu;
        requests.memory -= daemon.memory;
    }
    // Labels that all nodes of the pool have keep the balloons there.
    let mut selector: Vec<(StrId, StrId)> = plan.strings.labels(first.labels).pairs().to_vec();
    selector.retain(|pair| shapes.iter().all(|shape| plan.strings.labels(shape.labels).pairs().contains(pair)));
    selector.sort_unstable();
    let tolerate = |key: StrId, effect, seconds| Toleration {
        key: Some(key),
        operator: TolerationOperator::Exists,
        effect: Some(effect),
        seconds,
    };
    let taints = first.taints.iter().map(|taint| tolerate(taint.key, taint.effect, None));
    let gone = [known::TAINT_NOT_READY, known::TAINT_UNREACHABLE];
    let gone = gone.map(|key| tolerate(key, crate::model::TaintEffect::NoExecute, Some(300)));
    let tolerations = taints.chain(gone).collect();
    let hash = "balloon";
    let called = format!("{NAME}{}", plan.strings.text(plan.pools[pool].name));
    let labels = plan.strings.intern_labels([("app", called.as_str()), ("pod-template-hash", hash)]);
    let image = Image { name: plan.strings.intern("podsim/balloon:1"), size_bytes: IMAGE_BYTES };
    let name = plan.strings.intern(&called);
    let class = plan.classes.push(PodClass {
        labels: plan.strings.labels(labels).clone(),
        scoring_milli_cpu: requests.milli_cpu,
        scoring_memory: requests.memory,
        requests: requests.clone(),
        priority: PRIORITY,
        preemption: PreemptionPolicy::Never,
        node_selector: selector.into(),
        tolerations,
        images: Box::new([image.name]),
        ..PodClass::default()
    });
    let container = ContainerSpec {
        name,
        role: Role::Main,
        image: plan.images.push(image),
        pull_policy: ImagePullPolicy::IfNotPresent,
        requests: requests.clone(),
        limits: Limits::default(),
        ports: Box::default(),
        env: Box::default(),
        mounts: Box::default(),
        startup_probe: None,
        readiness_probe: None,
        liveness_probe: None,
        resize_restarts: Default::default(),
        post_start: None,
        pre_stop: None,
        restart: None,
        behavior: plan.behaviors.push(Behavior::default()),
    };
    let set = plan.strings.intern(&format!("{called}-{hash}"));
    let template = plan.templates.push(PodTemplate {
        labels,
        class,
        naming: PodNaming::Generated(set),
        revision: 0,
        spec: Arc::new(PodSpec {
            namespace: known::DEFAULT,
            restart_policy: RestartPolicy::Always,
            // The room is needed at once.
            grace_period_seconds: 0,
            active_deadline_seconds: None,
            host_network: false,
            pod_resources: false,
            qos: QosClass::Burstable,
            cgroup: PodCgroup { cpu_shares: shares(requests.milli_cpu), ..PodCgroup::default() },
            containers: Box::new([container]),
            volumes: Box::default(),
            drain: Default::default(),
            deletion_cost: 0,
            admission: None,
        }),
    });
    let naming = Naming::Numbered { width: 1 };
    let workload = plan.workloads.push(Workload { namespace: known::DEFAULT, name, naming });
    let app = (plan.strings.intern("app"), name);
    let label = (plan.strings.intern("pod-template-hash"), plan.strings.intern(hash));
    let spec = DeploymentSpec {
        replicas: i32::try_from(count).unwrap_or(i32::MAX),
        selector: CompiledSelector::of_pairs(&[app]),
        template,
        template_hash: 1,
        replica_set_name: set,
        replica_set_selector: CompiledSelector::of_pairs(&[app, label]),
        strategy: DeploymentStrategy::RollingUpdate {
            max_surge: IntOrPercent::Int(1),
            max_unavailable: IntOrPercent::Int(0),
        },
        min_ready_seconds: 0,
        revision_history_limit: Some(10),
        paused: false,
        progress_deadline_seconds: None,
    };
    plan.objects.push(ObjectPlan {
        namespace: known::DEFAULT,
        name,
        workload: Some(workload),
        spec: ObjectSpec::Deployment(spec),
        replicas_given: true,
    });
}

/// Whether a workload is that of the balloons.
pub(super) fn is_balloon(plan: &Plan, workload: crate::model::WorkloadId) -> bool {
    plan.strings.text(plan.workloads[workload].name).starts_with(NAME)
}
