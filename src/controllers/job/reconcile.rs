//! Jobs: from objects to the arithmetic of [`sync`](super::sync) and back to writes. Mirrors
//! pkg/controller/job/job_controller.go and pkg/controller/ttlafterfinished/ttlafterfinished_controller.go, v1.34.

use super::backoff::Finish;
use super::failure_policy::{Verdict, judge};
use super::roster::{Quiet, Roster};
use super::sync::{Plan, Pod, plan};
use crate::api::{PodRef, Propagation, Uncounted};
use crate::base::SimDuration;
use crate::controllers::replica_set::ranking::{self, Candidate};
use crate::controllers::script::{ByUid, Sync, Variation, Write};
use crate::model::objects::{JobConditionType, JobSpec, JobStatus, ObjectSpec, ObjectStatus, PodFailureMatch};
use crate::model::{
    ConditionStatus, ContainerState, ContainerStatus, PodConditionType, PodTemplate, RestartPolicy, Role, StrId,
};
use crate::record::{KubeEvent, Recorder};

/// One sync.
pub(in crate::controllers) fn sync<R: Recorder>(cx: &mut Sync<'_, R>) {
    // Whatever comes of this sync, what was touched is told once.
    let known = cx.memories.job_pods.remove(&cx.id);
    let row = cx.cluster.objects().get(cx.id);
    let ObjectSpec::Job(spec) = &row.spec else { unreachable!("a Job") };
    let status = row.status.job().cloned().unwrap_or_default();
    if status.is_finished() {
        cx.memories.jobs.remove(&cx.id);
        expire(cx, spec, &status);
        return;
    }
    if !cx.orphans.is_empty() {
        let adopted = cx.orphans.iter().map(|&pod| Write::AdoptPod(pod)).collect();
        cx.write(adopted);
        return;
    }
    let mut roster = roster(cx, spec, known);
    roster.settle(&status.completed_indexes);
    roster.settle(&status.failed_indexes);
    let mut memory = cx.memories.jobs.remove(&cx.id).unwrap_or_default();
    let by_restarts = cx.plan.templates[spec.template].restart_policy == RestartPolicy::OnFailure;
    let mut ask = |(refs, pods): (Vec<PodRef>, Vec<Pod>), quiet: &Quiet| {
        let order = |places: &mut [usize]| sort_for_deletion(cx, &refs, places);
        let plan = plan(spec, &status, (&pods, quiet), &mut memory, by_restarts, cx.now, order);
        plan.map(|plan| (plan, refs, pods))
    };
    let short = ask(pods(cx, spec, roster.others()), roster.quiet());
    let made = short.or_else(|| ask(pods(cx, spec, roster.all()), &Quiet::default()));
    let (plan, refs, pods) = made.expect("all pods were given");
    cx.memories.jobs.insert(cx.id, memory);
    cx.memories.job_pods.insert(cx.id, (cx.row().generation, roster));
    tell(cx, &plan, &refs, &pods);
    write(cx, spec, &status, &refs, plan);
}

/// A finished Job is deleted when its time to live is over.
fn expire<R: Recorder>(cx: &mut Sync<'_, R>, spec: &JobSpec, status: &JobStatus) {
    let Some(ttl) = spec.ttl_seconds_after_finished else { return };
    let over = [JobConditionType::Complete, JobConditionType::Failed];
    let Some(end) = status.conditions.iter().find(|condition| over.contains(&condition.kind)) else { return };
    let due = end.transition + SimDuration::from_secs(i64::from(ttl));
    if due <= cx.now {
        cx.then(Write::DeleteObject(cx.id, Propagation::Foreground));
    } else {
        cx.again_after(due - cx.now);
    }
}

/// The Job's pods as they are: those that were known, as far as they were not touched since.
fn roster<R: Recorder>(cx: &mut Sync<'_, R>, spec: &JobSpec, known: Option<(u32, Roster<ByUid>)>) -> Roster<ByUid> {
    let known = known.filter(|(of, _)| *of == cx.row().generation);
    let mut touched: Vec<PodRef> = match &known {
        Some(_) => std::mem::take(&mut cx.touched).into_iter().map(|(pod, _)| pod).collect(),
        None => cx.cluster.unsettled_pods_of(cx.id).collect(),
    };
    // Most were touched several times.
    touched.sort_unstable_by_key(|pod| pod.uid);
    touched.dedup();
    let mut roster = known.map(|(_, roster)| roster).unwrap_or_default();
    for pod in touched {
        let all = cx.cluster.pods();
        let is_there = all.exists(pod) && all.owned(pod.pod).is_some_and(|owned| owned.object == cx.id);
        // What has finished and is counted concerns the Job no more.
        let concerns = is_there && (all.tracked(pod.pod) || !all.phase(pod.pod).is_terminal());
        roster.put(ByUid(pod), concerns.then(|| of_live(cx, spec, pod)));
    }
    roster
}

/// Pods of the Job in the order of their creation, with those that are gone and not counted.
fn pods<R: Recorder>(
    cx: &Sync<'_, R>,
    spec: &JobSpec,
    live: impl Iterator<Item = (ByUid, Pod)>,
) -> (Vec<PodRef>, Vec<Pod>) {
    let gone = cx.row().uncounted().iter().map(|gone| (gone.pod, of_gone(cx, spec, gone)));
    let live = live.map(|(pod, view)| (pod.0, view));
    let mut pods: Vec<(PodRef, Pod)> = gone.chain(live).collect();
    pods.sort_unstable_by_key(|(pod, _)| pod.uid);
    pods.into_iter().unzip()
}

fn of_live<R: Recorder>(cx: &Sync<'_, R>, spec: &JobSpec, pod: PodRef) -> Pod {
    let (all, slot) = (cx.cluster.pods(), pod.pod);
    let (phase, deleting, tracked) = (all.phase(slot), all.deleting(slot), all.tracked(slot));
    let mut view = Pod {
        born: u64::from(pod.uid.raw()),
        index: all.owned(slot).map_or(0, |owned| owned.member),
        phase,
        deleting,
        ready: all.conditions(slot).is_true(PodConditionType::Ready),
        tracked,
        restarts: 0,
        finished: all.created(slot),
        verdict: None,
    };
    if !tracked {
        return view;
    }
    let template = &cx.plan.templates[all.template(slot)];
    if !phase.is_terminal() {
        view.restarts = all.containers(slot).map(|container| container.restart_count()).sum();
    }
    if phase.is_terminal() || deleting {
        let statuses = named(template, all.containers(slot));
        let not_ready = all.conditions(slot).get(PodConditionType::Ready);
        let not_ready = not_ready.is_some_and(|ready| ready.status == ConditionStatus::False);
        let grace = all.deletion_grace_seconds(slot).unwrap_or(0);
        let finish = Finish {
            not_ready_since: all.transition(slot, PodConditionType::Ready).filter(|_| not_ready),
            deletion: all.deletion_timestamp(slot).map(|at| (at, SimDuration::from_secs(i64::from(grace)))),
            created: all.created(slot),
        };
        view.finished = finish_time(template, &statuses, &finish);
        view.verdict = verdict(cx, spec, template, &statuses, |kind| all.conditions(slot).get(kind).map(|c| c.status));
    }
    view
}

fn of_gone<R: Recorder>(cx: &Sync<'_, R>, spec: &JobSpec, gone: &Uncounted) -> Pod {
    let template = &cx.plan.templates[gone.template];
    let statuses = named(template, gone.containers.iter().copied());
    let finish = Finish { not_ready_since: gone.not_ready_since, deletion: gone.deletion, created: gone.created };
    Pod {
        born: u64::from(gone.pod.uid.raw()),
        index: gone.member,
        phase: gone.phase,
        deleting: true,
        ready: false,
        tracked: true,
        restarts: 0,
        finished: finish_time(template, &statuses, &finish),
        verdict: verdict(cx, spec, template, &statuses, |kind| gone.conditions.get(kind).map(|c| c.status)),
    }
}

fn named(
    template: &PodTemplate,
    containers: impl Iterator<Item = crate::api::stored::StoredContainer>,
) -> Vec<ContainerStatus> {
    containers.zip(&template.containers).map(|(stored, container)| stored.unpack(container.name)).collect()
}

fn finish_time(template: &PodTemplate, statuses: &[ContainerStatus], finish: &Finish) -> crate::base::SimTime {
    let of = |role: Role| {
        let both = statuses.iter().zip(&template.containers);
        both.filter(move |(_, container)| container.role == role).map(|(status, _)| &status.state)
    };
    finish.time(of(Role::Main), of(Role::Sidecar).collect::<Vec<&ContainerState>>())
}

fn verdict<R: Recorder>(
    cx: &Sync<'_, R>,
    spec: &JobSpec,
    template: &PodTemplate,
    statuses: &[ContainerStatus],
    condition: impl Fn(PodConditionType) -> Option<ConditionStatus>,
) -> Option<Verdict> {
    if spec.pod_failure_policy.is_empty() {
        return None;
    }
    let mut conditions: Vec<(StrId, StrId)> = Vec::new();
    if spec.pod_failure_policy.iter().any(|rule| matches!(rule.when, PodFailureMatch::Conditions(_))) {
        let strings = &cx.plan.strings;
        for kind in PodConditionType::ALL {
            // A text that the plan does not know is in no rule.
            let known =
                condition(kind).and_then(|status| Some((strings.lookup(kind.text())?, strings.lookup(status.text())?)));
            conditions.extend(known);
        }
    }
    let main = template.containers.iter().position(|container| container.role == Role::Main).unwrap_or(0);
    let (init, main) = statuses.split_at(main.min(statuses.len()));
    judge(&spec.pod_failure_policy, main, init, &conditions)
}

/// Pods in the earlier stages go first. Neither the pods' neighbours nor their deletion cost count for Jobs.
fn sort_for_deletion<R: Recorder>(cx: &Sync<'_, R>, refs: &[PodRef], places: &mut [usize]) {
    let pods = cx.cluster.pods();
    let candidate = |&at: &usize| {
        let slot = refs[at].pod;
        let roles = cx.plan.templates[pods.template(slot)].containers.iter().map(|container| container.role);
        let restarts = |role: Role| {
            let both = pods.containers(slot).zip(roles.clone()).filter(move |(_, other)| *other == role);
            both.map(|(container, _)| container.restart_count()).max().unwrap_or(0)
        };
        Candidate {
            scheduled: pods.node(slot).is_some(),
            phase: pods.phase(slot),
            ready: pods.conditions(slot).is_true(PodConditionType::Ready),
            ready_since: pods.transition(slot, PodConditionType::Ready),
            deletion_cost: 0,
            colocated: 0,
            restarts: restarts(Role::Main),
            sidecar_restarts: restarts(Role::Sidecar),
            created: Some(pods.created(slot).floor_seconds()),
            uid: at,
        }
    };
    let mut candidates: Vec<Candidate<usize>> = places.iter().map(candidate).collect();
    ranking::sort(&mut candidates, None);
    for (place, candidate) in places.iter_mut().zip(candidates) {
        *place = candidate.uid;
    }
}

fn tell<R: Recorder>(cx: &mut Sync<'_, R>, plan: &Plan, refs: &[PodRef], pods: &[Pod]) {
    match plan.suspended {
        Some(true) => cx.event(KubeEvent::Suspended, || "Job suspended".to_owned()),
        Some(false) => cx.event(KubeEvent::Resumed, || "Job resumed".to_owned()),
        None => {}
    }
    let Some((kind, reason)) = plan.over else { return };
    if kind == JobConditionType::Complete {
        let ObjectSpec::Job(spec) = &cx.row().spec else { unreachable!("a Job") };
        if spec.completions.is_some_and(|completions| plan.status.succeeded > completions) {
            let text = "Too many succeeded pods running after completion count reached";
            cx.event(KubeEvent::TooManySucceededPods, || text.to_owned());
        }
        cx.event(KubeEvent::Completed, || "Job completed".to_owned());
        return;
    }
    let (event, text) = match reason {
        "PodFailurePolicy" => (KubeEvent::PodFailurePolicy, "A pod matched a rule of the pod failure policy"),
        "DeadlineExceeded" => (KubeEvent::DeadlineExceeded, "Job was active longer than specified deadline"),
        "MaxFailedIndexesExceeded" => {
            let text = "Job has exceeded the specified maximal number of failed indexes";
            (KubeEvent::MaxFailedIndexesExceeded, text)
        }
        "FailedIndexes" => (KubeEvent::FailedIndexes, "Job has failed indexes"),
        _ => (KubeEvent::BackoffLimitExceeded, "Job has reached the specified backoff limit"),
    };
    let culprit = plan.culprit.and_then(|at| Some((refs[at], pods[at].verdict?)));
    let message = culprit.filter(|(pod, _)| R::ON && cx.cluster.pods().exists(*pod)).map(|(pod, verdict)| {
        let (workload, ordinal) = cx.cluster.pods().source(pod.pod);
        let template = cx.cluster.pods().template(pod.pod);
        let namespace = cx.plan.strings.text(cx.plan.templates[template].namespace);
        verdict.message((namespace, &cx.plan.pod_name(workload, template, ordinal)), &cx.plan.strings)
    });
    cx.event(event, || message.unwrap_or_else(|| text.to_owned()));
}

fn write<R: Recorder>(cx: &mut Sync<'_, R>, spec: &JobSpec, before: &JobStatus, refs: &[PodRef], plan: Plan) {
    let writes = |places: &[usize], make: fn(PodRef) -> Write| places.iter().map(|&at| make(refs[at])).collect();
    if plan.uncounted {
        cx.write(writes(&plan.delete, Write::UntrackPod));
    }
    cx.write(writes(&plan.delete, Write::DeletePod));
    let job = cx.id;
    let create = |index: &Option<u32>| Write::CreatePod {
        template: spec.template,
        variation: Some(index.map_or(Variation::Job(job), |index| Variation::Index(job, index))),
        member: index.unwrap_or(0),
    };
    cx.slow_start(plan.create.iter().map(create));
    let put = |status: &JobStatus| Write::PutStatus(job, Box::new(ObjectStatus::Job(status.clone())));
    if !plan.untrack.is_empty() || plan.interim != plan.status && plan.interim != *before {
        cx.write_always(vec![put(&plan.interim)]);
    }
    cx.write_always(writes(&plan.untrack, Write::UntrackPod));
    if plan.status != *before {
        cx.finally(put(&plan.status));
    }
    if !plan.create.is_empty() {
        let mut status = plan.status;
        status.active = plan.active_without_new;
        cx.status_if_refused(ObjectStatus::Job(status));
    }
    if let Some(wait) = plan.again {
        cx.again_after(wait);
    }
}
