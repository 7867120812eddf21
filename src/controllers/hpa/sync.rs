//! One sync of an autoscaler: measures, decides, scales. The rules are `replicas`, `rules` and `decide`. Mirrors
//! pkg/controller/podautoscaler/horizontal.go, v1.34.

use super::decide::{Cause, Condition, decide};
use super::metrics::{self, ContainerSample, Scrape};
use super::replicas::{Member, Pods, Proposal, Readiness, Tolerances, by_value_per_pod};
use super::rules::Bounds;
use crate::api::PodRef;
use crate::base::{Quantity, SimDuration};
use crate::controllers::script::{Sync, Write};
use crate::model::effective::{CPU, MEMORY};
use crate::model::objects::{HpaMetric, HpaSource, HpaStatus, HpaTarget, ObjectStatus};
use crate::model::{ContainerSpec, ObjectId, PodConditionType, Role, ServiceId, StrId};
use crate::record::{KubeEvent, Recorder};

/// Autoscalers are synced so often (`--horizontal-pod-autoscaler-sync-period`).
pub(in crate::controllers) const PERIOD: SimDuration = SimDuration::from_secs(15);
/// `--horizontal-pod-autoscaler-tolerance`.
const TOLERANCES: Tolerances = Tolerances { up: 0.1, down: 0.1 };
/// `--horizontal-pod-autoscaler-downscale-stabilization`.
const DOWNSCALE_STABILIZATION: SimDuration = SimDuration::from_secs(300);
/// `--horizontal-pod-autoscaler-cpu-initialization-period` and `--horizontal-pod-autoscaler-initial-readiness-delay`.
const READINESS: Readiness =
    Readiness { cpu_initialization: SimDuration::from_secs(300), initial_delay: SimDuration::from_secs(30) };

/// A metric that told nothing: the reason of the condition, and the text of the Event.
struct Failed {
    reason: &'static str,
    event: KubeEvent,
    text: String,
}

/// What all metrics of one sync look at.
struct View<'a> {
    pods: &'a [PodRef],
    scrape: Option<&'a Scrape>,
    spec_replicas: i32,
    status_replicas: i32,
}

/// One sync.
pub(in crate::controllers) fn sync<R: Recorder>(cx: &mut Sync<'_, R>) {
    cx.again_after(PERIOD);
    let row = cx.row();
    let spec = row.spec.autoscaler().expect("an autoscaler").clone();
    let before = row.status.autoscaler().cloned().unwrap_or_default();
    let cluster = cx.cluster;
    let scaled = metrics::target(cluster, &cx.plan.strings, row);
    let scaled = scaled.and_then(|target| Some((target, cluster.objects().get(target).spec.replicas()?)));
    let Some((target, current)) = scaled else {
        let name = cx.plan.strings.text(spec.target.1).to_owned();
        cx.event(KubeEvent::FailedGetScale, || format!("\"{name}\" not found"));
        let conditions = with(&before.conditions, &[("AbleToScale", false, "FailedGetScale")]);
        cx.status(ObjectStatus::HorizontalPodAutoscaler(HpaStatus { conditions, ..before }));
        return;
    };
    let pods = metrics::pods(cluster, target);
    let view = View {
        pods: &pods,
        scrape: cx.autoscalers.latest(cx.now, cx.plan.control_plane.metrics_lag),
        spec_replicas: current,
        status_replicas: replicas_of(&cluster.objects().get(target).status),
    };
    let mut memory = cx.autoscalers.memories.get(&cx.id).cloned();
    let bounds = Bounds { current, min: spec.min_replicas, max: spec.max_replicas };
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    let decision = decide(bounds, spec.behavior.as_deref(), DOWNSCALE_STABILIZATION, &mut memory, cx.now, || {
        let all = spec.metrics.iter().map(|metric| match view.proposal(cx, metric) {
            Ok(proposal) => {
                shown.push(Some(proposal.usage));
                Ok(proposal.replicas)
            }
            Err(failed) => {
                shown.push(None);
                let reason = failed.reason;
                failures.push(failed);
                Err(reason)
            }
        });
        all.collect()
    });
    cx.autoscalers.memories.extend(memory.map(|memory| (cx.id, memory)));
    let first = failures.first().map(|failed| failed.text.clone());
    let invalid = failures.len();
    for failed in failures {
        cx.event(failed.event, || failed.text);
    }
    if let Some(first) =
        first.filter(|_| decision.conditions.iter().any(|(kind, on, _)| *kind == "ScalingActive" && !on))
    {
        let total = spec.metrics.len();
        cx.event(KubeEvent::FailedComputeMetricsReplicas, || {
            format!("invalid metrics ({invalid} invalid out of {total}), first error is: {first}")
        });
    }
    let mut last_scale = before.last_scale;
    if let Some(cause) = decision.rescale {
        let why = match cause {
            Cause::AboveMax => "Current number of replicas above Spec.MaxReplicas".to_owned(),
            Cause::BelowMin => "Current number of replicas below Spec.MinReplicas".to_owned(),
            Cause::AllBelow => "All metrics below target".to_owned(),
            Cause::Unstated => String::new(),
            Cause::Metric(at) => format!("{} above target", metric_name(cx, &spec.metrics[at])),
        };
        last_scale = Some(cx.now.floor_seconds());
        cx.event(KubeEvent::SuccessfulRescale, || format!("New size: {}; reason: {why}", decision.replicas));
        cx.then(Write::Scale(target, decision.replicas));
    }
    cx.status(ObjectStatus::HorizontalPodAutoscaler(HpaStatus {
        current_replicas: current,
        desired_replicas: decision.replicas,
        last_scale,
        conditions: with(&before.conditions, &decision.conditions),
        current: shown,
    }));
}

/// The conditions after some were written.
fn with(before: &[Condition], written: &[Condition]) -> Vec<Condition> {
    let mut all = before.to_vec();
    for &condition in written {
        match all.iter_mut().find(|(kind, ..)| *kind == condition.0) {
            Some(place) => *place = condition,
            None => all.push(condition),
        }
    }
    all
}

/// `status.replicas` of a scale target.
fn replicas_of(status: &ObjectStatus) -> i32 {
    match status {
        ObjectStatus::ReplicaSet(status) => status.replicas,
        ObjectStatus::Deployment(status) => status.replicas,
        ObjectStatus::StatefulSet(status) => status.replicas,
        _ => 0,
    }
}

/// Whether a metric that somebody named means requests per second, which is what traffic tells of pods and Services.
fn means_requests(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("request") || matches!(name.as_str(), "qps" | "rps")
}

/// The metric as Events name it.
fn metric_name<R: Recorder>(cx: &Sync<'_, R>, metric: &HpaMetric) -> String {
    let text = |id: StrId| cx.plan.strings.text(id);
    let percent =
        if matches!(metric.target, HpaTarget::Utilization(_)) { " utilization (percentage of request)" } else { "" };
    match &metric.source {
        HpaSource::Resource(name) => format!("{} resource{percent}", text(*name)),
        HpaSource::ContainerResource { resource, .. } => format!("{} container resource{percent}", text(*resource)),
        HpaSource::Pods(name) => format!("pods metric {}", text(*name)),
        HpaSource::Object { metric, kind, .. } => format!("{} metric {}", text(*kind), text(*metric)),
        HpaSource::External(name) => format!("external metric {}(nil)", text(*name)),
    }
}

impl View<'_> {
    /// What one metric asks for.
    fn proposal<R: Recorder>(&self, cx: &Sync<'_, R>, metric: &HpaMetric) -> Result<Proposal, Failed> {
        let text = |id: StrId| cx.plan.strings.text(id);
        let failed = |reason, event, text: String| Failed { reason, event, text };
        match metric.source {
            HpaSource::Resource(name) => self.resource(cx, text(name), None, metric.target).map_err(|error| {
                let text = format!("failed to get {} {}: {error}", text(name), what(metric.target));
                failed("FailedGetResourceMetric", KubeEvent::FailedGetResourceMetric, text)
            }),
            HpaSource::ContainerResource { resource, container } => {
                let found = self.resource(cx, text(resource), Some(container), metric.target);
                found.map_err(|error| {
                    let text = format!("failed to get {} {}: {error}", text(resource), what(metric.target));
                    let event = KubeEvent::FailedGetContainerResourceMetric;
                    failed("FailedGetContainerResourceMetric", event, text)
                })
            }
            HpaSource::Pods(name) => {
                let known = means_requests(text(name)).then(|| milli(metric.target)).flatten();
                let found = known.ok_or_else(|| format!("unable to get metric {}: nobody measures it", text(name)));
                let found = found.and_then(|target| {
                    let members = self.members(cx, |_, sample| sample.milli_requests, |_| None);
                    if members.iter().all(|pod| pod.metric.is_none()) {
                        let text = "no metrics returned from custom metrics API";
                        return Err(format!("unable to get metric {}: {text}", cx.plan.strings.text(name)));
                    }
                    self.calculation(cx, &members).by_average(false, target).map_err(|error| error.to_string())
                });
                found.map_err(|error| {
                    let text = format!("failed to get pods metric value: {error}");
                    failed("FailedGetPodsMetric", KubeEvent::FailedGetPodsMetric, text)
                })
            }
            HpaSource::Object { metric: name, kind, name: object } => {
                let usage = self.requests_on(cx, text(name), text(kind), object);
                let found = usage.ok_or_else(|| {
                    let (name, kind, object) = (text(name), text(kind), text(object));
                    format!("unable to get metric {name}: {kind} on {object}: nobody measures it")
                });
                found.and_then(|usage| self.shared(cx, usage, metric.target)).map_err(|error| {
                    let text = format!("failed to get object metric value: {error}");
                    failed("FailedGetObjectMetric", KubeEvent::FailedGetObjectMetric, text)
                })
            }
            HpaSource::External(name) => {
                let text = format!("unable to get external metric {}: nobody measures it", text(name));
                Err(failed("FailedGetExternalMetric", KubeEvent::FailedGetExternalMetric, text))
            }
        }
    }

    fn calculation<'b, R: Recorder>(&self, cx: &Sync<'_, R>, members: &'b [Member]) -> Pods<'b> {
        let (current, tolerances, readiness) = (self.spec_replicas, TOLERANCES, READINESS);
        Pods { members, strangers: &[], current, tolerances, readiness, now: cx.now }
    }

    /// One value for all pods: shared among them, or as it is.
    fn shared<R: Recorder>(&self, cx: &Sync<'_, R>, usage: i64, target: HpaTarget) -> Result<Proposal, String> {
        let wanted = milli(target).ok_or("a percentage of what?")?;
        if let HpaTarget::AverageValue(_) = target {
            return Ok(by_value_per_pod(usage, wanted, self.status_replicas, TOLERANCES));
        }
        let members = self.members(cx, |_, _| 0, |_| None);
        self.calculation(cx, &members).by_value(usage, wanted).map_err(|error| error.to_string())
    }

    /// The pods with their metrics. `only`: the one container that counts, by its index in the pod.
    fn members<R: Recorder>(
        &self,
        cx: &Sync<'_, R>,
        value: impl Fn(usize, ContainerSample) -> i64,
        only: impl Fn(PodRef) -> Option<usize>,
    ) -> Vec<Member> {
        let (pods, window) = (cx.cluster.pods(), cx.plan.control_plane.metrics_resolution);
        let member = |&pod: &PodRef| {
            let ready = PodConditionType::Ready;
            let condition = pods.conditions(pod.pod).get(ready);
            Member {
                phase: pods.phase(pod.pod),
                deleting: pods.deleting(pod.pod),
                started: pods.started(pod.pod),
                ready: condition.map(|found| found.status).zip(pods.transition(pod.pod, ready)),
                metric: self.scrape.and_then(|scrape| scrape.of_pod(pod.uid, window, &value, only(pod))),
            }
        };
        self.pods.iter().map(member).collect()
    }

    /// A resource of all containers, or of one.
    fn resource<R: Recorder>(
        &self,
        cx: &Sync<'_, R>,
        name: &str,
        container: Option<StrId>,
        target: HpaTarget,
    ) -> Result<Proposal, String> {
        let is_cpu = name == CPU;
        if !is_cpu && name != MEMORY {
            return Err(format!("unable to get metrics for resource {name}: nobody measures it"));
        }
        let value = |_: usize, sample: ContainerSample| {
            if is_cpu { sample.milli_cpu } else { sample.memory.saturating_mul(1000) }
        };
        let index = |pod: PodRef| container.map(|name| self.container(cx, pod, name).unwrap_or(usize::MAX));
        let members = self.members(cx, value, index);
        if members.iter().all(|pod| pod.metric.is_none()) {
            let text = "no metrics returned from resource metrics API";
            return Err(format!("unable to get metrics for resource {name}: {text}"));
        }
        let calculation = self.calculation(cx, &members);
        let found = match target {
            HpaTarget::Utilization(percent) => {
                calculation.by_utilization(is_cpu, percent, || self.requests(cx, is_cpu, container))
            }
            HpaTarget::AverageValue(amount) | HpaTarget::Value(amount) => {
                calculation.by_average(is_cpu, Quantity::milli_value(amount))
            }
        };
        found.map_err(|error| error.to_string())
    }

    fn spec<'p, R: Recorder>(&self, cx: &Sync<'p, R>, pod: PodRef) -> &'p crate::model::PodTemplate {
        let pods = cx.cluster.pods();
        let id = pods.resized(pod.pod).map_or_else(|| pods.template(pod.pod), |resized| resized.spec);
        &cx.plan.templates[id]
    }

    fn container<R: Recorder>(&self, cx: &Sync<'_, R>, pod: PodRef, name: StrId) -> Option<usize> {
        self.spec(cx, pod).containers.iter().position(|container| container.name == name)
    }

    /// What each pod requests, in thousandths (`calculateRequests`).
    fn requests<R: Recorder>(&self, cx: &Sync<'_, R>, is_cpu: bool, only: Option<StrId>) -> Result<Vec<i64>, Box<str>> {
        let text = |id: StrId| cx.plan.strings.text(id);
        let resource = if is_cpu { CPU } else { MEMORY };
        let amount = |of: &crate::model::Resources| if is_cpu { of.milli_cpu } else { of.memory.saturating_mul(1000) };
        let of_pod = |&pod: &PodRef| {
            let template = self.spec(cx, pod);
            let name = || {
                let (workload, ordinal) = cx.cluster.pods().source(pod.pod);
                cx.plan.pod_name(workload, cx.cluster.pods().template(pod.pod), ordinal)
            };
            if template.pod_resources && only.is_none() {
                let request = amount(&cx.plan.classes[template.class].requests);
                let missing = || format!("missing pod-level request for {resource} in Pod {}", name());
                return if request > 0 { Ok(request) } else { Err(missing().into_boxed_str()) };
            }
            let counts = |spec: &&ContainerSpec| spec.role != Role::Init && only.is_none_or(|only| only == spec.name);
            let mut counted = template.containers.iter().filter(counts).peekable();
            if let (Some(only), None) = (only, counted.peek()) {
                return Err(format!("container {} not found in Pod {}", text(only), name()).into());
            }
            let of_container = |spec: &ContainerSpec| {
                let request = amount(&spec.requests);
                let missing = || {
                    let container = text(spec.name);
                    format!("missing request for {resource} in container {container} of Pod {}", name())
                        .into_boxed_str()
                };
                if request > 0 { Ok(request) } else { Err(missing()) }
            };
            counted.map(of_container).sum::<Result<i64, _>>()
        };
        self.pods.iter().map(of_pod).collect()
    }

    /// Requests per second on a Service, in thousandths.
    fn requests_on<R: Recorder>(&self, cx: &Sync<'_, R>, metric: &str, kind: &str, name: StrId) -> Option<i64> {
        let namespace = cx.row().namespace;
        let service: ServiceId = cx
            .plan
            .services
            .entries()
            .filter(|(id, _)| cx.cluster.has_service(*id))
            .find(|(_, service)| kind == "Service" && service.namespace == namespace && service.name == name)?
            .0;
        self.scrape?.services.get(&service).copied().filter(|_| means_requests(metric))
    }
}

const fn what(target: HpaTarget) -> &'static str {
    if matches!(target, HpaTarget::Utilization(_)) { "utilization" } else { "usage" }
}

/// A target that is an amount, in thousandths.
fn milli(target: HpaTarget) -> Option<i64> {
    match target {
        HpaTarget::AverageValue(amount) | HpaTarget::Value(amount) => Some(amount.milli_value()),
        HpaTarget::Utilization(_) => None,
    }
}

/// Whether an object is one of those that are synced here, which come again on a grid of their own.
pub(in crate::controllers) fn is_autoscaler(cluster: &crate::api::Cluster, object: ObjectId) -> bool {
    cluster.objects().get(object).kind() == crate::model::objects::ObjectKind::HorizontalPodAutoscaler
}
