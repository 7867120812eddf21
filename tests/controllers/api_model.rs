//! The API's columns against a plain map of objects: the same requests are accepted and refused, the same state is visible
//! after each, and every cursor reads every change that it cares about, in order, however late it reads.

use std::collections::BTreeMap;

use podsim::api::stored::StoredContainer;
use podsim::api::{Change, Cluster, Cursor, Op, PodRef, Rejection, StatusMask, StatusPatch};
use podsim::base::{SimDuration, SimTime};
use podsim::model::strings::known;
use podsim::model::*;
use proptest::prelude::*;

const CONFIGS: u32 = 3;

/// A request, in numbers that are taken modulo what there is.
#[derive(Clone, Debug)]
enum Step {
    Create {
        containers: usize,
        node: Option<usize>,
    },
    Bind {
        pod: usize,
        node: usize,
    },
    Patch {
        pod: usize,
        phase: Phase,
        reason: bool,
        address: bool,
        ready: Option<bool>,
        restarts: u32,
        state: u8,
    },
    Condition {
        pod: usize,
        kind: usize,
        status: ConditionStatus,
    },
    Delete {
        pod: usize,
        grace: Option<i64>,
        spec: i64,
    },
    AddNode {
        taints: usize,
        unschedulable: bool,
    },
    RemoveNode(usize),
    Ready(usize, ConditionStatus),
    Unschedulable(usize, bool),
    Taint {
        node: usize,
        key: usize,
        value: usize,
        add: bool,
    },
    Put(u32, usize),
    DeleteConfig(u32),
    /// Time passes.
    Wait(i64),
    /// A cursor reads up to so many changes, with this lag.
    Read {
        cursor: usize,
        most: usize,
        lag: i64,
    },
}

fn status() -> impl Strategy<Value = ConditionStatus> {
    prop::sample::select(vec![ConditionStatus::True, ConditionStatus::False, ConditionStatus::Unknown])
}

fn step() -> impl Strategy<Value = Step> {
    let n = any::<usize>;
    let phases = vec![Phase::Pending, Phase::Running, Phase::Running, Phase::Succeeded, Phase::Failed];
    let grace = prop::sample::select(vec![None, None, Some(0), Some(-3), Some(5), Some(60)]);
    let spec = prop::sample::select(vec![30, 0, -1, 7]);
    let patch =
        (n(), prop::sample::select(phases), any::<bool>(), any::<bool>(), any::<Option<bool>>(), 0..3_u32, 0..3_u8);
    prop_oneof![
        6 => (0..4_usize, prop::option::weighted(0.2, n())).prop_map(|(containers, node)| Step::Create { containers, node }),
        6 => (n(), n()).prop_map(|(pod, node)| Step::Bind { pod, node }),
        6 => patch.prop_map(|(pod, phase, reason, address, ready, restarts, state)| {
            Step::Patch { pod, phase, reason, address, ready, restarts, state }
        }),
        3 => (n(), 0..6_usize, status()).prop_map(|(pod, kind, status)| Step::Condition { pod, kind, status }),
        5 => (n(), grace, spec).prop_map(|(pod, grace, spec)| Step::Delete { pod, grace, spec }),
        2 => (0..3_usize, any::<bool>()).prop_map(|(taints, unschedulable)| Step::AddNode { taints, unschedulable }),
        1 => n().prop_map(Step::RemoveNode),
        2 => (n(), status()).prop_map(|(node, status)| Step::Ready(node, status)),
        2 => (n(), any::<bool>()).prop_map(|(node, on)| Step::Unschedulable(node, on)),
        3 => (n(), 0..3_usize, 0..2_usize, any::<bool>())
            .prop_map(|(node, key, value, add)| Step::Taint { node, key, value, add }),
        1 => (0..CONFIGS, 0..3_usize).prop_map(|(config, keys)| Step::Put(config, keys)),
        1 => (0..CONFIGS).prop_map(Step::DeleteConfig),
        4 => (0..3_000_i64).prop_map(Step::Wait),
        // Hours and days: times that are kept in few bits must not run over.
        1 => (0..100_000_000_i64).prop_map(Step::Wait),
        4 => (0..4_usize, 0..20_usize, 0..3_000_i64).prop_map(|(cursor, most, lag)| Step::Read { cursor, most, lag }),
    ]
}

/// A pod as a map holds it.
#[derive(Clone, Debug)]
struct Pod {
    slot: PodId,
    template: TemplateId,
    ordinal: u32,
    node: Option<NodeId>,
    phase: Phase,
    reason: StrId,
    deleting: Option<(u32, SimTime)>,
    has_address: bool,
    created: SimTime,
    started: Option<SimTime>,
    /// Status, reason, and when the status changed last.
    conditions: BTreeMap<PodConditionType, (PodCondition, SimTime)>,
    containers: Vec<ContainerStatus>,
}

#[derive(Clone, Debug)]
struct Node {
    exists: bool,
    ready: ConditionStatus,
    unschedulable: bool,
    taints: Vec<(Taint, SimTime)>,
    /// Latest first.
    pods: Vec<PodUid>,
}

/// All objects, held as plainly as possible.
#[derive(Default)]
struct Model {
    pods: BTreeMap<PodUid, Pod>,
    gone: Vec<PodRef>,
    nodes: Vec<Node>,
    configs: BTreeMap<u32, Vec<StrId>>,
    created: u32,
    /// Every accepted write.
    log: Vec<(SimTime, Change)>,
    read: [usize; 4],
}

const TAINT_KEYS: [StrId; 3] = [known::TAINT_NOT_READY, known::TAINT_UNREACHABLE, known::TAINT_DISK_PRESSURE];
const TAINT_VALUES: [StrId; 2] = [known::EMPTY, known::DEFAULT];

fn taint(key: usize, value: usize) -> Taint {
    let effect = if key == 0 { TaintEffect::NoSchedule } else { TaintEffect::NoExecute };
    Taint { key: TAINT_KEYS[key], value: TAINT_VALUES[value], effect }
}

impl Model {
    /// A pod that exists, or (one time in eight) one that is gone.
    fn pick(&self, number: usize) -> Option<PodRef> {
        if number.is_multiple_of(8) && !self.gone.is_empty() {
            return Some(self.gone[number / 8 % self.gone.len()]);
        }
        let count = self.pods.len();
        let (uid, pod) = self.pods.iter().nth(number.checked_rem(count)?)?;
        Some(PodRef { pod: pod.slot, uid: *uid })
    }

    fn node(&self, number: usize) -> Option<NodeId> {
        let at = number.checked_rem(self.nodes.len())?;
        Some(NodeId::from_raw(u32::try_from(at).unwrap()))
    }

    fn existing(&mut self, node: NodeId) -> Result<&mut Node, ()> {
        Some(&mut self.nodes[node.raw() as usize]).filter(|node| node.exists).ok_or(())
    }

    fn set(pod: &mut Pod, now: SimTime, kind: PodConditionType, condition: PodCondition) -> bool {
        let before = pod.conditions.get(&kind).copied();
        let since = match before {
            Some((old, since)) if old.status == condition.status => since,
            _ => now.floor_seconds(),
        };
        pod.conditions.insert(kind, (condition, since));
        before.map(|(old, _)| old) != Some(condition)
    }

    fn remove(&mut self, pod: PodRef) {
        let gone = self.pods.remove(&pod.uid).expect("it exists");
        if let Some(node) = gone.node {
            self.nodes[node.raw() as usize].pods.retain(|uid| *uid != pod.uid);
        }
        self.gone.push(pod);
    }

    fn bound(&mut self, now: SimTime, uid: PodUid, node: NodeId) {
        let pod = self.pods.get_mut(&uid).expect("it exists");
        pod.node = Some(node);
        Self::set(pod, now, PodConditionType::PodScheduled, PodCondition::TRUE);
        self.nodes[node.raw() as usize].pods.insert(0, uid);
    }
}

struct Both {
    cluster: Cluster,
    model: Model,
    now: SimTime,
    shape: NodeShape,
    templates: Vec<PodTemplate>,
}

impl Both {
    fn new() -> Self {
        let shape = NodeShape {
            pool: known::DEFAULT,
            capacity: Resources::default(),
            allocatable: Resources::default(),
            max_pods: 110,
            labels: Strings::no_labels(),
            taints: Box::default(),
            zone: known::EMPTY,
            unschedulable: false,
            images: Box::default(),
        };
        Self {
            cluster: Cluster::new(CONFIGS as usize),
            model: Model::default(),
            now: SimTime(1_767_225_600_123_456_789),
            shape,
            templates: (0..4).map(template).collect(),
        }
    }

    /// Makes a request of the cluster, and says whether the model accepts it, too.
    fn ask(&mut self, op: Op<'_>, model: Result<(), ()>) -> Option<Change> {
        let before = (self.cluster.resource_version(), self.cluster.digest());
        let answer = self.cluster.request(self.now, op);
        match answer {
            Ok(change) => {
                assert_eq!(model, Ok(()), "{op:?} is accepted: {change:?}");
                assert_eq!(self.cluster.resource_version(), before.0 + 1);
                self.model.log.push((self.now, change));
                // What is not waited for is not read: a reader that is up to date skips what it does not care about.
                Some(change)
            }
            Err(rejection) => {
                assert_eq!(model, Err(()), "{op:?} is refused: {rejection}");
                assert_eq!(
                    (self.cluster.resource_version(), self.cluster.digest()),
                    before,
                    "a refusal changed something"
                );
                None
            }
        }
    }

    fn step(&mut self, step: &Step) {
        let now = self.now;
        match *step {
            Step::Create { containers, node } => {
                let node = node.and_then(|number| self.model.node(number));
                let id = TemplateId::from_raw(u32::try_from(containers).unwrap());
                let template = self.templates[containers].clone();
                let ordinal = self.model.created;
                let workload = WorkloadId::from_raw(0);
                let op = Op::CreatePod { workload, ordinal, id, template: &template, node, owned: None };
                let Some(Change::PodAdded { pod, class, template, node: shown }) = self.ask(op, Ok(())) else {
                    panic!("a pod is created")
                };
                assert_eq!((class, template, shown), (self.templates[containers].class, id, node));
                assert_eq!(pod.uid.raw(), self.model.created, "uids count creations");
                self.model.created += 1;
                let fresh = Pod {
                    slot: pod.pod,
                    template: id,
                    ordinal,
                    node: None,
                    phase: Phase::Pending,
                    reason: known::EMPTY,
                    deleting: None,
                    has_address: false,
                    created: now,
                    started: None,
                    conditions: BTreeMap::new(),
                    containers: vec![status_of(None, now, 0); containers],
                };
                let taken = self.model.pods.values().any(|other| other.slot == pod.pod);
                assert!(!taken, "{pod:?} got a slot that is in use");
                let reused = self.model.gone.iter().any(|old| old.pod == pod.pod);
                assert!(reused || self.free_slots() == 0, "{pod:?} got a new slot although one was free");
                self.model.pods.insert(pod.uid, fresh);
                if let Some(node) = node {
                    self.model.bound(now, pod.uid, node);
                }
            }
            Step::Bind { pod, node } => {
                let (Some(pod), Some(node)) = (self.model.pick(pod), self.model.node(node)) else { return };
                let class = ClassId::from_raw(0);
                let free = |pod: &Pod| pod.deleting.is_none() && pod.node.is_none();
                let accepted = self.model.pods.get(&pod.uid).is_some_and(free) && self.model.existing(node).is_ok();
                if self.ask(Op::Bind { pod, node, class }, accepted.then_some(()).ok_or(())).is_some() {
                    self.model.bound(now, pod.uid, node);
                }
            }
            Step::Patch { pod, phase, reason, address, ready, restarts, state } => {
                let Some(pod) = self.model.pick(pod) else { return };
                self.patch(pod, (phase, reason, address, ready, restarts), state);
            }
            Step::Condition { pod, kind, status } => {
                let Some(pod) = self.model.pick(pod) else { return };
                let kind = PodConditionType::ALL[kind];
                let condition = PodCondition { status, reason: known::POD_COMPLETED };
                let changed =
                    self.model.pods.get_mut(&pod.uid).is_some_and(|pod| Model::set(pod, now, kind, condition));
                let change = self.ask(Op::SetCondition { pod, kind, condition }, changed.then_some(()).ok_or(()));
                if let Some(Change::PodStatus { mask, .. }) = change {
                    assert_eq!(mask, StatusMask::condition(kind));
                }
            }
            Step::Delete { pod, grace, spec } => {
                let Some(pod) = self.model.pick(pod) else { return };
                self.delete(pod, grace, spec);
            }
            Step::AddNode { taints, unschedulable } => {
                let taints: Box<[Taint]> = (0..taints).map(|key| taint(key, 0)).collect();
                let shape = NodeShape { taints, unschedulable, ..self.shape.clone() };
                let op = Op::AddNode { name: known::DEFAULT, id: ShapeId::from_raw(0), shape: &shape };
                let change = self.ask(op, Ok(()));
                let id = NodeId::from_raw(u32::try_from(self.model.nodes.len()).unwrap());
                assert_eq!(change, Some(Change::NodeAdded(id)));
                self.model.nodes.push(Node {
                    exists: true,
                    ready: ConditionStatus::True,
                    unschedulable,
                    taints: shape.taints.iter().map(|&taint| (taint, now.floor_seconds())).collect(),
                    pods: Vec::new(),
                });
            }
            Step::RemoveNode(node) => {
                let Some(node) = self.model.node(node) else { return };
                let model = self.model.existing(node).map(|node| node.exists = false);
                self.ask(Op::RemoveNode(node), model);
            }
            Step::Ready(node, status) => {
                let Some(node) = self.model.node(node) else { return };
                let model = self.model.existing(node).and_then(|node| {
                    if std::mem::replace(&mut node.ready, status) == status { Err(()) } else { Ok(()) }
                });
                self.ask(Op::SetNodeReady(node, status), model);
            }
            Step::Unschedulable(node, on) => {
                let Some(node) = self.model.node(node) else { return };
                let model = self.model.existing(node).and_then(|node| {
                    if std::mem::replace(&mut node.unschedulable, on) == on { Err(()) } else { Ok(()) }
                });
                self.ask(Op::SetUnschedulable(node, on), model);
            }
            Step::Taint { node, key, value, add } => {
                let Some(node) = self.model.node(node) else { return };
                let taint = taint(key, value);
                let model = self.model.existing(node).and_then(|node| {
                    let same = node.taints.iter().any(|(old, _)| *old == taint);
                    let alike = node.taints.iter().any(|(old, _)| (old.key, old.effect) == (taint.key, taint.effect));
                    if (add && same) || (!add && !alike) {
                        return Err(());
                    }
                    node.taints.retain(|(old, _)| (old.key, old.effect) != (taint.key, taint.effect));
                    if add {
                        node.taints.push((taint, now.floor_seconds()));
                    }
                    Ok(())
                });
                self.ask(if add { Op::AddTaint(node, taint) } else { Op::RemoveTaint(node, taint) }, model);
            }
            Step::Put(config, keys) => {
                let keys: Vec<StrId> = TAINT_KEYS[..keys].to_vec();
                let (namespace, name) = (known::DEFAULT, known::EMPTY);
                let of = ConfigObject { kind: ConfigKind::ConfigMap, namespace, name };
                self.ask(Op::PutConfig(ConfigId::from_raw(config), &of, &keys), Ok(()));
                self.model.configs.insert(config, keys);
            }
            Step::DeleteConfig(config) => {
                let model = self.model.configs.remove(&config).map(drop).ok_or(());
                self.ask(Op::DeleteConfig(ConfigId::from_raw(config)), model);
            }
            Step::Wait(millis) => self.now += SimDuration::from_millis(millis),
            Step::Read { cursor, most, lag } => self.read(Cursor::ALL[cursor], most, SimDuration::from_millis(lag)),
        }
    }

    fn free_slots(&self) -> usize {
        // Every slot that was ever used is either in use or free.
        let mut slots: Vec<PodId> = self.model.gone.iter().map(|pod| pod.pod).collect();
        slots.sort_unstable();
        slots.dedup();
        slots.iter().filter(|slot| self.model.pods.values().all(|pod| pod.slot != **slot)).count()
    }

    fn patch(
        &mut self,
        pod: PodRef,
        (phase, reason, address, ready, restarts): (Phase, bool, bool, Option<bool>, u32),
        state: u8,
    ) {
        let now = self.now;
        let reason = if reason { known::EVICTED } else { known::EMPTY };
        let count = self.model.pods.get(&pod.uid).map_or(1, |pod| pod.containers.len());
        // Containers of one pod differ, so that their rows cannot be taken for each other.
        let containers: Vec<ContainerStatus> =
            (0..count).map(|index| status_of(Some(state), now, restarts + u32::try_from(index).unwrap() % 2)).collect();
        let mut conditions = [None; 6];
        let condition = ready.map(|ready| PodCondition {
            status: ConditionStatus::from_bool(ready),
            reason: known::CONTAINERS_NOT_READY,
        });
        conditions[PodConditionType::Ready as usize] = condition;
        let patch = StatusPatch {
            phase,
            reason,
            containers: containers.iter().map(StoredContainer::pack).collect(),
            conditions,
            has_address: address,
            started: now,
        };
        let mut mask = StatusMask::default();
        let mut old_phase = Phase::Pending;
        let model = match self.model.pods.get_mut(&pod.uid) {
            None => Err(()),
            Some(known) => {
                old_phase = known.phase;
                if !known.phase.is_terminal() && (known.phase, known.reason) != (phase, reason) {
                    (known.phase, known.reason) = (phase, reason);
                    mask.add(StatusMask::PHASE);
                }
                if known.started.is_none() {
                    known.started = Some(now.floor_seconds());
                    mask.add(StatusMask::PHASE);
                }
                if std::mem::replace(&mut known.has_address, address) != address {
                    mask.add(StatusMask::ADDRESS);
                }
                if known.containers != containers {
                    known.containers = containers;
                    mask.add(StatusMask::CONTAINERS);
                }
                if condition.is_some_and(|condition| Model::set(known, now, PodConditionType::Ready, condition)) {
                    mask.add(StatusMask::condition(PodConditionType::Ready));
                }
                if mask.is_empty() { Err(()) } else { Ok(()) }
            }
        };
        if let Some(change) = self.ask(Op::PatchStatus { pod, status: &patch }, model) {
            let known = &self.model.pods[&pod.uid];
            let (phase, node) = (known.phase, known.node);
            assert_eq!(change, Change::PodStatus { pod, mask, old_phase, phase, node });
        }
    }

    fn delete(&mut self, pod: PodRef, grace: Option<i64>, spec: i64) {
        let op = Op::DeletePod { pod, grace_seconds: grace, spec_grace_seconds: spec };
        let Some(known) = self.model.pods.get(&pod.uid) else {
            self.ask(op, Err(()));
            return;
        };
        let (node, template) = (known.node, known.template);
        let asked = grace.unwrap_or(spec);
        let seconds = match () {
            () if known.node.is_none() || known.phase.is_terminal() || asked == 0 => 0,
            () if asked < 0 => 1,
            () => u32::try_from(asked).unwrap(),
        };
        let sooner = known.deleting.is_none_or(|(earlier, _)| seconds < earlier);
        if seconds == 0 {
            let change = self.ask(op, Ok(()));
            assert_eq!(change, Some(Change::PodRemoved { pod, template, node, owner: None }));
            self.model.remove(pod);
        } else if sooner {
            let change = self.ask(op, Ok(()));
            assert_eq!(change, Some(Change::PodDeleting { pod, node, grace_seconds: seconds }));
            let at = (self.now + SimDuration::from_secs(i64::from(seconds))).floor_seconds();
            self.model.pods.get_mut(&pod.uid).expect("it exists").deleting = Some((seconds, at));
        } else {
            self.ask(op, Err(()));
        }
    }

    /// The cursor reads in order what is old enough, and misses nothing that it cares about.
    fn read(&mut self, cursor: Cursor, most: usize, lag: SimDuration) {
        for _ in 0..most {
            let got = self.cluster.log_mut().next(cursor, self.now, lag);
            let at = &mut self.model.read[cursor as usize];
            match got {
                Some(change) => {
                    // A reader may be given changes that it does not care about, or not.
                    while self.model.log[*at].1 != change {
                        assert!(!cursor.cares(&self.model.log[*at].1), "{cursor:?} missed {:?}", self.model.log[*at]);
                        *at += 1;
                    }
                    assert!(self.model.log[*at].0 + lag <= self.now, "{cursor:?} read {change:?} too early");
                    *at += 1;
                }
                None => {
                    let due = self.cluster.log().next_at(cursor, lag);
                    assert!(due.is_none_or(|due| due > self.now), "{cursor:?} reads nothing and {due:?} is due");
                    let rest = self.model.log[*at..].iter().find(|(_, change)| cursor.cares(change));
                    if let Some((when, change)) = rest {
                        assert!(*when + lag > self.now, "{cursor:?} does not get {change:?}");
                        assert!(
                            due.is_some_and(|due| due <= *when + lag),
                            "{cursor:?} would wake too late for {change:?}"
                        );
                    }
                    return;
                }
            }
        }
    }

    fn compare(&self) {
        let pods = self.cluster.pods();
        assert_eq!(pods.live() as usize, self.model.pods.len());
        assert_eq!(pods.created_total(), self.model.created);
        assert_eq!(pods.iter().count(), self.model.pods.len());
        for (&uid, model) in &self.model.pods {
            let pod = PodRef { pod: model.slot, uid };
            let slot = model.slot;
            assert!(pods.exists(pod));
            assert_eq!(pods.in_slot(slot), Some(pod));
            assert_eq!((pods.template(slot), pods.source(slot).1), (model.template, model.ordinal));
            assert_eq!((pods.node(slot), pods.phase(slot), pods.reason(slot)), (model.node, model.phase, model.reason));
            assert_eq!(pods.deleting(slot), model.deleting.is_some());
            assert_eq!(pods.deletion_grace_seconds(slot), model.deleting.map(|(seconds, _)| seconds));
            assert_eq!(pods.deletion_timestamp(slot), model.deleting.map(|(_, at)| at));
            assert_eq!((pods.has_address(slot), pods.created(slot)), (model.has_address, model.created));
            assert_eq!(pods.started(slot), model.started);
            let shown: Vec<_> = pods.containers(slot).map(|status| status.unpack(known::DEFAULT)).collect();
            assert_eq!(shown, model.containers, "containers of {pod:?}");
            for kind in PodConditionType::ALL {
                let wanted = model.conditions.get(&kind);
                assert_eq!(pods.conditions(slot).get(kind), wanted.map(|(condition, _)| *condition), "{kind:?}");
                if let Some(&(condition, since)) = wanted {
                    assert_eq!(pods.transition(slot, kind), Some(since), "{kind:?} of {pod:?}");
                    assert_eq!(pods.conditions(slot).is_true(kind), condition.status == ConditionStatus::True);
                }
            }
        }
        assert!(self.model.gone.iter().all(|pod| !pods.exists(*pod)));
        let nodes = self.cluster.nodes();
        assert_eq!(nodes.len(), self.model.nodes.len());
        for ((id, row), model) in nodes.entries().zip(&self.model.nodes) {
            assert_eq!((row.exists, row.ready, row.unschedulable), (model.exists, model.ready, model.unschedulable));
            assert_eq!(row.taints, model.taints);
            let listed: Vec<PodUid> = pods.on_node(id).map(|pod| pod.uid).collect();
            assert_eq!(listed, model.pods, "the list of {id:?}");
        }
        for config in 0..CONFIGS {
            let wanted = self.model.configs.get(&config).map(Vec::as_slice);
            assert_eq!(self.cluster.config(ConfigId::from_raw(config)), wanted);
        }
        assert_eq!(self.cluster.resource_version(), self.model.log.len() as u64);
    }
}

/// A container's status: none yet, or in a state of this kind, after so many restarts.
fn status_of(state: Option<u8>, now: SimTime, restarts: u32) -> ContainerStatus {
    let at = now.floor_seconds();
    let ended = |exit_code| {
        let reason = known::ERROR;
        ContainerState::Terminated(Terminated { exit_code, signal: 0, reason, started_at: at, finished_at: at })
    };
    ContainerStatus {
        name: known::DEFAULT,
        state: match state {
            None => ContainerState::Unset,
            Some(0) => ContainerState::Waiting { reason: known::CRASH_LOOP_BACK_OFF },
            Some(1) => ContainerState::Running { started_at: at },
            Some(_) => ended(-1),
        },
        last_state: if restarts > 0 { ended(137) } else { ContainerState::Unset },
        ready: state == Some(1) && restarts > 0,
        started: Some(state == Some(1)),
        restart_count: restarts,
    }
}

fn template(containers: u32) -> PodTemplate {
    let spec = |_| ContainerSpec {
        name: known::DEFAULT,
        role: Role::Main,
        image: ImageId::from_raw(0),
        pull_policy: ImagePullPolicy::IfNotPresent,
        requests: Resources::default(),
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
        behavior: BehaviorId::from_raw(0),
    };
    PodTemplate {
        labels: Strings::no_labels(),
        class: ClassId::from_raw(containers),
        naming: Default::default(),
        revision: 0,
        spec: std::sync::Arc::new(PodSpec {
            namespace: known::DEFAULT,
            restart_policy: RestartPolicy::Always,
            grace_period_seconds: 30,
            active_deadline_seconds: None,
            host_network: false,
            pod_resources: false,
            qos: QosClass::BestEffort,
            cgroup: podsim::model::PodCgroup::default(),
            containers: (0..containers).map(spec).collect(),
            volumes: Box::default(),
            drain: Default::default(),
            deletion_cost: 0,
            admission: None,
        }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_columns_are_a_map_of_objects(steps in prop::collection::vec(step(), 1..300)) {
        let mut both = Both::new();
        for step in &steps {
            both.step(step);
            both.compare();
        }
        // In the end everybody reads everything.
        both.now += SimDuration::from_secs(3_600);
        for cursor in Cursor::ALL {
            both.read(cursor, usize::MAX, SimDuration::ZERO);
            assert_eq!(both.cluster.log().next_at(cursor, SimDuration::ZERO), None);
        }
        // The same requests give the same digest.
        let mut again = Both::new();
        for step in &steps {
            again.step(step);
        }
        prop_assert_eq!(again.cluster.digest(), both.cluster.digest());
    }
}

#[test]
fn refusals_say_why() {
    let mut both = Both::new();
    both.step(&Step::AddNode { taints: 0, unschedulable: false });
    both.step(&Step::Create { containers: 1, node: None });
    let pod = both.model.pick(1).expect("a pod");
    let node = NodeId::from_raw(0);
    let bind = Op::Bind { pod, node, class: ClassId::from_raw(1) };
    let now = both.now;
    assert!(both.cluster.request(now, bind).is_ok());
    let Err(Rejection::Conflict(text)) = both.cluster.request(now, bind) else { panic!("it is bound already") };
    assert_eq!(text, "the pod is already assigned to a node");
    let remove = Op::DeletePod { pod, grace_seconds: Some(0), spec_grace_seconds: 30 };
    assert!(both.cluster.request(now, remove).is_ok());
    assert_eq!(both.cluster.request(now, remove), Err(Rejection::NotFound));
    assert_eq!(both.cluster.request(now, bind), Err(Rejection::NotFound));
}
