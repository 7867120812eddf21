//! CronJobs: from objects to the arithmetic of [`sync`](super::sync) and back to writes. Mirrors
//! pkg/controller/cronjob/cronjob_controllerv2.go, v1.34.

use super::missed::{Origin, next_delay};
use super::sync::{Child, Compiled, Creation, Decision, End, Notice, Policy, Status, beyond_history, decide, minutes};
use crate::api::{NewObject, Propagation};
use crate::base::{SimDuration, SimTime};
use crate::controllers::script::{Sync, Write};
use crate::model::ObjectId;
use crate::model::objects::{
    CronJobSpec, CronJobStatus, JobConditionType, JobStatus, ObjectKind, ObjectSpec, ObjectStatus,
};
use crate::record::{KubeEvent, Recorder};

/// What the controller remembers of a CronJob: its schedule, compiled, and what that was compiled from.
#[derive(Clone, Debug)]
pub(in crate::controllers) struct Memory {
    schedule: Box<str>,
    time_zone: Option<Box<str>>,
    compiled: Compiled,
}

/// One sync.
pub(in crate::controllers) fn sync<R: Recorder>(cx: &mut Sync<'_, R>) {
    let ObjectSpec::CronJob(spec) = cx.row().spec.clone() else { unreachable!("a CronJob") };
    let before = cx.row().status.cron_job().cloned().unwrap_or_default();
    let created = cx.row().created.floor_seconds();
    let memory = cx.memories.cron_jobs.remove(&cx.id);
    let is_known = memory.is_some();
    let same = |memory: &Memory| memory.schedule == spec.schedule && memory.time_zone == spec.time_zone;
    let kept = memory.filter(same);
    let is_rescheduled = is_known && kept.is_none();
    let memory = kept.unwrap_or_else(|| Memory {
        schedule: spec.schedule.clone(),
        time_zone: spec.time_zone.clone(),
        compiled: Compiled::new(&spec.schedule, spec.time_zone.as_deref()),
    });
    let compiled = memory.compiled.clone();
    cx.memories.cron_jobs.insert(cx.id, memory);
    if is_rescheduled && let Ok(schedule) = &compiled.schedule {
        // Another schedule begins with its next time, not with one that it would have had.
        wait(cx, next_delay(Origin { created, last_schedule: before.last_schedule }, cx.now, schedule));
        return;
    }
    let mut status = Status {
        active: before.active.clone(),
        last_schedule: before.last_schedule,
        last_successful: before.last_successful,
    };
    let children = children(cx);
    let mut seen = Vec::new();
    let exists = |job: ObjectId| cx.cluster.objects().existing(job).is_some();
    status.observe(&children, exists, |notice, job| seen.push((notice, job)));
    for (notice, job) in seen {
        tell_of_job(cx, notice, job);
    }
    let delay = start(cx, &spec, &compiled, created, &mut status);
    clean_up(cx, &spec, &mut status);
    if let Some(delay) = delay {
        wait(cx, delay);
    }
    cx.status(ObjectStatus::CronJob(status_of(status)));
}

fn status_of(status: Status<ObjectId>) -> CronJobStatus {
    CronJobStatus {
        active: status.active,
        last_schedule: status.last_schedule,
        last_successful: status.last_successful,
    }
}

fn wait<R: Recorder>(cx: &mut Sync<'_, R>, delay: SimDuration) {
    if delay != SimDuration::FOREVER {
        cx.again_after(delay);
    }
}

fn job_status<'a, R: Recorder>(cx: &'a Sync<'_, R>, job: ObjectId) -> Option<&'a JobStatus> {
    cx.cluster.objects().get(job).status.job()
}

/// The Jobs of the CronJob, in order of creation.
fn children<R: Recorder>(cx: &Sync<'_, R>) -> Vec<Child<ObjectId>> {
    let child = |&job: &ObjectId| {
        let status = job_status(cx, job).filter(|status| status.is_finished());
        let end = status.map(|status| match status.has(JobConditionType::Complete) {
            true => End::Complete(status.completion),
            false => End::Failed,
        });
        Child { job, end }
    };
    cx.row().children().iter().map(child).collect()
}

/// Begins a Job if one is due. Returns when to look again, if only for the time.
fn start<R: Recorder>(
    cx: &mut Sync<'_, R>,
    spec: &CronJobSpec,
    compiled: &Compiled,
    created: SimTime,
    status: &mut Status<ObjectId>,
) -> Option<SimDuration> {
    let policy = Policy {
        concurrency: spec.concurrency,
        deadline: spec.starting_deadline_seconds.map(SimDuration::from_secs),
        suspend: spec.suspend,
    };
    let origin = Origin { created, last_schedule: status.last_schedule };
    let name = |scheduled| format!("{}-{}", cx.row().name, minutes(scheduled));
    let objects = cx.cluster.objects();
    let is_active = |scheduled| status.active.iter().any(|&job| *objects.get(job).name == name(scheduled));
    let mut notices = Vec::new();
    let decision =
        decide(compiled, policy, origin, status.active.len(), cx.now, is_active, |notice| notices.push(notice));
    for notice in notices {
        tell(cx, notice, spec);
    }
    let (scheduled, replace) = match decision {
        Decision::Rest => return None,
        Decision::Wait(delay) => return Some(delay),
        Decision::Start { scheduled, replace } => (scheduled, replace),
    };
    if replace {
        let deletes = std::mem::take(&mut status.active).into_iter();
        cx.write(deletes.map(|job| Write::DeleteObject(job, Propagation::Background)).collect());
    }
    let name = format!("{}-{}", cx.row().name, minutes(scheduled));
    let (namespace, workload) = (cx.row().namespace, cx.row().workload);
    let known = cx.cluster.objects().find(ObjectKind::Job, namespace, &name);
    let creation = match known {
        None => Creation::Made,
        Some(job) if cx.cluster.objects().get(job).owner == Some(cx.id) => Creation::Ours(job),
        Some(_) => Creation::Taken,
    };
    if creation == Creation::Made {
        cx.status_if_refused(ObjectStatus::CronJob(status_of(status.clone())));
        let job = ObjectSpec::Job(spec.job.clone());
        let new = NewObject { namespace, name: name.into(), owner: Some(cx.id), workload, spec: job };
        cx.then(Write::CreateObject(Box::new(new)));
    }
    let schedule = compiled.schedule.as_ref().ok()?;
    status.begin(creation, scheduled, created, cx.now, schedule)
}

/// Deletes the oldest finished Jobs.
fn clean_up<R: Recorder>(cx: &mut Sync<'_, R>, spec: &CronJobSpec, status: &mut Status<ObjectId>) {
    let finished = |kind| {
        let jobs = cx.row().children().iter().filter_map(|&job| Some((job, job_status(cx, job)?)));
        let jobs = jobs.filter(|(_, status)| status.has(kind));
        let objects = cx.cluster.objects();
        jobs.map(|(job, status)| (status.start, (&*objects.get(job).name, job))).collect::<Vec<_>>()
    };
    let complete = beyond_history(finished(JobConditionType::Complete), spec.successful_history);
    let failed = beyond_history(finished(JobConditionType::Failed), spec.failed_history);
    let old: Vec<ObjectId> = complete.into_iter().chain(failed).map(|(_, job)| job).collect();
    status.active.retain(|job| !old.contains(job));
    cx.write(old.into_iter().map(|job| Write::DeleteObject(job, Propagation::Background)).collect());
}

fn tell_of_job<R: Recorder>(cx: &mut Sync<'_, R>, notice: Notice, job: ObjectId) {
    let name = cx.cluster.objects().get(job).name.clone();
    let is_complete = job_status(cx, job).is_some_and(|status| status.has(JobConditionType::Complete));
    match notice {
        Notice::SawCompletedJob => {
            let condition = if is_complete { "Complete" } else { "Failed" };
            cx.event(KubeEvent::SawCompletedJob, || format!("Saw completed job: {name}, condition: {condition}"));
        }
        Notice::MissingJob => cx.event(KubeEvent::MissingJob, || format!("Active job went missing: {name}")),
        _ => {
            let text = || format!("Saw a job that the controller did not create or forgot: {name}");
            cx.event(KubeEvent::UnexpectedJob, text);
        }
    }
}

fn tell<R: Recorder>(cx: &mut Sync<'_, R>, notice: Notice, spec: &CronJobSpec) {
    let quoted = || format!("{:?}", &*spec.schedule);
    match notice {
        Notice::UnknownTimeZone => {
            let zone = spec.time_zone.as_deref().unwrap_or_default();
            cx.event(KubeEvent::UnknownTimeZone, || format!("invalid timeZone: {zone:?}: unknown time zone {zone}"));
        }
        Notice::UnsupportedSchedule => cx.event(KubeEvent::UnsupportedSchedule, || {
            format!("CRON_TZ or TZ used in schedule {} is not officially supported", quoted())
        }),
        Notice::UnparseableSchedule => {
            cx.event(KubeEvent::UnparseableSchedule, || format!("unparseable schedule: {}", quoted()));
        }
        Notice::InvalidSchedule => cx.event(KubeEvent::InvalidSchedule, || {
            format!("invalid schedule: {} : time difference between two schedules is less than 1 second", spec.schedule)
        }),
        Notice::TooManyMissedTimes => cx.event(KubeEvent::TooManyMissedTimes, || {
            "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew".to_owned()
        }),
        Notice::MissSchedule(at) => {
            cx.event(KubeEvent::MissSchedule, || format!("Missed scheduled time to start a job: {}", at.rfc1123()));
        }
        _ => cx.event(KubeEvent::JobAlreadyActive, || {
            "Not starting job because prior execution is running and concurrency policy is Forbid".to_owned()
        }),
    }
}
